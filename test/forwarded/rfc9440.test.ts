import assert from 'node:assert/strict';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { believed, FROM_A_STRANGER, outcomeOf, suspicionOf } from './forwarded-request';
import { byteSequence } from './vendor-encodings';

/** RFC 9440 appendix A: the example client's certificate, and its chain. */
const EXAMPLE =
  ':MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:';

describe('Client-Cert and Client-Cert-Chain', () => {
  let leaf: IssuedCertificate;
  let issuers: string[];

  before(async () => {
    const root = await CertificateAuthority.create({ commonName: 'Root' });
    const middle = await root.intermediate({ commonName: 'Middle' });
    leaf = await middle.issue({ commonName: 'alice' });
    issuers = [byteSequence(middle), byteSequence(root)];
  });

  it('are the certificate and its issuers, and no verdict', () => {
    const forwarded = believed('rfc9440', {
      'Client-Cert': byteSequence(leaf),
      'Client-Cert-Chain': issuers.join(', '),
    });
    assert.equal(forwarded.certificate?.fingerprint, leaf.fingerprint);
    assert.deepEqual(
      forwarded.chain.map(({ subject }) => subject),
      ['CN=Middle', 'CN=Root'],
    );
    assert.deepEqual(forwarded.verification, { result: 'unverified', errors: [] });
    assert.equal(forwarded.resumed, undefined);
  });

  it('are read from the RFC’s own example', () => {
    const { certificate } = believed('rfc9440', { 'Client-Cert': EXAMPLE });
    assert.equal(certificate?.subject, 'CN=BC');
    assert.equal(certificate.issuer, "CN=LA Intermediate CA,O=Let's Authenticate");
    assert.deepEqual(certificate.alternativeNames, [{ type: 'email', value: 'bdc@example.com' }]);
  });

  it('may have parameters and blanks, which mean nothing', () => {
    for (const value of [` ${byteSequence(leaf)} `, `${byteSequence(leaf)};a;b="x, :AAAA:";c=:AAAA:`]) {
      assert.equal(believed('rfc9440', { 'Client-Cert': value }).certificate?.fingerprint, leaf.fingerprint);
    }
  });

  it('are malformed when Client-Cert is anything but one byte sequence of one certificate', () => {
    const item = byteSequence(leaf);
    const base64 = item.slice(1, -1);
    for (const value of [
      base64,
      `:${base64}`,
      `${item}, ${item}`,
      `${item} x`,
      `(${item})`,
      `"${base64}"`,
      '?1',
      ':AAAA:',
      `:${base64}AAAA:`,
      `:${base64.slice(0, -8)}:`,
      `:${base64.replace(/^M/, '-')}:`,
      `: ${base64}:`,
    ]) {
      assert.equal(suspicionOf('rfc9440', { 'Client-Cert': value }), 'malformed client-cert', value.slice(0, 20));
    }
  });

  it('take nine certificates besides the leaf’s issuer, and not one more', () => {
    const chain = (length: number) => Array(length).fill(issuers[0]).join(',');
    const headers = (length: number) => ({ 'Client-Cert': byteSequence(leaf), 'Client-Cert-Chain': chain(length) });
    assert.equal(believed('rfc9440', headers(10)).chain.length, 10);
    assert.equal(suspicionOf('rfc9440', headers(11)), 'malformed client-cert-chain');
  });

  it('are incomplete with a chain alone', () => {
    assert.equal(suspicionOf('rfc9440', { 'Client-Cert-Chain': issuers.join(',') }), 'incomplete client-cert');
  });

  it('are absent where an unguarded rule sent a byte sequence of no bytes', () => {
    assert.deepEqual(outcomeOf('rfc9440', { 'Client-Cert': '::' }), { kind: 'absent' });
  });

  it('come with what HAProxy, Apache, Caddy and Envoy send beside them, which is not looked at', () => {
    const beside = {
      'X-SSL-Client-Verify': '0',
      'X-SSL-Client-DN': 'CN=admin',
      'X-Forwarded-Client-Cert': 'URI=spiffe://x',
    };
    const forwarded = believed('rfc9440', { ...beside, 'Client-Cert': byteSequence(leaf) });
    assert.equal(forwarded.certificate?.subject, 'CN=alice');
    assert.equal(forwarded.verification.result, 'unverified');
  });

  it('are an attempt when a stranger sends them', () => {
    assert.equal(
      suspicionOf('rfc9440', { 'Client-Cert': byteSequence(leaf) }, FROM_A_STRANGER),
      'untrusted_peer client-cert',
    );
  });
});
