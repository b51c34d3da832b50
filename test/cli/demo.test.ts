import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReceivedSpan } from '../../src/cli/otlp-messages';
import { startOtlpReceiver } from '../../src/cli/otlp-receiver';
import { codeBlocks } from '../docs/markdown';

const DEMO = join(__dirname, '../../examples/demo/demo.js');
const README = join(__dirname, '../../../README.md');
const REASONS = [
  'certificate_expired',
  'certificate_not_yet_valid',
  'unknown_ca',
  'self_signed_certificate',
  'certificate_revoked',
  'certificate_purpose_invalid',
  'certificate_required',
  'decrypt_error',
  'protocol_version',
  'not_tls',
];

describe('the demo', function () {
  // It takes one to two seconds; a slow machine under load may need more.
  this.timeout(30_000);

  const folder = mkdtempSync(join(tmpdir(), 'demo-'));
  let plain: Awaited<ReturnType<typeof demo>>;
  before(async () => {
    plain = await demo({ TMPDIR: folder });
  });
  after(() => rmSync(folder, { recursive: true }));

  it('shows each kind of handshake once, plain in a pipe, ends by itself in time, and leaves no keys behind', () => {
    const { code, output, complaints, seconds } = plain;
    assert.deepEqual(readdirSync(folder), []);
    assert.equal(complaints, '');
    assert.equal(code, 0);
    assert.ok(seconds < 25, `${seconds} s`);
    const shown = [...output.matchAll(/^\d\d:\d\d:\d\d\.\d{3} {2}([✓✗·]) (\w+)/gm)].map(
      ([, mark, what]) => `${mark} ${what}`,
    );
    assert.deepEqual(shown, ['✓ established', ...REASONS.map(reason => `✗ ${reason}`), '· abandoned']);
    assert.match(output, /\n12 handshakes: 1 established, 10 failed, 1 abandoned\n/);
    assert.match(output, /What the server itself printed about those it did not let in: nothing\.\n/);
    assert.match(output, /CN=billing,O=Acme · expired 3 days ago/);
    assert.match(output, /CN=new-hire,O=Acme · not valid for another 7 days/);
    assert.match(output, /CN=visitor,O=Elsewhere · issued by CN=Elsewhere CA,O=Elsewhere/);
    assert.match(output, /CN=alice,O=Acme · shown without its private key/);
    const patterns = [...output.matchAll(/^[\d:.]{12} {2}‼ (\w+)$/gm)].map(([, pattern]) => pattern);
    assert.deepEqual(patterns, ['certificate_rotation', 'revoked_replay', 'fail_then_success']);
    assert.match(output, /CN=bob,O=Acme · 127\.0\.0\.1 · /);
    assert.match(output, /npx otel-tls watch/);
    assert.doesNotMatch(output, /\x1b/);
  });

  it('prints what the README begins with: else paste there what `npm run demo` says', () => {
    const { output } = plain;
    const [timeline] = codeBlocks(readFileSync(README, 'utf8'));
    const begin = output.search(/^[\d:.]{12} {2}/m);
    const end = output.indexOf('What the server itself printed');
    assert.ok(begin >= 0 && end > begin, output);
    assert.equal(sameOnEachRun(timeline!.text), sameOnEachRun(output.slice(begin, end)));
  });

  it('is coloured when asked to be', async () => {
    const { output } = await demo({ FORCE_COLOR: '1' });
    assert.match(output, /\x1b\[32m✓ established/);
  });

  it('sends everything to a collector as well, with its headers, and says so', async () => {
    const spans: ReceivedSpan[] = [];
    const kinds = new Set<string>();
    const collector = await startOtlpReceiver(
      { spans: received => spans.push(...received), request: ({ signal }) => kinds.add(signal) },
      { port: 0 },
    );
    const { code, output } = await demo({ OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/` });
    await collector.close();
    assert.equal(code, 0);
    assert.deepEqual(
      spans.map(({ attributes }) => attributes['error.type']).filter(reason => reason !== undefined),
      [...REASONS, 'certificate_revoked', 'certificate_revoked'],
    );
    assert.ok(kinds.has('traces') && kinds.has('logs') && kinds.has('metrics'), [...kinds].join());
    assert.match(output, new RegExp(`\nSent to ${collector.url} as well: \\d+ OTLP requests\\.\n`));
  });

  it('sends the headers of OTEL_EXPORTER_OTLP_HEADERS, and shows none of them', async () => {
    const heads: string[] = [];
    const collector = createServer(socket => {
      socket.on('error', () => {});
      socket.on('data', data => {
        heads.push(data.toString('latin1'));
        socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
      });
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
    const { code, output } = await demo({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20c2VjcmV0, x-tenant=a=b',
    });
    collector.close();
    assert.equal(code, 0);
    assert.match(heads[0]!, /^POST \/v1\/\w+ HTTP\/1.1\r\n/);
    assert.match(heads.join(), /authorization: Bearer c2VjcmV0\r\n/);
    assert.match(heads.join(), /x-tenant: a=b\r\n/);
    assert.match(output, /Not everything reached http:\/\/127.0.0.1:\d+: \w+ were answered with 401\./);
    assert.doesNotMatch(output, /c2VjcmV0/);
  });

  it('says that a collector cannot be reached, and ends well all the same', async () => {
    const { code, output } = await demo({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await closedPort()}` });
    assert.equal(code, 0);
    assert.match(output, /Not everything reached http:\/\/127.0.0.1:\d+: connect ECONNREFUSED .*usually on port 4318/);
  });

  it('says what is wrong with an endpoint, and shows itself without', async () => {
    const { code, output } = await demo({ OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' });
    assert.equal(code, 0);
    assert.match(
      output,
      /^! OTEL_EXPORTER_OTLP_ENDPOINT: expected a URL such as http:\/\/localhost:4318, not 'localhost:4318'\n/,
    );
  });

  it('fails clearly when a handshake does not arrive', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'silencer-'));
    const silencer = join(folder, 'silencer.js');
    writeFileSync(silencer, "if (process.argv[1].endsWith('server.js')) process.env.OTEL_SDK_DISABLED = 'true';");
    try {
      const { code, complaints } = await demo({ NODE_OPTIONS: `--require ${silencer}` });
      assert.equal(code, 1);
      const [head, ...lines] = complaints.trimEnd().split('\n');
      assert.equal(head, 'The demo failed:');
      assert.equal(lines.length, 18);
      assert.equal(
        lines[0],
        '  a client with a good certificate: expected established, but its handshake was not reported',
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('fails clearly when the server does not start', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'saboteur-'));
    const saboteur = join(folder, 'saboteur.js');
    writeFileSync(saboteur, "if (process.argv[1].endsWith('server.js')) throw new Error('sabotage');");
    try {
      const { code, complaints } = await demo({ NODE_OPTIONS: `--require ${saboteur}` });
      assert.equal(code, 1);
      assert.match(complaints, /^The demo failed: the server did not start:\n.*sabotage/s);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

async function demo(environment: NodeJS.ProcessEnv = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(OTEL_|FORCE_COLOR$|NO_COLOR$)/.test(name));
  const started = performance.now();
  const child = spawn(process.execPath, [DEMO], {
    env: { ...Object.fromEntries(inherited), ...environment },
    timeout: 28_000,
  });
  let output = '';
  let complaints = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const [code] = await once(child, 'close');
  return { code, output, complaints, seconds: (performance.now() - started) / 1000 };
}

/** Without what is another on each run, and without where lines are broken, as a port's digits move that. */
function sameOnEachRun(printed: string): string {
  return printed
    .replace(/\d\d:\d\d:\d\d\.\d{3}/g, '<time>')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')
    .replace(/serial [\dA-F]+/g, 'serial <serial>')
    .replace(/[\d.]+ ms/g, '<time> ms')
    .replace(/\s+/g, ' ')
    .trim();
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
