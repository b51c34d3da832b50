import assert from 'node:assert/strict';
import { onlyElement } from '../../src/forwarded/xfcc-element';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { believed, escapedPem, type HeaderLines, outcomeOf, suspicionOf } from './forwarded-request';
import { byteSequence, digest } from './vendor-encodings';

const HASH = '468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688';

describe('Envoy’s x-forwarded-client-cert', () => {
  let authority: CertificateAuthority;
  let good: IssuedCertificate;
  let other: IssuedCertificate;

  before(async () => {
    authority = await CertificateAuthority.create({ commonName: 'Acme Clients CA' });
    good = await authority.issue({
      commonName: 'good',
      uris: ['spiffe://acme.test/good'],
      dnsNames: ['good.acme.test'],
    });
    other = await authority.issue({ commonName: 'other' });
  });

  /** With `SANITIZE_SET` and everything that can be set. */
  function header(certificate: IssuedCertificate, changes: Record<string, string | undefined> = {}): string {
    const parts: Record<string, string | undefined> = {
      By: 'spiffe://acme.test/proxy',
      Hash: digest(certificate, 'sha256', 'hex'),
      Cert: `"${escapedPem(certificate)}"`,
      Chain: `"${escapedPem(certificate)}${encodeURIComponent(authority.certificate)}"`,
      Subject: '"CN=good"',
      URI: 'spiffe://acme.test/good',
      DNS: 'good.acme.test',
      ...changes,
    };
    return Object.entries(parts)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key}=${value}`)
      .join(';');
  }

  const read = (value: string) => believed('envoy-xfcc', { 'x-forwarded-client-cert': value });
  const suspected = (value: string) => suspicionOf('envoy-xfcc', { 'x-forwarded-client-cert': value }).split(' ')[0];

  it('is the certificate, its chain and no verdict', () => {
    const forwarded = read(header(good));
    assert.equal(forwarded.recomputed, true);
    assert.equal(forwarded.certificate?.fingerprint, good.fingerprint);
    assert.equal(forwarded.certificate.spiffeId, 'spiffe://acme.test/good');
    assert.deepEqual(
      forwarded.chain.map(({ fingerprint }) => fingerprint),
      [authority.fingerprint],
    );
    assert.deepEqual(forwarded.verification, { result: 'unverified', errors: [] });
  });

  it('is the fingerprint alone in the documentation’s samples, with its one-line subject and a URI in the open', () => {
    const subject = 'Subject="/C=US/ST=CA/L=San Francisco/OU=Lyft/CN=Test Client";URI=http://testclient.lyft.com';
    const by = 'By=http://frontend.lyft.com';
    for (const sample of [
      `${by};Hash=${HASH};${subject}`,
      `${by};Hash=${HASH};${subject};DNS=lyft.com;DNS=www.lyft.com`,
      `${by};${by}/2;Hash=${HASH};${subject};URI=http://another.lyft.com`,
      `by=http://frontend.lyft.com;hash=${HASH}`,
    ]) {
      const { certificate, recomputed } = read(sample);
      assert.equal(recomputed, false);
      assert.deepEqual({ ...certificate }, { ...certificate, fingerprint: HASH.toUpperCase(), subject: undefined });
      assert.deepEqual(certificate?.alternativeNames, []);
    }
  });

  it('is suspected with a second element, as in the documentation’s sample of two proxies', () => {
    const swapped = HASH.slice(32) + HASH.slice(0, 32);
    const sample =
      `By=http://frontend.lyft.com;Hash=${HASH};URI=http://testclient.lyft.com,` +
      `By=http://backend.lyft.com;Hash=${swapped};URI=http://frontend.lyft.com`;
    assert.equal(suspected(sample), 'contradicts_itself');
  });

  it('is known by the chain’s first certificate, or by Client-Cert, where Cert is not sent', () => {
    assert.equal(read(header(good, { Cert: undefined })).certificate?.fingerprint, good.fingerprint);
    const bare = { 'x-forwarded-client-cert': header(good, { Cert: undefined, Chain: undefined }) };
    const forwarded = believed('envoy-xfcc', { ...bare, 'client-cert': byteSequence(good) });
    assert.deepEqual([forwarded.recomputed, forwarded.certificate?.fingerprint], [true, good.fingerprint]);
  });

  it('is suspected where its parts are of different certificates', () => {
    for (const changes of [
      { Hash: digest(other, 'sha256', 'hex') },
      { Cert: `"${escapedPem(other)}"` },
      { Chain: `"${escapedPem(other)}"` },
      { Subject: '"CN=other"' },
    ]) {
      assert.equal(suspected(header(good, changes)), 'contradicts_itself', JSON.stringify(changes));
    }
    const beside = { 'x-forwarded-client-cert': header(good), 'client-cert': byteSequence(other) };
    assert.match(suspicionOf('envoy-xfcc', beside), /^contradicts_itself /);
  });

  it('is malformed with two certificates where one belongs', () => {
    const two = `"${escapedPem(good)}${escapedPem(good)}"`;
    assert.equal(suspected(header(good, { Cert: two })), 'malformed');
  });

  it('is verified only together with Envoy’s word and the certificate that it is about', () => {
    const all = { 'x-forwarded-client-cert': header(good), 'client-cert': byteSequence(good) };
    const result = (more: Record<string, string>) => believed('envoy-xfcc', more).verification.result;
    assert.equal(result({ ...all, 'x-ssl-client-verify': 'SUCCESS' }), 'ok');
    assert.equal(result(all), 'unverified');
    assert.equal(result({ 'x-forwarded-client-cert': header(good), 'x-ssl-client-verify': 'SUCCESS' }), 'unverified');
    assert.equal(result({ ...all, 'x-ssl-client-verify': 'FAILED' }), 'unverified');
    assert.match(suspicionOf('envoy-xfcc', { ...all, 'x-ssl-client-verify': 'NONE' }), /^contradicts_itself /);
    assert.match(suspicionOf('envoy-xfcc', { ...all, 'x-ssl-client-verify': 'true' }), /^malformed /);
  });

  it('is missed where only a verdict or a certificate came', () => {
    assert.equal(believed('envoy-xfcc', { 'x-ssl-client-verify': 'NONE' }).verification.result, 'not_presented');
    const incomplete: HeaderLines[] = [{ 'x-ssl-client-verify': 'SUCCESS' }, { 'client-cert': byteSequence(good) }];
    for (const alone of incomplete) {
      assert.equal(suspicionOf('envoy-xfcc', alone), 'incomplete x-forwarded-client-cert');
    }
    assert.deepEqual(outcomeOf('envoy-xfcc', { 'x-forwarded-client-cert': '' }), { kind: 'absent' });
  });

  it('is incomplete without the hash, which Envoy always sends', () => {
    assert.equal(suspected(header(good, { Hash: undefined })), 'incomplete');
    assert.equal(suspected('URI='), 'incomplete');
  });

  it('is malformed where Envoy would have written something else', () => {
    for (const value of [
      'x',
      ';',
      '=',
      `Hash=${HASH};`,
      `;Hash=${HASH}`,
      `Hash =${HASH}`,
      `Hash="${HASH}"`,
      `Hash=${HASH.slice(1)}`,
      `Hash=${HASH};Subject=CN=x`,
      `Hash=${HASH};Subject="CN=x`,
      `Hash=${HASH};Subject="CN=x"y`,
      `Hash=${HASH};Cert=${encodeURIComponent('-----BEGIN CERTIFICATE-----')}`,
      `Hash=${HASH};Cert="x"`,
      `Hash=${HASH};Cert="%"`,
      `Hash=${HASH};__proto__=x`,
      `Hash=${HASH};Subject="CN=x\\"`,
    ]) {
      assert.equal(suspected(value), 'malformed', value);
    }
  });

  it('is suspected of forgery where a name may have written what stands there', () => {
    for (const names of [
      'URI=a,URI=b',
      'URI=a,',
      'URI=a;Hash=00',
      'URI=a;By=spiffe://x',
      'URI=a;Cert="x"',
      'URI=a;Chain="x"',
      'URI=a;Subject="CN=admin"',
      'URI=a"b',
      'URI="a"',
      'DNS=a;URI=b',
      'DNS=a,b',
      'URI=a;b',
      'URI=a;',
      'URI=a;;DNS=b',
      'URI=a;X=1',
    ]) {
      assert.equal(suspected(`Hash=${HASH};${names}`), 'contradicts_itself', names);
    }
    for (const twice of [
      `Hash=${HASH};Hash=${HASH}`,
      `Hash=${HASH};Subject="CN=a";Subject="CN=b"`,
      `Hash=${HASH},Hash=${HASH}`,
    ]) {
      assert.equal(suspected(twice), 'contradicts_itself', twice);
    }
  });

  it('has a URI of its own only where it is the last word and the only name', () => {
    const onlyUri = (names: string) => {
      const element = onlyElement(`Hash=00;${names}`);
      return typeof element === 'object' ? element.onlyUri : element;
    };
    assert.equal(onlyUri('URI=spiffe://a/b'), 'spiffe://a/b');
    assert.equal(onlyUri('uri=spiffe://a/b'), 'spiffe://a/b');
    assert.equal(onlyUri('URI='), '');
    assert.equal(onlyUri('URI=spiffe://a/b;DNS=x'), undefined);
    assert.equal(onlyUri('URI=spiffe://a/b;URI=x'), undefined);
    assert.equal(onlyUri('DNS=x'), undefined);
  });
});
