import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createGunzip } from 'node:zlib';
import {
  type Attributes,
  decodeRequest,
  type Encoding,
  encodeAccepted,
  encodeStatus,
  MalformedRequest,
  type ReceivedLog,
  type ReceivedPoint,
  type ReceivedSpan,
  type Signal,
} from './otlp-messages';

/** Where received telemetry goes. Every call is made before the sender is answered, so what was answered was seen. */
export interface OtlpListener {
  spans?(spans: readonly ReceivedSpan[]): void;
  logs?(logs: readonly ReceivedLog[]): void;
  points?(points: readonly ReceivedPoint[]): void;
  /** A resource that sent something, whatever it was; called for every request. */
  resource?(attributes: Attributes): void;
  /** The request as it came, still compressed, after it was found well-formed. */
  request?(request: RawRequest): void;
  /** Something arrived that is no OTLP over http, in a sentence. Carries nothing that was sent. */
  problem?(sentence: string): void;
}

export interface RawRequest {
  readonly signal: Signal;
  readonly contentType: string;
  /** `gzip`, or undefined for none. */
  readonly contentEncoding: string | undefined;
  readonly body: Buffer;
}

export interface OtlpReceiver {
  readonly host: string;
  readonly port: number;
  /** What an application sets as `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  /** Stops listening and cuts what is still connected. */
  close(): Promise<void>;
}

/** Bytes, both as sent and unpacked. Exporters send far less. */
export const LARGEST_BODY = 16 * 1024 * 1024;

/** Bytes of all bodies being read at once; more senders than that are told to come again. */
const LARGEST_BACKLOG = 4 * LARGEST_BODY;

/**
 * An OTLP/http receiver: `POST /v1/traces`, `/v1/logs`, `/v1/metrics` in JSON or protobuf, plain or gzip.
 * Port 0 takes a free one. Rejects with Node's own error (`EADDRINUSE`, `EACCES`, ...) when it cannot listen.
 */
export async function startOtlpReceiver(
  listener: OtlpListener,
  { host = '127.0.0.1', port = 4318 }: { host?: string; port?: number } = {},
): Promise<OtlpReceiver> {
  const backlog = { bytes: 0 };
  const server = createServer((request, response) => {
    receive(request, response, listener, backlog);
  });
  server.on('clientError', (error: ProtocolError, socket) => refuseOtherProtocol(error, socket as Socket, listener));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address() as AddressInfo;
  return {
    host: bound.address,
    port: bound.port,
    url: `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const SIGNALS: Readonly<Record<string, Signal>> = {
  '/v1/traces': 'traces',
  '/v1/logs': 'logs',
  '/v1/metrics': 'metrics',
};

/** The request cannot be served, and what OTLP says of it: an HTTP status and a google.rpc code beside it. */
class Refusal extends Error {
  constructor(
    readonly httpStatus: number,
    readonly rpcCode: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;

async function receive(
  request: IncomingMessage,
  response: ServerResponse,
  listener: OtlpListener,
  backlog: { bytes: number },
): Promise<void> {
  const encoding = encodingOf(request);
  try {
    const signal = Object.hasOwn(SIGNALS, pathOf(request)) ? SIGNALS[pathOf(request)] : undefined;
    if (!signal) throw new Refusal(404, NOT_FOUND, `no such path; expected one of ${Object.keys(SIGNALS).join(', ')}`);
    if (request.method !== 'POST')
      throw new Refusal(405, UNIMPLEMENTED, `${signal} are received by POST only`, { allow: 'POST' });
    if (!encoding)
      throw new Refusal(415, INVALID_ARGUMENT, 'content-type application/json or application/x-protobuf expected');
    const compressed = isCompressed(request);
    const raw = await readBody(request, backlog);
    const body = compressed ? await unpack(raw) : raw;
    const received = decodeRequest(signal, encoding, body);
    for (const resource of received.resources) listener.resource?.(resource);
    if (received.spans.length > 0) listener.spans?.(received.spans);
    if (received.logs.length > 0) listener.logs?.(received.logs);
    if (received.points.length > 0) listener.points?.(received.points);
    listener.request?.({
      signal,
      contentType: CONTENT_TYPES[encoding],
      contentEncoding: compressed ? 'gzip' : undefined,
      body: raw,
    });
    answer(response, 200, CONTENT_TYPES[encoding], encodeAccepted(encoding));
  } catch (error) {
    // The sender went away while it was speaking: there is nobody left to answer.
    if (error instanceof SenderGone) return;
    const refusal = error instanceof MalformedRequest ? new Refusal(400, INVALID_ARGUMENT, error.message) : error;
    if (!(refusal instanceof Refusal)) throw refusal;
    listener.problem?.(`a request was refused with ${refusal.httpStatus}: ${refusal.message}`);
    // Only JSON and protobuf have a Status; to anybody else the sentence alone is told.
    const body = encoding
      ? encodeStatus(encoding, refusal.rpcCode, refusal.message)
      : Buffer.from(`${refusal.message}\n`);
    answer(response, refusal.httpStatus, encoding ? CONTENT_TYPES[encoding] : 'text/plain', body, refusal.headers);
    // The rest is read and forgotten: who is cut while sending never reads the answer.
    request.resume();
  }
}

const CONTENT_TYPES: Record<Encoding, string> = { json: 'application/json', protobuf: 'application/x-protobuf' };

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

function encodingOf(request: IncomingMessage): Encoding | undefined {
  const mediaType = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType === CONTENT_TYPES.json) return 'json';
  if (mediaType === CONTENT_TYPES.protobuf) return 'protobuf';
  return undefined;
}

function isCompressed(request: IncomingMessage): boolean {
  const coding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (coding === 'gzip') return true;
  if (coding === 'identity' || coding === '') return false;
  throw new Refusal(415, INVALID_ARGUMENT, 'content-encoding gzip or none expected', { 'accept-encoding': 'gzip' });
}

const tooLarge = () => new Refusal(413, RESOURCE_EXHAUSTED, `the body is larger than ${LARGEST_BODY} bytes`);

class SenderGone extends Error {}

/** The body's bytes. Rejects with `Refusal` or `SenderGone`, and leaves the request alive for an answer. */
async function readBody(request: IncomingMessage, backlog: { bytes: number }): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > LARGEST_BODY) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const finished = new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      backlog.bytes += chunk.length;
      if (bytes > LARGEST_BODY) reject(tooLarge());
      else if (backlog.bytes > LARGEST_BACKLOG)
        reject(new Refusal(503, UNAVAILABLE, 'too much is being received at once', { 'retry-after': '1' }));
      else chunks.push(chunk);
    });
    request.on('end', resolve);
    request.on('error', () => reject(new SenderGone()));
    request.on('close', () => reject(new SenderGone()));
  });
  try {
    await finished;
    return Buffer.concat(chunks);
  } finally {
    request.removeAllListeners('data');
    backlog.bytes -= bytes;
  }
}

async function unpack(body: Buffer): Promise<Buffer> {
  const gunzip = createGunzip();
  const chunks: Buffer[] = [];
  let bytes = 0;
  gunzip.end(body);
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > LARGEST_BODY) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new MalformedRequest('the body is not gzip, as its content-encoding says');
  }
  return Buffer.concat(chunks);
}

function answer(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: Buffer,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': body.length, ...headers });
  response.end(body);
}

type ProtocolError = NodeJS.ErrnoException & { readonly rawPacket?: Buffer };

/** What is no http at all is answered and cut; the two mistakes everybody makes once are called by name. */
function refuseOtherProtocol(error: ProtocolError, socket: Socket, listener: OtlpListener): void {
  const opening = error.rawPacket?.subarray(0, 14) ?? Buffer.of();
  if (opening.toString('latin1').startsWith('PRI * HTTP/2.0'))
    listener.problem?.(
      'somebody speaks gRPC here; this is OTLP over http: set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf',
    );
  else if (opening[0] === 0x16) listener.problem?.('somebody speaks https here; the endpoint must begin with http://');
  if (socket.writable && error.code !== 'ECONNRESET')
    socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
  else socket.destroy();
}
