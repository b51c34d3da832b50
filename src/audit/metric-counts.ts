import { createHash } from 'node:crypto';
import type { ExampleSpan } from './audit-result';
import { BoundedMap } from './bounded-collections';
import { MOST_SUBJECTS } from './counts';
import { countedFailure, type EvidencePoint, plainExample, serviceOf, textOf, textsOf } from './evidence';
import type { FailureClasses } from './failure-classes';
import type { Found } from './found';
import { lossIn } from './losses';

const MOST_SERIES = 10_000;
/** Clocks, and the time between the start of a process and its first handshake. */
const SLACK_MS = 3_600_000;

/** A failed handshake, as spans, log records and metrics all know it. */
export interface ToldFailure {
  /** `service.name`; empty: it has none. */
  readonly service: string;
  readonly side: 'client' | 'server';
  readonly reason: string;
}

/** What metrics count, held against what spans and log records tell: failures, and what never arrived. */
export class MetricCounts {
  readonly #found: Found;
  readonly #classes: FailureClasses;
  /** Each with its count at its first point and at its last. */
  readonly #series = new BoundedMap<Series>(MOST_SERIES);
  /** Failed handshakes with a span, by service, side and reason; and those with a log record alone, by service and reason. */
  readonly #withSpan = new BoundedMap<number>(MOST_SUBJECTS);
  readonly #recordedAlone = new BoundedMap<number>(MOST_SUBJECTS);
  /** Failed handshakes that flood control left unsaid, by service. */
  readonly #suppressed = new BoundedMap<number>(MOST_SUBJECTS);

  constructor(classes: FailureClasses, found: Found) {
    this.#classes = classes;
    this.#found = found;
  }

  point(point: EvidencePoint): void {
    const counted = countedIn(point);
    if (counted === undefined) return;
    const { resource, name, attributes, count, isCumulative, started, at } = point;
    const service = serviceOf(resource);
    // What one instrument counts apart, such as versions of TLS, is counted apart here too. Digested: anything may be in it.
    const instance = [resource['service.instance.id'], resource['process.pid']];
    const about = [service, instance, name, Object.entries(attributes).sort(), isCumulative && started];
    const key = createHash('sha256').update(JSON.stringify(about)).digest('base64');
    const series = this.#series.get(key);
    if (series === undefined) {
      const example = exampleOf(point);
      this.#series.set(key, { counted, service, example, isCumulative, started, at, first: count, last: count });
    } else if (isCumulative) {
      series.first = Math.min(series.first, count);
      series.last = Math.max(series.last, count);
    } else series.last += count;
  }

  toldBySpan(failure: ToldFailure): void {
    add(this.#withSpan, spanKey(failure));
  }

  toldByRecordAlone(failure: ToldFailure): void {
    add(this.#recordedAlone, recordKey(failure));
  }

  /** A log record says that flood control left something unsaid: so many failed handshakes. */
  saidSuppressed(service: string, handshakes: number): void {
    add(this.#suppressed, service, handshakes);
  }

  /** `begins`: milliseconds since the epoch, of the first span or log record. Infinity: there is none. */
  conclude(begins: number): void {
    const isSaid = new Set(this.#suppressed.keys());
    const missing = new Map<string, Missing>();
    for (const series of this.#series.values()) {
      const { counted, service, at, example } = series;
      const count = countWithin(series, begins);
      switch (counted.what) {
        case 'loss':
          if (count > 0) this.#found.add('telemetry-lost', counted.name, at, example, count);
          break;
        case 'suppression':
          // What flood control kept back without a log record that says so.
          if (count <= 0 || isSaid.has(service)) break;
          this.#found.add('failures-suppressed', `${counted.name}s`, at, example, count);
          if (counted.name === 'span') add(this.#suppressed, service, count);
          break;
        case 'failures': {
          const { side, reason } = counted;
          const failure = { service, side, reason };
          const entry = missing.get(spanKey(failure)) ?? { count: 0, failure, at, example };
          entry.count += count;
          missing.set(spanKey(failure), entry);
          break;
        }
        default:
          counted satisfies never;
      }
    }
    this.#missing([...missing.values()]);
  }

  /** How many series there was no room for. */
  get leftOut(): number {
    return this.#series.leftOut;
  }

  /** What the metrics counted, less what spans and log records told, less what was said to be left unsaid. */
  #missing(entries: readonly Missing[]): void {
    // Of what was suppressed nobody knows for which reason it failed.
    const unsaid = new Map([...this.#suppressed].map(([service, count]) => [service, -count]));
    for (const entry of entries) {
      const { failure } = entry;
      entry.count -= (this.#withSpan.get(spanKey(failure)) ?? 0) + (this.#recordedAlone.get(recordKey(failure)) ?? 0);
      unsaid.set(failure.service, (unsaid.get(failure.service) ?? 0) + Math.max(0, entry.count));
    }
    for (const { count, failure, at, example } of entries) {
      if (count <= 0) continue;
      const { service, side, reason } = failure;
      if (unsaid.get(service)! > 0) this.#found.add('failures-without-trail', `${side} ${reason}`, at, example, count);
      this.#classes.seen(failure, at, example, count);
    }
  }
}

/** A series of points, and what it counts that matters here. */
interface Series {
  readonly counted: Counted;
  readonly service: string;
  readonly example: ExampleSpan;
  readonly isCumulative: boolean;
  /** Of the first point, as is `at`. */
  readonly started: number;
  readonly at: number;
  first: number;
  last: number;
}

type Counted =
  | { readonly what: 'failures'; readonly side: 'client' | 'server'; readonly reason: string }
  /** `name`: who lost it. */
  | { readonly what: 'loss'; readonly name: string }
  /** `name`: of what, `span`. */
  | { readonly what: 'suppression'; readonly name: string };

/** Failures that the metrics counted, until what is told of them is taken away. */
interface Missing {
  count: number;
  readonly failure: ToldFailure;
  readonly at: number;
  readonly example: ExampleSpan;
}

/** Undefined: it counts what is of no interest here. */
function countedIn(point: EvidencePoint): Counted | undefined {
  const failure = countedFailure(point);
  if (failure) return { what: 'failures', ...failure };
  if (point.name === 'tls.telemetry.suppressed')
    return { what: 'suppression', name: textOf(point.attributes, 'tls.suppressed.what') ?? 'item' };
  const loss = lossIn(point);
  return loss && { what: 'loss', name: loss.subject };
}

/** How many a series counted within the evidence: one that began before it holds some that are not in it. */
function countWithin({ isCumulative, started, first, last }: Series, begins: number): number {
  return isCumulative && Number.isFinite(begins) && started < begins - SLACK_MS ? last - first : last;
}

function spanKey({ service, side, reason }: ToldFailure): string {
  return `${service}\n${side} ${reason}`;
}

function recordKey({ service, reason }: ToldFailure): string {
  return `${service}\n${reason}`;
}

function add(counts: BoundedMap<number>, key: string, times = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + times);
}

/** A point as an example, though it is no span. */
function exampleOf({ resource, name, attributes }: EvidencePoint): ExampleSpan {
  return plainExample({ traceId: '', spanId: '', resource }, name, textsOf(attributes, SHOWN_OF_POINTS));
}

const SHOWN_OF_POINTS = [
  'tls.handshake.outcome',
  'error.type',
  'tls.protocol.version',
  'tls.suppressed.what',
  'tls.suppressed.why',
  'exporter',
  'receiver',
  'processor',
  'otel.component.name',
];
