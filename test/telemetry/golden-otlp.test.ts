import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Refusal } from '../../src/handshake/handshake';
import { type Configuration, ConfigurationEvents } from '../../src/telemetry/configuration-events';
import { type EventLogger, EventSink } from '../../src/telemetry/event-sink';
import { ExpirySink } from '../../src/telemetry/expiry-sink';
import { MetricSink } from '../../src/telemetry/metric-sink';
import { Occurrence } from '../../src/telemetry/occurrence';
import type { Sink } from '../../src/telemetry/sink';
import { SpanSink } from '../../src/telemetry/span-sink';
import {
  ACME_CA,
  acceptedClient,
  alertedClient,
  BILLING,
  clientHandshake,
  DEFAULT_SETTINGS,
  hastyClient,
  NOON,
  portScan,
  refusedClient,
  staleClient,
  unfoundedClient,
} from './sample-handshakes';

const GOLDEN = join(__dirname, '../../../test/fixtures/golden');
const DAY = 86_400_000;
const CONFIGURED: Configuration = {
  fingerprint: BILLING.fingerprint,
  notAfter: NOON + 300 * DAY,
  authorities: 2,
  authoritiesDigest: 'two',
  revocationLists: 1,
  revocationListsDigest: 'one',
};
const SCOPE = ['opentelemetry-instrumentation-tls', '0.0.0'] as const;

const WIRE = { traces: 'scopeSpans', logs: 'scopeLogs', metrics: 'scopeMetrics' } as const;
type Signal = keyof typeof WIRE;

describe('what goes over the wire', () => {
  /** What each signal's exporter sent, without the resource, which is the application's. */
  let sent: Record<Signal, unknown[]>;
  let server: Server;

  before(async () => {
    sent = { traces: [], logs: [], metrics: [] };
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const signal = request.url?.replace('/v1/', '') as Signal;
      const [[only]] = Object.values(JSON.parse(Buffer.concat(chunks).toString())) as [[Record<string, unknown>]];
      sent[signal].push(...(only[WIRE[signal]] as unknown[]));
      response.end('{}');
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await sayAll(`http://127.0.0.1:${port}/v1`);
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  for (const signal of Object.keys(WIRE) as Signal[]) {
    it(`are these ${signal}`, () => {
      const wire = withoutTimesOfTheTest(merged(sent[signal]));
      const path = join(GOLDEN, `${signal}.json`);
      // WRITE_GOLDEN=true npx mocha build/test/telemetry/golden-otlp.test.js; npm run format; and then read it.
      if (process.env['WRITE_GOLDEN'] === 'true') writeFileSync(path, JSON.stringify(wire));
      assert.deepEqual(wire, JSON.parse(readFileSync(path, 'utf8')));
    });
  }
});

/** A few handshakes through every sink and the real exporters. */
async function sayAll(url: string): Promise<void> {
  let traces = 0;
  let spans = 0;
  const tracerProvider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter: new OTLPTraceExporter({ url: `${url}/traces` }) })],
    idGenerator: {
      generateTraceId: () => String(++traces).padStart(32, 'a'),
      generateSpanId: () => String(++spans).padStart(16, 'b'),
    },
  });
  const loggerProvider = new LoggerProvider({
    processors: [new SimpleLogRecordProcessor({ exporter: new OTLPLogExporter({ url: `${url}/logs` }) })],
  });
  const reader = new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter({ url: `${url}/metrics` }) });
  const meterProvider = new MeterProvider({ readers: [reader] });

  const tracer = tracerProvider.getTracer(...SCOPE);
  const logger = loggerProvider.getLogger(...SCOPE) as unknown as EventLogger;
  const meter = meterProvider.getMeter(...SCOPE);
  const occurrence = new Occurrence({ isFirstUse: () => true });
  const sinks: Sink[] = [
    new SpanSink(() => tracer, DEFAULT_SETTINGS, occurrence),
    new MetricSink(() => meter),
    new EventSink(() => logger, DEFAULT_SETTINGS, occurrence),
    new ExpirySink({
      meter: () => meter,
      logger: () => logger,
      occurrence,
      configured: () => [],
      peers: 'by_fingerprint',
      isListening: () => true,
      now: () => NOON,
    }),
  ];

  const caller = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: 'c'.repeat(32),
    spanId: 'd'.repeat(16),
    traceFlags: 1,
  });
  const established = clientHandshake();
  const refusal: Refusal = {
    handshake: established,
    failure: { reason: 'peer_closed_after_handshake', decidedBy: 'peer', phase: 'post_handshake', derived: true },
    at: NOON + 12,
  };
  const handshakes = [
    refusedClient(),
    portScan(),
    established,
    alertedClient(),
    hastyClient(),
    staleClient(),
    unfoundedClient(),
    // Both ends have a certificate that ends soon.
    acceptedClient({
      peerCertificate: { ...BILLING, notAfter: NOON + 3 * DAY },
      ownCertificate: { ...ACME_CA, notAfter: NOON + DAY / 2 },
    }),
  ];
  new ConfigurationEvents({ logger: () => logger, isHeard: () => true }).changed({
    before: { ...CONFIGURED, fingerprint: ACME_CA.fingerprint, authorities: 1, authoritiesDigest: 'one' },
    after: CONFIGURED,
    name: '*.example.com',
    port: 8443,
    at: NOON,
  });
  for (const sink of sinks) {
    sink.begun?.('server');
    for (const handshake of handshakes) sink.report(handshake, caller);
    sink.refused?.(refusal, caller);
  }
  await Promise.all([tracerProvider.forceFlush(), loggerProvider.forceFlush(), meterProvider.forceFlush()]);
  await Promise.all([tracerProvider.shutdown(), loggerProvider.shutdown(), meterProvider.shutdown()]);
}

/** One scope with all its items, however many requests they came in, in the order of their time and id. */
function merged(scopes: unknown[]): unknown {
  const all = scopes as { scope: unknown; [items: string]: unknown }[];
  const [first] = all;
  const [items] = Object.keys(first!).filter(key => key !== 'scope');
  const list = all.flatMap(scope => scope[items!] as Record<string, string>[]);
  const order = (item: Record<string, string>) => `${item['name'] ?? ''}${item['timeUnixNano'] ?? ''}${item['spanId']}`;
  list.sort((one, other) => order(one).localeCompare(order(other)));
  const unique = items === 'metrics' ? [...new Map(list.map(item => [item['name'], item])).values()] : list;
  return { scope: first!.scope, [items!]: unique };
}

/** When it was measured, and when it was written down, depend on when the test runs. */
function withoutTimesOfTheTest(wire: unknown): unknown {
  const text = JSON.stringify(wire, (key, value) => {
    if (key === 'observedTimeUnixNano') return 'whenever';
    if (key !== 'dataPoints') return value;
    return value.map((point: object) => ({ ...point, startTimeUnixNano: 'whenever', timeUnixNano: 'whenever' }));
  });
  return JSON.parse(text);
}
