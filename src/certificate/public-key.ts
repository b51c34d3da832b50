import { CURVES, type Curve, PUBLIC_KEY_ALGORITHMS } from './algorithms';
import { bitLength, type DerElement, objectIdentifier, readDer, TAG } from './der';

/** What a SubjectPublicKeyInfo says of its key. */
export interface PublicKeyFacts {
  readonly publicKeyAlgorithm?: string | undefined;
  readonly publicKeySize?: number | undefined;
  readonly publicKeyCurve?: string | undefined;
}

export function readPublicKey(info: DerElement | undefined): PublicKeyFacts {
  const identifier = objectIdentifier(info?.children[0]?.children[0]);
  if (info === undefined || identifier === undefined) return {};
  const algorithm = PUBLIC_KEY_ALGORITHMS[identifier];
  const parameters = info.children[0]!.children[1];
  const publicKeyAlgorithm = algorithm?.name ?? identifier;
  switch (publicKeyAlgorithm) {
    case 'RSA':
    case 'RSASSA-PSS':
      return { publicKeyAlgorithm, publicKeySize: bitLength(rsaKey(info)?.children[0]) };
    case 'DSA':
      return { publicKeyAlgorithm, publicKeySize: bitLength(parameters?.children[0]) };
    case 'EC': {
      // Parameters written out, instead of a curve's name, name no curve: RFC 5480 section 2.1.1 forbids them.
      const curve = objectIdentifier(parameters);
      const known = curve === undefined ? undefined : CURVES[curve];
      return { publicKeyAlgorithm, publicKeySize: known?.bits, publicKeyCurve: known?.name ?? curve };
    }
    default:
      return { publicKeyAlgorithm, publicKeySize: algorithm?.bits };
  }
}

/**
 * Whether Node may be asked for this key. Of keys on curves it does not know well, or with a point that is none, Node 20 to
 * 26 make objects that throw or end the process when looked at (`asymmetricKeyDetails`, `toLegacyObject`), and a huge RSA
 * key takes its time. So only what is well formed, of a usual size, and on a curve that every Node knows.
 */
export function isUsualKey(info: DerElement | undefined): boolean {
  const key = keyBytes(info);
  const { publicKeyAlgorithm } = readPublicKey(info);
  if (info === undefined || key === undefined) return false;
  switch (publicKeyAlgorithm) {
    case 'RSA': {
      const [modulus, exponent, ...rest] = rsaKey(info)?.children ?? [];
      const size = bitLength(modulus) ?? 0;
      return size >= 512 && size <= 8192 && (bitLength(exponent) ?? 64) <= 33 && rest.length === 0;
    }
    case 'EC': {
      const curve = CURVES[objectIdentifier(info.children[0]?.children[1]) ?? ''];
      return curve?.checked === true && isPoint(key, curve);
    }
    case 'Ed25519':
      return key.length === 32;
    case 'Ed448':
      return key.length === 57;
    default:
      return false;
  }
}

/** SEC 1 section 2.3.3: uncompressed, 4 and both coordinates; compressed, 2 or 3 and one. */
function isPoint(key: Uint8Array, { bits }: Curve): boolean {
  const coordinate = Math.ceil(bits / 8);
  return key[0] === 4
    ? key.length === 1 + 2 * coordinate
    : (key[0] === 2 || key[0] === 3) && key.length === 1 + coordinate;
}

/** RSAPublicKey { modulus, publicExponent }, RFC 8017. */
function rsaKey(info: DerElement): DerElement | undefined {
  const key = keyBytes(info);
  return key && readDer(key, 3);
}

/** The content of subjectPublicKey, a BIT STRING, without the count of unused bits, which is zero. */
function keyBytes(info: DerElement | undefined): Uint8Array | undefined {
  const key = info?.children[1];
  if (key?.tagClass !== 'universal' || key.tag !== TAG.bitString || key.content[0] !== 0) return undefined;
  return key.content.subarray(1);
}
