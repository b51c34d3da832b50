import assert from 'node:assert/strict';
import { Application, CHECKOUT } from '../support/application';

const WARNING = "opentelemetry-instrumentation-tls: option handshakeSpans is 'some', expected one of all, failed, none";

describe('an option that is not understood, in a set-up with an SDK of its own', function () {
  this.timeout(40_000);

  /** What the application marks on stderr, and our warning among it, in order; nothing of others. */
  async function said(way: string, env: Record<string, string> = {}): Promise<string[]> {
    const ended = await Application.run({
      file: 'misspelt-option.cjs',
      args: [way],
      env: {
        PACKAGE: CHECKOUT,
        OTEL_TRACES_EXPORTER: 'none',
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_LOGS_EXPORTER: 'none',
        ...env,
      },
    });
    assert.deepEqual([ended.code, ended.stdout], [0, '']);
    const lines = ended.stderr
      .split('\n')
      .filter(line => /^(?:made$|instrumented$|opentelemetry-instrumentation-tls:)/.test(line));
    return lines.map(line => (line.startsWith(WARNING) ? 'warning' : line));
  }

  const LOUD = { OTEL_LOG_LEVEL: 'warn' };

  it('is named when NodeSDK has put its logger in place, where the instrumentation was made before', async () => {
    assert.deepEqual(await said('before', LOUD), ['instrumented', 'made', 'warning']);
  });

  it('is named where the instrumentation is made in the argument of NodeSDK', async () => {
    assert.deepEqual(await said('inline', LOUD), ['made', 'warning']);
  });

  it('is named at once, and once, where a logger was there before', async () => {
    assert.deepEqual(await said('heard'), ['warning', 'instrumented', 'made']);
    assert.deepEqual(await said('heard', LOUD), ['warning', 'instrumented', 'made']);
  });

  it('is named to nobody where nobody listens', async () => {
    assert.deepEqual(await said('before'), ['instrumented', 'made']);
  });
});
