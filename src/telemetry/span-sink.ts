import {
  type Attributes,
  type Context,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
} from '@opentelemetry/api';
import type { Handshake, HandshakeFailure, Refusal } from '../handshake/handshake';
import type { Settings } from '../settings';
import { attributesOf, CONNECTION_ID, failureOf, originOf } from './attributes';
import type { OwnSpan, SpanStarter } from './disclosure';
import { type EventName, explanationOf, REFUSAL_EVENT } from './events';
import type { Occurrence } from './occurrence';
import { occasionsFor } from './occasions';
import type { Sink } from './sink';
import { SPAN_NAMES } from './span-names';

/** Every handshake as one span, started and ended when it is over, with the times it really had. */
export class SpanSink implements Sink {
  readonly #tracer: () => SpanStarter;
  readonly #settings: Settings;
  readonly #occurrence: Occurrence;

  constructor(tracer: () => SpanStarter, settings: Settings, occurrence: Occurrence) {
    this.#tracer = tracer;
    this.#settings = settings;
    this.#occurrence = occurrence;
  }

  report(handshake: Handshake, parent: Context): void {
    if (!this.#isWanted(handshake) || this.#occurrence.leavesUnsaid(handshake, 'span', 1)) return;
    const attributes = attributesOf(handshake, occasionsFor(handshake, this.#settings));
    const span = this.#tracer().startSpan(
      SPAN_NAMES[handshake.side],
      { kind: SpanKind.INTERNAL, startTime: handshake.started, attributes },
      // Not as `root`, for which an SDK makes a context of its own each time.
      handshake.side === 'server' ? ROOT_CONTEXT : parent,
    );
    const isRecording = span.isRecording();
    if (isRecording || isSpanContextValid(span.spanContext())) this.#occurrence.remember(handshake, span.spanContext());
    if (!isRecording) return;
    span.setAttribute(CONNECTION_ID, span.spanContext().spanId);
    const failure = failureOf(handshake);
    if (failure) span.setStatus({ code: SpanStatusCode.ERROR, message: statusOf(failure) });
    if (this.#settings.events === 'both' || this.#settings.events === 'span') {
      for (const [name] of this.#occurrence.eventsOf(handshake)) {
        addEvent(span, name, attributes, failure, handshake.ended);
      }
    }
    span.end(handshake.ended);
  }

  refused(refusal: Refusal, parent: Context): void {
    if (this.#settings.handshakeSpans === 'none' || this.#occurrence.leavesUnsaid(refusal, 'span', 1)) return;
    const { handshake, failure, at } = refusal;
    const established = this.#occurrence.spanContextOf(handshake);
    const links: Link[] = established ? [{ context: established }] : [];
    const attributes = refusalAttributes(handshake, failure, this.#settings, established);
    const span = this.#tracer().startSpan(
      handshake.side === 'client' ? SPAN_NAMES.clientRefused : SPAN_NAMES.serverRefused,
      { kind: SpanKind.INTERNAL, startTime: at, attributes, links },
      handshake.side === 'server' ? ROOT_CONTEXT : parent,
    );
    if (!span.isRecording()) return;
    span.setStatus({ code: SpanStatusCode.ERROR, message: statusOf(failure) });
    if (this.#settings.events === 'both' || this.#settings.events === 'span') {
      addEvent(span, REFUSAL_EVENT, attributes, failure, at);
    }
    span.end(at);
  }

  #isWanted(handshake: Handshake): boolean {
    if (this.#settings.handshakeSpans === 'none') return false;
    switch (handshake.outcome.kind) {
      case 'failed':
        return true;
      case 'established':
        return this.#settings.handshakeSpans === 'all';
      case 'abandoned':
        return this.#settings.abandonedSpans;
      default:
        return handshake.outcome satisfies never;
    }
  }
}

/** The handshake's attributes with the refusal's reason in place of its success. */
export function refusalAttributes(
  handshake: Handshake,
  failure: HandshakeFailure,
  settings: Settings,
  established: SpanContext | undefined,
): Attributes {
  const refused: Handshake = { ...handshake, outcome: { kind: 'failed', failure } };
  const attributes = attributesOf(refused, occasionsFor(refused, settings));
  // The tunnel had stood; that it was taken down again is what error.type says.
  attributes['tls.established'] = true;
  if (established) attributes[CONNECTION_ID] = established.spanId;
  return attributes;
}

/** What is on the span already is not said again: an event carries the reason and the words that explain it. */
const ON_SPAN_EVENTS = [
  'error.type',
  'tls.failure.origin',
  'tls.handshake.phase',
  'tls.verify.errors',
  'tls.session.stale',
];

function addEvent(
  span: OwnSpan,
  name: EventName,
  attributes: Attributes,
  failure: HandshakeFailure | undefined,
  at: number,
): void {
  const said: Attributes = failure ? explanationOf(failure.reason) : {};
  for (const key of [...ON_SPAN_EVENTS, 'tls.client.subject', 'tls.client.hash.sha256', 'tls.server.subject']) {
    if (attributes[key] !== undefined) said[key] = attributes[key];
  }
  span.addEvent(name, said, at);
}

/** Short, without the reason, which is `error.type`'s, and without names, which are the peer's text. */
function statusOf(failure: HandshakeFailure): string {
  switch (originOf(failure)) {
    case 'peer':
      return failure.alert ? 'the peer refused the handshake' : 'the peer closed the connection';
    case 'network':
      return 'the connection was lost';
    default:
      return 'this side refused the handshake';
  }
}
