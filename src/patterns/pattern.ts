import type { CertificateIdentity } from '../certificate/peer-certificate';
import { FAILURE_REASONS, type FailureReason, type FailureReasonRow } from '../handshake/failure-reasons';
import type { Handshake, HandshakeFailure } from '../handshake/handshake';
import type { BoundedTable } from './bounded-table';

/** One way in which many handshakes or requests, each of them ordinary, are an attack together. */
export interface Pattern<Name extends string> {
  /** What it means. */
  readonly brief: string;
  /** What to do about it. */
  readonly hint: string;
  /** Who does the same and means no harm, and what to set then. */
  readonly falsePositives: string;
  /** What it remembers, of how many at most. */
  readonly cost: string;
  /** It takes part in every request, not in handshakes alone: then it is looked for by those who name it in the options. */
  readonly onlyWhenNamed?: true;
  readonly thresholds: Readonly<Record<Name, Threshold>>;
  watch(thresholds: Readonly<Record<Name, number>>): Watch;
}

export interface Threshold {
  readonly brief: string;
  readonly byDefault: number;
  /** Whole numbers from 1 to this: what is remembered of each subject grows with some of them. */
  readonly atMost: number;
}

/** Types a row's thresholds by their names. */
export function pattern<Name extends string>(row: Pattern<Name>): Pattern<Name> {
  return row;
}

/** A pattern at work. Its answers depend on what it was told alone; it has no clock of its own, and never throws. */
export interface Watch {
  /** Told of every handshake that a client began with us, and of every refusal after one. */
  handshake?(seen: Sighting): Found | undefined;
  /** Told of every request of a verified client. */
  request?(seen: RequestSeen): Found | undefined;
  readonly tables: readonly BoundedTable<unknown, unknown>[];
}

interface Seen {
  /** Milliseconds of a clock that does not go back; if it does, that shortens no window and ends none. */
  readonly at: number;
  /** Milliseconds since the epoch: for people, and for what is written in certificates. */
  readonly time: number;
  /** Undefined: the handshake has no span. */
  readonly connectionId?: string | undefined;
}

export interface Sighting extends Seen {
  /** As `peerOf` names it. Undefined: it has no address, there is only a pipe or a stream. */
  readonly peer?: string | undefined;
  readonly handshake: Handshake;
  /** Why it failed, at once or later. Undefined: it did not. */
  readonly failure?: HandshakeFailure | undefined;
}

export interface RequestSeen extends Seen {
  /** Verified: what a client only says of itself teaches nothing. */
  readonly identity: CertificateIdentity;
  /** A method and a path template: `GET /invoices/:id`. A raw path is as good as its variety is small. */
  readonly endpoint: string;
}

/** How a handshake ended that did not succeed. */
export type Kind = FailureReason | 'abandoned';

/** What a pattern found: the counts of the window so far, up to the handshake or request that completed it. */
export interface Found {
  /** Handshakes, or requests, that it took. */
  readonly count: number;
  /** Different certificates among them. Undefined where the pattern does not tell them apart. */
  readonly certificates?: number | undefined;
  /** Different peers among them. */
  readonly peers?: number | undefined;
  /** Different ends of handshakes among them. */
  readonly kinds?: readonly Kind[] | undefined;
  /** What is new of an identity. */
  readonly change?: 'issuer' | 'key' | 'forged' | undefined;
  readonly endpoint?: string | undefined;
  /** It is about this identity. Undefined: it is about the peer of the handshake. */
  readonly identity?: CertificateIdentity | undefined;
  /** Milliseconds since the epoch. */
  readonly firstSeen: number;
  readonly lastSeen: number;
  /** The first of them that have a span, at most five. */
  readonly connections: readonly string[];
}

/** OpenSSL found nothing wrong with the client's certificate, and it was let in. */
export function isVerified({ verification, outcome, peerCertificate }: Handshake): boolean {
  return verification.result === 'ok' && outcome.kind === 'established' && peerCertificate !== undefined;
}

/**
 * The client's certificate was found wanting for what it is, or came without its key. Not: because our own revocation list
 * is out of date, or because the connection was lost.
 */
export function isRefuted({ verification }: Handshake, failure: HandshakeFailure | undefined): boolean {
  const withoutKey = failure?.reason === 'decrypt_error' && failure.decidedBy === 'us';
  return withoutKey || verification.errors.some(isAboutCertificate);
}

/** Why a certificate is refused that is not the refusing side's own fault. */
export function isAboutCertificate(reason: FailureReason): boolean {
  const { category }: FailureReasonRow = FAILURE_REASONS[reason];
  return category === 'authentication' || category === 'authorization';
}
