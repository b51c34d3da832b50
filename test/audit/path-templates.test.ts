import assert from 'node:assert/strict';
import type { Operation } from '../../src/audit/operations';
import { createMatcher, type RequestTarget } from '../../src/audit/path-templates';

function operation(line: string, host?: string): Operation {
  const [method = '', base = '', path = ''] = line.split(' ');
  const basePath = base === '-' ? '' : base;
  return {
    name: `${method} ${basePath}${path}${host ? ` on ${host}` : ''}`,
    method,
    path,
    location: { source: 'x' },
    protection: 'required',
    schemes: ['mtls'],
    isUserKnown: false,
    servers: [{ ...(host && { host }), basePath }],
  };
}

const SHOP = [
  'GET /v1 /orders',
  'GET /v1 /orders/mine',
  'GET /v1 /orders/{id}',
  'PUT /v1 /orders/{id}',
  'GET /v1 /orders/{id}/items/{item}',
  'GET /v1 /files/{name}.{ending}',
  'GET /v1 /files/{id}',
  'POST /v1 /orders/{id}:cancel',
  'GET - /',
  'GET - /a%20b/ü',
].map(line => operation(line));

describe('matching requests with operations', () => {
  const { match } = createMatcher(SHOP);
  const CASES: readonly [Partial<RequestTarget>, string | undefined][] = [
    [{ path: '/v1/orders' }, 'GET /v1/orders'],
    [{ path: '/v1/orders/' }, 'GET /v1/orders'],
    [{ path: '/orders' }, 'GET /v1/orders'],
    [{ path: '/v2/orders' }, undefined],
    [{ path: '/v1/v1/orders' }, undefined],
    [{ path: '/v1/orders/17' }, 'GET /v1/orders/{id}'],
    [{ path: '/v1/orders/mine' }, 'GET /v1/orders/mine'],
    [{ path: '/v1/orders/mine', route: '/v1/orders/:id' }, 'GET /v1/orders/{id}'],
    [{ path: '/v1/ORDERS' }, undefined],
    [{ path: '/v1/orders//items/3' }, undefined],
    [{ path: '/v1/orders/1/items/3' }, 'GET /v1/orders/{id}/items/{item}'],
    [{ path: '/v1/orders/a%2Fb' }, 'GET /v1/orders/{id}'],
    [{ path: '/v1/files/a.txt' }, 'GET /v1/files/{name}.{ending}'],
    [{ path: '/v1/files/.txt' }, 'GET /v1/files/{id}'],
    [{ path: '/v1/files/a' }, 'GET /v1/files/{id}'],
    [{ path: '/' }, 'GET /'],
    [{ path: '' }, 'GET /'],
    [{ path: '/a%20b/%C3%BC' }, 'GET /a%20b/ü'],
    [{ path: '/%E0%A4%A' }, undefined],
    [{ method: 'POST', path: '/v1/orders/17:cancel' }, 'POST /v1/orders/{id}:cancel'],
    [{ method: 'POST', path: '/v1/orders/:cancel' }, undefined],
    [{ method: 'HEAD', path: '/v1/orders' }, 'GET /v1/orders'],
    [{ method: 'DELETE', path: '/v1/orders' }, undefined],
    // Frameworks' routes, with and without the path.
    [{ route: '/v1/orders/:id' }, 'GET /v1/orders/{id}'],
    [{ route: '/v1/orders/:id(\\d+)' }, 'GET /v1/orders/{id}'],
    [{ route: '/orders/{orderId:int}' }, 'GET /v1/orders/{id}'],
    [{ route: '/v1/orders/<int:id>/items/<item>' }, 'GET /v1/orders/{id}/items/{item}'],
    [{ route: '/v1/orders/[id]' }, 'GET /v1/orders/{id}'],
    // A catch-all, and the route of a mounted router: the path knows better.
    [{ route: '/*', path: '/v1/orders/17' }, 'GET /v1/orders/{id}'],
    [{ route: '/:id', path: '/v1/orders/17' }, 'GET /v1/orders/{id}'],
    // A gateway rewrote the path: the route knows better.
    [{ route: '/v1/orders/:id', path: '/internal/shop/orders/17' }, 'GET /v1/orders/{id}'],
    [{}, undefined],
  ];
  for (const [target, expected] of CASES) {
    it(`takes ${JSON.stringify(target)} for ${expected ?? 'no operation'}`, () => {
      assert.equal(match({ method: 'GET', ...target })?.name, expected);
      // Remembered, it is the same.
      assert.equal(match({ method: 'GET', ...target })?.name, expected);
    });
  }

  it('prefers the host that was asked, and takes any other name of the API else', () => {
    const matcher = createMatcher([operation('GET /v1 /a/{id}', 'one.test'), operation('GET /v1 /a/b', 'two.test')]);
    const on = (host?: string) => matcher.match({ method: 'GET', path: '/v1/a/b', host })?.name;
    assert.equal(on('one.test'), 'GET /v1/a/{id} on one.test');
    assert.equal(on('two.test'), 'GET /v1/a/b on two.test');
    assert.equal(on('pod-7.internal'), 'GET /v1/a/b on two.test');
    assert.equal(on(), 'GET /v1/a/b on two.test');
  });

  it('leaves a base path open where it has a variable', () => {
    const matcher = createMatcher([operation('GET /{tenant}/api /a')]);
    assert.equal(matcher.match({ method: 'GET', path: '/acme/api/a' })?.path, '/a');
    assert.equal(matcher.match({ method: 'GET', path: '/acme/other/a' }), undefined);
  });

  it('is not slowed down by paths made for it', () => {
    const matcher = createMatcher([operation(`GET - /${'{a}x'.repeat(30)}`), operation('GET - /{a}-{b}-{c}-{d}')]);
    const started = performance.now();
    for (let n = 0; n < 2000; n++) {
      assert.equal(matcher.match({ method: 'GET', path: `/${'x-'.repeat(1500)}${n}/y` }), undefined);
      assert.ok(matcher.match({ method: 'GET', path: `/${'-'.repeat(3000)}${n}` }));
      assert.equal(matcher.match({ method: 'GET', path: `/${'x'.repeat(1_000_000)}` }), undefined);
    }
    assert.ok(performance.now() - started < 15_000);
  });

  it('finds every operation by a path and a route made from its own template, and none by a longer one', () => {
    const next = generator(17);
    const pick = <T>(list: readonly T[]) => list[next() % list.length]!;
    const literals = ['a', 'b', 'orders', 'x.y', 'v1', 'ü', 'a b'];
    for (let round = 0; round < 300; round++) {
      const segments = Array.from({ length: 1 + (next() % 5) }, () =>
        next() % 2 ? pick(literals) : pick(['{id}', '{a}.{b}', 'pre-{id}', '{id}:do']),
      );
      const method = pick(['GET', 'POST', 'DELETE']);
      const own = { ...operation(`${method} - /none`), path: `/${segments.join('/')}` };
      const others = Array.from({ length: next() % 6 }, (_, n) => ({
        ...operation(`${method} - /none`),
        path: `/z${n}/{q}`,
      }));
      const { match } = createMatcher([...others, own]);
      const value = () => pick(['17', 'mine', 'ä', 'a%2Fb', '%', '..', "'"]);
      const path = `/${segments.map(one => encodeLiterals(one).replace(/\{\w+\}/g, value)).join('/')}`;
      const route = own.path.replace(/\{(\w+)\}(?!:)/g, ':$1').replace(/\{(\w+)\}/g, '<$1>');
      assert.equal(match({ method, path })?.path, own.path, path);
      assert.equal(match({ method, path: `${path}?q=1`.split('?')[0] })?.path, own.path, path);
      assert.equal(match({ method, route: own.path })?.path, own.path);
      if (!/\{a\}/.test(own.path)) assert.equal(match({ method, route })?.path, own.path, route);
      assert.equal(match({ method, path: `${path}/more` }), undefined, path);
      assert.equal(match({ method: 'PATCH', path }), undefined);
    }
  });
});

function encodeLiterals(segment: string): string {
  return segment.replace(/[^{}\w.:-]/gu, encodeURIComponent);
}

/** Park and Miller: the same numbers in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state;
  };
}
