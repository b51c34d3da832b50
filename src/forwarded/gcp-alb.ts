import { Buffer } from 'node:buffer';
import { encodedName } from '../certificate/encoded-name';
import { type AlternativeName, isSpiffeId, MAX_ALTERNATIVE_NAMES } from '../certificate/subject-alternative-names';
import type { FailureReason } from '../handshake/failure-reasons';
import type { Verification } from '../handshake/handshake';
import { base64Bytes } from './certificate-encodings';
import type { Copied } from './copied-values';
import { hexNumber, isoTime } from './copied-values';
import type { Claim, Format } from './format';
import type { HeaderFields } from './header-fields';
import { certificateItem, certificateList } from './structured-fields';
import { FAILED, failedBecause, NOT_PRESENTED, UNVERIFIED, VERIFIED } from './verdicts';

/**
 * Google Cloud's Application Load Balancers: custom request headers set from the variables of mutual TLS. The operator
 * chooses the names; these are the documentation's, `X-Client-Cert-` and after it what the variable is called, with
 * `-Hash` for `client_cert_sha256_fingerprint`.
 *
 * `X-Client-Cert-Present` and `X-Client-Cert-Chain-Verified` have to be set. In the mode ALLOW_INVALID_OR_MISSING every
 * client gets through, and of one that does not verify only the fingerprint and the error are sent. What exceeds a limit
 * is sent empty, so an empty header is not "no certificate"; without mutual TLS all of them are empty.
 */
// Cloud Load Balancing, "Mutual TLS custom headers"; Apigee's samples of it. Last checked 2026-11-22.
export const gcpAlb = {
  id: 'gcp-alb',
  headers: {
    'x-client-cert-present': 'claim',
    'x-client-cert-chain-verified': 'claim',
    'x-client-cert-error': 'claim',
    'x-client-cert-hash': 'claim',
    'x-client-cert-leaf': 'claim',
    'x-client-cert-chain': 'claim',
    'x-client-cert-serial-number': 'claim',
    'x-client-cert-subject-dn': 'claim',
    'x-client-cert-issuer-dn': 'claim',
    'x-client-cert-spiffe-id': 'claim',
    'x-client-cert-uri-sans': 'claim',
    'x-client-cert-dnsname-sans': 'claim',
    'x-client-cert-valid-not-before': 'claim',
    'x-client-cert-valid-not-after': 'claim',
  },
  read: (fields: HeaderFields): Claim | undefined => {
    const verification = verdict(fields);
    if (verification === undefined) return undefined;
    const leaf = fields.certificate('x-client-cert-leaf', certificateItem);
    const chain = fields.certificates('x-client-cert-chain', certificateList);
    return {
      leaf,
      // Google says that the leaf is not among them. Where it is, it is not its own issuer.
      chain: leaf && chain[0] && Buffer.compare(leaf, chain[0]) === 0 ? chain.slice(1) : chain,
      copied: {
        sha256: fields.copied('x-client-cert-hash', fingerprint),
        serialNumber: fields.copied('x-client-cert-serial-number', hexNumber),
        subject: fields.copied('x-client-cert-subject-dn', name),
        issuer: fields.copied('x-client-cert-issuer-dn', name),
        spiffeId: fields.copied('x-client-cert-spiffe-id', uri => (isSpiffeId(uri) ? uri : undefined)),
        alternativeNames: [
          ...alternativeNames(fields, 'x-client-cert-uri-sans', 'URI'),
          ...alternativeNames(fields, 'x-client-cert-dnsname-sans', 'DNS'),
        ],
        notBefore: fields.copied('x-client-cert-valid-not-before', isoTime),
        notAfter: fields.copied('x-client-cert-valid-not-after', isoTime),
      },
      verification,
    };
  },
} as const satisfies Format;

function verdict(fields: HeaderFields): Verification | undefined {
  const missing = VERDICTS.find(header => fields.text(header) === undefined);
  if (missing !== undefined) return fields.suspect('incomplete', missing);
  const presented = fields.decoded('x-client-cert-present', flag);
  const verified = fields.decoded('x-client-cert-chain-verified', flag);
  const codes = fields.decoded('x-client-cert-error', errorCodes) ?? [];
  if (presented === undefined || verified === undefined) return undefined;

  const told = codes.filter(code => !code.endsWith(LEFT_EMPTY));
  const absent = told.includes('client_cert_not_provided');
  if (verified && (!presented || told.length > 0)) {
    return fields.suspect('contradicts_itself', 'x-client-cert-chain-verified');
  }
  if (presented === absent && told.length > 0) return fields.suspect('contradicts_itself', 'x-client-cert-present');
  if (!presented) return NOT_PRESENTED;
  if (verified) return VERIFIED;
  if (told.includes('client_cert_validation_not_performed')) return UNVERIFIED;
  const reasons = new Set(told.map(code => REASONS.get(code) ?? '_OTHER'));
  return told.length === 0 ? FAILED : failedBecause([...reasons], told.join(','));
}

const VERDICTS = ['x-client-cert-present', 'x-client-cert-chain-verified'];

function flag(text: string): boolean | undefined {
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

/** At most twenty are known. */
function errorCodes(text: string): readonly string[] | undefined {
  const codes = text.split(/, ?/, 32);
  return codes.every(code => /^client_cert_[a-z0-9_]{1,64}$/.test(code)) ? codes : undefined;
}

/** Of such a code only that a header was left empty. */
const LEFT_EMPTY = '_exceeded_size_limit';

/**
 * What `client_cert_error` means among our reasons. Google does not tell an expired certificate from one of an unknown
 * authority: that is `client_cert_validation_failed`.
 */
// Cloud Load Balancing, "mTLS errors". Last checked 2026-11-22.
const REASONS: ReadonlyMap<string, FailureReason> = new Map([
  ['client_cert_validation_failed', 'certificate_unknown'],
  ['client_cert_chain_invalid_eku', 'certificate_purpose_invalid'],
  ['client_cert_chain_exceeded_limit', 'certificate_chain_too_long'],
  ['client_cert_validation_search_limit_exceeded', 'certificate_chain_too_long'],
  ['client_cert_validation_timed_out', 'certificate_chain_too_long'],
  ['client_cert_pki_too_large', 'certificate_too_large'],
  ['client_cert_chain_max_name_constraints_exceeded', 'name_constraint_violation'],
  ['client_cert_invalid_rsa_key_size', 'certificate_weak_crypto'],
  ['client_cert_unsupported_elliptic_curve_key', 'certificate_weak_crypto'],
  ['client_cert_unsupported_key_algorithm', 'certificate_algorithm_unsupported'],
]);

/** Base64 of the SHA-256, with its padding or without -> upper-case hex. */
function fingerprint(text: string): string | undefined {
  const bytes = base64Bytes(text.length === 43 ? `${text}=` : text);
  return bytes?.length === 32 ? Buffer.from(bytes).toString('hex').toUpperCase() : undefined;
}

/** Base64 of a name's DER -> RFC 4514, each character a byte as in every other header. */
function name(text: string): string | undefined {
  const der = text.length <= MAX_NAME ? base64Bytes(text) : undefined;
  const written = der && encodedName(der);
  return written === undefined ? undefined : Buffer.from(written).toString('latin1');
}

/** Google cuts at 512 bytes; twice that in base64. */
const MAX_NAME = 1368;

/** Base64 of each, between commas. A name that is not plain text is left out: a certificate's own would be escaped. */
function alternativeNames(
  fields: HeaderFields,
  header: string,
  type: AlternativeName['type'],
): readonly Copied<AlternativeName>[] {
  const names = fields.decoded(header, text => {
    const found = text.split(/, ?/, MAX_ALTERNATIVE_NAMES).map(base64Bytes);
    return found.includes(undefined) ? undefined : found.map(bytes => Buffer.from(bytes!).toString('latin1'));
  });
  return (names ?? []).filter(value => PLAIN.test(value)).map(value => ({ value: { type, value }, header }));
}

/** What boundedText lets through as it is. */
const PLAIN = /^[\x20-\x5b\x5d-\x7e]{1,256}$/;
