import { percentEncodedPem } from './certificate-encodings';
import { hexNumber, opensslTime, sha1InHex } from './copied-values';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { verdictInWords } from './verdicts';

/**
 * nginx, `proxy_set_header X-SSL-Client-Verify $ssl_client_verify` and so on, as in `examples/proxies/nginx.conf`.
 *
 * nginx removes a header whose variable is empty: no subject header is an empty subject, no certificate header none.
 * Without `ssl_crl` a revoked certificate is SUCCESS; with it an unknown authority is "unable to get certificate CRL".
 */
// ngx_http_ssl_module; recorded from nginx 1.22.1. Last checked 2026-11-22.
export const nginx = {
  id: 'nginx',
  headers: {
    'x-ssl-client-verify': 'claim',
    'x-ssl-client-cert': 'claim',
    'x-ssl-client-s-dn': 'claim',
    'x-ssl-client-i-dn': 'claim',
    'x-ssl-client-serial': 'claim',
    'x-ssl-client-fingerprint': 'claim',
    'x-ssl-client-v-start': 'claim',
    'x-ssl-client-v-end': 'claim',
    'x-ssl-client-v-remain': 'unread',
    'x-ssl-session-reused': 'session',
  },
  read: (fields: HeaderFields): Claim | undefined => {
    const verification = fields.decoded('x-ssl-client-verify', verdictInWords);
    if (verification === undefined) return fields.suspect('incomplete', 'x-ssl-client-verify');
    return {
      leaf: fields.certificate('x-ssl-client-cert', percentEncodedPem),
      copied: {
        subject: fields.name('x-ssl-client-s-dn'),
        issuer: fields.name('x-ssl-client-i-dn'),
        serialNumber: fields.copied('x-ssl-client-serial', hexNumber),
        sha1: fields.copied('x-ssl-client-fingerprint', sha1InHex),
        notBefore: fields.copied('x-ssl-client-v-start', opensslTime),
        notAfter: fields.copied('x-ssl-client-v-end', opensslTime),
      },
      verification,
      resumed: RESUMED.get(fields.text('x-ssl-session-reused') ?? ''),
    };
  },
} as const satisfies Format;

const RESUMED: ReadonlyMap<string, boolean> = new Map([
  ['r', true],
  ['.', false],
]);
