import assert from 'node:assert/strict';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { believed, escapedPem, FROM_A_STRANGER, outcomeOf, suspicionOf } from './forwarded-request';
import { digest, opensslTime } from './vendor-encodings';

describe('the headers of Azure Application Gateway', () => {
  let good: IssuedCertificate;
  let other: IssuedCertificate;
  let sent: Record<string, string>;

  before(async () => {
    const authority = await CertificateAuthority.create();
    good = await authority.issue({ commonName: 'good', serialNumber: '00f3a9c01b' });
    other = await authority.issue({ commonName: 'other' });
    const { notBefore, notAfter } = parsePeerCertificate(good.der);
    sent = {
      'X-Client-Cert': escapedPem(good),
      'X-Client-Cert-Verify': 'SUCCESS',
      'X-Client-Cert-Fingerprint': digest(good, 'sha1', 'hex'),
      'X-Client-Cert-Serial': 'F3A9C01B',
      'X-Client-Cert-Subject': 'CN=good',
      'X-Client-Cert-Issuer': 'CN=Test Root,O=Acme',
      'X-Client-Cert-Start': opensslTime(notBefore!),
      'X-Client-Cert-End': opensslTime(notAfter!),
    };
  });

  it('are the certificate, computed from its bytes, and the gateway’s verdict', () => {
    const forwarded = believed('azure-app-gateway', sent);
    assert.equal(forwarded.recomputed, true);
    assert.equal(forwarded.certificate?.fingerprint, good.fingerprint);
    assert.deepEqual(forwarded.verification, { result: 'ok', errors: [] });
  });

  it('say what was wrong', () => {
    for (const [verdict, reason] of [
      ['FAILED:certificate has expired', 'certificate_expired'],
      ['FAILED:unable to get local issuer certificate', 'unknown_ca'],
      ['FAILED:self signed certificate', 'self_signed_certificate'],
      ['FAILED:certificate revoked', 'certificate_revoked'],
    ] as const) {
      const { certificate, verification } = believed('azure-app-gateway', { ...sent, 'X-Client-Cert-Verify': verdict });
      assert.equal(verification.result, 'failed');
      assert.deepEqual(verification.errors, [reason], verdict);
      assert.equal(certificate?.fingerprint, good.fingerprint);
    }
    const unknown = believed('azure-app-gateway', { ...sent, 'X-Client-Cert-Verify': 'FAILED:42' });
    assert.deepEqual([unknown.verification.result, ...unknown.verification.errors], ['failed', '_OTHER']);
  });

  it('say that no certificate was presented', () => {
    const { certificate, verification } = believed('azure-app-gateway', {
      'X-Client-Cert': '',
      'X-Client-Cert-Verify': 'NONE',
    });
    assert.deepEqual([certificate, verification.result], [undefined, 'not_presented']);
  });

  it('are suspected where there is a certificate that the gateway has not seen', () => {
    assert.match(suspicionOf('azure-app-gateway', { ...sent, 'X-Client-Cert-Verify': 'NONE' }), /^contradicts_itself /);
  });

  it('are incomplete without the verdict: in passthrough mode any certificate is forwarded', () => {
    const { 'X-Client-Cert-Verify': _, ...rest } = sent;
    assert.equal(suspicionOf('azure-app-gateway', rest), 'incomplete x-client-cert-verify');
  });

  it('are the copied fields where the certificate was left out, and of names only what cannot mean two things', () => {
    const { 'X-Client-Cert': _, ...rest } = sent;
    const { certificate, recomputed } = believed('azure-app-gateway', rest);
    assert.equal(recomputed, false);
    assert.equal(certificate?.subject, 'CN=good');
    assert.equal(certificate?.issuer, undefined);
    assert.equal(certificate?.serialNumber, 'F3A9C01B');
    assert.equal(certificate?.notAfter, parsePeerCertificate(good.der).notAfter);
    assert.equal(certificate?.fingerprint, undefined);
  });

  it('have no time where it does not look like one', () => {
    const { 'X-Client-Cert': _, ...rest } = sent;
    const times = { 'X-Client-Cert-Start': '10/2/2026', 'X-Client-Cert-End': '2026-10-02T00:00:00Z' };
    const { certificate } = believed('azure-app-gateway', { ...rest, ...times });
    assert.equal(certificate?.notBefore, undefined);
    assert.equal(certificate?.notAfter, Date.UTC(2026, 9, 2));
  });

  it('are suspected where a field is not the certificate’s', () => {
    for (const [name, value] of [
      ['X-Client-Cert', escapedPem(other)],
      ['X-Client-Cert-Fingerprint', digest(other, 'sha1', 'hex').toUpperCase()],
      ['X-Client-Cert-Serial', 'F3A9C01C'],
      ['X-Client-Cert-Subject', 'CN=admin'],
      ['X-Client-Cert-End', 'Oct 31 00:00:00 2099 GMT'],
    ] as const) {
      assert.match(suspicionOf('azure-app-gateway', { ...sent, [name]: value }), /^contradicts_itself /, name);
    }
  });

  it('are malformed where they are not what the documentation shows', () => {
    for (const [name, value] of [
      ['X-Client-Cert-Verify', 'success'],
      ['X-Client-Cert-Verify', 'SUCCESS,SUCCESS'],
      ['X-Client-Cert-Fingerprint', good.fingerprint],
      ['X-Client-Cert-Serial', 'none'],
      ['X-Client-Cert', good.der.toString('base64')],
    ] as const) {
      const suspicion = suspicionOf('azure-app-gateway', { ...sent, [name]: value });
      assert.equal(suspicion, `malformed ${name.toLowerCase()}`, value.slice(0, 40));
    }
  });

  it('are an attempt from a stranger, and nothing when they are not there', () => {
    assert.match(suspicionOf('azure-app-gateway', sent, FROM_A_STRANGER), /^untrusted_peer /);
    assert.deepEqual(outcomeOf('azure-app-gateway', { 'X-Client-Cert': '' }), { kind: 'absent' });
  });
});
