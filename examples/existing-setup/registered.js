const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { NodeSDK } = require('@opentelemetry/sdk-node');
const { TlsInstrumentation } = require('opentelemetry-instrumentation-tls');

// Somewhere in the application, and not ours to change.
const sdk = new NodeSDK();
sdk.start();

const tls = new TlsInstrumentation({ handshakeSpans: 'failed' });
registerInstrumentations({ instrumentations: [tls] });

process.once('beforeExit', () => {
  tls.flush();
  sdk.shutdown().catch(console.error);
});
