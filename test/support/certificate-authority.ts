import 'reflect-metadata';
import { createHash, createPrivateKey, createPublicKey, KeyObject, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto);

type CryptoKey = webcrypto.CryptoKey;
type CryptoKeyPair = webcrypto.CryptoKeyPair;

/** A certificate and its private key, as a tls option wants them. */
export interface IssuedCertificate {
  /** The leaf alone, PEM. */
  readonly certificate: string;
  /** PKCS #8, PEM. */
  readonly key: string;
  /** The leaf and the intermediates above it, without the root, PEM: what a well-configured peer sends. */
  readonly chain: string;
  readonly der: Buffer;
  /** SHA-256 over the DER, upper-case hex without colons. */
  readonly fingerprint: string;
  /** Lower-case hex. */
  readonly serialNumber: string;
}

export type KeyType = keyof typeof KEY_ALGORITHMS;
export type Hash = 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';

/**
 * In the order of the encoding: `C=DE, O=Acme, CN=a+UID=7` (a string may escape and quote), or
 * `[{ O: [{ utf8String: 'Acme' }] }, ...]`, where every character stands for itself.
 */
export type DistinguishedName = string | x509.JsonNameParams;

interface Validity {
  /** Ended yesterday. */
  expired?: boolean;
  /** Begins tomorrow. */
  notYetValid?: boolean;
  notBefore?: Date;
  notAfter?: Date;
}

export interface AuthorityOptions extends Validity {
  commonName?: string;
  /** As in `CertificateOptions`. */
  subject?: DistinguishedName;
  keyType?: KeyType;
}

export interface IntermediateOptions extends AuthorityOptions {
  /** How many authorities may stand below this one; none is said unless it is given. */
  pathLength?: number;
  /** DNS names below which it may issue: `allowed.example`. */
  nameConstraints?: string[];
  /** It signs, although its certificate says it is no authority. */
  notACa?: boolean;
}

export interface CertificateOptions extends Validity {
  commonName?: string;
  organization?: string;
  /** The whole distinguished name; instead of `commonName` and `organization`. */
  subject?: DistinguishedName;
  /** A server's certificate is for `localhost` and `127.0.0.1` unless names are given; an empty list is none. */
  dnsNames?: string[];
  ipAddresses?: string[];
  uris?: string[];
  emails?: string[];
  /** Adds as many DNS names: `name-1.example`, ... */
  extraNames?: number;
  /** The extended key usage. Default `client`. */
  usage?: 'client' | 'server' | 'both' | 'codeSigning' | 'none';
  /** Default `digitalSignature`. */
  keyUsage?: 'digitalSignature' | 'keyEncipherment' | 'keyAgreement';
  /** Default `ec`: RSA keys take long to make. */
  keyType?: KeyType;
  /** What the issuer signs with. */
  hash?: Hash;
  /** Hex. Random unless given. */
  serialNumber?: string;
  /** Adds a critical extension that nobody knows. */
  criticalUnknownExtension?: boolean;
}

/** Issues certificates as a real authority does, and broken ones no real authority would. */
export class CertificateAuthority {
  readonly certificate: string;
  readonly der: Buffer;
  readonly fingerprint: string;
  readonly #name: x509.Name;
  readonly #keys: CryptoKeyPair;
  /** The intermediates from this one upwards, PEM; empty for a root. */
  readonly #intermediates: string;
  readonly #keyIdentifier: x509.AuthorityKeyIdentifierExtension;
  readonly #revoked = new Set<string>();

  private constructor(
    certificate: x509.X509Certificate,
    keys: CryptoKeyPair,
    intermediates: string,
    keyIdentifier: x509.AuthorityKeyIdentifierExtension,
  ) {
    this.certificate = pem(certificate);
    this.der = Buffer.from(certificate.rawData);
    this.fingerprint = fingerprintOf(this.der);
    this.#name = certificate.subjectName;
    this.#keys = keys;
    this.#intermediates = intermediates;
    this.#keyIdentifier = keyIdentifier;
  }

  /** A root, with a self-signed certificate. */
  static async create(options: AuthorityOptions = {}): Promise<CertificateAuthority> {
    const keys = await generateKeys(options.keyType);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: distinguishedName({ commonName: 'Test Root', ...options }),
      keys,
      ...validity(options),
      signingAlgorithm: signingAlgorithm(keys.privateKey),
      extensions: await authorityExtensions(keys.publicKey, {}),
    });
    return new CertificateAuthority(
      certificate,
      keys,
      '',
      await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
    );
  }

  /** A certificate that vouches for itself: `usage`, names and validity as in `issue`. */
  static async selfSigned(options: CertificateOptions = {}): Promise<IssuedCertificate> {
    const keys = await generateKeys(options.keyType);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: distinguishedName({ commonName: 'self-signed', ...options }),
      keys,
      ...validity(options),
      ...(options.serialNumber ? { serialNumber: options.serialNumber } : {}),
      signingAlgorithm: signingAlgorithm(keys.privateKey, options.hash),
      extensions: await leafExtensions(keys.publicKey, options),
    });
    return issued(certificate, keys, '');
  }

  async issue(options: CertificateOptions = {}): Promise<IssuedCertificate> {
    const keys = await generateKeys(options.keyType);
    const certificate = await x509.X509CertificateGenerator.create({
      subject: distinguishedName({ commonName: options.usage === 'server' ? 'localhost' : 'client', ...options }),
      issuer: this.#name,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      ...validity(options),
      ...(options.serialNumber ? { serialNumber: options.serialNumber } : {}),
      signingAlgorithm: signingAlgorithm(this.#keys.privateKey, options.hash),
      extensions: [...(await leafExtensions(keys.publicKey, options)), this.#keyIdentifier],
    });
    return issued(certificate, keys, this.#intermediates);
  }

  /** An authority below this one. */
  async intermediate(options: IntermediateOptions = {}): Promise<CertificateAuthority> {
    const keys = await generateKeys(options.keyType);
    const certificate = await x509.X509CertificateGenerator.create({
      subject: distinguishedName({ commonName: 'Test Intermediate', ...options }),
      issuer: this.#name,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      ...validity(options),
      signingAlgorithm: signingAlgorithm(this.#keys.privateKey),
      extensions: [...(await authorityExtensions(keys.publicKey, options)), this.#keyIdentifier],
    });
    return new CertificateAuthority(
      certificate,
      keys,
      pem(certificate) + this.#intermediates,
      await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
    );
  }

  /**
   * Somebody who passes for this authority: the same name, another key. What it issues names the impostor's key as its
   * issuer's; or this authority's (`copiesKeyIdentifier`), and then only the signature betrays it.
   */
  async forged({ copiesKeyIdentifier = false } = {}): Promise<CertificateAuthority> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: this.#name,
      keys,
      ...validity({}),
      extensions: await authorityExtensions(keys.publicKey, {}),
    });
    const own = await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey);
    return new CertificateAuthority(certificate, keys, '', copiesKeyIdentifier ? this.#keyIdentifier : own);
  }

  /** From now on `crl()` lists it. */
  revoke(serialNumber: string): void {
    this.#revoked.add(serialNumber);
  }

  /** The revocation list, PEM. */
  async crl({ expired = false } = {}): Promise<string> {
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#name,
      thisUpdate: daysFromNow(-2),
      nextUpdate: daysFromNow(expired ? -1 : 30),
      // With a reason, as otherwise the library writes an empty list of extensions, at which BoringSSL takes offence.
      entries: [...this.#revoked].map(serialNumber => ({
        serialNumber,
        revocationDate: daysFromNow(-1),
        reason: x509.X509CrlReason.keyCompromise,
      })),
      signingKey: this.#keys.privateKey,
      signingAlgorithm: signingAlgorithm(this.#keys.privateKey),
    });
    return `${x509.PemConverter.encode(list.rawData, 'X509 CRL')}\n`;
  }
}

/** The same certificate and key, its signature's last byte flipped. */
export function tampered(genuine: IssuedCertificate): IssuedCertificate {
  const der = Buffer.from(genuine.der);
  der[der.length - 1]! ^= 0xff;
  const certificate = `${x509.PemConverter.encode(new Uint8Array(der).buffer, 'CERTIFICATE')}\n`;
  const chain = genuine.chain.replace(genuine.certificate, certificate);
  return { ...genuine, certificate, chain, der, fingerprint: fingerprintOf(der) };
}

/**
 * The victim's certificate with the thief's own key: whoever has only copied a certificate can present it, but cannot
 * prove that it is theirs. Both keys are EC. The thief's key claims the victim's public point, for OpenSSL compares
 * that much when it loads the two.
 */
export function stolen(victim: IssuedCertificate, thief: IssuedCertificate): IssuedCertificate {
  const key = createPrivateKey(thief.key).export({ type: 'pkcs8', format: 'der' });
  const point = publicPoint(thief);
  publicPoint(victim).copy(key, key.indexOf(point));
  return { ...victim, key: `${x509.PemConverter.encode(new Uint8Array(key).buffer, 'PRIVATE KEY')}\n` };
}

/** X and Y, the end of the public key of an EC certificate. */
function publicPoint({ certificate }: IssuedCertificate): Buffer {
  const publicKey = createPublicKey(certificate).export({ type: 'spki', format: 'der' });
  return publicKey.subarray(-64);
}

const KEY_ALGORITHMS = {
  ec: { name: 'ECDSA', namedCurve: 'P-256' },
  ec384: { name: 'ECDSA', namedCurve: 'P-384' },
  ec521: { name: 'ECDSA', namedCurve: 'P-521' },
  ed25519: { name: 'Ed25519' },
  rsa1024: rsa(1024),
  rsa2048: rsa(2048),
} as const;

function rsa(modulusLength: number) {
  return {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  } as const;
}

async function generateKeys(keyType: KeyType = 'ec'): Promise<CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(KEY_ALGORITHMS[keyType], true, ['sign', 'verify'])) as CryptoKeyPair;
}

function signingAlgorithm(key: CryptoKey, hash: Hash = 'SHA-256') {
  return { name: key.algorithm.name, hash };
}

function issued(certificate: x509.X509Certificate, keys: CryptoKeyPair, intermediates: string): IssuedCertificate {
  const der = Buffer.from(certificate.rawData);
  return {
    certificate: pem(certificate),
    key: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }) as string,
    chain: pem(certificate) + intermediates,
    der,
    fingerprint: fingerprintOf(der),
    serialNumber: certificate.serialNumber,
  };
}

async function authorityExtensions(publicKey: CryptoKey, options: IntermediateOptions): Promise<x509.Extension[]> {
  return [
    new x509.BasicConstraintsExtension(!options.notACa, options.pathLength, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ...(options.nameConstraints ? [permittedNames(options.nameConstraints)] : []),
  ];
}

async function leafExtensions(publicKey: CryptoKey, options: CertificateOptions): Promise<x509.Extension[]> {
  const usages = EXTENDED_KEY_USAGES[options.usage ?? 'client'];
  const names = alternativeNames(options);
  return [
    new x509.BasicConstraintsExtension(false),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags[options.keyUsage ?? 'digitalSignature'], true),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ...(usages.length > 0 ? [new x509.ExtendedKeyUsageExtension(usages)] : []),
    ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ...(options.criticalUnknownExtension ? [new x509.Extension('1.3.6.1.4.1.99999.1', true, ASN1_NULL)] : []),
  ];
}

const { clientAuth, serverAuth, codeSigning } = x509.ExtendedKeyUsage;
const EXTENDED_KEY_USAGES = {
  client: [clientAuth],
  server: [serverAuth],
  both: [clientAuth, serverAuth],
  codeSigning: [codeSigning],
  none: [],
};

const ASN1_NULL = new Uint8Array([5, 0]);

function alternativeNames(options: CertificateOptions): x509.JsonGeneralNames {
  const isServer = options.usage === 'server' || options.usage === 'both';
  const isNamed = options.dnsNames ?? options.ipAddresses;
  const dnsNames = options.dnsNames ?? (isServer && !isNamed ? ['localhost'] : []);
  const ipAddresses = options.ipAddresses ?? (isServer && !isNamed ? ['127.0.0.1'] : []);
  const extra = Array.from({ length: options.extraNames ?? 0 }, (_, index) => `name-${index + 1}.example`);
  return [
    ...[...dnsNames, ...extra].map(value => ({ type: 'dns' as const, value })),
    ...ipAddresses.map(value => ({ type: 'ip' as const, value })),
    ...(options.uris ?? []).map(value => ({ type: 'url' as const, value })),
    ...(options.emails ?? []).map(value => ({ type: 'email' as const, value })),
  ];
}

/** NameConstraints with permitted DNS subtrees (RFC 5280 section 4.2.1.10); the library has no class for it. */
function permittedNames(names: string[]): x509.Extension {
  const subtrees = names.map(name => tlv(0x30, tlv(0x82, Buffer.from(name, 'ascii'))));
  return new x509.Extension('2.5.29.30', true, tlv(0x30, tlv(0xa0, Buffer.concat(subtrees))));
}

/** One DER element, shorter than 128 bytes. */
function tlv(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}

function distinguishedName(options: {
  commonName: string;
  organization?: string;
  subject?: DistinguishedName;
}): x509.Name {
  const { commonName, organization } = options;
  const subject = options.subject ?? [
    ...(organization === undefined ? [] : [{ O: [{ utf8String: organization }] }]),
    { CN: [{ utf8String: commonName }] },
  ];
  return new x509.Name(subject, { UID: '0.9.2342.19200300.100.1.1', serialNumber: '2.5.4.5' });
}

function validity(options: Validity): { notBefore: Date; notAfter: Date } {
  if (options.expired) {
    return { notBefore: daysFromNow(-30), notAfter: daysFromNow(-1) };
  }
  if (options.notYetValid) {
    return { notBefore: daysFromNow(1), notAfter: daysFromNow(30) };
  }
  return { notBefore: options.notBefore ?? daysFromNow(-30), notAfter: options.notAfter ?? daysFromNow(300) };
}

function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * 86_400_000);
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

function fingerprintOf(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex').toUpperCase();
}
