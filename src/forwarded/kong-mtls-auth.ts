import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { soleCommonName } from './sole-common-name';
import { UNVERIFIED } from './verdicts';

/**
 * Kong's plugin mtls-auth with `skip_consumer_lookup: true`. Without it the plugin names a consumer of Kong's own and
 * nothing of the certificate, and what a client sends under these names passes.
 *
 * Kong has verified the certificate by then, but nothing in the request tells the plugin's header from a client's: so it is
 * unverified. The certificate itself is not forwarded. How names are written is not documented: a subject is read where it
 * can mean one thing. The subject alternative names are not told apart by kind and never read.
 */
// Kong, plugin hub, mtls-auth. Last checked 2026-11-22.
export const kongMtlsAuth = {
  id: 'kong-mtls-auth',
  headers: {
    'x-client-cert-dn': 'claim',
    'x-client-cert-san': 'unread',
  },
  read: (fields: HeaderFields): Claim | undefined => {
    const subject = soleCommonName(fields, 'x-client-cert-dn');
    return subject && { copied: { subject }, verification: UNVERIFIED };
  },
} as const satisfies Format;
