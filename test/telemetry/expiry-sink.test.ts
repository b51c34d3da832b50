import assert from 'node:assert/strict';
import type { PeerCertificate } from '../../src/certificate/peer-certificate';
import type { Handshake } from '../../src/handshake/handshake';
import type { EventLogger } from '../../src/telemetry/event-sink';
import { expiryDaysOf } from '../../src/telemetry/expiry-attributes';
import { type ExpiryParts, ExpirySink } from '../../src/telemetry/expiry-sink';
import { MinuteLimit } from '../../src/telemetry/minute-limit';
import { Occurrence } from '../../src/telemetry/occurrence';
import { TelemetryRecorder } from '../support/telemetry-recorder';
import { acceptedClient, BILLING, clientHandshake, NOON, refusedClient, serverHandshake } from './sample-handshakes';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
const GAUGE = 'tls.certificate.time_to_expiry';

let issued = 0;

/** Valid for a year unless said otherwise. */
function ending(inMs: number, lifetime = 365 * DAY): PeerCertificate {
  const notAfter = NOON + inMs;
  const fingerprint = (++issued).toString(16).toUpperCase().padStart(8, '0').padEnd(64, '0');
  return { ...BILLING, fingerprint, notAfter, notBefore: notAfter - lifetime };
}

describe('the days that a certificate has left', () => {
  for (const [left, lifetime, expected] of [
    [30 * DAY, 365 * DAY, 30],
    [30 * DAY + SECOND, 365 * DAY, undefined],
    [7 * DAY, 365 * DAY, 7],
    [7 * DAY + SECOND, 365 * DAY, 30],
    [DAY, 365 * DAY, 1],
    [DAY + SECOND, 365 * DAY, 7],
    [SECOND, 365 * DAY, 1],
    [0, 365 * DAY, 0],
    [-DAY, 365 * DAY, 0],
    // A third of its time, and a second more.
    [20 * 60 * SECOND, HOUR, 1],
    [20 * 60 * SECOND + SECOND, HOUR, undefined],
    [30 * DAY, 90 * DAY, 30],
    [16 * DAY, 47 * DAY, undefined],
  ] as const) {
    it(`are ${expected ?? 'nothing to speak of'} when ${left / HOUR} of ${lifetime / HOUR} hours are left`, () => {
      assert.equal(expiryDaysOf(ending(left, lifetime), NOON), expected);
    });
  }

  it('are not known of one without an end', () => {
    assert.equal(expiryDaysOf({ ...BILLING, notAfter: undefined }, NOON), undefined);
  });
});

describe('certificates that end soon', () => {
  let recorder: TelemetryRecorder;
  let configured: PeerCertificate[];
  let now: number;

  beforeEach(() => {
    recorder = new TelemetryRecorder();
    configured = [];
    now = NOON;
  });

  function sink(parts: Partial<ExpiryParts> = {}): ExpirySink {
    const meter = recorder.meterProvider.getMeter('test');
    return new ExpirySink({
      meter: () => meter,
      logger: () => recorder.logger as unknown as EventLogger,
      occurrence: new Occurrence({ isFirstUse: () => true }),
      configured: () => configured,
      peers: 'none',
      isListening: () => true,
      now: () => now,
      ...parts,
    });
  }

  const own = (ownCertificate: PeerCertificate): Handshake => serverHandshake({ ownCertificate });
  const client = (peerCertificate: PeerCertificate): Handshake => acceptedClient({ peerCertificate });
  const said = () => recorder.logs.map(({ attributes }) => attributes['tls.certificate.expires_within']);

  /** The series that there are, by role and fingerprint. */
  async function series(): Promise<Record<string, number>> {
    const points = (await recorder.metrics())[GAUGE]?.dataPoints ?? [];
    return Object.fromEntries(
      points.map(({ attributes, value }) => [
        `${attributes['tls.certificate.role']} ${attributes['tls.certificate.fingerprint']}`,
        value as number,
      ]),
    );
  }

  it('are told with everything that is known of them', () => {
    const certificate = ending(6.75 * DAY);
    sink().report(own(certificate));
    const [log] = recorder.logs;
    assert.equal(log?.eventName, 'tls.certificate.expiring');
    assert.equal(log?.severityText, 'WARN');
    assert.equal(log?.body, 'A certificate of our own ends within 7 days.');
    assert.equal(log?.attributes['tls.certificate.role'], 'local');
    assert.equal(log?.attributes['tls.certificate.days_left'], 6.8);
    assert.equal(log?.attributes['tls.server.hash.sha256'], certificate.fingerprint);
    assert.equal(log?.attributes['tls.server.not_after'], new Date(certificate.notAfter!).toISOString());
  });

  it('are told once a day, and at once when fewer days are left', () => {
    const certificate = ending(7 * DAY + HOUR);
    const watching = sink();
    const at = (ms: number) => {
      now = NOON + ms;
      watching.report(own(certificate));
    };
    at(0);
    at(SECOND);
    assert.deepEqual(said(), [30]);
    at(HOUR);
    assert.deepEqual(said(), [30, 7], 'the next threshold');
    at(HOUR + DAY - 1);
    assert.deepEqual(said(), [30, 7], 'within the day');
    at(HOUR + DAY);
    assert.deepEqual(said(), [30, 7, 7], 'a day later');
  });

  it('are those of clients that were accepted, too, and of servers that a client trusts', () => {
    const watching = sink();
    watching.report(client(ending(DAY)));
    watching.report(clientHandshake({ peerCertificate: ending(DAY) }));
    const [ofClient, ofServer] = recorder.logs;
    assert.equal(ofClient?.body, "A peer's certificate ends within a day.");
    assert.ok(ofClient?.attributes['tls.client.subject']);
    assert.ok(ofServer?.attributes['tls.server.subject']);
  });

  it('are none of a client that was refused', () => {
    sink().report(refusedClient({ peerCertificate: ending(DAY) }));
    assert.deepEqual(said(), []);
  });

  it('of peers are ten a minute, and then it is said how many were not', () => {
    const watching = sink();
    for (let i = 0; i < 13; i++) watching.report(client(ending(DAY)));
    assert.equal(recorder.logs.length, 10);
    now += 60 * SECOND;
    watching.report(client(ending(DAY)));
    assert.equal(recorder.logs.at(-1)?.attributes['tls.certificate.unsaid'], 3);
  });

  it('are told when a server is configured with one, and again a day later when metrics are collected', async () => {
    const watching = sink();
    configured = [ending(-HOUR)];
    watching.configured();
    assert.equal(recorder.logs[0]?.body, 'A certificate of our own has ended.');
    await series();
    assert.equal(recorder.logs.length, 1);
    now += DAY;
    await series();
    assert.equal(recorder.logs.length, 2);
  });

  it('wait for somebody to listen', () => {
    let listening = false;
    const watching = sink({ isListening: () => listening });
    configured = [ending(DAY)];
    watching.configured();
    assert.deepEqual(said(), []);
    listening = true;
    watching.configured();
    assert.deepEqual(said(), [1]);
  });

  it('go nowhere without a logger, and are measured all the same', async () => {
    const watching = sink({ logger: undefined });
    const certificate = ending(DAY);
    watching.report(own(certificate));
    assert.deepEqual(said(), []);
    assert.deepEqual(await series(), { [`local ${certificate.fingerprint.slice(0, 8)}`]: DAY / SECOND });
  });

  describe('and the gauge', () => {
    it('has what servers are configured with and what was used, in seconds, negative afterwards', async () => {
      const watching = sink();
      const [ended, used] = [ending(-HOUR), ending(DAY)];
      configured = [ended];
      watching.configured();
      watching.report(own(used));
      now += 500;
      assert.deepEqual(await series(), {
        [`local ${ended.fingerprint.slice(0, 8)}`]: -3600.5,
        [`local ${used.fingerprint.slice(0, 8)}`]: 86_399.5,
      });
    });

    it('counts down no longer when a server has another one, or an hour after the last handshake', async () => {
      const watching = sink();
      const [old, renewed, used] = [ending(DAY), ending(90 * DAY), ending(2 * DAY)];
      configured = [old];
      watching.configured();
      watching.report(own(used));
      configured = [renewed];
      now += HOUR;
      const before = await series();
      assert.equal(before[`local ${old.fingerprint.slice(0, 8)}`], undefined);
      assert.equal(before[`local ${used.fingerprint.slice(0, 8)}`], (2 * DAY - HOUR) / SECOND);
      now += SECOND;
      const after = await series();
      assert.equal(after[`local ${used.fingerprint.slice(0, 8)}`], (2 * DAY - HOUR) / SECOND, 'it stands still');
      assert.equal(after[`local ${renewed.fingerprint.slice(0, 8)}`], (90 * DAY - HOUR - SECOND) / SECOND);
    });

    it('has peers when they are wanted, and no others than those that were verified', async () => {
      const watching = sink({ peers: 'by_fingerprint' });
      const peer = ending(DAY);
      watching.report(client(peer));
      watching.report(refusedClient({ peerCertificate: ending(DAY) }));
      assert.deepEqual(await series(), { [`peer ${peer.fingerprint.slice(0, 8)}`]: 86_400 });
    });

    it('has no peers when they are not wanted, and does not name them when nobody is to be named', async () => {
      const none = sink();
      none.report(client(ending(DAY)));
      assert.deepEqual(await series(), {});
      none.close();
      const nameless = sink({ peers: 'nameless' });
      nameless.report(client(ending(2 * DAY)));
      nameless.report(client(ending(DAY)));
      assert.deepEqual(await series(), { 'peer other': 86_400 });
    });

    it('has a series for each of the first hundred of a role, and one for the soonest of the others', async () => {
      const watching = sink({ peers: 'by_fingerprint' });
      for (let i = 0; i < 100; i++) watching.report(client(ending((i + 10) * DAY)));
      await series();
      watching.report(client(ending(9 * DAY)));
      watching.report(client(ending(3 * DAY)));
      const all = await series();
      assert.equal(Object.keys(all).length, 101);
      assert.equal(all['peer other'], (3 * DAY) / SECOND);
    });

    it('is of the meter that there is by then', async () => {
      const early = new TelemetryRecorder();
      let meter = early.meterProvider.getMeter('test');
      const watching = sink({ meter: () => meter });
      const certificate = ending(DAY);
      watching.report(own(certificate));
      meter = recorder.meterProvider.getMeter('test');
      watching.report(own(certificate));
      assert.equal(Object.keys(await series()).length, 1);
      assert.deepEqual((await early.metrics())[GAUGE]?.dataPoints ?? [], []);
    });
  });
});

describe('what is said so many times a minute', () => {
  it('is the first ones of it, and how many were left out is told with the next', () => {
    const limit = new MinuteLimit(2);
    assert.deepEqual(
      [0, 1, 2, 59_999].map(at => limit.take(at)),
      [0, 0, undefined, undefined],
    );
    assert.deepEqual(
      [60_000, 60_001].map(at => limit.take(at)),
      [2, 0],
    );
  });

  it('does not wait for a clock that was set back', () => {
    const limit = new MinuteLimit(1);
    assert.deepEqual(
      [1_000_000, 1_000_001, 0].map(at => limit.take(at)),
      [0, undefined, 1],
    );
  });
});
