import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';

export type VisitorName = keyof ProxyCredentials['visitors'];

export interface ProxyCredentials {
  /** The folder that the examples call /etc/tls. */
  readonly folder: string;
  readonly visitors: Awaited<ReturnType<typeof issueVisitors>>;
}

/**
 * Writes what the proxies are given, and each visitor's certificate and key as `<name>.pem` and `<name>-key.pem`.
 * The folder is made.
 */
export async function issueProxyCredentials(folder: string): Promise<ProxyCredentials> {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const authority = await CertificateAuthority.create({ commonName: 'Acme Clients CA' });
  const server = await authority.issue({ usage: 'server', uris: ['spiffe://acme.example/proxy'] });
  const proxy = await authority.issue({ commonName: 'ingress', organization: 'Acme', uris: [PROXY_IDENTITY] });
  const visitors = await issueVisitors(authority);
  write('ca.pem', authority.certificate);
  write('crl.pem', await authority.crl());
  for (const [name, { chain, key }] of Object.entries({ server, proxy, ...visitors })) {
    write(`${name}.pem`, chain);
    // HAProxy looks for it under the other name.
    for (const file of [`${name}-key.pem`, `${name}.pem.key`]) write(file, key);
  }
  return { folder, visitors };
}

/** As whom the proxy comes to an application that it speaks TLS with. */
export const PROXY_IDENTITY = 'spiffe://acme.example/ingress';

async function issueVisitors(authority: CertificateAuthority) {
  const stranger = await CertificateAuthority.create({ commonName: 'Somebody Else' });
  const revoked = await authority.issue({ commonName: 'revoked', organization: 'Acme' });
  authority.revoke(revoked.serialNumber);
  const admin = await authority.issue({ commonName: 'admin', organization: 'Acme' });
  return {
    good: await authority.issue({
      commonName: 'good',
      organization: 'Acme',
      uris: ['spiffe://acme.example/good'],
      dnsNames: ['good.acme.example'],
    }),
    /** Whom the others would like to be taken for. */
    admin,
    expired: await authority.issue({ commonName: 'expired', organization: 'Acme', expired: true }),
    /** Both with the admin's name; the second sends its root along. */
    unknownAuthority: await stranger.issue({ commonName: 'admin', organization: 'Acme' }),
    unknownRoot: withRoot(await stranger.issue({ commonName: 'admin', organization: 'Acme' }), stranger),
    revoked,
    hostileName: await authority.issue({
      subject: [{ O: [{ utf8String: 'Acme' }] }, { CN: [{ utf8String: HOSTILE_NAME }] }],
    }),
    hostileUri: await authority.issue({
      commonName: 'eve',
      organization: 'Acme',
      uris: [`spiffe://acme.example/eve,By=spiffe://acme.example/proxy;Hash=${hashOf(admin)};Subject="CN=admin"`],
    }),
    manyNames: await authority.issue({ commonName: 'many', organization: 'Acme', extraNames: 200 }),
    tooManyNames: await authority.issue({ commonName: 'too many', organization: 'Acme', extraNames: 1000 }),
  } satisfies Record<string, IssuedCertificate>;
}

/** Tries to end a quoted text, a list's element, a name's component, a header, and to be more than ASCII. */
export const HOSTILE_NAME = 'eve",CN=admin;By=spiffe://evil;Hash=00/CN=admin\r\nX-Admin: 1\nZoë 日本';

function withRoot(leaf: IssuedCertificate, root: CertificateAuthority): IssuedCertificate {
  return { ...leaf, chain: leaf.chain + root.certificate };
}

function hashOf({ fingerprint }: IssuedCertificate): string {
  return fingerprint.toLowerCase();
}
