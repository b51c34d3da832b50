import type { PeerCertificate } from '../certificate/peer-certificate';
import type { ClientHello } from './client-hello';
import type { FailureReason } from './failure-reasons';
import type { Phase } from './phase';
import type { TlsAlert } from './tls-alerts';
import type { VerifyHint } from './verify-hints';

/** Which part we play in the handshake: `server` when we accepted the connection. */
export type Side = 'client' | 'server';

/** One end of the connection. A field is undefined when the socket could not tell: a pipe, a Duplex, a reset connection. */
export interface Endpoint {
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}

/** The negotiated protocol, as `tls.protocol.name` and `tls.protocol.version` say it. */
export interface Protocol {
  readonly name: 'tls' | 'ssl';
  /** `1.3`, `1.2`, `1.1`, `1.0` for TLS; `3` for SSL 3.0. */
  readonly version: string;
}

export type { Phase };

/**
 * What came of verifying the peer's certificate.
 *
 * - `ok`: OpenSSL, and on a client the name check, found nothing wrong.
 * - `failed`: something was wrong; `errors`, `code` and `message` say what. `enforced` tells whether it mattered.
 * - `not_presented`: we asked and the peer sent none.
 * - `not_requested`: we are a server and did not ask.
 * - `unverified`: nobody looked: the handshake ended before, or the socket was made without a verifier (STARTTLS).
 */
export type VerificationResult = 'ok' | 'failed' | 'not_presented' | 'not_requested' | 'unverified';

export interface Verification {
  readonly result: VerificationResult;
  /** True when a certificate that does not verify ends the connection. Undefined when none was requested. */
  readonly enforced?: boolean | undefined;
  /** Everything found wrong, gravest first; empty unless `result` is `failed`. */
  readonly errors: readonly FailureReason[];
  /** What the certificates show beyond that; absent when it is nothing. */
  readonly hints?: readonly VerifyHint[] | undefined;
  /** Seconds by which the leaf is outside its validity, where they are so few that a clock may be wrong. */
  readonly clockSkew?: number | undefined;
  /** True on `not_presented`: Node told the application all the same that the client is authorized. */
  readonly authorized?: true | undefined;
  /** OpenSSL's or Node's own code, verbatim: `CERT_HAS_EXPIRED`. */
  readonly code?: string | undefined;
  /** OpenSSL's own message, verbatim but bounded. May carry names on a client: never a metric dimension. */
  readonly message?: string | undefined;
}

/** Who ended it: our process, the other end, or the network between. */
export type DecidedBy = 'us' | 'peer' | 'network';

export interface HandshakeFailure {
  /** Low cardinality; becomes `error.type`. */
  readonly reason: FailureReason;
  readonly decidedBy: DecidedBy;
  readonly phase: Phase;
  /** The alert received from the peer. Undefined when none was: which alert we sent, OpenSSL does not tell. */
  readonly alert?: TlsAlert | undefined;
  /** The error's code, verbatim, for people; never a metric dimension. */
  readonly code?: string | undefined;
  /** True when the reason is concluded from circumstances and not from what anybody said. */
  readonly derived?: boolean | undefined;
}

export type Outcome =
  /** The tunnel stands; `verification` says whether the peer is trusted. */
  | { readonly kind: 'established' }
  | { readonly kind: 'failed'; readonly failure: HandshakeFailure }
  /** Nothing was said before the connection ended, or our own application changed its mind. Never an error. */
  | { readonly kind: 'abandoned'; readonly phase: Phase; readonly decidedBy: DecidedBy };

/** One TLS handshake, complete. Built once, by `conclude()` in observation.ts, when it is over. Immutable. */
export interface Handshake {
  readonly side: Side;
  readonly peer: Endpoint;
  readonly local: Endpoint;
  /** `tcp`, `pipe` (a Unix socket or Windows pipe) or `stream` (TLS over a Duplex). */
  readonly transport: Transport;
  /** Milliseconds since the epoch, with fractions. Server: first bytes of the ClientHello; client: TCP connected. */
  readonly started: number;
  /** Milliseconds since the epoch, with fractions: the decision. */
  readonly ended: number;
  /** The name asked for (SNI). Undefined when none was sent, or when the handshake failed before it was read. */
  readonly serverName?: string | undefined;
  readonly protocol?: Protocol | undefined;
  /** IANA name: `TLS_AES_256_GCM_SHA384`. */
  readonly cipher?: string | undefined;
  /** Key exchange group, by its IANA name where OpenSSL's differs: `X25519`, `secp256r1`. Known on a client only. */
  readonly curve?: string | undefined;
  /** The protocol chosen by ALPN. */
  readonly alpn?: string | undefined;
  /** An earlier session was. Undefined: that, or a pre-shared key was used, which TLS 1.3 makes one and the same. */
  readonly resumed: boolean | undefined;
  /**
   * What is wrong by now with the certificate of a resumed session: it was verified when the session began, and nobody has
   * looked since. Undefined: nothing, or nothing that we know of.
   */
  readonly staleIdentity?: StaleIdentity | undefined;
  /** Undefined: none was presented. Of a resumed session, where TLS sends none, the one of its first handshake. */
  readonly peerCertificate?: PeerCertificate | undefined;
  /** The presented chain, leaf first, at most ten. Empty unless the handshake failed: reading it then disturbs nobody. */
  readonly peerChain: readonly PeerCertificate[];
  /** What the client offered. Undefined unless fingerprints are wanted; on a client; of what was no ClientHello or over 16 KiB. */
  readonly clientHello?: ClientHello | undefined;
  readonly verification: Verification;
  readonly outcome: Outcome;
  /** Ours, which we presented, or on a client would have if asked. Undefined: there is none, or it is not known. */
  readonly ownCertificate?: PeerCertificate | undefined;
}

export type StaleIdentity = Extract<FailureReason, 'certificate_expired' | 'certificate_revoked'>;

export type Transport = 'tcp' | 'pipe' | 'stream';

/**
 * A TLS 1.3 server's refusal of a client whose own side had already finished: a late alert, or the connection closed
 * without a byte after the client had presented a certificate (then `failure.derived`).
 */
export interface Refusal {
  readonly handshake: Handshake;
  readonly failure: HandshakeFailure;
  /** Milliseconds since the epoch, with fractions. */
  readonly at: number;
}
