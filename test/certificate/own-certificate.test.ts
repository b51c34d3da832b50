import assert from 'node:assert/strict';
import { readOwnCertificate } from '../../src/certificate/own-certificate';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';

describe('a certificate of our own', () => {
  let issued: IssuedCertificate;

  before(async () => {
    issued = await CertificateAuthority.selfSigned({ commonName: 'billing' });
  });

  it('is read as a peer has it read', () => {
    const { fingerprint, subject, notAfter } = readOwnCertificate(issued.der);
    assert.equal(fingerprint, issued.fingerprint);
    assert.equal(subject, 'CN=billing');
    assert.ok(notAfter! > Date.now());
  });

  it('is read once, also when a client has it in other bytes for each connection', () => {
    assert.equal(readOwnCertificate(new Uint8Array(issued.der)), readOwnCertificate(new Uint8Array(issued.der)));
  });

  it('may be nonsense', () => {
    assert.equal(readOwnCertificate(Uint8Array.of(1, 2, 3)).parsed, false);
  });
});
