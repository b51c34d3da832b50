import assert from 'node:assert/strict';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { FAILURE_REASONS, type FailureReason } from '../../src/handshake/failure-reasons';
import type { Handshake } from '../../src/handshake/handshake';
import { CONNECTION_ID } from '../../src/telemetry/attributes';
import { EventSink } from '../../src/telemetry/event-sink';
import { EVENTS, type EventMemory, type EventName, type EventRow, eventsOf } from '../../src/telemetry/events';
import { Occurrence } from '../../src/telemetry/occurrence';
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
  staleClient,
  unfoundedClient,
} from './sample-handshakes';

const FIRST: EventMemory = { isFirstUse: () => true };
const KNOWN: EventMemory = { isFirstUse: () => false };

/** `name SEVERITY`, in order. */
const events = (handshake: Handshake, memory: EventMemory = FIRST) =>
  eventsOf(handshake, memory).map(([name, severity]) => `${name} ${severity}`);

describe('the events', () => {
  for (const [name, row] of Object.entries<EventRow>(EVENTS)) {
    it(`say of ${name} when it comes`, () => {
      assert.match(name, /^tls(?:\.[a-z_]+)+$/);
      assert.match(row.brief, /^[A-Z][^\n]{10,120}\.$/);
    });
  }

  it('of a server that lets anybody in are none', () => {
    assert.deepEqual(events(serverHandshake()), []);
  });
  it('of a client that trusts its server are none', () => {
    assert.deepEqual(events(clientHandshake()), []);
  });
  it('of a port scan are none', () => {
    assert.deepEqual(events(portScan()), []);
  });
  it('of an abandoned handshake are none, although a certificate was seen', () => {
    assert.deepEqual(events(portScan({ peerCertificate: BILLING })), []);
  });

  it('of a session whose certificate has expired since are that, and its use, once an hour', () => {
    assert.deepEqual(events(staleClient()), [
      'tls.client_certificate.accepted INFO',
      'tls.session.stale_identity ERROR',
    ]);
    assert.deepEqual(events(staleClient(), KNOWN), []);
  });
  it('of a client without a certificate that Node calls authorized are that, once an hour', () => {
    assert.deepEqual(events(unfoundedClient()), ['tls.session.unauthenticated_resumption ERROR']);
    assert.deepEqual(events(unfoundedClient(), KNOWN), []);
  });

  it('of a refused client certificate are its failure and its rejection', () => {
    assert.deepEqual(events(refusedClient()), ['tls.handshake.failed WARN', 'tls.client_certificate.rejected WARN']);
  });
  it('of a client without the key of its certificate are both', () => {
    assert.deepEqual(events(acceptedClient({ outcome: failed('decrypt_error') })), [
      'tls.handshake.failed ERROR',
      'tls.client_certificate.rejected ERROR',
    ]);
  });
  it('of a client that failed for other reasons, after it presented a certificate, are the failure alone', () => {
    for (const outcome of [failed('handshake_timeout'), failed('connection_reset', { decidedBy: 'network' })]) {
      const [only, ...others] = events(acceptedClient({ outcome }));
      assert.match(only!, /^tls\.handshake\.failed/);
      assert.deepEqual(others, []);
    }
  });
  it('of a client that refused us are the failure alone: nobody rejected its certificate', () => {
    const outcome = failed('decrypt_error', { decidedBy: 'peer' });
    assert.deepEqual(events(acceptedClient({ outcome })), ['tls.handshake.failed ERROR']);
  });
  it('of a client without a certificate where one was required are the failure alone', () => {
    const handshake = refusedClient({
      peerCertificate: undefined,
      verification: { result: 'not_presented', enforced: true, errors: [] },
      outcome: failed('certificate_required'),
    });
    assert.deepEqual(events(handshake), ['tls.handshake.failed WARN']);
  });
  it('of a server certificate that we refused are the failure alone', () => {
    const handshake = refusedClient({ side: 'client' });
    assert.deepEqual(events(handshake), ['tls.handshake.failed WARN']);
  });
  it('of an alert are the failure', () => {
    assert.deepEqual(events(alertedClient()), ['tls.handshake.failed WARN']);
  });

  it('of a verified client certificate are its acceptance, the first time', () => {
    assert.deepEqual(events(acceptedClient()), ['tls.client_certificate.accepted INFO']);
    assert.deepEqual(events(acceptedClient(), KNOWN), []);
  });
  it('of a client certificate that was let in unverified are none', () => {
    const verification = { result: 'failed', enforced: false, errors: ['certificate_expired'] } as const;
    assert.deepEqual(events(acceptedClient({ verification })), []);
  });
  it('do not use up the first time on a client that was refused', () => {
    const asked: string[] = [];
    const memory: EventMemory = {
      isFirstUse: fingerprint => {
        asked.push(fingerprint);
        return true;
      },
    };
    events(refusedClient(), memory);
    assert.deepEqual(asked, []);
    events(acceptedClient(), memory);
    assert.deepEqual(asked, [BILLING.fingerprint]);
  });

  for (const reason of Object.keys(FAILURE_REASONS) as FailureReason[]) {
    it(`are as severe as ${reason}`, () => {
      const severities = eventsOf(acceptedClient({ outcome: failed(reason) }), FIRST).map(([, severity]) => severity);
      assert.deepEqual([...new Set(severities)], [FAILURE_REASONS[reason].severity]);
    });
  }
});

describe('an event in the logs', () => {
  let recorder: TelemetryRecorder;
  let occurrence: Occurrence;
  let sink: EventSink;

  beforeEach(() => {
    recorder = new TelemetryRecorder();
    occurrence = new Occurrence(FIRST);
    sink = new EventSink(() => recorder.logger, DEFAULT_SETTINGS, occurrence);
  });

  const SPAN = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
  const CALLER = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 1 };
  const parent = trace.setSpanContext(ROOT_CONTEXT, CALLER);

  it('says in words what happened, when, how grave it is, and everything that is known of the handshake', () => {
    sink.report(refusedClient(), ROOT_CONTEXT);
    const [failure, rejection, ...others] = recorder.logs;
    assert.deepEqual(others, []);
    assert.equal(failure!.eventName, 'tls.handshake.failed');
    assert.equal(failure!.severityText, 'WARN');
    assert.equal(failure!.severityNumber, 13);
    assert.equal(failure!.body, FAILURE_REASONS.certificate_expired.brief);
    assert.deepEqual(failure!.hrTime, [Math.floor((NOON + 4.25) / 1000), 4_250_000]);
    assert.equal(failure!.attributes['error.type'], 'certificate_expired');
    assert.equal(failure!.attributes['tls.client.subject'], 'CN=billing,O=Acme');
    assert.equal(failure!.attributes['tls.client.x509.public_key_algorithm'], 'EC');
    assert.equal(failure!.attributes['tls.failure.brief'], FAILURE_REASONS.certificate_expired.brief);
    assert.equal(failure!.attributes['tls.failure.hint'], FAILURE_REASONS.certificate_expired.hint);
    assert.equal(rejection!.eventName, 'tls.client_certificate.rejected');
    assert.deepEqual(rejection!.attributes, failure!.attributes);
  });

  it('has no words for an acceptance, and no attributes of a failure', () => {
    sink.report(acceptedClient(), ROOT_CONTEXT);
    const [acceptance] = recorder.logs;
    assert.equal(acceptance!.eventName, 'tls.client_certificate.accepted' satisfies EventName);
    assert.equal(acceptance!.severityNumber, 9);
    assert.equal(acceptance!.severityText, 'INFO');
    assert.equal(acceptance!.body, undefined);
    const names = Object.keys(acceptance!.attributes);
    assert.deepEqual(
      names.filter(name => /failure|error/.test(name)),
      [],
    );
  });

  it('is an ERROR by its number too', () => {
    sink.report(alertedClient({ outcome: failed('certificate_revoked', { decidedBy: 'peer' }) }), ROOT_CONTEXT);
    assert.equal(recorder.logs[0]!.severityNumber, 17);
  });

  it('belongs to the span of its handshake, and names it', () => {
    for (const handshake of [refusedClient(), alertedClient()]) {
      occurrence.remember(handshake, SPAN);
      sink.report(handshake, parent);
      const record = recorder.logs.at(-1)!;
      assert.deepEqual(record.spanContext, SPAN);
      assert.equal(record.attributes[CONNECTION_ID], SPAN.spanId);
    }
  });

  it('of a client handshake without a span belongs to its caller; of a server to nobody', () => {
    sink.report(alertedClient(), parent);
    assert.deepEqual(recorder.logs.at(-1)!.spanContext, CALLER);
    assert.equal(recorder.logs.at(-1)!.attributes[CONNECTION_ID], undefined);
    sink.report(refusedClient(), parent);
    assert.equal(recorder.logs.at(-1)!.spanContext, undefined);
  });

  it('of a refusal has the reason and the time of the refusal, and the span of the handshake', () => {
    const handshake = clientHandshake();
    occurrence.remember(handshake, SPAN);
    const failure = { reason: 'peer_closed_after_handshake', decidedBy: 'peer', phase: 'post_handshake' } as const;
    sink.refused({ handshake, failure: { ...failure, derived: true }, at: NOON + 1_000 }, parent);
    const [record] = recorder.logs;
    assert.equal(record!.eventName, 'tls.handshake.failed');
    assert.deepEqual(record!.hrTime, [NOON / 1000 + 1, 0]);
    assert.deepEqual(record!.spanContext, SPAN);
    assert.equal(record!.attributes[CONNECTION_ID], SPAN.spanId);
    assert.equal(record!.attributes['error.type'], 'peer_closed_after_handshake');
    assert.equal(record!.attributes['tls.failure.derived'], true);
    assert.equal(record!.attributes['tls.established'], true);
  });

  it('is written by whatever logger there is at that moment', () => {
    const later = new TelemetryRecorder();
    let current = recorder;
    sink = new EventSink(() => current.logger, DEFAULT_SETTINGS, occurrence);
    sink.report(alertedClient(), ROOT_CONTEXT);
    current = later;
    sink.report(alertedClient(), ROOT_CONTEXT);
    assert.deepEqual([recorder.logs.length, later.logs.length], [1, 1]);
  });

  it('is not written where there is none: no logger is asked for', () => {
    sink = new EventSink(
      () => {
        throw new Error('asked for a logger');
      },
      DEFAULT_SETTINGS,
      occurrence,
    );
    assert.doesNotThrow(() => sink.report(serverHandshake(), ROOT_CONTEXT));
    assert.throws(() => sink.report(refusedClient(), ROOT_CONTEXT), /asked for a logger/);
  });
});

describe('what sinks agree on about a handshake', () => {
  it('are its events, found once, so that a first use is one for all of them', () => {
    let asked = 0;
    const occurrence = new Occurrence({ isFirstUse: () => asked++ === 0 });
    const handshake = acceptedClient();
    const first = occurrence.eventsOf(handshake);
    assert.equal(first.length, 1);
    assert.equal(occurrence.eventsOf(handshake), first);
    assert.deepEqual(occurrence.eventsOf(acceptedClient()), []);
    assert.deepEqual(occurrence.eventsOf(acceptedClient()), []);
  });

  it('is its span, which another handshake does not have', () => {
    const occurrence = new Occurrence(FIRST);
    const handshake = serverHandshake();
    const span = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
    assert.equal(occurrence.spanContextOf(handshake), undefined);
    occurrence.remember(handshake, span);
    assert.equal(occurrence.spanContextOf(handshake), span);
    assert.equal(occurrence.spanContextOf(serverHandshake()), undefined);
  });
});
