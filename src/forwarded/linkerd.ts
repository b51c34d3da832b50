import { isSpiffeId } from '../certificate/subject-alternative-names';
import type { Copied } from './copied-values';
import type { Claim, CopiedFields, Format } from './format';
import type { HeaderFields } from './header-fields';
import { VERIFIED } from './verdicts';

/**
 * Linkerd's sidecar: the workload's identity by name, `web.shop.serviceaccount.identity.linkerd.cluster.local` or a SPIFFE
 * id, and nothing else of its certificate.
 *
 * The sidecar verifies every client of the mesh before it names one, and removes the header where there is none, so a
 * client outside the mesh sends nothing. Only believe it from the sidecar itself: `loopback`.
 */
// linkerd2-proxy, linkerd/app/inbound/src/http/set_identity_header.rs. Last checked 2026-11-22.
export const linkerd = {
  id: 'linkerd',
  headers: { 'l5d-client-id': 'claim' },
  read: (fields: HeaderFields): Claim => ({ copied: workload(fields), verification: VERIFIED }),
} as const satisfies Format;

function workload(fields: HeaderFields): CopiedFields {
  const identity: Copied<string> | undefined = fields.copied('l5d-client-id', text =>
    isSpiffeId(text) || isHostName(text) ? text : undefined,
  );
  if (identity === undefined) return {};
  const { value, header } = identity;
  if (isSpiffeId(value)) return { spiffeId: identity };
  return { alternativeNames: [{ value: { type: 'DNS', value }, header }] };
}

/** RFC 1123 section 2.1, and the underscore that DNS has. No wildcard: an identity is one workload's. */
function isHostName(text: string): boolean {
  return text.length <= 253 && text.split('.').every(label => LABEL.test(label));
}

const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
