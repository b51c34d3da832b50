import type { Verification } from '../handshake/handshake';
import { pem } from './certificate-encodings';
import { hexNumber, opensslTime } from './copied-values';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { certificateItem, certificateList } from './structured-fields';
import { failedBecause, UNVERIFIED, VERIFIED, verdictInWords } from './verdicts';

/**
 * Apache httpd, `RequestHeader set X-SSL-Client-Verify "%{SSL_CLIENT_VERIFY}s"` and so on, as in
 * `examples/proxies/apache.conf`.
 *
 * With `SSLVerifyClient optional_no_ca` a certificate of an unknown authority is GENEROUS at first and SUCCESS on every
 * resumed session, so SUCCESS is believed of a first one only (`X-SSL-Session-Resumed: Initial`). A variable that is not
 * set is sent as `(null)`. A client can have single headers dropped by naming them in `Connection`.
 */
// mod_ssl, mod_headers; recorded from Apache 2.4.71. Last checked 2026-11-22.
export const apache = {
  id: 'apache',
  headers: {
    'x-ssl-client-verify': 'claim',
    'x-ssl-client-cert': 'claim',
    'x-ssl-client-chain-0': 'claim',
    'x-ssl-client-chain-1': 'claim',
    'x-ssl-client-s-dn': 'claim',
    'x-ssl-client-s-dn-cn': 'unread',
    'x-ssl-client-i-dn': 'claim',
    'x-ssl-client-serial': 'claim',
    'x-ssl-client-v-start': 'claim',
    'x-ssl-client-v-end': 'claim',
    'x-ssl-client-v-remain': 'unread',
    'x-ssl-client-san-dns-0': 'unread',
    'x-ssl-client-san-dns-1': 'unread',
    'x-ssl-client-san-email-0': 'unread',
    'client-cert': 'claim',
    'client-cert-chain': 'claim',
    'x-ssl-session-resumed': 'session',
  },
  read: (fields: HeaderFields): Claim | undefined => {
    const said = fields.decoded('x-ssl-client-verify', verdict);
    if (said === undefined) return fields.suspect('incomplete', 'x-ssl-client-verify');
    const resumed = RESUMED.get(fields.text('x-ssl-session-resumed') ?? '');
    const chain = [
      ...fields.certificates('x-ssl-client-chain-0', pem),
      ...fields.certificates('x-ssl-client-chain-1', pem),
    ];
    return {
      leaf: fields.certificateInEither(['x-ssl-client-cert', pem], ['client-cert', certificateItem]),
      chain: chain.length > 0 ? chain : fields.certificates('client-cert-chain', certificateList),
      copied: {
        subject: fields.name('x-ssl-client-s-dn'),
        issuer: fields.name('x-ssl-client-i-dn'),
        serialNumber: fields.copied('x-ssl-client-serial', hexNumber),
        notBefore: fields.copied('x-ssl-client-v-start', opensslTime),
        notAfter: fields.copied('x-ssl-client-v-end', opensslTime),
      },
      verification: said === VERIFIED && resumed !== false ? UNVERIFIED : said,
      resumed,
    };
  },
} as const satisfies Format;

/** GENEROUS: of an authority that is not known, and let through all the same. */
function verdict(text: string): Verification | undefined {
  return text === 'GENEROUS' ? failedBecause(['unknown_ca'], text) : verdictInWords(text);
}

const RESUMED: ReadonlyMap<string, boolean> = new Map([
  ['Initial', false],
  ['Resumed', true],
]);
