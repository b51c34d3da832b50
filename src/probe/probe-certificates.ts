import { createHash, KeyObject, randomBytes, webcrypto } from 'node:crypto';
import type * as X509 from '@peculiar/x509';
import { PROBE_KINDS, type ProbeKind, type ProbeKindName } from './probe-kinds';

type CryptoKey = webcrypto.CryptoKey;
type CryptoKeyPair = webcrypto.CryptoKeyPair;

/** What a probe presents, as `tls.connect` wants it. */
export interface ProbeCredentials {
  /** The leaf, and what stands between it and a root. PEM. */
  readonly certificate: string;
  /** PEM. Never shown. */
  readonly key: string;
  /** Upper-case hex. */
  readonly serialNumber: string;
  readonly fingerprint: string;
}

/** An authority whose key is at hand. */
export interface OpenAuthority {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly key: KeyObject;
  /** What a client sends behind the leaf. PEM; empty for a root. */
  readonly chain: string;
}

export interface Authorities {
  /** One that the server accepts. Undefined: what it ought to have issued comes from one that nobody knows. */
  readonly accepted: OpenAuthority | undefined;
  /** The name of one that the server accepts, DER: for the forged issuer. Undefined: none is known, and none is forged. */
  readonly acceptedName: Uint8Array | undefined;
  /** What stands between that one and a root, itself included. PEM; empty where nothing does, or nothing is known. */
  readonly acceptedChain: string;
}

/** Serial numbers begin with these bytes, "probe", and the rest is random: whoever sees one in a log knows what it was. */
export const SERIAL_PREFIX = Buffer.from('probe', 'latin1').toString('hex').toUpperCase();

/** How certificates that were made are named: `CN=otel-tls probe: expired certificate`. */
export const PROBE_NAME = 'otel-tls probe';

const DAY_MS = 86_400_000;

/**
 * Makes the certificates of probes. Their keys are RSA: a server that takes no other kind would be shown no certificate at
 * all. One key for all, which takes long enough to make.
 */
export class ProbeCertificates {
  readonly #x509: typeof X509;
  readonly #keys: CryptoKeyPair;
  /** Of an authority that nobody knows. */
  readonly #unknown: CryptoKeyPair;
  readonly #authorities: Authorities;
  readonly #acceptedKey: CryptoKey | undefined;

  private constructor(
    x509: typeof X509,
    keys: CryptoKeyPair,
    unknown: CryptoKeyPair,
    authorities: Authorities,
    acceptedKey: CryptoKey | undefined,
  ) {
    this.#x509 = x509;
    this.#keys = keys;
    this.#unknown = unknown;
    this.#authorities = authorities;
    this.#acceptedKey = acceptedKey;
  }

  /** Throws `UnusableKey` when the accepted authority's key is of a kind that cannot sign here. */
  static async open(authorities: Authorities): Promise<ProbeCertificates> {
    // Loaded when something is probed: it takes longer than the rest of a command.
    require('reflect-metadata');
    const x509 = require('@peculiar/x509') as typeof X509;
    x509.cryptoProvider.set(webcrypto);
    const { accepted } = authorities;
    return new ProbeCertificates(
      x509,
      await generate(RSA),
      await generate(EC),
      authorities,
      accepted && (await signingKey(accepted.key)),
    );
  }

  /** A new one each time, so that each is recognised. Undefined: it is not made, or there is no name to forge. */
  async make(name: ProbeKindName): Promise<ProbeCredentials | undefined> {
    const kind: ProbeKind = PROBE_KINDS[name];
    const { made } = kind;
    if (made === undefined) return undefined;
    const { accepted, acceptedName, acceptedChain } = this.#authorities;
    if (made.issuer === 'forged' && acceptedName === undefined) return undefined;
    const x509 = this.#x509;
    const serialNumber = `${SERIAL_PREFIX}${randomBytes(11).toString('hex').toUpperCase()}`;
    const isByAccepted = made.issuer === 'accepted' && accepted !== undefined;
    const subject = new x509.Name([
      { O: [{ utf8String: 'otel-tls audit' }] },
      { CN: [{ utf8String: `${PROBE_NAME}: ${kind.title}` }] },
    ]);
    const signingKey =
      made.issuer === 'itself'
        ? this.#keys.privateKey
        : isByAccepted
          ? (this.#acceptedKey as CryptoKey)
          : this.#unknown.privateKey;
    const chain = made.issuer === 'forged' ? acceptedChain : isByAccepted ? accepted.chain : '';
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber,
      subject,
      issuer:
        made.issuer === 'itself'
          ? subject
          : made.issuer === 'forged'
            ? new x509.Name(acceptedName as Uint8Array<ArrayBuffer>)
            : isByAccepted
              ? new x509.X509Certificate(accepted.certificate as Uint8Array<ArrayBuffer>).subjectName
              : new x509.Name([{ CN: [{ utf8String: `${PROBE_NAME}: an authority nobody knows` }] }]),
      notBefore: new Date(Date.now() + made.from * DAY_MS),
      notAfter: new Date(Date.now() + made.to * DAY_MS),
      publicKey: this.#keys.publicKey,
      signingKey,
      signingAlgorithm: { name: signingKey.algorithm.name, hash: 'SHA-256' },
      // No identifier of the issuer's key: a forged issuer is to be found by its name, and betrayed by the signature.
      extensions: [
        new x509.BasicConstraintsExtension(false),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([
          made.usage === 'client' ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth,
        ]),
        await x509.SubjectKeyIdentifierExtension.create(this.#keys.publicKey),
      ],
    });
    return {
      certificate: `${certificate.toString('pem')}\n${chain}`,
      key: KeyObject.from(this.#keys.privateKey).export({ type: 'pkcs8', format: 'pem' }) as string,
      serialNumber,
      fingerprint: createHash('sha256').update(Buffer.from(certificate.rawData)).digest('hex').toUpperCase(),
    };
  }

  /** The name of a certificate's subject, or of its issuer, in DER. Undefined: it cannot be read. */
  static nameIn(certificate: Uint8Array, of: 'subject' | 'issuer'): Uint8Array | undefined {
    require('reflect-metadata');
    const x509 = require('@peculiar/x509') as typeof X509;
    try {
      const read = new x509.X509Certificate(certificate as Uint8Array<ArrayBuffer>);
      return new Uint8Array((of === 'subject' ? read.subjectName : read.issuerName).toArrayBuffer());
    } catch {
      return undefined;
    }
  }
}

/** The authority's key is of a kind with which nothing can be signed here. */
export class UnusableKey extends Error {}

const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: 'SHA-256',
} as const;
const EC = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** By what Node calls the curve. */
const CURVES: { readonly [curve: string]: string } = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

async function generate(algorithm: typeof RSA | typeof EC): Promise<CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
}

async function signingKey(key: KeyObject): Promise<CryptoKey> {
  const algorithm = algorithmOf(key);
  return webcrypto.subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), algorithm, true, ['sign']);
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject) {
  if (asymmetricKeyType === 'rsa') return { name: RSA.name, hash: RSA.hash };
  if (asymmetricKeyType === 'ed25519') return { name: 'Ed25519' };
  const namedCurve = asymmetricKeyType === 'ec' ? CURVES[asymmetricKeyDetails?.namedCurve ?? ''] : undefined;
  if (namedCurve === undefined) throw new UnusableKey(`${asymmetricKeyDetails?.namedCurve ?? asymmetricKeyType}`);
  return { name: EC.name, namedCurve };
}
