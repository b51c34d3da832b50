import assert from 'node:assert/strict';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { believed, escapedPem, outcomeOf, suspicionOf } from './forwarded-request';

describe('the headers of ingress-nginx', () => {
  let good: IssuedCertificate;
  const names = { 'ssl-client-subject-dn': 'CN=good', 'ssl-client-issuer-dn': 'CN=Acme Clients CA' };

  before(async () => {
    const authority = await CertificateAuthority.create({ commonName: 'Acme Clients CA' });
    good = await authority.issue({ commonName: 'good' });
  });

  it('are the certificate, where it is passed to the upstream', () => {
    const { certificate, recomputed, verification, resumed } = believed('ingress-nginx', {
      'ssl-client-verify': 'SUCCESS',
      'ssl-client-cert': escapedPem(good),
      ...names,
    });
    assert.equal(certificate?.fingerprint, good.fingerprint);
    assert.deepEqual([recomputed, verification.result, resumed], [true, 'ok', undefined]);
  });

  it('are the names, where it is not', () => {
    const { certificate, recomputed } = believed('ingress-nginx', { 'ssl-client-verify': 'SUCCESS', ...names });
    assert.deepEqual([certificate?.subject, certificate?.issuer, recomputed], ['CN=good', 'CN=Acme Clients CA', false]);
  });

  it('say what was wrong, or that there was none', () => {
    const failed = believed('ingress-nginx', { 'ssl-client-verify': 'FAILED:certificate revoked', ...names });
    assert.deepEqual(failed.verification.errors, ['certificate_revoked']);
    assert.equal(believed('ingress-nginx', { 'ssl-client-verify': 'NONE' }).verification.result, 'not_presented');
    // On hosts without auth-tls the controller blanks them.
    const blank = { 'ssl-client-verify': '', 'ssl-client-cert': '', 'ssl-client-subject-dn': '' };
    assert.deepEqual(outcomeOf('ingress-nginx', blank), { kind: 'absent' });
  });

  it('are suspected in part, in contradiction, and under nginx’s other names', () => {
    assert.equal(suspicionOf('ingress-nginx', names), 'incomplete ssl-client-verify');
    assert.match(suspicionOf('ingress-nginx', { 'ssl-client-verify': 'SUCCESS' }), /^incomplete /);
    assert.match(suspicionOf('ingress-nginx', { 'ssl-client-verify': 'NONE', ...names }), /^contradicts_itself /);
    const theirs = {
      'ssl-client-verify': 'SUCCESS',
      'ssl-client-cert': escapedPem(good),
      'ssl-client-subject-dn': 'CN=admin',
    };
    assert.equal(suspicionOf('ingress-nginx', theirs), 'contradicts_itself ssl-client-subject-dn');
    const other = { 'ssl-client-verify': 'SUCCESS', ...names, 'X-SSL-Client-Verify': 'SUCCESS' };
    assert.equal(suspicionOf('ingress-nginx', other), 'several_presets x-ssl-client-verify');
  });
});
