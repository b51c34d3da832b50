import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import * as https from 'node:https';
import type * as tls from 'node:tls';
import { TlsInstrumentation } from '../../src/instrumentation';
import type { PatternOptions } from '../../src/patterns/patterns';
import type { IssuedCertificate } from '../support/certificate-authority';
import { type Presented, type ScenarioCertificates, scenarioCertificates } from '../support/scenario-certificates';
import { TelemetryRecorder } from '../support/telemetry-recorder';
import { close, greeter, listen, visit } from '../support/tls-pair';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

describe('patterns of abuse, between real peers', () => {
  let certificates: ScenarioCertificates;
  let recorder: TelemetryRecorder;
  let instrumentation: TlsInstrumentation;
  let server: tls.Server;
  let port: number;

  before(async () => {
    certificates = await scenarioCertificates();
  });

  afterEach(async () => {
    instrumentation.disable();
    await close(server);
  });

  async function begin(version: (typeof VERSIONS)[number], patterns?: boolean | PatternOptions): Promise<void> {
    recorder = new TelemetryRecorder();
    // Both ends are of this process, and each failure is said twice: no flood.
    const flood = { floodLimit: 1000, floodLimitPerNetwork: 1000, floodLimitPerReason: 1000 };
    instrumentation = new TlsInstrumentation(patterns === undefined ? flood : { ...flood, patterns });
    instrumentation.setTracerProvider(recorder.tracerProvider);
    instrumentation.setMeterProvider(recorder.meterProvider);
    instrumentation.setLoggerProvider(recorder.olderLoggerProvider);
    const { chain, key } = certificates.server.good;
    server = greeter({
      cert: chain,
      key,
      ca: certificates.root.certificate,
      crl: certificates.crl,
      requestCert: true,
      minVersion: version,
      maxVersion: version,
    });
    port = await listen(server);
  }

  /** One after the other, each to its end. */
  async function come(...clients: (Presented | IssuedCertificate | undefined)[]): Promise<void> {
    for (const client of clients) {
      const presented = typeof client === 'string' ? certificates.client[client] : client;
      const credentials = presented && { cert: presented.chain, key: presented.key };
      await visit({ port, ca: certificates.root.certificate, ...credentials });
    }
  }

  /** Every detection: its attributes. */
  function detections() {
    instrumentation.flush();
    return recorder.logs
      .filter(({ eventName }) => eventName === 'tls.abuse.detected')
      .map(({ attributes }) => attributes);
  }

  const idsOfServerSpans = () =>
    recorder.spans.filter(({ name }) => name === 'TLS server handshake').map(span => span.spanContext().spanId);

  it('leave a count of the strangers whose certificates there is no room for', async () => {
    await begin('TLSv1.3');
    const strangers = await Promise.all(
      Array.from({ length: 70 }, (_, i) => certificates.stranger.issue({ commonName: `stranger ${i}` })),
    );
    await come(...strangers);
    instrumentation.flush();
    const { dataPoints = [] } = (await recorder.metrics())['tls.telemetry.evictions'] ?? {};
    assert.deepEqual(
      dataPoints.map(({ attributes, value }) => [attributes, value]),
      [[{ 'tls.telemetry.table': 'certificates' }, 6]],
    );
  });

  for (const version of VERSIONS) {
    describe(version, () => {
      it('retry_burst: a client without a certificate that comes again and again', async () => {
        await begin(version);
        await come(...Array.from({ length: 29 }, () => undefined));
        assert.deepEqual(detections(), []);
        await come(undefined);
        const [detection, ...others] = detections();
        assert.deepEqual(others, []);
        assert.equal(detection!['tls.abuse.pattern'], 'retry_burst');
        assert.equal(detection!['tls.abuse.count'], 30);
        assert.deepEqual(detection!['tls.abuse.kinds'], ['certificate_required']);
        assert.equal(detection!['network.peer.address'], '127.0.0.1');
        assert.deepEqual(detection!['tls.abuse.connections'], idsOfServerSpans().slice(0, 5));
        assert.equal(detection!['tls.connection.id'], idsOfServerSpans().at(-1));
      });

      it('certificate_rotation: a client that tries one certificate after the other', async () => {
        await begin(version);
        await come('unknownCa', 'selfSigned', 'expired', 'forged', 'unknownCa', 'selfSigned');
        assert.deepEqual(
          detections().filter(({ 'tls.abuse.pattern': name }) => name === 'certificate_rotation'),
          [],
        );
        await come('wrongPurpose');
        const [detection] = detections();
        assert.equal(detection!['tls.abuse.pattern'], 'certificate_rotation');
        assert.equal(detection!['tls.abuse.certificates'], 5);
        assert.equal(detection!['tls.abuse.count'], 7);
      });

      it('fail_then_success: one of them is let in at last', async () => {
        await begin(version, { certificate_rotation: false, identity_changed: false });
        const others = await Promise.all(
          ['one', 'two', 'three', 'four', 'five'].map(commonName => certificates.stranger.issue({ commonName })),
        );
        await come(...others);
        assert.deepEqual(detections(), []);
        await come('good');
        const [detection, ...more] = detections();
        assert.deepEqual(more, []);
        assert.equal(detection!['tls.abuse.pattern'], 'fail_then_success');
        assert.equal(detection!['tls.client.hash.sha256'], certificates.client.good.fingerprint);
        assert.equal((detection!['tls.abuse.connections'] as string[]).at(-1), idsOfServerSpans().at(-1));
      });

      it('revoked_replay: a revoked certificate that comes a third time', async () => {
        await begin(version);
        await come('revoked', 'revoked');
        assert.deepEqual(detections(), []);
        await come('revoked');
        const [detection, ...others] = detections();
        assert.deepEqual(others, []);
        assert.equal(detection!['tls.abuse.pattern'], 'revoked_replay');
        assert.equal(detection!['tls.client.hash.sha256'], certificates.client.revoked.fingerprint);
        const points = (await recorder.metrics())['tls.abuse.detections']?.dataPoints;
        assert.deepEqual(
          points?.map(({ value, attributes }) => [value, attributes]),
          [[1, { 'tls.abuse.pattern': 'revoked_replay' }]],
        );
      });
    });
  }

  it('unusual_endpoint: a client that has learnt nothing but its invoices, and asks for something else', async () => {
    await begin('TLSv1.3', { unusual_endpoint: { learning: 1, requests: 3 } });
    await close(server);
    const { chain, key } = certificates.server.good;
    const credentials = { cert: chain, key, ca: certificates.root.certificate, requestCert: true };
    server = https.createServer(credentials, (_request, response) => response.end());
    port = await listen(server);
    const agent = new https.Agent({ keepAlive: true });
    const ask = async (path: string) => {
      const { chain, key } = certificates.client.good;
      const options = { host: '127.0.0.1', servername: 'localhost', port, path, agent, cert: chain, key };
      const request = https.get({ ...options, ca: certificates.root.certificate });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.resume();
      await once(response, 'end');
    };
    const began = performance.now();
    for (let id = 1; id <= 5 || performance.now() - began < 1500; id++) await ask(`/invoices/${id}`);
    assert.deepEqual(detections(), []);
    await ask('/admin/keys?secret');
    agent.destroy();
    const [detection, ...others] = detections();
    assert.deepEqual(others, []);
    assert.equal(detection!['tls.abuse.pattern'], 'unusual_endpoint');
    assert.equal(detection!['tls.abuse.endpoint'], 'GET /admin/keys');
    assert.equal(detection!['tls.client.hash.sha256'], certificates.client.good.fingerprint);
    assert.equal(detection!['tls.connection.id'], idsOfServerSpans().at(-1));
  });

  it('are none among clients that are all let in', async () => {
    await begin('TLSv1.3');
    await come(...Array.from({ length: 40 }, (_, index) => (index % 2 ? 'good' : 'viaIntermediate') as Presented));
    assert.deepEqual(detections(), []);
    assert.equal((await recorder.metrics())['tls.abuse.detections'], undefined);
  });

  it('are not looked for where they are switched off', async () => {
    await begin('TLSv1.3', false);
    await come('revoked', 'revoked', 'revoked', 'revoked');
    assert.deepEqual(detections(), []);
    assert.equal((await recorder.metrics())['tls.abuse.detections'], undefined);
  });
});
