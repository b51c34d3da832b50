import type { X509Certificate } from 'node:crypto';
import { SIGNATURE_ALGORITHMS } from './algorithms';
import { isUsualKey } from './public-key';
import type { CertificateStructure } from './certificate-structure';

/** A certificate as Node reads it, beside its structure as we do; undefined where we could not. */
export interface ReadCertificate {
  readonly native: X509Certificate;
  readonly structure: CertificateStructure | undefined;
}

/**
 * Whether the signature of `certificate` verifies with the key of `issuer`. undefined when that cannot be known: the key is
 * one that Node must not be asked about, or OpenSSL need not know the algorithm.
 */
export function isSignedBy(certificate: ReadCertificate, issuer: ReadCertificate): boolean | undefined {
  if (!isUsualKey(issuer.structure?.subjectPublicKeyInfo)) return undefined;
  try {
    if (certificate.native.verify(issuer.native.publicKey)) return true;
  } catch {
    return undefined;
  }
  const algorithm = SIGNATURE_ALGORITHMS[certificate.structure?.signatureAlgorithm ?? ''];
  return algorithm?.checked ? false : undefined;
}
