import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/**
 * Certificates, byte by byte: for names and extensions that no library would write. Distinguished encoding rules (ITU-T
 * X.690) with one key for all of them; the signature is genuine unless said otherwise.
 */

/** One element: tag, length, content. */
export function element(tag: number, ...contents: readonly (Uint8Array | string)[]): Buffer {
  const content = Buffer.concat(contents.map(part => (typeof part === 'string' ? Buffer.from(part) : part)));
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(content.length)]), content]);
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  if (length < 0x10000) return [0x82, length >> 8, length & 0xff];
  return [0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
}

export const sequence = (...contents: readonly Uint8Array[]) => element(0x30, ...contents);
export const setOf = (...contents: readonly Uint8Array[]) => element(0x31, ...contents);
export const octetString = (...contents: readonly (Uint8Array | string)[]) => element(0x04, ...contents);
export const bitString = (...bytes: readonly number[]) => element(0x03, Buffer.from(bytes));
export const integer = (...bytes: readonly number[]) => element(0x02, Buffer.from(bytes));
export const utf8String = (text: string | Uint8Array) => element(0x0c, text);
export const ia5String = (text: string | Uint8Array) => element(0x16, text);
export const bmpString = (text: string) => element(0x1e, Buffer.from(text, 'utf16le').swap16());
export const utcTime = (text: string) => element(0x17, text);
export const generalizedTime = (text: string) => element(0x18, text);
export const TRUE = element(0x01, Buffer.from([0xff]));

export function objectIdentifier(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(BigInt) as [bigint, bigint, ...bigint[]];
  return element(0x06, Buffer.from([first * 40n + second, ...rest].flatMap(base128)));
}

function base128(arc: bigint): number[] {
  const septets = [Number(arc & 127n)];
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) septets.unshift(Number(rest & 127n) | 0x80);
  return septets;
}

/** Attribute types by the names that these tests use. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  C: '2.5.4.6',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  CN: '2.5.4.3',
  SN: '2.5.4.4',
  GN: '2.5.4.42',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  street: '2.5.4.9',
  serialNumber: '2.5.4.5',
  emailAddress: '1.2.840.113549.1.9.1',
  DC: '0.9.2342.19200300.100.1.25',
  UID: '0.9.2342.19200300.100.1.1',
};

/** A type, and its value as text (UTF8String) or as an element. */
export type Attribute = readonly [type: string, value: string | Buffer];

/** A name in the order of its encoding; a step of several attributes is written in the order given. */
export function nameOf(...steps: readonly (Attribute | readonly Attribute[])[]): Buffer {
  return sequence(
    ...steps.map(step => {
      const attributes = (typeof step[0] === 'string' ? [step] : step) as readonly Attribute[];
      return setOf(
        ...attributes.map(([type, value]) =>
          sequence(objectIdentifier(ATTRIBUTES[type] ?? type), typeof value === 'string' ? utf8String(value) : value),
        ),
      );
    }),
  );
}

export const commonName = (value: string | Buffer) => nameOf(['CN', value]);

export function extension(identifier: string, value: Uint8Array, critical = false): Buffer {
  return sequence(objectIdentifier(identifier), ...(critical ? [TRUE] : []), octetString(value));
}

/** subjectAltName with these GeneralNames. */
export function alternativeNames(...names: readonly Uint8Array[]): Buffer {
  return extension('2.5.29.17', sequence(...names));
}

export const dns = (value: string | Uint8Array) => element(0x82, value);
export const uri = (value: string | Uint8Array) => element(0x86, value);
export const email = (value: string | Uint8Array) => element(0x81, value);
export const ip = (...bytes: readonly number[]) => element(0x87, Buffer.from(bytes));
export const registeredId = (dotted: string) => element(0x88, objectIdentifier(dotted).subarray(2));
export const directoryName = (name: Uint8Array) => element(0xa4, name);
export const otherName = (kind: string, value: Uint8Array) =>
  element(0xa0, objectIdentifier(kind), element(0xa0, value));

const KEYS = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

export const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));

export interface RawCertificate {
  readonly subject?: Buffer;
  /** Default: the subject's own name. */
  readonly issuer?: Buffer;
  readonly serialNumber?: Buffer;
  readonly notBefore?: Buffer;
  readonly notAfter?: Buffer;
  readonly extensions?: readonly Buffer[];
  /** SubjectPublicKeyInfo. */
  readonly key?: Buffer;
  readonly algorithm?: Buffer;
  readonly signedBy?: KeyObject;
}

export function rawCertificate(parts: RawCertificate = {}): Buffer {
  const subject = parts.subject ?? commonName('raw');
  const algorithm = parts.algorithm ?? ECDSA_WITH_SHA256;
  const body = sequence(
    element(0xa0, integer(2)),
    parts.serialNumber ?? integer(1),
    algorithm,
    parts.issuer ?? subject,
    sequence(parts.notBefore ?? utcTime('260101000000Z'), parts.notAfter ?? utcTime('270101000000Z')),
    subject,
    parts.key ?? subjectPublicKeyInfo(KEYS.publicKey),
    ...(parts.extensions?.length ? [element(0xa3, sequence(...parts.extensions))] : []),
  );
  const signature = sign('sha256', body, parts.signedBy ?? KEYS.privateKey);
  return sequence(body, algorithm, bitString(0, ...signature));
}

export function subjectPublicKeyInfo(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

/** PEM with lines of 64 and a final line break. */
export function pem(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** Everything readable in a certificate's every string, for tests that hold for all of them. */
export function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(stringsIn);
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}
