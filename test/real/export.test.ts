import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Application } from './application';
import { Collector, type OtlpProtocol } from './collector';
import { type Credentials, issueCredentials } from './credentials';
import { Jaeger } from './jaeger';
import { freePorts } from '../support/free-ports';
import { runningPrograms } from './running-programs';

const PROTOCOLS: OtlpProtocol[] = ['http/protobuf', 'http/json', 'grpc'];

describe('the way from a preloaded application to the collector', () => {
  const programs = runningPrograms();
  let credentials: Credentials;
  let jaeger: Jaeger;
  let collector: Collector;

  before(async function () {
    this.timeout(120_000);
    credentials = await issueCredentials();
    jaeger = await Jaeger.start(programs);
    collector = await Collector.start(programs, 'agent-jaeger.yaml', { JAEGER_OTLP_ENDPOINT: jaeger.otlpEndpoint });
  });

  const failures = (service: string) => ({ service, tags: { 'error.type': 'certificate_expired' } });

  for (const protocol of PROTOCOLS) {
    it(`is OTLP ${protocol}; what has not been sent when the application is told to end is sent then`, async () => {
      const service = `speaks-${protocol.replace('/', '-')}`;
      const application = await Application.start(programs, credentials, service, {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint(protocol),
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_BSP_SCHEDULE_DELAY: '2000',
      });
      await application.request(credentials.clients.expired);
      await jaeger.findEventually(failures(service));

      await application.request(credentials.clients.expired);
      assert.equal(await application.program.stop(), 'ended with SIGTERM');

      const found = await jaeger.findEventually(failures(service), 2);
      assert.equal(found.length, 2);
      for (const span of found) {
        assert.equal(span.tags['tls.client.subject'], 'CN=expired,O=Acme');
        assert.ok(span.events.some(event => event['event'] === 'tls.handshake.failed'));
      }
      assert.equal(application.program.stderr, '');
    });
  }

  it('may be interrupted: what happened while the collector was gone arrives when it is back', async () => {
    const service = 'outlasts-a-restart';
    const application = await Application.start(programs, credentials, service, {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint(),
      OTEL_BSP_SCHEDULE_DELAY: '200',
    });
    await application.request(credentials.clients.expired);
    await jaeger.findEventually(failures(service));

    await collector.stop();
    for (let i = 0; i < 5; i++) {
      await application.request(credentials.clients.expired);
      await delay(400); // spread over the two seconds, so that more than one batch meets a closed door
    }
    await collector.start();
    await application.request(credentials.clients.expired);

    assert.equal((await jaeger.findEventually(failures(service), 7)).length, 7);
    assert.equal(application.program.stderr, '');
  });
});

describe('a preloaded application whose collector is gone for good', () => {
  const programs = runningPrograms();
  let credentials: Credentials;

  before(async () => {
    credentials = await issueCredentials();
  });

  for (const protocol of PROTOCOLS) {
    it(`serves as before, and says once of each signal that it is being lost: OTLP ${protocol}`, async () => {
      const [nobody] = await freePorts(1);
      const application = await Application.start(programs, credentials, `left-alone-${protocol}`, {
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${nobody}`,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_EXPORTER_OTLP_TIMEOUT: '500',
        OTEL_BSP_SCHEDULE_DELAY: '100',
        OTEL_METRIC_EXPORT_INTERVAL: '500',
        OTEL_METRIC_EXPORT_TIMEOUT: '500',
      });
      const { program } = application;

      await application.request(credentials.clients.expired);
      await program.until('the warning', () => program.stderr.includes('\n') || undefined);
      for (let i = 0; i < 10; i++) {
        assert.equal(await application.request(credentials.clients.good), 'Hello /\n');
        assert.doesNotMatch(await application.request(credentials.clients.expired), /Hello/);
        await delay(150); // longer than a batch: each is lost on its own
      }

      assert.equal(await program.stop(), 'ended with SIGTERM');
      const lines = program.stderr.split('\n').slice(0, -1);
      assert.equal(lines.filter(line => line.includes('TLS handshakes are being lost')).length, 1, program.stderr);
      // Metrics or log records may have failed before.
      assert.ok(lines.length <= 3, program.stderr);
      for (const line of lines) assert.ok(line.includes(`http://127.0.0.1:${nobody}`), line);
    });
  }
});
