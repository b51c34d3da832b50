import type * as tls from 'node:tls';
import { builtinModule } from '../builtin-module';
import { guard, guarded } from './guard';
import { type Around, PrototypePatch } from './prototype-patch';

/** What a server presents and whom it trusts, from now on. Contexts are opaque: `madeOf` and `ownCertificateOf` read them. */
export interface ConfiguredServer {
  readonly server: object;
  /** The pattern of names that it is for. Undefined: it is the server's own. */
  readonly name: string | undefined;
  /** What it takes the place of. Undefined: there was none. */
  readonly before: object | undefined;
  readonly after: object;
  readonly listening: boolean;
  /** Undefined while it does not listen, and on a pipe. */
  readonly port: number | undefined;
}

export interface ConfigurationObserver {
  configured(server: ConfiguredServer): void;
}

/** The application's own options, as they were given. Neither key nor passphrase is among them. */
export interface MadeOf {
  readonly ca: unknown;
  readonly crl: unknown;
}

/**
 * What `context` was made of. Undefined: it was made before we came, or with neither `ca` nor `crl`. Kept as long as the
 * context is.
 */
export function madeOf(context: object): MadeOf | undefined {
  return MADE_OF.get(nativeOf(context));
}

/**
 * The leaf that `context` presents, in DER; the same bytes each time. Undefined when it has none. Of several, an RSA and
 * an EC one, it is the last that was given. Some 4 us the first time.
 */
export function ownCertificateOf(context: object): Uint8Array | undefined {
  const native = nativeOf(context);
  let certificate = OWN.get(native);
  if (certificate === undefined) {
    const found = native.getCertificate?.();
    if (!(found instanceof Uint8Array)) return undefined;
    // A copy with memory of its own: a small Buffer would be a window into Node's pool and keep all of that.
    certificate = new Uint8Array(found);
    OWN.set(native, certificate);
  }
  return certificate;
}

/** Every context that a server has now: its own first, then those of names. */
export function contextsOf(server: object): object[] {
  const { _sharedCreds: own, _contexts: named } = server as ConfigurableServer;
  const ofNames = Array.isArray(named) ? named.map(entry => (entry as unknown[] | undefined)?.[1]) : [];
  return [own, ...ofNames].filter(context => typeof context === 'object' && context !== null);
}

export function isListening(server: object): boolean {
  return (server as ConfigurableServer).listening === true;
}

/**
 * Learns which authorities and revocation lists each context was made of, and when servers get another one. All of Node
 * makes its contexts by `tls.createSecureContext` of the module's exports: servers, connections, https, http2 and fetch.
 * Only an application's own named import of an ES module, made before us, goes past it; its contexts are like those that
 * were made before we came. (`module.syncBuiltinESMExports()` would reach those too, and with them show the application
 * whatever others have replaced in any module of Node's.)
 */
export class SecureContextHook {
  readonly #observer: ConfigurationObserver;
  readonly #patches: readonly PrototypePatch[];

  constructor(observer: ConfigurationObserver, module: object = builtinModule('node:tls')) {
    this.#observer = observer;
    const prototype = (module as typeof tls).Server?.prototype as object | undefined;
    const methods: [object | undefined, string, Around<never>][] = [
      [module, 'createSecureContext', this.#createSecureContext],
      [prototype, 'setSecureContext', this.#setSecureContext],
      [prototype, 'addContext', this.#addContext],
    ];
    this.#patches = methods.flatMap(([target, name, around]) =>
      target !== undefined && typeof Reflect.get(target, name) === 'function'
        ? [PrototypePatch.around(target, name, around as Around<object>)]
        : [],
    );
  }

  enable(): void {
    for (const patch of this.#patches) patch.enable();
  }

  disable(): void {
    for (const patch of this.#patches) patch.disable();
  }

  readonly #createSecureContext: Around<object> = (module, args, original) => {
    const context = Reflect.apply(original, module, args);
    guard(() => {
      const options = args[0] as tls.SecureContextOptions | undefined;
      const ca = options?.ca;
      const crl = options?.crl;
      // Most are a client's, one a connection, with neither.
      if (ca === undefined && crl === undefined) return;
      // Authorities within a PKCS #12 are asked as well, and nobody tells which they are.
      const made: MadeOf = { ca: options?.pfx === undefined ? ca : undefined, crl };
      MADE_OF.set(nativeOf(context as object), made);
    });
    return context;
  };

  /** Called by each server's constructor as well. */
  readonly #setSecureContext: Around<object> = (server, args, original) => {
    const before = guarded(() => (server as ConfigurableServer)._sharedCreds, undefined);
    const result = Reflect.apply(original, server, args);
    guard(() => {
      const after = (server as ConfigurableServer)._sharedCreds;
      if (after) this.#observer.configured(configured(server, undefined, before, after));
    });
    return result;
  };

  readonly #addContext: Around<object> = (server, args, original) => {
    const result = Reflect.apply(original, server, args);
    guard(() => {
      const { _contexts: named } = server as ConfigurableServer;
      const last = Array.isArray(named) ? (named.at(-1) as NamedContext | undefined) : undefined;
      if (last === undefined || typeof last[1] !== 'object') return;
      const earlier = (named as NamedContext[]).findLast(
        entry => entry !== last && String(entry[0]) === String(last[0]),
      );
      const name = typeof args[0] === 'string' ? args[0] : '';
      this.#observer.configured(configured(server, name, earlier?.[1], last[1]));
    });
    return result;
  };
}

/** The parts of a tls.Server that Node does not document. Optional: what a Node lacks is simply not known. */
interface ConfigurableServer {
  readonly _sharedCreds?: object;
  readonly _contexts?: unknown;
  readonly listening?: boolean;
  address?(): unknown;
}

/** The names, as a regular expression, and their context. */
type NamedContext = [unknown, object];

/** What Node's SecureContext stands around, and all that a name's context is on some Nodes. */
interface NativeContext {
  getCertificate?(): unknown;
}

/** By what is within them: Node hands out now the one, now the other. */
const MADE_OF = new WeakMap<NativeContext, MadeOf>();
const OWN = new WeakMap<NativeContext, Uint8Array>();

function nativeOf(context: object): NativeContext {
  return (context as { context?: NativeContext }).context ?? (context as NativeContext);
}

function configured(
  server: ConfigurableServer,
  name: string | undefined,
  before: object | undefined,
  after: object,
): ConfiguredServer {
  const address = server.listening ? server.address?.() : undefined;
  const port = (address as { port?: unknown } | null | undefined)?.port;
  return {
    server,
    name,
    before,
    after,
    listening: server.listening === true,
    port: typeof port === 'number' ? port : undefined,
  };
}
