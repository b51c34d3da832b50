import assert from 'node:assert/strict';
import { type PeerCertificate, parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { CertificateAuthority } from '../support/certificate-authority';
import * as raw from './raw-certificate';

/** Reads whatever can be read, and checks what holds for every certificate. */
function readAll(der: Uint8Array): PeerCertificate {
  const parsed = parsePeerCertificate(der);
  const { fingerprint, byteLength, subject, issuer, serialNumber, notBefore, notAfter, spiffeId, pem } = parsed;
  assert.match(fingerprint, /^[0-9A-F]{64}$/);
  assert.equal(byteLength, der.length);
  assert.equal(pem === undefined, der.length > 16_384);
  for (const name of [subject, issuer]) assert.ok(Buffer.byteLength(name ?? '') <= 1024);
  for (const time of [notBefore, notAfter]) assert.ok(time === undefined || Number.isSafeInteger(time));
  assert.ok(parsed.alternativeNames.length <= 64);
  assert.ok((spiffeId ?? '').length <= 2048);
  const texts = raw.stringsIn([serialNumber, parsed.alternativeNames, parsed.details]);
  for (const text of texts) assert.ok(Buffer.byteLength(text) <= 256, text);
  for (const text of raw.stringsIn([texts, subject, issuer, spiffeId])) {
    assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
  }
  return parsed;
}

/** CPU time, not the clock's: other processes have the machine too. */
function cpuMilliseconds(run: () => void): number {
  const { user, system } = process.cpuUsage();
  run();
  const after = process.cpuUsage();
  return (after.user - user + after.system - system) / 1000;
}

/** Mulberry32: the same numbers on every machine. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

describe('a hostile certificate', () => {
  let leaf: Buffer;

  before(async function () {
    this.timeout(60_000);
    const authority = await CertificateAuthority.create();
    leaf = (
      await authority.issue({
        commonName: 'alice, "+" zoë',
        organization: 'Acme',
        uris: ['spiffe://acme/alice'],
        emails: ['alice@acme.test'],
        dnsNames: ['alice.acme.test'],
        ipAddresses: ['192.0.2.7'],
      })
    ).der;
    readAll(leaf);
  });

  it('may end after any byte', () => {
    for (let length = 0; length < leaf.length; length++) {
      assert.equal(readAll(leaf.subarray(0, length)).parsed, false, `${length}`);
    }
  });

  it('may have more bytes behind it', () => {
    assert.equal(readAll(Buffer.concat([leaf, Buffer.from('more')])).parsed, true);
  });

  it('may have any byte set to any of the values that lengths and tags are made of', () => {
    for (let at = 0; at < leaf.length; at++) {
      for (const value of [0x00, 0x7f, 0x80, 0x84, 0xff, 0x30]) {
        const changed = Buffer.from(leaf);
        changed[at] = value;
        readAll(changed);
      }
    }
  }).timeout(60_000);

  it('may have bits flipped wherever', () => {
    const next = numbersFrom(20261122);
    let parsed = 0;
    for (let round = 0; round < 4000; round++) {
      const changed = Buffer.from(leaf);
      for (let flips = (next() % 4) + 1; flips > 0; flips--) changed[next() % changed.length]! ^= 1 << (next() % 8);
      if (readAll(changed).parsed) parsed++;
    }
    // Else this tests nothing but the first lines.
    assert.ok(parsed > 1000, `${parsed} of 4000 were parsed`);
  }).timeout(60_000);

  it('may be noise that looks like a certificate', () => {
    const next = numbersFrom(7);
    for (let round = 0; round < 1000; round++) {
      readAll(raw.element(0x30, Buffer.from(Array.from({ length: next() % 600 }, () => next() & 0xff))));
    }
  });
});

describe('an ASN.1 bomb', () => {
  const nested = (wrap: (inner: Buffer) => Buffer, limit: number) => {
    let whole: Buffer = Buffer.alloc(0);
    for (let next = wrap(whole); next.length <= limit; next = wrap(whole)) whole = next;
    return whole;
  };
  const filled = (tag: number, unit: number[], bytes = 15_800) =>
    raw.element(tag, Buffer.alloc(bytes).fill(Buffer.from(unit)));
  const IN_ALL = 16_000;

  const PAYLOADS: Readonly<Record<string, Buffer>> = {
    'sequences within sequences': nested(inner => raw.sequence(inner), IN_ALL),
    'octet strings within octet strings': nested(inner => raw.octetString(inner), IN_ALL),
    'bit strings within bit strings': nested(inner => raw.bitString(0, ...inner), IN_ALL),
    'sequences without an end': Buffer.alloc(IN_ALL).fill(Buffer.from([0x30, 0x80])),
    'octet strings without an end': Buffer.alloc(IN_ALL).fill(Buffer.from([0x24, 0x80])),
    'nothing, thousands of times': filled(0x30, [5, 0]),
    'object identifiers, thousands of times': filled(0x30, [6, 2, 0x2a, 3]),
    'octet strings of something, thousands of times': filled(0x30, [4, 2, 5, 0]),
    'a huge number': raw.integer(...Buffer.alloc(15_000, 0x7f)),
    'an endless object identifier': raw.element(6, Buffer.alloc(15_000, 0xff), Buffer.from([1])),
    'an object identifier of thousands of arcs': raw.element(6, Buffer.alloc(15_000, 0x7f)),
    'a tag without end': Buffer.concat([Buffer.from([0x1f]), Buffer.alloc(15_000, 0xff)]),
    'a length beyond everything': Buffer.from('3084ffffffff', 'hex'),
    'names, as many as fit': filled(0x30, [0x82, 1, 0x61]),
    'empty names, as many as fit': filled(0x30, [0x82, 0]),
    'unknown other names, as many as fit': filled(0x30, [0xa0, 7, 6, 1, 0x2a, 0xa0, 2, 5, 0]),
    'locations, as many as fit': filled(0x30, [0x30, 14, 6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 0x86, 2, 0x61, 0x62]),
  };
  const EXTENSIONS = [
    '2.5.29.14',
    '2.5.29.15',
    '2.5.29.17',
    '2.5.29.19',
    '2.5.29.31',
    '2.5.29.32',
    '2.5.29.35',
    '2.5.29.37',
    '1.3.6.1.5.5.7.1.1',
    '1.3.6.1.4.1.11129.2.4.2',
    '1.2.3.4',
  ];

  /** A generous multiple of what is measured (4 ms), and a small one of what an attacker would be after. */
  const LIMIT = 50;

  function withinLimit(der: Buffer, what: string): void {
    let best = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 3 && best > LIMIT / 4; tries++)
      best = Math.min(
        best,
        cpuMilliseconds(() => readAll(der)),
      );
    assert.ok(best < LIMIT, `${what}: ${best} ms`);
  }

  for (const [what, payload] of Object.entries(PAYLOADS)) {
    it(`ends soon: ${what}`, () => {
      withinLimit(payload, 'bare');
      for (const identifier of EXTENSIONS) {
        withinLimit(raw.rawCertificate({ extensions: [raw.extension(identifier, payload)] }), identifier);
      }
      withinLimit(raw.rawCertificate({ subject: raw.commonName(payload) }), 'in its subject');
      withinLimit(raw.rawCertificate({ subject: raw.sequence(payload) }), 'for its subject');
      withinLimit(
        raw.rawCertificate({
          key: raw.sequence(raw.sequence(raw.objectIdentifier('1.2.840.10045.2.1'), payload), raw.bitString(0, 4)),
        }),
        'for its curve',
      );
      withinLimit(
        raw.rawCertificate({
          key: raw.sequence(raw.sequence(raw.objectIdentifier('1.2.840.113549.1.1.1')), raw.bitString(0, ...payload)),
        }),
        'for its key',
      );
    }).timeout(30_000);
  }

  it('ends soon: names of thousands of steps and values', () => {
    const step = (_: unknown, at: number) => ['2.5.4.3', raw.utf8String(`${at % 10}`)] as const;
    const steps = raw.nameOf(...Array.from({ length: 1200 }, step));
    const values = raw.nameOf(Array.from({ length: 1200 }, step));
    for (const subject of [steps, values]) {
      const der = raw.rawCertificate({ subject, issuer: raw.commonName('ca') });
      assert.match(readAll(der).subject!, /^CN=\d[,+]CN=\d.*…$/);
      withinLimit(der, 'names');
    }
  });

  it('ends soon: every known extension as full as a certificate holds', () => {
    const locations = filled(0x30, [0x30, 14, 6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 0x86, 2, 0x61, 0x62], 1200);
    const names = filled(0x30, [0xa0, 10, 6, 1, 0x2a, 0xa0, 5, 12, 3, 0x61, 0x62, 0x63], 1200);
    const identifiers = filled(0x30, [6, 1, 0x2a], 1200);
    const der = raw.rawCertificate({
      extensions: EXTENSIONS.map(known =>
        raw.extension(known, known === '2.5.29.17' ? names : known === '1.3.6.1.5.5.7.1.1' ? locations : identifiers),
      ),
    });
    assert.ok(der.length <= 16_384);
    withinLimit(der, 'all');
  });
});
