import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FailureReason } from '../../src/handshake/failure-reasons';
import type { Handshake } from '../../src/handshake/handshake';
import type { Pattern, Sighting } from '../../src/patterns/pattern';
import { type Detection, PATTERNS, type PatternName, Patterns } from '../../src/patterns/patterns';
import { NOON } from '../telemetry/sample-handshakes';
import { abandoned, addressOf, certificate, certificateOf, early, from, letIn, refused, sighting } from './scene';

/** The same numbers in every run: a failure can be seen again. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to `below`, whole. */
  next(below: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * below);
  }

  shuffled<T>(list: readonly T[]): T[] {
    const left = [...list];
    return list.map(() => left.splice(this.next(left.length), 1)[0] as T);
  }
}

const REASONS: readonly FailureReason[] = [
  'unknown_ca',
  'certificate_expired',
  'certificate_revoked',
  'certificate_issuer_forged',
  'decrypt_error',
];
const EARLY: readonly FailureReason[] = ['not_tls', 'protocol_version', 'no_shared_cipher', 'connection_reset'];

function anyHandshake(chance: Chance): Handshake {
  const own = certificateOf(`client-${chance.next(8)}`, chance.next(40));
  const kinds = [
    () => letIn(own),
    () => refused(REASONS[chance.next(REASONS.length)], own),
    () => early(EARLY[chance.next(EARLY.length)]!),
    () => abandoned(),
  ];
  return from(addressOf(chance.next(6)), kinds[chance.next(kinds.length)]!());
}

/** One line a detection: what and about whom. */
const about = (detection: Detection, seen: Sighting) =>
  `${detection.pattern} ${detection.identity?.fingerprint ?? seen.peer}`;

/** What stands at the end depends on what was seen, not on the order in which it was. */
const ORDERLESS: readonly PatternName[] = [
  'retry_burst',
  'scanner',
  'certificate_rotation',
  'certificate_shared',
  'revoked_replay',
];

describe('the patterns', () => {
  for (const [name, row] of Object.entries<Pattern<string>>(PATTERNS)) {
    it(`say of ${name} what it means, what to do, who else does it and what it costs`, () => {
      for (const words of [row.brief, row.hint, row.falsePositives, row.cost])
        assert.match(words, /^[A-Z].{20,600}\.$/s);
      for (const [threshold, { brief, byDefault, atMost }] of Object.entries(row.thresholds)) {
        assert.match(threshold, /^[a-z]+$/);
        assert.ok(brief.length > 10 && byDefault >= 1 && byDefault <= atMost, threshold);
      }
    });
  }

  it('are looked for among requests only where that one is named: it costs each request something', () => {
    assert.equal(new Patterns().concernRequests, false);
    assert.equal(new Patterns({ unusual_endpoint: true }).concernRequests, true);
    assert.equal(new Patterns({ unusual_endpoint: { learning: 60 } }).concernRequests, true);
  });

  it('have an alert each, and no alert is for a pattern that is none', () => {
    const rules = readFileSync(join(__dirname, '../../../collector-config/alerts/tls.rules.yml'), 'utf8');
    const named = [...rules.matchAll(/expr: service:tls_abuse_detections:new10m\{tls_abuse_pattern="(\w+)"\}/g)];
    assert.deepEqual(
      named.map(match => match[1]),
      Object.keys(PATTERNS),
    );
  });

  it('find the same within a window, in whatever order they are told', () => {
    const names = Object.keys(PATTERNS) as PatternName[];
    const options = Object.fromEntries(names.map(name => [name, ORDERLESS.includes(name)]));
    let found = 0;
    for (let seed = 1; seed <= 30; seed++) {
      const chance = new Chance(seed);
      const handshakes = Array.from({ length: 250 }, () => anyHandshake(chance));
      const runs = [handshakes, chance.shuffled(handshakes), chance.shuffled(handshakes)].map(order => {
        const patterns = new Patterns({ ...options, certificate_shared: { peers: 4 }, retry_burst: { failures: 20 } });
        return order
          .flatMap((handshake, index) => {
            const seen = sighting(handshake, { at: index });
            return patterns.handshake(seen).map(detection => about(detection, seen));
          })
          .sort();
      });
      assert.deepEqual(runs[1], runs[0], `seed ${seed}`);
      assert.deepEqual(runs[2], runs[0], `seed ${seed}`);
      found += runs[0]!.length;
    }
    assert.ok(found > 300, `${found}`);
  });

  it('say nobody twice within a window', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const chance = new Chance(seed);
      const patterns = new Patterns();
      const said = Array.from({ length: 500 }, (_, index) => {
        const seen = sighting(anyHandshake(chance), { at: index * 10 });
        // An identity with another certificate is the same identity.
        return patterns
          .handshake(seen)
          .map(detection => `${detection.pattern} ${detection.identity?.subject ?? seen.peer}`)
          .filter(line => !/^(certificate_shared|revoked_replay|fail_then_success)/.test(line));
      }).flat();
      assert.deepEqual([...new Set(said)], said, `seed ${seed}`);
    }
  });

  it('bear a clock that goes back: nothing is thrown, and no window ends by it', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const chance = new Chance(seed);
      const patterns = new Patterns();
      for (let index = 0; index < 300; index++) {
        const at = chance.next(2) ? -chance.next(1e9) : chance.next(1e9);
        patterns.handshake(sighting(anyHandshake(chance), { at }));
      }
    }
    const patterns = new Patterns();
    const found = Array.from({ length: 30 }, (_, index) =>
      patterns.handshake(sighting(refused(), { at: 1e6 - index })),
    );
    assert.deepEqual(
      found.flat().map(({ pattern, count }) => [pattern, count]),
      [['retry_burst', 30]],
    );
    assert.ok(found.at(-1)!.length === 1);
  });

  it('throw at no hostile value, and say nothing longer than it may be', () => {
    const texts = [
      '',
      '\0',
      '\u202e\ud800',
      ':'.repeat(60),
      '%'.repeat(200),
      '__proto__',
      'constructor',
      'x'.repeat(100_000),
    ];
    const numbers = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1e308, 0];
    const patterns = new Patterns({ certificate_rotation: { unverified: 1 }, certificate_shared: { peers: 1 } });
    for (const text of texts) {
      for (const number of numbers) {
        const facts = { subject: text, issuer: text, spiffeId: text, pem: text, notBefore: number, notAfter: number };
        for (const fingerprint of [text, 'FF'.repeat(32)]) {
          const presented = certificate(1, { ...facts, fingerprint });
          for (const handshake of [letIn(presented), refused('unknown_ca', presented), early('not_tls')]) {
            const hostile = { ...handshake, ended: number };
            const seen = sighting(from(text, hostile), { at: number, time: number, connectionId: text });
            patterns.handshake(seen);
            const request = { at: number, time: number, identity: presented, endpoint: text };
            for (const { endpoint = '' } of patterns.request(request)) assert.ok(Buffer.byteLength(endpoint) <= 256);
          }
        }
      }
    }
  });

  it('are looked for or not, one by one, each with its own thresholds', () => {
    const told = (patterns: Patterns) =>
      Array.from({ length: 40 }, () => patterns.handshake(sighting(refused('certificate_revoked'))))
        .flat()
        .map(({ pattern, count }) => `${pattern} ${count}`);
    assert.deepEqual(told(new Patterns()), ['revoked_replay 3', 'retry_burst 30']);
    assert.deepEqual(told(new Patterns({ retry_burst: false })), ['revoked_replay 3']);
    assert.deepEqual(told(new Patterns({ retry_burst: { failures: 2 }, revoked_replay: true })), [
      'retry_burst 2',
      'revoked_replay 3',
    ]);
  });

  it('remember nobody of whom there is nothing to remember', () => {
    const patterns = new Patterns();
    patterns.handshake(sighting({ ...letIn(), peerCertificate: undefined }));
    assert.deepEqual([patterns.size, patterns.evictions()], [0, []]);
    patterns.handshake(sighting(letIn()));
    assert.ok(patterns.size > 0);
  });

  it('say when the first and the last were seen by the time of the handshakes, and not by the windows’ clock', () => {
    const patterns = new Patterns({ retry_burst: { failures: 3 } });
    const times = [NOON + 5, NOON + 1, NOON + 9];
    const found = times.flatMap((time, at) => patterns.handshake(sighting(refused(), { at, time })));
    assert.deepEqual(
      found.map(({ firstSeen, lastSeen }) => [firstSeen, lastSeen]),
      [[NOON + 1, NOON + 9]],
    );
  });
});
