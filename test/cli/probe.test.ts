import 'reflect-metadata';
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { KeyObject, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as x509 from '@peculiar/x509';
import Ajv2020 from 'ajv/dist/2020';
import type { AuditResult } from '../../src/audit/audit-result';
import { startOtlpReceiver } from '../../src/cli/otlp-receiver';
import { PROBE_PARAMETERS, probeOptionsFrom } from '../../src/cli/probe-options';
import { UsageError } from '../../src/cli/usage-error';
import { type Ended, runOtelTls } from '../audit/otel-tls-command';
import { codeBlocks } from '../docs/markdown';
import { APPLICATIONS, CHECKOUT, REGISTER } from '../support/application';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { needsProgram } from '../support/summary';

const OTEL_TLS = join(__dirname, '../../src/cli/otel-tls.js');

const DESCRIPTION = `openapi: 3.1.0
info: { title: Shop, version: '1' }
servers: [{ url: 'https://api.shop.example/v1' }]
security: [{ certificate: [] }]
paths:
  /health: { get: { security: [] } }
  /orders:
    get: {}
    post: {}
  /orders/{id}:
    parameters: [{ name: id, in: path, required: true, schema: { type: integer, example: 17 } }]
    get: {}
components: { securitySchemes: { certificate: { type: mutualTLS } } }
`;

describe('otel-tls audit --probe', function () {
  this.timeout(120_000);

  let folder: string;
  let authority: CertificateAuthority;
  let good: IssuedCertificate;
  let description: string;
  let everyCertificate: readonly string[];
  const running: ChildProcess[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'probe-'));
    authority = await CertificateAuthority.create({ commonName: 'Acme CA' });
    const server = await authority.issue({ usage: 'server' });
    good = await authority.issue({ commonName: 'billing' });
    const revoked = await authority.issue({ commonName: 'dismissed' });
    authority.revoke(revoked.serialNumber);
    const issuer = await issuerWithItsKey();
    file('authority.pem', authority.certificate + issuer.certificate);
    file('server.pem', server.chain);
    file('server-key.pem', server.key);
    file('authority.crl', await authority.crl());
    file('issuer.crl', issuer.revocationList);
    file('good.pem', good.chain);
    file('good-key.pem', good.key);
    file('revoked.pem', revoked.chain);
    file('revoked-key.pem', revoked.key);
    file('issuer.pem', issuer.certificate);
    file('issuer-key.pem', issuer.key);
    description = file('api.yaml', DESCRIPTION);
    everyCertificate = [
      ...['--probe-certificate', 'good.pem', '--probe-key', 'good-key.pem'],
      ...['--probe-revoked-certificate', 'revoked.pem', '--probe-revoked-key', 'revoked-key.pem'],
    ];
  });
  afterEach(async () => {
    for (const child of running.splice(0)) {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function file(name: string, content: string): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  }

  const audit = (...parameters: string[]): Promise<Ended> => runOtelTls(['audit', description, ...parameters], folder);

  /** The API, preloaded or not; its telemetry goes to `endpoint`. Answers its address. */
  async function api(guard: string, endpoint: string | undefined, environment: Record<string, string> = {}) {
    const flags =
      endpoint === undefined
        ? []
        : ['--require', '@opentelemetry/auto-instrumentations-node/register', '--require', REGISTER];
    const child = spawn(process.execPath, [...flags, join(APPLICATIONS, 'guarded-api.cjs')], {
      cwd: CHECKOUT,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        GUARD: guard,
        CERTIFICATES: folder,
        OTEL_SERVICE_NAME: 'shop',
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint ?? '',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_NODE_RESOURCE_DETECTORS: 'env',
        OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'http',
        OTEL_SEMCONV_STABILITY_OPT_IN: 'http',
        OTEL_BSP_SCHEDULE_DELAY: '100',
        OTEL_BLRP_SCHEDULE_DELAY: '100',
        ...environment,
      },
    });
    running.push(child);
    const [line] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string];
    return `https://127.0.0.1:${/\d+/.exec(line)?.[0]}`;
  }

  /** What a collector's file exporter would write: a growing file, and where to send. */
  async function growingEvidence(name: string) {
    const path = file(name, '');
    const receiver = await startOtlpReceiver(
      { request: ({ body, signal }) => signal !== 'metrics' && appendFileSync(path, `${body}\n`) },
      { port: 0 },
    );
    return { path, endpoint: receiver.url, close: () => receiver.close() };
  }

  async function probed(address: string, ...parameters: string[]): Promise<[AuditResult, Ended]> {
    const ended = await audit(
      '--probe',
      address,
      '--probe-ca',
      'authority.pem',
      '--yes',
      '--probe-rate',
      '10',
      ...parameters,
      '--format',
      'json',
    );
    try {
      return [JSON.parse(ended.stdout) as AuditResult, ended];
    } catch {
      throw new Error(JSON.stringify(ended));
    }
  }

  it('finds a trail of everything it sent, in a file that grows, where the server is instrumented', async () => {
    const evidence = await growingEvidence('instrumented.jsonl');
    try {
      const address = await api('server', evidence.endpoint);
      const [result, { stderr, exitCode }] = await probed(
        address,
        ...['--evidence', evidence.path, '--fail-on', 'high'],
        ...['--probe-issuer', 'issuer.pem', '--probe-issuer-key', 'issuer-key.pem'],
        ...everyCertificate,
      );
      const { probes, evidence: read } = result;
      assert.deepEqual([probes!.planned, probes!.sent, read.notes, exitCode], [18, 18, [], 0], stderr);
      assert.ok(probes!.sendings.every(({ trail }) => trail === 'found'));
      const byKind = Object.fromEntries(
        probes!.sendings.map(({ certificate, outcome, recorded }) => [
          certificate,
          [outcome, recorded!.as, recorded!.by, recorded!.reason],
        ]),
      );
      // Each is refused for its own fault alone.
      assert.deepEqual(byKind, {
        good: ['accepted', 'request', 'traceparent', undefined],
        none: ['refused', 'handshake', 'port', 'certificate_required'],
        expired: ['refused', 'handshake', 'fingerprint', 'certificate_expired'],
        'not-yet-valid': ['refused', 'handshake', 'fingerprint', 'certificate_not_yet_valid'],
        'self-signed': ['refused', 'handshake', 'fingerprint', 'self_signed_certificate'],
        'unknown-ca': ['refused', 'handshake', 'fingerprint', 'unknown_ca'],
        'forged-issuer': ['refused', 'handshake', 'fingerprint', 'certificate_signature_invalid'],
        'wrong-purpose': ['refused', 'handshake', 'fingerprint', 'certificate_purpose_invalid'],
        revoked: ['refused', 'handshake', 'fingerprint', 'certificate_revoked'],
      });
      const paths = [...new Set(probes!.sendings.map(({ path }) => path))];
      assert.deepEqual(paths, ['/v1/orders', '/v1/orders/17']);
      const serials = probes!.sendings.map(({ serialNumber }) => serialNumber);
      assert.equal(serials.filter(serial => serial?.startsWith('70726F6265')).length, 12);
      const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(
        JSON.parse(readFileSync(join(CHECKOUT, 'schemas/audit-result.schema.json'), 'utf8')),
      );
      assert.ok(validate(result), JSON.stringify(validate.errors));
      const told = JSON.stringify(result) + stderr;
      assert.doesNotMatch(told, /PRIVATE KEY|BEGIN CERTIFICATE/);
    } finally {
      await evidence.close();
    }
  });

  it('prints what the README shows of it: else paste that there', async () => {
    const evidence = await growingEvidence('shown.jsonl');
    try {
      const address = await api('server', evidence.endpoint);
      const { stdout, stderr } = await audit(
        ...['--evidence', evidence.path, '--probe', address, '--probe-ca', 'authority.pem'],
        ...['--probe-certificate', 'good.pem', '--probe-key', 'good-key.pem', '--yes', '--probe-rate', '10'],
      );
      const from = stdout.indexOf('Probes of ');
      const printed = stdout.slice(from, stdout.indexOf('\n\n', from)).replace(address, 'https://localhost:8443');
      const shown = codeBlocks(readFileSync(join(CHECKOUT, 'README.md'), 'utf8')).find(({ text }) =>
        text.startsWith('Probes of '),
      );
      assert.equal(shown?.text.trimEnd(), printed.trimEnd(), stderr);
    } finally {
      await evidence.close();
    }
  });

  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    it(`awaits over ${version} what is sent to it while it listens`, async () => {
      // The server has to know where to send before the audit says where it listens.
      let forwardTo: (url: string) => void = () => {};
      const target = new Promise<string>(resolve => {
        forwardTo = resolve;
      });
      const relay = createServer(async (request, response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const headers = { 'content-type': String(request.headers['content-type']) };
        await fetch(`${await target}${request.url}`, { method: 'POST', headers, body: Buffer.concat(chunks) }).catch(
          () => undefined,
        );
        response.end('{}');
      }).listen(0, '127.0.0.1');
      await once(relay, 'listening');
      try {
        const address = await api('server', `http://127.0.0.1:${(relay.address() as AddressInfo).port}`, {
          TLS: version,
        });
        const child = spawn(
          process.execPath,
          [
            ...[OTEL_TLS, 'audit', description, '--listen', '0', '--format', 'json', '--yes', '--probe-rate', '10'],
            ...['--probe', address, '--probe-ca', 'authority.pem'],
          ],
          { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
        );
        let [stdout, stderr] = ['', ''];
        child.stdout.setEncoding('utf8').on('data', text => {
          stdout += text;
        });
        child.stderr.setEncoding('utf8').on('data', text => {
          stderr += text;
          const url = /Waiting for evidence on (http:\S+)/.exec(stderr)?.[1];
          if (url) forwardTo(url);
        });
        await once(child, 'close');
        const { probes, findings, evidence } = JSON.parse(stdout) as AuditResult;
        assert.ok(probes!.sendings.length === 14 || version === 'TLSv1.3', stderr);
        assert.deepEqual(
          probes!.sendings.filter(({ outcome, trail }) => outcome !== 'refused' || trail !== 'found'),
          [],
        );
        assert.ok(findings.every(({ rule }) => !rule.startsWith('probe-')));
        assert.match(
          evidence.notes.join('\n'),
          /issued by an authority that nobody knows, as no --probe-issuer was given/,
        );
        // No certificate and no issuer was given: the server said whom it accepts, which TLS 1.3 hides.
        const forged = probes!.sendings.filter(({ certificate }) => certificate === 'forged-issuer');
        assert.equal(forged[0]?.recorded?.reason, 'certificate_signature_invalid');
      } finally {
        relay.closeAllConnections();
        relay.close();
      }
    });
  }

  it('finds that failures leave no trail where the server is not instrumented', async () => {
    const address = await api('server', undefined);
    // Nobody has written anything there yet, and nobody does.
    const evidence = join(folder, 'nothing.jsonl');
    const [{ findings, probes, evidence: read }, { exitCode, stderr }] = await probed(
      address,
      ...['--evidence', evidence, '--probe-wait', '1s'],
      ...everyCertificate,
    );
    assert.equal(exitCode, 1);
    assert.match(stderr, /nothing\.jsonl is not there yet: it is waited for\.\n$/);
    assert.match(read.notes.join('\n'), /nothing\.jsonl: nothing was ever written to it, there is no such file/);
    assert.ok(probes!.sendings.every(({ trail }) => trail === 'missing'));
    const found = findings.filter(({ rule }) => rule === 'probe-without-trail');
    const bad = [
      'no',
      'an expired',
      'a certificate that is not yet valid',
      'a self-signed',
      'unknown',
      'forged',
      'purpose',
      'revoked',
    ];
    assert.equal(found.length, bad.length + 2);
    for (const word of bad)
      assert.ok(
        found.some(({ subject }) => subject?.includes(word)),
        word,
      );
    const answered = found.filter(({ operation }) => operation !== undefined);
    assert.deepEqual(
      answered.map(({ operation, message }) => [operation, message.replace(/ in .*/, '')]),
      [
        ['GET /v1/orders', '1 of 1 probes that were answered left no trail'],
        ['GET /v1/orders/{id}', '1 of 1 probes that were answered left no trail'],
      ],
    );
    assert.ok(findings.every(({ rule }) => rule !== 'probe-accepted'));
    const { stdout } = await audit(
      ...['--probe', address, '--probe-ca', 'authority.pem', '--yes', '--probe-rate', '10', '--evidence', evidence],
      ...['--probe-wait', '1s', '--probe-limit', '8'],
    );
    assert.match(
      stdout,
      /\nProbes of https:\/\/127\.0\.0\.1:\d+ {2}7 requests\n {2}certificate +accepted +refused +undecided +trails\n/,
    );
    assert.match(stdout, /\n {2}expired +0 +1 +0 +0 of 1 +closed without an answer\n/);
  });

  it('finds that bad certificates are accepted', async () => {
    const evidence = await growingEvidence('lenient.jsonl');
    try {
      const address = await api('lenient', evidence.endpoint);
      const [{ findings, probes, scoreCard }] = await probed(address, '--evidence', evidence.path);
      assert.ok(probes!.sendings.every(({ outcome, trail }) => outcome === 'accepted' && trail === 'found'));
      const found = findings.filter(({ rule }) => rule === 'probe-accepted');
      assert.deepEqual(
        found.map(({ severity, operation }) => [severity, operation]),
        [
          ['critical', 'GET /v1/orders'],
          ['critical', 'GET /v1/orders/{id}'],
        ],
      );
      assert.match(
        found[0]!.message,
        /^7 of 7 probes that ought to have been refused .*: no certificate, expired cert/,
      );
      assert.equal(scoreCard.proven, 0);
      // The one that was made to have ended.
      assert.ok(findings.every(({ rule }) => rule !== 'certificate-near-end'));
    } finally {
      await evidence.close();
    }
  });

  it('takes a refusal by the application for one, and finds its trail under the traceparent', async () => {
    const evidence = await growingEvidence('application.jsonl');
    try {
      const address = await api('application', evidence.endpoint);
      const [{ findings, probes }] = await probed(address, '--evidence', evidence.path, ...everyCertificate);
      const bad = probes!.sendings.filter(({ certificate }) => certificate !== 'good');
      assert.ok(bad.length > 10);
      assert.deepEqual(
        new Set(bad.map(({ outcome, detail, recorded }) => [outcome, detail, recorded?.by].join())),
        new Set(['refused,answered 403,traceparent']),
      );
      assert.ok(findings.every(({ rule }) => !rule.startsWith('probe-')));
    } finally {
      await evidence.close();
    }
  });

  it('does not say that there is no trail where what is recorded names neither certificate nor port', async () => {
    const evidence = await growingEvidence('private.jsonl');
    try {
      const address = await api('server', evidence.endpoint, {
        OTEL_INSTRUMENTATION_TLS_IDENTITY: 'off',
        OTEL_INSTRUMENTATION_TLS_ADDRESSES: 'off',
      });
      const [{ findings, probes, evidence: read }] = await probed(
        address,
        ...['--evidence', evidence.path, '--probe-wait', '3s', '--probe-limit', '7'],
      );
      assert.deepEqual(new Set(probes!.sendings.map(({ trail }) => trail)), new Set(['undecided']));
      assert.ok(findings.every(({ rule }) => !rule.startsWith('probe-')));
      assert.match(
        read.notes.join('\n'),
        /whether there is a trail cannot be told \(no certificate, GET \/v1\/orders: /,
      );
    } finally {
      await evidence.close();
    }
  });

  for (const version of ['-tls1_2', '-tls1_3']) {
    it(`understands the alerts of an OpenSSL server (${version})`, async function () {
      const openssl = needsProgram(this, 'openssl');
      const server = spawn(
        openssl,
        [
          ...['s_server', '-accept', '127.0.0.1:0', '-cert', 'server.pem', '-key', 'server-key.pem', version, '-www'],
          ...['-CAfile', 'authority.pem', '-Verify', '2', '-verify_return_error'],
        ],
        { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] },
      );
      running.push(server);
      let said = '';
      let port: string | undefined;
      while (port === undefined) {
        said += (await once(server.stdout!, 'data'))[0];
        port = /ACCEPT \S+:(\d+)/.exec(said)?.[1];
      }
      server.stdout!.resume();
      const [{ probes }] = await probed(
        `https://127.0.0.1:${port}`,
        ...['--evidence', file('openssl.jsonl', ''), '--probe-wait', '1s', '--probe-limit', '8'],
        ...['--probe-issuer', 'issuer.pem', '--probe-issuer-key', 'issuer-key.pem'],
        ...['--probe-certificate', 'good.pem', '--probe-key', 'good-key.pem'],
      );
      const details = Object.fromEntries(probes!.sendings.map(({ certificate, detail }) => [certificate, detail]));
      assert.deepEqual(details, {
        good: 'answered 200',
        none: version === '-tls1_2' ? 'TLS alert 40 (handshake_failure)' : 'TLS alert 116 (certificate_required)',
        expired: 'TLS alert 45 (certificate_expired)',
        'not-yet-valid': 'TLS alert 42 (bad_certificate)',
        'self-signed': 'TLS alert 48 (unknown_ca)',
        'unknown-ca': 'TLS alert 48 (unknown_ca)',
        'forged-issuer': 'TLS alert 51 (decrypt_error)',
        'wrong-purpose': 'TLS alert 43 (unsupported_certificate)',
      });
    });
  }

  it('keeps what it has when it is interrupted, and marks it', async () => {
    const address = await api('server', undefined);
    const child = spawn(
      process.execPath,
      [
        ...[OTEL_TLS, 'audit', description, '--evidence', file('interrupted.jsonl', ''), '--format', 'json', '--yes'],
        ...['--probe', address, '--probe-ca', 'authority.pem', '--probe-rate', '1'],
      ],
      { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } },
    );
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', text => {
      stdout += text;
    });
    // One that asks whom the server accepts, the first that counts, and the second.
    const closed = once(child, 'close');
    const visitors = running.at(-1)!.stdout!;
    let came = '';
    visitors.on('data', text => {
      came += text;
      if (came.split('somebody came').length > 3) child.kill('SIGINT');
    });
    const [exitCode] = await closed;
    const { probes, evidence, findings } = JSON.parse(stdout) as AuditResult;
    assert.ok(probes!.sent > 0 && probes!.sent < probes!.planned, `${probes!.sent}`);
    assert.deepEqual([evidence.partial, exitCode], [true, 1]);
    assert.match(evidence.notes.join('\n'), /probe: \d+ of 14 requests were not sent any more/);
    assert.ok(findings.every(({ rule }) => rule !== 'probe-without-trail'));
  });

  describe('before it sends', () => {
    it('refuses in one sentence where nobody can be asked', async () => {
      const { stdout, stderr, exitCode } = await audit('--probe', 'https://127.0.0.1:1', '--evidence', description);
      assert.deepEqual([stdout, exitCode], ['', 2]);
      assert.match(
        stderr,
        /^otel-tls: --probe 'https:\/\/127\.0\.0\.1:1': 14 requests would be sent, and there is no terminal .*; expected --yes\n$/,
      );
    });

    for (const [answer, says] of [
      ['n', /nothing was sent, as nobody agreed; expected y/],
      ['y', /not reachable \(ECONNREFUSED\)/],
    ] as const) {
      it(`asks on a terminal, and does as it is told: ${answer}`, async function () {
        const script = needsProgram(this, 'script');
        const port = await freedPort();
        const command = `${process.execPath} ${OTEL_TLS} audit ${description} --evidence ${description} --probe https://127.0.0.1:${port}`;
        const terminal = spawn(script, ['--quiet', '--return', '--command', command, '/dev/null'], { cwd: folder });
        let screen = '';
        terminal.stdout.setEncoding('utf8').on('data', text => {
          const isAsked = screen.includes('Send them?');
          screen += text;
          if (!isAsked && screen.includes('Send them?')) terminal.stdin.write(`${answer}\n`);
        });
        const [exitCode] = await once(terminal, 'close');
        assert.equal(exitCode, 2, screen);
        assert.match(screen, /otel-tls audit will send 14 requests to https:\/\/127\.0\.0\.1:\d+, 2 a second/);
        assert.match(screen, /\n {2}GET \/v1\/orders\/17\r?\n/);
        assert.match(
          screen,
          /\n {2}expired certificate: ended yesterday, and of an unknown authority too \(no --probe-issuer\)\r?\n/,
        );
        assert.match(screen, says);
      });
    }

    const PROBE = ['--yes', '--probe', 'https://127.0.0.1:1'];
    const MISTAKES: readonly [parameters: string[], complaint: RegExp][] = [
      [
        ['--yes', '--probe', 'http://a.example'],
        /--probe 'http:\/\/a\.example': http has no handshake to probe; expected/,
      ],
      [['--yes', '--probe', 'api.example'], /--probe 'api\.example': expected an address such as https:\/\/api/],
      [
        ['--yes', '--probe', 'https://a:secret@b.example'],
        /--probe: the address has a user or a password in it; expected/,
      ],
      [
        ['--yes', '--probe', 'https://a.example/?b'],
        /'https:\/\/a\.example\/\?b': a query or a fragment cannot be probed/,
      ],
      [
        [...PROBE, '--probe-certificate', 'good.pem'],
        /--probe-certificate 'good\.pem': its key is missing; expected --probe-key FILE too/,
      ],
      [
        [...PROBE, '--probe-key', 'good-key.pem'],
        /--probe-key 'good-key\.pem': the certificate is missing; expected --probe-cert/,
      ],
      [
        [...PROBE, '--probe-certificate', 'good.pem', '--probe-key', 'revoked-key.pem'],
        /--probe-key 'revoked-key\.pem': does not fit the certificate in 'good\.pem'; expected the key of its first/,
      ],
      [
        [...PROBE, '--probe-certificate', 'good-key.pem', '--probe-key', 'good-key.pem'],
        /--probe-certificate 'good-key\.pem': no certificate is in it; expected a certificate in PEM/,
      ],
      [
        [...PROBE, '--probe-certificate', 'good.pem', '--probe-key', 'good.pem'],
        /--probe-key 'good\.pem': no key can be read in it; expected an unencrypted private key in PEM/,
      ],
      [
        [...PROBE, '--probe-ca', 'none.pem'],
        /--probe-ca 'none\.pem': there is no such file; expected a certificate in PEM/,
      ],
      [
        [...PROBE, '--probe-issuer', 'good.pem', '--probe-issuer-key', 'good-key.pem'],
        /--probe-issuer 'good\.pem': its first certificate is no authority's; expected one that may issue others/,
      ],
      [[...PROBE, '--probe-limit', '61'], /--probe-limit '61': expected a number from 1 to 60/],
      [[...PROBE, '--probe-rate', 'fast'], /--probe-rate 'fast': expected a number from 1 to 10/],
      [[...PROBE, '--probe-wait', 'long'], /--probe-wait 'long': expected a time such as 30s, 2m/],
      [[...PROBE, '--probe-method', 'STEAL'], /--probe-method 'STEAL': expected one of GET, HEAD/],
      [['--probe-ca', 'authority.pem'], /--probe-ca is given without --probe URL: expected the server to probe/],
    ];
    for (const [parameters, complaint] of MISTAKES) {
      it(`cannot run with ${JSON.stringify(parameters.filter(one => one !== '--yes'))}`, async () => {
        const args = parameters.map(one => (one.endsWith('.pem') ? join(folder, one) : one));
        const { values } = parseArgs({ args, options: PROBE_PARAMETERS });
        const isTime = (text: string) => (/^\d+s$/.test(text) ? 1000 : undefined);
        await assert.rejects(probeOptionsFrom(values, isTime), fault => {
          assert.ok(fault instanceof UsageError);
          assert.match(fault.message.replaceAll(`${folder}/`, ''), complaint);
          assert.doesNotMatch(fault.message, /secret|PRIVATE|\n/);
          return fault.exitCode === 2;
        });
      });
    }

    const NOT_THERE: readonly [parameters: string[], complaint: RegExp][] = [
      [['--evidence', 'no/where.jsonl'], /--evidence 'no\/where\.jsonl': there is no such file/],
      [
        ['--evidence', 'api.yaml'],
        /--probe 'https:\/\/127\.0\.0\.1:1': not reachable \(ECONNREFUSED\); a server that speaks TLS was expected there/,
      ],
      [
        ['--evidence', 'api.yaml', '--probe-key', 'good-key.pem'],
        /^otel-tls: --probe-key 'good-key\.pem': the certificate/,
      ],
    ];
    for (const [parameters, complaint] of NOT_THERE) {
      it(`ends with 2 and one sentence: ${JSON.stringify(parameters)}`, async () => {
        const { stdout, stderr, exitCode } = await audit(...PROBE, ...parameters);
        assert.deepEqual([stdout, exitCode], ['', 2], stderr);
        assert.match(stderr.trimEnd().split('\n').at(-1)!, complaint);
      });
    }

    it('does not go on with a server that is not to be believed, unless told so', async () => {
      const evidence = await growingEvidence('distrusted.jsonl');
      try {
        const address = await api('server', evidence.endpoint);
        const probe = [
          '--evidence',
          evidence.path,
          '--yes',
          '--probe',
          address,
          '--probe-limit',
          '8',
          '--probe-rate',
          '10',
        ];
        const refused = await audit(...probe, '--probe-ca', 'issuer.pem');
        assert.deepEqual([refused.exitCode, refused.stdout], [2, '']);
        assert.match(
          refused.stderr,
          /: the server's certificate does not verify \(\w+\); expected its authority with --probe-ca FILE, or --probe-insecure/,
        );
        const insecure = await audit(...probe, '--probe-insecure', '--format', 'json');
        const { probes, evidence: read } = JSON.parse(insecure.stdout) as AuditResult;
        assert.equal(probes!.sent, 7);
        assert.match(read.notes.join('\n'), /the server's certificate does not verify \(\w+\), and was gone on with/);
      } finally {
        await evidence.close();
      }
    });

    it('says that what answers speaks no TLS, or does not answer', async () => {
      const server = createTcpServer(socket => {
        socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n');
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        const { port } = server.address() as AddressInfo;
        const { stderr, exitCode } = await audit(
          ...['--evidence', description, '--yes', '--probe', `https://127.0.0.1:${port}`],
        );
        assert.equal(exitCode, 2);
        assert.match(stderr, /: what answers there speaks no TLS; a server that speaks TLS was expected there\n$/);
      } finally {
        server.close();
      }
    });

    it('documents every option in the help of the audit', async () => {
      const { stdout } = await runOtelTls(['audit', '--help'], folder);
      for (const option of Object.keys(PROBE_PARAMETERS)) assert.ok(stdout.includes(`--${option} `), option);
    });

    it('demands an operation that it may ask for, and asks for others only where told', async () => {
      const open = file('open.yaml', DESCRIPTION.replace(/ {4}get: \{\}\n/g, ''));
      const probe = ['--evidence', description, '--probe', 'https://127.0.0.1:1'];
      const { stderr } = await runOtelTls(['audit', open, ...probe], folder);
      assert.match(
        stderr,
        /no operation of GET, HEAD demands a certificate; expected one in the description, or another/,
      );
      const more = await runOtelTls(['audit', open, ...probe, '--probe-method', 'post'], folder);
      assert.match(more.stderr, /7 requests would be sent/);
    });
  });
});

/** An authority whose key is at hand, as a test environment has one. */
async function issuerWithItsKey() {
  const keys = (await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Acme test CA',
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }) as string;
  // Where there is one list of revocations, OpenSSL wants one of every authority.
  const list = await x509.X509CrlGenerator.create({
    issuer: 'CN=Acme test CA',
    thisUpdate: new Date(Date.now() - 86_400_000),
    nextUpdate: new Date(Date.now() + 86_400_000),
    entries: [],
    signingKey: keys.privateKey,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  const revocationList = `${x509.PemConverter.encode(list.rawData, 'X509 CRL')}\n`;
  return { certificate: `${certificate.toString('pem')}\n`, key, revocationList };
}

/** One at which nobody listens. */
async function freedPort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}
