import { randomBytes } from 'node:crypto';

/** Bytes of a canary that are looked for. Fewer may be where they are by chance, more may have been cut off. */
const ENOUGH = 16;

/** Texts and bytes that must be nowhere, or somewhere: each is found in whatever form it comes to light. */
export class Canaries {
  readonly #bytes = new Map<string, Buffer[]>();

  /** A new one: a text of letters and digits, short enough for a field of 32 bytes. */
  text(name: string): string {
    const text = `bird${randomBytes(12).toString('hex')}`;
    this.add(name, text);
    return text;
  }

  /** A new one of so many random bytes. */
  bytes(name: string, length: number): Buffer {
    const bytes = randomBytes(length);
    this.add(name, bytes);
    return bytes;
  }

  add(name: string, secret: string | Uint8Array): void {
    this.#bytes.set(name, [...(this.#bytes.get(name) ?? []), Buffer.from(secret as string)]);
  }

  get names(): string[] {
    return [...this.#bytes.keys()];
  }

  /** Names of those that are in one of `places`, in any form. */
  foundIn(places: readonly (string | Uint8Array)[]): string[] {
    const texts = places.map(place => {
      const text = Buffer.from(place as string).toString('latin1');
      // As base64 for URLs has it, too; and hex in either case.
      return { text, base64: text.replaceAll('-', '+').replaceAll('_', '/'), lower: text.toLowerCase() };
    });
    return this.names.filter(name =>
      this.#bytes.get(name)?.some(bytes => {
        const forms = formsOf(bytes);
        return texts.some(
          ({ text, base64, lower }) =>
            forms.raw.some(form => text.includes(form)) ||
            forms.base64.some(form => base64.includes(form)) ||
            forms.hex.some(form => lower.includes(form)),
        );
      }),
    );
  }
}

function formsOf(secret: Buffer): { raw: string[]; base64: string[]; hex: string[] } {
  // Whoever shows a part of it shows its beginning or its end.
  const parts = secret.length > 2 * ENOUGH ? [secret.subarray(0, ENOUGH), secret.subarray(-ENOUGH)] : [secret];
  return {
    raw: parts.flatMap(part => [part.toString('latin1'), [...part].join(','), [...part].join(', ')]),
    base64: parts.flatMap(part => [0, 1, 2].map(offset => base64At(part, offset))),
    // `<Buffer 01 02>`, and as fingerprints are written.
    hex: parts.flatMap(part => ['', ' ', ':'].map(separator => pairsOf(part).join(separator))),
  };
}

/** The characters of base64 that are made of these bytes alone, so many bytes after the beginning of a group of three. */
function base64At(bytes: Buffer, offset: number): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  return encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
}

function pairsOf(bytes: Buffer): string[] {
  return [...bytes].map(byte => byte.toString(16).padStart(2, '0'));
}
