import assert from 'node:assert/strict';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { believed, escapedPem, FROM_A_STRANGER, outcomeOf, suspicionOf } from './forwarded-request';
import { awsValidity, byteSequence, colonSerial, digest } from './vendor-encodings';

const PREFIX = 'CloudFront-Viewer-Cert';

describe('the headers of CloudFront', () => {
  let good: IssuedCertificate;
  let other: IssuedCertificate;
  let intermediate: CertificateAuthority;
  let fields: Record<string, string>;
  let sent: Record<string, string>;

  before(async () => {
    const root = await CertificateAuthority.create();
    intermediate = await root.intermediate({ subject: 'C=US, O=mTLS, CN=rootcamtls.com' });
    const names = { subject: 'C=US, O=mTLS, OU=client-3, CN=client_.com' };
    good = await intermediate.issue({ ...names, serialNumber: '4a3f5c92d1e87b6c' });
    other = await intermediate.issue(names);
    fields = {
      [`${PREFIX}-Present`]: '1',
      [`${PREFIX}-Sha256`]: digest(good, 'sha256', 'hex'),
      [`${PREFIX}-Serial-Number`]: '4a:3f:5c:92:d1:e8:7b:6c',
      [`${PREFIX}-Issuer`]: 'CN=rootcamtls.com,O=mTLS,C=US',
      [`${PREFIX}-Subject`]: 'CN=client_.com,OU=client-3,O=mTLS,C=US',
      [`${PREFIX}-Validity`]: awsValidity(good),
    };
    sent = { ...fields, [`${PREFIX}-Pem`]: escapedPem(good) };
    assert.equal(colonSerial(good), fields[`${PREFIX}-Serial-Number`]);
  });

  it('are the certificate, computed from its bytes, and never more than unverified', () => {
    const forwarded = believed('aws-cloudfront', sent);
    assert.equal(forwarded.recomputed, true);
    assert.equal(forwarded.certificate?.fingerprint, good.fingerprint);
    assert.deepEqual(forwarded.verification, { result: 'unverified', errors: [] });
  });

  it('are the copied fields where the origin request policy leaves out the certificate', () => {
    const forwarded = believed('aws-cloudfront', {
      ...fields,
      [`${PREFIX}-Validity`]: 'NotBefore=2023-09-21T01:50:17Z;NotAfter=2024-09-20T01:50:17Z',
    });
    assert.equal(forwarded.recomputed, false);
    assert.deepEqual(forwarded.certificate, {
      fingerprint: good.fingerprint,
      subject: 'CN=client_.com,OU=client-3,O=mTLS,C=US',
      issuer: 'CN=rootcamtls.com,O=mTLS,C=US',
      serialNumber: '4A3F5C92D1E87B6C',
      notBefore: Date.UTC(2023, 8, 21, 1, 50, 17),
      notAfter: Date.UTC(2024, 8, 20, 1, 50, 17),
      alternativeNames: [],
      spiffeId: undefined,
    });
  });

  it('are the certificate of RFC 9440 and its chain where the policy lists those', () => {
    const forwarded = believed('aws-cloudfront', {
      ...sent,
      'Client-Cert': byteSequence(good),
      'Client-Cert-Chain': byteSequence(intermediate),
    });
    assert.equal(forwarded.certificate?.fingerprint, good.fingerprint);
    assert.deepEqual(
      forwarded.chain.map(({ fingerprint }) => fingerprint),
      [intermediate.fingerprint],
    );
    const alone = believed('aws-cloudfront', { 'Client-Cert': byteSequence(good) });
    assert.equal(alone.certificate?.fingerprint, good.fingerprint);
  });

  it('say that no certificate was presented', () => {
    const forwarded = believed('aws-cloudfront', { [`${PREFIX}-Present`]: '0', [`${PREFIX}-Sha256`]: '' });
    assert.equal(forwarded.verification.result, 'not_presented');
    assert.equal(forwarded.certificate, undefined);
  });

  it('are suspected where they contradict themselves', () => {
    for (const [name, value] of [
      [`${PREFIX}-Present`, '0'],
      [`${PREFIX}-Pem`, escapedPem(other)],
      [`${PREFIX}-Sha256`, other.fingerprint],
      [`${PREFIX}-Serial-Number`, '4a:3f'],
      [`${PREFIX}-Subject`, 'CN=admin,OU=client-3,O=mTLS,C=US'],
      ['Client-Cert', byteSequence(other)],
    ] as const) {
      assert.match(suspicionOf('aws-cloudfront', { ...sent, [name]: value }), /^contradicts_itself /, name);
    }
  });

  it('are malformed where they are not what the documentation shows', () => {
    for (const [name, value] of [
      ['Present', 'true'],
      ['Present', '2'],
      ['Sha256', good.fingerprint.slice(1)],
      ['Sha256', `${good.fingerprint}, ${other.fingerprint}`],
      ['Serial-Number', '4a:3:f5'],
      ['Serial-Number', ':4a'],
      ['Pem', escapedPem(good) + escapedPem(other)],
      ['Validity', 'NotBefore=2023-13-21T01:50:17Z;NotAfter=2024-09-20T01:50:17Z'],
    ] as const) {
      const suspicion = suspicionOf('aws-cloudfront', { ...sent, [`${PREFIX}-${name}`]: value });
      assert.equal(suspicion, `malformed ${PREFIX}-${name}`.toLowerCase(), value);
    }
  });

  it('name nobody when only the presence of a certificate is told', () => {
    assert.equal(
      suspicionOf('aws-cloudfront', { [`${PREFIX}-Present`]: '1' }),
      'incomplete cloudfront-viewer-cert-present',
    );
  });

  it('are an attempt from a stranger, twice, or under another preset', () => {
    assert.match(suspicionOf('aws-cloudfront', sent, FROM_A_STRANGER), /^untrusted_peer /);
    const twice = [...Object.entries(sent), [`${PREFIX}-SHA256`, other.fingerprint] as const];
    assert.equal(suspicionOf('aws-cloudfront', twice), 'duplicate_header cloudfront-viewer-cert-sha256');
    assert.match(suspicionOf('aws-alb-passthrough', sent), /^several_presets cloudfront-viewer-cert-/);
  });

  it('are nothing with the fingerprints of the TLS client alone', () => {
    assert.deepEqual(outcomeOf('aws-cloudfront', { 'CloudFront-Viewer-JA3-Fingerprint': 'e7d7' }), { kind: 'absent' });
  });
});
