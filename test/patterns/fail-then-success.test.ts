import assert from 'node:assert/strict';
import type { FailureReason } from '../../src/handshake/failure-reasons';
import { BILLING } from '../telemetry/sample-handshakes';
import { addressOf, certificate, certificateOf, early, from, letIn, refused, Scene } from './scene';

/** Somebody else's certificate is refused. */
const strangers = (index: number) => refused('unknown_ca', certificateOf(`stranger-${index}`, index));

describe('fail_then_success', () => {
  it('is not four refusals of others’ certificates and then a success, and is five', () => {
    const quiet = new Scene('fail_then_success');
    quiet.count(4, strangers);
    assert.equal(quiet.see(letIn()), undefined);

    const scene = new Scene('fail_then_success');
    assert.equal(scene.count(5, strangers), 0);
    const found = scene.see(letIn(), { connectionId: 'the one' });
    assert.deepEqual([found?.count, found?.kinds, found?.identity], [5, ['unknown_ca'], BILLING]);
    assert.equal(found?.connections.at(-1), 'the one');
  });

  it('is not a success that comes ten minutes after the first refusal', () => {
    const scene = new Scene('fail_then_success');
    scene.count(5, strangers);
    scene.seconds = 600;
    assert.equal(scene.see(letIn()), undefined);
  });

  it('is not a client whose own certificate had expired and was renewed', () => {
    const scene = new Scene('fail_then_success');
    scene.count(100, () => refused('certificate_expired'));
    assert.equal(scene.see(letIn(certificate(1))), undefined);
  });

  it('is one that forged the identity with which it then succeeds', () => {
    for (const reason of ['certificate_issuer_forged', 'decrypt_error'] satisfies FailureReason[]) {
      const scene = new Scene('fail_then_success');
      scene.count(5, () => refused(reason));
      assert.ok(scene.see(letIn()), reason);
    }
  });

  it('is not an identity that the peer had shown before', () => {
    const scene = new Scene('fail_then_success');
    scene.see(letIn());
    scene.count(50, strangers);
    assert.equal(scene.see(letIn()), undefined);
  });

  it('is not a gateway with 16 identities, but is one with 15', () => {
    for (const [identities, finds] of [
      [16, false],
      [15, true],
    ] as const) {
      const scene = new Scene('fail_then_success');
      scene.count(identities, index => letIn(certificateOf(`client-${index}`, index)));
      scene.count(5, strangers);
      assert.equal(scene.see(letIn()) !== undefined, finds, `${identities}`);
    }
  });

  it('is one peer, and refusals of certificates: not of protocols, and not by the peer', () => {
    const scene = new Scene('fail_then_success');
    scene.count(100, index => from(addressOf(index), strangers(index)));
    scene.count(100, () => early('protocol_version'));
    scene.count(100, index => refused('unknown_ca', certificateOf(`${index}`, index), { decidedBy: 'peer' }));
    assert.equal(scene.see(letIn()), undefined);
  });

  it('is not a success that is none: unverified, or without a name', () => {
    const scene = new Scene('fail_then_success');
    scene.count(5, strangers);
    const tolerated = { ...letIn(), verification: { result: 'failed', errors: ['unknown_ca'] } as const };
    assert.equal(scene.see(tolerated), undefined);
    assert.equal(scene.see(letIn(certificate(1, { subject: '', spiffeId: undefined }))), undefined);
    assert.ok(scene.see(letIn()));
  });
});
