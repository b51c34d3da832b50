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
    const requests = this.requests.filter(
      ({ signal, contentType }) => signal === 'metrics' && /json/.test(contentType),
    );
    const scopes = requests.flatMap(({ body }) => metricScopesIn(JSON.parse(body.toString())));
    return [...new Set(scopes.flatMap(({ metrics }) => metrics.map(({ name }) => name)))].sort();
  }
}

interface MetricScope {
  readonly metrics: readonly { readonly name: string }[];
}

function metricScopesIn(request: { resourceMetrics: { scopeMetrics: MetricScope[] }[] }): MetricScope[] {
  return request.resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics);
}
