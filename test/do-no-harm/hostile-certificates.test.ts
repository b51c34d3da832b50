import assert from 'node:assert/strict';
import { TlsInstrumentation } from '../../src';
import { CertificateAuthority } from '../support/certificate-authority';
import { TelemetryRecorder } from '../support/telemetry-recorder';
import { tlsPair } from '../support/tls-pair';
import { SideBySide } from './side-by-side';

describe('a hostile certificate harms nobody', function () {
  this.timeout(60_000);

  it('whichever side is shown it, as a leaf or behind one: the process lives, and reports each handshake once', async () => {
    const runs = new SideBySide();
    await runs.open();
    try {
      const { preloaded, instrumented } = await runs.compare('hostile');
      assert.equal(instrumented.code, 0);
      const counts = [...instrumented.stdout.matchAll(/: (\d+)$/gm)].map(([, count]) => Number(count));
      assert.equal(counts.length, 9, instrumented.stdout);
      const handshakes = counts.reduce((sum, count) => sum + count);
      assert.ok(handshakes > 300, String(handshakes));
      const ofServers = instrumented.reported.filter(line => line.startsWith('TLS server handshake'));
      assert.equal(ofServers.length, handshakes);
      assert.deepEqual(preloaded.reported, instrumented.reported);
    } finally {
      await runs.close();
    }
  });

  it('with a thousand names in it, 40 KB of them, it is known by its fingerprint and said in brief', async () => {
    const authority = await CertificateAuthority.create();
    const server = await authority.issue({ usage: 'server' });
    const client = await authority.issue({ commonName: 'many', dnsNames: [], extraNames: 1000 });
    const long = await authority.issue({ commonName: 'long', dnsNames: Array.from({ length: 1000 }, longName) });
    assert.ok(long.der.length > 40_000, `${long.der.length} bytes`);
    for (const { certificate, key, fingerprint } of [client, long]) {
      const recorder = new TelemetryRecorder();
      const instrumentation = new TlsInstrumentation({ certificateDetails: 'all' });
      try {
        instrumentation.setTracerProvider(recorder.tracerProvider);
        await tlsPair({
          server: { cert: server.certificate, key: server.key, ca: authority.certificate, requestCert: true },
          client: { ca: authority.certificate, cert: certificate, key },
        });
        instrumentation.flush();
      } finally {
        instrumentation.disable();
      }
      const [span, ...more] = recorder.spans.filter(({ name }) => name === 'TLS server handshake');
      assert.equal(more.length, 0);
      assert.equal(span?.attributes['tls.handshake.outcome'], 'established');
      assert.equal(span?.attributes['tls.client.hash.sha256'], fingerprint);
      assert.ok(JSON.stringify(span?.attributes).length < 10_000);
    }
  });
});

function longName(_: unknown, index: number): string {
  return `a-rather-long-name-of-some-service-${index}.example`;
}
