import type { AttributeName } from '../telemetry/attributes';
import type { RequestAttributeName } from '../telemetry/request-attributes';
import { SPANS_BY_NAME } from '../telemetry/span-names';
import type { ExampleSpan } from './audit-result';
import type { RequestTarget } from './path-templates';

/** What is read of an OTLP span. Text is as it was sent: by whom, nobody knows. Times are milliseconds since the epoch. */
export interface EvidenceSpan {
  readonly resource: EvidenceAttributes;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  /** OTLP's number: 2 server, 3 client. */
  readonly kind: number;
  readonly ended: number;
  readonly attributes: EvidenceAttributes;
  readonly events: readonly { readonly name: string; readonly attributes: EvidenceAttributes }[];
  readonly links: readonly { readonly spanId: string }[];
  readonly status: { readonly code: 'unset' | 'ok' | 'error'; readonly message: string };
  /** Attributes, events and links that the SDK left out at its limits. Absent: none. */
  readonly dropped?: number;
}

/** What is read of an OTLP log record. */
export interface EvidenceLog {
  readonly resource: EvidenceAttributes;
  readonly at: number;
  readonly eventName: string;
  readonly attributes: EvidenceAttributes;
  /** Empty: it belongs to no span. */
  readonly traceId: string;
  readonly spanId: string;
  /** False: its span was not sampled, and nobody will ever send it. */
  readonly sampled: boolean;
  readonly body?: unknown;
  /** Attributes that the SDK left out at its limits. Absent: none. */
  readonly dropped?: number;
}

/** One point of a counter, or of a histogram: how many. */
export interface EvidencePoint {
  readonly resource: EvidenceAttributes;
  /** Of the instrument. */
  readonly name: string;
  readonly attributes: EvidenceAttributes;
  readonly count: number;
  /** True: since `started`; false: only since the point before. */
  readonly isCumulative: boolean;
  /** Milliseconds since the epoch, as is `at`. */
  readonly started: number;
  readonly at: number;
}

export type EvidenceAttributes = { readonly [key: string]: unknown };

/** A certificate as far as a span names it. */
export interface NamedCertificate {
  readonly subject?: string | undefined;
  readonly fingerprint?: string | undefined;
  /** `handshake`, `header`; undefined: whoever wrote it did not say how it is known. */
  readonly source?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly notBefore?: number | undefined;
  readonly notAfter?: number | undefined;
}

/** A request that a server received, as its span tells it. */
export interface SeenRequest {
  readonly at: number;
  readonly example: ExampleSpan;
  readonly target: RequestTarget;
  readonly service: string;
  readonly status?: number | undefined;
  readonly certificate?: NamedCertificate | undefined;
  /** `tls.verify.result`. */
  readonly verification?: string | undefined;
  readonly protocol?: string | undefined;
  readonly cipher?: string | undefined;
  readonly peerAddress?: string | undefined;
  readonly user?: string | undefined;
  /** The span id of the handshake of its connection. */
  readonly connection?: string | undefined;
  readonly events: readonly string[];
  /** `tls.forwarded.suspicion`: why a header with a certificate was not believed. */
  readonly suspicion?: string | undefined;
  /** Something of its span was left out at a limit. */
  readonly isCut: boolean;
}

/** A handshake, or a refusal after one, as its span tells it. */
export interface SeenHandshake {
  readonly at: number;
  readonly example: ExampleSpan;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly side: 'client' | 'server';
  readonly hasFailed: boolean;
  /** `error.type`. */
  readonly reason?: string | undefined;
  readonly certificate?: NamedCertificate | undefined;
  readonly verification?: string | undefined;
  readonly protocol?: string | undefined;
  readonly cipher?: string | undefined;
  readonly peerAddress?: string | undefined;
  /** Something of its span was left out at a limit. */
  readonly isCut: boolean;
}

/** A span or a log record holds what must not be there. */
export interface Leak {
  readonly what: 'private key' | 'certificate';
  /** The attribute that has it. */
  readonly attribute: string;
}

const SERVER = 2;
const CLIENT = 3;

/** undefined when the span is no request that a server received. The older conventions' names count too. */
export function seenRequest(span: EvidenceSpan): SeenRequest | undefined {
  if (span.kind !== SERVER) return undefined;
  const read = readerOf(span.attributes);
  const method = methodOf(read);
  if (method === undefined) return undefined;
  const connection = read.text('tls.connection.id') ?? span.links[0]?.spanId;
  const request = {
    at: span.ended,
    target: {
      method: method.toUpperCase(),
      route: read.text('http.route'),
      path: pathOf(read),
      host: hostOf(read),
    },
    service: serviceOf(span.resource),
    status: read.number('http.response.status_code', 'http.status_code'),
    certificate: certificateOf(read, 'tls.client'),
    verification: read.text('tls.verify.result'),
    protocol: protocolOf(read),
    cipher: read.text('tls.cipher'),
    peerAddress: read.text(
      'network.peer.address',
      'client.address',
      'net.sock.peer.addr',
      'net.peer.ip',
      'http.client_ip',
    ),
    user: read.text('enduser.id', 'user.id', 'user.name', 'enduser.pseudo.id'),
    connection,
    events: span.events.slice(0, MOST_EVENTS).map(({ name }) => bounded(name)),
    suspicion: suspicionIn(span),
    isCut: (span.dropped ?? 0) > 0,
  };
  return { ...request, example: exampleOf(span, REQUEST_EXAMPLE) };
}

/** undefined when the span is no handshake. */
export function seenHandshake(span: EvidenceSpan): SeenHandshake | undefined {
  const side = SPANS_BY_NAME.get(span.name)?.side;
  if (side === undefined) return undefined;
  const read = readerOf(span.attributes);
  const reason = read.text('error.type');
  const outcome = read.text('tls.handshake.outcome');
  return {
    at: span.ended,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    side,
    hasFailed: outcome === undefined ? reason !== undefined || span.status.code === 'error' : outcome === 'failed',
    reason,
    certificate: certificateOf(read, side === 'server' ? 'tls.client' : 'tls.server'),
    verification: read.text('tls.verify.result'),
    protocol: protocolOf(read),
    cipher: read.text('tls.cipher'),
    peerAddress: read.text('network.peer.address'),
    isCut: (span.dropped ?? 0) > 0,
    example: exampleOf(span, HANDSHAKE_EXAMPLE),
  };
}

const HISTOGRAMS: ReadonlyMap<string, 'client' | 'server'> = new Map([
  ['tls.server.handshake.duration', 'server'],
  ['tls.client.handshake.duration', 'client'],
]);

/** Of a metric that counts every handshake: those that failed for one reason. Undefined: it counts something else. */
export function countedFailure({
  name,
  attributes,
}: EvidencePoint): { readonly side: 'client' | 'server'; readonly reason: string } | undefined {
  const side = HISTOGRAMS.get(name);
  if (side === undefined || attributes['tls.handshake.outcome'] !== 'failed') return undefined;
  return { side, reason: textOf(attributes, 'error.type') ?? '_OTHER' };
}

/** A client's request that ended without anybody saying why: `socket hang up` is all that Node says of a refusal. */
export function isUnexplainedHangup(span: EvidenceSpan): boolean {
  if (span.kind !== CLIENT || span.status.code !== 'error') return false;
  const read = readerOf(span.attributes);
  const words = `${bounded(span.status.message)} ${read.text('error.type') ?? ''} ${read.text('http.error_name') ?? ''}`;
  return /socket hang up|ECONNRESET/.test(words);
}

/** What is in an attribute that nobody ought to have sent. Undefined: nothing. */
export function leakIn(attributes: EvidenceAttributes): Leak | undefined {
  let certificate: Leak | undefined;
  for (const attribute in attributes) {
    const value = attributes[attribute];
    const first = Array.isArray(value) ? value[0] : value;
    // A certificate begins with its mark; a key may stand behind one.
    if (typeof first !== 'string' || !first.includes('-----BEGIN ')) continue;
    const text = first.slice(0, LONGEST_SEARCHED);
    if (/-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/.test(text))
      return { what: 'private key', attribute: bounded(attribute) };
    if (text.includes('-----BEGIN CERTIFICATE-----'))
      certificate ??= { what: 'certificate', attribute: bounded(attribute) };
  }
  return certificate;
}

/** For what is found on a span or log record whatever it is about. */
export function plainExample(
  { traceId, spanId, resource }: Pick<EvidenceSpan, 'traceId' | 'spanId' | 'resource'>,
  name: string,
  attributes: ExampleSpan['attributes'] = {},
): ExampleSpan {
  return { traceId, spanId, name: bounded(name), ...serviceName(resource), attributes };
}

/** Where a log record's request went. Undefined: it is about none. */
export function targetOfLog({ attributes }: EvidenceLog): RequestTarget | undefined {
  const read = readerOf(attributes);
  const method = methodOf(read);
  if (method === undefined) return undefined;
  return { method: method.toUpperCase(), route: read.text('http.route'), path: pathOf(read), host: hostOf(read) };
}

export function serviceOf(resource: EvidenceAttributes): string {
  const name = resource['service.name'];
  return typeof name === 'string' ? bounded(name) : '';
}

/** Text of an attribute, bounded; undefined when it is no text. */
export function textOf(attributes: EvidenceAttributes, name: string): string | undefined {
  const value = attributes[name];
  return typeof value === 'string' ? bounded(value) : undefined;
}

/** Those of these attributes that are text. */
export function textsOf(attributes: EvidenceAttributes, names: readonly string[]): { readonly [name: string]: string } {
  const texts: { [name: string]: string } = {};
  for (const name of names) {
    const text = textOf(attributes, name);
    if (text !== undefined) texts[name] = text;
  }
  return texts;
}

const LONGEST_TEXT = 200;
const LONGEST_PATH = 2048;
const LONGEST_SEARCHED = 65_536;
const MOST_EVENTS = 32;

type Name =
  | AttributeName
  | RequestAttributeName
  | `http.${string}`
  | `url.${string}`
  | `net.${string}`
  | `user.${string}`
  | 'enduser.pseudo.id'
  | 'client.address';

interface Reader {
  /** The first of these that is text and not empty. */
  text(...names: Name[]): string | undefined;
  long(...names: Name[]): string | undefined;
  number(...names: Name[]): number | undefined;
}

function readerOf(attributes: EvidenceAttributes): Reader {
  const texts = (names: readonly Name[], limit: number) => {
    for (const name of names) {
      const value = attributes[name];
      if (typeof value === 'string' && value !== '') return bounded(value, limit);
    }
    return undefined;
  };
  return {
    text: (...names) => texts(names, LONGEST_TEXT),
    long: (...names) => texts(names, LONGEST_PATH),
    number: (...names) => names.map(name => attributes[name]).find(value => typeof value === 'number'),
  };
}

/** A copy where something is cut off: a part would keep all of it in memory. */
function bounded(text: string, limit = LONGEST_TEXT): string {
  return text.length <= limit ? text : Buffer.from(text.slice(0, limit), 'utf16le').toString('utf16le');
}

function methodOf(read: Reader): string | undefined {
  const method = read.text('http.request.method', 'http.method');
  // What instrumentations write of a method that they do not know.
  return method === '_OTHER' ? (read.text('http.request.method_original') ?? method) : method;
}

function pathOf(read: Reader): string | undefined {
  const target = read.long('url.path', 'http.target');
  if (target !== undefined) return target.replace(/[?#].*$/s, '');
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*([^?#]*)/i.exec(read.long('url.full', 'http.url') ?? '')?.[1];
}

function hostOf(read: Reader): string | undefined {
  const host = read.text('server.address', 'net.host.name', 'http.host')?.toLowerCase();
  return host?.replace(/:\d+$/, '');
}

function certificateOf(read: Reader, of: 'tls.client' | 'tls.server'): NamedCertificate | undefined {
  const subject = read.text(`${of}.subject`);
  const fingerprint = read.text(`${of}.hash.sha256`);
  if (subject === undefined && fingerprint === undefined) return undefined;
  return {
    subject,
    fingerprint,
    source: read.text(`${of}.certificate.source`),
    notBefore: timeOf(read.text(`${of}.not_before`)),
    notAfter: timeOf(read.text(`${of}.not_after`)),
  };
}

function timeOf(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

/** `TLS 1.3`. */
function protocolOf(read: Reader): string | undefined {
  const version = read.text('tls.protocol.version');
  return version && `${(read.text('tls.protocol.name') ?? 'tls').toUpperCase()} ${version}`;
}

function suspicionIn({ events }: EvidenceSpan): string | undefined {
  const event = events.find(({ name }) => name === 'tls.forwarded_certificate.spoof_suspected');
  return event && (textOf(event.attributes, 'tls.forwarded.suspicion') ?? 'unsaid');
}

/** What an example shows, of what was judged. */
const REQUEST_EXAMPLE: readonly string[] = [
  'http.request.method',
  'http.route',
  'url.path',
  'url.scheme',
  'http.response.status_code',
  'server.address',
  'network.peer.address',
  'tls.connection.id',
  'tls.verify.result',
  'tls.client.subject',
  'tls.client.certificate.source',
  'tls.protocol.version',
  'tls.cipher',
];
const HANDSHAKE_EXAMPLE: readonly string[] = [
  'tls.handshake.outcome',
  'error.type',
  'tls.error.code',
  'tls.verify.result',
  'tls.client.subject',
  'tls.client.not_after',
  'tls.server.subject',
  'tls.server.not_after',
  'tls.protocol.version',
  'tls.cipher',
  'network.peer.address',
];

/** The attributes are read when the example is kept, which few are. */
function exampleOf(span: EvidenceSpan, names: readonly string[]): ExampleSpan {
  const { traceId, spanId, name, resource, attributes } = span;
  return {
    traceId,
    spanId,
    name: bounded(name),
    ...serviceName(resource),
    get attributes() {
      return shown(attributes, names);
    },
  };
}

function shown(attributes: EvidenceAttributes, names: readonly string[]): ExampleSpan['attributes'] {
  const some: { [name: string]: string | number | boolean } = {};
  for (const name of names) {
    const value = attributes[name];
    if (typeof value === 'string') some[name] = bounded(value);
    else if (typeof value === 'number' || typeof value === 'boolean') some[name] = value;
  }
  return some;
}

function serviceName(resource: EvidenceAttributes): { readonly service?: string } {
  const service = serviceOf(resource);
  return service === '' ? {} : { service };
}
