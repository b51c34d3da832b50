import assert from 'node:assert/strict';
import { endpointOf } from '../../src/telemetry/request-line';

describe('the endpoint of a request', () => {
  for (const [method, path, endpoint] of [
    ['GET', '/', 'GET /'],
    ['POST', '/orders', 'POST /orders'],
    ['GET', '/orders/17?token=secret', 'GET /orders/:id'],
    ['GET', '/orders/17/items/3#part', 'GET /orders/:id/items/:id'],
    ['GET', '/api/v2/users', 'GET /api/v2/users'],
    ['GET', '/oauth2/token', 'GET /oauth2/token'],
    ['GET', '/users/6f9619ff-8b86-d011-b42d-00cf4fc964ff', 'GET /users/:id'],
    ['GET', '/blobs/deadbeefdeadbeef', 'GET /blobs/:id'],
    ['GET', '/users/alice%40acme.test', 'GET /users/:id'],
    ['GET', '/users/alice@acme.test', 'GET /users/:id'],
    ['GET', `/files/${'x'.repeat(32)}`, `GET /files/${'x'.repeat(32)}`],
    ['GET', `/files/${'x'.repeat(33)}`, 'GET /files/:id'],
    ['GET', '/a/b/c/d/e/f/g/h/i/j', 'GET /a/b/c/d/e/f/g/h'],
    ['BREW', '/pot', '_OTHER /pot'],
    [undefined, '/pot', '_OTHER /pot'],
    ['GET', 'https://host.test/orders/1', 'GET /orders/:id'],
    ['GET', undefined, undefined],
    ['OPTIONS', '*', undefined],
  ] as const) {
    it(`${method} ${path?.slice(0, 60)} is ${endpoint}`, () => assert.equal(endpointOf({ method, path }), endpoint));
  }

  it('is short, whatever the path', () => {
    for (const path of [`/${'x/'.repeat(50_000)}`, `/${'\u202e'.repeat(1000)}`, `/${'a'.repeat(100_000)}`]) {
      assert.ok((endpointOf({ method: 'GET', path })?.length ?? 0) <= 300);
    }
  });
});
