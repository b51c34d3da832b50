import assert from 'node:assert/strict';
import { Application } from './application';
import { Collector } from './collector';
import { type ClientName, type Credentials, issueCredentials } from './credentials';
import { Jaeger, type StoredSpan } from './jaeger';
import { runningPrograms } from './running-programs';

const AUTO = '@opentelemetry/auto-instrumentations-node/register';

describe('the requests of an unchanged express application with mutual TLS, seen in Jaeger', () => {
  const service = 'orders';
  const programs = runningPrograms();
  let credentials: Credentials;
  let jaeger: Jaeger;
  let application: Application;

  before(async function () {
    this.timeout(120_000);
    credentials = await issueCredentials();
    jaeger = await Jaeger.start(programs);
    const collector = await Collector.start(programs, 'agent-jaeger.yaml', {
      JAEGER_OTLP_ENDPOINT: jaeger.otlpEndpoint,
    });
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint(),
      OTEL_BSP_SCHEDULE_DELAY: '200',
      OTEL_NODE_RESOURCE_DETECTORS: 'env',
    };
    application = await Application.start(programs, credentials, service, environment, {
      file: 'express-app.js',
      flags: ['--require', AUTO],
    });
  });

  /** The SERVER span of the one request for which the client came; found by whose certificate it was. */
  async function requestOf(client: ClientName): Promise<StoredSpan> {
    const tags = { 'tls.client.subject': `CN=${client},O=Acme`, 'http.route': '/orders/:id' };
    const found = await jaeger.findEventually({ service, tags });
    const requests = found.filter(({ tags }) => tags['span.kind'] === 'server');
    assert.equal(requests.length, 1);
    return requests[0]!;
  }

  it('are found by whose certificate they came with', async () => {
    assert.equal(await application.request(credentials.clients.good, { path: '/orders/17' }), 'Order 17\n');

    const { name, tags } = await requestOf('good');

    assert.equal(name, 'GET /orders/:id');
    assert.equal(tags['tls.verify.result'], 'ok');
    assert.match(String(tags['tls.client.hash.sha256']), /^[0-9A-F]{64}$/);
    assert.equal(tags['tls.client.certificate.source'], 'handshake');
  });

  it('are one click away from the handshake of their connection', async () => {
    const request = await requestOf('good');
    const links = request.references.filter(({ type }) => type === 'FOLLOWS_FROM');
    assert.equal(links.length, 1);
    const [{ traceId, spanId }] = links as [(typeof links)[0]];
    assert.notEqual(traceId, request.traceId);
    assert.equal(spanId, request.tags['tls.connection.id']);

    const handshake = (await jaeger.trace(traceId)).find(span => span.spanId === spanId);

    assert.equal(handshake?.name, 'TLS server handshake');
    assert.equal(handshake.tags['tls.client.hash.sha256'], request.tags['tls.client.hash.sha256']);
  });

  it('are found with their handshake by the id of the connection', async () => {
    const request = await requestOf('good');
    const id = String(request.tags['tls.connection.id']);
    const found = await jaeger.find({ service, tags: { 'tls.connection.id': id } });
    const names = found.filter(({ tags }) => tags['tls.connection.id'] === id).map(({ name }) => name);
    assert.deepEqual(names.sort(), ['GET /orders/:id', 'TLS server handshake']);
  });
});
