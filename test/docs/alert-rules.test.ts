import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { FAILURE_REASONS, type FailureReason } from '../../src/handshake/failure-reasons';
import { DECISION_EVENTS, EVENTS, REQUEST_EVENTS } from '../../src/telemetry/events';
import { acceptedClient } from '../telemetry/sample-handshakes';
import { SERIES, wrongNames } from './prometheus-names';
import { WATCHED_ATTRIBUTES } from './watching-tables';

const FOLDER = join(__dirname, '../../../collector-config');
const rules: Rule[] = parse(readFileSync(join(FOLDER, 'alerts/tls.rules.yml'), 'utf8')).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
);
const tests = readFileSync(join(FOLDER, 'alerts/tls.rules.test.yml'), 'utf8');
const readme = readFileSync(join(FOLDER, 'README.md'), 'utf8');

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: { readonly severity?: string };
  readonly annotations?: { readonly summary?: string; readonly runbook?: string };
}

const alerts = rules.filter(rule => rule.alert !== undefined);
const recorded = rules.flatMap(rule => rule.record ?? []);
const graveReasons = (Object.keys(FAILURE_REASONS) as FailureReason[]).filter(
  reason => FAILURE_REASONS[reason].severity === 'ERROR',
);

/** Reasons of severity ERROR that no rule rings for, and why none should. There is none such now. */
const WITHOUT_ALERT: Partial<Record<FailureReason, string>> = {};

/** Events that can be of severity ERROR and are no failures of handshakes: no metric counts them, so no rule of Prometheus can. */
const ONLY_IN_LOGS = [
  'tls.session.stale_identity',
  'tls.session.unauthenticated_resumption',
  'tls.forwarded_certificate.spoof_suspected',
];

/** Of promtool's tests, one in which nothing rings. */
const SILENT = /^ \d+\w+(?:,|\n) *alertname: (\w+)(?:,|\n) *exp_alerts: \[\]/;

describe('the alert rules', () => {
  it('ring for every reason of severity ERROR, or it is said why not', () => {
    assert.ok(graveReasons.length > 8);
    const unheard = graveReasons.filter(reason => !rings(reason) && WITHOUT_ALERT[reason] === undefined);
    assert.deepEqual(unheard, []);
    for (const [reason, why] of Object.entries(WITHOUT_ALERT)) {
      assert.match(why, /.{20}/);
      assert.ok(!rings(reason), `${reason} has a rule, and an excuse`);
    }
  });

  it('name only reasons that exist', () => {
    const named = rules.flatMap(({ expr }) => [...expr.matchAll(/error_type=~?"([^"]+)"/g)]).map(match => match[1]!);
    assert.ok(named.length > 3);
    for (const reason of named.flatMap(list => list.split('|')))
      assert.ok(Object.hasOwn(FAILURE_REASONS, reason), reason);
  });

  it('ask only for series and labels that there are', () => {
    assert.ok(SERIES.has('tls_server_handshake_duration_seconds_count') && SERIES.has('tls_abuse_detections_total'));
    for (const { expr } of rules) assert.deepEqual(wrongNames(expr, recorded), []);
  });

  it('would be found out asking for others', () => {
    assert.deepEqual(wrongNames('sum by (service_name) (rate(tls_nothing_total[5m]))'), [
      'no series tls_nothing_total',
    ]);
    assert.deepEqual(wrongNames('tls_abuse_detections_total{error_type=""}'), [
      'tls_abuse_detections_total has no label error_type',
    ]);
    assert.equal(wrongNames('sum by (error_type) (tls_abuse_detections_total)').length, 1);
    assert.deepEqual(wrongNames('histogram_quantile(0.5, tls_server_handshake_duration_seconds_bucket)'), []);
  });

  for (const { alert, labels, annotations } of alerts) {
    it(`say how urgent ${alert} is and for which service, and show in tests when it rings and when it does not`, () => {
      assert.ok(['page', 'ticket'].includes(labels?.severity ?? ''), labels?.severity);
      assert.match(annotations?.summary ?? '', /^\{\{ \$labels\.service_name \}\}: /);
      const shown = tests.split(/- (?:\{ )?eval_time:/).filter(part => part.includes(`alertname: ${alert}\n`));
      assert.ok(
        shown.some(part => part.includes('exp_labels')),
        'no test in which it rings',
      );
      const silent = tests.split(/- (?:\{ )?eval_time:/).filter(part => SILENT.exec(part)?.[1] === alert);
      assert.ok(silent.length > 0, 'no test in which it is silent');
    });
  }

  // Not error=true: Jaeger 2 with its storage in memory finds nothing by it.
  it('send to Jaeger for attributes only', () => {
    const sent = alerts.flatMap(
      ({ annotations }) => /^Jaeger: .*\btags ([\w.]+)=/.exec(annotations?.runbook ?? '')?.[1] ?? [],
    );
    assert.ok(sent.length >= 5);
    for (const name of sent) assert.ok(WATCHED_ATTRIBUTES.includes(name), name);
  });

  it('are not asked for what no metric counts: the README says where to look instead', () => {
    const grave = Object.entries({ ...REQUEST_EVENTS, ...DECISION_EVENTS })
      .filter(([, { severity }]) => severity === ('ERROR' as string))
      .map(([name]) => name);
    const ofHandshakes = Object.entries(EVENTS)
      .filter(([, { severity }]) => severity(acceptedClient()) === 'ERROR')
      .map(([name]) => name);
    assert.deepEqual([...ofHandshakes, ...grave].sort(), [...ONLY_IN_LOGS].sort());
    for (const name of ONLY_IN_LOGS) assert.ok(readme.includes(`\`${name}\``), name);
  });
});

/** By name: the alerts on the share of all that fail wait until it is many. */
function rings(reason: string): boolean {
  return alerts.some(({ expr }) =>
    [...expr.matchAll(/error_type=~?"([^"]+)"/g)].some(match => match[1]!.split('|').includes(reason)),
  );
}
