import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { MAX_NAME_BYTES } from '../../src/certificate/distinguished-name';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { CertificateAuthority } from '../support/certificate-authority';
import { needsProgram } from '../support/summary';
import {
  bmpString,
  commonName,
  element,
  nameOf,
  octetString,
  pem,
  rawCertificate,
  sequence,
  setOf,
  utf8String,
} from './raw-certificate';

/** Names as they are encoded, and as RFC 4514 writes them. */
const NAMES: ReadonlyArray<readonly [why: string, name: Buffer, written: string]> = [
  ['one step', commonName('alice'), 'CN=alice'],
  ['most specific first', nameOf(['C', 'US'], ['O', 'Acme'], ['CN', 'alice']), 'CN=alice,O=Acme,C=US'],
  [
    'steps of the same type',
    nameOf(['DC', 'test'], ['DC', 'acme'], ['CN', 'a'], ['CN', 'b']),
    'CN=b,CN=a,DC=acme,DC=test',
  ],
  [
    'several values in one step',
    nameOf(
      ['C', 'DE'],
      [
        ['CN', 'a'],
        ['UID', '7'],
      ],
    ),
    'UID=7+CN=a,C=DE',
  ],
  [
    'three values in one step',
    nameOf([
      ['CN', 'a'],
      ['O', 'b'],
      ['UID', 'c'],
    ]),
    'UID=c+O=b+CN=a',
  ],
  [
    'types without a name in RFC 4514',
    nameOf(['serialNumber', '9'], ['SN', 'Barzin'], ['GN', 'Petra'], ['emailAddress', 'p@b.test']),
    'emailAddress=p@b.test,GN=Petra,SN=Barzin,serialNumber=9',
  ],
  ['a line feed that would begin another step', commonName('a\nCN=evil'), 'CN=a\\0ACN=evil'],
  ['a carriage return and line feed', commonName('a\r\nb'), 'CN=a\\0D\\0Ab'],
  ['a plus sign that would begin another value', commonName('a + UID=0'), 'CN=a \\+ UID=0'],
  [
    'a plus sign beside a real one',
    nameOf([
      ['CN', 'a + O=b'],
      ['O', ' + '],
    ]),
    'O=\\ \\+\\ +CN=a \\+ O=b',
  ],
  [
    'a backslash before a real plus sign',
    nameOf([
      ['CN', 'a\\'],
      ['UID', 'b'],
    ]),
    'UID=b+CN=a\\\\',
  ],
  [
    'an empty value beside another',
    nameOf([
      ['CN', ''],
      ['UID', 'b'],
    ]),
    'UID=b+CN=',
  ],
  ['a comma that would begin another step', commonName('a,CN=evil'), 'CN=a\\,CN=evil'],
  ['an equals sign', commonName('a=b'), 'CN=a=b'],
  ['quotes', commonName('"a"'), 'CN=\\"a\\"'],
  ['a backslash at the end', commonName('a\\'), 'CN=a\\\\'],
  ['a number sign in front', commonName('#04024869'), 'CN=\\#04024869'],
  ['a space in front and at the end', commonName('  a  '), 'CN=\\  a \\ '],
  ['nothing but a space', commonName(' '), 'CN=\\ '],
  ['semicolon and angles', commonName('a;b<c>'), 'CN=a\\;b\\<c\\>'],
  ['a NUL in front of the true end', commonName('good.test\0.evil.test'), 'CN=good.test\\00.evil.test'],
  ['a terminal command', commonName('a\x1b[2Jb'), 'CN=a\\1B[2Jb'],
  ['an empty value', nameOf(['CN', ''], ['O', 'Acme']), 'O=Acme,CN='],
  ['an unknown type', nameOf(['1.2.3.4', 'a'], ['CN', 'b']), 'CN=b,1.2.3.4=a'],
  ['other languages', commonName('zoë 学生 😀'), 'CN=zoë 学生 😀'],
  ['two bytes a character', commonName(bmpString('zoë\n')), 'CN=zoë\\0A'],
  ['one byte a character', commonName(element(0x14, Buffer.from('zo\xeb', 'latin1'))), 'CN=zoë'],
  ['C1 controls, which Node lets through', commonName('a\u0085b\u009bc'), 'CN=a\\C2\\85b\\C2\\9Bc'],
  ['bidirectional marks, which Node lets through', commonName('a\u202eb\u2066'), 'CN=a\\E2\\80\\AEb\\E2\\81\\A6'],
  ['separators, which Node lets through', commonName('a\u2028b\u2029'), 'CN=a\\E2\\80\\A8b\\E2\\80\\A9'],
  ['zero-width characters', commonName('a\u200bb\ufeff'), 'CN=a\\E2\\80\\8Bb\\EF\\BB\\BF'],
  ['a space and an invisible one', commonName('a \u200b'), 'CN=a \\E2\\80\\8B'],
  ['the empty name', nameOf(), ''],
];

describe('a distinguished name', () => {
  for (const [why, name, written] of NAMES) {
    it(`is right with ${why}: ${JSON.stringify(written)}`, () => {
      const { subject, issuer, parsed } = parsePeerCertificate(
        rawCertificate({ subject: name, issuer: commonName('ca') }),
      );
      assert.ok(parsed);
      assert.equal(subject, written);
      assert.equal(issuer, 'CN=ca');
      assert.equal(parsePeerCertificate(rawCertificate({ subject: commonName('ca'), issuer: name })).issuer, written);
    });
  }

  it('is never two names written the same', () => {
    const written = NAMES.map(([, name]) => parsePeerCertificate(rawCertificate({ subject: name })).subject);
    assert.equal(new Set(written).size, NAMES.length);
  });

  it('reads a value of a type that is no text, and shows its bytes harmlessly', () => {
    const name = sequence(setOf(sequence(Buffer.from('0603550403', 'hex'), sequence(utf8String('ab')))));
    assert.equal(parsePeerCertificate(rawCertificate({ subject: name })).subject, 'CN=0\\04\\0C\\02ab');
  });

  it('takes the certificate with it when it cannot be read at all', () => {
    for (const value of [utf8String(Buffer.from([0xff])), octetString('a'), element(0x1e, Buffer.from([0xd8, 0x3d]))]) {
      const { parsed, subject } = parsePeerCertificate(rawCertificate({ subject: commonName(value) }));
      assert.deepEqual({ parsed, subject }, { parsed: false, subject: undefined });
    }
  });
});

describe('a long distinguished name', () => {
  const subjectOf = (name: Buffer) => parsePeerCertificate(rawCertificate({ subject: name })).subject!;

  it('is whole at 1 KiB and cut one byte beyond', () => {
    const whole = 'a'.repeat(MAX_NAME_BYTES - 3);
    assert.equal(subjectOf(commonName(whole)), `CN=${whole}`);
    assert.equal(subjectOf(commonName(`${whole}a`)), `CN=${'a'.repeat(MAX_NAME_BYTES - 6)}…`);
  });

  it('keeps its most specific part', () => {
    assert.match(subjectOf(nameOf(['O', 'x'.repeat(5000)], ['CN', 'alice'])), /^CN=alice,O=xxx.*x…$/);
  });

  it('is not cut within an escape or a character', () => {
    for (let pad = 0; pad < 12; pad++) {
      for (const filler of ['\n', ',', '\u202e', '😀', '\\']) {
        const subject = subjectOf(commonName('a'.repeat(pad) + filler.repeat(1500)));
        assert.ok(Buffer.byteLength(subject) <= MAX_NAME_BYTES);
        assert.match(subject, /^CN=a*(?:(?:\\0A)*|(?:\\,)*|(?:\\E2\\80\\AE)*|(?:😀)*|(?:\\\\)*)…$/u);
      }
    }
  });
});

describe('a distinguished name beside OpenSSL', () => {
  // What OpenSSL prints with RFC2253 minus the escaping of all that is not ASCII: we show other languages as they are, and
  // dotted types with their text, where RFC 4514 would have the hexadecimal encoding.
  const NAME_OPTIONS = 'RFC2253,-esc_msb,utf8,-dump_unknown,-dump_der';
  const comparable = NAMES.filter(
    ([, name]) => !/[\u0080-\u009f\u200b-\u200f\u2028-\u202e\u2066\ufeff]/.test(name.toString()),
  );

  before(function () {
    needsProgram(this, 'openssl');
  });

  function openssl(der: Buffer): { subject: string; issuer: string; serial: string } {
    const printed = execFileSync(
      'openssl',
      ['x509', '-noout', '-subject', '-issuer', '-serial', '-nameopt', NAME_OPTIONS],
      {
        input: pem(der),
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'ignore'],
      },
    );
    const [, subject, issuer, serial] = /^subject=(.*)\nissuer=(.*)\nserial=(.*)\n$/.exec(printed)!;
    return { subject: subject!, issuer: issuer!, serial: serial! };
  }

  for (const [why, name] of comparable) {
    it(`is what OpenSSL prints: ${why}`, () => {
      const der = rawCertificate({ subject: name });
      assert.equal(parsePeerCertificate(der).subject, openssl(der).subject);
    });
  }

  it('is what OpenSSL prints of certificates that a library made', async () => {
    const authority = await CertificateAuthority.create({
      commonName: 'Root, "Test" + Sons',
      subject: [{ O: [{ utf8String: 'A, B + C' }] }, { CN: [{ utf8String: ' #root ' }] }],
    });
    const issued = await Promise.all(
      [
        'C=DE, O=Acme, CN=a+UID=7',
        [{ CN: [{ utf8String: 'a\nb, c=d;<e>"f"\\' }] }],
        [{ O: [{ printableString: 'Acme' }] }, { CN: [{ bmpString: 'zoë' }] }],
      ].map(subject => authority.issue({ subject: subject as string })),
    );
    for (const { der } of issued) {
      const ours = parsePeerCertificate(der);
      assert.deepEqual({ subject: ours.subject, issuer: ours.issuer, serial: ours.serialNumber }, openssl(der));
    }
  });
});
