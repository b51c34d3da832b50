import { EventEmitter } from 'node:events';
import type { Server } from 'node:net';
import { builtinModule } from '../builtin-module';
import { guard } from './guard';
import { type Below, type Method, PrototypePatch } from './prototype-patch';
import type { RequestObserver } from './request-observer';

/**
 * Sees every request that a server of this process receives: http, https, http2 with TLS and without. They all inherit
 * `emit` by way of `net.Server.prototype`, and there we stand. No listener is added to anything, as far as anybody can see.
 */
export class HttpServerHook {
  readonly #observer: RequestObserver;
  readonly #patches = new Map<object, PrototypePatch>();

  constructor(observer: RequestObserver) {
    this.#observer = observer;
  }

  enable(): void {
    const net = builtinModule('node:net');
    const http = builtinModule('node:http');
    const https = builtinModule('node:https');
    // Who came before us and replaced `emit` further down does not come by `net.Server.prototype` any more.
    const replaced = [http.Server.prototype, https.Server.prototype].filter(one => Object.hasOwn(one, 'emit'));
    for (const target of [net.Server.prototype, ...replaced]) {
      const patch =
        this.#patches.get(target) ??
        new PrototypePatch(target, 'emit', (below, isActive) => this.#emit(below, isActive));
      this.#patches.set(target, patch);
      patch.enable();
    }
  }

  disable(): void {
    for (const patch of this.#patches.values()) patch.disable();
  }

  #emit(below: Below, isActive: () => boolean): Method {
    const hook = this;
    return function emit(this: Server, ...args: unknown[]) {
      const original = below['emit'] as Method;
      // How servers of Node hand a request to the application: `(request, ...)` or, over HTTP/2, `(stream, headers, flags,
      // rawHeaders)`. Most of what servers emit is neither, and each connection of theirs comes by here.
      switch (args[0]) {
        case 'request':
        case 'stream':
        case 'checkContinue':
        case 'checkExpectation':
        case 'upgrade':
        case 'connect':
          if (!isActive() || typeof args[1] !== 'object' || args[1] === null) break;
          return hook.#requested(this, args, original, args[1]);
        case 'clientError':
          if (isActive()) guard(() => hook.#clientFailed(args[1], args[2]));
          break;
      }
      return Reflect.apply(original, this, args);
    };
  }

  #requested(server: Server, args: unknown[], original: Method, request: object): unknown {
    const rawHeaders = args[0] === 'stream' ? args[4] : (request as { rawHeaders?: unknown }).rawHeaders;
    const observer = this.#observer;
    // Beneath us is Node's own: whoever starts a span for this request has done so, around us.
    const isInnermost = original === EventEmitter.prototype.emit;
    const emit = isInnermost
      ? () => {
          guard(() => observer.arrived(request, rawHeaders));
          return Reflect.apply(original, server, args);
        }
      : () =>
          withFirstListener(
            server,
            args[0] as string,
            () => guard(() => observer.arrived(request, rawHeaders)),
            () => Reflect.apply(original, server, args),
          );
    return observer.handling(request, rawHeaders, emit);
  }

  /** Node asks whether anybody listens, and answers itself if not. We hear the question without being one who does. */
  #clientFailed(error: unknown, socket: unknown): void {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'HPE_HEADER_OVERFLOW') this.#observer.overflowed(socket as object);
  }
}

type Listener = (...args: never[]) => unknown;

/** The part of an EventEmitter that holds its listeners: one function, or several in a list. Node has never had it otherwise. */
interface Emitter {
  _events?: Record<string, Listener | Listener[] | undefined>;
}

/**
 * Runs `ours` as the first listener of the one event that `emit` emits: within everything that others have wrapped around
 * `emit`, and before the application's listeners. It is put there for that moment only, past `prependListener`, which would
 * tell the server's 'newListener', count, and might warn of a leak; and it is gone before the next listener runs.
 *
 * Without a listener of the application's there is none of ours either.
 */
function withFirstListener(server: object, event: string, ours: () => void, emit: () => unknown): unknown {
  const events = (server as Emitter)._events;
  const theirs = events?.[event];
  if (events === undefined || (typeof theirs !== 'function' && !Array.isArray(theirs))) return emit();
  const first = (): void => {
    leave();
    ours();
  };
  const together = typeof theirs === 'function' ? [first, theirs] : [first, ...theirs];
  const count = together.length;
  let here = true;
  const leave = (): void => {
    if (!here) return;
    here = false;
    const now = (server as Emitter)._events?.[event];
    // Nobody has touched it: as it was, to the very list.
    if (now === together && together.length === count && together[0] === first) events[event] = theirs;
    // Listeners came or went on the way to the event: a wrapper's own doing, and Node knows how to count them.
    else Reflect.apply(EventEmitter.prototype.removeListener, server, [event, first]);
  };
  events[event] = together;
  try {
    return emit();
  } finally {
    leave();
  }
}
