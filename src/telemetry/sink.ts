import type { Handshake, Refusal, Side } from '../handshake/handshake';

/** A place where handshakes are reported. Knows nothing of sockets. Every call is made under a guard. */
export interface Sink {
  /** A handshake began; `report` follows. Called on the handshake's path: counts at most. */
  begun?(side: Side): void;
  /** `parent` is whatever the wiring captured at the socket's birth. */
  report(handshake: Handshake, parent: unknown): void;
  refused?(refusal: Refusal, parent: unknown): void;
}
