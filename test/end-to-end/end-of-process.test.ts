import assert from 'node:assert/strict';
import { Application, type Ended, REGISTER, type Start } from '../support/application';
import { BadCollector } from '../support/bad-collectors';
import { Collector } from '../support/collector';
import { visitHttps } from '../support/http-visits';
import { ahead, behaviour, Observed, PATIENCE, Stage } from './stage';

const flags = ['--require', REGISTER];
const SERVER = 'TLS server handshake';

describe('an application that comes to its end', function () {
  this.timeout(PATIENCE);
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());

  /** The application without us, and with us. */
  const both = (start: Start) =>
    ahead(async () => {
      const [bare, observed] = await Promise.all([stage.run(start), stage.observe({ ...start, flags })]);
      return { bare, observed };
    });

  const byItself = both({ file: 'exit-code.cjs' });
  it('by itself keeps its exit code, and everything has arrived', async () => {
    const { bare, observed } = await byItself();
    assert.deepEqual(behaviour(observed.ended), behaviour(bare));
    assert.equal(bare.code, 3);
    assert.equal(bare.stdout, 'come in\nnot let in\nexit 3\n');
    stage.assertMutualTlsOnce(observed, 'ours');
  });

  const withLastWords = both({ file: 'last-words.cjs' });
  it('by itself, and speaks TLS once more then, has everything arrive', async () => {
    const { bare, observed } = await withLastWords();
    assert.deepEqual(behaviour(observed.ended), behaviour(bare));
    assert.equal(bare.stdout, 'come in\nnot let in\nlast words\ncome in\nnot let in\n');
    assert.equal(observed.spans.filter(({ name }) => name === SERVER).length, 4);
  });

  const crashing = both({ file: 'crash.cjs' });
  it('by an error of its own crashes as it would without us', async () => {
    const { bare, observed } = await crashing();
    assert.deepEqual(behaviour(observed.ended), behaviour(bare));
    assert.equal(bare.code, 1);
    assert.match(bare.stderr, /an error of the application/);
  });

  const inAHurry = both({ file: 'hurry.cjs' });
  it('by process.exit() is not held', async () => {
    const { bare, observed } = await inAHurry();
    assert.deepEqual(behaviour(observed.ended), behaviour(bare));
    assert.equal(bare.code, 5);
  });

  /** Starts the server, makes one handshake with it, and then sends the signals, each when its time has come. */
  function signalled(start: Omit<Start, 'file'>, ...signals: (() => Promise<NodeJS.Signals>)[]): Promise<Ended> {
    return stage.inTurn(async () => {
      const env = { ...stage.environment(), ...start.env };
      const application = new Application({ ...start, flags, file: 'server.cjs', env });
      const [, port] = await application.says(/listening on (\d+)/);
      assert.equal((await visitHttps(Number(port), { ca: stage.authority.certificate })).status, 200);
      application.restartClock();
      for (const signal of signals) application.signal(await signal());
      return application.ended;
    });
  }

  /** The same beside a collector that keeps what it is sent. */
  async function signalledAndObserved(start: Omit<Start, 'file'>, signal: NodeJS.Signals): Promise<Observed> {
    const collector = await Collector.start();
    try {
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
      return new Observed(await signalled({ ...start, env }, at(signal)), collector);
    } finally {
      await collector.close();
    }
  }

  const at = (signal: NodeJS.Signals) => async () => signal;

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const run = ahead(() => signalledAndObserved({}, signal));
    it(`by ${signal} ends by it, and the handshake of a moment ago has arrived`, async () => {
      const { ended, spans } = await run();
      assert.deepEqual(
        { code: ended.code, signal: ended.signal, stderr: ended.stderr },
        { code: null, signal, stderr: '' },
      );
      assert.deepEqual(
        spans.map(({ name, attributes }) => [name, attributes['tls.handshake.outcome']]),
        [[SERVER, 'established']],
      );
    });

    const untouched = ahead(() =>
      stage.inTurn(async () => {
        const application = new Application({ flags, file: 'server.cjs', env: stage.environment() });
        await application.says(/listening on/);
        application.signal(signal);
        return application.ended;
      }),
    );
    it(`by ${signal} before its first handshake ends by it`, async () => {
      const { code, signal: by, stderr } = await untouched();
      assert.deepEqual({ code, by, stderr }, { code: null, by: signal, stderr: '' });
    });
  }

  const closing = ahead(() => signalledAndObserved({ args: ['close'] }, 'SIGTERM'));
  it('by SIGTERM in its own way ends in that way, and everything has arrived', async () => {
    const { ended, spans } = await closing();
    assert.deepEqual(
      { code: ended.code, signal: ended.signal, stderr: ended.stderr },
      { code: 0, signal: null, stderr: '' },
    );
    assert.match(ended.stdout, /closed\n$/);
    assert.equal(spans.filter(({ name }) => name === SERVER).length, 1);
  });

  const exiting = ahead(() => signalled({ args: ['exit'] }, at('SIGTERM')));
  it('by SIGTERM with an exit code of its own ends with that', async () => {
    const { code, signal, stderr } = await exiting();
    assert.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' });
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const cleaningUp = ahead(() => signalled({ args: ['clean-up'] }, at(signal)));
    it(`by ${signal} with others that end by it only when nobody else listens, ends by it`, async () => {
      const { code, signal: by, stdout } = await cleaningUp();
      assert.deepEqual({ code, by }, { code: null, by: signal });
      assert.match(stdout, new RegExp(`cleaned up at ${signal}\n$`));
    });
  }

  describe('while its collector says nothing', () => {
    /** Runs beside a collector that takes everything and answers nothing. */
    const beside = (work: (collector: BadCollector) => Promise<Ended>) =>
      ahead(async () => {
        const collector = await BadCollector.silent();
        try {
          return { ended: await work(collector), url: collector.url };
        } finally {
          await collector.close();
        }
      });
    const sendingTo = ({ url }: BadCollector) => ({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: url } });

    const once = beside(collector => signalled(sendingTo(collector), at('SIGTERM')));
    it('by SIGTERM is held for two seconds, and says why in one line', async () => {
      const { ended, url } = await once();
      const { code, signal, stderr, milliseconds } = ended;
      assert.deepEqual({ code, signal }, { code: null, signal: 'SIGTERM' });
      assert.match(stderr, /^opentelemetry-instrumentation-tls: the collector at [^\n]*cannot be reached[^\n]*\n$/);
      assert.ok(stderr.includes(url), stderr);
      assert.ok(milliseconds >= 1_900 && milliseconds < 6_000, `${milliseconds} ms`);
    });

    const twice = beside(collector => {
      const requested = collector.requested();
      return signalled(sendingTo(collector), at('SIGINT'), async () => {
        await requested;
        return 'SIGINT';
      });
    });
    it('by SIGINT, twice, is held no longer', async () => {
      const { code, signal, stderr } = (await twice()).ended;
      assert.deepEqual({ code, signal }, { code: null, signal: 'SIGINT' });
      // After two seconds it would have complained.
      assert.equal(stderr, '');
    });
  });
});
