import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import type { Forwarder } from '../../src/forwarded/forwarded-certificate';
import { ForwardedReader } from '../../src/forwarded/forwarded-reader';
import { PRESETS } from '../../src/forwarded/presets';
import { TrustedProxies } from '../../src/forwarded/trust';
import type { Verification } from '../../src/handshake/handshake';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { escapedPem, FROM_THE_PROXY, rawHeaders, readerOf, spoken } from './forwarded-request';
import { byteSequence } from './vendor-encodings';

const OK: Verification = { result: 'ok', errors: [] };

describe('the reader of forwarded certificates', () => {
  let client: IssuedCertificate;
  let proxy: IssuedCertificate;
  let headers: string[];

  before(async () => {
    const authority = await CertificateAuthority.create();
    client = await authority.issue({ commonName: 'client' });
    proxy = await authority.issue({ commonName: 'proxy', uris: ['spiffe://acme.test/proxy'] });
    headers = rawHeaders({
      Host: 'app.test',
      'X-SSL-Client-Verify': 'SUCCESS',
      'X-SSL-Client-Cert': escapedPem(client),
    });
  });

  /** What is made of the headers, in one or two words. */
  function told(trustedProxies: string[], forwarder: Partial<Forwarder>, raw = headers): string {
    const outcome = readerOf('nginx', ...trustedProxies).read(raw, { ...FROM_THE_PROXY, ...forwarder });
    return outcome.kind === 'suspected' ? spoken(outcome.suspicion) : outcome.kind;
  }

  describe('and a peer with a certificate of its own', () => {
    const own = (certificate: IssuedCertificate) => ({
      certificate: parsePeerCertificate(certificate.der),
      verification: OK,
    });

    it('believes the proxy that is named by its certificate', () => {
      for (const named of [`fingerprint:${proxy.fingerprint}`, 'spiffe://acme.test/proxy']) {
        assert.equal(told([named], { address: '203.0.113.9', ...own(proxy) }), 'forwarded');
      }
    });

    it('does not believe a client that comes from a trusted address and speaks of another', () => {
      assert.equal(told(['loopback'], own(proxy)), 'contradicts_handshake x-ssl-client-verify');
      assert.equal(told(['loopback', `fingerprint:${proxy.fingerprint}`], own(proxy)), 'forwarded');
    });

    it('does not believe a client that comes from a trusted address and denies its own', () => {
      const none = rawHeaders({ 'X-SSL-Client-Verify': 'NONE' });
      assert.equal(told(['loopback'], own(proxy), none), 'contradicts_handshake x-ssl-client-verify');
      assert.equal(told(['loopback'], {}, none), 'forwarded');
    });

    it('sees no contradiction where both name the same certificate', () => {
      assert.equal(told(['loopback'], own(client)), 'forwarded');
    });

    it('sees one where what was forwarded does not tell which certificate it is', () => {
      const copied = rawHeaders({ 'X-SSL-Client-Verify': 'SUCCESS', 'X-SSL-Client-S-DN': 'CN=client' });
      assert.equal(told(['loopback'], own(client), copied), 'contradicts_handshake x-ssl-client-verify');
    });

    it('does not believe a proxy whose certificate did not verify', () => {
      const failed: Verification = { result: 'failed', errors: ['unknown_ca'] };
      const named = [`fingerprint:${proxy.fingerprint}`];
      assert.equal(told(named, { ...own(proxy), verification: failed }), 'untrusted_peer x-ssl-client-verify');
    });
  });

  it('names the first header that claims something, in lower case', () => {
    const mixed = ['X-SSL-Session-Reused', 'r', 'X-SSL-CLIENT-S-DN', 'CN=x', 'X-SSL-Client-Verify', 'SUCCESS'];
    assert.equal(told(['10.0.0.0/8'], {}, mixed), 'untrusted_peer x-ssl-client-s-dn');
  });

  it('tells of a stranger first, then of duplicates, other formats, and text that is not fit', () => {
    const amiss = [...headers, 'x-ssl-client-verify', 'NONE', 'l5d-client-id', 'x', 'x-ssl-client-s-dn', 'a\0b'];
    assert.match(told(['10.0.0.0/8'], {}, amiss), /^untrusted_peer /);
    assert.match(told(['loopback'], {}, amiss), /^duplicate_header x-ssl-client-verify$/);
    assert.match(told(['loopback'], {}, [...headers, ...amiss.slice(-4)]), /^several_presets l5d-client-id$/);
    assert.match(told(['loopback'], {}, [...headers, ...amiss.slice(-2)]), /^malformed x-ssl-client-s-dn$/);
  });

  it('knows a stranger’s attempt by any format’s header, whatever it is configured for', () => {
    const stranger = { address: '192.0.2.7' };
    for (const name of ['X-Forwarded-Client-Cert', 'Client-Cert', 'X-ARR-ClientCert', 'cf-cert-verified']) {
      assert.equal(told(['loopback'], stranger, [name, 'x']), `untrusted_peer ${name.toLowerCase()}`);
    }
    assert.equal(told(['loopback'], stranger, ['X-Forwarded-For', '192.0.2.1', 'X-SSL', '1']), 'absent');
  });

  it('does not believe what cannot be parsed', () => {
    const junk = Buffer.from([0x30, 3, 1, 2, 3]);
    const raw = ['client-cert', byteSequence({ der: junk })];
    const outcome = readerOf('rfc9440').read(raw, FROM_THE_PROXY);
    assert.equal(outcome.kind === 'suspected' && spoken(outcome.suspicion), 'malformed client-cert');
  });

  it('does not throw, whatever it is given', () => {
    const broken: unknown[] = [
      [],
      ['x-ssl-client-verify'],
      ['x-ssl-client-verify', undefined],
      [undefined, 'x'],
      [1, 2, {}, []],
      ['x-ssl-client-verify', { toString: () => assert.fail() }],
      Array.from({ length: 4000 }, (_, n) => (n % 2 ? 'x' : `x-ssl-client-${n}`)),
    ];
    for (const preset of PRESETS) {
      for (const raw of broken) {
        const { kind } = readerOf(preset).read(raw as string[], FROM_THE_PROXY);
        assert.notEqual(kind, 'forwarded');
      }
    }
  });

  it('says of a certificate that the proxy found wrong that anybody may have made it', () => {
    const refutedOnes: boolean[] = [];
    const parseCertificate = (der: Uint8Array, refuted: boolean) => {
      refutedOnes.push(refuted);
      return parsePeerCertificate(der);
    };
    const trustedProxies = TrustedProxies.parse(['loopback'], assert.fail)!;
    const reader = new ForwardedReader({ preset: 'nginx', trustedProxies, parseCertificate });
    for (const verdict of ['SUCCESS', 'FAILED:certificate has expired']) {
      const raw = rawHeaders({ 'X-SSL-Client-Verify': verdict, 'X-SSL-Client-Cert': escapedPem(client) });
      assert.equal(reader.read(raw, FROM_THE_PROXY).kind, 'forwarded');
    }
    assert.deepEqual(refutedOnes, [false, true]);
  });

  it('does not throw where parsing does', () => {
    const trustedProxies = TrustedProxies.parse(['loopback'], assert.fail)!;
    const parseCertificate = () => {
      throw new Error('from the parser');
    };
    const outcome = new ForwardedReader({ preset: 'nginx', trustedProxies, parseCertificate }).read(
      headers,
      FROM_THE_PROXY,
    );
    assert.equal(outcome.kind, 'suspected');
  });

  it('gives what nobody can change', () => {
    const outcome = readerOf('nginx').read(headers, FROM_THE_PROXY);
    assert.ok(outcome.kind === 'forwarded');
    for (const part of [outcome.forwarded, outcome.forwarded.verification, outcome.forwarded.chain]) {
      assert.ok(Object.isFrozen(part));
    }
  });

  it('loads no format before there is a reader', () => {
    const program = `require('${join(__dirname, '../../src/forwarded/forwarded-reader.js')}');
      require('${join(__dirname, '../../src/settings.js')}');
      process.stdout.write(Object.keys(require.cache).filter(path => /nginx|structured|formats/.test(path)).join());`;
    assert.equal(execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' }), '');
  });

  it('costs a few microseconds where no header concerns it', () => {
    const raw = rawHeaders(Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`X-Usual-Header-${n}`, 'value'])));
    const reader = readerOf('envoy-xfcc');
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 30; round++) {
      const began = performance.now();
      for (let n = 0; n < 1000; n++) reader.read(raw, FROM_THE_PROXY);
      best = Math.min(best, performance.now() - began);
    }
    // Microseconds each, as 1,000 take so many milliseconds. Measured: 0.6.
    assert.ok(best < 10, `${best} us`);
  });
});
