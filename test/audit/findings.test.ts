import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PrometheusRules } from '../../src/audit/alert-rules';
import { type AuditOptions, judge } from '../../src/audit/audit-run';
import type { EvidenceAttributes, EvidenceLog, EvidencePoint, EvidenceSpan } from '../../src/audit/evidence';
import { FINDINGS, type FindingId, type ProbeFindingId } from '../../src/audit/findings';
import type { Operation } from '../../src/audit/operations';

const NOON = Date.UTC(2026, 10, 22, 12);
const DAY = 86_400_000;
const iso = (at: number) => new Date(at).toISOString();

const ORDERS: Operation = {
  name: 'GET /orders/{id}',
  method: 'GET',
  path: '/orders/{id}',
  location: { source: 'api.yaml', line: 7 },
  protection: 'required',
  schemes: ['mtls'],
  isUserKnown: false,
  servers: [{ basePath: '' }],
};
const HEALTH: Operation = { ...ORDERS, name: 'GET /health', path: '/health', protection: 'none', schemes: [] };

let ids = 0;
const id = (digits: number) => (++ids).toString(16).padStart(digits, '0');

function span(
  name: string,
  kind: number,
  attributes: EvidenceAttributes,
  more: Partial<EvidenceSpan> = {},
): EvidenceSpan {
  return {
    resource: { 'service.name': 'shop' },
    traceId: id(32),
    spanId: id(16),
    parentSpanId: '',
    name,
    kind,
    ended: NOON,
    attributes,
    events: [],
    links: [],
    status: { code: 'unset', message: '' },
    ...more,
  };
}

const GOOD_HANDSHAKE: EvidenceAttributes = {
  'tls.handshake.outcome': 'established',
  'tls.verify.result': 'ok',
  'tls.protocol.name': 'tls',
  'tls.protocol.version': '1.3',
  'tls.cipher': 'TLS_AES_256_GCM_SHA384',
  'tls.client.subject': 'CN=billing,O=Acme',
  'tls.client.hash.sha256': 'AA',
  'tls.client.not_before': iso(NOON - 10 * DAY),
  'tls.client.not_after': iso(NOON + 300 * DAY),
  'network.peer.address': '192.0.2.7',
};

const GOOD_REQUEST: EvidenceAttributes = {
  'http.request.method': 'GET',
  'url.path': '/orders/17',
  'http.response.status_code': 200,
  'tls.verify.result': 'ok',
  'tls.client.subject': 'CN=billing,O=Acme',
  'tls.client.hash.sha256': 'AA',
  'tls.client.certificate.source': 'handshake',
};

/** Everything that is set to undefined is left out. */
function changed(attributes: EvidenceAttributes, changes: EvidenceAttributes): EvidenceAttributes {
  return Object.fromEntries(Object.entries({ ...attributes, ...changes }).filter(([, value]) => value !== undefined));
}

/** A request and its handshake. */
function visit(
  request: EvidenceAttributes = {},
  handshake: EvidenceAttributes = {},
  more: Partial<EvidenceSpan> = {},
): EvidenceSpan[] {
  const tls = span('TLS server handshake', 1, changed(GOOD_HANDSHAKE, handshake));
  return [tls, span('GET', 2, changed(GOOD_REQUEST, { 'tls.connection.id': tls.spanId, ...request }), more)];
}

function log(eventName: string, attributes: EvidenceAttributes, more: Partial<EvidenceLog> = {}): EvidenceLog {
  return {
    resource: { 'service.name': 'shop' },
    at: NOON,
    eventName,
    attributes,
    traceId: id(32),
    spanId: '',
    sampled: false,
    ...more,
  };
}

const NO_CERTIFICATE = {
  'tls.client.subject': undefined,
  'tls.client.hash.sha256': undefined,
  'tls.client.certificate.source': undefined,
};
const failed = (attributes: EvidenceAttributes) => ({ 'tls.handshake.outcome': 'failed', ...attributes });

interface Case {
  readonly spans?: readonly EvidenceSpan[];
  readonly logs?: readonly EvidenceLog[];
  readonly operations?: readonly Operation[];
  readonly counted?: readonly EvidencePoint[];
  readonly options?: AuditOptions;
}

const bearer = { ...ORDERS, isUserKnown: true };
const optional = { ...ORDERS, protection: 'optional' as const };
const event = (name: string, attributes = {}) => ({ events: [{ name, attributes }] });
const caller = span('GET', 3, {}, { status: { code: 'error', message: 'socket hang up' } });
const failure = span('TLS server handshake', 1, changed(GOOD_HANDSHAKE, failed({ 'error.type': 'unknown_ca' })));

const point = (name: string, count: number, attributes: EvidenceAttributes = {}): EvidencePoint => ({
  resource: { 'service.name': 'shop' },
  name,
  attributes,
  count,
  isCumulative: true,
  started: NOON - 1000,
  at: NOON,
});
const counted = (count: number) =>
  point('tls.server.handshake.duration', count, failed({ 'error.type': 'unknown_ca', 'tls.protocol.version': '1.3' }));

const PSEUDONYM = `hmac:${'0123456789abcdef'.repeat(2)}`;
const hashed = {
  'tls.client.subject': PSEUDONYM,
  'tls.client.hash.sha256': PSEUDONYM,
};

/** One alert on this label of this series, whatever its value; or on this value alone. */
function alertOn(series: string, label?: string, value?: string): PrometheusRules {
  const matchers = [{ label: '__name__', matches: (name: string) => name === series, exact: series }];
  const only = { label: label ?? '', matches: (given: string) => given === value };
  const query = [{ matchers: label === undefined ? matchers : [...matchers, only], keeps: () => true }];
  return { alerts: [{ name: 'Alert', query, labels: {} }], recordings: [] };
}
const NO_RULES: PrometheusRules = { alerts: [], recordings: [] };
const COUNT = 'tls_server_handshake_duration_seconds_count';

/** The least that is found, and the most that is not: pairs around each boundary. */
const CASES: {
  readonly [id in Exclude<FindingId, ProbeFindingId>]: {
    readonly found: readonly Case[];
    readonly fine: readonly Case[];
  };
} = {
  'success-without-certificate': {
    found: [
      { spans: visit({ ...NO_CERTIFICATE, 'tls.verify.result': 'not_presented' }) },
      { spans: visit({ ...NO_CERTIFICATE, 'tls.verify.result': 'not_requested', 'http.response.status_code': 399 }) },
    ],
    fine: [
      { spans: visit() },
      { spans: visit({ ...NO_CERTIFICATE, 'tls.verify.result': 'not_presented', 'http.response.status_code': 400 }) },
      { spans: visit({ ...NO_CERTIFICATE, 'tls.verify.result': 'not_presented' }), operations: [optional] },
    ],
  },
  'unverified-certificate-accepted': {
    found: [
      { spans: visit({ 'tls.verify.result': 'failed' }) },
      { spans: visit({ ...NO_CERTIFICATE, 'tls.verify.result': 'failed' }) },
      { spans: visit({ 'tls.verify.result': 'unverified' }) },
      { spans: visit({}, {}, event('tls.client_certificate.accepted_unverified')) },
    ],
    fine: [{ spans: visit() }, { spans: visit({ 'tls.verify.result': 'failed', 'http.response.status_code': 500 }) }],
  },
  'private-key-exported': {
    found: [
      { spans: visit({ 'app.dump': 'x -----BEGIN PRIVATE KEY-----' }) },
      { spans: visit({}, {}, event('dump', { key: '-----BEGIN RSA PRIVATE KEY-----' })) },
      { logs: [log('x', { 'tls.client.certificate': '-----BEGIN CERTIFICATE----- -----BEGIN EC PRIVATE KEY-----' })] },
    ],
    fine: [{ spans: visit({ 'app.dump': '-----BEGIN PUBLIC KEY-----' }) }],
  },
  'forwarded-certificate-spoofed': {
    found: [
      { spans: visit({}, {}, event('tls.forwarded_certificate.spoof_suspected')) },
      { spans: visit({ 'url.path': '/health' }, {}, event('tls.forwarded_certificate.spoof_suspected')) },
      { spans: visit({ 'url.path': '/x' }, {}, event('tls.forwarded_certificate.spoof_suspected')) },
      { logs: [log('tls.forwarded_certificate.spoof_suspected', {})] },
    ],
    fine: [{ spans: visit({}, {}, event('another')) }],
  },
  'identity-contradicted': {
    found: [
      { spans: visit({ 'tls.client.hash.sha256': 'BB' }) },
      { spans: visit({ 'tls.client.hash.sha256': undefined, 'tls.client.subject': 'CN=root,O=Acme' }) },
    ],
    fine: [
      { spans: visit({ 'tls.client.hash.sha256': 'BB', 'tls.client.certificate.source': 'header' }) },
      // Written by somebody else, who has no fingerprint: in another order, with other spaces.
      { spans: visit({ 'tls.client.hash.sha256': undefined, 'tls.client.subject': 'O=Acme, CN=billing' }) },
      { spans: visit({ 'tls.client.hash.sha256': undefined, 'tls.client.subject': PSEUDONYM }) },
    ],
  },
  'certificate-not-recorded': {
    found: [
      { spans: visit({ ...NO_CERTIFICATE, 'tls.verify.result': undefined, 'tls.connection.id': undefined }) },
      {
        spans: visit({ ...NO_CERTIFICATE, 'tls.verify.result': undefined, 'tls.connection.id': undefined }),
        operations: [optional],
      },
    ],
    fine: [
      { spans: visit({ ...NO_CERTIFICATE, 'tls.verify.result': undefined }) },
      { spans: visit({ ...NO_CERTIFICATE, 'tls.verify.result': 'not_presented' }), operations: [optional] },
    ],
  },
  'verification-not-recorded': {
    found: [{ spans: visit({ 'tls.verify.result': undefined }, { 'tls.verify.result': undefined }) }],
    fine: [{ spans: visit({ 'tls.verify.result': undefined }) }],
  },
  'weak-encryption': {
    found: [
      { spans: visit({}, { 'tls.protocol.version': '1.1' }) },
      { spans: visit({}, { 'tls.protocol.version': '1' }) },
      { spans: visit({}, { 'tls.protocol.name': 'ssl', 'tls.protocol.version': '3' }) },
      { spans: visit({}, { 'tls.cipher': 'TLS_RSA_WITH_AES_128_GCM_SHA256' }) },
      { spans: visit({ 'tls.cipher': 'TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA' }) },
    ],
    fine: [
      { spans: visit({}, { 'tls.protocol.version': '1.2', 'tls.cipher': 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256' }) },
      { spans: visit({ 'tls.client.certificate.source': 'header' }, { 'tls.protocol.version': '1.1' }) },
    ],
  },
  'shadow-operation': {
    found: [{ spans: [...visit(), ...visit({ 'url.path': '/internal/reset', 'http.response.status_code': 401 })] }],
    fine: [
      { spans: [...visit(), ...visit({ 'url.path': '/.env', 'http.response.status_code': 404 })] },
      { spans: [...visit(), ...visit({ 'url.path': '/x', 'http.request.method': 'OPTIONS' })] },
      { spans: [...visit(), ...visit({ 'url.path': '/x' }, {}, { resource: { 'service.name': 'another' } })] },
    ],
  },
  'failures-without-trail': {
    found: [
      { counted: [counted(1)] },
      { spans: [failure], counted: [counted(1), counted(2)] },
      {
        spans: [failure],
        counted: [
          { ...counted(1), isCumulative: false },
          { ...counted(1), isCumulative: false },
        ],
      },
      // Another service's failure, and what another left unsaid, explain nothing.
      { spans: [{ ...failure, resource: { 'service.name': 'other' } }], counted: [counted(1)] },
      {
        counted: [counted(1)],
        logs: [
          log(
            'tls.telemetry.suppressed',
            { 'tls.suppressed.handshakes': 4 },
            { resource: { 'service.name': 'other' } },
          ),
        ],
      },
      { counted: [counted(5)], logs: [log('tls.telemetry.suppressed', { 'tls.suppressed.handshakes': 4 })] },
    ],
    fine: [
      { spans: [failure], counted: [counted(1), counted(1)] },
      { counted: [counted(4)], logs: [log('tls.telemetry.suppressed', { 'tls.suppressed.handshakes': 4 })] },
      { counted: [counted(4), point('tls.telemetry.suppressed', 4, { 'tls.suppressed.what': 'span' })] },
      { counted: [counted(1)], logs: [log('tls.handshake.failed', { 'error.type': 'unknown_ca' })] },
      { counted: [{ ...counted(9), attributes: { 'tls.handshake.outcome': 'established' } }] },
      { counted: [point('http.server.request.duration', 9, failed({ 'error.type': 'unknown_ca' }))] },
      // Counted since before the evidence begins.
      {
        spans: visit(),
        counted: [
          { ...counted(70), started: NOON - DAY },
          { ...counted(70), started: NOON - DAY },
        ],
      },
    ],
  },
  'failure-sampled-away': {
    found: [
      { logs: [log('tls.handshake.failed', { 'error.type': 'unknown_ca' })] },
      { logs: [log('tls.handshake.failed', {}, { spanId: id(16), sampled: true })] },
    ],
    fine: [
      { spans: [failure], logs: [log('tls.handshake.failed', {}, { spanId: failure.spanId, sampled: true })] },
      { logs: [log('tls.client_certificate.accepted', {})] },
    ],
  },
  'refusal-without-event': {
    found: [
      { spans: visit({ 'tls.verify.result': 'failed', 'http.response.status_code': 403 }) },
      { spans: visit({ 'tls.verify.result': 'failed', 'http.response.status_code': 401 }) },
    ],
    fine: [
      { spans: visit({ 'tls.verify.result': 'failed', 'http.response.status_code': 404 }) },
      { spans: visit({ 'http.response.status_code': 403 }) },
      {
        spans: visit(
          { 'tls.verify.result': 'failed', 'http.response.status_code': 403 },
          {},
          event('tls.client_certificate.rejected'),
        ),
      },
      {
        spans: visit(
          { 'tls.verify.result': 'failed', 'http.response.status_code': 403 },
          {},
          { spanId: 'f'.repeat(16) },
        ),
        logs: [
          log(
            'tls.client_certificate.rejected',
            { 'http.request.method': 'GET', 'http.route': '/orders/:id' },
            { spanId: 'f'.repeat(16) },
          ),
        ],
      },
    ],
  },
  'operation-never-seen': {
    found: [{}, { operations: [optional] }],
    fine: [{ spans: visit() }, { operations: [HEALTH] }],
  },
  'certificate-source-not-recorded': {
    found: [{ spans: visit({ 'tls.client.certificate.source': undefined }) }],
    fine: [{ spans: visit({ 'tls.client.certificate.source': 'header' }) }],
  },
  'request-not-linked': {
    found: [{ spans: visit({ 'tls.connection.id': undefined }) }],
    fine: [
      { spans: visit({ 'tls.connection.id': undefined, 'tls.client.certificate.source': 'header' }) },
      { spans: [failure, ...visit({ 'tls.connection.id': undefined }, {}, { links: [{ spanId: id(16) }] })] },
    ],
  },
  'handshake-not-in-evidence': {
    found: [{ spans: visit({ 'tls.connection.id': id(16) }) }],
    fine: [
      { spans: visit() },
      // The handshake comes last.
      { spans: visit().reverse() },
      { spans: visit({ 'tls.connection.id': id(16), 'tls.client.certificate.source': 'header' }) },
    ],
  },
  'peer-address-not-recorded': {
    found: [{ spans: visit({}, { 'network.peer.address': undefined }) }],
    fine: [
      { spans: visit() },
      { spans: visit({ 'client.address': '192.0.2.1' }, { 'network.peer.address': undefined }) },
      { spans: visit({ 'net.sock.peer.addr': '192.0.2.1' }, { 'network.peer.address': undefined }) },
    ],
  },
  'failure-without-reason': {
    found: [
      { spans: visit({}, failed({ 'error.type': '_OTHER' })) },
      { spans: [span('TLS client handshake', 1, failed({}))] },
    ],
    fine: [
      { spans: [failure] },
      { spans: [span('TLS client handshake', 1, { 'tls.handshake.outcome': 'abandoned' })] },
    ],
  },
  'hangup-without-reason': {
    found: [{ spans: [caller] }],
    fine: [
      {
        spans: [
          caller,
          span(
            'TLS client handshake refused',
            1,
            { 'error.type': 'peer_closed_after_handshake' },
            { parentSpanId: caller.spanId, status: { code: 'error', message: '' } },
          ),
        ],
      },
      { spans: [{ ...caller, status: { code: 'error', message: 'no such host' } }] },
    ],
  },
  'failure-without-peer-address': {
    found: [
      { spans: [{ ...failure, attributes: changed(failure.attributes, { 'network.peer.address': undefined }) }] },
    ],
    fine: [{ spans: [failure] }],
  },
  'failures-suppressed': {
    found: [
      { logs: [log('tls.telemetry.suppressed', { 'tls.suppressed.handshakes': 2931 })] },
      { counted: [point('tls.telemetry.suppressed', 1, { 'tls.suppressed.what': 'span' })] },
    ],
    fine: [
      { logs: [log('tls.handshake.failed', {})] },
      { counted: [point('tls.telemetry.suppressed', 0, { 'tls.suppressed.what': 'span' })] },
    ],
  },
  'personal-data-exported': {
    found: [
      // One instance has the option, another has not; or somebody else writes it.
      { spans: [...visit(hashed, hashed), ...visit()] },
      { spans: visit(hashed, { ...hashed, 'tls.client.certificate': '-----BEGIN CERTIFICATE-----' }) },
      { spans: visit(), options: { privacy: { identity: 'hash' } } },
      { spans: visit(hashed, hashed), options: { privacy: { identity: 'off' } } },
      { spans: visit({ 'user.email': 'a@acme.example' }, {}), options: { privacy: { identity: 'hash' } } },
      { spans: visit({ 'client.address': '192.0.2.7' }), options: { privacy: { addresses: 'masked' } } },
      { spans: visit({ 'client.address': '2001:db8:1:2::' }), options: { privacy: { addresses: 'masked' } } },
      { spans: visit({ 'client.address': '192.0.2.0' }), options: { privacy: { addresses: 'off' } } },
      {
        logs: [log('tls.handshake.failed', { 'tls.client.subject': 'CN=x' })],
        options: { privacy: { identity: 'hash' } },
      },
    ],
    fine: [
      { spans: visit() },
      { spans: visit(hashed, hashed) },
      { spans: [...visit(hashed, hashed), ...visit({}, {})], options: { privacy: { identity: 'full' } } },
      { spans: [...visit(hashed, hashed), span('x', 1, { 'enduser.id': 'alice' })] },
      {
        spans: visit(hashed, { ...hashed, 'network.peer.address': '192.0.2.0' }),
        options: { privacy: { identity: 'hash', addresses: 'masked' } },
      },
      {
        spans: [
          span('GET', 2, { 'client.address': '2001:db8:1::' }),
          span('GET', 2, { 'client.address': '127.0.0.1' }),
        ],
        options: { privacy: { addresses: 'masked' } },
      },
    ],
  },
  'telemetry-lost': {
    found: [
      { counted: [point('otelcol_exporter_send_failed_spans', 1, { exporter: 'otlp/backend' })] },
      { counted: [point('otelcol_exporter_enqueue_failed_log_records_total', 1)] },
      { counted: [point('otelcol_receiver_refused_spans__spans__total', 1)] },
      { counted: [point('otelcol_processor_memory_limiter_refused_spans', 1)] },
      { counted: [point('otel.sdk.processor.span.processed', 1, { 'error.type': 'queue_full' })] },
      { logs: [log('', {}, { body: 'Exporting failed. Dropping data.' })] },
    ],
    fine: [
      { counted: [point('otelcol_exporter_send_failed_spans', 0, { exporter: 'otlp/backend' })] },
      { counted: [point('otelcol_exporter_sent_spans', 9)] },
      { counted: [point('otelcol_exporter_send_failed_spansmore', 9)] },
      { counted: [point('otel.sdk.processor.span.processed', 9)] },
      { counted: [point('http.client.request.duration', 9, { 'error.type': 'queue_full' })] },
      { logs: [log('', {}, { body: 'Exporting failed. Will retry the request after interval.' })] },
      // Lost before the evidence begins.
      { spans: visit(), counted: [{ ...point('otelcol_exporter_send_failed_spans', 7), started: NOON - DAY }] },
    ],
  },
  'telemetry-cut': {
    found: [
      { spans: visit({}, {}, { dropped: 1 }) },
      { spans: [{ ...failure, dropped: 3 }] },
      { logs: [log('tls.handshake.failed', {}, { dropped: 1 })] },
    ],
    fine: [
      { spans: visit({}, {}, { dropped: 0 }) },
      { spans: [span('SELECT', 3, {}, { dropped: 9 })] },
      { logs: [log('another', {}, { dropped: 1 })] },
    ],
  },
  'failure-without-alert': {
    found: [
      { spans: [failure], options: { rules: NO_RULES } },
      { spans: [failure], options: { rules: alertOn(COUNT, 'error_type', 'certificate_expired') } },
      { spans: [failure], options: { rules: alertOn(COUNT, 'service_name', 'another') } },
      { spans: [failure], options: { rules: alertOn('tls_client_handshake_duration_seconds_count') } },
      { logs: [log('tls.handshake.failed', { 'error.type': 'unknown_ca' })], options: { rules: NO_RULES } },
      { counted: [counted(1)], options: { rules: NO_RULES } },
      { logs: [log('tls.abuse.detected', { 'tls.abuse.pattern': 'scanner' })], options: { rules: alertOn(COUNT) } },
    ],
    fine: [
      { spans: [failure] },
      { spans: [failure], options: { rules: alertOn(COUNT) } },
      { spans: [failure], options: { rules: alertOn(COUNT, 'error_type', 'unknown_ca') } },
      { spans: [failure], options: { rules: alertOn(COUNT, 'service_name', 'shop') } },
      { spans: visit(), options: { rules: NO_RULES } },
      {
        logs: [log('tls.abuse.detected', { 'tls.abuse.pattern': 'scanner' })],
        options: { rules: alertOn('tls_abuse_detections_total', 'tls_abuse_pattern', 'scanner') },
      },
    ],
  },
  'grave-failure-without-alert': {
    found: [
      { options: { rules: NO_RULES } },
      { options: { rules: alertOn(COUNT, 'error_type', 'certificate_revoked') } },
      { spans: [failure], options: { rules: alertOn(COUNT) } },
    ],
    fine: [
      {},
      {
        options: {
          rules: {
            alerts: [...alertOn(COUNT).alerts, ...alertOn('tls_abuse_detections_total').alerts],
            recordings: [],
          },
        },
      },
    ],
  },
  'certificate-exported': {
    found: [
      { spans: visit({ 'tls.client.certificate': '-----BEGIN CERTIFICATE-----' }) },
      { spans: visit({ 'tls.client.certificate_chain': ['-----BEGIN CERTIFICATE-----'] }) },
    ],
    fine: [
      { spans: visit({ 'app.note': 'BEGIN CERTIFICATE' }) },
      {
        spans: visit({ 'tls.client.certificate': '-----BEGIN CERTIFICATE-----' }),
        options: { privacy: { pem: 'on' } },
      },
    ],
  },
  'certificate-near-end': {
    found: [
      {
        spans: visit(
          {},
          { 'tls.client.not_before': iso(NOON - 300 * DAY), 'tls.client.not_after': iso(NOON + 30 * DAY - 1) },
        ),
      },
      { spans: visit({}, { 'tls.client.not_before': undefined, 'tls.client.not_after': iso(NOON + DAY) }) },
    ],
    fine: [
      {
        spans: visit(
          {},
          { 'tls.client.not_before': iso(NOON - 300 * DAY), 'tls.client.not_after': iso(NOON + 30 * DAY) },
        ),
      },
      {
        spans: visit(
          {},
          { 'tls.client.not_before': iso(NOON - 3_600_000), 'tls.client.not_after': iso(NOON + 3_600_000) },
        ),
      },
      { spans: visit({}, { 'tls.client.not_after': 'some day' }) },
    ],
  },
  'user-not-recorded': {
    found: [{ spans: visit(), operations: [bearer] }],
    fine: [
      { spans: visit({ 'enduser.id': 'alice' }), operations: [bearer] },
      { spans: visit({ 'http.response.status_code': 401 }), operations: [bearer] },
      { spans: visit() },
    ],
  },
};

function rulesFound({ spans = [], logs = [], operations = [ORDERS], counted = [], options = {} }: Case): string[] {
  return judge([...operations, HEALTH], spans, logs, options, counted).findings.map(({ rule }) => rule);
}

describe('the findings', () => {
  for (const [rule, { found, fine }] of Object.entries(CASES)) {
    it(`find ${rule} where it is, and not where it nearly is`, () => {
      for (const one of found) assert.ok(rulesFound(one).includes(rule), JSON.stringify(one, null, 1));
      for (const one of fine) assert.ok(!rulesFound(one).includes(rule), JSON.stringify(one, null, 1));
    });
  }

  it('are none for a request with all that is asked', () => {
    const { findings, operations, proven } = judge([ORDERS], visit());
    assert.deepEqual(findings, []);
    assert.equal(proven, 1);
    assert.deepEqual(operations[0]?.answers, {
      certificate: { yes: 1, no: 0 },
      verification: { yes: 1, no: 0 },
      handshake: { yes: 1, no: 0 },
      peer: { yes: 1, no: 0 },
      protocol: { yes: 1, no: 0 },
      user: { yes: 0, no: 0 },
    });
  });

  it('are the same in whatever order the evidence comes', () => {
    const spans = Object.values(CASES).flatMap(({ found }) => found.flatMap(({ spans = [] }) => spans));
    const logs = Object.values(CASES).flatMap(({ found }) => found.flatMap(({ logs = [] }) => logs));
    const told = (some: readonly EvidenceSpan[]) =>
      judge([ORDERS, HEALTH], some, logs)
        .findings.map(({ rule, operation, subject, message, fingerprint }) =>
          JSON.stringify({ rule, operation, subject, message, fingerprint }),
        )
        .sort();
    assert.ok(told(spans).length > 20);
    assert.deepEqual(told([...spans].reverse()), told(spans));
  });

  it('come worst first, each with counts, times, at most five traces and an example', () => {
    const spans = Array.from({ length: 7 }, (_, n) =>
      visit({ 'tls.verify.result': 'failed' }, {}, { ended: NOON + n }),
    ).flat();
    const { findings } = judge([ORDERS, { ...HEALTH, protection: 'required' }], [...spans, ...visit()]);
    const [worst, never] = findings;
    assert.deepEqual([worst?.severity, never?.severity], ['critical', 'medium']);
    assert.equal(worst?.message, '7 of 8 requests succeeded although the certificate did not verify');
    const { count, of, firstSeen, lastSeen, traceIds, example } = worst.occurrences!;
    assert.deepEqual([count, of, firstSeen, lastSeen], [7, 8, iso(NOON), iso(NOON + 6)]);
    assert.equal(new Set(traceIds).size, 5);
    assert.equal(example.attributes['tls.verify.result'], 'failed');
    assert.equal(never?.occurrences, undefined);
  });

  it('leave out what another service sent, and what is too old', () => {
    const spans = visit({ 'tls.verify.result': 'failed' });
    assert.equal(judge([HEALTH], spans, [], { service: 'another' }).seen.spans, 0);
    assert.equal(judge([HEALTH], spans, [], { since: NOON }).seen.spans, 2);
    assert.equal(judge([HEALTH], spans, [], { since: NOON + 1 }).seen.spans, 0);
  });

  it('leave out log records and points of metrics of another service or time, too', () => {
    const logs = [log('tls.handshake.failed', { 'error.type': 'unknown_ca' })];
    for (const options of [{ service: 'another' }, { since: NOON + 1 }]) {
      const { findings, seen } = judge([HEALTH], [], logs, options, [counted(3)]);
      assert.deepEqual([findings, seen.logs], [[], 0]);
    }
    assert.ok(judge([HEALTH], [], logs, { service: 'shop', since: NOON }, [counted(3)]).findings.length > 0);
  });

  it('say of a forged header which operation it was for, as far as that is known', () => {
    const spoofed = (attributes: EvidenceAttributes) => {
      const record = log('tls.forwarded_certificate.spoof_suspected', attributes);
      const { findings } = judge([ORDERS], visit(), [record]);
      const { operation, subject } = findings.find(({ rule }) => rule === 'forwarded-certificate-spoofed')!;
      return operation ?? subject;
    };
    const GET = { 'http.request.method': 'GET' };
    assert.equal(spoofed({ ...GET, 'url.path': '/orders/17' }), 'GET /orders/{id}');
    assert.match(String(spoofed({ ...GET, 'url.path': '/elsewhere' })), /\/elsewhere/);
    assert.equal(spoofed({}), 'unknown');
  });

  it('keep a bounded number of subjects, and say how many more there were', () => {
    const strangers = Array.from({ length: 600 }, (_, n) => visit({ 'url.path': `/nothing/a${n}` })).flat();
    const { findings, notes } = judge([ORDERS], [...visit(), ...strangers]);
    assert.equal(findings.filter(({ rule }) => rule === 'shadow-operation').length, 500);
    assert.deepEqual(notes, ['100 more were left out, of findings about more than 500 subjects']);
  });

  it('keep a bounded number of kinds of failures, of series and of services, and say so', () => {
    const spans = Array.from({ length: 600 }, (_, n) =>
      span('TLS server handshake', 1, failed({ 'error.type': `r${n}`, 'network.peer.address': '192.0.2.7' })),
    );
    const kinds = judge([HEALTH], spans, [], { rules: NO_RULES });
    assert.equal(kinds.findings.filter(({ rule }) => rule === 'failure-without-alert').length, 500);
    assert.deepEqual(kinds.notes, ['100 more were left out, of findings about more than 500 subjects']);

    const points = Array.from({ length: 10_010 }, (_, n) => ({
      ...counted(1),
      resource: { 'service.name': 'shop', 'process.pid': n },
    }));
    const series = judge([HEALTH], [], [], {}, points);
    assert.equal(series.findings[0]?.message, '10000 failures stood in the metrics alone');
    assert.deepEqual(series.notes, ['10 records of failures could not be held against the spans: there are too many']);

    const services = Array.from({ length: 600 }, (_, n) =>
      [hashed, { 'tls.client.subject': 'CN=x' }].map(attributes =>
        span('GET', 3, attributes, { resource: { 'service.name': `s${n}` } }),
      ),
    ).flat();
    const named = judge([HEALTH], services).findings;
    assert.equal(named.length, 500);
    assert.equal(named[0]?.subject, 'tls.client.subject of s0');
  });

  it('count what was lost as whoever lost it does, and name him', () => {
    const logs = [
      log('', { dropped_items: 512, 'otelcol.component.id': 'otlp/a' }, { body: 'Exporting failed. Dropping data.' }),
      log('', { rejected_items: 3, name: 'otlp/b' }, { body: 'Exporting failed. Rejecting data. Try more.' }),
      log('', { dropped_items: -1 }, { body: 'Exporting failed. Dropping data.' }),
      log('', {}, { body: { not: 'text' } }),
    ];
    const points = [
      point('otel.sdk.exporter.log.exported', 5, { 'otel.component.name': 'otlp/0', 'error.type': '503' }),
      // The same, later: it had counted 5 before.
      { ...point('otelcol_exporter_send_failed_spans', 5, { exporter: 'otlp/c' }), started: NOON - DAY },
      { ...point('otelcol_exporter_send_failed_spans', 12, { exporter: 'otlp/c' }), started: NOON - DAY },
      { ...point('otelcol_exporter_send_failed_spans', 2, { exporter: 'otlp/d' }), isCumulative: false },
      { ...point('otelcol_exporter_send_failed_spans', 2, { exporter: 'otlp/d' }), isCumulative: false },
    ];
    const { findings } = judge([HEALTH], visit(), logs, {}, points);
    assert.deepEqual(
      findings.filter(({ rule }) => rule === 'telemetry-lost').map(({ subject, message }) => [subject, message]),
      [
        ['Exporting failed. Dropping data: otlp/a', '512 records did not arrive'],
        ['Exporting failed. Rejecting data: otlp/b', '3 records did not arrive'],
        ['Exporting failed. Dropping data', '1 record did not arrive'],
        ['otel.sdk.exporter.log.exported otlp/0 503', '5 records did not arrive'],
        ['otelcol_exporter_send_failed_spans otlp/c', '7 records did not arrive'],
        ['otelcol_exporter_send_failed_spans otlp/d', '4 records did not arrive'],
      ],
    );
  });

  it('come with a note when no span is what is looked for', () => {
    const told = 'not one of the 1 spans is a request that a server received, or a handshake';
    assert.deepEqual(judge([HEALTH], [span('SELECT', 3, {})]).notes, [told]);
    assert.deepEqual(judge([HEALTH], visit()).notes, []);
    assert.deepEqual(judge([HEALTH], [failure]).notes, []);
    assert.deepEqual(judge([HEALTH], []).notes, []);
  });

  it('leave out metrics of another service, and those that are too old', () => {
    assert.equal(judge([HEALTH], [], [], { service: 'another' }, [counted(1)]).taken, 0);
    assert.equal(judge([HEALTH], [], [], { since: NOON + 1 }, [counted(1)]).taken, 0);
    assert.equal(judge([HEALTH], [], [], { service: 'shop', since: NOON }, [counted(1)]).taken, 1);
  });

  it('know by whose certificate a record tells who we were', () => {
    const told = log('tls.handshake.failed', { 'error.type': 'unknown_ca', 'tls.server.subject': 'CN=x' });
    const later = log('tls.handshake.failed', {}, { spanId: id(16), sampled: true });
    const { findings } = judge([HEALTH], [], [told, later], { rules: NO_RULES });
    assert.deepEqual(
      findings.filter(({ rule }) => rule === 'failure-without-alert').map(({ subject }) => subject),
      ['client unknown_ca of shop', 'server _OTHER of shop'],
    );
  });

  it('are of 500 services at most that no operation is described of, and say how many requests more there were', () => {
    const strangers = Array.from({ length: 502 }, (_, n) =>
      visit({ 'url.path': '/nothing' }, {}, { resource: { 'service.name': `shop-${n}` } }),
    ).flat();
    const { notes } = judge([ORDERS], [...visit(), ...strangers]);
    assert.deepEqual(notes, ['2 more were left out, of findings about more than 500 subjects']);
  });

  it('are of no request that waits in vain with too many others, and of no failure that too many logs tell of', () => {
    function* requests() {
      for (let n = 0; n < 50_001; n++)
        yield span('GET', 2, changed(GOOD_REQUEST, { 'tls.connection.id': 'to-come', 'tls.verify.result': 'failed' }));
    }
    const waiting = judge([ORDERS], requests());
    assert.equal(waiting.findings[0]?.occurrences?.count, 50_000);
    assert.deepEqual(waiting.notes, [
      '1 requests were not judged: too many waited for their handshake, which did not come before them',
    ]);

    function* logs() {
      for (let n = 0; n < 100_002; n++)
        yield log('tls.handshake.failed', { 'error.type': 'unknown_ca' }, { spanId: id(16) });
    }
    const told = judge([ORDERS], [], logs());
    assert.equal(told.findings.find(({ rule }) => rule === 'failure-sampled-away')?.occurrences?.count, 100_000);
    assert.deepEqual(told.notes, ['2 records of failures could not be held against the spans: there are too many']);
  });

  it('stand by a suppression that says no number, and by a clock that says no time', () => {
    const { findings } = judge([ORDERS], [], [log('tls.telemetry.suppressed', {}, { at: 1e300 })]);
    const { subject, occurrences } = findings.find(({ rule }) => rule === 'failures-suppressed')!;
    assert.equal(subject, 'handshakes');
    assert.deepEqual([occurrences?.count, occurrences?.firstSeen], [1, iso(0)]);
  });

  it('paste only variables that exist, and refer only over https', () => {
    const settings = readFileSync(join(__dirname, '../../../src/settings.ts'), 'utf8');
    for (const row of Object.values(FINDINGS)) {
      const { paste } = row.remediation;
      assert.notEqual(paste, '', row.title);
      for (const [name] of paste.matchAll(/OTEL_INSTRUMENTATION_TLS_\w+/g))
        assert.ok(settings.includes(`'${name}'`), name);
      assert.ok(row.references.length > 0, row.title);
    }
  });
});
