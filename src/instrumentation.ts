import {
  createNoopMeter,
  diag,
  type Meter,
  type MeterProvider,
  metrics,
  ProxyTracer,
  ProxyTracerProvider,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import * as api from '@opentelemetry/api';
import { logs as olderLogs } from '@opentelemetry/api-logs';
import { InstrumentationBase } from '@opentelemetry/instrumentation';
import { guard } from './hooks/guard';
import { TlsSocketHook } from './hooks/tls-socket-hook';
import { type Birth, Reporter } from './reporter';
import { readSettings, type Settings, type TlsInstrumentationConfig } from './settings';
import { type EventLogger, EventSink } from './telemetry/event-sink';
import { FirstUses } from './telemetry/first-uses';
import { MetricSink } from './telemetry/metric-sink';
import { Occurrence } from './telemetry/occurrence';
import type { Sink } from './telemetry/sink';
import { SpanSink } from './telemetry/span-sink';
import { PACKAGE_NAME, PACKAGE_VERSION } from './version';

/**
 * Two copies of this package, or two registrations, must report a handshake once: the one that comes first holds this
 * key of the global object for as long as it is enabled.
 */
const HOLDER = Symbol.for(PACKAGE_NAME);
const registry = globalThis as { [HOLDER]?: object | undefined };

/** Everything that exists only while enabled. */
interface Running {
  readonly hook: TlsSocketHook<Birth>;
  readonly reporter: Reporter;
  readonly metricSink: MetricSink;
  readonly drainOnExit: () => void;
}

/**
 * OpenTelemetry instrumentation of every TLS handshake of the process, client and server.
 *
 * ```ts
 * registerInstrumentations({ instrumentations: [new TlsInstrumentation()] });
 * ```
 */
export class TlsInstrumentation extends InstrumentationBase<TlsInstrumentationConfig> {
  // The base class calls enable() before field initialisers run: nothing here may have one.
  declare private _running: Running | undefined;
  declare private _ownLogger: boolean | undefined;
  declare private _somebodyListens: boolean | undefined;

  constructor(config: TlsInstrumentationConfig = {}) {
    super(PACKAGE_NAME, PACKAGE_VERSION, config);
  }

  /** Nothing to wait for: TLS is Node's own, and the prototype patch sees modules loaded before us too. */
  protected override init(): void {}

  override enable(): void {
    super.enable();
    if (this._running) return;
    if (registry[HOLDER] !== undefined) {
      diag.warn(
        `${PACKAGE_NAME}: already enabled in this process, by a preload or another copy; this one stays silent`,
      );
      return;
    }
    guard(() => {
      registry[HOLDER] = this;
      this._running = this._start(
        readSettings(this.getConfig(), process.env, complaint => diag.warn(`${PACKAGE_NAME}: ${complaint}`)),
      );
    });
  }

  override disable(): void {
    super.disable();
    const running = this._running;
    if (!running) return;
    this._running = undefined;
    if (registry[HOLDER] === this) registry[HOLDER] = undefined;
    guard(() => running.hook.disable());
    running.reporter.drain();
    guard(() => running.metricSink.close());
    process.off('exit', running.drainOnExit);
  }

  /** Hands everything that waits to the SDK. Handshakes wait at most 50 ms; a shutdown in between would lose them. */
  flush(): void {
    this._running?.reporter.drain();
  }

  /**
   * For a preload: `prepare` runs once, right before the first handshake is reported, and may start an SDK. Until then
   * handshakes are collected although nobody listens yet.
   * @internal
   */
  beforeFirstReport(prepare: () => void): void {
    this._running?.reporter.beforeFirstReport(prepare);
  }

  override setLoggerProvider(provider: Parameters<InstrumentationBase['setLoggerProvider']>[0]): void {
    // A proxy stands for whichever SDK comes, but only one that uses the same copy of the API.
    this._ownLogger = !('_setDelegate' in provider || 'setDelegate' in provider);
    super.setLoggerProvider(provider);
  }

  override setMeterProvider(provider: MeterProvider): void {
    super.setMeterProvider(provider);
    this._somebodyListens = undefined;
  }

  private _start(settings: Settings): Running {
    const occurrence = new Occurrence(new FirstUses(() => performance.now()));
    const metricSink = new MetricSink(() => this._currentMeter());
    const sinks: Sink[] = [new SpanSink(() => this.tracer, settings, occurrence), metricSink];
    if (settings.events === 'both' || settings.events === 'log') {
      sinks.push(new EventSink(() => this._currentLogger(), settings, occurrence));
    }
    const reporter = new Reporter(sinks, () => this._isListening());
    const hook = new TlsSocketHook(reporter);
    const drainOnExit = () => reporter.drain();
    process.on('exit', drainOnExit);
    hook.enable();
    return { hook, reporter, metricSink, drainOnExit };
  }

  /** There is no proxy for meters: one that was fetched before the SDK started measures nothing for ever. */
  private _currentMeter(): Meter {
    if (this.meter !== createNoopMeter()) return this.meter;
    return metrics.getMeter(PACKAGE_NAME, PACKAGE_VERSION);
  }

  /**
   * From API 1.10 on the logs API lives in the API package. Fetched for each event: a logger from before the SDK's start
   * waits for the copy of the API it came from, and the SDK may have brought another copy.
   */
  private _currentLogger(): EventLogger {
    if (this._ownLogger) return this.logger as EventLogger;
    const { logs = olderLogs } = api as { logs?: { getLogger(name: string, version: string): unknown } };
    return logs.getLogger(PACKAGE_NAME, PACKAGE_VERSION) as EventLogger;
  }

  /** False as long as there is no SDK: then nothing is read of any socket. Once there is one it stays. */
  private _isListening(): boolean {
    this._somebodyListens ||= isReal(this.tracer) || this._currentMeter() !== createNoopMeter();
    return this._somebodyListens;
  }
}

function isReal(tracer: Tracer): boolean {
  if (!(tracer instanceof ProxyTracer)) return true;
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(PACKAGE_NAME) !== undefined;
}
