import assert from 'node:assert/strict';
import type { CertificateIdentity } from '../../src/certificate/peer-certificate';
import type { Forwarder } from '../../src/forwarded/forwarded-certificate';
import { EXPECTED_PROXIES, TrustedProxies } from '../../src/forwarded/trust';
import type { Verification } from '../../src/handshake/handshake';

const OK: Verification = { result: 'ok', errors: [] };
const UNVERIFIED: Verification = { result: 'unverified', errors: [] };
const FAILED: Verification = { result: 'failed', errors: ['unknown_ca'] };
const FINGERPRINT = 'AB'.repeat(32);
const PROXY: CertificateIdentity = {
  fingerprint: FINGERPRINT,
  spiffeId: 'spiffe://acme.test/edge/proxy',
  alternativeNames: [],
};

/** How a peer is trusted by a list of one or more names; fails when one of them is not understood. */
function trusted(names: readonly string[], forwarder: Partial<Forwarder>): string | undefined {
  const proxies = TrustedProxies.parse(names, complaint => assert.fail(complaint));
  return proxies?.trusts({ transport: 'tcp', ...forwarder });
}

function complaintsOf(...names: unknown[]): string[] {
  const complaints: string[] = [];
  assert.equal(
    TrustedProxies.parse(names, complaint => complaints.push(complaint)),
    undefined,
  );
  return complaints;
}

describe('a trusted proxy', () => {
  // Each boundary as a pair: the last that is trusted, the first that is not.
  for (const [name, inside, outside] of [
    [
      'loopback',
      ['127.0.0.1', '127.255.255.255', '::1', '::ffff:127.0.0.1', '::FFFF:127.8.8.8'],
      ['126.255.255.255', '128.0.0.0', '::2', '::', '0.0.0.0', '::ffff:128.0.0.1'],
    ],
    ['LoopBack', ['127.0.0.1'], ['10.0.0.1']],
    [
      '10.0.0.0/8',
      ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3'],
      ['9.255.255.255', '11.0.0.0', '::ffff:11.0.0.0', '::10.0.0.1'],
    ],
    ['10.1.2.3/8', ['10.200.0.1'], ['11.1.2.3']],
    ['192.0.2.7', ['192.0.2.7', '::ffff:192.0.2.7'], ['192.0.2.6', '192.0.2.8']],
    ['192.0.2.7/32', ['192.0.2.7'], ['192.0.2.6', '192.0.2.8']],
    ['128.0.0.0/1', ['128.0.0.0', '255.255.255.255'], ['127.255.255.255']],
    ['::ffff:192.0.2.0/120', ['192.0.2.255', '::ffff:192.0.2.0'], ['192.0.3.0', '::ffff:192.0.1.255']],
    ['::ffff:c000:0207', ['192.0.2.7', '::ffff:192.0.2.7'], ['192.0.2.8']],
    ['fd00::/8', ['fd00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'FD12::1'], ['fcff::1', 'fe00::', '10.0.0.1']],
    ['2001:DB8::1', ['2001:db8::1', '2001:db8:0:0:0:0:0:1'], ['2001:db8::2']],
    ['fe80::/10', ['fe80::1%eth0', 'fe80::1'], ['fec0::1%eth0']],
  ] as const) {
    it(`may be ${name}`, () => {
      for (const address of inside) assert.equal(trusted([name], { address }), 'by_address', address);
      for (const address of outside) assert.equal(trusted([name], { address }), undefined, address);
    });
  }

  it('may be whoever comes over a Unix socket, and nobody else is then', () => {
    assert.equal(trusted(['unix'], { transport: 'pipe' }), 'by_address');
    assert.equal(trusted(['unix'], { transport: 'tcp', address: '127.0.0.1' }), undefined);
    assert.equal(trusted(['unix'], { transport: 'stream' }), undefined);
    assert.equal(trusted(['loopback'], { transport: 'pipe' }), undefined);
    assert.equal(trusted(['loopback'], { transport: 'pipe', address: '127.0.0.1' }), undefined);
  });

  for (const name of [
    `fingerprint:${FINGERPRINT}`,
    `fingerprint:${FINGERPRINT.toLowerCase()}`,
    `FINGERPRINT: ${FINGERPRINT.match(/../g)!.join(':')}`,
    'spiffe://acme.test/edge/proxy',
  ]) {
    it(`may be who comes with its own verified certificate: ${name.slice(0, 24)}...`, () => {
      const address = '203.0.113.9';
      assert.equal(trusted([name], { address, certificate: PROXY, verification: OK }), 'by_certificate');
      for (const verification of [UNVERIFIED, FAILED, undefined]) {
        assert.equal(trusted([name], { address, certificate: PROXY, verification }), undefined);
      }
      const other = { fingerprint: 'AC'.repeat(32), spiffeId: 'spiffe://acme.test/edge', alternativeNames: [] };
      assert.equal(trusted([name], { address, certificate: other, verification: OK }), undefined);
      assert.equal(trusted([name], { address, certificate: { alternativeNames: [] }, verification: OK }), undefined);
      assert.equal(trusted([name], { address, verification: OK }), undefined);
    });
  }

  it('is any of a list', () => {
    const names = ['loopback', ' unix ', '10.0.0.0/8'];
    assert.equal(trusted(names, { address: '10.0.0.1' }), 'by_address');
    assert.equal(trusted(names, { transport: 'pipe' }), 'by_address');
    assert.equal(trusted(names, { address: '192.0.2.1' }), undefined);
  });

  it('is known by its certificate rather than by where it is', () => {
    const names = ['loopback', `fingerprint:${FINGERPRINT}`];
    const here = { address: '127.0.0.1', certificate: PROXY };
    assert.equal(trusted(names, { ...here, verification: OK }), 'by_certificate');
    assert.equal(trusted(names, { ...here, verification: FAILED }), 'by_address');
  });

  it('is nobody whose address is not known, or is none', () => {
    for (const address of [undefined, '', 'localhost', '127.0.0.1:80', '[::1]', '127.1', 'x'.repeat(1000)]) {
      assert.equal(trusted(['loopback'], { address }), undefined, String(address));
    }
  });

  for (const [name, complaint] of [
    ['10.0.0.0/33', '"10.0.0.0/33" has no prefix length of 1 to 32'],
    ['10.0.0.0/-1', '"10.0.0.0/-1" has no prefix length of 1 to 32'],
    ['10.0.0.0/', '"10.0.0.0/" has no prefix length of 1 to 32'],
    ['::/129', '"::/129" has no prefix length of 1 to 128'],
    ['::ffff:10.0.0.0/95', '"::ffff:10.0.0.0/95" has no prefix length of 97 to 128'],
    ['0.0.0.0/0', '"0.0.0.0/0" would trust everybody'],
    ['::/0', '"::/0" would trust everybody'],
    ['::ffff:0.0.0.0/96', '"::ffff:0.0.0.0/96" would trust everybody'],
    ['10.0.0.0/8/8', '"10.0.0.0/8/8" is not understood'],
    ['010.0.0.1', '"010.0.0.1" is not understood'],
    ['fe80::1%eth0', '"fe80::1%eth0" is not understood'],
    ['localhost', '"localhost" is not understood'],
    ['*', '"*" is not understood'],
    ['', '"" is not understood'],
    ['__proto__', '"__proto__" is not understood'],
    ['fingerprint:ab', '"fingerprint:ab" is no SHA-256 of 64 hex digits'],
    [`fingerprint:${'AB'.repeat(20)}`, `"fingerprint:${'AB'.repeat(20)}" is no SHA-256 of 64 hex digits`],
    ['spiffe://', '"spiffe://" is no SPIFFE id'],
    ['spiffe://acme.test/*', '"spiffe://acme.test/*" is no SPIFFE id'],
    ['a\nb', '"a\\nb" is not understood'],
    ['x'.repeat(1000), `"${'x'.repeat(100)}..." is not understood`],
    [null, 'an entry of type null is no text'],
    [7, 'an entry of type number is no text'],
    [['loopback'], 'an entry of type object is no text'],
  ] as const) {
    it(`is not ${JSON.stringify(name).slice(0, 40)}, and the complaint says why and what would be`, () => {
      assert.deepEqual(complaintsOf(name), [`${complaint}; expected ${EXPECTED_PROXIES}`]);
    });
  }

  it('is lost alone when it is not understood', () => {
    const complaints: string[] = [];
    const proxies = TrustedProxies.parse(['nobody', 'loopback'], complaint => complaints.push(complaint));
    assert.equal(proxies?.trusts({ transport: 'tcp', address: '127.0.0.1' }), 'by_address');
    assert.equal(complaints.length, 1);
  });

  it('is nobody where the list is empty', () => {
    assert.deepEqual(complaintsOf(), []);
  });
});
