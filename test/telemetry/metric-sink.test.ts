import assert from 'node:assert/strict';
import { type Meter, metrics, type Observable } from '@opentelemetry/api';
import type { Histogram } from '@opentelemetry/sdk-metrics';
import type { Handshake } from '../../src/handshake/handshake';
import { MetricSink } from '../../src/telemetry/metric-sink';
import { DURATION_BOUNDARIES, INSTRUMENTS } from '../../src/telemetry/metrics';
import { TelemetryRecorder } from '../support/telemetry-recorder';
import {
  acceptedClient,
  alertedClient,
  BILLING,
  clientHandshake,
  failed,
  NOON,
  portScan,
  refusedClient,
  serverHandshake,
} from './sample-handshakes';

const VERIFICATIONS = 'tls.server.client_certificate.verifications';

/** What was forgotten is of no handshake. What was left unsaid is counted by suppression-report.ts, and not a handshake at a time; abuse by pattern-sink.ts; certificates by expiry-sink.ts. */
const ROWS = Object.entries(INSTRUMENTS).filter(([name]) => !/^tls\.(telemetry|abuse|certificate)\./.test(name));

describe('the metrics', () => {
  let recorder: TelemetryRecorder;
  let sink: MetricSink;
  beforeEach(() => {
    recorder = new TelemetryRecorder();
    const meter = recorder.meterProvider.getMeter('test');
    sink = new MetricSink(() => meter);
  });

  /** Value and attributes of every point of a metric. */
  async function points(name: string) {
    const { dataPoints = [] } = (await recorder.metrics())[name] ?? {};
    return dataPoints.map(({ value, attributes }) => ({ value: value as number, attributes }));
  }

  /** The histogram's points. */
  async function durations(name: string) {
    const { dataPoints = [] } = (await recorder.metrics())[name] ?? {};
    return dataPoints.map(({ value, attributes }) => ({ ...(value as Histogram), attributes }));
  }

  it('are the ones of the table, with its units and words, and no others', async () => {
    sink.begun('server');
    sink.begun('client');
    sink.report(refusedClient());
    sink.report(clientHandshake());
    const all = await recorder.metrics();
    assert.deepEqual(Object.keys(all).sort(), ROWS.map(([name]) => name).sort());
    for (const [name, row] of ROWS) {
      const { unit, description, dataPoints } = all[name]!;
      assert.deepEqual({ unit, description }, { unit: row.unit, description: row.brief });
      const known: readonly string[] = row.attributes;
      for (const { attributes } of dataPoints)
        assert.deepEqual(
          Object.keys(attributes).filter(key => !known.includes(key)),
          [],
        );
    }
  });

  describe('of duration', () => {
    it('are in seconds, on the side the handshake was on', async () => {
      sink.report(serverHandshake({ started: NOON, ended: NOON + 1500 }));
      sink.report(clientHandshake({ started: NOON, ended: NOON + 20 }));
      const [server] = await durations('tls.server.handshake.duration');
      const [client] = await durations('tls.client.handshake.duration');
      assert.deepEqual([server!.count, server!.sum], [1, 1.5]);
      assert.deepEqual([client!.count, client!.sum], [1, 0.02]);
    });

    it('tell a millisecond from ten seconds', async () => {
      const milliseconds = [0.5, 1, 1.5, 10_000, 10_001];
      for (const ms of milliseconds) sink.report(serverHandshake({ started: 0, ended: ms }));
      const [all] = await durations('tls.server.handshake.duration');
      assert.deepEqual(all!.buckets.boundaries, DURATION_BOUNDARIES);
      assert.deepEqual(all!.buckets.counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    });

    const OUTCOMES: readonly [string, Handshake, object][] = [
      [
        'a success: no error.type',
        serverHandshake(),
        { 'tls.protocol.version': '1.3', 'tls.resumed': false, 'tls.handshake.outcome': 'established' },
      ],
      [
        'a resumption',
        clientHandshake({ resumed: true, peerCertificate: undefined }),
        { 'tls.protocol.version': '1.3', 'tls.resumed': true, 'tls.handshake.outcome': 'established' },
      ],
      [
        'a failure',
        refusedClient(),
        {
          'tls.protocol.version': '1.3',
          'tls.resumed': false,
          'tls.handshake.outcome': 'failed',
          'error.type': 'certificate_expired',
        },
      ],
      ['a port scan', portScan(), { 'tls.resumed': false, 'tls.handshake.outcome': 'abandoned' }],
    ];
    for (const [name, handshake, attributes] of OUTCOMES) {
      it(`say of ${name}`, async () => {
        sink.report(handshake);
        const [point, ...others] = await durations(`tls.${handshake.side}.handshake.duration`);
        assert.deepEqual(point!.attributes, attributes);
        assert.deepEqual(others, []);
      });
    }

    it('grow no dimension out of what a peer chooses', async () => {
      for (let i = 0; i < 50; i++) {
        const of = { serverName: `host-${i}.test`, peer: { address: `192.0.2.${i}`, port: i } };
        sink.report(
          refusedClient({ ...of, peerCertificate: { ...BILLING, subject: `CN=${i}`, serialNumber: `${i}` } }),
        );
        sink.report(alertedClient(of));
      }
      assert.equal((await durations('tls.server.handshake.duration')).length, 1);
      assert.equal((await durations('tls.client.handshake.duration')).length, 1);
      assert.equal((await points(VERIFICATIONS)).length, 1);
    });
  });

  describe('of active handshakes', () => {
    const active = async () => ({
      server: (await points('tls.server.active_handshakes'))[0]?.value,
      client: (await points('tls.client.active_handshakes'))[0]?.value,
    });

    it('rise when one begins, fall when it is over, and come back to nothing', async () => {
      sink.begun('server');
      sink.begun('server');
      sink.begun('client');
      assert.deepEqual(await active(), { server: 2, client: 1 });
      sink.over('server');
      assert.deepEqual(await active(), { server: 1, client: 1 });
      sink.over('server');
      sink.over('client');
      assert.deepEqual(await active(), { server: 0, client: 0 });
    });

    it('have no attributes', async () => {
      sink.begun('server');
      assert.deepEqual((await points('tls.server.active_handshakes'))[0]!.attributes, {});
    });
  });

  describe('of verifications', () => {
    const CASES: readonly [string, Handshake, object | undefined][] = [
      ['a certificate that verifies', acceptedClient(), { 'tls.verify.result': 'ok' }],
      [
        'a certificate that was refused, with its reason',
        refusedClient(),
        { 'tls.verify.result': 'failed', 'error.type': 'certificate_expired' },
      ],
      [
        'a certificate that was let in, with what was wrong with it',
        acceptedClient({ verification: { result: 'failed', enforced: false, errors: ['unknown_ca', '_OTHER'] } }),
        { 'tls.verify.result': 'failed', 'error.type': 'unknown_ca' },
      ],
      [
        'none, where one was asked for',
        serverHandshake({ verification: { result: 'not_presented', enforced: false, errors: [] } }),
        { 'tls.verify.result': 'not_presented' },
      ],
      [
        'a handshake that broke before',
        serverHandshake({
          verification: { result: 'unverified', enforced: true, errors: [] },
          outcome: failed('protocol_version'),
        }),
        { 'tls.verify.result': 'unverified', 'error.type': 'protocol_version' },
      ],
      ['a server that asks for no certificate', serverHandshake(), undefined],
      ['a client, which verifies its server', clientHandshake(), undefined],
    ];
    for (const [name, handshake, attributes] of CASES) {
      it(`${attributes ? 'count' : 'do not count'} ${name}`, async () => {
        sink.report(handshake);
        assert.deepEqual(await points(VERIFICATIONS), attributes ? [{ value: 1, attributes }] : []);
      });
    }

    it('add up', async () => {
      for (let i = 0; i < 3; i++) sink.report(acceptedClient());
      sink.report(refusedClient());
      assert.deepEqual(
        (await points(VERIFICATIONS)).map(({ value }) => value),
        [3, 1],
      );
    });
  });

  describe('when the SDK starts after the first handshake', () => {
    it('are measured by it from then on, with the handshakes that are under way', async () => {
      let meter: Meter = metrics.getMeter('before there is an SDK');
      sink = new MetricSink(() => meter);
      sink.begun('server');
      sink.begun('server');
      sink.over('server');
      sink.report(serverHandshake());
      meter = recorder.meterProvider.getMeter('test');
      sink.report(serverHandshake());
      const [duration] = await durations('tls.server.handshake.duration');
      assert.equal(duration!.count, 1);
      assert.equal((await points('tls.server.active_handshakes'))[0]!.value, 1);
    });

    it('leave the SDK that was there before alone', async () => {
      const earlier = new TelemetryRecorder();
      const watched = watchedMeter(earlier);
      let meter: Meter = watched.meter;
      sink = new MetricSink(() => meter);
      sink.begun('server');
      sink.report(serverHandshake());
      assert.equal(watched.callbacks, 3);
      meter = recorder.meterProvider.getMeter('test');
      sink.report(serverHandshake());
      assert.equal(watched.callbacks, 0);
      assert.equal((await points('tls.server.active_handshakes'))[0]!.value, 1);
    });
  });

  it('tell what was forgotten for want of room, by the table that it stood in', async () => {
    const forgotten: Record<string, number> = { certificates: 3, pseudonyms: 0 };
    sink = new MetricSink(
      () => recorder.meterProvider.getMeter('test'),
      () => forgotten,
    );
    sink.report(serverHandshake());
    const certificates = { 'tls.telemetry.table': 'certificates' };
    assert.deepEqual(await points('tls.telemetry.evictions'), [{ value: 3, attributes: certificates }]);
    forgotten['certificates'] = 5;
    assert.deepEqual(await points('tls.telemetry.evictions'), [{ value: 5, attributes: certificates }]);
  });

  describe('once closed', () => {
    it('let go of the SDK at once, when no handshake is under way', () => {
      const watched = watchedMeter(recorder);
      sink = new MetricSink(() => watched.meter);
      sink.begun('server');
      sink.over('server');
      assert.equal(watched.callbacks, 3);
      sink.close();
      assert.equal(watched.callbacks, 0);
    });

    it('say that no handshake is active before they let go: the SDK repeats the last number for ever', async () => {
      const watched = watchedMeter(recorder);
      sink = new MetricSink(() => watched.meter);
      sink.begun('server');
      sink.begun('client');
      assert.equal((await points('tls.server.active_handshakes'))[0]!.value, 1);
      sink.close();
      for (const name of ['tls.server.active_handshakes', 'tls.client.active_handshakes'])
        assert.equal((await points(name))[0]!.value, 0);
      while (watched.callbacks > 0) await new Promise(resolve => setImmediate(resolve));
      assert.equal((await points('tls.server.active_handshakes'))[0]!.value, 0);
    });

    it('stay closed, whatever is still heard of handshakes that were under way', async () => {
      let asked = 0;
      const meter = recorder.meterProvider.getMeter('test');
      sink = new MetricSink(() => {
        asked++;
        return meter;
      });
      sink.begun('server');
      sink.close();
      const before = asked;
      sink.over('server');
      sink.begun('server');
      sink.report(serverHandshake());
      assert.equal(asked, before);
      assert.equal((await points('tls.server.active_handshakes'))[0]!.value, 0);
      assert.deepEqual(await durations('tls.server.handshake.duration'), []);
    });

    it('may be closed before anything was measured, and twice', () => {
      sink.close();
      sink.close();
    });
  });
});

/** The SDK's own meter, with the callbacks counted that it would call. */
function watchedMeter(recorder: TelemetryRecorder): { readonly meter: Meter; readonly callbacks: number } {
  const meter = recorder.meterProvider.getMeter('watched');
  const callbacks = new Set();
  const watch = <Instrument extends Observable>(instrument: Instrument): Instrument => {
    const { addCallback, removeCallback } = instrument;
    instrument.addCallback = callback => {
      callbacks.add(callback);
      addCallback.call(instrument, callback);
    };
    instrument.removeCallback = callback => {
      callbacks.delete(callback);
      removeCallback.call(instrument, callback);
    };
    return instrument;
  };
  const upDownCounter = meter.createObservableUpDownCounter.bind(meter);
  meter.createObservableUpDownCounter = (name, options) => watch(upDownCounter(name, options));
  const counter = meter.createObservableCounter.bind(meter);
  meter.createObservableCounter = (name, options) => watch(counter(name, options));
  return {
    meter,
    get callbacks() {
      return callbacks.size;
    },
  };
}
