import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAILURE_REASONS } from '../../src/handshake/failure-reasons';
import * as frontDoor from '../../src/index';
import { explanationOf } from '../../src/telemetry/events';
import { SPAN_NAMES } from '../../src/telemetry/span-names';
import { ENVIRONMENT } from './environment';
import { codeBlocks } from './markdown';
import { withFreshTables } from './readme-tables';

const CHECKOUT = join(__dirname, '../../..');
const readme = readFileSync(join(CHECKOUT, 'README.md'), 'utf8');

/** Languages of code blocks that are held to a file, and where such a file may lie. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  js: ['examples'],
  mjs: ['examples'],
  yaml: ['collector-config'],
};

/** The other languages: run by commands.test.ts, or shown and never copied. */
const OTHER_LANGUAGES = ['sh', 'text'];

describe('the README', () => {
  it('has the tables that the code makes: else run `npm run docs`', () => {
    const fresh = withFreshTables(readme);
    const lines = readme.split('\n');
    assert.deepEqual(
      fresh.split('\n').filter(line => !lines.includes(line)),
      [],
    );
    assert.ok(readme === fresh, 'there are lines that no row stands for any more');
  });

  it('would be found stale if a table were changed by hand', () => {
    const changed = readme.replace('`certificate_expired` | WARN', '`certificate_expired` | INFO');
    assert.notEqual(changed, readme);
    assert.notEqual(changed, withFreshTables(changed));
  });

  it('cannot lose a table unseen', () => {
    assert.throws(() => withFreshTables(readme.replace('<!-- events:begin -->', '')), /no place for the table events/);
    assert.throws(() => withFreshTables(`${readme}<!-- odd:begin -->`), /unknown tables: odd/);
  });

  it('shows only code that is part of a file that runs', () => {
    const blocks = codeBlocks(readme);
    assert.ok(blocks.some(({ language }) => language === 'js'));
    for (const { language, text } of blocks) {
      if (OTHER_LANGUAGES.includes(language)) continue;
      const folders = SOURCES[language];
      assert.ok(folders, `no file is known for a block of ${language || 'no language'}:\n${text}`);
      const found = folders.flatMap(folder => filesBelow(folder)).some(file => hasLines(file, text));
      assert.ok(found, `these lines are in no file below ${folders.join(', ')}:\n${text}`);
    }
  });

  // What it is to be given depends on the package: with what another expects every span is lost.
  it('shows where a BatchSpanProcessor comes from', () => {
    const shown = codeBlocks(readme).filter(({ text }) => text.includes('BatchSpanProcessor('));
    assert.ok(shown.length > 0);
    for (const { text } of shown) assert.match(text, /^const \{.*\b(?:tracing|BatchSpanProcessor)\b.*\} = require\(/m);
  });

  // What is copied out of the README often goes into TypeScript. Only its lines: what stands around them in the examples is
  // written for readers of JavaScript.
  it('shows only code that strict TypeScript takes', () => {
    const shown = codeBlocks(readme).filter(({ language }) => language === 'js' || language === 'mjs');
    const files = filesBelow('examples').filter(file => /\.m?js$/.test(file));
    const complaints = complaintsOfTypeScript(files);
    // Of the examples as a whole there are some: that none is heard is not for want of a compiler.
    assert.ok(complaints.length > 0);
    for (const { text } of shown) {
      for (const file of files) {
        const lines = linesOf(file, text);
        const ofThese = complaints.filter(complaint => complaint.file === file && lines.includes(complaint.line));
        assert.deepEqual(ofThese, []);
      }
    }
  }).timeout(60_000);

  it('names the variables of the environment that the code reads, and no others as its own', () => {
    // What the command line says of them, and what the audit advises, is for other processes.
    const files = filesBelow('src').filter(file => !/^src\/(?:cli\/|audit\/findings\.ts)/.test(file));
    const read = new Set(files.flatMap(file => variablesIn(readFileSync(join(CHECKOUT, file), 'utf8'))));
    const options = [...read].filter(name => name.startsWith('OTEL_INSTRUMENTATION_TLS_'));
    const ours = Object.keys(ENVIRONMENT).filter(name => ENVIRONMENT[name]?.ours);
    assert.ok(options.length > 0);
    assert.deepEqual([...read].sort(), [...options, ...ours].sort());
  });

  it('lists what the package exports, all of it and nothing else', () => {
    const [, section] = /\n## What the package exports\n([\s\S]*?)\n## /.exec(readme) ?? [];
    assert.ok(section);
    const cells = [...section.matchAll(/^\| (`.*?) \|/gm)].map(match => match[1] as string);
    const listed = cells.flatMap(cell => [...cell.matchAll(/`(\w+)`/g)].map(match => match[1] as string));
    assert.deepEqual(listed.sort(), Object.keys(frontDoor).sort());

    const paths = [...section.matchAll(/`opentelemetry-instrumentation-tls(\/?[^` ]*)`/g)].map(match => `.${match[1]}`);
    const { exports } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8'));
    // A package.json is every package's, and for tools.
    const entries = Object.keys(exports).filter(path => path !== './package.json');
    assert.deepEqual(paths.sort(), entries.sort());
  });

  it('names every span, and what an event says beside the handshake', () => {
    const words = [...Object.values(SPAN_NAMES), ...Object.keys(explanationOf('_OTHER'))];
    for (const word of words) assert.ok(readme.includes(`\`${word}\``), word);
  });

  it('names no reason that does not exist', () => {
    const named = [...readme.matchAll(/error\.type=([a-z_]+)/g)].map(match => match[1] as string);
    assert.ok(named.length > 0);
    for (const name of named) assert.ok(Object.hasOwn(FAILURE_REASONS, name), name);
  });

  it('names the versions of OpenTelemetry and Node that are tested', () => {
    const lock = JSON.parse(readFileSync(join(CHECKOUT, 'package-lock.json'), 'utf8'));
    const ci = readFileSync(join(CHECKOUT, '.ci/run'), 'utf8');
    const sdk2 = /^\d+\.\d+/.exec(lock.packages['node_modules/@opentelemetry/sdk-node'].version)?.[0];
    const sdk3 = /sdk-node@~(\d+\.\d+)\./.exec(ci)?.[1];
    assert.match(readme, new RegExp(`SDK 2 .* tested with ${sdk2} on every Node`));
    // What makes a package manager choose SDK 2, where it does not look at `engines`.
    const api = /^\d+\.\d+/.exec(lock.packages['node_modules/@opentelemetry/api'].version)?.[0];
    for (const line of [`/api": "~${api}.0"`, `/sdk-node": "^${sdk2}.0"`, `/exporter-trace-otlp-http": "^${sdk2}.0"`]) {
      assert.ok(readme.includes(`  "@opentelemetry${line}`), line);
    }
    const besideSdk3 = /^ {2}for major in (\d+) (\d+) (\d+); do$/m.exec(ci)?.slice(1) ?? [];
    assert.equal(besideSdk3.length, 3);
    const [oldest, middle, newest] = besideSdk3;
    assert.match(readme, new RegExp(`SDK 3 .* tested with ${sdk3} on Node ${oldest}, ${middle} and ${newest} `));
    const nodes = /^NODES=\((.*)\)$/m
      .exec(ci)?.[1]
      ?.split(' ')
      .map(version => version.split('.')[0]);
    assert.match(readme, new RegExp(`\\| Node \\| 20 .*, ${nodes?.join('.*, ')}`));
  });

  it('names no path of somebody’s machine', () => {
    assert.doesNotMatch(readme, /\/(?:home|Users|root|tmp|work)\//);
  });
});

/** Paths from the checkout's root. */
function filesBelow(folder: string): string[] {
  return readdirSync(join(CHECKOUT, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(CHECKOUT.length + 1));
}

function hasLines(file: string, lines: string): boolean {
  return linesOf(file, lines).length > 0;
}

/**
 * The numbers, from 1 on, of the lines of a file that are these, in a row, whatever they are indented by together and
 * however many empty ones are between them. Empty when they are not in it.
 */
function linesOf(file: string, lines: string): number[] {
  const filled = (text: string) =>
    text
      .split('\n')
      .map((line, index) => ({ text: line.trimStart(), number: index + 1 }))
      .filter(line => line.text !== '');
  const there = filled(readFileSync(join(CHECKOUT, file), 'utf8'));
  const wanted = filled(lines);
  const begin = there.findIndex((_, index) => wanted.every(({ text }, after) => there[index + after]?.text === text));
  return begin < 0 ? [] : there.slice(begin, begin + wanted.length).map(({ number }) => number);
}

interface Complaint {
  readonly file: string;
  readonly line: number;
  readonly said: string;
}

/** `noImplicitAny` alone is off: without it a function of JavaScript has parameters of no type. */
function complaintsOfTypeScript(files: readonly string[]): Complaint[] {
  const options = ['--noEmit', '--allowJs', '--checkJs', '--strict', '--noImplicitAny', 'false', '--skipLibCheck'];
  const project = [
    '--ignoreConfig',
    '--module',
    'node16',
    '--target',
    'es2022',
    '--types',
    'node',
    '--pretty',
    'false',
  ];
  const compiler = join(CHECKOUT, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [compiler, ...options, ...project, ...files], {
    cwd: CHECKOUT,
    encoding: 'utf8',
  });
  return [...stdout.matchAll(/^(\S+)\((\d+),\d+\): error (.*)$/gm)].map(([, file, line, said]) => ({
    file: file as string,
    line: Number(line),
    said: said as string,
  }));
}

/** Read as a property of an environment, or told to the SDK: in quotes, whole. */
function variablesIn(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  return [...code.matchAll(/\bOTEL_[A-Z_]+\b/g)].map(match => match[0]);
}
