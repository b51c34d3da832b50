import assert from 'node:assert/strict';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { believed, FROM_A_STRANGER, outcomeOf, suspicionOf } from './forwarded-request';
import { byteSequence, digest } from './vendor-encodings';

const NONE = { 'cf-cert-presented': 'false', 'cf-cert-verified': 'false', 'cf-cert-revoked': 'false' };

/** The examples of the fields' documentation. */
const DOCUMENTED = {
  'cf-cert-presented': 'true',
  'cf-cert-verified': 'true',
  'cf-cert-revoked': 'false',
  'cf-cert-issuer-dn': 'CN=Access Testing CA,OU=TX,O=Access Testing,L=Austin,ST=Texas,C=US',
  'cf-cert-subject-dn': 'CN=James Royal,OU=Access Admins,O=Access,L=Austin,ST=Texas,C=US',
  'cf-cert-issuer-dn-rfc2253': 'CN=Access Testing CA,OU=TX,O=Access Testing,L=Austin,ST=Texas,C=US',
  'cf-cert-subject-dn-rfc2253': 'CN=James Royal,OU=Access Admins,O=Access,L=Austin,ST=Texas,C=US',
  'cf-cert-issuer-dn-legacy': '/C=US/ST=Texas/L=Austin/O=Access Testing/OU=TX/CN=Access Testing CA',
  'cf-cert-subject-dn-legacy': '/C=US/ST=Texas/L=Austin/O=Access/OU=Access Admins/CN=James Royal',
  'cf-cert-serial': '527E0F20A20EA2A4146C78390F34CE7AF0878CA4',
  'cf-cert-issuer-serial': '2688201DBA77402EA87118876F2E1B24CF8B0395',
  'cf-cert-fingerprint-sha256': 'af363dc85bc942a892d3cee9796190fdb36d89cd588a4f1cb17c74a943439714',
  'cf-cert-fingerprint-sha1': '933ad5282c560ae3f482a43ecd73bc9de878a190',
  'cf-cert-not-before': 'Mar 21 13:35:00 2022 GMT',
  'cf-cert-not-after': 'Mar 21 13:35:00 2023 GMT',
  'cf-cert-ski': '27846FAE6BE2185C3AD0A7F4E9C8F1E5B1C3E2B4',
  'cf-cert-issuer-ski': 'A5AC554235DBA6D963B9CDE0185CFAD6E3F55E8F',
};

describe('the headers of Cloudflare’s managed transform', () => {
  let good: IssuedCertificate;
  let other: IssuedCertificate;
  let intermediate: CertificateAuthority;
  /** With the rule that sets Client-Cert. */
  let whole: Record<string, string>;

  before(async () => {
    intermediate = await (await CertificateAuthority.create()).intermediate();
    good = await intermediate.issue({ commonName: 'good', serialNumber: '527e0f20' });
    other = await intermediate.issue();
    whole = {
      ...NONE,
      'cf-cert-presented': 'true',
      'cf-cert-verified': 'true',
      'cf-cert-subject-dn-rfc2253': 'CN=good',
      'cf-cert-serial': '527E0F20',
      'cf-cert-fingerprint-sha256': digest(good, 'sha256', 'hex'),
      'Client-Cert': byteSequence(good),
      'Client-Cert-Chain': byteSequence(intermediate),
    };
  });

  it('are the copied fields and Cloudflare’s verdict', () => {
    const forwarded = believed('cloudflare-managed', DOCUMENTED);
    assert.equal(forwarded.recomputed, false);
    assert.deepEqual(forwarded.certificate, {
      fingerprint: DOCUMENTED['cf-cert-fingerprint-sha256'].toUpperCase(),
      subject: 'CN=James Royal,OU=Access Admins,O=Access,L=Austin,ST=Texas,C=US',
      issuer: 'CN=Access Testing CA,OU=TX,O=Access Testing,L=Austin,ST=Texas,C=US',
      serialNumber: '527E0F20A20EA2A4146C78390F34CE7AF0878CA4',
      notBefore: Date.UTC(2022, 2, 21, 13, 35),
      notAfter: Date.UTC(2023, 2, 21, 13, 35),
      alternativeNames: [],
      spiffeId: undefined,
    });
    assert.deepEqual(forwarded.verification, { result: 'ok', errors: [] });
  });

  it('are the whole certificate where a rule forwards it', () => {
    const forwarded = believed('cloudflare-managed', whole);
    assert.equal(forwarded.recomputed, true);
    assert.equal(forwarded.certificate?.fingerprint, good.fingerprint);
    assert.equal(forwarded.chain[0]?.fingerprint, intermediate.fingerprint);
  });

  it('call a revoked certificate failed, although Cloudflare calls it verified too', () => {
    const { certificate, verification } = believed('cloudflare-managed', { ...DOCUMENTED, 'cf-cert-revoked': 'true' });
    assert.deepEqual(verification, { result: 'failed', errors: ['certificate_revoked'], code: 'CERT_REVOKED' });
    assert.equal(certificate?.serialNumber, DOCUMENTED['cf-cert-serial']);
  });

  it('say what was wrong where a Worker sets the verdict, and that something was where a rule does', () => {
    for (const [verified, revoked, errors] of [
      ['false', 'false', ['certificate_unknown']],
      ['false', 'true', ['certificate_revoked']],
      ['0', '0', ['certificate_unknown']],
      ['FAILED:unable to get local issuer certificate', '0', ['unknown_ca']],
      ['FAILED:certificate has expired', '1', ['certificate_revoked', 'certificate_expired']],
    ] as const) {
      const headers = { ...DOCUMENTED, 'cf-cert-verified': verified, 'cf-cert-revoked': revoked };
      const { verification } = believed('cloudflare-managed', headers);
      assert.equal(verification.result, 'failed');
      assert.deepEqual(verification.errors, errors);
    }
    const worker = { ...DOCUMENTED, 'cf-cert-presented': '1', 'cf-cert-verified': 'SUCCESS', 'cf-cert-revoked': '0' };
    assert.equal(believed('cloudflare-managed', worker).verification.result, 'ok');
  });

  it('say that no certificate was presented', () => {
    for (const none of [NONE, { 'cf-cert-presented': '0', 'cf-cert-verified': 'NONE', 'cf-cert-revoked': '0' }]) {
      const { certificate, verification } = believed('cloudflare-managed', none);
      assert.deepEqual([certificate, verification.result], [undefined, 'not_presented']);
    }
  });

  it('are suspected where the verdicts contradict each other or the certificate', () => {
    for (const headers of [
      { ...NONE, 'cf-cert-verified': 'true' },
      { ...NONE, 'cf-cert-revoked': 'true' },
      { ...DOCUMENTED, 'cf-cert-presented': 'false', 'cf-cert-verified': 'false' },
      { ...DOCUMENTED, 'cf-cert-verified': 'NONE' },
      { ...whole, 'Client-Cert': byteSequence(other) },
      { ...whole, 'cf-cert-serial': '527E0F21' },
      { ...whole, 'cf-cert-subject-dn-rfc2253': 'CN=admin' },
    ]) {
      assert.match(suspicionOf('cloudflare-managed', headers), /^contradicts_itself /, JSON.stringify(headers));
    }
  });

  it('never take a client’s own Client-Cert for what Cloudflare saw', () => {
    const forged = { 'Client-Cert': byteSequence(other) };
    assert.match(suspicionOf('cloudflare-managed', { ...NONE, ...forged }), /^(?:contradicts_itself|incomplete) /);
    assert.match(suspicionOf('cloudflare-managed', forged), /^incomplete cf-cert-/);
    const { 'cf-cert-fingerprint-sha256': _, ...rest } = whole;
    assert.equal(suspicionOf('cloudflare-managed', rest), 'incomplete cf-cert-fingerprint-sha256');
  });

  for (const name of ['cf-cert-presented', 'cf-cert-verified', 'cf-cert-revoked']) {
    it(`are incomplete without ${name}`, () => {
      const { [name]: _, ...rest } = DOCUMENTED as Record<string, string>;
      assert.equal(suspicionOf('cloudflare-managed', rest), `incomplete ${name}`);
    });
  }

  it('are malformed where they are not what the documentation shows', () => {
    for (const [name, value] of [
      ['cf-cert-presented', 'True'],
      ['cf-cert-verified', 'success'],
      ['cf-cert-revoked', 'no'],
      ['cf-cert-fingerprint-sha256', 'af36'.repeat(32)],
      ['cf-cert-serial', 'CN=admin'],
      ['cf-cert-not-after', '2023-03-21T13:35:00Z'],
    ] as const) {
      assert.equal(suspicionOf('cloudflare-managed', { ...DOCUMENTED, [name]: value }), `malformed ${name}`);
    }
  });

  it('never read a name from a form that can be forged', () => {
    const legacy = { ...DOCUMENTED, 'cf-cert-subject-dn-legacy': '/CN=admin', 'cf-cert-subject-dn': 'CN=admin' };
    assert.equal(believed('cloudflare-managed', legacy).certificate?.subject, DOCUMENTED['cf-cert-subject-dn-rfc2253']);
  });

  it('are an attempt from a stranger, and nothing when they are not there', () => {
    assert.match(suspicionOf('cloudflare-managed', DOCUMENTED, FROM_A_STRANGER), /^untrusted_peer /);
    assert.deepEqual(outcomeOf('cloudflare-managed', { 'cf-ray': '9e665d472c4f266d' }), { kind: 'absent' });
  });
});
