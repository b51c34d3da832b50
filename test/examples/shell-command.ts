import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname } from 'node:path';

export interface CommandOptions {
  readonly cwd: string;
  /** Added to an environment that has nothing of OpenTelemetry's. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** What a command printed, and how it ended. */
export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
}

/** One command line as a reader types it into a shell; `node` is the Node that runs the tests. */
export class ShellCommand {
  readonly #line: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ran>;
  #stdout = '';
  #stderr = '';
  #heard = () => {};

  constructor(line: string, { cwd, environment }: CommandOptions) {
    this.#line = line;
    // A process group of its own, so that a signal reaches what the shell has started too.
    this.#child = spawn('sh', ['-c', line], {
      cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...plainEnvironment(), ...environment },
    });
    this.#child.stdout?.setEncoding('utf8').on('data', text => {
      this.#stdout += text;
      this.#heard();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', text => {
      this.#stderr += text;
    });
    // Not before the last process that holds its output has ended.
    this.#ended = once(this.#child, 'close').then(([exitCode]) => ({
      stdout: this.#stdout,
      stderr: this.#stderr,
      exitCode,
    }));
  }

  /** Resolves to the match in what was printed. Rejects when the command ends without it. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const said = new Promise<RegExpExecArray>(resolve => {
      this.#heard = () => {
        const match = pattern.exec(this.#stdout);
        if (match) resolve(match);
      };
      this.#heard();
    });
    const ended = this.#ended.then(ran => {
      throw new Error(`\`${this.#line}\` ended and never said ${pattern}: ${JSON.stringify(ran)}`);
    });
    return Promise.race([said, ended]);
  }

  end(): Promise<Ran> {
    return this.#ended;
  }

  /** As Ctrl-C or a service manager does it. */
  async stop(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<Ran> {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, signal);
    } catch (error) {
      // It has ended by itself.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    return this.#ended;
  }
}

export function run(line: string, options: CommandOptions): Promise<Ran> {
  return new ShellCommand(line, options).end();
}

function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(OTEL_|NODE_OPTIONS$|URL$|PORT$)/.test(name));
  return {
    ...Object.fromEntries(kept),
    PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
  };
}
