import assert from 'node:assert/strict';
import { certificate, letIn, Scene } from './scene';

const DAY = 86_400;

/** An identity that has used two endpoints a hundred times, for a day less a millisecond. */
function learnt(): Scene<'unusual_endpoint'> {
  const scene = new Scene('unusual_endpoint');
  for (let index = 0; index < 100; index++) scene.request(index % 2 ? 'GET /a' : 'GET /b');
  scene.seconds = DAY - 0.001;
  return scene;
}

describe('unusual_endpoint', () => {
  it('is not a new endpoint within the day of learning, and is one after', () => {
    const early = learnt();
    assert.equal(early.request('GET /admin'), undefined);

    const scene = learnt();
    scene.seconds = DAY;
    assert.equal(scene.request('GET /a'), undefined);
    const found = scene.request('GET /admin');
    assert.deepEqual(
      [found?.endpoint, found?.count, found?.connections, found?.identity?.subject],
      ['GET /admin', 1, ['00000000000000aa'], 'CN=billing,O=Acme'],
    );
  });

  it('is looked for by the certificate where that has no name, and not where it has no fingerprint either', () => {
    const nameless = { subject: undefined, spiffeId: undefined };
    for (const [identity, finds] of [
      [certificate(1, nameless), true],
      [{ ...certificate(1, nameless), fingerprint: '' }, false],
    ] as const) {
      const scene = new Scene('unusual_endpoint');
      for (let index = 0; index < 100; index++) scene.request('GET /a', identity);
      scene.seconds = DAY;
      assert.equal(scene.request('GET /admin', identity) !== undefined, finds);
    }
  });

  it('is not judged by less than a hundred requests', () => {
    for (const [requests, finds] of [
      [99, false],
      [100, true],
    ] as const) {
      const scene = new Scene('unusual_endpoint');
      for (let index = 0; index < requests; index++) scene.request('GET /a');
      scene.seconds = 2 * DAY;
      assert.equal(scene.request('GET /admin') !== undefined, finds);
    }
  });

  it('is said once an hour of each identity', () => {
    const scene = learnt();
    scene.seconds = DAY;
    const found = Array.from({ length: 50 }, (_, index) => scene.request(`GET /probe/${index}`)).filter(Boolean);
    assert.equal(found.length, 1);
    scene.seconds += 3600;
    assert.ok(scene.request('GET /another'));
  });

  it('is learnt once it was seen', () => {
    const scene = learnt();
    scene.seconds = DAY;
    assert.ok(scene.request('GET /admin'));
    scene.seconds += DAY;
    assert.equal(scene.request('GET /admin'), undefined);
  });

  it('does not judge an identity that uses 64 endpoints, and judges one of 63', () => {
    for (const [endpoints, finds] of [
      [64, false],
      [63, true],
    ] as const) {
      const scene = new Scene('unusual_endpoint');
      for (let index = 0; index < 200; index++) scene.request(`GET /${index % endpoints}`);
      scene.seconds = DAY;
      assert.equal(scene.request('GET /admin') !== undefined, finds);
    }
  });

  it('knows an identity by its name, whichever certificate it has now, and one without a name by its certificate', () => {
    const scene = learnt();
    scene.seconds = DAY;
    assert.ok(scene.request('GET /admin', certificate(7)));

    const nameless = { subject: '', spiffeId: undefined };
    const other = new Scene('unusual_endpoint', { learning: 1, requests: 1 });
    other.request('GET /a', certificate(1, nameless));
    other.seconds = 1;
    assert.equal(other.request('GET /b', certificate(2, nameless)), undefined);
    assert.ok(other.request('GET /b', certificate(1, nameless)));
  });

  it('says a stranger’s endpoint bounded and escaped', () => {
    const scene = new Scene('unusual_endpoint', { learning: 1, requests: 1 });
    scene.request('GET /a');
    scene.seconds = 1;
    const said = scene.request(`GET /\n\u202e${'x'.repeat(100_000)}`)?.endpoint ?? '';
    assert.match(said, /^GET \/\\0A\\E2\\80\\AE/);
    assert.ok(Buffer.byteLength(said) <= 256);
  });

  it('knows nothing of handshakes', () => {
    assert.equal(new Scene('unusual_endpoint').see(letIn()), undefined);
  });
});
