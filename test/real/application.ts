import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Credentials } from './credentials';
import type { RunningProgram, RunningPrograms } from './running-programs';

const REPOSITORY = resolve(__dirname, '../../..');

/** An application of fixtures/, with its name and flags of Node's besides the preload's. */
export interface ApplicationFile {
  readonly file: string;
  readonly flags?: readonly string[];
}

/** An ordinary application of fixtures/, in a process of its own under the preload. */
export class Application {
  readonly service: string;
  readonly program: RunningProgram;
  readonly port: number;
  /** Here revoked certificates are refused as well. Undefined: not every application has it. */
  readonly strictPort: number | undefined;
  readonly #authority: string;

  private constructor(service: string, program: RunningProgram, ports: Ports, authority: string) {
    this.service = service;
    this.program = program;
    this.port = ports.port;
    this.strictPort = ports.strictPort;
    this.#authority = authority;
  }

  /** @param env the OTEL_* variables that a user would set; `service` becomes OTEL_SERVICE_NAME. */
  static async start(
    programs: RunningPrograms,
    credentials: Credentials,
    service: string,
    env: NodeJS.ProcessEnv,
    { file, flags = [] }: ApplicationFile = { file: 'mutual-tls-app.js' },
  ): Promise<Application> {
    const folder = mkdtempSync(join(tmpdir(), 'mutual-tls-app-'));
    try {
      for (const [name, text] of Object.entries(credentials.serverFiles)) writeFileSync(join(folder, name), text);
      const register = join(REPOSITORY, 'build/src/register.js');
      const app = join(REPOSITORY, 'test/real/fixtures', file);
      const program = programs.start(service, process.execPath, ['--require', register, ...flags, app, folder], {
        OTEL_SERVICE_NAME: service,
        ...env,
      });
      const ports = await program.until('the application listens', () => {
        const line = /^\{.*\}$/m.exec(program.stdout)?.[0];
        return line === undefined ? undefined : (JSON.parse(line) as Ports);
      });
      return new Application(service, program, ports, credentials.authority);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** One https request over a connection of its own. Resolves to the answer's body, or to the error's code. */
  async request(client: https.RequestOptions, { strict = false, path = '/' } = {}): Promise<string> {
    const port = strict ? this.strictPort : this.port;
    return outcomeOf(
      https.get({ host: '127.0.0.1', port, path, ca: this.#authority, agent: false, ...client, timeout: 30_000 }),
    );
  }

  /** One request without TLS, to the port that wants it. */
  async requestInPlainText(): Promise<string> {
    return outcomeOf(http.get({ host: '127.0.0.1', port: this.port, path: '/', agent: false, timeout: 30_000 }));
  }
}

interface Ports {
  readonly port: number;
  readonly strictPort?: number;
}

function outcomeOf(request: http.ClientRequest): Promise<string> {
  return new Promise(resolvePromise => {
    request.once('timeout', () => request.destroy(new Error('no answer')));
    request.once('error', (reason: NodeJS.ErrnoException) => resolvePromise(reason.code ?? reason.message));
    request.once('response', async response => {
      response.setEncoding('utf8');
      let body = '';
      for await (const chunk of response) body += chunk;
      resolvePromise(body);
    });
  });
}
