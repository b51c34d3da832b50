import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const CHECKOUT = join(__dirname, '../../..');
const FOLDERS = ['.', 'docs', 'examples', 'collector-config'];

/** What a document says exists, and where: a word that it uses, a line that shows it to the reader. */
const CLAIMS: Readonly<Record<string, (text: string, folder: string) => string[]>> = {
  'npm scripts': text => [...text.matchAll(/\bnpm run ([\w:-]+)/g)].map(match => match[1] as string).filter(isNoScript),
  'files and folders': text =>
    [...text.matchAll(/`((?:src|test|docs|examples|collector-config|\.github|\.ci)\/[\w./-]*)`/g)]
      .map(match => match[1] as string)
      .filter(path => !existsSync(join(CHECKOUT, path))),
  'links within the repository': (text, folder) =>
    [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(match => match[1] as string)
      .filter(path => !existsSync(join(CHECKOUT, folder, path))),
  'places within the document': text =>
    [...text.matchAll(/\]\(#([^)]+)\)/g)].map(match => match[1] as string).filter(place => !places(text).has(place)),
};

const SCRIPTS = Object.keys(JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')).scripts);

describe('the documents', () => {
  const documents = FOLDERS.flatMap(folder => markdownIn(folder)).map(path => ({
    path,
    text: readFileSync(join(CHECKOUT, path), 'utf8'),
  }));

  it('are there', () => {
    const paths = documents.map(({ path }) => path);
    for (const path of ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']) {
      assert.ok(paths.includes(path), `${path} is not there`);
    }
  });

  for (const [what, missing] of Object.entries(CLAIMS)) {
    it(`name only ${what} that exist`, () => {
      const lost = documents.flatMap(({ path, text }) => missing(text, dirname(path)).map(name => `${path}: ${name}`));
      assert.deepEqual(lost, []);
    });
  }

  it('would be caught naming what is not there', () => {
    const text =
      'Run `npm run nothing`, see `src/nowhere.ts`, [this](NOWHERE.md) and [that](#nothing-here).\n\n# Here\n';
    for (const [what, missing] of Object.entries(CLAIMS)) assert.equal(missing(text, '.').length, 1, what);
  });
});

function markdownIn(folder: string): string[] {
  if (!existsSync(join(CHECKOUT, folder))) return [];
  return readdirSync(join(CHECKOUT, folder), { recursive: folder !== '.', encoding: 'utf8' })
    .filter(name => name.endsWith('.md') && !name.includes('node_modules'))
    .map(name => join(folder, name));
}

function isNoScript(name: string): boolean {
  return !SCRIPTS.includes(name);
}

/** The anchors that GitHub gives to headings. */
function places(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/^#+ +(.+)$/gm)].map(match =>
      (match[1] as string)
        .trim()
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
