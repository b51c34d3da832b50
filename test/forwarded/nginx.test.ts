import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { believed, escapedPem, FROM_A_STRANGER, outcomeOf, suspicionOf } from './forwarded-request';

describe('the headers of nginx', () => {
  let good: IssuedCertificate;
  let other: IssuedCertificate;
  /** As the configuration in examples/proxies sends them. */
  let sent: Record<string, string>;

  before(async () => {
    const authority = await CertificateAuthority.create({ subject: 'C=DE, O=Acme, CN=Acme Clients CA' });
    const names = { subject: 'C=DE, O=Acme, OU=Clients, CN=good', uris: ['spiffe://acme.test/ns/prod/sa/good'] };
    good = await authority.issue({ ...names, serialNumber: '00f3a9c01b22d45e8807' });
    other = await authority.issue(names);
    sent = {
      'X-SSL-Client-Verify': 'SUCCESS',
      'X-SSL-Client-Cert': escapedPem(good),
      'X-SSL-Client-S-DN': 'CN=good,OU=Clients,O=Acme,C=DE',
      'X-SSL-Client-I-DN': 'CN=Acme Clients CA,O=Acme,C=DE',
      'X-SSL-Client-Serial': 'F3A9C01B22D45E8807',
      'X-SSL-Client-Fingerprint': createHash('sha1').update(good.der).digest('hex'),
      'X-SSL-Session-Reused': '.',
    };
  });

  it('are the certificate, computed from its bytes, and nginx’s verdict', () => {
    const forwarded = believed('nginx', sent);
    assert.equal(forwarded.preset, 'nginx');
    assert.equal(forwarded.recomputed, true);
    assert.equal(forwarded.certificate?.fingerprint, good.fingerprint);
    assert.equal(forwarded.certificate?.spiffeId, 'spiffe://acme.test/ns/prod/sa/good');
    assert.deepEqual(forwarded.verification, { result: 'ok', errors: [] });
    assert.equal(forwarded.resumed, false);
  });

  it('are the copied fields where the certificate was left out', () => {
    const { 'X-SSL-Client-Cert': _, ...fields } = sent;
    const forwarded = believed('nginx', { ...fields, 'X-SSL-Client-V-Start': 'Oct  2 00:00:00 2026 GMT' });
    assert.equal(forwarded.recomputed, false);
    assert.deepEqual(forwarded.certificate, {
      fingerprint: undefined,
      subject: 'CN=good,OU=Clients,O=Acme,C=DE',
      issuer: 'CN=Acme Clients CA,O=Acme,C=DE',
      serialNumber: 'F3A9C01B22D45E8807',
      notBefore: Date.UTC(2026, 9, 2),
      notAfter: undefined,
      alternativeNames: [],
      spiffeId: undefined,
    });
  });

  it('say what was wrong in OpenSSL’s words', () => {
    const { verification } = believed('nginx', { ...sent, 'X-SSL-Client-Verify': 'FAILED:certificate has expired' });
    assert.deepEqual(verification, {
      result: 'failed',
      errors: ['certificate_expired'],
      code: 'CERT_HAS_EXPIRED',
      message: 'certificate has expired',
    });
  });

  it('say that the client presented none', () => {
    const forwarded = believed('nginx', { 'X-SSL-Client-Verify': 'NONE', 'X-SSL-Session-Reused': '.' });
    assert.equal(forwarded.verification.result, 'not_presented');
    assert.equal(forwarded.certificate, undefined);
  });

  it('are suspected where a field is not the certificate’s', () => {
    for (const [name, value] of [
      ['X-SSL-Client-Cert', escapedPem(other)],
      ['X-SSL-Client-S-DN', 'CN=admin,OU=Clients,O=Acme,C=DE'],
      ['X-SSL-Client-I-DN', 'CN=Another CA,O=Acme,C=DE'],
      ['X-SSL-Client-Serial', 'F3A9C01B22D45E8808'],
      ['X-SSL-Client-Fingerprint', '00'.repeat(20)],
      ['X-SSL-Client-V-End', 'Oct 31 00:00:00 2099 GMT'],
    ] as const) {
      assert.match(suspicionOf('nginx', { ...sent, [name]: value }), /^contradicts_itself x-ssl-client-/, name);
    }
  });

  it('are incomplete without the verdict', () => {
    const { 'X-SSL-Client-Verify': _, ...rest } = sent;
    assert.equal(suspicionOf('nginx', rest), 'incomplete x-ssl-client-verify');
  });

  it('are nothing when only the session is spoken of', () => {
    assert.deepEqual(outcomeOf('nginx', { 'X-SSL-Session-Reused': 'r', Host: 'a.test' }), { kind: 'absent' });
  });

  it('are an attempt when a stranger sends them', () => {
    assert.equal(suspicionOf('nginx', sent, FROM_A_STRANGER), 'untrusted_peer x-ssl-client-verify');
  });

  it('are an attempt when one comes twice, in any case', () => {
    const lines = [...Object.entries(sent), ['x-ssl-client-VERIFY', 'SUCCESS'] as const];
    assert.equal(suspicionOf('nginx', lines), 'duplicate_header x-ssl-client-verify');
  });
});
