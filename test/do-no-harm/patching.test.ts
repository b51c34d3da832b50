import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { TlsSocketHook } from '../../src/hooks/tls-socket-hook';
import { Reporter } from '../../src/reporter';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { HandshakeRecorder } from '../support/handshake-recorder';
import { close, goneBy, greeter, listen, tlsPair } from '../support/tls-pair';

// biome-ignore lint/suspicious/noExplicitAny: any method of any prototype
type Method = (this: any, ...args: any[]) => unknown;
type Methods = Record<string, Method>;

const PROTOTYPE = tls.TLSSocket.prototype as unknown as Methods;
const PATCHED = ['_init', '_start', '_finishInit', '_emitTLSError', 'destroy', 'end'];

/** Own keys in their order, with everything that a property descriptor says. */
function shapeOf(target: object): Array<[PropertyKey, PropertyDescriptor]> {
  return Reflect.ownKeys(target).map(key => [key, Object.getOwnPropertyDescriptor(target, key)!]);
}

/** Another instrumentation, which wraps a method and counts the calls it sees. */
class Wrapper {
  calls = 0;
  readonly #name: string;
  #before: PropertyDescriptor | undefined;
  #wrapped: Method | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  wrap(): void {
    const self = this;
    const original = PROTOTYPE[this.#name]!;
    this.#before = Object.getOwnPropertyDescriptor(PROTOTYPE, this.#name);
    const wrapped: Method = function (...args) {
      self.calls++;
      return Reflect.apply(original, this, args);
    };
    this.#wrapped = wrapped;
    PROTOTYPE[this.#name] = wrapped;
  }

  /** Only while nobody is on top of it: as shimmer does. */
  unwrap(): void {
    if (PROTOTYPE[this.#name] === this.#wrapped) this.restore();
  }

  /** Whoever has come in between is thrown out. */
  restore(): void {
    if (this.#before) Object.defineProperty(PROTOTYPE, this.#name, this.#before);
    else delete PROTOTYPE[this.#name];
  }
}

describe('the patch of TLSSocket.prototype', () => {
  const untouched = shapeOf(PROTOTYPE);
  const recorder = new HandshakeRecorder();
  const reporter = new Reporter([recorder], () => true);
  let hook: TlsSocketHook;
  let server: IssuedCertificate;
  let ca: string;

  before(async () => {
    const authority = await CertificateAuthority.create();
    server = await authority.issue({ usage: 'server' });
    ca = authority.certificate;
  });
  beforeEach(() => {
    hook = new TlsSocketHook(reporter);
  });
  afterEach(() => {
    hook.disable();
    recorder.clear();
    assert.deepEqual(shapeOf(PROTOTYPE), untouched);
  });

  /** One handshake; answers how many of its two ends were reported. */
  async function reportedEnds(): Promise<number> {
    recorder.clear();
    const pair = await tlsPair({
      server: { cert: server.certificate, key: server.key },
      client: { ca },
    });
    assert.deepEqual(pair, { server: { secured: true }, client: { secured: true } });
    reporter.drain();
    return recorder.handshakes.length;
  }

  it('is gone when disabled: own keys, their order, values and attributes', async () => {
    hook.enable();
    assert.equal(await reportedEnds(), 2);
    hook.disable();
    assert.deepEqual(shapeOf(PROTOTYPE), untouched);
    assert.equal(await reportedEnds(), 0);
  });

  it('looks like what it replaces: names, lengths, and what a loop over a socket finds', () => {
    const told = () => PATCHED.map(name => [name, PROTOTYPE[name]!.name, PROTOTYPE[name]!.length]);
    const found = () => {
      const names: string[] = [];
      for (const name in PROTOTYPE) names.push(name);
      return names.sort();
    };
    const [toldBefore, foundBefore] = [told(), found()];
    hook.enable();
    assert.deepEqual(told(), toldBefore);
    assert.deepEqual(found(), foundBefore);
  });

  it('is made once when enabled twice, and is gone when disabled twice', async () => {
    hook.enable();
    const once = shapeOf(PROTOTYPE);
    hook.enable();
    assert.deepEqual(shapeOf(PROTOTYPE), once);
    assert.equal(await reportedEnds(), 2);
    hook.disable();
    hook.disable();
    assert.equal(await reportedEnds(), 0);
    hook.enable();
    assert.equal(await reportedEnds(), 2);
  });

  it('is undone where a part of it cannot be made', () => {
    const frozen = Object.create(PROTOTYPE, { end: { value: PROTOTYPE['end'], configurable: false } }) as Methods;
    const before = shapeOf(frozen);
    assert.throws(() => new TlsSocketHook(reporter, frozen).enable(), TypeError);
    assert.deepEqual(shapeOf(frozen), before);
  });

  for (const name of PATCHED) {
    it(`stacks with another patch of ${name}, in whatever order they come and go`, async () => {
      const own = Object.getOwnPropertyDescriptor(PROTOTYPE, name)?.value;
      for (const steps of [
        ['wrap', 'enable', 'disable', 'unwrap'],
        ['wrap', 'enable', 'unwrap', 'disable'],
        ['enable', 'wrap', 'unwrap', 'disable'],
        ['enable', 'wrap', 'disable', 'unwrap'],
        ['wrap', 'enable', 'restore', 'disable'],
        ['enable', 'wrap', 'disable', 'enable', 'disable', 'unwrap'],
      ]) {
        const wrapper = new Wrapper(name);
        const theHook = new TlsSocketHook(reporter);
        const heard = new Set<string>();
        for (const step of steps) {
          if (step === 'enable' || step === 'disable') theHook[step]();
          else wrapper[step as 'wrap' | 'unwrap' | 'restore']();
          const calls = wrapper.calls;
          const reported = await reportedEnds();
          if (reported > 0) heard.add('reported');
          if (wrapper.calls > calls) heard.add('wrapped');
          // Thrown out of one method, or disabled: a handshake that is not over for us is never reported twice.
          assert.ok(reported <= 2, `${steps}: ${step}`);
          if (step === 'disable') assert.equal(reported, 0, `${steps}: ${step}`);
          if (step === 'enable') assert.equal(reported, 2, `${steps}: ${step}`);
          if (step === 'wrap') assert.ok(wrapper.calls > calls || name === '_emitTLSError', `${steps}: ${step}`);
        }
        assert.ok(heard.has('reported'), String(steps));
        // What is left is either Node's own, or passes everything through to it.
        if (own) Object.defineProperty(PROTOTYPE, name, untouched.find(([key]) => key === name)![1]);
        else delete PROTOTYPE[name];
        assert.equal(await reportedEnds(), 0);
      }
    });
  }

  it('lets a later patch of net.Socket.prototype.destroy take part', async () => {
    const SOCKET = net.Socket.prototype as unknown as Methods;
    const original = Object.getOwnPropertyDescriptor(SOCKET, 'destroy');
    const inherited = SOCKET['destroy']!;
    hook.enable();
    let seen = 0;
    SOCKET['destroy'] = function (...args) {
      if (this instanceof tls.TLSSocket) seen++;
      return Reflect.apply(inherited, this, args);
    };
    try {
      assert.equal(await reportedEnds(), 2);
      assert.ok(seen >= 2);
    } finally {
      if (original) Object.defineProperty(SOCKET, 'destroy', original);
      else delete SOCKET['destroy'];
    }
  });

  describe('with a handshake under way', () => {
    /** A TCP connection to a TLS server, on which TLS has not begun. */
    async function withConnection(
      test: (begin: () => tls.TLSSocket, plain: net.Socket) => Promise<void>,
    ): Promise<void> {
      const target = greeter({ cert: server.certificate, key: server.key });
      const port = await listen(target);
      const plain = net.connect(port, '127.0.0.1');
      await Promise.all([once(plain, 'connect'), once(target, 'connection')]);
      try {
        await test(() => tls.connect({ socket: plain, servername: 'localhost', ca }).resume(), plain);
      } finally {
        plain.destroy();
        await close(target);
      }
      reporter.drain();
    }

    it('tells nothing of it once disabled, neither a beginning nor an end', async () => {
      hook.enable();
      await withConnection(async begin => {
        hook.disable();
        const socket = begin();
        await goneBy(socket);
      });
      assert.deepEqual(recorder.begunBySide, { client: 0, server: 0 });
      assert.equal(recorder.handshakes.length, 0);
    });

    it('tells only of the end that was born after it was enabled', async () => {
      await withConnection(async begin => {
        hook.enable();
        await goneBy(begin());
      });
      assert.deepEqual(
        recorder.handshakes.map(({ side }) => side),
        ['client'],
      );
    });

    it('tells nothing when the application disables it in its own listener', async () => {
      hook.enable();
      await withConnection(async begin => {
        const socket = begin();
        socket.once('secure', () => hook.disable());
        await goneBy(socket);
      });
      assert.equal(recorder.handshakes.filter(({ side }) => side === 'client').length, 0);
    });

    it('tells of a beginning for every end, of a connection too on which nothing was ever said', async () => {
      hook.enable();
      const ended: string[] = [];
      const counting = new TlsSocketHook(
        new Reporter(
          [{ report: () => {}, begun: side => ended.push(`+${side}`), over: side => ended.push(`-${side}`) }],
          () => true,
        ),
      );
      counting.enable();
      const target = tls.createServer({ cert: server.certificate, key: server.key, handshakeTimeout: 20 });
      const port = await listen(target);
      const plain = net.connect(port, '127.0.0.1');
      await once(target, 'tlsClientError');
      plain.destroy();
      await close(target);
      counting.disable();
      assert.deepEqual(ended, ['+server', '-server']);
    });
  });
});
