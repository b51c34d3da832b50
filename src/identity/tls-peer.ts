import type { SpanContext } from '@opentelemetry/api';
import type { CertificateIdentity } from '../certificate/peer-certificate';
import type { ForwardedCertificate } from '../forwarded/forwarded-certificate';
import type { Handshake, Verification } from '../handshake/handshake';

/** Who is at the other end of a request or a connection, and how that is known. Immutable. */
export interface TlsPeer {
  /**
   * `handshake`: from our own handshake with the peer. `header`: from what a trusted proxy forwarded; then `proxy` says
   * which format, and the peer of our own handshake, if there was one, is `proxy.peer`.
   */
  readonly source: 'handshake' | 'header';
  /**
   * A `PeerCertificate` unless a proxy forwarded only some fields. Undefined: none was presented. **Look at
   * `verification` before believing it**: a server with `rejectUnauthorized: false` accepts any.
   */
  readonly certificate?: CertificateIdentity | undefined;
  readonly verification: Verification;
  /** An earlier session was resumed: the certificate is of its first handshake. Undefined: a proxy did not say. */
  readonly resumed: boolean | undefined;
  /** As `tls.connection.id` on spans; behind a proxy, of our connection with it. Undefined: the handshake has no span. */
  readonly connectionId?: string | undefined;
  /**
   * The handshake's span; behind a proxy, that of our handshake with it. Undefined: it has none (not wanted, nobody
   * listened, no TLS between the proxy and us).
   */
  readonly handshakeSpan?: SpanContext | undefined;
  /** Undefined unless `source` is `header`. */
  readonly proxy?:
    | {
        /** The format: `envoy-xfcc`. */
        readonly preset: string;
        /** The proxy itself, of our own handshake with it. Undefined: it speaks plain HTTP to us. */
        readonly peer?: TlsPeer | undefined;
      }
    | undefined;
}

/** The peer of a handshake of ours. `span` is the handshake's own. */
export function peerOfHandshake(handshake: Handshake, span: SpanContext | undefined): TlsPeer {
  return Object.freeze({
    source: 'handshake',
    certificate: handshake.peerCertificate,
    verification: handshake.verification,
    resumed: handshake.resumed,
    connectionId: span?.spanId,
    handshakeSpan: span && Object.freeze({ ...span }),
  });
}

/** The peer that a trusted proxy speaks for. `proxy` is the other end of our own handshake; undefined over plain HTTP. */
export function peerForwardedBy(proxy: TlsPeer | undefined, forwarded: ForwardedCertificate): TlsPeer {
  return Object.freeze({
    source: 'header',
    certificate: forwarded.certificate,
    verification: forwarded.verification,
    resumed: forwarded.resumed,
    connectionId: proxy?.connectionId,
    handshakeSpan: proxy?.handshakeSpan,
    proxy: Object.freeze({ preset: forwarded.preset, peer: proxy }),
  });
}
