import assert from 'node:assert/strict';
import { type Meter, metrics, type SpanContext } from '@opentelemetry/api';
import type { TlsPeer } from '../../src/identity/tls-peer';
import { PATTERNS, type PatternOptions } from '../../src/patterns/patterns';
import { DETECTION_ATTRIBUTES } from '../../src/telemetry/detection-attributes';
import { INSTRUMENTS } from '../../src/telemetry/metrics';
import { Occurrence } from '../../src/telemetry/occurrence';
import { PatternSink } from '../../src/telemetry/pattern-sink';
import { addressOf, certificate, early, from, letIn, refused } from '../patterns/scene';
import { TelemetryRecorder } from '../support/telemetry-recorder';
import { BILLING, clientHandshake, NOON, serverHandshake } from './sample-handshakes';

describe('patterns of abuse', () => {
  let recorder: TelemetryRecorder;
  let occurrence: Occurrence;
  let now: number;
  let meter: Meter;

  beforeEach(() => {
    recorder = new TelemetryRecorder();
    occurrence = new Occurrence({ isFirstUse: () => true });
    now = 0;
    meter = recorder.meterProvider.getMeter('test');
  });

  function sinkWith(
    patterns: PatternOptions = {},
    logger: (() => typeof recorder.logger) | undefined = () => recorder.logger,
  ) {
    return new PatternSink({ meter: () => meter, logger, patterns, occurrence, now: () => now });
  }

  const spanOf = (index: number): SpanContext => ({
    traceId: 'a'.repeat(32),
    spanId: index.toString(16).padStart(16, '0'),
    traceFlags: 1,
  });

  /** Value of each point of a counter, by pattern. */
  async function counted(name: 'tls.abuse.detections' | 'tls.abuse.evictions') {
    const { dataPoints = [] } = (await recorder.metrics())[name] ?? {};
    return Object.fromEntries(dataPoints.map(({ value, attributes }) => [attributes['tls.abuse.pattern'], value]));
  }

  it('are said as a log record, in full, in the context of the handshake that completed one', async () => {
    const sink = sinkWith();
    for (let index = 1; index <= 7; index++) {
      const handshake = { ...refused('certificate_revoked'), ended: NOON + index * 1000 };
      occurrence.remember(handshake, spanOf(index));
      sink.report(handshake);
    }
    const [record, ...others] = recorder.logs;
    assert.deepEqual(others, []);
    assert.equal(record!.eventName, 'tls.abuse.detected');
    assert.equal(record!.severityText, 'WARN');
    assert.equal(record!.severityNumber, 13);
    assert.equal(record!.body, PATTERNS.revoked_replay.brief);
    assert.deepEqual(record!.hrTime, [NOON / 1000 + 3, 0]);
    assert.deepEqual(record!.spanContext, spanOf(3));
    assert.deepEqual(record!.attributes, {
      'tls.abuse.pattern': 'revoked_replay',
      'tls.abuse.hint': PATTERNS.revoked_replay.hint,
      'tls.abuse.count': 3,
      'tls.abuse.peers': 1,
      'tls.abuse.first_seen': new Date(NOON + 1000).toISOString(),
      'tls.abuse.last_seen': new Date(NOON + 3000).toISOString(),
      'tls.abuse.connections': ['0000000000000001', '0000000000000002', '0000000000000003'],
      'tls.connection.id': '0000000000000003',
      'network.peer.address': '192.0.2.7',
      'tls.client.subject': BILLING.subject,
      'tls.client.issuer': BILLING.issuer,
      'tls.client.hash.sha256': BILLING.fingerprint,
      'tls.client.x509.serial_number': BILLING.serialNumber,
      'tls.client.spiffe_id': BILLING.spiffeId,
    });
    assert.deepEqual(await counted('tls.abuse.detections'), { revoked_replay: 1 });
    const { unit, description } = (await recorder.metrics())['tls.abuse.detections']!;
    const row = INSTRUMENTS['tls.abuse.detections'];
    assert.deepEqual({ unit, description }, { unit: row.unit, description: row.brief });
  });

  it('about a peer say nothing of a certificate', () => {
    const sink = sinkWith({ retry_burst: { failures: 2 } });
    sink.report(refused());
    sink.report(early('not_tls'));
    const [record] = recorder.logs;
    assert.deepEqual(record!.attributes['tls.abuse.kinds'], ['unknown_ca', 'not_tls']);
    assert.deepEqual(
      Object.keys(record!.attributes).filter(name => name.startsWith('tls.client.')),
      [],
    );
    assert.equal(record!.spanContext, undefined, 'there was no span');
    assert.equal(record!.attributes['tls.abuse.connections'], undefined);
  });

  it('are counted, and not said, where events do not go to the logs', async () => {
    const sink = new PatternSink({
      meter: () => meter,
      logger: undefined,
      patterns: { retry_burst: { failures: 1 } },
      occurrence,
      now: () => now,
    });
    sink.report(refused());
    assert.equal(recorder.logs.length, 0);
    assert.deepEqual(await counted('tls.abuse.detections'), { retry_burst: 1 });
  });

  it('are said ten times a minute at most; all are counted, and the next one says how many were not said', async () => {
    const sink = sinkWith({ retry_burst: { failures: 1 } });
    for (let index = 0; index < 110; index++) sink.report(from(addressOf(index), early('not_tls')));
    assert.equal(recorder.logs.length, 10);
    now = 59_999;
    sink.report(from(addressOf(110), early('not_tls')));
    assert.equal(recorder.logs.length, 10);
    now = 60_000;
    sink.report(from(addressOf(111), early('not_tls')));
    assert.equal(recorder.logs.at(-1)!.attributes['tls.abuse.unsaid'], 101);
    sink.report(from(addressOf(112), early('not_tls')));
    assert.equal(recorder.logs.at(-1)!.attributes['tls.abuse.unsaid'], undefined);
    assert.equal(recorder.logs.length, 12);
    assert.deepEqual(await counted('tls.abuse.detections'), { retry_burst: 113 });
  });

  it('are not looked for among the servers that we connect to', async () => {
    const sink = sinkWith({ retry_burst: { failures: 1 } });
    const failure = { reason: 'unknown_ca', decidedBy: 'peer', phase: 'post_handshake' } as const;
    sink.report(clientHandshake({ outcome: { kind: 'failed', failure } }));
    sink.refused({ handshake: clientHandshake(), failure, at: NOON });
    assert.equal(recorder.logs.length, 0);
    assert.deepEqual(await recorder.metrics(), {});
  });

  it('count a refused renegotiation as a failure of its client', () => {
    const sink = sinkWith({ retry_burst: { failures: 1 } });
    const failure = { reason: 'renegotiation_refused', decidedBy: 'us', phase: 'post_handshake' } as const;
    sink.report(serverHandshake());
    assert.equal(recorder.logs.length, 0);
    sink.refused({ handshake: serverHandshake(), failure, at: NOON });
    assert.deepEqual(recorder.logs[0]?.attributes['tls.abuse.kinds'], ['renegotiation_refused']);
  });

  it('take an IPv6 network of /64 for one peer, and say the address that came last', () => {
    const sink = sinkWith({ retry_burst: { failures: 2 } });
    sink.report(from('2001:db8::1', refused()));
    sink.report(from('2001:db8::ffff:2', refused()));
    assert.equal(recorder.logs[0]?.attributes['network.peer.address'], '2001:db8::ffff:2');
  });

  it('count who was forgotten for want of room', async () => {
    const sink = sinkWith();
    for (let index = 0; index < 2000; index++) sink.report(from(addressOf(index), early('not_tls')));
    const first = await counted('tls.abuse.evictions');
    assert.deepEqual(Object.keys(first), ['retry_burst', 'scanner']);
    for (let index = 2000; index < 2100; index++) sink.report(from(addressOf(index), early('not_tls')));
    const second = await counted('tls.abuse.evictions');
    assert.equal((second['scanner'] as number) - (first['scanner'] as number), 100);
  });

  it('are counted by whatever meter there is at that moment', async () => {
    meter = metrics.getMeter('before there is an SDK');
    const sink = sinkWith({ retry_burst: { failures: 1 } });
    sink.report(refused());
    meter = recorder.meterProvider.getMeter('test');
    sink.report(from(addressOf(1), refused()));
    assert.deepEqual(await counted('tls.abuse.detections'), { retry_burst: 1 });
  });

  describe('in requests', () => {
    const peer: TlsPeer = {
      source: 'handshake',
      certificate: BILLING,
      verification: { result: 'ok', errors: [] },
      resumed: false,
      connectionId: spanOf(7).spanId,
      handshakeSpan: spanOf(7),
    };
    const options = { unusual_endpoint: { learning: 1, requests: 1 } } as const;

    it('are said in the context of the connection’s handshake', () => {
      const sink = sinkWith(options);
      sink.requested(peer, 'GET /invoices/:id', NOON);
      now = 1000;
      sink.requested(peer, 'GET /admin', NOON + 1000);
      const [record] = recorder.logs;
      assert.deepEqual(record!.spanContext, spanOf(7));
      assert.equal(record!.attributes['tls.abuse.pattern'], 'unusual_endpoint');
      assert.equal(record!.attributes['tls.abuse.endpoint'], 'GET /admin');
      assert.equal(record!.attributes['tls.connection.id'], spanOf(7).spanId);
      assert.equal(record!.attributes['tls.client.subject'], BILLING.subject);
    });

    it('are looked for among verified clients alone', () => {
      const sink = sinkWith(options);
      for (const route of ['GET /a', 'GET /b']) {
        sink.requested({ ...peer, verification: { result: 'failed', errors: ['unknown_ca'] } }, route, NOON);
        sink.requested({ ...peer, certificate: undefined }, route, NOON);
        now += 1000;
      }
      assert.equal(recorder.logs.length, 0);
    });
  });

  it('have an example of each attribute, of the type that it has', () => {
    for (const [name, { example, brief }] of Object.entries(DETECTION_ATTRIBUTES)) {
      assert.match(name, /^tls\.abuse\.[a-z_]+$/);
      assert.ok(brief.endsWith('.') && example !== undefined);
    }
  });

  it('do nothing of a handshake that succeeds without a certificate, but look at it', () => {
    const sink = new PatternSink({
      meter: () => assert.fail('asked for a meter'),
      logger: () => assert.fail('asked for a logger'),
      patterns: {},
      occurrence,
      now: () => assert.fail('asked for the time'),
    });
    sink.report(serverHandshake());
    assert.throws(() => sink.report(letIn(certificate(1))), /asked for the time/);
  });
});
