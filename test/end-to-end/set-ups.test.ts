import assert from 'node:assert/strict';
import type { ReceivedSpan } from '../../src/cli/otlp-messages';
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
    it: 'auto-instrumentations-node/register after us',
    start: { flags: [...preloaded, '--require', AUTO], file: 'mutual-tls.cjs' },
  },
  {
    it: 'auto-instrumentations-node/register before us',
    start: { flags: ['--require', AUTO, ...preloaded], file: 'mutual-tls.cjs' },
  },
];

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

describe('an application that has an SDK of its own', function () {
  this.timeout(PATIENCE);
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());

  it('with the instrumentation in it, and the preload as well, reports once, and is told so in one line', async () => {
    const observed = await stage.observe({
      flags: preloaded,
      file: 'tls-in-own-sdk.cjs',
      env: { PACKAGE: CHECKOUT },
    });
    stage.assertMutualTlsOnce(observed, 'theirs');
    const { stderr, ...others } = behaviour(observed.ended);
    assert.deepEqual(others, { code: 0, signal: null, stdout: 'come in\nnot let in\n' });
    assert.match(
      stderr,
      /^opentelemetry-instrumentation-tls: enabled once more, [^\n]* each handshake is reported once[^\n]*\n$/,
    );
  });

  it('but starts it late takes over from ours, which was there for the first handshakes', async () => {
    const { ended, spans, collector } = await stage.observe({ flags: preloaded, file: 'late-sdk.cjs' });
    assert.deepEqual(behaviour(ended), {
      code: 0,
      signal: null,
      stdout: 'come in\nnot let in\n'.repeat(2),
      stderr: '',
    });
    const servers = (service: string) =>
      spans
        .filter(({ name, resource }) => name === 'TLS server handshake' && resource['service.name'] === service)
        .map(({ attributes }) => attributes['tls.handshake.outcome']);
    assert.deepEqual(servers('ours'), ['established', 'failed']);
    assert.deepEqual(servers('theirs'), ['established', 'failed']);
    // A tracer that was fetched before there was any SDK has followed.
    const own = collector.spans.filter(({ name }) => name === 'their own work');
    assert.deepEqual(
      own.map(({ resource }) => resource['service.name']),
      ['theirs'],
    );
    const logs = collector.logs.map(({ resource }) => resource['service.name']);
    assert.deepEqual(new Set(logs), new Set(['ours', 'theirs']));
  });
});

const idOf = ({ spanId }: ReceivedSpan) => spanId;
const parentOf = ({ parentSpanId }: ReceivedSpan) => parentSpanId;
