import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescriptionError, readDescription } from '../../src/audit/description';
import { type Operation, operationsOf, PROTECTING_EXTENSIONS } from '../../src/audit/operations';

const FINE = { responses: { 200: { description: 'fine' } } };

/** Each description without its version, its information and what it says of schemes. */
function described(document: Record<string, unknown>, more?: readonly string[]): { [name: string]: Operation } {
  const operations = operationsOf(document, () => ({ source: 'x' }), more);
  return Object.fromEntries(operations.map(operation => [operation.name, operation]));
}

function protections(document: Record<string, unknown>, more?: readonly string[]): { [name: string]: string } {
  return Object.fromEntries(
    Object.entries(described(document, more)).map(([name, { protection }]) => [name, protection]),
  );
}

const SCHEMES = {
  components: {
    securitySchemes: {
      mtls: { type: 'mutualTLS' },
      token: { type: 'http', scheme: 'bearer' },
      key: { type: 'apiKey' },
    },
  },
};

describe('the operations of a description', () => {
  it('inherit its security, override it, and shed it with an empty list', () => {
    const paths = {
      '/inherited': { get: {} },
      '/overridden': { get: { security: [{ token: [] }] } },
      '/shed': { get: { security: [] } },
    };
    assert.deepEqual(protections({ openapi: '3.1.0', security: [{ mtls: [] }], paths, ...SCHEMES }), {
      'GET /inherited': 'required',
      'GET /overridden': 'none',
      'GET /shed': 'none',
    });
  });

  it('demand a certificate only when each way in does', () => {
    const paths = {
      '/both': { get: { security: [{ mtls: [], token: [] }] } },
      '/either': { get: { security: [{ mtls: [] }, { token: [] }] } },
      '/optional': { get: { security: [{}, { mtls: [] }] } },
      '/unknown': { get: { security: [{ nothing: [] }, JSON.parse('{ "constructor": [] }')] } },
    };
    assert.deepEqual(protections({ openapi: '3.1.0', paths, ...SCHEMES }), {
      'GET /both': 'required',
      'GET /either': 'optional',
      'GET /optional': 'optional',
      'GET /unknown': 'none',
    });
  });

  it('know a user where every way in tells one', () => {
    const paths = {
      '/both': { get: { security: [{ mtls: [], token: [] }] } },
      '/either': { get: { security: [{ mtls: [] }, { token: [] }] } },
      '/machine': { get: { security: [{ mtls: [], key: [] }] } },
    };
    const known = Object.values(described({ openapi: '3.1.0', paths, ...SCHEMES })).map(o => [o.path, o.isUserKnown]);
    assert.deepEqual(known, [
      ['/both', true],
      ['/either', false],
      ['/machine', false],
    ]);
  });

  for (const extension of PROTECTING_EXTENSIONS) {
    it(`are protected by ${extension} before OpenAPI 3.1, the nearest one first`, () => {
      const document = {
        swagger: '2.0',
        [extension]: 'mandatory',
        paths: {
          '/all': { get: {} },
          '/path': { [extension]: 'optional', get: {}, post: { [extension]: false } },
        },
      };
      assert.deepEqual(protections(document), {
        'GET /all': 'required',
        'GET /path': 'optional',
        'POST /path': 'none',
      });
    });

    it(`are protected by a scheme with ${extension}`, () => {
      const securityDefinitions = { cert: { type: 'apiKey', name: 'x', in: 'header', [extension]: true } };
      const document = { swagger: '2.0', securityDefinitions, security: [{ cert: [] }], paths: { '/': { get: {} } } };
      assert.deepEqual(protections(document), { 'GET /': 'required' });
      assert.deepEqual(described(document)['GET /']?.schemes, ['cert']);
    });
  }

  it('leave it to the client where the scheme does', () => {
    const securityDefinitions = {
      may: { type: 'apiKey', name: 'x', in: 'header', 'x-mtls': 'optional' },
      must: { type: 'apiKey', name: 'y', in: 'header', 'x-mtls': true },
    };
    const paths = {
      '/may': { get: { security: [{ may: [] }] } },
      '/both': { get: { security: [{ may: [], must: [] }] } },
      '/either': { get: { security: [{ must: [] }, { may: [] }] } },
    };
    assert.deepEqual(protections({ swagger: '2.0', securityDefinitions, paths }), {
      'GET /may': 'optional',
      'GET /both': 'required',
      'GET /either': 'optional',
    });
  });

  it('are protected by schemes and extensions that somebody names', () => {
    const paths = { '/scheme': { get: { security: [{ key: [] }] } }, '/extension': { get: { 'x-acme-cert': true } } };
    const document = { openapi: '3.0.3', paths, ...SCHEMES };
    assert.deepEqual(Object.values(protections(document)), ['none', 'none']);
    assert.deepEqual(Object.values(protections(document, ['key', 'x-acme-cert'])), ['required', 'required']);
  });

  it('are served where the nearest servers say', () => {
    const document = {
      openapi: '3.0.3',
      servers: [
        { url: 'https://{region}.example.com:8443/{base}/', variables: { base: { default: 'v1' } } },
        { url: '/relative' },
      ],
      paths: {
        '/root': { get: {} },
        '/path': {
          servers: [{ url: 'https://API.example.com/v2' }],
          get: {},
          put: { servers: [{ url: '{all}/v3', variables: { all: { default: 'https://other.example' } } }] },
        },
      },
    };
    assert.deepEqual(
      Object.values(described(document)).map(({ servers }) => servers),
      [
        [{ basePath: '/{base}' }, { basePath: '/relative' }],
        [{ host: 'api.example.com', basePath: '/v2' }],
        [{ host: 'other.example', basePath: '/v3' }],
      ],
    );
    assert.deepEqual(
      described({ swagger: '2.0', host: 'Old.example:8080', basePath: '/v1/', paths: { '/a': { get: {} } } })[
        'GET /v1/a'
      ]?.servers,
      [{ host: 'old.example', basePath: '/v1' }],
    );
  });

  it('are served at the root where no server can be read, and below a path however it is written', () => {
    const at = (document: Record<string, unknown>) =>
      Object.values(described({ ...document, paths: { '/a': { get: {} } } })).map(({ name, servers }) => [
        name,
        servers,
      ]);
    const root = [['GET /a', [{ basePath: '' }]]];
    for (const servers of [undefined, [], 'no list', [7, null], [{ url: 5 }], [{}]])
      assert.deepEqual(at({ openapi: '3.0.3', ...(servers !== undefined && { servers }) }), root);
    assert.deepEqual(at({ openapi: '3.0.3', servers: [{ url: 'https://:8443/v1/' }] }), [
      ['GET /v1/a', [{ basePath: '/v1' }]],
    ]);
    assert.deepEqual(at({ swagger: '2.0', basePath: 'v1' }), [['GET /v1/a', [{ basePath: '/v1' }]]]);
    assert.deepEqual(at({ swagger: '2.0', host: 5, basePath: 5 }), root);
  });

  it('are none where there are no paths, and not protected by a demand that is none', () => {
    assert.deepEqual(described({ openapi: '3.1.0' }), {});
    const paths = { '/null': { get: { security: [null] } }, '/text': { get: { security: 'mtls' } } };
    assert.deepEqual(protections({ openapi: '3.1.0', paths, ...SCHEMES }), {
      'GET /null': 'none',
      'GET /text': 'none',
    });
  });

  it('have another name each where servers and paths make them the same', () => {
    const paths = { '/v1/a': { get: {} }, '/a': { get: { servers: [{ url: '/v1' }] } } };
    assert.deepEqual(Object.keys(described({ openapi: '3.0.3', paths })), ['GET /v1/a', 'GET /v1/a (2)']);
  });

  it('are protected as an extension says, in whatever word, and optionally where it says that of a scheme', () => {
    for (const [word, protection] of [
      ['Off', 'none'],
      [null, 'none'],
      ['OPTIONAL', 'optional'],
      ['yes', 'required'],
      [1, 'required'],
    ] as const) {
      const securityDefinitions = { cert: { type: 'apiKey', name: 'x', in: 'header', 'x-mtls': word } };
      const document = { swagger: '2.0', securityDefinitions, security: [{ cert: [] }], paths: { '/': { get: {} } } };
      assert.deepEqual(protections(document), { 'GET /': protection }, String(word));
    }
  });

  it('have names that are unique, whatever they are called', () => {
    const operations = operationsOf(
      { paths: { '/a': { get: {} }, '/__proto__': { get: {} }, 'x-not': { get: {} } } },
      () => ({ source: 'x' }),
    );
    assert.deepEqual(
      operations.map(({ name }) => name),
      ['GET /a', 'GET /__proto__'],
    );
  });
});

describe('reading a description', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'descriptions-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function file(name: string, content: string | object): string {
    const path = join(folder, name);
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
    return path;
  }

  const info = { title: 'A', version: '1' };
  const FORMATS = {
    'Swagger 2.0': {
      swagger: '2.0',
      info,
      basePath: '/v1',
      securityDefinitions: { cert: { type: 'apiKey', name: 'x-cert', in: 'header', 'x-mtls': true } },
      security: [{ cert: [] }],
      paths: { '/pets': { get: FINE, post: { ...FINE, security: [] } } },
    },
    'OpenAPI 3.0.3': {
      openapi: '3.0.3',
      info,
      servers: [{ url: '/v1' }],
      components: { securitySchemes: { cert: { type: 'apiKey', name: 'x-cert', in: 'header', 'x-mtls': true } } },
      security: [{ cert: [] }],
      paths: { '/pets': { get: FINE, post: { ...FINE, security: [] } } },
    },
    'OpenAPI 3.1.0': {
      openapi: '3.1.0',
      info,
      servers: [{ url: '/v1' }],
      components: { securitySchemes: { cert: { type: 'mutualTLS' } } },
      security: [{ cert: [] }],
      paths: { '/pets': { get: FINE, post: { ...FINE, security: [] } } },
    },
  };

  for (const [format, document] of Object.entries(FORMATS)) {
    it(`knows what ${format} protects, and in which line`, async () => {
      const source = file('petstore.json', document);
      const { document: read, locate, read: about } = await readDescription(source);
      assert.deepEqual(about, { source, title: 'A', version: '1', format });
      const lines = JSON.stringify(document, null, 2).split('\n');
      const operations = operationsOf(read, locate).map(({ name, protection, location }) => [
        name,
        protection,
        lines[location.line! - 1]?.trim(),
      ]);
      assert.deepEqual(operations, [
        ['GET /v1/pets', 'required', '"get": {'],
        ['POST /v1/pets', 'none', '"post": {'],
      ]);
    });
  }

  it('follows references within it, to other files and to URLs, and names the file that has the line', async () => {
    const server = createServer((_, response) => response.end(JSON.stringify({ scheme: { type: 'mutualTLS' } })));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const remote = `http://127.0.0.1:${(server.address() as AddressInfo).port}/schemes.json`;
    const other = file('paths.yaml', `item:\n  get:\n    responses: { '200': { description: fine } }\n`);
    const source = file(
      'main.yaml',
      `openapi: 3.1.0
info: { title: A, version: '1' }
security: [{ cert: [] }]
paths:
  /there: { $ref: 'paths.yaml#/item' }
  /here: { $ref: '#/components/pathItems/here' }
components:
  pathItems:
    here:
      delete: { responses: { '200': { description: fine } } }
  securitySchemes:
    cert: { $ref: '${remote}#/scheme' }
`,
    );
    try {
      const { document, locate } = await readDescription(source);
      const found = operationsOf(document, locate).map(({ name, protection, location }) => [
        name,
        protection,
        location,
      ]);
      assert.deepEqual(found, [
        ['GET /there', 'required', { source: other, line: 2, column: 3 }],
        ['DELETE /here', 'required', { source, line: 10, column: 7 }],
      ]);
    } finally {
      server.close();
    }
  });

  it('reads from a URL', async () => {
    const server = createServer((_, response) => response.end(JSON.stringify(FORMATS['OpenAPI 3.1.0'])));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    try {
      const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/openapi.json`;
      const { read } = await readDescription(source);
      assert.equal(read.source, source);
    } finally {
      server.close();
    }
  });

  it('knows the line of a path behind an address, and behind names that had to be escaped', async () => {
    const main = `openapi: 3.1.0
info: { title: A, version: '1' }
paths:
  /there: { $ref: 'paths.yaml#/item' }
  /again: { $ref: '#/paths/~1there' }
  /slash: { $ref: 'paths.yaml#/a~1b' }
  /percent: { $ref: 'paths.yaml#/100%25' }
`;
    const method = (name: string) => `\n  ${name}: { responses: { '200': { description: fine } } }\n`;
    const paths = `item:${method('get')}a/b:${method('delete')}100%:${method('put')}`;
    const server = createServer(({ url }, response) => response.end(url === '/main.yaml' ? main : paths));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const { document, locate } = await readDescription(`${origin}/main.yaml`);
      assert.deepEqual(
        operationsOf(document, locate).map(({ name, location }) => [name, location.source, location.line]),
        [
          ['GET /there', `${origin}/paths.yaml`, 2],
          ['GET /again', `${origin}/paths.yaml`, 2],
          ['DELETE /slash', `${origin}/paths.yaml`, 4],
          ['PUT /percent', `${origin}/paths.yaml`, 6],
        ],
      );
    } finally {
      server.close();
    }
  });

  it('follows an alias of YAML, and names the nearest line there is where a path leads nowhere', async () => {
    const source = file(
      'anchored.yaml',
      `openapi: 3.1.0
info: { title: A, version: '1' }
paths:
  /alias: &same
    get: { responses: { '200': { description: fine } } }
  /again: *same
`,
    );
    const { document, locate } = await readDescription(source);
    assert.deepEqual(
      operationsOf(document, locate).map(({ name, location }) => [name, location.line]),
      [
        ['GET /alias', 5],
        ['GET /again', 5],
      ],
    );
    assert.deepEqual(locate(['paths', '/alias', 'put']), { source, line: 4, column: 3 });
    assert.deepEqual(locate(['paths', '/alias', 'get', 'responses', '200', 'description', 'deeper']).line, 5);
    assert.deepEqual(locate(['nowhere']), { source });
  });

  it('says of a file why it cannot be read, and what was expected', async () => {
    const expected = 'an OpenAPI description was expected';
    const gone = join(folder, 'gone.yaml');
    await assert.rejects(readDescription(gone), { message: `${gone}: there is no such file; ${expected}` });
    await assert.rejects(readDescription(folder), { message: `${folder}: this is a folder; ${expected}` });
    const below = join(file('plain.yaml', ''), 'below.yaml');
    await assert.rejects(readDescription(below), { message: `${below}: cannot be read (ENOTDIR); ${expected}` });
  });

  it('does not read on in a description that never ends', async () => {
    const server = createServer((_, response) => response.end('#'.repeat(32 * 1024 * 1024 + 1)));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    try {
      await assert.rejects(readDescription(source), { message: `${source}: larger than 33554432 bytes` });
    } finally {
      server.close();
    }
  });

  it('says of an answer that it broke off, or never ends, and waits for no more of it', async () => {
    let isEndless = false;
    const server = createServer((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write('#'.repeat(1024 * 1024)));
      };
      if (isEndless) more();
      if (isEndless) response.on('drain', more);
      else response.writeHead(200, { 'content-length': 100 }).write('openapi: ', () => response.destroy());
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const source = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    try {
      const message = `${source}: the answer broke off; an OpenAPI description was expected there`;
      await assert.rejects(readDescription(source), { name: 'DescriptionError', message });
      isEndless = true;
      await assert.rejects(readDescription(source), { message: `${source}: larger than 33554432 bytes` });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  const WRONG: readonly [what: string, content: string, complaint: RegExp][] = [
    ['YAML that is none', 'openapi: 3.1.0\ninfo: [\n  x: }\n', /^FILE:3:\d+: .* \(YAML BAD_\w+\)$/],
    [
      'a missing title',
      'openapi: 3.1.0\ninfo: { version: "1" }\npaths: {}\n',
      /^FILE:2: must have required property 'title' \(rule: required\)/,
    ],
    [
      'a word that is not known, deep down',
      "openapi: 3.1.0\ninfo: { title: A, version: '1' }\npaths:\n  /c:\n    get:\n      respnses: {}\n",
      /^FILE:6: .*\(rule: unevaluated property\): respnses is not expected to be here!/,
    ],
    [
      'a reference to nothing',
      "openapi: 3.1.0\ninfo: { title: A, version: '1' }\npaths:\n  /c: { $ref: '#/nowhere' }\n",
      /^FILE:4: .*nowhere.* \(rule: every \$ref can be resolved\)$/,
    ],
    [
      'a reference to a file that is not there',
      "openapi: 3.1.0\ninfo: { title: A, version: '1' }\npaths:\n  /c: { $ref: 'nowhere.yaml' }\n",
      /^FILE:4: .*nowhere\.yaml.* \(rule: every \$ref can be resolved\)$/,
    ],
    [
      'the one of several references that leads nowhere',
      `openapi: 3.1.0
info: { title: A, version: '1' }
paths:
  /a: { $ref: '#/components/pathItems/a' }
  /b: { $ref: '#/components/pathItems/ab' }
components: { pathItems: { a: {} } }
`,
      /^FILE:5: .*ab.* \(rule: every \$ref can be resolved\)$/,
    ],
    [
      'a path without a slash',
      "openapi: 3.0.0\ninfo: { title: A, version: '1' }\npaths:\n  /b: {}\n  a: {}\n",
      /^FILE:5: Entries .* must begin with a leading slash\. \(rule: the specification's\)$/,
    ],
    [
      'a parameter that is not described',
      "swagger: '2.0'\ninfo: { title: A, version: '1' }\npaths:\n  /a: {}\n  /a/{id}:\n    get: { responses: { '200': { description: fine } } }\n",
      /^FILE:6: `\/paths\/a\/\{id\}\/get` is missing path parameter.* \(rule: the specification's\)$/,
    ],
    [
      'an operation whose name another has',
      `swagger: '2.0'
info: { title: A, version: '1' }
paths:
  /a: { get: { operationId: x, responses: { '200': { description: fine } } } }
  /b:
    get:
      responses: { '200': { description: fine } }
      operationId: x
`,
      /^FILE:8: The operationId `x` is duplicated .* \(rule: the specification's\)$/,
    ],
    [
      'what is missing at the top',
      '# An API.\nopenapi: 3.1.0\npaths: {}\n',
      /^FILE:2: must have required property 'info' \(rule: required\)/,
    ],
    [
      'an element of a list, in its line',
      `openapi: 3.1.0
info: { title: A, version: '1' }
servers:
  - url: /v1
  - url: /v2
    surprise: true
paths: {}
`,
      /^FILE:6: .*\(rule: unevaluated property\): surprise is not expected to be here!/,
    ],
    [
      'more than five things at once',
      `openapi: 3.1.0\ninfo: { title: A, version: '1' }\npaths:\n${[1, 2, 3, 4, 5, 6, 7].map(n => `  /p${n}: { get: { wrong${n}: {} } }\n`).join('')}`,
      /^FILE:4: .*; and \d+ more$/,
    ],
    ['HTML', '<html></html>', /^FILE: this is no API description/],
    ['nothing', '', /^FILE: this is no API description/],
    ['other JSON', '{"__proto__": {"openapi": "3.1.0"}}', /^FILE: this is no API description/],
  ];
  for (const [what, content, complaint] of WRONG) {
    it(`complains of ${what} in one sentence, with its place`, async () => {
      const source = file('wrong.yaml', content);
      await assert.rejects(readDescription(source), fault => {
        assert.ok(fault instanceof DescriptionError);
        assert.match(fault.message.replaceAll(source, 'FILE'), complaint);
        assert.doesNotMatch(fault.message, /\n/);
        return true;
      });
    });
  }

  it('says of an address what it answered and what was expected', async () => {
    const server = createServer(({ url }, response) => {
      if (url === '/404') response.statusCode = 404;
      else response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end('<html></html>');
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await assert.rejects(
        readDescription(`${origin}/404`),
        /\/404: the answer was 404; an OpenAPI description was expected there$/,
      );
      await assert.rejects(
        readDescription(`${origin}/page`),
        /\/page: the answer is HTML; an OpenAPI description in JSON or YAML was expected/,
      );
    } finally {
      await new Promise(resolve => server.close(resolve));
    }
    await assert.rejects(
      readDescription(`${origin}/gone`),
      /: not reachable \((ECONNREFUSED|UND_ERR_SOCKET)\); an OpenAPI description was expected there$/,
    );
  });
});
