import {
  type Attributes,
  type Context,
  type Meter,
  type ObservableGauge,
  type ObservableResult,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from '@opentelemetry/api';
import { ForgetfulMap } from '../certificate/forgetful-map';
import type { PeerCertificate } from '../certificate/peer-certificate';
import type { Handshake, Side } from '../handshake/handshake';
import { CONNECTION_ID, certificateAttributesOf } from './attributes';
import { type EventLogger, SEVERITY_NUMBERS } from './event-sink';
import { PROCESS_EVENTS } from './events';
import { EXPIRY_ATTRIBUTES, type Expiring, type ExpiryDays, expiryDaysOf, type Role } from './expiry-attributes';
import { INSTRUMENTS } from './metrics';
import { MinuteLimit } from './minute-limit';
import type { Occurrence } from './occurrence';
import type { Sink } from './sink';

const EVENT = 'tls.certificate.expiring';
const GAUGE = 'tls.certificate.time_to_expiry';

/** How many were left unsaid since the last that was said. Absent: none. */
export const EXPIRING_UNSAID = 'tls.certificate.unsaid';

/** A certificate is in use for so long after a handshake with it. */
const IN_USE_MS = 60 * 60 * 1000;
/** Of the certificate that was used last, and is mostly a server's only one, that is not noted again for so long. */
const NOTED_MS = 1000;
/** Said again after so long. */
const AGAIN_MS = 24 * 60 * 60 * 1000;
/** Certificates of which it is remembered when they were last spoken of, 64 characters each. */
const MAX_SPOKEN_OF = 2000;
/** Certificates in use that nobody has configured on a server, for each role. */
const MAX_IN_USE = 1000;
/** Of each role so many have a series of their own, as long as the process lives: an SDK forgets none. */
const MAX_SERIES = 100;
/** How many of peers are said a minute: all clients of an authority may end in the same week. */
const SAID_A_MINUTE = 10;

export interface ExpiryParts {
  readonly meter: () => Meter;
  /** Undefined: no events are wanted in the logs. */
  readonly logger: (() => EventLogger) | undefined;
  readonly occurrence: Occurrence;
  /** What servers are configured with now. */
  readonly configured: () => readonly PeerCertificate[];
  /** Peers have series of their own: by fingerprint, or, with `nameless`, all in one. */
  readonly peers: 'by_fingerprint' | 'nameless' | 'none';
  /** False as long as there is no SDK: then nobody would hear. */
  readonly isListening: () => boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Certificates that end soon: our own, and those of peers that were verified. Looked at when they are configured or used,
 * and whenever metrics are collected; there is no timer.
 */
export class ExpirySink implements Sink {
  readonly #parts: ExpiryParts;
  readonly #inUse: Record<Role, ForgetfulMap<string, InUse>> = {
    local: new ForgetfulMap(MAX_IN_USE),
    peer: new ForgetfulMap(MAX_IN_USE),
  };
  readonly #series: Record<Role, Set<string>> = { local: new Set(), peer: new Set() };
  readonly #lastUsed: Record<Role, { certificate: PeerCertificate; at: number } | undefined> = {
    local: undefined,
    peer: undefined,
  };
  readonly #spokenOf = new ForgetfulMap<string, SpokenOf>(MAX_SPOKEN_OF);
  readonly #limit = new MinuteLimit(SAID_A_MINUTE);
  readonly #observe = (result: ObservableResult) => this.#observed(result);
  /** A server was configured when nobody would have heard of it. */
  #isBehind = false;
  #gauge: { readonly meter: Meter; readonly gauge: ObservableGauge } | undefined;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
  }

  report(handshake: Handshake): void {
    if (this.#isBehind) this.configured();
    const { ownCertificate: own, peerCertificate: peer, side } = handshake;
    if (own !== undefined) this.#used('local', own, side, handshake);
    if (peer !== undefined && handshake.outcome.kind === 'established' && handshake.verification.result === 'ok') {
      this.#used('peer', peer, side === 'server' ? 'client' : 'server', handshake);
    }
  }

  /** A server has another certificate, or its first. */
  configured(): void {
    this.#isBehind = !this.#parts.isListening();
    if (this.#isBehind) return;
    this.#current();
    const at = this.#parts.now();
    for (const certificate of this.#parts.configured()) this.#look('local', certificate, 'server', at, undefined);
  }

  close(): void {
    this.#gauge?.gauge.removeCallback(this.#observe);
    this.#gauge = undefined;
  }

  #used(role: Role, certificate: PeerCertificate, whose: Side, handshake: Handshake): void {
    if (certificate.notAfter === undefined) return;
    this.#current();
    const at = this.#parts.now();
    const last = this.#lastUsed[role];
    const isNoted = last?.certificate === certificate && Math.abs(at - last.at) < NOTED_MS;
    if (!isNoted && (role === 'local' || this.#parts.peers !== 'none')) {
      this.#lastUsed[role] = { certificate, at };
      this.#inUse[role].set(certificate.fingerprint, { notAfter: certificate.notAfter, at });
    }
    this.#look(role, certificate, whose, at, handshake);
  }

  #look(role: Role, certificate: PeerCertificate, whose: Side, at: number, handshake: Handshake | undefined): void {
    const { logger } = this.#parts;
    const days = expiryDaysOf(certificate, at);
    // Of a peer that is let in although its certificate has ended, another event tells.
    if (days === undefined || logger === undefined || (role === 'peer' && days === 0)) return;
    const { fingerprint } = certificate;
    const before = this.#spokenOf.get(fingerprint);
    if (before !== undefined && days >= before.days && Math.abs(at - before.at) < AGAIN_MS) return;
    const unsaid = role === 'peer' ? this.#limit.take(at) : 0;
    if (unsaid === undefined) return;
    this.#spokenOf.set(fingerprint, { days, at });
    const span = handshake && this.#parts.occurrence.spanContextOf(handshake);
    emit(logger(), { role, days, left: certificate.notAfter! - at }, certificate, { whose, at, unsaid, span });
  }

  /** While metrics are collected, which nobody may hinder. */
  #observed(result: ObservableResult): void {
    const at = this.#parts.now();
    const own = this.#parts.configured();
    for (const certificate of own) this.#look('local', certificate, 'server', at, undefined);
    const local = new Map(own.map(({ fingerprint, notAfter }) => [fingerprint, notAfter]));
    for (const [fingerprint, { notAfter }] of this.#stillInUse('local', at)) local.set(fingerprint, notAfter);
    this.#tell('local', local, at, result);
    if (this.#parts.peers === 'none') return;
    const peers = [...this.#stillInUse('peer', at)].map(
      ([fingerprint, { notAfter }]) => [fingerprint, notAfter] as const,
    );
    this.#tell('peer', new Map(peers), at, result);
  }

  #stillInUse(role: Role, at: number): ReadonlyMap<string, InUse> {
    const inUse = this.#inUse[role];
    for (const [fingerprint, { at: used }] of inUse) {
      if (Math.abs(at - used) > IN_USE_MS) inUse.delete(fingerprint);
    }
    return inUse;
  }

  /** Of several with one label, that which ends first. */
  #tell(role: Role, ends: ReadonlyMap<string, number | undefined>, at: number, result: ObservableResult): void {
    const soonest = new Map<string, number>();
    for (const [fingerprint, notAfter] of ends) {
      if (notAfter === undefined) continue;
      const label = this.#labelOf(role, fingerprint);
      soonest.set(label, Math.min(soonest.get(label) ?? Number.POSITIVE_INFINITY, notAfter));
    }
    for (const [label, notAfter] of soonest) {
      const attributes = { 'tls.certificate.role': role, 'tls.certificate.fingerprint': label };
      result.observe((notAfter - at) / 1000, attributes);
    }
  }

  /** Its first eight digits. */
  #labelOf(role: Role, fingerprint: string): string {
    if (role === 'peer' && this.#parts.peers === 'nameless') return OTHERS;
    const label = fingerprint.slice(0, 8);
    const series = this.#series[role];
    if (series.has(label)) return label;
    if (series.size >= MAX_SERIES) return OTHERS;
    series.add(label);
    return label;
  }

  /** A meter that was fetched before the SDK started measures nothing for ever. */
  #current(): void {
    const meter = this.#parts.meter();
    if (this.#gauge?.meter === meter) return;
    this.close();
    const { unit, brief } = INSTRUMENTS[GAUGE];
    const gauge = meter.createObservableGauge(GAUGE, { unit, description: brief });
    gauge.addCallback(this.#observe);
    this.#gauge = { meter, gauge };
  }
}

/** The series of all that have none of their own. */
const OTHERS = 'other';

interface InUse {
  readonly notAfter: number;
  /** When it last was: milliseconds since the epoch. */
  readonly at: number;
}

interface SpokenOf {
  readonly days: ExpiryDays;
  readonly at: number;
}

function emit(
  logger: EventLogger,
  expiring: Expiring,
  certificate: PeerCertificate,
  { whose, at, unsaid, span }: { whose: Side; at: number; unsaid: number; span: SpanContext | undefined },
): void {
  const { severity } = PROCESS_EVENTS[EVENT];
  const attributes: Attributes = certificateAttributesOf(certificate, whose);
  for (const [name, row] of Object.entries(EXPIRY_ATTRIBUTES)) attributes[name] = row.read(expiring);
  if (unsaid > 0) attributes[EXPIRING_UNSAID] = unsaid;
  if (span) attributes[CONNECTION_ID] = span.spanId;
  const context: Context = span ? trace.setSpanContext(ROOT_CONTEXT, span) : ROOT_CONTEXT;
  logger.emit({
    eventName: EVENT,
    timestamp: at,
    severityNumber: SEVERITY_NUMBERS[severity],
    severityText: severity,
    body: bodyOf(expiring),
    attributes,
    context,
  });
}

function bodyOf({ role, days }: Expiring): string {
  const whose = role === 'local' ? 'A certificate of our own' : "A peer's certificate";
  if (days === 0) return `${whose} has ended.`;
  return `${whose} ends within ${days === 1 ? 'a day' : `${days} days`}.`;
}
