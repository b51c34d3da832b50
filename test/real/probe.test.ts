import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditResult } from '../../src/audit/audit-result';
import { runOtelTls } from '../audit/otel-tls-command';
import { Application } from './application';
import { Collector } from './collector';
import { issueCredentials } from './credentials';
import { Jaeger } from './jaeger';
import { runningPrograms } from './running-programs';

const BANK = join(__dirname, '../../../test/real/fixtures/bank.yaml');

describe('the probe of an unchanged application with mutual TLS, behind a real collector', () => {
  const programs = runningPrograms();
  const folder = mkdtempSync(join(tmpdir(), 'probe-'));
  const evidenceFile = join(folder, 'evidence.jsonl');
  let address: string;
  let jaeger: Jaeger;

  before(async function () {
    this.timeout(180_000);
    const credentials = await issueCredentials();
    jaeger = await Jaeger.start(programs);
    const collector = await Collector.start(programs, 'agent-evidence.yaml', {
      JAEGER_OTLP_ENDPOINT: jaeger.otlpEndpoint,
      EVIDENCE_FILE: evidenceFile,
    });
    const application = await Application.start(
      programs,
      credentials,
      'orders',
      { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint(), OTEL_NODE_RESOURCE_DETECTORS: 'env' },
      { file: 'express-app.js', flags: ['--require', '@opentelemetry/auto-instrumentations-node/register'] },
    );
    address = `https://127.0.0.1:${application.port}`;
    const { cert, key } = credentials.clients.good;
    for (const [name, text] of Object.entries({
      'ca.pem': credentials.authority,
      'good.pem': cert,
      'good-key.pem': key,
    }))
      writeFileSync(join(folder, name), text);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const places: readonly (readonly [string, () => readonly string[]])[] = [
    ['the file that the collector writes', () => ['--evidence', evidenceFile]],
    ['Jaeger', () => ['--jaeger', jaeger.queryUrl]],
  ];
  for (const [place, evidence] of places) {
    it(`finds a trail of everything that it sent in ${place}, as soon as it is there`, async function () {
      this.timeout(120_000);
      const { stdout, stderr } = await runOtelTls(
        [
          ...['audit', BANK, ...evidence(), '--format', 'json', '--yes', '--probe', address],
          ...['--probe-limit', '8', '--probe-rate', '10', '--probe-wait', '60s', '--probe-ca', 'ca.pem'],
          ...['--probe-certificate', 'good.pem', '--probe-key', 'good-key.pem'],
        ],
        folder,
      );
      assert.notEqual(stdout, '', stderr);
      const { probes, findings } = JSON.parse(stdout) as AuditResult;
      const seen = probes!.sendings.map(({ certificate, outcome, trail, recorded }) => [
        certificate,
        outcome,
        trail,
        recorded?.reason,
      ]);
      assert.deepEqual(
        seen,
        [
          ['good', 'accepted', 'found', undefined],
          ['none', 'refused', 'found', 'certificate_required'],
          ['expired', 'refused', 'found', 'unknown_ca'],
          ['not-yet-valid', 'refused', 'found', 'unknown_ca'],
          ['self-signed', 'refused', 'found', 'self_signed_certificate'],
          ['unknown-ca', 'refused', 'found', 'unknown_ca'],
          ['forged-issuer', 'refused', 'found', 'certificate_signature_invalid'],
          ['wrong-purpose', 'refused', 'found', 'unknown_ca'],
        ],
        stderr,
      );
      assert.ok(findings.every(({ rule }) => !rule.startsWith('probe-')));
    });
  }
});
