import type { Attributes } from '@opentelemetry/api';
import { FAILURE_REASONS } from '../handshake/failure-reasons';
import type { Handshake } from '../handshake/handshake';
import { failureOf } from './attributes';

export type Severity = 'INFO' | 'WARN' | 'ERROR';

export interface EventRow {
  readonly brief: string;
  readonly when: (handshake: Handshake, memory: EventMemory) => boolean;
  readonly severity: (handshake: Handshake) => Severity;
}

/** What events need to know beyond the one handshake. */
export interface EventMemory {
  /** True once a window for each identity, or whatever else it is that is spoken of. */
  isFirstUse(subject: string): boolean;
}

/** One row an event; the README's table is made of them. */
export const EVENTS = {
  'tls.handshake.failed': {
    brief: 'Every failure. Severity is that of its reason.',
    when: h => failureOf(h) !== undefined,
    severity: h => severityOf(h),
  },
  'tls.client_certificate.rejected': {
    brief: 'A client presented a certificate and was refused. Severity is that of its reason.',
    when: h =>
      h.side === 'server' && h.peerCertificate !== undefined && failureOf(h)?.decidedBy === 'us' && isAboutIdentity(h),
    severity: h => severityOf(h),
  },
  'tls.client_certificate.accepted': {
    brief: 'A verified client certificate was used: the first time in an hour.',
    when: (h, memory) =>
      h.side === 'server' &&
      h.outcome.kind === 'established' &&
      h.verification.result === 'ok' &&
      h.peerCertificate !== undefined &&
      memory.isFirstUse(h.peerCertificate.fingerprint),
    severity: () => 'INFO',
  },
  'tls.session.stale_identity': {
    brief: 'A client resumed a session whose certificate has expired or was revoked since: the first time in an hour.',
    when: (h, memory) =>
      h.staleIdentity !== undefined &&
      h.outcome.kind === 'established' &&
      memory.isFirstUse(`${h.staleIdentity} ${h.peerCertificate?.fingerprint}`),
    severity: () => 'ERROR',
  },
  // A flaw of the server and not of whoever meets it: once a port, or every visitor would be one. All spans tell.
  'tls.session.unauthenticated_resumption': {
    brief: 'Node called a client authorized that never had a certificate: the first time in an hour for each port.',
    when: (h, memory) =>
      h.verification.authorized === true && memory.isFirstUse(`unauthenticated resumption on port ${h.local.port}`),
    severity: () => 'ERROR',
  },
} as const satisfies Record<string, EventRow>;

export type EventName = keyof typeof EVENTS;

/** Events of requests: log records, and events of the request's own span, if it came to be one. */
export const REQUEST_EVENTS = {
  'tls.forwarded_certificate.spoof_suspected': {
    brief: 'A request came with a certificate header that must not be believed. `tls.forwarded.suspicion` says why.',
    severity: 'ERROR',
  },
  'tls.forwarded_certificate.too_large': {
    brief:
      'A trusted proxy sent a request whose head is larger than Node reads, as a certificate with very many names makes it. ' +
      'Node answers 431 before the application hears of it, and there is no span.',
    severity: 'WARN',
  },
} as const satisfies Record<string, { readonly brief: string; readonly severity: Severity }>;

export type RequestEventName = keyof typeof REQUEST_EVENTS;

/** Events that are not of one handshake; always log records, since there is no span that they could be on. */
export const PROCESS_EVENTS = {
  'tls.certificate.expiring': {
    brief:
      'A certificate in use, our own or that of a verified peer, ends within 30, 7 or 1 days and has less than a third of its ' +
      'time left; or our own has ended. Once a day for each certificate, and at once when the next of these is reached.',
    severity: 'WARN',
  },
  'tls.config.changed': {
    brief: 'A server was given another certificate, other authorities or other revocation lists.',
    severity: 'INFO',
  },
  'tls.telemetry.suppressed': {
    brief: 'More failed than are said one by one: how many since the last such event, why, and from where.',
    severity: 'WARN',
  },
  'tls.abuse.detected': {
    brief: 'What many clients do together, or one again and again, is a pattern of abuse.',
    severity: 'WARN',
  },
} as const satisfies Record<string, { readonly brief: string; readonly severity: Severity }>;

export type ProcessEventName = keyof typeof PROCESS_EVENTS;

export interface DecisionEventRow {
  readonly brief: string;
  readonly severity: Severity;
  /** What the application answered. */
  readonly when: (status: number) => boolean;
  /** Said once a window for each identity; otherwise of every request. */
  readonly once: boolean;
}

/**
 * Events of requests over a client certificate that was presented and did not verify: the server let the connection stand,
 * and the application decides. One row an event, or another occasion of one that handshakes have too.
 */
export const DECISION_EVENTS = {
  'tls.client_certificate.rejected': {
    brief: 'The application answered a request over a client certificate that did not verify with 401 or 403.',
    severity: 'WARN',
    when: status => status === 401 || status === 403,
    once: false,
  },
  'tls.client_certificate.accepted_unverified': {
    brief: 'It answered such a request with a status below 400: the first time in an hour for each certificate.',
    severity: 'WARN',
    when: status => status < 400,
    once: true,
  },
} as const satisfies Record<string, DecisionEventRow>;

export type DecisionEventName = keyof typeof DECISION_EVENTS;

/** The event that an answer gives rise to. Undefined: the application has decided nothing about the client. */
export function decisionEventOf(status: number): DecisionEventName | undefined {
  const found = Object.entries<DecisionEventRow>(DECISION_EVENTS).find(([, row]) => row.when(status));
  return found?.[0] as DecisionEventName | undefined;
}

const ROWS = Object.entries<EventRow>(EVENTS) as [EventName, EventRow][];

/** The events that a handshake gives rise to. */
export function eventsOf(handshake: Handshake, memory: EventMemory): readonly [EventName, Severity][] {
  // Most handshakes are established by nobody in particular: nothing to look up for them.
  if (handshake.outcome.kind !== 'failed' && handshake.peerCertificate === undefined && !handshake.resumed) return [];
  const events: [EventName, Severity][] = [];
  for (const [name, row] of ROWS) if (row.when(handshake, memory)) events.push([name, row.severity(handshake)]);
  return events;
}

/** A refusal's event: the same event as a failed handshake's, with the refusal's own reason. */
export const REFUSAL_EVENT: EventName = 'tls.handshake.failed';

/** What an event says beside the handshake's attributes: words for a person who has no table at hand. */
export function explanationOf(reason: keyof typeof FAILURE_REASONS): Attributes {
  return { 'tls.failure.brief': FAILURE_REASONS[reason].brief, 'tls.failure.hint': FAILURE_REASONS[reason].hint };
}

function severityOf(handshake: Handshake): Severity {
  const failure = failureOf(handshake);
  return failure ? FAILURE_REASONS[failure.reason].severity : 'WARN';
}

/** The certificate, or the proof of its key, was what was refused: not a protocol, not a lost connection. */
function isAboutIdentity(handshake: Handshake): boolean {
  const reason = failureOf(handshake)?.reason;
  return reason === 'decrypt_error' || (reason !== undefined && handshake.verification.errors.includes(reason));
}
