import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { guard } from './guard';

/** What undici, the built-in fetch's too, tells of a request over HTTP/1.1. Over HTTP/2 it does not tell the socket. */
export interface UndiciObserver {
  /** Whoever instruments undici starts its span now, before or after us. Called under a guard. */
  created(request: object): void;
  /** The connection stands, and the request is written to it. Called under a guard. */
  sent(request: object, socket: object): void;
}

/** undici's own diagnostics channels. A subscriber that throws would end the process: ours are guarded. */
export class UndiciHook {
  readonly #observer: UndiciObserver;
  #enabled = false;

  constructor(observer: UndiciObserver) {
    this.#observer = observer;
  }

  enable(): void {
    if (this.#enabled) return;
    this.#enabled = true;
    subscribe(CREATE, this.#created);
    subscribe(SEND_HEADERS, this.#sent);
  }

  disable(): void {
    if (!this.#enabled) return;
    this.#enabled = false;
    unsubscribe(CREATE, this.#created);
    unsubscribe(SEND_HEADERS, this.#sent);
  }

  readonly #created = (message: unknown): void => {
    guard(() => {
      const { request } = message as { request?: object };
      if (request) this.#observer.created(request);
    });
  };

  readonly #sent = (message: unknown): void => {
    guard(() => {
      const { request, socket } = message as { request?: object; socket?: object };
      if (request && socket) this.#observer.sent(request, socket);
    });
  };
}

const CREATE = 'undici:request:create';
const SEND_HEADERS = 'undici:client:sendHeaders';
