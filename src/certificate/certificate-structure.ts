import { type DerElement, objectIdentifier, readDer, tagged } from './der';

/** The parts of a certificate (RFC 5280 section 4.1) that Node does not tell of. */
export interface CertificateStructure {
  /** Dotted object identifier. */
  readonly signatureAlgorithm?: string | undefined;
  readonly subjectPublicKeyInfo?: DerElement | undefined;
  /**
   * Values of the extensions by dotted object identifier, not parsed. An extension that occurs twice, which RFC 5280
   * forbids, is left out: which of the two another reader would believe, nobody knows.
   */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
}

/** undefined when it is not well-formed DER or nothing like a certificate. */
export function readStructure(der: Uint8Array): CertificateStructure | undefined {
  const certificate = readDer(der, MAX_ELEMENTS);
  const body = certificate?.children[0];
  if (body === undefined || body.children.length < 6) return undefined;

  // version [0] is absent from version 1; serial number, signature, issuer, validity, subject, key follow in this order.
  const first = tagged(body, 0) === body.children[0] ? 1 : 0;
  return {
    signatureAlgorithm: objectIdentifier(certificate?.children[1]?.children[0]),
    subjectPublicKeyInfo: body.children[first + 5],
    extensions: readExtensions(tagged(body, 3)?.children[0]),
  };
}

function readExtensions(list: DerElement | undefined): Map<string, Uint8Array> {
  const values = new Map<string, Uint8Array>();
  const repeated = new Set<string>();
  for (const extension of list?.children ?? []) {
    const identifier = objectIdentifier(extension.children[0]);
    const value = extension.children.at(-1)?.content;
    if (identifier === undefined || value === undefined || extension.children.length < 2) continue;
    if (values.has(identifier)) repeated.add(identifier);
    values.set(identifier, value);
  }
  for (const identifier of repeated) values.delete(identifier);
  return values;
}

/** A usual leaf has 100, names of a hundred steps a thousand. An element costs a microsecond or two. */
const MAX_ELEMENTS = 1000;
