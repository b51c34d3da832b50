import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Attributes, type Span, SpanKind, trace } from '@opentelemetry/api';
import { CertificateCache } from './certificate/certificate-cache';
import type { Decisions } from './decisions';
import type { Forwarder } from './forwarded/forwarded-certificate';
import { ForwardedReader } from './forwarded/forwarded-reader';
import type { Handshake, Side } from './handshake/handshake';
import { now } from './hooks/clock';
import { guard } from './hooks/guard';
import type { RequestObserver } from './hooks/request-observer';
import { observeEstablished, otherEnd } from './hooks/socket-facts';
import type { UndiciObserver } from './hooks/undici-hook';
import { activeRequest, following, isFollowing, notFollowing, type PeerDirectory } from './identity/current-peer';
import { carried, isEncrypted, exchangeOf, socketOf } from './identity/request-carriers';
import { peerForwardedBy, peerOfHandshake, type TlsPeer } from './identity/tls-peer';
import type { Birth, Reporter } from './reporter';
import type { Forwarding } from './settings';
import type { Occurrence } from './telemetry/occurrence';
import type { PatternSink } from './telemetry/pattern-sink';
import { overflowAttributes, type RequestEvents, suspicionAttributes } from './telemetry/request-events';
import { endpointOf, targetOf } from './telemetry/request-line';
import type { RequestDecoration, RequestSpans } from './telemetry/request-spans';

/** Who knows what became of a socket's birth. */
export interface Births {
  birthOf(socket: object): Birth | undefined;
}

/** What Requests works with. */
export interface RequestParts {
  readonly births: Births;
  readonly reporter: Reporter;
  readonly occurrence: Occurrence;
  readonly spans: RequestSpans;
  readonly events: RequestEvents;
  /** Undefined: nobody wants to hear what applications decide. */
  readonly decisions: Decisions | undefined;
  /** Undefined: what proxies forward is not looked at. */
  readonly forwarding: Forwarding | undefined;
  /** Undefined: no patterns of abuse are looked for among requests. */
  readonly patterns: PatternSink | undefined;
  /** Called when the first TlsPeerSpanProcessor is made, if that is later than this. */
  readonly onSpanProcessor: () => void;
}

/** What the requests of one connection have in common. */
interface Connection {
  readonly handshake: Handshake;
  readonly peer: TlsPeer;
  readonly decoration: RequestDecoration;
}

/**
 * Between the hooks that see requests, the handshakes of their connections, and the spans that others start for them. Of a
 * connection everything is made when its first request asks, and kept with it.
 */
export class Requests implements RequestObserver, PeerDirectory, UndiciObserver {
  readonly #births: Births;
  readonly #reporter: Reporter;
  readonly #occurrence: Occurrence;
  readonly #spans: RequestSpans;
  readonly #events: RequestEvents;
  readonly #decisions: Decisions | undefined;
  readonly #patterns: PatternSink | undefined;
  /** Exchanges that the patterns have been told of. */
  readonly #watched = new WeakSet<object>();
  readonly #onSpanProcessor: () => void;
  /** Undefined: what proxies forward is not looked at. */
  readonly #forwarding: Forwarding | undefined;
  /** Undefined: the same. */
  readonly #reader: ForwardedReader | undefined;
  /** What was forwarded with a request, by what `exchangeOf` makes of it. Empty without a reader. */
  readonly #claims = new WeakMap<object, Claim>();
  /** Of sockets whose handshake nobody watched, because there was no SDK or we came later. */
  readonly #readLater = new WeakMap<object, TlsPeer>();
  /** Of those that were forwarded. Undefined: what proxies forward is not looked at. */
  readonly #certificates: CertificateCache | undefined;
  readonly #undici = new UndiciSpans();

  constructor(parts: RequestParts) {
    const { births, reporter, occurrence, spans, events, decisions, forwarding, patterns, onSpanProcessor } = parts;
    this.#births = births;
    this.#reporter = reporter;
    this.#occurrence = occurrence;
    this.#spans = spans;
    this.#events = events;
    this.#decisions = decisions;
    this.#patterns = patterns;
    this.#onSpanProcessor = onSpanProcessor;
    this.#forwarding = forwarding;
    if (forwarding === undefined) return;
    // One of its own: what is forwarded must not push out the certificates of our own peers. Nor what the proxy found wrong
    // those that it did not.
    const certificates = new CertificateCache({ now: () => performance.now() });
    this.#certificates = certificates;
    const parseCertificate = (der: Uint8Array, refuted: boolean) => certificates.get(der, !refuted);
    this.#reader = new ForwardedReader({ ...forwarding, parseCertificate });
  }

  /** Forwarded certificates that were forgotten for want of room. */
  get certificatesEvicted(): number {
    return this.#certificates?.evicted ?? 0;
  }

  handling<T>(request: object, rawHeaders: unknown, application: () => T): T {
    if (this.#reader !== undefined) guard(() => this.#claimOf(request, rawHeaders));
    if (!isFollowing()) return notFollowing(request, application);
    if (this.#reader !== undefined || isEncrypted(request)) return following(request, application);
    // Plain HTTP is nobody's request; but within one, as of a server that was started there, it ends that.
    return activeRequest() === undefined ? application() : following(undefined, application);
  }

  arrived(request: object, rawHeaders: unknown): void {
    const claim = this.#claimOf(request, rawHeaders);
    const birth = this.#births.birthOf(socketOf(request));
    if (birth === undefined && claim === undefined) return;
    const span = trace.getActiveSpan();
    if (this.#isOpen(span, SpanKind.SERVER)) this.#decorateArrival(span, request, birth, claim);
    if (this.#decisions) this.#doubt(this.#decisions, request, rawHeaders, span, birth, claim);
    if (this.#patterns) this.#watch(this.#patterns, request, rawHeaders, birth, claim?.peer);
    if (claim?.suspicion === undefined || claim.told) return;
    claim.told = true;
    this.#events.say(SPOOF_SUSPECTED, claim.suspicion, now(), claim.forwarder.address);
  }

  overflowed(socket: object): void {
    if (this.#forwarding === undefined) return;
    const direct = this.#peerOfSocket(socket);
    const end = otherEnd(socket as Socket);
    const forwarder = { ...end, certificate: direct?.certificate, verification: direct?.verification };
    // What strangers send is nobody's certificate.
    if (this.#forwarding.trustedProxies.trusts(forwarder) === undefined) return;
    const attributes = overflowAttributes(this.#forwarding.preset, end, direct);
    this.#events.say('tls.forwarded_certificate.too_large', attributes, now(), end.address);
  }

  leaving(request: object, socket: object): void {
    const span = trace.getActiveSpan();
    if (!this.#isOpen(span, SpanKind.CLIENT)) return;
    const birth = this.#births.birthOf(socket);
    if (birth) this.#decorateDeparture(span, birth, request);
  }

  created(request: object): void {
    this.#undici.created(request);
  }

  sent(request: object, socket: object): void {
    const span = this.#undici.spanOf(request);
    const birth = span && this.#births.birthOf(socket);
    if (birth && this.#isOpen(span, SpanKind.CLIENT)) this.#decorateDeparture(span, birth, request);
  }

  spanStarted(span: Span): void {
    if (isUndicis(span)) this.#undici.started(span);
    const request = isOfKind(span, SpanKind.SERVER) ? activeRequest() : undefined;
    if (request === undefined) return;
    this.#decisions?.spanStarted(request, span);
    if (!this.#isOpen(span, SpanKind.SERVER)) return;
    const claim = this.#reader && this.#claims.get(exchangeOf(request));
    this.#decorateArrival(span, request, this.#births.birthOf(socketOf(request)), claim);
  }

  spanProcessorCame(): void {
    this.#onSpanProcessor();
  }

  peerOf(subject: object): TlsPeer | undefined {
    const request = carried(subject);
    const forwarded = this.#reader && this.#claims.get(exchangeOf(request))?.peer;
    return forwarded ?? this.#peerOfSocket(socketOf(request));
  }

  activePeer(): TlsPeer | undefined {
    const request = activeRequest();
    return request && this.peerOf(request);
  }

  /** A span that would keep what we put on it, of the kind that we are looking for, and has nothing of ours yet. */
  #isOpen(span: Span | undefined, kind: SpanKind): span is Span {
    if (span === undefined || !this.#spans.areWanted || !span.isRecording()) return false;
    return isOfKind(span, kind) && !this.#spans.isDecorated(span);
  }

  /**
   * A client may have been let in although its certificate did not verify, by us or by a proxy: what the application makes of
   * it is awaited. Of a client that a proxy speaks for, our own handshake with the proxy says nothing.
   */
  #doubt(
    decisions: Decisions,
    request: object,
    rawHeaders: unknown,
    active: Span | undefined,
    birth: Birth | undefined,
    claim: Claim | undefined,
  ): void {
    const forwarded = claim?.peer;
    if (forwarded ? forwarded.verification.result !== 'failed' : !this.#reporter.hasMetUnverifiedClient) return;
    if (forwarded === undefined && (birth === undefined || !mayBeUnverified(birth))) return;
    const foreign = birth && trace.getSpan(birth.parent);
    const connection = () => birth && this.#connectionOf(birth);
    decisions.arrived({
      request,
      rawHeaders,
      span: active && active !== foreign && isOfKind(active, SpanKind.SERVER) ? active : undefined,
      foreign,
      forwarder: claim?.forwarder,
      facts: () => (forwarded ? { peer: forwarded, handshake: connection()?.handshake } : connection()),
      afterReport(report) {
        if (birth?.unreported === undefined) return report();
        birth.awaited ??= [];
        birth.awaited.push(report);
      },
    });
  }

  /** Whose request it is may not be known before the handshake is reported: nobody is kept waiting for that here. */
  #watch(
    patterns: PatternSink,
    request: object,
    rawHeaders: unknown,
    birth: Birth | undefined,
    forwarded: TlsPeer | undefined,
  ): void {
    if (forwarded === undefined && (birth === undefined || !hasPresented(birth))) return;
    // HTTP/2 hands over a stream, and may make a request of it.
    const exchange = exchangeOf(request);
    if (this.#watched.has(exchange)) return;
    this.#watched.add(exchange);
    const endpoint = endpointOf(targetOf(request, rawHeaders));
    if (endpoint === undefined) return;
    const time = now();
    const tell = () => {
      const peer = forwarded ?? (birth && this.#connectionOf(birth)?.peer);
      if (peer) patterns.requested(peer, endpoint, time);
    };
    if (forwarded !== undefined || birth?.unreported === undefined) {
      tell();
    } else {
      birth.awaited ??= [];
      birth.awaited.push(tell);
    }
  }

  #decorateArrival(span: Span, request: object, birth: Birth | undefined, claim: Claim | undefined): void {
    // A span that was active when the connection came, as where `listen` was called: not this request's.
    if (birth !== undefined && trace.getSpan(birth.parent) === span) return;
    const connection = birth && this.#connectionOf(birth);
    const decoration = claim?.peer ? this.#decorationOf(claim, claim.peer, connection) : connection?.decoration;
    if (decoration) this.#spans.decorate(span, decoration, request, 'arrived');
    if (claim?.suspicion) this.#spans.say(span, SPOOF_SUSPECTED, claim.suspicion);
  }

  #decorateDeparture(span: Span, birth: Birth, request: object): void {
    const connection = this.#connectionOf(birth);
    if (connection) {
      this.#spans.decorate(span, connection.decoration, request, 'left');
      return;
    }
    birth.awaited ??= [];
    birth.awaited.push(() => {
      const late = this.#connectionOf(birth);
      if (late && this.#isOpen(span, SpanKind.CLIENT)) this.#spans.decorate(span, late.decoration, request, 'left');
    });
  }

  /** Undefined while the handshake is under way. */
  #connectionOf(birth: Birth): Connection | undefined {
    if (birth.shared !== undefined) return birth.shared as Connection;
    const handshake = this.#reporter.handshakeOf(birth);
    if (handshake === undefined) return undefined;
    const peer = peerOfHandshake(handshake, this.#occurrence.spanContextOf(handshake));
    const connection = {
      handshake,
      peer,
      decoration: this.#spans.decorationOf({ peer, handshake }, peerSide(handshake)),
    };
    // Judged before it is reported, it has no span yet.
    if (birth.unreported === undefined) birth.shared = connection;
    return connection;
  }

  #peerOfSocket(socket: object): TlsPeer | undefined {
    const birth = this.#births.birthOf(socket);
    if (birth === undefined) return this.#peerReadLater(socket);
    const connection = this.#connectionOf(birth);
    return connection?.handshake.outcome.kind === 'established' ? connection.peer : undefined;
  }

  #peerReadLater(socket: object): TlsPeer | undefined {
    const known = this.#readLater.get(socket);
    if (known !== undefined || !isEncrypted(socket)) return known;
    const observation = observeEstablished(socket as TLSSocket, now());
    if (observation === undefined) return undefined;
    const peer = peerOfHandshake(this.#reporter.judge(observation), undefined);
    this.#readLater.set(socket, peer);
    return peer;
  }

  /** What a proxy forwarded with the request. Read once: HTTP/2 hands over a stream, and may make a request of it. */
  #claimOf(request: object, rawHeaders: unknown): Claim | undefined {
    if (this.#reader === undefined || !Array.isArray(rawHeaders)) return undefined;
    const key = exchangeOf(request);
    let claim = this.#claims.get(key);
    if (claim === undefined) {
      claim = this.#readClaim(this.#reader, socketOf(request), rawHeaders);
      this.#claims.set(key, claim);
    }
    return claim;
  }

  #readClaim(reader: ForwardedReader, socket: object, rawHeaders: readonly string[]): Claim {
    const direct = this.#peerOfSocket(socket);
    const end = otherEnd(socket as Socket);
    const forwarder = { ...end, certificate: direct?.certificate, verification: direct?.verification };
    const outcome = reader.read(rawHeaders, forwarder);
    return {
      forwarder,
      peer: outcome.kind === 'forwarded' ? peerForwardedBy(direct, outcome.forwarded) : undefined,
      suspicion: outcome.kind === 'suspected' ? suspicionAttributes(outcome.suspicion, end, direct) : undefined,
      told: false,
      decoration: undefined,
    };
  }

  #decorationOf(claim: Claim, peer: TlsPeer, connection: Connection | undefined): RequestDecoration {
    claim.decoration ??= this.#spans.decorationOf({ peer, handshake: connection?.handshake }, 'client');
    return claim.decoration;
  }
}

const SPOOF_SUSPECTED = 'tls.forwarded_certificate.spoof_suspected';

/** What a proxy, or somebody who would like to be taken for one, said of a request's client. */
interface Claim {
  readonly forwarder: Forwarder;
  /** Undefined: there is no claim, or none that is believed. */
  readonly peer: TlsPeer | undefined;
  /** Undefined: there is no claim, or one that is believed. */
  readonly suspicion: Attributes | undefined;
  /** The suspicion has been told. */
  told: boolean;
  /** Made when the first span wants it. */
  decoration: RequestDecoration | undefined;
}

/** The API does not tell a span's kind, the SDK's spans do. Of others it is not known whose they are: left alone. */
function isOfKind(span: Span, kind: SpanKind): boolean {
  return (span as { kind?: SpanKind }).kind === kind;
}

/** Without judging a handshake before its time. */
function mayBeUnverified({ handshake, unreported }: Birth): boolean {
  if (handshake !== undefined) return handshake.verification.result === 'failed';
  return unreported?.verifyCode !== undefined && unreported.certificate !== undefined;
}

/** A certificate, that is; the same way. */
function hasPresented({ handshake, unreported }: Birth): boolean {
  return (handshake === undefined ? unreported?.certificate : handshake.peerCertificate) !== undefined;
}

function peerSide({ side }: Handshake): Side {
  return side === 'server' ? 'client' : 'server';
}

/** The part of the SDK's spans that tells who started them. Of SDK 1 it has another name. */
interface SdkSpan {
  readonly instrumentationScope?: { readonly name?: string };
  readonly instrumentationLibrary?: { readonly name?: string };
  readonly attributes?: Record<string, unknown>;
}

function isUndicis(span: Span): boolean {
  const { instrumentationScope, instrumentationLibrary } = span as SdkSpan;
  return (instrumentationScope ?? instrumentationLibrary)?.name === '@opentelemetry/instrumentation-undici';
}

/**
 * `instrumentation-undici` shows its span to nobody and makes it active nowhere. But it starts it while undici tells that
 * a request was created, and so are we told, right before or right after: the two belong together if they name one URL.
 */
class UndiciSpans {
  readonly #spans = new WeakMap<object, Span>();
  #request: object | undefined;
  #span: Span | undefined;

  created(request: object): void {
    if (this.#span && this.#belongTogether(request, this.#span)) return;
    this.#wait(request, undefined);
  }

  started(span: Span): void {
    if (this.#request && this.#belongTogether(this.#request, span)) return;
    this.#wait(undefined, span);
  }

  spanOf(request: object): Span | undefined {
    return this.#spans.get(request);
  }

  #belongTogether(request: object, span: Span): boolean {
    if (urlOf(request) !== (span as SdkSpan).attributes?.['url.full']) return false;
    this.#spans.set(request, span);
    this.#forget();
    return true;
  }

  /** For the other one, which comes in the same breath or not at all. Whoever waited before had none. */
  #wait(request: object | undefined, span: Span | undefined): void {
    this.#request = request;
    this.#span = span;
    Promise.resolve().then(() => this.#forget());
  }

  #forget(): void {
    this.#request = undefined;
    this.#span = undefined;
  }
}

function urlOf(request: object): string {
  const { path, origin } = request as { path: string; origin: string };
  return new URL(path, origin).toString();
}
