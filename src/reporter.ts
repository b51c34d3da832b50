import { type Context, context, createContextKey } from '@opentelemetry/api';
import { CertificateCache } from './certificate/certificate-cache';
import { ForgetfulMap } from './certificate/forgetful-map';
import type { Handshake, Side } from './handshake/handshake';
import { conclude, concludeRefusal, type Observation } from './handshake/observation';
import { guard, tellFault } from './hooks/guard';
import type { HandshakeObserver, LateRefusal } from './hooks/handshake-observer';
import { madeOf, ownCertificateOf } from './hooks/secure-context-hook';
import type { Sink } from './telemetry/sink';

/** How long a busy process collects handshakes before it reports them together. */
const BATCH_MS = 50;
/** Reported at once when so many wait, whatever the time. */
const MAX_WAITING = 128;
/** Certificates and first messages of handshakes that wait to be reported: an attacker chooses their size. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** Names of issuers that are remembered, 1 KiB at most each. */
const MAX_ISSUERS = 100;

/**
 * The key under which the SDK marks the context of its own exports. Keys are `Symbol.for(description)`, so this is the
 * SDK's own key without a dependency on one line of `@opentelemetry/core`.
 */
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** When the reporter gets to work. Nothing that waits keeps a process alive. */
export interface Schedule {
  /** Milliseconds, of any clock that never goes back. */
  now(): number;
  /** Once the running callback is over. Answers how to call it off. */
  soon(work: () => void): () => void;
  later(work: () => void, milliseconds: number): () => void;
}

const NODE_SCHEDULE: Schedule = {
  now: () => performance.now(),
  soon(work) {
    const immediate = setImmediate(work).unref();
    return () => clearImmediate(immediate);
  },
  later(work, milliseconds) {
    const timer = setTimeout(work, milliseconds).unref();
    return () => clearTimeout(timer);
  },
};

/** A preload starts its SDK only when there is something to report. */
export interface Preparation {
  /** A socket is born and nothing has been reported yet. */
  atEachSocket(): void;
  /** Once, right before the first report. */
  beforeFirstReport(): void;
}

/** The moment of a socket's birth, and later what became of it. */
export interface Birth {
  readonly parent: Context;
  /** Undefined until the handshake is judged. */
  handshake?: Handshake | undefined;
  /** The handshake is over and has not been reported yet. */
  unreported?: Observation | undefined;
  /** Who waits for the report: a request that was sent before its handshake was over. */
  awaited?: Array<() => void> | undefined;
  /** What requests on this connection have in common: made once, by whoever reports requests. */
  shared?: unknown;
}

type Waiting =
  | { readonly observation: Observation; readonly birth: Birth; readonly refusal?: undefined }
  | { readonly observation?: undefined; readonly birth: Birth; readonly refusal: LateRefusal };

/**
 * Between the hooks and the sinks. What runs right after a handshake runs cold and is dear, so the hooks' facts only
 * queue here and are judged, parsed and reported a moment later: at once in a quiet process, in batches in a busy one.
 */
export class Reporter implements HandshakeObserver<Birth> {
  readonly #sinks: readonly Sink[];
  /** Those of them that want to know of a handshake while it is under way. */
  readonly #counting: readonly Sink[];
  readonly #isListening: () => boolean;
  readonly #schedule: Schedule;
  readonly #certificates: CertificateCache;
  readonly #verifiedIssuers = new ForgetfulMap<string, true>(MAX_ISSUERS);
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #lastDrain = Number.NEGATIVE_INFINITY;
  #reported = 0;
  #hasMetUnverifiedClient = false;
  /** Undefined while nothing waits. */
  #callOff: (() => void) | undefined;
  #preparation: Preparation | undefined;
  #beforeReports: () => void = () => {};

  constructor(sinks: readonly Sink[], isListening: () => boolean, schedule: Schedule = NODE_SCHEDULE) {
    this.#sinks = sinks;
    this.#counting = sinks.filter(sink => sink.begun || sink.over);
    this.#isListening = isListening;
    this.#schedule = schedule;
    this.#certificates = new CertificateCache({ now: () => schedule.now() });
  }

  /** Until `beforeFirstReport` has run, handshakes are collected although nobody listens yet. */
  prepareWith(preparation: Preparation): void {
    this.#preparation = preparation;
  }

  /** Each time that something is going to be reported. */
  beforeReports(work: () => void): void {
    this.#beforeReports = work;
  }

  born(_side: Side): Birth | undefined {
    const preparation = this.#preparation;
    if (preparation) guard(() => preparation.atEachSocket());
    else if (!this.#isListening()) return undefined;
    const parent = context.active();
    // The exporter's own connections: to report those would make more of them.
    if (parent.getValue(SUPPRESS_TRACING) === true) return undefined;
    return { parent, handshake: undefined, unreported: undefined, awaited: undefined, shared: undefined };
  }

  begun(side: Side): void {
    for (const sink of this.#counting) {
      try {
        sink.begun?.(side);
      } catch (fault) {
        tellFault(fault);
      }
    }
  }

  over(observation: Observation, birth: Birth): void {
    for (const sink of this.#counting) {
      try {
        sink.over?.(observation.side);
      } catch (fault) {
        tellFault(fault);
      }
    }
    this.#waitingBytes += observation.certificate?.byteLength ?? 0;
    this.#waitingBytes += observation.clientHello?.byteLength ?? 0;
    if (observation.chain) for (const certificate of observation.chain) this.#waitingBytes += certificate.byteLength;
    birth.unreported = observation;
    this.#hasMetUnverifiedClient ||=
      observation.side === 'server' && observation.verifyCode !== undefined && observation.certificate !== undefined;
    this.#enqueue({ observation, birth });
    if (birth.awaited) this.#reportAwaited(observation);
  }

  /**
   * The handshake of a socket, judged, and reported too unless a preload would have to start its SDK for that. Undefined
   * while it is under way, and when it never came to one.
   */
  handshakeOf(birth: Birth): Handshake | undefined {
    if (birth.unreported === undefined) return birth.handshake;
    // Under a preload, the application may have started an SDK in the meantime.
    if (this.#preparation === undefined || this.#isListening()) this.drain();
    else birth.handshake ??= this.#judge(birth.unreported);
    return birth.handshake;
  }

  /** For a socket that nobody watched, by what can still be read of it. */
  judge(observation: Observation): Handshake {
    return this.#judge(observation);
  }

  refused(_observation: Observation, birth: Birth, refusal: LateRefusal): void {
    this.#enqueue({ birth, refusal });
  }

  /** False: no client has come yet with a certificate that did not verify, and nobody need be told what became of one. */
  get hasMetUnverifiedClient(): boolean {
    return this.#hasMetUnverifiedClient;
  }

  /** Certificates of peers that were forgotten for want of room. */
  get certificatesEvicted(): number {
    return this.#certificates.evicted;
  }

  /** Handshakes and refusals so far. */
  get reported(): number {
    return this.#reported;
  }

  /** The process is gone in a moment: reports what waits, unless an SDK would have to be started for it. */
  drainAtExit(): void {
    if (this.#preparation === undefined) this.drain();
  }

  /** Reports everything that waits, now. */
  drain(): void {
    this.#callOff?.();
    this.#callOff = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#lastDrain = this.#schedule.now();
    const preparation = this.#preparation;
    if (preparation && waiting.length > 0) {
      this.#preparation = undefined;
      guard(() => preparation.beforeFirstReport());
    }
    if (waiting.length > 0) guard(this.#beforeReports);
    this.#reported += waiting.length;
    for (const one of waiting) guard(() => this.#report(one));
  }

  #enqueue(one: Waiting): void {
    this.#waiting.push(one);
    if (this.#waiting.length >= MAX_WAITING || this.#waitingBytes >= MAX_WAITING_BYTES) this.drain();
    else this.#drainInTime();
  }

  /** Before the request that waits can be over: its response takes another turn of the event loop, its failure does not. */
  #reportAwaited(observation: Observation): void {
    switch (observation.ending) {
      case 'secured':
      case 'secured_unverified':
        this.#callOff?.();
        this.#callOff = this.#schedule.soon(() => this.drain());
        return;
      case 'refused_by_node':
        this.drain();
        return;
      default:
        // What the peer presented is read once Node has told everybody, and then the request is over: no need to hurry.
        return;
    }
  }

  #drainInTime(): void {
    if (this.#callOff !== undefined) return;
    const drain = () => this.drain();
    // Starting an SDK takes its time: not between the two ends of a handshake, if both are ours.
    const quiet = this.#preparation === undefined && this.#schedule.now() - this.#lastDrain > BATCH_MS;
    this.#callOff = quiet ? this.#schedule.soon(drain) : this.#schedule.later(drain, BATCH_MS);
  }

  #report(one: Waiting): void {
    const { parent } = one.birth;
    if (one.refusal) {
      const { handshake } = one.birth;
      if (handshake === undefined) return;
      const refusal = concludeRefusal(handshake, one.refusal);
      if (refusal) for (const sink of this.#sinks) guard(() => sink.refused?.(refusal, parent));
      return;
    }
    const handshake = one.birth.handshake ?? this.#judge(one.observation);
    one.birth.handshake = handshake;
    letGo(one.observation);
    for (const sink of this.#sinks) {
      try {
        sink.report(handshake, parent);
      } catch (fault) {
        tellFault(fault);
      }
    }
    one.birth.unreported = undefined;
    const { awaited } = one.birth;
    one.birth.awaited = undefined;
    if (awaited) for (const reported of awaited) guard(reported);
  }

  #judge(observation: Observation): Handshake {
    const { secureContext } = observation;
    if (secureContext) completeBy(secureContext, observation);
    const handshake = conclude(
      observation,
      (der, trusted) => this.#certificates.get(der, trusted),
      issuer => this.#verifiedIssuers.has(issuer),
    );
    const issuer = handshake.verification.result === 'ok' ? handshake.peerCertificate?.issuer : undefined;
    // Nobody outside of our authorities can add one.
    if (issuer !== undefined && !this.#verifiedIssuers.has(issuer)) this.#verifiedIssuers.set(issuer, true);
    return handshake;
  }
}

/** Our own side of it, which is looked up now and not while the peer waits. */
function completeBy(secureContext: object, observation: Observation): void {
  try {
    observation.ownCertificate ??= ownCertificateOf(secureContext);
    if (observation.verifyCode === undefined && !observation.resumed) return;
    const made = madeOf(secureContext);
    if (made === undefined) return;
    observation.trustAnchors = made.ca;
    observation.revocationLists = made.crl;
  } catch (fault) {
    tellFault(fault);
  }
}

/** A connection may live for days, and its observation with it: what is judged need not be kept that long. */
function letGo(judged: Observation): void {
  judged.certificate = undefined;
  judged.chain = undefined;
  judged.trustAnchors = undefined;
  judged.revocationLists = undefined;
  judged.secureContext = undefined;
  judged.ownCertificate = undefined;
  judged.clientHello = undefined;
}
