import {
  context,
  type MeterProvider,
  metrics,
  ProxyTracerProvider,
  propagation,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import type { TlsInstrumentation } from '../instrumentation';
import { globalLogs, isStandIn } from '../telemetry/providers';
import { TlsPeerSpanProcessor } from '../identity/peer-span-processor';
import { PACKAGE_NAME, PACKAGE_VERSION } from '../version';
import { addSpanProcessor } from './added-span-processor';
import type { PlainLines } from './plain-lines';
import { recordFailures } from './recorded-failures';
import { isRegistered } from '../hooks/registered';
import { SIGNALS, type Signal } from './signals';

/** What the SDK's providers can, beyond what the API asks of them. */
interface SdkProvider {
  forceFlush?(): Promise<void>;
  shutdown?(): Promise<void>;
}

/** Where there is none of ours: nothing to flush, nothing to shut down. */
const NONE: SdkProvider = {};

/**
 * The SDK that the preload started because there was none. It is the process's SDK until the application registers one
 * of its own, which may be long after the first handshake: then it makes room, as if it had never been there.
 */
export class StandInSdk {
  readonly #instrumentation: TlsInstrumentation;
  readonly #lines: PlainLines;
  readonly #onRetired: () => void;
  readonly #tracerProvider: SdkProvider;
  readonly #meterProvider: SdkProvider;
  readonly #loggerProvider: SdkProvider;
  #flushed = 0;
  /** What is being flushed. */
  #unanswered: ReadonlySet<Signal> = new Set();
  #retired = false;

  /** `start` starts the SDK, which registers itself wherever the application has registered nothing of its own. */
  constructor(start: () => void, instrumentation: TlsInstrumentation, lines: PlainLines, onRetired: () => void) {
    this.#instrumentation = instrumentation;
    this.#lines = lines;
    this.#onRetired = onRetired;
    const proxy = trace.getTracerProvider();
    const theirs = {
      context: isRegistered('context'),
      propagation: isRegistered('propagation'),
      metrics: isRegistered('metrics'),
      logs: !isStandIn(globalLogs().getLoggerProvider()),
    };
    start();
    this.#tracerProvider = (proxy instanceof ProxyTracerProvider ? proxy.getDelegate() : NONE) as SdkProvider;
    addSpanProcessor(this.#tracerProvider, () => new TlsPeerSpanProcessor());
    // The one that the instrumentation is going to ask for: an SDK has one tracer for each name and version.
    if (proxy instanceof ProxyTracerProvider)
      recordFailures(proxy.getDelegate().getTracer(PACKAGE_NAME, PACKAGE_VERSION));
    this.#meterProvider = theirs.metrics ? NONE : (metrics.getMeterProvider() as SdkProvider);
    this.#loggerProvider = theirs.logs ? NONE : this.#loggersForUsAlone();

    if (!theirs.context) makeRoomFor(context, 'setGlobalContextManager');
    if (!theirs.propagation) makeRoomFor(propagation, 'setGlobalPropagator');
    if (!theirs.metrics) {
      makeRoomFor(metrics, 'setGlobalMeterProvider', (provider: MeterProvider) => {
        this.#instrumentation.setMeterProvider(provider);
        shutDown(this.#meterProvider);
      });
    }
    makeRoomFor(trace, 'setGlobalTracerProvider', (provider: TracerProvider) => {
      // Libraries fetched their tracers early, from the proxy that has made room.
      if (proxy instanceof ProxyTracerProvider) proxy.setDelegate(provider);
      this.#instrumentation.setTracerProvider(provider);
      this.#retire();
    });
  }

  /** Undefined when nothing was reported since it was last flushed. Never rejects: a failed export is told. */
  flush(reported: number): Promise<void> | undefined {
    if (this.#retired || reported === this.#flushed) return undefined;
    this.#flushed = reported;
    this.#lines.holdLosses();
    const providers: Record<Signal, SdkProvider> = {
      spans: this.#tracerProvider,
      metrics: this.#meterProvider,
      'log records': this.#loggerProvider,
    };
    const unanswered = new Set(SIGNALS);
    this.#unanswered = unanswered;
    const flushes = SIGNALS.map(async signal => {
      try {
        await providers[signal].forceFlush?.();
      } catch (failure) {
        this.#lines.tellFailedExport(failure, signal);
      }
      unanswered.delete(signal);
    });
    return Promise.all(flushes).then(() => this.#lines.tellHeldLosses());
  }

  /** Nobody waits any longer for what is still being flushed. */
  giveUpFlush(why: string): void {
    for (const signal of this.#unanswered) this.#lines.tellLoss(why, signal);
    this.#lines.tellHeldLosses();
  }

  /**
   * Events are ours alone, so the place of the process's logger provider is left free at once. Of the older logs API each
   * package may have its own copy: who registers there later would find the place taken and never come by us.
   */
  #loggersForUsAlone(): SdkProvider {
    const provider = globalLogs().getLoggerProvider();
    if (isStandIn(provider)) return NONE;
    globalLogs().disable();
    this.#instrumentation.spareLoggerProvider(provider);
    return provider as SdkProvider;
  }

  #retire(): void {
    this.#retired = true;
    this.#lines.fallSilent();
    this.#onRetired();
    this.#instrumentation.spareLoggerProvider(undefined);
    shutDown(this.#tracerProvider);
    shutDown(this.#loggerProvider);
    // Theirs may be an SDK without metrics.
    if (metrics.getMeterProvider() !== this.#meterProvider) return;
    metrics.disable();
    this.#instrumentation.setMeterProvider(metrics.getMeterProvider());
    shutDown(this.#meterProvider);
  }
}

/** Sends what it has. That this fails is nobody's business any more. */
function shutDown(provider: SdkProvider): void {
  provider.shutdown?.().catch(() => {});
}

/**
 * The next registration at this entry point of the API takes the place of what is registered now, where the API would
 * refuse it. `then` runs after it.
 */
function makeRoomFor<Api extends { disable(): void }, Provider>(
  api: Api,
  method: keyof Api & `setGlobal${string}`,
  then?: (provider: Provider) => void,
): void {
  const register = api[method] as (provider: Provider) => boolean;
  const once = (provider: Provider): boolean => {
    // What it hides is the API's own method, on its prototype.
    Reflect.deleteProperty(api, method);
    api.disable();
    const accepted = Reflect.apply(register, api, [provider]);
    then?.(provider);
    return accepted;
  };
  Object.defineProperty(api, method, { value: once, configurable: true, writable: true });
}
