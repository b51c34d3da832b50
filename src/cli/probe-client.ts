import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { alertFromMessage } from '../handshake/tls-alerts';
import { acceptedNamesIn } from '../probe/certificate-request';
import { hostOf, type ProbeOptions, serverNameOf } from './probe-options';

/** What was seen of one handshake and the request behind it. */
export interface Visit {
  /** Milliseconds since the epoch, when the connection was begun. */
  readonly at: number;
  /** How far it came: there was no connection, a connection, TLS as far as we can see. */
  readonly reached: 'nothing' | 'server' | 'tls';
  /** Ours. */
  readonly port?: number | undefined;
  /** Of the answer. Undefined: there was none. */
  readonly status?: number | undefined;
  /** What the server sent instead: `unknown_ca`. */
  readonly alert?: { readonly code: number; readonly description: string } | undefined;
  /** Why its certificate was not believed here. Undefined: it was, or it did not come to that. */
  readonly distrust?: string | undefined;
  /** Node's: `ECONNRESET`. Undefined: nothing went wrong. */
  readonly code?: string | undefined;
  /** What came first was no TLS record. */
  readonly speaksNoTls: boolean;
  readonly hasTimedOut: boolean;
}

export interface VisitOptions {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

const PATIENCE_MS = 10_000;
/** Of an answer's body, which nobody reads: enough to let most of them end in peace. */
const MOST_BODY = 64 * 1024;

/**
 * One connection, one request. Never rejects: whatever happens is what was to be seen. A TLS 1.3 client believes itself
 * connected before the server has looked at its certificate; so what counts is whether an answer comes.
 */
export function visit(
  { url, ca, isInsecure }: ProbeOptions,
  { method, path, headers, certificate, key }: VisitOptions,
  signal: AbortSignal,
): Promise<Visit> {
  const at = Date.now();
  return new Promise(resolve => {
    let reached: Visit['reached'] = 'nothing';
    let port: number | undefined;
    let distrust: string | undefined;
    const options: RequestOptions = {
      ...placeOf(url),
      ...(ca && { ca: [...ca] }),
      ...(certificate !== undefined && { cert: certificate, key }),
      // Otherwise the connection ends before the request is sent.
      rejectUnauthorized: !isInsecure,
      agent: false,
      method,
      path,
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
    };
    const end = (seen: Partial<Visit>) =>
      resolve({ at, reached, port, distrust, speaksNoTls: false, hasTimedOut: false, ...seen });
    const request = httpsRequest(options, response => {
      let bytes = 0;
      end({ status: response.statusCode });
      response
        .on('error', () => {})
        .on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > MOST_BODY) response.destroy();
        });
    });
    request.on('socket', socket => {
      const connected = () => {
        reached = 'server';
        port = socket.localPort;
      };
      socket.once('connect', connected);
      socket.once('secureConnect', () => {
        reached = 'tls';
        distrust = distrustOf(socket as TLSSocket);
      });
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      const { name, code, message } = error;
      const alert = alertFromMessage(message);
      if (reached === 'server' && alert === undefined) distrust = distrustOf(request.socket as TLSSocket | null);
      end({
        code,
        alert,
        speaksNoTls: NO_TLS.test(message),
        hasTimedOut: name === 'TimeoutError' || (code === 'ABORT_ERR' && !signal.aborted),
      });
    });
    request.end();
  });
}

/**
 * The names of the authorities that the server says it accepts, DER: by one handshake in TLS 1.2, where they are not
 * encrypted, that is broken off. Empty where it does not say, does not ask, or speaks TLS 1.3 alone.
 */
export function acceptedNames({ url }: ProbeOptions, signal: AbortSignal): Promise<readonly Uint8Array[]> {
  return new Promise(resolve => {
    const heard: Buffer[] = [];
    let bytes = 0;
    const tcp = connectTcp({ host: hostOf(url), port: Number(url.port || 443), signal });
    tcp.setTimeout(PATIENCE_MS, () => tcp.destroy());
    // In between, as a TLS socket that has the connection to itself shows nobody what it reads.
    const between = new Duplex({
      read() {
        tcp.resume();
      },
      write(chunk, _encoding, done) {
        tcp.write(chunk, done);
      },
      destroy(_error, done) {
        tcp.destroy();
        done(null);
      },
    });
    tcp.on('data', (chunk: Buffer) => {
      heard.push(chunk);
      bytes += chunk.length;
      if (bytes > MOST_BODY) tcp.destroy();
      else if (!between.push(chunk)) tcp.pause();
    });
    const end = () => {
      tcp.destroy();
      tls.destroy();
      resolve(acceptedNamesIn(Buffer.concat(heard)) ?? []);
    };
    const tls = connectTls({
      socket: between,
      servername: serverNameOf(url),
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      // Nothing is sent over it but the hello: there is nothing to protect.
      rejectUnauthorized: false,
    });
    tls.on('error', end).on('secureConnect', end);
    tcp.on('error', end).on('close', end);
  });
}

/** OpenSSL's words where it is the first record that makes no sense. */
const NO_TLS = /wrong version number|packet length too long|record layer failure/i;

/** Node's code, or its words, for why it does not believe the server. Undefined: it does, or has not come to that. */
function distrustOf(socket: TLSSocket | null): string | undefined {
  const error: unknown = socket?.authorizationError;
  return error ? String((error as { readonly code?: unknown }).code ?? error) : undefined;
}

function placeOf(url: URL): Pick<RequestOptions, 'host' | 'port' | 'servername'> {
  const servername = serverNameOf(url);
  return { host: hostOf(url), port: Number(url.port || 443), ...(servername !== undefined && { servername }) };
}
