import { hash, type X509Certificate } from 'node:crypto';
import { type CertificateDetails, NO_DETAILS, readDetails } from './certificate-details';
import { distinguishedName } from './distinguished-name';
import { openCertificate, pemOf } from './native-certificate';
import {
  type AlternativeName,
  type AlternativeNames,
  NO_ALTERNATIVE_NAMES,
  readAlternativeNames,
  UNSUPPORTED,
} from './subject-alternative-names';
import { boundedText } from './untrusted-text';

export type { CertificateDetails } from './certificate-details';
export type { AlternativeName } from './subject-alternative-names';

/**
 * Whose certificate it is. Everything in it is the peer's own text: bounded, escaped, and believed by nobody until the
 * verification says so. A field is undefined when the certificate does not have it, it cannot be parsed, or whoever
 * forwarded the certificate left it out.
 */
export interface CertificateIdentity {
  /** SHA-256 over the DER, upper-case hex without colons. */
  readonly fingerprint?: string | undefined;
  /** RFC 4514, at most 1 KiB. The empty string is a certificate with an empty subject. */
  readonly subject?: string | undefined;
  readonly issuer?: string | undefined;
  /** Upper-case hex, as OpenSSL prints it; a minus in front of a negative number. */
  readonly serialNumber?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly notBefore?: number | undefined;
  readonly notAfter?: number | undefined;
  /**
   * At most 64, in the certificate's order. An otherName of a kind that Node does not know is read when this is first
   * asked for, with `details`; where those cannot be had its value is `<unsupported>`.
   */
  readonly alternativeNames: readonly AlternativeName[];
  /** The first URI name that is a SPIFFE id. */
  readonly spiffeId?: string | undefined;
}

/** A peer's whole certificate. */
export interface PeerCertificate extends CertificateIdentity {
  /** Always there. */
  readonly fingerprint: string;
  /** Bytes of the DER. */
  readonly byteLength: number;
  /** False when the DER was too large or too broken to parse: then only `fingerprint` and `byteLength` are known. */
  readonly parsed: boolean;
  readonly isCa?: boolean | undefined;
  /** Subject and issuer are the same name, written the same. Says nothing of who signed it. */
  readonly selfIssued?: boolean | undefined;
  /** What only a full ASN.1 parse tells. Parsed on first read and kept: some 0.3 ms, so never on a handshake's path. */
  readonly details: CertificateDetails;
  /** PEM text with line breaks, made on demand. Undefined when the DER was not kept because of its size. */
  readonly pem: string | undefined;
}

/** A DER of more bytes is hashed and not parsed. */
export const MAX_PARSED_BYTES = 16 * 1024;

export interface ParseOptions {
  /** Known already: SHA-256 over `der`, upper-case hex. */
  readonly fingerprint?: string;
  /** Asked once, when `details` are first wanted. False: they are empty, and stay so. */
  readonly mayReadDetails?: () => boolean;
}

/** Never throws. Copies what it keeps. */
export function parsePeerCertificate(der: Uint8Array, options: ParseOptions = {}): PeerCertificate {
  return new ParsedCertificate(der, options);
}

/** Node's own reading of it, anew each time: it is large. undefined when it was not kept, or cannot be parsed. */
export function openPeerCertificate(certificate: PeerCertificate): X509Certificate | undefined {
  const der = certificate instanceof ParsedCertificate ? certificate.der : undefined;
  return der && openCertificate(der);
}

/** As a PeerCertificate has it. */
export function fingerprintOf(der: Uint8Array): string {
  return hash('sha256', der, 'hex').toUpperCase();
}

class ParsedCertificate implements PeerCertificate {
  readonly fingerprint: string;
  readonly byteLength: number;
  readonly parsed: boolean;
  readonly subject: string | undefined;
  readonly issuer: string | undefined;
  readonly serialNumber: string | undefined;
  readonly notBefore: number | undefined;
  readonly notAfter: number | undefined;
  declare readonly alternativeNames: readonly AlternativeName[];
  readonly spiffeId: string | undefined;
  readonly isCa: boolean | undefined;
  readonly selfIssued: boolean | undefined;

  readonly #der: Uint8Array | undefined;
  readonly #mayReadDetails: (() => boolean) | undefined;
  #details: CertificateDetails | undefined;

  constructor(der: Uint8Array, { fingerprint, mayReadDetails }: ParseOptions) {
    this.fingerprint = fingerprint ?? fingerprintOf(der);
    this.byteLength = der.byteLength;
    // A copy with memory of its own: a small Buffer would be a window into Node's pool and keep all of that.
    this.#der = der.byteLength <= MAX_PARSED_BYTES ? new Uint8Array(der) : undefined;
    this.#mayReadDetails = mayReadDetails;

    const native = this.#der && openCertificate(this.#der);
    this.parsed = native !== undefined;
    let alternativeNames = NO_ALTERNATIVE_NAMES;
    if (native !== undefined) {
      // Node says undefined for an empty name; a name that cannot be printed cannot be parsed either.
      const subject = attempt(() => native.subject ?? '');
      const issuer = attempt(() => native.issuer ?? '');
      this.subject = subject === undefined ? undefined : distinguishedName(subject);
      this.issuer = issuer === undefined ? undefined : issuer === subject ? this.subject : distinguishedName(issuer);
      this.selfIssued = subject === undefined || issuer === undefined ? undefined : subject === issuer;
      this.serialNumber = attempt(() => boundedText(native.serialNumber, MAX_SERIAL_BYTES, 'plain'));
      this.notBefore = attempt(() => timeOf(native.validFrom));
      this.notAfter = attempt(() => timeOf(native.validTo));
      this.isCa = attempt(() => native.ca);
      alternativeNames = attempt(() => namesIn(native.subjectAltName)) ?? NO_ALTERNATIVE_NAMES;
    }
    this.spiffeId = alternativeNames.spiffeId;
    const { names } = alternativeNames;
    let complete: readonly AlternativeName[] | undefined;
    const all = () => (complete ??= completed(names, this.details.otherNames));
    const property = names.some(isUnsupported) ? { get: all } : { value: names };
    Object.defineProperty(this, 'alternativeNames', { enumerable: true, ...property });
    Object.freeze(this);
  }

  get details(): CertificateDetails {
    this.#details ??=
      this.parsed && (this.#mayReadDetails?.() ?? true) ? readDetails(this.#der!, this.selfIssued) : NO_DETAILS;
    return this.#details;
  }

  /** Undefined when it was too large to be kept. Not to be changed. */
  get der(): Uint8Array | undefined {
    return this.#der;
  }

  get pem(): string | undefined {
    return this.#der && pemOf(this.#der);
  }
}

/** RFC 5280 allows 20 bytes, 40 digits. */
const MAX_SERIAL_BYTES = 256;

/** Node's getters are not known to throw on what it has parsed, but the certificate is the peer's. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Node 20 says null, not undefined, of alternative names it cannot parse. */
function namesIn(printed: string | null | undefined): AlternativeNames {
  return printed ? readAlternativeNames(printed) : NO_ALTERNATIVE_NAMES;
}

function isUnsupported({ type, value }: AlternativeName): boolean {
  return type === 'otherName' && value === UNSUPPORTED;
}

/** The names with the values of those that Node does not print. Both lists have the otherNames in the same order. */
function completed(
  names: readonly AlternativeName[],
  otherNames: readonly string[] | undefined,
): readonly AlternativeName[] {
  let at = 0;
  return Object.freeze(
    names.map(name => {
      const value = name.type === 'otherName' ? otherNames?.[at++] : undefined;
      return value !== undefined && isUnsupported(name) ? Object.freeze({ ...name, value }) : name;
    }),
  );
}

/**
 * `Jan  1 00:00:00 2026 GMT` in milliseconds since the epoch. undefined for `Bad time value`, as OpenSSL prints a time that
 * is none. Without `GMT` it is UTC all the same: OpenSSL has applied the offset that was there instead.
 */
function timeOf(printed: string): number | undefined {
  const found = PRINTED_TIME.exec(printed);
  if (found === null) return undefined;
  const [, month, day, hours, minutes, seconds, year] = found;
  const time = new Date(0);
  // Not Date.UTC, for which the year 70 is 1970.
  time.setUTCFullYear(Number(year), MONTHS.indexOf(month!), Number(day));
  return time.setUTCHours(Number(hours), Number(minutes), Number(seconds));
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const PRINTED_TIME =
  /^(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ([ \d]\d) (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d{1,4})(?: GMT)?$/;
