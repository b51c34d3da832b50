import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { SpanKind } from '@opentelemetry/api';
import { getActiveTlsPeer, getTlsPeer, type TlsInstrumentationConfig, type TlsPeer } from '../../src/index';
import { type Credentials, credentials, get, node, Scene } from '../support/request-scene';

const KEY = 'a key of the test, long enough';

/** What telemetry of ours says, and what the application hears. */
describe('requests of people who are not to be named', () => {
  let known: Credentials;
  let scene: Scene;

  before(async () => {
    known = await credentials();
  });
  afterEach(() => scene.close());

  /** A visit of alice, and one of mallory, whose certificate does not verify. */
  async function visits(config: TlsInstrumentationConfig) {
    const asked: (TlsPeer | undefined)[] = [];
    const hooked: TlsPeer[] = [];
    scene = new Scene({
      config: { ...config, requestHook: (_span, peer) => void hooked.push(peer) },
    });
    const options = { ...known.server, ca: known.ca, requestCert: true, rejectUnauthorized: false };
    const server = node.https.createServer(options, (request, response) => {
      const peer = getTlsPeer(request);
      asked.push(peer, getActiveTlsPeer());
      response.statusCode = peer?.verification.result === 'ok' ? 200 : 403;
      response.end();
    });
    const port = await scene.listen(server);
    assert.equal(await get(port, { ...known.alice, ca: known.ca, agent: false }), 200);
    assert.equal(await get(port, { ...known.mallory, ca: known.ca, agent: false }), 403);
    const spans = await scene.spans(SpanKind.SERVER, 2);
    const rejected = () => scene.recorder.logs.filter(log => log.attributes['http.response.status_code'] === 403);
    while (rejected().length === 0) {
      scene.instrumentation.flush();
      await new Promise(resolve => setImmediate(resolve));
    }
    const events = spans.flatMap(span => span.events).filter(({ name }) => name.startsWith('tls.'));
    assert.equal(events.length, 1);
    const said = [...spans, ...events, ...rejected()].map(({ attributes }) => attributes ?? {});
    return { asked, hooked, said };
  }

  it('are named to the application itself, and to nobody else', async () => {
    const { asked, hooked, said } = await visits({ identity: 'off', userId: () => 'alice-the-user' });
    const subjects = (peers: readonly (TlsPeer | undefined)[]) => peers.map(peer => peer?.certificate?.subject);
    assert.deepEqual(subjects(asked), ['CN=alice', 'CN=alice', 'CN=mallory', 'CN=mallory']);
    assert.ok(subjects(hooked).includes('CN=alice') && subjects(hooked).includes('CN=mallory'));
    assert.doesNotMatch(JSON.stringify(said), /alice|mallory|Test Root|Elsewhere/);
    const fingerprints = Object.values(known.fingerprints);
    assert.ok(!fingerprints.some(fingerprint => JSON.stringify(said).includes(fingerprint)));
    assert.deepEqual(said.map(attributes => attributes['tls.verify.result']).filter(Boolean), [
      'ok',
      'failed',
      'failed',
    ]);
  });

  it('have one pseudonym on the span, its event and the log record, whether we name them or the application', async () => {
    const hmac = (text: string) => `hmac:${createHmac('sha256', KEY).update(text).digest('hex').slice(0, 32)}`;
    const names = new Map<object, number>();
    // At the end it no longer knows, and the span is asked.
    const userId = (request: object) => {
      const time = (names.get(request) ?? 0) + 1;
      names.set(request, time);
      return time === 1 ? 'the-user' : undefined;
    };
    const { said } = await visits({ identity: 'hash', identityKey: KEY, userId });
    const [alice, mallory, ...ofMallory] = said;
    assert.equal(alice?.['tls.client.subject'], hmac('CN=alice'));
    assert.equal(ofMallory.length, 2);
    for (const attributes of [mallory, ...ofMallory]) {
      assert.equal(attributes?.['tls.client.subject'], hmac('CN=mallory'));
      assert.equal(attributes?.['enduser.id'], hmac('the-user'));
    }
  });

  it('carry what the list allows and nothing else of ours', async () => {
    const { said } = await visits({ attributes: ['tls.verify.result', 'http.*', 'tls.client.issuer'] });
    const ours = said.map(attributes => Object.keys(attributes).filter(name => /^(tls|enduser)\./.test(name)));
    for (const names of ours) for (const name of names) assert.match(name, /^tls\.(verify\.result|client\.issuer)$/);
    assert.ok(ours.flat().includes('tls.client.issuer'));
  });
});
