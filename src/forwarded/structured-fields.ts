import type * as structuredHeaders from 'structured-headers';
import { isOneElement } from './certificate-encodings';

/**
 * RFC 9440: certificates as byte sequences of RFC 8941, `:MIIB...:`. Parameters are allowed and mean nothing.
 *
 * DER of the one certificate of an Item; undefined when it is anything else.
 */
export function certificateItem(text: string): readonly Uint8Array[] | undefined {
  return parsed(text, library => [library.parseItem(text)]);
}

/** DER of the certificates of a List, in order. */
export function certificateList(text: string): readonly Uint8Array[] | undefined {
  return parsed(text, library => library.parseList(text));
}

type Members = ReturnType<typeof structuredHeaders.parseList>;

function parsed(
  text: string,
  parse: (library: typeof structuredHeaders) => Members,
): readonly Uint8Array[] | undefined {
  if (!BYTE_SEQUENCE.test(text) || text.split(SEPARATORS, MAX_PIECES + 1).length > MAX_PIECES) return undefined;
  try {
    library ??= require('structured-headers') as typeof structuredHeaders;
    const found = parse(library).map(([value]) => (value instanceof ArrayBuffer ? new Uint8Array(value) : undefined));
    return found.every(der => der !== undefined && isOneElement(der)) ? (found as Uint8Array[]) : undefined;
  } catch {
    // How the library says that it is not well formed.
    return undefined;
  }
}

/** Whatever else the library could read, it takes its time for. */
const BYTE_SEQUENCE = /^ *:/;

/** Ten times as many members and parameters as ten certificates have: the library takes a microsecond or two for each. */
const MAX_PIECES = 100;
const SEPARATORS = /[,;(]/;

/** Loaded by the first header of this kind, for nobody who has none. */
let library: typeof structuredHeaders | undefined;
