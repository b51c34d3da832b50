/**
 * The process whose CPU time is measured: one scenario under one variant, told by IPC what to do. The load, the other
 * end and the collector are in the parent, on the other core.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as tls from 'node:tls';
import { context, createContextKey, type SpanContext, SpanKind, trace } from '@opentelemetry/api';
import { flushSdk } from './flush-sdk';
import { type Flushed, type Instruction, type Report, type Setup, severalAtATime } from './protocol';

const setup = JSON.parse(process.env['BENCH_SETUP'] ?? '') as Setup;
const { scenario, variant, credentials } = setup;

/** The SDK's own key, by its description: a bare process is not to load an SDK for it. */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
/** Both servers take each other's. */
const TICKET_KEYS = randomBytes(48);

const flush = startTelemetry();

process.on('message', (instruction: Instruction) => {
  void obey(instruction).then(report => process.send?.(report));
});
void start();

async function start(): Promise<void> {
  const isServer = scenario !== 'client';
  const watched = isServer ? await startServer(true) : 0;
  const unwatched = isServer ? await startServer(false) : 0;
  process.send?.({ ready: { watched, unwatched } } satisfies Report);
}

async function obey(instruction: Instruction): Promise<Report> {
  switch (instruction.do) {
    case 'usage': {
      const { user, system } = process.cpuUsage();
      return { usage: user + system };
    }
    case 'connect':
      await severalAtATime(instruction.times, () => connectOnce(instruction.port, instruction.watched));
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

/** Answers its port. */
async function startServer(watched: boolean): Promise<number> {
  const server = tls.createServer(
    {
      key: credentials.serverKey,
      cert: credentials.serverCertificate,
      ca: credentials.authority,
      requestCert: scenario === 'mutual',
      rejectUnauthorized: scenario === 'mutual',
      minVersion: 'TLSv1.3',
      ticketKeys: TICKET_KEYS,
    },
    socket => {
      if (watched) floor();
      socket.on('error', () => {});
      socket.end('.');
    },
  );
  if (watched) server.on('tlsClientError', () => floor());
  unwatchedUnless(watched, () => server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

/** Sockets are born in the context in which their server began to listen, or in which they were asked for. */
function unwatchedUnless(watched: boolean, work: () => void): void {
  if (watched) work();
  else context.with(context.active().setValue(SUPPRESS_TRACING, true), work);
}

function connectOnce(port: number, watched: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    unwatchedUnless(watched, () => {
      const socket = tls.connect({
        port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: credentials.authority,
      });
      socket.on('error', reject);
      socket.on('secureConnect', () => {
        if (watched) floor();
      });
      socket.on('data', () => {});
      socket.on('close', () => resolve());
    });
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
