import assert from 'node:assert/strict';
import { type HrTime, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AlwaysOffSampler, type ReadableSpan, type Sampler, SamplingDecision } from '@opentelemetry/sdk-trace';
import type { PeerCertificate } from '../../src/certificate/peer-certificate';
import { FAILURE_REASONS, type FailureReason } from '../../src/handshake/failure-reasons';
import type { Handshake, HandshakeFailure } from '../../src/handshake/handshake';
import type { Settings } from '../../src/settings';
import { CONNECTION_ID } from '../../src/telemetry/attributes';
import { Occurrence } from '../../src/telemetry/occurrence';
import { SpanSink } from '../../src/telemetry/span-sink';
import { TelemetryRecorder } from '../support/telemetry-recorder';
import {
  acceptedClient,
  alertedClient,
  BILLING,
  clientHandshake,
  DEFAULT_SETTINGS,
  failed,
  NOON,
  portScan,
  refusedClient,
  serverHandshake,
} from './sample-handshakes';

const CALLER = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 1, isRemote: false };
const parent = trace.setSpanContext(ROOT_CONTEXT, CALLER);

/** Sinks over an SDK of their own, and what it recorded. */
function given(settings: Partial<Settings> = {}, sampler?: Sampler) {
  const recorder = new TelemetryRecorder(sampler ? { sampler } : {});
  const occurrence = new Occurrence({ isFirstUse: () => true });
  const tracer = recorder.tracerProvider.getTracer('test');
  const sink = new SpanSink(() => tracer, { ...DEFAULT_SETTINGS, ...settings }, occurrence);
  return { recorder, occurrence, sink };
}

function spanOf(handshake: Handshake, settings: Partial<Settings> = {}): ReadableSpan | undefined {
  const { recorder, sink } = given(settings);
  sink.report(handshake, parent);
  assert.ok(recorder.spans.length <= 1);
  return recorder.spans[0];
}

const SILENCE: HandshakeFailure = {
  reason: 'peer_closed_after_handshake',
  decidedBy: 'peer',
  phase: 'post_handshake',
  derived: true,
};

/** The handshake's span, if it has one, and the refusal's. */
function spansOfRefusal(handshake: Handshake, failure: HandshakeFailure, settings: Partial<Settings> = {}) {
  const { recorder, sink } = given(settings);
  sink.report(handshake, parent);
  sink.refused({ handshake, failure, at: NOON + 250.5 }, parent);
  const refusal = recorder.spans.find(({ name }) => name.endsWith('refused'));
  return { established: recorder.spans.find(span => span !== refusal), refusal };
}

const milliseconds = ([seconds, nanoseconds]: HrTime) => seconds * 1000 + nanoseconds / 1e6;

describe('the span of a handshake', () => {
  it('has the times the handshake had, to the fraction', () => {
    const span = spanOf(serverHandshake({ started: NOON + 0.25, ended: NOON + 4.75 }))!;
    assert.deepEqual(span.startTime, [NOON / 1000, 250_000]);
    assert.deepEqual(span.endTime, [NOON / 1000, 4_750_000]);
  });

  it('is INTERNAL, and is named after its side alone', () => {
    assert.deepEqual(
      [serverHandshake(), clientHandshake()].map(handshake => {
        const { name, kind } = spanOf(handshake)!;
        return { name, kind };
      }),
      [
        { name: 'TLS server handshake', kind: SpanKind.INTERNAL },
        { name: 'TLS client handshake', kind: SpanKind.INTERNAL },
      ],
    );
  });

  it('is the root of a new trace on a server, whatever was active there', () => {
    const span = spanOf(serverHandshake())!;
    assert.equal(span.parentSpanContext, undefined);
    assert.notEqual(span.spanContext().traceId, CALLER.traceId);
  });

  it('is a child of what was active on a client when its socket was born', () => {
    const span = spanOf(clientHandshake())!;
    assert.equal(span.parentSpanContext?.spanId, CALLER.spanId);
    assert.equal(span.spanContext().traceId, CALLER.traceId);
  });

  it('carries its own id as the id of the connection', () => {
    const span = spanOf(clientHandshake())!;
    assert.equal(span.attributes[CONNECTION_ID], span.spanContext().spanId);
  });

  it('leaves its context to the other sinks', () => {
    const { recorder, sink, occurrence } = given();
    const handshake = serverHandshake();
    sink.report(handshake, parent);
    assert.deepEqual(occurrence.spanContextOf(handshake), recorder.spans[0]!.spanContext());
  });

  it('leaves none where there is no tracer: the id of nothing is no id', () => {
    const occurrence = new Occurrence({ isFirstUse: () => true });
    const sink = new SpanSink(() => trace.getTracer('without an SDK'), DEFAULT_SETTINGS, occurrence);
    const handshake = serverHandshake();
    sink.report(handshake, ROOT_CONTEXT);
    assert.equal(occurrence.spanContextOf(handshake), undefined);
  });

  it('shows the sampler every attribute but its own id', () => {
    const shown: unknown[] = [];
    const sampler: Sampler = {
      shouldSample: (_context, _traceId, _name, _kind, attributes) => {
        shown.push(attributes['error.type'], attributes['tls.client.subject']);
        return { decision: SamplingDecision.RECORD_AND_SAMPLED };
      },
      toString: () => 'curious',
    };
    given({}, sampler).sink.report(refusedClient(), parent);
    assert.deepEqual(shown, ['certificate_expired', 'CN=billing,O=Acme']);
  });

  it('leaves its context to the logs although it was sampled out', () => {
    const { recorder, sink, occurrence } = given({}, new AlwaysOffSampler());
    const handshake = refusedClient();
    sink.report(handshake, parent);
    assert.deepEqual(recorder.spans, []);
    assert.equal(occurrence.spanContextOf(handshake)?.traceFlags, 0);
  });

  describe('has a status that', () => {
    it('is unset on success, and when the handshake was abandoned', () => {
      for (const handshake of [serverHandshake(), portScan()]) {
        const span = spanOf(handshake, { abandonedSpans: true })!;
        assert.deepEqual(span.status, { code: SpanStatusCode.UNSET });
      }
    });

    it('says in a few words who ended it', () => {
      const statusOf = (more: Partial<HandshakeFailure>) =>
        spanOf(alertedClient({ outcome: failed('connection_closed', more) }))!.status;
      const alert = { code: 48, description: 'unknown_ca' };
      assert.deepEqual(
        [
          statusOf({ decidedBy: 'us' }),
          statusOf({ decidedBy: 'peer', alert }),
          statusOf({ decidedBy: 'peer' }),
          statusOf({ decidedBy: 'network' }),
        ].map(({ code, message }) => [code, message]),
        [
          [SpanStatusCode.ERROR, 'this side refused the handshake'],
          [SpanStatusCode.ERROR, 'the peer refused the handshake'],
          [SpanStatusCode.ERROR, 'the peer closed the connection'],
          [SpanStatusCode.ERROR, 'the connection was lost'],
        ],
      );
    });

    it('repeats neither the reason nor a name', () => {
      const named: PeerCertificate = { ...BILLING, subject: 'CN=secret', issuer: 'CN=secret' };
      for (const reason of Object.keys(FAILURE_REASONS) as FailureReason[]) {
        for (const decidedBy of ['us', 'peer', 'network'] as const) {
          const outcome = failed(reason, { decidedBy, code: 'secret' });
          const verification = { result: 'failed', enforced: true, errors: [reason], message: 'CN=secret' } as const;
          const facts = { serverName: 'secret', peerCertificate: named, outcome, verification };
          const { message, code } = spanOf(refusedClient(facts))!.status;
          assert.equal(code, SpanStatusCode.ERROR);
          assert.doesNotMatch(message!, new RegExp(`secret|192\\.0\\.2|${reason}`));
        }
      }
    });
  });

  describe('has events that', () => {
    it('are those of the handshake, at its end, with the reason, the identity and words for a person', () => {
      const span = spanOf(refusedClient())!;
      assert.deepEqual(
        span.events.map(({ name, time }) => [name, milliseconds(time)]),
        [
          ['tls.handshake.failed', NOON + 4.25],
          ['tls.client_certificate.rejected', NOON + 4.25],
        ],
      );
      assert.deepEqual(span.events[0]!.attributes, {
        'tls.failure.brief': FAILURE_REASONS.certificate_expired.brief,
        'tls.failure.hint': FAILURE_REASONS.certificate_expired.hint,
        'error.type': 'certificate_expired',
        'tls.failure.origin': 'local',
        'tls.handshake.phase': 'certificate',
        'tls.verify.errors': ['certificate_expired'],
        'tls.client.subject': 'CN=billing,O=Acme',
        'tls.client.hash.sha256': BILLING.fingerprint,
      });
    });

    it('speak of no failure when there was none', () => {
      const [event] = spanOf(acceptedClient())!.events;
      assert.equal(event!.name, 'tls.client_certificate.accepted');
      assert.deepEqual(event!.attributes, {
        'tls.client.subject': 'CN=billing,O=Acme',
        'tls.client.hash.sha256': BILLING.fingerprint,
      });
    });

    it('name the server on a client', () => {
      const refused = refusedClient({ side: 'client' });
      assert.equal(spanOf(refused)!.events[0]!.attributes!['tls.server.subject'], 'CN=billing,O=Acme');
    });

    for (const [events, count] of [
      ['both', 2],
      ['span', 2],
      ['log', 0],
      ['none', 0],
    ] as const) {
      it(`are ${count} of a refused client, when events are wanted ${events}`, () => {
        assert.equal(spanOf(refusedClient(), { events })!.events.length, count);
      });
    }
  });

  describe('exists, by the option handshakeSpans, for', () => {
    const HANDSHAKES = { established: serverHandshake(), failed: refusedClient(), abandoned: portScan() };
    for (const [handshakeSpans, abandonedSpans, expected] of [
      ['all', false, ['established', 'failed']],
      ['all', true, ['established', 'failed', 'abandoned']],
      ['failed', false, ['failed']],
      ['failed', true, ['failed', 'abandoned']],
      ['none', false, []],
      ['none', true, []],
    ] as const) {
      it(`${handshakeSpans}${abandonedSpans ? ', with abandonedSpans' : ''}: ${expected.join(', ') || 'none'}`, () => {
        const found = Object.entries(HANDSHAKES).filter(([, handshake]) =>
          spanOf(handshake, { handshakeSpans, abandonedSpans }),
        );
        assert.deepEqual(
          found.map(([kind]) => kind),
          expected,
        );
      });
    }
  });
});

describe('the span of a refusal', () => {
  it('is of the moment of the refusal, with its reason', () => {
    const { refusal } = spansOfRefusal(clientHandshake(), SILENCE);
    assert.equal(refusal!.name, 'TLS client handshake refused');
    assert.equal(refusal!.kind, SpanKind.INTERNAL);
    assert.equal(milliseconds(refusal!.startTime), NOON + 250.5);
    assert.equal(milliseconds(refusal!.endTime), NOON + 250.5);
    assert.equal(refusal!.attributes['error.type'], 'peer_closed_after_handshake');
    assert.equal(refusal!.attributes['tls.failure.derived'], true);
    assert.equal(refusal!.attributes['tls.handshake.phase'], 'post_handshake');
    assert.equal(refusal!.attributes['tls.handshake.outcome'], 'failed');
    assert.equal(refusal!.attributes['tls.established'], true);
    assert.deepEqual(refusal!.status, { code: SpanStatusCode.ERROR, message: 'the peer closed the connection' });
  });

  it('has the parent of the handshake, and a link to it, and the same id of the connection', () => {
    const { established, refusal } = spansOfRefusal(clientHandshake(), SILENCE);
    assert.equal(refusal!.parentSpanContext?.spanId, CALLER.spanId);
    assert.deepEqual(
      refusal!.links.map(link => link.context.spanId),
      [established!.spanContext().spanId],
    );
    assert.equal(refusal!.attributes[CONNECTION_ID], established!.spanContext().spanId);
  });

  it('leaves the span of the handshake established', () => {
    const { established } = spansOfRefusal(clientHandshake(), SILENCE);
    assert.equal(established!.attributes['tls.handshake.outcome'], 'established');
    assert.equal(established!.attributes['error.type'], undefined);
    assert.deepEqual(established!.status, { code: SpanStatusCode.UNSET });
  });

  it('has no link, and no id of the connection, where the handshake has no span', () => {
    const { established, refusal } = spansOfRefusal(clientHandshake(), SILENCE, { handshakeSpans: 'failed' });
    assert.equal(established, undefined);
    assert.deepEqual(refusal!.links, []);
    assert.equal(refusal!.attributes[CONNECTION_ID], undefined);
    assert.equal(refusal!.parentSpanContext?.spanId, CALLER.spanId);
  });

  it('is not there where no spans are wanted', () => {
    assert.equal(spansOfRefusal(clientHandshake(), SILENCE, { handshakeSpans: 'none' }).refusal, undefined);
  });

  it('is the root of a trace on a server, where a renegotiation was refused', () => {
    const failure = { reason: 'renegotiation_refused', decidedBy: 'us', phase: 'post_handshake' } as const;
    const { established, refusal } = spansOfRefusal(serverHandshake(), failure);
    assert.equal(refusal!.name, 'TLS server renegotiation refused');
    assert.equal(refusal!.parentSpanContext, undefined);
    assert.equal(refusal!.links[0]!.context.spanId, established!.spanContext().spanId);
  });

  for (const [events, expected] of [
    ['both', ['tls.handshake.failed']],
    ['span', ['tls.handshake.failed']],
    ['log', []],
    ['none', []],
  ] as const) {
    it(`has ${expected.length} events, when they are wanted ${events}`, () => {
      const { refusal } = spansOfRefusal(clientHandshake(), SILENCE, { events });
      assert.deepEqual(
        refusal!.events.map(({ name }) => name),
        expected,
      );
    });
  }

  it('is not made where the tracer does not record', () => {
    const { recorder, sink } = given({}, new AlwaysOffSampler());
    const handshake = clientHandshake();
    sink.report(handshake, parent);
    sink.refused({ handshake, failure: SILENCE, at: NOON }, parent);
    assert.deepEqual(recorder.spans, []);
  });
});
