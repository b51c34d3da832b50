import { styleText } from 'node:util';

/**
 * Somebody else's text, made fit for a terminal: one line, at most `limit` characters, and nothing in it that a terminal
 * obeys, reorders or hides. Control characters, ANSI escapes, bidirectional marks, invisible and unassigned characters
 * are written as escapes; stacked accents are thinned out.
 */
export function printable(text: string, limit = 200): string {
  // Far longer text is cut first: nobody pays for escaping what nobody will see.
  const escaped = text
    .slice(0, limit * 2)
    .replace(UNPRINTABLE, escapeOf)
    .replace(STACKED_MARKS, '$1');
  const characters = [...escaped];
  if (characters.length <= limit && text.length <= limit * 2) return escaped;
  return `${characters.slice(0, limit - 1).join('')}…`;
}

/**
 * JSON, on one line unless it is indented. The same value as `JSON.stringify` writes, with what a terminal would obey or
 * hide as \u escapes.
 */
export function printableJson(value: unknown, indentation?: number): string {
  return JSON.stringify(value, null, indentation).replace(UNPRINTABLE, character =>
    // Outside of strings only indentation breaks lines, and within them no break is written as itself.
    character === '\n'
      ? character
      : // The escape JSON knows is that of a UTF-16 unit, of which some characters have two.
        Array.from({ length: character.length }, (_, index) => `\\u${hex(character.charCodeAt(index), 4)}`).join(''),
  );
}

// Control, format (bidirectional marks and joiners among them), lone surrogate, private, unassigned; line and paragraph
// separators; and whatever else shows as nothing.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const STACKED_MARKS = /(\p{M}{2})\p{M}+/gu;

function escapeOf(character: string): string {
  const code = character.codePointAt(0)!;
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u{${hex(code, 4)}}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

/** Columns a terminal needs for `printable` text: some letters take two, an accent on another letter none. */
export function columnsOf(text: string): number {
  return [...text].length + (text.match(WIDE)?.length ?? 0) - (text.match(/\p{M}/gu)?.length ?? 0);
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60]/gu;

/** What a piece of text means, not how it looks. */
export type Tone = keyof typeof TONES;

/** Colours a piece of text, or leaves it as it is. */
export type Paint = (tone: Tone, text: string) => string;

const TONES = {
  normal: [],
  good: ['green'],
  /** A failure, as most are. */
  bad: ['yellow'],
  /** A failure that looks like an attack. */
  grave: ['bold', 'red'],
  /** Neither good nor bad: scans, lost connections. */
  noise: ['dim'],
  /** Times, rulers, details. */
  quiet: ['dim'],
  advice: ['cyan'],
  strong: ['bold'],
} satisfies Record<string, Exclude<Parameters<typeof styleText>[0], string>>;

export const plain: Paint = (_tone, text) => text;

export const coloured: Paint = (tone, text) =>
  // The decision was made by `paintFor`: without this, newer versions of Node look at stdout again.
  tone === 'normal' ? text : styleText([...TONES[tone]], text, { validateStream: false });

/** Colours for a terminal, none for a pipe; FORCE_COLOR and NO_COLOR (no-color.org) overrule, in this order. */
export function paintFor(stream: NodeJS.WritableStream, environment: NodeJS.ProcessEnv): Paint {
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined) return forced === '0' || forced === 'false' ? plain : coloured;
  if (environment['NO_COLOR']) return plain;
  const terminal = stream as Partial<import('node:tty').WriteStream>;
  return terminal.isTTY && terminal.hasColors?.(environment) ? coloured : plain;
}

/** Columns to fill: the terminal's, within reason; 120 in a pipe or a file. */
export function widthOf(stream: NodeJS.WritableStream): number {
  const { isTTY, columns } = stream as Partial<import('node:tty').WriteStream>;
  return isTTY && columns ? Math.max(60, Math.min(columns, 140)) : 120;
}
