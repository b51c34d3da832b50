const MINUTE_MS = 60_000;

/** So many a minute, and how many were left unsaid since the last that was said. `at` is milliseconds of any clock. */
export class MinuteLimit {
  readonly #most: number;
  #began = Number.NEGATIVE_INFINITY;
  #said = 0;
  #unsaid = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** How many were left unsaid before this one. Undefined: this one has to be, too. */
  take(at: number): number | undefined {
    // A clock set back begins a minute as well, and does not wait for the old one to come again.
    if (at - this.#began >= MINUTE_MS || at < this.#began) {
      this.#began = at;
      this.#said = 0;
    }
    if (this.#said >= this.#most) {
      this.#unsaid++;
      return undefined;
    }
    this.#said++;
    const unsaid = this.#unsaid;
    this.#unsaid = 0;
    return unsaid;
  }
}
