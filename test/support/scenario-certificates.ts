import {
  CertificateAuthority,
  type CertificateOptions,
  type IssuedCertificate,
  stolen,
  tampered,
} from './certificate-authority';

/** Everything the scenarios present and trust, made once a process: keys take their time. */
export interface ScenarioCertificates {
  /** What both sides trust. */
  readonly root: CertificateAuthority;
  /** An authority nobody trusts. */
  readonly stranger: CertificateAuthority;
  readonly client: Readonly<Record<Presented, IssuedCertificate>>;
  readonly server: Readonly<Record<Presented, IssuedCertificate>>;
  /** Lists the revoked ones of `client` and `server`. */
  readonly crl: string;
  readonly expiredCrl: string;
  /** Of the stranger. */
  readonly foreignCrl: string;
  /** `client.expired` for the fingerprint of that certificate. */
  nameOf(fingerprint: string): string;
}

export type Presented =
  | 'good'
  | 'other'
  | 'expired'
  | 'notYetValid'
  | 'selfSigned'
  | 'unknownCa'
  | 'unknownCaWithRoot'
  | 'viaIntermediate'
  | 'missingIntermediate'
  | 'expiredIntermediate'
  | 'wrongPurpose'
  | 'agreementOnly'
  | 'enciphermentOnly'
  | 'rsa2048'
  | 'rsa1024'
  | 'sha1'
  | 'outsideConstraints'
  | 'pathTooLong'
  | 'issuerNotACa'
  | 'unknownCriticalExtension'
  | 'revoked'
  | 'forged'
  | 'forgedWithRoot'
  | 'forgedSignature'
  | 'expiredOfUnknownCa'
  | 'tampered'
  | 'stolen'
  | 'spiffe'
  | 'unicode'
  | 'huge'
  | 'otherHost'
  | 'commonNameOnly';

let made: Promise<ScenarioCertificates> | undefined;

export function scenarioCertificates(): Promise<ScenarioCertificates> {
  made ??= make();
  return made;
}

async function make(): Promise<ScenarioCertificates> {
  const root = await CertificateAuthority.create({ commonName: 'Scenario Root' });
  const stranger = await CertificateAuthority.create({ commonName: 'Stranger Root' });
  const client = await presentedBy(root, stranger, 'client');
  const server = await presentedBy(root, stranger, 'server');
  root.revoke(client.revoked.serialNumber);
  root.revoke(server.revoked.serialNumber);
  return {
    root,
    stranger,
    client,
    server,
    crl: await root.crl(),
    expiredCrl: await root.crl({ expired: true }),
    foreignCrl: await stranger.crl(),
    nameOf: fingerprint => nameIn({ client, server }, fingerprint),
  };
}

async function presentedBy(
  root: CertificateAuthority,
  stranger: CertificateAuthority,
  usage: 'client' | 'server',
): Promise<Record<Presented, IssuedCertificate>> {
  const issue = (options: CertificateOptions = {}, authority = root) => authority.issue({ usage, ...options });
  const intermediate = await root.intermediate();
  const expired = await root.intermediate({ commonName: 'Expired Intermediate', expired: true });
  const constrained = await root.intermediate({ commonName: 'Constrained', nameConstraints: ['allowed.example'] });
  const last = await root.intermediate({ commonName: 'Last', pathLength: 0 });
  const belowLast = await last.intermediate({ commonName: 'Below The Last' });
  const noAuthority = await root.intermediate({ commonName: 'No Authority', notACa: true });
  const impostor = await root.forged();
  const good = await issue({ organization: 'Acme' });
  const other = await issue();
  const unknownCa = await issue({}, stranger);
  const unknownCaToo = await issue({}, stranger);
  const forgedToo = await issue({}, impostor);
  const viaIntermediate = await issue({}, intermediate);
  const deprived = await issue({}, intermediate);
  return {
    good,
    other,
    expired: await issue({ expired: true }),
    notYetValid: await issue({ notYetValid: true }),
    selfSigned: await CertificateAuthority.selfSigned({ usage }),
    unknownCa,
    unknownCaWithRoot: { ...unknownCaToo, chain: unknownCaToo.certificate + stranger.certificate },
    viaIntermediate,
    missingIntermediate: { ...deprived, chain: deprived.certificate },
    expiredIntermediate: await issue({}, expired),
    wrongPurpose: await issue({ usage: 'codeSigning', dnsNames: ['localhost'] }),
    agreementOnly: await issue({ keyUsage: 'keyAgreement' }),
    enciphermentOnly: await issue({ keyUsage: 'keyEncipherment' }),
    rsa2048: await issue({ keyType: 'rsa2048' }),
    rsa1024: await issue({ keyType: 'rsa1024' }),
    sha1: await issue({ hash: 'SHA-1' }),
    outsideConstraints: await issue({ dnsNames: ['localhost', 'elsewhere.example'] }, constrained),
    pathTooLong: await issue({}, belowLast),
    issuerNotACa: await issue({}, noAuthority),
    unknownCriticalExtension: await issue({ criticalUnknownExtension: true }),
    revoked: await issue({ commonName: 'localhost' }),
    forged: await issue({}, impostor),
    forgedWithRoot: { ...forgedToo, chain: forgedToo.certificate + impostor.certificate },
    forgedSignature: await issue({}, await root.forged({ copiesKeyIdentifier: true })),
    expiredOfUnknownCa: await issue({ expired: true }, stranger),
    tampered: tampered(await issue()),
    stolen: stolen(await issue(), other),
    spiffe: await issue({ uris: ['spiffe://example.org/billing'], dnsNames: ['localhost'] }),
    unicode: await issue({ subject: 'O=Müller + OU=Straße, CN=ü', dnsNames: ['localhost'] }),
    huge: await issue({ dnsNames: ['localhost'], extraNames: 1000 }),
    otherHost: await issue({ dnsNames: ['elsewhere.example'] }),
    commonNameOnly: await issue({ commonName: 'localhost', dnsNames: [] }),
  };
}

function nameIn(all: Pick<ScenarioCertificates, 'client' | 'server'>, fingerprint: string): string {
  for (const side of ['client', 'server'] as const) {
    for (const [name, certificate] of Object.entries(all[side])) {
      if (certificate.fingerprint === fingerprint) return `${side}.${name}`;
    }
  }
  return fingerprint;
}
