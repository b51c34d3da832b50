import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { SecureVersion } from 'node:tls';
import type { ForwardedOutcome } from '../../src/forwarded/forwarded-certificate';
import type { ForwardedReader } from '../../src/forwarded/forwarded-reader';
import type { Preset } from '../../src/forwarded/presets';
import type { TlsPeer } from '../../src/identity/tls-peer';
import { commandsOf } from '../docs/markdown';
import { FROM_THE_PROXY, readerOf } from '../forwarded/forwarded-request';
import type { Collector } from '../support/collector';
import { type Answer, curl } from './curl';
import type { ProxyCredentials, VisitorName } from './proxy-credentials';
import { PROXY_EXAMPLES, type ProxyName, ReverseProxy } from './reverse-proxy';
import type { RunningProgram, RunningPrograms } from './running-programs';

/** Who comes: by a certificate of proxy-credentials.ts, or without any. */
export type Visitor = VisitorName | 'nobody';

/** In which of an example's two ways a visitor comes: where bad certificates are refused, or where they are passed on. */
export type Way = 'verified' | 'reported';

/** What the proxies are told to expect of us. */
export const PRESET_OF: Readonly<Record<ProxyName, Preset>> = {
  nginx: 'nginx',
  haproxy: 'haproxy',
  apache: 'apache',
  envoy: 'envoy-xfcc',
  caddy: 'caddy',
};

/** A real proxy, an application behind it, and curl in front of it. */
export class ProxiedApplication {
  readonly #name: ProxyName;
  readonly #credentials: ProxyCredentials;
  readonly #application: RunningProgram;
  readonly #proxy: ReverseProxy;
  /** As the application has one: it learns from request to request who the authorities are. */
  readonly #reader: ForwardedReader;
  /** The paths of requests by way of this proxy begin with it. */
  readonly #prefix: string;

  private constructor(
    name: ProxyName,
    credentials: ProxyCredentials,
    application: RunningProgram,
    proxy: ReverseProxy,
    reader: ForwardedReader,
    prefix: string,
  ) {
    this.#name = name;
    this.#credentials = credentials;
    this.#application = application;
    this.#proxy = proxy;
    this.#reader = reader;
    this.#prefix = prefix;
  }

  /** @param telemetry where the application sends its own */
  static async start(
    programs: RunningPrograms,
    name: ProxyName,
    credentials: ProxyCredentials,
    telemetry: Collector,
  ): Promise<ProxiedApplication> {
    const { args, env } = readmesCommand(PRESET_OF[name]);
    const application = programs.start(
      'application',
      process.execPath,
      args,
      { ...env, ...tracedTo(telemetry) },
      FOLDER,
    );
    const upstream = await application.until('the application listens', () => portIn(application.stdout));
    const proxy = await ReverseProxy.start(programs, name, { certificates: credentials.folder, upstream });
    return new ProxiedApplication(name, credentials, application, proxy, readerOf(PRESET_OF[name]), '');
  }

  /** The same application behind another proxy, for what goes wrong without a line of the example. Stop it alone. */
  async behindAnother(programs: RunningPrograms, vary: (example: string) => string): Promise<ProxiedApplication> {
    const upstream = portIn(this.#application.stdout)!;
    const setup = { certificates: this.#credentials.folder, upstream, vary };
    const proxy = await ReverseProxy.start(programs, this.#name, setup);
    const prefix = `/by-way-of-${proxy.verifiedPort}`;
    return new ProxiedApplication(this.#name, this.#credentials, this.#application, proxy, this.#reader, prefix);
  }

  /** One request by curl. @param options curl's; over HTTP/1.1 unless they say otherwise */
  async visit(way: Way, visitor: Visitor, ...options: string[]): Promise<Visit> {
    const pem = (name: string) => join(this.#credentials.folder, `${name}.pem`);
    const own = visitor === 'nobody' ? [] : ['--cert', pem(visitor), '--key', pem(`${visitor}-key`)];
    const common = ['--ipv4', '--cacert', pem('ca'), '--http1.1'];
    const { answer, stderr } = await curl(this.#url(way, visitor), [...common, ...own, ...options]);
    return answer ? this.#visitOf(answer) : { status: undefined, rawHeaders: [], outcome: undefined, said: stderr };
  }

  /**
   * Two requests over a connection each; the second offers the first one's session. Not by curl, which in TLS 1.2 gives a
   * session up when the server closes the connection without saying so.
   *
   * @param maxVersion `TLSv1.2`, `TLSv1.3`
   */
  async visitTwice(way: Way, visitor: Visitor, maxVersion: SecureVersion): Promise<[Visit, Visit]> {
    const read = (name: string) => readFileSync(join(this.#credentials.folder, `${name}.pem`));
    const own = visitor === 'nobody' ? {} : { cert: read(visitor), key: read(`${visitor}-key`) };
    const options = { ...own, ca: read('ca'), maxVersion, agent: false };
    const first = await answerTo(this.#url(way, visitor), options);
    const again = await answerTo(this.#url(way, visitor), { ...options, session: first.session });
    return [this.#visitOf(first), this.#visitOf(again)];
  }

  /** Whether any request of this visitor has come as far as the application. */
  hasHeardOf(way: Way, visitor: Visitor): boolean {
    return this.#application.stdout.includes(`\n${this.path(way, visitor)}\n`);
  }

  /** What a visitor asks for. */
  path(way: Way, visitor: Visitor): string {
    return `${this.#prefix}/${way}/${visitor}`;
  }

  /** The proxy. The application ends with the tests. */
  stop(): Promise<void> {
    return this.#proxy.stop();
  }

  /** By name: Caddy wants the server name that the request is for. */
  #url(way: Way, visitor: Visitor): string {
    const port = way === 'verified' ? this.#proxy.verifiedPort : this.#proxy.reportedPort;
    return `https://localhost:${port}${this.path(way, visitor)}`;
  }

  #visitOf({ status, body }: Answer): Visit {
    if (status !== 200) return { status, rawHeaders: [], outcome: undefined, said: body };
    const { rawHeaders, peer } = JSON.parse(body) as Pick<Visit, 'rawHeaders' | 'peer'>;
    return { status, rawHeaders, peer, outcome: this.#reader.read(rawHeaders, FROM_THE_PROXY), said: body };
  }
}

/** `session`: missing from the types, although https hands it on. */
type ClientOptions = https.RequestOptions & { readonly session?: Buffer };

/** An answer, and the session that a client may offer next time. */
async function answerTo(url: string, options: ClientOptions): Promise<Answer & { session: Buffer }> {
  const request = https.get(url, { family: 4, timeout: 30_000, ...options });
  request.once('timeout', () => request.destroy(new Error('no answer')));
  const session = new Promise<Buffer>((resolvePromise, reject) => {
    // In TLS 1.3 tickets come after the handshake, sometimes with the answer, sometimes none at all.
    request.once('socket', socket => {
      let last: Buffer | undefined;
      socket.on('session', offered => {
        last = offered;
      });
      socket.once('close', () => resolvePromise(last ?? Buffer.alloc(0)));
      socket.once('error', reject);
    });
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const body = await text(response);
  return { status: response.statusCode!, body, session: await session };
}

/** What came of one request. */
export interface Visit {
  /** Undefined: no answer. */
  readonly status: number | undefined;
  /** As the application got them; empty when it did not. */
  readonly rawHeaders: readonly string[];
  /** Who the application is told that the client is. Undefined: nobody in particular. */
  readonly peer?: TlsPeer | undefined;
  /** What our reader makes of the headers. Undefined: the application did not get them. */
  readonly outcome: ForwardedOutcome | undefined;
  /** The answer's body, or curl's complaint. */
  readonly said: string;
}

/** Lower-cased, in order, as often as they came. */
export function headerNames({ rawHeaders }: Visit): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 0).map(name => name.toLowerCase());
}

/** Of a header that came once. Undefined: it did not come. Fails when it came more often. */
export function headerValue({ rawHeaders }: Visit, name: string): string | undefined {
  const found = rawHeaders.flatMap((text, at) => (at % 2 === 0 && text.toLowerCase() === name ? [at] : []));
  assert.ok(found.length <= 1, `${name} came ${found.length} times`);
  return found[0] === undefined ? undefined : rawHeaders[found[0] + 1];
}

/** Its folder; it is `app.js`, as the examples' README has it. */
export const FOLDER = resolve(__dirname, '../../../test/real/fixtures/behind-proxy');

/** How the examples' README starts an application, but for the preset. */
export function readmesCommand(preset: Preset): { args: string[]; env: NodeJS.ProcessEnv } {
  const [command, ...more] = commandsOf(readFileSync(join(PROXY_EXAMPLES, 'README.md'), 'utf8'));
  assert.deepEqual(more, []);
  const words = command!.split(' ');
  const node = words.indexOf('node');
  const assignments = words.slice(0, node).map(word => word.split('=') as [string, string]);
  const env = { ...Object.fromEntries(assignments), OTEL_INSTRUMENTATION_TLS_FORWARDED_PRESET: preset };
  return { args: words.slice(node + 1), env };
}

/** The spans of its requests are somebody else's: an ordinary SDK. */
export function tracedTo({ url }: Collector): NodeJS.ProcessEnv {
  return {
    NODE_OPTIONS: '--require ./tracing.js',
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_BSP_SCHEDULE_DELAY: '100',
    OTEL_BLRP_SCHEDULE_DELAY: '100',
  };
}

export function portIn(stdout: string): number | undefined {
  const found = /^\{"port":(\d+)\}$/m.exec(stdout);
  return found === null ? undefined : Number(found[1]);
}
