import assert from 'node:assert/strict';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { believed, FROM_A_STRANGER, outcomeOf, suspicionOf } from './forwarded-request';
import { awsPem, awsValidity } from './vendor-encodings';

const PREFIX = 'X-Amzn-Mtls-Clientcert';

describe('the headers of an Application Load Balancer in verify mode', () => {
  let good: IssuedCertificate;
  let other: IssuedCertificate;
  let sent: Record<string, string>;

  before(async () => {
    const authority = await CertificateAuthority.create({
      subject: 'C=US, ST=Washington, L=Seattle, O=mTLS, OU=rootCA, CN=rootcamtls.com',
    });
    const names = { subject: 'C=US, ST=Washington, O=mTLS, OU=client-3, CN=client_.com' };
    good = await authority.issue({ ...names, serialNumber: '03a5b1', uris: ['spiffe://acme.test/billing'] });
    other = await authority.issue(names);
    sent = {
      [`${PREFIX}-Serial-Number`]: '03A5B1',
      [`${PREFIX}-Issuer`]: 'CN=rootcamtls.com,OU=rootCA,O=mTLS,L=Seattle,ST=Washington,C=US',
      [`${PREFIX}-Subject`]: 'CN=client_.com,OU=client-3,O=mTLS,ST=Washington,C=US',
      [`${PREFIX}-Validity`]: awsValidity(good),
      [`${PREFIX}-Leaf`]: awsPem(good.certificate),
    };
  });

  it('are a verified certificate, computed from its bytes', () => {
    const forwarded = believed('aws-alb-verify', sent);
    assert.equal(forwarded.recomputed, true);
    assert.equal(forwarded.certificate?.fingerprint, good.fingerprint);
    assert.equal(forwarded.certificate?.spiffeId, 'spiffe://acme.test/billing');
    assert.deepEqual(forwarded.verification, { result: 'ok', errors: [], enforced: true });
  });

  it('are read whatever base64 the certificate has: a plus sign is never a blank', async () => {
    const authority = await CertificateAuthority.create();
    for (let plus = 0; plus < 3; ) {
      const issued = await authority.issue();
      const leaf = awsPem(issued.certificate);
      if (leaf.includes('+')) plus++;
      const validity = awsValidity(issued);
      const headers = {
        [`${PREFIX}-Serial-Number`]: issued.serialNumber,
        [`${PREFIX}-Validity`]: validity,
        [`${PREFIX}-Leaf`]: leaf,
      };
      assert.equal(believed('aws-alb-verify', headers).certificate?.fingerprint, issued.fingerprint);
    }
  });

  it('do without names where a certificate has none', () => {
    const { [`${PREFIX}-Issuer`]: _issuer, [`${PREFIX}-Subject`]: _subject, ...rest } = sent;
    assert.equal(believed('aws-alb-verify', rest).certificate?.fingerprint, good.fingerprint);
  });

  for (const always of ['Leaf', 'Serial-Number', 'Validity']) {
    it(`are incomplete without ${always}`, () => {
      const header = `${PREFIX}-${always}`;
      const { [header]: _, ...rest } = sent;
      assert.equal(suspicionOf('aws-alb-verify', rest), `incomplete ${header.toLowerCase()}`);
      assert.equal(suspicionOf('aws-alb-verify', { ...rest, [header]: '' }), `incomplete ${header.toLowerCase()}`);
    });
  }

  it('are suspected where a field is not the certificate’s', () => {
    for (const [name, value] of [
      ['Leaf', awsPem(other.certificate)],
      ['Serial-Number', '03A5B2'],
      ['Subject', 'CN=admin,OU=client-3,O=mTLS,ST=Washington,C=US'],
      ['Issuer', 'CN=evil,OU=rootCA,O=mTLS,L=Seattle,ST=Washington,C=US'],
      ['Validity', 'NotBefore=2023-09-21T01:50:17Z;NotAfter=2099-09-20T01:50:17Z'],
    ] as const) {
      const suspicion = suspicionOf('aws-alb-verify', { ...sent, [`${PREFIX}-${name}`]: value });
      assert.match(suspicion, /^contradicts_itself x-amzn-mtls-clientcert-/, name);
    }
  });

  it('are malformed where they are not what the documentation shows', () => {
    for (const [name, value] of [
      ['Leaf', awsPem(good.certificate + other.certificate)],
      ['Leaf', awsPem(good.certificate).replaceAll('+', ' ').replace('A', ' ')],
      ['Leaf', awsPem(good.certificate).replace('%0A', '%0')],
      ['Leaf', awsPem(`x${good.certificate}`)],
      ['Leaf', good.der.toString('base64')],
      ['Serial-Number', '03A5B1,03A5B2'],
      ['Serial-Number', '0x03A5B1'],
      ['Validity', '2023-09-21T01:50:17Z;2024-09-20T01:50:17Z'],
      ['Validity', 'NotBefore=2023-09-21T01:50:17Z'],
      ['Validity', 'NotBefore=yesterday;NotAfter=tomorrow'],
      ['Validity', `${awsValidity(good)};NotAfter=2099-01-01T00:00:00Z`],
      ['Subject', 'CN=client_.com\\'],
    ] as const) {
      const suspicion = suspicionOf('aws-alb-verify', { ...sent, [`${PREFIX}-${name}`]: value });
      assert.equal(suspicion, `malformed ${PREFIX}-${name}`.toLowerCase(), value);
    }
  });

  it('are an attempt from a stranger, twice, or beside those of the other mode', () => {
    assert.match(suspicionOf('aws-alb-verify', sent, FROM_A_STRANGER), /^untrusted_peer /);
    const twice = [...Object.entries(sent), [`${PREFIX}-Subject`, 'CN=admin'] as const];
    assert.equal(suspicionOf('aws-alb-verify', twice), 'duplicate_header x-amzn-mtls-clientcert-subject');
    const both = { ...sent, [PREFIX]: awsPem(other.certificate) };
    assert.equal(suspicionOf('aws-alb-verify', both), 'several_presets x-amzn-mtls-clientcert');
  });

  it('are the right certificate also under names that look like other fields', async () => {
    const authority = await CertificateAuthority.create();
    const hostile = await authority.issue({ subject: [{ CN: [{ utf8String: 'a,CN=admin;"b"+C=x\\ zoë' }] }] });
    const { subject, issuer, serialNumber } = parsePeerCertificate(hostile.der);
    const forwarded = believed('aws-alb-verify', {
      [`${PREFIX}-Serial-Number`]: serialNumber!,
      [`${PREFIX}-Issuer`]: issuer!,
      [`${PREFIX}-Subject`]: Buffer.from(subject!).toString('latin1'),
      [`${PREFIX}-Validity`]: awsValidity(hostile),
      [`${PREFIX}-Leaf`]: awsPem(hostile.certificate),
    });
    assert.equal(forwarded.certificate?.subject, subject);
  });

  it('are nothing when none is there', () => {
    assert.deepEqual(outcomeOf('aws-alb-verify', { 'X-Amzn-Trace-Id': 'Root=1-2-3' }), { kind: 'absent' });
  });
});
