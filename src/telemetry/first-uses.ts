import { ForgetfulMap } from '../certificate/forgetful-map';
import type { EventMemory } from './events';

const WINDOW_MS = 60 * 60 * 1000;
const MAX_IDENTITIES = 1000;

/** Remembers which identities were seen within an hour: bounded, the oldest forgotten first. */
export class FirstUses implements EventMemory {
  readonly #seen = new ForgetfulMap<string, number>(MAX_IDENTITIES);
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many were forgotten for want of room. */
  get evicted(): number {
    return this.#seen.evicted;
  }

  isFirstUse(fingerprint: string): boolean {
    const at = this.#now();
    const before = this.#seen.get(fingerprint);
    if (before !== undefined && at - before < WINDOW_MS) return false;
    this.#seen.set(fingerprint, at);
    return true;
  }
}
