import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeBlocks } from './markdown';

const CHECKOUT = join(__dirname, '../../..');

describe('ARCHITECTURE.md', () => {
  const text = readFileSync(join(CHECKOUT, 'ARCHITECTURE.md'), 'utf8');
  const drawn = codeBlocks(text).flatMap(block => pathsDrawn(block.text));

  it('draws only files and folders that exist', () => {
    assert.ok(drawn.includes('src/hooks/socket-facts.ts'), drawn.join('\n'));
    assert.deepEqual(
      drawn.filter(path => !existsSync(join(CHECKOUT, path))),
      [],
    );
  });

  it('leaves no file of src out', () => {
    const files = readdirSync(join(CHECKOUT, 'src'), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name).slice(CHECKOUT.length + 1));
    assert.deepEqual(
      files.filter(path => !drawn.includes(path)),
      [],
    );
  });

  it('speaks only of names that stand in the sources', () => {
    const sources = drawn.filter(path => /^src\/.*\.ts$/.test(path));
    const code = sources.map(path => readFileSync(join(CHECKOUT, path), 'utf8')).join('\n');
    const prose = text.replace(/```[\s\S]*?```/g, '');
    const names = [...prose.matchAll(/`(\w+)(?:\(\))?`/g)].map(match => match[1] as string);
    assert.ok(names.includes('_finishInit') && names.includes('conclude'), names.join());
    assert.deepEqual(
      names.filter(name => !new RegExp(`\\b${name}\\b`).test(code)),
      [],
    );
  });
});

/** The paths of a drawn tree: two spaces a level, folders end in a slash, an explanation after two spaces or more. */
function pathsDrawn(block: string): string[] {
  if (!/^[a-z]+\/\n/.test(block)) return [];
  const folders: string[] = [];
  return block.split('\n').flatMap(line => {
    const [, indent, name] = /^( *)(\S+)/.exec(line) ?? [];
    if (indent === undefined || name === undefined) return [];
    const level = indent.length / 2;
    folders.length = level;
    folders[level] = name;
    return [folders.join('')];
  });
}
