import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { ClientHelloCollector } from '../handshake/client-hello';
import { builtinModule } from '../builtin-module';
import { guard, guarded } from './guard';
import { type EncryptedSource, encryptedSourceOf } from './socket-facts';

/** Connections whose first message is waited for at a time. Those beyond have no fingerprint. */
const MAX_WAITING = 4096;
/** Parsers that are kept for the next connections. */
const MAX_SPARE = 64;

/**
 * Hears the first message of each client of a server, whose bytes never come to JavaScript otherwise: OpenSSL takes them
 * from TCP where both are native, and tells of them next to nothing.
 *
 * A tap, not a dam. Nothing is held back, delayed, read twice or put back, no listener is added, the socket is made when it
 * always was. Between TCP and TLS stands, until the message is whole, the one thing of Node's that can step on a native
 * stream and off again: its HTTP parser, with which Node's own http servers take their bytes. Each piece is handed on to
 * OpenSSL within the same call, by the way that Node has for bytes that came before TLS did. What is no data, an end or an
 * error, the parser passes on to TLS itself. That it makes nothing of TLS is no matter: it is not asked.
 *
 * What an application can see: `async_hooks` tell of one more resource a connection; and what runs in the same turn as the
 * first bytes arrive (SNICallback, ALPNCallback, 'tlsClientError' of a refusal at once) has our frames on its stack, and one
 * round of `process.nextTick` after it where without us it may have had two.
 */
export class ClientHelloTap {
  readonly #Parser: HttpParserClass;
  readonly #taps = new Map<TLSSocket, Tap>();
  #spare: HttpParser[] = [];
  #used: HttpParser[] = [];

  readonly #maxWaiting: number;

  private constructor(Parser: HttpParserClass, maxWaiting: number) {
    this.#Parser = Parser;
    this.#maxWaiting = maxWaiting;
  }

  /** Undefined on a Node whose parser is not as we know it. */
  static open(maxWaiting = MAX_WAITING): ClientHelloTap | undefined {
    const Parser = guarded(findHttpParser, undefined);
    return Parser && new ClientHelloTap(Parser, maxWaiting);
  }

  /** At a server socket's birth. `told` is called at most once, with the message and its header. */
  listen(socket: TLSSocket, told: (clientHello: Uint8Array) => void): void {
    if (this.#taps.size >= this.#maxWaiting || this.#taps.has(socket)) return;
    const source = encryptedSourceOf(socket);
    if (!source) return;
    const parser = this.#spare.pop() ?? new this.#Parser();
    parser.initialize(this.#Parser.REQUEST, {});
    this.#taps.set(socket, new Tap(parser, this.#Parser.kOnExecute, source, told, () => this.release(socket)));
  }

  /** The message has come or never will, or the connection is about to end. */
  release(socket: TLSSocket): void {
    const tap = this.#taps.get(socket);
    if (!tap) return;
    this.#taps.delete(socket);
    tap.stepOff();
    this.#used.push(tap.parser);
    if (this.#used.length === 1) setImmediate(() => this.#tidy()).unref();
  }

  close(): void {
    for (const socket of [...this.#taps.keys()]) this.release(socket);
  }

  /** Later, as Node does it: a parser must not be given to another, nor end, below its own callback. */
  #tidy(): void {
    const used = this.#used;
    this.#used = [];
    for (const parser of used) {
      parser.free();
      if (this.#spare.length < MAX_SPARE) this.#spare.push(parser);
      else parser.close();
    }
  }
}

class Tap {
  readonly parser: HttpParser;
  readonly #kOnExecute: number;
  readonly #collector = new ClientHelloCollector();
  readonly #told: (clientHello: Uint8Array) => void;
  readonly #done: () => void;
  readonly #forgetBuffered: () => void;

  constructor(
    parser: HttpParser,
    kOnExecute: number,
    source: EncryptedSource,
    told: (clientHello: Uint8Array) => void,
    done: () => void,
  ) {
    this.parser = parser;
    this.#kOnExecute = kOnExecute;
    this.#told = told;
    this.#done = done;
    this.#forgetBuffered = source.onBuffered(bytes => this.#hear(bytes));
    parser[kOnExecute] = () => {
      const bytes = parser.getCurrentBuffer();
      this.#hear(bytes);
      // What the application's callbacks throw in there is its own.
      source.receive(bytes);
    };
    parser.consume(source.stream);
  }

  stepOff(): void {
    this.#forgetBuffered();
    this.parser.unconsume();
    this.parser[this.#kOnExecute] = undefined;
  }

  #hear(bytes: Uint8Array): void {
    guard(() => {
      const heard = this.#collector.add(bytes);
      if (heard === 'incomplete') return;
      this.#done();
      if (heard !== 'none') this.#told(heard);
    });
  }
}

/** The parts of Node's internal HTTPParser that are used. */
interface HttpParser {
  /** `resource` is what async_hooks are told of. */
  initialize(type: number, resource: object): void;
  /** Listens to a native stream in place of who did; and lets that one do so again. */
  consume(stream: object): void;
  unconsume(): void;
  /** Within `kOnExecute`: what has just come, copied. */
  getCurrentBuffer(): Buffer;
  /** Tells async_hooks that it is over. */
  free(): void;
  close(): void;
  [callback: number]: (() => void) | undefined;
}

interface HttpParserClass {
  new (): HttpParser;
  readonly REQUEST: number;
  readonly kOnExecute: number;
}

const METHODS = ['initialize', 'consume', 'unconsume', 'getCurrentBuffer', 'free', 'close'] as const;

/**
 * A server shows its parser on the connections that it is given, and may be given any stream. The other ways to the class
 * are deprecated: `process.binding` and `_http_common`, of which one warns and one is forbidden under `--permission`.
 */
function findHttpParser(): HttpParserClass | undefined {
  const { Server } = builtinModule('node:http');
  const nobody = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  // Not by the server's own `emit`, which others stand around.
  EventEmitter.prototype.emit.call(new Server(), 'connection', nobody);
  const parser = (nobody as { parser?: HttpParser }).parser;
  nobody.destroy();
  const Parser = parser?.constructor as HttpParserClass | undefined;
  const { prototype, REQUEST, kOnExecute } = (Parser ?? {}) as Partial<HttpParserClass> & { prototype?: object };
  const complete = METHODS.every(name => typeof Reflect.get(prototype ?? {}, name) === 'function');
  return complete && typeof REQUEST === 'number' && typeof kOnExecute === 'number' ? Parser : undefined;
}
