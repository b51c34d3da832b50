import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';

const SOURCES = join(__dirname, '../../src');

/** Source text by path from `src/`, with forward slashes: `hooks/guard.ts`. */
type Sources = ReadonlyMap<string, string>;

/** One law of the house. `breaches` says where the sources break it; `planted` are sources that do. */
interface Law {
  readonly name: string;
  readonly breaches: (sources: Sources) => string[];
  readonly planted: ReadonlyArray<Record<string, string>>;
  /** Sources that come close and are lawful. */
  readonly lawful?: Record<string, string>;
}

/**
 * Which rooms each room may look into, besides itself. Direction is from the wiring down to the pure rooms, never up or
 * sideways. A file directly in `src/` is a room of its own, named without its ending.
 */
const MAY_LOOK_INTO: Readonly<Record<string, readonly string[]>> = {
  index: [
    'instrumentation',
    'settings',
    'identity',
    'telemetry',
    'patterns',
    'forwarded',
    'handshake',
    'certificate',
    'version',
  ],
  register: ['preload'],
  preload: ['instrumentation', 'settings', 'hooks', 'telemetry', 'identity', 'version'],
  instrumentation: [
    'reporter',
    'requests',
    'decisions',
    'configurations',
    'settings',
    'hooks',
    'telemetry',
    'patterns',
    'identity',
    'forwarded',
    'version',
  ],
  // Where the two meet that may not know each other: what hooks saw is concluded and handed to the sinks.
  reporter: ['settings', 'hooks', 'telemetry', 'patterns', 'identity', 'handshake', 'certificate'],
  requests: [
    'reporter',
    'decisions',
    'settings',
    'hooks',
    'telemetry',
    'identity',
    'forwarded',
    'handshake',
    'certificate',
  ],
  configurations: ['hooks', 'telemetry', 'certificate'],
  decisions: ['hooks', 'telemetry', 'identity', 'forwarded', 'handshake'],
  settings: ['telemetry', 'identity', 'patterns', 'forwarded', 'handshake'],
  version: [],
  'builtin-module': [],
  hooks: ['builtin-module', 'settings', 'identity', 'forwarded', 'handshake', 'certificate'],
  telemetry: ['builtin-module', 'settings', 'identity', 'patterns', 'forwarded', 'handshake', 'certificate', 'version'],
  identity: ['settings', 'forwarded', 'handshake', 'certificate'],
  patterns: ['handshake', 'certificate'],
  handshake: ['certificate'],
  forwarded: ['builtin-module', 'handshake', 'certificate'],
  certificate: [],
  // Its reports bound and escape strangers' text as certificates' is; and which failures want an alert, their rows say.
  audit: ['telemetry', 'patterns', 'handshake', 'certificate'],
  // The timeline speaks of the same attributes and reasons as the instrumentation does.
  cli: ['probe', 'audit', 'telemetry', 'patterns', 'handshake', 'certificate', 'version'],
  probe: ['audit'],
};

/** Rooms whose answers depend on their arguments alone: no OpenTelemetry, nothing of Node's but these two. */
const PURE_ROOMS = ['handshake', 'certificate', 'forwarded', 'patterns'];
const PURE_MODULES = ['node:crypto', 'node:buffer'];

/** Beyond that, one file each: what depends on its arguments alone although its module does not. */
const PURE_PARTS: Readonly<Record<string, readonly string[]>> = {
  // BlockList, isIP and SocketAddress: arithmetic on addresses, which nobody should write again.
  'forwarded/trust.ts': ['builtin-module.ts', 'node:net'],
};

/** Packages, and the one file or room (a trailing slash) that may import each. */
const SOLE_IMPORTERS: Readonly<Record<string, string>> = {
  asn1js: 'certificate/der.ts',
  'structured-headers': 'forwarded/structured-fields.ts',
  'read-tls-client-hello': 'handshake/client-hello.ts',
  '@opentelemetry/sdk-node': 'preload.ts',
  protobufjs: 'cli/',
  '@readme/openapi-parser': 'audit/description.ts',
  '@apidevtools/json-schema-ref-parser': 'audit/description.ts',
  yaml: 'audit/',
  '@prometheus-io/lezer-promql': 'audit/prometheus-query.ts',
  '@peculiar/x509': 'probe/probe-certificates.ts',
  'reflect-metadata': 'probe/probe-certificates.ts',
};

/**
 * What is Node's private part, or takes something away when it is read on some Nodes: one file answers for when.
 */
const DELICATE_READS = /\b(_handle|getPeerX509Certificate|getSession)\b/;
const DELICATE_READER = 'hooks/socket-facts.ts';

/** Reads that crash the process or break connections, depending on the key or on Node's version. */
const UNSAFE_READS = /\b(getPeerCertificate|toLegacyObject)\b/;

const ON_SPANS_OF_OUR_OWN = ['telemetry/span-sink.ts'];
const OF_PROVIDERS = ['telemetry/providers.ts', 'preload/stand-in-sdk.ts'];

const VAGUE_NAMES = ['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'types'];

const LAWS: readonly Law[] = [
  {
    name: 'rooms look down, never up or sideways',
    breaches: sources =>
      imports(sources).flatMap(({ from, to, local }) => {
        if (!local || roomOf(from) === roomOf(to)) return [];
        const allowed = MAY_LOOK_INTO[roomOf(from)];
        if (allowed === undefined) return [`${from}: the room ${roomOf(from)} has no line in MAY_LOOK_INTO`];
        return allowed.includes(roomOf(to)) ? [] : [`${from} imports ${to}`];
      }),
    planted: [
      { 'hooks/seam.ts': "import { SpanSink } from '../telemetry/span-sink';" },
      { 'telemetry/span-sink.ts': "import type { Seam } from '../hooks/seam';" },
      { 'certificate/peer-certificate.ts': "import type { Handshake } from '../handshake/handshake';" },
      { 'hooks/seam.ts': "import { timeline } from '../cli/timeline';" },
      { 'telemetry/span-sink.ts': "const { run } = require('../instrumentation');" },
      { 'handshake/late.ts': "export const late = () => import('../telemetry/events');" },
      { 'handshake/again.ts': "export {\n  one,\n  two,\n} from '../settings';" },
      { 'unheard-of/room.ts': "import '../handshake/handshake';" },
    ],
    lawful: {
      'hooks/seam.ts': "import type { Observation } from '../handshake/observation';\nimport { guard } from './guard';",
      'telemetry/span-sink.ts': "// import { Seam } from '../hooks/seam';\nimport '../handshake/handshake';",
    },
  },
  {
    name: 'the pure rooms know neither OpenTelemetry nor Node, but for its crypto and Buffer',
    breaches: sources =>
      imports(sources)
        .filter(({ local, to }) => !local || to === 'builtin-module.ts')
        .filter(({ from, to }) => PURE_ROOMS.includes(roomOf(from)) && !PURE_MODULES.includes(to))
        .filter(({ from, to }) => SOLE_IMPORTERS[packageOf(to)] !== from && !PURE_PARTS[from]?.includes(to))
        .map(({ from, to }) => `${from} imports ${to}`),
    planted: [
      { 'handshake/clock.ts': "import { trace } from '@opentelemetry/api';" },
      { 'certificate/reader.ts': "import { readFileSync } from 'node:fs';" },
      { 'certificate/reader.ts': "import fs = require('fs');" },
      { 'handshake/lazy.ts': "const tls = require('node:tls');" },
      { 'forwarded/nginx.ts': "import { isIP } from 'node:net';" },
      { 'forwarded/trust.ts': "import { connect } from 'node:tls';" },
      { 'forwarded/nginx.ts': "import { builtinModule } from '../builtin-module';" },
    ],
    lawful: {
      'certificate/print.ts': "import { createHash } from 'node:crypto';",
      'forwarded/trust.ts': "import { builtinModule } from '../builtin-module';",
    },
  },
  {
    name: 'each of these packages has one importer',
    breaches: sources =>
      imports(sources).flatMap(({ from, to, local }) => {
        const sole = local ? undefined : SOLE_IMPORTERS[packageOf(to)];
        if (sole === undefined) return [];
        return from === sole || (sole.endsWith('/') && from.startsWith(sole)) ? [] : [`${from} imports ${to}`];
      }),
    planted: [
      { 'certificate/extensions.ts': "import * as asn1js from 'asn1js';" },
      { 'instrumentation.ts': "import type { NodeSDK } from '@opentelemetry/sdk-node';" },
      { 'telemetry/encode.ts': "require('protobufjs/minimal')" },
    ],
    lawful: { 'certificate/der.ts': "const asn1 = require('asn1js')", 'cli/otlp.ts': "import 'protobufjs/minimal';" },
  },
  {
    name: 'nothing shipped imports the incubating conventions',
    breaches: sources =>
      imports(sources)
        .filter(({ to }) => to.includes('semantic-conventions/incubating'))
        .map(({ from, to }) => `${from} imports ${to}`),
    planted: [{ 'telemetry/attributes.ts': "import * as c from '@opentelemetry/semantic-conventions/incubating';" }],
  },
  {
    name: 'no file imports itself by way of others',
    breaches: sources => cycles(sources).map(cycle => cycle.join(' -> ')),
    planted: [
      { 'hooks/a.ts': "import './b';", 'hooks/b.ts': "import { x } from './c';", 'hooks/c.ts': "import './a';" },
      { 'audit/a.ts': "import type { B } from './b';", 'audit/b.ts': "export * from './a';" },
    ],
    lawful: { 'hooks/a.ts': "import './b'; import './c';", 'hooks/b.ts': "import './c';", 'hooks/c.ts': '' },
  },
  {
    name: 'a file is named after what it is about',
    breaches: sources =>
      [...sources.keys()].filter(path =>
        path.split('/').some(part => VAGUE_NAMES.includes(part.replace(/(\.d)?\.[cm]?ts$/, ''))),
      ),
    planted: [{ 'hooks/utils.ts': '' }, { 'common/names.ts': '' }, { 'handshake/types.d.ts': '' }],
    lawful: { 'handshake/failure-types.ts': '' },
  },
  {
    name: 'no read that is unsafe on some key or some Node',
    breaches: linesWith(line => UNSAFE_READS.test(line)),
    planted: [
      { 'hooks/socket-facts.ts': 'const leaf = socket.getPeerCertificate(true);' },
      { 'certificate/peer-certificate.ts': 'return x509 . toLegacyObject ();' },
      { 'hooks/socket-facts.ts': "read(socket, 'getPeerCertificate');" },
    ],
    lawful: { 'hooks/socket-facts.ts': '/* getPeerCertificate() aborts here. */ // getPeerCertificate()\nlet a;' },
  },
  {
    name: 'one file answers for the delicate reads of sockets',
    breaches: linesWith((line, path) => DELICATE_READS.test(line) && path !== DELICATE_READER),
    planted: [
      { 'hooks/seam.ts': 'socket._handle.verifyError();' },
      { 'telemetry/span-sink.ts': "socket['_handle']" },
      { 'identity/tls-peer.ts': 'socket.getPeerX509Certificate()' },
      { 'hooks/seam.ts': 'TLSSocket.prototype.getSession.call(socket)' },
    ],
    lawful: { 'hooks/socket-facts.ts': 'socket._handle', 'hooks/seam.ts': '// _handle is read elsewhere\nlet a;' },
  },
  {
    name: 'only the command line writes to the terminal; the preload has plain lines on stderr',
    breaches: linesWith((line, path) => {
      if (path.startsWith('cli/')) return false;
      return (
        /\bconsole\s*\.|\bstdout\b/.test(line) ||
        (/\bstderr\b/.test(line) && !['register.ts', 'preload/plain-lines.ts'].includes(path))
      );
    }),
    planted: [
      { 'register.ts': "console.error('no collector');" },
      { 'register.ts': "process.stdout.write('x');" },
      { 'hooks/seam.ts': "process.stderr.write('x');" },
    ],
    lawful: {
      'cli/watch.ts': "console.log('x')",
      'register.ts': "process.stderr.write('no collector') // console.error",
    },
  },
  {
    name: 'nothing that runs in an application asks for what others instrument: it would switch those on that came before us, and those that come after us would wait in vain',
    breaches: linesWith(
      (line, path) =>
        !/^(?:cli|audit|probe)\//.test(path) &&
        /getBuiltinModule\s*\(|^(?!\s*import type\b).*\b(from|require\s*\(|import\s*\()\s*['"](node:)?(http|https|http2|net|tls|dns)['"]/.test(
          line,
        ),
    ),
    planted: [
      { 'hooks/seam.ts': "const { Server } = process.getBuiltinModule('node:http');" },
      { 'hooks/seam.ts': "import * as https from 'node:https';" },
      { 'instrumentation.ts': "const http = require('http');" },
      { 'telemetry/flood-control.ts': "import { isIPv4 } from 'node:net';" },
    ],
    lawful: { 'hooks/seam.ts': "import type { ClientRequest } from 'node:http';", 'cli/a.ts': "import 'node:http';" },
  },
  {
    // Where attributes go past the policy of privacy. The sinks' tracer and logger have it in them: they come of Providers.
    name: 'attributes get out by one door',
    breaches: linesWith((line, path) => {
      if (path.startsWith('cli/') || path === 'telemetry/disclosure.ts') return false;
      if (/\.(setAttributes|recordException)\s*\(/.test(line)) return true;
      if (/\.(setAttribute|addEvent|startSpan)\s*\(/.test(line)) return !ON_SPANS_OF_OUR_OWN.includes(path);
      return (
        /\.(getTracer|getLogger|getTracerProvider|getLoggerProvider)\s*\(/.test(line) && !OF_PROVIDERS.includes(path)
      );
    }),
    planted: [
      { 'telemetry/decision-events.ts': 'span.addEvent(name, attributes);' },
      { 'requests.ts': "span.setAttribute('enduser.id', user);" },
      { 'telemetry/span-sink.ts': 'span.setAttributes(attributes);' },
      { 'telemetry/new-sink.ts': "logs.getLoggerProvider().getLogger('a').emit({ attributes });" },
      { 'telemetry/new-sink.ts': "const tracer = trace.getTracer('a');" },
    ],
    lawful: {
      'telemetry/disclosure.ts': 'span.setAttributes(attributes);',
      'telemetry/a.ts': 'spans.addEventTo(span);',
    },
  },
  {
    name: 'hooks leave no listener on anything',
    breaches: linesWith(
      (line, path) =>
        path.startsWith('hooks/') && /\.(on|once|addListener|prependListener|prependOnceListener)\s*\(/.test(line),
    ),
    planted: [
      { 'hooks/seam.ts': "socket.on('error', error => note(error));" },
      { 'hooks/seam.ts': 'socket.prependOnceListener(errorMonitor, note);' },
    ],
  },
  {
    name: "nothing but the command line listens on 'error'",
    breaches: linesWith(
      (line, path) =>
        !path.startsWith('cli/') &&
        /\.(on|once|addListener|prependListener|prependOnceListener)\s*\(\s*(['"`]error['"`]|errorMonitor)/.test(line),
    ),
    planted: [{ 'instrumentation.ts': "server.once( 'error', () => {});" }],
    lawful: { 'register.ts': "process.once('beforeExit', flush);" },
  },
];

describe('the architecture', () => {
  const sources = readSources(SOURCES);

  it('finds the sources and their imports', () => {
    assert.ok(sources.has('handshake/handshake.ts'), [...sources.keys()].join('\n'));
    assert.ok(
      imports(sources).some(
        ({ from, to }) => from === 'handshake/handshake.ts' && to === 'certificate/peer-certificate.ts',
      ),
    );
  });

  it('resolves every import between its own files', () => {
    const lost = imports(sources).filter(({ to, local }) => local && !sources.has(to));
    assert.deepEqual(lost, []);
  });

  for (const law of LAWS) {
    describe(law.name, () => {
      it('is kept', () => {
        assert.deepEqual(law.breaches(sources), []);
      });

      for (const planted of law.planted) {
        it(`is broken by ${JSON.stringify(planted)}`, () => {
          assert.notDeepEqual(law.breaches(new Map(Object.entries(planted))), []);
        });
      }

      const { lawful } = law;
      if (lawful) {
        it('lets pass what only looks like a breach', () => {
          assert.deepEqual(law.breaches(new Map(Object.entries(lawful))), []);
        });
      }
    });
  }
});

describe('the pure rooms', () => {
  // Four milliseconds cold: not for an application whose certificates nobody asks for. (This loads every file of the
  // rooms, so that coverage counts them all.)
  it('load nothing but themselves and what single files may, and leave the ASN.1 parser asleep', () => {
    const files = [...readSources(SOURCES).keys()]
      .filter(path => PURE_ROOMS.includes(roomOf(path)))
      .concat(Object.values(PURE_PARTS).flatMap(parts => parts.filter(part => part.endsWith('.ts'))))
      .map(path => join(__dirname, '../src', path.replace(/\.ts$/, '.js')));
    const program = `for (const file of ${JSON.stringify(files)}) require(file);
      console.log(Object.keys(require.cache).filter(path => !${JSON.stringify(files)}.includes(path)).join('\\n'));`;
    assert.ok(files.length > 3);
    assert.equal(execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' }).trim(), '');
  });
});

interface Import {
  readonly from: string;
  /** The path from `src/` of a file of ours, or the module's name. */
  readonly to: string;
  readonly local: boolean;
}

/** Every import, export-from, require and dynamic import of a literal; type-only ones too: a layer is a layer. */
function imports(sources: Sources): Import[] {
  const found = /\b(?:from|import|require\s*\(|import\s*\()\s*(['"])([^'"\n]+)\1/g;
  return [...sources].flatMap(([from, text]) =>
    [...withoutComments(text).matchAll(found)].map(match => {
      const specifier = match[2] as string;
      if (!specifier.startsWith('.') || specifier.endsWith('.json')) return { from, to: specifier, local: false };
      return { from, to: resolved(posix.join(posix.dirname(from), specifier), sources), local: true };
    }),
  );
}

function resolved(path: string, sources: Sources): string {
  const named = path.replace(/\.js$/, '');
  return sources.has(`${named}/index.ts`) ? `${named}/index.ts` : `${named}.ts`;
}

/** Each way round by which a file comes back to itself, starting at its first file in order. */
function cycles(sources: Sources): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to, local } of imports(sources)) {
    if (local) next.set(from, [...(next.get(from) ?? []), to]);
  }
  const found: string[][] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    const seen = path.indexOf(file);
    if (seen >= 0) found.push([...path.slice(seen), file]);
    if (seen >= 0 || done.has(file)) return;
    for (const to of next.get(file) ?? []) walk(to, [...path, file]);
    done.add(file);
  };
  for (const file of [...sources.keys()].sort()) walk(file, []);
  return found;
}

/** A law over single lines of code: comments are gone, strings are still there. */
function linesWith(isBreach: (line: string, path: string) => boolean): (sources: Sources) => string[] {
  return sources =>
    [...sources].flatMap(([path, text]) =>
      withoutComments(text)
        .split('\n')
        .flatMap((line, index) => (isBreach(line, path) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
    );
}

/**
 * The text with each comment replaced by its line breaks. Strings and regular expressions are stepped over, so that a
 * `//` inside them is no comment.
 */
function withoutComments(text: string): string {
  const strings = /(['"])(?:\\.|(?!\1)[^\\\n])*\1|`(?:\\.|[^\\`])*`/;
  const patterns = /(?<=[=(,:;!&|?[{}]\s*|\breturn\s+)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\//;
  const comments = /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)/;
  const any = new RegExp([strings, patterns, comments].map(({ source }) => source).join('|'), 'g');
  return text.replace(any, (whole, ...rest) => {
    const { comment } = rest.at(-1) as { comment?: string };
    return comment === undefined ? whole : comment.replace(/[^\n]+/g, ' ');
  });
}

function roomOf(path: string): string {
  return (path.split('/')[0] as string).replace(/\.ts$/, '');
}

/** `protobufjs` for `protobufjs/minimal`, `@opentelemetry/api` for itself. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function readSources(folder: string): Sources {
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
      .map(entry => join(entry.parentPath, entry.name))
      .map(path => [relative(folder, path).replaceAll('\\', '/'), readFileSync(path, 'utf8')]),
  );
}
