import type { PeerCertificate } from '../certificate/peer-certificate';
import { TrustAnchors } from '../certificate/trust-anchors';
import type { FailureReason } from './failure-reasons';

/**
 * What a revocation error may hide: that no configured CA issued the chain at all. Undefined when one did, or when it
 * cannot be known: then OpenSSL's word stands. `configured` is the `ca` option as the application gave it.
 */
export function unmaskTrustError(chain: readonly PeerCertificate[], configured: unknown): FailureReason | undefined {
  const [leaf] = chain;
  if (leaf === undefined) return undefined;
  const known = TrustAnchors.from(configured).hasIssued(chain);
  if (known === true) return undefined;
  // A lone certificate that names itself as its issuer shows it without any list of CAs.
  if (leaf.selfIssued) return 'self_signed_certificate';
  return known === false ? 'unknown_ca' : undefined;
}
