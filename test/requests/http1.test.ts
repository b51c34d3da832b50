import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import * as tls from 'node:tls';
import { SpanKind } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace';
import { getTlsPeer, type TlsPeer, TlsPeerSpanProcessor } from '../../src/index';
import {
  asOption,
  type Credentials,
  credentials,
  get,
  linked,
  node,
  ORDERS,
  Scene,
  type SceneOptions,
  told,
} from '../support/request-scene';

const answer = (_request: IncomingMessage, response: ServerResponse) => void response.end('hello\n');

describe('requests over HTTP/1.1', () => {
  let known: Credentials;
  let scene: Scene;

  before(async () => {
    known = await credentials();
  });
  afterEach(() => scene.close());

  /** A server that asks for certificates, and lets everybody in. */
  const asking = () => ({ ...known.server, ca: known.ca, requestCert: true, rejectUnauthorized: false });
  const setUp = (options: SceneOptions = {}): Scene => {
    scene = new Scene(options);
    return scene;
  };

  for (const order of ORDERS) {
    for (const processor of [false, true]) {
      const spanProcessors = () => (processor ? [new TlsPeerSpanProcessor()] : []);

      describe(`${order}, ${processor ? 'with' : 'without'} the span processor`, () => {
        it('carry the certificate of the other side, and a link to the handshake, on both sides', async () => {
          setUp({ order, spanProcessors: spanProcessors() });
          const port = await scene.listen(node.https.createServer(asking(), answer));
          assert.equal(await get(port, { ...known.alice, ca: known.ca, agent: false }), 200);
          const [arrived] = await scene.spans(SpanKind.SERVER, 1);
          const [left] = await scene.spans(SpanKind.CLIENT, 1);
          const [accepted] = scene.handshakes('server');
          const [connected] = scene.handshakes('client');
          assert.deepEqual(told(arrived!), {
            'tls.connection.id': accepted!.spanContext().spanId,
            'tls.verify.result': 'ok',
            'tls.client.subject': 'CN=alice',
            'tls.client.hash.sha256': known.fingerprints.alice,
            'tls.client.x509.alternative_names': ['DNS:alice.test'],
            'tls.client.certificate.source': 'handshake',
          });
          assert.deepEqual(linked(arrived!), [accepted!.spanContext().spanId]);
          assert.deepEqual(told(left!), {
            'tls.connection.id': connected!.spanContext().spanId,
            'tls.verify.result': 'ok',
            'tls.server.subject': 'CN=localhost',
            'tls.server.hash.sha256': known.fingerprints.server,
            'tls.server.x509.alternative_names': ['DNS:localhost'],
            'tls.server.certificate.source': 'handshake',
          });
          assert.deepEqual(linked(left!), [connected!.spanContext().spanId]);
        });

        it('are of one connection where it is kept alive', async () => {
          setUp({ order, spanProcessors: spanProcessors() });
          const port = await scene.listen(node.https.createServer(asking(), answer));
          const agent = new node.https.Agent({ keepAlive: true, maxSockets: 1, ...known.alice, ca: known.ca });
          scene.atEnd(() => agent.destroy());
          await Promise.all([get(port, { agent }), get(port, { agent })]);
          await get(port, { agent });
          for (const kind of [SpanKind.SERVER, SpanKind.CLIENT]) {
            const spans = await scene.spans(kind, 3);
            const [handshake, ...more] = scene.handshakes(kind === SpanKind.SERVER ? 'server' : 'client');
            assert.deepEqual(more, []);
            for (const span of spans) {
              assert.equal(span.attributes['tls.connection.id'], handshake!.spanContext().spanId);
              assert.deepEqual(linked(span), [handshake!.spanContext().spanId]);
            }
          }
        });
      });
    }

    it(`tell which peers were not verified, and let them in, ${order}`, async () => {
      setUp({ order, config: { requestAttributes: 'all' } });
      const port = await scene.listen(node.https.createServer(asking(), answer));
      await get(port, { ...known.mallory, ca: known.ca, agent: false });
      const [span] = await scene.spans(SpanKind.SERVER, 1);
      const { 'tls.verify.result': result, 'tls.verify.errors': errors, 'tls.client.subject': subject } = told(span!);
      assert.deepEqual(
        { result, errors, subject },
        { result: 'failed', errors: ['unknown_ca'], subject: 'CN=mallory' },
      );
    });

    it(`carry what is known of a server that is refused, ${order}`, async () => {
      setUp({ order });
      const expired = asOption(await known.authority.issue({ commonName: 'old', usage: 'server', expired: true }));
      const port = await scene.listen(node.https.createServer(expired, answer));
      const outcome = await get(port, { ca: known.ca, agent: false });
      assert.equal((outcome as NodeJS.ErrnoException).code, 'CERT_HAS_EXPIRED');
      const [left] = await scene.spans(SpanKind.CLIENT, 1);
      const [handshake] = scene.handshakes('client');
      assert.equal(left!.attributes['tls.verify.result'], 'failed');
      assert.equal(left!.attributes['tls.server.subject'], 'CN=old');
      assert.deepEqual(linked(left!), [handshake!.spanContext().spanId]);
      assert.equal(handshake!.parentSpanContext?.spanId, left!.spanContext().spanId);
    });
  }

  it('say that no certificate was asked for, or none presented', async () => {
    setUp();
    const silent = await scene.listen(node.https.createServer(known.server, answer));
    await get(silent, { ...known.alice, ca: known.ca, agent: false });
    const curious = await scene.listen(node.https.createServer(asking(), answer));
    await get(curious, { ca: known.ca, agent: false });
    const spans = await scene.spans(SpanKind.SERVER, 2);
    const [first, second] = scene.handshakes('server');
    assert.deepEqual(spans.map(told), [
      { 'tls.connection.id': first!.spanContext().spanId, 'tls.verify.result': 'not_requested' },
      { 'tls.connection.id': second!.spanContext().spanId, 'tls.verify.result': 'not_presented' },
    ]);
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`carry the certificate of the first handshake when a session is resumed with ${version}`, async () => {
      setUp({ config: { requestAttributes: 'all' } });
      const options = { ...asking(), minVersion: version, maxVersion: version };
      const port = await scene.listen(node.https.createServer(options, answer));
      const agent = new node.https.Agent({ ...known.alice, ca: known.ca });
      for (let i = 0; i < 2; i++) await get(port, { agent });
      const spans = await scene.spans(SpanKind.SERVER, 2);
      assert.deepEqual(
        spans.map(({ attributes }) => [attributes['tls.resumed'], attributes['tls.client.subject']]),
        [
          [false, 'CN=alice'],
          [true, 'CN=alice'],
        ],
      );
      assert.notEqual(spans[0]!.attributes['tls.connection.id'], spans[1]!.attributes['tls.connection.id']);
    });
  }

  it('carry everything that is known where that is asked for', async () => {
    setUp({ config: { requestAttributes: 'all' } });
    const port = await scene.listen(node.https.createServer(asking(), answer));
    await get(port, { ...known.alice, ca: known.ca, agent: false });
    const [arrived] = await scene.spans(SpanKind.SERVER, 1);
    const [handshake] = scene.handshakes('server');
    const names = Object.keys(told(arrived!));
    for (const name of names) {
      if (name === 'tls.connection.id' || name === 'tls.client.certificate.source') continue;
      assert.deepEqual(arrived!.attributes[name], handshake!.attributes[name], name);
    }
    assert.deepEqual(names.sort(), [
      'tls.cipher',
      'tls.client.certificate.source',
      'tls.client.hash.sha256',
      'tls.client.issuer',
      'tls.client.not_after',
      'tls.client.not_before',
      'tls.client.spiffe_id',
      'tls.client.subject',
      'tls.client.x509.alternative_names',
      'tls.client.x509.serial_number',
      'tls.connection.id',
      'tls.protocol.name',
      'tls.protocol.version',
      'tls.resumed',
      'tls.verify.result',
    ]);
  });

  it('carry nothing where that is asked for, and are known all the same', async () => {
    setUp({ config: { requestAttributes: 'none' } });
    let peer: TlsPeer | undefined;
    const server = node.https.createServer(asking(), (request, response) => {
      peer = getTlsPeer(request);
      response.end();
    });
    await get(await scene.listen(server), { ...known.alice, ca: known.ca, agent: false });
    for (const kind of [SpanKind.SERVER, SpanKind.CLIENT]) {
      const [span] = await scene.spans(kind, 1);
      assert.deepEqual(told(span!), {});
      assert.deepEqual(linked(span!), []);
    }
    assert.equal(peer?.certificate?.subject, 'CN=alice');
  });

  it('are left alone where they are not sampled', async () => {
    const dropped: string[] = [];
    setUp({
      sampler: {
        shouldSample: (_context, _trace, name, kind) => {
          if (kind === SpanKind.SERVER || kind === SpanKind.CLIENT) {
            dropped.push(name);
            return { decision: SamplingDecision.NOT_RECORD };
          }
          return { decision: SamplingDecision.RECORD_AND_SAMPLED };
        },
        toString: () => 'no requests',
      },
      config: { requestHook: () => assert.fail('asked of a span that nobody keeps') },
    });
    const port = await scene.listen(node.https.createServer(asking(), answer));
    assert.equal(await get(port, { ...known.alice, ca: known.ca, agent: false }), 200);
    assert.deepEqual(dropped, ['GET', 'GET']);
    assert.equal(scene.handshakes('server').length, 1);
  });

  it('have no link to a handshake that nobody keeps', async () => {
    setUp({
      sampler: {
        shouldSample: (_context, _trace, name) => ({
          decision: name.startsWith('TLS') ? SamplingDecision.NOT_RECORD : SamplingDecision.RECORD_AND_SAMPLED,
        }),
        toString: () => 'no handshakes',
      },
    });
    const port = await scene.listen(node.https.createServer(asking(), answer));
    await get(port, { ...known.alice, ca: known.ca, agent: false });
    const [span] = await scene.spans(SpanKind.SERVER, 1);
    assert.deepEqual(linked(span!), []);
    assert.equal(span!.attributes['tls.client.subject'], 'CN=alice');
  });

  it('carry a hostile name bounded and escaped', async () => {
    setUp();
    const hostile = await known.authority.issue({
      subject: [{ CN: [{ utf8String: `\u001b[2J\u202eadmin\r\n${'x'.repeat(300)}` }] }],
    });
    const port = await scene.listen(node.https.createServer(asking(), answer));
    await get(port, { ...asOption(hostile), ca: known.ca, agent: false });
    const [span] = await scene.spans(SpanKind.SERVER, 1);
    const subject = String(span!.attributes['tls.client.subject']);
    assert.match(subject, /^CN=\\1B\[2J\\E2\\80\\AEadmin\\0D\\0Ax+$/);
  });

  it('are those of an http.Server too that is handed TLS sockets', async () => {
    setUp();
    let peer: TlsPeer | undefined;
    const plain = node.http.createServer((request, response) => {
      peer = getTlsPeer(request);
      response.end();
    });
    const secured = tls.createServer(asking(), socket => plain.emit('connection', socket));
    const port = await scene.listen(secured);
    assert.equal(await get(port, { ...known.alice, ca: known.ca, agent: false }), 200);
    const [span] = await scene.spans(SpanKind.SERVER, 1);
    assert.equal(span!.attributes['tls.client.subject'], 'CN=alice');
    assert.equal(peer?.certificate?.subject, 'CN=alice');
  });

  it('say who it is that asks for a WebSocket', async () => {
    setUp();
    const server = node.https.createServer(asking());
    const asked = new Promise<TlsPeer | undefined>(resolve =>
      server.on('upgrade', (request, socket) => {
        resolve(getTlsPeer(request));
        assert.equal(getTlsPeer(socket), getTlsPeer(request));
        socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      }),
    );
    const port = await scene.listen(server);
    const headers = { connection: 'Upgrade', upgrade: 'websocket' };
    const request = node.https.get({
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ...known.alice,
      ca: known.ca,
      headers,
    });
    const [, socket] = (await once(request, 'upgrade')) as [unknown, tls.TLSSocket];
    socket.destroy();
    assert.equal((await asked)?.certificate?.subject, 'CN=alice');
  });

  it('put nothing on a span of the application’s that was active where the server began to listen', async () => {
    setUp({ theirs: [] });
    const tracer = scene.recorder.tracerProvider.getTracer('application');
    const { context, trace } = await import('@opentelemetry/api');
    const own = tracer.startSpan('start', { kind: SpanKind.SERVER });
    const server = node.https.createServer(asking(), answer);
    let active: unknown;
    server.prependListener('request', () => {
      active = trace.getActiveSpan();
    });
    const port = await context.with(trace.setSpan(context.active(), own), () => scene.listen(server));
    await get(port, { ...known.alice, ca: known.ca, agent: false });
    own.end();
    assert.equal(active, own, 'it was active');
    const [span] = await scene.spans(SpanKind.SERVER, 1);
    assert.deepEqual(told(span!), {});
  });

  it('ask the application for its user, and for more, once a span', async () => {
    const asked: string[] = [];
    setUp({
      config: {
        userId: (request, peer) => {
          asked.push(`user of ${(request as IncomingMessage).url} by ${peer.certificate?.subject}`);
          return `al\nice${'!'.repeat(1000)}`;
        },
        requestHook: (span, peer, request) => {
          asked.push(`${request.constructor.name} ${peer.certificate?.subject}`);
          span.setAttribute('tls.test', peer.source);
        },
      },
    });
    const port = await scene.listen(node.https.createServer(asking(), answer));
    await get(port, { ...known.alice, ca: known.ca, agent: false });
    const [arrived] = await scene.spans(SpanKind.SERVER, 1);
    const [left] = await scene.spans(SpanKind.CLIENT, 1);
    assert.deepEqual(asked.sort(), [
      'ClientRequest CN=localhost',
      'IncomingMessage CN=alice',
      'user of /orders?id=1 by CN=alice',
    ]);
    const user = String(arrived!.attributes['enduser.id']);
    assert.match(user, /^al\\0Aice!+…$/);
    assert.equal(Buffer.byteLength(user), 256);
    assert.equal(arrived!.attributes['tls.test'], 'handshake');
    assert.equal(left!.attributes['tls.test'], 'handshake');
    assert.equal(left!.attributes['enduser.id'], undefined);
  });
});
