import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditResult } from '../../src/audit/audit-result';
import { runOtelTls } from '../audit/otel-tls-command';
import { run } from '../examples/shell-command';
import { Collector } from './collector';
import { Jaeger } from './jaeger';
import { eventually, runningPrograms } from './running-programs';

const EXAMPLE = join(__dirname, '../../../examples/audit');

/** What rests on log records, which Jaeger does not keep. */
const OF_LOGS = ['failure-sampled-away', 'failures-suppressed'];

describe('the audit of real evidence', () => {
  const programs = runningPrograms();

  async function audit(...parameters: string[]): Promise<AuditResult> {
    const { stdout, stderr } = await runOtelTls(['audit', 'api.yaml', ...parameters, '--format', 'json'], EXAMPLE);
    assert.equal(stderr, '');
    return JSON.parse(stdout);
  }

  const told = ({ findings }: AuditResult) =>
    findings
      .filter(({ rule }) => !OF_LOGS.includes(rule))
      .map(({ rule, operation, subject }) => [rule, operation ?? subject].join(': '))
      .sort();

  it('finds the same in a real Jaeger, behind a real collector, as in the files', async function () {
    this.timeout(120_000);
    const jaeger = await Jaeger.start(programs);
    const collector = await Collector.start(programs, 'agent-jaeger.yaml', {
      JAEGER_OTLP_ENDPOINT: jaeger.otlpEndpoint,
    });
    const file = join(EXAMPLE, 'evidence/gaps.jsonl');
    for (const body of readFileSync(file, 'utf8').trimEnd().split('\n')) {
      if (!body.startsWith('{"resourceSpans"')) continue;
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${collector.endpoint('http/json')}/v1/traces`, { method: 'POST', headers, body });
      assert.equal(response.status, 200, await response.text());
    }
    const files = await audit('--evidence', file);
    const found = await eventually('all of it is in Jaeger', async () => {
      const result = await audit('--jaeger', jaeger.queryUrl, '--since', '2026-11-01');
      return result.evidence.spans >= files.evidence.spans ? result : undefined;
    });
    assert.deepEqual(told(found), told(files));
    assert.deepEqual(found.evidence.notes, []);
    assert.equal(found.evidence.requests, files.evidence.requests);
  });

  it('finds the same gaps in evidence that is recorded anew', async function () {
    this.timeout(240_000);
    const folder = mkdtempSync(join(tmpdir(), 'evidence-'));
    try {
      const recorded = await run(`node record.js '${folder}'`, { cwd: EXAMPLE });
      assert.deepEqual([recorded.stderr, recorded.exitCode], ['', 0]);
      assert.deepEqual((await audit('--evidence', join(folder, 'mended.jsonl'))).findings, []);
      const [before, now] = await Promise.all(
        [EXAMPLE.concat('/evidence'), folder].map(place => audit('--evidence', join(place, 'gaps.jsonl'))),
      );
      // A sampler that keeps one trace in three may, rarely, keep all that matters.
      assert.deepEqual(told(now!), told(before!));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
