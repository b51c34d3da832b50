import assert from 'node:assert/strict';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { base64Der, believed, escapedPem, FROM_A_STRANGER, outcomeOf, suspicionOf } from './forwarded-request';

const CERT = 'X-Forwarded-Tls-Client-Cert';
const INFO = 'X-Forwarded-Tls-Client-Cert-Info';

describe('the headers of Traefik', () => {
  let intermediate: CertificateAuthority;
  let good: IssuedCertificate;

  before(async () => {
    intermediate = await (await CertificateAuthority.create()).intermediate();
    good = await intermediate.issue({ commonName: 'good', uris: ['spiffe://acme.test/good'] });
  });

  it('are the certificate, which may be anybody’s', () => {
    const forwarded = believed('traefik', { [CERT]: base64Der(good) });
    assert.equal(forwarded.recomputed, true);
    assert.equal(forwarded.certificate?.fingerprint, good.fingerprint);
    assert.equal(forwarded.certificate?.spiffeId, 'spiffe://acme.test/good');
    assert.deepEqual(forwarded.chain, []);
    assert.deepEqual(forwarded.verification, { result: 'unverified', errors: [] });
  });

  it('are the certificate and what the client sent with it', () => {
    const forwarded = believed('traefik', {
      [CERT]: [good, intermediate].map(({ der }) => der.toString('base64')).join(),
    });
    assert.equal(forwarded.certificate?.fingerprint, good.fingerprint);
    assert.deepEqual(
      forwarded.chain.map(({ fingerprint }) => fingerprint),
      [intermediate.fingerprint],
    );
  });

  it('are read up to ten certificates and not with eleven', () => {
    const certificates = (count: number) => Array.from({ length: count }, () => base64Der(good)).join();
    assert.equal(believed('traefik', { [CERT]: certificates(10) }).chain.length, 9);
    assert.equal(suspicionOf('traefik', { [CERT]: certificates(11) }), `malformed ${CERT.toLowerCase()}`);
  });

  it('are never read from the text that describes the certificate', () => {
    const info = encodeURIComponent('Subject="CN=alice";SerialNumber="1";NB="1747282426";NA="1778818426"');
    assert.deepEqual(outcomeOf('traefik', { [INFO]: info }), { kind: 'absent' });
    const { certificate } = believed('traefik', { [CERT]: base64Der(good), [INFO]: info });
    assert.equal(certificate?.subject, 'CN=good');
  });

  it('are malformed where they are anything but base64 and commas', () => {
    const base64 = base64Der(good);
    for (const value of [
      escapedPem(good),
      `${base64},`,
      `,${base64}`,
      `${base64}, ${base64}`,
      `${base64};${base64}`,
      encodeURIComponent(base64),
      base64.slice(1),
      ','.repeat(500),
    ]) {
      assert.equal(suspicionOf('traefik', { [CERT]: value }), `malformed ${CERT.toLowerCase()}`, value.slice(0, 40));
    }
  });

  it('are an attempt from a stranger, and when either comes twice', () => {
    const sent = { [CERT]: base64Der(good) };
    assert.match(suspicionOf('traefik', sent, FROM_A_STRANGER), /^untrusted_peer /);
    assert.match(suspicionOf('traefik', { [INFO]: 'Subject%3D' }, FROM_A_STRANGER), /^untrusted_peer /);
    const twice = [...Object.entries(sent), [CERT.toUpperCase(), base64Der(good)] as const];
    assert.equal(suspicionOf('traefik', twice), `duplicate_header ${CERT.toLowerCase()}`);
  });
});
