import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import Ajv2020 from 'ajv/dist/2020';
import type { AuditResult } from '../../src/audit/audit-result';
import { runOtelTls } from '../audit/otel-tls-command';
import { HANDSHAKES, send } from './handmade-telemetry';

const CHECKOUT = join(__dirname, '../../..');
const EXAMPLE = join(CHECKOUT, 'examples/audit');
const OTEL_TLS = join(__dirname, '../../src/cli/otel-tls.js');
const GAPS = join(EXAMPLE, 'evidence/gaps.jsonl');
const MENDED = join(EXAMPLE, 'evidence/mended.jsonl');

describe('otel-tls audit', function () {
  this.timeout(60_000);

  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'audit-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const audit = (...parameters: string[]) => runOtelTls(['audit', join(EXAMPLE, 'api.yaml'), ...parameters], folder);
  const audited = async (...parameters: string[]): Promise<AuditResult> => {
    const { stdout, stderr } = await audit(...parameters, '--format', 'json');
    assert.equal(stderr, '');
    return JSON.parse(stdout);
  };
  function file(name: string, content: string | Buffer): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  }

  it('prints a table by operation, worst first, what to do, and a score card', async () => {
    const { stdout, stderr, exitCode } = await audit('--evidence', GAPS);
    assert.deepEqual([stderr, exitCode], ['', 1]);
    assert.match(stdout, /^Shop 1\.4\.0 {2}.*api\.yaml, OpenAPI 3\.1\.0\n/);
    assert.match(
      stdout,
      /\nGET \/v1\/payments {2}certificate required, 3 requests, .*api\.yaml:\d+\n {2}critical {2}\S/,
    );
    assert.match(stdout, /\n {6}https\.createServer\(/);
    assert.match(
      stdout,
      /\nScore card\n {2}operations +13\n {2}protected +12\n {2}seen +11 {2}91 % of the protected\n/,
    );
    const severities = [...stdout.matchAll(/^ {2}(critical|high|medium|low) /gm)].map(match => match[1]);
    assert.equal(severities[0], 'critical');
    assert.doesNotMatch(stdout, /\x1b/);
  });

  it('prints JSON that fits its published schema, with findings and without', async () => {
    const schema = JSON.parse(readFileSync(join(CHECKOUT, 'schemas/audit-result.schema.json'), 'utf8'));
    const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);
    for (const evidence of [GAPS, MENDED]) {
      const result = await audited('--evidence', evidence);
      assert.ok(validate(result), JSON.stringify(validate.errors));
      assert.ok(!validate({ ...result, more: 1 }));
      assert.ok(!validate({ ...result, schemaVersion: 2 }));
    }
  });

  it('ends with 1 on findings at or above --fail-on, and with 0 else', async () => {
    assert.equal((await audit('--evidence', GAPS, '--fail-on', 'critical')).exitCode, 1);
    assert.equal((await audit('--evidence', GAPS, '--fail-on', 'never')).exitCode, 0);
    assert.equal((await audit('--evidence', MENDED)).exitCode, 0);
    // The shop's crm has nothing to do with the API, but that no protected operation is seen.
    const crm = ['--evidence', GAPS, '--service', 'crm', '--fail-on'];
    assert.equal((await audit(...crm, 'medium')).exitCode, 1);
    assert.equal((await audit(...crm, 'high')).exitCode, 0);
  });

  it('reports only what is new when it knows a baseline', async () => {
    const baseline = join(folder, 'baseline.json');
    const written = await audit('--evidence', GAPS, '--format', 'json', '--output', baseline);
    assert.deepEqual([written.stdout, written.exitCode], ['', 1]);
    const all = JSON.parse(readFileSync(baseline, 'utf8')) as AuditResult;

    const same = await audited('--evidence', GAPS, '--baseline', baseline);
    assert.deepEqual([same.findings, same.rules, same.scoreCard.known], [[], [], all.findings.length]);
    assert.equal((await audit('--evidence', GAPS, '--baseline', baseline)).exitCode, 0);

    const [one, ...others] = all.findings;
    const older = file('older.json', JSON.stringify({ ...all, findings: others }));
    const fresh = await audited('--evidence', GAPS, '--baseline', older);
    assert.deepEqual(
      fresh.findings.map(({ fingerprint }) => fingerprint),
      [one?.fingerprint],
    );
  });

  it('writes SARIF and HTML', async () => {
    const sarif = JSON.parse((await audit('--evidence', GAPS, '--format', 'sarif')).stdout);
    assert.equal(sarif.version, '2.1.0');
    assert.match((await audit('--evidence', GAPS, '--format', 'html')).stdout, /^<!doctype html>/i);
  });

  it('reads several files, rotated and gzipped, as one', async () => {
    const lines = readFileSync(GAPS, 'utf8').trimEnd().split('\n');
    const first = file('evidence-2026-11-22T10.jsonl', lines.slice(0, 15).join('\n'));
    const second = file('evidence.jsonl.1', gzipSync(`${lines.slice(15).join('\n')}\n`));
    const whole = await audited('--evidence', GAPS);
    const parts = await audited('--evidence', first, second);
    assert.deepEqual(parts.findings, whole.findings);
    assert.deepEqual(parts.evidence.notes, []);
    const other = await audited('--evidence', second, '--evidence', first);
    assert.equal(other.findings.length, whole.findings.length);
  });

  it('reads one request that is written over many lines', async () => {
    const [line = ''] = readFileSync(MENDED, 'utf8').split('\n');
    const pretty = file('pretty.json', JSON.stringify(JSON.parse(line), null, 2));
    const { evidence } = await audited('--evidence', pretty);
    assert.ok(evidence.spans > 0);
    assert.deepEqual(evidence.notes, []);
  });

  it('counts and says what it cannot read, and reads the rest', async () => {
    const [first = '', second = ''] = readFileSync(MENDED, 'utf8').split('\n');
    const odd = [
      first,
      'not json',
      '',
      '{"resourceProfiles":[]}',
      '[1]',
      'not json either',
      '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"short"},7]}]}]}',
      '{"resourceSpans":{"__proto__":[]}}',
      second,
      second.slice(0, 100),
    ].join('\n');
    const whole = await audited('--evidence', file('whole.jsonl', `${first}\n${second}\n`));
    const { evidence } = await audited('--evidence', file('odd.jsonl', odd));
    assert.deepEqual([evidence.spans, evidence.logs], [whole.evidence.spans, whole.evidence.logs]);
    const notes = evidence.notes.map(note => note.replace(/^.*odd\.jsonl/, ''));
    assert.deepEqual(notes, [
      ':2: this line is no JSON and was left out, and 1 more like it',
      ':4: JSON, but no OTLP: resourceSpans, resourceLogs or resourceMetrics was expected, and 1 more like it',
      ':7: 2 spans that are none were left out: resourceSpans[0].scopeSpans[0].spans[0].traceId: 16 bytes in hexadecimal expected',
      ':8: a request with something that is no OTLP in it: the spans were read',
      ':10: the last line is cut off and was left out',
    ]);
  });

  it('holds what the metrics counted against what spans and events tell', async () => {
    const point = (count: string) => ({
      attributes: [
        { key: 'tls.handshake.outcome', value: { stringValue: 'failed' } },
        { key: 'error.type', value: { stringValue: 'unknown_ca' } },
      ],
      startTimeUnixNano: '1763800000000000000',
      timeUnixNano: '1763800060000000000',
      count,
    });
    const line = (count: string) => {
      const histogram = { aggregationTemporality: 2, dataPoints: [point(count), 7, { count: {} }] };
      const metrics = [{ name: 'tls.server.handshake.duration', histogram }, { name: 'other' }, null];
      return JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] });
    };
    const { findings } = await audited('--evidence', file('metrics.jsonl', `${line('3')}\n${line('8')}\n`));
    const found = findings.filter(({ rule }) => rule === 'failures-without-trail');
    assert.deepEqual(
      found.map(({ subject, message }) => [subject, message]),
      [['server unknown_ca', '8 failures stood in the metrics alone']],
    );
  });

  it('refuses what the file exporter wrote in another format, rather than finding nothing in it', async () => {
    for (const [name, start, what] of [
      ['length-prefixed', [0, 0, 0x27, 0x75, 0x0a], 'binary'],
      ['zstd', [0x28, 0xb5, 0x2f, 0xfd], 'packed with zstd'],
    ] as const) {
      const { exitCode, stdout, stderr } = await audit('--evidence', file(name, Buffer.from(start)));
      assert.deepEqual([exitCode, stdout], [2, '']);
      assert.match(
        stderr,
        new RegExp(`^otel-tls: --evidence '.*${name}': this is ${what}.*; OTLP JSON was expected.*\\n$`),
      );
    }
  });

  it('cannot run on evidence of which nothing can be read, and says why', async () => {
    const empty = file('empty.jsonl', '');
    const text = file('text.jsonl', 'hello\nworld\n');
    const other = file('other.jsonl', '{"resourceProfiles":[]}\n');
    const hollow = file('hollow.jsonl', '{"resourceSpans":[{"scopeSpans":[{"spans":[]}]}]}\n');
    for (const [parameters, why] of [
      [
        ['--evidence', empty],
        `'${empty}': there is not one span, log record or point of a metric in it (${empty}: nothing`,
      ],
      [
        ['--evidence', text, other],
        `'${text}', '${other}': there is not one span, log record or point of a metric in it`,
      ],
      [
        ['--evidence', hollow],
        `'${hollow}': there is not one span, log record or point of a metric in it; OTLP JSON was`,
      ],
      [['--evidence', GAPS, '--service', 'nobody'], `a metric of service 'nobody' in it; OTLP JSON was expected`],
      [['--evidence', GAPS, '--since', '2100-01-01'], 'a metric since 2100-01-01T00:00:00.000Z in it; OTLP JSON was'],
      [
        ['--listen', '0', '--for', '0s'],
        'OTLP over http, port 0: not one span, log record or point of a metric came; set OTEL',
      ],
    ] as const) {
      const { exitCode, stdout, stderr } = await audit(...parameters);
      assert.deepEqual([exitCode, stdout], [2, ''], stderr);
      const [sentence = '', ...more] = stderr.split('\n').filter(line => !/^(Waiting|$)/.test(line));
      assert.ok(sentence.startsWith('otel-tls: ') && sentence.includes(why), stderr);
      assert.deepEqual(more, []);
    }
  });

  it('says that a gzip file ends early, and keeps what came before', async () => {
    const zipped = gzipSync(readFileSync(GAPS));
    const { evidence } = await audited('--evidence', file('cut.gz', zipped.subarray(0, zipped.length / 2)));
    assert.match(evidence.notes.join('\n'), /cut\.gz: the file ends early or is damaged/);
    assert.ok(evidence.spans > 0);
    assert.equal(evidence.partial, true);
  });

  it('marks what lacks a part of the evidence: a line too long to be held', async () => {
    const long = `{"resourceSpans":"${'x'.repeat(25 * 1024 * 1024)}"}\n`;
    const parameters = ['--evidence', file('long.jsonl', `${long}${readFileSync(MENDED, 'utf8')}`)];
    const { evidence } = await audited(...parameters);
    assert.match(evidence.notes.join('\n'), /long\.jsonl:1: a line longer than \d+ bytes was left out/);
    assert.equal(evidence.partial, true);
    assert.equal((await audit(...parameters)).exitCode, 2);
  });

  it('says that a report cannot be written before it reads the evidence, and leaves what is there alone', async () => {
    for (const [output, code] of [
      ['no/where', 'ENOENT'],
      [folder, 'EISDIR'],
    ] as const) {
      const { stderr, exitCode } = await audit('--evidence', 'nothing.jsonl', '--output', output);
      assert.deepEqual([stderr, exitCode], [`otel-tls: --output '${output}': cannot be written (${code})\n`, 2]);
    }
    const earlier = file('earlier.json', 'of yesterday');
    const later = join(folder, 'later.json');
    for (const output of [earlier, later])
      assert.match((await audit('--evidence', 'nothing.jsonl', '--output', output)).stderr, /there is no such file/);
    assert.equal(readFileSync(earlier, 'utf8'), 'of yesterday');
    assert.equal(existsSync(later), false);
  });

  it('reads evidence of any size in little memory', async function () {
    this.timeout(120_000);
    const large = join(folder, 'large.jsonl');
    const stream = createWriteStream(large);
    const lines = readFileSync(GAPS, 'utf8').trimEnd().split('\n');
    // Other ids each time, as in life: 65 MB.
    for (let copy = 0; copy < 200; copy++) {
      const digits = copy.toString(16).padStart(4, '0');
      for (const line of lines) {
        const other = line.replace(/("(?:traceId|spanId|parentSpanId)":")[0-9a-f]{4}/g, `$1${digits}`);
        if (!stream.write(`${other}\n`)) await once(stream, 'drain');
      }
    }
    await new Promise(resolve => stream.end(resolve));
    const script = `process.on('exit', () => process.stderr.write(String(process.resourceUsage().maxRSS)))`;
    const probe = file('memory.js', script);
    const ran = await runOtelTls(
      ['audit', join(EXAMPLE, 'api.yaml'), '--evidence', large, '--format', 'json'],
      folder,
      ['--require', probe],
    );
    const { evidence } = JSON.parse(ran.stdout) as AuditResult;
    assert.ok(evidence.spans > 200 * 50, `${evidence.spans}`);
    // Kilobytes. Node alone and the parser of descriptions take 90,000.
    assert.ok(Number(ran.stderr) < 200_000, ran.stderr);
  });

  it('says for which failures no alert rings, and which rules it asked', async () => {
    const rules = file('rules.yml', 'groups:\n- name: g\n  rules:\n  - {alert: A, expr: up == 0}\n');
    const ours = join(CHECKOUT, 'collector-config/alerts/tls.rules.yml');
    const about = ({ findings }: AuditResult) =>
      findings.filter(({ rule }) => rule.endsWith('failure-without-alert')).map(({ rule, subject }) => [rule, subject]);
    const result = await audited('--evidence', GAPS, '--rules', rules);
    const found = about(result);
    assert.deepEqual(result.alerts, { sources: [rules], rules: 1 });
    assert.ok(
      found.some(([, subject]) => subject === 'server certificate_expired of orders'),
      `${found}`,
    );
    assert.ok(
      found.some(([, subject]) => subject === 'certificate_revoked'),
      `${found}`,
    );
    const [expired] = result.findings.filter(({ subject }) => subject === 'server certificate_expired of orders');
    const { traceIds, example } = expired!.occurrences!;
    assert.match(`${traceIds[0]} ${example.spanId}`, /^[0-9a-f]{32} [0-9a-f]{16}$/);
    assert.deepEqual(about(await audited('--rules', rules, ours, '--evidence', GAPS)), []);
    assert.deepEqual(about(await audited('--evidence', GAPS)), []);
    assert.match(
      (await audit('--evidence', GAPS, '--rules', rules)).stdout,
      /\nAlerts: .*rules\.yml; 1 alerting rule\n/,
    );

    const wrong = file('wrong.yml', 'groups:\n- name: g\n  rules:\n  - {alert: Odd, expr: up =}\n');
    const { stdout, stderr, exitCode } = await audit('--evidence', GAPS, '--rules', wrong);
    assert.deepEqual([stdout, exitCode], ['', 2]);
    assert.match(
      stderr,
      /^otel-tls: --rules '.*wrong\.yml:4': alert 'Odd' of group 'g': its "expr" is no PromQL: .*\n$/,
    );
  });

  it('finds who is named although nobody ought to be', async () => {
    const { findings } = await audited('--evidence', MENDED, '--privacy', 'identity=hash,addresses=off');
    const found = findings.filter(({ rule }) => rule === 'personal-data-exported');
    assert.ok(found.some(({ subject }) => subject === 'a name in tls.client.subject'));
    assert.deepEqual((await audited('--evidence', MENDED, '--privacy', 'identity=full,pem=on')).findings, []);
  });

  it('comes to no harm by hostile evidence, in any report', async () => {
    const evil = '\x1b[2J\u202e<script>alert(1)</script>\r\n"; DROP';
    const attribute = (key: string, value: unknown) => ({ key, value });
    const text = (value: string) => ({ stringValue: value });
    // Deeper than JSON.stringify can go.
    const deep = `${'{"arrayValue":{"values":['.repeat(50_000)}{"stringValue":"x"}${']}}'.repeat(50_000)}`;
    const span = (name: string, kind: number, attributes: readonly object[]) => ({
      traceId: '1'.repeat(32),
      spanId: '2'.repeat(16),
      name,
      kind,
      startTimeUnixNano: '1',
      endTimeUnixNano: '9223372036854775807',
      attributes,
    });
    const request = (path: string) => [
      attribute('http.request.method', text('GET')),
      attribute('url.path', text(path)),
      attribute('http.response.status_code', { intValue: '200' }),
      attribute('tls.client.subject', text(evil)),
      attribute('huge', text('x'.repeat(10 * 1024 * 1024))),
      attribute('deep', text('DEEP')),
      attribute('__proto__', text('polluted')),
      attribute('constructor', { kvlistValue: { values: [attribute('__proto__', text('y'))] } }),
    ];
    const resource = { attributes: [attribute('service.name', text(evil))] };
    const spans = [
      span(evil, 2, request('/v1/orders')),
      span(evil, 2, request(`/${evil}`)),
      span('TLS server handshake', 1, [
        attribute('error.type', text('_OTHER')),
        attribute('tls.error.code', text(evil)),
      ]),
    ];
    const json = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
    const point = (count: number) => ({
      startTimeUnixNano: '9223372036854775806',
      timeUnixNano: '9223372036854775807',
      count,
      asInt: count,
      attributes: [
        attribute('tls.handshake.outcome', text('failed')),
        attribute('error.type', text(evil)),
        attribute('exporter', text(evil.repeat(10_000))),
        attribute('deep', text('DEEP')),
        attribute('__proto__', text('polluted')),
      ],
    });
    const metrics = [
      { name: 'tls.server.handshake.duration', histogram: { aggregationTemporality: 2, dataPoints: [point(3)] } },
      { name: 'otelcol_exporter_send_failed_spans', sum: { aggregationTemporality: evil, dataPoints: [point(4)] } },
      { name: 'tls.telemetry.suppressed', sum: { dataPoints: [point(2)] } },
      { name: '__proto__', sum: { dataPoints: [point(-1)] } },
    ];
    const logRecords = [
      { eventName: 'tls.abuse.detected', attributes: [attribute('tls.abuse.pattern', text(evil))] },
      { eventName: `tls.${evil}`, droppedAttributesCount: 4294967295 },
      {
        eventName: 'tls.handshake.failed',
        attributes: [
          attribute('error.type', text('__proto__')),
          attribute('tls.client.subject', text(`hmac:${'0'.repeat(32)}`)),
        ],
      },
      { body: text('Exporting failed. Dropping data.'), attributes: [attribute('name', text(evil))] },
    ];
    const lines = [
      json,
      JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] }),
      JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] }),
    ];
    const evidence = file('evil.jsonl', `${lines.join('\n').replaceAll('{"stringValue":"DEEP"}', deep)}\n`);
    const rules = file('evil.yml', `groups: [{name: g, rules: [{alert: ${JSON.stringify(evil)}, expr: up}]}]\n`);
    for (const format of ['table', 'json', 'sarif', 'html']) {
      const { stdout, stderr, exitCode } = await audit('--evidence', evidence, '--rules', rules, '--format', format);
      assert.deepEqual([stderr, exitCode], ['', 1], format);
      assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/, format);
      assert.ok(stdout.length < 200_000, `${format}: ${stdout.length}`);
      assert.ok(!(format === 'html' && stdout.includes('<script>alert')), format);
      if (format !== 'json') continue;
      const found = new Set((JSON.parse(stdout) as AuditResult).findings.map(({ rule }) => rule));
      for (const rule of [
        'failures-without-trail',
        'telemetry-lost',
        'telemetry-cut',
        'failure-without-alert',
        'personal-data-exported',
        'failures-suppressed',
      ])
        assert.ok(found.has(rule), `${rule}: ${[...found]}`);
    }
    const odd = file('odd.yml', `groups: [{name: g, rules: [{alert: ${JSON.stringify(evil)}, expr: up(}]}]\n`);
    const refused = await audit('--evidence', evidence, '--rules', odd);
    assert.equal(refused.exitCode, 2);
    assert.doesNotMatch(refused.stderr.trimEnd(), /[\x00-\x1f\x7f-\x9f\u202e]/);
  });

  it('holds what it received of metrics against what it received of spans', async () => {
    const child = spawn(
      process.execPath,
      [OTEL_TLS, 'audit', join(EXAMPLE, 'api.yaml'), '--listen', '0', '--format', 'json'],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', chunk => {
      stdout += chunk;
    });
    const [greeting] = (await once(child.stderr.setEncoding('utf8'), 'data')) as [string];
    const url = /http:\S+/.exec(greeting)?.[0] as string;
    const exporter = new OTLPMetricExporter({ url: `${url}/v1/metrics` });
    const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] });
    const duration = provider.getMeter('tls').createHistogram('tls.server.handshake.duration', { unit: 's' });
    const refused = { 'tls.handshake.outcome': 'failed', 'error.type': 'certificate_expired' };
    for (const version of ['1.2', '1.3', '1.3']) duration.record(0.1, { ...refused, 'tls.protocol.version': version });
    duration.record(0.1, { 'tls.handshake.outcome': 'established' });
    provider.getMeter('collector').createCounter('otelcol_exporter_send_failed_spans').add(17, { exporter: 'otlp/b' });
    await provider.shutdown();
    child.kill('SIGINT');
    const [exitCode] = await once(child, 'close');
    const found = (JSON.parse(stdout) as AuditResult).findings.filter(({ rule }) => rule !== 'operation-never-seen');
    assert.equal(exitCode, 1);
    assert.deepEqual(
      found.map(({ rule, subject, message }) => [rule, subject, message]),
      [
        ['failures-without-trail', 'server certificate_expired', '3 failures stood in the metrics alone'],
        ['telemetry-lost', 'otelcol_exporter_send_failed_spans otlp/b', '17 records did not arrive'],
      ],
    );
    assert.equal(found[0]?.occurrences?.example.name, 'tls.server.handshake.duration');
  });

  it('keeps what it has read of files when it is interrupted, and marks it', async () => {
    // The second is a pipe that nobody closes.
    const pipe = join(folder, 'pipe.jsonl');
    execFileSync('mkfifo', [pipe]);
    const parameters = ['audit', join(EXAMPLE, 'api.yaml'), '--evidence', GAPS, pipe, '--format', 'json'];
    const child = spawn(process.execPath, [OTEL_TLS, ...parameters], { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', chunk => {
      stdout += chunk;
    });
    const ended = once(child, 'close');
    // It opens when the reader has come to it: the first file is read then.
    const writer = await open(pipe, 'w');
    child.kill('SIGINT');
    // A read of a pipe cannot be called off: a byte wakes it.
    await writer.write('\n');
    await writer.close();
    const [exitCode] = await ended;
    const { evidence } = JSON.parse(stdout) as AuditResult;
    const whole = await audited('--evidence', GAPS);
    assert.deepEqual([exitCode, evidence.partial, evidence.requests], [1, true, whole.evidence.requests]);
    assert.match(evidence.notes.join('\n'), /^interrupted: what is reported rests on the evidence read until then$/m);
  });

  it('receives evidence for as long as it is told, or until it is interrupted', async () => {
    for (const end of ['SIGINT', undefined] as const) {
      const parameters = ['audit', join(EXAMPLE, 'api.yaml'), '--listen', '0', '--format', 'json'];
      const time = end === undefined ? ['--for', '4s'] : [];
      const child = spawn(process.execPath, [OTEL_TLS, ...parameters, ...time], { stdio: ['ignore', 'pipe', 'pipe'] });
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', chunk => {
        stdout += chunk;
      });
      const [greeting] = (await once(child.stderr.setEncoding('utf8'), 'data')) as [string];
      const url = /http:\S+/.exec(greeting)?.[0] as string;
      await send(url, HANDSHAKES);
      if (end) child.kill(end);
      const [exitCode] = await once(child, 'close');
      const { evidence } = JSON.parse(stdout) as AuditResult;
      assert.equal(exitCode, 1);
      assert.equal(evidence.handshakes, HANDSHAKES.length);
      assert.equal(evidence.partial, end !== undefined);
    }
  });

  describe('with Jaeger', () => {
    let server: Server;
    let url: string;
    let answers: (path: URL) => { status?: number; type?: string; body: string; isHeld?: boolean };
    const asked: URL[] = [];
    before(async () => {
      server = createServer((request, response) => {
        const path = new URL(request.url ?? '/', 'http://jaeger');
        asked.push(path);
        const { status = 200, type = 'application/json', body, isHeld } = answers(path);
        if (!isHeld) response.writeHead(status, { 'content-type': type }).end(body);
      });
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    beforeEach(() => asked.splice(0));
    after(() => {
      server.closeAllConnections();
      server.close();
    });

    const now = Date.now() * 1000;
    const tag = (key: string, value: unknown) => ({ key, type: 'string', value });
    /** As Jaeger tells of a request without a certificate, and of a handshake. */
    const trace = (n: number) => ({
      traceID: n.toString(16).padStart(32, '0'),
      spans: [
        {
          traceID: n.toString(16).padStart(32, '0'),
          spanID: n.toString(16).padStart(16, '0'),
          operationName: 'GET',
          references: [],
          startTime: now - n * 1_000_000,
          duration: 1000,
          tags: [
            tag('span.kind', 'server'),
            tag('http.request.method', 'GET'),
            tag('url.path', '/v1/orders'),
            { key: 'http.response.status_code', type: 'int64', value: 200 },
            tag('tls.verify.result', 'not_presented'),
          ],
          logs: [{ timestamp: now, fields: [tag('event', 'tls.forwarded_certificate.spoof_suspected')] }],
          processID: 'p1',
        },
      ],
      processes: { p1: { serviceName: 'orders', tags: [] } },
    });

    it('asks for each service, and halves the time until everything fits', async () => {
      const traces = Array.from({ length: 900 }, (_, n) => trace(n + 1));
      answers = path => {
        if (path.pathname === '/jaeger/api/services') return { body: JSON.stringify({ data: ['orders', 'none'] }) };
        const [start, end] = ['start', 'end'].map(name => Number(path.searchParams.get(name))) as [number, number];
        const found = traces.filter(({ spans: [span] }) => span!.startTime >= start && span!.startTime <= end);
        const data =
          path.searchParams.get('service') === 'orders' ? found.slice(0, Number(path.searchParams.get('limit'))) : null;
        return { body: JSON.stringify({ data }) };
      };
      const result = await audited('--jaeger', `${url}/jaeger/`);
      assert.equal(result.evidence.requests, 900);
      assert.deepEqual(result.evidence.notes, []);
      const rules = result.findings.filter(({ operation }) => operation === 'GET /v1/orders').map(({ rule }) => rule);
      assert.ok(
        rules.includes('success-without-certificate') && rules.includes('forwarded-certificate-spoofed'),
        `${rules}`,
      );
      assert.ok(asked.length < 60, `${asked.length}`);
    });

    it('stops at a bound, and says so', async () => {
      const full = JSON.stringify({ data: Array.from({ length: 200 }, (_, n) => trace(n)) });
      answers = () => ({ body: full });
      const { evidence } = await audited('--jaeger', url, '--service', 'orders');
      assert.ok(asked.length <= 1000, `${asked.length}`);
      assert.match(evidence.notes.join('\n'), /holds more than is read at once/);
      assert.equal(evidence.partial, true);
    });

    it('halves the time of an answer that is too large, and says what still is', async () => {
      const [small, large] = [trace(1), trace(9)];
      const padding = ' '.repeat(65 * 1024 * 1024);
      answers = ({ searchParams }) => {
        const [start, end] = ['start', 'end'].map(name => Number(searchParams.get(name))) as [number, number];
        const isThere = ({ spans: [span] }: typeof small) => span!.startTime >= start && span!.startTime <= end;
        return { body: JSON.stringify({ data: [small, large].filter(isThere) }) + (isThere(large) ? padding : '') };
      };
      const { evidence } = await audited('--jaeger', url, '--service', 'orders', '--since', '1h');
      assert.deepEqual([evidence.requests, evidence.partial], [1, true]);
      assert.match(
        evidence.notes.join('\n'),
        /: traces of one moment that are larger than 67108864 bytes were left out/,
      );
      assert.ok(asked.length < 60, `${asked.length}`);
    });

    const FAULTS: readonly [
      what: string,
      answer: { status?: number; type?: string; body: string },
      complaint: RegExp,
    ][] = [
      [
        'a 404',
        { status: 404, body: 'no' },
        /\/api\/services: the answer was 404; Jaeger's query API was expected there/,
      ],
      [
        'HTML',
        { type: 'text/html', body: '<html>' },
        /\/api\/services: the answer is HTML; Jaeger's query API was expected/,
      ],
      ['text', { body: 'hello' }, /\/api\/services: the answer is no JSON; Jaeger's query API was expected/],
      ['other JSON', { body: '{"x":1}' }, /\/api\/services: the answer has no "data"; Jaeger's query API was expected/],
    ];
    for (const [what, answer, complaint] of FAULTS) {
      it(`says in one sentence that it answers ${what}`, async () => {
        answers = () => answer;
        const { stdout, stderr, exitCode } = await audit('--jaeger', url);
        assert.deepEqual([stdout, exitCode], ['', 2]);
        assert.match(stderr, complaint);
        assert.equal(stderr.trimEnd().split('\n').length, 1);
      });
    }

    it('keeps what it has when it is interrupted, and marks it', async () => {
      const first = { body: JSON.stringify({ data: [trace(1)] }) };
      answers = ({ searchParams }) => {
        if (!searchParams.has('service')) return { body: JSON.stringify({ data: ['orders', 'slow'] }) };
        if (searchParams.get('service') === 'orders') return first;
        child.kill('SIGINT');
        return { body: '', isHeld: true };
      };
      const parameters = [
        'audit',
        join(EXAMPLE, 'api.yaml'),
        '--jaeger',
        url,
        '--format',
        'json',
        '--fail-on',
        'never',
      ];
      const child = spawn(process.execPath, [OTEL_TLS, ...parameters], { stdio: ['ignore', 'pipe', 'inherit'] });
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', chunk => {
        stdout += chunk;
      });
      const [exitCode] = await once(child, 'close');
      const { evidence } = JSON.parse(stdout) as AuditResult;
      assert.deepEqual([exitCode, evidence.partial, evidence.requests], [2, true, 1]);
      assert.match(evidence.notes.join('\n'), /^interrupted: /m);
    });

    it('keeps what it has when Jaeger answers no more, and marks it', async () => {
      answers = ({ searchParams }) => {
        if (!searchParams.has('service')) return { body: JSON.stringify({ data: ['orders', 'lost'] }) };
        if (searchParams.get('service') === 'orders') return { body: JSON.stringify({ data: [trace(1)] }) };
        return { status: 503, body: '' };
      };
      const { stdout, exitCode } = await audit('--jaeger', url, '--format', 'json');
      const { evidence } = JSON.parse(stdout) as AuditResult;
      assert.deepEqual([exitCode, evidence.partial, evidence.requests], [1, true, 1]);
      assert.match(evidence.notes.join('\n'), /: the answer was 503; .*; what came before that was read$/m);
      assert.equal((await audit('--jaeger', url, '--fail-on', 'never')).exitCode, 2);
    });

    it('says in one sentence that it cannot be reached', async () => {
      const other = createServer();
      await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
      const { port } = other.address() as AddressInfo;
      await new Promise(resolve => other.close(resolve));
      const { stderr, exitCode } = await audit('--jaeger', `http://127.0.0.1:${port}`);
      assert.equal(exitCode, 2);
      assert.match(
        stderr,
        /^otel-tls: http:\S+: not reachable \(ECONNREFUSED\); Jaeger's query API was expected there .*\n$/,
      );
    });

    it('says in one sentence that something else than HTTP answers, or no TLS', async () => {
      // The first bytes of a gRPC server.
      const server = createTcpServer(socket => {
        socket.on('error', () => {}).end(Buffer.from('000006040000000000000500004000', 'hex'));
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        for (const [scheme, why] of [
          ['http', 'what answers there speaks no HTTP/1\\.1'],
          ['https', 'the TLS handshake failed \\(ERR_SSL_\\w+\\)'],
        ]) {
          const { port } = server.address() as AddressInfo;
          const { stdout, stderr, exitCode } = await audit('--jaeger', `${scheme}://127.0.0.1:${port}`);
          assert.deepEqual([exitCode, stdout], [2, '']);
          assert.match(stderr, new RegExp(`^otel-tls: ${scheme}:\\S+: ${why}; Jaeger's query API was expected .*\\n$`));
        }
      } finally {
        server.close();
      }
    });
  });

  const MISTAKES: readonly [parameters: string[], complaint: RegExp][] = [
    [[], /the evidence is missing: expected one of --evidence FILE\.\.\., --jaeger URL, --listen \[PORT\]/],
    [['--evidence', 'a', '--jaeger', 'http://b'], /--evidence and --jaeger are given: expected one of/],
    [['more'], /'more': expected one description/],
    [
      ['--evidence', 'nothing.jsonl'],
      /--evidence 'nothing\.jsonl': there is no such file; a file of OTLP JSON was expected/,
    ],
    [['--evidence', '.'], /--evidence '\.': this is a folder; a file of OTLP JSON was expected/],
    [['--evidence', 'a', '--format', 'xml'], /--format 'xml': expected table, json, sarif, html/],
    [['--evidence', 'a', '--fail-on', 'all'], /--fail-on 'all': expected critical, high, medium, low, never/],
    [['--evidence', 'a', '--since', 'monday'], /--since 'monday': expected a time such as 90m, 24h, 7d, or a date/],
    [['--listen', '70000'], /--listen '70000': expected a port from 0 to 65535/],
    [['--listen', '0', '--for', 'ever'], /--for 'ever': expected a time such as 30s, 10m, 2h/],
    [
      ['--jaeger', 'localhost:16686'],
      /--jaeger 'localhost:16686': expected an address such as http:\/\/localhost:16686/,
    ],
    [['--jaeger', 'http://me:secret@localhost'], /^otel-tls: --jaeger: the address has a user or a password in it; /],
    [
      ['--evidence', GAPS, '--baseline', 'none.json'],
      /--baseline 'none\.json': cannot be read \(ENOENT\); the report of an/,
    ],
    [['--evidence', GAPS, '--baseline', GAPS], /--baseline '.*': this is no JSON; the report of an earlier audit/],
    [['--evidence', GAPS, '--output', 'no/where'], /--output 'no\/where': cannot be written \(ENOENT\)/],
    [
      ['--evidence', GAPS, '--privacy', 'identity=some'],
      /--privacy 'identity=some': expected identity=full\|hash\|off, /,
    ],
    [['--evidence', GAPS, '--privacy', '__proto__=x'], /--privacy '__proto__=x': expected identity=full\|hash\|off, /],
    [
      ['--evidence', GAPS, '--rules', 'none.yml'],
      /--rules 'none\.yml': there is no such file; a file of Prometheus rules in YAML was expected/,
    ],
    [['--loud'], /Unknown option '--loud'.*; see otel-tls audit --help/],
  ];
  for (const [parameters, complaint] of MISTAKES) {
    it(`cannot run with ${JSON.stringify(parameters.map(parameter => parameter.replace(EXAMPLE, '')))}`, async () => {
      const { stdout, stderr, exitCode } = await audit(...parameters);
      assert.deepEqual([stdout, exitCode], ['', 2], stderr);
      assert.match(stderr, complaint);
      assert.equal(stderr.trimEnd().split('\n').length, 1);
    });
  }

  it('cannot run with a description that is none, and names the line', async () => {
    const wrong = file('wrong.yaml', 'openapi: 3.1.0\ninfo: { version: "1" }\npaths: {}\n');
    const { stderr, exitCode } = await runOtelTls(['audit', wrong, '--evidence', GAPS], folder);
    assert.equal(exitCode, 2);
    assert.match(stderr, /wrong\.yaml:2: must have required property 'title' \(rule: required\)/);
  });

  it('says that a description protects nothing', async () => {
    const open = file('open.yaml', "openapi: 3.1.0\ninfo: { title: A, version: '1' }\npaths: { /a: { get: {} } }\n");
    const { stdout, exitCode } = await runOtelTls(['audit', open, '--evidence', MENDED], folder);
    assert.equal(exitCode, 0);
    assert.match(
      stdout,
      /open\.yaml protects no operation by mutual TLS: name the scheme that means it with\s+--scheme/,
    );
  });

  it('documents every option in its help', async () => {
    const { stdout, exitCode } = await runOtelTls(['audit', '--help'], folder);
    assert.equal(exitCode, 0);
    const source = readFileSync(join(CHECKOUT, 'src/cli/audit-options.ts'), 'utf8');
    const options = [...source.matchAll(/^ {8}'?([a-z-]+)'?: \{ type: /gm)].map(match => match[1] as string);
    assert.ok(options.length > 10);
    for (const option of options) assert.ok(stdout.includes(`--${option}`), option);
  });
});
