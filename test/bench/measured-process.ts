/** A process whose CPU time is measured, the load on it, the other end and the collector: all but the first are here. */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import * as http from 'node:http';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import * as path from 'node:path';
import * as tls from 'node:tls';
import { CertificateAuthority } from '../support/certificate-authority';
import { CONSTANT_ATTRIBUTES } from './constant-attributes';
import {
  type Credentials,
  type Flushed,
  type Instruction,
  type Ready,
  type Report,
  type Scenario,
  severalAtATime,
  type Variant,
} from './protocol';

/**
 * Exports while a process warms up, of metrics too. Until an exporter has come by with its plain sockets V8 has seen TLS
 * alone, and what it has compiled for that it must compile again.
 */
const WARM_UP_EXPORTS = 5;
/** A request costs a tenth of a handshake. */
export const REQUESTS_A_HANDSHAKE = 10;
const MEASURED_CORE = '0';
const OTHER_CORE = '1';

/** What all measured processes have on the other side of their sockets. */
export interface OtherSide {
  readonly credentials: Credentials;
  readonly collectorPort: number;
  readonly peerPort: number;
  close(): void;
}

export async function startOtherSide(): Promise<OtherSide> {
  pin(process.pid, OTHER_CORE);
  const credentials = await makeCredentials();
  const collector = await startCollector();
  const peer = await startPeer(credentials);
  return {
    credentials,
    collectorPort: collector.port,
    peerPort: peer.port,
    close() {
      collector.close();
      peer.close();
    },
  };
}

/** One variant's process and the load on it. */
export class MeasuredProcess {
  readonly variant: Variant;
  readonly #scenario: Scenario;
  readonly #child: ChildProcess;
  readonly #ports: Ready['ready'];
  readonly #otherSide: OtherSide;
  /** One connection, kept alive. */
  readonly #agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  #session: Buffer | undefined;

  static async start(scenario: Scenario, variant: Variant, otherSide: OtherSide): Promise<MeasuredProcess> {
    const { credentials, collectorPort } = otherSide;
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
    const { ready } = (await nextReport(child)) as Ready;
    return new MeasuredProcess(scenario, variant, otherSide, child, ready);
  }

  private constructor(
    scenario: Scenario,
    variant: Variant,
    otherSide: OtherSide,
    child: ChildProcess,
    ports: Ready['ready'],
  ) {
    this.variant = variant;
    this.#scenario = scenario;
    this.#otherSide = otherSide;
    this.#child = child;
    this.#ports = ports;
  }

  /** `watched: false` are handshakes that the telemetry of that process lets pass. */
  async slice(handshakes: number, watched = true): Promise<void> {
    if (this.#scenario === 'client') {
      await this.#ask({ do: 'connect', port: this.#otherSide.peerPort, times: handshakes, watched });
      return;
    }
    if (this.#scenario === 'requests') {
      for (let i = 0; i < handshakes * REQUESTS_A_HANDSHAKE; i++) await this.#request();
      return;
    }
    const port = this.#ports[watched ? 'watched' : 'unwatched'];
    await severalAtATime(handshakes, () => this.#connect(port));
  }

  /** `kinds`: watched ones and others, in equal parts. */
  async warmUp(handshakes: number, kinds: readonly boolean[] = [true]): Promise<void> {
    for (let i = 0; i < WARM_UP_EXPORTS; i++) {
      for (const watched of kinds) await this.slice(handshakes / WARM_UP_EXPORTS / kinds.length, watched);
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
        port: this.#ports.watched,
        host: '127.0.0.1',
        servername: 'localhost',
        path: '/orders/42',
        rejectUnauthorized: false,
        agent: this.#agent,
        key: this.#otherSide.credentials.clientKey,
        cert: this.#otherSide.credentials.clientCertificate,
      });
      request.on('error', reject);
      request.on('response', response => response.resume().on('end', resolve));
    });
  }

  #connect(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = tls.connect({
        port,
        host: '127.0.0.1',
        servername: 'localhost',
        rejectUnauthorized: false,
        ...(this.#scenario === 'mutual' && {
          key: this.#otherSide.credentials.clientKey,
          cert: this.#otherSide.credentials.clientCertificate,
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
async function startCollector(): Promise<{ port: number; close(): void }> {
  const server = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
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
  spawnSync('taskset', ['-acp', core, String(pid)], { stdio: 'ignore' });
}
