/**
 * The process whose CPU time is measured: one scenario under one variant, told by IPC what to do. The load, the other
 * end and the collector are in the parent, on the other core.
 */
import * as tls from 'node:tls';
import { type SpanContext, SpanKind, trace } from '@opentelemetry/api';
import { flushSdk } from './flush-sdk';
import { type Flushed, type Instruction, type Report, type Setup, severalAtATime } from './protocol';

const setup = JSON.parse(process.env['BENCH_SETUP'] ?? '') as Setup;
const { scenario, variant, credentials } = setup;

const flush = startTelemetry();
const server = scenario === 'client' ? undefined : startServer();

process.on('message', (instruction: Instruction) => {
  void obey(instruction).then(report => process.send?.(report));
});
if (!server) process.send?.({ ready: 0 } satisfies Report);

async function obey(instruction: Instruction): Promise<Report> {
  switch (instruction.do) {
    case 'usage': {
      const { user, system } = process.cpuUsage();
      return { usage: user + system };
    }
    case 'connect':
      await severalAtATime(instruction.times, () => connectOnce(instruction.port));
      return { done: true };
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

function startServer(): tls.Server {
  const made = tls.createServer(
    {
      key: credentials.serverKey,
      cert: credentials.serverCertificate,
      ca: credentials.authority,
      requestCert: scenario === 'mutual',
      rejectUnauthorized: scenario === 'mutual',
      minVersion: 'TLSv1.3',
    },
    socket => {
      floor();
      socket.on('error', () => {});
      socket.end('.');
    },
  );
  made.on('tlsClientError', () => floor());
  made.listen(0, '127.0.0.1', () => process.send?.({ ready: (made.address() as { port: number }).port }));
  return made;
}

function connectOnce(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: credentials.authority,
    });
    socket.on('error', reject);
    socket.on('secureConnect', () => floor());
    socket.on('data', () => {});
    socket.on('close', () => resolve());
  });
}

/** The least that a reported handshake can cost: one span with as many attributes, made where the handshake is over. */
function floor(): void {
  if (variant !== 'floor') return;
  const span = trace.getTracer('floor').startSpan('TLS handshake', {
    kind: SpanKind.INTERNAL,
    root: true,
    ...(setup.attributes && { attributes: setup.attributes }),
  });
  if (span.isRecording()) span.setAttribute('tls.connection.id', (span.spanContext() as SpanContext).spanId);
  span.end();
}

function startTelemetry(): (what: Flushed) => Promise<void> {
  const nothing = async () => {};
  if (variant === 'bare' || variant === 'bare_again') return nothing;
  const { TlsInstrumentation } = require('../../src/index') as typeof import('../../src/index');
  if (variant === 'no_sdk') {
    new TlsInstrumentation();
    return nothing;
  }
  const { NodeSDK } = require('@opentelemetry/sdk-node') as typeof import('@opentelemetry/sdk-node');
  const instrumentations =
    variant === 'floor' || variant === 'sdk_only'
      ? []
      : [
          new TlsInstrumentation({
            handshakeSpans: variant === 'failed_only' ? 'failed' : 'all',
            fingerprints: variant === 'fingerprints',
          }),
        ];
  const sdk = new NodeSDK({ instrumentations });
  sdk.start();
  return async what => {
    for (const instrumentation of instrumentations) instrumentation.flush();
    await flushSdk(what);
  };
}
