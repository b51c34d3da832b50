import assert from 'node:assert/strict';
import { BILLING } from '../telemetry/sample-handshakes';
import { addressOf, certificate, from, letIn, refused, Scene } from './scene';

describe('revoked_replay', () => {
  const revoked = () => refused('certificate_revoked');

  it('is not a revoked certificate twice, and is three times', () => {
    const scene = new Scene('revoked_replay');
    assert.equal(scene.count(2, revoked, 1000), 0);
    const found = scene.see(revoked());
    assert.deepEqual([found?.count, found?.peers, found?.identity], [3, 1, BILLING]);
  });

  it('is not three times when the third comes after an hour', () => {
    const scene = new Scene('revoked_replay');
    scene.count(2, revoked);
    scene.seconds = 3600;
    assert.equal(scene.see(revoked()), undefined);
  });

  it('says from how many peers', () => {
    const scene = new Scene('revoked_replay');
    scene.count(2, index => from(addressOf(index), revoked()));
    assert.equal(scene.see(from(addressOf(2), revoked()))?.peers, 3);
  });

  it('is a revoked certificate that the application lets in, too', () => {
    const scene = new Scene('revoked_replay');
    const tolerated = { ...letIn(), verification: { result: 'failed', errors: ['certificate_revoked'] } as const };
    assert.equal(
      scene.count(3, () => tolerated),
      1,
    );
  });

  it('is not three certificates once, nor another failure', () => {
    const scene = new Scene('revoked_replay');
    assert.equal(
      scene.count(9, index => refused('certificate_revoked', certificate(index))),
      0,
    );
    assert.equal(
      scene.count(9, () => refused('certificate_expired')),
      0,
    );
  });
});
