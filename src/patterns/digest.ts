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
export function digestOfIdentity(certificate: CertificateIdentity): number | undefined {
  const known = identities.get(certificate);
  if (known !== undefined) return known;
  const name = certificate.spiffeId ?? certificate.subject;
  if (!name) return undefined;
  const digest = digestOf(name);
  identities.set(certificate, digest);
  return digest;
}

/** Certificates never change, and several patterns ask, at every handshake. */
const identities = new WeakMap<CertificateIdentity, number>();

/** Of a peer as `peerOf` names it. An IPv4 address is a number already. */
export function digestOfPeer(peer: string): number {
  const bytes = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(peer);
  if (bytes === null) return digestOf(peer);
  return ((Number(bytes[1]) * 256 + Number(bytes[2])) * 256 + Number(bytes[3])) * 256 + Number(bytes[4]);
}

function leading(hex: string): number {
  return Number.parseInt(hex.slice(0, 13), 16);
}
