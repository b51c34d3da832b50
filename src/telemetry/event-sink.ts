import { type Attributes, type Context, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api';
import { FAILURE_REASONS } from '../handshake/failure-reasons';
import type { Handshake, Refusal } from '../handshake/handshake';
import type { Settings } from '../settings';
import { attributesOf, CONNECTION_ID, failureOf } from './attributes';
import { type EventName, explanationOf, REFUSAL_EVENT, type Severity } from './events';
import type { Occurrence } from './occurrence';
import { occasionsFor } from './occasions';
import type { Sink } from './sink';
import { refusalAttributes } from './span-sink';

/** The part of a Logger that is used: the same in both lines of the logs API. */
export interface EventLogger {
  emit(record: {
    eventName: string;
    timestamp: number;
    severityNumber: number;
    severityText: string;
    body?: string;
    attributes: Attributes;
    context: Context;
  }): void;
}

/** OpenTelemetry logs data model, SeverityNumber. */
export const SEVERITY_NUMBERS: Record<Severity, number> = { INFO: 9, WARN: 13, ERROR: 17 };

/** Events as log records, each in the context of its handshake's span. */
export class EventSink implements Sink {
  readonly #logger: () => EventLogger;
  readonly #settings: Settings;
  readonly #occurrence: Occurrence;

  constructor(logger: () => EventLogger, settings: Settings, occurrence: Occurrence) {
    this.#logger = logger;
    this.#settings = settings;
    this.#occurrence = occurrence;
  }

  report(handshake: Handshake, parent: Context): void {
    const events = this.#occurrence.eventsOf(handshake);
    if (events.length === 0 || this.#occurrence.leavesUnsaid(handshake, 'event', events.length)) return;
    const attributes = attributesOf(handshake, occasionsFor(handshake, this.#settings));
    const span = this.#occurrence.spanContextOf(handshake);
    if (span) attributes[CONNECTION_ID] = span.spanId;
    const reason = failureOf(handshake)?.reason;
    for (const [name, severity] of events) {
      this.#emit(name, severity, handshake.ended, attributes, reason, contextOf(handshake, span, parent));
    }
  }

  refused(refusal: Refusal, parent: Context): void {
    if (this.#occurrence.leavesUnsaid(refusal, 'event', 1)) return;
    const { handshake, failure, at } = refusal;
    const span = this.#occurrence.spanContextOf(handshake);
    const attributes = refusalAttributes(handshake, failure, this.#settings, span);
    const context = contextOf(handshake, span, parent);
    this.#emit(REFUSAL_EVENT, FAILURE_REASONS[failure.reason].severity, at, attributes, failure.reason, context);
  }

  #emit(
    eventName: EventName,
    severity: Severity,
    timestamp: number,
    attributes: Attributes,
    reason: keyof typeof FAILURE_REASONS | undefined,
    context: Context,
  ): void {
    this.#logger().emit({
      eventName,
      timestamp,
      severityNumber: SEVERITY_NUMBERS[severity],
      severityText: severity,
      ...(reason && { body: FAILURE_REASONS[reason].brief }),
      attributes: reason ? { ...attributes, ...explanationOf(reason) } : attributes,
      context,
    });
  }
}

/** The handshake's own span, or without one what its span would have had for a parent. */
function contextOf(handshake: Handshake, span: SpanContext | undefined, parent: Context): Context {
  if (span) return trace.setSpanContext(ROOT_CONTEXT, span);
  return handshake.side === 'client' ? parent : ROOT_CONTEXT;
}
