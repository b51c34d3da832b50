import { BoundedTable } from './bounded-table';
import { digestOfFingerprint, digestOfPeer } from './digest';
import { pattern, type Sighting } from './pattern';
import { Tally, tallyBytes } from './tally';

/** Different peers counted of one revoked certificate. */
const MAX_PEERS = 32;

export const revokedReplay = pattern({
  brief: 'A revoked certificate is presented again and again: whoever holds its key has not given up.',
  hint: 'Find the machine behind the addresses. A key that was stolen is in use; if it is the rightful owner, give it a new certificate and remove the old one.',
  falsePositives:
    'The rightful owner, whose machine was forgotten when the certificate was replaced, and which retries. It deserves attention all the same: it is locked out.',
  cost: 'Of each revoked certificate: a count, a time, numbers for at most 32 peers, five connections. Only your own authorities can fill it: nobody else can have a certificate on your revocation list.',
  thresholds: {
    uses: { brief: 'handshakes with one revoked certificate', byDefault: 3, atMost: 1_000_000 },
    window: { brief: 'within so many seconds', byDefault: 3600, atMost: 86_400 },
  },
  watch({ uses, window }) {
    const windowMs = window * 1000;
    const certificates = new BoundedTable<number, Tally>({ bytes: 192 * 1024, bytesPerEntry: tallyBytes(MAX_PEERS) });
    return {
      tables: [certificates],
      handshake(seen: Sighting) {
        const { handshake, peer, failure } = seen;
        const { peerCertificate, verification } = handshake;
        // The application may have let it in all the same.
        const revoked =
          failure?.reason === 'certificate_revoked' || verification.errors.includes('certificate_revoked');
        if (!revoked || peerCertificate === undefined) return undefined;
        const tally = certificates.touch(digestOfFingerprint(peerCertificate.fingerprint), () => new Tally());
        tally.note(seen, windowMs);
        if (peer !== undefined) tally.add(digestOfPeer(peer), MAX_PEERS);
        if (tally.count < uses || !tally.mayBeSaid(seen.at, windowMs)) return undefined;
        return { ...tally.found, peers: tally.values.length, identity: peerCertificate };
      },
    };
  },
});
