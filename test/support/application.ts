import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

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
  /** From the start, or from when `clock` was last restarted. */
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
      env: { ...withoutOpenTelemetry(process.env), ...env },
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.stdout += chunk;
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

  /** The first match in what it has said on stdout, as soon as there is one. Rejects when it ends before. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.stdout);
      if (found) return found;
      await Promise.race([once(this.#child.stdout!, 'data'), this.#endedEarly(pattern)]);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  restartClock(): void {
    this.#since = performance.now();
  }

  async #endedEarly(pattern: RegExp): Promise<void> {
    const ended = await this.ended;
    if (!pattern.test(ended.stdout)) throw new Error(`ended without saying ${pattern}: ${JSON.stringify(ended)}`);
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

function withoutOpenTelemetry(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(OTEL_|NODE_)/.test(name)));
}
