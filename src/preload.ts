import { type DiagLogger, DiagLogLevel, diag, metrics, ProxyTracerProvider, trace } from '@opentelemetry/api';
import * as api from '@opentelemetry/api';
import { logs as olderLogs } from '@opentelemetry/api-logs';
import type * as SdkNode from '@opentelemetry/sdk-node';
import { TlsInstrumentation } from './instrumentation';
import { PACKAGE_NAME } from './version';

/** A dead collector must not hold an exit for longer. */
const FLUSH_LIMIT_MS = 2_000;
/** Lines of complaint for the whole life of the process. */
const MAX_LINES = 10;

/** Preloads that start an SDK of their own. In whatever order they come, ours only attaches then. */
const OTHER_PRELOADS =
  /@opentelemetry\/auto-instrumentations-node|@elastic\/opentelemetry-node|@splunk\/otel|@google-cloud\/opentelemetry/;

type Sdk = typeof SdkNode;

/** Enables the instrumentation now, and an SDK at the first handshake if by then nobody else has started one. */
export function preload(): void {
  if (isSwitchedOff(process.env)) return;
  const lines = new Lines();
  lines.listenToDiag();
  const instrumentation = new TlsInstrumentation();
  if (somebodyHasStarted() || isOtherPreload()) return;
  const sdk = loadSdk(lines);
  if (sdk === undefined) return;
  const flush = new Flush(instrumentation, lines);
  instrumentation.prepareWith({
    // Before the first handshake is over: a signal may come between it and its report.
    atEachSocket: () => flush.onSignals(),
    beforeFirstReport: () => {
      if (somebodyHasStarted()) {
        flush.callOff();
        return;
      }
      lines.listenToDiag();
      start(sdk, instrumentation);
      flush.sdkIsOurs();
    },
  });
  // At once: a script whose only request fails is over before its first handshake has been reported.
  flush.onBeforeExit();
}

function isSwitchedOff(environment: NodeJS.ProcessEnv): boolean {
  if (environment['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return true;
  const disabled = environment['OTEL_NODE_DISABLED_INSTRUMENTATIONS']?.split(',').map(name => name.trim());
  return disabled?.includes('tls') ?? false;
}

function isOtherPreload(): boolean {
  return OTHER_PRELOADS.test([...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' '));
}

function somebodyHasStarted(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(PACKAGE_NAME) !== undefined;
}

/** Now and not at the first handshake: loading takes a quarter of a second, which nobody should wait for then. */
function loadSdk(lines: Lines): Sdk | undefined {
  try {
    return require('@opentelemetry/sdk-node') as Sdk;
  } catch (fault) {
    const why = fault instanceof Error ? fault.message.split('\n')[0] : String(fault);
    lines.tell(
      `@opentelemetry/sdk-node cannot be loaded, so nothing is exported unless the application has an SDK: ${why}`,
    );
    return undefined;
  }
}

function start(sdk: Sdk, instrumentation: TlsInstrumentation): void {
  const instrumentations = [instrumentation];
  // Only this entry point reads the declarative configuration file.
  if (process.env['OTEL_CONFIG_FILE'] && 'startNodeSDK' in sdk) sdk.startNodeSDK({ instrumentations });
  else new sdk.NodeSDK({ instrumentations }).start();
}

/** What a person must know, on stderr, because a preload has no other voice. Each sentence once. */
class Lines {
  readonly #told = new Set<string>();
  #toldUnreachable = false;

  tell(sentence: string): void {
    if (this.#told.has(sentence) || this.#told.size >= MAX_LINES) return;
    this.#told.add(sentence);
    process.stderr.write(`${PACKAGE_NAME}: ${sentence}\n`);
  }

  /** The SDK says what it cannot do through `diag`, which is silent unless somebody listens. */
  listenToDiag(): void {
    // Whoever sets a log level gets the SDK's own logger, and everything.
    if (process.env['OTEL_LOG_LEVEL']) return;
    const silent = () => {};
    const logger: DiagLogger = {
      error: (message, ...more) => this.#fault(message, more),
      warn: message => this.#warning(message),
      info: silent,
      debug: silent,
      verbose: silent,
    };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  }

  /** One line for traces, metrics and logs together: each fails on its own, and in its own words. */
  unreachable(why: string): void {
    if (this.#toldUnreachable) return;
    this.#toldUnreachable = true;
    this.tell(`the collector at ${endpoint()} cannot be reached, TLS handshakes are being lost: ${why}`);
  }

  #warning(message: string): void {
    if (message.startsWith(PACKAGE_NAME)) this.tell(message.slice(PACKAGE_NAME.length + 2));
  }

  #fault(message: string, more: unknown[]): void {
    const ours = message.startsWith(PACKAGE_NAME);
    const why = ours ? undefined : exportError(message);
    if (why !== undefined) this.unreachable(why);
    else if (ours) this.tell(`${message.slice(PACKAGE_NAME.length + 2)} ${more.join(' ')}`);
    else this.tell(message.split('\n')[0] ?? message);
  }
}

/** The SDK's error handler says an exporter's error as JSON. Undefined: it is about something else. */
function exportError(message: string): string | undefined {
  let error: { message?: unknown; code?: unknown; stack?: unknown };
  try {
    error = JSON.parse(message);
  } catch {
    return undefined;
  }
  const said = [error.code, error.message].filter(word => typeof word === 'string' && word !== '').join(' ');
  return /ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|UNAVAILABLE|socket hang up|timed? ?out/i.test(
    said,
  ) || /OTLPExporter/.test(String(error.stack))
    ? said.slice(0, 200) || 'no reason given'
    : undefined;
}

function endpoint(): string {
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces, OTEL_EXPORTER_OTLP_ENDPOINT: all } = process.env;
  return traces || all || 'http://localhost:4318';
}

/** Gives the SDK the time to send what it has, at most 2 s, before the process ends by itself or by a signal. */
class Flush {
  readonly #instrumentation: TlsInstrumentation;
  readonly #lines: Lines;
  #flushing = false;
  /** Whose SDK it is, is not known before the first report. Somebody else's is flushed by whoever started it. */
  #sdkIsOurs = false;
  readonly #signals = new Map<NodeJS.Signals, () => void>();

  constructor(instrumentation: TlsInstrumentation, lines: Lines) {
    this.#instrumentation = instrumentation;
    this.#lines = lines;
  }

  onBeforeExit(): void {
    process.once('beforeExit', code => void this.#beforeExit(code));
  }

  onSignals(): void {
    if (this.#signals.size > 0) return;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const listener = () => void this.#bySignal(signal, listener);
      this.#signals.set(signal, listener);
      process.on(signal, listener);
    }
  }

  sdkIsOurs(): void {
    this.#sdkIsOurs = true;
  }

  /** The SDK is somebody else's: the process ends as they arranged it. */
  callOff(): void {
    for (const [signal, listener] of this.#signals) process.off(signal, listener);
  }

  async #beforeExit(code: number): Promise<void> {
    const inTime = await this.#flush();
    // A retry that waits would hold the process for ten more seconds. With nobody else at 'beforeExit', nothing but
    // our own flush can be alive.
    // (One listener is the instrumentation's own.)
    if (!inTime && process.listenerCount('beforeExit') <= 1) process.exit(process.exitCode ?? code);
  }

  /** A listener takes Node's own ending away: when it is the only one, the signal is raised again without it. */
  async #bySignal(signal: NodeJS.Signals, listener: () => void): Promise<void> {
    const onlyOurs = process.listenerCount(signal) === 1;
    // A second signal of an impatient person ends it at once.
    if (!this.#flushing) {
      this.#flushing = true;
      await this.#flush();
      this.#flushing = false;
    }
    if (!onlyOurs) return;
    process.off(signal, listener);
    process.kill(process.pid, signal);
  }

  /** False when the time was up first. Never rejects. */
  async #flush(): Promise<boolean> {
    this.#instrumentation.flush();
    if (!this.#sdkIsOurs) return true;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<boolean>(resolve => {
      timer = setTimeout(() => resolve(false), FLUSH_LIMIT_MS);
    });
    const inTime = await Promise.race([flushProviders(), limit]);
    clearTimeout(timer);
    if (!inTime) this.#lines.unreachable(`no answer within ${FLUSH_LIMIT_MS / 1000} s at the end of the process`);
    return inTime;
  }
}

async function flushProviders(): Promise<boolean> {
  const { logs } = api as { logs?: { getLoggerProvider(): unknown } };
  const tracerProvider = trace.getTracerProvider();
  const providers: unknown[] = [
    tracerProvider instanceof ProxyTracerProvider ? tracerProvider.getDelegate() : tracerProvider,
    metrics.getMeterProvider(),
    olderLogs.getLoggerProvider(),
    logs?.getLoggerProvider(),
  ];
  await Promise.allSettled(
    providers.map(provider => (provider as { forceFlush?: () => Promise<void> } | undefined)?.forceFlush?.()),
  );
  return true;
}
