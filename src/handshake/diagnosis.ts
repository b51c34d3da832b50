import type { PeerCertificate } from '../certificate/peer-certificate';
import { RevocationLists } from '../certificate/revocation-lists';
import { TrustAnchors } from '../certificate/trust-anchors';
import type { FailureReason } from './failure-reasons';
import { isRevocationError, isUntrustedPath, reasonForVerifyError } from './verify-errors';
import type { VerifyHint } from './verify-hints';

/** OpenSSL's word. */
export interface VerifyError {
  readonly code: string | undefined;
  readonly message: string | undefined;
}

/** What else is known of a certificate that did not verify. */
export interface Evidence {
  /** Undefined: it could not be read. */
  readonly leaf: PeerCertificate | undefined;
  /** As presented, the leaf first. Empty where nobody may look at it. */
  readonly chain: readonly PeerCertificate[];
  /** Our `ca` option as the application gave it. Where it is not known, OpenSSL's word stands. */
  readonly configured: unknown;
  /** Our `crl` option in the same way. */
  readonly revocationLists: unknown;
  readonly presenter: 'client' | 'server';
  /** When it was verified: milliseconds since the epoch. */
  readonly at: number;
  readonly hasVerifiedIssuer: (issuer: string) => boolean;
}

export interface Diagnosis {
  /** Everything that is wrong with the chain, gravest first; at least one. */
  readonly errors: readonly FailureReason[];
  /** Absent when there are none. */
  readonly hints?: readonly VerifyHint[];
  /** Seconds by which the leaf is outside its validity. Absent unless they are few. */
  readonly clockSkew?: number;
}

/**
 * What is wrong with a presented certificate. OpenSSL goes on after an error and Node asks for the last one: a missing
 * revocation list or the date may hide that no configured CA issued the chain at all, the date that it is revoked, and for
 * one that only carries a CA's name there is no error of its own. Where the chain shows it, that comes first and OpenSSL's
 * word beside it; what it hid and is no graver comes last.
 */
export function diagnose(said: VerifyError, evidence: Evidence): Diagnosis {
  const reason = reasonForVerifyError(said.code, said.message);
  const graver = graverThan(reason, said, evidence);
  const errors = [...new Set([...(graver === undefined ? [] : [graver]), reason, ...hiddenBy(reason, evidence)])];
  const clockSkew = errors.some(error => ABOUT_TIME.has(error)) ? clockSkewOf(evidence) : undefined;
  const hints = hintsFor(errors, evidence, clockSkew);
  return {
    errors: Object.freeze(errors),
    ...(hints.length > 0 && { hints: Object.freeze(hints) }),
    ...(clockSkew !== undefined && { clockSkew }),
  };
}

function graverThan(reason: FailureReason, said: VerifyError, evidence: Evidence): FailureReason | undefined {
  const { leaf, chain, configured } = evidence;
  if (leaf === undefined || SPEAKS_OF_THE_ISSUER.has(reason)) return undefined;
  if (chain.length === 0) return undefined;
  const { code, message } = said;
  const anchors = TrustAnchors.from(configured);
  const issuedByOurs = anchors.hasIssued(chain);
  if (issuedByOurs === false) {
    // Found out already: there is no path. It remains whether somebody passes for one of ours.
    const otherwise = isUntrustedPath(code, message) ? undefined : 'unknown_ca';
    if (leaf.selfIssued) return otherwise && 'self_signed_certificate';
    return anchors.areNamedBy(chain) ? 'certificate_issuer_forged' : otherwise;
  }
  // OpenSSL looks at the date after the revocation list. Whom no authority of ours has issued, none of ours has revoked.
  if (ABOUT_TIME.has(reason) && issuedByOurs && isRevoked(evidence)) return 'certificate_revoked';
  // A certificate that names itself as its issuer shows it without any list of CAs.
  const unknown = issuedByOurs === undefined;
  return unknown && leaf.selfIssued && isRevocationError(code, message) ? 'self_signed_certificate' : undefined;
}

/** OpenSSL says these only where it has the issuer's key, or where there is no other issuer. */
const SPEAKS_OF_THE_ISSUER: ReadonlySet<FailureReason> = new Set([
  'certificate_signature_invalid',
  'self_signed_certificate',
]);

const ABOUT_TIME: ReadonlySet<FailureReason> = new Set(['certificate_expired', 'certificate_not_yet_valid']);

function isRevoked({ chain, revocationLists }: Evidence): boolean {
  const lists = RevocationLists.from(revocationLists);
  return chain.some(certificate => lists.have(certificate));
}

/** What is as plain to see on the leaf as what OpenSSL said last. */
function hiddenBy(reason: FailureReason, evidence: Evidence): FailureReason[] {
  const { leaf, at } = evidence;
  if (leaf === undefined) return [];
  const hidden: FailureReason[] = [];
  // Its usage takes a parse of all of it, which is not done for each stranger.
  if (ABOUT_TIME.has(reason) && isMisused(evidence)) hidden.push('certificate_purpose_invalid');
  if (hasExpired(leaf, at)) hidden.push('certificate_expired');
  if (isNotYetValid(leaf, at)) hidden.push('certificate_not_yet_valid');
  return hidden;
}

/** By its dates alone, as OpenSSL compares them: in whole seconds, and the last one is too late. */
export function hasExpired({ notAfter }: PeerCertificate, at: number | undefined): boolean {
  return notAfter !== undefined && at !== undefined && Math.floor(at / 1000) >= notAfter / 1000;
}

function isNotYetValid({ notBefore }: PeerCertificate, at: number): boolean {
  return notBefore !== undefined && Math.floor(at / 1000) < notBefore / 1000;
}

/** Its extended key usage does not have what the presenter uses it for. */
function isMisused({ leaf, presenter }: Evidence): boolean {
  const usage = leaf?.details.extendedKeyUsage;
  return usage !== undefined && !usage.includes(USAGE[presenter]) && !usage.includes('anyExtendedKeyUsage');
}

const USAGE = { client: 'clientAuth', server: 'serverAuth' } as const;

const OTHER_WAY_ROUND = {
  client: { meantFor: USAGE.server, hint: 'server_certificate_as_client' },
  server: { meantFor: USAGE.client, hint: 'client_certificate_as_server' },
} as const;

/** Clocks that nobody sets differ by minutes; certificates are renewed days too late. */
const MAX_CLOCK_SKEW_MS = 5 * 60 * 1000;

/** In seconds. */
function clockSkewOf({ leaf, at }: Evidence): number | undefined {
  if (leaf === undefined) return undefined;
  const late = hasExpired(leaf, at) ? at - leaf.notAfter! : undefined;
  const early = isNotYetValid(leaf, at) ? leaf.notBefore! - at : undefined;
  const outside = late ?? early;
  return outside !== undefined && outside <= MAX_CLOCK_SKEW_MS ? Math.ceil(outside / 1000) : undefined;
}

function hintsFor(errors: readonly FailureReason[], evidence: Evidence, clockSkew: number | undefined): VerifyHint[] {
  const hints: VerifyHint[] = [];
  if (clockSkew !== undefined) hints.push('clock_skew');
  if (errors.includes('certificate_purpose_invalid') && isMisused(evidence)) {
    const usage = evidence.leaf?.details.extendedKeyUsage;
    const { meantFor, hint } = OTHER_WAY_ROUND[evidence.presenter];
    if (usage?.includes(meantFor)) hints.push(hint);
  }
  if (errors[0] === 'unknown_ca' || errors[0] === 'untrusted_root') {
    const missing = whatIsMissing(evidence);
    if (missing) hints.push(missing);
  }
  return hints;
}

/** Told by where the chain ends. */
function whatIsMissing({ chain, hasVerifiedIssuer }: Evidence): VerifyHint | undefined {
  const last = chain.at(-1);
  if (last?.selfIssued === undefined) return undefined;
  if (last.selfIssued) return 'root_not_trusted';
  return last.issuer !== undefined && hasVerifiedIssuer(last.issuer) ? 'intermediate_missing' : 'chain_incomplete';
}
