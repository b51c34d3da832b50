import { fingerprintOf, MAX_PARSED_BYTES, type PeerCertificate, parsePeerCertificate } from './peer-certificate';

export interface CertificateCacheOptions {
  /** How many certificates a second may be parsed in full, for their `details`. Default 200. */
  readonly parsesPerSecond?: number;
  /** Milliseconds on any clock. */
  readonly now: () => number;
}

/**
 * Certificates already parsed, by fingerprint. Bounded by entries and bytes, the least recently used leaving first, and in
 * two tiers: certificates that were verified once, and all others. Distinct certificates cost an attacker nothing, and
 * however many come they push out only each other.
 *
 * Beyond `parsesPerSecond` a certificate has empty `details`; a later `get` gives one that may have them.
 */
export class CertificateCache {
  readonly #trusted = new Tier(1000, 4 * 1024 * 1024);
  readonly #others = new Tier(64, 64 * weightOf(MAX_PARSED_BYTES));
  readonly #parses: Allowance;

  constructor({ parsesPerSecond = 200, now }: CertificateCacheOptions) {
    this.#parses = new Allowance(parsesPerSecond, now);
  }

  /** `trusted`: the certificate has been verified this time. Once it has been, it stays in the better tier. */
  get(der: Uint8Array, trusted: boolean): PeerCertificate {
    const fingerprint = fingerprintOf(der);
    const kept = this.#trusted.get(fingerprint, trusted) ?? this.#others.get(fingerprint, true);
    if (kept?.detailsRefused && this.#parses.some) kept.renew(this.#parses, der);
    const entry = kept ?? new Entry(fingerprint, this.#parses, der);

    if (trusted) this.#others.remove(fingerprint);
    if (kept === undefined || trusted) (trusted ? this.#trusted : this.#others).put(fingerprint, entry);
    return entry.certificate;
  }

  /** Certificates kept. */
  get size(): number {
    return this.#trusted.size + this.#others.size;
  }

  /** Certificates pushed out since the beginning. */
  get evicted(): number {
    return this.#trusted.evicted + this.#others.evicted;
  }
}

class Entry {
  certificate: PeerCertificate;
  detailsRefused = false;
  readonly weight: number;

  constructor(fingerprint: string, parses: Allowance, der: Uint8Array) {
    this.certificate = this.#parse(fingerprint, parses, der);
    this.weight = weightOf(der.byteLength);
  }

  /** A certificate is a value and never changes: the one that was refused its details is replaced. */
  renew(parses: Allowance, der: Uint8Array): void {
    this.detailsRefused = false;
    this.certificate = this.#parse(this.certificate.fingerprint, parses, der);
  }

  #parse(fingerprint: string, parses: Allowance, der: Uint8Array): PeerCertificate {
    return parsePeerCertificate(der, {
      fingerprint,
      mayReadDetails: () => {
        this.detailsRefused = !parses.take();
        return !this.detailsRefused;
      },
    });
  }
}

/** Characters of the names that whoever reports a certificate puts together of its own. */
const MAX_SAID = 20 * 256;

/** Bytes, about: the DER, the text read from it, which is no longer, what is said of it, and the objects around them. */
function weightOf(byteLength: number): number {
  return 1024 + (byteLength <= MAX_PARSED_BYTES ? 2 * byteLength + Math.min(byteLength, MAX_SAID) : 0);
}

/** Least recently used first: a Map keeps the order of insertion. */
class Tier {
  readonly #entries = new Map<string, Entry>();
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  #bytes = 0;
  evicted = 0;

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(fingerprint: string, use: boolean): Entry | undefined {
    const entry = this.#entries.get(fingerprint);
    if (entry !== undefined && use) {
      this.#entries.delete(fingerprint);
      this.#entries.set(fingerprint, entry);
    }
    return entry;
  }

  put(fingerprint: string, entry: Entry): void {
    if (this.#entries.has(fingerprint)) return;
    this.#entries.set(fingerprint, entry);
    this.#bytes += entry.weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) break;
      this.remove(oldest);
      this.evicted++;
    }
  }

  remove(fingerprint: string): void {
    const entry = this.#entries.get(fingerprint);
    if (entry === undefined) return;
    this.#entries.delete(fingerprint);
    this.#bytes -= entry.weight;
  }
}

/** So many a second, and no more than a second's worth at once. */
class Allowance {
  readonly #perSecond: number;
  readonly #now: () => number;
  #left: number;
  #at: number;

  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#left = perSecond;
    this.#at = now();
  }

  get some(): boolean {
    const now = this.#now();
    // A clock set back gives nothing, and takes nothing.
    this.#left = Math.min(this.#perSecond, this.#left + (Math.max(0, now - this.#at) * this.#perSecond) / 1000);
    this.#at = now;
    return this.#left >= 1;
  }

  take(): boolean {
    if (!this.some) return false;
    this.#left--;
    return true;
  }
}
