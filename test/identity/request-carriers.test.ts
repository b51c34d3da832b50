import assert from 'node:assert/strict';
import { carried, exchangeOf, isEncrypted, socketOf } from '../../src/identity/request-carriers';

describe('what leads to a connection', () => {
  const socket = { encrypted: true };
  const request = { rawHeaders: [], socket };

  it("is Node's own request, and what express, fastify, koa, hono and a response have of it", () => {
    for (const subject of [request, { raw: request }, { req: request }, { env: { incoming: request } }])
      assert.equal(carried(subject), request);
    assert.equal(carried(Object.create(request)).constructor, Object);
  });

  it('is the subject itself where nothing in it is a request', () => {
    for (const subject of [{}, { raw: null, req: 5, env: {} }, { env: null }, { raw: { rawHeaders: 'text' } }, socket])
      assert.equal(carried(subject), subject);
  });

  it("is the socket, through a session's too, and behind the proxy that HTTP/2 shows of it", () => {
    assert.equal(socketOf(request), socket);
    assert.equal(socketOf({ session: { socket } }), socket);
    assert.equal(socketOf({ socket: null, session: null }).constructor, Object);
    const shown = new Proxy(socket, {
      get: (target, name) => (name === 'valueOf' ? () => target : undefined),
    });
    assert.equal(socketOf({ session: { socket: shown } }), socket);
    assert.equal(socketOf(socket), socket);
  });

  it('has one key for a request and its answer: the stream of HTTP/2, else the request', () => {
    const stream = { session: undefined };
    assert.equal(exchangeOf({ stream }), stream);
    for (const without of [{ stream: null }, { stream: {} }, { stream: 'text' }, request])
      assert.equal(exchangeOf(without), without);
  });

  it('is encrypted only where its socket says so, and never throws', () => {
    assert.equal(isEncrypted(request), true);
    for (const plain of [{}, { socket: {} }, { socket: { encrypted: 'yes' } }]) assert.equal(isEncrypted(plain), false);
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    assert.equal(isEncrypted(proxy), false);
  });
});
