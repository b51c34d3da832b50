import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { calculateJa3, calculateJa4, readTlsClientHello } from 'read-tls-client-hello';
import { ClientHello, ClientHelloCollector, MAX_CLIENT_HELLO } from '../../src/handshake/client-hello';
import {
  type HelloParts,
  helloMessage,
  inRecords,
  listOf,
  protocols,
  serverName,
} from '../support/client-hello-message';
import { recordClientHello } from '../support/raw-peer';

const NOTHING = Buffer.alloc(0);

/** The client of JA4's specification: FoxIO-LLC/ja4, technical_details/JA4.md. With GREASE, as it was sent. */
const CHROME: HelloParts = {
  ciphers: [
    0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d,
    0x002f, 0x0035,
  ],
  extensions: [
    [0x3a3a, NOTHING],
    [0x001b, Buffer.from([2, 0, 2])],
    [0x0000, serverName('foxio.example')],
    [0x0033, listOf([])],
    [0x0010, protocols('h2', 'http/1.1')],
    [0x4469, protocols('h2')],
    [0x0017, NOTHING],
    [0x002d, Buffer.from([1, 1])],
    [0x000d, listOf([0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601])],
    [0x0005, Buffer.from([1, 0, 0, 0, 0])],
    [0x0023, NOTHING],
    [0x0012, NOTHING],
    [0x002b, listOf([0x4a4a, 0x0304, 0x0303], 1)],
    [0xff01, Buffer.from([0])],
    [0x000b, Buffer.from([1, 0])],
    [0x000a, listOf([0x5a5a, 0x001d, 0x0017, 0x0018])],
    [0x0015, Buffer.alloc(20)],
  ],
};

const offered = (parts: HelloParts) => new ClientHello(helloMessage(parts));
const ja4Prefix = (parts: HelloParts) => offered(parts).ja4?.split('_')[0];

function withExtension(parts: HelloParts, id: number, content: Uint8Array): HelloParts {
  return { ...parts, extensions: parts.extensions?.map(each => (each[0] === id ? [id, content] : each)) };
}

describe('what a client offered', () => {
  it('has the JA4 that the specification gives for it', () => {
    assert.equal(offered(CHROME).ja4, 't13d1516h2_8daaf6152771_e5627efa2ab1');
  });

  // salesforce/ja3, README.
  it('has the JA3 that its authors give for it', () => {
    const first = offered({
      version: 0x0301,
      ciphers: [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
      extensions: [
        [0, serverName('a.example')],
        [10, listOf([23, 24, 25])],
        [11, Buffer.from([1, 0])],
      ],
    });
    assert.equal(first.ja3, 'ada70206e40642a3e4461f35503241d5');
  });

  it('has its JA3 also where the message ends before any extension', () => {
    const old = offered({ version: 0x0301, ciphers: [4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99] });
    assert.equal(old.ja3, 'de350869b8c85de67a350c8d186f11e6');
    assert.match(old.ja4 ?? '', /^t10i110000_[0-9a-f]{12}_000000000000$/);
    assert.deepEqual(old.versions, ['1.0']);
    assert.equal(old.groups, undefined);
  });

  it('is listed by name, most wanted first, without GREASE', () => {
    const chrome = offered(CHROME);
    assert.deepEqual(chrome.cipherSuites?.slice(0, 2), ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384']);
    assert.equal(chrome.cipherSuites?.length, 15);
    assert.deepEqual(chrome.groups, ['x25519', 'secp256r1', 'secp384r1']);
    assert.deepEqual(chrome.versions, ['1.3', '1.2']);
  });

  it('is listed by number where nobody has given it a name', () => {
    assert.deepEqual(offered({ ciphers: [0xfefd] }).cipherSuites, ['0xFEFD']);
  });

  it('is read as the library reads it from a stream', async () => {
    const hellos = [
      await recordClientHello(),
      await recordClientHello({ ALPNProtocols: ['h2', 'http/1.1'] }),
      await recordClientHello({ maxVersion: 'TLSv1.2', servername: '' }),
      await recordClientHello({ minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' }),
      inRecords(helloMessage(CHROME)),
    ];
    for (const bytes of hellos) {
      const expected = await readTlsClientHello(Readable.from([bytes], { objectMode: false }));
      const message = new ClientHelloCollector().add(bytes);
      assert.ok(message instanceof Uint8Array);
      const read = new ClientHello(message);
      assert.deepEqual([read.ja3, read.ja4], [calculateJa3(expected), calculateJa4(expected)]);
    }
  });

  describe('is fingerprinted by the specification of JA4 where the library has it otherwise', () => {
    it('counts to 99', () => {
      const ciphers = Array.from({ length: 120 }, (_, i) => i + 1);
      assert.equal(ja4Prefix({ ciphers: ciphers.slice(0, 99), extensions: [] }), 't12i990000');
      assert.equal(ja4Prefix({ ciphers, extensions: [] }), 't12i990000');
    });

    it('names the highest version that is listed, or the one of the message', () => {
      const listing = (...versions: number[]): HelloParts => ({
        ciphers: [1],
        extensions: [[43, listOf(versions, 1)]],
      });
      assert.equal(ja4Prefix(listing(0x0303, 0x0304)), 't13i010100');
      assert.equal(ja4Prefix(listing(0x0302, 0x0303)), 't12i010100');
      assert.equal(ja4Prefix(listing(0xfafa, 0x0303)), 't12i010100');
      assert.equal(ja4Prefix(listing(0x7f1c)), 't00i010100');
      assert.equal(ja4Prefix(listing()), 't12i010100');
      assert.equal(ja4Prefix(listing(0x7a7a)), 't12i010100');
    });

    for (const [version, digits] of [
      [0x0304, '13'],
      [0x0303, '12'],
      [0x0302, '11'],
      [0x0301, '10'],
      [0x0300, 's3'],
      [0x0002, 's2'],
      [0xfeff, 'd1'],
      [0xfefd, 'd2'],
      [0xfefc, 'd3'],
      [0x0305, '00'],
    ] as const) {
      it(`names version 0x${version.toString(16).padStart(4, '0')} ${digits}`, () => {
        assert.equal(ja4Prefix({ version, ciphers: [1] }), `t${digits}i010000`);
      });
    }

    it('says whether a name is asked for, even one that cannot be read', () => {
      const naming = (content: Uint8Array): HelloParts => ({ ciphers: [1], extensions: [[0, content]] });
      assert.equal(ja4Prefix(naming(serverName('a.example'))), 't12d010100');
      assert.equal(ja4Prefix(naming(NOTHING)), 't12d010100');
      assert.equal(ja4Prefix({ ciphers: [1], extensions: [] }), 't12i010000');
    });

    // The specification's own examples, under "ALPN Extension Value".
    for (const [name, ends] of [
      ['h2', 'h2'],
      ['http/1.1', 'h1'],
      ['h', 'hh'],
      ['', '00'],
      [[0xab], 'ab'],
      [[0x20], '20'],
      [[0xab, 0xcd], 'ad'],
      [[0x20, 0x61], '21'],
      [[0x30, 0xab], '3b'],
      [[0x61, 0x20], '60'],
      [[0x30, 0x31, 0xab, 0xcd], '3d'],
      [[0x30, 0xab, 0xcd, 0x31], '01'],
    ] as const) {
      it(`writes the protocol ${JSON.stringify(name)} as ${ends}`, () => {
        const asked = protocols(Buffer.from(name as string), 'http/1.1');
        assert.equal(ja4Prefix({ ciphers: [1], extensions: [[16, asked]] }), `t12i0101${ends}`);
      });
    }

    it('writes no protocol where none can be read', () => {
      for (const content of [NOTHING, Buffer.from([0, 0]), protocols()])
        assert.equal(ja4Prefix({ ciphers: [1], extensions: [[16, content]] }), 't12i010100');
    });

    it('never writes what a terminal would obey', () => {
      const asking = (name: string): HelloParts => ({ ciphers: [1], extensions: [[16, protocols(name)]] });
      assert.equal(ja4Prefix(asking('0\n')), 't12i01013a');
      assert.equal(ja4Prefix(asking('\u001b[31m_')), 't12i01011f');
    });

    it('sorts ciphers and extensions, and leaves signature algorithms as they are', () => {
      const { ciphers, extensions = [] } = CHROME;
      const shuffled = { ciphers: [...ciphers].reverse(), extensions: [...extensions].reverse() };
      assert.equal(offered(shuffled).ja4, offered(CHROME).ja4);
      assert.notEqual(offered(shuffled).ja3, offered(CHROME).ja3);
      const other = listOf([0x0804, 0x0403, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]);
      assert.notEqual(offered(withExtension(CHROME, 13, other)).ja4, offered(CHROME).ja4);
    });

    it('leaves GREASE out everywhere', () => {
      const algorithms = listOf([0x0a0a, 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0xfafa]);
      assert.equal(offered(withExtension(CHROME, 13, algorithms)).ja4, offered(CHROME).ja4);
    });

    it('takes for GREASE only the sixteen numbers that are it', () => {
      for (const high of [0x0a, 0x1a, 0x8a, 0xfa]) {
        for (const low of [0x0a, 0x1a, 0x8a, 0xfa]) {
          const isGrease = high === low;
          const number = (high << 8) | low;
          const { ja4, cipherSuites } = offered({ ciphers: [0x1301, number], extensions: [[number, NOTHING]] });
          assert.equal(ja4?.split('_')[0], isGrease ? 't12i010000' : 't12i020100', number.toString(16));
          assert.equal(cipherSuites?.length, isGrease ? 1 : 2);
        }
      }
    });

    it('ends without an underscore where there are no signature algorithms', () => {
      assert.equal(offered(withExtension(CHROME, 13, listOf([]))).ja4, 't13d1516h2_8daaf6152771_6d807ffa2a79');
    });

    it('says in zeros that there is nothing to hash', () => {
      const hashes = (parts: HelloParts) => offered(parts).ja4?.split('_').slice(1);
      assert.equal(hashes({ ciphers: [], extensions: [] })?.join(), '000000000000,000000000000');
      assert.equal(hashes({ ciphers: [0x0a0a], extensions: [[0x0a0a, NOTHING]] })?.join(), '000000000000,000000000000');
      // The name and the protocol are told before, and are no part of the hash: nothing is left.
      const onlyWhere: HelloParts = {
        ciphers: [1],
        extensions: [
          [0, serverName('a.example')],
          [16, protocols('h2')],
        ],
      };
      assert.equal(hashes(onlyWhere)?.[1], '000000000000');
      assert.notEqual(hashes(onlyWhere)?.[0], '000000000000');
    });
  });

  it('is bounded: a hundred are listed, and all are in the fingerprint', () => {
    const many = (count: number) => offered({ ciphers: Array.from({ length: count }, (_, i) => 0xc100 + i) });
    assert.equal(many(100).cipherSuites?.length, 100);
    assert.equal(many(101).cipherSuites?.length, 100);
    assert.notEqual(many(101).ja3, many(102).ja3);
  });

  it('is not known of a message that ends too early, wherever it does', () => {
    const message = helloMessage(CHROME);
    // Until it has extensions, and where one of them begins, it is whole.
    const unread = { ja3: undefined, ja4: undefined };
    for (let length = 4; length < message.length; length++) {
      const { ja3, ja4 } = new ClientHello(message.subarray(0, length));
      if (length !== 4 + 2 + 32 + 1 + 2 + 2 * CHROME.ciphers.length + 2)
        assert.deepEqual({ ja3, ja4 }, unread, `${length}`);
    }
  });

  it('never throws, whatever the bytes', () => {
    const message = helloMessage(CHROME);
    for (let at = 4; at < message.length; at++) {
      for (const value of [0x00, 0x7f, 0xff]) {
        const changed = Buffer.from(message);
        changed[at] = value;
        const { ja4 = '', cipherSuites = [], versions = [] } = new ClientHello(changed);
        assert.match([ja4, ...cipherSuites, ...versions].join(), /^[\w.,]*$/);
      }
    }
  });
});

describe('a client’s first message', () => {
  const message = helloMessage(CHROME);

  for (const [how, bytes] of Object.entries({
    'in one record': inRecords(message),
    'in records of ten bytes': inRecords(message, 10),
    'in records of one byte': inRecords(message, 1),
    'with more behind it': Buffer.concat([inRecords(message), inRecords(message)]),
  })) {
    it(`is put together ${how}, wherever it is cut`, () => {
      for (let cut = 0; cut < bytes.length; cut++) {
        const collector = new ClientHelloCollector();
        const first = collector.add(bytes.subarray(0, cut));
        assert.deepEqual(
          Buffer.from(first instanceof Uint8Array ? first : (collector.add(bytes.subarray(cut)) as Buffer)),
          message,
        );
      }
      const collector = new ClientHelloCollector();
      const pieces = [...bytes].map(byte => collector.add(Uint8Array.of(byte)));
      assert.deepEqual(Buffer.from(pieces.find(piece => piece instanceof Uint8Array) ?? []), message);
    });
  }

  it('is a copy', () => {
    const bytes = inRecords(message);
    const read = new ClientHelloCollector().add(bytes) as Uint8Array;
    bytes.fill(0);
    assert.deepEqual(Buffer.from(read), message);
    assert.equal(read.buffer.byteLength, message.length);
  });

  it('has at most 16 KiB', () => {
    const padded = (length: number) => {
      const around = helloMessage({ ciphers: [1], extensions: [[21, NOTHING]] }).length;
      return helloMessage({ ciphers: [1], extensions: [[21, Buffer.alloc(length - around)]] });
    };
    const longest = new ClientHelloCollector().add(inRecords(padded(MAX_CLIENT_HELLO), 5000));
    assert.ok(longest instanceof Uint8Array);
    assert.equal(longest.length, MAX_CLIENT_HELLO);
    const tooLong = inRecords(padded(MAX_CLIENT_HELLO + 1), 5000);
    // Known as soon as its length is.
    assert.equal(new ClientHelloCollector().add(tooLong.subarray(0, 9)), 'none');
  });

  it('is given up at the first byte that is none of it', () => {
    const record = inRecords(message);
    for (const [at, value] of [
      [0, 21],
      [1, 2],
      [5, 2],
    ] as const) {
      const other = Buffer.from(record);
      other[at] = value;
      assert.equal(new ClientHelloCollector().add(other.subarray(0, at + 1)), 'none');
      assert.equal(new ClientHelloCollector().add(record.subarray(0, at + 1)), 'incomplete');
    }
    assert.equal(new ClientHelloCollector().add(Buffer.from('GET / HTTP/1.1\r\n\r\n')), 'none');
    assert.equal(new ClientHelloCollector().add(Buffer.from('1603010000', 'hex')), 'none');
    assert.equal(new ClientHelloCollector().add(Buffer.from('1603014001', 'hex')), 'none');
  });
});
