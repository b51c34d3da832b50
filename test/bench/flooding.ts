import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as net from 'node:net';
import * as path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import * as tls from 'node:tls';
import { CertificateAuthority } from '../support/certificate-authority';
import { recordClientHello, WORDS } from '../support/raw-peer';
import type { Question, Toll } from './flooded-server';
import type { Credentials } from './protocol';

const LOOPBACK = '127.0.0.1';
const REGISTER = path.join(__dirname, '../../src/register.js');

/** What a flood is made of, each a handshake that fails. */
export const KINDS = ['garbage', 'plain_http', 'bad_version', 'no_certificate', 'foreign_certificate'] as const;
export type Kind = (typeof KINDS)[number];

/** As it comes from the internet: the cheapest that a stranger can do. */
export const FLOOD: readonly Kind[] = ['garbage', 'plain_http', 'bad_version', 'no_certificate'];

/** Connections that one attacker has open at a time, and that he makes in one turn. */
const MAX_OPEN = 400;
const MAX_BURST = 50;

/** For a preloaded server: one failure a second is said. */
export const ALMOST_NOTHING_SAID = {
  OTEL_INSTRUMENTATION_TLS_FLOOD_LIMIT: '1',
  OTEL_INSTRUMENTATION_TLS_FLOOD_LIMIT_PER_NETWORK: '1',
  OTEL_INSTRUMENTATION_TLS_FLOOD_LIMIT_PER_REASON: '1',
};

/** All that a flooding stranger has: a few bytes, and a certificate that he issued himself. */
export class Attacker {
  readonly #context = tls.createSecureContext();
  readonly #foreign: tls.SecureContext;
  readonly #oldHello: Buffer;

  private constructor(foreign: tls.SecureContext, oldHello: Buffer) {
    this.#foreign = foreign;
    this.#oldHello = oldHello;
  }

  static async make(): Promise<Attacker> {
    const elsewhere = await CertificateAuthority.create({ commonName: 'Elsewhere CA' });
    const { key, certificate } = await elsewhere.issue({ commonName: 'stranger' });
    return new Attacker(
      tls.createSecureContext({ key, cert: certificate }),
      await recordClientHello({ minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' }),
    );
  }

  /** `times` handshakes, of the kinds in turn, some at once. Resolves when all connections are gone on our side. */
  async flood(port: number, kinds: readonly Kind[], times: number, atOnce = 8): Promise<void> {
    let next = 0;
    const attack = async () => {
      for (let number = next++; number < times; number = next++) {
        await this.#attack(port, kinds[number % kinds.length] as Kind);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, attack));
  }

  /**
   * `rate` handshakes a second, of the kinds in turn, whether or not those before are over. Resolves after `seconds`, with
   * how many were sent: fewer than were asked for where this side is not quick enough, or too many are still open.
   */
  async floodAt(port: number, kinds: readonly Kind[], rate: number, seconds: number): Promise<number> {
    const began = performance.now();
    let sent = 0;
    let open = 0;
    for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - began) / 1000) {
      // What could not be sent in time is not made up for: that would be another flood than was asked for.
      const due = Math.min(Math.floor(elapsed * rate) - sent, MAX_BURST);
      for (let i = 0; i < due && open < MAX_OPEN; i++) {
        open++;
        void this.#attack(port, kinds[sent++ % kinds.length] as Kind).then(() => open--);
      }
      await turn();
    }
    return sent;
  }

  async #attack(port: number, kind: Kind): Promise<void> {
    const socket = this.#connect(port, kind);
    socket.on('error', () => {});
    socket.resume();
    await new Promise(resolve => socket.once('close', resolve));
  }

  #connect(port: number, kind: Kind): net.Socket {
    const at = { port, host: LOOPBACK };
    switch (kind) {
      case 'garbage':
        return saying(at, WORDS.garbageRecord);
      case 'plain_http':
        return saying(at, WORDS.plainHttp);
      case 'bad_version':
        return saying(at, this.#oldHello);
      case 'no_certificate':
        return tls.connect({ ...at, secureContext: this.#context, rejectUnauthorized: false });
      case 'foreign_certificate':
        return tls.connect({ ...at, secureContext: this.#foreign, rejectUnauthorized: false });
      default:
        return kind satisfies never;
    }
  }
}

function saying(at: net.NetConnectOpts, bytes: Uint8Array): net.Socket {
  const socket = net.connect(at);
  socket.write(bytes);
  return socket;
}

/** A server in a process of its own. */
export class FloodedServer {
  readonly port: number;
  readonly #child: ChildProcess;
  #attacked = 0;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** `environment` undefined: bare, without us. */
  static async start(
    credentials: Credentials,
    environment?: NodeJS.ProcessEnv,
    nodeOptions: readonly string[] = [],
  ): Promise<FloodedServer> {
    const child = fork(path.join(__dirname, 'flooded-server.js'), {
      execArgv: ['--expose-gc', ...nodeOptions, ...(environment ? ['--require', REGISTER] : [])],
      env: { PATH: process.env['PATH'], FLOOD_CREDENTIALS: JSON.stringify(credentials), ...environment },
    });
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new FloodedServer(child, port);
  }

  /** Floods it, and resolves when it has done with all of that. */
  async endure(attacker: Attacker, kinds: readonly Kind[], times: number): Promise<void> {
    this.#attacked += times;
    await attacker.flood(this.port, kinds, times);
    while ((await this.ask('toll')).over < this.#attacked) await new Promise(setImmediate);
  }

  /** What comes of `rate` handshakes a second, all figures a second of wall time; `cpu` in seconds. */
  async endureAt(
    attacker: Attacker,
    kinds: readonly Kind[],
    rate: number,
    seconds: number,
  ): Promise<{ readonly sent: number; readonly served: number; readonly cpu: number }> {
    const before = await this.ask('toll');
    const began = performance.now();
    const sent = await attacker.floodAt(this.port, kinds, rate, seconds);
    const after = await this.ask('toll');
    const took = (performance.now() - began) / 1000;
    this.#attacked += sent;
    while ((await this.ask('toll')).over < this.#attacked) await turn();
    return { sent: sent / took, served: (after.over - before.over) / took, cpu: (after.cpu - before.cpu) / 1e6 / took };
  }

  /** Handshakes so far. */
  get attacked(): number {
    return this.#attacked;
  }

  async ask(question: Exclude<Question, 'end'>): Promise<Toll> {
    this.#child.send(question);
    const [toll] = (await once(this.#child, 'message')) as [Toll];
    return toll;
  }

  /** It ends by itself, and sends what it has. */
  async end(): Promise<number | null> {
    const ended = once(this.#child, 'exit');
    this.#child.send('end');
    const [code] = (await ended) as [number | null];
    return code;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Where `taskset` is missing nothing is pinned. */
  pin(core: string): void {
    spawnSync('taskset', ['-acp', core, String(this.#child.pid)], { stdio: 'ignore' });
  }
}

export async function makeCredentials(): Promise<Credentials> {
  const authority = await CertificateAuthority.create({ commonName: 'Flooded CA' });
  const server = await authority.issue({ commonName: 'localhost', usage: 'server' });
  const client = await authority.issue({ commonName: 'client', usage: 'client' });
  return {
    authority: authority.certificate,
    serverKey: server.key,
    serverCertificate: server.certificate,
    clientKey: client.key,
    clientCertificate: client.certificate,
  };
}

/** CPU microseconds a handshake of each server in each round, the servers taking turns. */
export async function compare(
  servers: readonly FloodedServer[],
  attacker: Attacker,
  kinds: readonly Kind[],
  { rounds, slices, handshakes }: { readonly rounds: number; readonly slices: number; readonly handshakes: number },
): Promise<number[][]> {
  const costs: number[][] = [];
  for (let round = 0; round < rounds; round++) {
    const used = servers.map(() => 0);
    for (let slice = 0; slice < slices; slice++) {
      for (let turn = 0; turn < servers.length; turn++) {
        const which = (turn + slice + round) % servers.length;
        const server = servers[which] as FloodedServer;
        const before = await server.ask('toll');
        await server.endure(attacker, kinds, handshakes);
        used[which] = (used[which] ?? 0) + (await server.ask('toll')).cpu - before.cpu;
      }
    }
    costs.push(used.map(cpu => cpu / (slices * handshakes)));
  }
  return costs;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
