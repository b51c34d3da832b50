import type { TLSSocket } from 'node:tls';
import type { Ending, Observation } from '../handshake/observation';
import { now } from './clock';
import { guard } from './guard';
import type { HandshakeObserver } from './handshake-observer';
import { PrototypePatch } from './prototype-patch';
import { describeError, isSecured, observeBirth, sideOf } from './socket-facts';

/**
 * What is left on a Node whose TLSSocket has lost one of the undocumented methods: the public events, seen by standing
 * in front of `emit`. Only plain properties are read, since the handle may be gone. Reasons, yes; certificates, no.
 */
export class PublicEventsHook<Birth> {
  readonly #observer: HandshakeObserver<Birth>;
  readonly #patch: PrototypePatch;
  readonly #sockets = new WeakMap<TLSSocket, { observation: Observation; birth: Birth | undefined; over: boolean }>();

  constructor(observer: HandshakeObserver<Birth>, prototype: object) {
    this.#observer = observer;
    this.#patch = PrototypePatch.around<TLSSocket>(prototype, 'emit', (socket, args, original) => {
      guard(() => this.#seen(socket, args[0], args[1]));
      const result = Reflect.apply(original, socket, args);
      if (args[0] === 'secure') guard(() => this.#secured(socket));
      return result;
    });
  }

  enable(): void {
    this.#patch.enable();
  }

  disable(): void {
    this.#patch.disable();
  }

  birthOf(socket: object): Birth | undefined {
    return this.#sockets.get(socket as TLSSocket)?.birth;
  }

  #seen(socket: TLSSocket, event: unknown, argument: unknown): void {
    if (event === 'data' || event === 'drain') return;
    const watched = this.#watch(socket);
    if (watched.over || watched.birth === undefined) return;
    if (event === 'connect' || event === 'secure') this.#begin(watched.observation);
    if (event === 'end') watched.observation.peerEnded = true;
    if (event === '_tlsError' || event === 'error') watched.observation.error ??= describeError(argument);
    if (event === 'close') this.#over(socket, watched, 'destroyed');
  }

  #secured(socket: TLSSocket): void {
    const watched = this.#watch(socket);
    if (watched.over || watched.birth === undefined) return;
    const refusal = socket.authorizationError as unknown;
    if (refusal) watched.observation.authorizationError = String(refusal);
    const secured = isSecured(socket);
    if (!secured && socket.destroyed) watched.observation.verifyCode = watched.observation.authorizationError;
    this.#over(socket, watched, secured ? 'secured' : socket.destroyed ? 'refused_by_node' : 'secured_unverified');
  }

  #watch(socket: TLSSocket) {
    let watched = this.#sockets.get(socket);
    if (!watched) {
      watched = { observation: observeBirth(socket, now()), birth: this.#observer.born(sideOf(socket)), over: false };
      this.#sockets.set(socket, watched);
    }
    return watched;
  }

  #begin(observation: Observation): void {
    if (observation.begun !== undefined) return;
    observation.begun = now();
    this.#observer.begun(observation.side);
  }

  #over(
    socket: TLSSocket,
    watched: { observation: Observation; birth: Birth | undefined; over: boolean },
    ending: Ending,
  ) {
    watched.over = true;
    const { observation, birth } = watched;
    if (birth === undefined) return;
    if (observation.side === 'client' && observation.begun === undefined) return;
    this.#begin(observation);
    if (observation.peer.address === undefined) {
      observation.peer = { address: socket.remoteAddress, port: socket.remotePort };
    }
    observation.ended = now();
    observation.ending = ending;
    this.#observer.over(observation, birth);
  }
}
