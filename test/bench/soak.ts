/**
 * What is left in memory of 100,000 handshakes, most of them failing, under the preload: bytes a handshake, as the slope
 * of a line through what is held after each round. Beside it a bare server, which has its own slope.
 *
 *     npm run soak [-- --handshakes 100000 --rounds 20 --server bare,preloaded]
 */
import { parseArgs } from 'node:util';
import { Collector } from '../support/collector';
import { Attacker, FloodedServer, KINDS, makeCredentials } from './flooding';

const { values: options } = parseArgs({
  options: {
    handshakes: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '20' },
    server: { type: 'string', default: 'bare,preloaded' },
  },
});
const ROUNDS = Number(options.rounds);
const HANDSHAKES_A_ROUND = Math.ceil(Number(options.handshakes) / ROUNDS);

void main();

async function main(): Promise<void> {
  const credentials = await makeCredentials();
  const attacker = await Attacker.make();
  const collector = await Collector.start();
  const preload = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_NODE_RESOURCE_DETECTORS: 'none',
    OTEL_BSP_SCHEDULE_DELAY: '500',
    OTEL_BLRP_SCHEDULE_DELAY: '500',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    OTEL_METRIC_EXPORT_TIMEOUT: '1000',
  };
  for (const [name, environment] of [
    ['bare', undefined],
    ['preloaded', preload],
  ] as const) {
    if (!options.server.split(',').includes(name)) continue;
    const server = await FloodedServer.start(credentials, environment);
    const held: (readonly [handshakes: number, bytes: number])[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      await server.endure(attacker, KINDS, HANDSHAKES_A_ROUND);
      // What waits for its export goes first.
      await new Promise(resolve => setTimeout(resolve, 1_500));
      held.push([server.attacked, (await server.ask('held')).held]);
      console.log(`${name} ${held.at(-1)?.join(' handshakes, ')} bytes held`);
    }
    // The first half is the process's youth: code is compiled, caches are filled.
    const settled = held.slice(Math.floor(held.length / 2));
    console.log(
      `${name}: ${slope(held).toFixed(2)} bytes a handshake; in the second half ${slope(settled).toFixed(2)}`,
    );
    await server.end();
  }
  const counted = collector.countIn('tls.server.handshake.duration');
  console.log(`${counted} handshakes in the histogram, ${collector.spans.length} spans, ${collector.logs.length} logs`);
  await collector.close();
}

/** Of the line with the least squares. */
function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))];
  const over = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  return over / points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
}
