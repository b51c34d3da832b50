import type { Attributes, AttributeValue } from '@opentelemetry/api';
import type { CertificateIdentity } from '../certificate/peer-certificate';
import type { Handshake, Side } from '../handshake/handshake';
import type { TlsPeer } from '../identity/tls-peer';
import { ATTRIBUTES, alternativeNames, type AttributeRow, CONNECTION_ID, dateText } from './attributes';

/** What is said of a request by the connection it came or went on. */
export interface RequestFacts {
  readonly peer: TlsPeer;
  /** Of our own handshake: behind a proxy, with the proxy. Undefined over plain HTTP. */
  readonly handshake: Handshake | undefined;
}

/** Which requests carry a value: all that are decorated, or only with `requestAttributes: 'all'`. */
export type RequestSet = 'default' | 'all';

export interface RequestAttributeRow extends Omit<AttributeRow, 'read' | 'occasion'> {
  readonly set: RequestSet;
  /** Undefined: not known; then the attribute is absent. */
  readonly read: (facts: RequestFacts) => AttributeValue | undefined;
}

type Described = Omit<AttributeRow, 'read' | 'occasion'>;

const ours = { stability: 'development', ours: true } as const;

/** Attributes of the connection and of the verification. One row an attribute; the README's table is made of them. */
const CONNECTION_ROWS = {
  [CONNECTION_ID]: {
    ...ours,
    set: 'default',
    data: 'neither',
    brief: "The handshake span's id: one search finds a connection and its requests.",
    example: 'b7ad6b7169203331',
    read: ({ peer }) => peer.connectionId,
  },
  'tls.verify.result': {
    ...asOfHandshakes('tls.verify.result'),
    set: 'default',
    read: ({ peer }) => peer.verification.result,
  },
  'tls.verify.errors': {
    ...asOfHandshakes('tls.verify.errors'),
    set: 'all',
    read: ({ peer }) => (peer.verification.errors.length > 0 ? [...peer.verification.errors] : undefined),
  },
  'tls.verify.code': { ...asOfHandshakes('tls.verify.code'), set: 'all', read: ({ peer }) => peer.verification.code },
  'tls.resumed': { ...asOfHandshakes('tls.resumed'), set: 'all', read: ({ peer }) => peer.resumed },
  // These are of our own handshake, and would be taken for the client's where a proxy has ended its.
  'tls.protocol.name': {
    ...asOfHandshakes('tls.protocol.name'),
    set: 'all',
    read: ({ peer, handshake }) => (peer.source === 'handshake' ? handshake?.protocol?.name : undefined),
  },
  'tls.protocol.version': {
    ...asOfHandshakes('tls.protocol.version'),
    set: 'all',
    read: ({ peer, handshake }) => (peer.source === 'handshake' ? handshake?.protocol?.version : undefined),
  },
  'tls.cipher': {
    ...asOfHandshakes('tls.cipher'),
    set: 'all',
    read: ({ peer, handshake }) => (peer.source === 'handshake' ? handshake?.cipher : undefined),
  },
  'tls.proxy.preset': {
    ...ours,
    set: 'default',
    data: 'neither',
    brief: 'The format in which a trusted proxy forwarded the certificate. Absent when it came by our own handshake.',
    example: 'envoy-xfcc',
    read: ({ peer }) => peer.proxy?.preset,
  },
  'tls.proxy.subject': {
    ...ours,
    set: 'all',
    data: 'identity',
    brief: "Subject of the proxy's own certificate, RFC 4514.",
    example: 'CN=ingress,O=Acme',
    read: ({ peer }) => peer.proxy?.peer?.certificate?.subject,
  },
} as const satisfies Record<string, RequestAttributeRow>;

interface CertificateRow extends Described {
  readonly set: RequestSet;
  readonly read: (
    certificate: CertificateIdentity,
    facts: RequestFacts,
    wanted: RequestSet,
  ) => AttributeValue | undefined;
}

/** The peer's certificate: `tls.client.` + these on a server's request, `tls.server.` + these on a client's. */
const CERTIFICATE_ROWS = {
  subject: { ...asOfHandshakes('tls.client.subject'), set: 'default', read: c => c.subject },
  'hash.sha256': { ...asOfHandshakes('tls.client.hash.sha256'), set: 'default', read: c => c.fingerprint },
  'x509.alternative_names': {
    ...asOfHandshakes('tls.client.x509.alternative_names'),
    set: 'default',
    brief: "Its first URI or DNS name; with `requestAttributes: 'all'` every name, at most 20.",
    read: (c, _facts, wanted) => (wanted === 'all' ? alternativeNames(c) : firstName(c)),
  },
  'certificate.source': {
    ...ours,
    set: 'default',
    data: 'neither',
    brief: 'How the certificate is known: by our own `handshake`, or by the `header` of a trusted proxy.',
    example: 'handshake',
    read: (_c, { peer }) => peer.source,
  },
  issuer: { ...asOfHandshakes('tls.client.issuer'), set: 'all', read: c => c.issuer },
  not_before: { ...asOfHandshakes('tls.client.not_before'), set: 'all', read: c => dateText(c.notBefore) },
  not_after: { ...asOfHandshakes('tls.client.not_after'), set: 'all', read: c => dateText(c.notAfter) },
  'x509.serial_number': {
    ...asOfHandshakes('tls.client.x509.serial_number'),
    set: 'all',
    read: c => c.serialNumber,
  },
  spiffe_id: { ...asOfHandshakes('tls.client.spiffe_id'), set: 'all', read: c => c.spiffeId },
} as const satisfies Record<string, CertificateRow>;

export type RequestAttributeName =
  | keyof typeof CONNECTION_ROWS
  | `tls.${Side}.${keyof typeof CERTIFICATE_ROWS}`
  | typeof USER_ID;

/** What the option `userId` answers. */
export const USER_ID = 'enduser.id';

/** Every attribute of requests, by name. */
export const REQUEST_ATTRIBUTES: Readonly<
  Record<RequestAttributeName, Omit<RequestAttributeRow, 'read' | 'set'> & { readonly set: RequestSet | 'userId' }>
> = {
  ...CONNECTION_ROWS,
  ...prefixed('client'),
  ...prefixed('server'),
  [USER_ID]: {
    stability: 'development',
    ours: false,
    set: 'userId',
    data: 'identity',
    brief: "The application's own name for the user: what the option `userId` answers.",
    example: 'alice',
  },
};

const EVERY_CONNECTION_ROW = Object.entries<RequestAttributeRow>(CONNECTION_ROWS);
const EVERY_CERTIFICATE_ROW = Object.entries<CertificateRow>(CERTIFICATE_ROWS);

/** What is said of a request. `peer` is whose certificate it is: `client` on a server's request. */
export function requestAttributes(facts: RequestFacts, peer: Side, wanted: RequestSet): Attributes {
  const attributes: Attributes = {};
  for (const [name, row] of EVERY_CONNECTION_ROW) {
    if (row.set === 'all' && wanted !== 'all') continue;
    const value = row.read(facts);
    if (value !== undefined) attributes[name] = value;
  }
  const { certificate } = facts.peer;
  if (certificate === undefined) return attributes;
  for (const [name, row] of EVERY_CERTIFICATE_ROW) {
    if (row.set === 'all' && wanted !== 'all') continue;
    const value = row.read(certificate, facts, wanted);
    if (value !== undefined) attributes[`tls.${peer}.${name}`] = value;
  }
  return attributes;
}

/** The same name means the same on a handshake and on a request. */
function asOfHandshakes(name: keyof typeof ATTRIBUTES): Described {
  const { brief, stability, ours, data, example } = ATTRIBUTES[name];
  return { brief, stability, ours, data, example };
}

function firstName(certificate: CertificateIdentity): string[] | undefined {
  const name = certificate.alternativeNames.find(({ type }) => type === 'URI' || type === 'DNS');
  return name && [`${name.type}:${name.value}`];
}

function prefixed<Peer extends Side>(peer: Peer) {
  const rows = Object.entries(CERTIFICATE_ROWS).map(([name, row]) => [`tls.${peer}.${name}`, row]);
  return Object.fromEntries(rows) as Record<`tls.${Peer}.${keyof typeof CERTIFICATE_ROWS}`, CertificateRow>;
}
