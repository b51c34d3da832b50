import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

export const CHECKOUT = join(__dirname, '../../..');
/** The package's side door, as the compiler left it. */
export const REGISTER = join(CHECKOUT, 'build/src/register.js');
export const APPLICATIONS = join(CHECKOUT, 'test/fixtures/applications');

export interface Start {
  /** Of Node, before the application's file. */
  readonly flags?: readonly string[];
  /** A file of `fixtures/applications`, or an absolute path. */
  readonly file: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The checkout, unless given. */
  readonly cwd?: string;
}

/** How a process ended, and what it said. */
export interface Ended {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From its last word on stdout, or from when the clock was restarted, to its end. */
  readonly milliseconds: number;
}

/** An application in a process of its own. */
export class Application {
  stdout = '';
  stderr = '';
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #since = performance.now();

  constructor({ flags = [], file, args = [], env = {}, cwd = CHECKOUT }: Start) {
    this.#child = spawn(process.execPath, [...flags, join(APPLICATIONS, file), ...args], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      // One that does not end is a failure, and not a test run that does not end.
      timeout: 40_000,
      killSignal: 'SIGKILL',
      env: { ...withoutOpenTelemetry(process.env), ...env },
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.stdout += chunk;
      this.restartClock();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.stderr += chunk;
    });
    this.ended = once(this.#child, 'close').then(([code, signal]) => ({
      code,
      signal,
      stdout: this.stdout,
      stderr: this.stderr,
      milliseconds: performance.now() - this.#since,
    }));
  }

  /** Starts it and waits for its end. */
  static run(start: Start): Promise<Ended> {
    return new Application(start).ended;
  }

  /** The first match in what it says on stdout, as soon as there is one. Rejects when it ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#until(pattern, 'stdout');
  }

  /** The same on stderr. */
  complains(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#until(pattern, 'stderr');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** What it says there goes nowhere from now on, and writing it fails. */
  closeStderr(): void {
    this.#child.stderr?.destroy();
  }

  restartClock(): void {
    this.#since = performance.now();
  }

  async #until(pattern: RegExp, where: 'stdout' | 'stderr'): Promise<RegExpExecArray> {
    let over = false;
    void this.ended.then(() => {
      over = true;
    });
    for (;;) {
      const found = pattern.exec(this[where]);
      if (found) return found;
      if (over) throw new Error(`ended without ${pattern} on ${where}: ${JSON.stringify(await this.ended)}`);
      await Promise.race([once(this.#child[where] as Readable, 'data'), this.ended]);
    }
  }
}

let running = 0;
const waiting: (() => void)[] = [];

/** No more than two processes at a time: these machines have two cores, and each application is a whole Node. */
export async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  if (running === 2) await new Promise<void>(resolve => waiting.push(resolve));
  else running++;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}

/** What Node compiled once it need not compile again, where somebody has set a folder aside for that. */
const COMPILED: Readonly<Record<string, string>> = process.env['NODE_COMPILE_CACHE']
  ? { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] }
  : {};

function withoutOpenTelemetry(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => !/^(OTEL_|NODE_)/.test(name));
  return { ...Object.fromEntries(kept), ...COMPILED };
}
