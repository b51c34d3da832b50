import assert from 'node:assert/strict';
import {
  decimalNumber,
  distinguishedName,
  hexNumber,
  isoTime,
  mayBeSameName,
  nameToShow,
  opensslTime,
  sha1InHex,
  sha256InHex,
  utcTime,
} from '../../src/forwarded/copied-values';

describe('values that proxies copy out of certificates', () => {
  const table = <Value>(
    decode: (text: string) => Value | undefined,
    rows: Readonly<Record<string, Value>>,
    bad: string[],
  ) => {
    for (const [text, value] of Object.entries(rows)) assert.deepEqual(decode(text), value, text);
    for (const text of bad) assert.equal(decode(text), undefined, text.slice(0, 40));
  };

  it('are numbers in hex of any case, with colons or without', () => {
    table(
      hexNumber,
      {
        '01': '01',
        '1': '01',
        '00': '00',
        '0': '00',
        f3a9: 'F3A9',
        '00f3a9': 'F3A9',
        'f3:a9:0c': 'F3A90C',
        '00:f3': 'F3',
      },
      ['', ':', 'g', '0x1', '-1', 'f3:a', ':f3', 'f3:', ' f3', 'f3 ', 'f'.repeat(257)],
    );
  });

  it('are numbers in decimal', () => {
    table(decimalNumber, { '0': '00', '1': '01', '256': '0100', '4494790616335765112839': 'F3A9C01B22D45E8807' }, [
      ...['', '-1', '1.5', '1e3', 'F3', ' 1', '9'.repeat(257)],
    ]);
  });

  it('are fingerprints of their one length, zeros in front and all', () => {
    const sha256 = `00${'ab'.repeat(31)}`;
    assert.equal(sha256InHex(sha256), sha256.toUpperCase());
    assert.equal(sha256InHex(sha256.match(/../g)!.join(':')), sha256.toUpperCase());
    assert.equal(sha1InHex('00'.repeat(20)), '00'.repeat(20));
    for (const bad of ['', '00', sha256.slice(2), `${sha256}00`]) {
      assert.equal(sha256InHex(bad), undefined);
      assert.equal(sha1InHex(bad), undefined);
    }
  });

  it('are times as OpenSSL prints them, as certificates hold them, and as ISO 8601 has them', () => {
    const time = Date.UTC(2026, 9, 2, 3, 4, 5);
    table(opensslTime, { 'Oct  2 03:04:05 2026 GMT': time, 'Jan 31 00:00:00 2026 GMT': Date.UTC(2026, 0, 31) }, [
      ...[
        '',
        'Oct 2 03:04:05 2026 GMT',
        'Okt  2 03:04:05 2026 GMT',
        'Oct  2 03:04:05 2026',
        'Oct  2 24:61:00 2026 GMT',
        'Bad time value',
      ],
    ]);
    table(
      utcTime,
      {
        '261002030405Z': time,
        '20261002030405Z': time,
        '491231000000Z': Date.UTC(2049, 11, 31),
        '500101000000Z': Date.UTC(1950, 0, 1),
      },
      ['', '261002030405', '2610020304Z', '261302030405Z', 'x61002030405Z'],
    );
    table(
      isoTime,
      { '2026-10-02T03:04:05Z': time, '2026-10-02T03:04:05.000Z': time, '2026-10-02T05:04:05+02:00': time },
      ['', '2026-10-02', '2026-10-02T03:04:05', '2026-13-02T03:04:05Z', '2026-10-02 03:04:05Z', 'now'],
    );
  });

  it('are names with nothing begun at the end', () => {
    for (const name of ['CN=x', '', 'CN=a\\,b', 'CN=a\\\\', 'CN=Zo\\C3\\AB'])
      assert.equal(distinguishedName(name), name);
    for (const name of ['CN=a\\', 'CN=a\\\\\\', 'x'.repeat(3 * 1024 + 1)])
      assert.equal(distinguishedName(name), undefined);
  });

  it('are names shown like a certificate’s own', () => {
    for (const [copied, shown] of [
      ['CN=Zo\\C3\\AB', 'CN=Zoë'],
      ['CN=ZoÃ«', 'CN=Zoë'],
      ['CN=a\\,CN=b', 'CN=a\\,CN=b'],
      ['CN=a\\2CCN=b', 'CN=a\\2CCN=b'],
      ['CN=a\\0Ab', 'CN=a\\0Ab'],
      ['CN=\\\\C3\\\\AB', 'CN=\\\\C3\\\\AB'],
      ['CN=\\E2\\80\\AE', 'CN=\\E2\\80\\AE'],
    ] as const) {
      assert.equal(nameToShow(copied), shown);
    }
    assert.ok(Buffer.byteLength(nameToShow(`CN=${'x'.repeat(3000)}`)) <= 1024);
  });

  it('are the same name in every escape, and another where a separator is one in one of them only', () => {
    for (const [copied, own] of [
      ['CN=good,O=Acme', 'CN=good,O=Acme'],
      ['cn=good,o=Acme', 'CN=good,O=Acme'],
      ['CN=Zo\\C3\\AB', 'CN=Zoë'],
      ['CN=ZoÃ«', 'CN=Zoë'],
      ['CN=a\\2Cb', 'CN=a\\,b'],
      ['CN=\\ lead trail\\ ', 'CN=\\ lead trail\\ '],
      ['CN=a\\09b', 'CN=a\\09b'],
      ['CN=a=b', 'CN=a=b'],
      ['CN=second,CN=first,OU=Clients+O=Acme', 'CN=second,CN=first,OU=Clients+O=Acme'],
      ['', ''],
      // Nobody can tell: a name that was cut, a kind of attribute that proxies call by another name, an encoded value.
      ['CN=x', `CN=${'x'.repeat(100)}…`],
      ['1.2.3.4=#0C0178,CN=good', '1.2.3.4=x,CN=good'],
      ['emailAddress=a@b,CN=good', 'CN=good'],
      ['CN=#0C0178', 'CN=x'],
    ] as const) {
      assert.ok(mayBeSameName(copied, own), `${copied} | ${own}`);
    }
    for (const [copied, own] of [
      ['CN=good', 'CN=admin'],
      ['CN=good,O=Acme', 'O=Acme,CN=good'],
      ['CN=a,CN=admin', 'CN=a\\,CN\\=admin'],
      ['CN=a\\,CN=admin', 'CN=a,CN=admin'],
      ['CN=a+CN=admin', 'CN=a\\+CN=admin'],
      ['OU=Clients,O=Acme', 'OU=Clients+O=Acme'],
      ['CN=good', 'CN=good,O=Acme'],
      ['CN=Good', 'CN=good'],
      ['', 'CN=good'],
      ['CN=good', ''],
      ['"CN=good"', 'CN=good'],
      ['good', 'CN=good'],
      ['CN', 'CN='],
      ['CN=Zo\xeb', 'CN=Zoë'],
    ] as const) {
      assert.ok(!mayBeSameName(copied, own), `${copied} | ${own}`);
    }
  });
});
