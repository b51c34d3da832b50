import { type Attributes, type Counter, type Meter, ROOT_CONTEXT, ValueType } from '@opentelemetry/api';
import { type EventLogger, SEVERITY_NUMBERS } from './event-sink';
import { PROCESS_EVENTS } from './events';
import type { FloodControl, Unsaid } from './flood-control';
import { INSTRUMENTS } from './metrics';

/** While a flood goes on it is spoken of this often. */
export const SUMMARY_EVERY_MS = 5_000;

const NAME = 'tls.telemetry.suppressed';

/** What a flood may be of: counted as `tls.suppressed.` + this. */
const SUBJECTS = { handshakes: 'handshakes failed', requests: 'requests were refused or suspected' } as const;

/** Calls off what was planned. */
type CallOff = () => void;

/** A timer that keeps no process alive. */
function inTime(work: () => void, milliseconds: number): CallOff {
  const timer = setTimeout(work, milliseconds).unref();
  return () => clearTimeout(timer);
}

/**
 * Says what flood control left unsaid: one event and a few additions to a counter for all of it, some seconds after it
 * began and every few seconds while it goes on, the last time after it has ended.
 */
export class SuppressionReport {
  readonly #flood: FloodControl;
  readonly #meter: () => Meter;
  readonly #logger: (() => EventLogger) | undefined;
  readonly #what: keyof typeof SUBJECTS;
  readonly #plan: typeof inTime;
  /** Undefined while there is nothing to say. */
  #callOff: CallOff | undefined;
  #counter: { readonly meter: Meter; readonly counter: Counter } | undefined;

  /** `logger` undefined: no events are wanted in the logs. */
  constructor(
    flood: FloodControl,
    meter: () => Meter,
    logger: (() => EventLogger) | undefined,
    what: keyof typeof SUBJECTS = 'handshakes',
    plan = inTime,
  ) {
    this.#what = what;
    this.#flood = flood;
    this.#meter = meter;
    this.#logger = logger;
    this.#plan = plan;
    flood.onUnsaid = () => {
      this.#callOff ??= this.#plan(() => this.say(), SUMMARY_EVERY_MS);
    };
  }

  /** Now, if there is something to say. */
  say(): void {
    this.#callOff?.();
    this.#callOff = undefined;
    const unsaid = this.#flood.takeUnsaid();
    if (unsaid === undefined) return;
    this.#count(unsaid);
    this.#logger?.().emit({
      eventName: NAME,
      timestamp: unsaid.lastSeen,
      severityNumber: SEVERITY_NUMBERS[PROCESS_EVENTS[NAME].severity],
      severityText: PROCESS_EVENTS[NAME].severity,
      body: `${unsaid.handshakes} more ${SUBJECTS[this.#what]} than are reported one by one.`,
      attributes: attributesOf(unsaid, this.#what),
      context: ROOT_CONTEXT,
    });
  }

  #count({ items }: Unsaid): void {
    const meter = this.#meter();
    if (this.#counter?.meter !== meter) {
      const { unit, brief } = INSTRUMENTS[NAME];
      const counter = meter.createCounter(NAME, { unit, description: brief, valueType: ValueType.INT });
      this.#counter = { meter, counter };
    }
    for (const { what, why, count } of items) {
      this.#counter.counter.add(count, { 'tls.suppressed.what': what, 'tls.suppressed.why': why });
    }
  }
}

function attributesOf(unsaid: Unsaid, what: keyof typeof SUBJECTS): Attributes {
  const { handshakes, byReason, byNetwork, firstSeen, lastSeen, networksForgotten } = unsaid;
  return {
    [`tls.suppressed.${what}`]: handshakes,
    'tls.suppressed.reasons': byReason.map(written),
    'tls.suppressed.networks': byNetwork.map(written),
    'tls.suppressed.first_seen': new Date(firstSeen).toISOString(),
    'tls.suppressed.last_seen': new Date(lastSeen).toISOString(),
    ...(networksForgotten > 0 && { 'tls.suppressed.networks_forgotten': networksForgotten }),
  };
}

/** `not_tls=2931`: an attribute is a list of texts, and no table. */
function written([name, count]: readonly [string, number]): string {
  return `${name}=${count}`;
}
