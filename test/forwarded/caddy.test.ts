import assert from 'node:assert/strict';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { base64Der, believed, suspicionOf } from './forwarded-request';
import { byteSequence, digest } from './vendor-encodings';

describe('the headers of Caddy', () => {
  let good: IssuedCertificate;
  let other: IssuedCertificate;
  /** As the configuration in examples/proxies sends them. */
  let sent: Record<string, string>;

  before(async () => {
    const authority = await CertificateAuthority.create({ commonName: 'Acme Clients CA' });
    good = await authority.issue({ commonName: 'good', serialNumber: '00f3a9c01b22d45e8807' });
    other = await authority.issue({ commonName: 'other' });
    sent = {
      'X-Ssl-Client-Present': 'true',
      'X-Ssl-Client-Fingerprint': digest(good, 'sha256', 'hex'),
      'X-Ssl-Client-Subject': 'CN=good',
      'X-Ssl-Client-Issuer': 'CN=Acme Clients CA',
      'X-Ssl-Client-Serial': '4494790616335765112839',
      'X-Ssl-Client-San-Dns-0': '',
      'X-Ssl-Client-Der': base64Der(good),
      'Client-Cert': byteSequence(good),
      'X-Ssl-Resumed': 'false',
    };
  });

  it('are the certificate and no verdict, since Caddy has none', () => {
    const { certificate, recomputed, verification, resumed } = believed('caddy', sent);
    assert.equal(certificate?.fingerprint, good.fingerprint);
    assert.deepEqual([recomputed, verification.result, resumed], [true, 'unverified', false]);
  });

  it('are the fingerprint and the serial number where the certificate was left out', () => {
    const { 'X-Ssl-Client-Der': _, 'Client-Cert': __, ...rest } = sent;
    const { certificate, recomputed } = believed('caddy', rest);
    assert.equal(recomputed, false);
    assert.deepEqual([certificate?.fingerprint, certificate?.serialNumber], [good.fingerprint, 'F3A9C01B22D45E8807']);
    assert.equal(certificate?.subject, undefined);
  });

  it('say that the client presented none', () => {
    const { certificate, verification } = believed('caddy', {
      'X-Ssl-Client-Present': 'false',
      'X-Ssl-Resumed': 'false',
    });
    assert.deepEqual([certificate, verification.result], [undefined, 'not_presented']);
    assert.match(suspicionOf('caddy', { ...sent, 'X-Ssl-Client-Present': 'false' }), /^contradicts_itself /);
  });

  it('are suspected where a field is another certificate’s', () => {
    for (const [name, value] of Object.entries({
      'X-Ssl-Client-Fingerprint': digest(other, 'sha256', 'hex'),
      'X-Ssl-Client-Serial': '4494790616335765112840',
      'Client-Cert': byteSequence(other),
    })) {
      assert.equal(suspicionOf('caddy', { ...sent, [name]: value }), `contradicts_itself ${name.toLowerCase()}`);
    }
  });

  it('are malformed in another proxy’s writing', () => {
    for (const [name, value] of Object.entries({
      'X-Ssl-Client-Present': '1',
      'X-Ssl-Client-Serial': 'F3A9C01B22D45E8807',
      'X-Ssl-Client-Fingerprint': digest(good, 'sha1', 'hex'),
      'X-Ssl-Client-Der': encodeURIComponent(good.certificate),
    })) {
      assert.equal(suspicionOf('caddy', { ...sent, [name]: value }), `malformed ${name.toLowerCase()}`);
    }
  });

  it('are incomplete without the word that says whether there is one, or without all that tells which', () => {
    const { 'X-Ssl-Client-Present': _, ...rest } = sent;
    assert.equal(suspicionOf('caddy', rest), 'incomplete x-ssl-client-present');
    const alone = { 'X-Ssl-Client-Present': 'true', 'X-Ssl-Client-Serial': '1' };
    assert.equal(suspicionOf('caddy', alone), 'incomplete x-ssl-client-der');
  });
});
