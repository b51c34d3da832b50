import type { Side } from '../handshake/handshake';
import type { Observation, ObservedError } from '../handshake/observation';

/** What the hook tells. Every call is made under a guard. `Birth` is opaque: the observer's own memory of the moment. */
export interface HandshakeObserver<Birth = unknown> {
  /** A socket was born. Undefined: nobody is interested in it, and nothing more will be read of it. */
  born(side: Side): Birth | undefined;
  /** TLS begins: `over` will follow. */
  begun(side: Side): void;
  /**
   * The handshake is over: the one report of this socket. But for one that Node had given up as too slow, and which came to
   * an end after all: that is born, begun and over once more.
   */
  over(observation: Observation, birth: Birth): void;
  /** A handshake that had been established may have been refused after all. At most once a socket, after `over`. */
  refused(observation: Observation, birth: Birth, refusal: LateRefusal): void;
}

export interface LateRefusal {
  readonly at: number;
  /** Undefined: nothing was said; concluded from the connection's end. */
  readonly error: ObservedError | undefined;
}
