import assert from 'node:assert/strict';
import { FAILURE_REASONS } from '../../src/handshake/failure-reasons';
import {
  type Failure,
  FLOOD_LIMITS,
  FloodControl,
  type FloodLimit,
  type FloodRates,
  networkOf,
} from '../../src/telemetry/flood-control';
import { NOON } from './sample-handshakes';

/** Nothing but the limits that are given. */
const NO_LIMITS: FloodRates = { floodLimit: 1e6, floodLimitPerNetwork: 1e6, floodLimitPerReason: 1e6 };
const DEFAULTS: FloodRates = { floodLimit: 50, floodLimitPerNetwork: 20, floodLimitPerReason: 20 };

function given(rates: Partial<FloodRates> = {}, start = 1_000) {
  const clock = { now: start };
  const flood = new FloodControl({ ...NO_LIMITS, ...rates }, () => clock.now);
  const ask = (facts: Partial<Failure> = {}) =>
    flood.limitReachedBy({ peerAddress: '192.0.2.7', reason: 'not_tls', at: NOON + clock.now, ...facts });
  /** How many of `count` may be said, at once. */
  const said = (count: number, facts: (i: number) => Partial<Failure> = () => ({})) =>
    Array.from({ length: count }, (_, i) => ask(facts(i))).filter(limit => limit === undefined).length;
  return { clock, flood, ask, said };
}

/** Any peer and any reason, each time another. */
const scattered = (i: number): Partial<Failure> => ({
  peerAddress: `10.${i >> 8}.${i & 255}.1`,
  reason: Object.keys(FAILURE_REASONS)[i % Object.keys(FAILURE_REASONS).length]!,
});

describe('flood control', () => {
  describe('lets through, of all failures,', () => {
    it('as many at once as a second allows, and not one more', () => {
      const { said } = given({ floodLimit: 50 });
      assert.equal(said(50, scattered), 50);
      assert.equal(said(1, scattered), 0);
    });

    it('one more when the time for one has passed, and not a millisecond before', () => {
      const { clock, said } = given({ floodLimit: 50 });
      said(50, scattered);
      clock.now += 19;
      assert.equal(said(1, scattered), 0);
      clock.now += 1;
      assert.equal(said(2, scattered), 1);
    });

    it('no more after a long pause than at first', () => {
      const { clock, said } = given({ floodLimit: 50 });
      said(60, scattered);
      clock.now += 3_600_000;
      assert.equal(said(60, scattered), 50);
    });

    it('nothing for a clock that is set back, and takes nothing for it either', () => {
      const { clock, said } = given({ floodLimit: 50 });
      assert.equal(said(20, scattered), 20);
      clock.now -= 3_600_000;
      assert.equal(said(40, scattered), 30);
      clock.now += 20;
      assert.equal(said(2, scattered), 1);
    });
  });

  for (const [name, rates, one, other] of [
    [
      'network',
      { floodLimit: 50, floodLimitPerNetwork: 20 },
      { peerAddress: '192.0.2.7' },
      { peerAddress: '198.51.100.7' },
    ],
    ['reason', { floodLimit: 50, floodLimitPerReason: 20 }, { reason: 'not_tls' }, { reason: 'certificate_revoked' }],
  ] as const) {
    describe(`of one ${name},`, () => {
      it('lets through a burst, and then no more than its rate, so that there is room for others', () => {
        const { clock, said, ask } = given(rates);
        assert.equal(
          said(100, () => one),
          50,
        );
        assert.equal(ask(one), name);
        clock.now += 1000;
        assert.equal(
          said(100, () => one),
          20,
        );
        assert.equal(
          said(100, () => other),
          30,
        );
      });

      it('lets through one more when the time for one has passed, and not a millisecond before', () => {
        const { clock, said } = given(rates);
        said(50, () => one);
        clock.now += 49;
        assert.equal(
          said(1, () => one),
          0,
        );
        clock.now += 1;
        assert.equal(
          said(2, () => one),
          1,
        );
      });

      it('takes nothing from the others for what it does not let through', () => {
        const { clock, said } = given(rates);
        said(50, () => one);
        clock.now += 1000;
        said(10_000, () => one);
        assert.equal(
          said(100, () => other),
          30,
        );
      });
    });
  }

  it('allows a limit above that of all failures, which then alone holds', () => {
    const { said, ask } = given({ floodLimit: 5, floodLimitPerNetwork: 100, floodLimitPerReason: 100 });
    assert.equal(said(100), 5);
    assert.equal(ask(), 'global');
  });

  it('always lets the first of a network and a reason through in quiet times', () => {
    const { clock, ask } = given({ floodLimit: 1, floodLimitPerNetwork: 1, floodLimitPerReason: 1 });
    for (let i = 0; i < 3_000; i++) {
      assert.equal(ask(scattered(i)), undefined, `the ${i}th`);
      clock.now += 1_000;
    }
  });

  it('lets through what a revoked certificate comes with while one network and one reason make noise', () => {
    const { clock, ask, said } = given(DEFAULTS);
    for (let second = 0; second < 10; second++) {
      said(3_000);
      clock.now += 1_000;
      said(3_000);
      assert.equal(ask({ peerAddress: '198.51.100.7', reason: 'certificate_revoked' }), undefined);
    }
  });

  describe('remembers', () => {
    it('1000 networks, lets the least recently seen go, and counts that', () => {
      const { flood, said } = given({ floodLimit: 1, floodLimitPerNetwork: 1 });
      said(1_000, scattered);
      assert.equal(flood.networks, 1_000);
      assert.equal(flood.takeUnsaid()!.networksForgotten, 0);
      said(1, () => scattered(1_000));
      assert.equal(flood.networks, 1_000);
      assert.equal(flood.takeUnsaid()!.networksForgotten, 1);
      said(100_000, scattered);
      assert.equal(flood.networks, 1_000);
    });

    it('a network that goes on, whoever else comes', () => {
      const { said, ask, clock } = given({ floodLimit: 2, floodLimitPerNetwork: 1 });
      said(2);
      clock.now += 500;
      for (let i = 0; i < 5_000; i++) {
        assert.equal(ask(), 'network');
        ask(scattered(i));
      }
    });
  });

  describe('sums up', () => {
    it('nothing where nothing was left unsaid', () => {
      const { flood, said } = given(DEFAULTS);
      said(50);
      assert.equal(flood.takeUnsaid(), undefined);
    });

    it('what was left unsaid: how many, why, from where, when and what of it', () => {
      const { flood, said, clock, ask } = given({ floodLimit: 10, floodLimitPerNetwork: 5 });
      said(10);
      clock.now += 100;
      for (let i = 0; i < 30; i++) flood.leftUnsaid('span', ask()!, 1);
      clock.now += 20;
      const reason = 'protocol_version';
      for (let i = 0; i < 4; i++) flood.leftUnsaid('event', ask({ reason, peerAddress: '2001:db8::1' }) ?? 'reason', 2);
      assert.deepEqual(flood.takeUnsaid(), {
        handshakes: 33,
        byReason: [
          ['not_tls', 30],
          ['protocol_version', 3],
        ],
        byNetwork: [
          ['192.0.2.0/24', 30],
          ['2001:db8:0:0::/64', 3],
        ],
        items: [
          { what: 'span', why: 'network', count: 30 },
          { what: 'event', why: 'global', count: 6 },
          { what: 'event', why: 'reason', count: 2 },
        ],
        firstSeen: NOON + 1_100,
        lastSeen: NOON + 1_120,
        networksForgotten: 0,
      });
    });

    it('each thing once', () => {
      const { flood, said } = given({ floodLimit: 1 });
      said(3);
      assert.equal(flood.takeUnsaid()!.handshakes, 2);
      assert.equal(flood.takeUnsaid(), undefined);
      said(1);
      assert.deepEqual(flood.takeUnsaid()!.byReason, [['not_tls', 1]]);
    });

    it('the ten networks from which most came, and all reasons', () => {
      const { flood, said } = given({ floodLimit: 1 });
      said(1);
      for (let i = 0; i < 40; i++) said(i + 1, () => scattered(i));
      const { byNetwork, byReason, handshakes } = flood.takeUnsaid()!;
      assert.equal(handshakes, (40 * 41) / 2);
      assert.deepEqual(
        byNetwork.map(([, count]) => count),
        [40, 39, 38, 37, 36, 35, 34, 33, 32, 31],
      );
      assert.equal(byReason.length, 40);
    });

    it('and calls at the first of it, once a summary', () => {
      const { flood, said } = given({ floodLimit: 1 });
      let calls = 0;
      flood.onUnsaid = () => calls++;
      said(1);
      assert.equal(calls, 0);
      said(5);
      assert.equal(calls, 1);
      flood.takeUnsaid();
      said(5);
      assert.equal(calls, 2);
    });
  });

  it('loses no failure and lets no limit be passed, whatever comes', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = randomFrom(seed);
      const rates = {
        floodLimit: 1 + Math.floor(random() * 60),
        floodLimitPerNetwork: 1 + Math.floor(random() * 60),
        floodLimitPerReason: 1 + Math.floor(random() * 60),
      };
      const { clock, flood, ask } = given(rates);
      const start = clock.now;
      const asked = 2_000;
      const through = { global: new Map<string, number>(), network: new Map(), reason: new Map() };
      let passed = 0;
      let unsaid = 0;
      for (let i = 0; i < asked; i++) {
        clock.now += random() < 0.2 ? random() * 200 : random();
        const peerAddress = `10.0.${Math.floor(random() * 4)}.1`;
        const reason = ['not_tls', 'unknown_ca', 'protocol_version'][Math.floor(random() * 3)]!;
        const limit = ask({ peerAddress, reason });
        if (limit === undefined) {
          passed++;
          for (const [kind, name] of Object.entries({ global: 'all', network: peerAddress, reason })) {
            const counts = through[kind as FloodLimit];
            counts.set(name, (counts.get(name) ?? 0) + 1);
          }
        } else {
          assert.ok(FLOOD_LIMITS.includes(limit));
        }
        if (random() < 0.01) unsaid += flood.takeUnsaid()?.handshakes ?? 0;
      }
      unsaid += flood.takeUnsaid()?.handshakes ?? 0;
      assert.equal(passed + unsaid, asked, `seed ${seed}`);
      const seconds = (clock.now - start) / 1000;
      const { floodLimit: all, floodLimitPerNetwork: network, floodLimitPerReason: reason } = rates;
      for (const [kind, rate] of [
        ['global', all],
        ['network', network],
        ['reason', reason],
      ] as const) {
        const most = Math.max(rate, all) + rate * seconds + 1e-6;
        for (const [name, count] of through[kind]) assert.ok(count <= most, `seed ${seed}: ${count} of ${name}`);
      }
    }
  });
});

describe('the network of an address', () => {
  for (const [address, network] of [
    ['192.0.2.7', '192.0.2.0/24'],
    ['192.0.2.255', '192.0.2.0/24'],
    ['192.0.3.0', '192.0.3.0/24'],
    ['::ffff:192.0.2.7', '192.0.2.0/24'],
    ['127.0.0.1', '127.0.0.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:1::', '2001:db8:0:1::/64'],
    ['2001::3:4:5:6:7', '2001:0:0:3::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    [undefined, 'unknown'],
    ['', 'unknown'],
    ['localhost', 'unknown'],
    ['/run/app.sock', 'unknown'],
    ['::ffff:999.0.2.7', 'unknown'],
    ['a'.repeat(100_000), 'unknown'],
  ] as const) {
    it(`${address === undefined ? 'that is not known' : `'${address.slice(0, 40)}'`} is ${network}`, () => {
      assert.equal(networkOf(address), network);
    });
  }

  it('is never longer than 43 characters', () => {
    const longest = 'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%a-very-long-interface-name-with-more-behind';
    assert.ok(networkOf(longest).length <= 43, networkOf(longest));
  });
});

/** Numbers from 0 to 1 that look random and are the same each time (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
