import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOOPBACK } from './tls-pair';

/** Programs that are not ours and speak TLS by another library or another version of it. See `needsProgram`. */
export type Program = 'openssl' | 'curl';

/** Arguments with which OpenSSL speaks what it no longer does by default: TLS 1.0 and 1.1, SHA-1. */
export const LEGACY = ['-cipher', 'DEFAULT@SECLEVEL=0'];

/** What a program said before it ended. */
export interface Finished {
  readonly code: number | null;
  /** stdout and stderr, interleaved. */
  readonly output: string;
}

/** A running program. It is killed when the test's process ends, and by `stop()`. */
export class ExternalPeer {
  readonly finished: Promise<Finished>;
  readonly #child: ChildProcessWithoutNullStreams;
  #output = '';
  #wake: () => void = () => {};

  constructor(program: Program, args: readonly string[]) {
    const child = spawn(program, args, { stdio: 'pipe' });
    this.#child = child;
    // The program may be gone before it has read what we say.
    child.stdin.on('error', () => {});
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', text => {
        this.#output += text;
        this.#wake();
      });
    }
    const killWithUs = () => child.kill('SIGKILL');
    process.once('exit', killWithUs);
    this.finished = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', code => {
        process.off('exit', killWithUs);
        resolve({ code, output: this.#output });
        this.#wake();
      });
    });
  }

  /** Its standard input ends: s_client says goodbye and closes. */
  hangUp(): void {
    this.#child.stdin.end();
  }

  say(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Resolves with the match as soon as the output has one. Rejects when the program ends without. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (let over = false; ; ) {
      const match = pattern.exec(this.#output);
      if (match) return match;
      if (over) throw new Error(`it never said ${pattern}:\n${this.#output}`);
      const news = new Promise<boolean>(resolve => {
        this.#wake = () => resolve(false);
      });
      over = await Promise.race([news, this.finished.then(() => true)]);
    }
  }

  async stop(): Promise<Finished> {
    this.#child.kill('SIGKILL');
    return this.finished;
  }
}

/** Connects to a port of this machine. Its standard input stays open until `hangUp()`. */
export function opensslClient(port: number, args: readonly string[] = []): ExternalPeer {
  const target = ['s_client', '-connect', `${LOOPBACK}:${port}`, '-servername', 'localhost'];
  return new ExternalPeer('openssl', [...target, ...args]);
}

/** Listens on a free port of this machine until it is stopped. */
export async function opensslServer(args: readonly string[]): Promise<{ port: number; peer: ExternalPeer }> {
  const peer = new ExternalPeer('openssl', ['s_server', '-accept', `${LOOPBACK}:0`, ...args]);
  const [, port] = await peer.says(/ACCEPT \S+:(\d+)/);
  return { port: Number(port), peer };
}

export function curl(port: number, args: readonly string[] = [], path = '/'): ExternalPeer {
  const resolve = ['--resolve', `localhost:${port}:${LOOPBACK}`];
  return new ExternalPeer('curl', ['-sS', '--noproxy', '*', ...resolve, ...args, `https://localhost:${port}${path}`]);
}

/** A PKCS #12 bundle with the passphrase `secret`, as only OpenSSL makes it here: no library of the tests does. */
export function pkcs12(
  texts: Record<'key' | 'certificate' | 'authority', string>,
  passphrase = 'secret',
): Promise<Buffer> {
  return withFiles(texts, async ({ key, certificate, authority }) => {
    const contents = ['-inkey', key, '-in', certificate, '-certfile', authority];
    return execFileSync('openssl', ['pkcs12', '-export', ...contents, '-passout', `pass:${passphrase}`]);
  });
}

/** Writes PEM texts to files and calls `use` with their paths; they are gone afterwards. Programs want files. */
export async function withFiles<Name extends string, Result>(
  texts: Record<Name, string>,
  use: (paths: Record<Name, string>) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'otel-tls-test-'));
  try {
    const paths = {} as Record<Name, string>;
    for (const name of Object.keys(texts) as Name[]) {
      paths[name] = join(folder, `${name}.pem`);
      writeFileSync(paths[name], texts[name]);
    }
    return await use(paths);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
