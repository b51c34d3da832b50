// Makes the evidence in this folder anew: starts the services of the shop as their setups say, with OpenTelemetry's
// auto-instrumentations and ours, visits them, and writes down what they export, one OTLP request a line, as the
// collector's file exporter would.
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { startOtlpReceiver } = require('../../build/src/cli/otlp-receiver');
const { CertificateAuthority } = require('../../build/test/support/certificate-authority');

const HTTP = ['--require', '@opentelemetry/auto-instrumentations-node/register'];
const BOTH = [...HTTP, '--require', 'opentelemetry-instrumentation-tls/register'];
const DAY = 86_400_000;

const certificates = mkdtempSync(join(tmpdir(), 'shop-'));
const into = process.argv[2] ?? join(__dirname, 'evidence');

async function makeCertificates() {
  const acme = await CertificateAuthority.create({ commonName: 'Acme CA' });
  const nobody = await CertificateAuthority.create({ commonName: 'Nobody You Know CA' });
  const now = Date.now();
  const year = { notBefore: new Date(now - 360 * DAY), notAfter: new Date(now + 5 * DAY) };
  const decades = { notBefore: new Date(now - DAY), notAfter: new Date(now + 3650 * DAY) };
  writeFileSync(join(certificates, 'authority.pem'), acme.certificate);
  write('server', await acme.issue({ usage: 'server' }));
  write('rsa', await acme.issue({ usage: 'server', keyType: 'rsa2048' }));
  const stranger = await nobody.issue({ commonName: 'billing', organization: 'Acme' });
  write('stranger', stranger);
  return {
    acme: acme.certificate,
    billing: await acme.issue({ commonName: 'billing', organization: 'Acme', ...decades }),
    warehouse: await acme.issue({ commonName: 'warehouse', organization: 'Acme', ...year }),
    expired: await acme.issue({ commonName: 'old-billing', organization: 'Acme', expired: true }),
    stranger,
  };
}

function write(name, { chain, key }) {
  writeFileSync(join(certificates, `${name}.pem`), chain);
  writeFileSync(join(certificates, `${name}-key.pem`), key);
}

/** A request on a connection of its own. Whether it succeeds is no matter here. */
function visit({ port, plain }, method, path, { chain, key } = {}, headers = {}, ca) {
  return new Promise(resolve => {
    const tls = plain ? {} : { cert: chain, key, ca, servername: 'localhost' };
    const options = { host: '127.0.0.1', port, method, path: `/v1${path}`, headers, agent: false, ...tls };
    const request = (plain ? http : https).request(options, response => response.resume());
    request.on('error', () => {});
    request.on('close', resolve);
    request.end();
  });
}

/** What one service exported is handed to `keep`, after `change`, as a collector might. */
async function record(keep, { service, setup = 'orders', environment = {}, change = line => line }, visitors) {
  const receiver = await startOtlpReceiver({ request: ({ body }) => keep(change(body.toString())) }, { port: 0 });
  const telemetry = {
    OTEL_SERVICE_NAME: service,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_NODE_RESOURCE_DETECTORS: 'env',
    OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'http',
    OTEL_SEMCONV_STABILITY_OPT_IN: 'http',
    OTEL_BSP_SCHEDULE_DELAY: '200',
    OTEL_BLRP_SCHEDULE_DELAY: '200',
    CERTIFICATES: certificates,
    SETUP: setup,
    PATH: process.env.PATH,
    ...(typeof environment === 'function' ? environment(receiver.url) : environment),
  };
  const child = spawn(process.execPath, [...BOTH, 'service.js'], {
    cwd: __dirname,
    env: telemetry,
    // Who cannot send says so there.
    stdio: ['ignore', 'pipe', telemetry.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ? 'ignore' : 'inherit'],
  });
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  await visitors({ port: Number(/\d+/.exec(line)[0]), plain: setup === 'handmade' }, telemetry);
  // What is exported is exported in batches.
  await new Promise(resolve => setTimeout(resolve, 1500));
  child.kill('SIGTERM');
  await once(child, 'exit');
  await receiver.close();
}

/** As the collector's attributes processor with `action: delete`, which somebody thought a matter of privacy. */
function withoutAddresses(line) {
  const request = JSON.parse(line, (key, value) =>
    key === 'attributes' ? value.filter(attribute => !/^(network\.peer|client)\./.test(attribute.key)) : value,
  );
  return JSON.stringify(request);
}

/** `[service and setup, its visitors]`: each brings gaps of its own. */
function gaps({ acme, billing, warehouse, expired, stranger }) {
  const as = client => (server, method, path, headers) => visit(server, method, path, client, headers, acme);
  const [asBilling, asWarehouse, asExpired, asStranger, asNobody] = [billing, warehouse, expired, stranger, {}].map(as);
  const times = async (count, work) => {
    for (let n = 0; n < count; n++) await work(n);
  };
  return [
    [
      // In use and not described; a certificate that ends soon; a user that is not recorded; somebody who only hears
      // "socket hang up"; nobody reads the reports.
      { service: 'orders' },
      async (server, telemetry) => {
        await asBilling(server, 'GET', '/health');
        await times(3, () => asBilling(server, 'GET', '/orders'));
        await asWarehouse(server, 'GET', '/orders/17');
        await asBilling(server, 'POST', '/orders', { authorization: 'Bearer x' });
        await asBilling(server, 'DELETE', '/orders/17');
        await asExpired(server, 'GET', '/orders');
        const environment = { ...telemetry, OTEL_SERVICE_NAME: 'crm' };
        const caller = spawn(process.execPath, [...HTTP, 'caller.js', String(server.port)], {
          cwd: __dirname,
          env: environment,
        });
        await once(caller, 'exit');
      },
    ],
    [
      // Unverified certificates are let in, and who is refused is not told of.
      { service: 'payments', setup: 'lenient', environment: { OTEL_INSTRUMENTATION_TLS_EVENTS: 'none' } },
      async server => {
        await asBilling(server, 'GET', '/payments');
        await asStranger(server, 'GET', '/payments');
        await asBilling(server, 'POST', '/payments');
        await asStranger(server, 'POST', '/payments');
      },
    ],
    [
      // Nobody is asked for a certificate.
      { service: 'payments', setup: 'unasked' },
      server => asNobody(server, 'GET', '/payments'),
    ],
    [
      // The certificate is on no request, and handshakes have no room for events.
      {
        service: 'invoices',
        environment: { OTEL_INSTRUMENTATION_TLS_REQUEST_ATTRIBUTES: 'none', OTEL_SPAN_EVENT_COUNT_LIMIT: '0' },
      },
      server => asBilling(server, 'GET', '/invoices/4'),
    ],
    [
      // A name out of a header, written down by hand.
      { service: 'shipping', setup: 'handmade' },
      server => visit(server, 'GET', '/shipments/9', {}, { 'x-client-dn': 'CN=billing,O=Acme' }),
    ],
    [
      // A suite without forward secrecy, and certificates in full.
      { service: 'stock', setup: 'legacy', environment: { OTEL_INSTRUMENTATION_TLS_CERTIFICATE_PEM: 'true' } },
      server => asBilling(server, 'PUT', '/stock/3'),
    ],
    [
      // One trace in three is kept: requests without their handshakes, failures without spans.
      {
        service: 'customers',
        environment: { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.3' },
      },
      server =>
        times(20, async n => {
          await asBilling(server, 'GET', `/customers/${n}`);
          await asExpired(server, 'GET', `/customers/${n}`);
        }),
    ],
    [
      // Addresses are taken away before they are stored.
      { service: 'sessions', change: withoutAddresses },
      async server => {
        await asBilling(server, 'POST', '/sessions');
        await asStranger(server, 'POST', '/sessions');
      },
    ],
    [
      // A certificate in a header of somebody who is no proxy; and more failures than may be told.
      {
        service: 'refunds',
        environment: {
          OTEL_INSTRUMENTATION_TLS_FORWARDED_PRESET: 'envoy-xfcc',
          OTEL_INSTRUMENTATION_TLS_FORWARDED_TRUSTED_PROXIES: '192.0.2.10/32',
          OTEL_INSTRUMENTATION_TLS_FLOOD_LIMIT: '1',
        },
      },
      async server => {
        await asBilling(server, 'POST', '/refunds', {
          'x-forwarded-client-cert': `Hash=${'0'.repeat(64)};Subject="CN=root"`,
        });
        await Promise.all(Array.from({ length: 80 }, () => asStranger(server, 'POST', '/refunds')));
        // It is summed up every five seconds.
        await new Promise(resolve => setTimeout(resolve, 6000));
      },
    ],
    [
      // The path is mistyped: spans arrive nowhere, and of who was refused only the metrics know.
      {
        service: 'returns',
        environment: url => ({
          ...METRICS,
          OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/trace`,
          OTEL_LOGS_EXPORTER: 'none',
        }),
      },
      server => asExpired(server, 'GET', '/orders'),
    ],
    [
      // Nobody is to be named, and then somebody names him by hand.
      {
        service: 'loyalty',
        setup: 'talkative',
        environment: {
          OTEL_INSTRUMENTATION_TLS_IDENTITY: 'hash',
          OTEL_INSTRUMENTATION_TLS_IDENTITY_KEY: 'k'.repeat(32),
        },
      },
      server => asBilling(server, 'GET', '/orders'),
    ],
  ];
}

/** They are sent when the process ends. */
const METRICS = { OTEL_METRICS_EXPORTER: 'otlp', OTEL_NODE_EXPERIMENTAL_SDK_METRICS: 'true' };

async function main() {
  const clients = await makeCertificates();
  const { acme, billing, expired } = clients;
  const mended = [
    { service: 'shop', setup: 'mended', environment: METRICS },
    async server => {
      const calls = [
        'GET /health',
        'GET /orders',
        'GET /orders/17',
        'GET /payments',
        'POST /payments',
        'GET /invoices/4',
        'GET /shipments/9',
        'PUT /stock/3',
        'GET /customers/1',
        'POST /sessions',
        'POST /refunds',
        'GET /reports',
        'POST /orders',
      ];
      for (const call of calls) {
        const [method, path] = call.split(' ');
        await visit(server, method, path, billing, { authorization: 'Bearer x' }, acme);
      }
      await visit(server, 'GET', '/orders', expired, {}, acme);
      await visit(server, 'GET', '/nothing-there/at/all', billing, {}, acme);
    },
  ];
  for (const [name, services] of Object.entries({ gaps: gaps(clients), mended: [mended] })) {
    const lines = [];
    for (const [service, visitors] of services) await record(line => lines.push(line), service, visitors);
    writeFileSync(join(into, `${name}.jsonl`), `${lines.join('\n')}\n`);
    console.log(`${name}.jsonl: ${lines.length} requests of OTLP`);
  }
}

main().finally(() => rmSync(certificates, { recursive: true, force: true }));
