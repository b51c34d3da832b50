import type { Verification } from '../handshake/handshake';
import { awsValidity } from './aws-validity';
import { percentEncodedPem } from './certificate-encodings';
import { hexNumber } from './copied-values';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { VERIFIED } from './verdicts';

/**
 * AWS Application Load Balancer, mutual TLS in verify mode, with the names it has unless the listener renames them.
 *
 * It sends no verdict and needs none: a client that does not verify does not get through, and its failure stands in the
 * balancer's connection log only. "Ignore client certificate expiry" is a setting of the listener, and then expired
 * certificates are verified ones too; revoked ones are unless the trust store has a revocation list.
 */
// Elastic Load Balancing, "Mutual authentication with TLS in Application Load Balancer". Last checked 2026-11-22.
export const awsAlbVerify = {
  id: 'aws-alb-verify',
  headers: {
    'x-amzn-mtls-clientcert-leaf': 'claim',
    'x-amzn-mtls-clientcert-serial-number': 'claim',
    'x-amzn-mtls-clientcert-validity': 'claim',
    'x-amzn-mtls-clientcert-subject': 'claim',
    'x-amzn-mtls-clientcert-issuer': 'claim',
  },
  read: (fields: HeaderFields): Claim | undefined => {
    const missing = ALWAYS_SENT.find(header => fields.text(header) === undefined);
    if (missing !== undefined) return fields.suspect('incomplete', missing);
    return {
      leaf: fields.certificate('x-amzn-mtls-clientcert-leaf', percentEncodedPem),
      copied: {
        subject: fields.name('x-amzn-mtls-clientcert-subject'),
        issuer: fields.name('x-amzn-mtls-clientcert-issuer'),
        serialNumber: fields.copied('x-amzn-mtls-clientcert-serial-number', hexNumber),
        ...awsValidity(fields, 'x-amzn-mtls-clientcert-validity'),
      },
      verification: REQUIRED,
    };
  },
} as const satisfies Format;

/** Every certificate has them; its names may be empty. */
const ALWAYS_SENT = [
  'x-amzn-mtls-clientcert-leaf',
  'x-amzn-mtls-clientcert-serial-number',
  'x-amzn-mtls-clientcert-validity',
];

const REQUIRED: Verification = Object.freeze({ ...VERIFIED, enforced: true });
