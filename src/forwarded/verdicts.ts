import type { PeerCertificate } from '../certificate/peer-certificate';
import { boundedText } from '../certificate/untrusted-text';
import type { FailureReason } from '../handshake/failure-reasons';
import type { Verification } from '../handshake/handshake';
import { reasonForVerifyError, verifyErrorName, verifyErrorNumbered } from '../handshake/verify-errors';

/** The proxy verified the certificate and found nothing wrong. */
export const VERIFIED: Verification = Object.freeze({ result: 'ok', errors: Object.freeze([]) });

/** The client presented no certificate. */
export const NOT_PRESENTED: Verification = Object.freeze({ result: 'not_presented', errors: Object.freeze([]) });

/** There is a certificate, and no verdict that can be relied upon. Presence is not validity. */
export const UNVERIFIED: Verification = Object.freeze({ result: 'unverified', errors: Object.freeze([]) });

/** It does not verify, and the proxy does not say why. */
export const FAILED: Verification = Object.freeze({
  result: 'failed',
  errors: Object.freeze(['certificate_unknown'] as const),
});

/** `SUCCESS`, `NONE`, `FAILED:certificate has expired`: nginx, Apache, Azure, Cloudflare. Undefined for anything else. */
export function verdictInWords(text: string): Verification | undefined {
  if (text === 'SUCCESS') return VERIFIED;
  if (text === 'NONE') return NOT_PRESENTED;
  return text === 'FAILED' || text.startsWith('FAILED:') ? failedWith(text.slice('FAILED:'.length)) : undefined;
}

/** It does not verify, in OpenSSL's words; the empty text when none are known. */
export function failedWith(message: string): Verification {
  return Object.freeze({
    result: 'failed',
    errors: Object.freeze([reasonForVerifyError(undefined, message)]),
    code: verifyErrorName(undefined, message),
    message: message === '' ? undefined : boundedText(message, MAX_MESSAGE_BYTES, 'plain'),
  });
}

/** It does not verify, for reasons of ours. `message`: what the proxy said, of its own vocabulary. */
export function failedBecause(errors: readonly FailureReason[], message: string): Verification {
  return Object.freeze({
    result: 'failed',
    errors: Object.freeze([...errors]),
    message: boundedText(message, MAX_MESSAGE_BYTES, 'plain'),
  });
}

/**
 * OpenSSL's number, in decimal: HAProxy. 0 is `VERIFIED`, **and what HAProxy says where there is no certificate**; the
 * caller sees to that. Undefined for anything but a number of at most three digits, written as HAProxy does.
 */
export function verdictByNumber(text: string): Verification | undefined {
  if (!/^(?:0|[1-9]\d{0,2})$/.test(text)) return undefined;
  const number = Number(text);
  if (number === 0) return VERIFIED;
  const code = verifyErrorNumbered(number);
  return Object.freeze({
    result: 'failed',
    errors: Object.freeze([reasonForVerifyError(code, undefined)]),
    code: code ?? 'UNSPECIFIED',
    message: `verify error ${number}`,
  });
}

/**
 * Verdicts in the light of the certificates they are about. With a revocation list loaded, OpenSSL says of a certificate of an
 * unknown authority only that it has no list for it: error 3, which would file a stranger under an outage. So what the
 * proxy accepted before is remembered, at most 100 authorities of it: who has an issuer that was never among them is of an
 * unknown one, as far as can be told.
 */
export class Verdicts {
  readonly #accepted = new Set<string>();

  on(certificate: PeerCertificate | undefined, verdict: Verification): Verification {
    const { issuer, selfIssued } = certificate ?? {};
    if (issuer === undefined) return verdict;
    if (verdict === VERIFIED && this.#accepted.size < MAX_AUTHORITIES) this.#accepted.add(issuer);
    const [first] = verdict.errors;
    if (selfIssued && (first === 'revocation_unavailable' || first === 'unknown_ca')) {
      return preceded('self_signed_certificate', verdict);
    }
    const isUnknown = this.#accepted.size > 0 && !this.#accepted.has(issuer);
    return first === 'revocation_unavailable' && isUnknown ? preceded('unknown_ca', verdict) : verdict;
  }
}

function preceded(graver: FailureReason, verdict: Verification): Verification {
  return Object.freeze({ ...verdict, errors: Object.freeze([graver, ...verdict.errors]) });
}

const MAX_AUTHORITIES = 100;
const MAX_MESSAGE_BYTES = 256;
