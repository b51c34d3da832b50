import assert from 'node:assert/strict';
import { boundedText } from '../../src/certificate/untrusted-text';

describe('a text of a peer', () => {
  it('stays as it is when it is harmless, in whatever language', () => {
    for (const text of ['', 'alice', 'a, b = "c" <d>', 'zoë', '学生', 'naïve 😀', 'שלום', 'a\u00a0b']) {
      assert.equal(boundedText(text, 1024, 'plain'), text);
    }
  });

  const MISLEADING: ReadonlyArray<readonly [string, string, string]> = [
    ['a line feed', '\n', '\\0A'],
    ['a carriage return', '\r', '\\0D'],
    ['a NUL', '\0', '\\00'],
    ['the escape that begins a terminal command', '\x1b', '\\1B'],
    ['DEL', '\x7f', '\\7F'],
    ['the C1 form of a terminal command', '\u009b', '\\C2\\9B'],
    ['the C1 next line', '\u0085', '\\C2\\85'],
    ['a soft hyphen', '\u00ad', '\\C2\\AD'],
    ['an Arabic letter mark', '\u061c', '\\D8\\9C'],
    ['a zero-width space', '\u200b', '\\E2\\80\\8B'],
    ['a left-to-right mark', '\u200e', '\\E2\\80\\8E'],
    ['a line separator', '\u2028', '\\E2\\80\\A8'],
    ['a paragraph separator', '\u2029', '\\E2\\80\\A9'],
    ['a right-to-left override', '\u202e', '\\E2\\80\\AE'],
    ['an isolate', '\u2066', '\\E2\\81\\A6'],
    ['a Hangul filler, which is drawn as nothing', '\u3164', '\\E3\\85\\A4'],
    ['a variation selector', '\ufe0f', '\\EF\\B8\\8F'],
    ['a byte order mark', '\ufeff', '\\EF\\BB\\BF'],
    ['a tag character', '\u{e0041}', '\\F3\\A0\\81\\81'],
    ['a high surrogate alone', '\ud83d', '\\ED\\A0\\BD'],
    ['a low surrogate alone', '\ude00', '\\ED\\B8\\80'],
  ];
  for (const [what, character, escaped] of MISLEADING) {
    it(`shows ${what} as its bytes`, () => {
      assert.equal(boundedText(`a${character}b`, 1024, 'plain'), `a${escaped}b`);
      assert.equal(boundedText(`a${character}b`, 1024, 'name'), `a${escaped}b`);
    });
  }

  it('cannot forge an escape of ours: its own backslash is one', () => {
    assert.equal(boundedText('a\\0Ab', 1024, 'plain'), 'a\\5C0Ab');
    assert.equal(boundedText('a\nb', 1024, 'plain'), 'a\\0Ab');
  });

  it('keeps the escapes that a distinguished name brings', () => {
    assert.equal(boundedText('CN=a\\0Ab\\, c\\\\', 1024, 'name'), 'CN=a\\0Ab\\, c\\\\');
    assert.equal(boundedText('CN=é\\0Ab\\, c\\\\', 1024, 'name'), 'CN=é\\0Ab\\, c\\\\');
  });

  it('escapes what a backslash in a name tries to protect', () => {
    assert.equal(boundedText('CN=a\\\u202eb', 1024, 'name'), 'CN=a\\E2\\80\\AEb');
    assert.equal(boundedText('CN=a\\\\\u202eb', 1024, 'name'), 'CN=a\\\\\\E2\\80\\AEb');
    assert.equal(boundedText('CN=\u200ba\\', 1024, 'name'), 'CN=\\E2\\80\\8Ba\\5C');
  });
});

describe('a text of a peer that is too long', () => {
  it('is whole at the limit and cut one byte beyond it', () => {
    assert.equal(boundedText('a'.repeat(10), 10, 'plain'), 'a'.repeat(10));
    assert.equal(boundedText('a'.repeat(11), 10, 'plain'), `${'a'.repeat(7)}…`);
  });

  it('is measured in bytes of UTF-8, not in characters', () => {
    assert.equal(boundedText('é'.repeat(5), 10, 'plain'), 'é'.repeat(5));
    assert.equal(boundedText('é'.repeat(6), 10, 'plain'), 'ééé…');
    assert.equal(boundedText('😀'.repeat(3), 11, 'plain'), '😀😀…');
  });

  it('is never cut within an escape, whoever wrote it', () => {
    for (let limit = 3; limit < 24; limit++) {
      const ours = boundedText('a\u202e\u202e\u202eb', limit, 'plain');
      assert.match(ours, /^(a(\\E2\\80\\AE)*b?)?…?$/, `${limit}: ${ours}`);
      const theirs = boundedText('a\\0A\\,\\0D\\\\\\ b', limit, 'name');
      assert.match(theirs, /^(a?(\\0A)?(\\,)?(\\0D)?(\\\\)?(\\ )?b?)…?$/, `${limit}: ${theirs}`);
      for (const text of [ours, theirs]) assert.ok(Buffer.byteLength(text) <= limit, `${limit}: ${text}`);
    }
  });

  it('takes no longer when it is very long', () => {
    const text = `\u202e${'\n'.repeat(5_000_000)}`;
    const began = process.cpuUsage();
    assert.equal(Buffer.byteLength(boundedText(text, 256, 'plain')), 255);
    assert.ok(process.cpuUsage(began).user < 100_000);
  });
});
