import type { FailureReason } from '../../src/handshake/failure-reasons';

/** What OpenSSL may hold against a certificate: name, message, the reason expected; `+` before names Node passes on. */
// OpenSSL include/openssl/x509_vfy.h.in, crypto/x509/x509_txt.c; Node src/crypto/crypto_common.cc. Last checked 2026-11-22.
const VERIFY_ERRORS = `
unknown_ca
  +UNABLE_TO_GET_ISSUER_CERT: unable to get issuer certificate
  +UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unable to get local issuer certificate
  +UNABLE_TO_VERIFY_LEAF_SIGNATURE: unable to verify the first certificate
  +CERT_UNTRUSTED: certificate not trusted
   SUBJECT_ISSUER_MISMATCH: subject issuer mismatch
   AKID_SKID_MISMATCH: authority and subject key identifier mismatch
   AKID_ISSUER_SERIAL_MISMATCH: authority and issuer serial number mismatch
   STORE_LOOKUP: issuer certificate lookup error
   RPK_UNTRUSTED: Raw public key untrusted, no trusted keys configured
self_signed_certificate
  +DEPTH_ZERO_SELF_SIGNED_CERT: self-signed certificate
untrusted_root
  +SELF_SIGNED_CERT_IN_CHAIN: self-signed certificate in certificate chain
certificate_signature_invalid
  +UNABLE_TO_DECRYPT_CERT_SIGNATURE: unable to decrypt certificate's signature
  +UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: unable to decode issuer public key
  +CERT_SIGNATURE_FAILURE: certificate signature failure
   NO_ISSUER_PUBLIC_KEY: issuer certificate doesn't have a public key
certificate_expired
  +CERT_HAS_EXPIRED: certificate has expired
certificate_not_yet_valid
  +CERT_NOT_YET_VALID: certificate is not yet valid
certificate_revoked
  +CERT_REVOKED: certificate revoked
revocation_unavailable
  +UNABLE_TO_GET_CRL: unable to get certificate CRL
   UNABLE_TO_GET_CRL_ISSUER: unable to get CRL issuer certificate
   DIFFERENT_CRL_SCOPE: different CRL scope
   OCSP_VERIFY_NEEDED: OCSP verification needed
   OCSP_CERT_UNKNOWN: OCSP unknown cert
   OCSP_NO_RESPONSE: no OCSP response available for certificate
revocation_data_expired
  +CRL_NOT_YET_VALID: CRL is not yet valid
  +CRL_HAS_EXPIRED: CRL has expired
   OCSP_NOT_YET_VALID: OCSP response not yet valid (contains a date in the future)
   OCSP_HAS_EXPIRED: OCSP response has expired
revocation_data_invalid
  +UNABLE_TO_DECRYPT_CRL_SIGNATURE: unable to decrypt CRL's signature
  +CRL_SIGNATURE_FAILURE: CRL signature failure
  +ERROR_IN_CRL_LAST_UPDATE_FIELD: format error in CRL's lastUpdate field
  +ERROR_IN_CRL_NEXT_UPDATE_FIELD: format error in CRL's nextUpdate field
   KEYUSAGE_NO_CRL_SIGN: key usage does not include CRL signing
   UNHANDLED_CRITICAL_CRL_EXTENSION: unhandled critical CRL extension
   CRL_PATH_VALIDATION_ERROR: CRL path validation error
   OCSP_VERIFY_FAILED: OCSP verification failed
   OCSP_RESP_INVALID: OCSP response(s) invalid
   OCSP_SIGNATURE_FAILURE: OCSP response signature verification failure
certificate_purpose_invalid
  +INVALID_PURPOSE: unsuitable certificate purpose
   KEYUSAGE_NO_DIGITAL_SIGNATURE: key usage does not include digital signature
certificate_authority_invalid
   KEYUSAGE_NO_CERTSIGN: key usage does not include certificate signing
   INVALID_NON_CA: invalid non-CA certificate (has CA markings)
  +INVALID_CA: invalid CA certificate
   PATHLEN_INVALID_FOR_NON_CA: Path length invalid for non-CA cert
   PATHLEN_WITHOUT_KU_KEY_CERT_SIGN: Path length given without key usage keyCertSign
   KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA: Key usage keyCertSign invalid for non-CA cert
   CA_BCONS_NOT_CRITICAL: Basic Constraints of CA cert not marked critical
   CA_CERT_MISSING_KEY_USAGE: CA cert does not include key usage extension
certificate_chain_too_long
  +CERT_CHAIN_TOO_LONG: certificate chain too long
  +PATH_LENGTH_EXCEEDED: path length constraint exceeded
   PROXY_PATH_LENGTH_EXCEEDED: proxy path length constraint exceeded
   PATH_LOOP: path loop
name_constraint_violation
   UNNESTED_RESOURCE: RFC 3779 resource not subset of parent's resources
   PERMITTED_VIOLATION: permitted subtree violation
   EXCLUDED_VIOLATION: excluded subtree violation
   SUBTREE_MINMAX: name constraints minimum and maximum not supported
   UNSUPPORTED_CONSTRAINT_TYPE: unsupported name constraint type
   UNSUPPORTED_CONSTRAINT_SYNTAX: unsupported or invalid name constraint syntax
   UNSUPPORTED_NAME_SYNTAX: unsupported or invalid name syntax
   PROXY_SUBJECT_NAME_VIOLATION: proxy subject name violation
certificate_policy_invalid
   PROXY_CERTIFICATES_NOT_ALLOWED: proxy certificates not allowed, please set the appropriate flag
   INVALID_POLICY_EXTENSION: invalid or inconsistent certificate policy extension
   NO_EXPLICIT_POLICY: no explicit policy
   NO_VALID_SCTS: Certificate Transparency required, but no valid SCTs found
certificate_extension_invalid
   UNHANDLED_CRITICAL_EXTENSION: unhandled critical extension
   INVALID_EXTENSION: invalid or inconsistent certificate extension
   UNSUPPORTED_EXTENSION_FEATURE: unsupported extension feature
   ISSUER_NAME_EMPTY: Issuer name empty
   SUBJECT_NAME_EMPTY: Subject name empty
   MISSING_AUTHORITY_KEY_IDENTIFIER: Missing Authority Key Identifier
   MISSING_SUBJECT_KEY_IDENTIFIER: Missing Subject Key Identifier
   EMPTY_SUBJECT_ALT_NAME: Empty Subject Alternative Name extension
   EMPTY_SUBJECT_SAN_NOT_CRITICAL: Subject empty and Subject Alt Name extension not critical
   AUTHORITY_KEY_IDENTIFIER_CRITICAL: Authority Key Identifier marked critical
   SUBJECT_KEY_IDENTIFIER_CRITICAL: Subject Key Identifier marked critical
   EXTENSIONS_REQUIRE_VERSION_3: Using cert extension requires at least X509v3
certificate_weak_crypto
   SUITE_B_INVALID_VERSION: Suite B: certificate version invalid
   SUITE_B_INVALID_ALGORITHM: Suite B: invalid public key algorithm
   SUITE_B_INVALID_CURVE: Suite B: invalid ECC curve
   SUITE_B_INVALID_SIGNATURE_ALGORITHM: Suite B: invalid signature algorithm
   SUITE_B_LOS_NOT_ALLOWED: Suite B: curve not allowed for this LOS
   SUITE_B_CANNOT_SIGN_P_384_WITH_P_256: Suite B: cannot sign P-384 with P-256
   EE_KEY_TOO_SMALL: EE certificate key too weak
   CA_KEY_TOO_SMALL: CA certificate key too weak
   CA_MD_TOO_WEAK: CA signature digest algorithm too weak
   EC_KEY_EXPLICIT_PARAMS: Certificate public key has explicit ECC parameters
certificate_algorithm_unsupported
   UNSUPPORTED_SIGNATURE_ALGORITHM: Cannot find certificate signature algorithm
   SIGNATURE_ALGORITHM_MISMATCH: subject signature algorithm and issuer public key algorithm mismatch
   SIGNATURE_ALGORITHM_INCONSISTENCY: cert info signature and signature algorithm mismatch
certificate_name_mismatch
  +HOSTNAME_MISMATCH: hostname mismatch
   EMAIL_MISMATCH: email address mismatch
   IP_ADDRESS_MISMATCH: IP address mismatch
certificate_pin_mismatch
   DANE_NO_MATCH: no matching DANE TLSA records
certificate_malformed
  +ERROR_IN_CERT_NOT_BEFORE_FIELD: format error in certificate's notBefore field
  +ERROR_IN_CERT_NOT_AFTER_FIELD: format error in certificate's notAfter field
certificate_rejected
  +CERT_REJECTED: certificate rejected
   APPLICATION_VERIFICATION: application verification failure
internal_error
  +OUT_OF_MEM: out of memory
   INVALID_CALL: invalid certificate verification context
_OTHER
   UNSPECIFIED: unspecified certificate verification error
`;

/** Alerts received: number, IANA name, and the codes Node 20 and Node 22 to 26 gave for it; none where OpenSSL is silent. */
// Recorded by sending each to tls.connect. Last checked 2026-11-22.
const ALERTS = `
connection_closed
  0 close_notify
  90 user_canceled ERR_SSL_TLSV1_ALERT_USER_CANCELLED
protocol_error
  10 unexpected_message ERR_SSL_SSLV3_ALERT_UNEXPECTED_MESSAGE ERR_SSL_SSL/TLS_ALERT_UNEXPECTED_MESSAGE
  20 bad_record_mac ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC ERR_SSL_SSL/TLS_ALERT_BAD_RECORD_MAC
  21 decryption_failed ERR_SSL_TLSV1_ALERT_DECRYPTION_FAILED
  22 record_overflow ERR_SSL_TLSV1_ALERT_RECORD_OVERFLOW
  30 decompression_failure ERR_SSL_SSLV3_ALERT_DECOMPRESSION_FAILURE ERR_SSL_SSL/TLS_ALERT_DECOMPRESSION_FAILURE
  47 illegal_parameter ERR_SSL_SSLV3_ALERT_ILLEGAL_PARAMETER ERR_SSL_SSL/TLS_ALERT_ILLEGAL_PARAMETER
  50 decode_error ERR_SSL_TLSV1_ALERT_DECODE_ERROR
  52 too_many_cids_requested
  60 export_restriction ERR_SSL_TLSV1_ALERT_EXPORT_RESTRICTION
  100 no_renegotiation ERR_SSL_TLSV1_ALERT_NO_RENEGOTIATION
  109 missing_extension ERR_SSL_TLSV13_ALERT_MISSING_EXTENSION
  110 unsupported_extension ERR_SSL_TLSV1_UNSUPPORTED_EXTENSION
  121 ech_required
handshake_failure
  40 handshake_failure ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE
certificate_required
  41 no_certificate ERR_SSL_SSLV3_ALERT_NO_CERTIFICATE ERR_SSL_SSL/TLS_ALERT_NO_CERTIFICATE
  116 certificate_required ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED
bad_certificate
  42 bad_certificate ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE
  114 bad_certificate_hash_value ERR_SSL_TLSV1_BAD_CERTIFICATE_HASH_VALUE
unsupported_certificate
  43 unsupported_certificate ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE ERR_SSL_SSL/TLS_ALERT_UNSUPPORTED_CERTIFICATE
certificate_revoked
  44 certificate_revoked ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_REVOKED
certificate_expired
  45 certificate_expired ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED
certificate_unknown
  46 certificate_unknown ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN
unknown_ca
  48 unknown_ca ERR_SSL_TLSV1_ALERT_UNKNOWN_CA
access_denied
  49 access_denied ERR_SSL_TLSV1_ALERT_ACCESS_DENIED
decrypt_error
  51 decrypt_error ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR
protocol_version
  70 protocol_version ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION
insufficient_security
  71 insufficient_security ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY
internal_error
  80 internal_error ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR
inappropriate_fallback
  86 inappropriate_fallback ERR_SSL_TLSV1_ALERT_INAPPROPRIATE_FALLBACK
revocation_unavailable
  111 certificate_unobtainable ERR_SSL_TLSV1_CERTIFICATE_UNOBTAINABLE
unrecognized_name
  112 unrecognized_name ERR_SSL_TLSV1_UNRECOGNIZED_NAME
revocation_data_invalid
  113 bad_certificate_status_response ERR_SSL_TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE
psk_identity_unknown
  115 unknown_psk_identity ERR_SSL_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY
no_application_protocol
  120 no_application_protocol ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL
`;

export interface ExpectedVerifyError {
  readonly name: string;
  readonly message: string;
  readonly reason: FailureReason;
  /** What Node says: the name, or `UNSPECIFIED`. */
  readonly nodeCode: string;
}

export const EXPECTED_VERIFY_ERRORS: readonly ExpectedVerifyError[] = rows(VERIFY_ERRORS).map(([reason, row]) => {
  const [, known, name, message] = /^([+ ])(\w+): (.+)$/.exec(row)!;
  return { name: name!, message: message!, reason, nodeCode: known === '+' ? name! : 'UNSPECIFIED' };
});

export interface ExpectedAlert {
  readonly code: number;
  readonly description: string;
  readonly reason: FailureReason;
  readonly nodeCodes: readonly string[];
}

export const EXPECTED_ALERTS: readonly ExpectedAlert[] = rows(ALERTS).map(([reason, row]) => {
  const [code, description, ...nodeCodes] = row.split(' ');
  return { code: Number(code), description: description!, reason, nodeCodes };
});

/** Lines indented by two belong to the last line that is not. */
function rows(text: string): [FailureReason, string][] {
  let reason = '';
  return text
    .trim()
    .split('\n')
    .flatMap(line => {
      if (line.startsWith('  ')) return [[reason as FailureReason, line.slice(2)]];
      reason = line;
      return [];
    });
}
