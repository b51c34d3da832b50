import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCredentials } from './credentials';

const FIXTURES = join(__dirname, '../../../test/fixtures/do-no-harm');
/** Who is not over by then never will be, and ends by SIGKILL. */
const LIMIT_MS = 25_000;
const REGISTER = join(__dirname, '../../src/register.js');

/**
 * How an application is run: without us; under the preload, exporting to a receiver; beside a NodeSDK that has our
 * instrumentation and keeps spans in memory; beside one that has it and exports as well; beside one that keeps
 * nothing; or under our hooks alone, which are counted.
 */
export type Setup = 'bare' | 'preloaded' | 'instrumented' | 'exporting' | 'forgetful' | 'tallied';

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What became of each handshake that was reported: `server failed certificate_expired`. Empty without us. */
  readonly reported: readonly string[];
}

export interface Manner {
  readonly args?: readonly string[];
  readonly nodeOptions?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  /** Sent when the application says `ready`. */
  readonly signal?: NodeJS.Signals;
  /** Undefined: 25 s. */
  readonly limitMs?: number;
  /** Nobody reads its stderr from the beginning. */
  readonly stderrClosed?: boolean;
}

/** Runs applications of `test/fixtures/do-no-harm/applications`, at most two at a time. */
export class SideBySide {
  readonly #folder = mkdtempSync(join(tmpdir(), 'do-no-harm-'));
  readonly #spans = new Map<string, string[]>();
  readonly #receiver = createServer((request, response) => this.#receive(request, response));
  #runs = 0;
  #running = 0;
  readonly #queue: Array<() => void> = [];

  async open(): Promise<void> {
    await writeCredentials(join(this.#folder, 'credentials.json'));
    this.#receiver.listen(0, '127.0.0.1');
    await once(this.#receiver, 'listening');
  }

  async close(): Promise<void> {
    rmSync(this.#folder, { recursive: true });
    this.#receiver.closeAllConnections();
    this.#receiver.close();
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', chunk => chunks.push(chunk));
    request.on('end', () => {
      const [, run = ''] = request.url?.split('/') ?? [];
      this.#spans.get(run)?.push(...outcomesIn(JSON.parse(Buffer.concat(chunks).toString())));
      response.setHeader('content-type', 'application/json').end('{}');
    });
  }

  /** Runs an application without us and in both ways with us; all that can be seen from outside must be equal. */
  async compare(application: string, manner: Manner = {}): Promise<{ preloaded: Ending; instrumented: Ending }> {
    const [bare, preloaded, instrumented] = await Promise.all([
      this.run(application, 'bare', manner),
      this.run(application, 'preloaded', manner),
      this.run(application, 'instrumented', manner),
    ]);
    for (const ours of [preloaded, instrumented]) {
      for (const [title, chapter] of chaptersOf(bare.stdout)) {
        assert.equal(chaptersOf(ours.stdout).get(title), chapter, title);
      }
      assert.equal(ours.stdout, bare.stdout);
      assert.equal(ours.stderr, bare.stderr);
      assert.deepEqual({ code: ours.code, signal: ours.signal }, { code: bare.code, signal: bare.signal });
    }
    return { preloaded, instrumented };
  }

  async run(application: string, setup: Setup, manner: Manner = {}): Promise<Ending> {
    if (this.#running === 2) await new Promise<void>(resolve => this.#queue.push(resolve));
    this.#running++;
    try {
      return await this.#run(application, setup, manner);
    } finally {
      this.#running--;
      this.#queue.shift()?.();
    }
  }

  async #run(application: string, setup: Setup, manner: Manner): Promise<Ending> {
    const run = `run-${++this.#runs}`;
    const reportFile = join(this.#folder, `${run}.json`);
    this.#spans.set(run, []);
    const preloads: Record<Setup, string[]> = {
      bare: [],
      preloaded: ['--require', REGISTER],
      instrumented: ['--require', join(FIXTURES, 'with-sdk.js')],
      forgetful: ['--require', join(FIXTURES, 'with-forgetful-sdk.js')],
      tallied: ['--require', join(FIXTURES, 'with-tally.js')],
      exporting: ['--require', join(FIXTURES, 'with-exporter.js')],
    };
    const child = spawn(
      process.execPath,
      [
        // Node's own frames beside ours are all shown: at the usual limit of ten, ours would push some out.
        '--stack-trace-limit=100',
        ...preloads[setup],
        ...(manner.nodeOptions ?? []),
        join(FIXTURES, 'applications', `${application}.js`),
        ...(manner.args ?? []),
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          PATH: process.env['PATH'],
          NO_COLOR: '1',
          DO_NO_HARM_CREDENTIALS: join(this.#folder, 'credentials.json'),
          DO_NO_HARM_REPORT: reportFile,
          DO_NO_HARM_SETUP: setup,
          OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
          OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(this.#receiver.address() as AddressInfo).port}/${run}`,
          OTEL_METRICS_EXPORTER: 'none',
          OTEL_LOGS_EXPORTER: 'none',
          // Everything at the end: an export in between is a request, which the application without us does not have.
          OTEL_BSP_SCHEDULE_DELAY: '600000',
          // Every handshake is looked for, however many fail at once.
          OTEL_INSTRUMENTATION_TLS_FLOOD_LIMIT: '1000000',
          ...manner.environment,
        },
      },
    );
    let stdout = '';
    let stderr = '';
    let signalled = false;
    child.stdout.on('data', chunk => {
      stdout += chunk;
      if (!manner.signal || signalled || !stdout.includes('ready\n')) return;
      signalled = true;
      child.kill(manner.signal);
    });
    if (manner.stderrClosed) child.stderr.destroy();
    else child.stderr.on('data', chunk => (stderr += chunk));
    const overdue = setTimeout(() => child.kill('SIGKILL'), manner.limitMs ?? LIMIT_MS);
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    clearTimeout(overdue);
    const kept = existsSync(reportFile) ? readFileSync(reportFile, 'utf8').split('\n').filter(Boolean) : [];
    return {
      code,
      signal,
      stdout: comparable(stdout),
      stderr: comparable(stderr),
      reported: [...kept, ...(this.#spans.get(run) ?? [])].sort(),
    };
  }
}

/** Leaves out what differs between two runs of one application: our own frames on the stack, ports, addresses in memory. */
function comparable(text: string): string {
  return text
    .replace(/( +at Reflect\.apply \(<anonymous>\)\n)? +at .*[\\/]build[\\/]src[\\/].*\n/g, '')
    .replace(/(127\.0\.0\.1|::1|localhost):\d+/g, '$1:PORT')
    .replace(/\bport: \d+/g, 'port: PORT')
    .replace(/\bport=\d+/g, 'port=PORT')
    .replace(/\b[0-9A-F]{8,16}:error:/g, 'THREAD:error:')
    .replace(/\(node:\d+\)/g, '(node:PID)');
}

function chaptersOf(stdout: string): Map<string, string> {
  return new Map(
    stdout
      .split('\n# ')
      .slice(1)
      .map(chapter => [chapter.slice(0, chapter.indexOf('\n')), chapter]),
  );
}

interface OtlpTraces {
  resourceSpans?: Array<{
    scopeSpans: Array<{
      spans: Array<{ name: string; attributes: Array<{ key: string; value: { stringValue?: string } }> }>;
    }>;
  }>;
}

function outcomesIn(traces: OtlpTraces): string[] {
  return (traces.resourceSpans ?? [])
    .flatMap(resource => resource.scopeSpans)
    .flatMap(scope => scope.spans)
    .map(span => {
      const said = (key: string) => span.attributes.find(attribute => attribute.key === key)?.value.stringValue;
      return [span.name, said('tls.handshake.outcome'), said('error.type')].filter(Boolean).join(' ');
    });
}
