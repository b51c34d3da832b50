import { createPrivateKey } from 'node:crypto';
import { CertificateAuthority, tampered } from '../support/certificate-authority';

/** What the application is given, and what its good and bad clients come with. */
export interface Credentials {
  /** PEM, for clients to verify the application with. */
  readonly authority: string;
  /** File name -> PEM, as the application reads them. */
  readonly serverFiles: Record<string, string>;
  readonly clients: Record<ClientName, Client>;
}

/** A tls option's `cert` and `key`, PEM. */
export interface Client {
  readonly cert: string;
  readonly key: string;
}

export type ClientName =
  | 'good'
  | 'expired'
  | 'notYetValid'
  | 'selfSigned'
  | 'unknownAuthority'
  | 'tampered'
  | 'wrongPurpose'
  | 'stolen'
  | 'revoked';

/** Each client's certificate is for `CN=<its name>,O=Acme`. */
export async function issueCredentials(): Promise<Credentials> {
  const authority = await CertificateAuthority.create({ commonName: 'Acme Root' });
  const stranger = await CertificateAuthority.create({ commonName: 'Somebody Else' });
  const server = await authority.issue({ usage: 'server' });
  const revoked = await authority.issue(subject('revoked'));
  authority.revoke(revoked.serialNumber);
  const stolen = await authority.issue(subject('stolen'));

  return {
    authority: authority.certificate,
    serverFiles: {
      'server.pem': server.chain,
      'server-key.pem': server.key,
      'ca.pem': authority.certificate,
      'crl.pem': await authority.crl(),
    },
    clients: {
      good: client(await authority.issue({ ...subject('good'), emails: ['alice@acme.example'] })),
      expired: client(await authority.issue({ ...subject('expired'), expired: true })),
      notYetValid: client(await authority.issue({ ...subject('notYetValid'), notYetValid: true })),
      selfSigned: client(await CertificateAuthority.selfSigned(subject('selfSigned'))),
      unknownAuthority: client(await stranger.issue(subject('unknownAuthority'))),
      tampered: client(tampered(await authority.issue(subject('tampered')))),
      wrongPurpose: client(await authority.issue({ ...subject('wrongPurpose'), usage: 'server' })),
      stolen: { cert: stolen.chain, key: keyPassingFor(stolen.key, (await stranger.issue()).key) },
      revoked: client(revoked),
    },
  };
}

function subject(name: ClientName) {
  return { organization: 'Acme', commonName: name };
}

function client(issued: { chain: string; key: string }): Client {
  return { cert: issued.chain, key: issued.key };
}

/**
 * The thief's P-256 key with the owner's public half beside it. OpenSSL compares the public halves only, so it accepts
 * the pair for the owner's certificate, and signs with the thief's key.
 */
function keyPassingFor(owner: string, thief: string): string {
  const [owned, thieves] = [owner, thief].map(key => createPrivateKey(key).export({ type: 'pkcs8', format: 'der' }));
  const start = owned!.indexOf(PRIVATE_HALF) + PRIVATE_HALF.length;
  thieves!.copy(owned!, start, start, start + 32);
  return createPemKey(owned!);
}

/** Of an ECPrivateKey (RFC 5915): version 1, then an octet string of 32 bytes. */
const PRIVATE_HALF = Buffer.from('0201010420', 'hex');

function createPemKey(der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
}
