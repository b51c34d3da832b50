import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditResult } from '../../src/audit/audit-result';
import { FINDINGS, type FindingId } from '../../src/audit/findings';
import { commandsOf } from '../docs/markdown';
import { runOtelTls } from './otel-tls-command';

const EXAMPLE = join(__dirname, '../../../examples/audit');

/** What was planted when the evidence was recorded, and where it is found. */
const PLANTED: { readonly [id in FindingId]?: { readonly operation?: string; readonly subject?: string } } = {
  'success-without-certificate': { operation: 'GET /v1/payments' },
  'unverified-certificate-accepted': { operation: 'GET /v1/payments' },
  'forwarded-certificate-spoofed': { operation: 'POST /v1/refunds' },
  'certificate-not-recorded': { operation: 'GET /v1/invoices/{id}' },
  'verification-not-recorded': { operation: 'GET /v1/shipments/{id}' },
  'weak-encryption': { operation: 'PUT /v1/stock/{id}' },
  'shadow-operation': { subject: 'DELETE /v1/orders/{}' },
  'failure-sampled-away': { subject: 'certificate_expired' },
  'refusal-without-event': { operation: 'POST /v1/payments' },
  'operation-never-seen': { operation: 'GET /v1/reports' },
  'certificate-source-not-recorded': { operation: 'GET /v1/shipments/{id}' },
  'request-not-linked': { operation: 'GET /v1/shipments/{id}' },
  'handshake-not-in-evidence': { operation: 'GET /v1/customers/{id}' },
  'peer-address-not-recorded': { operation: 'POST /v1/sessions' },
  'failure-without-peer-address': { subject: 'failed handshakes' },
  'failures-suppressed': { subject: 'handshakes' },
  'certificate-exported': { subject: 'tls.client.certificate' },
  'certificate-near-end': { subject: 'CN=warehouse,O=Acme' },
  'user-not-recorded': { operation: 'POST /v1/orders' },
  'hangup-without-reason': { subject: 'crm' },
  'failures-without-trail': { subject: 'server certificate_expired' },
  'personal-data-exported': { subject: 'tls.client.subject of loyalty' },
  'telemetry-lost': {
    subject: 'otel.sdk.processor.span.processed batching_span_processor/0 OTLPExporterError',
  },
  'telemetry-cut': { subject: 'TLS server handshake' },
  'failure-without-alert': { subject: 'server unknown_ca of sessions' },
  'grave-failure-without-alert': { subject: 'decrypt_error' },
};

/** Not planted: who asks for them finds them in the tests of the findings, and of the probe. */
const NOT_PLANTED: readonly FindingId[] = [
  'private-key-exported',
  'identity-contradicted',
  'failure-without-reason',
  'probe-accepted',
  'probe-without-trail',
];

describe('the audit of the example', function () {
  this.timeout(30_000);

  const audited: { [name: string]: AuditResult } = {};
  before(async () => {
    for (const [name, exitCode, rules] of [
      ['gaps', 1, 'alerts.yml'],
      ['mended', 0, '../../collector-config/alerts/tls.rules.yml'],
    ] as const) {
      const command = ['audit', 'api.yaml', '--evidence', `evidence/${name}.jsonl`, '--rules', rules];
      const ran = await runOtelTls([...command, '--format', 'json'], EXAMPLE);
      assert.deepEqual([ran.exitCode, ran.stderr], [exitCode, ''], ran.stdout);
      audited[name] = JSON.parse(ran.stdout);
    }
  });

  it('is run as its README says', () => {
    assert.deepEqual(commandsOf(readFileSync(join(EXAMPLE, 'README.md'), 'utf8')), [
      'npx otel-tls audit api.yaml --evidence evidence/gaps.jsonl --rules alerts.yml',
      'npx otel-tls audit api.yaml --evidence evidence/mended.jsonl --rules ../../collector-config/alerts/tls.rules.yml',
      'node record.js',
    ]);
  });

  it('knows of each finding whether it is planted', () => {
    const known = [...Object.keys(PLANTED), ...NOT_PLANTED];
    assert.deepEqual(known.sort(), Object.keys(FINDINGS).sort());
    assert.ok(Object.keys(PLANTED).length >= 12);
  });

  for (const [id, { operation, subject }] of Object.entries(PLANTED)) {
    it(`finds ${id}`, () => {
      const found = audited['gaps']!.findings.filter(({ rule }) => rule === id);
      assert.ok(
        found.some(finding => finding.operation === operation && finding.subject === subject),
        JSON.stringify(found, null, 2),
      );
      // Those that rest on nothing having been seen.
      if (!['operation-never-seen', 'grave-failure-without-alert'].includes(id))
        assert.ok(found.every(({ occurrences }) => (occurrences?.count ?? 0) > 0));
    });
  }

  it('finds nothing that was not planted', () => {
    const found = audited['gaps']!.findings.map(({ rule, operation, subject }) => ({ rule, operation, subject }));
    const planted = Object.entries(PLANTED).map(([rule, { operation, subject }]) => ({ rule, operation, subject }));
    const byText = (list: readonly object[]) => list.map(one => JSON.stringify(one)).sort();
    assert.deepEqual(byText(found), byText(planted));
  });

  it('finds nothing in its mended twin, and every protected operation proven', () => {
    const { findings, scoreCard, operations, evidence } = audited['mended']!;
    assert.deepEqual(findings, []);
    assert.deepEqual([scoreCard.protected, scoreCard.seen, scoreCard.proven], [12, 12, 12]);
    assert.equal(evidence.failedHandshakes, 1);
    for (const { name, answers, protection } of operations) {
      if (protection === 'none') continue;
      for (const [question, { yes, no }] of Object.entries(answers!))
        assert.deepEqual([question, no, question === 'user' || yes > 0], [question, 0, true], name);
    }
  });

  it('names the line of each operation in the description', () => {
    const lines = readFileSync(join(EXAMPLE, 'api.yaml'), 'utf8').split('\n');
    for (const { name, location, method } of audited['gaps']!.operations) {
      assert.equal(location.source, 'api.yaml');
      const line = lines[location.line! - 1]!;
      assert.equal(line.slice(location.column! - 1), `${method.toLowerCase()}:`, name);
    }
  });
});
