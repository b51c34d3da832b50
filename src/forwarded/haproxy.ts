import type { Verification } from '../handshake/handshake';
import { base64Der, base64DerRun } from './certificate-encodings';
import { hexNumber, sha1InHex, sha256InHex, utcTime } from './copied-values';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { certificateItem } from './structured-fields';
import { NOT_PRESENTED, VERIFIED, verdictByNumber } from './verdicts';

/**
 * HAProxy, `http-request set-header X-SSL-Client-Verify %[ssl_c_verify]` and so on, as in `examples/proxies/haproxy.cfg`.
 * The certificate is in `Client-Cert` or `X-SSL-Client-Der`.
 *
 * `ssl_c_verify` is 0 where nothing is wrong and where there is no certificate: it counts only together with one.
 * A certificate that does not fit `tune.bufsize` silently becomes an empty value; then its copied fields are all there is.
 * The chain is gone on a resumed session.
 */
// HAProxy's configuration manual, 7.3.4; recorded from HAProxy 2.6.12. Last checked 2026-11-22.
export const haproxy = {
  id: 'haproxy',
  headers: {
    'x-ssl-client-used': 'claim',
    'x-ssl-client-verify': 'claim',
    'x-ssl-client-ca-err': 'claim',
    'x-ssl-client-ca-err-depth': 'unread',
    'x-ssl-client-dn': 'claim',
    'x-ssl-client-cn': 'unread',
    'x-ssl-issuer': 'claim',
    'x-ssl-client-serial': 'claim',
    'x-ssl-client-notbefore': 'claim',
    'x-ssl-client-notafter': 'claim',
    'x-ssl-client-sha1': 'claim',
    'x-ssl-client-sha256': 'claim',
    'x-ssl-client-san': 'unread',
    'x-ssl-client-der': 'claim',
    'x-ssl-client-chain-der': 'claim',
    'client-cert': 'claim',
    'x-ssl-resumed': 'session',
  },
  read: (fields: HeaderFields): Claim | undefined => {
    const leaf = fields.certificateInEither(['client-cert', certificateItem], ['x-ssl-client-der', base64Der]);
    const copied = {
      subject: fields.name('x-ssl-client-dn'),
      issuer: fields.name('x-ssl-issuer'),
      serialNumber: fields.copied('x-ssl-client-serial', hexNumber),
      sha256: fields.copied('x-ssl-client-sha256', sha256InHex),
      sha1: fields.copied('x-ssl-client-sha1', sha1InHex),
      notBefore: fields.copied('x-ssl-client-notbefore', utcTime),
      notAfter: fields.copied('x-ssl-client-notafter', utcTime),
    };
    const chain = fields.certificates('x-ssl-client-chain-der', base64DerRun);
    const resumed = SAID_YES.get(fields.text('x-ssl-resumed') ?? '');

    const used = fields.decoded('x-ssl-client-used', text => SAID_YES.get(text));
    const verdict = fields.decoded('x-ssl-client-verify', verdictByNumber);
    const named = leaf !== undefined || Object.values(copied).some(field => field !== undefined);
    if (used === false || (used === undefined && verdict === VERIFIED && !named)) {
      // With a certificate beside it this is a contradiction, which the reader sees.
      return { leaf, copied, verification: NOT_PRESENTED, resumed };
    }
    if (verdict === undefined) return fields.suspect('incomplete', 'x-ssl-client-verify');
    const evident = leaf ?? copied.sha256 ?? copied.sha1;
    if (used === undefined && evident === undefined) return fields.suspect('incomplete', 'x-ssl-client-used');
    return { leaf, chain, copied, verification: withIssuersError(fields, verdict), resumed };
  },
} as const satisfies Format;

/**
 * With a revocation list loaded, an unknown authority is error 3, "no list", and what is wrong with the authority itself is
 * in `ssl_c_ca_err`. The graver one goes first.
 */
function withIssuersError(fields: HeaderFields, verdict: Verification): Verification {
  const issuers = fields.decoded('x-ssl-client-ca-err', verdictByNumber);
  if (issuers === undefined || issuers === VERIFIED || issuers.code === verdict.code) return verdict;
  // Refused, although HAProxy was told to ignore what is wrong with the authority (ca-ignore-err).
  const errors = [...new Set([...issuers.errors, ...verdict.errors])];
  return Object.freeze({ ...issuers, errors: Object.freeze(errors) });
}

const SAID_YES: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['0', false],
]);
