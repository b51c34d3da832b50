import { type PeerCertificate, parsePeerCertificate } from './peer-certificate';

/** A certificate of our own, as a peer's is read: parsed once for the same bytes, and kept as long as they are. */
export function readOwnCertificate(der: Uint8Array): PeerCertificate {
  let certificate = READ.get(der);
  if (certificate === undefined) {
    certificate = parsePeerCertificate(der);
    READ.set(der, certificate);
  }
  return certificate;
}

const READ = new WeakMap<Uint8Array, PeerCertificate>();
