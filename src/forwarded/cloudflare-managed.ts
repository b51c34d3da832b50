import type { Verification } from '../handshake/handshake';
import { hexNumber, opensslTime, sha256InHex } from './copied-values';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { certificateItem, certificateList } from './structured-fields';
import { FAILED, NOT_PRESENTED, VERIFIED, verdictInWords } from './verdicts';

/**
 * Cloudflare's managed transform "Add TLS client auth headers", and beside it `Client-Cert` and `Client-Cert-Chain` of
 * RFC 9440, where a rule sets them from `cf.tls_client_auth.cert_rfc9440`. Such a rule has to remove what a client sends.
 *
 * The three verdicts come with every request, also without a certificate. A revoked certificate is called verified, so
 * verified is only what is not revoked. `cf-cert-subject-dn` is not written the same everywhere, the legacy form not
 * escaped: names are read from the form of RFC 2253.
 */
// Cloudflare, "Available Managed Transforms" and the fields cf.tls_client_auth.*. Last checked 2026-11-22.
export const cloudflareManaged = {
  id: 'cloudflare-managed',
  headers: {
    'cf-cert-presented': 'claim',
    'cf-cert-verified': 'claim',
    'cf-cert-revoked': 'claim',
    'cf-cert-fingerprint-sha256': 'claim',
    'cf-cert-serial': 'claim',
    'cf-cert-not-before': 'claim',
    'cf-cert-not-after': 'claim',
    'cf-cert-subject-dn-rfc2253': 'claim',
    'cf-cert-issuer-dn-rfc2253': 'claim',
    'cf-cert-subject-dn': 'unread',
    'cf-cert-issuer-dn': 'unread',
    'cf-cert-subject-dn-legacy': 'unread',
    'cf-cert-issuer-dn-legacy': 'unread',
    'cf-cert-issuer-serial': 'unread',
    'cf-cert-fingerprint-sha1': 'unread',
    'cf-cert-ski': 'unread',
    'cf-cert-issuer-ski': 'unread',
    'client-cert': 'claim',
    'client-cert-chain': 'claim',
  },
  read: (fields: HeaderFields): Claim | undefined => {
    const missing = VERDICTS.find(header => fields.text(header) === undefined);
    if (missing !== undefined) return fields.suspect('incomplete', missing);
    const presented = fields.decoded('cf-cert-presented', flag);
    const verified = fields.decoded('cf-cert-verified', verdict);
    const revoked = fields.decoded('cf-cert-revoked', flag);
    if (presented === undefined || verified === undefined || revoked === undefined) return undefined;

    const leaf = fields.certificate('client-cert', certificateItem);
    const sha256 = fields.copied('cf-cert-fingerprint-sha256', sha256InHex);
    // Then nothing says that it is Cloudflare's and not the client's own.
    if (leaf && sha256 === undefined) return fields.suspect('incomplete', 'cf-cert-fingerprint-sha256');
    return {
      leaf,
      chain: fields.certificates('client-cert-chain', certificateList),
      copied: {
        sha256,
        subject: fields.name('cf-cert-subject-dn-rfc2253'),
        issuer: fields.name('cf-cert-issuer-dn-rfc2253'),
        serialNumber: fields.copied('cf-cert-serial', hexNumber),
        notBefore: fields.copied('cf-cert-not-before', opensslTime),
        notAfter: fields.copied('cf-cert-not-after', opensslTime),
      },
      verification: presented ? (revoked ? withRevocation(verified) : verified) : absence(fields, verified, revoked),
    };
  },
} as const satisfies Format;

const VERDICTS = ['cf-cert-presented', 'cf-cert-verified', 'cf-cert-revoked'];

/** As a field of a rule, and as a property in a Worker. */
function flag(text: string): boolean | undefined {
  return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : undefined;
}

/** In a Worker `SUCCESS`, `NONE` or `FAILED:<reason>`; in a rule only whether it verified. */
function verdict(text: string): Verification | undefined {
  const verified = flag(text);
  return verified === undefined ? verdictInWords(text) : verified ? VERIFIED : FAILED;
}

function withRevocation({ errors }: Verification): Verification {
  return Object.freeze({
    result: 'failed',
    errors: Object.freeze(['certificate_revoked', ...errors.filter(error => !FAILED.errors.includes(error))] as const),
    code: 'CERT_REVOKED',
  });
}

/** Nothing was presented: then nothing can be verified or revoked. */
function absence(fields: HeaderFields, verified: Verification, revoked: boolean): Verification {
  if (verified.result === 'ok' || revoked) fields.suspect('contradicts_itself', 'cf-cert-presented');
  return NOT_PRESENTED;
}
