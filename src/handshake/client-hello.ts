import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type * as library from 'read-tls-client-hello';

/** Bytes of a ClientHello that is read. Today's have 300 to 2,000; what is longer has no fingerprint. */
export const MAX_CLIENT_HELLO = 16 * 1024;
/** Ciphers, groups or versions that are listed. A fingerprint counts them all. */
const MAX_LISTED = 100;

/** What a client offered. Every text is made of numbers of the client's and bounded. A field is undefined when unknown. */
interface Offer {
  /** MD5 of what was offered, in the order in which it was offered. Lower-case hex. */
  readonly ja3?: string | undefined;
  /** As JA3, but sorted, since today's browsers shuffle: `t13d1516h2_8daaf6152771_02713d6af862`. */
  readonly ja4?: string | undefined;
  /** By their IANA names, `0xC0FE` where IANA has none; most wanted first, at most a hundred, without GREASE. */
  readonly cipherSuites?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  /** `1.3`, `1.2`, ...; of a client that does not list them only the highest. */
  readonly versions?: readonly string[] | undefined;
}

/** A client's first message, as it came over the wire. Looked into when first asked: some 0.1 ms. */
export class ClientHello implements Offer {
  #message: Uint8Array | undefined;
  #offer: Offer | undefined;

  /** `message`: the handshake message with its header, without any record's. */
  constructor(message: Uint8Array) {
    this.#message = message;
  }

  get ja3(): string | undefined {
    return this.#read().ja3;
  }

  get ja4(): string | undefined {
    return this.#read().ja4;
  }

  get cipherSuites(): readonly string[] | undefined {
    return this.#read().cipherSuites;
  }

  get groups(): readonly string[] | undefined {
    return this.#read().groups;
  }

  get versions(): readonly string[] | undefined {
    return this.#read().versions;
  }

  /** Once it is read, its bytes need not be kept as long as the connection lives. */
  #read(): Offer {
    if (this.#message !== undefined) {
      this.#offer = readOffer(this.#message);
      this.#message = undefined;
    }
    return this.#offer ?? NOTHING_KNOWN;
  }
}

const NOTHING_KNOWN: Offer = Object.freeze({});

/**
 * Puts a ClientHello together as it comes, in however many segments and records. What is no TLS, another message, or longer
 * than `MAX_CLIENT_HELLO` is given up at the first byte that says so.
 */
export class ClientHelloCollector {
  readonly #header = new Uint8Array(RECORD_HEADER);
  #headerLength = 0;
  /** Bytes of this record that have not come yet. */
  #recordLeft = 0;
  #message = new Uint8Array(0);
  #length = 0;

  /** The message with its header; `incomplete` as long as more must come; `none` when there will be none. */
  add(bytes: Uint8Array): Uint8Array | 'incomplete' | 'none' {
    for (let at = 0; at < bytes.length; ) {
      if (this.#recordLeft === 0) {
        if (!this.#addToHeader(bytes[at++]!)) return 'none';
        continue;
      }
      const taken = bytes.subarray(at, at + Math.min(this.#recordLeft, this.#missing()));
      this.#append(taken);
      at += taken.length;
      this.#recordLeft -= taken.length;
      if (this.#message[0] !== CLIENT_HELLO || this.#missing() > MAX_CLIENT_HELLO - this.#length) return 'none';
      if (this.#missing() === 0) return this.#message.slice(0, this.#length);
    }
    return 'incomplete';
  }

  /** False: this is no record of a handshake. */
  #addToHeader(byte: number): boolean {
    const header = this.#header;
    header[this.#headerLength++] = byte;
    if (header[0] !== HANDSHAKE_RECORD || (this.#headerLength > 1 && header[1] !== TLS_MAJOR_VERSION)) return false;
    if (this.#headerLength < RECORD_HEADER) return true;
    this.#headerLength = 0;
    this.#recordLeft = (header[3]! << 8) | header[4]!;
    return this.#recordLeft > 0 && this.#recordLeft <= MAX_RECORD;
  }

  /** Of the message; while its length is not known, of its header. */
  #missing(): number {
    if (this.#length < MESSAGE_HEADER) return MESSAGE_HEADER - this.#length;
    const [, high, middle, low] = this.#message;
    return MESSAGE_HEADER + ((high! << 16) | (middle! << 8) | low!) - this.#length;
  }

  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#message.length) {
      const larger = new Uint8Array(Math.min(Math.max(2 * this.#message.length, length, 512), MAX_CLIENT_HELLO));
      larger.set(this.#message.subarray(0, this.#length));
      this.#message = larger;
    }
    this.#message.set(bytes, this.#length);
    this.#length = length;
  }
}

// RFC 8446 sections 4 and 5.1. Last checked 2026-11-22.
const HANDSHAKE_RECORD = 22;
const TLS_MAJOR_VERSION = 3;
const RECORD_HEADER = 5;
const MAX_RECORD = 16 * 1024;
const CLIENT_HELLO = 1;
const MESSAGE_HEADER = 4;

function readOffer(message: Uint8Array): Offer {
  try {
    loaded ??= require('read-tls-client-hello') as typeof library;
    const tls = loaded;
    const hello = readMessage(message, tls);
    const named = (numbers: readonly number[] | undefined, names: Readonly<Record<number, string | undefined>>) =>
      numbers && Object.freeze(numbers.slice(0, MAX_LISTED).map(number => names[number] ?? hexadecimal(number)));
    const ciphers = withoutGrease(hello.cipherSuites);
    const groups = tls.getExtensionData(hello, SUPPORTED_GROUPS)?.groups;
    const listed = withoutGrease(tls.getExtensionData(hello, SUPPORTED_VERSIONS)?.versions ?? []);
    const versions = listed.length > 0 ? listed : [hello.version];
    const spoken = { hello, ciphers, extensions: withoutGrease(hello.extensions.map(({ id }) => id)), tls };
    return Object.freeze({
      ja3: ja3Of(spoken),
      ja4: ja4Of(spoken, versions),
      cipherSuites: named(ciphers, tls.CIPHER_SUITES),
      groups: named(groups && withoutGrease(groups), tls.SUPPORTED_GROUPS),
      versions: named(versions, VERSIONS),
    });
  } catch {
    // A message that ends before its lists do: OpenSSL will have refused it.
    return NOTHING_KNOWN;
  }
}

let loaded: typeof library | undefined;

/**
 * What the library's own `readTlsClientHello` answers (the tests compare), at once and in a hundredth of the time. That one
 * reads from a stream, and then the message from a stream again: 0.4 ms and a dozen turns of the microtask queue, in the
 * middle of somebody's handshake. It knows one record only, and waits for ever for extensions that a client left out.
 */
function readMessage(message: Uint8Array, { extensionParsers }: typeof library): library.TlsClientHelloMessage {
  const body = new Fields(Buffer.from(message.buffer, message.byteOffset, message.byteLength).subarray(MESSAGE_HEADER));
  const version = body.number(2);
  const random = body.bytes(32);
  const sessionId = body.bytes(body.number(1));
  const cipherSuites = body.part(2).numbers(2);
  const compressionMethods = body.part(1).numbers(1);
  const extensions: library.TlsExtension[] = [];
  // Absent before TLS 1.2.
  const fields = body.left > 0 ? body.part(2) : body;
  while (fields.left > 0) {
    const id = fields.number(2);
    const data = fields.bytes(fields.number(2));
    extensions.push({ id, data: READ_EXTENSIONS.has(id) ? extensionData(extensionParsers, id, data) : null });
  }
  return { version, random, sessionId, cipherSuites, compressionMethods, extensions };
}

/** Those that fingerprints and lists are made of; of the others it only matters that they are there. */
const SERVER_NAME = 0;
const SUPPORTED_GROUPS = 10;
const POINT_FORMATS = 11;
const SIGNATURE_ALGORITHMS = 13;
const ALPN = 16;
const SUPPORTED_VERSIONS = 43;
const READ_EXTENSIONS: ReadonlySet<number> = new Set([
  SERVER_NAME,
  SUPPORTED_GROUPS,
  POINT_FORMATS,
  SIGNATURE_ALGORITHMS,
  ALPN,
  SUPPORTED_VERSIONS,
]);

function extensionData(parsers: object, id: number, data: Buffer): Record<string, unknown> | null {
  try {
    // The library's parser drops the eighth bit of a name, on which a fingerprint may hang. Only the first name counts.
    if (id === ALPN) return { protocols: [data.toString('latin1', 3, 3 + data.readUInt8(2))] };
    return (parsers as Record<number, (data: Buffer) => Record<string, unknown> | null>)[id]?.(data) ?? null;
  } catch {
    return null;
  }
}

interface Spoken {
  readonly hello: library.TlsClientHelloMessage;
  /** Without GREASE, in the order in which they came. */
  readonly ciphers: readonly number[];
  readonly extensions: readonly number[];
  readonly tls: typeof library;
}

/** RFC 8701, sections 2 and 3: 0x0A0A, 0x1A1A, ... 0xFAFA. The library takes 0x0A1A for one too, and leaves it out. */
function withoutGrease(numbers: readonly number[]): number[] {
  return numbers.filter(number => (number & 0x0f0f) !== 0x0a0a || number >> 8 !== (number & 0xff));
}

/** salesforce/ja3, README: `version,ciphers,extensions,groups,point formats`, as MD5. */
function ja3Of({ hello, ciphers, extensions, tls }: Spoken): string {
  const groups = withoutGrease(tls.getExtensionData(hello, SUPPORTED_GROUPS)?.groups ?? []);
  const formats = tls.getExtensionData(hello, POINT_FORMATS)?.formats ?? [];
  const parts = [[hello.version], ciphers, extensions, groups, formats].map(numbers => numbers.join('-'));
  return createHash('md5').update(parts.join()).digest('hex');
}

/**
 * As FoxIO specifies it: FoxIO-LLC/ja4, technical_details/JA4.md at 0e54bc8, last checked 2026-11-22. Over TCP, so always `t`.
 * Not the library's own, which in version 2.0.0 takes whoever lists versions for TLS 1.3, counts beyond 99, repeats whatever
 * bytes a stranger has put into ALPN, and hashes an empty list. Of usual clients the two say the same.
 */
function ja4Of({ hello, ciphers, extensions, tls }: Spoken, versions: readonly number[]): string {
  const version = JA4_VERSIONS[Math.max(...versions)] ?? '00';
  const name = extensions.includes(SERVER_NAME) ? 'd' : 'i';
  const protocol = ja4Protocol(tls.getExtensionData(hello, ALPN)?.protocols[0]);
  // Whether there is a name or a protocol is in the first part: the hash is of the program, wherever it connects to.
  const others = extensions.filter(id => id !== SERVER_NAME && id !== ALPN);
  const algorithms = withoutGrease(tls.getExtensionData(hello, SIGNATURE_ALGORITHMS)?.algorithms ?? []);
  const asked = [ja4List(others.sort(byNumber)), ja4List(algorithms)].filter(list => list !== '').join('_');
  const first = `t${version}${name}${ja4Count(ciphers)}${ja4Count(extensions)}${protocol}`;
  return `${first}_${ja4Hash(ja4List([...ciphers].sort(byNumber)))}_${ja4Hash(asked)}`;
}

function ja4Count(numbers: readonly number[]): string {
  return String(Math.min(numbers.length, 99)).padStart(2, '0');
}

function ja4List(numbers: readonly number[]): string {
  return numbers.map(number => number.toString(16).padStart(4, '0')).join();
}

function ja4Hash(list: string): string {
  return list === '' ? '000000000000' : createHash('sha256').update(list).digest('hex').slice(0, 12);
}

const byNumber = (one: number, other: number) => one - other;

/** Of the first protocol's name the first and the last byte, or of its hexadecimal digits, so that it is always readable. */
function ja4Protocol(name: string | undefined): string {
  if (!name) return '00';
  const ends = `${name[0]}${name.at(-1)}`;
  if (/^[0-9A-Za-z]{2}$/.test(ends)) return ends;
  const digits = Buffer.from(name, 'latin1').toString('hex');
  return `${digits[0]}${digits.at(-1)}`;
}

const JA4_VERSIONS: Readonly<Record<number, string>> = {
  [0x0304]: '13',
  [0x0303]: '12',
  [0x0302]: '11',
  [0x0301]: '10',
  [0x0300]: 's3',
  [0x0002]: 's2',
  // Of DTLS. Nobody speaks it over TCP, and whoever says so is to be told from others.
  [0xfeff]: 'd1',
  [0xfefd]: 'd2',
  [0xfefc]: 'd3',
};

/** As `tls.protocol.version` says them. */
const VERSIONS: Readonly<Record<number, string>> = {
  [0x0304]: '1.3',
  [0x0303]: '1.2',
  [0x0302]: '1.1',
  [0x0301]: '1.0',
  [0x0300]: 'ssl3',
};

function hexadecimal(number: number): string {
  return `0x${number.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** The fields of a message, one after the other. Throws where it ends too early. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(size: number): number {
    const value = this.#bytes.readUIntBE(this.#at, size);
    this.#at += size;
    return value;
  }

  bytes(length: number): Buffer {
    if (length > this.left) throw new RangeError('the message ends before its field does');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Fields that are counted in bytes by a number of `size` before them. */
  part(size: number): Fields {
    return new Fields(this.bytes(this.number(size)));
  }

  /** All that are left. */
  numbers(size: number): number[] {
    const numbers: number[] = [];
    while (this.left > 0) numbers.push(this.number(size));
    return numbers;
  }
}
