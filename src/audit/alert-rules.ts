import { FAILURE_REASONS, type FailureReasonRow, rowOfReason } from '../handshake/failure-reasons';
import { asLabel, NAME, type Selector } from './prometheus-query';

/** An alerting rule, or a recording rule: what it asks for. */
export interface PrometheusRule {
  readonly name: string;
  readonly query: readonly Selector[];
  /** What the rule adds to its results. */
  readonly labels: Labels;
}

export interface PrometheusRules {
  readonly alerts: readonly PrometheusRule[];
  readonly recordings: readonly PrometheusRule[];
}

type Labels = { readonly [label: string]: string };

/** What an alert may ring for: failures for one reason, or a pattern of abuse. */
export type FailureClass = {
  /** `service.name`. Undefined: of any. */
  readonly service?: string | undefined;
} & (
  | { readonly side: 'client' | 'server'; readonly reason: string; readonly pattern?: undefined }
  | { readonly pattern: string }
);

/** Reasons, and patterns, for which somebody should be woken even if they were never seen. */
export const GRAVE_REASONS: readonly string[] = Object.entries<FailureReasonRow>(FAILURE_REASONS)
  .filter(([, { severity }]) => severity === 'ERROR')
  .map(([reason]) => reason);

/**
 * Is there an alert whose query selects the series in which failures of this class are counted? Of labels that the
 * instrumentation does not give (of the machine, of the cluster) it is believed that they fit. Whether a threshold is
 * ever reached, nobody can tell.
 */
export function isWatched(failure: FailureClass, rules: PrometheusRules): boolean {
  if (seriesOf(failure).some(series => rules.alerts.some(alert => rings(alert, series, rules)))) return true;
  // What strangers do who try around: seen together, they are a pattern that has an alert of its own.
  if (failure.pattern !== undefined || rowOfReason(failure.reason)?.severity !== 'INFO') return false;
  return failure.side === 'server' && isWatched({ service: failure.service, pattern: 'scanner' }, rules);
}

/** One series in which a class is counted. */
interface Series {
  /** As Prometheus spells it: with the unit and without, as the collector is told. */
  readonly names: readonly string[];
  readonly labels: Labels;
  /** Of what went well, in the same series' name. Only who leaves this out asks for failures. */
  readonly labelsOfSuccess?: Labels;
}

function seriesOf(failure: FailureClass): Series[] {
  const service: Labels = failure.service === undefined ? {} : { service_name: failure.service };
  if (failure.pattern !== undefined)
    return [
      { names: counterNames('tls.abuse.detections'), labels: { ...service, tls_abuse_pattern: failure.pattern } },
    ];
  const { side, reason } = failure;
  const labels = { ...service, error_type: reason };
  const duration = asLabel(`tls.${side}.handshake.duration`);
  const series: Series[] = [
    {
      // Without `_count` it is a native histogram.
      names: ['_seconds_count', '_count', '_seconds', ''].map(ending => duration + ending),
      labels: { ...labels, tls_handshake_outcome: 'failed' },
    },
  ];
  if (side === 'server' && rowOfReason(reason)?.phase === 'certificate')
    series.push({
      names: counterNames('tls.server.client_certificate.verifications'),
      labels: { ...labels, tls_verify_result: reason === 'certificate_required' ? 'not_presented' : 'failed' },
    });
  const span = { ...service, span_name: `TLS ${side} handshake`, span_kind: 'SPAN_KIND_INTERNAL' };
  series.push({
    // What the collector's span metrics connector makes of spans.
    names: ['traces_span_metrics_calls_total', 'traces_spanmetrics_calls_total', 'calls_total'],
    labels: { ...span, status_code: 'STATUS_CODE_ERROR', error_type: reason },
    labelsOfSuccess: { ...span, status_code: 'STATUS_CODE_UNSET', error_type: '' },
  });
  return series;
}

function counterNames(instrument: string): string[] {
  return [`${asLabel(instrument)}_total`, asLabel(instrument)];
}

function rings(
  alert: PrometheusRule,
  { names, labels, labelsOfSuccess }: Series,
  { recordings }: PrometheusRules,
): boolean {
  return alert.query.some(
    selector =>
      selected(selector, { names, labels }, recordings).length > 0 &&
      (labelsOfSuccess === undefined ||
        selected(selector, { names, labels: labelsOfSuccess }, recordings).length === 0),
  );
}

/** Recording rules of recording rules. More than this, and one of them asks for itself. */
const DEEPEST = 8;

/** What a selector leaves of these labels; nothing: it does not select the series, nor what was recorded of it. */
function selected(
  { matchers, keeps }: Selector,
  series: Pick<Series, 'names' | 'labels'>,
  recordings: readonly PrometheusRule[],
  depth = 0,
): Labels[] {
  const ofName = matchers.filter(({ label }) => label === NAME);
  const inputs: Labels[] = [];
  // The collector may be told to begin all names with a word.
  if (series.names.some(name => ofName.every(({ matches, exact }) => matches(name) || exact?.endsWith(`_${name}`))))
    inputs.push(series.labels);
  for (const recording of ofName.length > 0 && depth < DEEPEST ? recordings : []) {
    if (!ofName.every(({ matches }) => matches(recording.name))) continue;
    for (const selector of recording.query)
      for (const labels of selected(selector, series, recordings, depth + 1))
        inputs.push({ ...labels, ...recording.labels });
  }
  return inputs
    .filter(labels =>
      matchers.every(
        ({ label, matches }) => label === NAME || !Object.hasOwn(labels, label) || matches(labels[label]!),
      ),
    )
    .map(labels =>
      Object.fromEntries(Object.entries(labels).map(([label, value]) => [label, keeps(label) ? value : ''])),
    );
}
