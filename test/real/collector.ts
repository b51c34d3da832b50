import { freePorts } from '../support/free-ports';
import { configuration, partOrFail } from './parts';
import type { RunningProgram, RunningPrograms } from './running-programs';

/** A real Collector under one of our configurations. It may be stopped and started again and keeps its addresses. */
export class Collector {
  readonly #programs: RunningPrograms;
  readonly #file: CollectorFile;
  readonly #env: NodeJS.ProcessEnv;
  readonly #settings: readonly string[];
  readonly #addresses: { grpc: string; http: string; metrics: string; health: string };
  #program: RunningProgram | undefined;

  private constructor(
    programs: RunningPrograms,
    file: CollectorFile,
    env: NodeJS.ProcessEnv,
    settings: readonly string[],
    [grpc, http, metrics, health]: [string, string, string, string],
  ) {
    this.#programs = programs;
    this.#file = file;
    this.#env = env;
    this.#settings = settings;
    this.#addresses = { grpc, http, metrics, health };
  }

  /** @param env the variables of the configuration, but for those that say where it listens; @param settings more of it */
  static async start(
    programs: RunningPrograms,
    file: CollectorFile,
    env: NodeJS.ProcessEnv,
    settings: readonly string[] = [],
  ): Promise<Collector> {
    const addresses = (await freePorts(4)).map(port => `127.0.0.1:${port}`) as [string, string, string, string];
    const collector = new Collector(programs, file, env, settings, addresses);
    await collector.start();
    return collector;
  }

  async start(): Promise<void> {
    const { grpc, http, metrics, health } = this.#addresses;
    // Its own metrics would listen on 8888, whoever else does; but where they are sent.
    const level = this.#file === 'agent-evidence.yaml' ? 'normal' : 'none';
    const settings = [`service::telemetry::metrics::level=${level}`, ...IMPATIENT[this.#file], ...this.#settings];
    const args = ['--config', configuration(this.#file), ...settings.map(setting => `--set=${setting}`)];
    this.#program = this.#programs.start(this.#file, partOrFail('otelcol'), args, {
      OTLP_GRPC_LISTEN: grpc,
      OTLP_HTTP_LISTEN: http,
      PROM_LISTEN: metrics,
      HEALTH_LISTEN: health,
      ...this.#env,
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

export type CollectorFile = keyof typeof IMPATIENT;

/** What a test sees sooner, or at all: metrics every second, log records on the console, and a second file. */
const IMPATIENT = {
  'agent-jaeger.yaml': ['connectors::span_metrics::metrics_flush_interval=1s', 'exporters::debug::verbosity=detailed'],
  'agent-evidence.yaml': ['exporters::file::rotation::max_megabytes=1'],
  'agent-loadbalancing.yaml': [],
  'gateway.yaml': ['connectors::span_metrics::metrics_flush_interval=1s'],
};

export type OtlpProtocol = 'http/protobuf' | 'http/json' | 'grpc';
