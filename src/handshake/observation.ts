import type { Endpoint, Side, Transport } from './handshake';

/** What an application's or Node's error says of itself, copied; the error itself is never kept or changed. */
export interface ObservedError {
  readonly name?: string | undefined;
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly syscall?: string | undefined;
}

/** How the handshake came to its end, as the hooks saw it. */
export type Ending =
  /** Node found it secure and told the application. */
  | 'secured'
  /** OpenSSL finished, and nobody verifies: a TLSSocket without tls.Server or tls.connect. */
  | 'secured_unverified'
  /** Node destroyed the socket while deciding on the certificate. */
  | 'refused_by_node'
  /** The application's own identity check threw. */
  | 'identity_check_threw'
  /** Node's handshake timeout. */
  | 'timed_out'
  /** The socket was destroyed, with `error` or without. */
  | 'destroyed';

/**
 * What the hooks saw of one socket's handshake, in time order: plain facts, no judgement. The hooks fill it; `conclude()`
 * reads it once, later and off the handshake's path. Times are milliseconds since the epoch.
 */
export interface Observation {
  side: Side;
  transport: Transport;
  peer: Endpoint;
  local: Endpoint;
  /** The socket exists. Server: the connection was accepted. */
  born: number;
  /** Client: TCP stands and TLS begins. Server: the first bytes arrived. Undefined: it never came so far. */
  begun?: number | undefined;
  /** OpenSSL was done. */
  negotiated?: number | undefined;
  ended?: number | undefined;
  ending?: Ending | undefined;
  error?: ObservedError | undefined;
  /** The peer had closed its side (FIN, close_notify) before the end. */
  peerEnded?: boolean | undefined;
  /** Bytes on the wire, handshake included. Undefined where the transport does not count. */
  bytesReceived?: number | undefined;
  bytesSent?: number | undefined;
  serverName?: string | undefined;
  /** As Node says it: `TLSv1.3`. */
  protocol?: string | undefined;
  cipher?: string | undefined;
  curve?: string | undefined;
  alpn?: string | undefined;
  resumed?: boolean | undefined;
  /** The leaf's DER, copied. */
  certificate?: Uint8Array | undefined;
  /** Leaf first, copied; only on a failed handshake. */
  chain?: readonly Uint8Array[] | undefined;
  /** Server: requestCert. Client: always true. */
  certificateRequested: boolean;
  /** rejectUnauthorized, and somebody there to act on it. */
  enforced: boolean;
  /** handle.verifyError(), when it could be read. */
  verifyCode?: string | undefined;
  verifyMessage?: string | undefined;
  /** socket.authorizationError of a client that went on all the same: its name check failed. */
  authorizationError?: string | undefined;
  /** The server's `ca` option as given, kept only where a CRL error may mask an unknown CA. */
  trustAnchors?: unknown;
}
