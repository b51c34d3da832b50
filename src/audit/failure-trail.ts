import type { ExampleSpan } from './audit-result';
import { BoundedMap, BoundedSet } from './bounded-collections';
import {
  type EvidenceLog,
  type EvidenceSpan,
  isUnexplainedHangup,
  type SeenHandshake,
  serviceOf,
  targetOfLog,
  textOf,
} from './evidence';
import type { FailureClasses } from './failure-classes';
import type { Found } from './found';
import { type KnownHandshakes, MOST_HANDSHAKES } from './known-handshakes';
import type { MetricCounts, ToldFailure } from './metric-counts';

/** Failures of which another span or log record may yet tell. */
const MOST_UNEXPLAINED = 100_000;

/** Failed handshakes, as spans and log records tell of them: which of them one tells and the other does not. */
export class FailureTrail {
  readonly #handshakes: KnownHandshakes;
  readonly #classes: FailureClasses;
  readonly #metrics: MetricCounts;
  readonly #found: Found;
  readonly #failed = new BoundedSet(MOST_HANDSHAKES);
  readonly #failedParents = new BoundedSet(MOST_HANDSHAKES);
  /** Failures of which a log record told, by the span they happened in. */
  readonly #toldByLog = new BoundedMap<ToldByLog>(MOST_UNEXPLAINED);
  /** Clients' requests that ended without a reason, by their span. */
  readonly #hangups = new BoundedMap<Hangup>(MOST_UNEXPLAINED);

  constructor(handshakes: KnownHandshakes, classes: FailureClasses, metrics: MetricCounts, found: Found) {
    this.#handshakes = handshakes;
    this.#classes = classes;
    this.#metrics = metrics;
    this.#found = found;
  }

  /** One that failed. */
  handshake({ side, reason, spanId, parentSpanId, at, example }: SeenHandshake): void {
    const failure: ToldFailure = { service: example.service ?? '', side, reason: reason ?? '_OTHER' };
    this.#classes.seen(failure, at, example);
    this.#metrics.toldBySpan(failure);
    this.#failed.add(spanId);
    this.#toldByLog.delete(spanId);
    if (side === 'client' && parentSpanId !== '') {
      this.#failedParents.add(parentSpanId);
      this.#hangups.delete(parentSpanId);
    }
  }

  /** Neither a handshake nor a request that a server received. */
  otherSpan(span: EvidenceSpan): void {
    if (!isUnexplainedHangup(span) || this.#failedParents.has(span.spanId)) return;
    const { ended, traceId, resource, name } = span;
    this.#hangups.set(span.spanId, { at: ended, traceId, service: serviceOf(resource), name: name.slice(0, 20) });
  }

  /** A log record that tells of a failure. */
  log(log: EvidenceLog, example: ExampleSpan): void {
    const { at, traceId, spanId } = log;
    const isOfRequest = targetOfLog(log) !== undefined;
    // A failure is told twice, in general and of the certificate: one is enough.
    if (log.eventName === 'tls.client_certificate.rejected' && !isOfRequest) return;
    if (spanId === '') this.#toldAlone(failureOf(log), reasonOf(log), at, example);
    else if (!isOfRequest && !this.#failed.has(spanId))
      this.#toldByLog.set(spanId, { at, traceId, failure: failureOf(log), reason: reasonOf(log) });
  }

  /** What nothing else has told of until now, nothing else will. */
  conclude(): void {
    for (const [spanId, { at, traceId, failure, reason }] of this.#toldByLog) {
      if (this.#handshakes.has(spanId)) continue;
      const { service } = failure;
      const attributes = { 'error.type': reason };
      this.#toldAlone(failure, reason, at, { traceId, spanId, name: 'tls.handshake.failed', service, attributes });
    }
    for (const [spanId, { at, traceId, service, name }] of this.#hangups)
      this.#found.add('hangup-without-reason', service, at, { traceId, spanId, name, service, attributes: {} });
    this.#toldByLog.clear();
    this.#hangups.clear();
  }

  /** How often there was no room to remember one. */
  get leftOut(): number {
    return this.#failed.leftOut + this.#failedParents.leftOut + this.#toldByLog.leftOut + this.#hangups.leftOut;
  }

  /** `reason`: as the record has it, empty if it has none. */
  #toldAlone(failure: ToldFailure, reason: string, at: number, example: ExampleSpan): void {
    this.#found.add('failure-sampled-away', reason, at, example);
    this.#metrics.toldByRecordAlone(failure);
    this.#classes.seen(failure, at, example);
  }
}

/** What is needed to tell of it at the end. */
interface ToldByLog {
  readonly at: number;
  readonly traceId: string;
  readonly failure: ToldFailure;
  readonly reason: string;
}

interface Hangup {
  readonly at: number;
  readonly traceId: string;
  readonly service: string;
  readonly name: string;
}

/** A record does not say who we were; but whose certificate it tells of, says it. */
function failureOf(log: EvidenceLog): ToldFailure {
  const isClient = Object.keys(log.attributes).some(name => name.startsWith('tls.server.'));
  return { service: serviceOf(log.resource), side: isClient ? 'client' : 'server', reason: reasonOf(log) || '_OTHER' };
}

function reasonOf({ attributes }: EvidenceLog): string {
  return textOf(attributes, 'error.type') ?? '';
}
