import { Buffer } from 'node:buffer';
import { MAX_NAME_BYTES } from '../certificate/distinguished-name';
import { boundedText } from '../certificate/untrusted-text';

/** What a proxy copied out of a certificate, and the header it came in. */
export interface Copied<Value> {
  readonly value: Value;
  readonly header: string;
}

// How proxies write single fields. Each decoder returns undefined for what it cannot read.

/** Hex digits in any case, also with colons between bytes -> the number in upper-case hex, an even number of digits: `0A3F`. */
export function hexNumber(text: string): string | undefined {
  const digits = hexDigits(text);
  return digits === undefined ? undefined : evenHex(digits);
}

/** Decimal digits -> the same number in upper-case hex. Caddy's serial number. */
export function decimalNumber(text: string): string | undefined {
  return text.length <= MAX_DIGITS && /^\d+$/.test(text) ? evenHex(BigInt(text).toString(16)) : undefined;
}

export function sha256InHex(text: string): string | undefined {
  const digits = hexDigits(text);
  return digits?.length === 64 ? digits.toUpperCase() : undefined;
}

export function sha1InHex(text: string): string | undefined {
  const digits = hexDigits(text);
  return digits?.length === 40 ? digits.toUpperCase() : undefined;
}

/** `Oct  2 00:00:00 2026 GMT`, as OpenSSL prints it -> milliseconds since the epoch. */
export function opensslTime(text: string): number | undefined {
  const found = /^([A-Z][a-z]{2}) ([ \d]\d) (\d\d:\d\d:\d\d) (\d{4}) GMT$/.exec(text);
  const month = found === null ? 0 : MONTHS.indexOf(found[1]!) + 1;
  if (found === null || month === 0) return undefined;
  return isoTime(`${found[4]}-${twoDigits(month)}-${found[2]!.replace(' ', '0')}T${found[3]}Z`);
}

/** `261002000000Z`, as a certificate has it, years of two digits being 1950 to 2049 -> milliseconds since the epoch. */
export function utcTime(text: string): number | undefined {
  const found = /^(\d\d)?(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (found === null) return undefined;
  const [, century, year, month, day, hours, minutes, seconds] = found;
  return isoTime(
    `${century ?? (Number(year) >= 50 ? '19' : '20')}${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`,
  );
}

/** `2026-10-02T00:00:00.000Z`, `2022-07-01T18:05:09+00:00` -> milliseconds since the epoch. */
export function isoTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

/**
 * A distinguished name in the text of RFC 4514 or 2253, bytes as Node has them: in UTF-8, or each as `\C3`. The one-line
 * form (`/C=DE/CN=alice`) is another thing: `HeaderFields.name` leaves it out.
 */
export function distinguishedName(text: string): string | undefined {
  return text.length <= MAX_COPIED_NAME && ENDS_WHOLE.test(text) ? text : undefined;
}

/** A copied name as a certificate's own would be shown: UTF-8 decoded, bounded, what misleads escaped. */
export function nameToShow(text: string): string {
  const bytes = text.replace(ESCAPES, (whole, hex: string | undefined) =>
    hex !== undefined && Number.parseInt(hex, 16) >= 0x80 ? String.fromCharCode(Number.parseInt(hex, 16)) : whole,
  );
  return boundedText(Buffer.from(bytes, 'latin1').toString(), MAX_NAME_BYTES, 'name');
}

/**
 * Whether a copied name and the certificate's own can be the same. Escapes are undone as bytes, since each proxy has its
 * own, and what separates stays apart from what was escaped. True also where it cannot be told: a name that was cut, or a
 * kind of attribute that not everybody has a name for.
 */
export function mayBeSameName(copied: string, own: string): boolean {
  if (own.endsWith('…')) return true;
  const theirs = comparable(copied);
  const ours = comparable(Buffer.from(own).toString('latin1'));
  return theirs === undefined || ours === undefined || theirs === ours;
}

/** Bytes, with the separators of the syntax moved out of the range of bytes. Undefined: not comparable. */
function comparable(name: string): string | undefined {
  let kind = '';
  let atKind = true;
  let found = '';
  for (const [token, hex, escaped] of name.matchAll(NAME_TOKENS)) {
    if (hex !== undefined) found += String.fromCharCode(Number.parseInt(hex, 16));
    else if (escaped !== undefined) found += escaped;
    else if (token === ',' || token === '+') {
      found += token === ',' ? STEP : VALUE;
      atKind = true;
      kind = '';
    } else if (token === '=' && atKind) {
      if (!WELL_KNOWN.has(kind.toLowerCase()) && ANY_KIND.test(kind)) return undefined;
      found += `${kind.toLowerCase()}${EQUALS}`;
      atKind = false;
    } else if (atKind) kind += token;
    else if (token === '#' && found.endsWith(EQUALS)) return undefined;
    else found += token;
  }
  return atKind ? found + kind : found;
}

const STEP = '\uE000';
const VALUE = '\uE001';
const EQUALS = '\uE002';

/** OpenSSL, BoringSSL and Go agree how these are called. */
const WELL_KNOWN: ReadonlySet<string> = new Set(['cn', 'ou', 'o', 'c', 'l', 'st']);

/** Everything else before an equals sign is no name, and like no name. */
const ANY_KIND = /^(?:[A-Za-z][A-Za-z0-9-]*|\d[\d.]*)$/;

const NAME_TOKENS = /\\(?:([0-9A-Fa-f]{2})|(.))|./gs;
const ESCAPES = /\\(?:([0-9A-Fa-f]{2})|.)/gs;

/** Pairs of backslash and character, and nothing begun at the end. */
const ENDS_WHOLE = /^(?:[^\\]|\\.)*$/s;

function hexDigits(text: string): string | undefined {
  if (text.length > MAX_DIGITS || !/^[0-9A-Fa-f]+(?::[0-9A-Fa-f]{2})*$/.test(text)) return undefined;
  return text.replaceAll(':', '');
}

function evenHex(digits: string): string {
  const short = digits.replace(/^0+(?=.)/, '').toUpperCase();
  return short.length % 2 === 0 ? short : `0${short}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}

/** Twice what RFC 5280 allows for a serial number, and any fingerprint with colons. */
const MAX_DIGITS = 256;

/** Each byte of the longest name that is shown as an escape of three characters. */
const MAX_COPIED_NAME = 3 * MAX_NAME_BYTES;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
