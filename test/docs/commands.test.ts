import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ran, run, ShellCommand } from '../examples/shell-command';
import { Telemetry } from '../examples/telemetry';
import { codeBlocks, commandsOf } from './markdown';

const CHECKOUT = join(__dirname, '../../..');
const OTEL_TLS = join(CHECKOUT, 'build/src/cli/otel-tls.js');

/** Where a command of the README is run. */
type Proof =
  /** Elsewhere: a test, or a step of `.ci/run`, in which this stands. */
  | { readonly runBy: string; readonly as: string }
  /** Here, as it stands, in a folder that has what it speaks of. */
  | { readonly runHere: (command: string, stage: Stage) => Promise<void> };

interface Stage {
  readonly environment: Readonly<Record<string, string>>;
  readonly telemetry: Telemetry;
}

const COMMANDS: Readonly<Record<string, Proof>> = {
  'npm install opentelemetry-instrumentation-tls': {
    runBy: 'test/packaging/packed-package.test.ts',
    as: "npm(application, 'install'",
  },
  'node --require opentelemetry-instrumentation-tls/register app.js': { runHere: serveOneVisitor },
  "NODE_OPTIONS='--require opentelemetry-instrumentation-tls/register' node app.js": { runHere: serveOneVisitor },
  'node --import opentelemetry-instrumentation-tls/register app.mjs': { runHere: runModule },
  'OTEL_INSTRUMENTATION_TLS_FORWARDED_PRESET=nginx OTEL_INSTRUMENTATION_TLS_FORWARDED_TRUSTED_PROXIES=loopback node --require opentelemetry-instrumentation-tls/register app.js':
    {
      runBy: 'test/real/proxies.test.ts',
      as: 'examples/proxies',
    },
  'npx otel-tls watch': { runHere: watch },
  'npx otel-tls audit api.yaml --evidence evidence/gaps.jsonl --rules alerts.yml': { runHere: auditTheShop },
  'npx otel-tls audit api.yaml --evidence evidence.jsonl --probe https://localhost:8443 --probe-ca authority.pem --probe-certificate good.pem --probe-key good-key.pem':
    {
      runBy: 'test/cli/probe.test.ts',
      as: "['--probe-certificate', 'good.pem', '--probe-key', 'good-key.pem']",
    },
  'docker compose -f collector-config/compose.yaml up': {
    runBy: 'test/real/configurations.test.ts',
    as: 'compose.yaml',
  },
  'npm install && npm run demo': { runBy: 'test/cli/demo.test.ts', as: 'examples/demo/demo.js' },
  'npm test': { runBy: '.ci/run', as: 'npm test\n' },
};

describe('the commands of the README', function () {
  this.timeout(60_000);

  const commands = commandsOf(readFileSync(join(CHECKOUT, 'README.md'), 'utf8'));
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'commands-'));
    await inOrder('node examples/make-certificates.js', CHECKOUT, { CERTIFICATES: folder });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('are all known, and known ones are all there', () => {
    assert.deepEqual([...new Set(commands)].sort(), Object.keys(COMMANDS).sort());
  });

  for (const [command, proof] of Object.entries(COMMANDS)) {
    if ('runBy' in proof) {
      it(`${command}: is run by ${proof.runBy}`, () => {
        assert.ok(existsSync(join(CHECKOUT, proof.runBy)), proof.runBy);
        assert.ok(readFileSync(join(CHECKOUT, proof.runBy), 'utf8').includes(proof.as), proof.as);
      });
    } else {
      it(`${command}: works`, async () => {
        const telemetry = await Telemetry.start();
        try {
          const environment = { CERTIFICATES: folder, PORT: '0', ...telemetry.environment };
          await proof.runHere(command, { environment, telemetry });
        } finally {
          await telemetry.close();
        }
      });
    }
  }
});

async function serveOneVisitor(command: string, { environment, telemetry }: Stage): Promise<void> {
  const cwd = join(CHECKOUT, 'examples/preload-https');
  const server = new ShellCommand(command, { cwd, environment });
  try {
    const [, URL] = await server.says(/listening on (\S+)\n/);
    const visit = await inOrder('node visit.js billing', cwd, { ...environment, URL: URL as string });
    assert.equal(visit.stdout, 'Come in.\n');
    await telemetry.firstSpan();
  } finally {
    assert.equal((await server.stop()).stderr, '');
  }
  assert.deepEqual(namesOf(telemetry), ['TLS server handshake']);
}

async function runModule(command: string, { environment, telemetry }: Stage): Promise<void> {
  await inOrder(command, join(CHECKOUT, 'examples/esm'), environment);
  assert.deepEqual(new Set(namesOf(telemetry)), new Set(['TLS server handshake', 'TLS client handshake']));
}

/** npx finds the command by package.json's `bin`; the rest of the line is taken as it stands, on a free port. */
async function watch(command: string, { environment }: Stage): Promise<void> {
  const { bin } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8'));
  assert.equal(join(CHECKOUT, bin['otel-tls']), OTEL_TLS);
  const line = command.replace('npx otel-tls', `node '${OTEL_TLS}'`);
  assert.notEqual(line, command);
  const watching = new ShellCommand(`${line} --port 0`, { cwd: CHECKOUT });
  try {
    const [, url] = await watching.says(/Waiting for TLS handshakes on (http:\S+)/);
    await inOrder('node --import opentelemetry-instrumentation-tls/register app.mjs', join(CHECKOUT, 'examples/esm'), {
      ...environment,
      OTEL_EXPORTER_OTLP_ENDPOINT: url as string,
    });
    await watching.says(/✗ unknown_ca /);
  } finally {
    await watching.stop('SIGINT');
  }
}

/** Prints what stands below the command, but for what is left out at the dots. */
async function auditTheShop(command: string): Promise<void> {
  const line = command.replace('npx otel-tls', `node '${OTEL_TLS}'`);
  const ran = await run(line, { cwd: join(CHECKOUT, 'examples/audit') });
  assert.deepEqual({ stderr: ran.stderr, exitCode: ran.exitCode }, { stderr: '', exitCode: 1 });
  const blocks = codeBlocks(readFileSync(join(CHECKOUT, 'README.md'), 'utf8'));
  const shown = blocks[blocks.findIndex(({ text }) => text === command) + 1]?.text.split('\n...\n') ?? [];
  assert.equal(shown.length, 2);
  assert.ok(ran.stdout.startsWith(shown[0] as string), ran.stdout);
  assert.ok(ran.stdout.endsWith(`${shown[1]}\n`), ran.stdout);
}

function namesOf({ spans }: Telemetry): string[] {
  return spans.map(({ name }) => name);
}

async function inOrder(line: string, cwd: string, environment: Readonly<Record<string, string>>): Promise<Ran> {
  const ran = await run(line, { cwd, environment });
  assert.deepEqual({ stderr: ran.stderr, exitCode: ran.exitCode }, { stderr: '', exitCode: 0 }, line);
  return ran;
}
