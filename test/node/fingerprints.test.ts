import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import * as tls from 'node:tls';
import { calculateJa3, calculateJa4, readTlsClientHello } from 'read-tls-client-hello';
import type { Handshake } from '../../src/handshake/handshake';
import { ClientHelloTap } from '../../src/hooks/client-hello-tap';
import { TlsSocketHook } from '../../src/hooks/tls-socket-hook';
import { Reporter } from '../../src/reporter';
import { curl, LEGACY, opensslClient } from '../support/external-peer';
import { HandshakeRecorder } from '../support/handshake-recorder';
import { recordClientHello, relaying, sendAndFinish, sendAndStay, WORDS } from '../support/raw-peer';
import { type ScenarioCertificates, scenarioCertificates } from '../support/scenario-certificates';
import { close, goneBy, greeter, listen, LOOPBACK, visit } from '../support/tls-pair';

describe('the fingerprint of a client', () => {
  const recorder = new HandshakeRecorder();
  const reporter = new Reporter([recorder], () => true);
  const tap = ClientHelloTap.open();
  const hook = new TlsSocketHook(reporter, undefined, tap);
  let certificates: ScenarioCertificates;
  let own: tls.TlsOptions;

  before(async () => {
    certificates = await scenarioCertificates();
    const { key, chain } = certificates.server.good;
    own = { key, cert: chain, ca: certificates.root.certificate };
    hook.enable();
  });
  beforeEach(() => {
    reporter.drain();
    recorder.clear();
  });
  after(() => hook.disable());

  it('can be taken on this Node', () => {
    assert.ok(tap);
  });

  /** What the server's side of one handshake was, and what it ought to be, by the bytes that went over the wire. */
  async function meet(server: net.Server, come: (port: number) => Promise<unknown>) {
    const port = await listen(server);
    const sent: Buffer[] = [];
    const relay = relaying(port, (bytes, chunk) => {
      if (chunk === 1) sent.push(Buffer.from(bytes));
    });
    await come(await listen(relay));
    const handshake = await recorder.next(({ side }) => side === 'server');
    await Promise.all([close(relay), close(server)]);
    const hello = await readTlsClientHello(Readable.from([Buffer.concat(sent)], { objectMode: false }));
    return { handshake, ja3: calculateJa3(hello), ja4: calculateJa4(hello) };
  }

  const CLIENTS: Record<string, (port: number) => Promise<unknown>> = {
    'Node, TLS 1.3': port => visit({ port, ca: own.ca, ALPNProtocols: ['h2', 'http/1.1'] }),
    'Node, TLS 1.2': port => visit({ port, ca: own.ca, maxVersion: 'TLSv1.2' }),
    'openssl s_client': async port => {
      const client = opensslClient(port);
      await client.says(/Verif/);
      client.hangUp();
      await client.finished;
    },
    curl: port => curl(port, ['-k', '--http0.9']).finished,
  };

  for (const [name, come] of Object.entries(CLIENTS)) {
    it(`is that of ${name}`, async () => {
      const { handshake, ja3, ja4 } = await meet(greeter(own), come);
      assert.equal(handshake.outcome.kind, 'established');
      assert.deepEqual([handshake.clientHello?.ja3, handshake.clientHello?.ja4], [ja3, ja4]);
      assert.match(ja4, /^t1[23]d\d{4}/);
    });
  }

  describe('is known when the client is refused', () => {
    const refusals: Record<string, [reason: string, server: tls.TlsOptions, come: (port: number) => Promise<unknown>]> =
      {
        'for want of a common cipher': [
          'no_shared_cipher',
          { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES256-GCM-SHA384' },
          port => visit({ port, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }),
        ],
        'for want of a common version': [
          'protocol_version',
          { minVersion: 'TLSv1.3' },
          port => opensslClient(port, ['-tls1_1', ...LEGACY]).finished,
        ],
        'for a certificate that has expired': [
          'certificate_expired',
          { requestCert: true, rejectUnauthorized: true },
          port => {
            const { key, chain } = certificates.client.expired;
            return visit({ port, ca: own.ca, key, cert: chain });
          },
        ],
        'for want of a certificate': [
          'certificate_required',
          { requestCert: true, rejectUnauthorized: true, maxVersion: 'TLSv1.2' },
          port => visit({ port, ca: own.ca }),
        ],
      };
    for (const [name, [reason, options, come]] of Object.entries(refusals)) {
      it(name, async () => {
        const { handshake, ja3, ja4 } = await meet(greeter({ ...own, ...options }), come);
        assert.equal(handshake.outcome.kind === 'failed' && handshake.outcome.failure.reason, reason);
        assert.deepEqual([handshake.clientHello?.ja3, handshake.clientHello?.ja4], [ja3, ja4]);
        assert.ok((handshake.clientHello?.cipherSuites?.length ?? 0) > 0);
        assert.ok((handshake.clientHello?.versions?.length ?? 0) > 0);
      });
    }

    it('for leaving after its first message, sent in pieces', async () => {
      const server = greeter(own);
      const port = await listen(server);
      const hello = await recordClientHello();
      const raw = net.connect(port, LOOPBACK).setNoDelay(true);
      raw.on('error', () => {}).resume();
      await once(raw, 'connect');
      for (let at = 0; at < hello.length; at += 50) {
        raw.write(hello.subarray(at, at + 50));
        // What is read apart stays apart: the server shares this event loop.
        await new Promise(resolve => setImmediate(() => setImmediate(resolve)));
      }
      raw.end();
      await goneBy(raw);
      const { clientHello } = await recorder.next(({ side }) => side === 'server');
      await close(server);
      const expected = await readTlsClientHello(Readable.from([hello], { objectMode: false }));
      assert.equal(clientHello?.ja4, calculateJa4(expected));
    });
  });

  it('is that of a session’s second handshake too', async () => {
    const server = greeter({ ...own, maxVersion: 'TLSv1.2' });
    const port = await listen(server);
    let session: Buffer | undefined;
    const come = (more: tls.ConnectionOptions = {}) =>
      visit({ port, ca: own.ca, ...more }, socket => socket.on('session', ticket => (session = ticket)));
    await come();
    await come({ session: session! });
    const resumed = await recorder.next(({ side, resumed }) => side === 'server' && resumed === true);
    await close(server);
    assert.match(resumed.clientHello?.ja4 ?? '', /^t13d/);
  });

  const SERVERS: Record<string, () => net.Server> = {
    https: () => https.createServer(own, (_request, response) => response.end()),
    http2: () => http2.createSecureServer({ ...own, allowHTTP1: true }, (_request, response) => response.end()),
  };
  for (const [name, make] of Object.entries(SERVERS)) {
    it(`is known on a server of ${name}`, async () => {
      const { handshake, ja4 } = await meet(make(), port => curl(port, ['-k']).finished);
      assert.equal(handshake.clientHello?.ja4, ja4);
    });
  }

  it('is known over a Unix socket', async () => {
    if (process.platform === 'win32') return;
    const server = greeter(own);
    const path = join(tmpdir(), `fingerprints-${process.pid}.sock`);
    await new Promise<void>(resolve => server.listen(path, resolve));
    const client = tls.connect({ path, ca: own.ca, servername: 'localhost' });
    client.on('error', () => {}).resume();
    await goneBy(client);
    const { clientHello } = await recorder.next(({ side }) => side === 'server');
    await close(server);
    assert.match(clientHello?.ja4 ?? '', /^t13d/);
  });

  for (const when of ['before TLS begins', 'after'] as const) {
    it(`is known where the application began without TLS, and the client speaks ${when}`, async () => {
      const server = net.createServer(plain => {
        const begin = () => {
          const secure = new tls.TLSSocket(plain, { ...own, isServer: true });
          secure.on('error', () => {});
          secure.on('secure', () => secure.end('hello'));
          secure.resume();
        };
        if (when === 'after') begin();
        // Read into the socket's own buffer, from which Node hands it over.
        else plain.once('readable', begin);
      });
      const { handshake, ja4 } = await meet(server, port => visit({ port, ca: own.ca }));
      assert.equal(handshake.clientHello?.ja4, ja4);
    });
  }

  describe('is not taken, and nothing is changed for it,', () => {
    const strangers: Record<string, Uint8Array> = {
      'of a client of HTTP': WORDS.plainHttp,
      'of noise': WORDS.noise,
      'of half a message': Buffer.from('16030100c8010000c40303', 'hex'),
      'of the old SSL': WORDS.sslv2Hello,
      'of nothing': Buffer.alloc(0),
    };
    for (const [name, bytes] of Object.entries(strangers)) {
      it(name, async () => {
        const server = greeter(own);
        const port = await listen(server);
        await sendAndFinish(port, bytes);
        const handshake: Handshake = await recorder.next();
        await close(server);
        assert.notEqual(handshake.outcome.kind, 'established');
        assert.equal(handshake.clientHello, undefined);
      });
    }

    it('of a message of more than 16 KiB, which OpenSSL takes', async () => {
      const ALPNProtocols = Array.from({ length: 600 }, (_, i) => String(i).padStart(30, 'x'));
      const server = greeter(own);
      const port = await listen(server);
      const end = await visit({ port, ca: own.ca, ALPNProtocols });
      const { clientHello, outcome } = await recorder.next(({ side }) => side === 'server');
      await close(server);
      assert.deepEqual([end.secured, outcome.kind, clientHello], [true, 'established', undefined]);
    });
  });

  it('is not waited for beyond the server’s own patience', async () => {
    const server = greeter({ ...own, handshakeTimeout: 30 });
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    const port = await listen(server);
    await sendAndStay(port, (await recordClientHello()).subarray(0, 60));
    const { clientHello, outcome } = await recorder.next(({ side }) => side === 'server');
    await close(server);
    assert.equal(outcome.kind === 'failed' && outcome.failure.reason, 'handshake_timeout');
    assert.equal(clientHello, undefined);
  });

  it('is taken of the next one, when hundreds have come together and left without a word', async () => {
    const server = greeter(own);
    const port = await listen(server);
    let come = 0;
    const allCome = new Promise<void>(resolve => server.on('connection', () => ++come === 200 && resolve()));
    const silent = Array.from({ length: 200 }, () => net.connect(port, LOOPBACK));
    for (const one of silent) one.on('error', () => {}).resume();
    await allCome;
    for (const one of silent) one.end();
    await Promise.all(silent.map(goneBy));
    await visit({ port, ca: own.ca });
    const { clientHello } = await recorder.next(
      ({ side, outcome }) => side === 'server' && outcome.kind === 'established',
    );
    await close(server);
    assert.match(clientHello?.ja4 ?? '', /^t13d/);
  });

  it('is waited for of so many at a time, and of the next when one of them has spoken', async () => {
    hook.disable();
    const ofOne = new TlsSocketHook(reporter, undefined, ClientHelloTap.open(1));
    ofOne.enable();
    const server = greeter(own);
    const port = await listen(server);
    try {
      const accepted = once(server, 'connection');
      const silent = net.connect(port, LOOPBACK);
      silent.on('error', () => {}).resume();
      await accepted;
      await visit({ port, ca: own.ca, ALPNProtocols: ['second'] });
      silent.end();
      await goneBy(silent);
      await visit({ port, ca: own.ca, ALPNProtocols: ['third'] });
      reporter.drain();
      const known = recorder.handshakes
        .filter(({ side, outcome }) => side === 'server' && outcome.kind === 'established')
        .map(({ clientHello }) => clientHello?.ja4?.slice(8, 10));
      assert.deepEqual(known, [undefined, 'td']);
    } finally {
      await close(server);
      ofOne.disable();
      hook.enable();
    }
  });

  it('is let go of when it is not wanted any more, and the handshake goes on', async () => {
    const server = greeter(own);
    const port = await listen(server);
    const accepted = once(server, 'connection');
    const raw = net.connect(port, LOOPBACK);
    await accepted;
    hook.disable();
    const client = tls.connect({ socket: raw, ca: own.ca, servername: 'localhost' });
    client.resume();
    await once(client, 'secureConnect');
    await goneBy(client);
    await close(server);
    hook.enable();
  });
});

describe('without the option fingerprints', () => {
  it('neither the tap nor the library is loaded', () => {
    const program = (options: string) => `
      const { TlsInstrumentation } = require(${JSON.stringify(join(__dirname, '../../src/index.js'))});
      new TlsInstrumentation(${options});
      console.log(Object.keys(require.cache).filter(path => /client-hello-tap|read-tls-client-hello/.test(path)).length);`;
    const loaded = (options: string) =>
      execFileSync(process.execPath, ['-e', program(options)], { encoding: 'utf8' }).trim();
    assert.equal(loaded(''), '0');
    assert.equal(loaded('{ fingerprints: false }'), '0');
    assert.equal(loaded('{ fingerprints: true }'), '1');
  });
});
