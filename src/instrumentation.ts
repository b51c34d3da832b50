import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import { Configurations } from './configurations';
import { Decisions } from './decisions';
import type { ClientHelloTap } from './hooks/client-hello-tap';
import { guard } from './hooks/guard';
import { HttpClientHook } from './hooks/http-client-hook';
import { HttpServerHook } from './hooks/http-server-hook';
import { KeptWarnings } from './hooks/kept-warnings';
import { SecureContextHook } from './hooks/secure-context-hook';
import { TlsSocketHook } from './hooks/tls-socket-hook';
import { UndiciHook } from './hooks/undici-hook';
import { hasSpanProcessor, registerDirectory } from './identity/current-peer';
import type { RequestHooks } from './identity/request-hooks';
import { type Preparation, Reporter } from './reporter';
import { Requests } from './requests';
import type { PatternOptions } from './patterns/patterns';
import {
  type Forwarding,
  readForwarding,
  readPatterns,
  readPrivacy,
  readRequestHooks,
  readSettings,
  type Settings,
  type TlsInstrumentationConfig,
} from './settings';
import { ATTRIBUTE_KINDS } from './telemetry/attribute-kinds';
import { Disclosure } from './telemetry/disclosure';
import { ConfigurationEvents } from './telemetry/configuration-events';
import { EventSink } from './telemetry/event-sink';
import { ExpirySink } from './telemetry/expiry-sink';
import { FirstUses } from './telemetry/first-uses';
import { FloodControl } from './telemetry/flood-control';
import { MetricSink } from './telemetry/metric-sink';
import { Occurrence } from './telemetry/occurrence';
import { PatternSink } from './telemetry/pattern-sink';
import { type EventLoggerProvider, Providers } from './telemetry/providers';
import { DecisionEvents } from './telemetry/decision-events';
import { RequestEvents } from './telemetry/request-events';
import { RequestSpans } from './telemetry/request-spans';
import type { Sink } from './telemetry/sink';
import { SpanSink } from './telemetry/span-sink';
import { SuppressionReport } from './telemetry/suppression-report';
import { PACKAGE_NAME, PACKAGE_VERSION } from './version';

/**
 * Two copies of this package, or two registrations, must report a handshake once: the one that comes first holds this
 * key of the global object for as long as it is enabled.
 */
const HOLDER = Symbol.for(PACKAGE_NAME);
const registry = globalThis as { [HOLDER]?: Holder | undefined };

/** May be of another version of this package. */
interface Holder {
  /** Told that somebody else wanted to be enabled. Undefined: it has no better voice than the other. */
  anotherCame?(): void;
}

/** Everything that exists only while enabled. */
interface Running {
  readonly hooks: readonly { disable(): void }[];
  readonly reporter: Reporter;
  readonly suppression: readonly SuppressionReport[];
  readonly metricSink: MetricSink;
  readonly expirySink: ExpirySink;
  /** Undefined: no events are wanted in the logs. */
  readonly configurationEvents: ConfigurationEvents | undefined;
  /** At the process's end, while it is still possible to send something. */
  readonly beforeExit: () => void;
  /** When it no longer is. */
  readonly exit: () => void;
}

/**
 * OpenTelemetry instrumentation of every TLS handshake of the process, client and server.
 *
 * ```ts
 * registerInstrumentations({ instrumentations: [new TlsInstrumentation()] });
 * ```
 *
 * It waits for no module, TLS is Node's own, and so is no `InstrumentationBase`. The first of those puts
 * require-in-the-middle in place, which asks only the instrumentations that exist when a module is first required. A
 * preload that did so would blind those after it to whatever they load themselves: `http`, which exporters require.
 */
export class TlsInstrumentation implements Instrumentation<TlsInstrumentationConfig> {
  readonly instrumentationName = PACKAGE_NAME;
  readonly instrumentationVersion = PACKAGE_VERSION;
  readonly #providers = new Providers();
  readonly #warnings = new KeptWarnings();
  #config: TlsInstrumentationConfig = {};
  #running: Running | undefined;

  constructor(config: TlsInstrumentationConfig = {}) {
    this.setConfig(config);
    if (this.#config.enabled) this.enable();
  }

  getConfig(): TlsInstrumentationConfig {
    return this.#config;
  }

  /** Read when it is enabled. */
  setConfig(config: TlsInstrumentationConfig): void {
    this.#config = { enabled: true, ...config };
  }

  enable(): void {
    if (this.#running) return;
    const holder = registry[HOLDER];
    if (holder?.anotherCame) {
      guard(() => holder.anotherCame?.());
      return;
    }
    if (holder) {
      this._warn('already enabled in this process, by another registration or copy; this one stays silent');
      return;
    }
    guard(() => {
      const complain = (complaint: string) => this._warn(complaint);
      const config = this.getConfig();
      const settings = readSettings(config, process.env, complain);
      const privacy = readPrivacy(settings, config, process.env, [...ATTRIBUTE_KINDS.keys()], complain);
      this.#running = this.#start(
        settings,
        readRequestHooks(config, complain),
        readPatterns(config, process.env, complain),
        readForwarding(config, process.env, complain),
        new Disclosure(privacy, ATTRIBUTE_KINDS),
      );
      registry[HOLDER] = this as Holder;
    });
  }

  disable(): void {
    const running = this.#running;
    if (!running) return;
    this.#running = undefined;
    if (registry[HOLDER] === this) registry[HOLDER] = undefined;
    registerDirectory(undefined);
    for (const hook of running.hooks) guard(() => hook.disable());
    running.reporter.drain();
    guard(() => running.configurationEvents?.sayHeld());
    for (const report of running.suppression) guard(() => report.say());
    guard(() => running.metricSink.close());
    guard(() => running.expirySink.close());
    process.off('beforeExit', running.beforeExit);
    process.off('exit', running.exit);
  }

  /**
   * Hands everything that waits to the SDK. Handshakes wait at most 50 ms; a shutdown in between would lose them. Answers
   * how many have been reported so far.
   */
  flush(): number {
    const running = this.#running;
    if (running === undefined) return 0;
    running.reporter.drain();
    guard(() => running.configurationEvents?.sayHeld());
    for (const report of running.suppression) guard(() => report.say());
    return running.reporter.reported;
  }

  /**
   * False while disabled, and when another copy of the package was there first.
   * @internal
   */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /**
   * For a preload, which may start an SDK when there is something to report.
   * @internal
   */
  prepareWith(preparation: Preparation): void {
    this.#running?.reporter.prepareWith(preparation);
  }

  setTracerProvider(provider: TracerProvider): void {
    this.#providers.giveTracerProvider(provider);
    this.#warnings.sayKept();
  }

  setMeterProvider(provider: MeterProvider): void {
    this.#providers.giveMeterProvider(provider);
    this.#warnings.sayKept();
  }

  setLoggerProvider(provider: EventLoggerProvider): void {
    this.#providers.giveLoggerProvider(provider);
    this.#warnings.sayKept();
  }

  /**
   * Where events go as long as the process has no logger provider.
   * @internal
   */
  spareLoggerProvider(provider: EventLoggerProvider | undefined): void {
    this.#providers.spareLoggerProvider(provider);
  }

  /**
   * Says what a person should know, to whoever listens to OpenTelemetry's own diagnostics, now or later. A preload has
   * another voice.
   */
  protected _warn(sentence: string): void {
    this.#warnings.say(sentence);
  }

  /** The file is loaded for who wants it only. */
  #openTap(): ClientHelloTap | undefined {
    const { ClientHelloTap } = require('./hooks/client-hello-tap') as typeof import('./hooks/client-hello-tap');
    const tap = ClientHelloTap.open();
    if (!tap) this._warn('fingerprints: this Node lets nobody hear what clients offer; there will be none');
    return tap;
  }

  #start(
    settings: Settings,
    requestHooks: RequestHooks,
    patterns: PatternOptions | undefined,
    forwarding: Forwarding | undefined,
    disclosure: Disclosure,
  ): Running {
    const providers = this.#providers;
    providers.discloseBy(disclosure);
    const clock = () => performance.now();
    const flood = new FloodControl(settings, clock);
    const firstUses = { handshakes: new FirstUses(clock), decisions: new FirstUses(clock) };
    const occurrence = new Occurrence(firstUses.handshakes, flood);
    const meter = () => providers.meter();
    const metricSink = new MetricSink(meter, () => ({
      certificates: reporter.certificatesEvicted,
      forwarded_certificates: requests.certificatesEvicted,
      first_uses: firstUses.handshakes.evicted + firstUses.decisions.evicted,
      pseudonyms: disclosure.pseudonymsEvicted,
    }));
    const sinks: Sink[] = [new SpanSink(() => providers.tracer(), settings, occurrence), metricSink];
    const logger = settings.events === 'both' || settings.events === 'log' ? () => providers.logger() : undefined;
    if (logger) sinks.push(new EventSink(logger, settings, occurrence));
    const patternSink = patterns && new PatternSink({ meter, logger, patterns, occurrence, now: clock });
    if (patternSink) sinks.push(patternSink);
    const configurationEvents = logger && new ConfigurationEvents({ logger, isHeard: () => providers.logsAreHeard() });
    if (configurationEvents) sinks.push(configurationEvents);
    const configurations: Configurations = new Configurations(configurationEvents, Date.now, () =>
      expirySink.configured(),
    );
    const expirySink = new ExpirySink({
      meter,
      logger,
      occurrence,
      configured: () => configurations.ownCertificates,
      peers: !settings.peerCertificateExpiry ? 'none' : settings.identity === 'full' ? 'by_fingerprint' : 'nameless',
      isListening: () => providers.somebodyListens(),
      now: Date.now,
    });
    sinks.push(expirySink);
    const requestFlood = new FloodControl(settings, clock);
    const suppression = [
      new SuppressionReport(flood, meter, logger),
      new SuppressionReport(requestFlood, meter, logger, 'requests'),
    ];
    const reporter: Reporter = new Reporter(sinks, () => providers.somebodyListens());
    reporter.beforeReports(() => this.#warnings.sayKept());
    const tap = settings.fingerprints ? this.#openTap() : undefined;
    const socketHook = new TlsSocketHook(reporter, undefined, tap, sentence => this._warn(sentence));
    const secureContextHook = new SecureContextHook(configurations);
    const spans = new RequestSpans(settings, requestHooks, disclosure, complaint => this._warn(complaint));
    const decisionEvents = new DecisionEvents(
      () => providers.logger(),
      settings,
      firstUses.decisions,
      requestFlood,
      disclosure,
    );
    const decisions = new Decisions(
      decisionEvents,
      (request, peer, span) => spans.userOf(request, peer) ?? (span && spans.userOn(span)),
    );
    const requests: Requests = new Requests({
      births: socketHook,
      reporter,
      occurrence,
      spans,
      events: new RequestEvents(logger, requestFlood),
      decisions: decisionEvents.areWanted ? decisions : undefined,
      forwarding,
      patterns: patternSink?.concernsRequests ? patternSink : undefined,
      onSpanProcessor: () => guard(() => undiciHook.enable()),
    });
    const undiciHook = new UndiciHook(requests);
    const requestsHooks = [new HttpServerHook(requests), new HttpClientHook(requests)];
    const beforeExit = () => this.flush();
    const exit = () => {
      reporter.drainAtExit();
      for (const report of suppression) guard(() => report.say());
    };
    socketHook.enable();
    // What is configured, and requests, are worth less than handshakes: where these cannot be seen, those still are.
    for (const hook of [secureContextHook, ...requestsHooks]) guard(() => hook.enable());
    registerDirectory(requests);
    if (hasSpanProcessor()) guard(() => undiciHook.enable());
    // First, since whoever flushes an SDK when the process ends does it there.
    process.prependListener('beforeExit', beforeExit);
    process.on('exit', exit);
    return {
      hooks: [socketHook, secureContextHook, ...requestsHooks, decisions, undiciHook],
      reporter,
      suppression,
      metricSink,
      expirySink,
      configurationEvents,
      beforeExit,
      exit,
    };
  }
}
