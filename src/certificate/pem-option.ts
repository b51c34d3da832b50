import { Buffer } from 'node:buffer';

/**
 * What stands between two lines of PEM in an option of Node's, `ca` or `crl`: PEM in a string or bytes, several one after
 * the other, or an array of such. `complete` is false when there may be more than was found, as where there is nothing at
 * all, and Node takes its own. Never throws.
 */
export function pemsIn(
  option: unknown,
  pem: RegExp,
  most: number,
): { readonly pems: readonly string[]; readonly complete: boolean } {
  const pems: string[] = [];
  // Node takes its own roots for whatever is false, and an empty array for no roots at all.
  let complete = Boolean(option);
  try {
    for (const part of Array.isArray(option) ? option : [option]) {
      const text = textOf(part);
      if (text === undefined) complete = false;
      // Text without PEM, and DER, which Node takes and passes over without a word, are nothing there either.
      for (const [found] of (text ?? '').matchAll(pem)) {
        if (pems.length === most) return { pems, complete: false };
        pems.push(found);
      }
    }
  } catch {
    // A Proxy, say. It is the application's own option: whatever Node made of it, we do not know.
    complete = false;
  }
  return { pems, complete };
}

function textOf(part: unknown): string | undefined {
  if (typeof part === 'string') return part;
  if (!ArrayBuffer.isView(part)) return undefined;
  return Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('latin1');
}

/**
 * What was read of an option, by the option: of an object as long as the application has it, of a text as long as it is
 * among the last few.
 */
export class ReadOptions<Read> {
  readonly #read: (option: unknown) => Read;
  readonly #byObject = new WeakMap<object, Read & object>();
  readonly #byText = new Map<string, Read>();

  constructor(read: (option: unknown) => Read & object) {
    this.#read = read;
  }

  /** An array that was changed afterwards is the one it was when first seen, as it is for the server it was given to. */
  get(option: unknown): Read {
    if (typeof option === 'object' && option !== null) {
      let read = this.#byObject.get(option);
      if (read === undefined) {
        read = this.#read(option) as Read & object;
        this.#byObject.set(option, read);
      }
      return read;
    }
    if (typeof option !== 'string') return this.#read(option);
    const read = this.#byText.get(option) ?? this.#read(option);
    this.#byText.delete(option);
    this.#byText.set(option, read);
    for (const oldest of this.#byText.keys()) {
      if (this.#byText.size <= MAX_TEXTS) break;
      this.#byText.delete(oldest);
    }
    return read;
  }
}

const MAX_TEXTS = 8;
