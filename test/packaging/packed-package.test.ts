import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { needsProgram, skipWithout } from '../support/summary';

const CHECKOUT = join(__dirname, '../../..');
const APPLICATION = join(CHECKOUT, 'test/packaging/application');
const PACKAGE = 'opentelemetry-instrumentation-tls';

/** What npm says when it cannot reach a registry and the cache has not everything. */
const NO_REGISTRY = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED)\b/;

const run = promisify(execFile);

describe('the packed package, installed into an empty application', function () {
  // npm downloads what the package depends on.
  this.timeout(180_000);

  let folder: string;
  let application: string;
  let packed: { filename: string; files: Array<{ path: string }> };

  before(async function () {
    needsProgram(this, 'npm');
    folder = await mkdtemp(join(tmpdir(), 'packed-'));
    application = join(folder, 'application');
    await mkdir(application);
    await writeFile(join(application, 'package.json'), '{ "private": true }');
    // Compiled already, and a script would compile it anew below our feet.
    const { stdout } = await npm(CHECKOUT, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder);
    packed = firstOf(JSON.parse(stdout));
    try {
      // As a newcomer does it: npm chooses the OpenTelemetry line that suits this Node.
      await npm(application, 'install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, packed.filename));
    } catch (failure) {
      if (!NO_REGISTRY.test(String(failure))) throw failure;
      skipWithout(this, 'registry', 'let npm reach its registry');
    }
    for (const file of await readdir(APPLICATION)) await copyFile(join(APPLICATION, file), join(application, file));
  });
  after(() => folder && rm(folder, { recursive: true, force: true }));

  /** Runs a script in the application. Resolves to what it printed. */
  async function script(type: 'commonjs' | 'module', code: string): Promise<string> {
    const { stdout } = await run(process.execPath, [`--input-type=${type}`, '-e', code], { cwd: application });
    return stdout.trim();
  }

  it('holds what runs and what is read, and no tests', async () => {
    const { exports, bin } = JSON.parse(await readFile(join(CHECKOUT, 'package.json'), 'utf8'));
    const paths = packed.files.map(({ path }) => path);
    const foreign = paths.filter(
      path =>
        !/^(build\/src\/.*\.(js|d\.ts|js\.map)|collector-config\/.*|schemas\/.*\.schema\.json|package\.json|[A-Z]+(\.md)?)$/.test(
          path,
        ),
    );
    assert.deepEqual(foreign, []);
    const promised = [exports['.'], exports['./register']].flatMap(entry => [entry.types, entry.default]);
    for (const path of [...promised, ...Object.values<string>(bin), 'LICENSE', 'README.md', 'CHANGELOG.md']) {
      assert.ok(paths.includes(path.replace('./', '')), `${path} is not in the package`);
    }
  });

  it('brings no OpenTelemetry API of its own', async () => {
    const { stdout } = await npm(application, 'ls', '--all', '--json', '@opentelemetry/api');
    const versions = new Set([...stdout.matchAll(/"@opentelemetry\/api": \{\s*"version": "([^"]+)"/g)].map(m => m[1]));
    assert.equal(versions.size, 1, [...versions].join(', '));
  });

  it('gives TlsInstrumentation to require and to import, and it is the same one', async () => {
    const required = `const { TlsInstrumentation } = require('${PACKAGE}'); console.log(TlsInstrumentation.name)`;
    assert.equal(await script('commonjs', required), 'TlsInstrumentation');
    const imported = `
      import { createRequire } from 'node:module';
      import { TlsInstrumentation } from '${PACKAGE}';
      const required = createRequire(import.meta.url)('${PACKAGE}').TlsInstrumentation;
      console.log(TlsInstrumentation.name, TlsInstrumentation === required);`;
    assert.equal(await script('module', imported), 'TlsInstrumentation true');
  });

  it('says its version', async () => {
    const { version } = JSON.parse(await readFile(join(CHECKOUT, 'package.json'), 'utf8'));
    const code = `
      const { TlsInstrumentation } = require('${PACKAGE}');
      console.log(new TlsInstrumentation().instrumentationVersion);`;
    assert.equal(await script('commonjs', code), version);
  });

  it('brings the command otel-tls', async () => {
    const { version } = JSON.parse(await readFile(join(CHECKOUT, 'package.json'), 'utf8'));
    const { stdout } = await npm(application, 'exec', '--no', 'otel-tls', '--', '--version');
    assert.equal(stdout.trim(), version);
  });

  for (const [flag, file] of [
    ['--require', 'server.cjs'],
    ['--import', 'server.mjs'],
    ['--import', 'server.cjs'],
    ['--require', 'server.mjs'],
  ] as const) {
    it(`reports a refused client of ${file} from ${flag}`, async () => {
      const authority = await CertificateAuthority.create();
      const server = await authority.issue({ usage: 'server' });
      const visitor = await authority.issue({ commonName: 'visitor', expired: true });
      const receiver = await Receiver.start();
      const child = spawn(process.execPath, [flag, `${PACKAGE}/register`, file], {
        cwd: application,
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        env: {
          ...withoutOpenTelemetry(process.env),
          SERVER_OPTIONS: JSON.stringify({ cert: server.chain, key: server.key, ca: authority.certificate }),
          OTEL_SERVICE_NAME: 'newcomer',
          OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
          OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        },
      });
      const said = everythingSaidBy(child);
      try {
        const [port] = (await Promise.race([once(child, 'message'), exitOf(child, said)])) as [number];
        assert.match(await visit(port, visitor, authority.certificate), /certificate|reset|ECONN/i);
        child.send('stop');
        await once(child, 'close');
        assert.deepEqual({ ...said(), code: child.exitCode }, { stdout: '', stderr: '', code: 0 });
        const [span, ...others] = receiver.spans.filter(({ name }) => name === 'TLS server handshake');
        assert.deepEqual(others, []);
        assert.equal(span?.service, 'newcomer');
        assert.equal(span?.attributes['error.type'], 'certificate_expired');
        assert.equal(span?.attributes['tls.client.hash.sha256'], visitor.fingerprint);
        assert.match(String(span?.attributes['tls.client.subject']), /CN=visitor/);
      } finally {
        child.kill('SIGKILL');
        receiver.close();
      }
    });
  }
});

interface ReceivedSpan {
  readonly name: string;
  readonly service: unknown;
  readonly attributes: Record<string, unknown>;
}

/** As little of a collector as a test of the package wants: OTLP over http, as JSON. */
class Receiver {
  readonly spans: ReceivedSpan[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (incoming, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk);
      if (incoming.url === '/v1/traces') this.#take(JSON.parse(Buffer.concat(chunks).toString()));
      response.setHeader('content-type', 'application/json').end('{}');
    });
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #take({ resourceSpans }: { resourceSpans: OtlpResourceSpans[] }): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      for (const { name, attributes } of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push({ name, service: valuesOf(resource)['service.name'], attributes: valuesOf({ attributes }) });
      }
    }
  }
}

interface OtlpAttributes {
  attributes: Array<{ key: string; value: Record<string, unknown> }>;
}

interface OtlpResourceSpans {
  resource: OtlpAttributes;
  scopeSpans: Array<{ spans: Array<OtlpAttributes & { name: string }> }>;
}

function valuesOf({ attributes }: OtlpAttributes): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

/** A request with a certificate. Resolves to what went wrong. */
async function visit(port: number, visitor: IssuedCertificate, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, ca, cert: visitor.chain, key: visitor.key, agent: false };
    request(options, () => reject(new Error('was let in')))
      .on('error', error => resolve(`${(error as NodeJS.ErrnoException).code} ${error.message}`))
      .end();
  });
}

function everythingSaidBy(child: ChildProcess): () => { stdout: string; stderr: string } {
  const said = { stdout: '', stderr: '' };
  child.stdout?.on('data', chunk => {
    said.stdout += chunk;
  });
  child.stderr?.on('data', chunk => {
    said.stderr += chunk;
  });
  return () => said;
}

/** Rejects when the process ends before it was asked to. */
async function exitOf(child: ChildProcess, said: () => unknown): Promise<never> {
  const [code] = await once(child, 'close');
  throw new Error(`the application ended with ${code}: ${JSON.stringify(said())}`);
}

function npm(cwd: string, ...args: string[]): Promise<{ stdout: string }> {
  return run('npm', ['--prefix', cwd, ...args], { cwd, maxBuffer: 64 << 20, shell: process.platform === 'win32' });
}

/** npm has printed both a list and an object by name. */
function firstOf<Item>(printed: Item[] | Record<string, Item>): Item {
  return Object.values(printed)[0] as Item;
}

function withoutOpenTelemetry(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(OTEL_|NODE_OPTIONS$)/.test(name)));
}
