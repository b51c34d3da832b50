/**
 * What telemetry adds to a handshake within one process: the ratio of the CPU time of handshakes that it watches to that of
 * others, which it lets pass.
 *
 *     npm run bench:within [-- --pairs 200 --scenario server,client]
 *
 * Two processes of the very same kind differ by hundredths for as long as they live, by where their code and data came to
 * lie and by what V8 made of them when: `npm run bench` has to live with that, and cannot tell a hundredth from chance.
 * Here both kinds of handshakes run through the same code in the same memory, a slice each, one right after the other in an
 * order drawn anew each time. A slice's CPU time includes the export of what it left behind. The others are not quite free:
 * each socket is asked whether it is to be watched, as in a process without an SDK (a row of `npm run bench`).
 *
 * The bare process is measured the same way: its two kinds differ by nothing, and 1.000 has to lie within its limits.
 */
import { parseArgs } from 'node:util';
import { MeasuredProcess, type OtherSide, startOtherSide } from './measured-process';
import { AT_A_TIME, HANDSHAKE_VARIANTS, type HandshakeScenario } from './protocol';
import { type Estimate, inAnyOrder, medianOf, quantile, ratioOf, whereAndWhen, written } from './statistics';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '2' },
    pairs: { type: 'string', default: '100' },
    handshakes: { type: 'string', default: '128' },
    'warm-up': { type: 'string', default: '15000' },
    scenario: { type: 'string', default: 'server,mutual,client,resumed' },
  },
});

/** Each with processes of its own. */
const ROUNDS = Number(options.rounds);
const PAIRS_A_ROUND = Number(options.pairs);
const HANDSHAKES_A_SLICE = Number(options.handshakes);
const WARM_UP_HANDSHAKES = Number(options['warm-up']);

const VARIANTS = ['bare', 'floor', 'all', 'failed_only', 'sampled_out'] as const;
type WithinVariant = (typeof VARIANTS)[number];

const BOTH_KINDS = [true, false] as const;

/** CPU time of two slices, in microseconds a handshake. */
interface Pair {
  readonly watched: number;
  readonly unwatched: number;
}

void main();

async function main(): Promise<void> {
  const otherSide = await startOtherSide();
  console.log(
    `${whereAndWhen()}; ` +
      `${ROUNDS} rounds of ${PAIRS_A_ROUND} pairs of ${HANDSHAKES_A_SLICE} handshakes each, ${AT_A_TIME} at a time`,
  );
  for (const scenario of (options.scenario ?? '').split(',') as HandshakeScenario[]) {
    const pairs = new Map<WithinVariant, Pair[]>(VARIANTS.map(variant => [variant, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const variant of VARIANTS) pairs.get(variant)?.push(...(await measure(scenario, variant, otherSide)));
    }
    print(scenario, pairs);
  }
  otherSide.close();
}

async function measure(scenario: HandshakeScenario, variant: WithinVariant, otherSide: OtherSide): Promise<Pair[]> {
  const measured = await MeasuredProcess.start(scenario, variant, otherSide);
  await measured.warmUp(WARM_UP_HANDSHAKES, BOTH_KINDS);
  const pairs: Pair[] = [];
  for (let i = 0; i < PAIRS_A_ROUND; i++) {
    const pair = { watched: 0, unwatched: 0 };
    for (const watched of inAnyOrder(BOTH_KINDS)) {
      const before = await measured.usage();
      await measured.slice(HANDSHAKES_A_SLICE, watched);
      await measured.flush();
      pair[watched ? 'watched' : 'unwatched'] = ((await measured.usage()) - before) / HANDSHAKES_A_SLICE;
    }
    pairs.push(pair);
  }
  await measured.end();
  return pairs;
}

function print(scenario: HandshakeScenario, pairs: ReadonlyMap<WithinVariant, readonly Pair[]>): void {
  console.log(`\n${scenario}`);
  const ratios = (variant: WithinVariant): Estimate =>
    medianOf((pairs.get(variant) ?? []).map(({ watched, unwatched }) => watched / unwatched));
  for (const variant of VARIANTS) {
    const watched = quantile(
      (pairs.get(variant) ?? []).map(pair => pair.watched),
      0.5,
    );
    const compared = variant === 'all' ? `   ${written(ratioOf(ratios(variant), ratios('floor')))} x floor` : '';
    console.log(
      `  ${HANDSHAKE_VARIANTS[variant].padEnd(42)} ${watched.toFixed(0).padStart(5)} us   ` +
        `${written(ratios(variant))} x unwatched${compared}`,
    );
  }
}
