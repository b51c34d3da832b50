import {
  createNoopMeter,
  type Meter,
  type MeterProvider,
  metrics,
  type ProxyTracerProvider,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import * as api from '@opentelemetry/api';
import { logs as olderLogs } from '@opentelemetry/api-logs';
import { PACKAGE_NAME, PACKAGE_VERSION } from '../version';
import type { Disclosure, SpanStarter } from './disclosure';
import type { EventLogger } from './event-sink';

export interface EventLoggerProvider {
  getLogger(name: string, version: string): unknown;
}

/** From 1.10 on the logs API lives in the API package; the older package has a global of its own, and no bridge. */
const newerLogs = (api as { logs?: LogsApi }).logs;

interface LogsApi {
  getLoggerProvider(): EventLoggerProvider;
  disable(): void;
}

/**
 * Where telemetry goes at this moment: to the providers we were given, else to the global ones, whoever registered them
 * and whenever. Nothing is fetched for good before there is an SDK: a meter of no provider measures nothing for ever, and
 * an API that is installed twice has two tracers and loggers that wait for an SDK, of which only one ever hears of it.
 */
export class Providers {
  #givenTracer: Tracer | undefined;
  #givenMeter: Meter | undefined;
  #givenLogger: EventLogger | undefined;
  #spareLogger: EventLogger | undefined;
  /** The global providers' tracer and meter, and whose they are. */
  #globalTracer: { readonly provider: TracerProvider; readonly tracer: Tracer } | undefined;
  #globalMeter: { readonly provider: MeterProvider; readonly meter: Meter } | undefined;
  #heard = false;
  /** Undefined until it is told: then everything is said. */
  #disclosure: Disclosure | undefined;

  /** Whoever speaks through these providers says from now on what this lets out. */
  discloseBy(disclosure: Disclosure): void {
    this.#disclosure = disclosure;
  }

  /** A provider that only stands for a later one is nothing given: then the global one is followed. */
  giveTracerProvider(provider: TracerProvider): void {
    this.#givenTracer = isStandIn(provider) ? undefined : provider.getTracer(PACKAGE_NAME, PACKAGE_VERSION);
    this.#heard = false;
  }

  giveMeterProvider(provider: MeterProvider): void {
    this.#givenMeter = isStandIn(provider) ? undefined : provider.getMeter(PACKAGE_NAME, PACKAGE_VERSION);
    this.#heard = false;
  }

  giveLoggerProvider(provider: EventLoggerProvider): void {
    this.#givenLogger = isStandIn(provider) ? undefined : loggerOf(provider);
    this.#heard = false;
  }

  /** For events as long as no logger provider is registered or given. Undefined: they go nowhere then. */
  spareLoggerProvider(provider: EventLoggerProvider | undefined): void {
    this.#spareLogger = provider && loggerOf(provider);
  }

  tracer(): SpanStarter {
    const tracer = this.#tracer();
    return this.#disclosure?.tracer(tracer) ?? tracer;
  }

  #tracer(): Tracer {
    if (this.#givenTracer) return this.#givenTracer;
    const provider = trace.getTracerProvider();
    if (this.#globalTracer?.provider !== provider) {
      this.#globalTracer = { provider, tracer: provider.getTracer(PACKAGE_NAME, PACKAGE_VERSION) };
    }
    return this.#globalTracer.tracer;
  }

  meter(): Meter {
    if (this.#givenMeter) return this.#givenMeter;
    const provider = metrics.getMeterProvider();
    if (this.#globalMeter?.provider !== provider) {
      this.#globalMeter = { provider, meter: provider.getMeter(PACKAGE_NAME, PACKAGE_VERSION) };
    }
    return this.#globalMeter.meter;
  }

  logger(): EventLogger {
    const logger = this.#logger();
    return this.#disclosure?.logger(logger) ?? logger;
  }

  #logger(): EventLogger {
    if (this.#givenLogger) return this.#givenLogger;
    const provider = globalLoggerProvider();
    return this.#spareLogger && isStandIn(provider) ? this.#spareLogger : loggerOf(provider);
  }

  /** False as long as log records go nowhere. */
  logsAreHeard(): boolean {
    return this.#givenLogger !== undefined || this.#spareLogger !== undefined || !isStandIn(globalLoggerProvider());
  }

  /** False as long as there is no SDK: then nothing need be read of any socket. Once there is one it stays. */
  somebodyListens(): boolean {
    this.#heard ||=
      this.#givenTracer !== undefined ||
      this.#givenMeter !== undefined ||
      this.#givenLogger !== undefined ||
      this.#spareLogger !== undefined ||
      (isAnythingRegistered() &&
        (isConnected(trace.getTracerProvider()) ||
          metrics.getMeter(PACKAGE_NAME) !== NOOP_METER ||
          !isStandIn(globalLoggerProvider())));
    return this.#heard;
  }
}

/** True when a tracer of the global provider would lead somewhere. */
export function hasGlobalTracerProvider(): boolean {
  return isConnected(trace.getTracerProvider());
}

const NOOP_METER = createNoopMeter();

/** Where the API, and the older logs API, keep what is registered: the first registration makes them. */
const REGISTRIES = [Symbol.for('opentelemetry.js.api.1'), Symbol.for('io.opentelemetry.js.api.logs')] as const;
const global = globalThis as { readonly [registry: symbol]: unknown };

/** False in a process that has the API and nothing else: that is every socket's whole price there. */
function isAnythingRegistered(): boolean {
  return global[REGISTRIES[0]] !== undefined || global[REGISTRIES[1]] !== undefined;
}

function globalLoggerProvider(): EventLoggerProvider {
  return globalLogs().getLoggerProvider();
}

/** The logs API that somebody has registered a provider at: SDK 2 does so at the older, also where the API has the newer. */
export function globalLogs(): LogsApi {
  if (newerLogs === undefined) return olderLogs;
  return isStandIn(newerLogs.getLoggerProvider()) && !isStandIn(olderLogs.getLoggerProvider()) ? olderLogs : newerLogs;
}

function loggerOf(provider: EventLoggerProvider): EventLogger {
  return provider.getLogger(PACKAGE_NAME, PACKAGE_VERSION) as EventLogger;
}

function isConnected(provider: TracerProvider): boolean {
  if (!isStandIn(provider)) return true;
  return (provider as Partial<ProxyTracerProvider>).getDelegateTracer?.(PACKAGE_NAME) !== undefined;
}

/**
 * The API's own providers, which lead nowhere or wait for another to be registered. By name, since with two copies of
 * the API, one loaded by `require` and one by `import`, they are instances of other classes.
 */
export function isStandIn(provider: object): boolean {
  return /^(?:Proxy|Noop)(?:Tracer|Meter|Logger)Provider$/.test(provider.constructor?.name ?? '');
}
