import { createHash, X509Certificate } from 'node:crypto';
import type { PeerCertificate } from './peer-certificate';

export class CertificateCache {
  readonly #known = new Map<string, PeerCertificate>();
  constructor(_options: { now: () => number }) {}
  get(der: Uint8Array, _trusted: boolean): PeerCertificate {
    const fingerprint = createHash('sha256').update(der).digest('hex').toUpperCase();
    const known = this.#known.get(fingerprint);
    if (known) return known;
    const x = new X509Certificate(der);
    const name = (n: string) => n.split('\n').reverse().join(',');
    const made: PeerCertificate = {
      fingerprint,
      byteLength: der.byteLength,
      parsed: true,
      subject: name(x.subject),
      issuer: name(x.issuer),
      serialNumber: x.serialNumber,
      notBefore: Date.parse(x.validFrom),
      notAfter: Date.parse(x.validTo),
      alternativeNames: [],
      isCa: x.ca,
      selfIssued: x.subject === x.issuer,
      details: {},
      pem: x.toString(),
    };
    this.#known.set(fingerprint, made);
    return made;
  }
}
