import { base64Der } from './certificate-encodings';
import { decimalNumber, sha256InHex } from './copied-values';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { certificateItem } from './structured-fields';
import { NOT_PRESENTED, UNVERIFIED } from './verdicts';

/**
 * Caddy, `header_up X-SSL-Client-Der {http.request.tls.client.certificate_der_base64}` and so on, as in
 * `examples/proxies/Caddyfile`.
 *
 * Caddy has no word for a verdict: whether the mode is `verify_if_given` or `request`, which verifies nothing, the headers
 * are the same, and it reads no revocation list. So nothing here is ever verified. Its subject and issuer are in an order
 * of Go's own, with all but the last common name lost: they are not read.
 */
// modules/caddyhttp/replacer.go; recorded from Caddy 2.11.9. Last checked 2026-11-22.
export const caddy = {
  id: 'caddy',
  headers: {
    'x-ssl-client-present': 'claim',
    'x-ssl-client-der': 'claim',
    'client-cert': 'claim',
    'x-ssl-client-fingerprint': 'claim',
    'x-ssl-client-serial': 'claim',
    'x-ssl-client-subject': 'unread',
    'x-ssl-client-issuer': 'unread',
    'x-ssl-client-san-dns-0': 'unread',
    'x-ssl-client-san-email-0': 'unread',
    'x-ssl-client-san-uri-0': 'unread',
    'x-ssl-resumed': 'session',
  },
  read: (fields: HeaderFields): Claim | undefined => {
    const present = fields.decoded('x-ssl-client-present', text => YES_OR_NO.get(text));
    if (present === undefined) return fields.suspect('incomplete', 'x-ssl-client-present');
    const leaf = fields.certificateInEither(['x-ssl-client-der', base64Der], ['client-cert', certificateItem]);
    const sha256 = fields.copied('x-ssl-client-fingerprint', sha256InHex);
    const serialNumber = fields.copied('x-ssl-client-serial', decimalNumber);
    if (present && leaf === undefined && sha256 === undefined) return fields.suspect('incomplete', 'x-ssl-client-der');
    return {
      leaf,
      copied: { sha256, serialNumber },
      verification: present ? UNVERIFIED : NOT_PRESENTED,
      resumed: YES_OR_NO.get(fields.text('x-ssl-resumed') ?? ''),
    };
  },
} as const satisfies Format;

const YES_OR_NO: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);
