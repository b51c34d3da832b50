const { getNodeAutoInstrumentations } = require('@opentelemetry/auto-instrumentations-node');
const { NodeSDK } = require('@opentelemetry/sdk-node');
const { TlsInstrumentation } = require('opentelemetry-instrumentation-tls');

const tls = new TlsInstrumentation();
const sdk = new NodeSDK({ instrumentations: [getNodeAutoInstrumentations(), tls] });
sdk.start();

process.once('beforeExit', () => {
  tls.flush();
  sdk.shutdown().catch(console.error);
});
