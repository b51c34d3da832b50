import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { commonName, nameOf, rawCertificate } from '../certificate/raw-certificate';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { believed, FROM_A_STRANGER, outcomeOf, suspicionOf } from './forwarded-request';
import { byteSequence, colonSerial, digest, googleTime } from './vendor-encodings';

/** As Google's balancer answers for one client, in the sample of its Apigee team. */
const NOT_CONFIGURED = {
  'X-Client-Cert-Error': '',
  'X-Client-Cert-Present': '',
  'X-Client-Cert-Chain-Verified': '',
  'X-Client-Cert-Serial-Number': '',
  'X-Client-Cert-Hash': '',
  'X-Client-Cert-Dnsname-Sans': '',
  'X-Client-Cert-Uri-Sans': '',
  'X-Client-Cert-Spiffe-Id': '',
  'X-Client-Cert-Valid-Not-Before': '',
  'X-Client-Cert-Valid-Not-After': '',
};

const VALID = {
  ...NOT_CONFIGURED,
  'X-Client-Cert-Present': 'true',
  'X-Client-Cert-Chain-Verified': 'true',
  'X-Client-Cert-Serial-Number': '00:ad:3e:0e:bc:c3:d4:f4:2d:ae:5b:21:3b:e4:cb:8b:f4:9d:49:a1',
  'X-Client-Cert-Hash': 'om8vGt3r6eTx5TI1kCeNKRJYZTUreIbHGu+Gu8FN8To',
  'X-Client-Cert-Dnsname-Sans': 'eGFwaS1kZXYua3VydGthbmFza2llLm5ldA==',
  'X-Client-Cert-Uri-Sans': 'aHR0cHM6Ly94YXBpLWRldi5rdXJ0a2FuYXNraWUubmV0',
  'X-Client-Cert-Valid-Not-Before': '2023-09-12T14:55:19+00:00',
  'X-Client-Cert-Valid-Not-After': '2023-10-12T14:55:18+00:00',
};

describe('the headers of a Google Cloud load balancer', () => {
  let good: IssuedCertificate;
  let other: IssuedCertificate;
  let intermediate: CertificateAuthority;
  let sent: Record<string, string>;

  before(async () => {
    const root = await CertificateAuthority.create();
    intermediate = await root.intermediate({ subject: 'C=DE, O=Acme, CN=Acme Clients CA' });
    const names = {
      subject: 'C=DE, O=Acme, CN=good',
      dnsNames: ['good.acme.test', 'good2.acme.test'],
      uris: ['spiffe://acme.test/good', 'https://good.acme.test/'],
    };
    good = await intermediate.issue({ ...names, serialNumber: '00ad3e0ebcc3d4f42d' });
    other = await intermediate.issue(names);
    sent = headersOf(good);
  });

  /** Everything the balancer can send of a certificate that verifies. */
  function headersOf(issued: IssuedCertificate): Record<string, string> {
    const { alternativeNames, spiffeId, notBefore, notAfter } = parsePeerCertificate(issued.der);
    const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');
    const list = (type: string) =>
      alternativeNames
        .filter(name => name.type === type && name.value !== spiffeId)
        .map(name => base64(name.value))
        .join(',');
    return {
      'X-Client-Cert-Present': 'true',
      'X-Client-Cert-Chain-Verified': 'true',
      'X-Client-Cert-Error': '',
      'X-Client-Cert-Hash': digest(issued, 'sha256', 'base64').replace(/=$/, ''),
      'X-Client-Cert-Serial-Number': colonSerial(issued),
      'X-Client-Cert-Subject-Dn': nameOf(['C', 'DE'], ['O', 'Acme'], ['CN', 'good']).toString('base64'),
      'X-Client-Cert-Issuer-Dn': nameOf(['C', 'DE'], ['O', 'Acme'], ['CN', 'Acme Clients CA']).toString('base64'),
      'X-Client-Cert-Spiffe-Id': spiffeId ?? '',
      'X-Client-Cert-Uri-Sans': list('URI'),
      'X-Client-Cert-Dnsname-Sans': list('DNS'),
      'X-Client-Cert-Valid-Not-Before': googleTime(notBefore!),
      'X-Client-Cert-Valid-Not-After': googleTime(notAfter!),
      'X-Client-Cert-Leaf': byteSequence(issued),
      'X-Client-Cert-Chain': byteSequence(intermediate),
    };
  }

  function withoutLeaf(headers = sent): Record<string, string> {
    return { ...headers, 'X-Client-Cert-Leaf': '', 'X-Client-Cert-Chain': '' };
  }

  it('are the certificate, computed from its bytes, its chain and Google’s verdict', () => {
    const forwarded = believed('gcp-alb', sent);
    assert.equal(forwarded.recomputed, true);
    assert.equal(forwarded.certificate?.fingerprint, good.fingerprint);
    assert.equal(forwarded.certificate?.subject, 'CN=good,O=Acme,C=DE');
    assert.deepEqual(
      forwarded.chain.map(({ fingerprint }) => fingerprint),
      [intermediate.fingerprint],
    );
    assert.deepEqual(forwarded.verification, { result: 'ok', errors: [] });
  });

  it('are the chain without the leaf, should it be in front', () => {
    const chain = `${byteSequence(good)}, ${byteSequence(intermediate)}`;
    const forwarded = believed('gcp-alb', { ...sent, 'X-Client-Cert-Chain': chain });
    assert.equal(forwarded.chain.length, 1);
  });

  it('are the copied fields where the certificate was left out', () => {
    const forwarded = believed('gcp-alb', withoutLeaf());
    const { notBefore, notAfter } = parsePeerCertificate(good.der);
    assert.equal(forwarded.recomputed, false);
    assert.deepEqual(forwarded.certificate, {
      fingerprint: good.fingerprint,
      subject: 'CN=good,O=Acme,C=DE',
      issuer: 'CN=Acme Clients CA,O=Acme,C=DE',
      serialNumber: 'AD3E0EBCC3D4F42D',
      notBefore,
      notAfter,
      alternativeNames: [
        { type: 'URI', value: 'spiffe://acme.test/good' },
        { type: 'URI', value: 'https://good.acme.test/' },
        { type: 'DNS', value: 'good.acme.test' },
        { type: 'DNS', value: 'good2.acme.test' },
      ],
      spiffeId: 'spiffe://acme.test/good',
    });
  });

  it('are read as Google’s own sample shows them', () => {
    const { certificate, verification } = believed('gcp-alb', VALID);
    assert.equal(verification.result, 'ok');
    assert.equal(certificate?.fingerprint, 'A26F2F1ADDEBE9E4F1E5323590278D29125865352B7886C71AEF86BBC14DF13A');
    assert.equal(certificate?.serialNumber, 'AD3E0EBCC3D4F42DAE5B213BE4CB8BF49D49A1');
    assert.deepEqual(certificate?.alternativeNames, [
      { type: 'URI', value: 'https://xapi-dev.kurtkanaskie.net' },
      { type: 'DNS', value: 'xapi-dev.kurtkanaskie.net' },
    ]);
    assert.equal(certificate?.notAfter, Date.UTC(2023, 9, 12, 14, 55, 18));
  });

  it('are nothing where mutual TLS is not configured', () => {
    assert.deepEqual(outcomeOf('gcp-alb', NOT_CONFIGURED), { kind: 'absent' });
  });

  it('say that no certificate was presented', () => {
    const headers = {
      ...NOT_CONFIGURED,
      'X-Client-Cert-Present': 'false',
      'X-Client-Cert-Chain-Verified': 'false',
      'X-Client-Cert-Error': 'client_cert_not_provided',
    };
    const forwarded = believed('gcp-alb', headers);
    assert.equal(forwarded.verification.result, 'not_presented');
    assert.equal(forwarded.certificate, undefined);
    assert.equal(believed('gcp-alb', { ...headers, 'X-Client-Cert-Error': '' }).verification.result, 'not_presented');
  });

  for (const [code, reason] of [
    ['client_cert_validation_failed', 'certificate_unknown'],
    ['client_cert_chain_invalid_eku', 'certificate_purpose_invalid'],
    ['client_cert_chain_exceeded_limit', 'certificate_chain_too_long'],
    ['client_cert_validation_search_limit_exceeded', 'certificate_chain_too_long'],
    ['client_cert_validation_timed_out', 'certificate_chain_too_long'],
    ['client_cert_pki_too_large', 'certificate_too_large'],
    ['client_cert_chain_max_name_constraints_exceeded', 'name_constraint_violation'],
    ['client_cert_invalid_rsa_key_size', 'certificate_weak_crypto'],
    ['client_cert_unsupported_elliptic_curve_key', 'certificate_weak_crypto'],
    ['client_cert_unsupported_key_algorithm', 'certificate_algorithm_unsupported'],
    ['client_cert_of_next_year', '_OTHER'],
  ] as const) {
    it(`take ${code} for ${reason}`, () => {
      const { certificate, verification } = believed('gcp-alb', failing(code));
      assert.deepEqual(verification, { result: 'failed', errors: [reason], message: code });
      assert.match(certificate?.fingerprint ?? '', /^1BE4AB2A48DFB3A2/);
    });
  }

  /** Of a certificate that does not verify the balancer sends the fingerprint and the error. */
  function failing(codes: string): Record<string, string> {
    return {
      ...NOT_CONFIGURED,
      'X-Client-Cert-Present': 'true',
      'X-Client-Cert-Chain-Verified': 'false',
      'X-Client-Cert-Error': codes,
      'X-Client-Cert-Hash': 'G+SrKkjfs6Kom73j7sp+hY6/5kZ+UjPdBDEyiaOUk08',
    };
  }

  it('tell all that was wrong, each once', () => {
    const codes = 'client_cert_chain_exceeded_limit,client_cert_validation_timed_out, client_cert_pki_too_large';
    const { verification } = believed('gcp-alb', failing(codes));
    assert.deepEqual(verification.errors, ['certificate_chain_too_long', 'certificate_too_large']);
  });

  it('are unverified where the balancer has nothing to verify with', () => {
    const { verification } = believed('gcp-alb', failing('client_cert_validation_not_performed'));
    assert.equal(verification.result, 'unverified');
  });

  it('say that it does not verify also where the reason is left out', () => {
    assert.deepEqual(believed('gcp-alb', failing('')).verification, {
      result: 'failed',
      errors: ['certificate_unknown'],
    });
  });

  it('stay verified where a value was left empty because of its size', () => {
    const codes = 'client_cert_uri_sans_exceeded_size_limit,client_cert_validated_leaf_exceeded_size_limit';
    const headers = { ...withoutLeaf(), 'X-Client-Cert-Error': codes, 'X-Client-Cert-Uri-Sans': '' };
    const { certificate, verification } = believed('gcp-alb', headers);
    assert.equal(verification.result, 'ok');
    assert.equal(certificate?.fingerprint, good.fingerprint);
  });

  it('name nobody by the fingerprint of nothing', () => {
    const headers = { ...NOT_CONFIGURED, 'X-Client-Cert-Present': 'true', 'X-Client-Cert-Chain-Verified': 'true' };
    const hash = createHash('sha256').digest('base64');
    assert.match(suspicionOf('gcp-alb', { ...headers, 'X-Client-Cert-Hash': hash }), /^incomplete /);
  });

  it('are suspected where the verdicts contradict each other', () => {
    for (const headers of [
      { ...sent, 'X-Client-Cert-Present': 'false' },
      { ...sent, 'X-Client-Cert-Error': 'client_cert_validation_failed' },
      { ...failing('client_cert_validation_failed'), 'X-Client-Cert-Present': 'false' },
      failing('client_cert_not_provided'),
    ]) {
      assert.match(suspicionOf('gcp-alb', headers), /^contradicts_itself /);
    }
    const absent = { ...sent, 'X-Client-Cert-Present': 'false', 'X-Client-Cert-Chain-Verified': 'false' };
    assert.match(suspicionOf('gcp-alb', absent), /^contradicts_itself /);
  });

  it('are suspected where a field is not the certificate’s', () => {
    const fields = Object.entries({
      'X-Client-Cert-Leaf': byteSequence(other),
      'X-Client-Cert-Hash': digest(other, 'sha256', 'base64'),
      'X-Client-Cert-Serial-Number': '01',
      'X-Client-Cert-Subject-Dn': commonName('admin').toString('base64'),
      'X-Client-Cert-Issuer-Dn': commonName('evil').toString('base64'),
      'X-Client-Cert-Spiffe-Id': 'spiffe://acme.test/admin',
      'X-Client-Cert-Uri-Sans': Buffer.from('https://admin.test/').toString('base64'),
      'X-Client-Cert-Dnsname-Sans': Buffer.from('admin.test').toString('base64'),
      'X-Client-Cert-Valid-Not-After': '2099-07-01T18:05:09+00:00',
    });
    for (const [name, value] of fields) {
      assert.match(suspicionOf('gcp-alb', { ...sent, [name]: value }), /^contradicts_itself /, name);
    }
  });

  it('are malformed where they are not what the documentation shows', () => {
    const base64 = nameOf(['CN', 'good']).toString('base64');
    for (const [name, value] of [
      ['Present', 'yes'],
      ['Chain-Verified', 'TRUE'],
      ['Error', 'certificate has expired'],
      ['Error', `${'client_cert_validation_failed,'.repeat(5)}x`],
      ['Hash', good.fingerprint],
      ['Hash', digest(good, 'sha256', 'hex')],
      ['Leaf', good.der.toString('base64')],
      ['Leaf', `${byteSequence(good)}, ${byteSequence(other)}`],
      ['Subject-Dn', 'CN=good,O=Acme,C=DE'],
      ['Subject-Dn', `${base64.slice(0, -4)}AAAA`],
      ['Subject-Dn', Buffer.concat([nameOf(['CN', 'good']), nameOf(['CN', 'admin'])]).toString('base64')],
      ['Issuer-Dn', rawCertificate().toString('base64')],
      ['Uri-Sans', 'https://good.acme.test/'],
      ['Dnsname-Sans', 'Z29vZA==;Z29vZA=='],
      ['Spiffe-Id', 'https://good.acme.test/'],
      ['Valid-Not-Before', 'Oct  2 00:00:00 2026 GMT'],
    ] as const) {
      const suspicion = suspicionOf('gcp-alb', { ...sent, [`X-Client-Cert-${name}`]: value });
      assert.equal(suspicion, `malformed x-client-cert-${name.toLowerCase()}`, value.slice(0, 40));
    }
  });

  it('are incomplete without a verdict', () => {
    for (const name of ['X-Client-Cert-Present', 'X-Client-Cert-Chain-Verified']) {
      const { [name]: _, ...rest } = sent;
      assert.equal(suspicionOf('gcp-alb', rest), `incomplete ${name.toLowerCase()}`);
    }
  });

  it('write a hostile name as a certificate with that name has it', () => {
    for (const name of [commonName('a,CN=admin;"b"\\'), commonName('a\nCN=admin'), commonName('zoë 学生\u202e')]) {
      const headers = { ...withoutLeaf(), 'X-Client-Cert-Subject-Dn': name.toString('base64') };
      const { subject } = parsePeerCertificate(rawCertificate({ subject: name, issuer: commonName('ca') }));
      assert.equal(believed('gcp-alb', headers).certificate?.subject, subject);
    }
  });

  it('leave out an alternative name that is no plain text, and keep the others', () => {
    const list = ['zo\xeb.test', 'a\nb', 'a\\b', 'good.test'].map(name =>
      Buffer.from(name, 'latin1').toString('base64'),
    );
    const headers = { ...withoutLeaf(VALID), 'X-Client-Cert-Uri-Sans': '', 'X-Client-Cert-Dnsname-Sans': list.join() };
    assert.deepEqual(believed('gcp-alb', headers).certificate?.alternativeNames, [{ type: 'DNS', value: 'good.test' }]);
  });

  it('are an attempt from a stranger, or when one comes twice', () => {
    assert.match(suspicionOf('gcp-alb', sent, FROM_A_STRANGER), /^untrusted_peer /);
    const twice = [...Object.entries(sent), ['X-Client-Cert-Chain-Verified', 'true'] as const];
    assert.equal(suspicionOf('gcp-alb', twice), 'duplicate_header x-client-cert-chain-verified');
  });
});
