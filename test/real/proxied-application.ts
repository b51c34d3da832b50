import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { SecureVersion } from 'node:tls';
import type { ForwardedOutcome } from '../../src/forwarded/forwarded-certificate';
import type { Preset } from '../../src/forwarded/presets';
import { FROM_THE_PROXY, readerOf } from '../forwarded/forwarded-request';
import { type Answer, curl } from './curl';
import type { ProxyCredentials, VisitorName } from './proxy-credentials';
import { type ProxyName, ReverseProxy } from './reverse-proxy';
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
  readonly #preset: Preset;
  readonly #credentials: ProxyCredentials;
  readonly #application: RunningProgram;
  readonly #proxy: ReverseProxy;

  private constructor(preset: Preset, credentials: ProxyCredentials, application: RunningProgram, proxy: ReverseProxy) {
    this.#preset = preset;
    this.#credentials = credentials;
    this.#application = application;
    this.#proxy = proxy;
  }

  /** @param vary a change to the example, for what goes wrong without one of its lines */
  static async start(
    programs: RunningPrograms,
    name: ProxyName,
    credentials: ProxyCredentials,
    vary?: (example: string) => string,
  ): Promise<ProxiedApplication> {
    const preset = PRESET_OF[name];
    const application = programs.start('application', process.execPath, [APPLICATION]);
    const upstream = await application.until('the application listens', () => portIn(application.stdout));
    const proxy = await ReverseProxy.start(programs, name, { certificates: credentials.folder, upstream, vary });
    return new ProxiedApplication(preset, credentials, application, proxy);
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
    return this.#application.stdout.includes(`/${way}/${visitor}\n`);
  }

  async stop(): Promise<void> {
    await this.#proxy.stop();
    await this.#application.stop();
  }

  /** By name: Caddy wants the server name that the request is for. */
  #url(way: Way, visitor: Visitor): string {
    const port = way === 'verified' ? this.#proxy.verifiedPort : this.#proxy.reportedPort;
    return `https://localhost:${port}/${way}/${visitor}`;
  }

  #visitOf({ status, body }: Answer): Visit {
    if (status !== 200) return { status, rawHeaders: [], outcome: undefined, said: body };
    const { rawHeaders } = JSON.parse(body) as { rawHeaders: string[] };
    return { status, rawHeaders, outcome: readerOf(this.#preset).read(rawHeaders, FROM_THE_PROXY), said: body };
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
  /** What our reader makes of them. Undefined: the application did not get them. */
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

const APPLICATION = resolve(__dirname, '../../../test/real/fixtures/behind-proxy-app.js');

function portIn(stdout: string): number | undefined {
  const found = /^\{"port":(\d+)\}$/m.exec(stdout);
  return found === null ? undefined : Number(found[1]);
}
