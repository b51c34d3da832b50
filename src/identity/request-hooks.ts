import type { Span } from '@opentelemetry/api';
import type { TlsPeer } from './tls-peer';

/**
 * The application's own word on requests over TLS. Both are asked once for each span that is recorded, when a request
 * arrives or gets its connection, so before the application has handled it. What they throw is told once and swallowed.
 *
 * `request` is Node's own: an IncomingMessage or Http2ServerRequest, a ServerHttp2Stream where the application uses
 * streams, a ClientRequest or undici's request for one that leaves.
 */
export interface RequestHooks {
  /** May put on the span whatever it likes. */
  requestHook?: (span: Span, peer: TlsPeer, request: object) => void;
  /**
   * The user's id as the application knows it, said as `enduser.id`; at most 256 bytes. Asked of requests that arrive; and
   * once more when such a request has been answered and an event tells of it, by when the application knows better.
   */
  userId?: (request: object, peer: TlsPeer) => string | undefined;
}
