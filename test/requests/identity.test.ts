import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { ClientRequest, IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { promisify } from 'node:util';
import { getActiveTlsPeer, getTlsPeer, TlsInstrumentation, type TlsPeer } from '../../src/index';
import { type Credentials, credentials, get, node, Scene } from '../support/request-scene';
import { close, goneBy, LOOPBACK, listen } from '../support/tls-pair';

describe('the peer of a request', () => {
  let known: Credentials;

  before(async () => {
    known = await credentials();
  });

  const asking = () => ({ ...known.server, ca: known.ca, requestCert: true, rejectUnauthorized: false });
  const alice = () => ({ ...known.alice, ca: known.ca, agent: false as const });

  /** One request, and what the server's handler makes of it. */
  async function served<Result>(
    handle: (request: IncomingMessage, response: ServerResponse) => Result,
  ): Promise<Result> {
    let result: Result | undefined;
    const answer: RequestListener = (request, response) => {
      result = handle(request, response);
      response.end();
    };
    const server = node.https.createServer(asking(), answer);
    const port = await listen(server);
    try {
      assert.equal(await get(port, alice()), 200);
    } finally {
      await close(server);
    }
    return result as Result;
  }

  describe('beside an SDK', () => {
    let scene: Scene;
    beforeEach(() => {
      scene = new Scene({});
    });
    afterEach(() => scene.close());

    it('is told with everything that is known, and cannot be changed', async () => {
      const peer = await served(request => getTlsPeer(request));
      const [handshake] = scene.handshakes('server');
      assert.ok(peer);
      const { certificate, handshakeSpan, ...rest } = peer;
      assert.deepEqual(rest, {
        source: 'handshake',
        verification: { result: 'ok', enforced: false, errors: [] },
        resumed: false,
        connectionId: handshake!.spanContext().spanId,
      });
      assert.equal(certificate?.fingerprint, known.fingerprints.alice);
      assert.equal(certificate?.spiffeId, 'spiffe://acme/alice');
      assert.equal(handshakeSpan?.traceId, handshake!.spanContext().traceId);
      for (const part of [peer, peer.verification, peer.verification.errors, peer.certificate, peer.handshakeSpan]) {
        assert.ok(Object.isFrozen(part));
      }
    });

    it('is the same for a request, its socket, its response, and what frameworks make of them', async () => {
      const peers = await served((request, response) =>
        [
          request,
          request.socket,
          response,
          { raw: request },
          { req: request },
          { env: { incoming: request } },
          Object.create(request),
          new Proxy(request, {}),
        ].map(getTlsPeer),
      );
      for (const peer of peers) assert.equal(peer, peers[0]);
      assert.equal(peers[0]?.certificate?.subject, 'CN=alice');
    });

    it('is told of the server that a request of ours goes to', async () => {
      const server = node.https.createServer(asking(), (_request, response) => void response.end());
      const port = await scene.listen(server);
      const request: ClientRequest = node.https.get({ host: LOOPBACK, port, servername: 'localhost', ...alice() });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      for (const subject of [request, response, response.socket]) {
        assert.equal(getTlsPeer(subject)?.certificate?.subject, 'CN=localhost');
      }
      response.resume();
      await once(response, 'close');
    });

    it('is unknown while the handshake is under way, and when it has failed', async () => {
      const server = tls.createServer({ ...known.server, ca: known.ca, requestCert: true }, socket => socket.end());
      const port = await scene.listen(server);
      const socket = tls.connect({ host: LOOPBACK, port, servername: 'localhost', ca: known.mallory.cert });
      socket.on('error', () => {});
      assert.equal(getTlsPeer(socket), undefined);
      await once(socket, 'connect');
      assert.equal(getTlsPeer(socket), undefined);
      await goneBy(socket);
      assert.equal(getTlsPeer(socket), undefined);
    });

    it('is still known when the connection is gone, to who asked for none before', async () => {
      let socket: tls.TLSSocket | undefined;
      await served(request => {
        socket = request.socket as tls.TLSSocket;
      });
      await goneBy(socket!);
      assert.equal(getTlsPeer(socket)?.certificate?.subject, 'CN=alice');
    });
  });

  describe('without an SDK', () => {
    let instrumentation: TlsInstrumentation;
    beforeEach(() => {
      instrumentation = new TlsInstrumentation();
    });
    afterEach(() => instrumentation.disable());

    it('is read when somebody asks', async () => {
      const [peer, again] = await served(request => [getTlsPeer(request), getTlsPeer(request.socket)]);
      assert.equal(peer?.certificate?.subject, 'CN=alice');
      assert.deepEqual(peer?.verification, { result: 'ok', enforced: false, errors: [] });
      assert.equal(peer?.connectionId, undefined);
      assert.equal(peer?.handshakeSpan, undefined);
      assert.equal(again, peer);
    });

    it('tells what did not verify', async () => {
      const server = node.https.createServer(asking(), (request, response) => {
        response.end(JSON.stringify(getTlsPeer(request)?.verification));
      });
      const port = await listen(server);
      const request = node.https.get({
        host: LOOPBACK,
        port,
        servername: 'localhost',
        ...known.mallory,
        ca: known.ca,
        agent: false,
      });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      let body = '';
      for await (const chunk of response) body += chunk;
      await close(server);
      const { result, errors } = JSON.parse(body);
      assert.deepEqual({ result, errors }, { result: 'failed', errors: ['unknown_ca'] });
    });

    it('leaves a client its certificate, which some reads take away', async () => {
      const server = node.https.createServer(asking(), (_request, response) => void response.end());
      const port = await listen(server);
      const request = node.https.get({ host: LOOPBACK, port, servername: 'localhost', ...alice() });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      assert.equal(getTlsPeer(response)?.certificate?.subject, 'CN=localhost');
      const socket = response.socket as tls.TLSSocket;
      assert.equal(socket.getPeerX509Certificate()?.subject, 'CN=localhost');
      response.resume();
      await close(server);
    });

    it('is known of the request that is being handled, before and after waiting', async () => {
      const peers = await served(async request => {
        const before = getActiveTlsPeer();
        await new Promise(resolve => setImmediate(resolve));
        return [before, getActiveTlsPeer(), getTlsPeer(request)];
      });
      assert.equal(getActiveTlsPeer(), undefined);
      const all = await peers;
      for (const peer of all) assert.equal(peer?.certificate?.subject, 'CN=alice');
    });
  });

  it('is unknown without an instrumentation, over plain HTTP, and of what is no request', async () => {
    assert.equal(await served(request => getTlsPeer(request)), undefined);
    const instrumentation = new TlsInstrumentation();
    const hostile = new Proxy(
      {},
      {
        get() {
          throw new Error('hands off');
        },
        has() {
          throw new Error('hands off');
        },
      },
    );
    const odd = [
      undefined,
      null,
      1,
      'a',
      Symbol('s'),
      {},
      [],
      Object.create(null),
      { socket: 7 },
      { session: {} },
      hostile,
    ];
    odd.push({ socket: Object.create(null) }, () => {}, new tls.TLSSocket(undefined as never), { rawHeaders: [] });
    for (const subject of odd) assert.equal(getTlsPeer(subject), undefined);
    const plain = node.http.createServer((request, response) => {
      response.end(String(getTlsPeer(request) ?? getActiveTlsPeer()));
    });
    const port = await listen(plain);
    assert.equal(await (await fetch(`http://${LOOPBACK}:${port}/`)).text(), 'undefined');
    plain.closeAllConnections();
    await close(plain);
    instrumentation.disable();
  });

  it('is known to another copy of this package, although that is not enabled', async () => {
    const index = require.resolve('../../src/index');
    const ours = Object.keys(require.cache).filter(path => path.startsWith(join(index, '..')));
    const kept = ours.map(path => [path, require.cache[path]] as const);
    for (const [path] of kept) delete require.cache[path];
    const copy = require('../../src/index') as typeof import('../../src/index.js');
    for (const [path, module] of kept) require.cache[path] = module;
    assert.notEqual(copy.getTlsPeer, getTlsPeer);
    const instrumentation = new TlsInstrumentation();
    const peers: (TlsPeer | undefined)[] = await served(request => [copy.getTlsPeer(request), copy.getActiveTlsPeer()]);
    instrumentation.disable();
    for (const peer of peers) assert.equal(peer?.certificate?.subject, 'CN=alice');
  });

  it('costs a process no asynchronous context as long as nobody wants it', async () => {
    const program = `
      const { AsyncLocalStorage } = require('node:async_hooks');
      const { run } = AsyncLocalStorage.prototype;
      let runs = 0;
      AsyncLocalStorage.prototype.run = function (...args) { runs++; return Reflect.apply(run, this, args); };
      const tls = require(${JSON.stringify(require.resolve('../../src/index'))});
      const instrumentation = new tls.TlsInstrumentation();
      const https = require('node:https');
      const known = JSON.parse(process.env.KNOWN);
      const server = https.createServer({ ...known.server, ca: known.ca, requestCert: true }, (request, response) => {
        response.end(tls.getTlsPeer(request)?.certificate.subject);
      });
      const ask = () => new Promise(resolve => {
        https.get({ port: server.address().port, host: '127.0.0.1', servername: 'localhost', ca: known.ca, ...known.alice, agent: false },
          response => response.setEncoding('utf8').on('data', resolve));
      });
      server.listen(0, '127.0.0.1', async () => {
        const subject = await ask();
        const unwanted = runs;
        const { getActiveTlsPeer } = tls;
        await ask();
        server.close();
        console.log(JSON.stringify({ subject, unwanted, wanted: runs > unwanted }));
      });`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], {
      env: { ...process.env, KNOWN: JSON.stringify({ ...known, authority: undefined }) },
      timeout: 15_000,
    });
    assert.deepEqual(JSON.parse(stdout), { subject: 'CN=alice', unwanted: 0, wanted: true });
  });
});
