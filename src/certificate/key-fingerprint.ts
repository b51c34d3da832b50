import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { elementAt } from './der-walk';
import type { PeerCertificate } from './peer-certificate';

/**
 * SHA-256 over the certificate's SubjectPublicKeyInfo, upper-case hex: the same for every certificate of one key. Undefined
 * when the DER was not kept or does not hold together.
 *
 * Only lengths are read on the way to it, in a microsecond, where a parse of the whole takes hundreds.
 */
export function keyFingerprintOf({ pem }: PeerCertificate): string | undefined {
  if (pem === undefined) return undefined;
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
  const info = publicKeyInfo(der);
  return info && hash('sha256', info, 'hex').toUpperCase();
}

/** RFC 5280 section 4.1: the element after version, serial number, algorithm, issuer, validity and subject. */
function publicKeyInfo(der: Buffer): Buffer | undefined {
  const certificate = elementAt(der, 0);
  const body = certificate && elementAt(der, certificate.content);
  if (body === undefined) return undefined;
  let at = body.content;
  // The version has a tag of its own, and a certificate of version 1 has none.
  const before = der[at] === 0xa0 ? 6 : 5;
  for (let passed = 0; passed < before; passed++) {
    const element = elementAt(der, at);
    if (element === undefined) return undefined;
    at = element.end;
  }
  const info = elementAt(der, at);
  return info && info.end <= body.end ? der.subarray(at, info.end) : undefined;
}
