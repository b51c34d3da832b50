import { Buffer } from 'node:buffer';

/**
 * How a text uses the backslash:
 *
 * - `name`: a distinguished name, where `\,` and `\0A` are escapes already (RFC 4514 section 2.4). They stay as they are.
 * - `plain`: everything else. A backslash of the peer's is escaped too (`\5C`), so that nobody can write an escape of ours.
 */
export type Backslash = 'name' | 'plain';

/**
 * A peer's text as it may be shown: what can mislead a terminal, a log or a reader is escaped as RFC 4514 does it, a
 * backslash and two hex digits for every byte of UTF-8 (line feed `\0A`, right-to-left override `\E2\80\AE`), and what is
 * longer than `maxBytes` of UTF-8 is cut, never within a character or an escape, and ends in `…`, which counts.
 *
 * The result is a string of its own: a slice would keep all of the peer's text alive.
 */
export function boundedText(text: string, maxBytes: number, backslash: Backslash): string {
  if (text.length <= maxBytes) {
    if (PRINTABLE_ASCII.test(text)) return Buffer.from(text, 'latin1').toString('latin1');
    const whole = backslash === 'name' || !text.includes('\\');
    if (whole && Buffer.byteLength(text) <= maxBytes && !MISLEADING.test(text)) return copied(text);
  }

  let shown = '';
  let bytes = 0;
  let cut = 0;
  for (const [token] of text.matchAll(backslash === 'name' ? NAME_TOKENS : CHARACTERS)) {
    const piece = displayed(token);
    bytes += Buffer.byteLength(piece);
    if (bytes > maxBytes) return copied(`${shown.slice(0, cut)}${CUT}`);
    shown += piece;
    if (bytes <= maxBytes - CUT_BYTES) cut = shown.length;
  }
  return copied(shown);
}

/** An escape or a character as it is shown. */
function displayed(token: string): string {
  if (token === '\\') return '\\5C';
  const character = token.length === 2 && token[0] === '\\' ? token.slice(1) : token;
  return MISLEADING.test(character) ? hexEscaped(character) : token;
}

function hexEscaped(character: string): string {
  const point = character.codePointAt(0)!;
  // Buffer would replace a lone surrogate; here it keeps its identity, as the three bytes it would be.
  const bytes =
    point >= 0xd800 && point <= 0xdfff
      ? [0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f)]
      : [...Buffer.from(character)];
  return bytes.map(byte => `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function copied(text: string): string {
  return Buffer.from(text).toString();
}

const CUT = '…';
const CUT_BYTES = 3;

/** The common case, which needs no second look. Without the backslash. */
const PRINTABLE_ASCII = /^[\x20-\x5b\x5d-\x7e]*$/;

const CHARACTERS = /./gsu;
const NAME_TOKENS = /\\(?:[0-9A-Fa-f]{2}|.)|./gsu;

/**
 * Control characters (C0, DEL, C1), formatting characters (bidirectional marks, zero-width joiners, tags), lone surrogates,
 * line and paragraph separators, and whatever Unicode says is drawn as nothing at all (variation selectors, fillers).
 */
const MISLEADING = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
