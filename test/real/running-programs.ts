import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * The programs of one `describe`: call it there once. Whatever is started through it is stopped after the last test,
 * and what the programs said is printed when a test fails.
 */
export function runningPrograms(): RunningPrograms {
  const programs = new RunningPrograms();
  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.error(programs.whatTheySaid());
  });
  after(() => programs.stopAll());
  return programs;
}

export class RunningPrograms {
  readonly #started: RunningProgram[] = [];

  /** @param cwd ours unless given */
  start(name: string, command: string, args: string[], env: NodeJS.ProcessEnv = {}, cwd?: string): RunningProgram {
    const program = new RunningProgram(name, command, args, env, cwd);
    this.#started.push(program);
    return program;
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#started.map(program => program.stop()));
  }

  whatTheySaid(): string {
    return this.#started.map(program => program.whatItSaid()).join('\n');
  }
}

export class RunningProgram {
  stdout = '';
  stderr = '';
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<string>;
  #isRunning = true;

  constructor(name: string, command: string, args: string[], env: NodeJS.ProcessEnv, cwd?: string) {
    this.#name = name;
    this.#process = spawn(command, args, {
      cwd,
      env: { ...cleanEnvironment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process.stdout!.on('data', chunk => {
      this.stdout += chunk;
    });
    this.#process.stderr!.on('data', chunk => {
      this.stderr += chunk;
    });
    const ended = new Promise<string>(resolve => {
      this.#process.once('error', reason => resolve(`could not be started: ${reason.message}`));
      this.#process.once('close', (code, signal) => resolve(`ended with ${signal ?? code}`));
    });
    this.#ended = ended.then(how => {
      this.#isRunning = false;
      unfinished.delete(this.#process);
      return how;
    });
    unfinished.add(this.#process);
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Asks it to end, insists after ten seconds. Resolves to how it ended: `ended with SIGTERM`, `ended with 0`. */
  async stop(): Promise<string> {
    if (this.#isRunning) {
      this.#process.kill('SIGTERM');
      const insist = setTimeout(() => this.#process.kill('SIGKILL'), 10_000);
      await this.#ended;
      clearTimeout(insist);
    }
    return this.#ended;
  }

  /**
   * Polls until `probe` gives something other than undefined; a probe that throws is asked again. Rejects when the
   * program ends before, or after `seconds`, saying what was awaited and what the program said.
   */
  async until<T>(what: string, probe: () => Promise<T | undefined> | T | undefined, seconds = 45): Promise<T> {
    return eventually(what, probe, {
      seconds,
      unless: () => (this.#isRunning ? undefined : `${this.#name} is no longer running`),
      context: () => this.whatItSaid(),
    });
  }

  whatItSaid(): string {
    return `--- ${this.#name}, stdout:\n${this.stdout.slice(-1000)}\n--- ${this.#name}, stderr:\n${this.stderr.slice(-3000)}`;
  }
}

interface Patience {
  /** Generous, for slow machines: nothing waits longer than it must. */
  readonly seconds?: number;
  /** A reason to give up before the time is over. */
  readonly unless?: () => string | undefined;
  /** What to tell with the failure. */
  readonly context?: () => string;
}

/** Polls until `probe` gives something other than undefined; a probe that throws is asked again. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  { seconds = 45, unless, context }: Patience = {},
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let lastReason: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined) return found;
      lastReason = undefined;
    } catch (reason) {
      lastReason = reason;
    }
    const hopeless = unless?.() ?? (Date.now() > deadline ? `not within ${seconds} s` : undefined);
    if (hopeless) throw new Error(`${what}: ${hopeless}\n${context?.() ?? ''}`, { cause: lastReason });
    await delay(100);
  }
}

/** A developer's own OTEL_* and NODE_OPTIONS must not steer the programs under test. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_') && name !== 'NODE_OPTIONS'),
  );
}

const unfinished = new Set<ChildProcess>();
// mocha itself interrupted, or a hook that threw: nothing of ours stays behind.
process.once('exit', () => {
  for (const child of unfinished) child.kill('SIGKILL');
});
