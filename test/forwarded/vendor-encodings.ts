import { createHash } from 'node:crypto';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import type { IssuedCertificate } from '../support/certificate-authority';

/** How the vendors' clouds write a certificate into headers: models of their documentation. */

type Der = Pick<IssuedCertificate, 'der'>;

/** PEM of one certificate or of several, in one percent-encoded text that leaves `+`, `=` and `/` as they are: AWS. */
export function awsPem(pem: string): string {
  return encodeURIComponent(pem).replace(/%2B/g, '+').replace(/%3D/g, '=').replace(/%2F/g, '/');
}

/** `NotBefore=2023-09-21T01:50:17Z;NotAfter=2024-09-20T01:50:17Z` */
export function awsValidity({ der }: Der): string {
  const { notBefore, notAfter } = parsePeerCertificate(der);
  return `NotBefore=${seconds(notBefore!)}Z;NotAfter=${seconds(notAfter!)}Z`;
}

/** `2022-07-01T18:05:09+00:00`, RFC 3339 as Google has it. */
export function googleTime(milliseconds: number): string {
  return `${seconds(milliseconds)}+00:00`;
}

/** `Mar 21 13:35:00 2022 GMT`, as OpenSSL prints it. */
export function opensslTime(milliseconds: number): string {
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) (\S+) GMT$/.exec(new Date(milliseconds).toUTCString())!;
  return `${month} ${day!.replace(/^0/, ' ')} ${time} ${year} GMT`;
}

/** Lower-case hex, a colon after each byte: `00:ad:3e`. A byte of zero in front where the number would be negative. */
export function colonSerial({ der }: Der): string {
  const hex = parsePeerCertificate(der).serialNumber!.toLowerCase();
  return (/^[89a-f]/.test(hex) ? `00${hex}` : hex).match(/../g)!.join(':');
}

/** RFC 9440, an Item. */
export function byteSequence({ der }: Der): string {
  return `:${der.toString('base64')}:`;
}

export function digest({ der }: Der, algorithm: 'sha1' | 'sha256', encoding: 'hex' | 'base64'): string {
  return createHash(algorithm).update(der).digest(encoding);
}

/** The name's text with every byte that is not ASCII escaped, as OpenSSL's RFC 2253 does it by default. */
export function asciiName(name: string): string {
  return name.replace(/[^\x00-\x7f]/gu, character =>
    [...Buffer.from(character)].map(byte => `\\${byte.toString(16).toUpperCase()}`).join(''),
  );
}

function seconds(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 19);
}
