#!/usr/bin/env node
import { PACKAGE_VERSION } from '../version';
import { audit } from './audit';
import { UsageError } from './usage-error';
import { watch } from './watch';

/** A command: its own arguments in, the process's exit code out. Throws `UsageError` on what it does not understand. */
type Command = (parameters: readonly string[]) => Promise<number>;

const COMMANDS: Readonly<Record<string, Command>> = { watch, audit };

const HELP = `otel-tls: see every TLS handshake of a Node.js application

  otel-tls watch [options]              receive OTLP here and show the handshakes as they come
  otel-tls audit <OpenAPI> [options]    which operations that mutual TLS protects leave no trail

  otel-tls watch --help                 its options; so has audit
  otel-tls --version
`;

async function main([name, ...parameters]: readonly string[]): Promise<number> {
  if (name === undefined) throw new UsageError(`a command is missing: expected ${Object.keys(COMMANDS).join(', ')}`);
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  if (name === '--version' || name === '-v') {
    process.stdout.write(`${PACKAGE_VERSION}\n`);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new UsageError(`no command '${name}': expected ${Object.keys(COMMANDS).join(', ')}`);
  return command(parameters);
}

// Whoever reads us may stop early (`| head`); that is no failure, and there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

main(process.argv.slice(2)).then(
  exitCode => {
    process.exitCode = exitCode;
  },
  error => {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`otel-tls: ${error.message}\n`);
    process.exitCode = error.exitCode;
  },
);
