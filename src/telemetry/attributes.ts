import type { Attributes, AttributeValue } from '@opentelemetry/api';
import type { CertificateIdentity, PeerCertificate } from '../certificate/peer-certificate';
import type { DecidedBy, Handshake, HandshakeFailure, Side } from '../handshake/handshake';
import type { DataKind } from './data-kinds';

/** Names of a subject alternative name reported. More are in the certificate, for who asks for it as PEM. */
const MAX_ALTERNATIVE_NAMES = 20;
/** Certificates of a chain reported one by one. */
const MAX_CHAIN_LENGTH = 10;

export type Stability = 'stable' | 'development';

/** When a value is said, where it is known: `details` and `pem` are options. */
export type Occasion = 'always' | 'details' | 'pem';

export interface AttributeRow {
  readonly brief: string;
  /** `stable` and `development` are the semantic conventions' words; names of our own are always `development`. */
  readonly stability: Stability;
  /** True when the name is ours and not in the semantic conventions. */
  readonly ours: boolean;
  readonly data: DataKind;
  readonly occasion: Occasion;
  readonly example: AttributeValue;
  /** Undefined: not known of this handshake; then the attribute is absent. */
  readonly read: (handshake: Handshake) => AttributeValue | undefined;
}

const conventional = { stability: 'development', ours: false, occasion: 'always' } as const;
const stable = { stability: 'stable', ours: false, occasion: 'always' } as const;
const ours = { stability: 'development', ours: true, occasion: 'always' } as const;

/** The handshake's own attributes. One row an attribute; the README's table is made of them. */
const HANDSHAKE_ATTRIBUTES = {
  'tls.protocol.name': {
    ...conventional,
    data: 'neither',
    brief: 'Protocol family negotiated.',
    example: 'tls',
    read: h => h.protocol?.name,
  },
  'tls.protocol.version': {
    ...conventional,
    data: 'neither',
    brief: 'Protocol version negotiated.',
    example: '1.3',
    read: h => h.protocol?.version,
  },
  'tls.cipher': {
    ...conventional,
    data: 'neither',
    brief: 'Cipher suite negotiated, by its IANA name.',
    example: 'TLS_AES_256_GCM_SHA384',
    read: h => h.cipher,
  },
  'tls.curve': {
    ...conventional,
    data: 'neither',
    brief: 'Key exchange group. Known on a client only.',
    example: 'X25519',
    read: h => h.curve,
  },
  'tls.next_protocol': {
    ...conventional,
    data: 'neither',
    brief: 'Application protocol chosen by ALPN.',
    example: 'h2',
    read: h => h.alpn,
  },
  'tls.established': {
    ...conventional,
    data: 'neither',
    brief: 'The tunnel stood. Says nothing of trust: see `tls.verify.result`.',
    example: true,
    read: h => h.outcome.kind === 'established',
  },
  'tls.resumed': {
    ...conventional,
    data: 'neither',
    brief: 'An earlier session was resumed. TLS sends no certificate then: the one here is of its first handshake.',
    example: false,
    read: h => h.resumed,
  },
  'server.address': {
    ...stable,
    data: 'host',
    brief: 'The name asked for: SNI, or on a client the host or address it connected to.',
    example: 'api.example.com',
    read: h => h.serverName ?? (h.side === 'client' ? h.peer.address : undefined),
  },
  'network.peer.address': {
    ...stable,
    data: 'address',
    brief: "The peer's address.",
    example: '192.0.2.7',
    read: h => h.peer.address,
  },
  'network.peer.port': {
    ...stable,
    data: 'address',
    brief: "The peer's port.",
    example: 51034,
    read: h => h.peer.port,
  },
  'network.local.address': {
    ...stable,
    data: 'address',
    brief: 'Our address on this connection.',
    example: '192.0.2.1',
    read: h => h.local.address,
  },
  'network.local.port': {
    ...stable,
    data: 'neither',
    brief: 'Our port on this connection.',
    example: 8443,
    read: h => h.local.port,
  },
  'network.transport': {
    ...stable,
    data: 'neither',
    brief: '`tcp`; `unix` or, on Windows, `pipe`. Absent over a stream of the application.',
    example: 'tcp',
    read: h => transportName(h),
  },
  'tls.handshake.outcome': {
    ...ours,
    data: 'neither',
    brief: '`established`, `failed` or `abandoned` (ended before anybody said why, or by our own application).',
    example: 'failed',
    read: h => h.outcome.kind,
  },
  'tls.handshake.phase': {
    ...ours,
    data: 'neither',
    brief: 'How far it came: `client_hello`, `negotiation`, `certificate`, `finished`, `post_handshake`.',
    example: 'certificate',
    read: h => (h.outcome.kind === 'abandoned' ? h.outcome.phase : failureOf(h)?.phase),
  },
  'tls.verify.result': {
    ...ours,
    data: 'neither',
    brief: '`ok`, `failed`, `not_presented`, `not_requested`, or `unverified` (nobody looked).',
    example: 'failed',
    read: h => h.verification.result,
  },
  'tls.verify.enforced': {
    ...ours,
    data: 'neither',
    brief: 'A certificate that does not verify ends the connection. Absent where none was asked for.',
    example: true,
    read: h => h.verification.enforced,
  },
  'tls.verify.errors': {
    ...ours,
    data: 'neither',
    brief: 'Everything found wrong with the certificate, gravest first.',
    example: ['certificate_expired', 'unknown_ca'],
    read: h => (h.verification.errors.length > 0 ? [...h.verification.errors] : undefined),
  },
  'tls.verify.hints': {
    ...ours,
    data: 'neither',
    brief: 'What the certificates show of why they did not verify. Absent when it is nothing.',
    example: ['clock_skew'],
    read: h => listOf(h.verification.hints),
  },
  'tls.verify.clock_skew': {
    ...ours,
    data: 'neither',
    brief: 'Seconds by which the certificate is outside its validity; at most 300.',
    example: 42,
    read: h => h.verification.clockSkew,
  },
  'tls.verify.authorized': {
    ...ours,
    data: 'neither',
    brief: 'True: Node told the application that a client without any certificate is authorized (Node 20 and 22).',
    example: true,
    read: h => h.verification.authorized,
  },
  'tls.session.stale': {
    ...ours,
    data: 'neither',
    brief: 'What is wrong by now with the certificate of a resumed session, which nobody verifies again.',
    example: 'certificate_expired',
    read: h => h.staleIdentity,
  },
  'tls.verify.code': {
    ...ours,
    data: 'neither',
    brief: "OpenSSL's or Node's code, verbatim.",
    example: 'CERT_HAS_EXPIRED',
    read: h => h.verification.code,
  },
  'tls.verify.message': {
    ...ours,
    data: 'text',
    brief: "OpenSSL's message, verbatim.",
    example: 'permitted subtree violation',
    read: h => h.verification.message,
  },
  'error.type': {
    ...stable,
    data: 'neither',
    brief: 'Why it failed: one of the failure reasons. Absent unless it failed.',
    example: 'certificate_expired',
    read: h => failureOf(h)?.reason,
  },
  'tls.failure.origin': {
    ...ours,
    data: 'neither',
    brief: 'Who ended it: `local`, `peer` or `network`. Absent when it was established.',
    example: 'local',
    read: h => originOf(h.outcome.kind === 'abandoned' ? h.outcome : failureOf(h)),
  },
  'tls.failure.derived': {
    ...ours,
    data: 'neither',
    brief: 'True when the reason is concluded from circumstances and not from what anybody said.',
    example: true,
    read: h => failureOf(h)?.derived,
  },
  'tls.alert.code': {
    ...ours,
    data: 'neither',
    brief: 'The alert received, by its IANA number.',
    example: 48,
    read: h => failureOf(h)?.alert?.code,
  },
  'tls.alert.description': {
    ...ours,
    data: 'neither',
    brief: 'The alert received, by its IANA name.',
    example: 'unknown_ca',
    read: h => failureOf(h)?.alert?.description,
  },
  'tls.alert.direction': {
    ...ours,
    data: 'neither',
    brief: '`received`. Which alert was sent, OpenSSL does not tell.',
    example: 'received',
    read: h => (failureOf(h)?.alert ? 'received' : undefined),
  },
  'tls.error.code': {
    ...ours,
    data: 'neither',
    brief: "The error's code, verbatim: for people, its spelling changes with OpenSSL.",
    example: 'ERR_SSL_NO_SHARED_CIPHER',
    read: h => failureOf(h)?.code,
  },
} as const satisfies Record<string, AttributeRow>;

/** What a server's client offered; known where the option `fingerprints` is on. One table more of the README. */
export const CLIENT_HELLO_ATTRIBUTES = {
  'tls.client.ja4': {
    ...ours,
    data: 'neither',
    brief: 'JA4: a fingerprint of what the client offered, the same in whatever order it did.',
    example: 't13d1516h2_8daaf6152771_02713d6af862',
    read: h => h.clientHello?.ja4,
  },
  'tls.client.ja3': {
    ...conventional,
    data: 'neither',
    brief: 'JA3: a fingerprint of what the client offered, in the order in which it did.',
    example: 'd4e5b18d6b55c71272893221c96ba240',
    read: h => h.clientHello?.ja3,
  },
  'tls.client.supported_ciphers': {
    ...conventional,
    data: 'neither',
    brief: 'Cipher suites that it offered, by their IANA names; at most 100.',
    example: ['TLS_AES_256_GCM_SHA384', 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'],
    read: h => listOf(h.clientHello?.cipherSuites),
  },
  'tls.client.supported_groups': {
    ...ours,
    data: 'neither',
    brief: 'Key exchange groups that it offered; at most 100.',
    example: ['x25519', 'secp256r1'],
    read: h => listOf(h.clientHello?.groups),
  },
  'tls.client.supported_versions': {
    ...ours,
    data: 'neither',
    brief: 'Protocol versions that it offered. Before TLS 1.3 a client says only the highest.',
    example: ['1.3', '1.2'],
    read: h => listOf(h.clientHello?.versions),
  },
} as const satisfies Record<string, AttributeRow>;

interface CertificateRow extends Omit<AttributeRow, 'read'> {
  /** `chain`: as presented, the leaf first; empty where it is not known. */
  readonly read: (certificate: PeerCertificate, chain: readonly PeerCertificate[]) => AttributeValue | undefined;
}

const details = { stability: 'development', ours: true, occasion: 'details' } as const;

/** The peer's certificate: `tls.client.` + these on a server's handshake, `tls.server.` + these on a client's. */
const CERTIFICATE_ATTRIBUTES = {
  subject: {
    ...conventional,
    data: 'identity',
    brief: "Distinguished name of the certificate's subject, RFC 4514.",
    example: 'CN=billing,O=Acme',
    read: c => c.subject,
  },
  issuer: {
    ...conventional,
    data: 'identity',
    brief: 'Distinguished name of its issuer, RFC 4514.',
    example: 'CN=Acme CA,O=Acme',
    read: c => c.issuer,
  },
  'hash.sha256': {
    ...conventional,
    data: 'identity',
    brief: "Fingerprint: SHA-256 of the certificate's DER, upper-case hex.",
    example: '9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08',
    read: c => c.fingerprint,
  },
  not_before: {
    ...conventional,
    data: 'neither',
    brief: 'Start of its validity.',
    example: '2026-01-01T00:00:00.000Z',
    read: c => dateText(c.notBefore),
  },
  not_after: {
    ...conventional,
    data: 'neither',
    brief: 'End of its validity.',
    example: '2027-01-01T00:00:00.000Z',
    read: c => dateText(c.notAfter),
  },
  'x509.serial_number': {
    ...ours,
    data: 'identity',
    brief: 'Serial number, upper-case hex.',
    example: '5F3A09C1',
    read: c => c.serialNumber,
  },
  'x509.alternative_names': {
    ...ours,
    data: 'identity',
    brief: 'Subject alternative names by type; at most 20.',
    example: ['DNS:billing.acme.test', 'URI:spiffe://acme/billing'],
    read: c => alternativeNames(c),
  },
  spiffe_id: {
    ...ours,
    data: 'identity',
    brief: 'Its SPIFFE id.',
    example: 'spiffe://acme/billing',
    read: c => c.spiffeId,
  },
  'x509.public_key_algorithm': {
    ...details,
    data: 'neither',
    brief: 'Algorithm of its public key.',
    example: 'EC',
    read: c => c.details.publicKeyAlgorithm,
  },
  'x509.public_key_size': {
    ...details,
    data: 'neither',
    brief: 'Bits of its public key.',
    example: 256,
    read: c => c.details.publicKeySize,
  },
  'x509.public_key_curve': {
    ...details,
    data: 'neither',
    brief: 'Curve of its public key.',
    example: 'prime256v1',
    read: c => c.details.publicKeyCurve,
  },
  'x509.signature_algorithm': {
    ...details,
    data: 'neither',
    brief: 'Algorithm of the signature on it.',
    example: 'ecdsa-with-SHA256',
    read: c => c.details.signatureAlgorithm,
  },
  'x509.extended_key_usage': {
    ...details,
    data: 'neither',
    brief: 'What it may be used for.',
    example: ['clientAuth'],
    read: c => listOf(c.details.extendedKeyUsage),
  },
  'x509.is_ca': { ...details, data: 'neither', brief: 'It is a CA certificate.', example: false, read: c => c.isCa },
  'x509.self_signed': {
    ...details,
    data: 'neither',
    brief: 'It is signed with its own key.',
    example: false,
    read: c => c.details.selfSigned,
  },
  'certificate_chain.length': {
    ...details,
    data: 'neither',
    brief: 'Certificates presented, the leaf included. Known of failures only.',
    example: 2,
    read: (_c, chain) => (chain.length > 0 ? chain.length : undefined),
  },
  'certificate_chain.fingerprints': {
    ...details,
    data: 'identity',
    brief: 'Fingerprints of the chain presented, leaf first; at most 10. Known of failures only.',
    example: ['9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08'],
    read: (_c, chain) => listOf(chain.slice(0, MAX_CHAIN_LENGTH).map(certificate => certificate.fingerprint)),
  },
  certificate: {
    ...conventional,
    occasion: 'pem',
    data: 'certificate',
    brief: 'The certificate as PEM.',
    example: '-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n',
    read: c => c.pem,
  },
  certificate_chain: {
    ...conventional,
    occasion: 'pem',
    data: 'certificate',
    brief: 'The presented chain as PEM, leaf first; at most 10. Known of failures only.',
    example: ['-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n'],
    read: (_c, chain) => listOf(chain.slice(0, MAX_CHAIN_LENGTH).flatMap(certificate => certificate.pem ?? [])),
  },
} as const satisfies Record<string, CertificateRow>;

type CertificateAttributeName = `tls.${Side}.${keyof typeof CERTIFICATE_ATTRIBUTES}`;

export type AttributeName =
  | keyof typeof HANDSHAKE_ATTRIBUTES
  | keyof typeof CLIENT_HELLO_ATTRIBUTES
  | CertificateAttributeName
  | typeof CONNECTION_ID;

/** The handshake span's id, so that one search finds everything of a connection. Only known once the span exists. */
export const CONNECTION_ID = 'tls.connection.id';

/** Every attribute, by name. */
export const ATTRIBUTES: Readonly<Record<Exclude<AttributeName, typeof CONNECTION_ID>, AttributeRow>> = {
  ...HANDSHAKE_ATTRIBUTES,
  ...CLIENT_HELLO_ATTRIBUTES,
  ...certificateAttributes('client'),
  ...certificateAttributes('server'),
};

const EVERY_HANDSHAKE = Object.entries<AttributeRow>(HANDSHAKE_ATTRIBUTES);
const EVERY_CLIENT_HELLO = Object.entries<AttributeRow>(CLIENT_HELLO_ATTRIBUTES);
const EVERY_CERTIFICATE = { client: certificateRows('client'), server: certificateRows('server') } as const;

/** By whose certificate it is. Many handshakes show the same one, and what is always said of it does not change. */
const ALWAYS_SAID: Readonly<Record<Side, WeakMap<PeerCertificate, Said[]>>> = {
  client: new WeakMap(),
  server: new WeakMap(),
};
type Said = readonly [name: string, value: AttributeValue];

/** What is said of a handshake. `occasions` are those that apply to it besides `always`. */
export function attributesOf(handshake: Handshake, occasions: ReadonlySet<Occasion>): Attributes {
  const attributes: Attributes = {};
  for (const [name, row] of EVERY_HANDSHAKE) {
    const value = row.read(handshake);
    if (value !== undefined) attributes[name] = value;
  }
  if (handshake.clientHello !== undefined) {
    for (const [name, row] of EVERY_CLIENT_HELLO) {
      const value = row.read(handshake);
      if (value !== undefined) attributes[name] = value;
    }
  }
  const certificate = handshake.peerCertificate;
  if (certificate === undefined) return attributes;
  const whose: Side = handshake.side === 'server' ? 'client' : 'server';
  addCertificate(attributes, whose, certificate, handshake.peerChain, occasions);
  return attributes;
}

/** What is always said of a certificate, be it a peer's or our own. */
export function certificateAttributesOf(certificate: PeerCertificate, whose: Side): Attributes {
  const attributes: Attributes = {};
  addCertificate(attributes, whose, certificate, [], NO_OCCASIONS);
  return attributes;
}

const NO_OCCASIONS: ReadonlySet<Occasion> = new Set();

function addCertificate(
  attributes: Attributes,
  whose: Side,
  certificate: PeerCertificate,
  chain: readonly PeerCertificate[],
  occasions: ReadonlySet<Occasion>,
): void {
  for (const [name, value] of alwaysSaidOf(certificate, whose)) {
    // A list of its own each time: an SDK keeps it as it is, and who processes spans may change it.
    attributes[name] = Array.isArray(value) ? value.slice() : value;
  }
  if (occasions.size === 0) return;
  for (const [name, row] of EVERY_CERTIFICATE[whose]) {
    if (!occasions.has(row.occasion)) continue;
    const value = row.read(certificate, chain);
    if (value !== undefined) attributes[name] = value;
  }
}

function alwaysSaidOf(certificate: PeerCertificate, whose: Side): readonly Said[] {
  const known = ALWAYS_SAID[whose].get(certificate);
  if (known !== undefined) return known;
  const said: Said[] = [];
  for (const [name, row] of EVERY_CERTIFICATE[whose]) {
    const value = row.occasion === 'always' ? row.read(certificate, []) : undefined;
    if (value !== undefined) said.push([name, value]);
  }
  ALWAYS_SAID[whose].set(certificate, said);
  return said;
}

function certificateRows(whose: Side): [string, CertificateRow][] {
  return Object.entries<CertificateRow>(CERTIFICATE_ATTRIBUTES).map(([name, row]) => [`tls.${whose}.${name}`, row]);
}

export function failureOf(handshake: Handshake): HandshakeFailure | undefined {
  return handshake.outcome.kind === 'failed' ? handshake.outcome.failure : undefined;
}

/** `us` is said as `local`: who reads a trace sees a process from outside. */
export function originOf(end: { readonly decidedBy: DecidedBy } | undefined): 'local' | 'peer' | 'network' | undefined {
  return end?.decidedBy === 'us' ? 'local' : end?.decidedBy;
}

function certificateAttributes(side: Side): Record<CertificateAttributeName, AttributeRow> {
  const other: Side = side === 'client' ? 'server' : 'client';
  const rows: Record<string, AttributeRow> = {};
  for (const [name, row] of Object.entries<CertificateRow>(CERTIFICATE_ATTRIBUTES)) {
    rows[`tls.${side}.${name}`] = {
      ...row,
      read: h => (h.side === other && h.peerCertificate ? row.read(h.peerCertificate, h.peerChain) : undefined),
    };
  }
  return rows as Record<CertificateAttributeName, AttributeRow>;
}

function transportName({ transport }: Handshake): string | undefined {
  if (transport === 'stream') return undefined;
  return transport === 'pipe' && process.platform !== 'win32' ? 'unix' : transport;
}

export function dateText(date: number | undefined): string | undefined {
  return date === undefined ? undefined : new Date(date).toISOString();
}

export function alternativeNames(certificate: CertificateIdentity): string[] | undefined {
  return listOf(certificate.alternativeNames.slice(0, MAX_ALTERNATIVE_NAMES).map(name => `${name.type}:${name.value}`));
}

function listOf<T>(list: readonly T[] | undefined): T[] | undefined {
  return list && list.length > 0 ? [...list] : undefined;
}
