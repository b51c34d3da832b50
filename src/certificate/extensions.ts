import {
  characterString,
  type DerElement,
  hex,
  objectIdentifier,
  readDer,
  smallInteger,
  TAG,
  tagged,
  untaggedString,
} from './der';

/** What the extensions of a certificate say. A field is undefined when its extension is absent or malformed. */
export interface ExtensionDetails {
  /** RFC 5280 names: `digitalSignature`, `keyCertSign`. */
  readonly keyUsage?: readonly string[] | undefined;
  /** `clientAuth`, `serverAuth`, ..., or the dotted object identifier. At most 64, as every list here. */
  readonly extendedKeyUsage?: readonly string[] | undefined;
  /** How many intermediate authorities may follow. */
  readonly pathLength?: number | undefined;
  /** Every otherName with its kind: `1.2.3.4:Hello World`; the kind alone where the value is no text. */
  readonly otherNames?: readonly string[] | undefined;
  /** Dotted object identifiers. */
  readonly policies?: readonly string[] | undefined;
  readonly ocspResponders?: readonly string[] | undefined;
  readonly caIssuers?: readonly string[] | undefined;
  readonly crlDistributionPoints?: readonly string[] | undefined;
  /** Upper-case hex. */
  readonly subjectKeyIdentifier?: string | undefined;
  readonly authorityKeyIdentifier?: string | undefined;
  /** How many promises of transparency logs (SCT) are embedded. Not verified. */
  readonly signedCertificateTimestamps?: number | undefined;
}

interface Extension {
  readonly name: string;
  read(value: DerElement): ExtensionDetails;
}

/** By object identifier. RFC 5280 section 4.2, RFC 6962 section 3.3. Last checked 2026-11-22. */
export const EXTENSIONS: Readonly<Record<string, Extension>> = {
  '2.5.29.14': {
    name: 'subjectKeyIdentifier',
    read: value => ({ subjectKeyIdentifier: hex(primitive(value, TAG.octetString)) }),
  },
  '2.5.29.15': {
    name: 'keyUsage',
    read: value => ({ keyUsage: namedBits(primitive(value, TAG.bitString), KEY_USAGES) }),
  },
  '2.5.29.17': {
    name: 'subjectAltName',
    read: value => ({ otherNames: several(value.children.filter(isOtherName).map(otherName)) }),
  },
  '2.5.29.19': {
    name: 'basicConstraints',
    read: value => ({ pathLength: value.children.map(smallInteger).find(length => length !== undefined) }),
  },
  '2.5.29.31': {
    name: 'cRLDistributionPoints',
    read: value => ({
      // DistributionPoint { distributionPoint [0] { fullName [0] GeneralNames } }
      crlDistributionPoints: several(value.children.flatMap(point => uris(tagged(tagged(point, 0), 0)?.children))),
    }),
  },
  '2.5.29.32': {
    name: 'certificatePolicies',
    read: value => ({ policies: several(value.children.map(policy => objectIdentifier(policy.children[0]))) }),
  },
  '2.5.29.35': {
    name: 'authorityKeyIdentifier',
    read: value => {
      const identifier = tagged(value, 0)?.content;
      return { authorityKeyIdentifier: identifier && hex(identifier) };
    },
  },
  '2.5.29.37': {
    name: 'extKeyUsage',
    read: value => ({
      extendedKeyUsage: several(value.children.map(objectIdentifier))?.map(purpose => PURPOSES[purpose] ?? purpose),
    }),
  },
  '1.3.6.1.5.5.7.1.1': {
    name: 'authorityInfoAccess',
    read: value => ({
      ocspResponders: several(accessLocations(value, '1.3.6.1.5.5.7.48.1')),
      caIssuers: several(accessLocations(value, '1.3.6.1.5.5.7.48.2')),
    }),
  },
  '1.3.6.1.4.1.11129.2.4.2': {
    name: 'signedCertificateTimestampList',
    read: value => ({ signedCertificateTimestamps: timestamps(primitive(value, TAG.octetString)) }),
  },
};

/** What the known extensions say, each read for itself: a malformed one takes nothing from the others. */
export function readExtensionDetails(extensions: ReadonlyMap<string, Uint8Array>): ExtensionDetails {
  const details: ExtensionDetails = {};
  for (const [identifier, { read }] of Object.entries(EXTENSIONS)) {
    const value = extensions.get(identifier);
    const element = value && readDer(value, MAX_ELEMENTS);
    if (element === undefined) continue;
    try {
      Object.assign(details, read(element));
    } catch {
      // Malformed: absent, as far as anybody can tell.
    }
  }
  return details;
}

/** The sixty-four alternative names, should all of them be otherNames, and room. Bounds the time an extension can take. */
const MAX_ELEMENTS = 400;

const MAX_ENTRIES = 64;

function several<T>(entries: readonly (T | undefined)[]): readonly T[] | undefined {
  const present = entries.filter(entry => entry !== undefined).slice(0, MAX_ENTRIES);
  return present.length === 0 ? undefined : present;
}

function primitive(element: DerElement, tag: number): Uint8Array {
  if (element.tagClass !== 'universal' || element.tag !== tag) throw new TypeError('another type than RFC 5280 says');
  return element.content;
}

/** The bits that are set, first bit first; a BIT STRING's first byte counts the unused ones at its end. */
function namedBits(content: Uint8Array, names: readonly string[]): readonly string[] {
  return names.filter((_, bit) => ((content[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0);
}

/** GeneralName's uniformResourceIdentifier [6]. */
function uris(names: readonly DerElement[] = []): string[] {
  return names.filter(name => name.tagClass === 'context' && name.tag === 6).map(untaggedString);
}

/** AccessDescription { accessMethod, accessLocation } of one method. */
function accessLocations(descriptions: DerElement, method: string): string[] {
  return descriptions.children
    .filter(description => objectIdentifier(description.children[0]) === method)
    .flatMap(description => uris(description.children.slice(1)));
}

/** GeneralName's otherName [0] { type-id, value [0] EXPLICIT }. */
function isOtherName(name: DerElement): boolean {
  return name.tagClass === 'context' && name.tag === 0;
}

function otherName(name: DerElement): string {
  const kind = objectIdentifier(name.children[0]) ?? '';
  const text = characterString(tagged(name, 0)?.children[0]);
  return text === undefined ? kind : `${kind}:${text}`;
}

/** A list in TLS's encoding: two bytes of length, then as many entries, each with its own two. RFC 6962 section 3.3. */
function timestamps(list: Uint8Array): number | undefined {
  const length = (at: number) => (list[at] ?? 0) * 256 + (list[at + 1] ?? 0);
  if (length(0) !== list.length - 2) return undefined;
  let count = 0;
  for (let at = 2; at < list.length; at += 2 + length(at)) count++;
  return count;
}

// RFC 5280 section 4.2.1.3, in the order of the bits.
const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
];

// RFC 5280 section 4.2.1.12 and IANA SMI Numbers, PKIX Extended Key Purpose; the others as OpenSSL names them. Last checked 2026-11-22.
const PURPOSES: Readonly<Record<string, string | undefined>> = {
  '2.5.29.37.0': 'anyExtendedKeyUsage',
  '1.3.6.1.5.5.7.3.1': 'serverAuth',
  '1.3.6.1.5.5.7.3.2': 'clientAuth',
  '1.3.6.1.5.5.7.3.3': 'codeSigning',
  '1.3.6.1.5.5.7.3.4': 'emailProtection',
  '1.3.6.1.5.5.7.3.8': 'timeStamping',
  '1.3.6.1.5.5.7.3.9': 'OCSPSigning',
  '1.3.6.1.5.5.7.3.17': 'ipsecIKE',
  '1.3.6.1.5.5.7.3.21': 'secureShellClient',
  '1.3.6.1.5.5.7.3.22': 'secureShellServer',
  '1.3.6.1.5.2.3.4': 'pkInitClientAuth',
  '1.3.6.1.5.2.3.5': 'pkInitKDC',
  '1.3.6.1.4.1.311.20.2.2': 'msSmartcardLogin',
};
