import assert from 'node:assert/strict';
import * as api from '@opentelemetry/api';
import { metrics, trace } from '@opentelemetry/api';
import { type LoggerProvider, logs as olderLogs } from '@opentelemetry/api-logs';
import { hasGlobalTracerProvider, Providers } from '../../src/telemetry/providers';
import { TelemetryRecorder } from '../support/telemetry-recorder';

/** The logs API of the SDK that is installed here: the API's own from 1.10 on. */
const logs = (api as { logs?: typeof olderLogs }).logs ?? olderLogs;

const forgetAll = (): void => {
  trace.disable();
  metrics.disable();
  logs.disable();
};

/** Says one span, one measurement and one log record through what the providers answer now. */
function sayThrough(providers: Providers): void {
  providers.tracer().startSpan('said', {}, api.ROOT_CONTEXT).end(Date.now());
  providers.meter().createCounter('said').add(1);
  providers.logger().emit({
    eventName: 'said',
    timestamp: 0,
    severityNumber: 9,
    severityText: 'INFO',
    attributes: {},
    context: api.ROOT_CONTEXT,
  });
}

/** What a recorder was told. */
async function heardBy(recorder: TelemetryRecorder) {
  const { said } = await recorder.metrics();
  return { spans: recorder.spans.length, logs: recorder.logs.length, metrics: said?.dataPoints[0]?.value ?? 0 };
}

const EVERYTHING = { spans: 1, logs: 1, metrics: 1 };
const NOTHING = { spans: 0, logs: 0, metrics: 0 };

describe('the providers in use', () => {
  let recorder: TelemetryRecorder;
  let providers: Providers;
  beforeEach(() => {
    forgetAll();
    recorder = new TelemetryRecorder();
    providers = new Providers();
  });
  afterEach(forgetAll);

  const registerAll = (): void => {
    trace.setGlobalTracerProvider(recorder.tracerProvider);
    metrics.setGlobalMeterProvider(recorder.meterProvider);
    logs.setGlobalLoggerProvider(recorder.olderLoggerProvider);
  };

  it('are none as long as there is no SDK, and nobody listens', () => {
    assert.equal(providers.somebodyListens(), false);
    assert.equal(hasGlobalTracerProvider(), false);
    assert.doesNotThrow(() => sayThrough(providers));
  });

  it('are the global ones, registered before', async () => {
    registerAll();
    sayThrough(providers);
    assert.deepEqual(await heardBy(recorder), EVERYTHING);
    assert.equal(hasGlobalTracerProvider(), true);
  });

  it('are the global ones, registered after they were first used', async () => {
    sayThrough(providers);
    registerAll();
    sayThrough(providers);
    assert.deepEqual(await heardBy(recorder), EVERYTHING);
  });

  for (const [signal, register] of [
    ['spans', () => trace.setGlobalTracerProvider(recorder.tracerProvider)],
    ['metrics', () => metrics.setGlobalMeterProvider(recorder.meterProvider)],
    ['logs', () => logs.setGlobalLoggerProvider(recorder.olderLoggerProvider)],
  ] as const) {
    it(`are listened to by an SDK for ${signal} alone, and from then on`, async () => {
      assert.equal(providers.somebodyListens(), false);
      register();
      assert.equal(providers.somebodyListens(), true);
      sayThrough(providers);
      assert.deepEqual(await heardBy(recorder), { ...NOTHING, [signal]: 1 });
      forgetAll();
      assert.equal(providers.somebodyListens(), true);
    });
  }

  describe('when they are given', () => {
    let other: TelemetryRecorder;
    beforeEach(() => {
      other = new TelemetryRecorder();
    });

    const giveAll = (given: TelemetryRecorder): void => {
      providers.giveTracerProvider(given.tracerProvider);
      providers.giveMeterProvider(given.meterProvider);
      providers.giveLoggerProvider(given.olderLoggerProvider);
    };

    it('are those and not the global ones', async () => {
      registerAll();
      giveAll(other);
      sayThrough(providers);
      assert.deepEqual(await heardBy(other), EVERYTHING);
      assert.deepEqual(await heardBy(recorder), NOTHING);
    });

    it('are listened to without a global one', () => {
      for (const give of [
        () => providers.giveTracerProvider(other.tracerProvider),
        () => providers.giveMeterProvider(other.meterProvider),
        () => providers.giveLoggerProvider(other.olderLoggerProvider),
      ]) {
        providers = new Providers();
        assert.equal(providers.somebodyListens(), false);
        give();
        assert.equal(providers.somebodyListens(), true);
      }
    });

    it('are the last that were given', async () => {
      giveAll(recorder);
      giveAll(other);
      sayThrough(providers);
      assert.deepEqual(await heardBy(recorder), NOTHING);
      assert.deepEqual(await heardBy(other), EVERYTHING);
    });

    it('are the global ones when what was given only waits for one: NodeSDK does so before it starts', async () => {
      providers.giveTracerProvider(trace.getTracerProvider());
      providers.giveMeterProvider(metrics.getMeterProvider());
      providers.giveLoggerProvider(logs.getLoggerProvider() as LoggerProvider);
      assert.equal(providers.somebodyListens(), false);
      registerAll();
      assert.equal(providers.somebodyListens(), true);
      sayThrough(providers);
      assert.deepEqual(await heardBy(recorder), EVERYTHING);
    });
  });

  describe('beside a second copy of the API, as `require` and `import` each load their own', () => {
    let second: typeof api;
    before(() => {
      second = loadedAgain('@opentelemetry/api');
      assert.notEqual(second.ProxyTracerProvider, api.ProxyTracerProvider);
    });

    it('are those that the other copy registers', async () => {
      sayThrough(providers);
      second.trace.setGlobalTracerProvider(recorder.tracerProvider);
      second.metrics.setGlobalMeterProvider(recorder.meterProvider);
      logs.setGlobalLoggerProvider(recorder.olderLoggerProvider);
      assert.equal(providers.somebodyListens(), true);
      assert.equal(hasGlobalTracerProvider(), true);
      sayThrough(providers);
      assert.deepEqual(await heardBy(recorder), EVERYTHING);
    });

    it('are not taken from its providers that lead nowhere yet', async () => {
      providers.giveTracerProvider(second.trace.getTracerProvider());
      providers.giveMeterProvider(second.metrics.getMeterProvider());
      assert.equal(providers.somebodyListens(), false);
      registerAll();
      sayThrough(providers);
      assert.deepEqual(await heardBy(recorder), EVERYTHING);
    });
  });

  it('may be of a second copy of the older logs API, which never hears of the first', async () => {
    const second: typeof import('@opentelemetry/api-logs') = loadedAgain('@opentelemetry/api-logs');
    assert.notEqual(second.logs, olderLogs);
    providers.giveLoggerProvider(second.logs.getLoggerProvider());
    registerAll();
    sayThrough(providers);
    assert.deepEqual(await heardBy(recorder), EVERYTHING);
  });

  it('are those of the older logs API, where SDK 2 registers, beside an API that has one of its own', async () => {
    const registeredByNobody = { getLoggerProvider: () => new NoopLoggerProvider(), disable() {} };
    const restored = apiWith(registeredByNobody);
    try {
      const beside = new (loadedAnew('../../src/telemetry/providers').Providers)();
      assert.equal(beside.somebodyListens(), false);
      trace.setGlobalTracerProvider(recorder.tracerProvider);
      metrics.setGlobalMeterProvider(recorder.meterProvider);
      olderLogs.setGlobalLoggerProvider(recorder.olderLoggerProvider);
      assert.equal(beside.logsAreHeard(), true);
      sayThrough(beside);
      assert.deepEqual(await heardBy(recorder), EVERYTHING);
    } finally {
      restored();
      olderLogs.disable();
    }
  });
});

/** What the API has at the place of its logs as long as nobody has registered anything there. */
class NoopLoggerProvider {
  getLogger() {
    return { emit() {}, enabled: () => false };
  }
}

/** As if the API that is installed were 1.10 or later, which it may be. Returns what makes it as it was. */
function apiWith(itsLogs: unknown): () => void {
  if ('logs' in api) return () => {};
  Object.defineProperty(api, 'logs', { value: itsLogs, configurable: true });
  return () => Reflect.deleteProperty(api, 'logs');
}

/** One file of ours once more, which looks around as it did when it was first loaded. */
function loadedAnew(file: '../../src/telemetry/providers'): typeof import('../../src/telemetry/providers') {
  const path = require.resolve(file);
  const kept = require.cache[path];
  delete require.cache[path];
  try {
    return require(path);
  } finally {
    require.cache[path] = kept;
  }
}

/** A package once more, with all its files, as if it had been installed twice. */
function loadedAgain<Module>(name: string): Module {
  const folder = require.resolve(name).replace(/(?<=[\\/]node_modules[\\/]@opentelemetry[\\/][^\\/]+[\\/]).*$/, '');
  const kept = Object.entries(require.cache).filter(([path]) => path.startsWith(folder));
  for (const [path] of kept) delete require.cache[path];
  try {
    return require(name) as Module;
  } finally {
    for (const path of Object.keys(require.cache)) if (path.startsWith(folder)) delete require.cache[path];
    for (const [path, module] of kept) require.cache[path] = module;
  }
}
