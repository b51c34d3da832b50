import { certificateRotation } from './certificate-rotation';
import { certificateShared } from './certificate-shared';
import { failThenSuccess } from './fail-then-success';
import { identityChanged } from './identity-changed';
import type { Found, Pattern, RequestSeen, Sighting, Watch } from './pattern';
import { retryBurst } from './retry-burst';
import { revokedReplay } from './revoked-replay';
import { scanner } from './scanner';
import { unusualEndpoint } from './unusual-endpoint';

/** One row a pattern, each in a file of its own; the README's section is made of them. */
export const PATTERNS = {
  retry_burst: retryBurst,
  certificate_rotation: certificateRotation,
  certificate_shared: certificateShared,
  identity_changed: identityChanged,
  fail_then_success: failThenSuccess,
  scanner,
  revoked_replay: revokedReplay,
  unusual_endpoint: unusualEndpoint,
} as const satisfies Record<string, Pattern<never>>;

export type PatternName = keyof typeof PATTERNS;

/**
 * Which patterns are looked for, and their thresholds where they are not the default: `{ scanner: false }`. Those that are
 * not named are looked for, unless their row says otherwise.
 */
export type PatternOptions = {
  readonly [Name in PatternName]?:
    | boolean
    | { readonly [Threshold in keyof (typeof PATTERNS)[Name]['thresholds']]?: number };
};

export interface Detection extends Found {
  readonly pattern: PatternName;
}

/** All patterns at work. Memory: bounded for each, some four megabytes for all together, however many attackers come. */
export class Patterns {
  readonly #watches: readonly (readonly [PatternName, Watch])[];

  constructor(options: PatternOptions = {}) {
    this.#watches = Object.entries<Pattern<string>>(PATTERNS).flatMap(([key, row]) => {
      const name = key as PatternName;
      const chosen = options[name] ?? !row.onlyWhenNamed;
      if (chosen === false) return [];
      const given: Readonly<Record<string, number | undefined>> = chosen === true ? {} : chosen;
      const thresholds = Object.fromEntries(
        Object.entries(row.thresholds).map(([threshold, { byDefault }]) => [threshold, given[threshold] ?? byDefault]),
      );
      return [[name, row.watch(thresholds)] as const];
    });
  }

  /** Patterns that this handshake, or refusal, completes. Seldom any. */
  handshake(seen: Sighting): readonly Detection[] {
    let detections = NONE;
    for (const [pattern, watch] of this.#watches) {
      const found = watch.handshake?.(seen);
      if (found) detections = [...detections, { ...found, pattern }];
    }
    return detections;
  }

  /** False: `request` has nobody to tell. */
  get concernRequests(): boolean {
    return this.#watches.some(([, watch]) => watch.request !== undefined);
  }

  /** Patterns that this request completes. */
  request(seen: RequestSeen): readonly Detection[] {
    let detections = NONE;
    for (const [pattern, watch] of this.#watches) {
      const found = watch.request?.(seen);
      if (found) detections = [...detections, { ...found, pattern }];
    }
    return detections;
  }

  /** Subjects forgotten for want of room, since the beginning, of the patterns that had to forget any. */
  evictions(): readonly (readonly [PatternName, number])[] {
    let evictions = NO_EVICTIONS;
    for (const [pattern, { tables }] of this.#watches) {
      let evicted = 0;
      for (const table of tables) evicted += table.evicted;
      if (evicted > 0) evictions = [...evictions, [pattern, evicted]];
    }
    return evictions;
  }

  /** Subjects remembered now. */
  get size(): number {
    return this.#watches.flatMap(([, { tables }]) => tables).reduce((sum, table) => sum + table.size, 0);
  }
}

const NO_EVICTIONS: readonly (readonly [PatternName, number])[] = Object.freeze([]);
const NONE: readonly Detection[] = Object.freeze([]);
