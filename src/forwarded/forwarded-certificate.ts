import type { CertificateIdentity, PeerCertificate } from '../certificate/peer-certificate';
import type { Transport, Verification } from '../handshake/handshake';

/**
 * What a TLS-terminating proxy says of the client whose request it forwards. A claim, believed because of who says it;
 * never a fact of a handshake of ours.
 */
export interface ForwardedCertificate {
  /** The format's id: `nginx`, `envoy-xfcc`. */
  readonly preset: string;
  /**
   * The client's certificate: a `PeerCertificate` where the whole certificate was forwarded, and then everything is
   * computed from its bytes; otherwise the fields that were copied. Undefined: the client presented none.
   */
  readonly certificate?: CertificateIdentity | undefined;
  /** True when `certificate` is computed from the certificate's own bytes. */
  readonly recomputed: boolean;
  /**
   * Certificates that came with the leaf, issuer of the leaf first, at most ten, without those that cannot be parsed. Empty
   * when none were forwarded. Parsed on first read and kept: ten that nobody has seen before take a millisecond.
   */
  readonly chain: readonly PeerCertificate[];
  /** The proxy's verdict. `unverified`: it says none, or one that cannot be relied on. */
  readonly verification: Verification;
  /** The client's session with the proxy was resumed. Undefined: the proxy does not say. */
  readonly resumed?: boolean | undefined;
}

/** Who delivered a request: the other end of our own connection. */
export interface Forwarder {
  /** Undefined over a pipe, or when the connection is gone. */
  readonly address?: string | undefined;
  readonly transport: Transport;
  /** The certificate of the other end's own handshake with us. Undefined: none, or no TLS. */
  readonly certificate?: CertificateIdentity | undefined;
  /** What came of verifying that certificate. Undefined: no TLS. */
  readonly verification?: Verification | undefined;
}

/** Why a certificate header is not believed. Low cardinality; the README's table is made of them. */
export const SUSPICIONS = {
  untrusted_peer: 'The header came from a peer that is no trusted proxy.',
  duplicate_header: 'A header that may come once came several times.',
  several_presets: 'Headers of other formats came beside those of the configured one.',
  contradicts_handshake: 'It names another certificate than the one of the direct handshake.',
  contradicts_itself: 'Fields are not those of the certificate beside them, or a name forged an element.',
  incomplete: 'A header that the format always sends is missing: somebody had it dropped.',
  malformed: "It cannot be read as what the format promises, or is larger than any proxy's.",
} as const satisfies Record<string, string>;

export type SuspicionReason = keyof typeof SUSPICIONS;

export interface Suspicion {
  readonly reason: SuspicionReason;
  /** The configured format's id. */
  readonly preset: string;
  /** The header that raised it, lower-cased: one of the names that the formats know, never a stranger's text. */
  readonly header: string;
}

/** What the headers of one request say. */
export type ForwardedOutcome =
  /** Nothing: no certificate header of any format. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'forwarded'; readonly forwarded: ForwardedCertificate }
  /** Something that must not be believed. The request has no forwarded identity. */
  | { readonly kind: 'suspected'; readonly suspicion: Suspicion };
