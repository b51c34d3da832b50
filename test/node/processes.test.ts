import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ScenarioCertificates, scenarioCertificates } from '../support/scenario-certificates';
import { visit } from '../support/tls-pair';

const FIXTURES = join(__dirname, '../../../test/fixtures/processes');

/** What the preload of `report-handshakes.js` says of a handshake. */
interface Report {
  readonly side: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly fingerprint?: string;
  readonly verification: string;
  readonly address: string;
  readonly pid: number;
  readonly thread: string;
}

describe('An application of several', () => {
  let certificates: ScenarioCertificates;
  let application: Application | undefined;

  before(async () => {
    certificates = await scenarioCertificates();
  });
  afterEach(() => application?.kill());

  /** A server that demands a certificate of its clients; `both` is a certificate that will do for both sides. */
  function start(script: string, env: NodeJS.ProcessEnv = {}): Application {
    const { key, chain } = certificates.server.good;
    const options = { key, cert: chain, ca: certificates.root.certificate, requestCert: true };
    return new Application(script, { ...env, TLS_OPTIONS: JSON.stringify(options) });
  }

  const client = (presented: 'good' | 'expired') => ({
    ca: certificates.root.certificate,
    key: certificates.client[presented].key,
    cert: certificates.client[presented].chain,
  });

  for (const policy of ['rr', 'none']) {
    it(`processes (cluster, scheduled by ${policy}) reports each handshake once, from the process that made it`, async () => {
      application = start('cluster-application.js', { NODE_CLUSTER_SCHED_POLICY: policy });
      const port = await application.port;
      for (const presented of ['good', 'expired', 'good', 'expired'] as const) {
        await visit({ port, ...client(presented) });
      }
      const reports = await application.reported(4);
      assert.deepEqual(reports.map(({ outcome, reason }) => reason ?? outcome).sort(), [
        'certificate_expired',
        'certificate_expired',
        'established',
        'established',
      ]);
      for (const { side, outcome, fingerprint, verification, address, pid } of reports) {
        assert.equal(side, 'server');
        assert.equal(address, '127.0.0.1');
        assert.notEqual(pid, application.pid);
        const { good, expired } = certificates.client;
        assert.equal(fingerprint, outcome === 'established' ? good.fingerprint : expired.fingerprint);
        assert.equal(verification, outcome === 'established' ? 'ok' : 'failed');
      }
    });
  }

  it('threads reports each handshake once, from the thread that made it', async () => {
    application = start('worker-application.js');
    const port = await application.port;
    await visit({ port, ...client('expired') });
    const reports = await application.reported(3);
    const { good } = certificates.server;
    assert.deepEqual(
      reports.map(({ side, thread, outcome, reason, fingerprint }) => ({ side, thread, outcome, reason, fingerprint })),
      [
        // The client of the main thread presents a certificate that is for servers.
        {
          side: 'client',
          thread: 'main',
          outcome: 'established',
          reason: undefined,
          fingerprint: good.fingerprint,
        },
        {
          side: 'server',
          thread: 'worker',
          outcome: 'failed',
          reason: 'certificate_expired',
          fingerprint: certificates.client.expired.fingerprint,
        },
        {
          side: 'server',
          thread: 'worker',
          outcome: 'failed',
          reason: 'certificate_purpose_invalid',
          fingerprint: good.fingerprint,
        },
      ],
    );
  });
});

/** A script that runs with the reporting preload, and what it has said. */
class Application {
  readonly port: Promise<number>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #ended: Promise<unknown>;

  constructor(script: string, env: NodeJS.ProcessEnv) {
    const child = spawn(process.execPath, ['-r', join(FIXTURES, 'report-handshakes.js'), join(FIXTURES, script)], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child = child;
    const lines = createInterface({ input: child.stdout! });
    this.#ended = once(lines, 'close');
    this.port = new Promise((resolve, reject) => {
      lines.on('line', line => {
        this.#lines.push(line);
        const [, port] = /^listening (\d+)$/.exec(line) ?? [];
        if (port) resolve(Number(port));
      });
      void this.#ended.then(() => reject(new Error(`it ended:\n${this.#lines.join('\n')}`)));
    });
    // Nobody may be waiting for it any more.
    this.port.catch(() => {});
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Waits for so many reports, then for the end of the application, and returns all there were: by side and reason. */
  async reported(count: number): Promise<Report[]> {
    const deadline = Date.now() + 10_000;
    while (this.#reports().length < count && Date.now() < deadline)
      await new Promise(resolve => setTimeout(resolve, 5));
    this.#child.stdin!.end();
    await this.#ended;
    const reports = this.#reports();
    assert.equal(reports.length, count, JSON.stringify(reports));
    return reports.sort((one, other) => sortKey(one).localeCompare(sortKey(other)));
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #reports(): Report[] {
    return this.#lines
      .filter(line => line.startsWith('report '))
      .map(line => JSON.parse(line.slice('report '.length)) as Report);
  }
}

function sortKey({ side, reason = '' }: Report): string {
  return `${side} ${reason}`;
}
