import assert from 'node:assert/strict';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { believed, suspicionOf } from './forwarded-request';
import { byteSequence } from './vendor-encodings';

describe('the headers of Apache', () => {
  let authority: CertificateAuthority;
  let good: IssuedCertificate;
  let other: IssuedCertificate;
  /** As the configuration in examples/proxies sends them. */
  let sent: Record<string, string>;

  before(async () => {
    authority = await CertificateAuthority.create({ commonName: 'Acme Clients CA' });
    good = await authority.issue({ commonName: 'good', notAfter: new Date(Date.UTC(2031, 9, 1)) });
    other = await authority.issue({ commonName: 'other' });
    sent = {
      'X-SSL-Client-Verify': 'SUCCESS',
      'X-SSL-Client-Cert': onOneLine(good.certificate),
      'X-SSL-Client-Chain-0': onOneLine(authority.certificate),
      'X-SSL-Client-S-DN': 'CN=good',
      'X-SSL-Client-S-DN-CN': 'good',
      'X-SSL-Client-I-DN': 'CN=Acme Clients CA',
      'X-SSL-Client-Serial': good.serialNumber.toUpperCase(),
      'X-SSL-Client-V-End': 'Oct  1 00:00:00 2031 GMT',
      'X-SSL-Session-Resumed': 'Initial',
      'Client-Cert': byteSequence(good),
      'Client-Cert-Chain': byteSequence(authority),
    };
  });

  it('are the certificate, its issuers and Apache’s verdict', () => {
    const { certificate, chain, recomputed, verification, resumed } = believed('apache', sent);
    assert.equal(certificate?.fingerprint, good.fingerprint);
    assert.deepEqual(
      chain.map(({ fingerprint }) => fingerprint),
      [authority.fingerprint],
    );
    assert.deepEqual([recomputed, verification, resumed], [true, { result: 'ok', errors: [] }, false]);
  });

  it('may have the certificate and its issuers in one of two headers', () => {
    for (const gone of [
      ['X-SSL-Client-Cert', 'X-SSL-Client-Chain-0'],
      ['Client-Cert', 'Client-Cert-Chain'],
    ]) {
      const rest = Object.fromEntries(Object.entries(sent).filter(([name]) => !gone.includes(name)));
      const { chain, recomputed } = believed('apache', rest);
      assert.deepEqual([recomputed, chain.length], [true, 1], gone.join());
    }
    const two = { ...sent, 'Client-Cert': byteSequence(other) };
    assert.equal(suspicionOf('apache', two), 'contradicts_itself client-cert');
  });

  it('are suspected where a field is another certificate’s', () => {
    for (const [name, value] of Object.entries({
      'X-SSL-Client-S-DN': 'CN=other',
      'X-SSL-Client-I-DN': 'CN=other',
      'X-SSL-Client-Serial': '01',
      'X-SSL-Client-V-End': 'Oct  2 00:00:00 2031 GMT',
      'X-SSL-Client-V-Start': 'Jan  1 00:00:00 2001 GMT',
    })) {
      assert.equal(suspicionOf('apache', { ...sent, [name]: value }), `contradicts_itself ${name.toLowerCase()}`);
    }
  });

  it('are GENEROUS of an unknown authority, or of nobody but the client itself', async () => {
    const said = (more: Record<string, string>) => believed('apache', { 'X-SSL-Client-Verify': 'GENEROUS', ...more });
    assert.deepEqual(said({ 'Client-Cert': byteSequence(good) }).verification.errors, ['unknown_ca']);
    const selfSigned = await CertificateAuthority.selfSigned({ commonName: 'good' });
    assert.deepEqual(said({ 'Client-Cert': byteSequence(selfSigned) }).verification.errors, [
      'self_signed_certificate',
      'unknown_ca',
    ]);
  });

  it('stay a failure on a resumed session', () => {
    const failed = { 'X-SSL-Client-Verify': 'FAILED:certificate has expired', 'X-SSL-Session-Resumed': 'Resumed' };
    assert.deepEqual(believed('apache', { ...sent, ...failed }).verification.errors, ['certificate_expired']);
  });

  it('are the client’s absence where every variable is (null)', () => {
    const unset = Object.fromEntries(Object.keys(sent).map(name => [name, '(null)']));
    assert.equal(believed('apache', { ...unset, 'X-SSL-Client-Verify': 'NONE' }).verification.result, 'not_presented');
    assert.match(suspicionOf('apache', { ...unset, 'X-SSL-Client-Verify': 'SUCCESS' }), /^incomplete /);
  });

  it('are malformed where the PEM is not one certificate', () => {
    const pem = sent['X-SSL-Client-Cert']!;
    for (const bad of [
      `${pem} ${pem}`,
      `x${pem}`,
      `${pem}x`,
      pem.replace('BEGIN', 'BEGIN TRUSTED'),
      pem.slice(0, -1),
      pem.slice(28, -26),
    ]) {
      assert.equal(suspicionOf('apache', { ...sent, 'X-SSL-Client-Cert': bad }), 'malformed x-ssl-client-cert');
    }
  });
});

/** How Apache puts PEM into a header. */
function onOneLine(pem: string): string {
  return pem.trim().replaceAll('\n', ' ');
}
