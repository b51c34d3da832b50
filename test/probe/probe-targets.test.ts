import assert from 'node:assert/strict';
import { type DescriptionDocument, operationsOf } from '../../src/audit/operations';
import { planProbes, traceparentOf } from '../../src/probe/probe-plan';
import { probeTargets } from '../../src/probe/probe-targets';

const HERE = () => ({ source: 'api.yaml' });

/** What is asked for of one path, protected, with these parameters. */
function asked(path: string, parameters: readonly object[], more: object = {}): readonly string[] {
  const document: DescriptionDocument = {
    openapi: '3.1.0',
    security: [{ certificate: [] }],
    components: { securitySchemes: { certificate: { type: 'mutualTLS' } } },
    paths: { [path]: { get: { parameters } } },
    ...more,
  };
  return pathsIn(document);
}

function pathsIn(document: DescriptionDocument, basePath?: string, methods = ['GET', 'HEAD']): readonly string[] {
  const operations = operationsOf(document, HERE);
  return probeTargets(operations, document, { methods, host: 'api.example', basePath }).map(
    ({ method, path }) => `${method} ${path}`,
  );
}

const inPath = (more: object) => [{ name: 'id', in: 'path', required: true, ...more }];

describe('what a probe asks for', () => {
  const CASES: readonly [what: string, parameter: object, path: string][] = [
    ['an example of the parameter', { example: 17 }, '/orders/17'],
    ['a named example', { examples: { one: { value: 'a b' } } }, '/orders/a%20b'],
    ['an example of the schema', { schema: { type: 'string', example: 'x' } }, '/orders/x'],
    ['the first of the examples of OpenAPI 3.1', { schema: { examples: ['y', 'z'] } }, '/orders/y'],
    ['a default', { schema: { type: 'integer', default: 3 } }, '/orders/3'],
    ['a default of OpenAPI 2.0', { type: 'integer', default: 4 }, '/orders/4'],
    ['the first of a list', { schema: { enum: ['open', 'closed'] } }, '/orders/open'],
    ['nought for a number', { schema: { type: 'integer' } }, '/orders/0'],
    ['the least number that is allowed', { schema: { type: 'integer', minimum: 1 } }, '/orders/1'],
    [
      'a UUID of noughts',
      { schema: { type: 'string', format: 'uuid' } },
      '/orders/00000000-0000-0000-0000-000000000000',
    ],
    ['a word that means nothing', { schema: { type: 'string' } }, '/orders/probe'],
    ['a word that means nothing in place of an empty example', { example: '' }, '/orders/probe'],
    ['no way up', { example: '..' }, '/orders/probe'],
    ['no other segment', { example: '../admin?a#b' }, '/orders/..%2Fadmin%3Fa%23b'],
    ['no other line', { example: 'a\r\nX: y' }, '/orders/a%0D%0AX%3A%20y'],
    ['no half of a character', { example: '\ud800a' }, '/orders/a'],
    ['nothing of a prototype', { examples: JSON.parse('{"__proto__":{"value":"x"}}'), schema: {} }, '/orders/x'],
  ];
  for (const [what, parameter, path] of CASES) {
    it(`has ${what} in its path`, () => {
      assert.deepEqual(asked('/orders/{id}', inPath(parameter)), [`GET ${path}`]);
    });
  }

  it('finds the parameters of the whole path, and those of the operation before them', () => {
    const item = { parameters: inPath({ example: 'path' }), get: {}, head: { parameters: inPath({ example: 'own' }) } };
    assert.deepEqual(asked('/none', [], { paths: { '/orders/{id}': item } }), ['GET /orders/path', 'HEAD /orders/own']);
  });

  it('has the query that is demanded, where there is a value for it, and no other', () => {
    const query = (name: string, more: object) => ({ name, in: 'query', ...more });
    const parameters = [
      query('from', { required: true, schema: { example: '2026-01-01' } }),
      query('to', { required: true, schema: { type: 'string' } }),
      query('page', { schema: { default: 1 } }),
    ];
    assert.deepEqual(asked('/orders', parameters), ['GET /orders?from=2026-01-01']);
  });

  it('leaves a path as it is written, but for what may not stand in one', () => {
    assert.deepEqual(asked('/orders:batch/a%20b/c d/{x}-{y}', []), ['GET /orders:batch/a%20b/c%20d/probe-probe']);
  });

  it('has the base path of the server that is probed, its variables filled, unless the address has one', () => {
    const servers = [
      { url: 'https://other.example/v1' },
      { url: 'https://api.example/{stage}/v2', variables: { stage: { default: 'live' } } },
    ];
    assert.deepEqual(asked('/orders', [], { servers }), ['GET /live/v2/orders']);
    assert.deepEqual(asked('/orders', [], { servers: servers.slice(0, 1) }), ['GET /v1/orders']);
    assert.deepEqual(
      pathsIn(
        {
          openapi: '3.1.0',
          servers,
          security: [{ m: [] }],
          components: { securitySchemes: { m: { type: 'mutualTLS' } } },
          paths: { '/orders': { get: {} } },
        },
        '/base',
      ),
      ['GET /base/orders'],
    );
  });

  it('is only what demands a certificate of everybody, by a method that is allowed', () => {
    const document: DescriptionDocument = {
      openapi: '3.1.0',
      security: [{ m: [] }],
      components: { securitySchemes: { m: { type: 'mutualTLS' } } },
      paths: {
        '/a': { get: {}, head: {}, delete: {} },
        '/b': { get: { security: [] } },
        '/c': { get: { security: [{ m: [] }, {}] } },
      },
    };
    assert.deepEqual(pathsIn(document), ['GET /a', 'HEAD /a']);
    assert.deepEqual(pathsIn(document, undefined, ['GET', 'DELETE']), ['GET /a', 'DELETE /a']);
  });
});

describe('the plan of a probe', () => {
  const [target] = (() => {
    const document: DescriptionDocument = {
      openapi: '3.1.0',
      security: [{ m: [] }],
      components: { securitySchemes: { m: { type: 'mutualTLS' } } },
      paths: { '/a': { get: {} } },
    };
    return probeTargets(operationsOf(document, HERE), document, { methods: ['GET'], host: 'a', basePath: undefined });
  })();
  const targets = Array.from({ length: 10 }, () => ({ ...target! }));
  let last = 0;
  const random = (bytes: number) => (++last).toString(16).padStart(bytes * 2, '0');

  it('asks for as many operations as fit with every certificate, and names the others', () => {
    const { probes, targets: within, leftOut } = planProbes(targets, ['none', 'expired', 'self-signed'], 8, random);
    assert.deepEqual([probes.length, within.length, leftOut.length], [6, 2, 8]);
    assert.deepEqual(
      probes.map(({ kind }) => kind),
      ['none', 'expired', 'self-signed', 'none', 'expired', 'self-signed'],
    );
  });

  it('never exceeds its limit, not even with one operation', () => {
    assert.equal(planProbes(targets, ['none', 'expired', 'self-signed'], 2, random).probes.length, 2);
    assert.equal(planProbes(targets, ['none'], 60, random).leftOut.length, 0);
  });

  it('gives every request a trace of its own, that is sampled', () => {
    const { probes } = planProbes(targets, ['none', 'expired'], 60, random);
    assert.equal(new Set(probes.map(({ traceId }) => traceId)).size, 20);
    assert.match(traceparentOf(probes[0]!), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });
});
