import { AsyncLocalStorage } from 'node:async_hooks';
import type { Span } from '@opentelemetry/api';
import type { TlsPeer } from './tls-peer';

/**
 * Who is at the other end of a request or a connection: of an `http.IncomingMessage` or an HTTP/2 request, stream or
 * session, of an `http.ClientRequest`, of a `tls.TLSSocket`; and of what express, fastify, koa and hono make of a request.
 * Frozen. Never throws.
 *
 * undefined: there is no TLS and no proxy that is believed, the handshake is under way or has failed, the connection was
 * gone before anybody asked, or no `TlsInstrumentation` is enabled in this process. It never means that the peer may be
 * trusted: who that is, is in `verification`.
 */
export function getTlsPeer(requestOrSocket: unknown): TlsPeer | undefined {
  const isObject = typeof requestOrSocket === 'object' && requestOrSocket !== null;
  if (!isObject || shared.directory === undefined) return undefined;
  try {
    return shared.directory.peerOf(requestOrSocket);
  } catch {
    return undefined;
  }
}

/**
 * The same of the request that is being handled: within the listeners of an http, https or http2 server and whatever they
 * call or wait for. undefined outside a request too.
 *
 * Neither a span nor an SDK is needed. Requests are followed from the moment on at which this function is first taken out of
 * the package, as `import { getActiveTlsPeer }` and `const { getActiveTlsPeer } = require(...)` do at once, or the first
 * TlsPeerSpanProcessor is made. Who writes `tls.getActiveTlsPeer()`, or has TypeScript write it for CommonJS, takes it with
 * the first call: before that, a request is known only until its handler first waits.
 */
export declare const getActiveTlsPeer: () => TlsPeer | undefined;

Object.defineProperty(exports, 'getActiveTlsPeer', {
  enumerable: true,
  get() {
    shared.following = true;
    return activePeer;
  },
});

function activePeer(): TlsPeer | undefined {
  try {
    return shared.directory?.activePeer();
  } catch {
    return undefined;
  }
}

/** What an enabled instrumentation answers, of whichever copy of the package it is. */
export interface PeerDirectory {
  /** May throw: what it is asked about may be anything. */
  peerOf(subject: object): TlsPeer | undefined;
  activePeer(): TlsPeer | undefined;
  /** A span was started, by anybody. */
  spanStarted(span: Span): void;
  /** Somebody wants to know of spans. */
  spanProcessorCame(): void;
}

/**
 * What the copies of this package in a process share: the application's may be another than the preload's, or another
 * version's. Its members are never renamed.
 */
interface Shared {
  directory: PeerDirectory | undefined;
  /** Requests are followed through what they call: somebody asks for the active peer, or sees spans start. */
  following: boolean;
  spanProcessors: boolean;
}

const KEY = Symbol.for('opentelemetry-instrumentation-tls.identity');
const registry = globalThis as { [KEY]?: Shared };
registry[KEY] ??= { directory: undefined, following: false, spanProcessors: false };
const shared: Shared = registry[KEY];

export function currentDirectory(): PeerDirectory | undefined {
  return shared.directory;
}

/** Undefined takes it away. */
export function registerDirectory(directory: PeerDirectory | undefined): void {
  shared.directory = directory;
}

/** Somebody sees spans start, and wants to know whose request they are of. */
export function announceSpanProcessor(): void {
  shared.following = true;
  shared.spanProcessors = true;
  shared.directory?.spanProcessorCame();
}

export function hasSpanProcessor(): boolean {
  return shared.spanProcessors;
}

/**
 * Asynchronous context costs: more than all else that is done for a request, and on Node 20 and 22 every promise of the
 * process pays for its first use. So nobody is followed before somebody wants it.
 */
export function isFollowing(): boolean {
  return shared.following;
}

const requests = new AsyncLocalStorage<object | undefined>();
/** A request that nobody follows, for as long as its listeners run. */
let unfollowed: object | undefined;

/** Runs what handles a request, and follows it through whatever that calls or waits for. Undefined: nobody's any more. */
export function following<T>(request: object | undefined, handle: () => T): T {
  return requests.run(request, handle);
}

/** The same for those who ask before they wait for anything. */
export function notFollowing<T>(request: object, handle: () => T): T {
  const before = unfollowed;
  unfollowed = request;
  try {
    return handle();
  } finally {
    unfollowed = before;
  }
}

/** The request that is being handled, as the server's event named it. */
export function activeRequest(): object | undefined {
  return requests.getStore() ?? unfollowed;
}
