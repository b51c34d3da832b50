import assert from 'node:assert/strict';
import { addressOf, certificate, early, from, letIn, refused, Scene } from './scene';

describe('certificate_rotation', () => {
  it('is not four certificates that do not verify, and is five', () => {
    const scene = new Scene('certificate_rotation');
    assert.equal(
      scene.count(4, index => refused('self_signed_certificate', certificate(index))),
      0,
    );
    const found = scene.see(refused('unknown_ca', certificate(4)));
    assert.equal(found?.certificates, 5);
    assert.equal(found.count, 5);
    assert.equal(found.identity, undefined);
  });

  it('is not one certificate a hundred times', () => {
    const scene = new Scene('certificate_rotation');
    assert.equal(
      scene.count(100, () => refused()),
      0,
    );
  });

  it('is not 49 that verify, as of a gateway, and is 50', () => {
    const scene = new Scene('certificate_rotation');
    assert.equal(
      scene.count(49, index => letIn(certificate(index))),
      0,
    );
    assert.equal(scene.see(letIn(certificate(49)))?.certificates, 50);
  });

  it('counts a certificate as bad that was let in unverified, or whose key was not there', () => {
    const scene = new Scene('certificate_rotation', { unverified: 2 });
    const tolerated = { ...letIn(certificate(1)), verification: { result: 'failed', errors: ['unknown_ca'] } as const };
    assert.equal(scene.see(tolerated), undefined);
    assert.ok(scene.see({ ...letIn(certificate(2)), outcome: refused('decrypt_error').outcome }));
  });

  it('is not many good clients that are refused because our revocation list is out of date, or that are cut off', () => {
    const scene = new Scene('certificate_rotation');
    const reasons = ['revocation_data_expired', 'revocation_unavailable'] as const;
    assert.equal(
      scene.count(40, index => refused(reasons[index % 2], certificate(index))),
      0,
    );
    const { outcome } = early('connection_reset');
    assert.equal(
      scene.count(40, index => ({ ...letIn(certificate(index)), outcome })),
      0,
    );
    assert.equal(scene.watch.tables[0]?.size, 0);
  });

  it('is not what takes longer than ten minutes', () => {
    const scene = new Scene('certificate_rotation');
    scene.count(4, index => refused('unknown_ca', certificate(index)));
    scene.seconds = 600;
    assert.equal(scene.see(refused('unknown_ca', certificate(4))), undefined);
  });

  it('is of one peer, and needs certificates', () => {
    const scene = new Scene('certificate_rotation');
    assert.equal(
      scene.count(1000, index => from(addressOf(index), refused('unknown_ca', certificate(index)))),
      0,
    );
    assert.equal(
      scene.count(100, () => early('not_tls')),
      0,
    );
  });
});
