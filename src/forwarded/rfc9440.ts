import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { certificateItem, certificateList } from './structured-fields';
import { UNVERIFIED } from './verdicts';

/**
 * RFC 9440, `Client-Cert` and `Client-Cert-Chain`. It has no word for what came of verifying the certificate: a proxy that
 * obeys it forwards only what it accepted, but which does not say what it accepts. So nothing here is ever verified; a
 * proxy's own preset, where it has one, says more.
 *
 * What HAProxy, Apache, Caddy and Envoy send beside it, configured as in `examples/proxies/`, is not looked at.
 */
// RFC 9440 sections 2.2 and 2.3. Last checked 2026-11-22.
export const rfc9440 = {
  id: 'rfc9440',
  headers: {
    'client-cert': 'claim',
    'client-cert-chain': 'claim',
    'x-forwarded-client-cert': 'unread',
    'x-ssl-client-used': 'unread',
    'x-ssl-client-present': 'unread',
    'x-ssl-client-verify': 'unread',
    'x-ssl-client-ca-err': 'unread',
    'x-ssl-client-ca-err-depth': 'unread',
    'x-ssl-client-cert': 'unread',
    'x-ssl-client-der': 'unread',
    'x-ssl-client-chain-der': 'unread',
    'x-ssl-client-chain-0': 'unread',
    'x-ssl-client-chain-1': 'unread',
    'x-ssl-client-dn': 'unread',
    'x-ssl-issuer': 'unread',
    'x-ssl-client-s-dn': 'unread',
    'x-ssl-client-s-dn-cn': 'unread',
    'x-ssl-client-i-dn': 'unread',
    'x-ssl-client-subject': 'unread',
    'x-ssl-client-issuer': 'unread',
    'x-ssl-client-serial': 'unread',
    'x-ssl-client-sha1': 'unread',
    'x-ssl-client-sha256': 'unread',
    'x-ssl-client-fingerprint': 'unread',
    'x-ssl-client-chain-sha256': 'unread',
    'x-ssl-client-notbefore': 'unread',
    'x-ssl-client-notafter': 'unread',
    'x-ssl-client-v-start': 'unread',
    'x-ssl-client-v-end': 'unread',
    'x-ssl-client-san-dns-0': 'unread',
    'x-ssl-client-san-dns-1': 'unread',
    'x-ssl-client-san-email-0': 'unread',
    'x-ssl-client-san-uri-0': 'unread',
    'x-ssl-client-uri-san': 'unread',
    'x-ssl-client-dns-san': 'unread',
    'x-ssl-client-email-san': 'unread',
  },
  read: (fields: HeaderFields): Claim | undefined => {
    const leaf = fields.certificate('client-cert', certificateItem);
    const chain = fields.certificates('client-cert-chain', certificateList);
    if (leaf === undefined) {
      return chain.length > 0 ? fields.suspect('incomplete', 'client-cert') : undefined;
    }
    return { leaf, chain, verification: UNVERIFIED };
  },
} as const satisfies Format;
