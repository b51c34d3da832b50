import type * as tls from 'node:tls';
import { builtinModule } from '../builtin-module';
import type { Ending, Observation, ObservedError } from '../handshake/observation';
import type { ClientHelloTap } from './client-hello-tap';
import { now, steadyNow } from './clock';
import { guard, guarded, tellFault, warn } from './guard';
import type { HandshakeObserver } from './handshake-observer';
import { type Below, type Method, PrototypePatch } from './prototype-patch';
import { PublicEventsHook } from './public-events-hook';
import { ownCertificateOf } from './secure-context-hook';
import {
  closedWithoutAByte,
  describeError,
  hasOwnCertificate,
  isConnected,
  isSecured,
  observeBirth,
  observeConnection,
  observeDecision,
  observeNegotiation,
  observePresented,
  observeTeardown,
  onHandshakeStart,
  outlivesDestroy,
  sideOf,
  usedFiniteFieldGroup,
} from './socket-facts';

/** The prototype methods that are Node's own business. Without one of them only the public events are left. */
const UNDOCUMENTED_METHODS = ['_init', '_start', '_finishInit', '_emitTLSError'] as const;

/**
 * How long after its own success a client can still learn that the server refused it. A server that goes away later
 * without a byte had other reasons: an idle connection, a restart.
 */
const REFUSAL_WINDOW_MS = 5_000;

/**
 * Sees every TLS socket of the process from birth to decision, whoever made it: tls, https, http2, fetch, undici,
 * STARTTLS, a Duplex. Six methods of `tls.TLSSocket.prototype` are replaced; no listener is added to anything.
 */
export class TlsSocketHook<Birth = unknown> {
  readonly #observer: HandshakeObserver<Birth>;
  readonly #patches: readonly PrototypePatch[];
  readonly #fallback: PublicEventsHook<Birth> | undefined;
  readonly #sockets = new WeakMap<tls.TLSSocket, WatchedSocket<Birth>>();
  /** Undefined: nobody wants to know what clients offer. */
  readonly #tap: ClientHelloTap | undefined;
  #enabled = false;

  constructor(
    observer: HandshakeObserver<Birth>,
    prototype: object = builtinModule('node:tls').TLSSocket.prototype,
    tap?: ClientHelloTap,
    complain: (sentence: string) => void = warn,
  ) {
    this.#observer = observer;
    this.#tap = tap;
    const missing = UNDOCUMENTED_METHODS.filter(name => typeof Reflect.get(prototype, name) !== 'function');
    if (missing.length > 0) {
      complain(
        `this Node has no TLSSocket.prototype.${missing.join(', ')}; ` +
          'handshakes are reported from public events only: with their reason, without certificates',
      );
      this.#patches = [];
      this.#fallback = new PublicEventsHook(observer, prototype);
      return;
    }
    this.#fallback = undefined;
    this.#patches = [
      new PrototypePatch(prototype, '_init', below => this.#init(below)),
      new PrototypePatch(prototype, '_start', below => this.#start(below)),
      new PrototypePatch(prototype, '_finishInit', below => this.#finishInit(below)),
      new PrototypePatch(prototype, '_emitTLSError', below => this.#emitTlsError(below)),
      new PrototypePatch(prototype, 'destroy', below => this.#destroy(below)),
      new PrototypePatch(prototype, 'end', below => this.#end(below)),
    ];
  }

  /** All or nothing: where a prototype cannot be patched, what was patched before is undone, and it throws. */
  enable(): void {
    this.#enabled = true;
    try {
      for (const patch of this.#patches) patch.enable();
      this.#fallback?.enable();
    } catch (fault) {
      this.disable();
      throw fault;
    }
  }

  /** Sockets whose handshake is under way are forgotten: they end without a report. */
  disable(): void {
    this.#enabled = false;
    for (const patch of this.#patches) patch.disable();
    this.#fallback?.disable();
    const tap = this.#tap;
    if (tap) guard(() => tap.close());
  }

  /** What the observer made of the socket's birth. Undefined: born before us, or nobody was interested in it. */
  birthOf(socket: object): Birth | undefined {
    return this.#sockets.get(socket as tls.TLSSocket)?.birth ?? this.#fallback?.birthOf(socket);
  }

  // The six replacements run once a connection each, right after OpenSSL has taken all of the processor's caches: there a
  // function costs a third of a microsecond whatever it does. So they are few, and closures and callbacks are avoided.

  /** Node runs `_init` once a handle: again when happy eyeballs moves on to the next address. */
  #init(below: Below): Method {
    const hook = this;
    return function _init(this: tls.TLSSocket, ...args: unknown[]) {
      const result = Reflect.apply(below['_init'] as Method, this, args);
      if (hook.#enabled) hook.#initialised(this);
      return result;
    };
  }

  #initialised(socket: tls.TLSSocket): void {
    try {
      const watched = this.#sockets.get(socket) ?? this.#watch(socket);
      if (!watched) return;
      onHandshakeStart(socket, () => this.#begin(watched));
      const { observation } = watched;
      if (this.#tap === undefined || observation.side !== 'server') return;
      this.#tap.listen(socket, clientHello => {
        observation.clientHello = clientHello;
      });
    } catch (fault) {
      tellFault(fault);
    }
  }

  /** A client's TCP connection stands and TLS begins. Called early too, while still connecting. */
  #start(below: Below): Method {
    const hook = this;
    return function _start(this: tls.TLSSocket, ...args: unknown[]) {
      if (hook.#enabled) hook.#starting(this);
      return Reflect.apply(below['_start'] as Method, this, args);
    };
  }

  #starting(socket: tls.TLSSocket): void {
    try {
      const watched = this.#sockets.get(socket);
      if (!watched || watched.over || !isConnected(socket)) return;
      observeConnection(socket, watched.observation);
      this.#begin(watched);
    } catch (fault) {
      tellFault(fault);
    }
  }

  /** OpenSSL is done; within the call Node, and on a client the application's identity check, decides. */
  #finishInit(below: Below): Method {
    const hook = this;
    return function _finishInit(this: tls.TLSSocket, ...args: unknown[]) {
      const original = below['_finishInit'] as Method;
      let watched = hook.#sockets.get(this);
      if (watched?.timedOut && hook.#enabled) watched = hook.#watchAgain(this, watched);
      if (watched === undefined || watched.over || !hook.#enabled || !hook.#negotiated(this, watched))
        return Reflect.apply(original, this, args);
      watched.deciding = true;
      let threw = true;
      try {
        const result = Reflect.apply(original, this, args);
        threw = false;
        return result;
      } finally {
        watched.deciding = false;
        hook.#decided(this, watched, threw);
      }
    };
  }

  /** False: the connection is gone already, and nothing will be decided. */
  #negotiated(socket: tls.TLSSocket, watched: WatchedSocket<Birth>): boolean {
    try {
      if (!observeNegotiation(socket, watched.observation)) return false;
      if (watched.observation.begun === undefined) this.#begin(watched);
    } catch (fault) {
      tellFault(fault);
    }
    return true;
  }

  #decided(socket: tls.TLSSocket, watched: WatchedSocket<Birth>, threw: boolean): void {
    try {
      watched.established ||= isSecured(socket) && !watched.givenUp;
      observeDecision(socket, watched.observation);
      // Node goes on with a socket that an identity check has destroyed as if it were secure.
      this.#over(watched, watched.givenUp ? 'refused_by_node' : endingOfDecision(socket, threw));
    } catch (fault) {
      tellFault(fault);
    }
  }

  /** Handshake timeouts, errors of an underlying socket, and what OpenSSL says after the handshake. */
  #emitTlsError(below: Below): Method {
    const hook = this;
    return function _emitTLSError(this: tls.TLSSocket, ...args: unknown[]) {
      if (hook.#enabled) guard(() => hook.#failing(this, args[0]));
      return Reflect.apply(below['_emitTLSError'] as Method, this, args);
    };
  }

  #failing(socket: tls.TLSSocket, fault: unknown): void {
    const watched = this.#sockets.get(socket);
    if (!watched) return;
    const error = describeError(fault);
    if (watched.over) {
      this.#refuse(socket, watched, error);
      return;
    }
    watched.observation.error ??= error;
    if (error?.code !== 'ERR_TLS_HANDSHAKE_TIMEOUT') return;
    this.#tap?.release(socket);
    // Not followed by destroy() on a plain tls.Server: there the socket stays open, silent or just slow.
    observeTeardown(socket, watched.observation);
    watched.timedOut = true;
    this.#over(watched, 'timed_out');
  }

  /** Every TLS socket ends here, and it is the last moment at which anything of it can be read. */
  #destroy(below: Below): Method {
    const hook = this;
    return function destroy(this: tls.TLSSocket, ...args: unknown[]) {
      const watched = hook.#sockets.get(this);
      if (watched !== undefined && hook.#enabled) hook.#destroying(this, watched, args[0]);
      return Reflect.apply(below['destroy'] as Method, this, args);
    };
  }

  #destroying(socket: tls.TLSSocket, watched: WatchedSocket<Birth>, error: unknown): void {
    // What becomes of a client is of interest for a while longer.
    if (watched.over && watched.observation.side === 'server') return;
    try {
      if (!socket.destroyed) this.#beforeDestroy(socket, watched, error);
      // An identity check that destroyed the socket, and then said why.
      else if (watched.deciding && !isSecured(socket)) watched.observation.error ??= describeError(error);
    } catch (fault) {
      tellFault(fault);
    }
    const tap = this.#tap;
    if (tap) guard(() => tap.release(socket));
  }

  /** An application that ends a connection itself has not been refused by the server. */
  #end(below: Below): Method {
    const hook = this;
    return function end(this: tls.TLSSocket, ...args: unknown[]) {
      const watched = hook.#sockets.get(this);
      if (watched !== undefined && hook.#enabled && watched.observation.side === 'client') hook.#ending(this, watched);
      return Reflect.apply(below['end'] as Method, this, args);
    };
  }

  #ending(socket: tls.TLSSocket, watched: WatchedSocket<Birth>): void {
    try {
      if (!socket.readableEnded) watched.endedByUs = true;
    } catch (fault) {
      tellFault(fault);
    }
  }

  #beforeDestroy(socket: tls.TLSSocket, watched: WatchedSocket<Birth>, error: unknown): void {
    keepOwnCertificate(watched.observation);
    const described = describeError(error);
    if (watched.over) {
      this.#refuseSilently(socket, watched, described);
      return;
    }
    // The application may destroy the socket inside its own 'secureConnect': that was a success.
    if (watched.deciding && isSecured(socket)) return;
    watched.givenUp = watched.deciding;
    if (described) watched.observation.error = described;
    if (watched.deciding && !described && guarded(() => usedFiniteFieldGroup(socket), false)) {
      watched.observation.error = { code: 'ERR_TLS_DH_PARAM_SIZE' };
    }
    if (!isNothing(watched.observation)) guard(() => this.#observeEnd(socket, watched.observation));
    if (!watched.deciding) this.#over(watched, 'destroyed');
  }

  #observeEnd(socket: tls.TLSSocket, observation: Observation): void {
    observeTeardown(socket, observation);
    if (!outlivesDestroy(socket)) {
      observePresented(socket, observation);
      return;
    }
    // Node tells the listeners first, then closes the handle in a microtask. Ours is queued before that one, and runs
    // before the handshake is judged. A promise, because test frameworks replace queueMicrotask.
    Promise.resolve().then(() => guard(() => observePresented(socket, observation)));
  }

  #watch(socket: tls.TLSSocket): WatchedSocket<Birth> | undefined {
    const birth = this.#observer.born(sideOf(socket));
    if (birth === undefined) return undefined;
    const watched = new WatchedSocket(observeBirth(socket, now()), birth);
    this.#sockets.set(socket, watched);
    return watched;
  }

  /**
   * Node gave it up, said so, and left it open: the client has come to the end of its handshake after all. That is another
   * report, as Node tells the application of it anew.
   */
  #watchAgain(socket: tls.TLSSocket, given: WatchedSocket<Birth>): WatchedSocket<Birth> {
    given.timedOut = false;
    try {
      const watched = this.#watch(socket);
      if (watched === undefined) return given;
      const { born, begun, plaintext } = given.observation;
      watched.observation.born = born;
      this.#begin(watched);
      watched.observation.begun = begun ?? watched.observation.begun;
      watched.observation.plaintext = plaintext;
      return watched;
    } catch (fault) {
      tellFault(fault);
      return given;
    }
  }

  #begin(watched: WatchedSocket<Birth>): void {
    // A handle calls back after we were disabled too: nobody would ever hear of this handshake's end.
    if (!this.#enabled || watched.over || watched.observation.begun !== undefined) return;
    watched.observation.begun = steadyNow();
    try {
      this.#observer.begun(watched.observation.side);
    } catch (fault) {
      tellFault(fault);
    }
  }

  #over(watched: WatchedSocket<Birth>, ending: Ending): void {
    if (watched.over || !this.#enabled) return;
    const { observation, birth } = watched;
    const nothing = isNothing(observation);
    if (!nothing && observation.begun === undefined) this.#begin(watched);
    watched.over = true;
    if (nothing) return;
    observation.ended = steadyNow();
    observation.ending = ending;
    this.#observer.over(observation, birth);
  }

  /** A TLS 1.3 client had finished, and then the server's alert came. On a server: renegotiation, refused by Node. */
  #refuse(socket: tls.TLSSocket, watched: WatchedSocket<Birth>, error: ObservedError | undefined): void {
    if (!watched.established || watched.refused || !error) return;
    const byAlert = watched.observation.side === 'client' && socket.bytesRead === 0;
    const byRenegotiationLimit = error.code?.startsWith('ERR_TLS_') ?? false;
    if (!byAlert && !byRenegotiationLimit) return;
    watched.refused = true;
    this.#observer.refused(watched.observation, watched.birth, { at: now(), error });
  }

  /** The same without an alert: Node's own servers say nothing when they refuse a client's certificate. */
  #refuseSilently(socket: tls.TLSSocket, watched: WatchedSocket<Birth>, error: ObservedError | undefined): void {
    const { observation, birth } = watched;
    if (!watched.established || watched.refused || watched.endedByUs) return;
    if (observation.side !== 'client' || observation.protocol !== 'TLSv1.3') return;
    if (now() - (observation.ended ?? 0) > REFUSAL_WINDOW_MS) return;
    if (!closedWithoutAByte(socket, error) || !hasOwnCertificate(socket)) return;
    watched.refused = true;
    this.#observer.refused(observation, birth, { at: now(), error: undefined });
  }
}

class WatchedSocket<Birth> {
  readonly observation: Observation;
  readonly birth: Birth;
  /** Node is deciding: a destroy() now is its verdict. */
  deciding = false;
  /** Reported. */
  over = false;
  /** Reported as too slow, which it may not stay. */
  timedOut = false;
  /** Destroyed by the application's identity check, or by Node for what it said. */
  givenUp = false;
  established = false;
  refused = false;
  /** Our application closed its side before the peer did. */
  endedByUs = false;

  constructor(observation: Observation, birth: Birth) {
    this.observation = observation;
    this.birth = birth;
  }
}

/**
 * A client's context is mostly for one connection, and is emptied with it: what is judged later must be copied now. Nothing
 * to do once it is judged.
 */
function keepOwnCertificate(observation: Observation): void {
  const { side, secureContext } = observation;
  if (side !== 'client' || secureContext === undefined) return;
  observation.ownCertificate ??= guarded(() => ownCertificateOf(secureContext), undefined);
}

/** A client whose TCP connection never stood made no handshake: there is nothing to report, and no handle to read. */
function isNothing(observation: Observation): boolean {
  return observation.side === 'client' && observation.begun === undefined;
}

function endingOfDecision(socket: tls.TLSSocket, threw: boolean): Ending {
  if (isSecured(socket)) return 'secured';
  if (socket.destroyed) return 'refused_by_node';
  return threw ? 'identity_check_threw' : 'secured_unverified';
}
