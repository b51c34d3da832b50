import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type * as https from 'node:https';
import { SpanKind } from '@opentelemetry/api';
import { TlsInstrumentation } from '../../src/index';
import { type Credentials, credentials, get, node, ORDERS, Scene, type SceneOptions } from '../support/request-scene';
import { close, listen } from '../support/tls-pair';

const net = require('node:net') as typeof import('node:net');
const PROTOTYPES: readonly object[] = [
  EventEmitter.prototype,
  net.Server.prototype,
  node.http.Server.prototype,
  node.https.Server.prototype,
  node.http.ClientRequest.prototype,
];
const shapes = () =>
  PROTOTYPES.map(prototype =>
    Reflect.ownKeys(prototype).map(key => [key, Object.getOwnPropertyDescriptor(prototype, key)] as const),
  );

describe('an application whose requests are watched', () => {
  let known: Credentials;
  let scene: Scene | undefined;

  before(async () => {
    known = await credentials();
  });
  afterEach(async () => {
    await scene?.close();
    scene = undefined;
  });

  const asking = () => ({ ...known.server, ca: known.ca, requestCert: true, rejectUnauthorized: false });
  const alice = () => ({ ...known.alice, ca: known.ca, agent: false as const });

  /** None of ours, ours alone, or beside instrumentation-http in either order. */
  const SET_UPS: Readonly<Record<string, SceneOptions | undefined>> = {
    'ours alone': { theirs: [] },
    ...Object.fromEntries(ORDERS.map(order => [order, { order }])),
  };

  /** What an application can see of its server while a request is handled. */
  async function seen(prepare: (server: https.Server, note: (line: string) => void) => void): Promise<string[]> {
    const lines: string[] = [];
    const server = node.https.createServer(asking());
    prepare(server, line => lines.push(line));
    const port = await listen(server);
    await get(port, alice());
    server.closeAllConnections();
    await close(server);
    return lines;
  }

  const APPLICATIONS: Readonly<Record<string, (server: https.Server, note: (line: string) => void) => void>> = {
    'counts its listeners': (server, note) => {
      const look = () => `${server.listenerCount('request')} ${server.listeners('request').map(f => f.name)}`;
      note(look());
      server.on('request', function first() {
        note(`first ${look()}`);
      });
      server.on('request', function second(_request, response) {
        note(`second ${look()}`);
        response.end();
      });
      note(look());
    },
    'is told of new listeners': (server, note) => {
      server.on('newListener', (event: string) => note(`+${event}`));
      server.on('removeListener', (event: string) => note(`-${event}`));
      server.once('request', (_request, response: ServerResponse) => {
        note(`once ${server.listenerCount('request')}`);
        response.end();
      });
    },
    'removes and adds listeners while it handles': (server, note) => {
      const last: RequestListener = (_request, response) => {
        note(`last ${server.listenerCount('request')}`);
        response.end();
      };
      server.on('request', function gone() {
        server.removeListener('request', gone);
        server.on('request', last);
        note(`gone ${server.listenerCount('request')}`);
      });
      server.on('request', (_request, response) => {
        note('stays');
        response.end();
      });
    },
    'has as many listeners as are allowed': (server, note) => {
      server.setMaxListeners(2);
      server.on('request', () => note('one'));
      server.on('request', (_request, response) => void response.end());
      process.once('warning', warning => note(`warned ${warning.name}`));
      server.on('close', () => process.removeAllListeners('warning'));
    },
    'hands a request on to another server': (server, note) => {
      const other = node.http.createServer((request, response) => {
        note(`other ${request.url}`);
        response.end();
      });
      server.on('request', (request, response) => {
        note(`first ${other.emit('request', request, response)} ${server.listenerCount('request')}`);
      });
    },
    'emits by itself, within itself': (server, note) => {
      let depth = 0;
      server.on('request', (request, response) => {
        note(`depth ${depth} ${server.listenerCount('request')}`);
        if (depth++ < 3) note(`emitted ${server.emit('request', request, response)}`);
        else response.end();
      });
    },
    'has nobody for an event': (server, note) => {
      note(String(server.emit('request')));
      note(String(server.emit('stream', {})));
      note(String(server.emit('upgrade', { rawHeaders: [] })));
      server.on('request', (_request, response: ServerResponse | undefined) => {
        note(`request ${response === undefined}`);
        response?.end();
      });
      note(String(server.emit('request', { socket: null })));
    },
    'expects to be asked before a body comes': (server, note) => {
      server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
        note('checkContinue');
        server.emit('request', request, response);
      });
      server.on('request', (_request, response) => void response.end());
    },
  };

  for (const [name, prepare] of Object.entries(APPLICATIONS)) {
    for (const [manner, options] of Object.entries(SET_UPS)) {
      // instrumentation-http itself cannot bear such events.
      if (name === 'has nobody for an event' && manner !== 'ours alone') continue;
      it(`${name}: sees what it would without us, ${manner}`, async () => {
        const bare = await seen(prepare);
        assert.ok(bare.length > 0 || name.includes('expects') || name.includes('allowed'));
        scene = new Scene(options!);
        assert.deepEqual(await seen(prepare), bare);
      });
    }
  }

  for (const [manner, options] of Object.entries(SET_UPS)) {
    it(`throws in its handler what it throws, ${manner}`, () => {
      scene = new Scene(options!);
      const server = node.https.createServer(asking());
      const thrown = new Error('of its own');
      server.on('request', () => {
        throw thrown;
      });
      const request = Object.assign(new EventEmitter(), {
        socket: {},
        headers: {},
        rawHeaders: [],
        method: 'GET',
        url: '/',
      });
      const response = new EventEmitter();
      for (const event of ['request', 'upgrade', 'checkContinue']) {
        server.on(event, () => {
          throw thrown;
        });
        assert.throws(
          () => server.emit(event, request, response),
          error => error === thrown,
        );
        assert.equal(server.listenerCount(event), event === 'request' ? 2 : 1);
      }
    });
  }

  it('has Node’s own methods back when it is disabled, to the last property', async () => {
    const untouched = shapes();
    const instrumentation = new TlsInstrumentation();
    const names = PROTOTYPES.map(prototype => {
      const one = prototype as { emit?: EventEmitter['emit']; onSocket?: () => void };
      return [one.emit?.name, one.emit?.length, one.onSocket?.name, one.onSocket?.length];
    });
    assert.notDeepEqual(shapes(), untouched);
    instrumentation.disable();
    assert.deepEqual(shapes(), untouched);
    assert.deepEqual(
      PROTOTYPES.map(prototype => {
        const one = prototype as { emit?: EventEmitter['emit']; onSocket?: () => void };
        return [one.emit?.name, one.emit?.length, one.onSocket?.name, one.onSocket?.length];
      }),
      names,
    );
  });

  it('is decorated once, however often we are enabled', async () => {
    scene = new Scene({ order: 'theirs first' });
    const second = new TlsInstrumentation();
    scene.instrumentation.disable();
    scene.instrumentation.enable();
    assert.equal(second.isRunning, false);
    const port = await scene.listen(node.https.createServer(asking(), (_request, response) => void response.end()));
    await get(port, alice());
    for (const kind of [SpanKind.SERVER, SpanKind.CLIENT]) {
      const [span] = await scene.spans(kind, 1);
      assert.equal(span!.links.length, 1);
    }
  });

  it('runs on when its own hooks throw, and is told once', async () => {
    const { diag, DiagLogLevel } = await import('@opentelemetry/api');
    const told: string[] = [];
    const note = (line: string) => void told.push(line);
    diag.setLogger(
      { error: note, warn: note, info: () => {}, debug: () => {}, verbose: () => {} },
      { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
    );
    try {
      const hook = () => {
        throw new Error('no\nsuch user');
      };
      scene = new Scene({ config: { userId: hook, requestHook: hook } });
      const port = await scene.listen(node.https.createServer(asking(), (_request, response) => void response.end()));
      for (let i = 0; i < 3; i++) assert.equal(await get(port, alice()), 200);
      const [span] = await scene.spans(SpanKind.SERVER, 3);
      assert.equal(span!.attributes['tls.client.subject'], 'CN=alice');
      assert.deepEqual(
        told
          .filter(line => line.includes('threw'))
          .map(line => line.replace(/^[^:]*: /, ''))
          .sort(),
        ['requestHook', 'userId'].map(name => `the option ${name} threw, and is not told again: no\\0Asuch user`),
      );
    } finally {
      diag.disable();
    }
  });

  it('may have an instrumentation of http that is made after ours', async () => {
    // In a process of its own: whoever asks for a module first decides who sees it.
    const { execFileSync } = await import('node:child_process');
    const program = `
      const { TlsInstrumentation } = require(${JSON.stringify(require.resolve('../../src/index'))});
      const { DnsInstrumentation } = require('@opentelemetry/instrumentation-dns');
      new DnsInstrumentation();
      new TlsInstrumentation();
      const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');
      new HttpInstrumentation();
      const https = require('https');
      console.log(Object.hasOwn(https.Server.prototype, 'emit'), https.get.name !== 'get');`;
    assert.equal(execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' }).trim(), 'true true');
  });

  it('keeps a request’s own errors, beside one that is answered', async () => {
    scene = new Scene({});
    const server = node.https.createServer(asking(), (request, response) => {
      if (request.url?.includes('broken')) request.socket.destroy();
      else response.end();
    });
    const port = await scene.listen(server);
    const outcome = await get(port, { ...alice(), path: '/broken' });
    assert.equal((outcome as NodeJS.ErrnoException).code, 'ECONNRESET');
    assert.equal(await get(port, alice()), 200);
    const request = node.https.get({ host: '127.0.0.1', port, servername: 'localhost', ...alice() });
    request.destroy();
    const [error] = await once(request, 'error');
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET');
  });
});
