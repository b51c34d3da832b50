import { Buffer } from 'node:buffer';
import type * as asn1js from 'asn1js';
import { boundedText } from './untrusted-text';

/** One element of a DER encoding (ITU-T X.690), and the elements inside it. */
export interface DerElement {
  /** Who gave the tag its meaning; `other` is application or private. */
  readonly tagClass: 'universal' | 'context' | 'other';
  readonly tag: number;
  /** Empty for a primitive element. */
  readonly children: readonly DerElement[];
  /** Without tag and length. Not a copy. */
  readonly content: Uint8Array;
  /** A character string's characters, an object identifier in dots; undefined for everything else. Not bounded. */
  readonly text: string | undefined;
}

/**
 * The element `encoded` begins with; undefined when it is not well formed, nests deeper than any certificate, or has more
 * than `maxElements`. Contents of OCTET and BIT STRINGs are not looked into: read them with another call.
 *
 * The library is loaded by the first call: some 6 ms, for nobody who never looks at a certificate closely.
 */
export function readDer(encoded: Uint8Array, maxElements: number): DerElement | undefined {
  try {
    asn1 ??= require('asn1js') as typeof asn1js;
    const { offset, result } = asn1.fromBER(encoded, {
      maxDepth: MAX_DEPTH,
      maxNodes: maxElements,
      parseEmbedded: false,
      copyInput: false,
    });
    return offset === -1 ? undefined : new ParsedElement(result);
  } catch {
    // asn1js answers some malformed input, GeneralizedTimes and short BMPStrings among them, with an exception.
    return undefined;
  }
}

let asn1: typeof asn1js | undefined;

/** A distribution point's general name lies nine deep in its certificate; twice that and some is no certificate. */
const MAX_DEPTH = 24;

class ParsedElement implements DerElement {
  readonly #block: asn1js.BaseBlock;
  #children: readonly DerElement[] | undefined;

  constructor(block: asn1js.BaseBlock) {
    this.#block = block;
  }

  get tagClass(): DerElement['tagClass'] {
    const { tagClass } = this.#block.idBlock;
    return tagClass === 1 ? 'universal' : tagClass === 3 ? 'context' : 'other';
  }

  get tag(): number {
    return this.#block.idBlock.tagNumber;
  }

  get children(): readonly DerElement[] {
    if (this.#children === undefined) {
      const { value } = this.#block.valueBlock as { value?: unknown };
      const blocks = this.#block.idBlock.isConstructed && Array.isArray(value) ? (value as asn1js.BaseBlock[]) : [];
      this.#children = blocks.map(block => new ParsedElement(block));
    }
    return this.#children;
  }

  get content(): Uint8Array {
    const { idBlock, lenBlock, valueBeforeDecodeView } = this.#block;
    return valueBeforeDecodeView.subarray(idBlock.blockLength + lenBlock.blockLength);
  }

  get text(): string | undefined {
    const block = this.#block as { getValue?: () => unknown };
    const value = block.getValue?.();
    return typeof value === 'string' ? value : undefined;
  }
}

/** The child with the context-specific tag `[tag]`. */
export function tagged(element: DerElement | undefined, tag: number): DerElement | undefined {
  return element?.children.find(child => child.tagClass === 'context' && child.tag === tag);
}

/**
 * `1.2.840.113549.1.1.11`, at most 256 bytes; undefined when `element` is no object identifier. An arc of more than 53 bits
 * stands in hex and braces.
 */
export function objectIdentifier(element: DerElement | undefined): string | undefined {
  if (element?.tagClass !== 'universal' || element.tag !== TAG.objectIdentifier || element.text === undefined)
    return undefined;
  return boundedText(element.text, MAX_TEXT_BYTES, 'plain');
}

/** A character string, at most 256 bytes; undefined when `element` is none. */
export function characterString(element: DerElement | undefined): string | undefined {
  if (element === undefined || element.tag === TAG.objectIdentifier || element.text === undefined) return undefined;
  return boundedText(element.text, MAX_TEXT_BYTES, 'plain');
}

/** The characters of a name in a general name, whose context tag hides that it is an IA5String; at most 256 bytes. */
export function untaggedString(element: DerElement): string {
  return boundedText(Buffer.from(element.content).toString('latin1'), MAX_TEXT_BYTES, 'plain');
}

/** Bits of a positive INTEGER; undefined for zero, a negative number, and what is no INTEGER. */
export function bitLength(element: DerElement | undefined): number | undefined {
  if (element?.tagClass !== 'universal' || element.tag !== TAG.integer) return undefined;
  const { content } = element;
  const first = content.findIndex(byte => byte !== 0);
  if (first === -1 || content[0]! >= 0x80) return undefined;
  return (content.length - first) * 8 - (Math.clz32(content[first]!) - 24);
}

/** A small INTEGER of zero or more; undefined for anything else. */
export function smallInteger(element: DerElement | undefined): number | undefined {
  if (element?.tagClass !== 'universal' || element.tag !== TAG.integer) return undefined;
  const { content } = element;
  if (content.length === 0 || content.length > 4 || content[0]! >= 0x80) return undefined;
  return content.reduce((value, byte) => value * 256 + byte, 0);
}

/** Upper-case hex of at most 128 bytes, which is more than any key identifier has. */
export function hex(bytes: Uint8Array): string {
  return boundedText(Buffer.from(bytes).toString('hex').toUpperCase(), MAX_TEXT_BYTES, 'plain');
}

const MAX_TEXT_BYTES = 256;

/** ITU-T X.680, universal class. */
export const TAG = { boolean: 1, integer: 2, bitString: 3, octetString: 4, objectIdentifier: 6, sequence: 16 } as const;
