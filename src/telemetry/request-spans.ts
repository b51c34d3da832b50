import { type Attributes, type Link, type Span, TraceFlags } from '@opentelemetry/api';
import { boundedText } from '../certificate/untrusted-text';
import type { Side } from '../handshake/handshake';
import type { RequestHooks } from '../identity/request-hooks';
import type { TlsPeer } from '../identity/tls-peer';
import type { Settings } from '../settings';
import { addEventTo, type Disclosure, type DisclosedAttributes, putOn } from './disclosure';
import type { RequestEventName } from './events';
import { type RequestFacts, requestAttributes, USER_ID } from './request-attributes';

/** Bytes of what the application says of its user. */
const MAX_USER_BYTES = 256;

/** Every decoration has it: whoever carries it is decorated, which no set of spans need remember. */
const ALWAYS_SAID = 'tls.verify.result';

/** What is put on each span of a connection's requests; made once and used for all of them. */
export interface RequestDecoration {
  readonly peer: TlsPeer;
  readonly attributes: DisclosedAttributes;
  /** Undefined: the handshake has no span, or one that nobody keeps. */
  readonly link: Link | undefined;
}

/** Puts a peer on the spans that others start for requests. */
export class RequestSpans {
  readonly #settings: Settings;
  readonly #hooks: RequestHooks;
  readonly #disclosure: Disclosure;
  readonly #complain: (complaint: string) => void;
  /** Spans that do not show it: `requestAttributes` is `none`, or their SDK hides what they carry. */
  readonly #unmarked = new WeakSet<Span>();
  /** Users of whom a span does not say in full what the application calls them, and what it says instead. */
  readonly #users = new WeakMap<Span, { readonly user: string; readonly said: unknown }>();
  readonly #complained = new Set<keyof RequestHooks>();

  constructor(settings: Settings, hooks: RequestHooks, disclosure: Disclosure, complain: (complaint: string) => void) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#disclosure = disclosure;
    this.#complain = complain;
  }

  /** False when there is nothing that could be put on any span. */
  get areWanted(): boolean {
    const { requestHook, userId } = this.#hooks;
    return this.#settings.requestAttributes !== 'none' || requestHook !== undefined || userId !== undefined;
  }

  /** `peer` is whose certificate it is: `client` for a server's requests. */
  decorationOf(facts: RequestFacts, peer: Side): RequestDecoration {
    const wanted = this.#settings.requestAttributes;
    if (wanted === 'none') return { peer: facts.peer, attributes: this.#disclosure.of({}), link: undefined };
    const span = facts.peer.handshakeSpan;
    const isKept = span !== undefined && (span.traceFlags & TraceFlags.SAMPLED) !== 0;
    return {
      peer: facts.peer,
      attributes: this.#disclosure.of(requestAttributes(facts, peer, wanted)),
      link: isKept ? { context: span } : undefined,
    };
  }

  /** Several ways lead to one span. */
  isDecorated(span: Span): boolean {
    const { attributes } = span as { attributes?: Attributes };
    return attributes?.[ALWAYS_SAID] !== undefined || this.#unmarked.has(span);
  }

  decorate(
    span: Span,
    { peer, attributes, link }: RequestDecoration,
    request: object,
    direction: 'arrived' | 'left',
  ): void {
    putOn(span, attributes);
    if (!this.isDecorated(span)) this.#unmarked.add(span);
    // An SDK of before 1.9 of the API has none.
    if (link !== undefined) (span as Partial<Span>).addLink?.(link);
    const { requestHook } = this.#hooks;
    const user = direction === 'arrived' ? this.userOf(request, peer) : undefined;
    if (user !== undefined) {
      const said = this.#disclosure.of({ [USER_ID]: user });
      if (said[USER_ID] !== user) this.#users.set(span, { user, said: said[USER_ID] });
      putOn(span, said);
    }
    if (requestHook) this.#asked('requestHook', () => requestHook(span, peer, request));
  }

  /** What the application calls the user of a request that arrived. Undefined: it does not know yet, or has not said how to ask. */
  userOf(request: object, peer: TlsPeer): string | undefined {
    const { userId } = this.#hooks;
    const user = userId && this.#asked('userId', () => userId(request, peer));
    return typeof user === 'string' && user !== '' ? boundedText(user, MAX_USER_BYTES, 'plain') : undefined;
  }

  /** As it was last said on this span, by us or by the application itself. */
  userOn(span: Span): string | undefined {
    const shown = (span as { attributes?: Record<string, unknown> }).attributes?.[USER_ID];
    const kept = this.#users.get(span);
    const user = kept !== undefined && kept.said === shown ? kept.user : shown;
    return typeof user === 'string' && user !== '' ? boundedText(user, MAX_USER_BYTES, 'plain') : undefined;
  }

  /** An event of the request, where events go on spans. */
  say(span: Span, name: RequestEventName, attributes: Attributes): void {
    if (this.#settings.events === 'both' || this.#settings.events === 'span') {
      addEventTo(span, name, this.#disclosure.of(attributes));
    }
  }

  /** Asks the application's own code, which may throw. */
  #asked<T>(hook: keyof RequestHooks, ask: () => T): T | undefined {
    try {
      return ask();
    } catch (fault) {
      if (this.#complained.has(hook)) return undefined;
      this.#complained.add(hook);
      this.#complain(`the option ${hook} threw, and is not told again: ${wordsOf(fault)}`);
      return undefined;
    }
  }
}

function wordsOf(fault: unknown): string {
  try {
    return boundedText(fault instanceof Error ? fault.message : String(fault), 200, 'plain');
  } catch {
    return typeof fault;
  }
}
