import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Application } from './application';
import { Collector } from './collector';
import { issueCredentials } from './credentials';
import { eventually, runningPrograms } from './running-programs';

describe('an agent that shares its load among gateways', () => {
  const programs = runningPrograms();
  let queue: string;

  before(() => {
    queue = mkdtempSync(join(tmpdir(), 'gateway-queue-'));
  });
  after(() => rmSync(queue, { recursive: true, force: true })); // the programs have stopped by then

  it('hands spans and metrics to the gateway, which counts all of them', async () => {
    const credentials = await issueCredentials();
    const gateway = await Collector.start(programs, 'gateway.yaml', {
      OTEL_QUEUE_DIR: queue,
      KAFKA_BROKER: '127.0.0.1:9', // none: what was kept waits in the queue
    });
    const { hostname, port } = new URL(gateway.endpoint('grpc'));
    const agent = await Collector.start(programs, 'agent-loadbalancing.yaml', {
      GATEWAY_DNS: hostname,
      GATEWAY_PORT: port,
    });
    const application = await Application.start(programs, credentials, 'behind-a-gateway', {
      OTEL_EXPORTER_OTLP_ENDPOINT: agent.endpoint(),
      OTEL_BSP_SCHEDULE_DELAY: '200',
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      OTEL_METRIC_EXPORT_TIMEOUT: '1000',
    });

    await application.request(credentials.clients.expired);

    await eventually('the failure, counted from the span and by the application', async () => {
      const lines = (await gateway.metrics()).split('\n').filter(line => line.includes('="certificate_expired"'));
      for (const name of ['traces_span_metrics_calls_total', 'tls_server_handshake_duration_seconds_count']) {
        const [line] = lines.filter(each => each.startsWith(`${name}{`));
        assert.match(line ?? '', /service_name="behind-a-gateway".*\} 1(\.0)?( |$)/, name);
      }
      return true;
    });
  });
});
