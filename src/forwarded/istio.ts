import { isSpiffeId } from '../certificate/subject-alternative-names';
import { claimOf, elementOf, XFCC } from './envoy-xfcc';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { UNVERIFIED } from './verdicts';

/**
 * Istio's sidecar or gateway: Envoy's header with neither certificate nor subject, where the SPIFFE id in `URI` is all the
 * identity there is. It is read when it is the only name, and nothing stands behind it: then it can only be what the
 * certificate has. One element, as with Envoy: behind a gateway that appends, which is whose cannot be told.
 */
// Istio's gateway topology, "forwardClientCertDetails"; not recorded. Last checked 2026-11-22.
export const istio = {
  id: 'istio',
  headers: { 'x-forwarded-client-cert': 'claim' },
  read: (fields: HeaderFields): Claim | undefined => {
    const element = elementOf(fields);
    if (element === undefined) return undefined;
    const claim = claimOf(fields, element);
    const { onlyUri } = element;
    const spiffeId = onlyUri !== undefined && isSpiffeId(onlyUri) ? { value: onlyUri, header: XFCC } : undefined;
    return { ...claim, copied: { ...claim.copied, spiffeId }, verification: UNVERIFIED };
  },
} as const satisfies Format;
