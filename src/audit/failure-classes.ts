import { PATTERNS } from '../patterns/patterns';
import { type FailureClass, GRAVE_REASONS, isWatched, type PrometheusRules } from './alert-rules';
import type { ExampleSpan, Finding } from './audit-result';
import { BoundedMap } from './bounded-collections';
import { Count, MOST_SUBJECTS } from './counts';
import { FINDINGS } from './findings';
import { countedText, findingOf } from './found';

/** What an alert ought to ring for, by its subject and service, each as often as whoever knows of most of it says. */
export class FailureClasses {
  readonly #rules: PrometheusRules | undefined;
  readonly #classes = new BoundedMap<SeenClass>(MOST_SUBJECTS);

  /** Without rules nobody asks whether anything rings. */
  constructor(rules: PrometheusRules | undefined) {
    this.#rules = rules;
  }

  seen(failure: FailureClass & { readonly service: string }, at: number, example: ExampleSpan, times = 1): void {
    if (this.#rules === undefined) return;
    const known = this.#classes.getOrMake(JSON.stringify(failure), () => ({ failure, count: new Count() }));
    known?.count.add(at, example, times);
  }

  /** Those for which no alert rings, seen or not. */
  findings(): readonly Finding[] {
    const rules = this.#rules;
    return rules === undefined ? [] : [...this.#seenUnwatched(rules), ...this.#graveUnwatched(rules)];
  }

  /** How often there was no room for one more. */
  get leftOut(): number {
    return this.#classes.leftOut;
  }

  *#seenUnwatched(rules: PrometheusRules): Iterable<Finding> {
    for (const { failure, count } of this.#classes.values()) {
      if (isWatched(failure, rules)) continue;
      const kind = failure.pattern === undefined ? `${failure.side} ${failure.reason}` : `pattern ${failure.pattern}`;
      const subject = failure.service === '' ? kind : `${kind} of ${failure.service}`;
      const noun = failure.pattern === undefined ? 'failure' : 'detection';
      yield findingOf('failure-without-alert', countedText('failure-without-alert', count, noun), { subject, count });
    }
  }

  *#graveUnwatched(rules: PrometheusRules): Iterable<Finding> {
    const seen = new Set([...this.#classes.values()].map(({ failure }) => failure.pattern ?? failure.reason));
    const message = FINDINGS['grave-failure-without-alert'].seen;
    for (const { name, subject, classes } of GRAVE) {
      if (seen.has(name) || classes.some(one => isWatched(one, rules))) continue;
      yield findingOf('grave-failure-without-alert', message, { subject });
    }
  }
}

interface SeenClass {
  readonly failure: FailureClass;
  readonly count: Count;
}

interface GraveFailure {
  readonly name: string;
  readonly subject: string;
  /** It is enough that an alert rings for one of them. */
  readonly classes: readonly FailureClass[];
}

/** Of the patterns those that are looked for without being asked for. */
const GRAVE: readonly GraveFailure[] = [
  ...GRAVE_REASONS.map(reason => ({
    name: reason,
    subject: reason,
    classes: (['server', 'client'] as const).map(side => ({ side, reason })),
  })),
  ...Object.entries<{ readonly onlyWhenNamed?: true }>(PATTERNS)
    .filter(([, { onlyWhenNamed }]) => onlyWhenNamed !== true)
    .map(([pattern]) => ({ name: pattern, subject: `pattern ${pattern}`, classes: [{ pattern }] })),
];
