import assert from 'node:assert/strict';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { FAILURE_REASONS, type FailureReason } from '../../src/handshake/failure-reasons';
import type { Handshake } from '../../src/handshake/handshake';
import { EventSink } from '../../src/telemetry/event-sink';
import { MetricSink } from '../../src/telemetry/metric-sink';
import { Occurrence } from '../../src/telemetry/occurrence';
import type { Sink } from '../../src/telemetry/sink';
import { SpanSink } from '../../src/telemetry/span-sink';
import { TelemetryRecorder } from '../support/telemetry-recorder';
import { acceptedClient, alertedClient, DEFAULT_SETTINGS, failed, serverHandshake } from './sample-handshakes';

/** `error.type` wherever one handshake is spoken of, and every id of its connection. */
async function said(handshake: Handshake) {
  const recorder = new TelemetryRecorder();
  const tracer = recorder.tracerProvider.getTracer('test');
  const meter = recorder.meterProvider.getMeter('test');
  const occurrence = new Occurrence({ isFirstUse: () => true });
  const sinks: Sink[] = [
    new SpanSink(() => tracer, DEFAULT_SETTINGS, occurrence),
    new MetricSink(() => meter),
    new EventSink(() => recorder.logger, DEFAULT_SETTINGS, occurrence),
  ];
  for (const sink of sinks) sink.report(handshake, ROOT_CONTEXT);
  const [span] = recorder.spans;
  // How many are active is not said of any one handshake.
  const metrics = Object.entries(await recorder.metrics()).filter(([name]) => !name.endsWith('active_handshakes'));
  const points = metrics.flatMap(([, { dataPoints }]) => dataPoints);
  return {
    span: span!.attributes['error.type'],
    spanEvents: span!.events.map(({ attributes }) => attributes!['error.type']),
    logs: recorder.logs.map(({ attributes }) => attributes['error.type']),
    metrics: points.map(({ attributes }) => attributes['error.type']),
    ids: [span!.attributes['tls.connection.id'], ...recorder.logs.map(log => log.attributes['tls.connection.id'])],
    spans: [span!.spanContext().spanId, ...recorder.logs.map(log => log.spanContext?.spanId)],
  };
}

describe('span, event and metric of one handshake', () => {
  for (const reason of Object.keys(FAILURE_REASONS) as FailureReason[]) {
    it(`agree that it failed for ${reason}`, async () => {
      const verification = { result: 'failed', enforced: true, errors: [reason] } as const;
      for (const [handshake, events, metrics] of [
        [acceptedClient({ verification, outcome: failed(reason) }), 2, 2],
        [alertedClient({ outcome: failed(reason, { decidedBy: 'peer' }) }), 1, 1],
      ] as const) {
        const all = await said(handshake);
        assert.equal(all.span, reason);
        assert.deepEqual(all.spanEvents, Array(events).fill(reason));
        assert.deepEqual(all.logs, Array(events).fill(reason));
        assert.deepEqual(all.metrics, Array(metrics).fill(reason));
      }
    });
  }

  it('agree that nothing failed', async () => {
    for (const handshake of [serverHandshake(), acceptedClient()]) {
      const { span, spanEvents, logs, metrics } = await said(handshake);
      assert.deepEqual(new Set([span, ...spanEvents, ...logs, ...metrics]), new Set([undefined]));
    }
  });

  it('agree on the id of the connection', async () => {
    const { ids, spans } = await said(alertedClient());
    assert.equal(ids.length, 2);
    assert.match(String(ids[0]), /^[0-9a-f]{16}$/);
    assert.equal(new Set([...ids, ...spans]).size, 1);
  });
});
