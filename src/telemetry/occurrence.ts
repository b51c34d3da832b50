import type { SpanContext } from '@opentelemetry/api';
import type { Handshake } from '../handshake/handshake';
import { type EventMemory, type EventName, eventsOf, type Severity } from './events';

/**
 * What several sinks need to agree on about one handshake: which events it gives rise to, and which span is its own.
 * Held as weakly as the handshake itself.
 */
export class Occurrence {
  readonly #memory: EventMemory;
  readonly #events = new WeakMap<Handshake, readonly [EventName, Severity][]>();
  readonly #spans = new WeakMap<Handshake, SpanContext>();

  constructor(memory: EventMemory) {
    this.#memory = memory;
  }

  eventsOf(handshake: Handshake): readonly [EventName, Severity][] {
    let events = this.#events.get(handshake);
    if (events === undefined) {
      events = eventsOf(handshake, this.#memory);
      if (events.length > 0) this.#events.set(handshake, events);
    }
    return events;
  }

  remember(handshake: Handshake, span: SpanContext): void {
    this.#spans.set(handshake, span);
  }

  /** Undefined when the handshake has no span: not wanted, or not reported yet. */
  spanContextOf(handshake: Handshake): SpanContext | undefined {
    return this.#spans.get(handshake);
  }
}
