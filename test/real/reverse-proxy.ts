import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { freePorts } from '../support/free-ports';
import { type PartName, partOrFail } from './parts';
import type { RunningProgram, RunningPrograms } from './running-programs';

export const PROXY_EXAMPLES = resolve(__dirname, '../../../examples/proxies');

export type ProxyName = keyof typeof PROXIES;

/** Where the five of them differ: the part, the example file, and how one starts it in the foreground. */
interface ProxyKind {
  readonly part: PartName;
  readonly example: string;
  /** @param file the example, rewritten, in `folder` */
  readonly command: (file: string, folder: string, program: string) => Command;
}

interface Command {
  readonly args: string[];
  readonly env?: NodeJS.ProcessEnv;
}

const PROXIES = {
  nginx: {
    part: 'nginx',
    example: 'nginx.conf',
    // As Debian's nginx.conf does with conf.d/, but for the paths that only an installation has. One process, so that none
    // is left when it is killed.
    command(file, folder) {
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path ${kind};`);
      const main = join(folder, 'main.conf');
      writeFileSync(
        main,
        `daemon off; master_process off; pid nginx.pid; error_log stderr info; events {}
http { access_log off; ${temporary.join(' ')} include ${file}; }`,
      );
      return { args: ['-p', folder, '-c', main] };
    },
  },
  haproxy: {
    part: 'haproxy',
    example: 'haproxy.cfg',
    command: file => ({ args: ['-f', file] }),
  },
  apache: {
    part: 'apache2',
    example: 'apache.conf',
    // As Debian's apache2.conf does with sites-enabled/, with the modules that the example's head asks for. -X: one process.
    command(file, folder, program) {
      const modules = join(dirname(program), 'unpacked/usr/lib/apache2/modules');
      const load = ['mpm_event', 'authz_core', 'ssl', 'headers', 'proxy', 'proxy_http'].map(
        name => `LoadModule ${name}_module ${modules}/mod_${name}.so`,
      );
      const main = join(folder, 'main.conf');
      const rest = ['ServerName localhost', 'PidFile apache.pid', 'ErrorLog apache.log', 'LogLevel warn ssl:info'];
      const asNobody = ['User nobody', 'Group nogroup'];
      writeFileSync(
        main,
        [...load, `DefaultRuntimeDir ${folder}`, ...rest, ...asNobody, `Include ${file}`, ''].join('\n'),
      );
      return { args: ['-d', folder, '-f', main, '-X'] };
    },
  },
  envoy: {
    part: 'envoy',
    example: 'envoy.yaml',
    // Hot restart would have two Envoys on one machine meet in shared memory.
    command: file => ({ args: ['-c', file, '--disable-hot-restart', '--concurrency', '1', '--log-level', 'warn'] }),
  },
  caddy: {
    part: 'caddy',
    example: 'Caddyfile',
    command: (file, folder) => ({
      args: ['run', '--config', file, '--adapter', 'caddyfile'],
      env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    }),
  },
} satisfies Record<string, ProxyKind>;

export const PROXY_NAMES = Object.keys(PROXIES) as ProxyName[];

export interface ProxySetup {
  /** Holds server.pem, ca.pem and the rest of what the examples' heads name. */
  readonly certificates: string;
  /** The application's port on 127.0.0.1. */
  readonly upstream: number;
  /** A change to the example beyond its placeholders, for what goes wrong without it. */
  readonly vary?: (example: string) => string;
}

/** A real proxy under its file of examples/proxies/, in which the placeholders alone are replaced. */
export class ReverseProxy {
  /** Where a bad certificate is refused. */
  readonly verifiedPort: number;
  /** Where it is passed on. */
  readonly reportedPort: number;
  readonly program: RunningProgram;
  readonly #folder: string;

  private constructor(program: RunningProgram, folder: string, verifiedPort: number, reportedPort: number) {
    this.program = program;
    this.#folder = folder;
    this.verifiedPort = verifiedPort;
    this.reportedPort = reportedPort;
  }

  static async start(programs: RunningPrograms, name: ProxyName, setup: ProxySetup): Promise<ReverseProxy> {
    const { part, example, command }: ProxyKind = PROXIES[name];
    const folder = mkdtempSync(join(tmpdir(), `${name}-`));
    // Apache serves as nobody.
    chmodSync(folder, 0o755);
    const [verified, reported] = (await freePorts(2)) as [number, number];
    const text = readFileSync(join(PROXY_EXAMPLES, example), 'utf8');
    const placed = replacePlaceholders(text, { ...setup, verified, reported });
    const file = join(folder, basename(example));
    writeFileSync(file, setup.vary ? varied(placed, setup.vary) : placed);

    const program = partOrFail(part);
    const { args, env } = command(file, folder, program);
    const running = programs.start(name, program, args, env);
    const proxy = new ReverseProxy(running, folder, verified, reported);
    for (const port of [verified, reported]) await running.until(`${name} accepts on ${port}`, () => accepts(port));
    return proxy;
  }

  async stop(): Promise<void> {
    await this.program.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What the head of each example tells a reader to replace; and no port but of the loopback. */
function replacePlaceholders(
  example: string,
  { certificates, upstream, verified, reported }: ProxySetup & { verified: number; reported: number },
): string {
  return example
    .replaceAll('/etc/tls', certificates)
    .replaceAll('0.0.0.0', '127.0.0.1')
    .replace(/\b8443\b/g, String(verified))
    .replace(/\b8444\b/g, String(reported))
    .replace(/\b8080\b/g, String(upstream));
}

function varied(text: string, vary: (text: string) => string): string {
  const different = vary(text);
  if (different === text) throw new Error('the example has nothing of what was to be varied');
  return different;
}

function accepts(port: number): Promise<true | undefined> {
  return new Promise(resolvePromise => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolvePromise(undefined));
    socket.once('connect', () => {
      socket.destroy();
      resolvePromise(true);
    });
  });
}
