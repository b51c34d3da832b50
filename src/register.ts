import { writeSync } from 'node:fs';

/**
 * `node --require opentelemetry-instrumentation-tls/register app.js`, or `--import`: TLS handshakes reported from an
 * application that knows nothing of it. Whatever is wrong with our own installation, the application runs.
 */
try {
  (require('./preload') as typeof import('./preload')).preload();
} catch (fault) {
  const why = fault instanceof Error ? fault.message.split('\n')[0] : String(fault);
  try {
    writeSync(2, `opentelemetry-instrumentation-tls: not started, TLS handshakes are not reported: ${why}\n`);
  } catch {
    // Nobody reads stderr.
  }
}
