import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { HANDSHAKES, type HandmadeSpan, send } from './handmade-telemetry';

const OTEL_TLS = join(__dirname, '../../src/cli/otel-tls.js');

describe('otel-tls watch', () => {
  it('says what to run, tells the handshakes as they come, and sums up when it is told to end', async () => {
    const watch = await start();
    assert.match(watch.output(), new RegExp(`^Waiting for TLS handshakes on ${watch.url} `));
    assert.ok(
      watch
        .output()
        .includes(
          `  OTEL_EXPORTER_OTLP_ENDPOINT=${watch.url} node --require opentelemetry-instrumentation-tls/register app.js\n`,
        ),
    );
    await send(watch.url, HANDSHAKES);
    const [code, signal] = await watch.end('SIGINT');
    assert.deepEqual([code, signal], [0, null]);
    assert.match(
      watch.output(),
      /\nbilling-api is sending\n\S+ {2}✓ established .*\n\S+ {2}✗ certificate_expired .*\n +→ /,
    );
    assert.match(watch.output(), /\n\n13 handshakes: 2 established, 1 refused afterwards, 9 failed, 1 abandoned\n/);
    assert.doesNotMatch(watch.output(), /\x1b/);
    assert.equal(watch.complaints(), '');
  });

  it('sums up what its filters let through, a refusal without its handshake too', async () => {
    const watch = await start('--reason', 'certificate_required');
    await send(watch.url, HANDSHAKES);
    await watch.end('SIGINT');
    assert.match(watch.output(), /\n2 handshakes: 1 refused afterwards, 1 failed\n {2}2 × certificate_required\n$/);
  });

  it('ends on SIGTERM too', async () => {
    const watch = await start();
    assert.deepEqual(await watch.end('SIGTERM'), [0, null]);
    assert.match(watch.output(), /\n0 handshakes\n$/);
  });

  const reasons = (spans: readonly HandmadeSpan[]) =>
    spans.map(({ attributes }) => attributes['error.type'] ?? attributes['tls.handshake.outcome']);
  const filters: [parameters: string[], expected: (span: HandmadeSpan) => boolean][] = [
    [['--failed'], ({ attributes }) => attributes['error.type'] !== undefined],
    [['--reason', 'certificate_expired'], ({ attributes }) => attributes['error.type'] === 'certificate_expired'],
    [
      ['--reason', 'not_tls', '--reason', 'decrypt_error'],
      ({ attributes }) => ['not_tls', 'decrypt_error'].includes(String(attributes['error.type'])),
    ],
    [['--peer', '192.0.2.7'], ({ attributes }) => attributes['network.peer.address'] === '192.0.2.7'],
    [['--peer', '192.0.2.7:443'], ({ attributes }) => attributes['network.peer.address'] === '192.0.2.7'],
    [['--peer', '127.0.0.1:51036'], ({ attributes }) => attributes['network.peer.port'] === 51036],
    [['--peer', '192.0.0.0/16'], ({ attributes }) => attributes['network.peer.address'] === '192.0.2.7'],
    [['--peer', '::/0'], () => false],
    [['--peer', 'API.example.com'], ({ name }) => name.startsWith('TLS client')],
    [
      ['--peer', '127.0.0.1:51036', '--peer', 'api.example.com:443'],
      ({ name, attributes }) => attributes['network.peer.port'] === 51036 || name.startsWith('TLS client'),
    ],
    [['--subject', 'cn=alice'], ({ attributes }) => attributes['tls.client.subject'] === 'CN=alice,O=Acme'],
    [
      ['--subject', 'b.example.org'],
      ({ attributes }) => attributes['tls.server.subject'] === 'CN=www.example.org,O=Acme',
    ],
    [
      ['--reason', 'unknown_ca', '--subject', 'mallory'],
      ({ attributes }) => attributes['tls.client.subject'] === 'CN=mallory,O=Acme',
    ],
  ];
  it('shows what its filters let through, and nothing else', async () => {
    await Promise.all(
      [0, 1].map(async worker => {
        // Two at a time: each is a process of its own.
        for (const [parameters, expected] of filters.filter((_, index) => index % 2 === worker)) {
          const watch = await start(...parameters, '--json');
          await send(watch.url, HANDSHAKES);
          await watch.end('SIGINT');
          assert.deepEqual(
            watch.objects().map(({ reason, outcome }) => reason ?? outcome),
            reasons(HANDSHAKES.filter(expected)),
            parameters.join(' '),
          );
        }
      }),
    );
  }).timeout(60_000);

  it('prints one JSON object a handshake on stdout, and everything else beside it', async () => {
    const watch = await start('--json');
    const contexts = await send(watch.url, HANDSHAKES, { encoding: 'json' });
    await watch.end('SIGINT');
    assert.equal(watch.output().trimEnd().split('\n').length, HANDSHAKES.length);
    assert.match(watch.complaints(), /^Waiting for TLS handshakes/);
    assert.match(watch.complaints(), /13 handshakes/);
    const objects = watch.objects();
    assert.deepEqual(objects[1], {
      time: '2026-11-22T12:03:04.130Z',
      side: 'server',
      outcome: 'failed',
      reason: 'certificate_expired',
      origin: 'local',
      peer: { address: '127.0.0.1', port: 51035 },
      local: { address: '127.0.0.1', port: 8443 },
      protocol: 'TLS 1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      resumed: false,
      verification: { result: 'failed', errors: ['certificate_expired'], code: 'CERT_HAS_EXPIRED' },
      certificate: {
        subject: 'CN=billing,O=Acme',
        issuer: 'CN=Acme Root CA,O=Acme',
        fingerprint: '3F'.repeat(32),
        serialNumber: '5A17C0DE',
        notBefore: '2026-10-23T12:03:04.120Z',
        notAfter: '2026-11-19T12:02:59.120Z',
        alternativeNames: [],
        extendedKeyUsage: [],
      },
      hint: objects[1]!['hint'],
      durationMs: 4.2,
      service: 'billing-api',
      traceId: contexts[1]!.traceId,
      spanId: contexts[1]!.spanId,
    });
    assert.match(String(objects[1]!['hint']), /^Renew the certificate/);
    assert.equal(objects[11]!['refusalOf'], contexts[10]!.spanId);
    assert.deepEqual(objects[9]!['alert'], { code: 48, description: 'unknown_ca', direction: 'received' });
  });

  it('shows patterns of abuse, and what a flood left unsaid, but not in JSON, and not where handshakes are chosen', async () => {
    const { outcomes } = DETECTION;
    for (const [parameters, shown] of outcomes) {
      const watch = await start(...parameters);
      const response = await fetch(`${watch.url}/v1/logs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(DETECTION.request),
      });
      assert.equal(response.status, 200);
      await watch.end('SIGINT');
      assert.equal(/‼ scanner\n +192\.0\.2\.7 · 10 handshakes\n +→ /.test(watch.output()), shown, parameters.join(' '));
      assert.equal(watch.output().includes('192.0.2.7'), shown);
      assert.equal(watch.output().includes('569 more handshakes failed'), shown);
    }
  });

  it('documents every key of its JSON objects in its help', async () => {
    const help = (await run('watch', '--help')).output;
    const watch = await start('--json');
    await send(watch.url, HANDSHAKES);
    await watch.end('SIGINT');
    const keys = new Set(
      watch
        .objects()
        .flatMap(object => [object, object['certificate'] ?? {}, object['verification'], object['alert'] ?? {}])
        .flatMap(object => Object.keys(object as object)),
    );
    assert.ok(keys.size > 30);
    for (const key of keys) assert.match(help, new RegExp(`\\b${key}\\b`), key);
  });

  it('says once what is wrong with a sender, and goes on', async () => {
    const watch = await start();
    const post = (headers: Record<string, string>) =>
      fetch(`${watch.url}/v1/traces`, { method: 'POST', headers, body: 'nonsense' });
    for (let time = 0; time < 3; time++) await post({ 'content-type': 'application/json' });
    await send(watch.url, HANDSHAKES.slice(0, 1));
    await watch.end('SIGINT');
    assert.equal(watch.output().match(/refused with 400: the body is not JSON/g)?.length, 1);
    assert.match(watch.output(), /1 handshake: 1 established/);
  });

  it('escapes the name of a hostile application', async () => {
    const watch = await start();
    await send(watch.url, HANDSHAKES.slice(0, 1), { service: 'evil\x1b[2J\nname' });
    await watch.end('SIGINT');
    assert.ok(watch.output().includes('evil\\x1b[2J\\nname is sending\n'), watch.output());
    assert.doesNotMatch(watch.output(), /\x1b/);
  });

  it('uses colours when it is told to', async () => {
    const watch = await start({ FORCE_COLOR: '1' });
    await send(watch.url, HANDSHAKES);
    await watch.end('SIGINT');
    assert.ok(watch.output().includes('\x1b[32m✓ established'));
  });

  it('ends quietly when nobody reads on', async () => {
    const watch = await start();
    watch.child.stdout!.destroy();
    const ended = once(watch.child, 'exit');
    // The first write finds out; telemetry goes on until then.
    const senders = setInterval(() => send(watch.url, HANDSHAKES).catch(() => {}), 50);
    const [code, signal] = await ended;
    clearInterval(senders);
    assert.deepEqual([code, signal, watch.complaints()], [0, null, '']);
  });

  it('says that a port is in use, and how to choose another', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, complaints } = await run('watch', '--port', String(port));
    other.close();
    assert.equal(code, 1);
    assert.match(
      complaints,
      new RegExp(`^otel-tls: port ${port} of 127.0.0.1 is in use.*--port ${port + 1}, .*--port 0\n$`),
    );
  });

  it('says that an address is not of this machine', async () => {
    const { code, complaints } = await run('watch', '--host', '203.0.113.7', '--port', '0');
    assert.equal(code, 1);
    assert.match(complaints, /^otel-tls: --host '203.0.113.7': this machine has no such address/);
  });

  it('warns when it listens to the whole network', async () => {
    const watch = await start('--host', '0.0.0.0');
    await watch.end('SIGINT');
    assert.match(watch.output(), /! Whoever reaches this address can send here/);
    assert.match(watch.output(), /OTEL_EXPORTER_OTLP_ENDPOINT=http:\/\/127\.0\.0\.1:/);
  });
});

describe('otel-tls, told what it does not understand,', () => {
  for (const [parameters, complaint] of [
    [[], /a command is missing: expected watch/],
    [['wach'], /no command 'wach': expected watch/],
    [['__proto__'], /no command '__proto__'/],
    [['watch', '--prot', '1'], /--prot/],
    [['watch', 'here'], /here/],
    [['watch', '--port'], /--port/],
    [['watch', '--port', '65536'], /--port '65536': expected a number from 0 to 65535/],
    [['watch', '--port', '1e3'], /--port '1e3'/],
    [['watch', '--port', ''], /--port ''/],
    [['watch', '--host', 'http://localhost'], /--host 'http:\/\/localhost': expected an address or name/],
    [['watch', '--reason', 'certificate_expird'], /no such reason; did you mean certificate_expired/],
    [['watch', '--reason', 'Self-Signed'], /did you mean self_signed_certificate/],
    [['watch', '--reason', 'revoked'], /did you mean certificate_revoked/],
    [['watch', '--reason', 'quite something else'], /expected one of certificate_required, unknown_ca, /],
    [['watch', '--reason', 'constructor'], /no such reason/],
    [['watch', '--peer', '10.0.0.0/33'], /--peer '10.0.0.0\/33': expected an address/],
    [['watch', '--peer', '10.0.0.1:70000'], /--peer '10.0.0.1:70000'/],
    [['watch', '--peer', ''], /--peer ''/],
    [['watch', '--subject', ''], /--subject '': expected a part of a name/],
    [['watch', '--reason', 'a\x1b[31m\n'], /--reason 'a\\x1b\[31m\\n'/],
  ] as const)
    it(`says so: ${JSON.stringify(parameters)}`, async () => {
      const { code, output, complaints } = await run(...parameters);
      assert.equal(code, 2);
      assert.equal(output, '');
      assert.match(complaints, complaint);
      assert.match(complaints, /^otel-tls: [^\n]+\n$/);
    });

  it('helps when asked to', async () => {
    const { code, output } = await run('--help');
    assert.equal(code, 0);
    assert.match(output, /otel-tls watch/);
    assert.equal((await run('watch', '-h')).code, 0);
  });

  it('knows its version', async () => {
    const { version } = require('../../../package.json') as { version: string };
    assert.deepEqual(await run('--version'), { code: 0, output: `${version}\n`, complaints: '' });
  });
});

/** Log records as they are sent, and with which parameters they are shown. */
const DETECTION = {
  request: {
    resourceLogs: [
      {
        scopeLogs: [
          {
            logRecords: [
              {
                eventName: 'tls.abuse.detected',
                timeUnixNano: '1795341600000000000',
                attributes: [
                  { key: 'tls.abuse.pattern', value: { stringValue: 'scanner' } },
                  { key: 'tls.abuse.count', value: { intValue: '10' } },
                  { key: 'network.peer.address', value: { stringValue: '192.0.2.7' } },
                ],
              },
              {
                eventName: 'tls.telemetry.suppressed',
                timeUnixNano: '1795341600000000000',
                attributes: [{ key: 'tls.suppressed.handshakes', value: { intValue: '569' } }],
              },
            ],
          },
        ],
      },
    ],
  },
  outcomes: [
    [[], true],
    [['--failed'], true],
    [['--json'], false],
    [['--reason', 'not_tls'], false],
  ] as const,
};

const NO_COLOURS = { FORCE_COLOR: undefined, NO_COLOR: undefined };

async function run(...parameters: string[]): Promise<{ code: number | null; output: string; complaints: string }> {
  const child = spawn(process.execPath, [OTEL_TLS, ...parameters], {
    env: { ...process.env, ...NO_COLOURS },
    timeout: 18_000,
  });
  const [output, complaints] = [collect(child, 'stdout'), collect(child, 'stderr')];
  const [code] = await once(child, 'close');
  return { code, output: output(), complaints: complaints() };
}

interface Watch {
  readonly child: ChildProcess;
  readonly url: string;
  output(): string;
  complaints(): string;
  objects(): Record<string, unknown>[];
  end(signal: NodeJS.Signals): Promise<unknown[]>;
}

/** `otel-tls watch` on a free port, once it listens. */
async function start(...parameters: (string | NodeJS.ProcessEnv)[]): Promise<Watch> {
  const environment = Object.assign({}, NO_COLOURS, ...parameters.filter(given => typeof given === 'object'));
  const words = parameters.filter(given => typeof given === 'string');
  const child = spawn(process.execPath, [OTEL_TLS, 'watch', '--port', '0', ...words], {
    env: { ...process.env, ...environment },
    timeout: 18_000,
  });
  const [output, complaints] = [collect(child, 'stdout'), collect(child, 'stderr')];
  const listening = /http:\/\/[\d.]+:(\d+)/;
  await new Promise<void>((resolve, reject) => {
    // The command to copy ends the greeting.
    const look = () => /app\.js\S*\n/.test(output() + complaints()) && resolve();
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.on('exit', () => reject(new Error(complaints())));
  });
  return {
    child,
    url: `http://127.0.0.1:${listening.exec(output() + complaints())![1]}`,
    output,
    complaints,
    objects: () =>
      output()
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line)),
    end(signal) {
      child.kill(signal);
      return once(child, 'close');
    },
  };
}

function collect(child: ChildProcess, stream: 'stdout' | 'stderr'): () => string {
  let text = '';
  child[stream]!.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
