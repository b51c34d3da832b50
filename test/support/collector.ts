import type { Attributes, ReceivedLog, ReceivedSpan } from '../../src/cli/otlp-messages';
import { type OtlpReceiver, type RawRequest, startOtlpReceiver } from '../../src/cli/otlp-receiver';

/** A collector on a free loopback port that keeps everything it is sent. */
export class Collector {
  readonly spans: ReceivedSpan[] = [];
  readonly logs: ReceivedLog[] = [];
  readonly resources: Attributes[] = [];
  readonly requests: RawRequest[] = [];
  /** What was sent that is no OTLP. */
  readonly problems: string[] = [];
  #receiver: OtlpReceiver | undefined;

  static async start(): Promise<Collector> {
    const collector = new Collector();
    collector.#receiver = await startOtlpReceiver(
      {
        spans: spans => void collector.spans.push(...spans),
        logs: logs => void collector.logs.push(...logs),
        resource: resource => void collector.resources.push(resource),
        request: request => void collector.requests.push(request),
        problem: problem => void collector.problems.push(problem),
      },
      { port: 0 },
    );
    return collector;
  }

  get url(): string {
    return (this.#receiver as OtlpReceiver).url;
  }

  close(): Promise<void> {
    return (this.#receiver as OtlpReceiver).close();
  }

  /** Names of all metrics that came as JSON, once each. */
  get metricNames(): string[] {
    return [...new Set(this.#metricsAsJson.map(({ name }) => name))].sort();
  }

  /** How often a histogram that came as JSON was told of something, by its last request. Undefined: it never came. */
  countIn(histogram: string): number | undefined {
    const points = this.#metricsAsJson.findLast(({ name }) => name === histogram)?.histogram?.dataPoints;
    return points?.reduce((sum, { count }) => sum + Number(count), 0);
  }

  /** In the order in which they came. */
  get #metricsAsJson(): Metric[] {
    const requests = this.requests.filter(
      ({ signal, contentType }) => signal === 'metrics' && /json/.test(contentType),
    );
    return requests.flatMap(({ body }) => metricsIn(JSON.parse(body.toString())));
  }
}

interface Metric {
  readonly name: string;
  readonly histogram?: { readonly dataPoints: readonly { readonly count: number | string }[] };
}

function metricsIn(request: { resourceMetrics: { scopeMetrics: { metrics: Metric[] }[] }[] }): Metric[] {
  return request.resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
}
