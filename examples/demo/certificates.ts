import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { CertificateAuthority, type IssuedCertificate } from '../../test/support/certificate-authority';

/** Everybody's certificates: the server's, and those its callers present. PEM. */
export interface Certificates {
  /** The authority the server trusts, and its list of revoked certificates. */
  readonly authority: string;
  readonly revocations: string;
  readonly server: Identity;
  readonly alice: Identity;
  readonly bob: Identity;
  readonly expired: Identity;
  readonly notYetValid: Identity;
  readonly strangers: Identity;
  readonly selfSigned: Identity;
  readonly revoked: Identity;
  readonly wrongPurpose: Identity;
  /** Alice's certificate in the hands of somebody who does not have her key. */
  readonly stolen: Identity;
}

export interface Identity {
  readonly cert: string;
  readonly key: string;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Made anew for every run: keys on disk would be somebody's secret, or nobody's. */
export async function makeCertificates(): Promise<Certificates> {
  const organization = 'Acme';
  const [authority, elsewhere] = await Promise.all([
    CertificateAuthority.create({ subject: 'O=Acme, CN=Acme Client CA' }),
    CertificateAuthority.create({ subject: 'O=Elsewhere, CN=Elsewhere CA' }),
  ]);
  const now = Date.now();
  const [server, alice, bob, expired, notYetValid, strangers, selfSigned, revoked, wrongPurpose] = await Promise.all([
    authority.issue({ organization, usage: 'server' }),
    authority.issue({ organization, commonName: 'alice' }),
    authority.issue({ organization, commonName: 'bob' }),
    authority.issue({ organization, commonName: 'billing', notAfter: new Date(now - 3 * DAY - HOUR) }),
    authority.issue({ organization, commonName: 'new-hire', notBefore: new Date(now + 7 * DAY + HOUR) }),
    elsewhere.issue({ organization: 'Elsewhere', commonName: 'visitor' }),
    CertificateAuthority.selfSigned({ organization, commonName: 'admin' }),
    authority.issue({ organization, commonName: 'lost-laptop' }),
    authority.issue({ organization, commonName: 'web-server', usage: 'server' }),
  ]);
  authority.revoke(revoked.serialNumber);
  return {
    authority: authority.certificate,
    revocations: await authority.crl(),
    server: identity(server),
    alice: identity(alice),
    bob: identity(bob),
    expired: identity(expired),
    notYetValid: identity(notYetValid),
    strangers: identity(strangers),
    selfSigned: identity(selfSigned),
    revoked: identity(revoked),
    wrongPurpose: identity(wrongPurpose),
    stolen: { cert: alice.certificate, key: keyPretendingToBelongTo(alice) },
  };
}

function identity({ certificate, key }: IssuedCertificate): Identity {
  return { cert: certificate, key };
}

/**
 * A thief has the certificate, which is public, and must sign with some key. OpenSSL refuses to start with a key whose
 * public half is not the certificate's; so this one has the thief's private half and claims the victim's public half.
 */
function keyPretendingToBelongTo({ certificate }: IssuedCertificate): string {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'der' });
  const publicKey = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  // Both encodings end with the public point: 04, x, y (RFC 5915 section 3; RFC 5480 section 2.2).
  const POINT_BYTES = 65;
  publicKey.copy(own, own.length - POINT_BYTES, publicKey.length - POINT_BYTES);
  return `-----BEGIN EC PRIVATE KEY-----\n${own.toString('base64')}\n-----END EC PRIVATE KEY-----\n`;
}
