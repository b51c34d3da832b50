import * as http2 from 'node:http2';
import * as https from 'node:https';
import type * as net from 'node:net';
import type * as tls from 'node:tls';
import * as undici from 'undici';
import { goneBy, LOOPBACK } from './tls-pair';

/** What a visitor over HTTP came home with. */
export interface Visit {
  status?: number | undefined;
  error?: unknown;
}

/** An https server that answers everyone, and closes. */
export function httpsServer(options: https.ServerOptions): https.Server {
  return https.createServer(options, (_request, response) => {
    response.setHeader('connection', 'close').end('hello\n');
  });
}

/** An HTTP/2 server that answers everyone. It offers `h2` and, with `allowHTTP1`, `http/1.1`. */
export function http2Server(options: http2.SecureServerOptions): http2.Http2SecureServer {
  return http2.createSecureServer(options, (_request, response) => {
    response.end('hello\n');
  });
}

/** One request by `https.request`, on a connection of its own. Resolves when that is gone. Never rejects. */
export async function visitHttps(port: number, options: https.RequestOptions): Promise<Visit> {
  const visit: Visit = {};
  const request = https.get({ host: LOOPBACK, port, agent: false, servername: 'localhost', ...options }, response => {
    visit.status = response.statusCode;
    response.resume();
  });
  request.on('error', error => {
    visit.error = error;
  });
  const socket = await new Promise<net.Socket>(resolve => request.once('socket', resolve));
  await goneBy(socket);
  return visit;
}

/** One request by `http2.connect`. Resolves when its connection is gone. Never rejects. */
export async function visitHttp2(port: number, options: http2.SecureClientSessionOptions): Promise<Visit> {
  const visit: Visit = {};
  const session = http2.connect(`https://localhost:${port}`, { host: LOOPBACK, ...options } as typeof options);
  // Not events.once(), here and below: that gives up at an error, and the connection is not gone yet.
  const sessionGone = new Promise<void>(resolve => session.once('close', () => resolve()));
  let socket: net.Socket | undefined;
  session.on('connect', (_session, connected) => {
    socket = connected;
  });
  session.on('error', error => {
    visit.error = error;
  });
  const request = session.request({ ':path': '/' });
  request.on('error', error => {
    visit.error ??= error;
  });
  request.on('response', headers => {
    visit.status = headers[':status'];
  });
  request.resume();
  await new Promise<void>(resolve => request.once('close', () => resolve()));
  if (session.destroyed && socket) {
    // After an alert that came late, Node 20 to 26 forget the socket of the session they destroy.
    socket.destroy();
    await goneBy(socket);
  } else {
    session.close();
    await sessionGone;
  }
  return visit;
}

/** One request by the fetch that is part of Node. Resolves when its connection is gone. Never rejects. */
export async function visitFetch(port: number, options: tls.ConnectionOptions): Promise<Visit> {
  return fetching(fetch, await builtInAgent(), port, options);
}

/** One request by the fetch of npm's undici. Resolves when its connection is gone. Never rejects. */
export async function visitUndiciFetch(port: number, options: tls.ConnectionOptions): Promise<Visit> {
  return fetching(undici.fetch as unknown as typeof fetch, undici.Agent, port, options);
}

/** One request by npm's undici, without fetch. Resolves when its connection is gone. Never rejects. */
export async function visitUndici(port: number, options: tls.ConnectionOptions): Promise<Visit> {
  const visit: Visit = {};
  const dispatcher = new undici.Agent({ connect: options as undici.buildConnector.BuildOptions });
  try {
    const { statusCode, body } = await undici.request(`https://${LOOPBACK}:${port}/`, { dispatcher });
    visit.status = statusCode;
    await body.text();
  } catch (error) {
    visit.error = error;
  }
  await dispatcher.destroy();
  return visit;
}

type AgentClass = new (options: { connect: object }) => undici.Dispatcher;

async function fetching(
  fetcher: typeof fetch,
  Agent: AgentClass,
  port: number,
  options: tls.ConnectionOptions,
): Promise<Visit> {
  const visit: Visit = {};
  const dispatcher = new Agent({ connect: options });
  try {
    const response = await fetcher(`https://${LOOPBACK}:${port}/`, { dispatcher } as RequestInit);
    visit.status = response.status;
    await response.text();
  } catch (error) {
    visit.error = error;
  }
  await dispatcher.destroy();
  return visit;
}

/** Node exports it nowhere, but fetch takes its options for TLS from one. The key is undici's own; Node 26 has the second. */
export async function builtInAgent(): Promise<AgentClass> {
  await fetch('data:,');
  const dispatchers = globalThis as unknown as Record<symbol, { constructor: AgentClass } | undefined>;
  const dispatcher =
    dispatchers[Symbol.for('undici.globalDispatcher.2')] ?? dispatchers[Symbol.for('undici.globalDispatcher.1')];
  return dispatcher!.constructor;
}
