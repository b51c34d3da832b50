import {
  type Attributes,
  type Counter,
  type Meter,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
  ValueType,
} from '@opentelemetry/api';
import type { CertificateIdentity } from '../certificate/peer-certificate';
import type { Handshake, HandshakeFailure, Refusal } from '../handshake/handshake';
import type { TlsPeer } from '../identity/tls-peer';
import { peerOf } from '../patterns/peer-network';
import { type Detection, PATTERNS, type PatternName, type PatternOptions, Patterns } from '../patterns/patterns';
import { type AttributeName, CONNECTION_ID, failureOf } from './attributes';
import { detectionAttributes, UNSAID } from './detection-attributes';
import { type EventLogger, SEVERITY_NUMBERS } from './event-sink';
import { PROCESS_EVENTS, type ProcessEventName } from './events';
import { INSTRUMENTS, type InstrumentName } from './metrics';
import type { Occurrence } from './occurrence';
import type { Sink } from './sink';

/** Detections of one pattern that are said in a minute: of a thousand attackers ten tell enough. All are counted. */
const SAID_A_MINUTE = 10;
const MINUTE_MS = 60_000;

const EVENT = 'tls.abuse.detected' satisfies ProcessEventName;

export interface PatternSinkParts {
  readonly meter: () => Meter;
  /** Undefined: detections are counted, and not said. */
  readonly logger: (() => EventLogger) | undefined;
  readonly patterns: PatternOptions;
  readonly occurrence: Occurrence;
  /** Milliseconds, of any clock that never goes back. */
  readonly now: () => number;
}

/**
 * Looks for patterns among those who connect to us. What it finds it counts, and says as a log record. No span gets the
 * event: that of the handshake has ended. But the record stands in its context, and names it and others by their
 * connections' ids; for that the sink of spans has to come first.
 */
export class PatternSink implements Sink {
  readonly #parts: PatternSinkParts;
  readonly #patterns: Patterns;
  readonly #minutes = new Map<PatternName, { readonly began: number; said: number }>();
  readonly #unsaid = new Map<PatternName, number>();
  readonly #evicted = new Map<PatternName, number>();
  #madeFrom: Meter | undefined;
  #counters: { readonly detections: Counter; readonly evictions: Counter } | undefined;

  constructor(parts: PatternSinkParts) {
    this.#parts = parts;
    this.#patterns = new Patterns(parts.patterns);
  }

  report(handshake: Handshake): void {
    this.#look(handshake, failureOf(handshake), handshake.ended);
  }

  refused({ handshake, failure, at }: Refusal): void {
    this.#look(handshake, failure, at);
  }

  /** Requests are worth telling of. */
  get concernsRequests(): boolean {
    return this.#patterns.concernRequests;
  }

  /**
   * A client's request. `endpoint` is its method and path template; `time` in milliseconds since the epoch. Of a client that is
   * not verified nothing is learnt, and nothing is said.
   */
  requested({ certificate, verification, connectionId, handshakeSpan }: TlsPeer, endpoint: string, time: number): void {
    if (certificate === undefined || verification.result !== 'ok') return;
    const at = this.#parts.now();
    const seen = { at, time, identity: certificate, endpoint, connectionId };
    for (const detection of this.#patterns.request(seen)) this.#tell(detection, undefined, handshakeSpan, at);
    this.#countEvictions();
  }

  #look(handshake: Handshake, failure: HandshakeFailure | undefined, time: number): void {
    if (handshake.side !== 'server') return;
    const { address } = handshake.peer;
    // Most handshakes: nobody in particular came, and nothing went wrong.
    if (failure === undefined && handshake.peerCertificate === undefined && handshake.outcome.kind === 'established') {
      return;
    }
    const at = this.#parts.now();
    const span = this.#parts.occurrence.spanContextOf(handshake);
    const seen = { at, time, peer: peerOf(address), connectionId: span?.spanId, handshake, failure };
    for (const detection of this.#patterns.handshake(seen)) this.#tell(detection, address, span, at);
    this.#countEvictions();
  }

  #tell(detection: Detection, address: string | undefined, span: SpanContext | undefined, at: number): void {
    const { pattern, identity } = detection;
    this.#current().detections.add(1, { 'tls.abuse.pattern': pattern });
    const { logger } = this.#parts;
    if (logger === undefined) return;
    const unsaid = this.#unsaid.get(pattern) ?? 0;
    if (!this.#maySay(pattern, at)) {
      this.#unsaid.set(pattern, unsaid + 1);
      return;
    }
    this.#unsaid.delete(pattern);
    const { severity } = PROCESS_EVENTS[EVENT];
    logger().emit({
      eventName: EVENT,
      timestamp: detection.lastSeen,
      severityNumber: SEVERITY_NUMBERS[severity],
      severityText: severity,
      body: PATTERNS[pattern].brief,
      attributes: {
        ...detectionAttributes(detection),
        ...(unsaid > 0 && { [UNSAID]: unsaid }),
        ...(address !== undefined && { 'network.peer.address': address }),
        ...(span && { [CONNECTION_ID]: span.spanId }),
        ...(identity && identityAttributes(identity)),
      },
      context: span ? trace.setSpanContext(ROOT_CONTEXT, span) : ROOT_CONTEXT,
    });
  }

  /** The first ten of each minute. */
  #maySay(pattern: PatternName, at: number): boolean {
    const minute = this.#minutes.get(pattern);
    if (minute === undefined || at - minute.began >= MINUTE_MS) {
      this.#minutes.set(pattern, { began: at, said: 1 });
      return true;
    }
    return minute.said++ < SAID_A_MINUTE;
  }

  #countEvictions(): void {
    for (const [pattern, evicted] of this.#patterns.evictions()) {
      const more = evicted - (this.#evicted.get(pattern) ?? 0);
      if (more <= 0) continue;
      this.#evicted.set(pattern, evicted);
      this.#current().evictions.add(more, { 'tls.abuse.pattern': pattern });
    }
  }

  /** A meter that was fetched before the SDK started measures nothing for ever. */
  #current() {
    const meter = this.#parts.meter();
    if (this.#counters === undefined || meter !== this.#madeFrom) {
      this.#counters = {
        detections: counter(meter, 'tls.abuse.detections'),
        evictions: counter(meter, 'tls.abuse.evictions'),
      };
      this.#madeFrom = meter;
    }
    return this.#counters;
  }
}

function counter(meter: Meter, name: InstrumentName): Counter {
  const { unit, brief } = INSTRUMENTS[name];
  return meter.createCounter(name, { unit, description: brief, valueType: ValueType.INT });
}

/** Whose it is, by the names that handshakes have for it. */
function identityAttributes(identity: CertificateIdentity): Attributes {
  const attributes: Partial<Record<AttributeName, string | undefined>> = {
    'tls.client.subject': identity.subject,
    'tls.client.issuer': identity.issuer,
    'tls.client.hash.sha256': identity.fingerprint,
    'tls.client.x509.serial_number': identity.serialNumber,
    'tls.client.spiffe_id': identity.spiffeId,
  };
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
