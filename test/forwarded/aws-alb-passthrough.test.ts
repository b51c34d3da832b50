import assert from 'node:assert/strict';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { believed, FROM_A_STRANGER, outcomeOf, suspicionOf } from './forwarded-request';
import { awsPem } from './vendor-encodings';

describe('the header of an Application Load Balancer in passthrough mode', () => {
  let leaf: IssuedCertificate;
  let intermediate: CertificateAuthority;

  before(async () => {
    intermediate = await (await CertificateAuthority.create()).intermediate();
    leaf = await intermediate.issue({ uris: ['spiffe://acme.test/billing'] });
  });

  it('is the client’s chain, leaf first, which nobody verified', () => {
    const forwarded = believed('aws-alb-passthrough', { 'X-Amzn-Mtls-Clientcert': awsPem(leaf.chain) });
    assert.equal(forwarded.recomputed, true);
    assert.equal(forwarded.certificate?.fingerprint, leaf.fingerprint);
    assert.deepEqual(
      forwarded.chain.map(({ fingerprint }) => fingerprint),
      [intermediate.fingerprint],
    );
    assert.deepEqual(forwarded.verification, { result: 'unverified', errors: [] });
  });

  it('is no less unverified for an expired or self-signed certificate', async () => {
    for (const issued of [await intermediate.issue({ expired: true }), await CertificateAuthority.selfSigned()]) {
      const { verification } = believed('aws-alb-passthrough', {
        'X-Amzn-Mtls-Clientcert': awsPem(issued.certificate),
      });
      assert.equal(verification.result, 'unverified');
    }
  });

  it('is the leaf all the same where a certificate behind it cannot be parsed', () => {
    const garbage = '-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n';
    const { certificate, chain } = believed('aws-alb-passthrough', {
      'X-Amzn-Mtls-Clientcert': awsPem(leaf.certificate + garbage + leaf.chain.slice(leaf.certificate.length)),
    });
    assert.equal(certificate?.fingerprint, leaf.fingerprint);
    assert.deepEqual(
      chain.map(({ fingerprint }) => fingerprint),
      [intermediate.fingerprint],
    );
    assert.match(
      suspicionOf('aws-alb-passthrough', { 'X-Amzn-Mtls-Clientcert': awsPem(garbage + leaf.chain) }),
      /^malformed /,
    );
  });

  it('is read up to ten certificates and not with eleven', () => {
    const certificates = (count: number) => awsPem(leaf.certificate.repeat(count));
    assert.equal(believed('aws-alb-passthrough', { 'X-Amzn-Mtls-Clientcert': certificates(10) }).chain.length, 9);
    assert.equal(
      suspicionOf('aws-alb-passthrough', { 'X-Amzn-Mtls-Clientcert': certificates(11) }),
      'malformed x-amzn-mtls-clientcert',
    );
  });

  it('is malformed where anything stands beside the certificates', () => {
    const chain = awsPem(leaf.chain);
    const broken = [`${chain},x`, `x${chain}`, chain.slice(0, -20), chain.replaceAll('%0A', '%zz'), '%', 'CN=admin'];
    for (const value of broken) {
      assert.equal(
        suspicionOf('aws-alb-passthrough', { 'X-Amzn-Mtls-Clientcert': value }),
        'malformed x-amzn-mtls-clientcert',
        value.slice(0, 20),
      );
    }
  });

  it('is an attempt from a stranger, and nothing when it is not there', () => {
    const sent = { 'X-Amzn-Mtls-Clientcert': awsPem(leaf.chain) };
    assert.match(suspicionOf('aws-alb-passthrough', sent, FROM_A_STRANGER), /^untrusted_peer /);
    assert.deepEqual(outcomeOf('aws-alb-passthrough', {}), { kind: 'absent' });
  });
});
