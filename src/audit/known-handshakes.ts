import { BoundedMap } from './bounded-collections';
import type { SeenHandshake } from './evidence';
import type { KnownHandshake } from './findings';

/** Each some 100 bytes. */
export const MOST_HANDSHAKES = 400_000;
const MOST_FACTS = 100_000;

/** Handshakes that stood, by their span's id, for the requests that name them. */
export class KnownHandshakes {
  readonly #handshakes = new BoundedMap<KnownHandshake>(MOST_HANDSHAKES);
  /** The same facts come again and again: kept once. */
  readonly #facts = new Map<string, KnownHandshake>();

  add(handshake: SeenHandshake): void {
    this.#handshakes.set(handshake.spanId, this.#factsOf(handshake));
  }

  has(spanId: string): boolean {
    return this.#handshakes.has(spanId);
  }

  get(spanId: string): KnownHandshake | undefined {
    return this.#handshakes.get(spanId);
  }

  /** How many there was no room for. */
  get forgotten(): number {
    return this.#handshakes.leftOut;
  }

  #factsOf({ verification, protocol, cipher, peerAddress, certificate }: SeenHandshake): KnownHandshake {
    const { fingerprint, subject } = certificate ?? {};
    const facts = { verification, protocol, cipher, peerAddress, fingerprint, subject };
    const key = Object.values(facts).join('\n');
    const known = this.#facts.get(key);
    if (known) return known;
    if (this.#facts.size >= MOST_FACTS) this.#facts.clear();
    this.#facts.set(key, facts);
    return facts;
  }
}
