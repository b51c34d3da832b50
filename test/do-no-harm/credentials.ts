import { writeFileSync } from 'node:fs';
import { CertificateAuthority, stolen } from '../support/certificate-authority';

/** Writes the certificates and keys that the applications of these tests use to a file, for `diary.js` to read. */
export async function writeCredentials(file: string): Promise<void> {
  const root = await CertificateAuthority.create();
  const intermediate = await root.intermediate();
  const stranger = await CertificateAuthority.create({ commonName: 'Stranger' });
  const [server, client, thief, expired, foreign, manyNames] = await Promise.all([
    intermediate.issue({ usage: 'server' }),
    intermediate.issue({ commonName: 'client' }),
    intermediate.issue({ commonName: 'thief' }),
    intermediate.issue({ commonName: 'expired', expired: true }),
    stranger.issue({ commonName: 'foreign' }),
    intermediate.issue({ commonName: 'many names', extraNames: 1000 }),
  ]);
  writeFileSync(
    file,
    JSON.stringify({
      ca: root.certificate,
      server,
      client,
      expired,
      foreign,
      manyNames,
      stolen: stolen(client, thief),
      stolenServer: stolen(server, thief),
    }),
  );
}
