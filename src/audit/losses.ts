import { type EvidenceLog, type EvidencePoint, textOf } from './evidence';

/** Telemetry that was on its way and did not arrive, by the word of who was to carry it. */
export interface Loss {
  /** Who counted it, and where: `otelcol_exporter_send_failed_spans otlp/backend`. */
  readonly subject: string;
  readonly count: number;
}

/**
 * What the collector counts of itself. The ending is of Prometheus, by which many have it.
 * opentelemetry-collector 0.158: exporterhelper, receiverhelper, processorhelper. Last checked 2026-11-22.
 */
const OF_THE_COLLECTOR =
  /^otelcol_(?:exporter_(?:send|enqueue)_failed|receiver_(?:refused|failed)|processor_(?:memory_limiter_)?(?:refused|dropped))_(?:spans|log_records|metric_points)(?=_|$)/;

/** What an SDK counts of itself: with an error's type, what it did not get rid of. Semantic conventions 1.38, otel.sdk.*. */
const OF_AN_SDK =
  /^otel\.sdk\.(?:processor\.(?:span|log)\.processed|exporter\.(?:span|log|metric_data_point)\.exported)$/;

const COMPONENTS = ['exporter', 'receiver', 'processor', 'otel.component.name', 'otel.component.type'];

/** Undefined: the instrument counts something else. The count is the point's: of all since the series began, or not. */
export function lossIn({ name, attributes, count }: EvidencePoint): Loss | undefined {
  const ofCollector = name.startsWith('otelcol_') ? OF_THE_COLLECTOR.exec(name)?.[0] : undefined;
  const error = textOf(attributes, 'error.type');
  if (ofCollector === undefined && (error === undefined || !OF_AN_SDK.test(name))) return undefined;
  const component = COMPONENTS.map(attribute => textOf(attributes, attribute)).find(text => text !== undefined);
  return { subject: [ofCollector ?? name, component, error].filter(part => part !== undefined).join(' '), count };
}

/** What the collector says when it gives up. opentelemetry-collector 0.158, exporterhelper. Last checked 2026-11-22. */
const GIVEN_UP = /^(?:Exporting failed\. (?:Dropping|Rejecting) data)/;

/** A line of the collector's own log, sent as OTLP. */
export function lossInLog({ body, attributes }: EvidenceLog): Loss | undefined {
  if (typeof body !== 'string') return undefined;
  const what = GIVEN_UP.exec(body.slice(0, 100))?.[0];
  if (what === undefined) return undefined;
  const items = attributes['dropped_items'] ?? attributes['rejected_items'];
  const component = textOf(attributes, 'otelcol.component.id') ?? textOf(attributes, 'name');
  return {
    subject: component === undefined ? what : `${what}: ${component}`,
    count: typeof items === 'number' && items > 0 ? Math.round(items) : 1,
  };
}
