/**
 * The process whose CPU time is measured: an https server that demands client certificates, under one variant of
 * telemetry, told by IPC what to do. The requests come from the parent, on the other core.
 */
import type * as Https from 'node:https';
import { flushSdk } from './flush-sdk';
import type { Flushed, Instruction, Report, Setup } from './protocol';

const { variant, credentials } = JSON.parse(process.env['BENCH_SETUP'] ?? '') as Setup;

const flush = startTelemetry();
startServer();

process.on('message', (instruction: Instruction) => {
  void obey(instruction).then(report => process.send?.(report));
});

async function obey(instruction: Instruction): Promise<Report> {
  switch (instruction.do) {
    case 'usage': {
      const { user, system } = process.cpuUsage();
      return { usage: user + system };
    }
    case 'connect':
      throw new Error('requests come to this process, none leaves it');
    case 'flush':
      await flush(instruction.what);
      return { done: true };
    case 'end':
      setImmediate(() => process.exit());
      return { done: true };
    default:
      return instruction satisfies never;
  }
}

/** Only now is https required, as by an application: instrumentation-http waits for that. */
function startServer(): void {
  const https = require('node:https') as typeof Https;
  const server = https.createServer(
    {
      key: credentials.serverKey,
      cert: credentials.serverCertificate,
      ca: credentials.authority,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (_request, response) => response.end('.'),
  );
  // The parent pauses between its slices for longer than Node would keep a connection.
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as { port: number };
    process.send?.({ ready: { watched: port, unwatched: 0 } } satisfies Report);
  });
}

function startTelemetry(): (what: Flushed) => Promise<void> {
  const nothing = async () => {};
  if (variant === 'bare' || variant === 'bare_again') return nothing;
  const ours = () => {
    const { TlsInstrumentation } = require('../../src/index') as typeof import('../../src/index');
    return new TlsInstrumentation();
  };
  if (variant === 'no_sdk') {
    ours();
    return nothing;
  }
  const { NodeSDK } = require('@opentelemetry/sdk-node') as typeof import('@opentelemetry/sdk-node');
  const { HttpInstrumentation } =
    require('@opentelemetry/instrumentation-http') as typeof import('@opentelemetry/instrumentation-http');
  const sdk = new NodeSDK({
    instrumentations: [new HttpInstrumentation(), ...(variant.includes('ours') ? [ours()] : [])],
  });
  sdk.start();
  return flushSdk;
}
