import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReceivedSpan } from '../../src/cli/otlp-messages';
import { commandsOf } from '../docs/markdown';
import { run, ShellCommand } from './shell-command';
import { Telemetry } from './telemetry';

const CHECKOUT = join(__dirname, '../../..');
const EXAMPLES = join(CHECKOUT, 'examples');

/** One command of an example's README, and what a reader sees of it. */
interface Step {
  readonly command: string;
  readonly prints: RegExp;
  /** A server: it is stopped when the other commands are done. */
  readonly stays?: true;
  /** What a server has printed by then. */
  readonly printsThen?: RegExp;
  /** The next command waits until so many spans have come in altogether. */
  readonly spansSoFar?: number;
  /** Not run beside SDK 3, which has no such package. */
  readonly ofSdk2?: true;
}

/** A span that the README promises: its name, and some of its attributes. */
type PromisedSpan = readonly [name: string, attributes: Readonly<Record<string, unknown>>];

interface Example {
  readonly steps: readonly Step[];
  readonly promised: readonly PromisedSpan[];
  /** More than the promised spans: the other side's, which depend on who was quicker. */
  readonly more?: true;
  readonly alsoTrue?: (spans: readonly ReceivedSpan[]) => void;
}

const SERVER = 'TLS server handshake';
const CLIENT = 'TLS client handshake';

const HAS_SDK_2 = existsSync(join(CHECKOUT, 'node_modules/@opentelemetry/sdk-trace-base'));
/** By which set-up of the example `requests`. */
const RUNS_OF_REQUESTS = HAS_SDK_2 ? ['SDK 2', 'SDK 3'] : ['SDK 3'];

const CASES: Readonly<Record<string, Example>> = {
  'preload-https': {
    steps: [
      {
        command: 'OTEL_SERVICE_NAME=orders node --require opentelemetry-instrumentation-tls/register app.js',
        prints: /^listening on (https:\/\/localhost:\d+)\n$/,
        stays: true,
      },
      { command: 'node visit.js billing', prints: /^Come in\.\n$/ },
      { command: 'node visit.js expired', prints: /^Not let in: / },
      { command: 'node visit.js stranger', prints: /^Not let in: / },
      { command: 'node visit.js', prints: /^Not let in: / },
    ],
    promised: [
      [SERVER, { 'tls.handshake.outcome': 'established', 'tls.client.subject': 'CN=billing,O=Acme' }],
      [SERVER, { 'error.type': 'certificate_expired', 'tls.client.subject': 'CN=old-billing,O=Acme' }],
      [SERVER, { 'error.type': 'unknown_ca', 'tls.client.issuer': 'CN=Nobody You Know CA' }],
      [SERVER, { 'error.type': 'certificate_required', 'tls.verify.result': 'not_presented' }],
    ],
    alsoTrue: spans => {
      assert.deepEqual([...new Set(spans.map(({ resource }) => resource['service.name']))], ['orders']);
    },
  },
  'existing-setup': {
    steps: [
      {
        command: 'node --require ./instrumentation.js app.js',
        prints: /^trusted: 200\nwrong name: ERR_TLS_CERT_ALTNAME_INVALID\n$/,
      },
      {
        command: 'node --require ./registered.js app.js',
        prints: /^trusted: 200\nwrong name: ERR_TLS_CERT_ALTNAME_INVALID\n$/,
      },
      {
        command: 'node --require ./sampled.js app.js',
        prints: /^trusted: 200\nwrong name: ERR_TLS_CERT_ALTNAME_INVALID\n$/,
      },
    ],
    promised: [
      [CLIENT, { 'tls.handshake.outcome': 'established', 'server.address': 'localhost' }],
      [CLIENT, { 'error.type': 'certificate_name_mismatch', 'server.address': 'api.example.com' }],
      [CLIENT, { 'error.type': 'certificate_name_mismatch', 'server.address': 'api.example.com' }],
      [CLIENT, { 'error.type': 'certificate_name_mismatch', 'server.address': 'api.example.com' }],
      [SERVER, { 'tls.handshake.outcome': 'established' }],
    ],
    more: true,
    alsoTrue: spans => {
      const requests = spans.filter(({ scope }) => scope.name === '@opentelemetry/instrumentation-http');
      const [first] = spans.filter(({ name }) => name === CLIENT);
      assert.ok(requests.some(({ spanId, kind }) => kind === 3 && spanId === first?.parentSpanId));
      // The second run reports failures alone, the third one success in ten.
      const established = spans.filter(
        ({ name, attributes }) => name === CLIENT && attributes['tls.handshake.outcome'] === 'established',
      );
      assert.ok(established.length === 1 || established.length === 2, `${established.length}`);
    },
  },
  requests: {
    steps: [
      {
        command: 'node --require ./instrumentation.js app.js',
        prints: /^Hello CN=billing,O=Acme\nWho are you\?\n$/,
        ofSdk2: true,
      },
      {
        command: 'node --require ./instrumentation-sdk3.js app.js',
        prints: /^Hello CN=billing,O=Acme\nWho are you\?\n$/,
      },
    ],
    // Of each command, since a span processor that is made the wrong way loses them all.
    promised: RUNS_OF_REQUESTS.flatMap((): PromisedSpan[] => [
      [SERVER, { 'tls.handshake.outcome': 'established', 'tls.client.subject': 'CN=billing,O=Acme' }],
      [SERVER, { 'tls.handshake.outcome': 'established', 'tls.verify.result': 'not_presented' }],
    ]),
    more: true,
    alsoTrue: spans => {
      const requests = spans.filter(({ scope, kind }) => scope.name.endsWith('instrumentation-http') && kind === 2);
      const handshakes = spans.filter(({ name }) => name === SERVER).map(({ spanId }) => spanId);
      assert.deepEqual(
        requests.map(({ attributes }) => [attributes['tls.verify.result'], attributes['enduser.id']]).sort(),
        [
          ...RUNS_OF_REQUESTS.map(() => ['not_presented', undefined]),
          ...RUNS_OF_REQUESTS.map(() => ['ok', 'CN=billing,O=Acme']),
        ],
      );
      for (const { attributes } of requests) assert.ok(handshakes.includes(String(attributes['tls.connection.id'])));
    },
  },
  esm: {
    steps: [
      {
        command: 'node --import opentelemetry-instrumentation-tls/register app.mjs',
        prints: /^trusting: 200\nnot trusting: UNABLE_TO_VERIFY_LEAF_SIGNATURE\n$/,
      },
    ],
    promised: [
      [SERVER, { 'tls.handshake.outcome': 'established', 'tls.next_protocol': 'h2' }],
      [CLIENT, { 'tls.handshake.outcome': 'established', 'tls.next_protocol': 'h2' }],
      [CLIENT, { 'error.type': 'unknown_ca', 'tls.server.issuer': 'CN=Acme CA' }],
      [SERVER, { 'error.type': 'connection_closed' }],
    ],
  },
  'log-correlation': {
    steps: [
      {
        command: 'node --require opentelemetry-instrumentation-tls/register with-pino.js',
        prints:
          /^\{"level":30,"time":\d+,"pid":\d+,"hostname":"[^"]+","msg":"listening on (https:\/\/localhost:\d+)"\}\n$/,
        stays: true,
        printsThen: logLines('CN=billing,O=Acme', 'ok'),
      },
      { command: 'node ../preload-https/visit.js billing', prints: /^Come in\.\n$/, spansSoFar: 1 },
      { command: 'node ../preload-https/visit.js billing', prints: /^Come in\.\n$/, spansSoFar: 2 },
      {
        command: 'node --require opentelemetry-instrumentation-tls/register with-winston.js',
        prints: /^\{"level":"info","message":"listening on (https:\/\/localhost:\d+)"\}\n$/,
        stays: true,
        printsThen: logLines('CN=stranger', 'failed'),
      },
      { command: 'node ../preload-https/visit.js stranger', prints: /^Come in\.\n$/, spansSoFar: 3 },
      { command: 'node ../preload-https/visit.js stranger', prints: /^Come in\.\n$/, spansSoFar: 4 },
    ],
    promised: [
      [SERVER, { 'tls.verify.result': 'ok', 'tls.client.subject': 'CN=billing,O=Acme' }],
      [SERVER, { 'tls.verify.result': 'ok', 'tls.client.subject': 'CN=billing,O=Acme' }],
      [SERVER, { 'tls.verify.result': 'failed', 'tls.client.subject': 'CN=stranger' }],
      [SERVER, { 'tls.verify.result': 'failed', 'tls.client.subject': 'CN=stranger' }],
    ],
  },
  'mtls-client': {
    steps: [
      {
        command: 'node ../preload-https/app.js',
        prints: /^listening on (https:\/\/localhost:\d+)\n$/,
        stays: true,
      },
      {
        command: 'node --require opentelemetry-instrumentation-tls/register client.js',
        prints:
          /^https: 200\nfetch: 200\nhttps, with an expired certificate: \w+\nhttps, not trusting the server: SELF_SIGNED_CERT_IN_CHAIN\n$/,
      },
    ],
    promised: [
      [CLIENT, { 'tls.handshake.outcome': 'established', 'tls.server.subject': 'CN=localhost' }],
      [CLIENT, { 'tls.handshake.outcome': 'established', 'tls.server.subject': 'CN=localhost' }],
      [CLIENT, { 'tls.handshake.outcome': 'established', 'tls.server.subject': 'CN=localhost' }],
      ['TLS client handshake refused', { 'error.type': 'peer_closed_after_handshake', 'tls.failure.derived': true }],
      [CLIENT, { 'error.type': 'untrusted_root', 'tls.server.subject': 'CN=localhost' }],
    ],
  },
};

describe('the examples', function () {
  // Each starts an SDK, on a slow machine beside others.
  this.timeout(60_000);

  let folder: string;
  let telemetry: Telemetry;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'examples-'));
  });
  beforeEach(async () => {
    telemetry = await Telemetry.start();
  });
  afterEach(() => telemetry.close());
  after(() => rm(folder, { recursive: true, force: true }));

  function environment(): Record<string, string> {
    return { CERTIFICATES: folder, PORT: '0', ...telemetry.environment };
  }

  it('are prepared as their common README says', async () => {
    const commands = commandsOf(readFileSync(join(EXAMPLES, 'README.md'), 'utf8'));
    assert.deepEqual(commands, [
      'npm install && npm run build', // the tests themselves are what it builds
      'node examples/make-certificates.js',
      'npx otel-tls watch', // run by test/docs/commands.test.ts
    ]);
    const { exitCode, stderr } = await run('node examples/make-certificates.js', {
      cwd: CHECKOUT,
      environment: environment(),
    });
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    assert.ok(readdirSync(folder).includes('billing-key.pem'));
  });

  it('are all run here, but for the audit, the demo and the proxies, which have their own tests', () => {
    const folders = readdirSync(EXAMPLES, { withFileTypes: true }).filter(entry => entry.isDirectory());
    const names = folders
      .map(({ name }) => name)
      .filter(name => !['audit', 'certificates', 'demo', 'proxies'].includes(name));
    assert.deepEqual(names.sort(), Object.keys(CASES).sort());
  });

  for (const [name, example] of Object.entries(CASES)) {
    it(`${name} does what its README says`, async () => {
      const cwd = join(EXAMPLES, name);
      const { steps, promised } = example;
      assert.deepEqual(
        commandsOf(readFileSync(join(cwd, 'README.md'), 'utf8')),
        steps.map(({ command }) => command),
      );

      const servers: Array<[ShellCommand, RegExp | undefined]> = [];
      let url = {};
      try {
        for (const { command, prints, stays, printsThen, spansSoFar, ofSdk2 } of steps) {
          if (ofSdk2 && !HAS_SDK_2) continue;
          const running = new ShellCommand(command, { cwd, environment: { ...environment(), ...url } });
          if (stays) {
            servers.push([running, printsThen]);
            url = { URL: (await running.says(prints))[1] };
          } else {
            const { stdout, stderr, exitCode } = await running.end();
            assert.match(stdout, prints);
            assert.deepEqual({ stderr, exitCode }, { stderr: '', exitCode: 0 });
            if (spansSoFar !== undefined) await telemetry.spansCame(spansSoFar);
          }
        }
        await telemetry.firstSpan();
      } finally {
        for (const [server, printsThen] of servers) {
          const { stdout, stderr } = await server.stop();
          assert.equal(stderr, '');
          if (printsThen) assert.match(stdout, printsThen);
        }
      }

      const { spans } = telemetry;
      const handshakes = spans.filter(({ scope }) => scope.name === 'opentelemetry-instrumentation-tls');
      const unexplained = withoutPromised(handshakes, promised);
      if (!example.more) assert.deepEqual(unexplained.map(summaryOf), []);
      example.alsoTrue?.(spans);
    });
  }
});

/** Lines of JSON: where the server listens, and two requests. Before the first, the preload had not started its SDK. */
function logLines(subject: string, result: string): RegExp {
  const fields = [
    `"tls.client.subject":"${subject}"`,
    '"tls.client.hash.sha256":"[0-9A-F]{64}"',
    `"tls.verify.result":"${result}"`,
    '"asked for /"',
  ];
  const connection = '"tls.connection.id":"[0-9a-f]{16}"';
  // In the order in which each of the loggers writes them.
  const line = (all: readonly string[]) => `${all.map(field => `(?=[^\\n]*${field})`).join('')}\\{[^\\n]*\\}\\n`;
  return new RegExp(`^[^\\n]+\\n${line(fields)}${line([...fields, connection])}$`);
}

/** The spans that are left when each promised one has been taken out. Fails when one is missing. */
function withoutPromised(spans: readonly ReceivedSpan[], promised: readonly PromisedSpan[]): ReceivedSpan[] {
  const left = [...spans];
  for (const [name, attributes] of promised) {
    const at = left.findIndex(
      span =>
        span.name === name &&
        Object.entries(attributes).every(([attribute, value]) => span.attributes[attribute] === value),
    );
    assert.ok(at >= 0, `${name} ${JSON.stringify(attributes)} is not among ${JSON.stringify(spans.map(summaryOf))}`);
    left.splice(at, 1);
  }
  return left;
}

function summaryOf({ name, attributes }: ReceivedSpan): string {
  return `${name}: ${attributes['error.type'] ?? attributes['tls.handshake.outcome']}`;
}
