import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { gunzipSync, gzipSync } from 'node:zlib';
import { SeverityNumber } from '@opentelemetry/api-logs';
import { OTLPLogExporter as JsonLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as ProtobufLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Attributes, ReceivedLog, ReceivedPoint, ReceivedSpan } from '../../src/cli/otlp-messages';
import { LARGEST_BODY, type OtlpReceiver, type RawRequest, startOtlpReceiver } from '../../src/cli/otlp-receiver';
import { HANDSHAKES, NOON, send } from './handmade-telemetry';

const JSON_TYPE = { 'content-type': 'application/json' };
const PROTOBUF_TYPE = { 'content-type': 'application/x-protobuf' };

describe('the embedded OTLP receiver', () => {
  let receiver: OtlpReceiver;
  let spans: ReceivedSpan[];
  let logs: ReceivedLog[];
  let resources: Attributes[];
  let requests: RawRequest[];
  let problems: string[];
  let points: ReceivedPoint[];

  beforeEach(async () => {
    [spans, logs, resources, requests, problems, points] = [[], [], [], [], [], []];
    receiver = await startOtlpReceiver(
      {
        spans: received => spans.push(...received),
        logs: received => logs.push(...received),
        points: received => points.push(...received),
        resource: attributes => resources.push(attributes),
        request: request => requests.push(request),
        problem: sentence => problems.push(sentence),
      },
      { port: 0 },
    );
  });

  afterEach(() => receiver.close());

  const post = (path: string, headers: Record<string, string>, body: Buffer | string) =>
    fetch(receiver.url + path, {
      method: 'POST',
      headers,
      body: typeof body === 'string' ? body : new Uint8Array(body),
    });
  const postSpan = (span: object) =>
    post('/v1/traces', JSON_TYPE, JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }));

  it('listens on the loopback address unless told otherwise', () => {
    assert.equal(receiver.host, '127.0.0.1');
    assert.equal(receiver.url, `http://127.0.0.1:${receiver.port}`);
  });

  for (const encoding of ['json', 'protobuf'] as const)
    for (const gzip of [false, true])
      it(`understands the spans of OpenTelemetry's own exporter in ${encoding}${gzip ? ', compressed' : ''}`, async () => {
        const contexts = await send(receiver.url, HANDSHAKES, { encoding, gzip, service: 'shop' });
        assert.deepEqual(
          spans.map(({ name }) => name),
          HANDSHAKES.map(({ name }) => name),
        );
        for (const [index, sent] of HANDSHAKES.entries()) {
          const span = spans[index]!;
          assert.equal(span.traceId, contexts[index]!.traceId);
          assert.equal(span.spanId, contexts[index]!.spanId);
          assert.equal(span.parentSpanId, '');
          assert.equal(span.kind, 1);
          assert.equal(span.started, sent.started);
          assert.equal(span.ended, sent.ended);
          assert.deepEqual({ ...span.attributes }, sent.attributes);
          assert.equal(span.status.code, sent.attributes['error.type'] ? 'error' : 'unset');
          assert.deepEqual(
            span.events.map(event => [event.name, event.at, { ...event.attributes }]),
            [['tls.handshake.failed', sent.ended, sent.attributes]],
          );
          assert.deepEqual(
            span.links.map(({ traceId, spanId }) => ({ traceId, spanId })),
            sent.linkTo === undefined
              ? []
              : [{ traceId: contexts[sent.linkTo]!.traceId, spanId: contexts[sent.linkTo]!.spanId }],
          );
          assert.deepEqual(span.scope, { name: 'opentelemetry-instrumentation-tls', version: '0.0.0' });
          assert.equal(span.resource['service.name'], 'shop');
        }
        assert.equal(resources[0]!['service.name'], 'shop');
        assert.equal(requests[0]!.contentEncoding, gzip ? 'gzip' : undefined);
        if (gzip) assert.ok(gunzipSync(requests[0]!.body).length > requests[0]!.body.length);
        assert.deepEqual(problems, []);
      });

  for (const [encoding, Exporter] of [
    ['json', JsonLogExporter],
    ['protobuf', ProtobufLogExporter],
  ] as const)
    it(`understands the log records of OpenTelemetry's own exporter in ${encoding}`, async () => {
      const exporter = new Exporter({ url: `${receiver.url}/v1/logs` });
      const provider = new LoggerProvider({
        resource: resourceFromAttributes({ 'service.name': 'shop' }),
        processors: [new SimpleLogRecordProcessor({ exporter })],
      });
      provider.getLogger('tls').emit({
        eventName: 'tls.handshake.failed',
        timestamp: NOON,
        severityNumber: SeverityNumber.WARN,
        severityText: 'WARN',
        body: { words: ['one', 2, 2.5, true, null], bytes: new Uint8Array([1, 2, 3]) },
        attributes: { 'error.type': 'unknown_ca', 'network.peer.port': 443 },
      });
      await provider.shutdown();
      assert.equal(logs.length, 1);
      const { eventName, at, severity, severityText, body, attributes, spanId, sampled } = logs[0]!;
      assert.deepEqual(
        { eventName, at, severity, severityText, spanId, sampled },
        { eventName: 'tls.handshake.failed', at: NOON, severity: 13, severityText: 'WARN', spanId: '', sampled: false },
      );
      assert.deepEqual(JSON.parse(JSON.stringify(body)), { words: ['one', 2, 2.5, true, null], bytes: 'AQID' });
      assert.deepEqual({ ...attributes }, { 'error.type': 'unknown_ca', 'network.peer.port': 443 });
    });

  for (const [encoding, Exporter] of [
    ['protobuf', OTLPMetricExporter],
    ['JSON', JsonMetricExporter],
  ] as const) {
    it(`receives what metrics count, in ${encoding}`, async () => {
      const started = Date.now();
      const exporter = new Exporter({ url: `${receiver.url}/v1/metrics` });
      const provider = new MeterProvider({
        readers: [new PeriodicExportingMetricReader({ exporter })],
        views: [{ instrumentName: 'three', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
      });
      const meter = provider.getMeter('tls');
      meter.createCounter('one').add(3, { 'error.type': 'unknown_ca' });
      meter.createCounter('one').add(1.5, { 'error.type': 'other' });
      for (const name of ['two', 'three']) for (const value of [1, 7]) meter.createHistogram(name).record(value);
      meter.createGauge('four').record(4);
      await provider.shutdown();
      const byName = [...points].sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
      const told = byName.map(({ name, count, attributes, isCumulative }) => [
        name,
        count,
        { ...attributes },
        isCumulative,
      ]);
      assert.deepEqual(told, [
        ['one', 3, { 'error.type': 'unknown_ca' }, true],
        ['one', 1.5, { 'error.type': 'other' }, true],
        ['three', 2, {}, true],
        ['two', 2, {}, true],
      ]);
      for (const point of points) assert.ok(point.started >= started - 1 && point.at >= point.started);
      assert.equal(resources.length, 1);
    });

    it(`receives of ${encoding} how much was left out at limits`, async () => {
      const TraceExporter = encoding === 'JSON' ? JsonTraceExporter : ProtobufTraceExporter;
      const provider = new BasicTracerProvider({
        spanLimits: { attributeCountLimit: 1, eventCountLimit: 1, attributePerEventCountLimit: 1 },
        spanProcessors: [new SimpleSpanProcessor(new TraceExporter({ url: `${receiver.url}/v1/traces` }))],
      });
      const tracer = provider.getTracer('tls');
      tracer.startSpan('whole', { attributes: { a: 1 } }).end();
      const cut = tracer.startSpan('cut', { attributes: { a: 1, b: 2, c: 3 } });
      for (const name of ['one', 'two']) cut.addEvent(name, { a: 1, b: 2 });
      cut.end();
      await provider.shutdown();
      assert.deepEqual(spans.map(({ name, dropped }) => [name, dropped]).sort(), [
        ['cut', 4],
        ['whole', undefined],
      ]);
    });
  }

  it('answers in the encoding it was asked in', async () => {
    const json = await post(
      '/v1/traces',
      { 'content-type': 'application/json; charset=utf-8' },
      '{"resourceSpans":[]}',
    );
    assert.deepEqual(
      [json.status, json.headers.get('content-type'), await json.text()],
      [200, 'application/json', '{}'],
    );
    const protobuf = await post('/v1/traces', PROTOBUF_TYPE, '');
    assert.deepEqual(
      [protobuf.status, protobuf.headers.get('content-type'), await protobuf.text()],
      [200, 'application/x-protobuf', ''],
    );
  });

  it('reads what the JSON mapping allows: digits or numbers, missing and null fields, unknown ones', async () => {
    const response = await postSpan({
      traceId: 'ABCDEF0123456789abcdef0123456789',
      spanId: '0123456789abcdef',
      parentSpanId: null,
      startTimeUnixNano: '1700000000123456789',
      endTimeUnixNano: 1700000000500000000,
      attributes: [
        { key: 'safe', value: { intValue: '42' } },
        { key: 'huge', value: { intValue: '9223372036854775807' } },
        { key: 'negative', value: { intValue: -7 } },
        { key: 'nothing' },
        { key: 'unset', value: {} },
        { key: '__proto__', value: { stringValue: 'polluted' } },
        { key: 'list', value: { arrayValue: {} } },
        { key: 'map', value: { kvlistValue: { values: [{ key: 'a', value: { doubleValue: 'NaN' } }] } } },
      ],
      inventedField: { anything: [1] },
    });
    assert.equal(response.status, 200, await response.text());
    const [span] = spans;
    assert.equal(span!.traceId, 'abcdef0123456789abcdef0123456789');
    assert.equal(span!.started, 1700000000123.456);
    assert.equal(span!.ended, 1700000000500);
    assert.equal(Object.getPrototypeOf(span!.attributes), null);
    assert.deepEqual(
      Object.entries(span!.attributes).map(([key, value]) => [key, JSON.stringify(value)]),
      [
        ['safe', '42'],
        ['huge', '"9223372036854775807"'],
        ['negative', '-7'],
        ['nothing', 'null'],
        ['unset', 'null'],
        ['__proto__', '"polluted"'],
        ['list', '[]'],
        ['map', '{"a":"NaN"}'],
      ],
    );
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });

  it('gives up on values nested deeper than anybody needs, and keeps the rest', async () => {
    let value: object = { stringValue: 'bottom' };
    for (let depth = 0; depth < 500; depth++) value = { arrayValue: { values: [value] } };
    const response = await postSpan({
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      attributes: [
        { key: 'deep', value },
        { key: 'after', value: { stringValue: 'kept' } },
      ],
    });
    assert.equal(response.status, 200);
    assert.equal(spans[0]!.attributes['after'], 'kept');
    assert.ok(JSON.stringify(spans[0]!.attributes['deep']).length < 50);
  });

  const identified = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
  for (const [what, span, where] of [
    ['a trace id that is not 16 bytes', { ...identified, traceId: 'abc' }, 'spans[0].traceId'],
    ['a span id that is not hexadecimal', { ...identified, spanId: 'z'.repeat(16) }, 'spans[0].spanId'],
    ['no ids', {}, 'spans[0].traceId'],
    ['a name that is no string', { ...identified, name: 7 }, 'spans[0].name'],
    ['attributes that are no list', { ...identified, attributes: { a: 1 } }, 'spans[0].attributes'],
    ['a time that is no number', { ...identified, startTimeUnixNano: 'noon' }, 'spans[0].startTimeUnixNano'],
    ['a time beyond 64 bits', { ...identified, startTimeUnixNano: '9'.repeat(30) }, 'spans[0].startTimeUnixNano'],
  ] as const)
    it(`refuses ${what}, and says where it stands`, async () => {
      const response = await postSpan(span);
      assert.equal(response.status, 400);
      const status = (await response.json()) as { code: number; message: string };
      assert.equal(status.code, 3);
      assert.ok(status.message.startsWith(`resourceSpans[0].scopeSpans[0].${where}: `), status.message);
      assert.deepEqual(spans, []);
      assert.equal(problems.length, 1);
    });

  for (const [what, body] of [
    ['no JSON', '{"resourceSpans":['],
    ['a JSON list', '[]'],
    ['JSON null', 'null'],
    ['spans that are no list', '{"resourceSpans":7}'],
  ] as const)
    it(`refuses ${what} with a status in JSON`, async () => {
      const response = await post('/v1/traces', JSON_TYPE, body);
      assert.equal(response.status, 400);
      assert.match(((await response.json()) as { message: string }).message, /expected|not JSON/);
    });

  for (const [what, body] of [
    ['noise', Buffer.from('ffffffffff', 'hex')],
    ['a length beyond the end', Buffer.from([0x0a, 0x7f, 0x01])],
    ['text', Buffer.from('{"resourceSpans":[]}')],
  ] as const)
    it(`refuses ${what} in the place of protobuf with a status in protobuf`, async () => {
      const response = await post('/v1/traces', PROTOBUF_TYPE, body);
      assert.equal(response.status, 400);
      assert.equal(response.headers.get('content-type'), 'application/x-protobuf');
      const status = Buffer.from(await response.arrayBuffer());
      // google.rpc.Status: field 1, code 3 (INVALID_ARGUMENT); field 2, the message.
      assert.deepEqual([...status.subarray(0, 3)], [0x08, 3, 0x12]);
      assert.match(status.toString('latin1'), /not a protobuf ExportTraceServiceRequest/);
    });

  it('refuses gzip that is none', async () => {
    const response = await post('/v1/logs', { ...JSON_TYPE, 'content-encoding': 'gzip' }, '{}');
    assert.equal(response.status, 400);
    assert.match(await response.text(), /not gzip/);
  });

  it('refuses compression it does not know', async () => {
    const response = await post('/v1/logs', { ...JSON_TYPE, 'content-encoding': 'br' }, '{}');
    assert.deepEqual([response.status, response.headers.get('accept-encoding')], [415, 'gzip']);
  });

  for (const contentType of ['text/plain', 'application/grpc', ''])
    it(`refuses content-type '${contentType}'`, async () => {
      const response = await post('/v1/traces', { 'content-type': contentType }, '{}');
      assert.equal(response.status, 415);
      assert.match(await response.text(), /application\/json or application\/x-protobuf expected/);
    });

  it('refuses other methods, naming the one it takes', async () => {
    for (const method of ['GET', 'PUT', 'OPTIONS']) {
      const response = await fetch(`${receiver.url}/v1/traces`, { method });
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'POST'], method);
    }
  });

  it('refuses other paths, naming those it knows', async () => {
    for (const path of ['/', '/v1/profiles', '/v1/traces/', '/__proto__', '/constructor']) {
      const response = await post(path, JSON_TYPE, '{}');
      assert.equal(response.status, 404, path);
      assert.match(await response.text(), /\/v1\/traces, \/v1\/logs, \/v1\/metrics/);
    }
  });

  it('accepts a body of the largest size, and refuses the first byte beyond', async () => {
    const largest = `{"resourceSpans":[]${' '.repeat(LARGEST_BODY - 20)}}`;
    assert.equal(Buffer.byteLength(largest), LARGEST_BODY);
    assert.equal((await post('/v1/traces', JSON_TYPE, largest)).status, 200);
    const response = await post('/v1/traces', JSON_TYPE, `${largest} `);
    assert.equal(response.status, 413);
    assert.equal(((await response.json()) as { code: number }).code, 8);
  });

  it('refuses a body that does not say how large it is and never ends', async () => {
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest(`${receiver.url}/v1/traces`, { method: 'POST', headers: JSON_TYPE });
      const chunk = Buffer.alloc(1024 * 1024, ' ');
      const pour = () => {
        while (!request.destroyed && request.write(chunk));
      };
      request.on('drain', pour);
      request.on('response', response => {
        resolve(response.statusCode);
        request.destroy();
      });
      request.on('error', reject);
      pour();
    });
    assert.equal(status, 413);
  });

  it('unpacks no more than the largest body', async () => {
    const bomb = gzipSync(Buffer.alloc(LARGEST_BODY + 1, ' '));
    assert.ok(bomb.length < 20_000);
    const response = await post('/v1/traces', { ...JSON_TYPE, 'content-encoding': 'gzip' }, bomb);
    assert.equal(response.status, 413);
  });

  it('does not let empty spans, two bytes each, become gigabytes', async () => {
    const spansField = Buffer.alloc(2_000_000);
    for (let at = 0; at < spansField.length; at += 2) spansField[at] = 0x12;
    const response = await post('/v1/traces', PROTOBUF_TYPE, field(0x0a, field(0x12, spansField)));
    assert.equal(response.status, 400);
    assert.match(await response.text(), /more than \d+ records/);
  });

  it('asks senders to come again when too much comes at once', async () => {
    const half = Buffer.alloc(LARGEST_BODY - 1, ' ');
    const unfinished = [];
    const answers = [];
    for (let sender = 0; sender < 6; sender++) {
      const request = httpRequest(`${receiver.url}/v1/traces`, { method: 'POST', headers: JSON_TYPE });
      answers.push(new Promise<number>(resolve => request.on('response', answer => resolve(answer.statusCode!))));
      request.on('error', () => {});
      request.write(half);
      unfinished.push(request);
    }
    assert.equal(await Promise.race(answers), 503);
    for (const request of unfinished) request.destroy();
    assert.equal((await post('/v1/traces', JSON_TYPE, '{}')).status, 200);
  });

  it('goes on when a sender goes away in mid-sentence', async () => {
    const socket = connect({ host: '127.0.0.1', port: receiver.port });
    await new Promise(resolve => socket.on('connect', resolve));
    socket.write(
      'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"res',
    );
    socket.resetAndDestroy();
    assert.equal((await post('/v1/traces', JSON_TYPE, '{}')).status, 200);
    assert.deepEqual(problems, []);
  });

  it('tells who speaks gRPC what to change', async () => {
    const client = connectHttp2(receiver.url);
    client.on('error', () => {});
    await new Promise(resolve => client.on('close', resolve));
    assert.match(problems.join(), /OTEL_EXPORTER_OTLP_PROTOCOL=http\/protobuf/);
  });

  it('tells who speaks https what to change', async () => {
    const socket = connectTls({ host: '127.0.0.1', port: receiver.port });
    socket.on('error', () => {});
    await new Promise(resolve => socket.on('close', resolve));
    assert.match(problems.join(), /must begin with http:\/\//);
  });
});

/** One length-delimited protobuf field. */
function field(tag: number, content: Buffer): Buffer {
  const length: number[] = [];
  let rest = content.length;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([tag, ...length, rest]), content]);
}
