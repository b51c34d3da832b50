/**
 * What a reported handshake costs, and a request's share in it, as ratios of CPU time to the bare process.
 *
 *     npm run bench [-- --rounds 8 --scenario server,requests]
 *
 * Each variant is a process of its own, pinned to one core; the load, the other end and the collector are here, on the
 * other. The variants take turns, a slice of handshakes each, so that a machine which changes its speed changes it for
 * all, and in an order drawn anew each time: who always ran right after the same other one would always find the caches
 * as that one leaves them, and its exports still under way. A group's CPU time includes a final flush. Every round has
 * processes of its own: two of the same kind differ by some hundredths for as long as they live, by where their code and
 * data came to lie. The bare process runs twice: when the two differ by more than 3 %, the run says nothing.
 */
import { parseArgs } from 'node:util';
import { MeasuredProcess, type OtherSide, REQUESTS_A_HANDSHAKE, startOtherSide } from './measured-process';
import { AT_A_TIME, COMPARED_WITH, SCENARIOS, type Scenario, type Variant, variantsOf } from './protocol';
import { inAnyOrder, quantile, spread, whereAndWhen } from './statistics';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    groups: { type: 'string', default: '6' },
    slices: { type: 'string', default: '8' },
    handshakes: { type: 'string', default: '64' },
    'warm-up': { type: 'string', default: '10000' },
    scenario: { type: 'string', default: SCENARIOS.join(',') },
    variant: { type: 'string' },
  },
});

const ROUNDS = Number(options.rounds);
const GROUPS_A_ROUND = Number(options.groups);
const SLICES_A_GROUP = Number(options.slices);
const HANDSHAKES_A_SLICE = Number(options.handshakes);
/** Before anything is measured. Until then V8 compiles and compiles again, in each process when it happens to. */
const WARM_UP_HANDSHAKES = Number(options['warm-up']);

/** CPU time of one group, in microseconds. */
type Group = ReadonlyMap<Variant, number>;

void main();

async function main(): Promise<void> {
  const otherSide = await startOtherSide();
  console.log(
    `${whereAndWhen()}; ` +
      `${ROUNDS} rounds of ${GROUPS_A_ROUND} groups of ${SLICES_A_GROUP * HANDSHAKES_A_SLICE} handshakes, ${AT_A_TIME} at a time`,
  );
  for (const scenario of (options.scenario ?? '').split(',') as Scenario[]) {
    const known = Object.keys(variantsOf(scenario)) as Variant[];
    const wanted = options.variant?.split(',');
    const variants = known.filter(variant => wanted?.includes(variant) ?? true);
    const groups: Group[] = [];
    for (let round = 0; round < ROUNDS; round++) groups.push(...(await measure(scenario, variants, otherSide)));
    print(scenario, variants, groups);
  }
  otherSide.close();
}

async function measure(scenario: Scenario, variants: readonly Variant[], otherSide: OtherSide): Promise<Group[]> {
  const processes = await Promise.all(variants.map(variant => MeasuredProcess.start(scenario, variant, otherSide)));
  await Promise.all(processes.map(one => one.warmUp(WARM_UP_HANDSHAKES)));
  const groups: Group[] = [];
  for (let group = 0; group < GROUPS_A_ROUND; group++) {
    const used = new Map<Variant, number>();
    for (const one of processes) await one.flush();
    const before = await Promise.all(processes.map(one => one.usage()));
    for (let slice = 0; slice < SLICES_A_GROUP; slice++) {
      for (const one of inAnyOrder(processes)) await one.slice(HANDSHAKES_A_SLICE);
    }
    for (const one of processes) await one.flush();
    for (const [i, one] of processes.entries()) used.set(one.variant, (await one.usage()) - (before[i] ?? 0));
    groups.push(used);
  }
  for (const one of processes) await one.end();
  return groups;
}

function print(scenario: Scenario, variants: readonly Variant[], groups: readonly Group[]): void {
  const ratios = (one: Variant, other: Variant) => groups.map(used => (used.get(one) ?? 0) / (used.get(other) ?? 1));
  console.log(`\n${scenario}`);
  for (const variant of variants) {
    const each = SLICES_A_GROUP * HANDSHAKES_A_SLICE * (scenario === 'requests' ? REQUESTS_A_HANDSHAKE : 1);
    const microseconds = groups.map(used => (used.get(variant) ?? 0) / each);
    const [other, name] = COMPARED_WITH[variant] ?? [];
    const compared = other && variants.includes(other) ? `   ${spread(ratios(variant, other))} x ${name}` : '';
    console.log(
      `  ${variantsOf(scenario)[variant]?.padEnd(42)} ${quantile(microseconds, 0.5).toFixed(0).padStart(5)} us   ` +
        `${spread(ratios(variant, 'bare'))} x bare${compared}`,
    );
  }
}
