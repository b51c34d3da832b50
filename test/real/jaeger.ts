import { freePorts } from '../support/free-ports';
import { configuration, partOrFail } from './parts';
import { eventually, type RunningProgram, type RunningPrograms } from './running-programs';

/** A real Jaeger with memory storage, asked through its query API. */
export class Jaeger {
  readonly otlpEndpoint: string;
  readonly #query: string;
  readonly #program: RunningProgram;

  private constructor(program: RunningProgram, otlpEndpoint: string, query: string) {
    this.#program = program;
    this.otlpEndpoint = otlpEndpoint;
    this.#query = query;
  }

  static async start(programs: RunningPrograms): Promise<Jaeger> {
    const [query, queryGrpc, otlpGrpc, otlpHttp, health] = (await freePorts(5)).map(port => `127.0.0.1:${port}`);
    const program = programs.start('jaeger', partOrFail('jaeger'), ['--config', configuration('jaeger.yaml')], {
      JAEGER_QUERY_LISTEN: query,
      JAEGER_QUERY_GRPC_LISTEN: queryGrpc,
      JAEGER_OTLP_GRPC_LISTEN: otlpGrpc,
      JAEGER_OTLP_HTTP_LISTEN: otlpHttp,
      JAEGER_HEALTH_LISTEN: health,
    });
    await program.until('Jaeger is healthy', async () => (await fetch(`http://${health}/status`)).ok || undefined);
    return new Jaeger(program, otlpGrpc!, `http://${query}`);
  }

  /** Where its query API is. */
  get queryUrl(): string {
    return this.#query;
  }

  async services(): Promise<string[]> {
    return (await this.#get<string[] | null>('/api/services')) ?? [];
  }

  /** Every stored span of the traces that a search in Jaeger's UI would list: by service, span name, tags. */
  async find(search: Search): Promise<StoredSpan[]> {
    const query = new URLSearchParams({ service: search.service, limit: '1000', lookback: '1h' });
    if (search.spanName) query.set('operation', search.spanName);
    if (search.tags) query.set('tags', JSON.stringify(search.tags));
    const traces = await this.#get<JaegerTrace[] | null>(`/api/traces?${query}`);
    return (traces ?? []).flatMap(trace => trace.spans).map(storedSpan);
  }

  /** What Jaeger's UI opens when one clicks on a reference to the trace. */
  async trace(traceId: string): Promise<StoredSpan[]> {
    const [trace] = await this.#get<JaegerTrace[]>(`/api/traces/${traceId}`);
    return (trace as JaegerTrace).spans.map(storedSpan);
  }

  /** Waits until the search finds at least so many spans, and gives all it found. */
  async findEventually(search: Search, count = 1): Promise<StoredSpan[]> {
    let found: StoredSpan[] = [];
    return eventually(
      `${count} in Jaeger for ${JSON.stringify(search)}`,
      async () => {
        found = await this.find(search);
        return found.length >= count ? found : undefined;
      },
      { context: () => `found ${found.length}: ${JSON.stringify(found.map(span => span.tags['error.type'] ?? 'ok'))}` },
    );
  }

  stop(): Promise<string> {
    return this.#program.stop();
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#query}${path}`);
    if (!response.ok) throw new Error(`Jaeger answered ${response.status}: ${await response.text()}`);
    return ((await response.json()) as { data: T }).data;
  }
}

export interface Search {
  readonly service: string;
  readonly spanName?: string;
  readonly tags?: Record<string, string>;
}

export interface StoredSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Its parent and its links. The UI shows a link as a reference that leads to the other trace. */
  readonly references: readonly Reference[];
  /** Span attributes; Jaeger keeps an array as its JSON text. */
  readonly tags: Record<string, unknown>;
  /** Span events, each with its name as `event`. */
  readonly events: Record<string, unknown>[];
}

export interface Reference {
  readonly type: 'CHILD_OF' | 'FOLLOWS_FROM';
  readonly traceId: string;
  readonly spanId: string;
}

interface JaegerTrace {
  readonly spans: JaegerSpan[];
}

interface JaegerSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly references: { refType: Reference['type']; traceID: string; spanID: string }[];
  readonly operationName: string;
  readonly tags: KeyValue[];
  readonly logs: { fields: KeyValue[] }[];
}

interface KeyValue {
  readonly key: string;
  readonly value: unknown;
}

function storedSpan(span: JaegerSpan): StoredSpan {
  return {
    name: span.operationName,
    traceId: span.traceID,
    spanId: span.spanID,
    references: span.references.map(({ refType, traceID, spanID }) => ({
      type: refType,
      traceId: traceID,
      spanId: spanID,
    })),
    tags: byKey(span.tags),
    events: span.logs.map(log => byKey(log.fields)),
  };
}

function byKey(fields: KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(fields.map(({ key, value }) => [key, value]));
}
