import { fieldOf, listOf } from '../audit/unknown-shape';
import type { EvidenceSink } from './evidence-files';
import type { Attributes, AttributeValue, ReceivedSpan } from './otlp-messages';
import { UsageError } from './usage-error';

export interface JaegerQuery {
  /** Where Jaeger's query API is: `http://localhost:16686`, with a base path if it has one. */
  readonly url: string;
  /** Undefined: of every service that Jaeger knows. */
  readonly service: string | undefined;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly until: number;
}

/** Traces asked for at once. */
const PAGE = 200;
const MOST_REQUESTS = 1000;
const MOST_SERVICES = 100;
const MOST_TRACES = 200_000;
/** Shorter stretches of time are not halved any more: what does not fit is said. Milliseconds. */
const SHORTEST_STRETCH = 10;
const PATIENCE_MS = 30_000;
const LARGEST_ANSWER = 64 * 1024 * 1024;

/** It answered, and then did not any more: what had come until then has been told. */
export class JaegerBrokeOff extends UsageError {}

class AnswerTooLarge extends UsageError {}

/**
 * Reads traces by Jaeger's query API (`/api/services`, `/api/traces`). It has no pages, only a limit: a stretch of time
 * with more traces than that is halved, and so is one whose answer is too large to be held. Throws `UsageError` with the address and what was expected there,
 * `JaegerBrokeOff` when something had come. Resolves early when `signal` says so.
 */
export async function readJaeger(query: JaegerQuery, sink: EvidenceSink, signal: AbortSignal): Promise<void> {
  const reading = new JaegerReading(query.url, sink, signal);
  const services = query.service === undefined ? await reading.services() : [query.service];
  if (services.length > MOST_SERVICES)
    sink.gap(
      `${query.url} knows ${services.length} services: the first ${MOST_SERVICES} were read; choose one with --service`,
    );
  try {
    for (const service of services.slice(0, MOST_SERVICES)) await reading.read(service, query.since, query.until);
  } catch (fault) {
    throw fault instanceof UsageError && reading.hasRead ? new JaegerBrokeOff(fault.message) : fault;
  } finally {
    reading.end();
  }
}

class JaegerReading {
  readonly #url: string;
  readonly #sink: EvidenceSink;
  readonly #signal: AbortSignal;
  readonly #traces = new Set<string>();
  #requests = 0;
  #cutStretches = 0;
  #tooLarge = 0;
  #isExhausted = false;
  #malformed = 0;

  constructor(url: string, sink: EvidenceSink, signal: AbortSignal) {
    this.#url = url.replace(/\/+$/, '');
    this.#sink = sink;
    this.#signal = signal;
  }

  async services(): Promise<readonly string[]> {
    const names = await this.#ask('/api/services', 'a list of services');
    return names.filter(name => typeof name === 'string');
  }

  get hasRead(): boolean {
    return this.#traces.size > 0;
  }

  /** The later half first: when there is too much, what is new counts most. */
  async read(service: string, since: number, until: number): Promise<void> {
    if (this.#signal.aborted) return;
    if (this.#requests >= MOST_REQUESTS || this.#traces.size >= MOST_TRACES) {
      this.#isExhausted = true;
      return;
    }
    const parameters = new URLSearchParams({
      service,
      start: String(Math.floor(since * 1000)),
      end: String(Math.ceil(until * 1000)),
      limit: String(PAGE),
    });
    const canBeHalved = until - since > SHORTEST_STRETCH;
    const traces = await this.#ask(`/api/traces?${parameters}`, 'a list of traces').catch(fault => {
      if (!(fault instanceof AnswerTooLarge)) throw fault;
      return undefined;
    });
    if (this.#signal.aborted) return;
    if (canBeHalved && (traces === undefined || traces.length >= PAGE)) {
      const middle = (since + until) / 2;
      await this.read(service, middle, until);
      await this.read(service, since, middle);
      return;
    }
    if (traces === undefined) {
      this.#tooLarge++;
      return;
    }
    if (traces.length >= PAGE) this.#cutStretches++;
    for (const trace of traces) this.#trace(trace);
  }

  end(): void {
    if (this.#isExhausted)
      this.#sink.gap(
        `${this.#url} holds more than is read at once (${MOST_REQUESTS} requests, ${MOST_TRACES} traces): choose a shorter time with --since`,
      );
    if (this.#cutStretches > 0)
      this.#sink.gap(
        `${this.#url}: more than ${PAGE} traces began within one moment (${this.#cutStretches} times); not all were read`,
      );
    if (this.#tooLarge > 0)
      this.#sink.gap(
        `${this.#url}: traces of one moment that are larger than ${LARGEST_ANSWER} bytes were left out (${this.#tooLarge} times)`,
      );
    if (this.#malformed > 0) this.#sink.note(`${this.#url}: ${this.#malformed} spans could not be read`);
  }

  async #ask(path: string, expected: string): Promise<readonly unknown[]> {
    this.#requests++;
    const url = `${this.#url}${path}`;
    const fault = (what: string, Kind = UsageError) =>
      new Kind(
        `${url}: ${what}; Jaeger's query API was expected there (${expected} as JSON), such as http://localhost:16686`,
      );
    let text: string | undefined;
    try {
      const response = await fetch(url, {
        headers: { accept: 'application/json' },
        signal: AbortSignal.any([this.#signal, AbortSignal.timeout(PATIENCE_MS)]),
      });
      if (!response.ok) {
        await response.body?.cancel();
        throw fault(`the answer was ${response.status}`);
      }
      text = await boundedText(response);
    } catch (error) {
      if (this.#signal.aborted) return [];
      if (error instanceof UsageError) throw error;
      throw fault(wordsOf(error));
    }
    if (text === undefined) throw fault(`the answer is larger than ${LARGEST_ANSWER} bytes`, AnswerTooLarge);
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      throw fault(/^\s*</.test(text) ? 'the answer is HTML' : 'the answer is no JSON');
    }
    const data = (answer as { data?: unknown } | null)?.data;
    // Jaeger says null for an empty list.
    if (data === null) return [];
    if (!Array.isArray(data)) throw fault(`the answer has no "data"`);
    return data;
  }

  #trace(trace: unknown): void {
    const { traceID, spans, processes } = (trace ?? {}) as { traceID?: unknown; spans?: unknown; processes?: unknown };
    if (typeof traceID !== 'string' || !Array.isArray(spans) || this.#traces.has(traceID)) return;
    this.#traces.add(traceID);
    for (const span of spans) {
      const read = spanOf(span, processes);
      if (read) this.#sink.span(read);
      else this.#malformed++;
    }
  }
}

/** Undefined: it is too large. */
async function boundedText(response: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > LARGEST_ANSWER) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function wordsOf(error: unknown): string {
  const { name, message, cause } = error as Error;
  if (name === 'TimeoutError') return `no answer within ${PATIENCE_MS / 1000} s`;
  if (message !== 'fetch failed') return message;
  const { name: fault, code } = (cause ?? {}) as { name?: unknown; code?: unknown };
  // A gRPC port, for one. It has a code on some Nodes only.
  if (fault === 'HTTPParserError') return 'what answers there speaks no HTTP/1.1';
  if (typeof code !== 'string') return `not reachable (${message})`;
  return `${code.startsWith('ERR_SSL_') ? 'the TLS handshake failed' : 'not reachable'} (${code})`;
}

// Jaeger's own JSON: model/json/model.go. Times are microseconds. Last checked 2026-11-22.
interface JaegerSpan {
  readonly traceID?: unknown;
  readonly spanID?: unknown;
  readonly processID?: unknown;
  readonly operationName?: unknown;
  readonly references?: unknown;
  readonly startTime?: unknown;
  readonly duration?: unknown;
  readonly tags?: unknown;
  readonly logs?: unknown;
}

const KINDS: { readonly [kind: string]: number } = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 };

/** As OTLP would have told it. Undefined: it is none. */
function spanOf(value: unknown, processes: unknown): ReceivedSpan | undefined {
  const { traceID, spanID, processID, operationName, references, startTime, duration, tags, logs } = (value ??
    {}) as JaegerSpan;
  if (typeof traceID !== 'string' || typeof spanID !== 'string' || typeof startTime !== 'number') return undefined;
  const attributes = attributesOf(tags);
  const process = typeof processID === 'string' ? fieldOf(processes, processID) : undefined;
  const resource = {
    ...attributesOf(fieldOf(process, 'tags')),
    'service.name': String(fieldOf(process, 'serviceName') ?? ''),
  };
  const links = listOf(references).flatMap(reference => {
    const { refType, traceID: trace, spanID: span } = reference as { [field: string]: unknown };
    return typeof trace === 'string' && typeof span === 'string' ? [{ refType, traceId: trace, spanId: span }] : [];
  });
  const started = startTime / 1000;
  const status = attributes['otel.status_code'];
  return {
    resource,
    scope: { name: String(attributes['otel.scope.name'] ?? ''), version: '' },
    traceId: traceID,
    spanId: spanID,
    parentSpanId: links.find(({ refType }) => refType === 'CHILD_OF')?.spanId ?? '',
    name: typeof operationName === 'string' ? operationName : '',
    kind: KINDS[String(attributes['span.kind'])] ?? 0,
    started,
    ended: started + (typeof duration === 'number' ? duration / 1000 : 0),
    attributes,
    events: listOf(logs).map(log => {
      const fields = attributesOf(fieldOf(log, 'fields'));
      const at = fieldOf(log, 'timestamp');
      return { name: String(fields['event'] ?? ''), at: typeof at === 'number' ? at / 1000 : 0, attributes: fields };
    }),
    links: links
      .filter(({ refType }) => refType === 'FOLLOWS_FROM')
      .map(({ traceId, spanId }) => ({ traceId, spanId, attributes: {} })),
    status: {
      code: status === 'ERROR' || attributes['error'] === true ? 'error' : status === 'OK' ? 'ok' : 'unset',
      message: String(attributes['otel.status_description'] ?? ''),
    },
  };
}

/** Lists are JSON text there. */
function attributesOf(tags: unknown): Attributes {
  const attributes: { [key: string]: AttributeValue } = Object.create(null);
  for (const tag of listOf(tags)) {
    const { key, value } = (tag ?? {}) as { key?: unknown; value?: unknown };
    if (typeof key !== 'string') continue;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') attributes[key] = value;
  }
  return attributes;
}
