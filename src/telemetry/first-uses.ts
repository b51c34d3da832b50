import type { EventMemory } from './events';

const WINDOW_MS = 60 * 60 * 1000;
const MAX_IDENTITIES = 1000;

/** Remembers which identities were seen within an hour: bounded, the oldest forgotten first. */
export class FirstUses implements EventMemory {
  readonly #seen = new Map<string, number>();
  readonly #now: () => number;
  #evicted = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many were forgotten for want of room. */
  get evicted(): number {
    return this.#evicted;
  }

  isFirstUse(fingerprint: string): boolean {
    const at = this.#now();
    const before = this.#seen.get(fingerprint);
    if (before !== undefined && at - before < WINDOW_MS) return false;
    this.#seen.delete(fingerprint);
    this.#seen.set(fingerprint, at);
    if (this.#seen.size > MAX_IDENTITIES) {
      const [oldest] = this.#seen.keys();
      if (oldest !== undefined && this.#seen.delete(oldest)) this.#evicted++;
    }
    return true;
  }
}
