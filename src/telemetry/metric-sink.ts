import {
  type Counter,
  type Histogram,
  type Meter,
  type ObservableCounter,
  type ObservableResult,
  type ObservableUpDownCounter,
  ValueType,
} from '@opentelemetry/api';
import type { Handshake, Side } from '../handshake/handshake';
import { DURATION_BOUNDARIES, durationAttributes, INSTRUMENTS, verificationAttributes } from './metrics';
import type { Sink } from './sink';

interface Instruments {
  readonly duration: Readonly<Record<Side, Histogram>>;
  readonly active: Readonly<Record<Side, ObservableUpDownCounter>>;
  readonly verifications: Counter;
  readonly evictions: ObservableCounter;
}

/** How many entries each table has forgotten for want of room, since it was made. By its name. */
export type Evictions = () => Readonly<Record<string, number>>;

/** Every handshake counted and timed. Exact, whatever is sampled or limited elsewhere. */
export class MetricSink implements Sink {
  readonly #meter: () => Meter;
  readonly #evictions: Evictions;
  readonly #active: Record<Side, number> = { client: 0, server: 0 };
  readonly #observe = {
    client: (result: { observe(value: number): void }) => this.#observed('client', result),
    server: (result: { observe(value: number): void }) => this.#observed('server', result),
    evictions: (result: ObservableResult) => {
      for (const [table, count] of Object.entries(this.#evictions())) {
        if (count > 0) result.observe(count, { 'tls.telemetry.table': table });
      }
    },
  };
  #madeFrom: Meter | undefined;
  #instruments: Instruments | undefined;
  #closed = false;

  /** `meter` is asked each time: a meter that was fetched before the SDK started measures nothing for ever. */
  constructor(meter: () => Meter, evictions: Evictions = () => ({})) {
    this.#meter = meter;
    this.#evictions = evictions;
  }

  begun(side: Side): void {
    if (this.#closed) return;
    if (this.#instruments === undefined) this.#current();
    this.#active[side]++;
  }

  over(side: Side): void {
    if (this.#closed) return;
    this.#active[side]--;
  }

  report(handshake: Handshake): void {
    if (this.#closed) return;
    const instruments = this.#current();
    const seconds = (handshake.ended - handshake.started) / 1000;
    instruments.duration[handshake.side].record(seconds, durationAttributes(handshake));
    if (handshake.side === 'server' && handshake.verification.result !== 'not_requested') {
      instruments.verifications.add(1, verificationAttributes(handshake));
    }
  }

  /**
   * For good: a socket born before may still say that its handshake begins. The SDK repeats the last number of active
   * handshakes for ever, so that has to be none before the callbacks are let go.
   */
  close(): void {
    this.#closed = true;
    const noneActive = this.#active.client === 0 && this.#active.server === 0;
    this.#active.client = 0;
    this.#active.server = 0;
    if (noneActive) this.#letGo();
  }

  #observed(side: Side, result: { observe(value: number): void }): void {
    result.observe(this.#active[side]);
    // Not now: the SDK is going through its callbacks.
    if (this.#closed) setImmediate(() => this.#letGo()).unref();
  }

  #letGo(): void {
    this.#instruments?.active.client.removeCallback(this.#observe.client);
    this.#instruments?.active.server.removeCallback(this.#observe.server);
    this.#instruments?.evictions.removeCallback(this.#observe.evictions);
    this.#instruments = undefined;
    this.#madeFrom = undefined;
  }

  #current(): Instruments {
    const meter = this.#meter();
    if (this.#instruments === undefined || meter !== this.#madeFrom) {
      this.#letGo();
      this.#instruments = makeInstruments(meter);
      this.#instruments.active.client.addCallback(this.#observe.client);
      this.#instruments.active.server.addCallback(this.#observe.server);
      this.#instruments.evictions.addCallback(this.#observe.evictions);
      this.#madeFrom = meter;
    }
    return this.#instruments;
  }
}

function makeInstruments(meter: Meter): Instruments {
  const duration = (name: 'tls.server.handshake.duration' | 'tls.client.handshake.duration') =>
    meter.createHistogram(name, {
      unit: INSTRUMENTS[name].unit,
      description: INSTRUMENTS[name].brief,
      advice: { explicitBucketBoundaries: DURATION_BOUNDARIES },
    });
  const active = (name: 'tls.server.active_handshakes' | 'tls.client.active_handshakes') =>
    meter.createObservableUpDownCounter(name, {
      unit: INSTRUMENTS[name].unit,
      description: INSTRUMENTS[name].brief,
      valueType: ValueType.INT,
    });
  const verifications = 'tls.server.client_certificate.verifications';
  const evictions = 'tls.telemetry.evictions';
  return {
    duration: {
      server: duration('tls.server.handshake.duration'),
      client: duration('tls.client.handshake.duration'),
    },
    active: {
      server: active('tls.server.active_handshakes'),
      client: active('tls.client.active_handshakes'),
    },
    verifications: meter.createCounter(verifications, {
      unit: INSTRUMENTS[verifications].unit,
      description: INSTRUMENTS[verifications].brief,
      valueType: ValueType.INT,
    }),
    evictions: meter.createObservableCounter(evictions, {
      unit: INSTRUMENTS[evictions].unit,
      description: INSTRUMENTS[evictions].brief,
      valueType: ValueType.INT,
    }),
  };
}
