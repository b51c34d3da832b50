import { base64Der, percentEncodedPem } from './certificate-encodings';
import { sha256InHex } from './copied-values';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { UNVERIFIED } from './verdicts';

/**
 * Cloudflare Access with `client_certificate_forwarding`: the leaf and its fingerprint; `Cf-Client-Cert-Pem` is the leaf
 * once more. No verdict is sent, so it is unverified.
 *
 * Cloudflare's own page says in one place that every request carries it and in another that only the first of a
 * connection does: no header is not "no certificate" here.
 */
// Cloudflare, "Forward a client certificate". Last checked 2026-11-22.
export const cloudflareLegacy = {
  id: 'cloudflare-legacy',
  headers: {
    'cf-client-cert-der-base64': 'claim',
    'cf-client-cert-sha256': 'claim',
    'cf-client-cert-pem': 'claim',
  },
  read: (fields: HeaderFields): Claim => ({
    leaf: fields.certificateInEither(
      ['cf-client-cert-der-base64', base64Der],
      ['cf-client-cert-pem', percentEncodedPem],
    ),
    copied: { sha256: fields.copied('cf-client-cert-sha256', sha256InHex) },
    verification: UNVERIFIED,
  }),
} as const satisfies Format;
