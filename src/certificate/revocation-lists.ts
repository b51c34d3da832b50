import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { elementAt } from './der-walk';
import { encodedName } from './encoded-name';
import type { PeerCertificate } from './peer-certificate';
import { pemsIn, ReadOptions } from './pem-option';

/**
 * The revocation lists of a `crl` option, to tell of certificates that were let in before they were revoked: OpenSSL asks
 * for them when a certificate is presented, and not again when the session is resumed. Their signatures are not verified:
 * they are the application's own choice.
 */
export class RevocationLists {
  static readonly #read = new ReadOptions<RevocationLists>(crl => new RevocationLists(crl));

  /** What Node's `crl` option takes. Never throws. Reading one takes a microsecond an entry; remembered by identity. */
  static from(crl: unknown): RevocationLists {
    return crl === undefined ? NONE : RevocationLists.#read.get(crl);
  }

  /** Serial numbers, their bytes as text, by their issuer's name. */
  readonly #revoked = new Map<string, Set<string>>();
  /** How many lists there are, readable or not. */
  readonly size: number;
  /** The same for the same lists, in whichever order they were given. */
  readonly digest: string;

  private constructor(crl: unknown) {
    const { pems } = pemsIn(crl, PEM_LIST, MAX_LISTS);
    const ders = pems.map(derOf);
    this.size = pems.length;
    this.digest = ders
      .map(der => hash('sha256', der, 'hex'))
      .sort()
      .join();
    let room = MAX_ENTRIES;
    for (const der of ders) room -= this.#add(der, room);
  }

  /** Whether a list of the certificate's own issuer has its serial number. Only the first 100,000 entries are known. */
  have({ issuer, serialNumber }: PeerCertificate): boolean {
    if (issuer === undefined || serialNumber === undefined) return false;
    const serial = Buffer.from(serialNumber, 'hex');
    return this.#revoked.get(issuer)?.has(bytesAsText(serial, 0, serial.length)) ?? false;
  }

  /** Answers how many entries were read. */
  #add(der: Buffer, room: number): number {
    const body = bodyOf(der);
    const issuer = body && encodedName(der.subarray(body.issuer, body.issuerEnd));
    if (body === undefined || issuer === undefined) return 0;
    const serials = this.#revoked.get(issuer) ?? new Set();
    this.#revoked.set(issuer, serials);
    let read = 0;
    for (let at = body.entries; at < body.entriesEnd && read < room; read++) {
      const entry = elementAt(der, at);
      const serial = entry && elementAt(der, entry.content);
      if (entry === undefined || serial?.tag !== INTEGER) break;
      serials.add(bytesAsText(der, serial.content, serial.end));
      at = entry.end;
    }
    return read;
  }
}

const MAX_LISTS = 200;
const MAX_ENTRIES = 100_000;

const INTEGER = 0x02;
const SEQUENCE = 0x30;

const PEM_LIST = /-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g;

const NONE = RevocationLists.from(null);

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
}

/** Where the parts of a list lie: RFC 5280 section 5.1. Undefined when it is no list. */
function bodyOf(der: Buffer) {
  const list = elementAt(der, 0);
  const body = list && elementAt(der, list.content);
  if (body === undefined) return undefined;
  const version = elementAt(der, body.content);
  const algorithm = version?.tag === INTEGER ? elementAt(der, version.end) : version;
  const issuer = algorithm && elementAt(der, algorithm.end);
  let next = issuer && elementAt(der, issuer.end);
  if (algorithm === undefined || issuer === undefined || next === undefined) return undefined;
  // The time of this list, and of the next one, which may be left out; then the entries, which may be too.
  while (next && isTime(next.tag) && next.end < body.end) next = elementAt(der, next.end);
  const none = next === undefined || next.tag !== SEQUENCE || next.end > body.end;
  return {
    issuer: algorithm.end,
    issuerEnd: issuer.end,
    entries: none ? 0 : next!.content,
    entriesEnd: none ? 0 : next!.end,
  };
}

/** UTCTime or GeneralizedTime. */
function isTime(tag: number): boolean {
  return tag === 0x17 || tag === 0x18;
}

/** Without leading zeros: DER has one to keep a number positive, and what is printed has others. */
function bytesAsText(bytes: Buffer, from: number, end: number): string {
  let start = from;
  while (start < end && bytes[start] === 0) start++;
  return bytes.toString('latin1', start, end);
}
