import assert from 'node:assert/strict';
import { NOON } from '../telemetry/sample-handshakes';
import { addressOf, early, from, letIn, refused, Scene } from './scene';

describe('retry_burst', () => {
  it('is not 29 failures in a minute, and is 30', () => {
    const scene = new Scene('retry_burst');
    assert.equal(
      scene.count(29, () => refused(), 2),
      0,
    );
    assert.equal(scene.see(refused())?.count, 30);
  });

  it('is not 30 failures whose last comes when the minute is over', () => {
    const scene = new Scene('retry_burst');
    assert.equal(
      scene.count(29, () => refused()),
      0,
    );
    scene.seconds = 60;
    assert.equal(scene.see(refused()), undefined);
  });

  it('is 30 whose last comes a millisecond before', () => {
    const scene = new Scene('retry_burst');
    scene.count(29, () => refused());
    scene.seconds = 59.999;
    assert.equal(scene.see(refused())?.count, 30);
  });

  it('is found in the next window where it goes on over the end of one', () => {
    const scene = new Scene('retry_burst', { failures: 10 });
    scene.count(9, () => refused());
    scene.seconds = 60;
    assert.equal(
      scene.count(10, () => refused()),
      1,
    );
  });

  it('says what happened, when, how it ended, and on which connections', () => {
    const scene = new Scene('retry_burst', { failures: 7 });
    for (let index = 0; index < 6; index++) {
      scene.seconds = index;
      const handshake = index % 2 ? refused() : early('not_tls');
      assert.equal(scene.see(handshake, { connectionId: `connection ${index}` }), undefined);
    }
    scene.seconds = 6;
    assert.deepEqual(scene.see(refused()), {
      count: 7,
      kinds: ['not_tls', 'unknown_ca'],
      firstSeen: NOON,
      lastSeen: NOON + 6000,
      connections: [0, 1, 2, 3, 4].map(index => `connection ${index}`),
    });
  });

  it('is said once in ten minutes, however long it goes on', () => {
    const scene = new Scene('retry_burst');
    assert.equal(
      scene.count(1200, () => refused(), 0.5),
      1,
    );
    assert.equal(
      scene.count(1200, () => refused(), 0.5),
      1,
    );
  });

  it('is of one peer: many that fail once are none', () => {
    const scene = new Scene('retry_burst');
    assert.equal(
      scene.count(1000, index => from(addressOf(index), refused())),
      0,
    );
  });

  it('does not count what succeeds, and knows no peer without an address', () => {
    const scene = new Scene('retry_burst');
    assert.equal(
      scene.count(100, () => letIn()),
      0,
    );
    for (let index = 0; index < 100; index++) assert.equal(scene.see(refused(), { peer: undefined }), undefined);
  });
});
