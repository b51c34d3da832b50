import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditResult } from '../../src/audit/audit-result';
import { runOtelTls } from '../audit/otel-tls-command';
import { run } from '../examples/shell-command';
import { Application } from './application';
import { Collector } from './collector';
import { type ClientName, type Credentials, issueCredentials } from './credentials';
import { Jaeger } from './jaeger';
import { freePorts } from '../support/free-ports';
import { eventually, runningPrograms } from './running-programs';

const EXAMPLE = join(__dirname, '../../../examples/audit');

const AUTO = '@opentelemetry/auto-instrumentations-node/register';
const BANK = join(__dirname, '../../../test/real/fixtures/bank.yaml');

/** Who came, for what, and what was answered. One connection for each. */
const VISITED: readonly {
  readonly service: string;
  readonly file: string;
  readonly visits: readonly (readonly [ClientName | undefined, path: string, answer: RegExp])[];
}[] = [
  {
    service: 'orders',
    file: 'express-app.js',
    visits: [
      ['good', '/orders/17', /Order 17/],
      ['expired', '/orders/17', /^E/],
      ['unknownAuthority', '/orders/17', /^E/],
      [undefined, '/orders/17', /^E/],
    ],
  },
  {
    service: 'payments',
    file: 'lenient-app.js',
    visits: [
      ['good', '/payments', /Hello/],
      ['unknownAuthority', '/payments', /Hello/],
      [undefined, '/payments', /Hello/],
      ['good', '/transfers/4', /Hello/],
      ['unknownAuthority', '/transfers/4', /Refused/],
      ['good', '/dump', /Hello/],
    ],
  },
];

/** What rests on log records, on metrics, and on how much was left out of spans: Jaeger keeps none of these. */
const NOT_IN_JAEGER = [
  'failure-sampled-away',
  'failures-suppressed',
  'failures-without-trail',
  'telemetry-lost',
  'telemetry-cut',
];

describe('the audit of real evidence', () => {
  const programs = runningPrograms();

  async function audit(...parameters: string[]): Promise<AuditResult> {
    const { stdout, stderr } = await runOtelTls(['audit', 'api.yaml', ...parameters, '--format', 'json'], EXAMPLE);
    assert.equal(stderr, '');
    return JSON.parse(stdout);
  }

  const told = ({ findings }: AuditResult) =>
    findings
      .filter(({ rule }) => !NOT_IN_JAEGER.includes(rule))
      .map(({ rule, operation, subject }) => [rule, operation ?? subject].join(': '))
      .sort();

  it('finds the same in a real Jaeger, behind a real collector, as in the files', async function () {
    this.timeout(120_000);
    const jaeger = await Jaeger.start(programs);
    const collector = await Collector.start(programs, 'agent-jaeger.yaml', {
      JAEGER_OTLP_ENDPOINT: jaeger.otlpEndpoint,
    });
    const file = join(EXAMPLE, 'evidence/gaps.jsonl');
    for (const body of readFileSync(file, 'utf8').trimEnd().split('\n')) {
      if (!body.startsWith('{"resourceSpans"')) continue;
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${collector.endpoint('http/json')}/v1/traces`, { method: 'POST', headers, body });
      assert.equal(response.status, 200, await response.text());
    }
    const files = await audit('--evidence', file);
    const found = await eventually('all of it is in Jaeger', async () => {
      const result = await audit('--jaeger', jaeger.queryUrl, '--since', '2026-11-01');
      return result.evidence.spans >= files.evidence.spans ? result : undefined;
    });
    assert.deepEqual(told(found), told(files));
    assert.deepEqual(found.evidence.notes, []);
    assert.equal(found.evidence.requests, files.evidence.requests);
  });

  it('finds the same gaps in evidence that is recorded anew', async function () {
    this.timeout(240_000);
    const folder = mkdtempSync(join(tmpdir(), 'evidence-'));
    try {
      const recorded = await run(`node record.js '${folder}'`, { cwd: EXAMPLE });
      assert.deepEqual([recorded.stderr, recorded.exitCode], ['', 0]);
      assert.deepEqual((await audit('--evidence', join(folder, 'mended.jsonl'))).findings, []);
      const [before, now] = await Promise.all(
        [EXAMPLE.concat('/evidence'), folder].map(place => audit('--evidence', join(place, 'gaps.jsonl'))),
      );
      // A sampler that keeps one trace in three may, rarely, keep all that matters.
      assert.deepEqual(told(now!), told(before!));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('the audit of what a real collector could not send on', () => {
  const programs = runningPrograms();

  it('finds what it says of itself that it lost', async function () {
    this.timeout(120_000);
    const folder = mkdtempSync(join(tmpdir(), 'evidence-'));
    try {
      const file = join(folder, 'evidence.jsonl');
      const [nobody] = await freePorts(1);
      const collector = await Collector.start(
        programs,
        'agent-evidence.yaml',
        { JAEGER_OTLP_ENDPOINT: `127.0.0.1:${nobody}`, EVIDENCE_FILE: file },
        ['exporters::otlp_grpc/jaeger::retry_on_failure::enabled=false', 'exporters::otlp_grpc/jaeger::timeout=1s'],
      );
      const spans = Array.from({ length: 7 }, () => ({
        traceId: randomBytes(16).toString('hex'),
        spanId: randomBytes(8).toString('hex'),
        name: 'GET',
        kind: 2,
        startTimeUnixNano: `${Date.now()}000000`,
        endTimeUnixNano: `${Date.now()}000000`,
      }));
      const response = await fetch(`${collector.endpoint('http/json')}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }),
      });
      assert.equal(response.status, 200, await response.text());
      const lost = await eventually('the collector has said so', async () => {
        if (!existsSync(file)) return undefined;
        const { stdout } = await runOtelTls(['audit', BANK, '--evidence', file, '--format', 'json'], folder);
        if (stdout === '') return undefined;
        const { findings } = JSON.parse(stdout) as AuditResult;
        return findings.find(({ rule }) => rule === 'telemetry-lost');
      });
      assert.deepEqual(
        [lost.subject, lost.message],
        ['otelcol_exporter_send_failed_spans otlp_grpc/jaeger', '7 records did not arrive'],
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('the audit of two unchanged applications with mutual TLS, through a real collector', () => {
  const programs = runningPrograms();
  const folder = mkdtempSync(join(tmpdir(), 'evidence-'));
  const file = join(folder, 'evidence.jsonl');
  let credentials: Credentials;
  let jaeger: Jaeger;
  let collector: Collector;
  let recorded: AuditResult;

  before(async function () {
    this.timeout(180_000);
    credentials = await issueCredentials();
    jaeger = await Jaeger.start(programs);
    collector = await Collector.start(programs, 'agent-evidence.yaml', {
      JAEGER_OTLP_ENDPOINT: jaeger.otlpEndpoint,
      EVIDENCE_FILE: file,
    });
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint(),
      OTEL_BSP_SCHEDULE_DELAY: '200',
      OTEL_BLRP_SCHEDULE_DELAY: '200',
      OTEL_NODE_RESOURCE_DETECTORS: 'env',
    };
    for (const { service, file, visits } of VISITED) {
      const application = await Application.start(programs, credentials, service, environment, {
        file,
        flags: ['--require', AUTO],
      });
      for (const [client, path, answer] of visits)
        assert.match(await application.request(client ? credentials.clients[client] : {}, { path }), answer);
    }
    recorded = await eventually(
      'all of it is in the file',
      async () => {
        recorded = await audit('--evidence', file);
        const { requests, handshakes, logs } = recorded.evidence;
        return requests >= 7 && handshakes >= 10 && logs >= 3 ? recorded : undefined;
      },
      { context: () => JSON.stringify(recorded?.evidence) },
    );
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function audit(...parameters: string[]): Promise<AuditResult> {
    const { stdout, stderr } = await runOtelTls(['audit', BANK, ...parameters, '--format', 'json'], folder);
    assert.equal(stderr, '');
    return JSON.parse(stdout);
  }

  /** As a scanner's next run recognises them, and how often. */
  const known = ({ findings }: AuditResult) =>
    findings.map(({ rule, operation, subject, fingerprint, occurrences }) => ({
      rule,
      about: operation ?? subject,
      fingerprint,
      times: occurrences?.count,
      of: occurrences?.of,
      traces: [...(occurrences?.traceIds ?? [])].sort(),
    }));

  it('finds in the files of the collector what is amiss, and nothing else', () => {
    assert.deepEqual(
      recorded.findings.map(({ rule, operation, subject }) => [rule, operation ?? subject]),
      [
        ['success-without-certificate', 'GET /payments'],
        ['unverified-certificate-accepted', 'GET /payments'],
        ['shadow-operation', 'GET /dump'],
        ['operation-never-seen', 'GET /reports'],
      ],
    );
    const { requests, foreignRequests, handshakes, failedHandshakes, notes } = recorded.evidence;
    assert.deepEqual([requests, foreignRequests, handshakes, failedHandshakes, notes], [7, 0, 10, 3, []]);
    const { scoreCard } = recorded;
    assert.deepEqual([scoreCard.protected, scoreCard.seen, scoreCard.proven], [4, 3, 2]);
  });

  it('finds the same in Jaeger, in the same traces', async () => {
    const found = await eventually('all of it is in Jaeger', async () => {
      const result = await audit('--jaeger', jaeger.queryUrl);
      return result.evidence.spans >= recorded.evidence.spans ? result : undefined;
    });
    assert.deepEqual(known(found), known(recorded));
    assert.deepEqual(found.operations, recorded.operations);
    assert.deepEqual(found.scoreCard, recorded.scoreCard);
    assert.deepEqual({ ...found.evidence, sources: [], logs: 0 }, { ...recorded.evidence, sources: [], logs: 0 });
  });

  it('finds the same of one service', async () => {
    const [found, before] = await Promise.all([
      audit('--jaeger', jaeger.queryUrl, '--service', 'orders'),
      audit('--evidence', file, '--service', 'orders'),
    ]);
    assert.deepEqual(known(found), known(before));
    assert.deepEqual([found.evidence.requests, found.evidence.failedHandshakes], [1, 3]);
    assert.deepEqual(
      found.findings.map(({ rule, operation }) => [rule, operation]),
      ['/payments', '/transfers/{id}', '/reports'].map(path => ['operation-never-seen', `GET ${path}`]),
    );
  });

  it('reads from Jaeger page by page what is more than one answer holds', async function () {
    this.timeout(120_000);
    const now = Date.now();
    const spread = Array.from({ length: 450 }, (_, n) => now - 3_600_000 + n * 100);
    const paged = await auditedInJaeger('busy', spread, ({ requests }) => requests === spread.length);
    assert.deepEqual(paged.evidence.notes, []);
    const [orders] = paged.operations;
    assert.deepEqual([orders!.name, orders!.requests], ['GET /orders/{id}', spread.length]);
  });

  it('says what Jaeger holds and does not give', async function () {
    this.timeout(120_000);
    const moment = Date.now() - 3_600_000;
    const { evidence } = await auditedInJaeger('crowded', Array(300).fill(moment), ({ requests }) => requests >= 200);
    assert.match(
      evidence.notes.join('\n'),
      /: more than 200 traces began within one moment \(1 times\); not all were read$/,
    );
  });

  it('reads the files that the collector has rotated', async function () {
    this.timeout(120_000);
    // A second's worth of it is one write, and the file exporter loses what is larger than a whole file.
    const filler = 'x'.repeat(30_000);
    const files = await eventually('the collector has rotated the file', async () => {
      await send('filler', [{ ...requestSpan(Date.now(), 0), name: filler }]);
      const files = readdirSync(folder).filter(name => /^evidence.*\.jsonl$/.test(name));
      return files.length > 1 ? files : undefined;
    });
    const found = await audit('--evidence', ...files, '--service', 'payments');
    assert.deepEqual(known(found), known(await audit('--jaeger', jaeger.queryUrl, '--service', 'payments')));
    assert.deepEqual([found.evidence.requests, found.evidence.notes], [6, []]);
  });

  /** The audit of requests of one service that began at these times, each in a trace of its own. */
  async function auditedInJaeger(
    service: string,
    times: readonly number[],
    isComplete: (evidence: AuditResult['evidence']) => boolean,
  ): Promise<AuditResult> {
    await send(service, times.map(requestSpan));
    let evidence: AuditResult['evidence'] | undefined;
    return eventually(
      `what ${service} sent is in Jaeger`,
      async () => {
        const result = await audit('--jaeger', jaeger.queryUrl, '--service', service);
        evidence = result.evidence;
        return isComplete(evidence) ? result : undefined;
      },
      { context: () => JSON.stringify(evidence) },
    );
  }

  function requestSpan(time: number, id: number): object {
    const attributes = { 'http.request.method': 'GET', 'url.path': `/orders/${id}` };
    return {
      traceId: randomBytes(16).toString('hex'),
      spanId: randomBytes(8).toString('hex'),
      name: 'GET',
      kind: 2,
      startTimeUnixNano: `${time}000000`,
      endTimeUnixNano: `${time + 1}000000`,
      attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: { stringValue: value } })),
    };
  }

  async function send(service: string, spans: readonly object[]): Promise<void> {
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: service } }] };
    const response = await fetch(`${collector.endpoint('http/json')}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }),
    });
    assert.equal(response.status, 200, await response.text());
  }

  describe('where Jaeger is not', () => {
    const places: readonly (readonly [what: string, url: () => string | Promise<string>, why: string])[] = [
      ["Jaeger's gRPC port", () => `http://${jaeger.otlpEndpoint}`, 'what answers there speaks no HTTP/1.1;'],
      ["the collector's OTLP port", () => collector.endpoint(), 'the answer was 404'],
      ['a path that is not the query API', () => `${jaeger.queryUrl}/elsewhere`, 'the answer is HTML'],
      [
        'https where http was meant',
        () => jaeger.queryUrl.replace('http:', 'https:'),
        'the TLS handshake failed (ERR_SSL_',
      ],
      ['a Jaeger that has stopped', () => jaeger.stop().then(() => jaeger.queryUrl), 'not reachable (ECONNREFUSED)'],
    ];

    for (const [what, url, why] of places) {
      it(`one sentence tells of ${what}`, async () => {
        const address = await url();
        const { exitCode, stdout, stderr } = await runOtelTls(['audit', BANK, '--jaeger', address], folder);
        assert.deepEqual([exitCode, stdout], [2, '']);
        assert.ok(stderr.startsWith(`otel-tls: ${address}/api/services: ${why}`), stderr);
        assert.match(stderr, /; Jaeger's query API was expected there \([^\n]*\), such as \S+\n$/);
      });
    }
  });
});
