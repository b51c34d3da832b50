import { Buffer } from 'node:buffer';

/**
 * How proxies write certificates into headers. Each decoder gives the DER of every certificate in the text, in order, never
 * an empty list, and undefined for anything else: whatever is beside, before or after the certificates makes it unreadable.
 */
export type CertificateDecoder = (text: string) => readonly Uint8Array[] | undefined;

/**
 * PEM, percent-encoded: nginx `$ssl_client_escaped_cert`, Envoy, and AWS, which leaves `+`, `=` and `/` as they are. So a plus
 * sign is a plus sign, never a space.
 */
export const percentEncodedPem: CertificateDecoder = text => {
  const unescaped = percentDecoded(text);
  return unescaped === undefined ? undefined : pem(unescaped);
};

/** PEM. Line breaks may have become blanks, as Apache has them, or be gone. */
export const pem: CertificateDecoder = text => {
  const found: Uint8Array[] = [];
  let at = 0;
  while (at < text.length) {
    const begin = afterBlanks(text, at);
    if (begin === text.length) break;
    if (!text.startsWith(BEGIN, begin)) return undefined;
    const end = text.indexOf(END, begin + BEGIN.length);
    if (end < 0) return undefined;
    const der = oneCertificate(text.slice(begin + BEGIN.length, end).replace(/[ \t\r\n]+/g, ''));
    if (der === undefined) return undefined;
    found.push(der);
    at = end + END.length;
  }
  return found.length === 0 ? undefined : found;
};

/** Base64 of one DER. */
export const base64Der: CertificateDecoder = text => {
  const der = oneCertificate(text);
  return der === undefined ? undefined : [der];
};

/** Base64 of several DER run together: HAProxy's `ssl_c_chain_der`. */
export const base64DerRun: CertificateDecoder = text => {
  let rest = base64Bytes(text);
  const found: Uint8Array[] = [];
  while (rest !== undefined && rest.length > 0) {
    const length = derLength(rest);
    if (length === undefined || length > rest.length) return undefined;
    found.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return rest === undefined || found.length === 0 ? undefined : found;
};

/** Base64 of one DER each, between commas, without blanks: Traefik's chain. */
export const base64DerList: CertificateDecoder = text => {
  const found = text.split(',', MAX_LISTED).map(oneCertificate);
  return found.includes(undefined) ? undefined : (found as Uint8Array[]);
};

/** More than may be in any header; whoever counts says that it is too many. */
const MAX_LISTED = 100;

/** Whether these bytes are exactly one element of DER, as a certificate is, and nothing after it. */
export function isOneElement(bytes: Uint8Array): boolean {
  return derLength(bytes) === bytes.length;
}

/** Bytes of base64, RFC 4648 section 4, with its padding. Undefined for anything that Buffer would forgive. */
export function base64Bytes(text: string): Uint8Array | undefined {
  return text.length % 4 === 0 && text !== '' && BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;
}

/** Undefined when a percent sign is not followed by two hex digits, or when what is escaped is no UTF-8. `+` stays. */
function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function oneCertificate(base64: string): Uint8Array | undefined {
  const bytes = base64Bytes(base64);
  return bytes !== undefined && isOneElement(bytes) ? bytes : undefined;
}

/** Bytes of the SEQUENCE that this begins with, its head included. Undefined: it does not begin with a definite one. */
function derLength(bytes: Uint8Array): number | undefined {
  const first = bytes[1];
  if (bytes[0] !== SEQUENCE || first === undefined) return undefined;
  if (first < 0x80) return 2 + first;
  const size = first & 0x7f;
  // No header holds 16 MiB, and 0 would be an indefinite length, which DER does not have.
  if (size === 0 || size > 3 || bytes.length < 2 + size) return undefined;
  let length = 0;
  for (let at = 0; at < size; at++) length = length * 256 + bytes[2 + at]!;
  return 2 + size + length;
}

function afterBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text[at]!)) at++;
  return at;
}

const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';
const SEQUENCE = 0x30;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
