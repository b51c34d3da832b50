import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as tls from 'node:tls';
import { type DiagLogger, DiagLogLevel, diag, metrics, trace } from '@opentelemetry/api';
import { TlsInstrumentation } from '../src/instrumentation';
import { CertificateAuthority, type IssuedCertificate } from './support/certificate-authority';
import { TelemetryRecorder } from './support/telemetry-recorder';
import { close, listen } from './support/tls-pair';

const METHODS = Object.getOwnPropertyNames(tls.TLSSocket.prototype);

/** Node's methods as they are now. */
const methods = () => METHODS.map(name => Object.getOwnPropertyDescriptor(tls.TLSSocket.prototype, name)?.value);
/** How many listen for the end of this process. */
const listeners = () => ['beforeExit', 'exit'].map(event => process.listenerCount(event));

describe('the instrumentation', () => {
  let certificate: IssuedCertificate;
  let untouched: { methods: unknown[]; listeners: number[] };
  let warnings: string[];
  let enabled: TlsInstrumentation[];

  before(async () => {
    certificate = await CertificateAuthority.selfSigned({ usage: 'server' });
  });

  beforeEach(() => {
    untouched = { methods: methods(), listeners: listeners() };
    warnings = [];
    enabled = [];
    hear();
  });

  afterEach(() => {
    for (const one of enabled) one.disable();
    diag.disable();
    assert.deepEqual({ methods: methods(), listeners: listeners() }, untouched, 'everything is as it was');
  });

  /** Keeps what is said through `diag` from now on. */
  function hear(): void {
    const warn = (message: string) => void warnings.push(message);
    const logger: DiagLogger = { error: warn, warn, info: () => {}, debug: () => {}, verbose: () => {} };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  }

  function instrument(config?: ConstructorParameters<typeof TlsInstrumentation>[0]): TlsInstrumentation {
    const instrumentation = new TlsInstrumentation(config);
    enabled.push(instrumentation);
    return instrumentation;
  }

  function recorded(instrumentation: TlsInstrumentation): TelemetryRecorder {
    const recorder = new TelemetryRecorder();
    instrumentation.setTracerProvider(recorder.tracerProvider);
    instrumentation.setMeterProvider(recorder.meterProvider);
    instrumentation.setLoggerProvider(recorder.olderLoggerProvider);
    return recorder;
  }

  /** A handshake between two ends in this process. `during`: when the server has the connection, and not its ClientHello. */
  async function shakeHands(during: () => void = () => {}): Promise<void> {
    const server = tls.createServer({ cert: certificate.chain, key: certificate.key }, socket => socket.end());
    server.prependListener('connection', during);
    const port = await listen(server);
    const client = tls.connect({ host: '127.0.0.1', port, servername: 'localhost', ca: certificate.certificate });
    client.resume();
    await once(client, 'close');
    await close(server);
  }

  /** Both ends of every handshake reported so far. */
  function sidesSeen(instrumentation: TlsInstrumentation, recorder: TelemetryRecorder): string[] {
    instrumentation.flush();
    return recorder.spans.map(({ name }) => name).sort();
  }

  const BOTH = ['TLS client handshake', 'TLS server handshake'];

  it('is enabled when it is made, and reports both sides of a handshake', async () => {
    const instrumentation = instrument();
    const recorder = recorded(instrumentation);
    assert.equal(instrumentation.isRunning, true);
    assert.notDeepEqual(methods(), untouched.methods);
    await shakeHands();
    assert.deepEqual(sidesSeen(instrumentation, recorder), BOTH);
    assert.deepEqual(warnings, []);
  });

  it('touches nothing when it is made disabled, until it is enabled', async () => {
    const instrumentation = instrument({ enabled: false });
    const recorder = recorded(instrumentation);
    assert.equal(instrumentation.isRunning, false);
    assert.deepEqual(methods(), untouched.methods);
    await shakeHands();
    instrumentation.enable();
    await shakeHands();
    assert.deepEqual(sidesSeen(instrumentation, recorder), BOTH);
  });

  it('is enabled once, however often it is asked to be', async () => {
    const instrumentation = instrument();
    const recorder = recorded(instrumentation);
    instrumentation.enable();
    instrumentation.enable();
    await shakeHands();
    assert.deepEqual(sidesSeen(instrumentation, recorder), BOTH);
    assert.deepEqual(warnings, []);
  });

  it('reports what waits when it is disabled, and nothing after', async () => {
    const instrumentation = instrument();
    const recorder = recorded(instrumentation);
    await shakeHands();
    instrumentation.disable();
    assert.equal(recorder.spans.length, 2);
    assert.deepEqual(methods(), untouched.methods);
    await shakeHands();
    assert.deepEqual(sidesSeen(instrumentation, recorder), BOTH);
    assert.equal(instrumentation.isRunning, false);
  });

  it('forgets a handshake that is under way when it is disabled', async () => {
    const instrumentation = instrument();
    const recorder = recorded(instrumentation);
    await shakeHands(() => instrumentation.disable());
    assert.deepEqual(sidesSeen(instrumentation, recorder), []);
    const active = (await recorder.metrics())['tls.server.active_handshakes'];
    assert.deepEqual(active?.dataPoints.map(({ value }) => value) ?? [], []);
  });

  it('can be enabled again', async () => {
    const instrumentation = instrument();
    const recorder = recorded(instrumentation);
    instrumentation.disable();
    instrumentation.enable();
    await shakeHands();
    assert.deepEqual(sidesSeen(instrumentation, recorder), BOTH);
    const { dataPoints } = (await recorder.metrics())['tls.server.active_handshakes']!;
    assert.deepEqual(
      dataPoints.map(({ value }) => value),
      [0],
    );
  });

  it('stays silent beside another one, and says so', async () => {
    const first = instrument();
    const second = instrument();
    const [toFirst, toSecond] = [recorded(first), recorded(second)];
    assert.deepEqual([first.isRunning, second.isRunning], [true, false]);
    assert.match(warnings.join('\n'), /^opentelemetry-instrumentation-tls: already enabled in this process[^\n]*$/);
    await shakeHands();
    assert.deepEqual(sidesSeen(first, toFirst), BOTH);
    assert.deepEqual(sidesSeen(second, toSecond), []);
  });

  it('takes over when the other one is disabled', async () => {
    const first = instrument();
    const second = instrument();
    const recorder = recorded(second);
    second.disable();
    assert.equal(first.isRunning, true);
    first.disable();
    second.enable();
    assert.equal(second.isRunning, true);
    await shakeHands();
    assert.deepEqual(sidesSeen(second, recorder), BOTH);
  });

  it('lets the one that was there say so, if that can', () => {
    const said: string[] = [];
    class Speaking extends TlsInstrumentation {
      anotherCame(): void {
        said.push('another came');
      }
    }
    enabled.push(new Speaking());
    instrument();
    assert.deepEqual(said, ['another came']);
    assert.deepEqual(warnings, []);
  });

  it('names options that it does not understand, and takes the others', async () => {
    const config = { handshakeSpans: 'failed', verbose: true, events: 'loud' };
    const instrumentation = instrument(config as ConstructorParameters<typeof TlsInstrumentation>[0]);
    assert.deepEqual(
      warnings.map(warning => warning.split(',')[0]),
      [
        "opentelemetry-instrumentation-tls: unknown option 'verbose'; known are handshakeSpans",
        "opentelemetry-instrumentation-tls: option events is 'loud'",
      ],
    );
    const recorder = recorded(instrumentation);
    await shakeHands();
    assert.deepEqual(sidesSeen(instrumentation, recorder), []);
    assert.ok((await recorder.metrics())['tls.server.handshake.duration']);
  });

  describe('made before anybody listens to diagnostics', () => {
    const CONFIG = { verbose: true, events: 'loud' } as object;
    const NAMED = [/: unknown option 'verbose'/, /: option events is 'loud'/];

    beforeEach(() => diag.disable());

    function assertNamedOnce(): void {
      assert.equal(warnings.length, NAMED.length, warnings.join('\n'));
      for (const [i, name] of NAMED.entries()) assert.match(warnings[i]!, name);
    }

    const providers = new TelemetryRecorder();
    const GIVEN: Readonly<Record<string, (instrumentation: TlsInstrumentation) => void>> = {
      'a tracer provider': one => one.setTracerProvider(providers.tracerProvider),
      'a meter provider': one => one.setMeterProvider(providers.meterProvider),
      'a logger provider': one => one.setLoggerProvider(providers.olderLoggerProvider),
    };
    for (const [what, give] of Object.entries(GIVEN)) {
      it(`names what it did not understand when it is given ${what}, once`, () => {
        const instrumentation = instrument(CONFIG);
        give(instrumentation);
        assert.deepEqual(warnings, []);
        hear();
        give(instrumentation);
        assertNamedOnce();
        give(instrumentation);
        assertNamedOnce();
      });
    }

    it('names it before the first report, where it was given its providers before there was a logger', async () => {
      const instrumentation = instrument(CONFIG);
      const recorder = recorded(instrumentation);
      hear();
      assert.deepEqual(warnings, []);
      await shakeHands();
      assert.deepEqual(sidesSeen(instrumentation, recorder), BOTH);
      assertNamedOnce();
    });

    it('keeps each complaint once, and few of them', () => {
      const instrumentation = instrument(CONFIG);
      instrumentation.disable();
      instrumentation.enable();
      instrumentation.disable();
      const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`odd${i}`, i]));
      instrumentation.setConfig(many);
      instrumentation.enable();
      hear();
      instrumentation.setTracerProvider(providers.tracerProvider);
      assert.equal(warnings.filter(warning => NAMED[0]!.test(warning)).length, 1);
      assert.equal(warnings.length, 20);
    });
  });

  it('reads nothing of any socket while there is no SDK', async () => {
    const instrumentation = instrument();
    await shakeHands();
    assert.equal(instrumentation.flush(), 0);
  });

  it('reports to the global SDK from the moment there is one', async () => {
    const instrumentation = instrument();
    const recorder = new TelemetryRecorder();
    await shakeHands();
    try {
      trace.setGlobalTracerProvider(recorder.tracerProvider);
      metrics.setGlobalMeterProvider(recorder.meterProvider);
      await shakeHands();
      assert.deepEqual(sidesSeen(instrumentation, recorder), BOTH);
      const { dataPoints } = (await recorder.metrics())['tls.client.handshake.duration']!;
      assert.equal(dataPoints.length, 1);
    } finally {
      trace.disable();
      metrics.disable();
    }
  });

  it('counts what it has reported', async () => {
    const instrumentation = instrument();
    recorded(instrumentation);
    assert.equal(instrumentation.flush(), 0);
    await shakeHands();
    assert.equal(instrumentation.flush(), 2);
    assert.equal(instrumentation.flush(), 2);
  });
});
