import assert from 'node:assert/strict';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { decodeRequest, type ReceivedSpan, type Signal } from '../../src/cli/otlp-messages';
import { Application, REGISTER, type Start } from '../support/application';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { Collector } from '../support/collector';
import { listen } from '../support/tls-pair';
import { ahead, behaviour, PATIENCE, SCOPE, Stage } from './stage';

/** It sends when it is done, and then speaks TLS once more: a handshake of an exporter would be sent along the second time. */
const PRELOADED: Start = { flags: ['--require', REGISTER], file: 'last-words.cjs' };
const VISITS = 'come in\nnot let in\n';

describe("the exporters' own TLS is not reported, and what they send arrives", function () {
  this.timeout(PATIENCE);
  let stage: Stage;
  let stranger: IssuedCertificate;
  before(async () => {
    stage = await Stage.set();
    stranger = await CertificateAuthority.selfSigned({ usage: 'server' });
  });
  after(() => stage.strike());

  /** Of a run: how it ended, the spans that arrived, and the port they were sent to. */
  interface Sent {
    readonly behaviour: ReturnType<typeof behaviour>;
    readonly spans: readonly ReceivedSpan[];
    readonly port: number;
    readonly connections: number;
    /** Of client handshakes, as the metrics have it; undefined where they came in a form that is not looked into. */
    readonly counted?: number | undefined;
  }

  function sentEverythingButItself({ behaviour: ended, spans, port, connections, counted = 4 }: Sent): void {
    assert.deepEqual(ended, { code: 0, signal: null, stdout: `${VISITS}last words\n${VISITS}`, stderr: '' });
    assert.notEqual(connections, 0);
    const ours = spans.filter(({ scope }) => scope.name === SCOPE);
    assert.equal(ours.filter(({ name }) => name === 'TLS server handshake').length, 4);
    assert.equal(ours.filter(({ name }) => name === 'TLS client handshake').length, 4);
    // The SDK makes no spans of its own exports either: what would give them away are the metrics.
    assert.equal(counted, 4);
    assert.deepEqual(
      ours.filter(({ attributes }) => attributes['network.peer.port'] === port),
      [],
    );
  }

  /** Takes TLS off in front of an ordinary collector. */
  const overHttps = (certificate: () => IssuedCertificate, env: Record<string, string> = {}) =>
    ahead(() =>
      stage.inTurn(async (): Promise<Sent> => {
        const collector = await Collector.start();
        let connections = 0;
        const front = net.createServer(raw => {
          connections++;
          const socket = new tls.TLSSocket(raw, { isServer: true, cert: certificate().chain, key: certificate().key });
          const inner = net.connect(Number(new URL(collector.url).port), '127.0.0.1');
          socket.on('error', () => inner.destroy()).on('close', () => inner.destroy());
          inner.on('error', () => socket.destroy()).on('close', () => socket.destroy());
          socket.pipe(inner).pipe(socket);
        });
        const port = await listen(front);
        try {
          const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: `https://localhost:${port}` };
          const ended = await Application.run({ ...PRELOADED, env: { ...stage.environment(), ...endpoint, ...env } });
          const counted = collector.countIn('tls.client.handshake.duration');
          return { behaviour: behaviour(ended), spans: collector.spans, port, connections, counted };
        } finally {
          front.close();
          await collector.close();
        }
      }),
    );

  for (const protocol of ['http/protobuf', 'http/json']) {
    const run = overHttps(() => stage.server, { OTEL_EXPORTER_OTLP_PROTOCOL: protocol });
    it(`by ${protocol} over TLS`, async () => sentEverythingButItself(await run()));
  }

  const throughGrpc = ahead(() =>
    stage.inTurn(async (): Promise<Sent> => {
      const spans: ReceivedSpan[] = [];
      let connections = 0;
      const server = new Server();
      for (const [signal, service] of GRPC_SERVICES) {
        server.register<Buffer, Buffer>(
          `/opentelemetry.proto.collector.${service}/Export`,
          (call: { request: Buffer }, answer: (failure: null, response: Buffer) => void) => {
            connections++;
            spans.push(...decodeRequest(signal, 'protobuf', call.request).spans);
            answer(null, Buffer.alloc(0));
          },
          bytes => bytes,
          bytes => bytes,
          'unary',
        );
      }
      const keyPair = { cert_chain: Buffer.from(stage.server.chain), private_key: Buffer.from(stage.server.key) };
      const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(null, [keyPair]), (failure, bound) =>
          failure ? reject(failure) : resolve(bound),
        );
      });
      try {
        const ca = await stage.write('grpc-ca.pem', stage.authority.certificate);
        const env = {
          ...stage.environment(),
          OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
          OTEL_EXPORTER_OTLP_ENDPOINT: `https://localhost:${port}`,
          OTEL_EXPORTER_OTLP_CERTIFICATE: ca,
        };
        const ended = await Application.run({ ...PRELOADED, env });
        return { behaviour: behaviour(ended), spans, port, connections };
      } finally {
        server.forceShutdown();
      }
    }),
  );
  it('by grpc over TLS', async () => sentEverythingButItself(await throughGrpc()));

  // Nothing arrives there: what would have been sent is on the console.
  const distrusted = overHttps(() => stranger, { OTEL_TRACES_EXPORTER: 'otlp,console' });
  it('nor is it when the collector is not trusted: that is one plain line', async () => {
    const { behaviour: ended, spans, port, connections } = await distrusted();
    const { stdout, stderr, ...others } = ended;
    assert.deepEqual(others, { code: 0, signal: null });
    assert.match(stderr, /^opentelemetry-instrumentation-tls: the collector at [^\n]* cannot be reached, [^\n]*\n$/);
    assert.match(stderr, /DEPTH_ZERO_SELF_SIGNED_CERT|self.signed certificate/);
    assert.deepEqual(spans, []);
    assert.notEqual(connections, 0);
    const peers = [...stdout.matchAll(/'network\.peer\.port': (\d+)/g)].map(([, peer]) => Number(peer));
    assert.ok(peers.length >= 4 && !peers.includes(port), peers.join());
  });
});

const GRPC_SERVICES: readonly [Signal, string][] = [
  ['traces', 'trace.v1.TraceService'],
  ['logs', 'logs.v1.LogsService'],
  ['metrics', 'metrics.v1.MetricsService'],
];
