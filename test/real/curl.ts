import { execFile } from 'node:child_process';

/** What curl got, request by request, and how it ended. */
export interface CurlResult {
  /** HTTP status and body of each request that was answered. */
  readonly answers: readonly { readonly status: number; readonly body: string }[];
  /** 0, or the number of what curl calls an error: 35 TLS, 52 no answer, 55 and 56 a broken connection. */
  readonly exitCode: number;
  readonly stderr: string;
}

/**
 * Runs curl, without anybody's .curlrc or proxy. More than one URL is asked one after the other, in one process, so that
 * a later connection may resume the session of an earlier one.
 */
export function curl(urls: readonly string[], options: readonly string[]): Promise<CurlResult> {
  const common = ['--disable', '--silent', '--show-error', '--noproxy', '*', '--max-time', '30'];
  const args = [...common, '--write-out', `${MARK}%{http_code}\n`, ...options, ...urls];
  return new Promise((resolve, reject) => {
    execFile('curl', args, { encoding: 'utf8', maxBuffer: 4 << 20 }, (fault, stdout, stderr) => {
      const code = (fault as NodeJS.ErrnoException | null)?.code;
      if (code === 'ENOENT') {
        reject(new Error('curl is missing (Debian: apt-get install curl)'));
        return;
      }
      const parts = [...stdout.matchAll(new RegExp(`([^]*?)${MARK}(\\d+)\n`, 'g'))];
      const answers = parts.map(([, body, status]) => ({ status: Number(status), body: body as string }));
      resolve({
        answers: answers.filter(({ status }) => status !== 0),
        exitCode: fault === null ? 0 : Number(code ?? -1),
        stderr,
      });
    });
  });
}

const MARK = '\n---status:';
