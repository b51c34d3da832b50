import assert from 'node:assert/strict';
import { digestOf, digestOfFingerprint, digestOfIdentity, digestOfPeer } from '../../src/patterns/digest';
import { certificate } from './scene';

describe('a digest', () => {
  it('is 52 bits, the same for the same text and another for another', () => {
    const texts = ['', 'a', 'b', 'CN=billing', '\ud800', 'x'.repeat(100_000)];
    const digests = texts.map(digestOf);
    assert.deepEqual(texts.map(digestOf), digests);
    assert.equal(new Set(digests).size, texts.length);
    for (const digest of digests) assert.ok(Number.isSafeInteger(digest) && digest >= 0 && digest < 2 ** 52);
  });

  it('of a fingerprint is the beginning of it', () => {
    assert.equal(digestOfFingerprint(`000000000000F${'A'.repeat(51)}`), 15);
    assert.equal(digestOfFingerprint('F'.repeat(64)), 2 ** 52 - 1);
  });

  it('of an identity is that of its SPIFFE id, else of its subject; there is none without', () => {
    assert.equal(digestOfIdentity(certificate(1)), digestOf('spiffe://acme/billing'));
    assert.equal(digestOfIdentity(certificate(1, { spiffeId: undefined })), digestOf('CN=billing,O=Acme'));
    assert.equal(digestOfIdentity(certificate(1, { spiffeId: undefined, subject: '' })), undefined);
    assert.equal(digestOfIdentity(certificate(1, { spiffeId: undefined, subject: undefined })), undefined);
  });

  it('of a peer is another for each address and network', () => {
    const peers = ['0.0.0.0', '1.2.3.4', '4.3.2.1', '255.255.255.255', '0:0:0:0::/64', '2001:db8:0:1::/64'];
    assert.equal(new Set(peers.map(digestOfPeer)).size, peers.length);
    assert.equal(digestOfPeer('1.2.3.4'), 0x01020304);
  });
});
