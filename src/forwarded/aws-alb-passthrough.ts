import { percentEncodedPem } from './certificate-encodings';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { UNVERIFIED } from './verdicts';

/**
 * AWS Application Load Balancer, mutual TLS in passthrough mode: the chain as the client sent it, leaf first, which nobody
 * has looked at. That the client has the leaf's key is all the balancer knows.
 */
// Elastic Load Balancing, "Mutual authentication with TLS in Application Load Balancer". Last checked 2026-11-22.
export const awsAlbPassthrough = {
  id: 'aws-alb-passthrough',
  headers: { 'x-amzn-mtls-clientcert': 'claim' },
  read: (fields: HeaderFields): Claim => {
    const [leaf, ...chain] = fields.certificates('x-amzn-mtls-clientcert', percentEncodedPem);
    return { leaf, chain, verification: UNVERIFIED };
  },
} as const satisfies Format;
