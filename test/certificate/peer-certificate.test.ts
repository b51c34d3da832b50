import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MAX_PARSED_BYTES, type PeerCertificate, parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { CertificateAuthority } from '../support/certificate-authority';
import * as raw from './raw-certificate';

/** A certificate of exactly so many bytes. */
function certificateOf(bytes: number): Buffer {
  const padded = (padding: number) =>
    raw.rawCertificate({ extensions: [raw.extension('1.2.3.4', Buffer.alloc(padding, 0x61))] });
  // The signature's length varies by a byte or two: until it fits.
  for (let tries = 0; tries < 200; tries++) {
    const der = padded(bytes - (padded(20_000).length - 20_000));
    if (der.length === bytes) return der;
  }
  throw new Error(`no certificate of ${bytes} bytes came about`);
}

describe('a certificate', () => {
  it('is parsed field by field', async () => {
    const authority = await CertificateAuthority.create({ commonName: 'Acme Root' });
    const notBefore = new Date('2026-01-02T03:04:05Z');
    const notAfter = new Date('2051-12-31T23:59:59Z');
    const { der, fingerprint } = await authority.issue({
      subject: [{ C: ['US'] }, { O: ['Acme'] }, { CN: ['alice'] }],
      dnsNames: ['alice.acme.test'],
      uris: ['spiffe://acme/alice'],
      serialNumber: '0a1b2c',
      notBefore,
      notAfter,
    });
    const { details, pem, alternativeNames, ...fields } = parsePeerCertificate(der);
    assert.deepEqual(
      { ...fields },
      {
        fingerprint,
        byteLength: der.length,
        parsed: true,
        subject: 'CN=alice,O=Acme,C=US',
        issuer: 'CN=Acme Root',
        serialNumber: '0A1B2C',
        notBefore: notBefore.getTime(),
        notAfter: notAfter.getTime(),
        spiffeId: 'spiffe://acme/alice',
        isCa: false,
        selfIssued: false,
      },
    );
    assert.deepEqual(alternativeNames, [
      { type: 'DNS', value: 'alice.acme.test' },
      { type: 'URI', value: 'spiffe://acme/alice' },
    ]);
    assert.equal(details.publicKeyCurve, 'prime256v1');
    assert.equal(details.signatureAlgorithm, 'ecdsa-with-SHA256');
    assert.deepEqual(details.keyUsage, ['digitalSignature']);
    assert.deepEqual(details.extendedKeyUsage, ['clientAuth']);
    assert.equal(details.authorityKeyIdentifier, parsePeerCertificate(authority.der).details.subjectKeyIdentifier);
    assert.equal(pem, raw.pem(der));
  });

  it('is an authority when its basic constraints say so', async () => {
    const authority = await CertificateAuthority.create();
    const intermediate = await authority.intermediate({ pathLength: 2 });
    assert.equal(parsePeerCertificate(authority.der).isCa, true);
    assert.equal(parsePeerCertificate(authority.der).selfIssued, true);
    assert.equal(parsePeerCertificate(intermediate.der).isCa, true);
    assert.equal(parsePeerCertificate(intermediate.der).details.pathLength, 2);
    assert.equal(parsePeerCertificate((await authority.issue()).der).isCa, false);
  });

  it('may have an empty subject, as workloads do', () => {
    const empty = parsePeerCertificate(raw.rawCertificate({ subject: raw.nameOf(), issuer: raw.commonName('ca') }));
    assert.equal(empty.subject, '');
    assert.equal(empty.issuer, 'CN=ca');
    assert.equal(empty.selfIssued, false);
  });

  it('has the serial number as OpenSSL prints it, and never a huge one', () => {
    const serial = (...bytes: number[]) =>
      parsePeerCertificate(raw.rawCertificate({ serialNumber: raw.integer(...bytes) })).serialNumber;
    assert.equal(serial(0x0a, 0xff), '0AFF');
    assert.equal(serial(0), '0');
    assert.equal(serial(0xff), '-01');
    assert.equal(serial(0, 0x80), '80');
    assert.equal(serial(...Array.from({ length: 5000 }, () => 0x11)), `${'1'.repeat(253)}…`);
  });
});

describe('the validity of a certificate', () => {
  const times = (notBefore: Buffer, notAfter: Buffer) => {
    const parsed = parsePeerCertificate(raw.rawCertificate({ notBefore, notAfter }));
    return [parsed.notBefore, parsed.notAfter];
  };
  const { utcTime, generalizedTime } = raw;

  it('is in milliseconds since the epoch, in any century', () => {
    assert.deepEqual(times(utcTime('491231235959Z'), utcTime('500101000000Z')), [
      Date.UTC(2049, 11, 31, 23, 59, 59),
      Date.UTC(1950, 0, 1),
    ]);
    assert.deepEqual(times(generalizedTime('19700101000001Z'), generalizedTime('99991231235959Z')), [
      1000,
      Date.UTC(9999, 11, 31, 23, 59, 59),
    ]);
    const [year70, year0] = times(generalizedTime('00700203040506Z'), generalizedTime('00000101000000Z'));
    assert.equal(new Date(year70!).toISOString(), '0070-02-03T04:05:06.000Z');
    assert.equal(new Date(year0!).toISOString(), '0000-01-01T00:00:00.000Z');
  });

  it('is unknown, and never NaN, where the time is none', () => {
    for (const bad of [
      utcTime('261301000000Z'),
      utcTime('260230000000Z'),
      utcTime('26'),
      utcTime('x'),
      generalizedTime('20260101'),
    ]) {
      const parsed = parsePeerCertificate(raw.rawCertificate({ notAfter: bad }));
      assert.equal(parsed.notAfter, undefined);
      if (parsed.parsed) assert.equal(parsed.notBefore, Date.UTC(2026, 0, 1));
    }
  });

  it('is in UTC whatever the offset, and whatever the zone of this process', () => {
    const [plus, fraction] = times(utcTime('260101020000+0200'), generalizedTime('20260101000000.5Z'));
    assert.equal(plus, Date.UTC(2026, 0, 1));
    assert.equal(fraction, Date.UTC(2026, 0, 1));
  });
});

describe('a certificate that cannot be parsed', () => {
  const nothingBut = ({ fingerprint, byteLength, ...rest }: PeerCertificate, der: Uint8Array) => {
    assert.equal(fingerprint, createHash('sha256').update(der).digest('hex').toUpperCase());
    assert.equal(byteLength, der.length);
    const known = Object.entries(rest).filter(([, value]) => value !== undefined);
    assert.deepEqual(known, [
      ['parsed', false],
      ['alternativeNames', []],
    ]);
  };

  it('has a fingerprint and a length', () => {
    for (const der of [Buffer.alloc(0), Buffer.from([0x30]), Buffer.from('garbage'), Buffer.alloc(16_384, 0x30)]) {
      const parsed = parsePeerCertificate(der);
      nothingBut(parsed, der);
      assert.deepEqual(parsed.details, {});
    }
  });

  it('is parsed at 16 KiB and only hashed one byte beyond', () => {
    const fits = certificateOf(MAX_PARSED_BYTES);
    assert.equal(parsePeerCertificate(fits).subject, 'CN=raw');
    assert.equal(parsePeerCertificate(fits).details.publicKeyAlgorithm, 'EC');
    assert.equal(parsePeerCertificate(fits).pem, raw.pem(fits));
    const large = certificateOf(MAX_PARSED_BYTES + 1);
    nothingBut(parsePeerCertificate(large), large);
    assert.deepEqual(parsePeerCertificate(large).details, {});
    assert.equal(parsePeerCertificate(large).pem, undefined);
  });

  it('is not PEM taken for DER', () => {
    const der = Buffer.from(raw.pem(raw.rawCertificate()));
    nothingBut(parsePeerCertificate(der), der);
  });
});

describe('a certificate within a certificate', () => {
  const inner = raw.pem(raw.rawCertificate({ subject: raw.commonName('ceo') }));
  const CARRIERS: ReadonlyArray<readonly [string, Buffer]> = [
    [
      'an extension',
      raw.rawCertificate({
        subject: raw.commonName('mallory'),
        extensions: [raw.extension('1.2.3.4', raw.octetString(`\n${inner}`))],
      }),
    ],
    [
      'its subject',
      raw.rawCertificate({
        subject: raw.nameOf(['O', `\n${inner}`], ['CN', 'mallory']),
        issuer: raw.commonName('mallory'),
      }),
    ],
    [
      'an alternative name',
      raw.rawCertificate({
        subject: raw.commonName('mallory'),
        extensions: [raw.alternativeNames(raw.dns(`\n${inner}`))],
      }),
    ],
  ];
  for (const [where, der] of CARRIERS) {
    it(`in ${where} is not taken for it, although Node does`, () => {
      const parsed = parsePeerCertificate(der);
      assert.match(parsed.subject!, /^CN=mallory/);
      assert.equal(parsed.issuer, 'CN=mallory');
      assert.equal(parsed.fingerprint, createHash('sha256').update(der).digest('hex').toUpperCase());
    });
  }
});

describe('a certificate as a value', () => {
  const der = raw.rawCertificate({
    extensions: [raw.alternativeNames(raw.dns('a.test'), raw.otherName('1.2.3.4', raw.utf8String('x')))],
  });

  it('cannot be changed', () => {
    const parsed = parsePeerCertificate(der);
    for (const part of [
      parsed,
      parsed.alternativeNames,
      parsed.alternativeNames[0],
      parsed.details,
      parsed.details.otherNames,
    ]) {
      assert.equal(Object.isFrozen(part), true);
    }
    assert.throws(() => Object.assign(parsed, { subject: 'CN=other' }), TypeError);
    assert.equal(parsed.details, parsed.details);
    assert.equal(parsed.alternativeNames, parsed.alternativeNames);
  });

  it('does not change with the bytes it came from', () => {
    const bytes = Buffer.from(der);
    const parsed = parsePeerCertificate(bytes);
    bytes.fill(0);
    assert.equal(parsed.details.publicKeyAlgorithm, 'EC');
    assert.equal(parsed.pem, raw.pem(der));
  });

  it('reads no further than the bytes it was given', () => {
    const around = Buffer.concat([Buffer.from('-----BEGIN secret'), der, Buffer.from('secret')]);
    const parsed = parsePeerCertificate(around.subarray(17, 17 + der.length));
    assert.equal(parsed.subject, 'CN=raw');
    assert.equal(parsed.pem, raw.pem(der));
  });

  it('asks once whether it may look closer, when it is first wanted', () => {
    for (const allowed of [true, false]) {
      let asked = 0;
      const mayReadDetails = () => {
        asked++;
        return allowed;
      };
      const parsed = parsePeerCertificate(raw.rawCertificate(), { mayReadDetails });
      assert.equal(asked, 0);
      assert.equal(parsed.details.publicKeyAlgorithm, allowed ? 'EC' : undefined);
      assert.equal(parsed.details, parsed.details);
      assert.equal(asked, 1);
    }
  });

  it('keeps nothing of a long text alive but what it shows', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const names = Array.from({ length: 180 }, (_, at) => raw.dns(`a-name-of-some-length-${at}.${'x'.repeat(30)}.test`));
    const inOtherLetters = raw.otherName('1.3.6.1.4.1.311.20.2.3', raw.utf8String('zoë of a name of some length'));
    const long = raw.rawCertificate({
      subject: raw.nameOf(...Array.from({ length: 20 }, (_, at) => ['OU', `${at}${'y'.repeat(90)}`] as const)),
      issuer: raw.commonName('ca'),
      extensions: [raw.alternativeNames(inOtherLetters, ...names)],
    });
    assert.ok(long.length > 12_000 && long.length <= MAX_PARSED_BYTES, `${long.length}`);
    const kept: unknown[] = [];
    const keepOne = () => {
      const parsed = parsePeerCertificate(long);
      kept.push([parsed.subject?.length, parsed.alternativeNames[0]!.value, parsed.alternativeNames[63]!.value]);
    };
    for (let warm = 0; warm < 20; warm++) keepOne();
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let count = 0; count < 400; count++) keepOne();
    collect();
    const each = (process.memoryUsage().heapUsed - before) / 400;
    // The text of the names alone is 12 KB.
    assert.ok(each < 2000, `${Math.round(each)} bytes each`);
    assert.equal(kept.length, 420);
  });
});
