import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SpanKind } from '@opentelemetry/api';
import * as undici from 'undici';
import { TlsPeerSpanProcessor } from '../../src/index';
import { builtInAgent } from '../support/http-visits';
import {
  type Credentials,
  credentials,
  linked,
  node,
  ORDERS,
  Scene,
  type SceneOptions,
  told,
} from '../support/request-scene';
import { LOOPBACK } from '../support/tls-pair';

const answer = (_request: IncomingMessage, response: ServerResponse) => void response.end('hello\n');

describe('requests of undici', () => {
  let known: Credentials;
  let scene: Scene;

  before(async () => {
    known = await credentials();
  });
  afterEach(() => scene.close());

  const setUp = async (options: SceneOptions): Promise<number> => {
    scene = new Scene({ theirs: ['undici'], ...options });
    return scene.listen(node.https.createServer(known.server, answer));
  };
  const withProcessor = () => ({ spanProcessors: [new TlsPeerSpanProcessor()] });

  async function assertOneConnection(count: number): Promise<void> {
    const spans = await scene.spans(SpanKind.CLIENT, count);
    const [handshake] = scene.handshakes('client');
    for (const span of spans) {
      assert.deepEqual(told(span), {
        'tls.connection.id': handshake!.spanContext().spanId,
        'tls.verify.result': 'ok',
        'tls.server.subject': 'CN=localhost',
        'tls.server.hash.sha256': known.fingerprints.server,
        'tls.server.x509.alternative_names': ['DNS:localhost'],
        'tls.server.certificate.source': 'handshake',
      });
      assert.deepEqual(linked(span), [handshake!.spanContext().spanId]);
    }
  }

  for (const order of ORDERS) {
    it(`carry the server's certificate and the link, on new connections and old, ${order}`, async () => {
      const port = await setUp({ order, ...withProcessor() });
      const dispatcher = new undici.Agent({ connections: 1, connect: { ca: known.ca, servername: 'localhost' } });
      scene.atEnd(() => dispatcher.destroy());
      for (let i = 0; i < 3; i++) {
        const { body } = await undici.request(`https://${LOOPBACK}:${port}/orders?id=${i}`, { dispatcher });
        await body.text();
      }
      await assertOneConnection(3);
    });

    it(`do so by the built-in fetch, many at a time, ${order}`, async () => {
      const port = await setUp({ order, ...withProcessor() });
      const Agent = await builtInAgent();
      const dispatcher = new Agent({ connect: { ca: known.ca, servername: 'localhost' }, connections: 1 } as never);
      scene.atEnd(() => dispatcher.destroy());
      const url = `https://${LOOPBACK}:${port}/same`;
      const responses = await Promise.all([1, 2, 3].map(() => fetch(url, { dispatcher } as RequestInit)));
      await Promise.all(responses.map(response => response.text()));
      await assertOneConnection(3);
    });

    it(`carry nothing that is another request's, when some are not traced, ${order}`, async () => {
      const port = await setUp({ order, ...withProcessor() });
      const other = await scene.listen(node.https.createServer(known.server, answer));
      const dispatcher = new undici.Agent({ connect: { ca: known.ca, servername: 'localhost' } });
      scene.atEnd(() => dispatcher.destroy());
      scene.undici.setConfig({ ignoreRequestHook: ({ path }) => path === '/ignored' });
      scene.atEnd(() => scene.undici.setConfig({}));
      const paths = [`${other}/ignored`, `${port}/traced`, `${other}/ignored`, `${port}/traced`];
      await Promise.all(
        paths.map(async path => (await undici.request(`https://${LOOPBACK}:${path}`, { dispatcher })).body.text()),
      );
      const spans = await scene.spans(SpanKind.CLIENT, 2);
      const byId = new Map(scene.handshakes('client').map(span => [span.spanContext().spanId, span]));
      for (const span of spans) {
        const handshake = byId.get(String(span.attributes['tls.connection.id']));
        assert.equal(handshake?.attributes['network.peer.port'], port);
      }
    });
  }

  it('are left as they are without the span processor: nobody shows us the span', async () => {
    const port = await setUp({});
    const dispatcher = new undici.Agent({ connect: { ca: known.ca, servername: 'localhost' } });
    scene.atEnd(() => dispatcher.destroy());
    await (await undici.request(`https://${LOOPBACK}:${port}/`, { dispatcher })).body.text();
    const [span] = await scene.spans(SpanKind.CLIENT, 1);
    assert.deepEqual(told(span!), {});
  });

  it('that cannot be understood harm nobody', async () => {
    await setUp({ ...withProcessor(), theirs: [] });
    const { channel } = await import('node:diagnostics_channel');
    const odd = [
      undefined,
      null,
      7,
      {},
      { request: {} },
      { request: {}, socket: {} },
      { request: { path: 1, origin: 2 } },
    ];
    for (const message of odd) {
      // What a subscriber throws ends the process, and this test with it.
      for (const name of ['undici:request:create', 'undici:client:sendHeaders']) channel(name).publish(message);
    }
  });
});
