/**
 * The algorithms of keys and signatures by object identifier, under the names OpenSSL prints. `checked` is what OpenSSL,
 * as Node 20 and later carry it, can check a signature with: only then does "does not verify" mean anything.
 */

export interface PublicKeyAlgorithm {
  readonly name: string;
  /** Bits of every key of this algorithm; undefined where each key has its own size. */
  readonly bits?: number;
}

// RFC 3279, RFC 4055, RFC 5480, RFC 8410, RFC 9881. Last checked 2026-11-22.
export const PUBLIC_KEY_ALGORITHMS: Readonly<Record<string, PublicKeyAlgorithm | undefined>> = {
  '1.2.840.113549.1.1.1': { name: 'RSA' },
  '1.2.840.113549.1.1.10': { name: 'RSASSA-PSS' },
  '1.2.840.10045.2.1': { name: 'EC' },
  '1.2.840.10040.4.1': { name: 'DSA' },
  '1.3.101.110': { name: 'X25519', bits: 256 },
  '1.3.101.111': { name: 'X448', bits: 448 },
  '1.3.101.112': { name: 'Ed25519', bits: 256 },
  '1.3.101.113': { name: 'Ed448', bits: 456 },
  '2.16.840.1.101.3.4.3.17': { name: 'ML-DSA-44' },
  '2.16.840.1.101.3.4.3.18': { name: 'ML-DSA-65' },
  '2.16.840.1.101.3.4.3.19': { name: 'ML-DSA-87' },
};

export interface Curve {
  readonly name: string;
  readonly bits: number;
  readonly checked?: true;
}

// SEC 2, RFC 5480, RFC 5639. Last checked 2026-11-22.
export const CURVES: Readonly<Record<string, Curve | undefined>> = {
  '1.2.840.10045.3.1.1': { name: 'prime192v1', bits: 192 },
  '1.3.132.0.33': { name: 'secp224r1', bits: 224, checked: true },
  '1.2.840.10045.3.1.7': { name: 'prime256v1', bits: 256, checked: true },
  '1.3.132.0.34': { name: 'secp384r1', bits: 384, checked: true },
  '1.3.132.0.35': { name: 'secp521r1', bits: 521, checked: true },
  '1.3.132.0.10': { name: 'secp256k1', bits: 256, checked: true },
  '1.3.36.3.3.2.8.1.1.7': { name: 'brainpoolP256r1', bits: 256, checked: true },
  '1.3.36.3.3.2.8.1.1.11': { name: 'brainpoolP384r1', bits: 384, checked: true },
  '1.3.36.3.3.2.8.1.1.13': { name: 'brainpoolP512r1', bits: 512, checked: true },
};

export interface SignatureAlgorithm {
  readonly name: string;
  readonly checked?: true;
}

// RFC 3279, RFC 4055, RFC 5758, RFC 8410, RFC 9881. Last checked 2026-11-22.
export const SIGNATURE_ALGORITHMS: Readonly<Record<string, SignatureAlgorithm | undefined>> = {
  '1.2.840.113549.1.1.2': { name: 'md2WithRSAEncryption' },
  '1.2.840.113549.1.1.4': { name: 'md5WithRSAEncryption' },
  '1.2.840.113549.1.1.5': { name: 'sha1WithRSAEncryption', checked: true },
  '1.2.840.113549.1.1.10': { name: 'rsassaPss', checked: true },
  '1.2.840.113549.1.1.11': { name: 'sha256WithRSAEncryption', checked: true },
  '1.2.840.113549.1.1.12': { name: 'sha384WithRSAEncryption', checked: true },
  '1.2.840.113549.1.1.13': { name: 'sha512WithRSAEncryption', checked: true },
  '1.2.840.113549.1.1.14': { name: 'sha224WithRSAEncryption', checked: true },
  '1.2.840.10040.4.3': { name: 'dsaWithSHA1' },
  '2.16.840.1.101.3.4.3.1': { name: 'dsa_with_SHA224' },
  '2.16.840.1.101.3.4.3.2': { name: 'dsa_with_SHA256' },
  '1.2.840.10045.4.1': { name: 'ecdsa-with-SHA1', checked: true },
  '1.2.840.10045.4.3.1': { name: 'ecdsa-with-SHA224', checked: true },
  '1.2.840.10045.4.3.2': { name: 'ecdsa-with-SHA256', checked: true },
  '1.2.840.10045.4.3.3': { name: 'ecdsa-with-SHA384', checked: true },
  '1.2.840.10045.4.3.4': { name: 'ecdsa-with-SHA512', checked: true },
  '1.3.101.112': { name: 'ED25519', checked: true },
  '1.3.101.113': { name: 'ED448', checked: true },
  '2.16.840.1.101.3.4.3.17': { name: 'ML-DSA-44' },
  '2.16.840.1.101.3.4.3.18': { name: 'ML-DSA-65' },
  '2.16.840.1.101.3.4.3.19': { name: 'ML-DSA-87' },
};
