import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type * as http2 from 'node:http2';
import { SpanKind } from '@opentelemetry/api';
import { getActiveTlsPeer, getTlsPeer, type TlsPeer, TlsPeerSpanProcessor } from '../../src/index';
import { type Credentials, credentials, get, linked, node, Scene, told } from '../support/request-scene';
import { LOOPBACK } from '../support/tls-pair';

describe('requests over HTTP/2', () => {
  let known: Credentials;
  let scene: Scene;

  before(async () => {
    known = await credentials();
  });
  beforeEach(() => {
    scene = new Scene({ spanProcessors: [new TlsPeerSpanProcessor()] });
  });
  afterEach(() => scene.close());

  const asking = () => ({ ...known.server, ca: known.ca, requestCert: true, rejectUnauthorized: false });
  /** As a framework's instrumentation does within the request. */
  const handle = () => {
    scene.recorder.tracerProvider.getTracer('framework').startSpan('handle', { kind: SpanKind.SERVER }).end();
  };

  async function connect(port: number): Promise<http2.ClientHttp2Session> {
    const options = { ...known.alice, ca: known.ca, host: LOOPBACK } as http2.SecureClientSessionOptions;
    const session = node.http2.connect(`https://localhost:${port}`, options);
    await once(session, 'connect');
    scene.atEnd(() => session.destroy());
    return session;
  }

  async function ask(session: http2.ClientHttp2Session): Promise<void> {
    const stream = session.request({ ':path': '/' });
    stream.resume();
    await once(stream, 'close');
  }

  async function assertTwoOfOneConnection(): Promise<void> {
    const spans = await scene.spans(SpanKind.SERVER, 2);
    const [handshake, ...others] = scene.handshakes('server');
    assert.deepEqual(others, []);
    for (const span of spans) {
      assert.deepEqual(told(span), {
        'tls.connection.id': handshake!.spanContext().spanId,
        'tls.verify.result': 'ok',
        'tls.client.subject': 'CN=alice',
        'tls.client.hash.sha256': known.fingerprints.alice,
        'tls.client.x509.alternative_names': ['DNS:alice.test'],
        'tls.client.certificate.source': 'handshake',
      });
      assert.deepEqual(linked(span), [handshake!.spanContext().spanId]);
    }
  }

  it('put the peer on the spans that are started within a stream', async () => {
    const peers: (TlsPeer | undefined)[] = [];
    const server = node.http2.createSecureServer(asking()).on('stream', stream => {
      handle();
      peers.push(getTlsPeer(stream), getTlsPeer(stream.session), getActiveTlsPeer());
      stream.respond();
      stream.end();
    });
    const session = await connect(await scene.listen(server));
    await ask(session);
    await ask(session);
    await assertTwoOfOneConnection();
    assert.equal(peers.length, 6);
    for (const peer of peers) assert.equal(peer, peers[0]);
    assert.equal(peers[0]?.certificate?.subject, 'CN=alice');
    assert.deepEqual(server.eventNames().includes('request'), false, 'the compatibility layer sleeps');
  });

  it('put it on those that are started within a request, also after a while', async () => {
    const server = node.http2.createSecureServer(asking(), async (request, response) => {
      assert.equal(getTlsPeer(request), getActiveTlsPeer());
      await new Promise(resolve => setImmediate(resolve));
      assert.equal(getTlsPeer(request)?.certificate?.subject, 'CN=alice');
      handle();
      response.end();
    });
    const session = await connect(await scene.listen(server));
    await ask(session);
    await ask(session);
    await assertTwoOfOneConnection();
  });

  it('are those of HTTP/1.1 too, on a server that allows it', async () => {
    const server = node.http2.createSecureServer({ ...asking(), allowHTTP1: true }, (_request, response) => {
      handle();
      response.end();
    });
    const agent = new node.https.Agent({ keepAlive: true, ...known.alice, ca: known.ca });
    scene.atEnd(() => agent.destroy());
    const port = await scene.listen(server);
    await get(port, { agent });
    await get(port, { agent });
    await assertTwoOfOneConnection();
  });

  it('put nothing on spans of other kinds, and nothing twice', async () => {
    const tracer = scene.recorder.tracerProvider.getTracer('framework');
    const asked: unknown[] = [];
    await scene.close();
    scene = new Scene({
      spanProcessors: [new TlsPeerSpanProcessor(), new TlsPeerSpanProcessor()],
      config: { requestHook: (_span, _peer, request) => void asked.push(request) },
      theirs: [],
    });
    assert.ok(tracer);
    const own = scene.recorder.tracerProvider.getTracer('framework');
    const server = node.http2.createSecureServer(asking(), (_request, response) => {
      for (const kind of [SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.SERVER]) {
        own.startSpan(SpanKind[kind]!, { kind }).end();
      }
      response.end();
    });
    const session = await connect(await scene.listen(server));
    await ask(session);
    const spans = scene.recorder.spans.filter(({ name }) => !name.startsWith('TLS'));
    assert.deepEqual(
      spans.map(span => [span.name, linked(span).length]),
      [
        ['INTERNAL', 0],
        ['CLIENT', 0],
        ['PRODUCER', 0],
        ['SERVER', 1],
      ],
    );
    assert.equal(asked.length, 1);
  });

  it('are not mistaken for those of another server that is asked meanwhile', async () => {
    const inner = node.http.createServer((_request: IncomingMessage, response) => {
      handle();
      assert.equal(getActiveTlsPeer(), undefined);
      response.end();
    });
    const server = node.http2.createSecureServer(asking(), async (_request, response) => {
      // Started within the request: its connections inherit the context.
      const port = await scene.listen(inner);
      const request = node.http.get({ host: LOOPBACK, port, agent: false });
      const [answer] = (await once(request, 'response')) as [IncomingMessage];
      answer.resume();
      await once(answer, 'close');
      response.end();
    });
    await ask(await connect(await scene.listen(server)));
    const [span] = await scene.spans(SpanKind.SERVER, 1);
    assert.deepEqual(told(span!), {});
  });

  it('tell a client who answers', async () => {
    const server = node.http2.createSecureServer(asking(), (_request, response) => void response.end());
    const session = await connect(await scene.listen(server));
    const stream = session.request({ ':path': '/' });
    stream.resume();
    await once(stream, 'response');
    assert.equal(getTlsPeer(stream)?.certificate?.subject, 'CN=localhost');
    assert.equal(getTlsPeer(session), getTlsPeer(stream));
    await once(stream, 'close');
  });
});
