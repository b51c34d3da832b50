import type { PeerCertificate } from '../certificate/peer-certificate';
import { TrustAnchors } from '../certificate/trust-anchors';
import type { FailureReason } from './failure-reasons';
import { isRevocationError, isUntrustedPath, reasonForVerifyError } from './verify-errors';

/**
 * Everything that is wrong with a presented chain, gravest first. OpenSSL goes on after an error and Node asks for the
 * last one: a missing revocation list or the date may hide that no configured CA issued the chain at all, and for one
 * that only carries a CA's name there is no error of its own. Where the chain shows it, that comes first and OpenSSL's
 * word beside it.
 *
 * `configured` is the `ca` option as the application gave it. Where it is not known, OpenSSL's word stands.
 */
export function diagnose(
  said: { readonly code: string | undefined; readonly message: string | undefined },
  chain: readonly PeerCertificate[],
  configured: unknown,
): readonly FailureReason[] {
  const reason = reasonForVerifyError(said.code, said.message);
  const graver = graverThan(reason, said, chain, configured);
  return graver === undefined || graver === reason ? [reason] : [graver, reason];
}

function graverThan(
  reason: FailureReason,
  { code, message }: { readonly code: string | undefined; readonly message: string | undefined },
  chain: readonly PeerCertificate[],
  configured: unknown,
): FailureReason | undefined {
  const [leaf] = chain;
  if (leaf === undefined || SPEAKS_OF_THE_ISSUER.has(reason)) return undefined;
  const anchors = TrustAnchors.from(configured);
  const issuedByOurs = anchors.hasIssued(chain);
  if (issuedByOurs === false) {
    // Found out already: there is no path. It remains whether somebody passes for one of ours.
    const otherwise = isUntrustedPath(code, message) ? undefined : 'unknown_ca';
    if (leaf.selfIssued) return otherwise && 'self_signed_certificate';
    return anchors.areNamedBy(chain) ? 'certificate_issuer_forged' : otherwise;
  }
  // A certificate that names itself as its issuer shows it without any list of CAs.
  const unknown = issuedByOurs === undefined;
  return unknown && leaf.selfIssued && isRevocationError(code, message) ? 'self_signed_certificate' : undefined;
}

/** OpenSSL says these only where it has the issuer's key, or where there is no other issuer. */
const SPEAKS_OF_THE_ISSUER: ReadonlySet<FailureReason> = new Set([
  'certificate_signature_invalid',
  'self_signed_certificate',
]);
