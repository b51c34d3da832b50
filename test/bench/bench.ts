/**
 * What a reported handshake costs, and a request's share in it, as ratios of CPU time to the bare process.
 *
 *     npm run bench [-- --rounds 8 --scenario server,requests]
 *
 * Each variant is a process of its own, pinned to one core; the load, the other end and the collector are here, on the
 * other. The variants take turns, a slice of handshakes each, in rotating order, so that a machine which changes its
 * speed changes it for all. A group's CPU time includes a final flush. Every round has processes of its own: two of the
 * same kind differ by some hundredths for as long as they live, by where their code and data came to lie. The bare
 * process runs twice: when the two differ by more than 3 %, the run says nothing.
 */
import { type ChildProcess, fork } from 'node:child_process';
import * as http from 'node:http';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import * as tls from 'node:tls';
import { parseArgs } from 'node:util';
import { CertificateAuthority } from '../support/certificate-authority';
import { CONSTANT_ATTRIBUTES } from './constant-attributes';
import {
  AT_A_TIME,
  COMPARED_WITH,
  type Credentials,
  type Flushed,
  type Instruction,
  type Report,
  SCENARIOS,
  type Scenario,
  severalAtATime,
  type Variant,
  variantsOf,
} from './protocol';

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
/**
 * Before anything is measured, and between them an export, of metrics too. Until then V8 compiles and compiles again, in
 * each process when it happens to: it has seen only TLS sockets, then an exporter comes with plain ones.
 */
const WARM_UP_HANDSHAKES = Number(options['warm-up']);
const WARM_UP_EXPORTS = 5;
/** A request costs a tenth of a handshake. */
const REQUESTS_A_HANDSHAKE = 10;
const MEASURED_CORE = '0';
const OTHER_CORE = '1';

/** CPU time of one group, in microseconds. */
type Group = ReadonlyMap<Variant, number>;

void main();

async function main(): Promise<void> {
  pin(process.pid, OTHER_CORE);
  const credentials = await makeCredentials();
  const collector = await startCollector();
  const [cpu] = os.cpus();
  console.log(
    `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${os.cpus().length} x ${cpu?.model.trim()}; ` +
      `${ROUNDS} rounds of ${GROUPS_A_ROUND} groups of ${SLICES_A_GROUP * HANDSHAKES_A_SLICE} handshakes, ${AT_A_TIME} at a time`,
  );
  for (const scenario of (options.scenario ?? '').split(',') as Scenario[]) {
    const known = Object.keys(variantsOf(scenario)) as Variant[];
    const wanted = options.variant?.split(',');
    const variants = known.filter(variant => wanted?.includes(variant) ?? true);
    const groups: Group[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      groups.push(...(await measure(scenario, variants, credentials, collector)));
    }
    print(scenario, variants, groups);
  }
  collector.server.close();
}

async function measure(
  scenario: Scenario,
  variants: readonly Variant[],
  credentials: Credentials,
  collector: { port: number },
): Promise<Group[]> {
  const peer = await startPeer(credentials);
  const runners = await Promise.all(
    variants.map(variant => Runner.start(scenario, variant, credentials, collector.port, peer.port)),
  );
  await Promise.all(runners.map(runner => runner.warmUp()));
  const groups: Group[] = [];
  for (let group = 0; group < GROUPS_A_ROUND; group++) {
    const used = new Map<Variant, number>();
    for (const runner of runners) await runner.flush();
    const before = await Promise.all(runners.map(runner => runner.usage()));
    for (let slice = 0; slice < SLICES_A_GROUP; slice++) {
      for (const [i] of runners.entries()) {
        await runners[(i + slice + group) % runners.length]?.slice(HANDSHAKES_A_SLICE);
      }
    }
    for (const runner of runners) await runner.flush();
    for (const [i, runner] of runners.entries()) {
      used.set(runner.variant, (await runner.usage()) - (before[i] ?? 0));
    }
    groups.push(used);
  }
  for (const runner of runners) await runner.end();
  peer.close();
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

/** Median and quartiles. */
function spread(values: readonly number[]): string {
  const [low, middle, high] = [0.25, 0.5, 0.75].map(q => quantile(values, q).toFixed(3));
  return `${middle} (${low}..${high})`;
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** One variant's process and the load on it. */
class Runner {
  readonly variant: Variant;
  readonly #scenario: Scenario;
  readonly #child: ChildProcess;
  readonly #port: number;
  readonly #peerPort: number;
  readonly #credentials: Credentials;
  /** One connection, kept alive. */
  readonly #agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  #session: Buffer | undefined;

  static async start(
    scenario: Scenario,
    variant: Variant,
    credentials: Credentials,
    collectorPort: number,
    peerPort: number,
  ): Promise<Runner> {
    const attributes = scenario === 'requests' ? undefined : CONSTANT_ATTRIBUTES[scenario];
    const child = fork(path.join(__dirname, scenario === 'requests' ? 'request-variant.js' : 'variant.js'), {
      env: {
        ...process.env,
        BENCH_SETUP: JSON.stringify({ scenario, variant, credentials, attributes }),
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collectorPort}`,
        OTEL_SERVICE_NAME: 'bench',
        OTEL_NODE_RESOURCE_DETECTORS: 'none',
        OTEL_LOGS_EXPORTER: 'none',
        ...(variant.endsWith('sampled_out') && { OTEL_TRACES_SAMPLER: 'always_off' }),
      },
    });
    pin(child.pid ?? 0, MEASURED_CORE);
    const report = (await nextReport(child)) as { ready: number };
    return new Runner(scenario, variant, credentials, child, report.ready, peerPort);
  }

  private constructor(
    scenario: Scenario,
    variant: Variant,
    credentials: Credentials,
    child: ChildProcess,
    port: number,
    peerPort: number,
  ) {
    this.variant = variant;
    this.#scenario = scenario;
    this.#credentials = credentials;
    this.#child = child;
    this.#port = port;
    this.#peerPort = peerPort;
  }

  async slice(handshakes: number): Promise<void> {
    if (this.#scenario === 'client') {
      await this.#ask({ do: 'connect', port: this.#peerPort, times: handshakes });
      return;
    }
    if (this.#scenario === 'requests') {
      for (let i = 0; i < handshakes * REQUESTS_A_HANDSHAKE; i++) await this.#request();
      return;
    }
    await severalAtATime(handshakes, () => this.#connect());
  }

  async warmUp(): Promise<void> {
    for (let i = 0; i < WARM_UP_EXPORTS; i++) {
      await this.slice(WARM_UP_HANDSHAKES / WARM_UP_EXPORTS);
      await this.flush('spans and metrics');
    }
  }

  async usage(): Promise<number> {
    return ((await this.#ask({ do: 'usage' })) as { usage: number }).usage;
  }

  async flush(what: Flushed = 'spans'): Promise<void> {
    await this.#ask({ do: 'flush', what });
  }

  async end(): Promise<void> {
    this.#agent.destroy();
    await this.#ask({ do: 'end' });
    this.#child.kill();
  }

  async #ask(instruction: Instruction): Promise<Report> {
    this.#child.send(instruction);
    return nextReport(this.#child);
  }

  #request(): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = https.get({
        port: this.#port,
        host: '127.0.0.1',
        servername: 'localhost',
        path: '/orders/42',
        rejectUnauthorized: false,
        agent: this.#agent,
        key: this.#credentials.clientKey,
        cert: this.#credentials.clientCertificate,
      });
      request.on('error', reject);
      request.on('response', response => response.resume().on('end', resolve));
    });
  }

  #connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = tls.connect({
        port: this.#port,
        host: '127.0.0.1',
        servername: 'localhost',
        rejectUnauthorized: false,
        ...(this.#scenario === 'mutual' && {
          key: this.#credentials.clientKey,
          cert: this.#credentials.clientCertificate,
        }),
        ...(this.#scenario === 'resumed' && this.#session && { session: this.#session }),
      });
      if (this.#scenario === 'resumed') socket.on('session', session => (this.#session = session));
      socket.on('error', reject);
      socket.on('data', () => {});
      socket.on('close', () => resolve());
    });
  }
}

function nextReport(child: ChildProcess): Promise<Report> {
  return new Promise((resolve, reject) => {
    const early = (code: number | null) => reject(new Error(`a measured process ended early, with ${code}`));
    child.once('exit', early);
    child.once('message', report => {
      child.off('exit', early);
      resolve(report as Report);
    });
  });
}

async function startPeer(credentials: Credentials): Promise<{ port: number; close(): void }> {
  const server = tls.createServer({ key: credentials.serverKey, cert: credentials.serverCertificate }, socket => {
    socket.on('error', () => {});
    socket.end('.');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

/** Takes everything and keeps nothing. */
async function startCollector(): Promise<{ port: number; server: http.Server }> {
  const server = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, server };
}

async function makeCredentials(): Promise<Credentials> {
  const authority = await CertificateAuthority.create({ commonName: 'Bench CA' });
  const server = await authority.issue({ commonName: 'localhost', usage: 'server' });
  const client = await authority.issue({ commonName: 'bench', organization: 'Acme', usage: 'client' });
  return {
    authority: authority.certificate,
    serverKey: server.key,
    serverCertificate: server.certificate,
    clientKey: client.key,
    clientCertificate: client.certificate,
  };
}

/** Where `taskset` is missing nothing is pinned, and the quartiles will tell. */
function pin(pid: number, core: string): void {
  const { spawnSync } = require('node:child_process') as typeof import('node:child_process');
  spawnSync('taskset', ['-acp', core, String(pid)], { stdio: 'ignore' });
}
