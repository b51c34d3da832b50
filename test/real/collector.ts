import { freePorts } from './loopback';
import { configuration, partOrFail } from './parts';
import type { RunningProgram, RunningPrograms } from './running-programs';

/** A real Collector under agent-jaeger.yaml. It may be stopped and started again and keeps its addresses. */
export class Collector {
  readonly #programs: RunningPrograms;
  readonly #addresses: { grpc: string; http: string; metrics: string; health: string };
  readonly #jaeger: string;
  #program: RunningProgram | undefined;

  private constructor(programs: RunningPrograms, addresses: string[], jaeger: string) {
    const [grpc, http, metrics, health] = addresses as [string, string, string, string];
    this.#programs = programs;
    this.#addresses = { grpc, http, metrics, health };
    this.#jaeger = jaeger;
  }

  /** @param jaeger host and port of Jaeger's OTLP/gRPC receiver */
  static async start(programs: RunningPrograms, jaeger: string): Promise<Collector> {
    const addresses = (await freePorts(4)).map(port => `127.0.0.1:${port}`);
    const collector = new Collector(programs, addresses, jaeger);
    await collector.start();
    return collector;
  }

  async start(): Promise<void> {
    const { grpc, http, metrics, health } = this.#addresses;
    const args = [
      '--config',
      configuration('agent-jaeger.yaml'),
      // Its own metrics would listen on 8888, whoever else does.
      '--set=service::telemetry::metrics::level=none',
      // Not the quarter of a minute that is right in production.
      '--set=connectors::span_metrics::metrics_flush_interval=1s',
      // Its console is where log records end.
      '--set=exporters::debug::verbosity=detailed',
    ];
    this.#program = this.#programs.start('collector', partOrFail('otelcol'), args, {
      OTLP_GRPC_LISTEN: grpc,
      OTLP_HTTP_LISTEN: http,
      PROM_LISTEN: metrics,
      HEALTH_LISTEN: health,
      JAEGER_OTLP_ENDPOINT: this.#jaeger,
    });
    await this.#program.until(
      'the collector is healthy',
      async () => (await fetch(`http://${health}`)).ok || undefined,
    );
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
  }

  /** What an application under OTEL_EXPORTER_OTLP_PROTOCOL is told as OTEL_EXPORTER_OTLP_ENDPOINT. */
  endpoint(protocol: OtlpProtocol = 'http/protobuf'): string {
    return `http://${protocol === 'grpc' ? this.#addresses.grpc : this.#addresses.http}`;
  }

  /** The log records that arrived since it was started, as its debug exporter prints them. */
  get console(): string {
    return this.#program?.stderr ?? '';
  }

  /** What Prometheus would scrape, in its text format. */
  async metrics(): Promise<string> {
    return (await fetch(`http://${this.#addresses.metrics}/metrics`)).text();
  }
}

export type OtlpProtocol = 'http/protobuf' | 'http/json' | 'grpc';
