import assert from 'node:assert/strict';
import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Application, CHECKOUT, type Ended, REGISTER, type Start } from '../support/application';
import { BadCollector } from '../support/bad-collectors';
import { visitHttps } from '../support/http-visits';
import { ahead, behaviour, type Observed, PATIENCE, Stage } from './stage';

const NAME = 'opentelemetry-instrumentation-tls';
const PRELOADED: Start = { flags: ['--require', REGISTER], file: 'mutual-tls.cjs' };

/** No retries, so that each signal fails several times while an application runs. */
const IMPATIENT = {
  OTEL_EXPORTER_OTLP_TIMEOUT: '500',
  OTEL_BSP_SCHEDULE_DELAY: '100',
  OTEL_BLRP_SCHEDULE_DELAY: '100',
  OTEL_METRIC_EXPORT_INTERVAL: '500',
};

describe('bad input', function () {
  this.timeout(PATIENCE);
  let stage: Stage;
  let bare: Ended;

  before(async () => {
    stage = await Stage.set();
    bare = await stage.run({ file: 'mutual-tls.cjs' });
  });
  after(() => stage.strike());

  /** The application is as it is without us, but for these lines on stderr. */
  function saysOnly(ended: Ended, ...lines: RegExp[]): void {
    const { stderr, ...others } = behaviour(ended);
    const { stderr: expected, ...othersExpected } = behaviour(bare);
    assert.equal(expected, '');
    assert.deepEqual(others, othersExpected);
    const said = stderr.split('\n').slice(0, -1);
    assert.equal(said.length, lines.length, `lines on stderr: ${stderr}`);
    for (const [i, line] of lines.entries()) {
      assert.ok(said[i]!.startsWith(`${NAME}: `), said[i]);
      assert.match(said[i]!, line);
      assert.ok(said[i]!.length < 500 && !/[\p{Cc}\p{Cf}]/u.test(said[i]!), JSON.stringify(said[i]));
    }
  }

  const everythingArrived = (observed: Observed) => stage.assertMutualTlsOnce(observed, 'ours');

  interface Case {
    readonly it: string;
    readonly run: () => Promise<Observed>;
    readonly true: (observed: Observed) => void;
  }

  function cases(...all: readonly Case[]): void {
    for (const one of all) {
      const run = ahead(one.run);
      it(one.it, async () => one.true(await run()));
    }
  }

  describe('in the environment:', () => {
    const told = (env: Record<string, string>) => () => stage.observe({ ...PRELOADED, env });

    cases(
      {
        it: 'a variable of ours that is garbage is named once, with what was expected, and the default stands',
        run: told({ OTEL_INSTRUMENTATION_TLS_EVENTS: 'loud' }),
        true: observed => {
          saysOnly(
            observed.ended,
            /: OTEL_INSTRUMENTATION_TLS_EVENTS is 'loud', expected one of both, span, log, none; using both$/,
          );
          everythingArrived(observed);
        },
      },
      {
        it: 'each variable of ours that is garbage is named',
        run: told({
          OTEL_INSTRUMENTATION_TLS_HANDSHAKE_SPANS: 'a\tfew\u001b[31m',
          OTEL_INSTRUMENTATION_TLS_CERTIFICATE_PEM: 'perhaps',
        }),
        true: observed => {
          saysOnly(
            observed.ended,
            /: OTEL_INSTRUMENTATION_TLS_HANDSHAKE_SPANS is .*, expected one of all, failed, none; using all$/,
            /: OTEL_INSTRUMENTATION_TLS_CERTIFICATE_PEM is 'perhaps', expected one of true, false; using false$/,
          );
          everythingArrived(observed);
        },
      },
      {
        it: 'a variable of ours that is garbage is named, also where the SDK has a log level',
        run: told({ OTEL_INSTRUMENTATION_TLS_EVENTS: 'loud', OTEL_LOG_LEVEL: 'error' }),
        true: ({ ended }) => saysOnly(ended, /: OTEL_INSTRUMENTATION_TLS_EVENTS is 'loud'/),
      },
      {
        it: 'a protocol of OTLP that nobody speaks is named, and the usual one is spoken',
        run: told({ OTEL_EXPORTER_OTLP_PROTOCOL: 'smoke' }),
        true: observed => {
          const named = (signal: string) => new RegExp(`: Unsupported OTLP ${signal} protocol: "?smoke"?\\.`);
          saysOnly(observed.ended, named('metrics'), named('traces'), named('logs'));
          everythingArrived(observed);
        },
      },
      {
        it: 'an endpoint that is no URL is named',
        run: told({ OTEL_EXPORTER_OTLP_ENDPOINT: 'nowhere at all' }),
        true: ({ ended, counts }) => {
          assert.equal(counts.requests, 0);
          assert.deepEqual({ ...behaviour(ended), stderr: '' }, behaviour(bare));
          assert.match(ended.stderr, new RegExp(`^(?:${NAME}: [^\\n]*nowhere at all[^\\n]*\\n)+$`));
        },
      },
    );
  });

  describe('from the SDK:', () => {
    const complaints = [
      // SDK 2.0 in every process.
      'Accessing resource attributes before async attributes settled',
      'OTEL_TRACES_EXPORTER contains "none". SDK will not be initialized.',
      'the sky is falling',
    ];
    cases({
      it: 'a complaint is a line, but for those that tell nothing amiss',
      run: () =>
        stage.observe({ ...PRELOADED, file: 'diag-complaints.cjs', env: { COMPLAINTS: JSON.stringify(complaints) } }),
      true: observed => {
        saysOnly(observed.ended, /: the sky is falling$/);
        everythingArrived(observed);
      },
    });
  });

  describe('from a collector:', () => {
    const UNREACHABLE =
      /: the collector at http:\/\/127\.0\.0\.1:\d+ cannot be reached, TLS handshakes are being lost: .+/;
    const REFUSING =
      /: the collector at http:\/\/127\.0\.0\.1:\d+ does not take what is sent, TLS handshakes are being lost: .+/;
    const EITHER = /: the collector at http:\/\/127\.0\.0\.1:\d+ .*TLS handshakes are being lost: .+/;

    const answering = (status: number, words: string, body: string, headers = {}) =>
      BadCollector.answering(response => response.writeHead(status, words, headers).end(body));

    const COLLECTORS: readonly [name: string, make: () => Promise<BadCollector>, line: RegExp][] = [
      ['nobody listens', () => BadCollector.dead(), UNREACHABLE],
      ['it takes everything and answers nothing', () => BadCollector.silent(), UNREACHABLE],
      ['it hangs up', () => BadCollector.cutting(), UNREACHABLE],
      ['it speaks no HTTP', () => BadCollector.babbling('SSH-2.0-OpenSSH_9.2\r\n'), EITHER],
      [
        'it is a web server',
        () => answering(404, 'Not Found', '<html>'),
        /does not take .* being lost: 404 Not Found$/,
      ],
      ['it fails in many words', () => answering(500, 'x'.repeat(5_000), '\u001b[2J'.repeat(9_999)), REFUSING],
      [
        'it fails, and would write to the terminal',
        () => BadCollector.babbling('HTTP/1.1 400 Bad\u009b2J Request\r\ncontent-length: 0\r\n\r\n'),
        REFUSING,
      ],
      ['it is busy for years', () => answering(503, 'Busy', '', { 'retry-after': '99999999' }), EITHER],
      [
        'it answers without end',
        () =>
          BadCollector.answering(response => {
            const more = () => response.write('[[[['.repeat(50_000), failure => failure ?? setImmediate(more));
            more();
          }),
        EITHER,
      ],
      [
        'it accepts whatever comes, in words that are no OTLP',
        () => answering(200, 'OK', '\u0000\u0001garbage'),
        /could not deserialize response/,
      ],
    ];

    for (const [name, make, line] of COLLECTORS) {
      const run = ahead(async () => {
        const collector = await make();
        try {
          return await stage.run({ ...PRELOADED, env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
        } finally {
          await collector.close();
        }
      });

      it(`${name}: the application is untouched and its end not far, and one line says so`, async () => {
        const ended = await run();
        saysOnly(ended, line);
        // Left to itself, the SDK holds a process for eight seconds and more.
        assert.ok(ended.milliseconds < 6_000, `${ended.milliseconds} ms`);
      });
    }

    const spansAlone = ahead(async () => {
      const collector = await answering(401, 'Unauthorized', '');
      try {
        const env = {
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
          OTEL_METRICS_EXPORTER: 'none',
          OTEL_LOGS_EXPORTER: 'none',
        };
        return await stage.run({ ...PRELOADED, env });
      } finally {
        await collector.close();
      }
    });
    it('the line has the reason also of spans that are refused at the end of the process', async () => {
      saysOnly(await spansAlone(), /does not take what is sent, TLS handshakes are being lost: 401 Unauthorized$/);
    });

    describe('where it is one signal that is lost, the line names that one and where it is sent:', () => {
      interface Loss {
        readonly it: string;
        /** `good` takes everything, at `dead` nobody listens, `spansOnly` takes nothing but spans. */
        readonly env: (good: string, dead: string, spansOnly: string) => Record<string, string>;
        readonly lines: readonly string[];
      }

      const LOSSES: readonly Loss[] = [
        {
          it: 'a collector takes spans alone',
          env: (_good, _dead, spansOnly) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: spansOnly }),
          lines: [
            'the collector at SPANS_ONLY does not take what is sent, metrics are being lost',
            'the collector at SPANS_ONLY does not take what is sent, log records are being lost',
          ],
        },
        {
          it: 'that of log records is dead',
          env: (good, dead) => ({
            OTEL_EXPORTER_OTLP_ENDPOINT: good,
            OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${dead}/v1/logs`,
          }),
          lines: ['the collector at DEAD/v1/logs cannot be reached, log records are being lost'],
        },
        {
          it: 'that of metrics is dead',
          env: (good, dead) => ({
            OTEL_EXPORTER_OTLP_ENDPOINT: good,
            OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${dead}/v1/metrics`,
          }),
          lines: ['the collector at DEAD/v1/metrics cannot be reached, metrics are being lost'],
        },
        {
          it: 'all are dead but that of spans',
          env: (good, dead) => ({
            OTEL_EXPORTER_OTLP_ENDPOINT: dead,
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${good}/v1/traces`,
          }),
          lines: [
            'the collector at DEAD cannot be reached, metrics are being lost',
            'the collector at DEAD cannot be reached, log records are being lost',
          ],
        },
        {
          it: 'spans go to a dead Zipkin',
          env: (good, dead) => ({
            OTEL_EXPORTER_OTLP_ENDPOINT: good,
            OTEL_TRACES_EXPORTER: 'zipkin',
            OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${dead}/api/v2/spans`,
          }),
          lines: ['the collector at DEAD/api/v2/spans cannot be reached, TLS handshakes are being lost'],
        },
        {
          it: 'spans go to two places, and which one fails is not known',
          env: (good, dead) => ({
            OTEL_EXPORTER_OTLP_ENDPOINT: good,
            OTEL_TRACES_EXPORTER: 'otlp,zipkin',
            OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${dead}/api/v2/spans`,
          }),
          lines: ['TLS handshakes are being lost'],
        },
      ];

      /** Runs with three collectors; what stderr says names them by their names here. */
      const told = (
        { env }: Loss,
        patience: Record<string, string>,
        run: (env: Record<string, string>) => Promise<Ended>,
      ) =>
        stage.inTurn(async () => {
          const good = await answering(200, 'OK', '');
          const dead = await BadCollector.dead();
          const spansOnly = await BadCollector.answering(response =>
            response.writeHead(response.req.url === '/v1/traces' ? 200 : 404).end(),
          );
          try {
            const ended = await run({ ...stage.environment(), ...patience, ...env(good.url, dead.url, spansOnly.url) });
            const stderr = ended.stderr
              .replaceAll(good.url, 'GOOD')
              .replaceAll(dead.url, 'DEAD')
              .replaceAll(spansOnly.url, 'SPANS_ONLY')
              .replace(/(?<=being lost): .*(?:ECONNREFUSED|Not Found|no answer within 2 s).*/g, '');
            return { ...ended, stderr };
          } finally {
            await good.close();
            await spansOnly.close();
          }
        });

      for (const loss of LOSSES) {
        const atTheEnd = ahead(() => told(loss, {}, env => Application.run({ ...PRELOADED, env })));
        it(`${loss.it}, at the end of a process`, async () => {
          const { stderr } = await atTheEnd();
          assert.deepEqual(stderr, loss.lines.map(line => `${NAME}: ${line}\n`).join(''));
        });

        const whileItRuns = ahead(() =>
          told(loss, IMPATIENT, async env => {
            const application = new Application({ ...PRELOADED, file: 'server.cjs', env });
            const [, port] = await application.says(/listening on (\d+)/);
            // It does not trust the server: a failure, of which a log record tells too.
            await visitHttps(Number(port), { ca: [] }).catch(() => {});
            await application.complains(new RegExp(`(?:[^\\n]*\\n){${loss.lines.length}}`));
            application.signal('SIGKILL');
            return application.ended;
          }),
        );
        it(`${loss.it}, while it runs`, async () => {
          const { stderr } = await whileItRuns();
          assert.deepEqual(stderr.split('\n').sort(), ['', ...loss.lines.map(line => `${NAME}: ${line}`)].sort());
        });
      }
    });

    const withLogLevel = ahead(async () => {
      const collector = await answering(401, 'Unauthorized', '');
      try {
        const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_LOG_LEVEL: 'error' };
        return await stage.run({ ...PRELOADED, env });
      } finally {
        await collector.close();
      }
    });
    it('beside the SDK, which has a log level, one line says what it does not: that spans were refused at the end', async () => {
      const { stderr } = await withLogLevel();
      assert.match(stderr, /^(?!opentelemetry-instrumentation-tls: ).*Unauthorized/m, 'in its own words');
      const ours = stderr.split('\n').filter(line => line.startsWith(`${NAME}: `));
      assert.equal(ours.length, 1, stderr);
      assert.match(ours[0]!, /does not take what is sent, TLS handshakes are being lost: 401 Unauthorized$/);
    });

    const withPassword = ahead(async () => {
      const { url } = await BadCollector.dead();
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `${url.replace('//', '//user:secret@')}?token=secret` };
      return stage.run({ ...PRELOADED, env });
    });
    it('the line tells no password', async () => {
      const ended = await withPassword();
      saysOnly(ended, UNREACHABLE);
      assert.doesNotMatch(ended.stderr, /secret/);
    });

    const unread = ahead(async () => {
      const { url } = await BadCollector.dead();
      const env = { ...stage.environment(), OTEL_EXPORTER_OTLP_ENDPOINT: url };
      return stage.inTurn(() => {
        const application = new Application({ ...PRELOADED, env });
        application.closeStderr();
        return application.ended;
      });
    });
    it('the line harms nobody who has closed stderr', async () => {
      assert.deepEqual(behaviour(await unread()), behaviour(bare));
    });

    const longRunning = ahead(async () => {
      const { url } = await BadCollector.dead();
      const env = {
        ...stage.environment(),
        OTEL_EXPORTER_OTLP_ENDPOINT: url,
        ...IMPATIENT,
      };
      return stage.inTurn(async () => {
        const application = new Application({ ...PRELOADED, file: 'server.cjs', env });
        const [, port] = await application.says(/listening on (\d+)/);
        const visit = () => visitHttps(Number(port), { ca: stage.authority.certificate });
        const statuses = [(await visit()).status];
        await application.complains(/cannot be reached, TLS handshakes are being lost: .*ECONNREFUSED.*\n/);
        for (let i = 0; i < 3; i++) statuses.push((await visit()).status);
        application.signal('SIGTERM');
        return { ended: await application.ended, statuses };
      });
    });
    it('a server that goes on says so while it runs, once, and serves as before', async () => {
      const { ended, statuses } = await longRunning();
      assert.deepEqual(statuses, [200, 200, 200, 200]);
      assert.equal(ended.signal, 'SIGTERM');
      assert.match(ended.stderr, /^[^\n]+\n$/);
    });
  });

  describe('in the installation:', () => {
    /** The package installed into a folder of its own, with all it needs but `missing`. Resolves to its side door. */
    async function installed(folderName: string, missing?: string): Promise<string> {
      const modules = join(stage.folder, folderName, 'node_modules');
      const own = join(modules, NAME);
      await mkdir(own, { recursive: true });
      await cp(join(CHECKOUT, 'build/src'), join(own, 'build/src'), { recursive: true });
      await cp(join(CHECKOUT, 'package.json'), join(own, 'package.json'));
      const theirs = join(CHECKOUT, 'node_modules');
      for (const name of await packagesIn(theirs)) {
        if (name === missing) continue;
        await mkdir(dirname(join(modules, name)), { recursive: true });
        await symlink(join(theirs, name), join(modules, name), 'junction');
      }
      return join(own, 'build/src/register.js');
    }

    cases(
      {
        it: 'a missing SDK is named in one line, and the application is untouched',
        run: async () => {
          const register = await installed('no-sdk', '@opentelemetry/sdk-node');
          return stage.observe({ ...PRELOADED, flags: ['--require', register] });
        },
        true: ({ ended, counts }) => {
          saysOnly(
            ended,
            /: @opentelemetry\/sdk-node cannot be loaded, .*: Cannot find module '@opentelemetry\/sdk-node'$/,
          );
          assert.equal(counts.requests, 0);
        },
      },
      {
        it: 'a missing SDK is no loss where the application has its own',
        run: async () => {
          const register = await installed('no-sdk-of-ours', '@opentelemetry/sdk-node');
          return stage.observe({ flags: ['--require', register], file: 'own-sdk.cjs' });
        },
        true: observed => {
          saysOnly(observed.ended, /: @opentelemetry\/sdk-node cannot be loaded, .* unless the application has an SDK/);
          stage.assertMutualTlsOnce(observed, 'theirs');
        },
      },
      {
        it: 'an SDK that does not start is named in one line, and the application is untouched',
        run: async () => {
          const register = await installed('broken-sdk', '@opentelemetry/sdk-node');
          const sdk = join(dirname(register), '../../../@opentelemetry/sdk-node');
          await mkdir(sdk, { recursive: true });
          const broken = 'exports.NodeSDK = class { constructor() { throw new Error("of another version"); } };';
          await writeFile(join(sdk, 'index.js'), broken);
          return stage.observe({ ...PRELOADED, flags: ['--require', register] });
        },
        true: ({ ended, counts }) => {
          saysOnly(ended, /: the OpenTelemetry SDK does not start, .* not reported: of another version$/);
          assert.equal(counts.requests, 0);
        },
      },
      {
        it: 'a missing API is named in one line, and the application is untouched',
        run: async () => {
          const register = await installed('no-api', '@opentelemetry/api');
          return stage.observe({ ...PRELOADED, flags: ['--require', register] });
        },
        true: ({ ended, counts }) => {
          saysOnly(ended, /: not started, TLS handshakes are not reported: Cannot find module '@opentelemetry\/api'$/);
          assert.equal(counts.requests, 0);
        },
      },
      {
        it: 'a second copy of the package is named in one line, and every handshake is reported once',
        run: async () => {
          const second = await installed('second-copy');
          return stage.observe({ ...PRELOADED, flags: ['--require', REGISTER, '--require', second] });
        },
        true: observed => {
          saysOnly(observed.ended, /: enabled once more, .* each handshake is reported once/);
          everythingArrived(observed);
        },
      },
    );
  });
});

/** Names of the packages in a node_modules, scopes included. */
async function packagesIn(modules: string): Promise<string[]> {
  const names = (await readdir(modules)).filter(name => !name.startsWith('.'));
  const lists = names.map(async name =>
    name.startsWith('@') ? (await readdir(join(modules, name))).map(part => `${name}/${part}`) : [name],
  );
  return (await Promise.all(lists)).flat();
}
