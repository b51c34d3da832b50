import assert from 'node:assert/strict';
import { type Attributes, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { createTraceState } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { EventLogger } from '../../src/telemetry/event-sink';
import { EventSink } from '../../src/telemetry/event-sink';
import { TlsFailureSampler } from '../../src/telemetry/failure-sampler';
import { Occurrence } from '../../src/telemetry/occurrence';
import { SpanSink } from '../../src/telemetry/span-sink';
import { recordFailures } from '../../src/preload/recorded-failures';
import { TelemetryRecorder } from '../support/telemetry-recorder';
import {
  acceptedClient,
  alertedClient,
  clientHandshake,
  DEFAULT_SETTINGS,
  NOON,
  portScan,
  refusedClient,
  serverHandshake,
} from './sample-handshakes';

const UNSAMPLED = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 0, isRemote: false };
const unsampledParent = trace.setSpanContext(ROOT_CONTEXT, UNSAMPLED);

/** The sinks over an SDK with this sampler. */
function given(sampler: Sampler) {
  const recorder = new TelemetryRecorder({ sampler });
  const tracer = recorder.tracerProvider.getTracer('test');
  const settings = { ...DEFAULT_SETTINGS, abandonedSpans: true };
  const occurrence = new Occurrence({ isFirstUse: () => true });
  const spanSink = new SpanSink(() => tracer, settings, occurrence);
  const eventSink = new EventSink(() => recorder.logger as unknown as EventLogger, settings, occurrence);
  return { recorder, tracer, spanSink, eventSink };
}

function asked(sampler: Sampler, attributes: Attributes) {
  return sampler.shouldSample(ROOT_CONTEXT, 'f'.repeat(32), 'TLS client handshake', SpanKind.INTERNAL, attributes, []);
}

describe('the failure sampler', () => {
  it('is a sampler of the SDK, and says which other it stands before', () => {
    const sampler: Sampler = new TlsFailureSampler(new AlwaysOffSampler());
    assert.equal(sampler.toString(), 'TlsFailureSampler{AlwaysOffSampler}');
  });

  for (const [name, other] of [
    ['none', new AlwaysOffSampler()],
    ['a ratio of none', new TraceIdRatioBasedSampler(0)],
    ['none by its parent', new ParentBasedSampler({ root: new AlwaysOffSampler() })],
  ] as const) {
    it(`has every failed handshake recorded and sampled where the other would have ${name}`, () => {
      const { recorder, spanSink } = given(new TlsFailureSampler(other));
      const failures = [refusedClient(), alertedClient(), refusedClient({ side: 'client' })];
      for (const handshake of failures) spanSink.report(handshake, unsampledParent);
      assert.equal(recorder.spans.length, failures.length);
      for (const span of recorder.spans) assert.equal(span.spanContext().traceFlags, 1);
    });

    it(`leaves all others to the other: ${name}`, () => {
      const { recorder, spanSink } = given(new TlsFailureSampler(other));
      for (const handshake of [serverHandshake(), clientHandshake(), acceptedClient(), portScan()]) {
        spanSink.report(handshake, unsampledParent);
      }
      assert.deepEqual(recorder.spans, []);
    });
  }

  it('has a refusal that came late recorded, although the handshake itself is not', () => {
    const { recorder, spanSink } = given(new TlsFailureSampler(new AlwaysOffSampler()));
    const handshake = clientHandshake();
    const failure = { reason: 'peer_closed_after_handshake', decidedBy: 'peer', phase: 'post_handshake' } as const;
    spanSink.report(handshake, ROOT_CONTEXT);
    spanSink.refused({ handshake, failure, at: NOON }, ROOT_CONTEXT);
    assert.deepEqual(
      recorder.spans.map(({ name }) => name),
      ['TLS client handshake refused'],
    );
  });

  it('leaves a failed client handshake in the trace that it is of, although nothing else of that is recorded', () => {
    const { recorder, spanSink } = given(
      new TlsFailureSampler(new ParentBasedSampler({ root: new AlwaysOnSampler() })),
    );
    spanSink.report(alertedClient(), unsampledParent);
    const [span] = recorder.spans;
    assert.equal(span!.spanContext().traceId, UNSAMPLED.traceId);
    assert.equal(span!.parentSpanContext?.spanId, UNSAMPLED.spanId);
  });

  it('loses nothing of what the other says beside its decision', () => {
    const traceState = createTraceState('vendor=1');
    const other: Sampler = {
      shouldSample: () => ({ decision: SamplingDecision.NOT_RECORD, attributes: { by: 'other' }, traceState }),
      toString: () => 'other',
    };
    assert.deepEqual(asked(new TlsFailureSampler(other), { 'tls.handshake.outcome': 'failed' }), {
      decision: SamplingDecision.RECORD_AND_SAMPLED,
      attributes: { by: 'other' },
      traceState,
    });
  });

  it('asks the other of everything, as it was asked itself', () => {
    const seen: unknown[][] = [];
    const other: Sampler = {
      shouldSample: (...args) => {
        seen.push(args);
        return { decision: SamplingDecision.RECORD };
      },
      toString: () => 'other',
    };
    const sampler = new TlsFailureSampler(other);
    assert.equal(asked(sampler, { 'tls.handshake.outcome': 'established' }).decision, SamplingDecision.RECORD);
    assert.equal(asked(sampler, { 'tls.handshake.outcome': 'failed' }).decision, SamplingDecision.RECORD_AND_SAMPLED);
    assert.equal(asked(sampler, {}).decision, SamplingDecision.RECORD);
    assert.deepEqual(
      seen.map(({ length }) => length),
      [6, 6, 6],
    );
  });

  it('has nothing to do with log events: they are not sampled', () => {
    const { recorder, spanSink, eventSink } = given(new AlwaysOffSampler());
    const handshake = refusedClient();
    spanSink.report(handshake, ROOT_CONTEXT);
    eventSink.report(handshake, ROOT_CONTEXT);
    assert.equal(recorder.logs.length, 2);
  });
});

describe('a tracer of the SDK, told to record failures', () => {
  it('records them, and nothing else that its sampler does not want', () => {
    const { recorder, tracer, spanSink } = given(new AlwaysOffSampler());
    assert.equal(recordFailures(tracer), true);
    for (const handshake of [serverHandshake(), refusedClient(), portScan()]) spanSink.report(handshake, ROOT_CONTEXT);
    assert.deepEqual(
      recorder.spans.map(({ attributes }) => attributes['error.type']),
      ['certificate_expired'],
    );
  });

  it('is the only one of its SDK', () => {
    const { recorder, tracer } = given(new AlwaysOffSampler());
    recordFailures(tracer);
    const other = recorder.tracerProvider.getTracer('other');
    other.startSpan('theirs', { attributes: { 'tls.handshake.outcome': 'failed' } }).end();
    assert.deepEqual(recorder.spans, []);
  });

  it('is left as it is where it has no sampler', () => {
    const tracer = trace.getTracer('without an SDK');
    assert.equal(recordFailures(tracer), false);
  });
});
