import { keyFingerprintOf } from '../certificate/key-fingerprint';
import type { PeerCertificate } from '../certificate/peer-certificate';
import { BoundedTable } from './bounded-table';
import { digestOf, digestOfFingerprint, digestOfIdentity } from './digest';
import { type Found, isVerified, pattern, type Sighting } from './pattern';
import { Tally, tallyBytes } from './tally';

/** Issuers, keys and certificates remembered of one identity; the oldest goes. */
const REMEMBERED = 4;

const FORGED = ['certificate_issuer_forged', 'certificate_signature_invalid'] as const;
const DAY_MS = 86_400_000;

export const identityChanged = pattern({
  brief:
    'A known subject or SPIFFE id comes with a new issuer or, before its renewal was due, with a new key: somebody passes for it.',
  hint: 'Ask the owner of the identity whether it has a new certificate. If not, whoever issued this one was deceived or broken into: revoke it, and look at the authority.',
  falsePositives:
    'A move to another authority, a certificate replaced early by hand, and a staging client whose own authority uses the same names. Rotation on schedule is none: a new key is expected once `renewal` per cent of the validity have passed, and always where certificates last less than `lifetime` days (SPIRE, Istio, step-ca). Nor are replicas with a key each: an identity that shows several within `learning`, or comes back with its old key, is from then on known by its issuers alone.',
  cost: 'Of each verified identity: numbers for four issuers, keys and certificates, five connections. Its key is looked for in the DER once a new certificate, some ten microseconds.',
  thresholds: {
    learning: {
      brief: 'seconds since the first use in which further keys of an identity are learnt',
      byDefault: 3600,
      atMost: 2_592_000,
    },
    renewal: { brief: 'per cent of the validity after which a new key is expected', byDefault: 50, atMost: 100 },
    lifetime: {
      brief: 'days; where a certificate is valid no longer, a new key is always expected',
      byDefault: 7,
      atMost: 3650,
    },
    window: { brief: 'said once in so many seconds of each identity', byDefault: 3600, atMost: 86_400 },
  },
  watch({ learning, renewal, lifetime, window }) {
    const windowMs = window * 1000;
    const identities = new BoundedTable<number, Known>({ bytes: 576 * 1024, bytesPerEntry: KNOWN_BYTES });
    return {
      tables: [identities],
      handshake(seen: Sighting) {
        const certificate = seen.handshake.peerCertificate;
        if (certificate === undefined) return undefined;
        const identity = digestOfIdentity(certificate);
        if (identity === undefined) return undefined;
        const change = isVerified(seen.handshake)
          ? learn(identity, certificate, seen)
          : pretended(identity, certificate, seen);
        if (change === undefined) return undefined;
        const { tally } = identities.touch(identity, () => new Known(seen.at));
        tally.note(seen, windowMs);
        if (!tally.mayBeSaid(seen.at, windowMs)) return undefined;
        return { ...tally.found, change, identity: certificate };
      },
    };

    /** A verified client teaches what its identity looks like. Answers what is new of it and was not expected. */
    function learn(identity: number, certificate: PeerCertificate, { at, time }: Sighting): Found['change'] {
      const known = identities.touch(identity, () => new Known(at));
      const fingerprint = digestOfFingerprint(certificate.fingerprint);
      const isNewest = known.certificates.at(-1) === fingerprint;
      if (isNewest) return undefined;
      if (known.certificates.includes(fingerprint)) {
        // The old certificate is still about, beside the new one: two holders, and no rotation.
        known.hasSeveralKeys ||= known.keys.length > 1 && at - known.since >= learning * 1000;
        return undefined;
      }
      const issuer = digestOf(certificate.issuer ?? '');
      const key = digestOf(keyFingerprintOf(certificate) ?? certificate.fingerprint);
      const isFirst = known.certificates.length === 0;
      const isNewIssuer = !isFirst && !known.issuers.includes(issuer);
      const isNewKey = !isFirst && !known.keys.includes(key);
      const isLearning = at - known.since < learning * 1000;
      const isExpected = isLearning || known.hasSeveralKeys || time >= known.renewalDue;
      known.hasSeveralKeys ||= isLearning && isNewKey;
      remember(known.certificates, fingerprint);
      remember(known.issuers, issuer);
      remember(known.keys, key);
      known.renewalDue = renewalDue(certificate);
      if (isNewIssuer) return 'issuer';
      return isNewKey && !isExpected ? 'key' : undefined;
    }

    /** Milliseconds since the epoch, from which on a new key is expected. */
    function renewalDue({ notBefore, notAfter }: PeerCertificate): number {
      if (notBefore === undefined || notAfter === undefined) return 0;
      const validity = notAfter - notBefore;
      return validity <= lifetime * DAY_MS ? 0 : notBefore + (validity * renewal) / 100;
    }

    /** Anybody can write a known name into a certificate: nothing is learnt from one that does not verify. */
    function pretended(identity: number, { issuer }: PeerCertificate, { handshake }: Sighting): Found['change'] {
      const known = identities.peek(identity);
      if (known === undefined) return undefined;
      if (FORGED.some(reason => handshake.verification.errors.includes(reason))) return 'forged';
      // A certificate that could not be read says nothing of its issuer.
      return issuer !== undefined && !known.issuers.includes(digestOf(issuer)) ? 'issuer' : undefined;
    }
  },
});

/** What is known of one identity, newest last. */
class Known {
  readonly since: number;
  readonly issuers: number[] = [];
  readonly keys: number[] = [];
  readonly certificates: number[] = [];
  renewalDue = 0;
  /** Replicas, each with a key of its own: then a new one says nothing. */
  hasSeveralKeys = false;
  readonly tally = new Tally();

  constructor(since: number) {
    this.since = since;
  }
}

const KNOWN_BYTES = tallyBytes(0) + 3 * (48 + 12 * REMEMBERED) + 96;

function remember(values: number[], value: number): void {
  const at = values.indexOf(value);
  if (at >= 0) values.splice(at, 1);
  values.push(value);
  if (values.length > REMEMBERED) values.shift();
}
