import { ForgetfulMap } from './forgetful-map';
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
    BY_FINGERPRINT.set(fingerprint, certificate);
  }
  return certificate;
}

const BY_BYTES = new WeakMap<Uint8Array, PeerCertificate>();
const BY_FINGERPRINT = new ForgetfulMap<string, PeerCertificate>(200);
