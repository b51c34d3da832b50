/**
 * What a flood of failing handshakes costs a server under the preload, as the share of its bare rate that it keeps: CPU
 * time a handshake of the bare process by that of the preloaded one, in turns, export included.
 *
 *     npm run bench:flood [-- --rounds 10 --kind garbage,no_certificate]
 *
 * The bare process runs twice: how far it is from itself is chance. How many of the handshakes are said depends on how
 * many come a second; at 3,000 it is one in sixty, and the last figure, where hardly any is, comes nearest to that.
 *
 * Then as many a second as `--rate` says, whether or not those before are over: how many of them a second the bare server
 * is done with, and the preloaded one, and how busy a core that keeps each.
 */
import * as os from 'node:os';
import { parseArgs } from 'node:util';
import { Collector } from '../support/collector';
import {
  ALMOST_NOTHING_SAID,
  Attacker,
  compare,
  FLOOD,
  FloodedServer,
  KINDS,
  type Kind,
  makeCredentials,
  median,
} from './flooding';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    slices: { type: 'string', default: '4' },
    handshakes: { type: 'string', default: '300' },
    kind: { type: 'string', default: `flood,${KINDS.join(',')}` },
    rate: { type: 'string', default: '3000' },
    seconds: { type: 'string', default: '3' },
  },
});

void main();

async function main(): Promise<void> {
  const credentials = await makeCredentials();
  const attacker = await Attacker.make();
  const collector = await Collector.start();
  const preload = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_NODE_RESOURCE_DETECTORS: 'none' };
  const servers = await Promise.all([
    FloodedServer.start(credentials),
    FloodedServer.start(credentials),
    FloodedServer.start(credentials, preload),
    FloodedServer.start(credentials, { ...preload, ...ALMOST_NOTHING_SAID }),
  ]);
  for (const server of servers) server.pin('0');
  const [cpu] = os.cpus();
  console.log(`Node ${process.version}, ${os.cpus().length} x ${cpu?.model.trim()}`);
  for (const name of (options.kind ?? '').split(',')) {
    const kinds = name === 'flood' ? FLOOD : [name as Kind];
    for (const server of servers) await server.endure(attacker, kinds, 3 * Number(options.handshakes));
    const costs = await compare(servers, attacker, kinds, {
      rounds: Number(options.rounds),
      slices: Number(options.slices),
      handshakes: Number(options.handshakes),
    });
    const shares = (other: number) => costs.map(cost => (cost[0] ?? 0) / (cost[other] ?? 1));
    console.log(
      `${name.padEnd(20)} bare ${median(costs.map(cost => cost[0] ?? 0)).toFixed(0)} us, ` +
        `bare again ${spread(shares(1))}, preloaded ${spread(shares(2))}, of what is not said ${spread(shares(3))}`,
    );
  }
  console.log(`\n${options.rate} a second are offered`);
  for (const name of (options.kind ?? '').split(',')) await floodAtRate(name, servers, attacker);
  for (const server of servers) await server.end();
  console.log(
    `${servers[2]?.attacked} handshakes, ${collector.spans.length} spans, ${collector.logs.length} log records`,
  );
  await collector.close();
}

/** Bare, bare again and preloaded, in turns. */
async function floodAtRate(name: string, servers: readonly FloodedServer[], attacker: Attacker): Promise<void> {
  const kinds = name === 'flood' ? FLOOD : [name as Kind];
  const compared = servers.slice(0, 3);
  const rounds: { readonly sent: number; readonly served: number; readonly cpu: number }[][] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    const seen = new Array<(typeof rounds)[number][number]>(compared.length);
    for (let turn = 0; turn < compared.length; turn++) {
      const which = (turn + round) % compared.length;
      const server = compared[which] as FloodedServer;
      seen[which] = await server.endureAt(attacker, kinds, Number(options.rate), Number(options.seconds));
    }
    rounds.push(seen);
  }
  const of = (which: number, figure: 'sent' | 'served' | 'cpu') =>
    median(rounds.map(seen => seen[which]?.[figure] ?? 0));
  const kept = (which: number) => spread(rounds.map(seen => (seen[which]?.served ?? 0) / (seen[0]?.served ?? 1)));
  console.log(
    `${name.padEnd(20)} sent ${of(0, 'sent').toFixed(0)} / ${of(2, 'sent').toFixed(0)}, ` +
      `served ${of(0, 'served').toFixed(0)} / ${of(2, 'served').toFixed(0)} a second, ` +
      `core busy ${of(0, 'cpu').toFixed(2)} / ${of(2, 'cpu').toFixed(2)}; ` +
      `bare again serves ${kept(1)}, preloaded ${kept(2)} of what bare does`,
  );
}

/** Median and quartiles. */
function spread(values: readonly number[]): string {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (q: number) => (sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN).toFixed(3);
  return `${at(0.5)} (${at(0.25)}..${at(0.75)})`;
}
