import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { CURVES, PUBLIC_KEY_ALGORITHMS, SIGNATURE_ALGORITHMS } from '../../src/certificate/algorithms';
import { readDer } from '../../src/certificate/der';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { isUsualKey } from '../../src/certificate/public-key';
import { CertificateAuthority, tampered } from '../support/certificate-authority';
import * as raw from './raw-certificate';

const detailsOf = (der: Uint8Array) => parsePeerCertificate(der).details;

function keyOf(key: Buffer) {
  const { publicKeyAlgorithm, publicKeySize, publicKeyCurve } = detailsOf(raw.rawCertificate({ key }));
  return [publicKeyAlgorithm, publicKeySize, publicKeyCurve];
}

/** SubjectPublicKeyInfo of any algorithm, with parameters and key as given. */
function publicKeyInfo(algorithm: string, parameters: readonly Buffer[], key: Uint8Array | readonly number[]): Buffer {
  return raw.sequence(raw.sequence(raw.objectIdentifier(algorithm), ...parameters), raw.bitString(0, ...key));
}

const EC = '1.2.840.10045.2.1';
const RSA = '1.2.840.113549.1.1.1';
const P256 = raw.objectIdentifier('1.2.840.10045.3.1.7');
const rsaKey = (modulus: Buffer, ...more: Buffer[]) =>
  publicKeyInfo(RSA, [raw.element(5)], raw.sequence(modulus, ...more));
const oddInteger = (bytes: number) => raw.integer(0x7f, ...Array.from({ length: bytes - 1 }, () => 0xff));

describe('the public key of a certificate', () => {
  const elliptic = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).publicKey;
  const MADE: ReadonlyArray<readonly [KeyObject, ...unknown[]]> = [
    [generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey, 'RSA', 1024, undefined],
    [generateKeyPairSync('rsa', { modulusLength: 1031 }).publicKey, 'RSA', 1031, undefined],
    [generateKeyPairSync('rsa-pss', { modulusLength: 1024 }).publicKey, 'RSASSA-PSS', 1024, undefined],
    [elliptic('prime256v1'), 'EC', 256, 'prime256v1'],
    [elliptic('secp384r1'), 'EC', 384, 'secp384r1'],
    [elliptic('secp521r1'), 'EC', 521, 'secp521r1'],
    [elliptic('secp256k1'), 'EC', 256, 'secp256k1'],
    [elliptic('brainpoolP256r1'), 'EC', 256, 'brainpoolP256r1'],
    [generateKeyPairSync('ed25519').publicKey, 'Ed25519', 256, undefined],
    [generateKeyPairSync('ed448').publicKey, 'Ed448', 456, undefined],
    [generateKeyPairSync('x25519').publicKey, 'X25519', 256, undefined],
  ];
  for (const [key, ...known] of MADE) {
    it(`is known: ${known.join(' ')}`, () => {
      assert.deepEqual(keyOf(raw.subjectPublicKeyInfo(key)), known);
    });
  }

  it('has the bits of its prime when it is DSA', () => {
    const parameters = raw.sequence(oddInteger(128), oddInteger(20), raw.integer(2));
    const info = publicKeyInfo('1.2.840.10040.4.1', [parameters], raw.integer(5));
    assert.deepEqual(keyOf(info), ['DSA', 1023, undefined]);
  });

  it('is named by its object identifier when nobody knows it', () => {
    assert.deepEqual(keyOf(publicKeyInfo('1.2.3.4', [], [1])), ['1.2.3.4', undefined, undefined]);
    const curve = raw.objectIdentifier('1.3.132.0.36');
    assert.deepEqual(keyOf(publicKeyInfo(EC, [curve], [4, 1, 2])), ['EC', undefined, '1.3.132.0.36']);
  });

  it('has no curve when the curve is not named', () => {
    assert.deepEqual(keyOf(publicKeyInfo(EC, [raw.sequence(raw.integer(1))], [4, 1])), ['EC', undefined, undefined]);
    assert.deepEqual(keyOf(publicKeyInfo(EC, [], [4, 1])), ['EC', undefined, undefined]);
  });

  it('has no size when it is malformed', () => {
    for (const key of [[], [0x30], [...raw.sequence()], [...raw.sequence(raw.integer(0x80))], [...raw.integer(1)]]) {
      assert.deepEqual(keyOf(publicKeyInfo(RSA, [], Buffer.from(key))), ['RSA', undefined, undefined]);
    }
  });

  it('is nothing when it is no key', () => {
    assert.deepEqual(keyOf(raw.sequence(raw.sequence(), raw.bitString(0))), [undefined, undefined, undefined]);
  });
});

describe('the tables of algorithms', () => {
  it('spell signature algorithms as Node does, where Node says them', () => {
    // Newer Nodes have X509Certificate.signatureAlgorithm, Node 20 does not.
    for (const [identifier, { name }] of Object.entries(SIGNATURE_ALGORITHMS) as [string, { name: string }][]) {
      const der = raw.rawCertificate({ algorithm: raw.sequence(raw.objectIdentifier(identifier)) });
      const certificate = new X509Certificate(der) as X509Certificate & { signatureAlgorithm?: string };
      assert.equal(detailsOf(der).signatureAlgorithm, name);
      if (certificate.signatureAlgorithm !== undefined) assert.equal(certificate.signatureAlgorithm, name);
    }
  });

  it('name an unknown signature algorithm by its object identifier', () => {
    const der = raw.rawCertificate({ algorithm: raw.sequence(raw.objectIdentifier('1.2.3.4')) });
    assert.equal(detailsOf(der).signatureAlgorithm, '1.2.3.4');
  });

  it('know only curves of which this Node can make keys, where they say so', () => {
    for (const { name, checked } of Object.values(CURVES) as { name: string; checked?: true }[]) {
      if (!checked) continue;
      const info = raw.subjectPublicKeyInfo(generateKeyPairSync('ec', { namedCurve: name }).publicKey);
      assert.equal(keyOf(info)[2], name);
    }
  });

  it('name no algorithm twice', () => {
    for (const table of [CURVES, PUBLIC_KEY_ALGORITHMS, SIGNATURE_ALGORITHMS]) {
      const names = Object.values(table).map(row => row?.name);
      assert.equal(new Set(names).size, names.length);
    }
  });
});

describe('a key that Node may be asked about', () => {
  const isUsual = (info: Buffer) => isUsualKey(readDer(new Uint8Array(info), 50));
  const point = (length: number, first = 4) => Buffer.concat([Buffer.from([first]), Buffer.alloc(length - 1, 1)]);

  it('is well formed and of a usual size and curve', () => {
    for (const { publicKey } of [
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
      generateKeyPairSync('ec', { namedCurve: 'secp521r1' }),
      generateKeyPairSync('ed25519'),
      generateKeyPairSync('ed448'),
    ] as { publicKey: KeyObject }[]) {
      assert.equal(isUsual(raw.subjectPublicKeyInfo(publicKey)), true);
    }
    assert.equal(isUsual(publicKeyInfo(EC, [P256], point(33, 2))), true);
  });

  const UNUSUAL: ReadonlyArray<readonly [string, Buffer]> = [
    ['a point with a byte too many', publicKeyInfo(EC, [P256], point(66))],
    ['a point with a byte too few', publicKeyInfo(EC, [P256], point(64))],
    ['a compressed point with a byte too many', publicKeyInfo(EC, [P256], point(34, 3))],
    ['a point of the form that mixes both', publicKeyInfo(EC, [P256], point(65, 6))],
    ['the point at infinity', publicKeyInfo(EC, [P256], [0])],
    ['no point', publicKeyInfo(EC, [P256], [])],
    ['a curve written out', publicKeyInfo(EC, [raw.sequence(raw.integer(1))], point(65))],
    [
      'a curve of whose keys Node 20 and 22 abort',
      publicKeyInfo(EC, [raw.objectIdentifier('2.23.43.1.4.8')], point(29)),
    ],
    ['no curve', publicKeyInfo(EC, [], point(65))],
    ['bits left over', raw.sequence(raw.sequence(raw.objectIdentifier(EC), P256), raw.bitString(1, ...point(65)))],
    ['an RSA key too short', rsaKey(oddInteger(63), raw.integer(3))],
    ['an RSA key too long', rsaKey(oddInteger(1025), raw.integer(3))],
    ['an RSA exponent too long', rsaKey(oddInteger(128), oddInteger(5))],
    ['an RSA key without exponent', rsaKey(oddInteger(128))],
    ['a negative RSA key', rsaKey(raw.integer(0xff, ...Buffer.alloc(127, 1)), raw.integer(3))],
    ['an Ed25519 key of another length', publicKeyInfo('1.3.101.112', [], Buffer.alloc(31))],
    ['an Ed448 key of another length', publicKeyInfo('1.3.101.113', [], Buffer.alloc(58))],
    ['DSA', publicKeyInfo('1.2.840.10040.4.1', [], raw.integer(1))],
    ['an algorithm nobody knows', publicKeyInfo('1.2.3', [], [1])],
    ['nothing of the kind', raw.sequence()],
  ];
  for (const [what, info] of UNUSUAL) it(`is not one with ${what}`, () => assert.equal(isUsual(info), false));

  it('is none when there is none', () => assert.equal(isUsualKey(undefined), false));

  it('does not end the process, even where the point is not on its curve', () => {
    const der = raw.rawCertificate({ key: publicKeyInfo(EC, [P256], point(65)) });
    assert.equal(detailsOf(der).selfSigned, undefined);
    assert.throws(() => createPublicKey({ key: publicKeyInfo(EC, [P256], point(65)), format: 'der', type: 'spki' }));
  });
});

describe('a self-signed certificate', () => {
  for (const keyType of ['ec', 'ec384', 'ec521', 'ed25519', 'rsa1024', 'rsa2048'] as const) {
    it(`is known by its signature (${keyType})`, async () => {
      const own = await CertificateAuthority.selfSigned({ keyType });
      assert.equal(detailsOf(own.der).selfSigned, true);
      assert.equal(detailsOf(tampered(own).der).selfSigned, false);
    });
  }

  it('is what a root is, and not what it issues', async () => {
    const root = await CertificateAuthority.create();
    const leaf = await root.issue();
    assert.equal(detailsOf(root.der).selfSigned, true);
    assert.equal(detailsOf(leaf.der).selfSigned, false);
  });

  it('is not one that another signed under the same name', () => {
    const stranger = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
    const der = raw.rawCertificate({ signedBy: stranger });
    assert.equal(parsePeerCertificate(der).selfIssued, true);
    assert.equal(detailsOf(der).selfSigned, false);
  });

  it('is not one that names another key, whatever the signature says', () => {
    const identifiers = (own: string, authority: string) => [
      raw.extension('2.5.29.14', raw.octetString(own)),
      raw.extension('2.5.29.35', raw.sequence(raw.element(0x80, authority))),
    ];
    assert.equal(detailsOf(raw.rawCertificate({ extensions: identifiers('a', 'b') })).selfSigned, false);
    assert.equal(detailsOf(raw.rawCertificate({ extensions: identifiers('a', 'a') })).selfSigned, true);
  });

  it('cannot be told when the key or the algorithm is not to be asked about', () => {
    const unusual = publicKeyInfo(EC, [raw.objectIdentifier('1.3.132.0.36')], Buffer.alloc(105, 4));
    assert.equal(detailsOf(raw.rawCertificate({ key: unusual })).selfSigned, undefined);
    const algorithm = raw.sequence(raw.objectIdentifier('1.2.3.4'));
    assert.equal(detailsOf(raw.rawCertificate({ algorithm })).selfSigned, undefined);
  });
});
