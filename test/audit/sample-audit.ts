import type {
  Answer,
  AuditedOperation,
  AuditResult,
  Finding,
  ProbeResult,
  Question,
  Rule,
} from '../../src/audit/audit-result';

/** An audit as there may be one: every kind of answer, every severity, findings of no operation, rules with code. */
export function sampleAudit(): AuditResult {
  return {
    schemaVersion: 1,
    tool: { name: 'otel-tls audit', version: '1.2.3' },
    description: { source: 'api/payments.yaml', title: 'Payments API', version: '2.4.0', format: 'OpenAPI 3.1.0' },
    evidence: {
      sources: ['evidence/traces-1.jsonl.gz', 'evidence/traces-2.jsonl'],
      spans: 48213,
      logs: 912,
      requests: 21877,
      foreignRequests: 1204,
      handshakes: 3310,
      failedHandshakes: 96,
      firstSeen: '2026-11-21T15:00:02.125Z',
      lastSeen: '2026-11-22T14:59:58.004Z',
      notes: ['evidence/traces-2.jsonl ends within line 10,418: that line was left out.'],
      partial: false,
    },
    scoreCard: {
      operations: OPERATIONS.length,
      protected: 7,
      seen: 6,
      proven: 2,
      findings: { critical: 1, high: 3, medium: 2, low: 1 },
    },
    operations: OPERATIONS,
    findings: FINDINGS,
    rules: RULES,
    probes: {
      address: 'https://payments.acme.example:8443',
      planned: 4,
      sent: 3,
      sendings: [
        probe('good', 'answered 200', {
          outcome: 'accepted',
          status: 200,
          recorded: { as: 'request', by: 'traceparent', traceId: TRACE, spanId: '00f067aa0ba902b7', hasFailed: false },
        }),
        probe('expired', 'TLS alert 45 (certificate_expired)', {
          outcome: 'refused',
          recorded: {
            as: 'handshake',
            by: 'fingerprint',
            traceId: TRACE,
            spanId: '00f067aa0ba902b8',
            reason: 'certificate_expired',
            hasFailed: true,
          },
        }),
        probe('none', 'answered 200', { outcome: 'accepted', status: 200, trail: 'missing' }),
      ],
    },
  };
}

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

function probe(
  certificate: string,
  detail: string,
  seen: Pick<ProbeResult, 'outcome'> & Partial<ProbeResult>,
): ProbeResult {
  return {
    certificate,
    operation: 'GET /v2/payments/{id}',
    path: '/v2/payments/17',
    at: '2026-11-22T14:59:58.004Z',
    detail,
    trail: 'found',
    traceId: '0af7651916cd43dd8448eb211c80319c',
    port: 51034,
    ...seen,
  };
}

/** The same API when nothing is left to find. */
export function cleanAudit(): AuditResult {
  const { probes: _, ...audit } = sampleAudit();
  const proven = OPERATIONS.filter(({ name }) => ['POST /v2/payments', 'GET /v2/payments/{id}'].includes(name));
  return {
    ...audit,
    scoreCard: {
      operations: 2,
      protected: 2,
      seen: 2,
      proven: 2,
      findings: { critical: 0, high: 0, medium: 0, low: 0 },
    },
    operations: proven,
    findings: [],
    rules: [],
  };
}

const OPERATIONS: readonly AuditedOperation[] = [
  operation('POST', '/payments', 31, 8123, everything(8123)),
  operation('GET', '/payments/{id}', 58, 11410, { ...everything(11410), user: { yes: 0, no: 0 } }),
  operation('POST', '/payments/{id}/refunds', 79, 412, {
    ...everything(412),
    verification: { yes: 388, no: 24 },
    user: { yes: 0, no: 412 },
  }),
  operation('DELETE', '/mandates/{mandateId}', 104, 12, {
    certificate: { yes: 0, no: 12 },
    verification: { yes: 0, no: 12 },
    handshake: { yes: 3, no: 9 },
    peer: { yes: 12, no: 0 },
    protocol: { yes: 3, no: 9 },
    user: { yes: 0, no: 0 },
  }),
  operation('GET', '/accounts/{accountId}/statements/{year}/{month}', 131, 640, {
    ...everything(640),
    peer: { yes: 0, no: 640 },
  }),
  { ...operation('PUT', '/accounts/{accountId}/limits', 160, 76, everything(76)), protection: 'optional' },
  operation('POST', '/webhooks/keys', 188, 0),
  { ...operation('GET', '/status', 12, 4021), protection: 'none', schemes: [] },
  { ...operation('GET', '/openapi.json', 20, 3), protection: 'none', schemes: [] },
];

const FINDINGS: readonly Finding[] = [
  {
    rule: 'success-without-certificate',
    severity: 'critical',
    fingerprint: '00c0ffee00c0ffee',
    operation: 'DELETE /v2/mandates/{mandateId}',
    location: { source: 'api/payments.yaml', line: 104, column: 5 },
    message: '12 of 12 requests were answered with success and had no certificate.',
    occurrences: {
      count: 12,
      of: 12,
      firstSeen: '2026-11-21T18:20:00.000Z',
      lastSeen: '2026-11-22T09:41:07.310Z',
      traceIds: ['4bf92f3577b34da6a3ce929d0e0e4736', '0af7651916cd43dd8448eb211c80319c'],
      example: {
        traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
        spanId: '00f067aa0ba902b7',
        name: 'DELETE /v2/mandates/:mandateId',
        service: 'payments',
        attributes: {
          'http.response.status_code': 204,
          'tls.established': true,
          'tls.verify.result': 'not_presented',
          'url.path': '/v2/mandates/MD-55120',
        },
      },
    },
  },
  {
    rule: 'operation-never-seen',
    severity: 'high',
    fingerprint: '1111111111111111',
    operation: 'POST /v2/webhooks/keys',
    location: { source: 'api/payments.yaml', line: 188, column: 5 },
    message: 'No request of 21,877 was to this operation.',
  },
  {
    rule: 'shadow-operation',
    severity: 'high',
    fingerprint: '2222222222222222',
    subject: 'POST /v2/internal/reset',
    message: '3 requests were answered that no operation of the description matches.',
    occurrences: {
      count: 3,
      firstSeen: '2026-11-22T02:00:00.000Z',
      lastSeen: '2026-11-22T02:00:04.500Z',
      traceIds: ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'],
      example: {
        traceId: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
        spanId: 'bbbbbbbbbbbbbbbb',
        name: 'POST /v2/internal/reset',
        attributes: { 'http.response.status_code': 200 },
      },
    },
  },
  {
    rule: 'no-peer-address',
    severity: 'high',
    fingerprint: '3333333333333333',
    operation: 'GET /v2/accounts/{accountId}/statements/{year}/{month}',
    location: { source: 'api/payments.yaml', line: 131, column: 5 },
    message: '640 of 640 requests do not say from which address they came.',
  },
  {
    rule: 'no-verification',
    severity: 'medium',
    fingerprint: '4444444444444444',
    operation: 'POST /v2/payments/{id}/refunds',
    location: { source: 'api/payments.yaml', line: 79, column: 5 },
    message: '24 of 412 requests do not say whether their certificate was verified.',
  },
  {
    rule: 'no-user',
    severity: 'medium',
    fingerprint: '5555555555555555',
    operation: 'POST /v2/payments/{id}/refunds',
    location: { source: 'api/payments.yaml', line: 79, column: 5 },
    message: '412 of 412 requests do not say which user made them.',
  },
  {
    rule: 'reason-unknown',
    severity: 'low',
    fingerprint: '6666666666666666',
    subject: '_OTHER',
    message: '2 of 96 failed handshakes give no reason.',
  },
];

const RULES: readonly Rule[] = [
  rule('success-without-certificate', 'critical', 'Answered without a certificate', {
    paste: 'https.createServer({ key, cert, ca, requestCert: true, rejectUnauthorized: true }, application);',
  }),
  rule('operation-never-seen', 'high', 'Protected operation never seen', {}),
  rule('shadow-operation', 'high', 'In use, and not described', {}),
  rule('no-peer-address', 'high', 'Request without the address of its peer', {
    paste: 'processors:\n  attributes/keep:\n    actions:\n      - key: network.peer.address\n        action: upsert',
  }),
  rule('no-verification', 'medium', 'Request without a verification result', {
    paste: 'node --require opentelemetry-instrumentation-tls/register app.js',
  }),
  rule('no-user', 'medium', 'Request without its user', {}),
  rule('reason-unknown', 'low', 'Failed handshake without a reason', {}),
];

function rule(id: string, severity: Rule['severity'], title: string, { paste }: { paste?: string }): Rule {
  return {
    id,
    title,
    severity,
    help: 'The description demands a client certificate, and the trail does not tell: whoever comes this way is not seen.',
    restsOn: '`http.response.status_code` below 400, and `tls.verify.result`, on SERVER spans',
    remediation: {
      text: 'Have the instrumentation on every server that answers it.',
      ...(paste !== undefined && { paste }),
    },
    references: [
      {
        name: 'OWASP API8:2023',
        url: 'https://owasp.org/API-Security/editions/2023/en/0xa8-security-misconfiguration/',
      },
      { name: 'CWE-778', url: 'https://cwe.mitre.org/data/definitions/778.html' },
    ],
  };
}

function operation(
  method: string,
  path: string,
  line: number,
  requests: number,
  answers?: Readonly<Record<Question, Answer>>,
): AuditedOperation {
  const seen = { firstSeen: '2026-11-21T15:00:02.125Z', lastSeen: '2026-11-22T14:59:58.004Z' };
  const known = {
    name: `${method} /v2${path}`,
    method,
    path,
    location: { source: 'api/payments.yaml', line, column: 5 },
    protection: 'required' as const,
    isUserKnown: false,
    schemes: ['mutualTLS'],
    requests,
    ...(requests > 0 && seen),
  };
  return answers ? { ...known, answers } : known;
}

function everything(requests: number): Readonly<Record<Question, Answer>> {
  const yes = { yes: requests, no: 0 };
  return { certificate: yes, verification: yes, handshake: yes, peer: yes, protocol: yes, user: yes };
}
