import type { Context } from '@opentelemetry/api';
import type { Handshake, Refusal, Side } from '../handshake/handshake';

/**
 * A place where handshakes are reported. Knows nothing of sockets. Every call is made under a guard. `parent` is the
 * context that was active when the socket was born.
 */
export interface Sink {
  /** A handshake began; `report` follows, unless the instrumentation is disabled before. On the handshake's path: counts at most. */
  begun?(side: Side): void;
  /** The handshake is over. On the handshake's path: counts at most. */
  over?(side: Side): void;
  /** The handshake, off its path. */
  report(handshake: Handshake, parent: Context): void;
  refused?(refusal: Refusal, parent: Context): void;
}
