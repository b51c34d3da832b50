import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { SpanKind } from '@opentelemetry/api';
import { getActiveTlsPeer, getTlsPeer, type TlsPeer, TlsPeerSpanProcessor } from '../../src/index';
import { type Credentials, credentials, get, linked, node, ORDERS, Scene, told } from '../support/request-scene';
import { LOOPBACK } from '../support/tls-pair';

const SUSPECTED = 'tls.forwarded_certificate.spoof_suspected';
const TOO_LARGE = 'tls.forwarded_certificate.too_large';

describe('requests behind a proxy that has ended TLS', () => {
  let known: Credentials;
  let scene: Scene;
  let claim: string;

  before(async () => {
    known = await credentials();
    claim = `By=spiffe://acme/ingress;Hash=${known.fingerprints.alice.toLowerCase()};Cert="${encodeURIComponent(known.alice.cert)}"`;
  });
  afterEach(() => scene.close());

  const trusting = { forwarded: { preset: 'envoy-xfcc', trustedProxies: ['loopback'] } } as const;
  const distrusting = { forwarded: { preset: 'envoy-xfcc', trustedProxies: ['192.0.2.0/24'] } } as const;

  /** Over plain HTTP/1.1, with these headers. */
  async function visit(port: number, headers: OutgoingHttpHeaders): Promise<void> {
    const request = node.http.get({ host: LOOPBACK, port, headers });
    const closed = new Promise<void>(resolve => request.once('close', () => resolve()));
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    await closed;
  }

  for (const order of ORDERS) {
    for (const processor of [false, true]) {
      const options = () => ({ order, spanProcessors: processor ? [new TlsPeerSpanProcessor()] : [] });
      const manner = `${order}, ${processor ? 'with' : 'without'} the span processor`;

      it(`are those of the client that the proxy speaks for, over plain HTTP, ${manner}`, async () => {
        scene = new Scene({ ...options(), config: trusting });
        const seen: (TlsPeer | undefined)[] = [];
        const server = node.http.createServer((request, response) => {
          seen.push(getTlsPeer(request), getActiveTlsPeer());
          response.end();
        });
        const port = await scene.listen(server);
        await visit(port, { 'x-forwarded-client-cert': claim });
        const [span] = await scene.spans(SpanKind.SERVER, 1);
        assert.deepEqual(told(span!), {
          'tls.verify.result': 'unverified',
          'tls.proxy.preset': 'envoy-xfcc',
          'tls.client.subject': 'CN=alice',
          'tls.client.hash.sha256': known.fingerprints.alice,
          'tls.client.x509.alternative_names': ['DNS:alice.test'],
          'tls.client.certificate.source': 'header',
        });
        for (const peer of seen) {
          assert.equal(peer?.source, 'header');
          assert.equal(peer?.certificate?.fingerprint, known.fingerprints.alice);
          assert.ok(Object.isFrozen(peer));
        }
      });

      it(`are known each for itself on one connection with a proxy over TLS, ${manner}`, async () => {
        scene = new Scene({ ...options(), config: trusting });
        const seen: (string | undefined)[] = [];
        const server = node.https.createServer({ ...known.server, ca: known.ca }, (request, response) => {
          seen.push(getTlsPeer(request)?.certificate?.subject, getTlsPeer(request.socket)?.source);
          response.end();
        });
        const port = await scene.listen(server);
        const agent = new node.https.Agent({ keepAlive: true, ca: known.ca });
        scene.atEnd(() => agent.destroy());
        await get(port, { agent, headers: { 'x-forwarded-client-cert': claim } });
        await get(port, { agent });
        const [first, second] = await scene.spans(SpanKind.SERVER, 2);
        const [handshake] = scene.handshakes('server');
        const id = handshake!.spanContext().spanId;
        assert.equal(first!.attributes['tls.client.subject'], 'CN=alice');
        assert.equal(first!.attributes['tls.connection.id'], id, 'our own connection with the proxy');
        assert.deepEqual(linked(first!), [id]);
        assert.deepEqual(told(second!), { 'tls.connection.id': id, 'tls.verify.result': 'not_requested' });
        assert.deepEqual(seen, ['CN=alice', 'handshake', undefined, 'handshake']);
      });

      it(`are suspected when somebody else says it, on the span and in the logs, ${manner}`, async () => {
        scene = new Scene({ ...options(), config: distrusting });
        let peer: TlsPeer | undefined;
        const server = node.https.createServer(
          { ...known.server, ca: known.ca, requestCert: true, rejectUnauthorized: false },
          (request, response) => {
            peer = getTlsPeer(request);
            response.end();
          },
        );
        const port = await scene.listen(server);
        await get(port, {
          ...known.mallory,
          ca: known.ca,
          agent: false,
          headers: { 'x-forwarded-client-cert': claim },
        });
        const [span] = await scene.spans(SpanKind.SERVER, 1);
        assert.equal(span!.attributes['tls.client.subject'], 'CN=mallory');
        const events = span!.events.filter(({ name }) => name === SUSPECTED);
        const records = scene.recorder.logs.filter(({ eventName }) => eventName === SUSPECTED);
        assert.equal(events.length, 1);
        assert.equal(records.length, 1);
        assert.deepEqual(events[0]!.attributes, records[0]!.attributes);
        const { 'network.peer.port': remotePort, ...rest } = events[0]!.attributes as Record<string, unknown>;
        assert.equal(typeof remotePort, 'number');
        assert.deepEqual(rest, {
          'tls.forwarded.suspicion': 'untrusted_peer',
          'tls.forwarded.header': 'x-forwarded-client-cert',
          'tls.proxy.preset': 'envoy-xfcc',
          'network.peer.address': '127.0.0.1',
          'tls.connection.id': scene.handshakes('server')[0]!.spanContext().spanId,
          'tls.verify.result': 'failed',
          'tls.client.subject': 'CN=mallory',
          'tls.client.hash.sha256': known.fingerprints.mallory,
        });
        assert.equal(records[0]!.severityText, 'ERROR');
        assert.equal(records[0]!.spanContext?.spanId, span!.spanContext().spanId);
        assert.equal(peer?.certificate?.subject, 'CN=mallory');
      });
    }
  }

  it('are known over HTTP/2 without TLS, by stream and by request, and read once', async () => {
    scene = new Scene({ config: trusting, spanProcessors: [new TlsPeerSpanProcessor()] });
    const tracer = scene.recorder.tracerProvider.getTracer('framework');
    const seen: (string | undefined)[] = [];
    const server = node.http2.createServer((request, response) => {
      seen.push(getTlsPeer(request)?.certificate?.subject, getTlsPeer(request.stream)?.certificate?.subject);
      tracer.startSpan('handle', { kind: SpanKind.SERVER }).end();
      response.end();
    });
    const port = await scene.listen(server);
    const session = node.http2.connect(`http://${LOOPBACK}:${port}`);
    const headers = [claim, `Hash=${known.fingerprints.alice};Cert="broken"`];
    for (const value of headers) {
      const stream = session.request({ ':path': '/', 'x-forwarded-client-cert': value });
      stream.resume();
      await once(stream, 'close');
    }
    session.close();
    assert.deepEqual(seen, ['CN=alice', 'CN=alice', undefined, undefined]);
    const [first, second] = await scene.spans(SpanKind.SERVER, 2);
    assert.equal(first!.attributes['tls.client.subject'], 'CN=alice');
    assert.deepEqual(told(second!), {});
    assert.equal(second!.events.filter(({ name }) => name === SUSPECTED).length, 1);
    assert.equal(scene.recorder.logs.filter(({ eventName }) => eventName === SUSPECTED).length, 1);
  });

  it('are not looked at unless that is asked for', async () => {
    scene = new Scene({ spanProcessors: [new TlsPeerSpanProcessor()] });
    let peer: TlsPeer | undefined;
    let read = false;
    const server = node.http.createServer((request: IncomingMessage, response: ServerResponse) => {
      peer = getTlsPeer(request);
      response.end();
    });
    const port = await scene.listen(server);
    await visit(port, { 'x-forwarded-client-cert': claim });
    const [span] = await scene.spans(SpanKind.SERVER, 1);
    read = span!.events.length > 0 || scene.recorder.logs.length > 0;
    assert.deepEqual(told(span!), {});
    assert.equal(read, false);
    assert.equal(peer, undefined);
  });

  it('are not believed when a server that we ask says such a thing of itself', async () => {
    scene = new Scene({ config: trusting });
    const server = node.http.createServer((_request, response) => {
      response.setHeader('x-forwarded-client-cert', claim).end();
    });
    const port = await scene.listen(server);
    const request = node.http.get({ host: LOOPBACK, port });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    assert.equal(getTlsPeer(response), undefined);
    await once(response, 'close');
  });

  describe('with a head that is larger than Node reads', () => {
    const large = { 'x-forwarded-client-cert': 'Cert='.padEnd(20_000, 'a') };
    const tooLarge = () => scene.recorder.logs.filter(({ eventName }) => eventName === TOO_LARGE);

    /** The answer's status. */
    async function statusOf(request: ClientRequest): Promise<number | undefined> {
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.resume();
      await once(response, 'close');
      return response.statusCode;
    }

    it('are told of, and answered by Node as it would without us', async () => {
      scene = new Scene({ config: trusting });
      const server = node.http.createServer(() => assert.fail('there is no request'));
      const port = await scene.listen(server);
      assert.equal(await statusOf(node.http.get({ host: LOOPBACK, port, agent: false, headers: large })), 431);
      assert.equal(server.listenerCount('clientError'), 0);
      const [record, ...more] = tooLarge();
      assert.deepEqual(more, []);
      assert.equal(record?.severityText, 'WARN');
      assert.equal(typeof record.attributes['network.peer.port'], 'number');
      const { 'network.peer.port': _, ...rest } = record.attributes;
      assert.deepEqual(rest, { 'tls.proxy.preset': 'envoy-xfcc', 'network.peer.address': '127.0.0.1' });
    });

    it('are told of when they come over TLS, with the proxy’s own connection', async () => {
      scene = new Scene({ config: trusting });
      const server = node.https.createServer({ ...known.server, ca: known.ca }, () =>
        assert.fail('there is no request'),
      );
      const port = await scene.listen(server);
      const asked = node.https.get({ host: LOOPBACK, port, ca: known.ca, agent: false, headers: large });
      assert.equal(await statusOf(asked), 431);
      const [record] = tooLarge();
      const [handshake] = scene.handshakes('server');
      assert.equal(record?.attributes['tls.connection.id'], handshake!.spanContext().spanId);
    });

    it('are left to an application that answers them itself', async () => {
      scene = new Scene({ config: trusting });
      const server = node.http.createServer(() => assert.fail('there is no request'));
      server.on('clientError', (_fault, socket) => socket.end('HTTP/1.1 413 Mine\r\nConnection: close\r\n\r\n'));
      const port = await scene.listen(server);
      assert.equal(await statusOf(node.http.get({ host: LOOPBACK, port, agent: false, headers: large })), 413);
      assert.equal(tooLarge().length, 1);
    });

    it('are nobody’s business when they come from a stranger, or are broken in another way', async () => {
      scene = new Scene({ config: distrusting });
      const port = await scene.listen(node.http.createServer());
      assert.equal(await statusOf(node.http.get({ host: LOOPBACK, port, agent: false, headers: large })), 431);
      assert.deepEqual(tooLarge(), []);
      await scene.close();

      scene = new Scene({ config: trusting });
      const trustingPort = await scene.listen(node.http.createServer());
      const socket = connect(trustingPort, LOOPBACK);
      socket.end('GET / HTTP/1.1\r\nhost x\r\n\r\n');
      assert.match(await text(socket), /^HTTP\/1\.1 400 /);
      assert.deepEqual(tooLarge(), []);
    });
  });

  it('fill nobody’s logs: what is too much is counted', async () => {
    scene = new Scene({ config: { ...distrusting, floodLimitPerNetwork: 5, floodLimit: 5 } });
    const port = await scene.listen(node.http.createServer((_request, response) => response.end()));
    for (let i = 0; i < 30; i++) await visit(port, { 'x-forwarded-client-cert': claim });
    const said = scene.recorder.logs.filter(({ eventName }) => eventName === SUSPECTED).length;
    assert.ok(said >= 5 && said < 25, String(said));
    scene.instrumentation.flush();
    const suppressed = scene.recorder.logs.filter(({ eventName }) => eventName === 'tls.telemetry.suppressed');
    assert.equal(suppressed.length, 1);
  });
});
