import assert from 'node:assert/strict';
import { BILLING } from '../telemetry/sample-handshakes';
import { addressOf, certificate, from, letIn, refused, Scene } from './scene';

describe('certificate_shared', () => {
  it('is not one certificate from 19 peers, and is from 20', () => {
    const scene = new Scene('certificate_shared');
    assert.equal(
      scene.count(19, index => from(addressOf(index), letIn())),
      0,
    );
    const found = scene.see(from(addressOf(19), letIn()));
    assert.equal(found?.peers, 20);
    assert.equal(found.identity, BILLING);
  });

  it('is not one peer a thousand times', () => {
    const scene = new Scene('certificate_shared');
    assert.equal(
      scene.count(1000, () => letIn()),
      0,
    );
  });

  it('is not replicas that are replaced once an hour', () => {
    const scene = new Scene('certificate_shared');
    for (let hour = 0; hour < 24; hour++) {
      scene.seconds = hour * 3600;
      assert.equal(
        scene.count(19, index => from(addressOf(100 * hour + index), letIn())),
        0,
      );
    }
  });

  it('is a certificate that is refused everywhere, too', () => {
    const scene = new Scene('certificate_shared', { peers: 3 });
    assert.equal(
      scene.count(3, index => from(addressOf(index), refused())),
      1,
    );
  });

  it('tells certificates apart', () => {
    const scene = new Scene('certificate_shared');
    assert.equal(
      scene.count(1000, index => from(addressOf(index), letIn(certificate(index)))),
      0,
    );
  });
});
