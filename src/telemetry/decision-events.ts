import type { Attributes, AttributeValue, Context, Span } from '@opentelemetry/api';
import type { Settings } from '../settings';
import { ATTRIBUTES, type AttributeRow, CONNECTION_ID } from './attributes';
import { addEventTo, type Disclosure } from './disclosure';
import { type EventLogger, SEVERITY_NUMBERS } from './event-sink';
import { type EventMemory, explanationOf, DECISION_EVENTS, type DecisionEventName, decisionEventOf } from './events';
import type { FloodControl } from './flood-control';
import { REQUEST_ATTRIBUTES, type RequestFacts, requestAttributes, USER_ID } from './request-attributes';
import type { RequestLine } from './request-line';

/** The application's answer to a request over a client certificate that did not verify. */
export interface Answer {
  readonly facts: RequestFacts;
  /** Undefined over a pipe, and where the connection was gone. */
  readonly peerAddress: string | undefined;
  readonly line: RequestLine;
  readonly status: number;
  /** The application's name for the user. Undefined: it has none, or nobody asks it. */
  readonly user: string | undefined;
  /** Milliseconds since the epoch, with fractions. */
  readonly at: number;
}

export interface AnswerAttributeRow extends Omit<AttributeRow, 'read' | 'occasion'> {
  /** Undefined: not known; then the attribute is absent. */
  readonly read: (answer: Answer) => AttributeValue | undefined;
}

const stable = { stability: 'stable', ours: false } as const;

/** What the event of a request says beside all that the spans of requests may carry. One row an attribute. */
export const ANSWER_ATTRIBUTES = {
  'http.request.method': {
    ...stable,
    data: 'neither',
    brief: "The request's method.",
    example: 'GET',
    read: a => a.line.method,
  },
  'http.route': {
    ...stable,
    data: 'neither',
    brief:
      'The template of its path: of the SERVER span, of an instrumentation of express, koa, fastify and others, or of express itself.',
    example: '/orders/:id',
    read: a => a.line.route,
  },
  'url.path': {
    ...stable,
    data: 'neither',
    brief: 'Only where the route is not known: the path that was asked for, without its query, at most 256 bytes.',
    example: '/orders/17',
    read: a => a.line.path,
  },
  'http.response.status_code': {
    ...stable,
    data: 'neither',
    brief: 'What the application answered.',
    example: 403,
    read: a => a.status,
  },
  'network.peer.address': {
    ...asOfHandshakes('network.peer.address'),
    brief: 'The address of the other end: behind a proxy, that of the proxy.',
    read: a => a.peerAddress,
  },
  'network.peer.port': { ...asOfHandshakes('network.peer.port'), read: a => a.facts.handshake?.peer.port },
  [USER_ID]: { ...described(REQUEST_ATTRIBUTES[USER_ID]), read: a => a.user },
} as const satisfies Record<string, AnswerAttributeRow>;

const EVERY_ROW = Object.entries<AnswerAttributeRow>(ANSWER_ATTRIBUTES);

/** On a span the request's own attributes are said already; the certificate's may not be. */
const ON_SPAN_EVENTS = [
  'http.route',
  'http.request.method',
  'http.response.status_code',
  'tls.verify.errors',
  'tls.client.subject',
  'tls.client.hash.sha256',
  CONNECTION_ID,
  USER_ID,
];

/** Says what an application decided about clients whose certificates did not verify. */
export class DecisionEvents {
  readonly #logger: () => EventLogger;
  readonly #settings: Settings;
  readonly #memory: EventMemory;
  readonly #flood: FloodControl;
  readonly #disclosure: Disclosure;

  /** `disclosure`: for the spans of others; the logger has its own. */
  constructor(
    logger: () => EventLogger,
    settings: Settings,
    memory: EventMemory,
    flood: FloodControl,
    disclosure: Disclosure,
  ) {
    this.#logger = logger;
    this.#settings = settings;
    this.#memory = memory;
    this.#flood = flood;
    this.#disclosure = disclosure;
  }

  /** False: nobody wants to hear any. */
  get areWanted(): boolean {
    return this.#settings.events !== 'none';
  }

  /**
   * To be asked once an answer. Undefined: nothing is to be said of it, since it decides nothing, has been said of this
   * client within the hour, or too many were.
   */
  eventOf({
    facts,
    peerAddress,
    status,
    at,
  }: Pick<Answer, 'facts' | 'peerAddress' | 'status' | 'at'>): DecisionEventName | undefined {
    const name = decisionEventOf(status);
    if (name === undefined) return undefined;
    if (DECISION_EVENTS[name].once) return this.#memory.isFirstUse(identityOf(facts)) ? name : undefined;
    const limit = this.#flood.limitReachedBy({
      peerAddress,
      reason: facts.peer.verification.errors[0] ?? '_OTHER',
      at,
    });
    if (limit === undefined) return name;
    this.#flood.leftUnsaid('event', limit, 1);
    return undefined;
  }

  /** On the request's own span, as long as that is recording. */
  addTo(span: Span, name: DecisionEventName, answer: Answer): void {
    if (!this.#goesTo('span') || !span.isRecording()) return;
    const all = attributesOf(answer);
    const said = Object.fromEntries(Object.entries(all).filter(([key]) => ON_SPAN_EVENTS.includes(key)));
    addEventTo(span, name, this.#disclosure.of({ ...said, ...explanation(answer) }), answer.at);
  }

  /** As a log record in the request's context. */
  log(name: DecisionEventName, answer: Answer, context: Context): void {
    if (!this.#goesTo('log')) return;
    const { severity, brief } = DECISION_EVENTS[name];
    this.#logger().emit({
      eventName: name,
      timestamp: answer.at,
      severityNumber: SEVERITY_NUMBERS[severity],
      severityText: severity,
      body: brief,
      attributes: { ...attributesOf(answer), ...explanation(answer) },
      context,
    });
  }

  #goesTo(place: 'span' | 'log'): boolean {
    return this.#settings.events === 'both' || this.#settings.events === place;
  }
}

function attributesOf(answer: Answer): Attributes {
  const attributes = requestAttributes(answer.facts, 'client', 'all');
  for (const [name, row] of EVERY_ROW) {
    const value = row.read(answer);
    if (value !== undefined) attributes[name] = value;
  }
  return attributes;
}

/** Why the certificate did not verify, in words. */
function explanation({ facts }: Answer): Attributes {
  const [gravest] = facts.peer.verification.errors;
  return gravest === undefined ? {} : explanationOf(gravest);
}

/** A proxy may forward no fingerprint. */
function identityOf({ peer: { certificate } }: RequestFacts): string {
  return (
    certificate?.fingerprint ?? JSON.stringify([certificate?.issuer, certificate?.serialNumber, certificate?.subject])
  );
}

function described({
  brief,
  stability,
  ours,
  data,
  example,
}: Omit<AnswerAttributeRow, 'read'>): Omit<AnswerAttributeRow, 'read'> {
  return { brief, stability, ours, data, example };
}

function asOfHandshakes(name: keyof typeof ATTRIBUTES): Omit<AnswerAttributeRow, 'read'> {
  return described(ATTRIBUTES[name]);
}
