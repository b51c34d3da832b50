import assert from 'node:assert/strict';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { Handshake, Refusal } from '../../src/handshake/handshake';
import type { Settings } from '../../src/settings';
import { type EventLogger, EventSink } from '../../src/telemetry/event-sink';
import { FloodControl } from '../../src/telemetry/flood-control';
import { MetricSink } from '../../src/telemetry/metric-sink';
import { INSTRUMENTS } from '../../src/telemetry/metrics';
import { Occurrence } from '../../src/telemetry/occurrence';
import type { Sink } from '../../src/telemetry/sink';
import { SpanSink } from '../../src/telemetry/span-sink';
import { SUMMARY_EVERY_MS, SuppressionReport } from '../../src/telemetry/suppression-report';
import { TelemetryRecorder } from '../support/telemetry-recorder';
import {
  acceptedClient,
  clientHandshake,
  DEFAULT_SETTINGS,
  NOON,
  portScan,
  refusedClient,
  serverHandshake,
} from './sample-handshakes';

const LIMIT = 3;
const SETTINGS = { ...DEFAULT_SETTINGS, floodLimit: LIMIT, floodLimitPerNetwork: 1, floodLimitPerReason: 1 };

/** Every sink, behind flood control, over an SDK that keeps everything. */
function given(more: Partial<Settings> = {}) {
  const settings: Settings = { ...SETTINGS, ...more };
  const recorder = new TelemetryRecorder();
  const tracer = recorder.tracerProvider.getTracer('test');
  let meter = recorder.meterProvider.getMeter('test');
  const logger = recorder.logger as unknown as EventLogger;
  const clock = { now: 0 };
  const flood = new FloodControl(settings, () => clock.now);
  const occurrence = new Occurrence({ isFirstUse: () => true }, flood);
  const sinks: Sink[] = [new SpanSink(() => tracer, settings, occurrence), new MetricSink(() => meter)];
  const toLogs = settings.events === 'both' || settings.events === 'log';
  if (toLogs) sinks.push(new EventSink(() => logger, settings, occurrence));
  const planned: { work: () => void; milliseconds: number }[] = [];
  const report = new SuppressionReport(
    flood,
    () => meter,
    toLogs ? () => logger : undefined,
    'handshakes',
    (work, milliseconds) => {
      const plan = { work, milliseconds };
      planned.push(plan);
      return () => planned.splice(planned.indexOf(plan), 1);
    },
  );
  const say = (handshake: Handshake, times = 1) => {
    for (let i = 0; i < times; i++) {
      const another = { ...handshake };
      for (const sink of sinks) sink.report(another, ROOT_CONTEXT);
    }
  };
  const refuse = (refusal: Refusal, times = 1) => {
    for (let i = 0; i < times; i++) {
      const another = { ...refusal };
      for (const sink of sinks) sink.refused?.(another, ROOT_CONTEXT);
    }
  };
  const counted = async () =>
    ((await recorder.metrics())['tls.telemetry.suppressed']?.dataPoints ?? []).map(({ value, attributes }) => [
      attributes['tls.suppressed.what'],
      attributes['tls.suppressed.why'],
      value,
    ]);
  const summaries = () => recorder.logs.filter(({ eventName }) => eventName === 'tls.telemetry.suppressed');
  const handshakes = async (side: 'server' | 'client') =>
    ((await recorder.metrics())[`tls.${side}.handshake.duration`]?.dataPoints ?? []).reduce(
      (sum, { value }) => sum + (value as { count: number }).count,
      0,
    );
  const useMeterOf = (other: TelemetryRecorder) => {
    meter = other.meterProvider.getMeter('test');
  };
  return { recorder, clock, report, planned, say, refuse, counted, summaries, handshakes, useMeterOf };
}

describe('behind flood control', () => {
  it('a failure has its span and its events, or neither', () => {
    const { recorder, say } = given();
    say(refusedClient(), 10);
    assert.equal(recorder.spans.length, LIMIT);
    assert.equal(recorder.logs.length, 2 * LIMIT);
    const ids = new Set(recorder.spans.map(span => span.spanContext().spanId));
    for (const { spanContext } of recorder.logs) assert.ok(ids.has(spanContext!.spanId));
  });

  it('every handshake is counted and timed', async () => {
    const { say, handshakes } = given();
    say(refusedClient(), 10);
    assert.equal(await handshakes('server'), 10);
  });

  it('what was established is always said', () => {
    const { recorder, say, planned } = given();
    for (const handshake of [serverHandshake(), acceptedClient(), clientHandshake()]) say(handshake, 100);
    assert.equal(recorder.spans.length, 300);
    assert.equal(planned.length, 0);
  });

  it('a refusal that came late has its own say', () => {
    const { recorder, refuse } = given();
    const failure = { reason: 'peer_closed_after_handshake', decidedBy: 'peer', phase: 'post_handshake' } as const;
    refuse({ handshake: clientHandshake(), failure, at: NOON }, 10);
    assert.equal(recorder.spans.length, LIMIT);
    assert.equal(recorder.logs.length, LIMIT);
  });

  it('port scans are limited, where they have spans at all', async () => {
    const wanted = given({ abandonedSpans: true });
    wanted.say(portScan(), 10);
    assert.equal(wanted.recorder.spans.length, LIMIT);
    wanted.report.say();
    assert.deepEqual(wanted.summaries()[0]!.attributes['tls.suppressed.reasons'], ['abandoned=7']);
    const unwanted = given();
    unwanted.say(portScan(), 10);
    assert.deepEqual(unwanted.planned, []);
  });

  it('events alone are limited, where no spans are wanted', async () => {
    const { recorder, say, report, counted } = given({ handshakeSpans: 'none' });
    say(refusedClient(), 10);
    assert.equal(recorder.logs.length, 2 * LIMIT);
    report.say();
    assert.deepEqual(await counted(), [['event', 'network', 14]]);
  });
});

describe('what flood control left unsaid', () => {
  it('is said in one event and one counter', async () => {
    const { report, say, counted, summaries } = given();
    say(refusedClient(), LIMIT + 7);
    report.say();
    const [summary, ...more] = summaries();
    assert.deepEqual(more, []);
    assert.equal(summary!.severityText, 'WARN');
    assert.equal(summary!.severityNumber, 13);
    assert.equal(summary!.body, '7 more handshakes failed than are reported one by one.');
    const at = new Date(NOON + 4.25).toISOString();
    assert.deepEqual(summary!.attributes, {
      'tls.suppressed.handshakes': 7,
      'tls.suppressed.reasons': ['certificate_expired=7'],
      'tls.suppressed.networks': ['192.0.2.0/24=7'],
      'tls.suppressed.first_seen': at,
      'tls.suppressed.last_seen': at,
    });
    assert.equal(summary!.spanContext, undefined);
    assert.deepEqual(await counted(), [
      ['span', 'network', 7],
      ['event', 'network', 14],
    ]);
  });

  it('is counted under the name, the unit and the attributes of the table', async () => {
    const { report, say, recorder } = given();
    say(refusedClient(), LIMIT + 1);
    report.say();
    const { unit, description, dataPoints } = (await recorder.metrics())['tls.telemetry.suppressed']!;
    const row = INSTRUMENTS['tls.telemetry.suppressed'];
    assert.deepEqual({ unit, description }, { unit: row.unit, description: row.brief });
    assert.deepEqual(Object.keys(dataPoints[0]!.attributes), row.attributes);
  });

  it('is said some seconds after it began, and again while it goes on, and no more when it has ended', async () => {
    const { say, planned, summaries } = given();
    say(refusedClient(), LIMIT + 1);
    say(refusedClient(), 5);
    assert.deepEqual(
      planned.map(({ milliseconds }) => milliseconds),
      [SUMMARY_EVERY_MS],
    );
    assert.equal(summaries().length, 0);
    planned[0]!.work();
    assert.deepEqual(
      summaries().map(({ attributes }) => attributes['tls.suppressed.handshakes']),
      [6],
    );
    assert.equal(planned.length, 0);
    say(refusedClient(), 4);
    assert.equal(planned.length, 1);
    planned[0]!.work();
    assert.deepEqual(
      summaries().map(({ attributes }) => attributes['tls.suppressed.handshakes']),
      [6, 4],
    );
    assert.equal(planned.length, 0);
  });

  it('is said at once when asked, and the timer called off', () => {
    const { say, planned, report, summaries } = given();
    report.say();
    assert.equal(summaries().length, 0);
    say(refusedClient(), LIMIT + 1);
    report.say();
    report.say();
    assert.equal(summaries().length, 1);
    assert.equal(planned.length, 0);
  });

  it('is counted where no events are wanted in the logs', async () => {
    for (const events of ['span', 'none'] as const) {
      const { recorder, say, report, counted } = given({ events });
      say(refusedClient(), LIMIT + 2);
      report.say();
      assert.equal(recorder.logs.length, 0);
      assert.deepEqual(await counted(), [['span', 'network', 2]]);
    }
  });

  it('is counted by the SDK that is there when it is said', async () => {
    const { say, report, counted, useMeterOf } = given();
    say(refusedClient(), LIMIT + 2);
    report.say();
    const later = new TelemetryRecorder();
    useMeterOf(later);
    say(refusedClient(), 5);
    report.say();
    assert.deepEqual((await counted())[0], ['span', 'network', 2]);
    const { dataPoints } = (await later.metrics())['tls.telemetry.suppressed']!;
    assert.equal(dataPoints[0]!.value, 5);
  });

  it('keeps no process alive while it waits to be said', async () => {
    const active = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length;
    const before = active();
    const flood = new FloodControl(SETTINGS, () => 0);
    const report = new SuppressionReport(
      flood,
      () => new TelemetryRecorder().meterProvider.getMeter('test'),
      undefined,
    );
    for (let i = 0; i <= LIMIT; i++) flood.limitReachedBy({ peerAddress: undefined, reason: 'not_tls', at: NOON });
    assert.equal(active(), before);
    report.say();
  });
});
