import { base64DerList } from './certificate-encodings';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { UNVERIFIED } from './verdicts';

/**
 * Traefik's middleware passTLSClientCert with `pem: true`: what the client presented, leaf first, PEM without its first
 * and last line and without line breaks, separated by commas.
 *
 * Which certificates may come so far is decided by `clientAuthType`, and with RequestClientCert or RequireAnyClientCert
 * everybody's may: so they are unverified. Without a certificate the middleware leaves alone what a client sent; the
 * entry point removes both headers, unless it is `forwardedHeaders.insecure` or the client is one of its `trustedIPs`.
 *
 * `X-Forwarded-Tls-Client-Cert-Info` is never read. It puts the certificate's own text between quotes and escapes none, so
 * whoever is called `alice";SerialNumber="1` writes fields of it.
 */
// traefik v3, pkg/middlewares/passtlsclientcert and pkg/middlewares/forwardedheaders. Last checked 2026-11-22.
export const traefik = {
  id: 'traefik',
  headers: {
    'x-forwarded-tls-client-cert': 'claim',
    'x-forwarded-tls-client-cert-info': 'unread',
  },
  read: (fields: HeaderFields): Claim | undefined => {
    const [leaf, ...chain] = fields.certificates('x-forwarded-tls-client-cert', base64DerList);
    return leaf && { leaf, chain, verification: UNVERIFIED };
  },
} as const satisfies Format;
