import { execFile } from 'node:child_process';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** What curl got. */
export interface CurlResult {
  /** Undefined: none, whether the handshake failed or the connection broke. */
  readonly answer: Answer | undefined;
  /** What curl complained of. */
  readonly stderr: string;
}

/** Runs curl for one request, without anybody's .curlrc or proxy. */
export function curl(url: string, options: readonly string[]): Promise<CurlResult> {
  const common = ['--disable', '--silent', '--show-error', '--noproxy', '*', '--max-time', '30'];
  const args = [...common, '--write-out', '\n%{http_code}', ...options, url];
  return new Promise((resolve, reject) => {
    execFile('curl', args, { encoding: 'utf8', maxBuffer: 4 << 20 }, (fault, stdout, stderr) => {
      if ((fault as NodeJS.ErrnoException | null)?.code === 'ENOENT') {
        reject(new Error('curl is missing (Debian: apt-get install curl)'));
        return;
      }
      const end = stdout.lastIndexOf('\n');
      const status = Number(stdout.slice(end + 1));
      resolve({ answer: status === 0 ? undefined : { status, body: stdout.slice(0, end) }, stderr });
    });
  });
}
