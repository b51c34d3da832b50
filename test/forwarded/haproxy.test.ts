import assert from 'node:assert/strict';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { base64Der, believed, suspicionOf } from './forwarded-request';
import { byteSequence, digest } from './vendor-encodings';

describe('the headers of HAProxy', () => {
  let authority: CertificateAuthority;
  let good: IssuedCertificate;
  let other: IssuedCertificate;
  /** As the configuration in examples/proxies sends them. */
  let sent: Record<string, string>;

  before(async () => {
    authority = await CertificateAuthority.create({ commonName: 'Acme Clients CA' });
    good = await authority.issue({ commonName: 'good', notAfter: new Date(Date.UTC(2049, 9, 31)) });
    other = await authority.issue({ commonName: 'other' });
    sent = {
      'x-ssl': '1',
      'x-ssl-client-used': '1',
      'x-ssl-client-verify': '0',
      'x-ssl-client-ca-err': '0',
      'x-ssl-client-ca-err-depth': '0',
      'x-ssl-client-dn': 'CN=good',
      'x-ssl-issuer': 'CN=Acme Clients CA',
      'x-ssl-client-serial': good.serialNumber.toUpperCase(),
      'x-ssl-client-notafter': '491031000000Z',
      'x-ssl-client-sha1': digest(good, 'sha1', 'hex').toUpperCase(),
      'x-ssl-client-sha256': good.fingerprint,
      'x-ssl-client-chain-der': authority.der.toString('base64'),
      'x-ssl-resumed': '0',
      'client-cert': byteSequence(good),
    };
  });

  it('are the certificate, its issuers and HAProxy’s verdict', () => {
    const { certificate, chain, recomputed, verification, resumed } = believed('haproxy', sent);
    assert.equal(certificate?.fingerprint, good.fingerprint);
    assert.deepEqual(
      chain.map(({ fingerprint }) => fingerprint),
      [authority.fingerprint],
    );
    assert.deepEqual([recomputed, verification, resumed], [true, { result: 'ok', errors: [] }, false]);
  });

  it('may have the certificate in X-SSL-Client-Der instead, or in both', () => {
    const { 'client-cert': item, ...rest } = sent;
    const der = { 'x-ssl-client-der': base64Der(good) };
    assert.equal(believed('haproxy', { ...rest, ...der }).recomputed, true);
    assert.equal(believed('haproxy', { ...sent, ...der }).recomputed, true);
    const two = { ...rest, 'client-cert': item!, 'x-ssl-client-der': base64Der(other) };
    assert.equal(suspicionOf('haproxy', two), 'contradicts_itself x-ssl-client-der');
  });

  it('are several issuers in one run of DER', () => {
    const run = Buffer.concat([authority.der, good.der, authority.der]).toString('base64');
    assert.equal(believed('haproxy', { ...sent, 'x-ssl-client-chain-der': run }).chain.length, 3);
    for (const bad of [`${run}AAAA`, run.slice(0, -8), 'MAA', Buffer.alloc(99, 0x30).toString('base64')]) {
      assert.equal(
        suspicionOf('haproxy', { ...sent, 'x-ssl-client-chain-der': bad }),
        'malformed x-ssl-client-chain-der',
      );
    }
  });

  it('are the copied fields where the certificate did not fit', () => {
    const { certificate, recomputed, verification } = believed('haproxy', { ...sent, 'client-cert': '::' });
    assert.deepEqual([recomputed, verification.result], [false, 'ok']);
    assert.deepEqual(
      { ...certificate, alternativeNames: [] },
      {
        fingerprint: good.fingerprint,
        subject: 'CN=good',
        issuer: 'CN=Acme Clients CA',
        serialNumber: good.serialNumber.toUpperCase(),
        notBefore: undefined,
        notAfter: Date.UTC(2049, 9, 31),
        alternativeNames: [],
        spiffeId: undefined,
      },
    );
  });

  it('are suspected where a field is another certificate’s', () => {
    for (const [name, value] of Object.entries({
      'x-ssl-client-dn': 'CN=other',
      'x-ssl-issuer': 'CN=other',
      'x-ssl-client-serial': '01',
      'x-ssl-client-notbefore': '200101000000Z',
      'x-ssl-client-notafter': '501031000000Z',
      'x-ssl-client-sha1': '00'.repeat(20),
      'x-ssl-client-sha256': other.fingerprint,
    })) {
      assert.equal(suspicionOf('haproxy', { ...sent, [name]: value }), `contradicts_itself ${name}`);
    }
  });

  it('count a number of 0 only where a certificate was used, or stands beside it', () => {
    const { 'x-ssl-client-used': _, ...rest } = sent;
    assert.equal(believed('haproxy', rest).verification.result, 'ok');
    assert.equal(believed('haproxy', { 'x-ssl-client-verify': '0' }).verification.result, 'not_presented');
    assert.match(suspicionOf('haproxy', { 'x-ssl-client-verify': '0', 'x-ssl-client-used': '1' }), /^incomplete /);
    assert.match(suspicionOf('haproxy', { ...sent, 'x-ssl-client-used': '0' }), /^contradicts_itself /);
    assert.equal(suspicionOf('haproxy', { ...sent, 'x-ssl-client-used': '2' }), 'malformed x-ssl-client-used');
  });

  it('take a number as OpenSSL has it, the unknown for a failure too, and nothing else', () => {
    const said = (number: string) => believed('haproxy', { ...sent, 'x-ssl-client-verify': number }).verification;
    assert.deepEqual([said('10').code, said('10').errors], ['CERT_HAS_EXPIRED', ['certificate_expired']]);
    assert.deepEqual([said('94').code, said('999').code], ['EC_KEY_EXPLICIT_PARAMS', 'UNSPECIFIED']);
    assert.deepEqual([said('999').result, said('999').errors], ['failed', ['_OTHER']]);
    for (const none of ['00', '010', '-1', '+0', '0x0', '0,0', '1000', 'SUCCESS', 'ok']) {
      assert.equal(suspicionOf('haproxy', { ...sent, 'x-ssl-client-verify': none }), 'malformed x-ssl-client-verify');
    }
  });

  it('say first what is wrong with the authority', () => {
    const said = (more: Record<string, string>) => believed('haproxy', { ...sent, ...more }).verification;
    const masked = said({ 'x-ssl-client-verify': '3', 'x-ssl-client-ca-err': '19' });
    assert.deepEqual(masked.errors, ['untrusted_root', 'revocation_unavailable']);
    assert.deepEqual(said({ 'x-ssl-client-ca-err': '20' }).errors, ['unknown_ca']);
    const same = said({ 'x-ssl-client-verify': '10', 'x-ssl-client-ca-err': '10' });
    assert.deepEqual(same.errors, ['certificate_expired']);
  });
});
