import assert from 'node:assert/strict';
import type { ReceivedSpan } from '../../src/cli/otlp-messages';
import { Application, CHECKOUT, REGISTER } from '../support/application';
import { Collector } from '../support/collector';
import { Connection, type Protocol } from './connection';
import { STARTERS, type Starter } from './span-starters';
import { ahead, PATIENCE, SCOPE, Stage } from './stage';

/** In fixtures/applications/frameworks, under the names by which they say where they listen. */
const APPLICATIONS: Readonly<Record<string, Protocol>> = {
  https: 'HTTP/1.1',
  express: 'HTTP/1.1',
  koa: 'HTTP/1.1',
  fastify: 'HTTP/1.1',
  nest: 'HTTP/1.1',
  hono: 'HTTP/1.1',
  'fastify over HTTP/2': 'HTTP/2',
  http2: 'HTTP/2',
  'http2 streams': 'HTTP/2',
};

interface SetUp {
  readonly it: string;
  readonly flags: readonly string[];
  /** All applications in one process, unless it is one alone. */
  readonly alone?: { readonly application: string; readonly file: string };
  /** Of our fixture's OpenTelemetry set-up, in order. */
  readonly instrumentations?: string;
  /** TlsPeerSpanProcessor is there: in our fixture's set-up, or in the SDK that the preload starts. */
  readonly spanProcessor?: boolean;
  /** The SDK starts 50 ms after the first handshake. Before that a connection has no id. */
  readonly startsLate?: boolean;
  /** Who is there to start a request's span, besides the applications themselves: the first that can does. */
  readonly starters: readonly Starter[];
}

const AUTO = '@opentelemetry/auto-instrumentations-node/register';
const OWN = `${CHECKOUT}/test/fixtures/applications/frameworks/open-telemetry.cjs`;
const preloaded = ['--require', REGISTER];
const auto = ['--require', AUTO];
const own = ['--require', OWN];
/** Without it, instrumentations hear of nothing that an ES module imports. Node warns of it. */
const loader = ['--no-warnings', '--experimental-loader=@opentelemetry/instrumentation/hook.mjs'];
const esModule = { application: 'hono', file: 'hono.mjs' };
const HTTP = '@opentelemetry/instrumentation-http';
const FASTIFY = '@fastify/otel';

const SET_UPS: readonly SetUp[] = [
  { it: 'the preload alone', flags: preloaded, startsLate: true, spanProcessor: true, starters: [] },
  {
    it: 'the preload, and auto-instrumentations-node/register after it',
    flags: [...preloaded, ...auto],
    starters: [HTTP],
  },
  {
    it: 'the preload, and auto-instrumentations-node/register before it',
    flags: [...auto, ...preloaded],
    starters: [HTTP],
  },
  {
    it: 'the preload, and a set-up that knows nothing of it',
    flags: [...preloaded, ...own],
    instrumentations: 'http,frameworks',
    starters: [HTTP, FASTIFY],
  },
  {
    it: 'a set-up with ours last',
    flags: own,
    instrumentations: 'http,frameworks,https,tls',
    starters: [HTTP, FASTIFY],
  },
  {
    it: 'a set-up with ours first',
    flags: own,
    instrumentations: 'tls,http,frameworks',
    starters: [HTTP, FASTIFY],
  },
  {
    it: 'a set-up with ours last, and TlsPeerSpanProcessor',
    flags: own,
    instrumentations: 'http,frameworks,https,tls',
    spanProcessor: true,
    starters: [HTTP, FASTIFY],
  },
  {
    it: 'a set-up with ours first, and TlsPeerSpanProcessor',
    flags: own,
    instrumentations: 'tls,http,frameworks',
    spanProcessor: true,
    starters: [HTTP, FASTIFY],
  },
  {
    it: "a set-up with the frameworks' instrumentations alone, and TlsPeerSpanProcessor",
    flags: own,
    instrumentations: 'frameworks,tls',
    spanProcessor: true,
    starters: [FASTIFY],
  },
  {
    it: 'the preload, and auto-instrumentations-node/register, of an ES module',
    flags: [...preloaded, ...auto],
    alone: esModule,
    starters: [],
  },
  {
    it: "the preload, auto-instrumentations-node/register and OpenTelemetry's loader, of an ES module",
    flags: [...loader, ...preloaded, ...auto],
    alone: esModule,
    starters: [HTTP],
  },
];

describe('the requests of applications with mutual TLS, through', function () {
  this.timeout(PATIENCE);
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());

  for (const setUp of SET_UPS) {
    describe(setUp.it, () => {
      const run = ahead(() => stage.inTurn(() => visitAll(stage, setUp)));

      it('ends as it should, without a word of complaint', async () => {
        const { ended, collector } = await run();
        assert.deepEqual({ code: ended.code, stderr: ended.stderr }, { code: 0, stderr: '' });
        assert.deepEqual(collector.problems, []);
      });

      for (const [application, protocol] of applicationsOf(setUp)) {
        const starter = starterOf(application, protocol, setUp);
        const carries = starter !== undefined && (STARTERS[starter].always || setUp.spanProcessor === true);

        const promise = {
          none: 'no span, and who is there is known',
          bare: `a span by ${starter}, which cannot be reached, and who is there is known`,
          full: `a span by ${starter}, with the certificate and one link to the handshake`,
        }[starter === undefined ? 'none' : carries ? 'full' : 'bare'];

        it(`${application}: ${promise}`, async () => {
          const { visits, collector } = await run();
          const mine = visits.filter(visit => visit.application === application);
          assert.equal(mine.length, 2 * 4);
          const handshakes = new Map(
            collector.spans.filter(({ scope }) => scope.name === SCOPE).map(span => [span.spanId, span]),
          );
          for (const visit of mine) {
            const handshake = handshakes.get(visit.answer.connectionId ?? 'none');
            assertKnown(visit, handshake);
            const spans = collector.spans.filter(({ traceId }) => traceId === visit.traceId);
            const [request, ...others] = spans.filter(({ kind }) => kind === SERVER);
            assert.deepEqual(others, [], 'one span of kind SERVER');
            assert.equal(request?.scope.name, starter);
            if (request && carries) assertCarries(request, visit, handshake!, stage.good.fingerprint);
            for (const span of spans) if (span !== request || !carries) assertUntouched(span);
          }
        });
      }
    });
  }
});

const SERVER = 2;

function applicationsOf({ alone }: SetUp): [string, Protocol][] {
  return Object.entries(APPLICATIONS).filter(([name]) => alone === undefined || name === alone.application);
}

interface Visit {
  readonly application: string;
  readonly traceId: string;
  readonly localPort: number;
  readonly as: 'good' | 'nobody';
  readonly resumed: boolean;
  readonly answer: Answer;
}

/** What fixtures/applications/frameworks/who-is-there.cjs answers. */
interface Answer {
  readonly subject?: string;
  readonly connectionId?: string;
  readonly result: string;
  readonly resumed: boolean;
  /** Undefined before requests are followed. */
  readonly isTheActiveOne?: boolean;
}

/** Runs all applications in one process, visits each twice, before requests are followed and after, and ends them. */
async function visitAll(stage: Stage, setUp: SetUp) {
  const { flags, instrumentations = '', spanProcessor = false } = setUp;
  const collector = await Collector.start();
  try {
    const process = new Application({
      flags,
      file: `frameworks/${setUp.alone?.file ?? 'all.cjs'}`,
      env: {
        ...stage.environment(collector),
        PACKAGE: CHECKOUT,
        INSTRUMENTATIONS: instrumentations,
        SPAN_PROCESSOR: spanProcessor ? 'yes' : 'no',
      },
    });
    const visitEach = () =>
      Promise.all(
        applicationsOf(setUp).map(async ([name, protocol]) => {
          const [, port] = await process.says(new RegExp(`^${name} listens on (\\d+)$`, 'm'));
          return visit(stage, name, protocol, Number(port));
        }),
      );
    if (setUp.startsLate) await reported(stage, process);
    const first = await visitEach();
    process.signal('SIGUSR2');
    await process.says(/^follows requests$/m);
    const then = await visitEach();
    process.signal('SIGHUP');
    return { collector, visits: [...first, ...then].flat(), ended: await process.ended };
  } finally {
    await collector.close();
  }
}

/** Resolves when a handshake has been reported. */
async function reported(stage: Stage, process: Application): Promise<void> {
  const [, port] = await process.says(/^https listens on (\d+)$/m);
  const connection = await Connection.open('HTTP/1.1', Number(port), { ca: stage.authority.certificate });
  while (((await connection.get('/who')).body as Answer).connectionId === undefined);
  await connection.close();
}

/** Two requests on one connection, one on a resumed one, one without a certificate. */
async function visit(stage: Stage, application: string, protocol: Protocol, port: number): Promise<Visit[]> {
  const ca = stage.authority.certificate;
  const good = { ca, cert: stage.good.chain, key: stage.good.key };
  const ask = async (connection: Connection, as: Visit['as'], resumed = false): Promise<Visit> => {
    const { body, ...request } = await connection.get('/who');
    return { application, as, resumed, answer: body as Answer, ...request };
  };

  const kept = await Connection.open(protocol, port, good);
  const visits = [await ask(kept, 'good'), await ask(kept, 'good')];
  const session = await kept.session;
  await kept.close();

  const resumed = await Connection.open(protocol, port, { ...good, session });
  assert.ok(resumed.isResumed);
  visits.push(await ask(resumed, 'good', true));
  await resumed.close();

  const anonymous = await Connection.open(protocol, port, { ca });
  visits.push(await ask(anonymous, 'nobody'));
  await anonymous.close();
  return visits;
}

function starterOf(application: string, protocol: Protocol, { starters }: SetUp): Starter | undefined {
  if (protocol === 'HTTP/1.1' && starters.includes(HTTP)) return HTTP;
  if (application.startsWith('fastify') && starters.includes(FASTIFY)) return FASTIFY;
  return application.startsWith('http2') ? 'the application itself' : undefined;
}

function assertKnown({ as, answer, localPort, resumed }: Visit, handshake: ReceivedSpan | undefined): void {
  assert.equal(handshake?.name, 'TLS server handshake');
  assert.equal(handshake.attributes['network.peer.port'], localPort, 'the handshake of this very connection');
  assert.equal(answer.subject, as === 'good' ? 'CN=good' : undefined);
  assert.equal(answer.result, as === 'good' ? 'ok' : 'not_presented');
  assert.equal(answer.resumed, resumed);
  assert.notEqual(answer.isTheActiveOne, false);
}

function assertCarries(request: ReceivedSpan, { as }: Visit, handshake: ReceivedSpan, fingerprint: string): void {
  assert.deepEqual(ours(request), {
    'tls.connection.id': handshake.spanId,
    ...(as === 'nobody'
      ? { 'tls.verify.result': 'not_presented' }
      : {
          'tls.verify.result': 'ok',
          'tls.client.subject': 'CN=good',
          'tls.client.hash.sha256': fingerprint,
          'tls.client.certificate.source': 'handshake',
        }),
  });
  assert.deepEqual(
    request.links.map(({ traceId, spanId }) => ({ traceId, spanId })),
    [{ traceId: handshake.traceId, spanId: handshake.spanId }],
  );
}

function assertUntouched(span: ReceivedSpan): void {
  assert.deepEqual(ours(span), {});
  assert.deepEqual(span.links, []);
}

function ours({ attributes }: ReceivedSpan): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => name.startsWith('tls.')));
}
