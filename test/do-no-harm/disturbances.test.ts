import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { type DiagLogger, DiagLogLevel, diag, type TracerProvider as TracerProviderApi } from '@opentelemetry/api';
import { SimpleSpanProcessor, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { TlsInstrumentation } from '../../src';
import { TlsSocketHook } from '../../src/hooks/tls-socket-hook';
import { Reporter } from '../../src/reporter';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { HandshakeRecorder } from '../support/handshake-recorder';
import { close, goneBy, greeter, listen, tlsPair } from '../support/tls-pair';
import { TelemetryRecorder } from '../support/telemetry-recorder';

const CHECKOUT = join(__dirname, '../../..');

function broken(): never {
  throw new Error('broken');
}

/** Everything that an SDK, or a part of it that an application wrote itself, may get wrong. */
const BROKEN_SDKS: Readonly<Record<string, () => TracerProviderApi>> = {
  'a sampler that throws': () =>
    new TracerProvider({ sampler: { shouldSample: broken, toString: () => 'broken' }, spanProcessors: [] }),
  'a span processor that throws at the start': () => processing({ onStart: broken }),
  'a span processor that throws at the end': () => processing({ onEnd: broken }),
  'an exporter that throws': () =>
    processing(new SimpleSpanProcessor({ exporter: { export: broken, forceFlush: broken, shutdown: broken } })),
  'a tracer that throws': () => ({ getTracer: () => ({ startSpan: broken, startActiveSpan: broken }) }),
  'a span that throws': () => ({
    getTracer: () => ({ startSpan: () => new Proxy({}, { get: broken }) as never, startActiveSpan: broken }),
  }),
};

function processing(parts: Partial<SpanProcessor>): TracerProvider {
  const whole = { onStart() {}, onEnd() {}, async forceFlush() {}, async shutdown() {} };
  return new TracerProvider({ spanProcessors: [Object.assign(whole, parts)] });
}

/** Node reads the stack of every error that destroys a stream, which is made of its message when it is first read. */
function withStack(): Error {
  const error = new Error('closed');
  assert.ok(error.stack);
  return error;
}

/** Hears what is said through `diag`. */
class Listener implements DiagLogger {
  readonly warnings: string[] = [];
  warn = (message: string) => void this.warnings.push(message);
  error() {}
  info() {}
  debug() {}
  verbose() {}
}

describe('what is broken around us does not reach the application', () => {
  const enabled: Array<{ disable(): void }> = [];
  let server: IssuedCertificate;
  let ca: string;

  before(async () => {
    const authority = await CertificateAuthority.create();
    server = await authority.issue({ usage: 'server' });
    ca = authority.certificate;
  });
  afterEach(() => {
    for (const one of enabled.splice(0)) one.disable();
    diag.disable();
  });

  function instrumented(make: () => TlsInstrumentation): TlsInstrumentation {
    const instrumentation = make();
    enabled.push(instrumentation);
    return instrumentation;
  }

  /** A good handshake and a refused one, as their applications see them. */
  async function handshakes(): Promise<void> {
    const options = { cert: server.certificate, key: server.key };
    assert.deepEqual(await tlsPair({ server: options, client: { ca } }), {
      server: { secured: true },
      client: { secured: true },
    });
    const refused = await tlsPair({ server: { ...options, maxVersion: 'TLSv1.2' }, client: { ca: [] } });
    assert.equal(refused.client.error?.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    assert.equal(refused.client.secured, false);
  }

  for (const [what, make] of Object.entries(BROKEN_SDKS)) {
    it(what, async () => {
      const instrumentation = instrumented(() => new TlsInstrumentation());
      instrumentation.setTracerProvider(make());
      await handshakes();
      instrumentation.flush();
      assert.ok(instrumentation.flush() >= 4, 'handshakes were handed over all the same');
      const recorder = new TelemetryRecorder();
      instrumentation.setTracerProvider(recorder.tracerProvider);
      await handshakes();
      instrumentation.flush();
      assert.equal(recorder.spans.length, 4, 'once it is mended, all is well');
    });
  }

  it('a diag logger that throws, when there is something to say', async () => {
    diag.setLogger({ warn: broken, error: broken, info: broken, debug: broken, verbose: broken }, DiagLogLevel.WARN);
    const recorder = new TelemetryRecorder();
    const instrumentation = instrumented(() => new TlsInstrumentation({ handshakeSpans: 'some' as 'all' }));
    instrumentation.setTracerProvider(recorder.tracerProvider);
    instrumented(() => new TlsInstrumentation());
    await handshakes();
    instrumentation.flush();
    assert.equal(recorder.spans.length, 4);
  });

  it('a configuration that cannot be shown', async () => {
    const listener = new Listener();
    diag.setLogger(listener, DiagLogLevel.WARN);
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const recorder = new TelemetryRecorder();
    const instrumentation = instrumented(
      () => new TlsInstrumentation({ handshakeSpans: circular as never, events: 1n as never }),
    );
    instrumentation.setTracerProvider(recorder.tracerProvider);
    await handshakes();
    instrumentation.flush();
    assert.equal(recorder.spans.length, 4);
    assert.equal(listener.warnings.length, 2);
  });

  it('a second copy of the package: the first reports, and this is said once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'second-copy-'));
    try {
      cpSync(join(CHECKOUT, 'build/src'), join(folder, 'build/src'), { recursive: true });
      cpSync(join(CHECKOUT, 'package.json'), join(folder, 'package.json'));
      symlinkSync(join(CHECKOUT, 'node_modules'), join(folder, 'node_modules'));
      const copy = createRequire(join(folder, 'package.json'))('./build/src/index.js') as {
        TlsInstrumentation: typeof TlsInstrumentation;
      };
      assert.notEqual(copy.TlsInstrumentation, TlsInstrumentation);
      const listener = new Listener();
      diag.setLogger(listener, DiagLogLevel.WARN);
      const recorder = new TelemetryRecorder();
      const first = instrumented(() => new TlsInstrumentation());
      const second = instrumented(() => new copy.TlsInstrumentation());
      for (const one of [first, second]) one.setTracerProvider(recorder.tracerProvider);
      await handshakes();
      for (const one of [first, second]) one.flush();
      assert.equal(recorder.spans.length, 4);
      assert.equal(listener.warnings.filter(warning => /already enabled/.test(warning)).length, 1);
      // The place is free again when the first has gone.
      first.disable();
      second.enable();
      await handshakes();
      second.flush();
      assert.equal(recorder.spans.length, 8);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  describe('an error of the application that does not let itself be read', () => {
    /** Things that can be handed to `destroy()`. */
    const ERRORS: Readonly<Record<string, () => unknown>> = {
      'whose code throws': () => Object.defineProperty(new Error('closed'), 'code', { get: broken }),
      'whose message is no text': () => Object.assign(withStack(), { message: { toString: broken }, code: 17 }),
      'which throws when anybody but Node asks': () =>
        new Proxy(withStack(), { get: (error, name) => (name === 'stack' ? error.stack : broken()) }),
      'which is a word': () => 'closed',
      'which is a symbol': () => Symbol('closed'),
      'which is a function': () => Object.assign(() => {}, { toString: broken }),
      'which is an object of its own making': () => Object.create(null),
      'whose message is huge': () => new Error('x'.repeat(1_000_000)),
    };
    const recorder = new HandshakeRecorder();
    const reporter = new Reporter([recorder], () => true);
    const hook = new TlsSocketHook(reporter);
    before(() => hook.enable());
    after(() => hook.disable());

    for (const [what, make] of Object.entries(ERRORS)) {
      it(`${what}: is what the application hears of, and the handshake's end is told`, async () => {
        recorder.clear();
        const target = greeter({ cert: server.certificate, key: server.key });
        const error = make();
        const socket = tls.connect({ port: await listen(target), host: '127.0.0.1', servername: 'localhost', ca });
        const heard = new Promise<unknown[]>(resolve => socket.once('error', (...heard) => resolve(heard)));
        socket.once('connect', () => socket.destroy(error as Error));
        assert.equal((await heard)[0], error);
        await goneBy(socket);
        await close(target);
        reporter.drain();
        const [handshake, ...more] = recorder.handshakes.filter(({ side }) => side === 'client');
        assert.equal(more.length, 0);
        assert.equal(handshake?.outcome.kind, 'abandoned');
        assert.ok(JSON.stringify(handshake).length < 10_000);
      });
    }
  });
});
