/** One element of `x-forwarded-client-cert`. Texts are as they stood there, without the quotes around them. */
export interface XfccElement {
  /** `Hash`, `Cert`, `Chain`, `Subject`: what the certificate cannot write into. Undefined: not there. */
  readonly hash?: string | undefined;
  readonly cert?: string | undefined;
  readonly chain?: string | undefined;
  readonly subject?: string | undefined;
  /**
   * The value of `URI` where it is the header's very last word and the only name. Envoy writes names as they are, so a name
   * may look like several names and keys; but a text without any of the separators is all of the one name there is.
   */
  readonly onlyUri?: string | undefined;
}

/**
 * The header's one element. `forged`: there is more than one, or something in it that Envoy never writes there, but the
 * name in a certificate may have. Undefined: it is no such header.
 *
 * Only `Cert`, `Chain` and `Subject` are quoted, and names come last: so what stands before the first `URI=` or `DNS=` is
 * Envoy's own word, and what stands behind is a stranger's. Within quotes a backslash and the character after it belong
 * together; nothing is unescaped, the text of a name is RFC 2253's.
 */
// Recorded from Envoy 1.40.0, whose documentation says otherwise of the quotes. Last checked 2026-11-22.
export function onlyElement(text: string): XfccElement | 'forged' | undefined {
  const found = new Map<string, string>();
  let namesFrom: string | undefined;
  for (let at = 0, keys = 0; ; at++, keys++) {
    if (keys === MAX_KEYS) return undefined;
    KEY.lastIndex = at;
    const key = KEY.exec(text)?.[1]?.toLowerCase();
    if (key === undefined || !KEYS.has(key)) return namesFrom === undefined ? undefined : 'forged';
    if (key === 'uri' || key === 'dns') {
      if (namesFrom === 'dns' && key === 'uri') return 'forged';
      namesFrom = key;
    } else if (namesFrom !== undefined || (key !== 'by' && found.has(key))) return 'forged';

    const pattern = QUOTED_KEYS.has(key) ? QUOTED : PLAIN;
    pattern.lastIndex = KEY.lastIndex;
    const value = pattern.exec(text)?.[1];
    if (value === undefined) return undefined;
    at = pattern.lastIndex;
    found.set(namesFrom !== undefined && found.has(key) ? SEVERAL : key, value);

    if (at === text.length) break;
    if (text[at] === ',') return 'forged';
    // A quote, where none belongs.
    if (text[at] !== ';') return namesFrom === undefined ? undefined : 'forged';
  }
  const single = !found.has(SEVERAL) && !found.has('dns');
  return {
    hash: found.get('hash'),
    cert: found.get('cert'),
    chain: found.get('chain'),
    subject: found.get('subject'),
    onlyUri: single ? found.get('uri') : undefined,
  };
}

/** More than a certificate has names. A header has room for three thousand, and each takes its time. */
const MAX_KEYS = 1000;

const KEYS: ReadonlySet<string> = new Set(['by', 'hash', 'cert', 'chain', 'subject', 'uri', 'dns']);
const QUOTED_KEYS: ReadonlySet<string> = new Set(['cert', 'chain', 'subject']);

/** No key is called so. */
const SEVERAL = ';';

const KEY = /([A-Za-z]{1,7})=/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
const PLAIN = /([^";,]*)/y;
