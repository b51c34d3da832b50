import type { ClientRequest } from 'node:http';
import { builtinModule } from '../builtin-module';
import { guard } from './guard';
import { type Around, PrototypePatch } from './prototype-patch';
import type { RequestObserver } from './request-observer';

/**
 * Sees a request of `http` or `https` get its connection, a new one or one of its agent's pool. Node calls `onSocket` where
 * the request was made, so within the span that was started for it.
 */
export class HttpClientHook {
  readonly #observer: RequestObserver;
  #patch: PrototypePatch | undefined;

  constructor(observer: RequestObserver) {
    this.#observer = observer;
  }

  enable(): void {
    const { prototype } = builtinModule('node:http').ClientRequest;
    this.#patch ??= PrototypePatch.around<ClientRequest>(prototype, 'onSocket', this.#onSocket);
    this.#patch.enable();
  }

  disable(): void {
    this.#patch?.disable();
  }

  readonly #onSocket: Around<ClientRequest> = (request, args, original) => {
    const socket = args[0];
    if (typeof socket === 'object' && socket !== null) guard(() => this.#observer.leaving(request, socket));
    return Reflect.apply(original, request, args);
  };
}
