import type { Attributes } from '@opentelemetry/api';
import type { Handshake } from '../handshake/handshake';
import { failureOf } from './attributes';

interface InstrumentRow {
  readonly kind: 'histogram' | 'up_down_counter' | 'counter' | 'gauge';
  readonly unit: string;
  readonly brief: string;
  /** The only attributes: names, serials, addresses and raw codes are never dimensions. */
  readonly attributes: readonly string[];
}

/** Semantic conventions for durations in seconds, extended at both ends for handshakes on a loopback and for slow ones. */
export const DURATION_BOUNDARIES = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const DURATION = {
  kind: 'histogram',
  unit: 's',
  attributes: ['tls.protocol.version', 'tls.resumed', 'tls.handshake.outcome', 'error.type'],
} as const;

const ACTIVE = { kind: 'up_down_counter', unit: '{handshake}', attributes: [] } as const;

/** One row an instrument; the README's table is made of them. */
export const INSTRUMENTS = {
  'tls.server.handshake.duration': {
    ...DURATION,
    brief: 'Duration of server handshakes, from the first bytes of the ClientHello to the decision.',
  },
  'tls.client.handshake.duration': {
    ...DURATION,
    brief: 'Duration of client handshakes, from the TCP connection to the decision.',
  },
  'tls.server.active_handshakes': { ...ACTIVE, brief: 'Server handshakes under way.' },
  'tls.client.active_handshakes': { ...ACTIVE, brief: 'Client handshakes under way.' },
  'tls.server.client_certificate.verifications': {
    kind: 'counter',
    unit: '{verification}',
    attributes: ['tls.verify.result', 'error.type'],
    brief: 'Handshakes in which a client certificate was asked for, by what came of its verification.',
  },
  'tls.certificate.time_to_expiry': {
    kind: 'gauge',
    unit: 's',
    attributes: ['tls.certificate.role', 'tls.certificate.fingerprint'],
    brief: 'How long certificates in use are valid for; negative afterwards. Our own, and by an option those of peers.',
  },
  'tls.telemetry.suppressed': {
    kind: 'counter',
    unit: '{item}',
    attributes: ['tls.suppressed.what', 'tls.suppressed.why'],
    brief: 'Spans and events of failures that flood control left unsaid, by the limit that was reached.',
  },
  'tls.telemetry.evictions': {
    kind: 'counter',
    unit: '{entry}',
    attributes: ['tls.telemetry.table'],
    brief:
      'What was forgotten for want of room, and is read or made anew when it comes again: `certificates`, ' +
      '`forwarded_certificates`, `first_uses` (an event that is said once an hour is said again) and `pseudonyms`.',
  },
  'tls.abuse.detections': {
    kind: 'counter',
    unit: '{detection}',
    attributes: ['tls.abuse.pattern'],
    brief: 'Patterns of abuse that were found, once a window for each peer or identity.',
  },
  'tls.abuse.evictions': {
    kind: 'counter',
    unit: '{subject}',
    attributes: ['tls.abuse.pattern'],
    brief: 'Peers and identities forgotten for want of room: there are more of them than a pattern can watch.',
  },
} as const satisfies Record<string, InstrumentRow>;

export type InstrumentName = keyof typeof INSTRUMENTS;

/** One by one: to spread objects that may be absent takes longer than to record the value. */
export function durationAttributes(handshake: Handshake): Attributes {
  const attributes: Attributes = {};
  if (handshake.protocol) attributes['tls.protocol.version'] = handshake.protocol.version;
  if (handshake.resumed !== undefined) attributes['tls.resumed'] = handshake.resumed;
  attributes['tls.handshake.outcome'] = handshake.outcome.kind;
  const failure = failureOf(handshake);
  if (failure) attributes['error.type'] = failure.reason;
  return attributes;
}

export function verificationAttributes(handshake: Handshake): Attributes {
  const attributes: Attributes = { 'tls.verify.result': handshake.verification.result };
  const reason = failureOf(handshake)?.reason ?? handshake.verification.errors[0];
  if (reason) attributes['error.type'] = reason;
  return attributes;
}
