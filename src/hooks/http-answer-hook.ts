import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { guard } from './guard';
import { type Around, PrototypePatch } from './prototype-patch';

/** What is told of answers to requests that somebody waits for. */
export interface AnswerObserver {
  /** The application's answer is written to its end. At most once an exchange; never when it broke off. Called under a guard. */
  answered(exchange: object, status: number): void;
}

/**
 * Sees the end of answers, of those requests only that somebody waits for; until there is one it does nothing at all.
 *
 * HTTP/1.1 tells it on a diagnostics channel. HTTP/2 has channels on some Nodes only, not on 20: so we stand around the
 * method with which every stream ends, of whichever of its two APIs, and of files too. No listener is added to anything.
 */
export class HttpAnswerHook {
  readonly #observer: AnswerObserver;
  readonly #awaited = new WeakSet<object>();
  readonly #patches = new Map<object, PrototypePatch>();
  #subscribed = false;

  constructor(observer: AnswerObserver) {
    this.#observer = observer;
  }

  /** `exchange` is an IncomingMessage of HTTP/1.1, or a ServerHttp2Stream. */
  awaitAnswer(exchange: object): void {
    this.#awaited.add(exchange);
    if ('sentHeaders' in exchange) this.#standAround(exchange);
    else this.#subscribe();
  }

  disable(): void {
    if (this.#subscribed) unsubscribe(FINISH, this.#finished);
    this.#subscribed = false;
    for (const patch of this.#patches.values()) patch.disable();
    this.#patches.clear();
  }

  #subscribe(): void {
    if (this.#subscribed) return;
    this.#subscribed = true;
    subscribe(FINISH, this.#finished);
  }

  /** Node exports the class nowhere: the first stream leads to it. */
  #standAround(stream: object): void {
    let owner: object | null = Object.getPrototypeOf(stream);
    while (owner !== null && !Object.hasOwn(owner, '_destroy')) owner = Object.getPrototypeOf(owner);
    if (owner === null || this.#patches.has(owner)) return;
    const patch = PrototypePatch.around<ServerStream>(owner, '_destroy', this.#destroyed);
    this.#patches.set(owner, patch);
    patch.enable();
  }

  // A subscriber that throws would end the process.
  readonly #finished = (message: unknown): void => {
    guard(() => {
      const { request, response } = message as { request: object; response: { statusCode: number } };
      if (this.#awaited.delete(request)) this.#observer.answered(request, response.statusCode);
    });
  };

  readonly #destroyed: Around<ServerStream> = (stream, args, original) => {
    guard(() => {
      if (!this.#awaited.delete(stream)) return;
      const status = Number(stream.sentHeaders?.[':status']);
      // What the client or the application gave up is no answer.
      if (status > 0 && stream.writableFinished && !stream.aborted) this.#observer.answered(stream, status);
    });
    return Reflect.apply(original, stream, args);
  };
}

interface ServerStream {
  /** Undefined until the application has answered. */
  readonly sentHeaders?: { readonly ':status'?: unknown } | undefined;
  readonly writableFinished: boolean;
  readonly aborted: boolean;
}

const FINISH = 'http.server.response.finish';
