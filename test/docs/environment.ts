/** One row an `OTEL_*` variable that is not an option's. `ours`: read by this package; else by the SDK that the preload starts. */
export const ENVIRONMENT: Readonly<Record<string, { readonly ours: boolean; readonly brief: string }>> = {
  OTEL_SERVICE_NAME: {
    ours: false,
    brief:
      "The application's name. Without it everything is `unknown_service:` and what Node was started as: " +
      '`unknown_service:node`, or with its whole path where it was started by that.',
  },
  OTEL_RESOURCE_ATTRIBUTES: { ours: false, brief: 'More about the application: `deployment.environment.name=test`.' },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    ours: true,
    brief: 'Where the collector is. Default `http://localhost:4318`. Named in the line that says it cannot be reached.',
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    ours: true,
    brief: 'The same for traces alone, with the path: `http://localhost:4318/v1/traces`.',
  },
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: {
    ours: true,
    brief: 'The same for metrics: `http://localhost:4318/v1/metrics`.',
  },
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: { ours: true, brief: 'The same for log records: `http://localhost:4318/v1/logs`.' },
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    ours: true,
    brief: '`http/protobuf` (the default), `http/json` or `grpc` (port 4317).',
  },
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: { ours: true, brief: 'The same for traces alone.' },
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: { ours: true, brief: 'The same for metrics.' },
  OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: { ours: true, brief: 'The same for log records.' },
  OTEL_EXPORTER_OTLP_HEADERS: { ours: false, brief: 'Headers for the collector: `authorization=Bearer%20...`.' },
  OTEL_TRACES_EXPORTER: { ours: true, brief: '`otlp` (the default), `zipkin`, `console`, `none`.' },
  OTEL_EXPORTER_ZIPKIN_ENDPOINT: {
    ours: true,
    brief: 'Where Zipkin is. Default `http://localhost:9411/api/v2/spans`.',
  },
  OTEL_METRICS_EXPORTER: { ours: true, brief: '`otlp` (the default), `prometheus`, `console`, `none`.' },
  OTEL_LOGS_EXPORTER: { ours: true, brief: '`otlp` (the default), `console`, `none`.' },
  OTEL_TRACES_SAMPLER: {
    ours: false,
    brief:
      'Which traces are kept: `traceidratio` with `OTEL_TRACES_SAMPLER_ARG=0.1`. Under the preload the spans of failed ' +
      'handshakes are kept whatever it says.',
  },
  OTEL_CONFIG_FILE: {
    ours: true,
    brief: "The SDK's declarative configuration file, instead of the SDK's other variables.",
  },
  OTEL_SDK_DISABLED: { ours: true, brief: '`true`: the preload does nothing at all.' },
  OTEL_NODE_DISABLED_INSTRUMENTATIONS: { ours: true, brief: 'With `tls` in the list the preload does nothing.' },
  OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN: {
    ours: true,
    brief: '`logs`: events go to the logs alone; `logs/dup`: to both. The option `events` wins.',
  },
  OTEL_LOG_LEVEL: {
    ours: true,
    brief:
      "`debug`, `info`, `warn`, ...: the SDK's own diagnostics on the console. The preload's lines do not repeat them, and " +
      'still say what the SDK does not: what was not sent at the end of the process, and what is wrong with our own options.',
  },
};
