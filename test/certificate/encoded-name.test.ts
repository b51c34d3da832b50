import assert from 'node:assert/strict';
import { encodedName } from '../../src/certificate/encoded-name';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { bmpString, commonName, nameOf, pem, rawCertificate, sequence, setOf, utf8String } from './raw-certificate';

describe('a distinguished name in DER', () => {
  const names: ReadonlyArray<readonly [why: string, name: Buffer]> = [
    ['one step', commonName('alice')],
    ['most specific first', nameOf(['C', 'US'], ['O', 'Acme'], ['CN', 'alice'])],
    ['several values in one step', nameOf([['CN', 'a'], ['UID', '7']])], // biome-ignore format: one name
    ['a line feed that would begin another step', commonName('a\nCN=evil')],
    ['separators and quotes', commonName('a,CN=b;c="d"\\')],
    ['other languages', commonName(bmpString('zoë 学生'))],
    ['bidirectional marks', commonName('a\u202eb')],
    ['an unknown type', nameOf(['1.2.3.4', 'a'])],
    ['a certificate in PEM inside', commonName(pem(rawCertificate({ subject: commonName('victim') })).slice(0, 600))],
    ['the empty name', nameOf()],
  ];
  for (const [why, name] of names) {
    it(`is written as in a certificate that has it: ${why}`, () => {
      const { subject } = parsePeerCertificate(rawCertificate({ subject: name, issuer: commonName('ca') }));
      assert.notEqual(subject, undefined);
      assert.equal(encodedName(name), subject);
    });
  }

  it('is read at 1 KiB and not one byte beyond', () => {
    const longest = (bytes: number) => nameOf(['O', 'x'.repeat(bytes)]);
    const envelope = longest(900).byteLength - 900;
    assert.match(encodedName(longest(1024 - envelope)) ?? '', /^O=x+$/);
    assert.equal(encodedName(longest(1025 - envelope)), undefined);
  });

  it('is unknown when it is not one name and nothing else', () => {
    const name = nameOf(['CN', 'alice']);
    const long = nameOf(['CN', 'a'.repeat(300)]);
    const broken: Record<string, Uint8Array> = {
      nothing: Buffer.alloc(0),
      'half a header': Buffer.from([0x30]),
      'half a long header': Buffer.from([0x30, 0x81]),
      'half a longer header': Buffer.from([0x30, 0x82, 0x01]),
      'a byte too many': Buffer.concat([name, Buffer.from([0])]),
      'a byte too few': name.subarray(0, -1),
      'a long name cut': long.subarray(0, -1),
      'another name behind it': Buffer.concat([name, nameOf(['CN', 'admin'])]),
      'an indefinite length': Buffer.concat([Buffer.from([0x30, 0x80]), name.subarray(2), Buffer.from([0, 0])]),
      'a set': setOf(),
      text: Buffer.from('CN=alice'),
      'a sequence of text': sequence(utf8String('CN=alice')),
      'UTF-8 that is none': commonName(utf8String(Buffer.from([0xff]))),
      PEM: Buffer.from(pem(rawCertificate())),
    };
    for (const [why, der] of Object.entries(broken)) assert.equal(encodedName(der), undefined, why);
  });
});
