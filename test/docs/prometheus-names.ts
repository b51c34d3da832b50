import { type InstrumentName, INSTRUMENTS } from '../../src/telemetry/metrics';

/** What a resource leaves behind as labels on every series: see `transform/labels` in the collectors' files. */
const RESOURCE_LABELS = [
  'service_name',
  'service_namespace',
  'service_instance_id',
  'host_name',
  'process_pid',
  'collector_instance_id',
];

/** What the collector counts from spans, with the dimensions that its files ask for. */
const SPAN_METRICS = {
  traces_span_metrics_calls_total: ['span_name', 'span_kind', 'status_code', 'error_type', 'tls_protocol_version'],
};

/** Prometheus's own series about its alerts. */
const ALERTS = ['alertname', 'alertstate', 'severity', 'error_type', 'tls_abuse_pattern'];

const UNITS: Readonly<Record<string, string>> = { s: '_seconds' };

/** Every series that the collector gives to Prometheus, with its labels. */
export const SERIES: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...Object.entries(INSTRUMENTS).flatMap(([name, row]) => seriesOf(name, row)),
  ...Object.entries(SPAN_METRICS).map(([name, labels]): Series => [name, [...labels, ...RESOURCE_LABELS]]),
  ['ALERTS', [...ALERTS, ...RESOURCE_LABELS]],
]);

type Series = readonly [name: string, labels: readonly string[]];

function seriesOf(name: string, { kind, unit, attributes }: (typeof INSTRUMENTS)[InstrumentName]): Series[] {
  const base = `${name.replaceAll('.', '_')}${UNITS[unit] ?? ''}`;
  const labels = [...attributes.map(attribute => attribute.replaceAll('.', '_')), ...RESOURCE_LABELS];
  if (kind !== 'histogram') return [[kind === 'counter' ? `${base}_total` : base, labels]];
  return [
    [`${base}_count`, labels],
    [`${base}_sum`, labels],
    [`${base}_bucket`, [...labels, 'le']],
  ];
}

/** What is wrong with the names in a query, in words; `recorded` are the series that recording rules add. Empty: nothing. */
export function wrongNames(query: string, recorded: readonly string[] = []): string[] {
  const wrong: string[] = [];
  const bare = query.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const labels = new Set<string>();
  for (const [, name, matchers] of bare.matchAll(/([a-zA-Z_][\w:]*_[\w:]*|ALERTS)(\{[^}]*\})?/g)) {
    if (isSyntax(bare, name!)) continue;
    const its = SERIES.get(name!);
    if (!its && !recorded.includes(name!)) wrong.push(`no series ${name}`);
    for (const label of its ?? []) labels.add(label);
    for (const [, label] of (matchers ?? '').matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|!=|=)/g))
      if (its && !its.includes(label!)) wrong.push(`${name} has no label ${label}`);
  }
  for (const [, list] of bare.matchAll(/\b(?:by|without|on|ignoring) \(([^)]*)\)/g))
    for (const label of list!.split(/,\s*/))
      if (labels.size > 0 && !labels.has(label)) wrong.push(`nothing in ${query} has a label ${label}`);
  return wrong;
}

/** A function's name, a variable of Grafana's, or a label in braces or in the list of a `by`. */
function isSyntax(query: string, name: string): boolean {
  const outside = query.replace(/\{[^}]*\}/g, '').replace(/\b(?:by|without|on|ignoring) \([^)]*\)/g, '');
  return !new RegExp(`(?<![\\w:$])${name}(?![\\w:]|\\s*\\()`).test(outside);
}
