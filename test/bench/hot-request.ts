/**
 * What a request costs once everything is warm: the same request of one real connection by mutual TLS is handed to its
 * server again and again, within a SERVER span, by way of our `emit` and past it in turn. Prints microseconds a request:
 * the median of the differences.
 *
 *     npm run bench:request
 */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Attributes, context, type Span, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { AlwaysOffSampler, AlwaysOnSampler, BasicTracerProvider, type Sampler } from '@opentelemetry/sdk-trace-base';
import { TlsInstrumentation } from '../../src';
import { CertificateAuthority } from '../support/certificate-authority';

const ROUNDS = 60;
const REQUESTS_A_ROUND = 20_000;

void main();

async function main(): Promise<void> {
  const instrumentation = new TlsInstrumentation({ enabled: false });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const cases: [string, Sampler | undefined][] = [
    ['a recording span', new AlwaysOnSampler()],
    ['a span that is sampled out', new AlwaysOffSampler()],
    ['no span', undefined],
  ];
  for (const [name, sampler] of cases) {
    instrumentation.setTracerProvider(new BasicTracerProvider({ sampler: new AlwaysOnSampler() }));
    instrumentation.enable();
    const { server, request, response, close } = await openConnection();
    const tracer = new BasicTracerProvider(sampler && { sampler }).getTracer('bench');
    const round = (emit: (...args: [string, ...unknown[]]) => boolean) => {
      const began = process.hrtime.bigint();
      for (let i = 0; i < REQUESTS_A_ROUND; i++) {
        if (sampler === undefined) {
          emit.call(server, 'request', request, response);
          continue;
        }
        const span = tracer.startSpan('GET', { kind: SpanKind.SERVER, root: true });
        context.with(trace.setSpan(context.active(), span), () => emit.call(server, 'request', request, response));
        if (i === 0) checkThatItIs(span, emit === server.emit && span.isRecording());
        span.end();
      }
      return Number(process.hrtime.bigint() - began) / 1000 / REQUESTS_A_ROUND;
    };
    const differences: number[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      const within = round(server.emit);
      differences.push(within - round(EventEmitter.prototype.emit));
    }
    differences.sort((a, b) => a - b);
    console.log(`${name.padEnd(28)} ${differences[ROUNDS / 2]?.toFixed(2)} us a request`);
    close();
    instrumentation.disable();
  }
}

/** Decorated, or not: otherwise something else is measured. */
function checkThatItIs(span: Span, expected: boolean): void {
  const { attributes } = span as Span & { attributes?: Attributes };
  assert.equal(attributes?.['tls.client.subject'] !== undefined, expected);
}

/** A server, and one request that it got and will never answer. */
async function openConnection() {
  const authority = await CertificateAuthority.create();
  const own = await authority.issue({ commonName: 'localhost', usage: 'server' });
  const client = await authority.issue({ commonName: 'bench', usage: 'client' });
  const server = https.createServer({
    key: own.key,
    cert: own.certificate,
    ca: authority.certificate,
    requestCert: true,
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const arrival = new Promise<[unknown, unknown]>(resolve => server.once('request', (...args) => resolve(args)));
  const leaving = https.get({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    key: client.key,
    cert: client.certificate,
  });
  leaving.on('error', () => {});
  const [request, response] = await arrival;
  server.on('request', () => {});
  return {
    server,
    request,
    response,
    close() {
      leaving.destroy();
      server.close();
      server.closeAllConnections();
    },
  };
}
