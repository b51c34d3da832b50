import type { SpanContext } from '@opentelemetry/api';
import type { Handshake, Refusal } from '../handshake/handshake';
import { failureOf } from './attributes';
import { type EventMemory, type EventName, eventsOf, type Severity } from './events';
import type { FloodControl, FloodLimit, UnsaidItem } from './flood-control';

/**
 * What several sinks need to agree on about one handshake: which events it gives rise to, which span is its own, and
 * whether it is said at all. Held as weakly as the handshake itself.
 */
export class Occurrence {
  readonly #memory: EventMemory;
  readonly #events = new WeakMap<Handshake, readonly [EventName, Severity][]>();
  readonly #spans = new WeakMap<Handshake, SpanContext>();

  readonly #flood: FloodControl | undefined;
  readonly #verdicts = new WeakMap<Handshake | Refusal, FloodLimit | 'none'>();

  /** `flood` undefined: everything is said. */
  constructor(memory: EventMemory, flood?: FloodControl) {
    this.#memory = memory;
    this.#flood = flood;
  }

  /**
   * True when a sink must not say this: there have been too many like it. Then its `items` are counted as unsaid. What was
   * established is always said: a busy server's load is no attack.
   */
  leavesUnsaid(one: Handshake | Refusal, what: UnsaidItem, items: number): boolean {
    if (this.#flood === undefined) return false;
    const refusal = 'handshake' in one ? one : undefined;
    const handshake = refusal?.handshake ?? (one as Handshake);
    if (refusal === undefined && handshake.outcome.kind === 'established') return false;
    let verdict = this.#verdicts.get(one);
    if (verdict === undefined) {
      verdict =
        this.#flood.limitReachedBy({
          peerAddress: handshake.peer.address,
          reason: (refusal?.failure ?? failureOf(handshake))?.reason ?? handshake.outcome.kind,
          at: refusal?.at ?? handshake.ended,
        }) ?? 'none';
      this.#verdicts.set(one, verdict);
    }
    if (verdict === 'none') return false;
    this.#flood.leftUnsaid(what, verdict, items);
    return true;
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
