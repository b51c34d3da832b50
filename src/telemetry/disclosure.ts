import { createHmac, type KeyObject } from 'node:crypto';
import type {
  Attributes,
  AttributeValue,
  Context,
  Span,
  SpanContext,
  SpanOptions,
  SpanStatus,
} from '@opentelemetry/api';
import { builtinModule } from '../builtin-module';
import { ForgetfulMap } from '../certificate/forgetful-map';
import { peerOf } from '../patterns/peer-network';
import type { PrivacySettings } from '../settings';
import type { DataKind } from './data-kinds';

const { isIP, isIPv4 } = builtinModule('node:net');

declare const disclosed: unique symbol;
/** What may go on a span that is not of our own making. Only a Disclosure makes them. */
export type DisclosedAttributes = Attributes & { readonly [disclosed]: true };

/** The sampler that records all failures tells them by this one, and so does whoever counts spans: always said. */
const ALWAYS_SAID = 'tls.handshake.outcome';

/**
 * The one way out for attributes: whatever is said of a handshake or a request passes here before OpenTelemetry has it.
 * Where something is to be kept back, so is everything of which nobody has said what it gives away.
 */
export class Disclosure {
  /** By name. What has none here is withheld. */
  readonly #treatments = new Map<string, Treatment>();
  readonly #tellsAll: boolean;
  /** Undefined where identities are told as they are, or not at all. */
  readonly #pseudonyms: Pseudonyms | undefined;

  /** `kinds`: what each attribute may give away, by name. */
  constructor({ identity, addresses, allows }: PrivacySettings, kinds: ReadonlyMap<string, DataKind>) {
    const namesAll = identity === 'full' && addresses === 'full';
    this.#tellsAll = namesAll && allows === undefined;
    const pseudonyms = identity === 'full' || identity === 'off' ? undefined : new Pseudonyms(identity);
    this.#pseudonyms = pseudonyms;
    const ofAddresses = TREATMENT_OF_ADDRESSES[addresses];
    const treatments: Readonly<Record<DataKind, Treatment>> = {
      neither: said,
      identity: pseudonyms ? pseudonyms.treatment : identity === 'full' ? said : withheld,
      certificate: identity === 'full' ? said : withheld,
      text: namesAll ? said : withheld,
      address: ofAddresses,
      host: value => (isAddress(value) ? ofAddresses(value) : value),
      networks: addresses === 'full' ? said : addresses === 'off' ? withheld : widenedNetworks,
    };
    for (const [name, kind] of kinds) {
      if (allows === undefined || name === ALWAYS_SAID || allows(name)) this.#treatments.set(name, treatments[kind]);
    }
  }

  /** Pseudonyms forgotten for want of room, and made anew when they are needed. */
  get pseudonymsEvicted(): number {
    return this.#pseudonyms?.evicted ?? 0;
  }

  /** The attributes that may be said, with the values that may be. The very same object where all may. */
  of(attributes: Attributes): DisclosedAttributes {
    if (this.#tellsAll) return attributes as DisclosedAttributes;
    const left: Attributes = {};
    for (const name of Object.keys(attributes)) {
      const value = attributes[name];
      const told = value === undefined ? undefined : this.#treatments.get(name)?.(value);
      if (told !== undefined) left[name] = told;
    }
    return left as DisclosedAttributes;
  }

  /** A logger that emits only what may be said. */
  logger<Said extends { readonly attributes: Attributes }>(logger: Emitter<Said>): Emitter<Said> {
    if (this.#tellsAll) return logger;
    return { emit: record => logger.emit({ ...record, attributes: this.of(record.attributes) }) };
  }

  /** A tracer whose spans take only what may be said. */
  tracer(tracer: SpanStarter): SpanStarter {
    if (this.#tellsAll) return tracer;
    return {
      startSpan: (name, options, context) => {
        const attributes = this.of(options.attributes ?? {});
        return new ReticentSpan(tracer.startSpan(name, { ...options, attributes }, context), this);
      },
    };
  }
}

/** Whoever emits log records. */
interface Emitter<Said> {
  emit(record: Said): void;
}

/** The part of a Span of our own that is used. */
export interface OwnSpan {
  spanContext(): SpanContext;
  isRecording(): boolean;
  setAttribute(name: string, value: AttributeValue): unknown;
  setStatus(status: SpanStatus): unknown;
  addEvent(name: string, attributes: Attributes, at: number): unknown;
  end(at: number): void;
}

/** The part of a Tracer that is used. */
export interface SpanStarter {
  startSpan(name: string, options: SpanOptions, context: Context): OwnSpan;
}

/** Puts attributes on a span that somebody else started. */
export function putOn(span: Span, attributes: DisclosedAttributes): void {
  span.setAttributes(attributes);
}

/** An event of such a span. `at`: milliseconds since the epoch; undefined: now. */
export function addEventTo(span: Span, name: string, attributes: DisclosedAttributes, at?: number): void {
  span.addEvent(name, attributes, at);
}

class ReticentSpan implements OwnSpan {
  readonly #span: OwnSpan;
  readonly #disclosure: Disclosure;

  constructor(span: OwnSpan, disclosure: Disclosure) {
    this.#span = span;
    this.#disclosure = disclosure;
  }

  spanContext(): SpanContext {
    return this.#span.spanContext();
  }

  isRecording(): boolean {
    return this.#span.isRecording();
  }

  setAttribute(name: string, value: AttributeValue): void {
    for (const [said, told] of Object.entries(this.#disclosure.of({ [name]: value }))) {
      if (told !== undefined) this.#span.setAttribute(said, told);
    }
  }

  setStatus(status: SpanStatus): void {
    this.#span.setStatus(status);
  }

  addEvent(name: string, attributes: Attributes, at: number): void {
    this.#span.addEvent(name, this.#disclosure.of(attributes), at);
  }

  end(at: number): void {
    this.#span.end(at);
  }
}

/** What is told of a value. Undefined: nothing. */
type Treatment = (value: AttributeValue) => AttributeValue | undefined;

const said: Treatment = value => value;
const withheld: Treatment = () => undefined;

const TREATMENT_OF_ADDRESSES: Readonly<Record<PrivacySettings['addresses'], Treatment>> = {
  full: said,
  masked: value => (isAddress(value) ? maskedAddress(value) : undefined),
  off: withheld,
};

/** Pseudonyms remembered, so that a certificate's names are hashed once: at most a megabyte. */
const MAX_REMEMBERED = 1000;
/** Characters. What is longer is hashed whenever it comes. */
const MAX_REMEMBERED_LENGTH = 256;

/**
 * Text becomes `hmac:` and 128 bits of HMAC-SHA-256 in hex, the same for the same text in every attribute and every process
 * with this key. Of a list, each entry.
 */
class Pseudonyms {
  readonly treatment: Treatment = value =>
    Array.isArray(value) ? value.map(entry => this.#of(String(entry))) : this.#of(String(value));
  readonly #key: KeyObject;
  readonly #remembered = new ForgetfulMap<string, string>(MAX_REMEMBERED);

  constructor(key: KeyObject) {
    this.#key = key;
  }

  get evicted(): number {
    return this.#remembered.evicted;
  }

  #of(text: string): string {
    const known = this.#remembered.get(text);
    if (known !== undefined) return known;
    const pseudonym = `hmac:${createHmac('sha256', this.#key).update(text).digest('hex').slice(0, 32)}`;
    if (text.length > MAX_REMEMBERED_LENGTH) return pseudonym;
    this.#remembered.set(text, pseudonym);
    return pseudonym;
  }
}

function isAddress(value: AttributeValue): value is string {
  return typeof value === 'string' && isIP(value) !== 0;
}

/**
 * `192.0.2.0` for `192.0.2.7`, `2001:db8:1::` for `2001:db8:1:2::3`: the first 24 and 48 bits are left, as in web analytics.
 * 48 and not 64, as a household has a /56 of its own.
 */
function maskedAddress(address: string): string {
  // An IPv4 address, also of one that is written as IPv6; or the /64 of an IPv6 address, with four groups.
  const peer = peerOf(address) ?? '';
  if (isIPv4(peer)) return `${peer.slice(0, peer.lastIndexOf('.'))}.0`;
  const network = peer.split(':').slice(0, 3).join(':');
  return `${network.replace(/(?:^|:)0(?::0)*$/, '')}::`;
}

/** Of IPv6 the /48 instead of the /64, and what came from one such network is added up. */
function widenedNetworks(value: AttributeValue): AttributeValue | undefined {
  if (!Array.isArray(value)) return undefined;
  const counts = new Map<string, number>();
  for (const entry of value) {
    const [network = '', count] = String(entry).split('=');
    const [address = ''] = network.split('/');
    const wider = isIP(address) === 0 ? 'unknown' : `${maskedAddress(address)}/${isIPv4(address) ? 24 : 48}`;
    counts.set(wider, (counts.get(wider) ?? 0) + Number(count));
  }
  return [...counts].map(([network, count]) => `${network}=${count}`);
}
