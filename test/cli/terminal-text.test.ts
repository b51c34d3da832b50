import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { coloured, columnsOf, paintFor, plain, printable, printableJson, widthOf } from '../../src/cli/terminal-text';

/** Each was used to deceive somebody's terminal or eyes. */
const HOSTILE: readonly (readonly [what: string, text: string, shown: string])[] = [
  ['a colour', '\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
  ['a cleared screen', '\x1bc\x1b[2J', '\\x1bc\\x1b[2J'],
  ['a window title', '\x1b]0;owned\x07', '\\x1b]0;owned\\x07'],
  ['an eight-bit CSI', '\x9b2J', '\\x9b2J'],
  ['another line', 'CN=a\n12:00  ✓ established', 'CN=a\\n12:00  ✓ established'],
  ['an overwritten line', 'CN=evil\rCN=good', 'CN=evil\\rCN=good'],
  ['backspaces', 'evil\b\b\b\bgood', 'evil\\x08\\x08\\x08\\x08good'],
  ['tabs and bells', '\t\x07\x00\x7f', '\\t\\x07\\x00\\x7f'],
  ['right-to-left override', 'CN=\u202egpj.exe', 'CN=\\u{202e}gpj.exe'],
  ['bidirectional isolates', '\u2066a\u2069\u200f', '\\u{2066}a\\u{2069}\\u{200f}'],
  ['invisible letters', 'ad\u200bmin\u2060\ufeff\u3164\u00ad', 'ad\\u{200b}min\\u{2060}\\u{feff}\\u{3164}\\xad'],
  ['line and paragraph separators', 'a\u2028b\u2029c', 'a\\u{2028}b\\u{2029}c'],
  ['tag characters', 'a\u{e0041}', 'a\\u{e0041}'],
  ['lone surrogates', 'a\ud800b', 'a\\u{d800}b'],
  ['private use', '\ue000\u{100000}', '\\u{e000}\\u{100000}'],
  ['stacked accents', `Z${'\u0301'.repeat(50)}`, 'Z\u0301\u0301'],
];

describe("somebody else's text on a terminal", () => {
  for (const [what, text, shown] of HOSTILE)
    it(`is shown, not obeyed: ${what}`, () => assert.equal(printable(text), shown));

  it('is left alone when it is honest, in whatever script', () => {
    for (const text of [
      'CN=billing,O=Acme',
      'CN=Zoë Müller,O=Ægir',
      'CN=山田太郎',
      'CN=Ольга',
      'CN=שרה',
      'e\u0301 ✓ 🙂',
    ])
      assert.equal(printable(text), text);
  });

  it('is cut at the limit, and says so', () => {
    assert.equal(printable('a'.repeat(10), 10), 'a'.repeat(10));
    assert.equal(printable('a'.repeat(11), 10), `${'a'.repeat(9)}…`);
    assert.equal(printable('🙂'.repeat(11), 10), `${'🙂'.repeat(9)}…`);
    assert.equal([...printable('\x1b'.repeat(100), 10)].length, 10);
    assert.equal([...printable('x'.repeat(50_000_000))].length, 200);
  });

  it('costs the reader of JSON nothing: it is the same value, on one line', () => {
    const value = Object.fromEntries(HOSTILE.map(([what, text]) => [what, text]));
    const line = printableJson(value);
    assert.deepEqual(JSON.parse(line), value);
    assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
  });

  it('is measured in columns', () => {
    assert.equal(columnsOf('CN=a'), 4);
    assert.equal(columnsOf('山田'), 4);
    assert.equal(columnsOf('e\u0301'), 1);
    assert.equal(columnsOf('🙂'), 2);
  });
});

describe('colours', () => {
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 97, hasColors: () => true });
  const pipe = new PassThrough();

  for (const [what, stream, environment, expected] of [
    ['a terminal', terminal, {}, coloured],
    ['a pipe', pipe, {}, plain],
    ['a terminal with NO_COLOR', terminal, { NO_COLOR: '1' }, plain],
    ['a terminal with an empty NO_COLOR', terminal, { NO_COLOR: '' }, coloured],
    ['a pipe with FORCE_COLOR', pipe, { FORCE_COLOR: '1' }, coloured],
    ['a terminal with FORCE_COLOR=0', terminal, { FORCE_COLOR: '0' }, plain],
    ['a pipe with FORCE_COLOR and NO_COLOR', pipe, { FORCE_COLOR: '1', NO_COLOR: '1' }, coloured],
    [
      'a terminal that knows none',
      Object.assign(new PassThrough(), { isTTY: true, hasColors: () => false }),
      {},
      plain,
    ],
  ] as const)
    it(`${expected === plain ? 'are not used' : 'are used'} on ${what}`, () =>
      assert.equal(paintFor(stream, environment), expected));

  it('do not depend on what stdout is, once decided', () => {
    assert.equal(coloured('good', 'yes'), '\x1b[32myes\x1b[39m');
    assert.equal(coloured('normal', 'yes'), 'yes');
    assert.equal(plain('good', 'yes'), 'yes');
  });

  it('and columns are those of the terminal, 120 in a pipe', () => {
    assert.equal(widthOf(terminal), 97);
    assert.equal(widthOf(pipe), 120);
    assert.equal(widthOf(Object.assign(new PassThrough(), { isTTY: true, columns: 20 })), 60);
    assert.equal(widthOf(Object.assign(new PassThrough(), { isTTY: true, columns: 400 })), 140);
  });
});
