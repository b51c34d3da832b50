import { SIGNATURE_ALGORITHMS } from './algorithms';
import { type CertificateStructure, readStructure } from './certificate-structure';
import { type ExtensionDetails, readExtensionDetails } from './extensions';
import { openCertificate } from './native-certificate';
import { type PublicKeyFacts, readPublicKey } from './public-key';
import { isSignedBy } from './signatures';

/** What only a full ASN.1 parse tells. Every text is the peer's: bounded and escaped. A field is undefined when unknown. */
export interface CertificateDetails extends PublicKeyFacts, ExtensionDetails {
  /** `RSA`, `RSASSA-PSS`, `EC`, `Ed25519`, `Ed448`, `DSA`, ..., or the dotted object identifier. */
  readonly publicKeyAlgorithm?: string | undefined;
  /** Bits. */
  readonly publicKeySize?: number | undefined;
  /** `prime256v1`, `secp384r1`, ..., or the dotted object identifier. Undefined when the curve is not named but written out. */
  readonly publicKeyCurve?: string | undefined;
  /** `ecdsa-with-SHA256`, `sha256WithRSAEncryption`, ..., or the dotted object identifier. */
  readonly signatureAlgorithm?: string | undefined;
  /** Self-issued, and the signature verifies with its own key. Undefined when the signature cannot be checked. */
  readonly selfSigned?: boolean | undefined;
}

export const NO_DETAILS: CertificateDetails = Object.freeze({});

/** Some 0.3 ms for a usual leaf. Never throws; malformed DER has no details. `selfIssued` as PeerCertificate has it. */
export function readDetails(der: Uint8Array, selfIssued: boolean | undefined): CertificateDetails {
  try {
    const structure = readStructure(der);
    if (structure === undefined) return NO_DETAILS;
    const { signatureAlgorithm } = structure;
    const details: CertificateDetails = {
      ...readPublicKey(structure.subjectPublicKeyInfo),
      signatureAlgorithm: SIGNATURE_ALGORITHMS[signatureAlgorithm ?? '']?.name ?? signatureAlgorithm,
      ...readExtensionDetails(structure.extensions),
    };
    return frozen({ ...details, selfSigned: selfIssued && isSelfSigned(der, structure, details) });
  } catch {
    return NO_DETAILS;
  }
}

function isSelfSigned(
  der: Uint8Array,
  structure: CertificateStructure,
  details: CertificateDetails,
): boolean | undefined {
  const { subjectKeyIdentifier: own, authorityKeyIdentifier: authority } = details;
  // The same name, but by its own account another's key.
  if (own !== undefined && authority !== undefined && own !== authority) return false;
  const native = openCertificate(der);
  return native && isSignedBy({ native, structure }, { native, structure });
}

function frozen(details: CertificateDetails): CertificateDetails {
  for (const value of Object.values(details)) if (Array.isArray(value)) Object.freeze(value);
  return Object.freeze(details);
}
