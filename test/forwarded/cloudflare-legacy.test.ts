import assert from 'node:assert/strict';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { base64Der, believed, escapedPem, FROM_A_STRANGER, outcomeOf, suspicionOf } from './forwarded-request';
import { digest } from './vendor-encodings';

describe('the headers of Cloudflare’s certificate forwarding', () => {
  let good: IssuedCertificate;
  let other: IssuedCertificate;
  let sent: Record<string, string>;

  before(async () => {
    const authority = await CertificateAuthority.create();
    good = await authority.issue();
    other = await authority.issue();
    sent = {
      'Cf-Client-Cert-Der-Base64': base64Der(good),
      'Cf-Client-Cert-Sha256': digest(good, 'sha256', 'hex'),
    };
  });

  it('are the certificate, and no verdict', () => {
    const forwarded = believed('cloudflare-legacy', sent);
    assert.equal(forwarded.recomputed, true);
    assert.equal(forwarded.certificate?.fingerprint, good.fingerprint);
    assert.deepEqual(forwarded.verification, { result: 'unverified', errors: [] });
  });

  it('are the certificate in PEM where that is sent', () => {
    const { 'Cf-Client-Cert-Sha256': sha256 } = sent;
    for (const headers of [
      { 'CF-Client-Cert-PEM': escapedPem(good) },
      { ...sent, 'CF-Client-Cert-PEM': escapedPem(good) },
    ]) {
      const forwarded = believed('cloudflare-legacy', { ...headers, 'Cf-Client-Cert-Sha256': sha256! });
      assert.equal(forwarded.certificate?.fingerprint, good.fingerprint);
    }
  });

  it('are the fingerprint alone where the certificate was left out', () => {
    const { 'Cf-Client-Cert-Der-Base64': _, ...rest } = sent;
    const { certificate, recomputed } = believed('cloudflare-legacy', rest);
    assert.deepEqual([certificate?.fingerprint, recomputed], [good.fingerprint, false]);
  });

  it('are suspected where they name two certificates', () => {
    for (const [name, value] of [
      ['Cf-Client-Cert-Der-Base64', base64Der(other)],
      ['Cf-Client-Cert-Sha256', digest(other, 'sha256', 'hex')],
      ['CF-Client-Cert-PEM', escapedPem(other)],
    ] as const) {
      assert.match(suspicionOf('cloudflare-legacy', { ...sent, [name]: value }), /^contradicts_itself /, name);
    }
  });

  it('are malformed where they are not what the documentation shows', () => {
    for (const [name, value] of [
      ['Cf-Client-Cert-Der-Base64', escapedPem(good)],
      ['Cf-Client-Cert-Sha256', digest(good, 'sha256', 'base64')],
      ['CF-Client-Cert-PEM', base64Der(good)],
    ] as const) {
      assert.equal(suspicionOf('cloudflare-legacy', { ...sent, [name]: value }), `malformed ${name.toLowerCase()}`);
    }
  });

  it('are an attempt from a stranger, and nothing on a request that has none', () => {
    assert.match(suspicionOf('cloudflare-legacy', sent, FROM_A_STRANGER), /^untrusted_peer /);
    assert.deepEqual(outcomeOf('cloudflare-legacy', { 'cf-ray': '1' }), { kind: 'absent' });
  });
});
