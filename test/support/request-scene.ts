import { once } from 'node:events';
import type * as http from 'node:http';
import type * as http2 from 'node:http2';
import type * as https from 'node:https';
import type * as net from 'node:net';
import { context, type Link, SpanKind } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import type { ReadableSpan, Sampler, SpanProcessor } from '@opentelemetry/sdk-trace';
import { TlsInstrumentation, type TlsInstrumentationConfig } from '../../src/index';
import { CertificateAuthority, type IssuedCertificate } from './certificate-authority';
import { TelemetryRecorder } from './telemetry-recorder';
import { LOOPBACK, listen } from './tls-pair';

/** Whose instrumentation was there first. */
export type Order = 'ours first' | 'theirs first';
export const ORDERS: readonly Order[] = ['ours first', 'theirs first'];

export interface SceneOptions {
  readonly order?: Order;
  readonly config?: TlsInstrumentationConfig;
  readonly sampler?: Sampler;
  /** Beside the recorder. */
  readonly spanProcessors?: readonly SpanProcessor[];
  /** Default both. */
  readonly theirs?: readonly ('http' | 'undici')[];
}

/** Node's modules as the application has them: what others replace in them is seen. */
export const node = {
  http: require('node:http') as typeof http,
  https: require('node:https') as typeof https,
  http2: require('node:http2') as typeof http2,
};

export interface Credentials {
  readonly ca: string;
  readonly server: { readonly key: string; readonly cert: string };
  readonly alice: { readonly key: string; readonly cert: string };
  /** Of an authority that the server does not know. */
  readonly mallory: { readonly key: string; readonly cert: string };
  readonly fingerprints: { readonly server: string; readonly alice: string; readonly mallory: string };
  readonly authority: CertificateAuthority;
}

export async function credentials(): Promise<Credentials> {
  const authority = await CertificateAuthority.create();
  const stranger = await CertificateAuthority.create({ commonName: 'Elsewhere CA' });
  const server = await authority.issue({ commonName: 'localhost', usage: 'server' });
  const alice = await authority.issue({ commonName: 'alice', uris: ['spiffe://acme/alice'], dnsNames: ['alice.test'] });
  const mallory = await stranger.issue({ commonName: 'mallory' });
  return {
    ca: authority.certificate,
    server: asOption(server),
    alice: asOption(alice),
    mallory: asOption(mallory),
    fingerprints: { server: server.fingerprint, alice: alice.fingerprint, mallory: mallory.fingerprint },
    authority,
  };
}

export function asOption({ certificate, key }: IssuedCertificate): { key: string; cert: string } {
  return { cert: certificate, key };
}

/** instrumentation-http, instrumentation-undici and ours in one process, with an SDK that keeps what it is told. */
export class Scene {
  readonly recorder: TelemetryRecorder;
  readonly instrumentation: TlsInstrumentation;
  readonly #theirs: readonly (HttpInstrumentation | UndiciInstrumentation)[];
  readonly #contexts = new AsyncLocalStorageContextManager().enable();
  readonly #servers: net.Server[] = [];
  readonly #closing: Array<() => unknown> = [];

  constructor({
    order = 'ours first',
    config,
    sampler,
    spanProcessors = [],
    theirs = ['http', 'undici'],
  }: SceneOptions) {
    this.recorder = new TelemetryRecorder({ ...(sampler && { sampler }), spanProcessors });
    context.setGlobalContextManager(this.#contexts);
    this.#theirs = theirs.map(name => INSTRUMENTATIONS[name]);
    if (order === 'theirs first') this.#enableTheirs();
    this.instrumentation = new TlsInstrumentation(config);
    this.instrumentation.setTracerProvider(this.recorder.tracerProvider);
    this.instrumentation.setMeterProvider(this.recorder.meterProvider);
    this.instrumentation.setLoggerProvider(this.recorder.olderLoggerProvider);
    if (order === 'ours first') this.#enableTheirs();
  }

  get undici(): UndiciInstrumentation {
    return INSTRUMENTATIONS.undici;
  }

  async listen(server: net.Server): Promise<number> {
    this.#servers.push(server);
    return listen(server);
  }

  atEnd(close: () => unknown): void {
    this.#closing.push(close);
  }

  /** Everything is as it was. */
  async close(): Promise<void> {
    for (const close of this.#closing) await close();
    this.instrumentation.disable();
    for (const one of this.#theirs) one.disable();
    // shimmer leaves a property of its own where there was none.
    for (const prototype of [node.http.Server.prototype, node.https.Server.prototype]) {
      delete (prototype as { emit?: unknown }).emit;
    }
    context.disable();
    for (const server of this.#servers) {
      (server as Partial<https.Server>).closeAllConnections?.();
      await new Promise<void>(resolve => server.close(() => resolve()));
    }
  }

  #enableTheirs(): void {
    for (const one of this.#theirs) {
      one.setTracerProvider(this.recorder.tracerProvider);
      one.setConfig({ enabled: true });
      one.enable();
    }
    // The first time they wait for somebody to require these; whoever did before was in vain. Nothing else starts them then.
    for (const one of this.#theirs) {
      for (const definition of (one as unknown as { readonly _modules: Definition[] })._modules) {
        if (definition.moduleExports !== undefined || definition.name === 'undici') continue;
        definition.moduleExports = require(definition.name);
        definition.patch?.(definition.moduleExports);
      }
    }
  }

  /** Ended spans of a kind, once there are as many. */
  async spans(kind: SpanKind, count: number): Promise<ReadableSpan[]> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const found = this.recorder.spans.filter(span => span.kind === kind);
      if (found.length >= count) return found;
      if (Date.now() > deadline) throw new Error(`${found.length} of ${count} spans of kind ${SpanKind[kind]}`);
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  }

  /** The handshakes' own spans, in the order of their ends. */
  handshakes(side: 'server' | 'client'): ReadableSpan[] {
    this.instrumentation.flush();
    return this.recorder.spans.filter(({ name }) => name === `TLS ${side} handshake`);
  }
}

/** What an instrumentation does with a module, once that is there. */
interface Definition {
  readonly name: string;
  moduleExports?: unknown;
  readonly patch?: (moduleExports: unknown) => unknown;
}

const INSTRUMENTATIONS = {
  http: new HttpInstrumentation({ enabled: false }),
  undici: new UndiciInstrumentation({ enabled: false }),
};

/** What a span says that is ours. */
export function told(span: ReadableSpan): Record<string, unknown> {
  return Object.fromEntries(Object.entries(span.attributes).filter(([name]) => /^(tls|enduser)\./.test(name)));
}

export function linked(span: ReadableSpan): string[] {
  return span.links.map((link: Link) => link.context.spanId);
}

/** One request to its end. Answers the status, or the error. */
export async function get(port: number, options: https.RequestOptions): Promise<number | NodeJS.ErrnoException> {
  const request = node.https.get({ host: LOOPBACK, port, servername: 'localhost', path: '/orders?id=1', ...options });
  // 'close' comes last: the span has its end by then.
  const closed = new Promise<void>(resolve => request.once('close', () => resolve()));
  try {
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    await once(response, 'end');
    return response.statusCode ?? 0;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  } finally {
    await closed;
  }
}
