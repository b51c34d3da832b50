import type * as SdkNode from '@opentelemetry/sdk-node';
import { TlsInstrumentation } from './instrumentation';
import { FLUSH_LIMIT_MS, FlushAtEnd } from './preload/flush-at-end';
import { StandInSdk } from './preload/stand-in-sdk';
import { PlainLines } from './preload/plain-lines';
import { hasGlobalTracerProvider } from './telemetry/providers';

/** Preloads that start an SDK of their own. In whatever order they come, ours only attaches then. */
const OTHER_PRELOADS =
  /@opentelemetry\/auto-instrumentations-node|@elastic\/opentelemetry-node|@splunk\/otel|@google-cloud\/opentelemetry/;

type Sdk = typeof SdkNode;

/** Enables the instrumentation now, and an SDK at the first handshake if by then nobody else has started one. */
export function preload(): void {
  if (isSwitchedOff(process.env)) return;
  const lines = new PlainLines();
  const instrumentation = new (class extends TlsInstrumentation {
    protected override _warn(sentence: string): void {
      lines.tell(sentence);
    }
    anotherCame(): void {
      lines.tell(
        'enabled once more, by the application or another copy: each handshake is reported once, as the preload is told',
      );
    }
  })();
  // Another copy was here before, and has said so.
  if (!instrumentation.isRunning) return;
  if (hasGlobalTracerProvider() || isOtherPreload()) return;
  const sdk = loadSdk(lines);
  if (sdk === undefined) return;

  let standIn: StandInSdk | undefined;
  const flushAtEnd = new FlushAtEnd(
    () => {
      // May start the SDK: a script whose only request fails is over before its first handshake has been reported.
      const reported = instrumentation.flush();
      return standIn?.flush(reported);
    },
    () => standIn?.giveUpFlush(`no answer within ${FLUSH_LIMIT_MS / 1000} s at the end of the process`),
  );
  instrumentation.prepareWith({
    // Before the first handshake is over: a signal may come between it and its report.
    atEachSocket: () => flushAtEnd.onSignals(),
    beforeFirstReport: () => {
      standIn = hasGlobalTracerProvider() ? undefined : start(sdk, instrumentation, lines, () => flushAtEnd.callOff());
      if (standIn === undefined) flushAtEnd.callOff();
    },
  });
  flushAtEnd.onBeforeExit();
}

function isSwitchedOff(environment: NodeJS.ProcessEnv): boolean {
  if (environment['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return true;
  const disabled = environment['OTEL_NODE_DISABLED_INSTRUMENTATIONS']?.split(',').map(name => name.trim());
  return disabled?.includes('tls') ?? false;
}

function isOtherPreload(): boolean {
  return OTHER_PRELOADS.test([...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' '));
}

/** Now and not at the first handshake: loading takes a quarter of a second, which nobody should wait for then. */
function loadSdk(lines: PlainLines): Sdk | undefined {
  try {
    return require('@opentelemetry/sdk-node') as Sdk;
  } catch (fault) {
    lines.tell(
      `@opentelemetry/sdk-node cannot be loaded, so nothing is exported unless the application has an SDK: ${reasonOf(fault)}`,
    );
    return undefined;
  }
}

/** Undefined when it cannot be started, and that has been told. */
function start(
  sdk: Sdk,
  instrumentation: TlsInstrumentation,
  lines: PlainLines,
  onRetired: () => void,
): StandInSdk | undefined {
  const startSdk = (): void => {
    const instrumentations = [instrumentation];
    if (process.env['OTEL_CONFIG_FILE']) lines.insteadOfConsole(() => startFromFile(sdk)({ instrumentations }));
    else new sdk.NodeSDK({ instrumentations }).start();
  };
  lines.listenToDiag();
  try {
    return new StandInSdk(startSdk, instrumentation, lines, onRetired);
  } catch (fault) {
    lines.tell(`the OpenTelemetry SDK does not start, TLS handshakes are not reported: ${reasonOf(fault)}`);
    return undefined;
  }
}

/** Only this entry point reads the declarative configuration file; it was renamed in SDK 3. */
function startFromFile(sdk: Sdk): Sdk['startNodeSDK'] {
  return (sdk as { startNodeSdk?: Sdk['startNodeSDK'] }).startNodeSdk ?? sdk.startNodeSDK;
}

function reasonOf(fault: unknown): string {
  return fault instanceof Error ? (fault.message.split('\n')[0] as string) : String(fault);
}
