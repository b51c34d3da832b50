import type { ExampleSpan, Occurrences } from './audit-result';
import { BoundedMap } from './bounded-collections';

/** Subjects of one kind: targets of no operation, certificates near their end, names of services. */
export const MOST_SUBJECTS = 500;
const MOST_TRACES = 5;

/** Counted by subject: of many subjects, the first. */
export class Counts {
  readonly #counts = new BoundedMap<Count>(MOST_SUBJECTS);

  add(subject: string, at: number, example: ExampleSpan, times = 1): void {
    this.#counts.getOrMake(subject, () => new Count())?.add(at, example, times);
  }

  [Symbol.iterator](): MapIterator<[string, Count]> {
    return this.#counts[Symbol.iterator]();
  }

  /** How often something was to be counted of one subject too many. */
  get leftOut(): number {
    return this.#counts.leftOut;
  }
}

/** How often something was found, and where to look. */
export class Count {
  count = 0;
  /** Requests that were asked, found or not; 0: it is only ever found. */
  asked = 0;
  readonly #span = new TimeSpan();
  readonly #traces = new Set<string>();
  #example: ExampleSpan | undefined;

  add(at: number, example: ExampleSpan, times = 1): void {
    this.count += times;
    this.#span.add(at);
    if (this.#traces.size < MOST_TRACES && example.traceId !== '') this.#traces.add(example.traceId);
    // Copied, attributes and all: what it was made from is large.
    this.#example ??= { ...example };
  }

  /** Of what was found at least once. */
  get occurrences(): Occurrences {
    return {
      count: this.count,
      ...(this.asked > 0 && { of: this.asked }),
      ...this.#span.texts,
      traceIds: [...this.#traces],
      example: this.#example!,
    };
  }

  /** `3 of 7 requests`, `1 handshake`. */
  of(noun: string): string {
    if (this.asked > 0) return `${this.count} of ${this.asked} ${noun}s`;
    return `${this.count} ${noun}${this.count === 1 ? '' : 's'}`;
  }
}

/** From the first time to the last, in whatever order they come. Milliseconds since the epoch. */
export class TimeSpan {
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  add(at: number): void {
    this.#first = Math.min(this.#first, at);
    this.#last = Math.max(this.#last, at);
  }

  get isEmpty(): boolean {
    return this.#first > this.#last;
  }

  /** Infinity: there was nothing. */
  get first(): number {
    return this.#first;
  }

  /** As reports have it. Only of what is not empty. */
  get texts(): { readonly firstSeen: string; readonly lastSeen: string } {
    return { firstSeen: timeText(this.#first), lastSeen: timeText(this.#last) };
  }
}

/** A stranger's clock may say anything. */
function timeText(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? new Date(0).toISOString() : date.toISOString();
}
