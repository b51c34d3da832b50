const { getNodeAutoInstrumentations } = require('@opentelemetry/auto-instrumentations-node');
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-http');
const { NodeSDK, tracing } = require('@opentelemetry/sdk-node');
const { TlsInstrumentation, TlsPeerSpanProcessor } = require('opentelemetry-instrumentation-tls');

const tls = new TlsInstrumentation({
  userId: (_request, peer) => (peer.verification.result === 'ok' ? peer.certificate?.subject : undefined),
});
const sdk = new NodeSDK({
  instrumentations: [getNodeAutoInstrumentations(), tls],
  spanProcessors: [new TlsPeerSpanProcessor(), new tracing.BatchSpanProcessor(new OTLPTraceExporter())],
});
sdk.start();

process.once('beforeExit', () => {
  tls.flush();
  sdk.shutdown().catch(console.error);
});
