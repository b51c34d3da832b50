import { X509Certificate } from 'node:crypto';
import { type CertificateStructure, readStructure } from './certificate-structure';
import { fingerprintOf, openPeerCertificate, type PeerCertificate } from './peer-certificate';
import { pemsIn, ReadOptions } from './pem-option';
import { isSignedBy, type ReadCertificate } from './signatures';

/**
 * The authorities of a `ca` option, to tell a peer from an unknown authority from one whose revocation list is missing:
 * OpenSSL reports the last of the two (crypto/x509/x509_vfy.c goes on after an error). Takes as long as verifying a few
 * signatures; never on a handshake's path.
 */
export class TrustAnchors {
  static readonly #read = new ReadOptions<TrustAnchors>(ca => new TrustAnchors(ca));

  /**
   * What Node's `ca` option takes: PEM in a string or bytes, several certificates one after the other, or an array of such.
   * Never throws. Remembered by identity: an array that was changed afterwards is the one it was when first seen, as it
   * is for the server it was given to. undefined, or anything else that stands for Node's own roots, are anchors of which
   * nothing is known.
   */
  static from(ca: unknown): TrustAnchors {
    return TrustAnchors.#read.get(ca);
  }

  readonly #anchors: readonly OpenCertificate[];
  /** False when some anchors are not known: then none of the known ones having issued a chain says nothing. */
  readonly #complete: boolean;

  /**
   * To open a certificate takes longer than all else that is done for a failure, and who comes again and again with one
   * that is refused comes with the same.
   */
  readonly #relations = new WeakMap<PeerCertificate, Relation>();

  private constructor(ca: unknown) {
    const { pems, complete } = pemsIn(ca, PEM_CERTIFICATE, MAX_ANCHORS);
    this.#anchors = pems.map(openPem).filter(anchor => anchor !== undefined);
    this.#complete = complete && this.#anchors.length === pems.length;
  }

  /** How many are known. */
  get size(): number {
    return this.#anchors.length;
  }

  /** The same for the same certificates, in whichever order and however they were given. */
  get digest(): string {
    return this.#anchors
      .map(({ fingerprint }) => fingerprint)
      .sort()
      .join();
  }

  /**
   * Whether any certificate of `chain`, leaf first, is one of the anchors or was issued by one: its issuer's name and key
   * identifier are the anchor's and the signature verifies. undefined when that cannot be known. Looks at the first ten.
   */
  hasIssued(chain: readonly PeerCertificate[]): boolean | undefined {
    if (chain.length === 0) return undefined;
    let known = this.#complete;
    for (const certificate of chain.slice(0, MAX_CHAIN)) {
      const { issued } = this.#relationTo(certificate);
      if (issued) return true;
      if (issued === undefined) known = false;
    }
    return known ? false : undefined;
  }

  /**
   * Whether any certificate of `chain` names an anchor as its issuer. When none of them has issued it, somebody passes for
   * the anchor, or the anchor was given a new key. Looks at the first ten.
   */
  areNamedBy(chain: readonly PeerCertificate[]): boolean {
    return chain.slice(0, MAX_CHAIN).some(certificate => this.#relationTo(certificate).named);
  }

  #relationTo(certificate: PeerCertificate): Relation {
    let relation = this.#relations.get(certificate);
    if (relation === undefined) {
      const native = openPeerCertificate(certificate);
      relation = {
        issued: this.#issued(certificate.fingerprint, native && new OpenCertificate(native)),
        named: this.#named(native?.issuer),
      };
      this.#relations.set(certificate, relation);
    }
    return relation;
  }

  #named(issuer: string | undefined): boolean {
    return issuer !== undefined && issuer !== '' && this.#anchors.some(anchor => anchor.subject === issuer);
  }

  #issued(fingerprint: string, certificate: OpenCertificate | undefined): boolean | undefined {
    if (this.#anchors.some(anchor => anchor.fingerprint === fingerprint)) return true;
    if (certificate === undefined) return undefined;
    let verdict: boolean | undefined = false;
    for (const anchor of this.#anchors) {
      if (!issuerMatches(certificate.native, anchor.native)) continue;
      const signed = isSignedBy(certificate, anchor);
      if (signed) return true;
      if (signed === undefined) verdict = undefined;
    }
    return verdict;
  }
}

const MAX_ANCHORS = 200;
const MAX_CHAIN = 10;

function openPem(pem: string): OpenCertificate | undefined {
  try {
    return new OpenCertificate(new X509Certificate(pem));
  } catch {
    return undefined;
  }
}

/** What these anchors have to do with one certificate. */
interface Relation {
  /** undefined: that cannot be known. */
  readonly issued: boolean | undefined;
  /** It says that an anchor is its issuer. */
  readonly named: boolean;
}

class OpenCertificate implements ReadCertificate {
  readonly native: X509Certificate;
  #fingerprint: string | undefined;
  #subject: string | undefined;
  #structure: CertificateStructure | undefined;

  constructor(native: X509Certificate) {
    this.native = native;
  }

  get fingerprint(): string {
    this.#fingerprint ??= fingerprintOf(this.native.raw);
    return this.#fingerprint;
  }

  /** As Node prints it; the empty string when there is none. */
  get subject(): string {
    this.#subject ??= this.native.subject ?? '';
    return this.#subject;
  }

  /** Most anchors have issued nothing that we see: read when one has. */
  get structure(): CertificateStructure | undefined {
    this.#structure ??= readStructure(new Uint8Array(this.native.raw));
    return this.#structure;
  }
}

/** OpenSSL's X509_check_issued: names, key identifiers, key usage; no signature. */
function issuerMatches(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer);
  } catch {
    return false;
  }
}

/**
 * The three labels under which OpenSSL reads a certificate. Base64 has no `-`: so nothing is read twice, however many begin;
 * what does not end is no certificate, and that is noticed when it is opened.
 */
const PEM_CERTIFICATE =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*(?:-----END (?:X509 |TRUSTED )?CERTIFICATE-----)?/g;
