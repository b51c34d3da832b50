import { type Context, context, type Span, trace } from '@opentelemetry/api';
import { now } from './hooks/clock';
import { guard } from './hooks/guard';
import { type AnswerObserver, HttpAnswerHook } from './hooks/http-answer-hook';
import { exchangeOf } from './identity/request-carriers';
import type { TlsPeer } from './identity/tls-peer';
import type { RequestFacts } from './telemetry/request-attributes';
import type { Answer, DecisionEvents } from './telemetry/decision-events';
import { requestLineOf, type Target, targetOf } from './telemetry/request-line';

/** A request whose client's certificate may not have verified. */
export interface DoubtfulRequest {
  /** Node's own. */
  readonly request: object;
  readonly rawHeaders: unknown;
  /** The SERVER span that is active. Undefined: none, or not this request's. */
  readonly span: Span | undefined;
  /** A span that may be active although it is of no request: what was active when the connection came. */
  readonly foreign: Span | undefined;
  /** Who delivered the request: behind a proxy, the proxy. Undefined: its handshake says that. */
  readonly forwarder: { readonly address?: string | undefined } | undefined;
  /** Asked when the request has been answered. Undefined: the handshake is not known after all. */
  readonly facts: () => RequestFacts | undefined;
  /** Calls back once the handshake has been reported, at once if it has. */
  readonly afterReport: (report: () => void) => void;
}

/** The application's name for the user of a request that has been answered. */
type AskForUser = (request: object, peer: TlsPeer, span: Span | undefined) => string | undefined;

interface Pending extends Omit<DoubtfulRequest, 'rawHeaders'> {
  request: object;
  span: Span | undefined;
  readonly target: Target;
  readonly arrivedIn: Context;
}

/**
 * What an application decides about clients whose certificates did not verify, where it is the one to decide
 * (`rejectUnauthorized: false`, or a proxy that lets them through). Of such requests the answer is awaited, of others nothing
 * is done.
 *
 * Decided is what was presented: a client without a certificate that gets a 401 was not refused for its certificate. And one
 * with a good certificate was refused for something else.
 */
export class Decisions implements AnswerObserver {
  readonly #events: DecisionEvents;
  readonly #askForUser: AskForUser;
  readonly #hook: HttpAnswerHook;
  readonly #pending = new WeakMap<object, Pending>();

  constructor(events: DecisionEvents, askForUser: AskForUser) {
    this.#events = events;
    this.#askForUser = askForUser;
    this.#hook = new HttpAnswerHook(this);
  }

  disable(): void {
    this.#hook.disable();
  }

  arrived({ rawHeaders, ...doubtful }: DoubtfulRequest): void {
    const exchange = exchangeOf(doubtful.request);
    const known = this.#pending.get(exchange);
    if (known !== undefined) {
      // HTTP/2's compatibility layer makes a request of a stream that has been told.
      known.request = doubtful.request;
      known.span ??= doubtful.span;
      return;
    }
    const target = targetOf(doubtful.request, rawHeaders);
    this.#pending.set(exchange, { ...doubtful, target, arrivedIn: context.active() });
    this.#hook.awaitAnswer(exchange);
  }

  /** A SERVER span that somebody started while handling `request`. */
  spanStarted(request: object, span: Span): void {
    const pending = this.#pending.get(exchangeOf(request));
    if (pending) pending.span ??= span;
  }

  answered(exchange: object, status: number): void {
    const pending = this.#pending.get(exchange);
    this.#pending.delete(exchange);
    const facts = pending?.facts();
    if (pending === undefined || facts === undefined || !isDoubtful(facts)) return;
    const at = now();
    const { request, span, target, arrivedIn, forwarder } = pending;
    const peerAddress = facts.handshake?.peer.address ?? forwarder?.address;
    const name = this.#events.eventOf({ facts, peerAddress, status, at });
    if (name === undefined) return;
    const answer: Answer = {
      facts,
      peerAddress,
      status,
      at,
      line: requestLineOf(target, request, span, arrivedIn),
      user: this.#askForUser(request, facts.peer, span),
    };
    const within = contextOf(pending);
    if (span) guard(() => this.#events.addTo(span, name, answer));
    // What it refers to should be there first, and whoever starts an SDK starts it for that.
    pending.afterReport(() => this.#events.log(name, { ...answer, facts: pending.facts() ?? facts }, within));
  }
}

/** Presented, even if nobody could read it, and found wanting. */
function isDoubtful({ peer }: RequestFacts): boolean {
  return peer.verification.result === 'failed';
}

/** The request's own, as far as anybody has told us which that is. */
function contextOf({ span, foreign, arrivedIn }: Pending): Context {
  if (span) return trace.setSpan(arrivedIn, span);
  // What is active now is of the code that has answered.
  const answeredIn = context.active();
  const active = trace.getSpan(answeredIn);
  return active !== undefined && active !== foreign ? answeredIn : trace.deleteSpan(arrivedIn);
}
