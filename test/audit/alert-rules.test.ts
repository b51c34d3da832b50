import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FailureClass, GRAVE_REASONS, isWatched } from '../../src/audit/alert-rules';
import { RuleFileError, type RulesRead, readRuleFiles } from '../../src/audit/rule-files';
import { FAILURE_REASONS } from '../../src/handshake/failure-reasons';
import { PATTERNS } from '../../src/patterns/patterns';

const OURS = join(__dirname, '../../../collector-config/alerts/tls.rules.yml');

const EXPIRED: FailureClass = { side: 'server', reason: 'certificate_expired', service: 'shop' };
const COUNT = 'tls_server_handshake_duration_seconds_count';
const SPANS = 'traces_span_metrics_calls_total';

describe('the rules of Prometheus', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'rules-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function file(text: string): string {
    const path = join(folder, 'rules.yml');
    writeFileSync(path, text);
    return path;
  }
  const read = (text: string): Promise<RulesRead> => readRuleFiles([file(text)]);
  const alert = (expr: string) => ({ alert: 'A', expr });
  const record = (record: string, expr: string, labels = {}) => ({ record, expr, labels });
  // JSON is YAML.
  const rules = (...rules: readonly object[]) => read(JSON.stringify({ groups: [{ name: 'g', rules }] }));

  /** Whether an alert with this query rings for an expired certificate at the shop's server. */
  const WATCHED: readonly [query: string, isWatched: boolean][] = [
    [`${COUNT} > 0`, true],
    [`rate(${COUNT}[5m]) > 0`, true],
    [`sum by (error_type) (increase(${COUNT}{error_type="certificate_expired"}[10m] offset 1m)) > 0`, true],
    [`sum(rate(${COUNT}{error_type='certificate_expired', tls_resumed="false"}[5m])) > 0`, true],
    [`sum(rate(${COUNT}{error_type="unknown_ca"}[5m])) > 0`, false],
    [`${COUNT}{error_type=~"unknown_ca|certificate_.*"}`, true],
    // Anchored at both ends.
    [`${COUNT}{error_type=~"certificate"}`, false],
    [`${COUNT}{error_type=~"(?i)CERTIFICATE_(?P<what>expired|revoked)"}`, true],
    [`${COUNT}{error_type!="certificate_expired"}`, false],
    [`${COUNT}{error_type!="unknown_ca"}`, true],
    [`${COUNT}{error_type!=""}`, true],
    [`${COUNT}{error_type=""}`, false],
    [`${COUNT}{error_type!~"certificate_.*"}`, false],
    [`${COUNT}{error_type!~"unknown_.*", error_type!="certificate_revoked"}`, true],
    [`${COUNT}{error_type!~"unknown_.*", error_type!="certificate_expired"}`, false],
    [`${COUNT}{tls_handshake_outcome="failed"}`, true],
    [`${COUNT}{tls_handshake_outcome="established"}`, false],
    // Of whatever machine or cluster; but of this service.
    [`${COUNT}{cluster="a", instance=~".*:9464", service_name="shop"}`, true],
    [`${COUNT}{service_name="other"}`, false],
    // Other spellings: without unit, with a namespace, native histograms, names in quotes.
    [`tls_server_handshake_duration_count{error_type="certificate_expired"}`, true],
    [`otel_${COUNT}{error_type="certificate_expired"}`, true],
    [`histogram_count(rate(tls_server_handshake_duration_seconds[5m])) > 0`, true],
    ['{"tls.server.handshake.duration_seconds_count", "error.type"="certificate_expired"}', true],
    ['{"tls.server.handshake.duration_seconds_count", "error.type"=`unknown_ca`}', false],
    ['{__name__=~"tls_(server|client)_handshake_duration_seconds_count", error_type="certificate\\x5fexpired"}', true],
    [`${COUNT}{error_type="certificate\\137expired"}`, true],
    [`${COUNT}{error_type="certificate\\u005fexpired"}`, true],
    [`${COUNT}{error_type="certificate\\U0000005fexpired"}`, true],
    [`${COUNT}{error_type!="\\n\\\\\\"\\U7fffffff"}`, true],
    ['{error_type="certificate_expired"}', true],
    ['{}', true],
    // How long, not how many; and the other side's.
    ['histogram_quantile(0.9, rate(tls_server_handshake_duration_seconds_bucket[5m])) > 1', false],
    ['tls_client_handshake_duration_seconds_count', false],
    // Of a ratio, and of a comparison, what is asked about stands first.
    [`sum(rate(${COUNT}{error_type="unknown_ca"}[5m])) / sum(rate(${COUNT}[5m])) > 0.05`, false],
    [`sum(rate(${COUNT}{error_type!=""}[5m])) / sum(rate(${COUNT}[5m])) > 0.05`, true],
    [`0.05 < sum(rate(${COUNT}{error_type="certificate_expired"}[5m]))`, true],
    [`up == 0 and ${COUNT} > 0`, false],
    [`${COUNT} > 0 unless ${COUNT} offset 1h`, true],
    [`up == 0 or ${COUNT}{error_type="certificate_expired"}`, true],
    [`sum(rate(x[5m])) + sum(rate(${COUNT}[5m])) > 0`, true],
    [`absent(${COUNT})`, false],
    ['vector(1)', false],
    // What else counts failures.
    ['tls_server_client_certificate_verifications_total{tls_verify_result="failed"}', true],
    ['tls_server_client_certificate_verifications_total{tls_verify_result="ok"}', false],
    [`${SPANS}{span_name="TLS server handshake", status_code="STATUS_CODE_ERROR"}`, true],
    [`${SPANS}{error_type="certificate_expired"}`, true],
    [`${SPANS}{status_code="STATUS_CODE_ERROR", span_name="GET"}`, false],
    // How many requests there are says nothing of failures.
    [`rate(${SPANS}[5m]) > 100`, false],
  ];
  for (const [query, expected] of WATCHED) {
    it(`${expected ? 'ring' : 'do not ring'} for an expired certificate by ${query}`, async () => {
      assert.equal(isWatched(EXPIRED, await rules(alert(query))), expected);
    });
  }

  it('are followed through what other rules have recorded', async () => {
    const failures = record('failures:10m', `sum by (service_name, error_type) (increase(${COUNT}[10m]))`);
    const again = record('job:failures', 'failures:10m{error_type!="unknown_ca"} > 0', { kind: 'tls' });
    const watched = async (...all: readonly object[]) => isWatched(EXPIRED, await rules(...all));
    assert.ok(await watched(failures, again, alert('job:failures{kind="tls", error_type="certificate_expired"}')));
    assert.ok(!(await watched(failures, again, alert('job:failures{kind="other"}'))));
    assert.ok(!(await watched(failures, again, alert('job:failures{error_type="unknown_ca"}'))));
    // A recording rule alone rings nowhere.
    assert.ok(!(await watched(failures, again)));
    // Once the reason is summed away, nobody can ask for it.
    const summed = record('failures:10m', `sum by (service_name) (increase(${COUNT}[10m]))`);
    assert.ok(await watched(summed, alert('failures:10m > 0')));
    assert.ok(!(await watched(summed, alert('failures:10m{error_type="certificate_expired"} > 0'))));
    const quoted = record('failures:10m', `sum by ("error.type") (increase(${COUNT}[10m]))`);
    assert.ok(await watched(quoted, alert('failures:10m{error_type="certificate_expired"} > 0')));
    const without = record('failures:10m', `sum without (error_type) (increase(${COUNT}[10m]))`);
    assert.ok(!(await watched(without, alert('failures:10m{error_type!=""} > 0'))));
    const first = record('failures:10m', `topk(3, ${COUNT})`);
    assert.ok(await watched(first, alert('failures:10m{error_type!=""} > 0')));
    assert.ok(!(await watched(record('a', 'a'), alert('a'))));
  });

  it('of this package ring for every reason on both sides, and for every pattern', async () => {
    const { notes, ...ours } = await readRuleFiles([OURS]);
    assert.deepEqual(notes, []);
    assert.ok(GRAVE_REASONS.length > 8);
    for (const reason of Object.keys(FAILURE_REASONS))
      for (const side of ['server', 'client'] as const)
        assert.ok(isWatched({ side, reason }, ours), `${side} ${reason}`);
    for (const pattern of Object.keys(PATTERNS)) assert.ok(isWatched({ pattern }, ours), pattern);
  });

  it('ring for who tries around when they ring for the pattern', async () => {
    const scanner = await rules(alert('tls_abuse_detections_total{tls_abuse_pattern="scanner"}'));
    assert.ok(isWatched({ side: 'server', reason: 'not_tls' }, scanner));
    assert.ok(!isWatched({ side: 'client', reason: 'not_tls' }, scanner));
    assert.ok(!isWatched(EXPIRED, scanner));
    assert.ok(!isWatched({ pattern: 'retry_burst' }, scanner));
  });

  it('are none in an empty file, and that is said', async () => {
    for (const text of ['', '# nothing\n', 'groups: []\n', 'groups:\n', '{"groups":[{"name":"g","rules":[]}]}']) {
      const { alerts, recordings, notes } = await read(text);
      assert.deepEqual([alerts, recordings], [[], []]);
      assert.deepEqual(notes, [`${join(folder, 'rules.yml')}: there is no alerting rule in it`]);
    }
  });

  it('are read from several files, from several documents, and from resources of the operator', async () => {
    const spec = { groups: [{ name: 'g', rules: [alert('service:failures')] }] };
    const resource = file(`---\n# nothing yet\n---\n${JSON.stringify({ kind: 'PrometheusRule', spec })}\n`);
    const other = join(folder, 'other.yml');
    const aliased = [
      `x: [&name 'service:failures', &labels {kind: tls, ? [odd] : x}, &query ${COUNT}, &none null]`,
      'groups:',
      '- name: h',
      '  rules: [{record: *name, alert: *none, expr: *query, labels: *labels}, {record: other, expr: 1}]',
    ];
    writeFileSync(other, aliased.join('\n'));
    assert.ok(isWatched(EXPIRED, await readRuleFiles([resource, other])));
  });

  it('match nothing by a pattern that only RE2 knows, and that is said', async () => {
    const found = await rules(alert(`${COUNT}{error_type=~"[[:alpha:]_]++"}`));
    assert.ok(!isWatched(EXPIRED, found));
    assert.match(
      found.notes.join(),
      /rules\.yml:1: alert 'A' of group 'g' has a regular expression that was not underst/,
    );
  });

  const FAULTS: readonly [what: string, text: string, complaint: RegExp][] = [
    ['no YAML', 'groups: [\n  {name: a\n', /rules\.yml:\d': .+ \(YAML [A-Z_]+\)$/],
    ['no rules', 'openapi: 3.1.0\n', /rules\.yml:1': there are no "groups"/],
    ['a list', '- a\n', /rules\.yml:1': a file of rules was expected here, with groups$/],
    ['groups that are none', 'groups: yes\n', /rules\.yml:1': groups: a list was expected$/],
    ['a group without name', 'groups:\n- rules: []\n', /rules\.yml:2': a group without a "name"$/],
    [
      'a rule that is none',
      'groups:\n- name: g\n  rules:\n  - x\n',
      /:4': a rule of group 'g' was expected here, with alert/,
    ],
    [
      'a rule without name',
      'groups:\n- name: g\n  rules:\n  - expr: up\n',
      /:4': a rule of group 'g' has neither "alert" nor/,
    ],
    [
      'a rule with two names',
      'groups:\n- name: g\n  rules:\n  - {alert: a, record: b, expr: up}\n',
      /:4': a rule of group 'g' has both "alert" and "record"$/,
    ],
    ['no query', 'groups:\n- name: g\n  rules:\n  - alert: Down\n', /:4': alert 'Down' of group 'g' has no "expr"$/],
    ['a name that is none', 'groups:\n- name: g\n  rules:\n  - alert: [a]\n', /:4': "alert" was expected to be text$/],
    [
      'labels that are none',
      `groups: [{name: g, rules: [{record: r, expr: up, labels: x}]}]`,
      /:1': labels was expected/,
    ],
    [
      'a query that is a list',
      'groups: [{name: g, rules: [{alert: A, expr: [up]}]}]',
      /:1': alert 'A' of group 'g' has no/,
    ],
    [
      'a query of any length',
      `groups: [{name: g, rules: [{alert: A, expr: 'up${' '.repeat(100_000)}+ up'}]}]`,
      /:1': alert 'A' of group 'g': its "expr" is no PromQL: longer than 100000 characters$/,
    ],
    [
      'a file of any length',
      `#${' '.repeat(8 * 1024 * 1024)}`,
      /rules\.yml': longer than 8388608 characters; a file of/,
    ],
    [
      'a query that ends early',
      'groups:\n- name: g\n  rules:\n  - alert: Down\n    expr: sum(up\n',
      /:5': alert 'Down' of group 'g': its "expr" is no PromQL: it ends early$/,
    ],
    [
      'a query that is none',
      'groups:\n- name: g\n  rules:\n  - record: a:b\n    expr: |\n      sum by (x) up}\n',
      /:5': record 'a:b' of group 'g': its "expr" is no PromQL: not understood from 'up\}' on$/,
    ],
    [
      'a query without end',
      `groups:\n- name: g\n  rules:\n  - alert: A\n    expr: ${'('.repeat(600)}up${')'.repeat(600)}\n`,
      /:5': alert 'A' of group 'g': its "expr" is no PromQL: nested too deeply$/,
    ],
  ];
  for (const [what, text, complaint] of FAULTS) {
    it(`cannot be read from ${what}: file, line and rule are named`, async () => {
      await assert.rejects(read(text), (fault: unknown) => {
        assert.ok(fault instanceof RuleFileError, String(fault));
        assert.match(fault.message, complaint);
        assert.ok(!fault.message.includes('\n'));
        return true;
      });
    });
  }

  it('cannot be read from what is no file', async () => {
    for (const [path, why] of [
      [join(folder, 'none.yml'), 'there is no such file'],
      [folder, 'this is a folder'],
    ])
      await assert.rejects(readRuleFiles([path!]), {
        message: `--rules '${path}': ${why}; a file of Prometheus rules in YAML was expected`,
      });
  });
});
