import type { Logger, LoggerProvider as LoggerProviderApi } from '@opentelemetry/api-logs';
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { type DataPoint, type Histogram, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
  type SpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';

/** The SDK itself, with everything it was told kept in memory. */
export class TelemetryRecorder {
  readonly tracerProvider: TracerProvider;
  readonly meterProvider: MeterProvider;
  readonly loggerProvider: LoggerProvider;
  readonly #spans = new InMemorySpanExporter();
  readonly #logs = new InMemoryLogRecordExporter();
  readonly #metrics = new OnDemandReader();

  constructor({
    sampler,
    idGenerator,
    spanProcessors = [],
  }: { sampler?: Sampler; idGenerator?: IdGenerator; spanProcessors?: readonly SpanProcessor[] } = {}) {
    this.tracerProvider = new TracerProvider({
      spanProcessors: [...spanProcessors, new SimpleSpanProcessor({ exporter: this.#spans })],
      ...(sampler && { sampler }),
      ...(idGenerator && { idGenerator }),
    });
    this.meterProvider = new MeterProvider({ readers: [this.#metrics] });
    this.loggerProvider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter: this.#logs })] });
  }

  /** As the older of the two logs APIs has it: what is emitted is the same. */
  get olderLoggerProvider(): LoggerProviderApi {
    return this.loggerProvider as unknown as LoggerProviderApi;
  }

  get logger(): Logger {
    return this.olderLoggerProvider.getLogger('test');
  }

  /** In the order in which they ended. */
  get spans(): ReadableSpan[] {
    return this.#spans.getFinishedSpans();
  }

  get logs(): ReturnType<InMemoryLogRecordExporter['getFinishedLogRecords']> {
    return this.#logs.getFinishedLogRecords();
  }

  /** Every data point of every metric, by the metric's name; empty lists where nothing was measured. */
  async metrics(): Promise<Record<string, RecordedMetric>> {
    const { resourceMetrics, errors } = await this.#metrics.collect();
    if (errors.length > 0) throw errors[0];
    const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
    return Object.fromEntries(
      all.map(({ descriptor, dataPoints }) => [
        descriptor.name,
        { unit: descriptor.unit, description: descriptor.description, dataPoints: dataPoints as AnyDataPoint[] },
      ]),
    );
  }
}

export interface RecordedMetric {
  readonly unit: string;
  readonly description: string;
  readonly dataPoints: readonly AnyDataPoint[];
}

export type AnyDataPoint = DataPoint<number | Histogram>;

interface IdGenerator {
  generateTraceId(): string;
  generateSpanId(): string;
}

class OnDemandReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}
