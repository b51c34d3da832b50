import assert from 'node:assert/strict';
import type { CertificateDetails } from '../../src/certificate/certificate-details';
import { EXTENSIONS } from '../../src/certificate/extensions';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import * as raw from './raw-certificate';

const http = (path: string) => raw.uri(`http://ca.test/${path}`);
const access = (method: string, location: Buffer) => raw.sequence(raw.objectIdentifier(method), location);
const OCSP = '1.3.6.1.5.5.7.48.1';
const CA_ISSUERS = '1.3.6.1.5.5.7.48.2';
const distributionPoint = (...names: Buffer[]) =>
  raw.sequence(raw.element(0xa0, raw.element(0xa0, ...names)), raw.element(0x81, Buffer.from([1, 0x80])));
const timestampList = (...entries: readonly Buffer[]) => {
  const list = Buffer.concat(entries.flatMap(entry => [Buffer.from([entry.length >> 8, entry.length & 0xff]), entry]));
  return raw.octetString(Buffer.from([list.length >> 8, list.length & 0xff]), list);
};

/** What an extension's value says: at least one case an entry of the table. */
const CASES: ReadonlyArray<readonly [identifier: string, value: Buffer, says: CertificateDetails]> = [
  ['2.5.29.14', raw.octetString(Buffer.from('0aff', 'hex')), { subjectKeyIdentifier: '0AFF' }],
  ['2.5.29.15', raw.bitString(7, 0x80), { keyUsage: ['digitalSignature'] }],
  ['2.5.29.15', raw.bitString(1, 0x06), { keyUsage: ['keyCertSign', 'cRLSign'] }],
  ['2.5.29.15', raw.bitString(7, 0x09, 0x80), { keyUsage: ['keyAgreement', 'encipherOnly', 'decipherOnly'] }],
  ['2.5.29.15', raw.bitString(0), { keyUsage: [] }],
  [
    '2.5.29.17',
    raw.sequence(
      raw.dns('a.test'),
      raw.otherName('1.2.3', raw.utf8String('x')),
      raw.otherName('1.2.4', raw.integer(1)),
    ),
    { otherNames: ['1.2.3:x', '1.2.4'] },
  ],
  ['2.5.29.17', raw.sequence(raw.dns('a.test')), {}],
  ['2.5.29.19', raw.sequence(raw.TRUE, raw.integer(3)), { pathLength: 3 }],
  ['2.5.29.19', raw.sequence(raw.TRUE, raw.integer(0)), { pathLength: 0 }],
  ['2.5.29.19', raw.sequence(), {}],
  [
    '2.5.29.31',
    raw.sequence(
      distributionPoint(http('a.crl'), raw.directoryName(raw.commonName('x')), http('b.crl')),
      distributionPoint(http('c.crl')),
      raw.sequence(raw.element(0xa2, raw.directoryName(raw.commonName('indirect')))),
    ),
    { crlDistributionPoints: ['http://ca.test/a.crl', 'http://ca.test/b.crl', 'http://ca.test/c.crl'] },
  ],
  [
    '2.5.29.32',
    raw.sequence(
      raw.sequence(raw.objectIdentifier('2.23.140.1.2.1')),
      raw.sequence(raw.objectIdentifier('2.5.29.32.0'), raw.sequence()),
    ),
    { policies: ['2.23.140.1.2.1', '2.5.29.32.0'] },
  ],
  ['2.5.29.35', raw.sequence(raw.element(0x80, Buffer.from('beef', 'hex'))), { authorityKeyIdentifier: 'BEEF' }],
  ['2.5.29.35', raw.sequence(raw.element(0x82, Buffer.from([1]))), {}],
  [
    '2.5.29.37',
    raw.sequence(...['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1', '1.2.3.4', '2.5.29.37.0'].map(raw.objectIdentifier)),
    { extendedKeyUsage: ['clientAuth', 'serverAuth', '1.2.3.4', 'anyExtendedKeyUsage'] },
  ],
  [
    '1.3.6.1.5.5.7.1.1',
    raw.sequence(
      access(OCSP, http('ocsp')),
      access(CA_ISSUERS, http('ca.crt')),
      access(CA_ISSUERS, raw.directoryName(raw.commonName('x'))),
      access('1.2.3.4', http('other')),
    ),
    { ocspResponders: ['http://ca.test/ocsp'], caIssuers: ['http://ca.test/ca.crt'] },
  ],
  ['1.3.6.1.4.1.11129.2.4.2', timestampList(Buffer.alloc(300), Buffer.alloc(4)), { signedCertificateTimestamps: 2 }],
  ['1.3.6.1.4.1.11129.2.4.2', timestampList(), { signedCertificateTimestamps: 0 }],
  ['1.3.6.1.4.1.11129.2.4.2', raw.octetString(Buffer.from([0, 9, 1])), {}],
];

/** Details that an extension can give, without the fields that every certificate here has. */
function detailsWith(...extensions: Buffer[]): CertificateDetails {
  const { details } = parsePeerCertificate(rawLeaf(extensions));
  const { publicKeyAlgorithm, publicKeySize, publicKeyCurve, signatureAlgorithm, selfSigned, ...rest } = details;
  assert.equal(publicKeyAlgorithm, 'EC');
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
}

const rawLeaf = (extensions: Buffer[]) => raw.rawCertificate({ issuer: raw.commonName('ca'), extensions });

describe('the extensions of a certificate', () => {
  for (const [identifier, value, says] of CASES) {
    it(`say with ${EXTENSIONS[identifier]!.name}: ${JSON.stringify(says)}`, () => {
      assert.deepEqual(detailsWith(raw.extension(identifier, value)), says);
      assert.deepEqual(detailsWith(raw.extension(identifier, value, true)), says);
    });
  }

  it('have a case for every entry of the table', () => {
    assert.deepEqual(new Set(CASES.map(([identifier]) => identifier)), new Set(Object.keys(EXTENSIONS)));
  });

  it('say nothing when they are malformed, and the others still speak', () => {
    const other = raw.extension('1.2.3.4', Buffer.from('anything'));
    for (const identifier of Object.keys(EXTENSIONS)) {
      for (const broken of [Buffer.from([0x30]), raw.utf8String('x'), raw.sequence(raw.sequence()), Buffer.alloc(0)]) {
        const sane = identifier === '2.5.29.37' ? CASES[3]! : CASES.find(([known]) => known === '2.5.29.37')!;
        const said = detailsWith(raw.extension(identifier, broken), other, raw.extension(sane[0], sane[1]));
        assert.deepEqual(said, sane[2], `${identifier} ${broken.toString('hex')}`);
      }
    }
  });

  it('say nothing when they are there twice', () => {
    const usage = (purpose: string) => raw.extension('2.5.29.37', raw.sequence(raw.objectIdentifier(purpose)));
    assert.deepEqual(detailsWith(usage('1.3.6.1.5.5.7.3.1'), usage('1.3.6.1.5.5.7.3.2')), {});
  });

  it('list 64 entries at most', () => {
    const policies = (count: number) =>
      raw.sequence(...Array.from({ length: count }, (_, at) => raw.sequence(raw.objectIdentifier(`1.2.${at}`))));
    assert.equal(detailsWith(raw.extension('2.5.29.32', policies(64))).policies?.length, 64);
    assert.equal(detailsWith(raw.extension('2.5.29.32', policies(65))).policies?.length, 64);
  });

  it('have every text bounded and escaped', () => {
    const hostile = raw.uri(Buffer.from(`http://x/\n\x9b\\${'a'.repeat(500)}`, 'latin1'));
    const { ocspResponders, crlDistributionPoints } = detailsWith(
      raw.extension('1.3.6.1.5.5.7.1.1', raw.sequence(access(OCSP, hostile))),
      raw.extension('2.5.29.31', raw.sequence(distributionPoint(hostile))),
    );
    for (const [text] of [ocspResponders!, crlDistributionPoints!]) {
      assert.match(text!, /^http:\/\/x\/\\0A\\C2\\9B\\5Ca+…$/);
      assert.ok(Buffer.byteLength(text!) <= 256);
    }
  });

  it('have key identifiers bounded', () => {
    const value = raw.octetString(Buffer.alloc(200, 0xab));
    assert.match(detailsWith(raw.extension('2.5.29.14', value)).subjectKeyIdentifier!, /^(AB){126}A…$/);
  });
});
