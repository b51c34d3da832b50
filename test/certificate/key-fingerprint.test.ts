import assert from 'node:assert/strict';
import { createHash, createPublicKey } from 'node:crypto';
import { keyFingerprintOf } from '../../src/certificate/key-fingerprint';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { CertificateAuthority, type IssuedCertificate, type KeyType } from '../support/certificate-authority';

describe('the fingerprint of a certificate’s key', () => {
  const ofNode = ({ certificate }: IssuedCertificate) =>
    createHash('sha256')
      .update(createPublicKey(certificate).export({ type: 'spki', format: 'der' }))
      .digest('hex')
      .toUpperCase();

  for (const keyType of ['ec', 'ec384', 'ec521', 'ed25519', 'rsa1024', 'rsa2048'] satisfies KeyType[]) {
    it(`is that of the key that Node finds in it, ${keyType}`, async () => {
      const issued = await CertificateAuthority.selfSigned({ keyType });
      assert.equal(keyFingerprintOf(parsePeerCertificate(issued.der)), ofNode(issued));
    });
  }

  it('is found behind a large subject, and in a certificate with many names', async () => {
    const issued = await CertificateAuthority.selfSigned({ commonName: 'x'.repeat(60), extraNames: 200 });
    assert.equal(keyFingerprintOf(parsePeerCertificate(issued.der)), ofNode(issued));
  });

  it('is not known where the certificate was not kept', () => {
    assert.equal(keyFingerprintOf(parsePeerCertificate(new Uint8Array(20_000))), undefined);
  });

  it('never throws, whatever the bytes: cut off anywhere, or any byte another', async () => {
    const { der } = await CertificateAuthority.selfSigned();
    for (let at = 0; at < der.length; at++) {
      keyFingerprintOf(parsePeerCertificate(der.subarray(0, at)));
      for (const byte of [0, 0x80, 0x84, 0xff]) {
        const changed = Buffer.from(der);
        changed[at] = byte;
        keyFingerprintOf(parsePeerCertificate(changed));
      }
    }
  });
});
