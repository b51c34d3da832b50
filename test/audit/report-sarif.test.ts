import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import type { AuditResult } from '../../src/audit/audit-result';
import { sarifReport } from '../../src/audit/report-sarif';
import { HOSTILE_TEXTS, hostileAudit } from './hostile-audit';
import { runOtelTls } from './otel-tls-command';
import { cleanAudit, sampleAudit } from './sample-audit';

const EXAMPLE = join(__dirname, '../../../examples/audit');

/** What the tests look at. The whole is the schema's business. */
interface SarifRun {
  tool: { driver: { rules: SarifRule[] } };
  automationDetails: { id: string };
  invocations: [{ executionSuccessful: boolean; toolExecutionNotifications: { message: { text: string } }[] }];
  results: SarifResult[];
  properties: { probes?: object };
}
interface SarifRule {
  id: string;
  help: { text: string; markdown: string };
  helpUri: string;
  properties: { tags: string[]; 'security-severity': string };
}
interface SarifResult {
  ruleId: string;
  ruleIndex: number;
  level: string;
  message: { text: string };
  baselineState?: string;
  partialFingerprints: Record<string, string>;
  locations: [
    {
      physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number; startColumn?: number } };
      logicalLocations?: [{ fullyQualifiedName: string }];
    },
  ];
  properties: {
    operation?: string;
    count?: number;
    of?: number;
    traceIds?: string[];
    example?: { attributes: object };
  };
}

describe('the SARIF report', () => {
  it('is accepted by the official schema, with findings and without', () => {
    assertValid(sarifReport(sampleAudit()));
    assertValid(sarifReport(cleanAudit()));
    assertValid(sarifReport({ ...sampleAudit(), scoreCard: { ...sampleAudit().scoreCard, known: 4 } }));
  });

  it('would not be accepted with a level that SARIF does not know', () => {
    assert.throws(() => assertValid(sarifReport(sampleAudit()).replace('"level": "error"', '"level": "critical"')));
  });

  it('has a rule for each kind of finding, to which each result points', () => {
    const { tool, results } = runOf(sampleAudit());
    assert.equal(results.length, 7);
    for (const { ruleId, ruleIndex } of results) assert.equal(tool.driver.rules[ruleIndex]?.id, ruleId);
  });

  it('says of a rule what it means, what can be pasted, how grave it is, and what it breaks', () => {
    const rule = runOf(sampleAudit()).tool.driver.rules[0]!;
    assert.match(rule.help.text, /https\.createServer\(\{ key, cert, ca, requestCert: true/);
    assert.match(rule.help.markdown, /\n```\nhttps\.createServer[^\n]+\n```\n\n\* \[OWASP API8:2023\]\(https:/);
    assert.equal(rule.helpUri, 'https://owasp.org/API-Security/editions/2023/en/0xa8-security-misconfiguration/');
    assert.equal(rule.properties['security-severity'], '9.5');
    assert.deepEqual(rule.properties.tags, ['security', 'OWASP API8:2023', 'external/cwe/cwe-778']);
  });

  it('orders severities as code scanners do', () => {
    const { tool, results } = runOf(sampleAudit());
    const levels = results.map(({ level }) => level);
    assert.deepEqual(levels, ['error', 'error', 'error', 'error', 'warning', 'warning', 'note']);
    const severities = tool.driver.rules.map(({ properties }) => Number(properties['security-severity']));
    assert.deepEqual(severities, [9.5, 8, 8, 8, 5.5, 5.5, 3]);
  });

  it('keeps backticks within what can be pasted from ending it', () => {
    const audit = sampleAudit();
    const [first, ...rest] = audit.rules;
    const remediation = { text: 'Paste.', paste: '```\ninside' };
    const { tool } = runOf({ ...audit, rules: [{ ...first!, remediation }, ...rest] });
    assert.match(tool.driver.rules[0]!.help.markdown, /\n````\n```\ninside\n````\n/);
  });

  it('points to the line of the operation, and names the operation', () => {
    const [{ physicalLocation, logicalLocations }] = runOf(sampleAudit()).results[0]!.locations;
    assert.deepEqual(physicalLocation, {
      artifactLocation: { uri: 'api/payments.yaml' },
      region: { startLine: 104, startColumn: 5 },
    });
    assert.equal(logicalLocations?.[0].fullyQualifiedName, 'DELETE /v2/mandates/{mandateId}');
  });

  it('points to the first line of the description where nothing else can be pointed to', () => {
    const [{ physicalLocation, logicalLocations }] = runOf(sampleAudit()).results[2]!.locations;
    assert.deepEqual(physicalLocation, { artifactLocation: { uri: 'api/payments.yaml' }, region: { startLine: 1 } });
    assert.equal(logicalLocations?.[0].fullyQualifiedName, 'POST /v2/internal/reset');
  });

  for (const [source, uri] of [
    ['./api/payments v2.yaml', './api/payments%20v2.yaml'],
    ['../a#b?c.yaml', '../a%23b%3Fc.yaml'],
    ['c:d.yaml', 'c%3Ad.yaml'],
    ['/srv/api/ö.json', 'file:///srv/api/%C3%B6.json'],
    ['C:\\api\\a b.yaml', 'file:///C:/api/a%20b.yaml'],
    ['api\\a.yaml', 'api/a.yaml'],
    ['https://api.example/openapi.json?v=1', 'https://api.example/openapi.json?v=1'],
    ['https://', 'https%3A//'],
  ] as const) {
    it(`writes the description ${source} as the URI ${uri}`, () => {
      const audit = sampleAudit();
      const [{ physicalLocation }] = runOf({ ...audit, description: { ...audit.description, source } }).results[2]!
        .locations;
      assert.equal(physicalLocation.artifactLocation.uri, uri);
    });
  }

  it('recognises a finding in the next run, though its line and its numbers are others', () => {
    const audit = sampleAudit();
    const moved = audit.findings.map(finding => ({
      ...finding,
      message: `Once more: ${finding.message}`,
      ...(finding.location && { location: { ...finding.location, line: finding.location.line! + 40 } }),
    }));
    const fingerprints = (given: AuditResult) => runOf(given).results.map(result => result.partialFingerprints);
    assert.deepEqual(fingerprints({ ...audit, findings: moved }), fingerprints(audit));
    const distinct = new Set(fingerprints(audit).map(each => each['finding/v1']));
    assert.equal(distinct.size, audit.findings.length);
  });

  it('says that all its results are new when there was a baseline, and nothing of it when there was none', () => {
    const audit = sampleAudit();
    const compared = runOf({ ...audit, scoreCard: { ...audit.scoreCard, known: 0 } });
    assert.ok(compared.results.every(({ baselineState }) => baselineState === 'new'));
    assert.ok(runOf(audit).results.every(({ baselineState }) => baselineState === undefined));
  });

  it('carries the counts, the traces and the example', () => {
    const { properties } = runOf(sampleAudit()).results[0]!;
    assert.equal(properties.count, 12);
    assert.equal(properties.of, 12);
    assert.deepEqual(properties.traceIds, ['4bf92f3577b34da6a3ce929d0e0e4736', '0af7651916cd43dd8448eb211c80319c']);
    assert.deepEqual(properties.example?.attributes, {
      'http.response.status_code': 204,
      'tls.established': true,
      'tls.verify.result': 'not_presented',
      'url.path': '/v2/mandates/MD-55120',
    });
  });

  it('carries what was probed, where something was', () => {
    const { probes } = sampleAudit();
    assert.deepEqual(runOf(sampleAudit()).properties.probes, probes);
    assert.ok(!('probes' in runOf(cleanAudit()).properties));
  });

  it('says of an interrupted run that it is not complete', () => {
    const audit = sampleAudit();
    const whole = runOf(audit).invocations[0];
    assert.equal(whole.executionSuccessful, true);
    assert.equal(whole.toolExecutionNotifications.length, 1);
    const partial = runOf({ ...audit, evidence: { ...audit.evidence, partial: true } }).invocations[0];
    assert.equal(partial.executionSuccessful, false);
    assert.match(partial.toolExecutionNotifications[0]!.message.text, /not complete/);
  });

  it('lets nobody put a link or a placeholder into a message', () => {
    const audit = hostileAudit('[harmless](https://evil.example/) {0}');
    assert.match(runOf(audit).results[6]!.message.text, /^\[harmless\] \(https:\/\/evil\.example\/\) \{\{0\}\}: /);
  });

  for (const [kind, text] of Object.entries(HOSTILE_TEXTS)) {
    it(`stays valid, small and plain when everything from outside is ${kind}`, () => {
      const written = sarifReport(hostileAudit(text));
      assertValid(written);
      assert.ok(written.length < 200_000, `${written.length} characters`);
      const misleading: string[] = [];
      JSON.parse(written, (key, value) => {
        // What can be pasted has lines.
        const texts = [key, ...(typeof value === 'string' && !['text', 'markdown'].includes(key) ? [value] : [])];
        misleading.push(...texts.filter(each => /[\p{Cc}\p{Cf}\p{Cs}]/u.test(each)));
        return value;
      });
      for (const { message } of runOf(hostileAudit(text)).results)
        assert.doesNotMatch(message.text, /[\p{Cc}\p{Cf}\p{Cs}]/u);
      assert.deepEqual(misleading, []);
    });
  }

  it('is what the command writes of the example, each finding at the line of its operation', async function () {
    this.timeout(30_000);
    const command = ['audit', 'api.yaml', '--evidence', 'evidence/gaps.jsonl', '--format', 'sarif'];
    const { exitCode, stdout, stderr } = await runOtelTls(command, EXAMPLE);
    assert.deepEqual([exitCode, stderr], [1, '']);
    assertValid(stdout);
    const { tool, results } = (JSON.parse(stdout) as { runs: [SarifRun] }).runs[0];
    const lines = readFileSync(join(EXAMPLE, 'api.yaml'), 'utf8').split('\n');
    const ofOperations = results.filter(({ properties }) => properties.operation !== undefined);
    assert.ok(ofOperations.length >= 12);
    for (const { properties, locations } of ofOperations) {
      const { artifactLocation, region } = locations[0].physicalLocation;
      assert.equal(artifactLocation.uri, 'api.yaml');
      const [method] = properties.operation!.split(' ');
      assert.match(lines[region.startLine - 1]!, new RegExp(`^\\s+${method}:$`, 'i'));
    }
    for (const { id, helpUri, properties } of tool.driver.rules) {
      assert.match(helpUri, /^https:/, id);
      assert.ok(properties.tags.length > 1, id);
    }
  });

  it('keeps an attribute by the name of a prototype as what it is', () => {
    const attributes = runOf(hostileAudit('__proto__')).results[0]!.properties.example!.attributes;
    assert.deepEqual(Object.getOwnPropertyNames(attributes).sort(), [
      '__proto__',
      'http.response.status_code',
      'url.path',
    ]);
  });
});

function runOf(audit: AuditResult): SarifRun {
  return (JSON.parse(sarifReport(audit)) as { runs: [SarifRun] }).runs[0];
}

const SCHEMA = join(__dirname, '../../../test/fixtures/sarif/sarif-schema-2.1.0.json');

const validate = addFormats(new Ajv({ strict: false, allErrors: true })).compile(
  JSON.parse(readFileSync(SCHEMA, 'utf8')),
);

function assertValid(written: string): void {
  assert.ok(validate(JSON.parse(written)), JSON.stringify(validate.errors, null, 2));
}
