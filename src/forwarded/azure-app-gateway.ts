import { percentEncodedPem } from './certificate-encodings';
import type { Copied } from './copied-values';
import { hexNumber, isoTime, opensslTime, sha1InHex } from './copied-values';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { soleCommonName } from './sole-common-name';
import { verdictInWords } from './verdicts';

/**
 * Azure Application Gateway v2: request headers that a rewrite rule sets from the server variables of mutual
 * authentication. The operator chooses the names; these are `X-Client-Cert` and, after it, what the variable is called:
 * `-Verify` for `client_certificate_verification`, `-Fingerprint`, `-Serial`, `-Subject`, `-Issuer`, `-Start`, `-End`.
 *
 * The rule has to set `X-Client-Cert-Verify`: with an SSL profile in passthrough mode the gateway forwards any certificate.
 * The documentation does not say how it writes names and times: names are only read where they can mean one thing, times
 * where they look like times.
 */
// Application Gateway, "Rewrite HTTP headers and URL", mutual authentication variables. Last checked 2026-11-22.
export const azureAppGateway = {
  id: 'azure-app-gateway',
  headers: {
    'x-client-cert-verify': 'claim',
    'x-client-cert': 'claim',
    'x-client-cert-fingerprint': 'claim',
    'x-client-cert-serial': 'claim',
    'x-client-cert-subject': 'claim',
    'x-client-cert-issuer': 'claim',
    'x-client-cert-start': 'claim',
    'x-client-cert-end': 'claim',
  },
  read: (fields: HeaderFields): Claim | undefined => {
    const verification = fields.decoded('x-client-cert-verify', verdictInWords);
    if (verification === undefined) return fields.suspect('incomplete', 'x-client-cert-verify');
    return {
      leaf: fields.certificate('x-client-cert', percentEncodedPem),
      copied: {
        subject: soleCommonName(fields, 'x-client-cert-subject'),
        issuer: soleCommonName(fields, 'x-client-cert-issuer'),
        serialNumber: fields.copied('x-client-cert-serial', hexNumber),
        sha1: fields.copied('x-client-cert-fingerprint', sha1InHex),
        notBefore: time(fields, 'x-client-cert-start'),
        notAfter: time(fields, 'x-client-cert-end'),
      },
      verification,
    };
  },
} as const satisfies Format;

function time(fields: HeaderFields, header: string): Copied<number> | undefined {
  const text = fields.text(header) ?? '';
  const value = opensslTime(text) ?? isoTime(text);
  return value === undefined ? undefined : { value, header };
}
