import type { Found, Kind } from './pattern';

/** Connections named in a detection. */
const MAX_CONNECTIONS = 5;

/** Different ends of handshakes told apart: more than a person reads. */
const MAX_KINDS = 8;

/** A subject that goes on for hours is said again, but not every minute. Milliseconds. */
const QUIET_MS = 10 * 60 * 1000;

/**
 * What was counted of one subject in one window. The window begins with the first that is counted, and with the first
 * after its end the counts begin anew: that takes the same memory for three as for three thousand. So a burst across the
 * end of a window is found in the next one at the latest, if it goes on.
 */
export class Tally {
  count = 0;
  /** Different things, each as a number (digest.ts); whoever adds to it keeps it short. */
  values: number[] = [];
  kinds: Kind[] = [];
  firstSeen = 0;
  lastSeen = 0;
  #began = 0;
  #connections: string[] = [];
  #saidAt: number | undefined;

  /** `windowMs` in milliseconds. */
  note(seen: { at: number; time: number; connectionId?: string | undefined }, windowMs: number): void {
    if (this.count > 0 && seen.at - this.#began >= windowMs) this.#anew();
    if (this.count === 0) {
      this.#began = seen.at;
      this.firstSeen = seen.time;
      this.lastSeen = seen.time;
    }
    this.count++;
    this.firstSeen = Math.min(this.firstSeen, seen.time);
    this.lastSeen = Math.max(this.lastSeen, seen.time);
    const { connectionId } = seen;
    if (connectionId !== undefined && this.#connections.length < MAX_CONNECTIONS) this.#connections.push(connectionId);
  }

  /** Adds it unless it is there, or there are `atMost` already. */
  add(value: number, atMost: number): void {
    if (this.values.length < atMost && !this.values.includes(value)) this.values.push(value);
  }

  addKind(kind: Kind): void {
    if (this.kinds.length < MAX_KINDS && !this.kinds.includes(kind)) this.kinds.push(kind);
  }

  /** True while the window is the one in which `at` lies. */
  isCurrent(at: number, windowMs: number): boolean {
    return this.count > 0 && at - this.#began < windowMs;
  }

  /** True when this subject may be said now, which then counts as said: once a window, and once in ten minutes. */
  mayBeSaid(at: number, windowMs: number): boolean {
    if (this.#saidAt !== undefined && at - this.#saidAt < Math.max(windowMs, QUIET_MS)) return false;
    this.#saidAt = at;
    return true;
  }

  get found(): Found {
    const { count, firstSeen, lastSeen } = this;
    return { count, firstSeen, lastSeen, connections: [...this.#connections] };
  }

  #anew(): void {
    this.count = 0;
    this.values = [];
    this.kinds = [];
    this.#connections = [];
  }
}

/** The most that a Tally weighs in a table, by its measure on V8: itself, its key and slot, five connections' names. */
export function tallyBytes(maxValues: number): number {
  return 640 + 12 * maxValues;
}
