import { type FAILURE_REASONS, type FailureReason, reasonsByEvidence } from './failure-reasons';

/**
 * Everything OpenSSL may hold against a certificate, and how it words it. Node passes 28 of the names on as codes; for
 * the others it says `UNSPECIFIED`, and only the message tells. Which reason each means, the rows of failure-reasons.ts
 * say: a name that no row claims does not compile here, nor a claimed name that is missing.
 */
// OpenSSL include/openssl/x509_vfy.h.in, crypto/x509/x509_txt.c; by number; the last six are newer than 3.0. Last checked 2026-11-22.
const VERIFY_ERRORS: Readonly<Record<VerifyErrorName, string>> = {
  UNSPECIFIED: 'unspecified certificate verification error',
  UNABLE_TO_GET_ISSUER_CERT: 'unable to get issuer certificate',
  UNABLE_TO_GET_CRL: 'unable to get certificate CRL',
  UNABLE_TO_DECRYPT_CERT_SIGNATURE: "unable to decrypt certificate's signature",
  UNABLE_TO_DECRYPT_CRL_SIGNATURE: "unable to decrypt CRL's signature",
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: 'unable to decode issuer public key',
  CERT_SIGNATURE_FAILURE: 'certificate signature failure',
  CRL_SIGNATURE_FAILURE: 'CRL signature failure',
  CERT_NOT_YET_VALID: 'certificate is not yet valid',
  CERT_HAS_EXPIRED: 'certificate has expired',
  CRL_NOT_YET_VALID: 'CRL is not yet valid',
  CRL_HAS_EXPIRED: 'CRL has expired',
  ERROR_IN_CERT_NOT_BEFORE_FIELD: "format error in certificate's notBefore field",
  ERROR_IN_CERT_NOT_AFTER_FIELD: "format error in certificate's notAfter field",
  ERROR_IN_CRL_LAST_UPDATE_FIELD: "format error in CRL's lastUpdate field",
  ERROR_IN_CRL_NEXT_UPDATE_FIELD: "format error in CRL's nextUpdate field",
  OUT_OF_MEM: 'out of memory',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'self-signed certificate in certificate chain',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unable to get local issuer certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unable to verify the first certificate',
  CERT_CHAIN_TOO_LONG: 'certificate chain too long',
  CERT_REVOKED: 'certificate revoked',
  NO_ISSUER_PUBLIC_KEY: "issuer certificate doesn't have a public key",
  PATH_LENGTH_EXCEEDED: 'path length constraint exceeded',
  INVALID_PURPOSE: 'unsuitable certificate purpose',
  CERT_UNTRUSTED: 'certificate not trusted',
  CERT_REJECTED: 'certificate rejected',
  SUBJECT_ISSUER_MISMATCH: 'subject issuer mismatch',
  AKID_SKID_MISMATCH: 'authority and subject key identifier mismatch',
  AKID_ISSUER_SERIAL_MISMATCH: 'authority and issuer serial number mismatch',
  KEYUSAGE_NO_CERTSIGN: 'key usage does not include certificate signing',
  UNABLE_TO_GET_CRL_ISSUER: 'unable to get CRL issuer certificate',
  UNHANDLED_CRITICAL_EXTENSION: 'unhandled critical extension',
  KEYUSAGE_NO_CRL_SIGN: 'key usage does not include CRL signing',
  UNHANDLED_CRITICAL_CRL_EXTENSION: 'unhandled critical CRL extension',
  INVALID_NON_CA: 'invalid non-CA certificate (has CA markings)',
  PROXY_PATH_LENGTH_EXCEEDED: 'proxy path length constraint exceeded',
  KEYUSAGE_NO_DIGITAL_SIGNATURE: 'key usage does not include digital signature',
  PROXY_CERTIFICATES_NOT_ALLOWED: 'proxy certificates not allowed, please set the appropriate flag',
  INVALID_EXTENSION: 'invalid or inconsistent certificate extension',
  INVALID_POLICY_EXTENSION: 'invalid or inconsistent certificate policy extension',
  NO_EXPLICIT_POLICY: 'no explicit policy',
  DIFFERENT_CRL_SCOPE: 'different CRL scope',
  UNSUPPORTED_EXTENSION_FEATURE: 'unsupported extension feature',
  UNNESTED_RESOURCE: "RFC 3779 resource not subset of parent's resources",
  PERMITTED_VIOLATION: 'permitted subtree violation',
  EXCLUDED_VIOLATION: 'excluded subtree violation',
  SUBTREE_MINMAX: 'name constraints minimum and maximum not supported',
  APPLICATION_VERIFICATION: 'application verification failure',
  UNSUPPORTED_CONSTRAINT_TYPE: 'unsupported name constraint type',
  UNSUPPORTED_CONSTRAINT_SYNTAX: 'unsupported or invalid name constraint syntax',
  UNSUPPORTED_NAME_SYNTAX: 'unsupported or invalid name syntax',
  CRL_PATH_VALIDATION_ERROR: 'CRL path validation error',
  PATH_LOOP: 'path loop',
  SUITE_B_INVALID_VERSION: 'Suite B: certificate version invalid',
  SUITE_B_INVALID_ALGORITHM: 'Suite B: invalid public key algorithm',
  SUITE_B_INVALID_CURVE: 'Suite B: invalid ECC curve',
  SUITE_B_INVALID_SIGNATURE_ALGORITHM: 'Suite B: invalid signature algorithm',
  SUITE_B_LOS_NOT_ALLOWED: 'Suite B: curve not allowed for this LOS',
  SUITE_B_CANNOT_SIGN_P_384_WITH_P_256: 'Suite B: cannot sign P-384 with P-256',
  HOSTNAME_MISMATCH: 'hostname mismatch',
  EMAIL_MISMATCH: 'email address mismatch',
  IP_ADDRESS_MISMATCH: 'IP address mismatch',
  DANE_NO_MATCH: 'no matching DANE TLSA records',
  EE_KEY_TOO_SMALL: 'EE certificate key too weak',
  CA_KEY_TOO_SMALL: 'CA certificate key too weak',
  CA_MD_TOO_WEAK: 'CA signature digest algorithm too weak',
  INVALID_CALL: 'invalid certificate verification context',
  STORE_LOOKUP: 'issuer certificate lookup error',
  NO_VALID_SCTS: 'Certificate Transparency required, but no valid SCTs found',
  PROXY_SUBJECT_NAME_VIOLATION: 'proxy subject name violation',
  OCSP_VERIFY_NEEDED: 'OCSP verification needed',
  OCSP_VERIFY_FAILED: 'OCSP verification failed',
  OCSP_CERT_UNKNOWN: 'OCSP unknown cert',
  UNSUPPORTED_SIGNATURE_ALGORITHM: 'Cannot find certificate signature algorithm',
  SIGNATURE_ALGORITHM_MISMATCH: 'subject signature algorithm and issuer public key algorithm mismatch',
  SIGNATURE_ALGORITHM_INCONSISTENCY: 'cert info signature and signature algorithm mismatch',
  INVALID_CA: 'invalid CA certificate',
  PATHLEN_INVALID_FOR_NON_CA: 'Path length invalid for non-CA cert',
  PATHLEN_WITHOUT_KU_KEY_CERT_SIGN: 'Path length given without key usage keyCertSign',
  KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA: 'Key usage keyCertSign invalid for non-CA cert',
  ISSUER_NAME_EMPTY: 'Issuer name empty',
  SUBJECT_NAME_EMPTY: 'Subject name empty',
  MISSING_AUTHORITY_KEY_IDENTIFIER: 'Missing Authority Key Identifier',
  MISSING_SUBJECT_KEY_IDENTIFIER: 'Missing Subject Key Identifier',
  EMPTY_SUBJECT_ALT_NAME: 'Empty Subject Alternative Name extension',
  EMPTY_SUBJECT_SAN_NOT_CRITICAL: 'Subject empty and Subject Alt Name extension not critical',
  CA_BCONS_NOT_CRITICAL: 'Basic Constraints of CA cert not marked critical',
  AUTHORITY_KEY_IDENTIFIER_CRITICAL: 'Authority Key Identifier marked critical',
  SUBJECT_KEY_IDENTIFIER_CRITICAL: 'Subject Key Identifier marked critical',
  CA_CERT_MISSING_KEY_USAGE: 'CA cert does not include key usage extension',
  EXTENSIONS_REQUIRE_VERSION_3: 'Using cert extension requires at least X509v3',
  EC_KEY_EXPLICIT_PARAMS: 'Certificate public key has explicit ECC parameters',
  OCSP_RESP_INVALID: 'OCSP response(s) invalid',
  OCSP_SIGNATURE_FAILURE: 'OCSP response signature verification failure',
  OCSP_NOT_YET_VALID: 'OCSP response not yet valid (contains a date in the future)',
  OCSP_HAS_EXPIRED: 'OCSP response has expired',
  OCSP_NO_RESPONSE: 'no OCSP response available for certificate',
  RPK_UNTRUSTED: 'Raw public key untrusted, no trusted keys configured',
};

/**
 * The name of OpenSSL's number, as HAProxy has it: 10 is `CERT_HAS_EXPIRED`. Undefined: 0, which is no error, or not known.
 * OpenSSL 1.1.1 has another meaning for 24, INVALID_CA.
 */
export function verifyErrorNumbered(number: number): VerifyErrorName | undefined {
  return NUMBERED[number - 1];
}

export type VerifyErrorName = Claims<(typeof FAILURE_REASONS)[FailureReason]>;
type Claims<Row> = Row extends { evidence: { verifyErrors: readonly (infer Name extends string)[] } } ? Name : never;

/**
 * The reason a verify error means: by its code, and where Node knows no code for it (`UNSPECIFIED`) by its message.
 * `_OTHER` when neither is known.
 */
export function reasonForVerifyError(code: string | undefined, message: string | undefined): FailureReason {
  if (code === NAME_CHECK_FAILED) return 'certificate_name_mismatch';
  return REASONS.get(knownName(code, message) ?? 'UNSPECIFIED') ?? '_OTHER';
}

/**
 * The precise name, where Node only says `UNSPECIFIED`: `PERMITTED_VIOLATION`. A code that is no OpenSSL verify error
 * (`ERR_TLS_CERT_ALTNAME_INVALID`, or the application's own) is given back as it is, at most 64 characters of it.
 */
export function verifyErrorName(code: string | undefined, message: string | undefined): string {
  const name = knownName(code, message);
  if (name !== undefined) return name;
  return code !== undefined && /^[A-Z][A-Z0-9_]{0,63}$/.test(code) ? code : 'UNSPECIFIED';
}

/** Whether an error's code is a verify error's, so that `reasonForVerifyError` should be asked. */
export function isVerifyErrorCode(code: string | undefined): boolean {
  return code === NAME_CHECK_FAILED || (code !== undefined && Object.hasOwn(VERIFY_ERRORS, code));
}

/** Whether the fault is in the revocation data and not in the certificate. It may hide a graver one: the last error wins. */
export function isRevocationError(code: string | undefined, message: string | undefined): boolean {
  return REVOCATION_DATA.has(reasonForVerifyError(code, message));
}

/** Whether no path leads from the certificate to a trusted authority. */
export function isUntrustedPath(code: string | undefined, message: string | undefined): boolean {
  return NO_TRUSTED_PATH.has(reasonForVerifyError(code, message));
}

const REVOCATION_DATA: ReadonlySet<FailureReason> = new Set([
  'revocation_unavailable',
  'revocation_data_expired',
  'revocation_data_invalid',
] as const);

const NO_TRUSTED_PATH: ReadonlySet<FailureReason> = new Set([
  'unknown_ca',
  'self_signed_certificate',
  'untrusted_root',
] as const);

/** Node's own name check, which it makes after OpenSSL's verification and reports in the same place. */
const NAME_CHECK_FAILED = 'ERR_TLS_CERT_ALTNAME_INVALID';

const REASONS = reasonsByEvidence('verifyErrors');

/** The rows above stand in the order of their numbers, from 1, but for those that are newer than 3.0. */
const NUMBERED = Object.keys(VERIFY_ERRORS).slice(0, -6) as readonly VerifyErrorName[];

/** How OpenSSL before 3.0 worded some; proxies that were built with it still do. */
const OLDER_MESSAGES: readonly (readonly [VerifyErrorName, string])[] = [
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self signed certificate'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'self signed certificate in certificate chain'],
  ['INVALID_PURPOSE', 'unsupported certificate purpose'],
];

/** Longest first: "self-signed certificate in certificate chain" before "self-signed certificate". */
const BY_MESSAGE = [...(Object.entries(VERIFY_ERRORS) as [VerifyErrorName, string][]), ...OLDER_MESSAGES]
  .map(([name, message]) => ({ name, message: message.toLowerCase() }))
  .sort((one, other) => other.message.length - one.message.length);

const LONGEST_MESSAGE = BY_MESSAGE[0]!.message.length;

/** undefined when neither code nor message is known. */
function knownName(code: string | undefined, message: string | undefined): VerifyErrorName | undefined {
  if (code !== undefined && code !== 'UNSPECIFIED' && Object.hasOwn(VERIFY_ERRORS, code))
    return code as VerifyErrorName;
  return nameForMessage(message) ?? (code === 'UNSPECIFIED' ? code : undefined);
}

/** By the beginning, since newer Nodes append advice: "...; if the root CA is installed locally, try running ...". */
function nameForMessage(message: string | undefined): VerifyErrorName | undefined {
  if (message === undefined) return undefined;
  const text = message.slice(0, LONGEST_MESSAGE + 1).toLowerCase();
  return BY_MESSAGE.find(known => text.startsWith(known.message) && !/^[a-z0-9]/.test(text.slice(known.message.length)))
    ?.name;
}
