import type { Phase } from './phase';

/**
 * Why a handshake failed: the vocabulary of `error.type`. Stable, of low cardinality, one row a reason.
 *
 * The rows own the evidence: which OpenSSL verify error, which received alert, which error code means this reason. The
 * lookups are built from them, and the compiler sees to it that every verify error and alert there is belongs to a row.
 */
// OpenSSL 3.0.19 and 3.5.8 (sslerr.h, x509_txt.c), Node 20.20, 22.23, 24.21 and 26.10 (ERR_TLS_*). Last checked 2026-11-22.
export const FAILURE_REASONS = {
  certificate_required: {
    brief: 'Results when the peer presented no certificate although one was required.',
    hint: 'Give the client a certificate and its private key (cert and key), or stop requiring one on this endpoint.',
    category: 'authentication',
    severity: 'WARN',
    phase: 'certificate',
    evidence: {
      alerts: ['certificate_required', 'no_certificate'],
      codes: ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'ERR_SSL_NO_CERTIFICATES_RETURNED'],
    },
  },
  unknown_ca: {
    brief: 'Results when no path leads from the presented certificate to a trusted authority.',
    hint: "Have the peer send its intermediate certificates with its own, or add the issuing authority to the verifier's ca.",
    category: 'authentication',
    severity: 'WARN',
    phase: 'certificate',
    evidence: {
      verifyErrors: [
        'UNABLE_TO_GET_ISSUER_CERT',
        'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
        'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        'CERT_UNTRUSTED',
        'SUBJECT_ISSUER_MISMATCH',
        'AKID_SKID_MISMATCH',
        'AKID_ISSUER_SERIAL_MISMATCH',
        'STORE_LOOKUP',
        'RPK_UNTRUSTED',
      ],
      alerts: ['unknown_ca'],
    },
  },
  self_signed_certificate: {
    brief: 'Results when the presented certificate was signed by itself and is not itself trusted.',
    hint: "Use a certificate from an authority the verifier trusts, or add this very certificate to the verifier's ca.",
    category: 'authentication',
    severity: 'WARN',
    phase: 'certificate',
    evidence: { verifyErrors: ['DEPTH_ZERO_SELF_SIGNED_CERT'] },
  },
  untrusted_root: {
    brief: 'Results when the presented chain ends in a self-signed root that is not trusted.',
    hint: "Add that root to the verifier's ca if it is yours; otherwise have the peer use a certificate from a trusted authority.",
    category: 'authentication',
    severity: 'WARN',
    phase: 'certificate',
    evidence: { verifyErrors: ['SELF_SIGNED_CERT_IN_CHAIN'] },
  },
  certificate_issuer_forged: {
    brief: 'Results when the certificate names a trusted authority as its issuer but was not signed with its key.',
    hint: 'Treat it as an attack and look at the peer address; unless the authority was lately re-keyed: then add its new certificate to ca.',
    category: 'authentication',
    severity: 'ERROR',
    phase: 'certificate',
    evidence: {},
  },
  certificate_signature_invalid: {
    brief: 'Results when the issuer is known but its signature on the certificate does not verify.',
    hint: 'Issue the certificate again: it was changed or damaged after signing. If the peer is a stranger, treat it as tampering.',
    category: 'authentication',
    severity: 'ERROR',
    phase: 'certificate',
    evidence: {
      verifyErrors: [
        'CERT_SIGNATURE_FAILURE',
        'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
        'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
        'NO_ISSUER_PUBLIC_KEY',
      ],
    },
  },
  certificate_expired: {
    brief: 'Results when the presented certificate was past its notAfter date.',
    hint: 'Renew the certificate, or check the clock of the machine that rejected it.',
    category: 'authentication',
    severity: 'WARN',
    phase: 'certificate',
    evidence: { verifyErrors: ['CERT_HAS_EXPIRED'], alerts: ['certificate_expired'] },
  },
  certificate_not_yet_valid: {
    brief: 'Results when the presented certificate had not reached its notBefore date.',
    hint: 'Check the clocks of the machine that rejected it and of the one that issued it, or wait until notBefore.',
    category: 'authentication',
    severity: 'WARN',
    phase: 'certificate',
    evidence: { verifyErrors: ['CERT_NOT_YET_VALID'] },
  },
  certificate_revoked: {
    brief: 'Results when the presented certificate is on the revocation list of its issuer.',
    hint: 'Find out who still uses this certificate: it was withdrawn, perhaps because its key was stolen. Give the rightful owner a new one.',
    category: 'authentication',
    severity: 'ERROR',
    phase: 'certificate',
    evidence: { verifyErrors: ['CERT_REVOKED'], alerts: ['certificate_revoked'] },
  },
  revocation_unavailable: {
    brief: 'Results when revocation is checked but there is no revocation list or OCSP answer for the issuer.',
    hint: "Add the current CRL of every issuer in the chain to the verifier's crl: once one is configured, all are needed.",
    category: 'configuration',
    severity: 'WARN',
    phase: 'certificate',
    evidence: {
      verifyErrors: [
        'UNABLE_TO_GET_CRL',
        'UNABLE_TO_GET_CRL_ISSUER',
        'DIFFERENT_CRL_SCOPE',
        'OCSP_VERIFY_NEEDED',
        'OCSP_CERT_UNKNOWN',
        'OCSP_NO_RESPONSE',
      ],
      alerts: ['certificate_unobtainable'],
    },
  },
  revocation_data_expired: {
    brief: 'Results when the revocation list or OCSP answer is outside its own validity.',
    hint: 'Fetch the current CRL and reload it (setSecureContext) at once: until then every certificate of this issuer is refused.',
    category: 'configuration',
    severity: 'ERROR',
    phase: 'certificate',
    evidence: { verifyErrors: ['CRL_HAS_EXPIRED', 'CRL_NOT_YET_VALID', 'OCSP_HAS_EXPIRED', 'OCSP_NOT_YET_VALID'] },
  },
  revocation_data_invalid: {
    brief: 'Results when the revocation list or OCSP answer is broken or wrongly signed.',
    hint: 'Fetch the CRL again and check it with "openssl crl -CAfile": it must be signed by the issuer it is configured for.',
    category: 'configuration',
    severity: 'ERROR',
    phase: 'certificate',
    evidence: {
      verifyErrors: [
        'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
        'CRL_SIGNATURE_FAILURE',
        'ERROR_IN_CRL_LAST_UPDATE_FIELD',
        'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
        'KEYUSAGE_NO_CRL_SIGN',
        'UNHANDLED_CRITICAL_CRL_EXTENSION',
        'CRL_PATH_VALIDATION_ERROR',
        'OCSP_VERIFY_FAILED',
        'OCSP_RESP_INVALID',
        'OCSP_SIGNATURE_FAILURE',
      ],
      alerts: ['bad_certificate_status_response'],
      codes: ['ERR_SSL_INVALID_STATUS_RESPONSE'],
    },
  },
  certificate_purpose_invalid: {
    brief: 'Results when key usage or extended key usage does not allow the certificate in this role.',
    hint: 'Issue a certificate with extendedKeyUsage clientAuth for clients and serverAuth for servers; a leaf cannot sign others.',
    category: 'authentication',
    severity: 'WARN',
    phase: 'certificate',
    evidence: {
      verifyErrors: ['INVALID_PURPOSE', 'KEYUSAGE_NO_DIGITAL_SIGNATURE'],
      codes: ['ERR_SSL_ECC_CERT_NOT_FOR_SIGNING', 'ERR_SSL_SIGNATURE_FOR_NON_SIGNING_CERTIFICATE'],
    },
  },
  certificate_authority_invalid: {
    brief: 'Results when an issuer in the chain is no proper certificate authority.',
    hint: 'Issue the authority again with basicConstraints CA:TRUE (critical) and keyUsage keyCertSign.',
    category: 'authentication',
    severity: 'ERROR',
    phase: 'certificate',
    evidence: {
      verifyErrors: [
        'INVALID_CA',
        'INVALID_NON_CA',
        'KEYUSAGE_NO_CERTSIGN',
        'PATHLEN_INVALID_FOR_NON_CA',
        'PATHLEN_WITHOUT_KU_KEY_CERT_SIGN',
        'KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA',
        'CA_BCONS_NOT_CRITICAL',
        'CA_CERT_MISSING_KEY_USAGE',
      ],
    },
  },
  certificate_chain_too_long: {
    brief: 'Results when the chain is deeper than a path length or the verifier allows, or runs in a circle.',
    hint: 'Shorten the chain, or issue the upper authority with a larger pathLenConstraint.',
    category: 'authentication',
    severity: 'WARN',
    phase: 'certificate',
    evidence: {
      verifyErrors: ['CERT_CHAIN_TOO_LONG', 'PATH_LENGTH_EXCEEDED', 'PROXY_PATH_LENGTH_EXCEEDED', 'PATH_LOOP'],
    },
  },
  certificate_too_large: {
    brief: 'Results when a handshake message, usually the certificate chain, is above the accepted size.',
    hint: 'Send fewer intermediates or issue a certificate with fewer alternative names; OpenSSL accepts about 100 KB.',
    category: 'authentication',
    severity: 'WARN',
    phase: 'certificate',
    evidence: { codes: ['ERR_SSL_EXCESSIVE_MESSAGE_SIZE'] },
  },
  name_constraint_violation: {
    brief: 'Results when a name in the certificate lies outside what its authority may issue for.',
    hint: 'Issue the certificate from an authority whose nameConstraints permit its names; if a stranger presents it, the authority may be misused.',
    category: 'authentication',
    severity: 'ERROR',
    phase: 'certificate',
    evidence: {
      verifyErrors: [
        'PERMITTED_VIOLATION',
        'EXCLUDED_VIOLATION',
        'SUBTREE_MINMAX',
        'UNSUPPORTED_CONSTRAINT_TYPE',
        'UNSUPPORTED_CONSTRAINT_SYNTAX',
        'UNSUPPORTED_NAME_SYNTAX',
        'UNNESTED_RESOURCE',
        'PROXY_SUBJECT_NAME_VIOLATION',
      ],
    },
  },
  certificate_policy_invalid: {
    brief: 'Results when the certificate does not meet a required policy, such as certificate transparency.',
    hint: 'Issue the certificate under the required policy (certificatePolicies, signed certificate timestamps), or relax the verifier.',
    category: 'authentication',
    severity: 'WARN',
    phase: 'certificate',
    evidence: {
      verifyErrors: [
        'INVALID_POLICY_EXTENSION',
        'NO_EXPLICIT_POLICY',
        'NO_VALID_SCTS',
        'PROXY_CERTIFICATES_NOT_ALLOWED',
      ],
      codes: ['ERR_SSL_NO_VALID_SCTS', 'ERR_SSL_SCT_VERIFICATION_FAILED'],
    },
  },
  certificate_extension_invalid: {
    brief: 'Results when an extension is malformed, missing, or critical and unknown to the verifier.',
    hint: 'Look at the extensions with "openssl x509 -text": remove or correct the one that is marked critical or malformed.',
    category: 'authentication',
    severity: 'WARN',
    phase: 'certificate',
    evidence: {
      verifyErrors: [
        'UNHANDLED_CRITICAL_EXTENSION',
        'INVALID_EXTENSION',
        'UNSUPPORTED_EXTENSION_FEATURE',
        'ISSUER_NAME_EMPTY',
        'SUBJECT_NAME_EMPTY',
        'MISSING_AUTHORITY_KEY_IDENTIFIER',
        'MISSING_SUBJECT_KEY_IDENTIFIER',
        'EMPTY_SUBJECT_ALT_NAME',
        'EMPTY_SUBJECT_SAN_NOT_CRITICAL',
        'AUTHORITY_KEY_IDENTIFIER_CRITICAL',
        'SUBJECT_KEY_IDENTIFIER_CRITICAL',
        'EXTENSIONS_REQUIRE_VERSION_3',
      ],
    },
  },
  certificate_weak_crypto: {
    brief: 'Results when a key or digest in the chain is below the security level of the verifier.',
    hint: 'Issue the chain with RSA 2048 or P-256 keys at least and SHA-256 signatures; Node 24 raised the level and no longer accepts RSA 1024.',
    category: 'authentication',
    severity: 'WARN',
    phase: 'certificate',
    evidence: {
      verifyErrors: [
        'EE_KEY_TOO_SMALL',
        'CA_KEY_TOO_SMALL',
        'CA_MD_TOO_WEAK',
        'EC_KEY_EXPLICIT_PARAMS',
        'SUITE_B_INVALID_VERSION',
        'SUITE_B_INVALID_ALGORITHM',
        'SUITE_B_INVALID_CURVE',
        'SUITE_B_INVALID_SIGNATURE_ALGORITHM',
        'SUITE_B_LOS_NOT_ALLOWED',
        'SUITE_B_CANNOT_SIGN_P_384_WITH_P_256',
      ],
      codes: ['ERR_SSL_EE_KEY_TOO_SMALL', 'ERR_SSL_CA_KEY_TOO_SMALL', 'ERR_SSL_CA_MD_TOO_WEAK'],
    },
  },
  certificate_algorithm_unsupported: {
    brief: 'Results when the key or signature algorithm of a certificate is not supported or contradicts itself.',
    hint: 'Issue the certificate with an algorithm both sides know: ECDSA on P-256, or RSA with SHA-256.',
    category: 'authentication',
    severity: 'WARN',
    phase: 'certificate',
    evidence: {
      verifyErrors: [
        'UNSUPPORTED_SIGNATURE_ALGORITHM',
        'SIGNATURE_ALGORITHM_MISMATCH',
        'SIGNATURE_ALGORITHM_INCONSISTENCY',
      ],
      codes: [
        // The certificate is well made, its public key is not readable here: an unknown algorithm or curve, a point off it.
        'ERR_SSL_DECODE_ERROR',
        'ERR_SSL_UNABLE_TO_FIND_PUBLIC_KEY_PARAMETERS',
        'ERR_SSL_UNKNOWN_CERTIFICATE_TYPE',
        'ERR_SSL_UNKNOWN_PKEY_TYPE',
        'ERR_SSL_WRONG_CERTIFICATE_TYPE',
        'ERR_SSL_BAD_ECC_CERT',
      ],
    },
  },
  certificate_name_mismatch: {
    brief: 'Results when the server certificate does not cover the name the client asked for.',
    hint: 'Connect by a name the certificate lists, set servername, or issue it with that name among its alternative names.',
    category: 'authentication',
    severity: 'ERROR',
    phase: 'certificate',
    evidence: {
      verifyErrors: ['HOSTNAME_MISMATCH', 'EMAIL_MISMATCH', 'IP_ADDRESS_MISMATCH'],
      codes: ['ERR_TLS_CERT_ALTNAME_INVALID'],
    },
  },
  certificate_pin_mismatch: {
    brief: 'Results when the certificate is not the one that was pinned.',
    hint: 'If the certificate was renewed, update the pin (or the TLSA record); if not, somebody may sit between you and the server.',
    category: 'authentication',
    severity: 'ERROR',
    phase: 'certificate',
    evidence: { verifyErrors: ['DANE_NO_MATCH'] },
  },
  certificate_malformed: {
    brief: 'Results when the presented bytes are no certificate that could be parsed.',
    hint: 'Check the certificate file of the peer with "openssl x509 -text": it is damaged, or its dates are written wrongly.',
    category: 'protocol',
    severity: 'WARN',
    phase: 'certificate',
    evidence: {
      verifyErrors: ['ERROR_IN_CERT_NOT_BEFORE_FIELD', 'ERROR_IN_CERT_NOT_AFTER_FIELD'],
      codes: ['ERR_SSL_ASN1_LIB', 'ERR_SSL_X509_LIB'],
      // Wrong tag, too long, header too long: the DER decoder has many words.
      libraries: ['asn1 encoding routines'],
    },
  },
  certificate_rejected: {
    brief:
      'Results when a certificate that verifies was refused by the application: an allow-list, its own identity check.',
    hint: 'Read the rule the application applies to subjects or fingerprints (checkServerIdentity, allow-list), and whether this one belongs on it.',
    category: 'authorization',
    severity: 'WARN',
    phase: 'certificate',
    evidence: { verifyErrors: ['CERT_REJECTED', 'APPLICATION_VERIFICATION'] },
  },
  bad_certificate: {
    brief: 'Results when the peer called the certificate bad and gave no other reason.',
    hint: 'Look into the peer\'s log: it found our certificate corrupt, unsigned or unfit. Check the chain we send with "openssl verify".',
    category: 'peer_alert',
    severity: 'WARN',
    phase: 'certificate',
    evidence: { alerts: ['bad_certificate', 'bad_certificate_hash_value'] },
  },
  unsupported_certificate: {
    brief: 'Results when the peer does not accept certificates of this type or purpose.',
    hint: 'Check extendedKeyUsage (clientAuth, serverAuth), key type and signature algorithm of our certificate against what the peer accepts.',
    category: 'peer_alert',
    severity: 'WARN',
    phase: 'certificate',
    evidence: { alerts: ['unsupported_certificate'] },
  },
  certificate_unknown: {
    brief: 'Results when the peer refused the certificate for a reason it does not name.',
    hint: 'Browsers and Java say so when they do not trust a certificate: check that its authority is in their trust store and that we send the whole chain.',
    category: 'peer_alert',
    severity: 'WARN',
    phase: 'certificate',
    evidence: { alerts: ['certificate_unknown'] },
  },
  access_denied: {
    brief: 'Results when the peer accepted the certificate as valid but denies it access.',
    hint: "Ask the peer's operator to allow this identity: its rule, not the certificate, said no.",
    category: 'peer_alert',
    severity: 'WARN',
    phase: 'certificate',
    evidence: { alerts: ['access_denied'] },
  },
  decrypt_error: {
    brief:
      'Results when a peer could not prove that it owns its private key, or a message of the handshake does not decrypt.',
    hint: 'Check that certificate and private key (or both ends of a pre-shared key) belong together; if they do, somebody presents a certificate without its key.',
    category: 'peer_alert',
    severity: 'ERROR',
    phase: 'certificate',
    evidence: {
      alerts: ['decrypt_error'],
      codes: [
        'ERR_SSL_BAD_SIGNATURE',
        'ERR_SSL_PROVIDER_SIGNATURE_FAILURE',
        'ERR_SSL_EVP_LIB',
        'ERR_SSL_WRONG_SIGNATURE_LENGTH',
        'ERR_SSL_WRONG_SIGNATURE_SIZE',
        'ERR_SSL_DIGEST_CHECK_FAILED',
        'ERR_SSL_BINDER_DOES_NOT_VERIFY',
        'ERR_SSL_DECRYPTION_FAILED',
        'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC',
        // The same of AES-GCM, in the words of OpenSSL's provider.
        'ERR_SSL_CIPHER_OPERATION_FAILED',
      ],
      // An RSA signature made with another key decodes to noise: which check trips over it (last octet, padding) is chance.
      libraries: ['rsa routines'],
    },
  },
  protocol_version: {
    brief: 'Results when client and server have no TLS version in common.',
    hint: 'Compare minVersion and maxVersion of both sides; a peer that offers only TLS 1.0 or 1.1 must be updated.',
    category: 'negotiation',
    severity: 'WARN',
    phase: 'negotiation',
    evidence: {
      alerts: ['protocol_version'],
      codes: [
        'ERR_SSL_UNSUPPORTED_PROTOCOL',
        'ERR_SSL_UNSUPPORTED_SSL_VERSION',
        'ERR_SSL_UNKNOWN_SSL_VERSION',
        'ERR_SSL_WRONG_SSL_VERSION',
        'ERR_SSL_VERSION_TOO_LOW',
        'ERR_SSL_VERSION_TOO_HIGH',
        'ERR_SSL_BAD_PROTOCOL_VERSION_NUMBER',
      ],
    },
  },
  no_shared_cipher: {
    brief: 'Results when no cipher suite is usable by both sides.',
    hint: 'Compare ciphers of both sides, and check that the server has a certificate and key of the type they need: without one no suite is usable.',
    category: 'negotiation',
    severity: 'WARN',
    phase: 'negotiation',
    evidence: { codes: ['ERR_SSL_NO_SHARED_CIPHER'] },
  },
  no_shared_group: {
    brief: 'Results when client and server have no key exchange group in common.',
    hint: 'Compare ecdhCurve of both sides; X25519 and P-256 (prime256v1) are understood nearly everywhere.',
    category: 'negotiation',
    severity: 'WARN',
    phase: 'negotiation',
    evidence: {
      codes: [
        'ERR_SSL_NO_SUITABLE_KEY_SHARE',
        'ERR_SSL_NO_SUITABLE_GROUPS',
        'ERR_SSL_NO_SHARED_GROUPS',
        'ERR_SSL_UNSUPPORTED_ELLIPTIC_CURVE',
        'ERR_SSL_WRONG_CURVE',
        'ERR_SSL_MISSING_TMP_DH_KEY',
        'ERR_SSL_MISSING_TMP_ECDH_KEY',
        'ERR_SSL_UNABLE_TO_FIND_ECDH_PARAMETERS',
      ],
    },
  },
  no_shared_signature_algorithm: {
    brief: 'Results when no signature algorithm suits both sides and the certificate at hand.',
    hint: 'Compare sigalgs of both sides with the key of the certificate, and check that the server has a certificate at all for the name asked.',
    category: 'negotiation',
    severity: 'WARN',
    phase: 'negotiation',
    evidence: {
      codes: [
        'ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS',
        'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM',
        'ERR_SSL_NO_SUITABLE_DIGEST_ALGORITHM',
        'ERR_SSL_SIGNATURE_ALGORITHMS_ERROR',
        'ERR_SSL_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED',
        'ERR_SSL_WRONG_SIGNATURE_TYPE',
      ],
    },
  },
  no_application_protocol: {
    brief: 'Results when client and server have no application protocol (ALPN) in common.',
    hint: 'Compare ALPNProtocols of both sides: an HTTP/2-only server needs allowHTTP1 before it serves http/1.1 clients.',
    category: 'negotiation',
    severity: 'WARN',
    phase: 'negotiation',
    evidence: { alerts: ['no_application_protocol'], codes: ['ERR_SSL_NO_APPLICATION_PROTOCOL'] },
  },
  unrecognized_name: {
    brief: 'Results when the server does not serve the name the client asked for (SNI).',
    hint: 'Correct servername on the client, or add the name to the server (addContext, SNICallback).',
    category: 'negotiation',
    severity: 'WARN',
    phase: 'negotiation',
    evidence: { alerts: ['unrecognized_name'] },
  },
  insufficient_security: {
    brief: 'Results when one side demands stronger parameters than the other offers.',
    hint: 'Offer modern cipher suites, TLS 1.2 or later, and Diffie-Hellman parameters of 2048 bits or more.',
    category: 'negotiation',
    severity: 'WARN',
    phase: 'negotiation',
    evidence: {
      alerts: ['insufficient_security'],
      codes: ['ERR_SSL_INSUFFICIENT_SECURITY', 'ERR_SSL_DH_KEY_TOO_SMALL', 'ERR_TLS_DH_PARAM_SIZE'],
    },
  },
  inappropriate_fallback: {
    brief: 'Results when a client retried with an older TLS version than both sides could speak.',
    hint: 'Find out why the first attempt with the newer version failed; a middlebox or an attacker may be forcing the downgrade.',
    category: 'negotiation',
    severity: 'WARN',
    phase: 'negotiation',
    evidence: { alerts: ['inappropriate_fallback'], codes: ['ERR_SSL_INAPPROPRIATE_FALLBACK'] },
  },
  handshake_failure: {
    brief: 'Results when the peer ended the handshake without saying what it missed.',
    hint: "Look into the peer's log. In TLS 1.2 it often wanted a client certificate; otherwise compare versions, ciphers and groups.",
    category: 'negotiation',
    severity: 'WARN',
    phase: 'negotiation',
    evidence: { alerts: ['handshake_failure'], codes: ['ERR_SSL_SSL_HANDSHAKE_FAILURE'] },
  },
  psk_identity_unknown: {
    brief: 'Results when the server does not know the identity of the pre-shared key.',
    hint: 'Compare the identity the client sends with those the pskCallback of the server knows.',
    category: 'negotiation',
    severity: 'WARN',
    phase: 'negotiation',
    evidence: {
      alerts: ['unknown_psk_identity'],
      codes: ['ERR_SSL_PSK_IDENTITY_NOT_FOUND', 'ERR_SSL_BAD_PSK_IDENTITY'],
    },
  },
  not_tls: {
    brief: 'Results when the peer spoke something else than TLS: plain HTTP, SSH, a scanner.',
    hint: 'Check the scheme and port: http:// on a TLS port, TLS on a plain port, or a proxy that has already taken TLS off.',
    category: 'protocol',
    severity: 'INFO',
    phase: 'client_hello',
    evidence: {
      codes: [
        'ERR_SSL_HTTP_REQUEST',
        'ERR_SSL_HTTPS_PROXY_REQUEST',
        'ERR_SSL_WRONG_VERSION_NUMBER',
        'ERR_SSL_PACKET_LENGTH_TOO_LONG',
        'ERR_SSL_UNKNOWN_PROTOCOL',
      ],
    },
  },
  protocol_error: {
    brief: 'Results when a TLS message was malformed, out of order or contradicted an earlier one.',
    hint: "Update the peer's TLS library, and look for a middlebox or fuzzer that changes the bytes on their way.",
    category: 'protocol',
    severity: 'WARN',
    phase: 'negotiation',
    evidence: {
      alerts: [
        'unexpected_message',
        'bad_record_mac',
        'decryption_failed',
        'record_overflow',
        'decompression_failure',
        'illegal_parameter',
        'decode_error',
        'too_many_cids_requested',
        'export_restriction',
        'no_renegotiation',
        'missing_extension',
        'unsupported_extension',
        'ech_required',
      ],
      codes: [
        'ERR_SSL_BAD_*',
        'ERR_SSL_APPLICATION_DATA_AFTER_CLOSE_NOTIFY',
        'ERR_SSL_APP_DATA_IN_HANDSHAKE',
        'ERR_SSL_BLOCK_CIPHER_PAD_IS_WRONG',
        'ERR_SSL_CA_DN_LENGTH_MISMATCH',
        'ERR_SSL_CCS_RECEIVED_EARLY',
        'ERR_SSL_CERT_LENGTH_MISMATCH',
        'ERR_SSL_CIPHER_CODE_WRONG_LENGTH',
        'ERR_SSL_CLIENTHELLO_TLSEXT',
        'ERR_SSL_COMPRESSED_LENGTH_TOO_LONG',
        'ERR_SSL_DATA_BETWEEN_CCS_AND_FINISHED',
        'ERR_SSL_DATA_LENGTH_TOO_LONG',
        'ERR_SSL_DH_PUBLIC_VALUE_LENGTH_IS_WRONG',
        'ERR_SSL_ENCRYPTED_LENGTH_TOO_LONG',
        'ERR_SSL_ERROR_IN_RECEIVED_CIPHER_LIST',
        'ERR_SSL_EXCEEDS_MAX_FRAGMENT_SIZE',
        'ERR_SSL_EXTENSION_NOT_RECEIVED',
        'ERR_SSL_EXTRA_DATA_IN_MESSAGE',
        'ERR_SSL_EXT_LENGTH_MISMATCH',
        'ERR_SSL_FAILED_DURING_DERIVATION',
        'ERR_SSL_GOT_A_FIN_BEFORE_A_CCS',
        'ERR_SSL_ILLEGAL_POINT_COMPRESSION',
        'ERR_SSL_INCONSISTENT_COMPRESSION',
        'ERR_SSL_INVALID_ALERT',
        'ERR_SSL_INVALID_CCS_MESSAGE',
        'ERR_SSL_INVALID_COMPRESSION_ALGORITHM',
        'ERR_SSL_INVALID_KEY_UPDATE_TYPE',
        'ERR_SSL_INVALID_MAX_EARLY_DATA',
        'ERR_SSL_LENGTH_MISMATCH',
        'ERR_SSL_LENGTH_TOO_LONG',
        'ERR_SSL_LENGTH_TOO_SHORT',
        'ERR_SSL_MISSING_FATAL',
        'ERR_SSL_MISSING_PARAMETERS',
        'ERR_SSL_MISSING_PSK_KEX_MODES_EXTENSION',
        'ERR_SSL_MISSING_SIGALGS_EXTENSION',
        'ERR_SSL_MISSING_SUPPORTED_GROUPS_EXTENSION',
        'ERR_SSL_MIXED_HANDSHAKE_AND_NON_HANDSHAKE_DATA',
        'ERR_SSL_NOT_ON_RECORD_BOUNDARY',
        'ERR_SSL_NO_CHANGE_FOLLOWING_HRR',
        'ERR_SSL_PARSE_TLSEXT',
        'ERR_SSL_RECORD_LAYER_FAILURE',
        'ERR_SSL_RECORD_LENGTH_MISMATCH',
        'ERR_SSL_RECORD_TOO_SMALL',
        'ERR_SSL_RENEGOTIATE_EXT_TOO_LONG',
        'ERR_SSL_RENEGOTIATION_ENCODING_ERR',
        'ERR_SSL_RENEGOTIATION_MISMATCH',
        'ERR_SSL_REQUIRED_CIPHER_MISSING',
        'ERR_SSL_SERVERHELLO_TLSEXT',
        'ERR_SSL_SSL3_EXT_INVALID_MAX_FRAGMENT_LENGTH',
        'ERR_SSL_SSL3_EXT_INVALID_SERVERNAME',
        'ERR_SSL_SSL3_EXT_INVALID_SERVERNAME_TYPE',
        'ERR_SSL_SSL3_SESSION_ID_TOO_LONG',
        'ERR_SSL_TLS_INVALID_ECPOINTFORMAT_LIST',
        'ERR_SSL_TOO_MANY_KEY_UPDATES',
        'ERR_SSL_TOO_MANY_WARN_ALERTS',
        'ERR_SSL_TOO_MUCH_EARLY_DATA',
        'ERR_SSL_UNEXPECTED_CCS_MESSAGE',
        'ERR_SSL_UNEXPECTED_END_OF_EARLY_DATA',
        'ERR_SSL_UNEXPECTED_EOF_WHILE_READING',
        'ERR_SSL_UNEXPECTED_MESSAGE',
        'ERR_SSL_UNEXPECTED_RECORD',
        'ERR_SSL_UNKNOWN_ALERT_TYPE',
        'ERR_SSL_UNKNOWN_CIPHER_RETURNED',
        'ERR_SSL_UNKNOWN_CIPHER_TYPE',
        'ERR_SSL_UNKNOWN_KEY_EXCHANGE_TYPE',
        'ERR_SSL_UNSOLICITED_EXTENSION',
        'ERR_SSL_UNSUPPORTED_COMPRESSION_ALGORITHM',
        'ERR_SSL_UNSUPPORTED_STATUS_TYPE',
        'ERR_SSL_WRONG_CIPHER_RETURNED',
      ],
      libraries: ['elliptic curve routines'],
    },
  },
  renegotiation_refused: {
    brief: 'Results when a renegotiation was demanded too often or is not allowed.',
    hint: 'Speak TLS 1.3, which has none. Many in a short time are an attack; a server without RFC 5746 must be updated.',
    category: 'protocol',
    severity: 'WARN',
    phase: 'post_handshake',
    evidence: {
      codes: [
        'ERR_TLS_SESSION_ATTACK',
        'ERR_TLS_RENEGOTIATION_DISABLED',
        'ERR_TLS_RENEGOTIATION_UNSUPPORTED',
        'ERR_SSL_NO_RENEGOTIATION',
        'ERR_SSL_SCSV_RECEIVED_WHEN_RENEGOTIATING',
        'ERR_SSL_UNSAFE_LEGACY_RENEGOTIATION_DISABLED',
      ],
    },
  },
  handshake_timeout: {
    brief: 'Results when the handshake was not finished within the time allowed.',
    hint: 'Look for a silent peer, packet loss, or a callback of ours (SNICallback, OCSPRequest) that never answers; else raise handshakeTimeout.',
    category: 'transport',
    severity: 'WARN',
    phase: 'negotiation',
    evidence: { codes: ['ERR_TLS_HANDSHAKE_TIMEOUT'] },
  },
  connection_reset: {
    brief: 'Results when the connection was torn down under the handshake.',
    hint: 'Look for a firewall, a load balancer or a crashing peer between the two addresses; a scanner does it too.',
    category: 'transport',
    severity: 'INFO',
    phase: 'negotiation',
    evidence: {
      codes: ['EPIPE'],
      // A system call that failed, as libuv words it. `connect` is not among them: then no handshake took place.
      messages: [
        /^(?:read|write|shutdown) (?:ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|ENETRESET|ENETDOWN|ENETUNREACH|EHOSTDOWN|EHOSTUNREACH|ENOTCONN)\b/,
      ],
    },
  },
  connection_closed: {
    brief: 'Results when the peer closed the connection before the handshake was over and gave no reason.',
    hint: "Look into the peer's log: a client that does not trust a certificate often just hangs up. Without a ClientHello it was a port scan or health check.",
    category: 'transport',
    severity: 'INFO',
    phase: 'negotiation',
    evidence: {
      alerts: ['close_notify', 'user_canceled'],
      // Without a system call beside it the code is Node's own word for an early end.
      codes: ['ECONNRESET'],
      messages: [
        /^socket hang up$/,
        /^Client network socket disconnected before secure TLS connection was established/,
      ],
    },
  },
  peer_closed_after_handshake: {
    brief: 'Results when the server closed without a byte right after a TLS 1.3 client had presented its certificate.',
    hint: "Most likely the server refused our client certificate and sent no alert: check it against the server's ca, and the server's log.",
    category: 'transport',
    severity: 'WARN',
    phase: 'post_handshake',
    evidence: {},
  },
  session_invalid: {
    brief: 'Results when a session or ticket was offered that cannot be resumed here.',
    hint: 'Set sessionIdContext on servers that request certificates, share ticket keys between the instances, or connect without the old session.',
    category: 'protocol',
    severity: 'WARN',
    phase: 'negotiation',
    evidence: {
      codes: [
        'ERR_SSL_BAD_SESSION*',
        'ERR_SSL_TLS_INVALID_*',
        'ERR_SSL_SSL_SESSION_*',
        'ERR_SSL_SESSION_ID_CONTEXT_UNINITIALIZED',
        'ERR_SSL_ATTEMPT_TO_REUSE_SESSION_IN_DIFFERENT_CONTEXT',
        'ERR_SSL_CIPHERSUITE_DIGEST_HAS_CHANGED',
        'ERR_SSL_INCONSISTENT_EARLY_DATA_ALPN',
        'ERR_SSL_INCONSISTENT_EARLY_DATA_SNI',
        'ERR_SSL_INCONSISTENT_EXTMS',
        'ERR_SSL_INVALID_SESSION_ID',
        'ERR_SSL_OLD_SESSION_CIPHER_NOT_RETURNED',
        'ERR_SSL_OLD_SESSION_COMPRESSION_ALGORITHM_NOT_RETURNED',
      ],
    },
  },
  config_error: {
    brief: 'Results when our own key, certificate, authorities, ciphers or callbacks cannot be used.',
    hint: 'Correct the TLS options of this process: the error code names the one (key and cert that do not match, an unknown cipher, a callback result).',
    category: 'configuration',
    severity: 'ERROR',
    phase: 'negotiation',
    evidence: {
      codes: [
        'ERR_OSSL_*',
        'ERR_TLS_ALPN_CALLBACK_INVALID_RESULT',
        'ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS',
        'ERR_TLS_CERT_ALTNAME_FORMAT',
        'ERR_TLS_INVALID_CONTEXT',
        'ERR_TLS_INVALID_PROTOCOL_METHOD',
        'ERR_TLS_INVALID_PROTOCOL_VERSION',
        'ERR_TLS_INVALID_STATE',
        'ERR_TLS_PROTOCOL_VERSION_CONFLICT',
        'ERR_TLS_PSK_SET_IDENTITY_HINT_FAILED',
        // Spelled so in Node 20 and 22.
        'ERR_TLS_PSK_SET_IDENTIY_HINT_FAILED',
        'ERR_TLS_REQUIRED_SERVER_NAME',
        'ERR_TLS_SNI_FROM_SERVER',
        'ERR_SSL_KEY_VALUES_MISMATCH',
        'ERR_SSL_LIBRARY_HAS_NO_CIPHERS',
        'ERR_SSL_NO_CERTIFICATE_ASSIGNED',
        'ERR_SSL_NO_CERTIFICATE_SET',
        'ERR_SSL_NO_CIPHERS_AVAILABLE',
        'ERR_SSL_NO_CIPHERS_SPECIFIED',
        'ERR_SSL_NO_CIPHER_MATCH',
        'ERR_SSL_NO_PRIVATE_KEY_ASSIGNED',
        'ERR_SSL_NO_PROTOCOLS_AVAILABLE',
        'ERR_SSL_PRIVATE_KEY_MISMATCH',
        'ERR_SSL_PSK_NO_CLIENT_CB',
        'ERR_SSL_PSK_NO_SERVER_CB',
      ],
    },
  },
  internal_error: {
    brief: 'Results when one side failed for reasons of its own: out of memory, a callback, a fault of the library.',
    hint: 'Look into the log of the side that failed, around this time; for ours, into the callbacks (SNICallback, pskCallback, OCSPRequest).',
    category: 'configuration',
    severity: 'ERROR',
    phase: 'negotiation',
    evidence: {
      verifyErrors: ['OUT_OF_MEM', 'INVALID_CALL'],
      alerts: ['internal_error'],
      codes: [
        'ERR_SSL_BAD_DATA_RETURNED_BY_CALLBACK',
        'ERR_SSL_CALLBACK_FAILED',
        'ERR_SSL_CERT_CB_ERROR',
        'ERR_SSL_FAILED_TO_INIT_ASYNC',
        'ERR_SSL_INTERNAL_ERROR',
        'ERR_SSL_LIBRARY_BUG',
        'ERR_SSL_MALLOC_FAILURE',
        'ERR_SSL_OCSP_CALLBACK_FAILURE',
        'ERR_SSL_SSL_SESSION_ID_CALLBACK_FAILED',
      ],
    },
  },
  _OTHER: {
    brief: 'Results when the failure is of TLS but of none of the other kinds.',
    hint: 'Read tls.error.code and tls.verify.message on the span: they hold what OpenSSL or Node said, word for word.',
    category: 'unknown',
    severity: 'WARN',
    phase: 'negotiation',
    evidence: { verifyErrors: ['UNSPECIFIED'] },
  },
} as const satisfies Record<string, FailureReasonRow>;

export type FailureReason = keyof typeof FAILURE_REASONS;

/** Undefined for a reason that we have never heard of: another version of the instrumentation may have sent it. */
export function rowOfReason(reason: string): FailureReasonRow | undefined {
  return Object.hasOwn(FAILURE_REASONS, reason) ? FAILURE_REASONS[reason as FailureReason] : undefined;
}

export interface FailureReasonRow {
  /** One sentence: "Results when ...". */
  readonly brief: string;
  /** What a person can do about it. */
  readonly hint: string;
  readonly category:
    | 'authentication'
    | 'authorization'
    | 'configuration'
    | 'negotiation'
    | 'peer_alert'
    | 'protocol'
    | 'transport'
    | 'unknown';
  readonly severity: 'INFO' | 'WARN' | 'ERROR';
  /** Where it strikes, unless the circumstances say otherwise. */
  readonly phase: Phase;
  /** Empty where the reason is only ever concluded. No two rows may claim the same. */
  readonly evidence: Evidence;
}

export interface Evidence {
  /** OpenSSL's X509_V_ERR_*, without the prefix; the messages are in verify-errors.ts. */
  readonly verifyErrors?: readonly string[];
  /** IANA names of alerts received; the numbers are in tls-alerts.ts. */
  readonly alerts?: readonly string[];
  /**
   * Errors' codes as Node spells them: `ERR_TLS_HANDSHAKE_TIMEOUT`; `ERR_SSL_` and OpenSSL's reason text in capitals. A
   * trailing `*` stands for any ending: a whole code goes first, then the longest beginning.
   */
  readonly codes?: readonly string[];
  /** The part of OpenSSL that complained first, as its messages name it. Asked when the code alone says too little. */
  readonly libraries?: readonly string[];
  /** Tested first, so anchored: elsewhere in a message names may stand that the peer chose. */
  readonly messages?: readonly RegExp[];
}

/**
 * The reason for an error as the hooks saw it, or undefined when it has nothing to do with TLS or the connection under
 * it: an application's own error, or a `connect` that failed.
 *
 * A received alert is recognised by its name, but names change with OpenSSL: ask `alertFromMessage` before. For a
 * verify error ask `reasonForVerifyError`, which also understands `UNSPECIFIED`.
 */
export function reasonForError(error: ErrorWords): FailureReason | undefined {
  // In a flood the same few errors come by the thousand, word for word.
  const words = `${error.syscall}\n${error.code}\n${error.message}`;
  if (KNOWN_ERRORS.has(words)) return KNOWN_ERRORS.get(words);
  const reason = lookedUp(error);
  if (KNOWN_ERRORS.size >= MAX_KNOWN_ERRORS) KNOWN_ERRORS.clear();
  if (words.length <= MAX_KNOWN_LENGTH) KNOWN_ERRORS.set(words, reason);
  return reason;
}

const KNOWN_ERRORS = new Map<string, FailureReason | undefined>();
const MAX_KNOWN_ERRORS = 100;
/** OpenSSL's are a third of it. */
const MAX_KNOWN_LENGTH = 600;

function lookedUp(error: ErrorWords): FailureReason | undefined {
  const code = error.code ?? '';
  // EPROTO is no system call's failure: it is how a write reports OpenSSL's, whose words are in the message.
  if (error.syscall !== undefined && code !== 'EPROTO') return reasonForMessage(`${error.syscall} ${code}`);

  const message = error.message ?? '';
  const openssl = opensslWords(message);
  return (
    reasonForMessage(message) ??
    reasonForCode(code) ??
    reasonForCode(openssl?.code ?? '') ??
    BY_LIBRARY.get(openssl?.library ?? '') ??
    reasonForFamily(code) ??
    reasonForFamily(openssl?.code ?? '') ??
    (openssl || /^(?:ERR_SSL_|ERR_TLS_|EPROTO$)/.test(code) ? '_OTHER' : undefined)
  );
}

/** What an error says of itself. A `syscall` stands only on the errors of libuv. */
export interface ErrorWords {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly syscall?: string | undefined;
}

/** Which row claims which evidence of one kind. Built at load by those who look it up. */
export function reasonsByEvidence(kind: Exclude<keyof Evidence, 'messages'>): ReadonlyMap<string, FailureReason> {
  return new Map(ROWS.flatMap(([reason, row]) => (row.evidence[kind] ?? []).map(claim => [claim, reason] as const)));
}

const ROWS = Object.entries<FailureReasonRow>(FAILURE_REASONS) as [FailureReason, FailureReasonRow][];

const BY_VERIFY_ERROR = reasonsByEvidence('verifyErrors');
const BY_ALERT = reasonsByEvidence('alerts');
const BY_CODE = reasonsByEvidence('codes');
const BY_LIBRARY = reasonsByEvidence('libraries');

/** The codes with a `*`, longest first. */
const FAMILIES = [...BY_CODE]
  .filter(([code]) => code.endsWith('*'))
  .map(([code, reason]) => ({ beginning: code.slice(0, -1), reason }))
  .sort((one, other) => other.beginning.length - one.beginning.length);

function reasonForMessage(message: string): FailureReason | undefined {
  return ROWS.find(([, row]) => row.evidence.messages?.some(pattern => pattern.test(message)))?.[0];
}

function reasonForCode(code: string): FailureReason | undefined {
  const alert = ALERT_CODE.exec(code)?.[1];
  // OpenSSL spells it with two l, the IANA with one.
  if (alert !== undefined) return BY_ALERT.get(alert.toLowerCase().replace('cancelled', 'canceled'));
  return BY_CODE.get(code) ?? BY_VERIFY_ERROR.get(code);
}

/** An alert the peer sent: OpenSSL names the TLS version that introduced it, and says "alert" for most. */
const ALERT_CODE = /^ERR_SSL_(?:SSLV3|TLSV1|TLSV13|SSL\/TLS)_(?:ALERT_)?([A-Z_]{1,64})$/;

function reasonForFamily(code: string): FailureReason | undefined {
  return FAMILIES.find(({ beginning }) => code.startsWith(beginning))?.reason;
}

/** OpenSSL's words in a message, with the code Node makes of them unless it calls the error `EPROTO`. */
function opensslWords(message: string): { library: string; code: string } | undefined {
  const [, library, reason] = OPENSSL_ERROR.exec(message) ?? [];
  if (library === undefined || reason === undefined) return undefined;
  return { library, code: `ERR_SSL_${reason.replaceAll(' ', '_').toUpperCase()}` };
}

/** `80...:error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:...`, after `write EPROTO ` or not. */
const OPENSSL_ERROR =
  /^(?:(?:read|write) EPROTO )?[0-9A-F]{1,32}:error:[0-9A-F]{8}:([^:\n]{0,80}):[^:\n]{0,160}:([^:\n]{1,160})/;
