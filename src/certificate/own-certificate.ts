import { fingerprintOf, type PeerCertificate, parsePeerCertificate } from './peer-certificate';

/**
 * A certificate of our own, read as a peer's is. Parsed once: a server has the same bytes at each handshake, a client the
 * same certificate in others, as it makes a context for each connection.
 */
export function readOwnCertificate(der: Uint8Array): PeerCertificate {
  let certificate = BY_BYTES.get(der);
  if (certificate === undefined) {
    const fingerprint = fingerprintOf(der);
    certificate = BY_FINGERPRINT.get(fingerprint) ?? parsePeerCertificate(der, { fingerprint });
    BY_BYTES.set(der, certificate);
    BY_FINGERPRINT.delete(fingerprint);
    BY_FINGERPRINT.set(fingerprint, certificate);
    const [oldest] = BY_FINGERPRINT.keys();
    if (BY_FINGERPRINT.size > MAX_REMEMBERED && oldest !== undefined) BY_FINGERPRINT.delete(oldest);
  }
  return certificate;
}

const BY_BYTES = new WeakMap<Uint8Array, PeerCertificate>();
const BY_FINGERPRINT = new Map<string, PeerCertificate>();
const MAX_REMEMBERED = 200;
