import { type INamespace, Root, Type } from 'protobufjs/light';

/** The three kinds of OTLP request. */
export type Signal = 'traces' | 'logs' | 'metrics';

/** How a request is written: `application/json` or `application/x-protobuf`. */
export type Encoding = 'json' | 'protobuf';

/**
 * An attribute's value. An integer beyond JavaScript's safe ones is its decimal digits; bytes are base64 text; `null` is a
 * value that was never set, or one nested deeper than anybody needs.
 */
export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

/** Has no prototype: every key in it came over the network. */
export type Attributes = { readonly [key: string]: AttributeValue };

export interface Scope {
  readonly name: string;
  readonly version: string;
}

/** Text is as it was sent: neither bounded nor escaped. Times are milliseconds since the epoch, with fractions. */
export interface ReceivedSpan {
  readonly resource: Attributes;
  readonly scope: Scope;
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** The empty string for a root. */
  readonly parentSpanId: string;
  readonly name: string;
  /** OTLP's number: 1 internal, 2 server, 3 client, 4 producer, 5 consumer; 0 unsaid. */
  readonly kind: number;
  readonly started: number;
  readonly ended: number;
  readonly attributes: Attributes;
  readonly events: readonly ReceivedSpanEvent[];
  readonly links: readonly ReceivedLink[];
  readonly status: { readonly code: 'unset' | 'ok' | 'error'; readonly message: string };
  /** Attributes, events and links, of the span and of its events and links, that the SDK left out at its limits. Absent: none. */
  readonly dropped?: number;
}

export interface ReceivedSpanEvent {
  readonly name: string;
  readonly at: number;
  readonly attributes: Attributes;
}

export interface ReceivedLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Attributes;
}

/** As `ReceivedSpan`. The ids are empty strings for a record that belongs to no span. */
export interface ReceivedLog {
  readonly resource: Attributes;
  readonly scope: Scope;
  /** When it happened, else when it was observed. */
  readonly at: number;
  readonly eventName: string;
  /** OTLP's number: 9 INFO, 13 WARN, 17 ERROR. */
  readonly severity: number;
  readonly severityText: string;
  readonly body: AttributeValue;
  readonly attributes: Attributes;
  readonly traceId: string;
  readonly spanId: string;
  /** False when the span it belongs to was not sampled, so that nobody will ever send it. */
  readonly sampled: boolean;
  /** Attributes that the SDK left out at its limits. Absent: none. */
  readonly dropped?: number;
}

/** One point of a counter, or of a histogram: how many. Gauges and summaries, which count nothing, are passed over. */
export interface ReceivedPoint {
  readonly resource: Attributes;
  /** Of the instrument. */
  readonly name: string;
  readonly attributes: Attributes;
  readonly count: number;
  /** True: since `started`; false: only since the point before. */
  readonly isCumulative: boolean;
  /** Milliseconds since the epoch, as is `at`. */
  readonly started: number;
  readonly at: number;
}

/** What one request held. */
export interface Received {
  /** One for each resource in the request, in its order. */
  readonly resources: readonly Attributes[];
  readonly spans: readonly ReceivedSpan[];
  readonly logs: readonly ReceivedLog[];
  readonly points: readonly ReceivedPoint[];
}

/** The bytes are no OTLP request. The message says where and what was expected, and carries nothing that was sent. */
export class MalformedRequest extends Error {
  override readonly name = 'MalformedRequest';
}

/** Reads one uncompressed OTLP request. Throws `MalformedRequest`. */
export function decodeRequest(signal: Signal, encoding: Encoding, body: Buffer): Received {
  const message = encoding === 'json' ? parseJson(body) : parseProtobuf(REQUESTS[signal], body);
  return READERS[signal](record(message, 'request'));
}

/** Reads a request that is parsed JSON already, whichever of the three it is. Throws `MalformedRequest`. */
export function readRequest(signal: Signal, request: unknown): Received {
  return READERS[signal](record(request, 'request'));
}

/** An empty `Export…ServiceResponse`: everything was accepted. Zero bytes in protobuf. */
export function encodeAccepted(encoding: Encoding): Buffer {
  return Buffer.from(encoding === 'json' ? '{}' : '');
}

/** A `google.rpc.Status`, the body OTLP wants on every HTTP error. */
export function encodeStatus(encoding: Encoding, code: number, message: string): Buffer {
  if (encoding === 'json') return Buffer.from(JSON.stringify({ code, message }));
  return Buffer.from(STATUS.encode({ code, message }).finish());
}

// Both encodings arrive here as the same shape: protobufjs gives camelCase names as OTLP's JSON has them, and only ids
// (bytes or hex), 64-bit integers (Long or digits) and absent values (default, null or undefined) differ.
type Message = Readonly<Record<string, unknown>>;

const READERS: Record<Signal, (request: Message) => Received> = {
  traces: request => {
    const resources: Attributes[] = [];
    const spans: ReceivedSpan[] = [];
    each(request['resourceSpans'], 'resourceSpans', (group, at) => {
      const resource = readResource(group, at);
      resources.push(resource);
      each(group['scopeSpans'], `${at}.scopeSpans`, (scoped, scopedAt) => {
        const scope = readScope(scoped, scopedAt);
        each(scoped['spans'], `${scopedAt}.spans`, (span, spanAt) => {
          spans.push(readSpan(span, spanAt, resource, scope));
        });
      });
    });
    return { resources, spans, logs: [], points: [] };
  },
  logs: request => {
    const resources: Attributes[] = [];
    const logs: ReceivedLog[] = [];
    each(request['resourceLogs'], 'resourceLogs', (group, at) => {
      const resource = readResource(group, at);
      resources.push(resource);
      each(group['scopeLogs'], `${at}.scopeLogs`, (scoped, scopedAt) => {
        const scope = readScope(scoped, scopedAt);
        each(scoped['logRecords'], `${scopedAt}.logRecords`, (log, logAt) => {
          logs.push(readLog(log, logAt, resource, scope));
        });
      });
    });
    return { resources, spans: [], logs, points: [] };
  },
  metrics: request => {
    const resources: Attributes[] = [];
    const points: ReceivedPoint[] = [];
    each(request['resourceMetrics'], 'resourceMetrics', (group, at) => {
      const resource = readResource(group, at);
      resources.push(resource);
      each(group['scopeMetrics'], `${at}.scopeMetrics`, (scoped, scopedAt) => {
        each(scoped['metrics'], `${scopedAt}.metrics`, (metric, metricAt) => {
          points.push(...readPoints(metric, metricAt, resource));
        });
      });
    });
    return { resources, spans: [], logs: [], points };
  },
};

function readResource(group: Message, at: string): Attributes {
  const resource = record(group['resource'] ?? {}, `${at}.resource`);
  return readAttributes(resource['attributes'], `${at}.resource.attributes`);
}

function readScope(scoped: Message, at: string): Scope {
  const scope = record(scoped['scope'] ?? {}, `${at}.scope`);
  return { name: text(scope['name'], `${at}.scope.name`), version: text(scope['version'], `${at}.scope.version`) };
}

function readSpan(span: Message, at: string, resource: Attributes, scope: Scope): ReceivedSpan {
  const status = record(span['status'] ?? {}, `${at}.status`);
  let dropped = 0;
  const drop = (message: Message, messageAt: string) => {
    for (const field of DROPPED) dropped += integer(message[field], `${messageAt}.${field}`);
  };
  drop(span, at);
  const read: ReceivedSpan = {
    resource,
    scope,
    traceId: id(span['traceId'], 16, `${at}.traceId`),
    spanId: id(span['spanId'], 8, `${at}.spanId`),
    parentSpanId: optionalId(span['parentSpanId'], 8, `${at}.parentSpanId`),
    name: text(span['name'], `${at}.name`),
    kind: integer(span['kind'], `${at}.kind`),
    started: milliseconds(span['startTimeUnixNano'], `${at}.startTimeUnixNano`),
    ended: milliseconds(span['endTimeUnixNano'], `${at}.endTimeUnixNano`),
    attributes: readAttributes(span['attributes'], `${at}.attributes`),
    events: each(span['events'], `${at}.events`, (event, eventAt) => {
      drop(event, eventAt);
      return {
        name: text(event['name'], `${eventAt}.name`),
        at: milliseconds(event['timeUnixNano'], `${eventAt}.timeUnixNano`),
        attributes: readAttributes(event['attributes'], `${eventAt}.attributes`),
      };
    }),
    links: each(span['links'], `${at}.links`, (link, linkAt) => {
      drop(link, linkAt);
      return {
        traceId: id(link['traceId'], 16, `${linkAt}.traceId`),
        spanId: id(link['spanId'], 8, `${linkAt}.spanId`),
        attributes: readAttributes(link['attributes'], `${linkAt}.attributes`),
      };
    }),
    status: {
      code: (['unset', 'ok', 'error'] as const)[integer(status['code'], `${at}.status.code`)] ?? 'unset',
      message: text(status['message'], `${at}.status.message`),
    },
  };
  return dropped > 0 ? { ...read, dropped } : read;
}

const DROPPED = ['droppedAttributesCount', 'droppedEventsCount', 'droppedLinksCount'];

function readLog(log: Message, at: string, resource: Attributes, scope: Scope): ReceivedLog {
  const happened = milliseconds(log['timeUnixNano'], `${at}.timeUnixNano`);
  const dropped = integer(log['droppedAttributesCount'], `${at}.droppedAttributesCount`);
  return {
    resource,
    scope,
    at: happened || milliseconds(log['observedTimeUnixNano'], `${at}.observedTimeUnixNano`),
    eventName: text(log['eventName'], `${at}.eventName`),
    severity: integer(log['severityNumber'], `${at}.severityNumber`),
    severityText: text(log['severityText'], `${at}.severityText`),
    body: readValue(log['body'], `${at}.body`),
    attributes: readAttributes(log['attributes'], `${at}.attributes`),
    traceId: optionalId(log['traceId'], 16, `${at}.traceId`),
    spanId: optionalId(log['spanId'], 8, `${at}.spanId`),
    sampled: (integer(log['flags'], `${at}.flags`) & 1) === 1,
    ...(dropped > 0 && { dropped }),
  };
}

const COUNTING = ['sum', 'histogram', 'exponentialHistogram'];

/** A point that is none is left out: what the others count is true without it. */
function readPoints(metric: Message, at: string, resource: Attributes): ReceivedPoint[] {
  const name = text(metric['name'], `${at}.name`);
  return COUNTING.flatMap(kind => {
    if (!has(metric, kind)) return [];
    const data = record(metric[kind], `${at}.${kind}`);
    const isCumulative = CUMULATIVE.includes(data['aggregationTemporality']);
    return list(data['dataPoints'], `${at}.${kind}.dataPoints`).flatMap((point, index) => {
      try {
        const pointAt = `${at}.${kind}.dataPoints[${index}]`;
        return [{ resource, name, isCumulative, ...readPoint(record(point, pointAt), pointAt) }];
      } catch (fault) {
        if (fault instanceof MalformedRequest) return [];
        throw fault;
      }
    });
  });
}

/** A collector writes the number, others the name. */
const CUMULATIVE: readonly unknown[] = [2, 'AGGREGATION_TEMPORALITY_CUMULATIVE'];

function readPoint(point: Message, at: string): Pick<ReceivedPoint, 'attributes' | 'count' | 'started' | 'at'> {
  const count = has(point, 'asDouble')
    ? point['asDouble']
    : Number(digits(point['count'] ?? point['asInt'], `${at}.count`));
  if (typeof count !== 'number' || !Number.isFinite(count)) throw expected('a number', `${at}.count`);
  return {
    attributes: readAttributes(point['attributes'], `${at}.attributes`),
    count,
    started: milliseconds(point['startTimeUnixNano'], `${at}.startTimeUnixNano`),
    at: milliseconds(point['timeUnixNano'], `${at}.timeUnixNano`),
  };
}

function readAttributes(value: unknown, at: string, depth = 0): Attributes {
  const attributes: Record<string, AttributeValue> = Object.create(null);
  each(value, at, (pair, pairAt) => {
    attributes[text(pair['key'], `${pairAt}.key`)] = readValue(pair['value'], `${pairAt}.value`, depth);
  });
  return attributes;
}

/** Values may nest: a list of lists, a map of maps. Nothing that is shown does so more often than this. */
const DEEPEST_VALUE = 16;

function readValue(value: unknown, at: string, depth = 0): AttributeValue {
  if (isAbsent(value) || depth > DEEPEST_VALUE) return null;
  const any = record(value, at);
  if (has(any, 'stringValue')) return text(any['stringValue'], `${at}.stringValue`);
  if (has(any, 'boolValue')) return any['boolValue'] === true;
  if (has(any, 'intValue')) return safeInteger(any['intValue'], `${at}.intValue`);
  if (has(any, 'doubleValue')) return double(any['doubleValue'], `${at}.doubleValue`);
  if (has(any, 'bytesValue')) return base64(any['bytesValue'], `${at}.bytesValue`);
  if (has(any, 'arrayValue')) {
    const values = record(any['arrayValue'], `${at}.arrayValue`)['values'];
    return list(values, `${at}.arrayValue.values`).map((item, index) =>
      readValue(item, `${at}.arrayValue.values[${index}]`, depth + 1),
    );
  }
  if (has(any, 'kvlistValue')) {
    const values = record(any['kvlistValue'], `${at}.kvlistValue`)['values'];
    return readAttributes(values, `${at}.kvlistValue.values`, depth + 1);
  }
  return null;
}

function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

/** Own: protobufjs keeps the defaults of a oneof's other members on the prototype. */
function has(message: Message, field: string): boolean {
  return Object.hasOwn(message, field) && !isAbsent(message[field]);
}

function record(value: unknown, at: string): Message {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw expected('an object', at);
  return value as Message;
}

function list(value: unknown, at: string): readonly unknown[] {
  if (isAbsent(value)) return [];
  if (!Array.isArray(value)) throw expected('an array', at);
  return value;
}

function each<T>(value: unknown, at: string, read: (message: Message, at: string) => T): T[] {
  return list(value, at).map((item, index) => read(record(item, `${at}[${index}]`), `${at}[${index}]`));
}

function text(value: unknown, at: string): string {
  if (isAbsent(value)) return '';
  if (typeof value !== 'string') throw expected('a string', at);
  return value;
}

function integer(value: unknown, at: string): number {
  if (isAbsent(value)) return 0;
  if (!Number.isInteger(value)) throw expected('an integer', at);
  return value as number;
}

function optionalId(value: unknown, bytes: number, at: string): string {
  if (isAbsent(value) || (value as { length: number }).length === 0) return '';
  return id(value, bytes, at);
}

function id(value: unknown, bytes: number, at: string): string {
  const hex = value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
  if (typeof hex !== 'string' || hex.length !== bytes * 2 || !/^[0-9a-f]*$/i.test(hex))
    throw expected(`${bytes} bytes in hexadecimal`, at);
  return hex.toLowerCase();
}

function digits(value: unknown, at: string): string {
  // protobufjs' Long and JSON's digits or number all become their digits; anything else does not.
  const written = isAbsent(value) ? '0' : String(value);
  if (written.length > 20 || !/^-?\d+$/.test(written)) throw expected('a 64-bit integer', at);
  return written;
}

function safeInteger(value: unknown, at: string): number | string {
  const written = digits(value, at);
  return Number.isSafeInteger(Number(written)) ? Number(written) : written;
}

function milliseconds(value: unknown, at: string): number {
  const nanoseconds = BigInt(digits(value, at));
  return Number(nanoseconds / 1000n) / 1000;
}

function double(value: unknown, at: string): number | string {
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return value;
  if (typeof value !== 'number') throw expected('a number', at);
  return value;
}

function base64(value: unknown, at: string): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : text(value, at);
}

function expected(what: string, at: string): MalformedRequest {
  return new MalformedRequest(`${at}: ${what} expected`);
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new MalformedRequest('the body is not JSON');
  }
}

function parseProtobuf(type: Type, body: Buffer): unknown {
  listsDecoded = 0;
  try {
    return type.decode(body);
  } catch (error) {
    if (error instanceof MalformedRequest) throw error;
    throw new MalformedRequest(`the body is not a protobuf ${type.name}`);
  }
}

// opentelemetry-proto 1.9: collector/*/v1, trace/v1, logs/v1, metrics/v1, common/v1, resource/v1; google/rpc/status.proto.
// Only what is read: protobuf skips the rest. Last checked 2026-11-23.
const DESCRIPTOR: INamespace = {
  nested: {
    ExportTraceServiceRequest: {
      fields: { resourceSpans: { rule: 'repeated', type: 'ResourceSpans', id: 1 } },
    },
    ResourceSpans: {
      fields: {
        resource: { type: 'Resource', id: 1 },
        scopeSpans: { rule: 'repeated', type: 'ScopeSpans', id: 2 },
      },
    },
    ScopeSpans: {
      fields: {
        scope: { type: 'InstrumentationScope', id: 1 },
        spans: { rule: 'repeated', type: 'Span', id: 2 },
      },
    },
    Span: {
      fields: {
        traceId: { type: 'bytes', id: 1 },
        spanId: { type: 'bytes', id: 2 },
        parentSpanId: { type: 'bytes', id: 4 },
        name: { type: 'string', id: 5 },
        kind: { type: 'int32', id: 6 },
        startTimeUnixNano: { type: 'fixed64', id: 7 },
        endTimeUnixNano: { type: 'fixed64', id: 8 },
        attributes: { rule: 'repeated', type: 'KeyValue', id: 9 },
        droppedAttributesCount: { type: 'uint32', id: 10 },
        events: { rule: 'repeated', type: 'SpanEvent', id: 11 },
        droppedEventsCount: { type: 'uint32', id: 12 },
        links: { rule: 'repeated', type: 'SpanLink', id: 13 },
        droppedLinksCount: { type: 'uint32', id: 14 },
        status: { type: 'SpanStatus', id: 15 },
      },
    },
    SpanEvent: {
      fields: {
        timeUnixNano: { type: 'fixed64', id: 1 },
        name: { type: 'string', id: 2 },
        attributes: { rule: 'repeated', type: 'KeyValue', id: 3 },
        droppedAttributesCount: { type: 'uint32', id: 4 },
      },
    },
    SpanLink: {
      fields: {
        traceId: { type: 'bytes', id: 1 },
        spanId: { type: 'bytes', id: 2 },
        attributes: { rule: 'repeated', type: 'KeyValue', id: 4 },
        droppedAttributesCount: { type: 'uint32', id: 5 },
      },
    },
    SpanStatus: {
      fields: { message: { type: 'string', id: 2 }, code: { type: 'int32', id: 3 } },
    },
    ExportLogsServiceRequest: {
      fields: { resourceLogs: { rule: 'repeated', type: 'ResourceLogs', id: 1 } },
    },
    ResourceLogs: {
      fields: {
        resource: { type: 'Resource', id: 1 },
        scopeLogs: { rule: 'repeated', type: 'ScopeLogs', id: 2 },
      },
    },
    ScopeLogs: {
      fields: {
        scope: { type: 'InstrumentationScope', id: 1 },
        logRecords: { rule: 'repeated', type: 'LogRecord', id: 2 },
      },
    },
    LogRecord: {
      fields: {
        timeUnixNano: { type: 'fixed64', id: 1 },
        severityNumber: { type: 'int32', id: 2 },
        severityText: { type: 'string', id: 3 },
        body: { type: 'AnyValue', id: 5 },
        attributes: { rule: 'repeated', type: 'KeyValue', id: 6 },
        droppedAttributesCount: { type: 'uint32', id: 7 },
        flags: { type: 'fixed32', id: 8 },
        traceId: { type: 'bytes', id: 9 },
        spanId: { type: 'bytes', id: 10 },
        observedTimeUnixNano: { type: 'fixed64', id: 11 },
        eventName: { type: 'string', id: 12 },
      },
    },
    ExportMetricsServiceRequest: {
      fields: { resourceMetrics: { rule: 'repeated', type: 'ResourceMetrics', id: 1 } },
    },
    ResourceMetrics: {
      fields: {
        resource: { type: 'Resource', id: 1 },
        scopeMetrics: { rule: 'repeated', type: 'ScopeMetrics', id: 2 },
      },
    },
    ScopeMetrics: {
      fields: { metrics: { rule: 'repeated', type: 'Metric', id: 2 } },
    },
    Metric: {
      fields: {
        name: { type: 'string', id: 1 },
        sum: { type: 'Sum', id: 7 },
        histogram: { type: 'Histogram', id: 9 },
        exponentialHistogram: { type: 'ExponentialHistogram', id: 10 },
      },
    },
    Sum: {
      fields: {
        dataPoints: { rule: 'repeated', type: 'NumberDataPoint', id: 1 },
        aggregationTemporality: { type: 'int32', id: 2 },
      },
    },
    NumberDataPoint: {
      fields: {
        startTimeUnixNano: { type: 'fixed64', id: 2 },
        timeUnixNano: { type: 'fixed64', id: 3 },
        asDouble: { type: 'double', id: 4 },
        asInt: { type: 'sfixed64', id: 6 },
        attributes: { rule: 'repeated', type: 'KeyValue', id: 7 },
      },
    },
    Histogram: {
      fields: {
        dataPoints: { rule: 'repeated', type: 'HistogramDataPoint', id: 1 },
        aggregationTemporality: { type: 'int32', id: 2 },
      },
    },
    HistogramDataPoint: {
      fields: {
        startTimeUnixNano: { type: 'fixed64', id: 2 },
        timeUnixNano: { type: 'fixed64', id: 3 },
        count: { type: 'fixed64', id: 4 },
        attributes: { rule: 'repeated', type: 'KeyValue', id: 9 },
      },
    },
    ExponentialHistogram: {
      fields: {
        dataPoints: { rule: 'repeated', type: 'ExponentialHistogramDataPoint', id: 1 },
        aggregationTemporality: { type: 'int32', id: 2 },
      },
    },
    ExponentialHistogramDataPoint: {
      fields: {
        attributes: { rule: 'repeated', type: 'KeyValue', id: 1 },
        startTimeUnixNano: { type: 'fixed64', id: 2 },
        timeUnixNano: { type: 'fixed64', id: 3 },
        count: { type: 'fixed64', id: 4 },
      },
    },
    Resource: {
      fields: { attributes: { rule: 'repeated', type: 'KeyValue', id: 1 } },
    },
    InstrumentationScope: {
      fields: { name: { type: 'string', id: 1 }, version: { type: 'string', id: 2 } },
    },
    KeyValue: {
      fields: { key: { type: 'string', id: 1 }, value: { type: 'AnyValue', id: 2 } },
    },
    AnyValue: {
      oneofs: {
        value: {
          oneof: ['stringValue', 'boolValue', 'intValue', 'doubleValue', 'arrayValue', 'kvlistValue', 'bytesValue'],
        },
      },
      fields: {
        stringValue: { type: 'string', id: 1 },
        boolValue: { type: 'bool', id: 2 },
        intValue: { type: 'int64', id: 3 },
        doubleValue: { type: 'double', id: 4 },
        arrayValue: { type: 'ArrayValue', id: 5 },
        kvlistValue: { type: 'KeyValueList', id: 6 },
        bytesValue: { type: 'bytes', id: 7 },
      },
    },
    ArrayValue: {
      fields: { values: { rule: 'repeated', type: 'AnyValue', id: 1 } },
    },
    KeyValueList: {
      fields: { values: { rule: 'repeated', type: 'KeyValue', id: 1 } },
    },
    Status: {
      fields: { code: { type: 'int32', id: 1 }, message: { type: 'string', id: 2 } },
    },
  },
};

/**
 * An empty span takes two bytes on the wire and some 400 in memory, so a body of the permitted size could take gigabytes.
 * Exporters send 512 spans or log records at a time.
 */
const MOST_LISTS = 200_000;
let listsDecoded = 0;

/** Has every message type that holds lists counted while it is decoded: protobufjs knows no such limit. */
function countLists(type: Type): void {
  if (!type.fieldsArray.some(field => field.repeated)) return;
  const decode = type.setup().decode;
  type.decode = function counted(...parameters) {
    if (++listsDecoded > MOST_LISTS) throw new MalformedRequest(`more than ${MOST_LISTS} records in one request`);
    return decode.apply(this, parameters);
  };
}

const root = Root.fromJSON(DESCRIPTOR);
for (const type of root.nestedArray) if (type instanceof Type) countLists(type);
const REQUESTS: Record<Signal, Type> = {
  traces: root.lookupType('ExportTraceServiceRequest'),
  logs: root.lookupType('ExportLogsServiceRequest'),
  metrics: root.lookupType('ExportMetricsServiceRequest'),
};
const STATUS = root.lookupType('Status');
