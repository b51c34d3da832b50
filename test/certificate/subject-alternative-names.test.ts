import assert from 'node:assert/strict';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { isSpiffeId, readAlternativeNames } from '../../src/certificate/subject-alternative-names';
import {
  alternativeNames,
  commonName,
  directoryName,
  dns,
  element,
  email,
  ia5String,
  integer,
  ip,
  nameOf,
  octetString,
  otherName,
  rawCertificate,
  registeredId,
  sequence,
  uri,
  utf8String,
} from './raw-certificate';

const UPN = '1.3.6.1.4.1.311.20.2.3';

function certificateWith(...names: Buffer[]) {
  return parsePeerCertificate(rawCertificate({ extensions: [alternativeNames(...names)] }));
}

function namesOf(...names: Buffer[]): string[] {
  return certificateWith(...names).alternativeNames.map(({ type, value }) => `${type} ${value}`);
}

describe('subject alternative names', () => {
  it('are known by type, in the order of the certificate', () => {
    assert.deepEqual(
      certificateWith(
        dns('alice.acme.test'),
        uri('spiffe://acme/alice'),
        ip(192, 0, 2, 7),
        ip(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
        email('alice@acme.test'),
        otherName(UPN, utf8String('alice@acme.test')),
        directoryName(nameOf(['C', 'US'], ['CN', 'alice'])),
        registeredId('1.2.3.4'),
      ).alternativeNames,
      [
        { type: 'DNS', value: 'alice.acme.test' },
        { type: 'URI', value: 'spiffe://acme/alice' },
        { type: 'IP', value: '192.0.2.7' },
        { type: 'IP', value: '2001:DB8:0:0:0:0:0:1' },
        { type: 'email', value: 'alice@acme.test' },
        { type: 'otherName', value: 'UPN:alice@acme.test' },
        { type: 'dirName', value: 'CN=alice,C=US' },
        { type: 'RID', value: '1.2.3.4' },
      ],
    );
  });

  it('are none when the certificate has none', () => {
    assert.deepEqual(parsePeerCertificate(rawCertificate()).alternativeNames, []);
  });

  it('are none when the extension is malformed', () => {
    const broken = [
      element(0x30, Buffer.from([0x82, 5, 0x61])),
      octetString('x'),
      sequence(element(0x89, 'x')),
      Buffer.alloc(0),
    ];
    for (const value of broken) {
      const certificate = rawCertificate({
        extensions: [sequence(Buffer.from('0603551d11', 'hex'), octetString(value))],
      });
      assert.deepEqual(parsePeerCertificate(certificate).alternativeNames, []);
    }
  });

  it('leave out the two types that Node does not print, and go on behind them', () => {
    const x400 = element(0xa3, sequence());
    const edi = element(0xa5, element(0xa1, utf8String('x')));
    assert.deepEqual(namesOf(x400, dns('a.test'), edi, dns('b.test')), ['DNS a.test', 'DNS b.test']);
  });
});

describe('a hostile alternative name', () => {
  it('cannot pretend to be two', () => {
    assert.deepEqual(namesOf(dns('a.test, DNS:evil.test'), dns('b.test')), ['DNS a.test, DNS:evil.test', 'DNS b.test']);
    assert.deepEqual(namesOf(dns('a.test", DNS:evil.test, DNS:"')), ['DNS a.test", DNS:evil.test, DNS:"']);
    assert.deepEqual(namesOf(email('a\\", DNS:evil.test')), ['email a\\5C", DNS:evil.test']);
    assert.deepEqual(namesOf(directoryName(commonName('a, DNS:evil.test'))), ['dirName CN=a\\, DNS:evil.test']);
  });

  it('cannot pretend to be of another type', () => {
    assert.deepEqual(namesOf(dns('URI:spiffe://acme/admin')), ['DNS URI:spiffe://acme/admin']);
    assert.equal(certificateWith(dns('URI:spiffe://acme/admin')).spiffeId, undefined);
    assert.equal(certificateWith(dns('x, URI:spiffe://acme/admin')).spiffeId, undefined);
  });

  it('has its control characters escaped and its backslash too', () => {
    assert.deepEqual(namesOf(dns('good.test\0.evil.test')), ['DNS good.test\\00.evil.test']);
    assert.deepEqual(namesOf(uri('http://x/\n\x1b[2J')), ['URI http://x/\\0A\\1B[2J']);
    assert.deepEqual(namesOf(dns('a\\0Ab')), ['DNS a\\5C0Ab']);
    assert.deepEqual(namesOf(dns(Buffer.from([0x61, 0x85, 0xe9]))), ['DNS a\\C2\\85é']);
    assert.deepEqual(namesOf(otherName(UPN, utf8String('a\u202eb\n')), dns('c')), [
      'otherName UPN:a\\E2\\80\\AEb\\0A',
      'DNS c',
    ]);
    assert.deepEqual(namesOf(directoryName(commonName('a\n\u202e'))), ['dirName CN=a\\0A\\E2\\80\\AE']);
  });

  it('may be empty, odd, or there twice', () => {
    assert.deepEqual(namesOf(dns(''), dns(' '), dns('a'), dns('a'), dns("'"), uri('')), [
      'DNS ',
      'DNS  ',
      'DNS a',
      'DNS a',
      "DNS '",
      'URI ',
    ]);
    assert.deepEqual(namesOf(ip(1, 2, 3)), ['IP <invalid length=3>']);
  });

  it('is whole at 256 bytes and cut one byte beyond', () => {
    assert.deepEqual(namesOf(dns('a'.repeat(256)), dns('b'.repeat(257))), [
      `DNS ${'a'.repeat(256)}`,
      `DNS ${'b'.repeat(253)}…`,
    ]);
  });

  it('is one of 64 at most', () => {
    const names = Array.from({ length: 65 }, (_, at) => dns(`n${at}.test`));
    assert.equal(namesOf(...names.slice(0, 64)).at(-1), 'DNS n63.test');
    assert.deepEqual(namesOf(...names).length, 64);
  });
});

describe('an otherName', () => {
  it('in other languages is read as what it is, not as its bytes', () => {
    assert.deepEqual(namesOf(otherName(UPN, utf8String('zoë@学生.test'))), ['otherName UPN:zoë@学生.test']);
    assert.deepEqual(namesOf(otherName(UPN, utf8String('zoë, "学生"'))), ['otherName UPN:zoë, "学生"']);
    assert.deepEqual(namesOf(otherName('1.3.6.1.5.5.7.8.9', utf8String('学生@x.test'))), [
      'otherName SmtpUTF8Mailbox:学生@x.test',
    ]);
  });

  it('of a kind that Node does not know is read all the same', () => {
    assert.deepEqual(
      namesOf(
        otherName('1.2.3.4', utf8String('Hello Zoë')),
        otherName(UPN, utf8String('alice')),
        dns('a.test'),
        otherName('2.5.5.5', ia5String('2.16.528\n')),
        otherName('1.2.3.5', integer(7)),
        otherName(UPN, ia5String('UPN of another type')),
        otherName('1.2.3.6', element(0x1e, Buffer.from('5b66751f', 'hex'))),
      ),
      [
        'otherName 1.2.3.4:Hello Zoë',
        'otherName UPN:alice',
        'DNS a.test',
        'otherName 2.5.5.5:2.16.528\\0A',
        'otherName 1.2.3.5',
        `otherName ${UPN}:UPN of another type`,
        'otherName 1.2.3.6:学生',
      ],
    );
  });

  it('cannot pretend to be of a kind that Node does not know', () => {
    assert.deepEqual(namesOf(otherName(UPN, utf8String('<unsupported>')), otherName('1.2.3.4', utf8String('x'))), [
      'otherName UPN:<unsupported>',
      'otherName 1.2.3.4:x',
    ]);
  });

  it('stays unknown when nobody may look closer, or the rest cannot be read', () => {
    const der = rawCertificate({ extensions: [alternativeNames(otherName('1.2.3.4', utf8String('x')))] });
    const unread = parsePeerCertificate(der, { mayReadDetails: () => false });
    assert.deepEqual(unread.alternativeNames, [{ type: 'otherName', value: '<unsupported>' }]);
    assert.equal(Object.isFrozen(unread.alternativeNames), true);

    const many = Array.from({ length: 200 }, () => otherName('1.2.3.4', utf8String('x')));
    assert.deepEqual(certificateWith(...many).alternativeNames[63], { type: 'otherName', value: '<unsupported>' });
  });
});

describe('what Node prints of alternative names', () => {
  it('is read as far as it looks as expected', () => {
    for (const printed of ['x', 'DNS', 'DNS:"a', 'DNS:"a"b', 'Bogus:a', ', DNS:a']) {
      assert.deepEqual(readAlternativeNames(printed).names, [], printed);
    }
    assert.deepEqual(readAlternativeNames('DNS:a, Bogus:b, DNS:c').names, [{ type: 'DNS', value: 'a' }]);
    assert.deepEqual(readAlternativeNames('DNS:"\\q"').names, [{ type: 'DNS', value: '"\\5Cq"' }]);
  });

  it('is read in time that grows as its length, whatever it is', () => {
    const began = process.cpuUsage();
    for (const piece of ['DNS:"', '\\', '"', 'DNS:,', 'DNS:"a", ', 'DNS:"\\']) {
      readAlternativeNames(`DNS:"${piece.repeat(50_000)}`);
      readAlternativeNames(piece.repeat(50_000));
    }
    assert.ok(process.cpuUsage(began).user < 2_000_000);
  });
});

describe('a SPIFFE id', () => {
  it('is the first URI that is one', () => {
    const certificate = certificateWith(
      dns('spiffe://dns/x'),
      uri('https://acme.test/'),
      uri('spiffe://acme/a%20b'),
      uri('spiffe://acme/alice'),
      uri('spiffe://acme/bob'),
    );
    assert.equal(certificate.spiffeId, 'spiffe://acme/alice');
    assert.equal(certificateWith(uri('https://acme.test/')).spiffeId, undefined);
  });

  it('is never cut, although the alternative name beside it is', () => {
    const id = `spiffe://acme.test/${'a'.repeat(2048 - 19)}`;
    assert.equal(id.length, 2048);
    const certificate = certificateWith(uri(id));
    assert.equal(certificate.spiffeId, id);
    assert.equal(certificate.alternativeNames[0]!.value.length, 254);
    assert.equal(certificateWith(uri(`${id}a`)).spiffeId, undefined);
  });

  // SPIFFE-ID section 2.
  const VALID = [
    'spiffe://acme',
    'spiffe://acme.test/ns/prod/sa/billing',
    'spiffe://a-b_c.1/A/b-C/_/9/...',
    `spiffe://${'a'.repeat(255)}/x`,
    'spiffe://acme/.a/..b',
  ];
  const INVALID = [
    '',
    'spiffe:',
    'spiffe://',
    'spiffe:///x',
    'SPIFFE://acme/x',
    'https://acme/x',
    ' spiffe://acme/x',
    'spiffe://Acme/x',
    'spiffe://acme:8443/x',
    'spiffe://user@acme/x',
    'spiffe://acme/x?y',
    'spiffe://acme/x#y',
    'spiffe://acme/',
    'spiffe://acme/x/',
    'spiffe://acme//x',
    'spiffe://acme/.',
    'spiffe://acme/..',
    'spiffe://acme/./x',
    'spiffe://acme/x/../y',
    'spiffe://acme/a b',
    'spiffe://acme/a%41',
    'spiffe://acme/zoë',
    'spiffe://acme/x\n',
    'spiffe://acme/x\n/y',
    'spiffe://[::1]/x',
    `spiffe://${'a'.repeat(256)}/x`,
  ];
  for (const id of VALID) it(`may be ${id.slice(0, 60)}`, () => assert.equal(isSpiffeId(id), true));
  for (const id of INVALID) it(`is not ${JSON.stringify(id.slice(0, 60))}`, () => assert.equal(isSpiffeId(id), false));
});
