import assert from 'node:assert/strict';
import type { FailureReason } from '../../src/handshake/failure-reasons';
import { abandoned, addressOf, early, from, letIn, refused, Scene } from './scene';

const THREE_WAYS = [early('protocol_version'), early('no_shared_cipher'), abandoned()] as const;
const TWO_WAYS = THREE_WAYS.slice(0, 2);

describe('scanner', () => {
  it('is not nine early ends of three kinds, and is ten', () => {
    const scene = new Scene('scanner');
    assert.equal(
      scene.count(9, index => THREE_WAYS[index % 3]!),
      0,
    );
    const found = scene.see(THREE_WAYS[0]);
    assert.deepEqual(found?.kinds, ['protocol_version', 'no_shared_cipher', 'abandoned']);
    assert.equal(found.count, 10);
  });

  it('is not a hundred early ends of two kinds', () => {
    const scene = new Scene('scanner');
    assert.equal(
      scene.count(100, index => TWO_WAYS[index % 2]!),
      0,
    );
    assert.ok(scene.see(abandoned()));
  });

  it('is not a health check that connects every second and says nothing', () => {
    const scene = new Scene('scanner');
    assert.equal(
      scene.count(10_000, () => abandoned(), 1),
      0,
    );
  });

  it('is not what takes longer than ten minutes', () => {
    const scene = new Scene('scanner');
    scene.count(9, index => THREE_WAYS[index % 3]!);
    scene.seconds = 600;
    assert.equal(scene.see(abandoned()), undefined);
  });

  it('is not about certificates, successes, or faults of our own', () => {
    const scene = new Scene('scanner', { kinds: 1, attempts: 1 });
    for (const reason of ['unknown_ca', 'certificate_expired', 'certificate_required'] satisfies FailureReason[]) {
      assert.equal(scene.see(refused(reason)), undefined);
    }
    assert.equal(scene.see(letIn()), undefined);
    assert.equal(scene.see(early('config_error')), undefined);
    assert.ok(scene.see(early('not_tls')));
  });

  it('is one peer: the same from many addresses is none', () => {
    const scene = new Scene('scanner');
    assert.equal(
      scene.count(300, index => from(addressOf(index >> 1), THREE_WAYS[index % 3]!)),
      0,
    );
  });
});
