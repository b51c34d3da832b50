import { boundedText } from './untrusted-text';

/** A subject alternative name. `value` is bounded and free of control characters. */
export interface AlternativeName {
  readonly type: 'DNS' | 'URI' | 'IP' | 'email' | 'otherName' | 'dirName' | 'RID';
  /**
   * At most 256 bytes. What can mislead a reader is escaped as in a distinguished name, a backslash and two hex digits for
   * every byte (`\0A`), and a backslash of the peer's own is `\5C`. An IP address is written as Node writes it
   * (`2001:DB8:0:0:0:0:0:1`); an otherName begins with its kind (`UPN:alice@acme.test`, `1.2.3.4:Hello`); a dirName is a
   * distinguished name, RFC 4514; a RID is a dotted object identifier.
   */
  readonly value: string;
}

export interface AlternativeNames {
  /** At most 64, in the certificate's order. */
  readonly names: readonly AlternativeName[];
  /** The first URI among them that is a SPIFFE id, never cut. */
  readonly spiffeId?: string | undefined;
}

export const MAX_ALTERNATIVE_NAMES = 64;
export const MAX_VALUE_BYTES = 256;

/** What Node prints for an otherName whose kind it does not know. `details.otherNames` knows more. */
export const UNSUPPORTED = '<unsupported>';

export const NO_ALTERNATIVE_NAMES: AlternativeNames = Object.freeze({ names: Object.freeze([]) });

/**
 * The names in what Node prints: `DNS:a.test, URI:spiffe://acme/alice, DNS:"a.test\u002c DNS:evil.test"`.
 *
 * A value with a comma, quote or control character stands in quotes with JSON's escapes, since Node 16.13.2
 * (CVE-2021-44532); so a value can never end early and pretend to be the next name. Whatever does not look like that ends
 * the reading. X.400 and EDI party names, which Node does not print, are left out.
 */
export function readAlternativeNames(printed: string): AlternativeNames {
  const names: AlternativeName[] = [];
  let spiffeId: string | undefined;
  ONE_NAME.lastIndex = 0;
  for (let read = 0; read < MAX_ALTERNATIVE_NAMES && ONE_NAME.lastIndex < printed.length; read++) {
    const found = ONE_NAME.exec(printed);
    if (found === null) break;
    const type = TYPES[found[1]!];
    if (type === undefined) continue;
    const value = unquoted(found[2]!);
    names.push(
      Object.freeze({ type, value: boundedText(value, MAX_VALUE_BYTES, type === 'dirName' ? 'name' : 'plain') }),
    );
    if (type === 'URI' && spiffeId === undefined && isSpiffeId(value)) {
      spiffeId = boundedText(value, MAX_SPIFFE_ID_BYTES, 'plain');
    }
  }
  return { names: Object.freeze(names), spiffeId };
}

/**
 * Whether a URI is a SPIFFE id: a trust domain of `[a-z0-9._-]`, a path of non-empty segments of `[A-Za-z0-9._-]` other
 * than `.` and `..` or none, no query, fragment, user or port, nothing percent-encoded.
 * SPIFFE-ID section 2, https://spiffe.io/docs/latest/spiffe-specs/spiffe-id/. Last checked 2026-11-22.
 */
export function isSpiffeId(uri: string): boolean {
  return uri.length <= MAX_SPIFFE_ID_BYTES && SPIFFE_ID.test(uri);
}

export const MAX_SPIFFE_ID_BYTES = 2048;
const SPIFFE_ID = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*$/;

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}

/** Node's words. undefined: a kind of name whose value it does not print. */
const TYPES: Readonly<Record<string, AlternativeName['type'] | undefined>> = {
  DNS: 'DNS',
  URI: 'URI',
  'IP Address': 'IP',
  email: 'email',
  othername: 'otherName',
  DirName: 'dirName',
  'Registered ID': 'RID',
};

const ONE_NAME =
  /(DNS|URI|IP Address|email|othername|DirName|Registered ID|X400Name|EdiPartyName):("[^"\\]*(?:\\.[^"\\]*)*"|[^",]*)(?:, |$)/y;
