import assert from 'node:assert/strict';
import type { Attributes, ReceivedSpan } from '../../src/cli/otlp-messages';
import { CHECKOUT, REGISTER, type Start } from '../support/application';
import { ahead, behaviour, type Observed, PATIENCE, Stage } from './stage';

const AUTO = '@opentelemetry/auto-instrumentations-node/register';

interface SetUp {
  readonly it: string;
  readonly start: Start;
  /** `service.name` of everything about TLS: our environment says `ours`, the applications' own code `theirs`. */
  readonly service?: 'ours' | 'theirs';
  /** Anything else that is true of it. */
  readonly alsoTrue?: (observed: Observed) => void;
}

const preloaded = ['--require', REGISTER];
const imported = ['--import', `file://${REGISTER}`];

const SET_UPS: readonly SetUp[] = [
  { it: '--require of a CommonJS application', start: { flags: preloaded, file: 'mutual-tls.cjs' } },
  { it: '--require of an ES module', start: { flags: preloaded, file: 'mutual-tls.mjs' } },
  { it: '--import of a CommonJS application', start: { flags: imported, file: 'mutual-tls.cjs' } },
  { it: '--import of an ES module', start: { flags: imported, file: 'mutual-tls.mjs' } },
  { it: 'NODE_OPTIONS', start: { file: 'mutual-tls.mjs', env: { NODE_OPTIONS: `--require ${REGISTER}` } } },
  { it: 'both at once', start: { flags: [...preloaded, ...imported], file: 'mutual-tls.cjs' } },
  { it: 'a worker thread, with --require', start: { flags: preloaded, file: 'worker.cjs' } },
  { it: 'a worker thread, with --import', start: { flags: imported, file: 'worker.cjs' } },
  { it: 'a cluster', start: { flags: preloaded, file: 'cluster.cjs' } },
  { it: 'modules of TLS that were loaded before', start: { file: 'registers-late.cjs', env: { REGISTER } } },
  {
    it: "the application's own SDK, of which the preload becomes a part",
    start: { flags: preloaded, file: 'own-sdk.cjs' },
    service: 'theirs',
  },
  {
    it: "the application's own SDK as an ES module",
    start: { flags: preloaded, file: 'own-sdk.mjs' },
    service: 'theirs',
  },
  {
    it: "the instrumentation in the application's own SDK",
    start: { file: 'tls-in-own-sdk.cjs' },
    service: 'theirs',
  },
  {
    it: "the instrumentation in the application's own SDK as an ES module",
    start: { file: 'tls-in-own-sdk.mjs' },
    service: 'theirs',
  },
  {
    it: 'registerInstrumentations with providers that nobody registered',
    start: { file: 'own-providers.cjs' },
    service: 'theirs',
  },
  {
    it: 'getNodeAutoInstrumentations: the handshake of a request is inside its span',
    start: { file: 'auto-instrumentations.cjs' },
    service: 'theirs',
    alsoTrue: ({ collector, spans }) => {
      const requests = collector.spans.filter(
        ({ scope, kind }) => /instrumentation-http$/.test(scope.name) && kind === 3,
      );
      const handshakes = spans.filter(({ name }) => name === 'TLS client handshake');
      assert.equal(requests.length, 2);
      assert.deepEqual(handshakes.map(parentOf).sort(), requests.map(idOf).sort());
    },
  },
  {
    it: 'getNodeAutoInstrumentations, there before we are loaded: nothing is instrumented that the application does without',
    start: { file: 'auto-instrumentations-first.cjs' },
    service: 'theirs',
    alsoTrue: noSpansOfConnections,
  },
  {
    it: 'auto-instrumentations-node/register after us',
    start: { flags: [...preloaded, '--require', AUTO], file: 'mutual-tls.cjs' },
  },
  {
    it: 'auto-instrumentations-node/register before us',
    start: { flags: ['--require', AUTO, ...preloaded], file: 'mutual-tls.cjs' },
    alsoTrue: noSpansOfConnections,
  },
];

/** instrumentation-net waits for a module that the application never requires. */
function noSpansOfConnections({ collector }: Observed): void {
  const scopes = new Set(collector.spans.map(({ scope }) => scope.name));
  assert.ok(scopes.has('@opentelemetry/instrumentation-http'));
  assert.ok(!scopes.has('@opentelemetry/instrumentation-net'), [...scopes].join(', '));
}

describe('an application, seen by a collector through', function () {
  this.timeout(PATIENCE);
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());

  const bare = ahead(() => stage.run({ file: 'mutual-tls.cjs' }));

  it('nothing: the application as it is', async () => {
    assert.deepEqual(behaviour(await bare()), { code: 0, signal: null, stdout: 'come in\nnot let in\n', stderr: '' });
  });

  for (const { it: title, start, service = 'ours', alsoTrue } of SET_UPS) {
    const run = ahead(() => stage.observe({ ...start, env: { PACKAGE: CHECKOUT, ...start.env } }));

    it(title, async () => {
      const observed = await run();
      assert.deepEqual(behaviour(observed.ended), behaviour(await bare()));
      assert.deepEqual(observed.collector.problems, []);
      stage.assertMutualTlsOnce(observed, service);
      const signals = new Set(observed.collector.requests.map(({ signal }) => signal));
      assert.deepEqual([...signals].sort(), ['logs', 'metrics', 'traces']);
      alsoTrue?.(observed);
    });
  }
});

describe('an application without TLS', function () {
  this.timeout(PATIENCE);
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());

  const bare = ahead(() => stage.run({ file: 'no-tls.cjs' }));
  for (const flags of [preloaded, imported]) {
    const run = ahead(() => stage.observe({ flags, file: 'no-tls.cjs' }));

    it(`finds its process as it is, after ${flags[0]}, and sends nothing`, async () => {
      const { ended, counts } = await run();
      assert.deepEqual(behaviour(ended), behaviour(await bare()));
      assert.match(ended.stdout, /^\{"listeners":\[0,0,/);
      assert.equal(counts.requests, 0);
    });
  }
});

describe('an instrumentation that comes after the preload', function () {
  this.timeout(PATIENCE);
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());

  for (const flags of [preloaded, imported]) {
    const run = ahead(() => stage.run({ flags, file: 'late-instrumentation.cjs' }));

    it(`sees every module of Node's that the application requires, after ${flags[0]}`, async () => {
      const { code, stdout } = await run();
      assert.deepEqual({ code, stdout }, { code: 0, stdout: '[]\n' });
    });
  }
});

describe('an application with OpenTelemetry of its own, preloaded,', function () {
  this.timeout(PATIENCE);
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());

  const names = (things: readonly { resource: Attributes }[]) => [
    ...new Set(things.map(({ resource }) => resource['service.name'])),
  ];
  const quietly = (stdout: string) => ({ code: 0, signal: null, stdout, stderr: '' });
  const VISITS = 'come in\nnot let in\n';

  const withOurs = ahead(() =>
    stage.observe({ flags: preloaded, file: 'tls-in-own-sdk.cjs', env: { PACKAGE: CHECKOUT } }),
  );
  it('which has the instrumentation in it as well, reports once, and is told so in one line', async () => {
    const observed = await withOurs();
    stage.assertMutualTlsOnce(observed, 'theirs');
    const { stderr, ...others } = behaviour(observed.ended);
    assert.deepEqual({ ...others, stderr: '' }, quietly(VISITS));
    assert.match(
      stderr,
      /^opentelemetry-instrumentation-tls: enabled once more, [^\n]* each handshake is reported once[^\n]*\n$/,
    );
  });

  for (const [what, ...args] of [['for everything'], ['without metrics', 'without-metrics']] as const) {
    const late = ahead(() => stage.observe({ flags: preloaded, file: 'late-sdk.cjs', args }));
    it(`which starts after the first handshakes, ${what}, takes over from then on, and hears nothing of ours`, async () => {
      const { ended, spans, collector } = await late();
      assert.deepEqual(behaviour(ended), quietly(VISITS.repeat(2)));
      const servers = spans.filter(({ name }) => name === 'TLS server handshake');
      assert.deepEqual(
        servers.map(({ attributes }) => attributes['tls.handshake.outcome']),
        ['established', 'failed', 'established', 'failed'],
      );
      // The second may have waited for its report when theirs came.
      const [first, , third, fourth] = servers.map(({ resource }) => resource['service.name']);
      assert.deepEqual([first, third, fourth], ['ours', 'theirs', 'theirs']);
      // A tracer that was fetched before there was any SDK has followed.
      assert.deepEqual(names(collector.spans.filter(({ name }) => name === 'their own work')), ['theirs']);
      assert.ok(names(collector.logs).includes('theirs'));
    });
  }

  const metricsAlone = ahead(() => stage.observe({ flags: preloaded, file: 'own-metrics.cjs' }));
  it('which is for metrics and logs alone, keeps those, and has ours for its spans', async () => {
    const { ended, spans, logs, collector } = await metricsAlone();
    assert.deepEqual(behaviour(ended), quietly(VISITS));
    assert.deepEqual(names(spans), ['ours']);
    assert.equal(spans.filter(({ name }) => name === 'TLS server handshake').length, 2);
    assert.notEqual(logs.length, 0);
    assert.deepEqual(names(logs), ['theirs']);
    const services = collector.requests
      .filter(({ signal }) => signal === 'metrics')
      .map(({ body }) => /theirs|ours/.exec(body.toString('latin1'))?.[0]);
    assert.deepEqual([...new Set(services)], ['theirs']);
  });

  const spansAlone = ahead(() => stage.observe({ flags: preloaded, file: 'own-spans.cjs' }));
  it('which is spans by the API alone, finds them around its handshakes', async () => {
    const { ended, spans, collector } = await spansAlone();
    assert.deepEqual(behaviour(ended), quietly(VISITS.repeat(2)));
    const [own, ...others] = collector.spans.filter(({ name }) => name === 'own work');
    assert.deepEqual(others, []);
    const clients = spans.filter(({ name }) => name === 'TLS client handshake');
    assert.deepEqual(clients.map(parentOf), ['', '', idOf(own!), idOf(own!)]);
  });
});

const idOf = ({ spanId }: ReceivedSpan) => spanId;
const parentOf = ({ parentSpanId }: ReceivedSpan) => parentSpanId;
