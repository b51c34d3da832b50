import { boundedText } from './untrusted-text';

/** Bytes of UTF-8. */
export const MAX_NAME_BYTES = 1024;

/**
 * A distinguished name as RFC 4514 writes it, from what Node prints: most specific first, `CN=alice,O=Acme,C=US`, several
 * values of one step joined by `+`. Attribute types are OpenSSL's short names, which are those of RFC 4514 section 3 where it
 * has one (`street` in lower case; they are case-insensitive) and `emailAddress`, `serialNumber`, `SN`, `GN` beyond; others
 * are dotted object identifiers. The empty string is the empty name.
 *
 * Node prints a name in the order of its encoding, one step a line, with RFC 2253's escapes for `,+"\<>;`, for `#` or a space in
 * front, for a space at the end, and for control characters: a line feed or plus sign that is not escaped is never the
 * peer's. Witnessed with hostile names on Node 20, 22, 24, 26 (test/certificate/distinguished-name.test.ts); C1 controls,
 * bidirectional marks and separators come through it untouched and are escaped here.
 */
export function distinguishedName(printed: string): string {
  const steps = printed.split('\n').reverse();
  const written = printed.includes(' + ') ? steps.map(severalValued) : steps;
  return boundedText(written.join(','), MAX_NAME_BYTES, 'name');
}

/** Node puts ` + ` between the values of one step. Turned round like the steps, so that OpenSSL and its users agree. */
function severalValued(step: string): string {
  const values = step.match(UP_TO_A_PLUS_SIGN);
  if (values === null || values.length === 1) return step;
  const last = values.length - 1;
  return values
    .map((value, at) => value.slice(at === 0 ? 0 : 1, at === last ? undefined : -1))
    .reverse()
    .join('+');
}

const UP_TO_A_PLUS_SIGN = /(?:\\.|[^\\+])+/gsu;
