import { isIP, isIPv4 } from 'node:net';
import { ATTRIBUTE_KINDS } from '../telemetry/attribute-kinds';
import type { DataKind } from '../telemetry/data-kinds';
import type { EvidenceAttributes } from './evidence';

/** What telemetry is meant to say of people: the instrumentation's options, as whoever audits knows them. */
export interface PrivacyPolicy {
  readonly identity?: 'full' | 'hash' | 'off';
  readonly addresses?: 'full' | 'masked' | 'off';
  /** `on`: whole certificates are meant to be there. */
  readonly pem?: 'on' | 'off';
}

export const PRIVACY_WORDS = {
  identity: ['full', 'hash', 'off'],
  addresses: ['full', 'masked', 'off'],
  pem: ['on', 'off'],
} as const satisfies { readonly [option in keyof PrivacyPolicy]: readonly string[] };

/** What instrumentations of HTTP say of who called, beside our own attributes. Names of several conventions. */
const BESIDE_OURS: { readonly [attribute: string]: DataKind } = {
  'client.address': 'address',
  'client.socket.address': 'address',
  'source.address': 'address',
  'net.peer.ip': 'address',
  'net.sock.peer.addr': 'address',
  'http.client_ip': 'address',
  'user.name': 'identity',
  'user.email': 'identity',
  'user.full_name': 'identity',
};

const KINDS: ReadonlyMap<string, DataKind> = new Map([
  ...ATTRIBUTE_KINDS,
  ...Object.entries(BESIDE_OURS),
  // Where the service itself is.
  ['network.local.address', 'neither'],
]);

/** Why an attribute ought not to stand there as it does. */
export type Exposure = 'a name' | 'a whole certificate' | 'an address';

/** What the policy says ought not to be there, of one span or record. Names of attributes, and what each gives away. */
export function exposuresIn(
  attributes: EvidenceAttributes,
  { identity, addresses }: PrivacyPolicy,
): readonly (readonly [attribute: string, Exposure])[] {
  const found: (readonly [string, Exposure])[] = [];
  const namesNobody = identity === 'hash' || identity === 'off';
  for (const attribute in attributes) {
    const kind = KINDS.get(attribute);
    if (kind === undefined || kind === 'neither') continue;
    const values = textsOf(attributes[attribute]);
    if (kind === 'identity' && identity === 'off' && values.length > 0) found.push([attribute, 'a name']);
    if (kind === 'identity' && identity === 'hash' && !values.every(isPseudonym)) found.push([attribute, 'a name']);
    if (kind === 'certificate' && namesNobody && values.length > 0) found.push([attribute, 'a whole certificate']);
    if (kind === 'address' && values.some(value => exposesAddress(value, addresses)))
      found.push([attribute, 'an address']);
  }
  return found;
}

/**
 * Who is named at all, and how: `pseudonyms` where something is, so that the option `identity` is `hash` there; `clear`:
 * attributes that name somebody openly.
 */
export function namingIn(attributes: EvidenceAttributes): {
  readonly pseudonyms: boolean;
  readonly clear: readonly string[];
} {
  let pseudonyms = false;
  const clear: string[] = [];
  for (const attribute in attributes) {
    // Only what the instrumentation alone writes: users are named by whoever likes.
    if (!attribute.startsWith('tls.')) continue;
    const kind = KINDS.get(attribute);
    if (kind !== 'identity' && kind !== 'certificate') continue;
    const values = textsOf(attributes[attribute]);
    if (values.length === 0) continue;
    if (values.every(isPseudonym)) pseudonyms = true;
    else clear.push(attribute);
  }
  return { pseudonyms, clear };
}

/** As `telemetry/disclosure.ts` makes them. */
function isPseudonym(text: string): boolean {
  return /^hmac:[0-9a-f]{32}$/.test(text);
}

function textsOf(value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.filter(text => typeof text === 'string' && text !== '') as string[];
}

function exposesAddress(text: string, addresses: PrivacyPolicy['addresses']): boolean {
  if (addresses === undefined || addresses === 'full' || isIP(text) === 0 || isLoopback(text)) return false;
  return addresses === 'off' || !isMasked(text);
}

/** Nobody is behind it. */
function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127\./.test(address) || address === '::1';
}

/** Of IPv4 the last eight bits are missing, of IPv6 all but 48. */
function isMasked(address: string): boolean {
  if (isIPv4(address)) return address.endsWith('.0');
  return /^(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,2})?::$/i.test(address);
}
