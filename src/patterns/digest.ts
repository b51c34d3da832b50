import { hash } from 'node:crypto';
import type { CertificateIdentity } from '../certificate/peer-certificate';

/**
 * A stranger's text as a number of 52 bits, out of its SHA-256: short, and nobody makes two texts of one number to hide
 * one behind the other.
 */
export function digestOf(text: string): number {
  return leading(hash('sha256', text, 'hex'));
}

/** The same of what is a SHA-256 already, in hex. */
export function digestOfFingerprint(fingerprint: string): number {
  return leading(fingerprint);
}

/**
 * Who a certificate says it is for, whichever certificate it is: the SPIFFE id, else the subject. Undefined: it has
 * neither, or they could not be read.
 */
export function digestOfIdentity({ spiffeId, subject }: CertificateIdentity): number | undefined {
  const name = spiffeId ?? subject;
  return name ? digestOf(name) : undefined;
}

function leading(hex: string): number {
  return Number.parseInt(hex.slice(0, 13), 16);
}
