import type { ATTRIBUTES, CONNECTION_ID } from '../../src/telemetry/attributes';
import type { ANSWER_ATTRIBUTES } from '../../src/telemetry/decision-events';
import type { RequestAttributeName } from '../../src/telemetry/request-attributes';

/** Where a value goes in a schema of security events. */
export interface Counterpart {
  /** Fields of the Elastic Common Schema. Empty: it has none for this. */
  readonly ecs: readonly string[];
  /** Paths from an event of the Open Cybersecurity Schema Framework. Empty: it has none. */
  readonly ocsf: readonly string[];
  /** How the value changes on its way, or why there is no place for it. */
  readonly note?: string;
}

/** A client's certificate stands for a server's as well: see `counterpartOf`. */
export type MappedName = Exclude<
  keyof typeof ATTRIBUTES | RequestAttributeName | keyof typeof ANSWER_ATTRIBUTES | typeof CONNECTION_ID,
  `tls.server.${string}`
>;

const none = { ecs: [], ocsf: [] } as const;

/** One row an attribute; the compiler misses the one that is left out. */
// The fields of ECS and OCSF are held to test/fixtures/event-schemas.json, which says of which versions. Last checked 2026-11-22.
export const COUNTERPARTS: Readonly<Record<MappedName, Counterpart>> = {
  'tls.protocol.name': { ecs: ['tls.version_protocol'], ocsf: [] },
  'tls.protocol.version': { ecs: ['tls.version'], ocsf: ['tls.version'] },
  'tls.cipher': { ecs: ['tls.cipher'], ocsf: ['tls.cipher'] },
  'tls.curve': { ecs: ['tls.curve'], ocsf: [] },
  'tls.next_protocol': { ecs: ['tls.next_protocol'], ocsf: [] },
  'tls.established': { ecs: ['tls.established'], ocsf: [], note: 'OCSF: see `tls.handshake.outcome`' },
  'tls.resumed': { ecs: ['tls.resumed'], ocsf: [] },
  'server.address': {
    ecs: ['server.address', 'tls.client.server_name', 'destination.domain'],
    ocsf: ['tls.sni', 'dst_endpoint.hostname'],
    note: 'an address on a client that asked for no name: then `destination.ip`, `dst_endpoint.ip`',
  },
  'network.peer.address': {
    ecs: ['source.ip', 'destination.ip'],
    ocsf: ['src_endpoint.ip', 'dst_endpoint.ip'],
    note: 'the first on a server, the second on a client',
  },
  'network.peer.port': {
    ecs: ['source.port', 'destination.port'],
    ocsf: ['src_endpoint.port', 'dst_endpoint.port'],
    note: 'the first on a server, the second on a client',
  },
  'network.local.address': {
    ecs: ['destination.ip', 'source.ip'],
    ocsf: ['dst_endpoint.ip', 'src_endpoint.ip'],
    note: 'the first on a server, the second on a client',
  },
  'network.local.port': {
    ecs: ['destination.port', 'source.port'],
    ocsf: ['dst_endpoint.port', 'src_endpoint.port'],
    note: 'the first on a server, the second on a client',
  },
  'network.transport': { ecs: ['network.transport'], ocsf: ['connection_info.protocol_name'] },
  'tls.handshake.outcome': {
    ecs: ['event.outcome'],
    ocsf: ['status_id'],
    note: '`established`: `success`, 1; `failed`: `failure`, 2; `abandoned`: `unknown`, 0',
  },
  'tls.handshake.phase': none,
  'tls.verify.result': { ...none, note: 'neither says whether anybody looked: keep our name beside theirs' },
  'tls.verify.enforced': none,
  'tls.verify.errors': none,
  'tls.verify.hints': none,
  'tls.verify.clock_skew': none,
  'tls.verify.authorized': none,
  'tls.session.stale': none,
  'tls.verify.code': none,
  'tls.verify.message': {
    ecs: ['error.message'],
    ocsf: ['status_detail'],
    note: 'of a failed handshake; of one that stood, nowhere',
  },
  'error.type': { ecs: ['error.type', 'event.reason'], ocsf: ['status_code'] },
  'tls.failure.origin': none,
  'tls.failure.derived': none,
  'tls.alert.code': { ecs: [], ocsf: ['tls.alert'] },
  'tls.alert.description': none,
  'tls.alert.direction': none,
  'tls.client.ja4': { ecs: [], ocsf: ['ja4_fingerprint_list.value'], note: 'OCSF: with `type_id` 1' },
  'tls.client.ja3': {
    ecs: ['tls.client.ja3'],
    ocsf: ['tls.ja3_hash.value'],
    note: 'OCSF: a fingerprint, with `algorithm_id` 1',
  },
  'tls.client.supported_ciphers': { ecs: ['tls.client.supported_ciphers'], ocsf: ['tls.client_ciphers'] },
  'tls.client.supported_groups': {
    ecs: [],
    ocsf: ['tls.tls_extension_list.data'],
    note: 'OCSF: an extension, with `type_id` 10',
  },
  'tls.client.supported_versions': {
    ecs: [],
    ocsf: ['tls.tls_extension_list.data'],
    note: 'OCSF: an extension, with `type_id` 43',
  },
  'tls.error.code': { ecs: ['error.code'], ocsf: [], note: 'OCSF: `status_code` has the stable reason' },
  'tls.client.subject': {
    ecs: ['tls.client.subject', 'tls.client.x509.subject.distinguished_name'],
    ocsf: ['tls.certificate.subject'],
  },
  'tls.client.issuer': {
    ecs: ['tls.client.issuer', 'tls.client.x509.issuer.distinguished_name'],
    ocsf: ['tls.certificate.issuer'],
  },
  'tls.client.hash.sha256': {
    ecs: ['tls.client.hash.sha256'],
    ocsf: ['tls.certificate.fingerprints.value'],
    note: 'OCSF: with `algorithm_id` 3',
  },
  'tls.client.not_before': {
    ecs: ['tls.client.not_before', 'tls.client.x509.not_before'],
    ocsf: ['tls.certificate.created_time'],
    note: 'OCSF: milliseconds since the epoch',
  },
  'tls.client.not_after': {
    ecs: ['tls.client.not_after', 'tls.client.x509.not_after'],
    ocsf: ['tls.certificate.expiration_time'],
    note: 'OCSF: milliseconds since the epoch',
  },
  'tls.client.x509.serial_number': {
    ecs: ['tls.client.x509.serial_number'],
    ocsf: ['tls.certificate.serial_number'],
  },
  'tls.client.x509.alternative_names': {
    ecs: ['tls.client.x509.alternative_names'],
    ocsf: ['tls.certificate.sans.type', 'tls.certificate.sans.name'],
    note: 'split at the first colon; ECS has no place for the type',
  },
  'tls.client.spiffe_id': { ...none, note: 'it is one of the alternative names' },
  'tls.client.x509.public_key_algorithm': { ecs: ['tls.client.x509.public_key_algorithm'], ocsf: [] },
  'tls.client.x509.public_key_size': {
    ecs: ['tls.client.x509.public_key_size'],
    ocsf: [],
    note: "OCSF: `tls.key_length` is of the connection's key and not of this one",
  },
  'tls.client.x509.public_key_curve': { ecs: ['tls.client.x509.public_key_curve'], ocsf: [] },
  'tls.client.x509.signature_algorithm': {
    ecs: ['tls.client.x509.signature_algorithm'],
    ocsf: [],
    note: "ECS recommends Go's names: `ECDSA-SHA256` for `ecdsa-with-SHA256`",
  },
  'tls.client.x509.extended_key_usage': none,
  'tls.client.x509.is_ca': none,
  'tls.client.x509.self_signed': { ecs: [], ocsf: ['tls.certificate.is_self_signed'] },
  'tls.client.certificate_chain.length': none,
  'tls.client.certificate_chain.fingerprints': {
    ...none,
    note: 'OCSF: `tls.certificate_chain` is of serial numbers',
  },
  'tls.client.certificate': {
    ecs: ['tls.client.certificate'],
    ocsf: [],
    note: 'ECS shows it without the BEGIN and END lines',
  },
  'tls.client.certificate_chain': {
    ecs: ['tls.client.certificate_chain'],
    ocsf: [],
    note: 'ECS: without the BEGIN and END lines. OCSF: `tls.certificate_chain` is of serial numbers',
  },
  'tls.client.certificate.source': none,
  'tls.connection.id': { ecs: [], ocsf: ['connection_info.uid'], note: 'ECS: `span.id` is of the event itself' },
  'tls.proxy.preset': none,
  'tls.proxy.subject': {
    ecs: [],
    ocsf: ['proxy_tls.certificate.subject'],
    note: 'OCSF: with the profile `network_proxy`',
  },
  'enduser.id': { ecs: ['user.id'], ocsf: ['actor.user.uid'], note: 'OCSF: with the profile `host`' },
  'http.request.method': { ecs: ['http.request.method'], ocsf: ['http_request.http_method'] },
  'http.route': none,
  'url.path': { ecs: ['url.path'], ocsf: ['http_request.url.path'] },
  'http.response.status_code': { ecs: ['http.response.status_code'], ocsf: ['http_response.code'] },
};

/** What stands for an attribute. Undefined: it has no row. */
export function counterpartOf(name: string): Counterpart | undefined {
  const row = (COUNTERPARTS as Readonly<Record<string, Counterpart>>)[name.replace(/^tls\.server\./, 'tls.client.')];
  if (!row || !name.startsWith('tls.server.')) return row;
  return { ...row, ecs: row.ecs.map(field => field.replace(/^tls\.client\./, 'tls.server.')) };
}
