const { TraceIdRatioBasedSampler } = require('@opentelemetry/sdk-trace');
const { NodeSDK } = require('@opentelemetry/sdk-node');
const { TlsFailureSampler, TlsInstrumentation } = require('opentelemetry-instrumentation-tls');

const tls = new TlsInstrumentation();
const sdk = new NodeSDK({
  instrumentations: [tls],
  sampler: new TlsFailureSampler(new TraceIdRatioBasedSampler(0.1)),
});
sdk.start();

process.once('beforeExit', () => {
  tls.flush();
  sdk.shutdown().catch(console.error);
});
