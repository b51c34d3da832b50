import { percentEncodedPem } from './certificate-encodings';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { verdictInWords } from './verdicts';

/**
 * Kubernetes' ingress-nginx with `auth-tls-secret`. The certificate comes only with
 * `auth-tls-pass-certificate-to-upstream: "true"`; without, the copied names are all there is.
 */
// The controller's nginx template. Last checked 2026-11-22.
export const ingressNginx = {
  id: 'ingress-nginx',
  headers: {
    'ssl-client-verify': 'claim',
    'ssl-client-subject-dn': 'claim',
    'ssl-client-issuer-dn': 'claim',
    'ssl-client-cert': 'claim',
  },
  read: (fields: HeaderFields): Claim | undefined => {
    const verification = fields.decoded('ssl-client-verify', verdictInWords);
    if (verification === undefined) return fields.suspect('incomplete', 'ssl-client-verify');
    return {
      leaf: fields.certificate('ssl-client-cert', percentEncodedPem),
      copied: { subject: fields.name('ssl-client-subject-dn'), issuer: fields.name('ssl-client-issuer-dn') },
      verification,
    };
  },
} as const satisfies Format;
