/** What the SDK sends, each on its own and perhaps to a collector of its own. The gravest first. */
export const SIGNALS = ['spans', 'metrics', 'log records'] as const;
export type Signal = (typeof SIGNALS)[number];

/**
 * Whose failure is being told at this moment. The SDK's error handler hands on the error alone, which looks the same for
 * all signals; but the component that gives up calls it at once, so that its file is on the stack. Undefined: it is not,
 * in a bundle, say, or where the application keeps its stacks short. Tried with SDK 2.0, 2.12 and 3.1.
 */
export function failingSignal(message: string): Signal | undefined {
  const told = COMPONENT.exec(message) ?? FILE.exec(callers());
  return told ? SIGNAL_OF[told[1] as string] : undefined;
}

/** How messages of theirs begin. */
const COMPONENT = /^(BatchSpanProcessor|PeriodicExportingMetricReader|BatchLogRecordProcessor): /;
const FILE = /@opentelemetry[\\/](sdk-trace|sdk-metrics|exporter-prometheus|sdk-logs)\b/;

const SIGNAL_OF: Readonly<Record<string, Signal>> = {
  BatchSpanProcessor: 'spans',
  PeriodicExportingMetricReader: 'metrics',
  BatchLogRecordProcessor: 'log records',
  'sdk-trace': 'spans',
  'sdk-metrics': 'metrics',
  'exporter-prometheus': 'metrics',
  'sdk-logs': 'log records',
};

function callers(): string {
  const here: { stack?: unknown } = {};
  try {
    Error.captureStackTrace(here, failingSignal);
    // The application may have stacks made its own way, and not into text.
    return String(here.stack);
  } catch {
    return '';
  }
}

/** The SDK's variables for each. */
const VARIABLES: Readonly<Record<Signal, { exporter: string; protocol: string; endpoint: string }>> = {
  spans: {
    exporter: 'OTEL_TRACES_EXPORTER',
    protocol: 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL',
    endpoint: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  },
  metrics: {
    exporter: 'OTEL_METRICS_EXPORTER',
    protocol: 'OTEL_EXPORTER_OTLP_METRICS_PROTOCOL',
    endpoint: 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
  },
  'log records': {
    exporter: 'OTEL_LOGS_EXPORTER',
    protocol: 'OTEL_EXPORTER_OTLP_LOGS_PROTOCOL',
    endpoint: 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT',
  },
};

/**
 * Where the environment has a signal sent, without credentials. Without a signal: where all of them are sent. Undefined:
 * that is to several places, or to none that has an address.
 */
export function collectorOf(signal: Signal | undefined): string | undefined {
  if (process.env['OTEL_CONFIG_FILE']) return 'the collector in OTEL_CONFIG_FILE';
  const [endpoint, ...others] = new Set((signal ? [signal] : SIGNALS).map(endpointOf));
  if (endpoint === undefined || others.length > 0) return undefined;
  return `the collector at ${endpoint.replace(/^([a-z]+:\/\/)?[^/?#]*@/i, '$1').replace(/[?#].*/, '')}`;
}

/** Exporters that send nothing to anybody, and so lose nothing. */
const NOWHERE = new Set(['', 'none', 'console']);

function endpointOf(signal: Signal): string | undefined {
  const variables = VARIABLES[signal];
  const [exporter = 'otlp', ...others] = textOf(variables.exporter)
    .split(',')
    .map(part => part.trim())
    .filter(part => !NOWHERE.has(part));
  if (others.length > 0) return undefined;
  if (exporter === 'zipkin') return textOf('OTEL_EXPORTER_ZIPKIN_ENDPOINT') || 'http://localhost:9411/api/v2/spans';
  if (exporter !== 'otlp') return undefined;
  const protocol = textOf(variables.protocol) || textOf('OTEL_EXPORTER_OTLP_PROTOCOL');
  const usual = protocol === 'grpc' ? 'http://localhost:4317' : 'http://localhost:4318';
  return textOf(variables.endpoint) || textOf('OTEL_EXPORTER_OTLP_ENDPOINT') || usual;
}

function textOf(variable: string): string {
  return process.env[variable]?.trim() ?? '';
}
