import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReceivedLog, ReceivedSpan } from '../../src/cli/otlp-messages';
import { Application, type Ended, inTurn, type Start } from '../support/application';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { Collector } from '../support/collector';

export const SCOPE = 'opentelemetry-instrumentation-tls';

/** What applications need that are run here: certificates in files, and one run without us to compare with. */
export class Stage {
  readonly folder: string;
  readonly authority: CertificateAuthority;
  readonly server: IssuedCertificate;
  readonly good: IssuedCertificate;
  readonly expired: IssuedCertificate;
  readonly #runs: Promise<unknown>[] = [];

  private constructor(folder: string, authority: CertificateAuthority, issued: readonly IssuedCertificate[]) {
    this.folder = folder;
    this.authority = authority;
    [this.server, this.good, this.expired] = issued as [IssuedCertificate, IssuedCertificate, IssuedCertificate];
  }

  static async set(): Promise<Stage> {
    const authority = await CertificateAuthority.create();
    const issued = await Promise.all([
      authority.issue({ usage: 'server' }),
      authority.issue({ commonName: 'good' }),
      authority.issue({ commonName: 'expired', expired: true }),
    ]);
    const stage = new Stage(await mkdtemp(join(tmpdir(), 'end-to-end-')), authority, issued);
    const [server, good, expired] = issued.map(({ chain, key }) => ({ cert: chain, key }));
    await stage.write('certificates.json', JSON.stringify({ ca: authority.certificate, server, good, expired }));
    await stage.write('ca.pem', authority.certificate);
    return stage;
  }

  /** When the last application has ended. */
  async strike(): Promise<void> {
    await Promise.allSettled(this.#runs);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Resolves to the file's path. */
  async write(name: string, text: string): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text);
    return path;
  }

  /** The environment of every application here; one without a collector sends to nobody. */
  environment(collector?: Collector): Record<string, string> {
    return {
      CERTIFICATES: join(this.folder, 'certificates.json'),
      NODE_EXTRA_CA_CERTS: join(this.folder, 'ca.pem'),
      OTEL_SERVICE_NAME: 'ours',
      // Other detectors ask the clouds' metadata services.
      OTEL_NODE_RESOURCE_DETECTORS: 'env',
      ...(collector && { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }),
    };
  }

  /** `work` runs one application. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const run = inTurn(work);
    this.#runs.push(run);
    return run;
  }

  run(start: Start): Promise<Ended> {
    return this.inTurn(() => Application.run({ ...start, env: { ...this.environment(), ...start.env } }));
  }

  /** Runs an application to its end, beside a collector of its own that keeps what it sends. */
  observe(start: Start | ((collector: Collector) => Promise<Start>)): Promise<Observed> {
    return this.inTurn(async () => {
      const collector = await Collector.start();
      try {
        const { env, ...others } = typeof start === 'function' ? await start(collector) : start;
        const ended = await Application.run({ ...others, env: { ...this.environment(collector), ...env } });
        return new Observed(ended, collector);
      } finally {
        await collector.close();
      }
    });
  }

  /**
   * Every handshake of `mutual-tls` and its events are there, and nothing twice: under one service, in our scope.
   */
  assertMutualTlsOnce({ spans, logs }: Observed, service: string): void {
    assert.deepEqual(spans.filter(({ name }) => name === 'TLS server handshake').map(summary), [
      `established undefined ${this.good.fingerprint} [tls.client_certificate.accepted]`,
      `failed certificate_expired ${this.expired.fingerprint} [tls.handshake.failed, tls.client_certificate.rejected]`,
    ]);
    // In TLS 1.3 a client hears only after its own success that it was refused.
    const clients = spans.filter(({ name }) => name === 'TLS client handshake');
    assert.deepEqual(
      clients.map(({ attributes }) => attributes['tls.handshake.outcome']),
      ['established', 'established'],
    );
    const ofClients = logs.filter(({ attributes }) => 'tls.client.subject' in attributes);
    assert.deepEqual(ofClients.map(({ eventName }) => eventName).sort(), [
      // The client is of the same process, and presents a certificate of its own that has ended.
      'tls.certificate.expiring',
      'tls.client_certificate.accepted',
      'tls.client_certificate.rejected',
      'tls.handshake.failed',
    ]);
    const ids = new Set(spans.map(({ spanId }) => spanId));
    for (const { eventName, spanId } of logs) assert.ok(ids.has(spanId), `${eventName} belongs to a span`);
    const services = [...spans, ...logs].map(({ resource }) => resource['service.name']);
    assert.deepEqual([...new Set(services)], [service]);
  }
}

/**
 * Has `work` begun before the first test of the suite: applications take their time, and need not wait for each other.
 * The test that wants the result awaits it, and fails by it.
 */
export function ahead<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let begun: Promise<Result>;
  before(() => {
    begun = work();
    begun.catch(() => {});
  });
  return () => begun;
}

/** An application that has ended, and what it had sent by then. */
export class Observed {
  readonly ended: Ended;
  readonly collector: Collector;

  constructor(ended: Ended, collector: Collector) {
    this.ended = ended;
    this.collector = collector;
  }

  /** Our own, in the order in which they ended. */
  get spans(): ReceivedSpan[] {
    return this.collector.spans
      .filter(({ scope }) => scope.name === SCOPE)
      .sort((one, other) => one.ended - other.ended);
  }

  get logs(): ReceivedLog[] {
    return this.collector.logs.filter(({ scope }) => scope.name === SCOPE);
  }

  /** How many of what came, of whatever scope. */
  get counts(): { spans: number; logs: number; requests: number } {
    const { spans, logs, requests } = this.collector;
    return { spans: spans.length, logs: logs.length, requests: requests.length };
  }
}

/** How long a test may take here, where each waits for processes on a machine that may be busy. */
export const PATIENCE = 60_000;

/** A run as others can be compared with it: without its time. */
export function behaviour({ code, signal, stdout, stderr }: Ended): Omit<Ended, 'milliseconds'> {
  return { code, signal, stdout, stderr };
}

function summary({ attributes, events }: ReceivedSpan): string {
  const names = events.map(({ name }) => name).join(', ');
  return `${attributes['tls.handshake.outcome']} ${attributes['error.type']} ${attributes['tls.client.hash.sha256']} [${names}]`;
}
