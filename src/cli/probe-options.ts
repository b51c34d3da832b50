import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { openCertificate, pemOf } from '../certificate/native-certificate';
import { fingerprintOf } from '../certificate/peer-certificate';
import type { OpenAuthority, ProbeCredentials } from '../probe/probe-certificates';
import { MOST_REQUESTS } from '../probe/probe-plan';
import { UsageError } from './usage-error';

/** As parseArgs has them. */
export interface ProbeParameters {
  readonly probe?: string;
  readonly 'probe-certificate'?: string;
  readonly 'probe-key'?: string;
  readonly 'probe-revoked-certificate'?: string;
  readonly 'probe-revoked-key'?: string;
  readonly 'probe-issuer'?: string;
  readonly 'probe-issuer-key'?: string;
  readonly 'probe-ca'?: string;
  readonly 'probe-insecure'?: boolean;
  readonly 'probe-method'?: string[];
  readonly 'probe-limit'?: string;
  readonly 'probe-rate'?: string;
  readonly 'probe-wait'?: string;
  readonly yes?: boolean;
}

/** For parseArgs. */
export const PROBE_PARAMETERS = {
  probe: { type: 'string' },
  'probe-certificate': { type: 'string' },
  'probe-key': { type: 'string' },
  'probe-revoked-certificate': { type: 'string' },
  'probe-revoked-key': { type: 'string' },
  'probe-issuer': { type: 'string' },
  'probe-issuer-key': { type: 'string' },
  'probe-ca': { type: 'string' },
  'probe-insecure': { type: 'boolean' },
  'probe-method': { type: 'string', multiple: true },
  'probe-limit': { type: 'string' },
  'probe-rate': { type: 'string' },
  'probe-wait': { type: 'string' },
  yes: { type: 'boolean', short: 'y' },
} as const;

export const PROBE_HELP = `Probing: handshakes and requests with good and bad certificates, whose trail is then awaited

  --probe URL        the server: https://host:port, with a base path in place of the description's
  --probe-certificate FILE --probe-key FILE
                     a certificate that is to be let in, PEM
  --probe-revoked-certificate FILE --probe-revoked-key FILE
                     one that is revoked
  --probe-issuer FILE --probe-issuer-key FILE
                     an authority that the server accepts: issues the expired one, the one that is not
                     yet valid and the one for another purpose, so that nothing else is wrong with them.
                     Without it an authority issues them that nobody knows
  --probe-ca FILE    verify the server's certificate with these authorities instead of the system's;
                     the forged issuer has the name of the first where no better one is known
  --probe-insecure   go on although the server's certificate does not verify
  --probe-method M   operations of this method too, without a body; may be repeated. Without it
                     GET and HEAD alone
  --probe-limit N    at most so many requests (default and most: ${MOST_REQUESTS})
  --probe-rate N     so many a second (default 2, at most 10)
  --probe-wait TIME  how long trails are awaited behind the last request (default 30s)
  --yes              do not ask before sending
`;

/** A probe as it was asked for. Files are read, and what is in them fits together. */
export interface ProbeOptions {
  /** `https:`, without user, query or fragment. */
  readonly url: URL;
  /** `https://api.example.com:8443/v1`. */
  readonly address: string;
  /** In place of the description's. Undefined: the address has none. */
  readonly basePath: string | undefined;
  readonly good: SuppliedCredentials | undefined;
  readonly revoked: ProbeCredentials | undefined;
  readonly issuer: OpenAuthority | undefined;
  /** PEM. Undefined: what Node trusts. */
  readonly ca: readonly string[] | undefined;
  readonly isInsecure: boolean;
  /** Upper case. */
  readonly methods: readonly string[];
  readonly limit: number;
  /** Requests a second. */
  readonly rate: number;
  readonly waitMs: number;
  readonly isAgreed: boolean;
}

export interface SuppliedCredentials extends ProbeCredentials {
  /** DER, the leaf first. */
  readonly der: readonly Uint8Array[];
  /** All but the leaf. PEM. */
  readonly chain: string;
  readonly openKey: KeyObject;
}

/** Undefined: nothing is to be probed. Throws `UsageError`. `durationOf`: milliseconds, undefined when a text is none. */
export async function probeOptionsFrom(
  values: ProbeParameters,
  durationOf: (text: string) => number | undefined,
): Promise<ProbeOptions | undefined> {
  if (values.probe === undefined) {
    const alone = Object.keys(PROBE_PARAMETERS).find(name => values[name as keyof ProbeParameters] !== undefined);
    if (alone !== undefined)
      throw new UsageError(`--${alone} is given without --probe URL: expected the server to probe`);
    return undefined;
  }
  const url = urlFrom(values.probe);
  const basePath = url.pathname.replace(/\/+$/, '');
  const waitMs = durationOf(values['probe-wait'] ?? '30s');
  if (waitMs === undefined)
    throw new UsageError(`--probe-wait '${values['probe-wait']}': expected a time such as 30s, 2m`);
  return {
    url,
    address: `${url.origin}${basePath}`,
    basePath: basePath === '' ? undefined : basePath,
    good: await credentialsFrom(values, 'probe-certificate', 'probe-key'),
    revoked: await credentialsFrom(values, 'probe-revoked-certificate', 'probe-revoked-key'),
    issuer: await issuerFrom(values),
    ca:
      values['probe-ca'] === undefined ? undefined : (await certificatesIn('probe-ca', values['probe-ca'])).map(pemOf),
    isInsecure: values['probe-insecure'] ?? false,
    methods: ['GET', 'HEAD', ...(values['probe-method'] ?? []).map(methodFrom)],
    limit: numberFrom('probe-limit', values['probe-limit'] ?? String(MOST_REQUESTS), MOST_REQUESTS),
    rate: numberFrom('probe-rate', values['probe-rate'] ?? '2', MOST_A_SECOND),
    waitMs,
    isAgreed: values.yes ?? false,
  };
}

/** A server is probed and not tested for its strength; and the instrumentation tells of twenty failures a second. */
const MOST_A_SECOND = 10;

function urlFrom(text: string): URL {
  const expected = 'expected an address such as https://api.example.com:8443';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Never repeated: somebody's password may stand in it.
  if (url && (url.username !== '' || url.password !== ''))
    throw new UsageError(`--probe: the address has a user or a password in it; ${expected}`);
  if (url?.protocol === 'http:') throw new UsageError(`--probe '${text}': http has no handshake to probe; ${expected}`);
  if (url?.protocol !== 'https:' || url.hostname === '') throw new UsageError(`--probe '${text}': ${expected}`);
  if (url.search !== '' || url.hash !== '')
    throw new UsageError(`--probe '${text}': a query or a fragment cannot be probed; ${expected}`);
  return url;
}

/** Without brackets: as a connection wants it. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** What is asked for by SNI. Undefined: an address, which has no name. */
export function serverNameOf(url: URL): string | undefined {
  return isIP(hostOf(url)) === 0 ? url.hostname : undefined;
}

async function credentialsFrom(
  values: ProbeParameters,
  certificateOption: 'probe-certificate' | 'probe-revoked-certificate' | 'probe-issuer',
  keyOption: 'probe-key' | 'probe-revoked-key' | 'probe-issuer-key',
): Promise<SuppliedCredentials | undefined> {
  const [certificateFile, keyFile] = [values[certificateOption], values[keyOption]];
  if (certificateFile === undefined && keyFile === undefined) return undefined;
  if (keyFile === undefined)
    throw new UsageError(
      `--${certificateOption} '${certificateFile}': its key is missing; expected --${keyOption} FILE too`,
    );
  if (certificateFile === undefined)
    throw new UsageError(
      `--${keyOption} '${keyFile}': the certificate is missing; expected --${certificateOption} FILE too`,
    );
  const der = await certificatesIn(certificateOption, certificateFile);
  const openKey = await keyIn(keyOption, keyFile);
  const leaf = openCertificate(der[0]!)!;
  if (!leaf.checkPrivateKey(openKey))
    throw new UsageError(
      `--${keyOption} '${keyFile}': does not fit the certificate in '${certificateFile}'; expected the key of its first certificate`,
    );
  return {
    certificate: der.map(pemOf).join(''),
    key: openKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    serialNumber: leaf.serialNumber.toUpperCase(),
    fingerprint: fingerprintOf(der[0]!),
    der,
    chain: der.slice(1).map(pemOf).join(''),
    openKey,
  };
}

async function issuerFrom(values: ProbeParameters): Promise<OpenAuthority | undefined> {
  const credentials = await credentialsFrom(values, 'probe-issuer', 'probe-issuer-key');
  if (credentials === undefined) return undefined;
  const [first, ...above] = credentials.der as [Uint8Array, ...Uint8Array[]];
  if (openCertificate(first)?.ca !== true)
    throw new UsageError(
      `--probe-issuer '${values['probe-issuer']}': its first certificate is no authority's; expected one that may issue others`,
    );
  // A root is the server's to have.
  const sent = [first, ...above].filter(der => {
    const { subject, issuer } = openCertificate(der)!;
    return subject !== issuer;
  });
  return { certificate: first, key: credentials.openKey, chain: sent.map(pemOf).join('') };
}

/** DER, at least one, each of them readable. */
async function certificatesIn(option: keyof ProbeParameters, file: string): Promise<readonly Uint8Array[]> {
  const expected = 'expected a certificate in PEM';
  const text = await textIn(option, file, expected);
  const blocks = [...text.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g)];
  if (blocks.length === 0) throw new UsageError(`--${option} '${file}': no certificate is in it; ${expected}`);
  return blocks.map(([, base64 = '']) => {
    const der = Buffer.from(base64, 'base64');
    if (openCertificate(der) === undefined)
      throw new UsageError(`--${option} '${file}': a certificate in it cannot be read; ${expected}`);
    return der;
  });
}

async function keyIn(option: keyof ProbeParameters, file: string): Promise<KeyObject> {
  const expected = 'expected an unencrypted private key in PEM';
  const text = await textIn(option, file, expected);
  try {
    return createPrivateKey(text);
  } catch (fault) {
    const { code } = fault as NodeJS.ErrnoException;
    const isLocked = code === 'ERR_MISSING_PASSPHRASE' || /ENCRYPTED/.test(text);
    throw new UsageError(
      `--${option} '${file}': ${isLocked ? 'it is encrypted' : 'no key can be read in it'}; ${expected}`,
    );
  }
}

async function textIn(option: keyof ProbeParameters, file: string, expected: string): Promise<string> {
  return readFile(file, 'latin1').catch((fault: NodeJS.ErrnoException) => {
    const why = fault.code === 'ENOENT' ? 'there is no such file' : `cannot be read (${fault.code})`;
    throw new UsageError(`--${option} '${file}': ${why}; ${expected}`);
  });
}

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'];

function methodFrom(text: string): string {
  const method = text.toUpperCase();
  if (!METHODS.includes(method))
    throw new UsageError(`--probe-method '${text}': expected one of ${METHODS.join(', ')}`);
  return method;
}

function numberFrom(option: keyof ProbeParameters, text: string, most: number): number {
  const number = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > most) throw new UsageError(`--${option} '${text}': expected a number from 1 to ${most}`);
  return number;
}
