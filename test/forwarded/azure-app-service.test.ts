import assert from 'node:assert/strict';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { base64Der, believed, escapedPem, FROM_A_STRANGER, outcomeOf, suspicionOf } from './forwarded-request';

describe('the header of Azure App Service', () => {
  let good: IssuedCertificate;

  before(async () => {
    good = await (await CertificateAuthority.create()).issue({ uris: ['spiffe://acme.test/good'] });
  });

  it('is the certificate, which nobody verified', () => {
    const forwarded = believed('azure-app-service', { 'X-ARR-ClientCert': base64Der(good) });
    assert.equal(forwarded.recomputed, true);
    assert.equal(forwarded.certificate?.fingerprint, good.fingerprint);
    assert.equal(forwarded.certificate?.spiffeId, 'spiffe://acme.test/good');
    assert.deepEqual(forwarded.verification, { result: 'unverified', errors: [] });
  });

  it('is malformed where it is anything but one certificate in bare base64', () => {
    const base64 = base64Der(good);
    for (const value of [
      escapedPem(good),
      `${base64},${base64}`,
      `${base64} `.repeat(2),
      base64.slice(0, -4),
      base64.replace(/^M/, 'A'),
      base64.replace(/.$/, '*'),
      base64.replaceAll('+', '-').replace('/', '_').replace(/^MI/, 'M_'),
      `:${base64}:`,
      Buffer.concat([good.der, good.der]).toString('base64'),
      Buffer.from('30030101ff', 'hex').toString('base64'),
      'MIIC',
      'CN=admin',
    ]) {
      const suspicion = suspicionOf('azure-app-service', { 'X-ARR-ClientCert': value });
      assert.equal(suspicion, 'malformed x-arr-clientcert', value.slice(0, 40));
    }
  });

  it('is an attempt from a stranger or twice, and nothing when it is empty', () => {
    const sent = { 'X-ARR-ClientCert': base64Der(good) };
    assert.equal(suspicionOf('azure-app-service', sent, FROM_A_STRANGER), 'untrusted_peer x-arr-clientcert');
    const twice = [...Object.entries(sent), ...Object.entries(sent)];
    assert.equal(suspicionOf('azure-app-service', twice), 'duplicate_header x-arr-clientcert');
    assert.deepEqual(outcomeOf('azure-app-service', { 'X-ARR-ClientCert': '' }), { kind: 'absent' });
  });
});
