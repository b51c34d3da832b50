import { Buffer } from 'node:buffer';
import { X509Certificate } from 'node:crypto';

/**
 * Node's own reading of a certificate in DER; undefined where it cannot read it. Of what it returns, only the text getters,
 * `ca`, `raw` and `checkIssued` are asked freely; `publicKey` of usual keys only (public-key.ts).
 *
 * X509Certificate looks for PEM first, anywhere in what it is given, and a DER certificate whose subject or extension holds
 * a PEM certificate is read as that other certificate (Node 20 to 26). So what holds PEM is wrapped in PEM of our own, and
 * PEM itself is not DER. Can go when Node reads a Buffer that begins as DER as DER.
 */
export function openCertificate(der: Uint8Array): X509Certificate | undefined {
  try {
    const bytes = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
    return new X509Certificate(bytes.includes('-----BEGIN') ? pemOf(bytes) : bytes);
  } catch {
    return undefined;
  }
}

/** PEM, RFC 7468: lines of 64 and a final line break. */
export function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
