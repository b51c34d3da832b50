/** A subject alternative name. `value` is bounded and free of control characters. */
export interface AlternativeName {
  readonly type: 'DNS' | 'URI' | 'IP' | 'email' | 'otherName' | 'dirName' | 'RID';
  readonly value: string;
}

/**
 * A peer's certificate. Everything in it is the peer's own text: bounded, escaped, and believed by nobody until the
 * verification says so. A field is undefined when the certificate does not have it or it cannot be parsed.
 */
export interface PeerCertificate {
  /** SHA-256 over the DER, upper-case hex without colons. Always there. */
  readonly fingerprint: string;
  /** Bytes of the DER. */
  readonly byteLength: number;
  /** False when the DER was too large or too broken to parse: then only `fingerprint` and `byteLength` are known. */
  readonly parsed: boolean;
  /** RFC 4514, at most 1 KiB. The empty string is a certificate with an empty subject. */
  readonly subject?: string | undefined;
  readonly issuer?: string | undefined;
  /** Upper-case hex, as OpenSSL prints it. */
  readonly serialNumber?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly notBefore?: number | undefined;
  readonly notAfter?: number | undefined;
  /** At most 64, in the certificate's order. */
  readonly alternativeNames: readonly AlternativeName[];
  /** The first URI name that is a SPIFFE id. */
  readonly spiffeId?: string | undefined;
  readonly isCa?: boolean | undefined;
  /** Subject and issuer are the same name. Says nothing of who signed it. */
  readonly selfIssued?: boolean | undefined;
  /** What only a full ASN.1 parse tells. Parsed on first read and kept: some 0.3 ms, so never on a handshake's path. */
  readonly details: CertificateDetails;
  /** PEM text with line breaks, made on demand. Undefined when the DER was not kept because of its size. */
  readonly pem: string | undefined;
}

export interface CertificateDetails {
  /** `RSA`, `EC`, `Ed25519`, `Ed448`, `DSA`, or the dotted object identifier. */
  readonly publicKeyAlgorithm?: string | undefined;
  /** Bits. */
  readonly publicKeySize?: number | undefined;
  /** `prime256v1`, `secp384r1`, ..., or the dotted object identifier. */
  readonly publicKeyCurve?: string | undefined;
  /** `ecdsa-with-SHA256`, `sha256WithRSAEncryption`, ..., or the dotted object identifier. */
  readonly signatureAlgorithm?: string | undefined;
  /** RFC 5280 names: `digitalSignature`, `keyCertSign`. */
  readonly keyUsage?: readonly string[] | undefined;
  /** `clientAuth`, `serverAuth`, ..., or the dotted object identifier. */
  readonly extendedKeyUsage?: readonly string[] | undefined;
  readonly pathLength?: number | undefined;
  /** Dotted object identifiers. */
  readonly policies?: readonly string[] | undefined;
  readonly ocspResponders?: readonly string[] | undefined;
  readonly caIssuers?: readonly string[] | undefined;
  readonly crlDistributionPoints?: readonly string[] | undefined;
  /** Upper-case hex. */
  readonly subjectKeyIdentifier?: string | undefined;
  readonly authorityKeyIdentifier?: string | undefined;
  /** Self-issued, and the signature verifies with its own key. */
  readonly selfSigned?: boolean | undefined;
}
