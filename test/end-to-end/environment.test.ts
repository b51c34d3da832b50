import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { INSTRUMENTS } from '../../src/telemetry/metrics';
import { REGISTER } from '../support/application';
import { ahead, behaviour, type Observed, PATIENCE, Stage } from './stage';

const flags = ['--require', REGISTER];
const SERVER = 'TLS server handshake';
const REFUSED = 'TLS client handshake refused';

interface Case {
  readonly it: string;
  readonly env: Readonly<Record<string, string>>;
  readonly true: (observed: Observed) => void;
}

const nothingSent = ({ counts, collector }: Observed) => {
  assert.deepEqual(counts, { spans: 0, logs: 0, requests: 0 });
  assert.deepEqual(collector.problems, []);
};

/** Names of our spans with their outcome, sorted. */
const spansOf = ({ spans }: Observed) =>
  spans.map(({ name, attributes }) => `${name}: ${attributes['tls.handshake.outcome']}`).sort();

const CASES: readonly Case[] = [
  {
    it: 'no OTEL_SERVICE_NAME: everything is of an unknown service, named as Node was started',
    env: { OTEL_SERVICE_NAME: '' },
    true: ({ spans }) => {
      const services = [...new Set(spans.map(({ resource }) => resource['service.name']))];
      // By its whole path, as tests start it; some versions of the SDK leave the folders out.
      const possible = [process.execPath, basename(process.execPath)].map(name => `unknown_service:${name}`);
      assert.equal(services.length, 1);
      assert.ok(possible.includes(String(services[0])), String(services[0]));
    },
  },
  { it: 'OTEL_SDK_DISABLED=true: nothing is sent', env: { OTEL_SDK_DISABLED: 'true' }, true: nothingSent },
  {
    it: 'OTEL_NODE_DISABLED_INSTRUMENTATIONS with tls in the list: nothing is sent',
    env: { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'fs, tls' },
    true: nothingSent,
  },
  {
    it: 'OTEL_NODE_DISABLED_INSTRUMENTATIONS without tls in the list: everything is',
    env: { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'fs,net' },
    true: ({ spans }) => assert.notEqual(spans.length, 0),
  },
  {
    it: 'OTEL_EXPORTER_OTLP_PROTOCOL=http/json: everything is JSON, and these are all the metrics where nobody attacks',
    env: { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
    true: observed => {
      const { requests, metricNames } = observed.collector;
      assert.deepEqual(new Set(requests.map(({ contentType }) => contentType)), new Set(['application/json']));
      const inQuietTimes = Object.keys(INSTRUMENTS).filter(name => !/^tls\.(telemetry|abuse)\./.test(name));
      assert.deepEqual(metricNames, inQuietTimes.sort());
      assert.equal(spansOf(observed).filter(span => span.startsWith(SERVER)).length, 2);
    },
  },
  {
    it: 'OTEL_EXPORTER_OTLP_COMPRESSION=gzip: everything is protobuf, compressed',
    env: { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' },
    true: observed => {
      const { requests } = observed.collector;
      assert.deepEqual(new Set(requests.map(({ contentType }) => contentType)), new Set(['application/x-protobuf']));
      assert.deepEqual(new Set(requests.map(({ contentEncoding }) => contentEncoding)), new Set(['gzip']));
      assert.equal(spansOf(observed).filter(span => span.startsWith(SERVER)).length, 2);
    },
  },
  {
    it: 'OTEL_INSTRUMENTATION_TLS_HANDSHAKE_SPANS=failed: no span for what went well, but its event and its metrics',
    env: { OTEL_INSTRUMENTATION_TLS_HANDSHAKE_SPANS: 'failed', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
    true: observed => {
      assert.deepEqual(
        spansOf(observed).filter(span => !span.startsWith(REFUSED)),
        [`${SERVER}: failed`],
      );
      assert.ok(observed.logs.some(({ eventName }) => eventName === 'tls.client_certificate.accepted'));
      assert.ok(observed.collector.metricNames.includes('tls.server.handshake.duration'));
    },
  },
  {
    it: 'OTEL_INSTRUMENTATION_TLS_HANDSHAKE_SPANS=none: no span at all, but events and metrics',
    env: { OTEL_INSTRUMENTATION_TLS_HANDSHAKE_SPANS: 'none', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
    true: ({ counts, logs, collector }) => {
      assert.equal(counts.spans, 0);
      const failure = logs.find(({ eventName }) => eventName === 'tls.client_certificate.rejected');
      assert.equal(failure?.attributes['error.type'], 'certificate_expired');
      assert.equal(failure?.spanId, '');
      assert.ok(collector.metricNames.includes('tls.server.handshake.duration'));
    },
  },
  {
    it: 'OTEL_INSTRUMENTATION_TLS_EVENTS=span: no log record',
    env: { OTEL_INSTRUMENTATION_TLS_EVENTS: 'span' },
    true: ({ counts, spans }) => {
      assert.equal(counts.logs, 0);
      assert.equal(spans.filter(({ events }) => events.length > 0).length >= 2, true);
    },
  },
  {
    it: 'OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN=logs: no event on a span',
    env: { OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN: 'logs' },
    true: ({ logs, spans }) => {
      assert.notEqual(logs.length, 0);
      assert.deepEqual(
        spans.flatMap(({ events }) => events),
        [],
      );
    },
  },
  {
    it: 'OTEL_INSTRUMENTATION_TLS_CERTIFICATE_PEM=true: the certificate itself',
    env: { OTEL_INSTRUMENTATION_TLS_CERTIFICATE_PEM: 'true' },
    true: ({ spans }) => {
      const pem = spans.map(({ attributes }) => attributes['tls.client.certificate']).filter(Boolean);
      assert.equal(pem.length, 2);
      for (const one of pem) assert.match(String(one), /^-----BEGIN CERTIFICATE-----\n/);
    },
  },
  {
    it: 'OTEL_TRACES_EXPORTER=none, OTEL_METRICS_EXPORTER=none: events alone, from the first to the last',
    env: { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' },
    true: ({ collector, logs }) => {
      assert.deepEqual(new Set(collector.requests.map(({ signal }) => signal)), new Set(['logs']));
      assert.ok(logs.some(({ eventName }) => eventName === 'tls.client_certificate.accepted'));
      assert.ok(logs.some(({ eventName }) => eventName === 'tls.client_certificate.rejected'));
      for (const { attributes } of logs) assert.equal(attributes['tls.connection.id'], undefined);
    },
  },
  {
    it: 'OTEL_TRACES_SAMPLER=always_off: no span but those of failures, and all events and metrics',
    env: { OTEL_TRACES_SAMPLER: 'always_off' },
    true: observed => {
      const { logs, collector } = observed;
      assertFailuresAlone(observed);
      // Those of both clients, and that our own second one has a certificate that has ended.
      assert.equal(logs.filter(({ attributes }) => 'tls.client.subject' in attributes).length, 4);
      assert.ok(collector.requests.some(({ signal }) => signal === 'metrics'));
    },
  },
  {
    it: 'OTEL_TRACES_SAMPLER=traceidratio, OTEL_TRACES_SAMPLER_ARG=0: failures all the same',
    env: { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' },
    true: assertFailuresAlone,
  },
  {
    it: 'OTEL_TRACES_SAMPLER=always_off, OTEL_INSTRUMENTATION_TLS_HANDSHAKE_SPANS=none: no span',
    env: { OTEL_TRACES_SAMPLER: 'always_off', OTEL_INSTRUMENTATION_TLS_HANDSHAKE_SPANS: 'none' },
    true: ({ counts }) => assert.equal(counts.spans, 0),
  },
];

/** Of the two clients the expired one: refused by the server, and told so after its own success. */
function assertFailuresAlone({ spans }: Observed): void {
  assert.ok(spans.some(({ name }) => name === 'TLS server handshake'));
  assert.deepEqual(
    spans.filter(({ attributes }) => attributes['tls.handshake.outcome'] !== 'failed'),
    [],
  );
}

describe('the preload obeys', function () {
  this.timeout(PATIENCE);
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());

  const bare = ahead(() => stage.run({ file: 'mutual-tls.cjs' }));

  for (const one of CASES) {
    const run = ahead(() => stage.observe({ flags, file: 'mutual-tls.cjs', env: one.env }));

    it(one.it, async () => {
      const observed = await run();
      assert.deepEqual(behaviour(observed.ended), behaviour(await bare()));
      one.true(observed);
    });
  }

  it('OTEL_CONFIG_FILE: the declarative file says where to, and who', async () => {
    const observed = await stage.observe(async ({ url }) => ({
      flags,
      file: 'mutual-tls.cjs',
      env: { OTEL_CONFIG_FILE: await stage.write('otel.yaml', configuration(url)), OTEL_EXPORTER_OTLP_ENDPOINT: '' },
    }));
    assert.deepEqual(behaviour(observed.ended), behaviour(await bare()));
    stage.assertMutualTlsOnce(observed, 'from the file');
    const signals = new Set(observed.collector.requests.map(({ signal }) => signal));
    assert.deepEqual([...signals].sort(), ['logs', 'metrics', 'traces']);
  });

  it('OTEL_CONFIG_FILE that is not there: one plain line, and the application as it is', async () => {
    const env = { OTEL_CONFIG_FILE: '/nowhere/otel.yaml' };
    const { stderr, ...ended } = behaviour(await stage.run({ flags, file: 'mutual-tls.cjs', env }));
    const { stderr: _, ...expected } = behaviour(await bare());
    assert.deepEqual(ended, expected);
    assert.match(stderr, /^opentelemetry-instrumentation-tls: Could not load OpenTelemetry configuration[^\n]*\n$/);
  });
});

function configuration(url: string): string {
  const exporter = (path: string) => `otlp_http: { endpoint: "${url}${path}" }`;
  return `
file_format: "1.0"
resource:
  attributes:
    - { name: service.name, value: from the file }
tracer_provider:
  processors:
    - batch: { exporter: { ${exporter('/v1/traces')} } }
meter_provider:
  readers:
    - periodic: { exporter: { ${exporter('/v1/metrics')} } }
logger_provider:
  processors:
    - batch: { exporter: { ${exporter('/v1/logs')} } }
`;
}
