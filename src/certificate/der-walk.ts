/** One element of an encoding in DER, by its place in it. */
export interface DerPlace {
  readonly tag: number;
  /** Where its content begins, after tag and length. */
  readonly content: number;
  readonly end: number;
}

/**
 * The element that begins at `at`: only its tag and length are read, in a fraction of a microsecond, where a parse of the
 * whole takes hundreds. Undefined: it is cut off, 16 MiB or larger, or its length is not written in DER.
 */
export function elementAt(der: Uint8Array, at: number): DerPlace | undefined {
  const tag = der[at];
  const first = der[at + 1];
  if (tag === undefined || first === undefined) return undefined;
  if (first < 0x80) return within(der, tag, at + 2, first);
  const bytes = first & 0x7f;
  if (bytes === 0 || bytes > 3 || at + 2 + bytes > der.length) return undefined;
  let length = 0;
  for (let i = 0; i < bytes; i++) length = length * 256 + der[at + 2 + i]!;
  return within(der, tag, at + 2 + bytes, length);
}

function within(der: Uint8Array, tag: number, content: number, length: number): DerPlace | undefined {
  const end = content + length;
  return end <= der.length ? { tag, content, end } : undefined;
}
