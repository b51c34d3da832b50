import { BoundedTable } from './bounded-table';
import { digestOfFingerprint } from './digest';
import { isRefuted, isVerified, pattern, type Sighting } from './pattern';
import { Tally, tallyBytes } from './tally';

export const certificateRotation = pattern({
  brief: 'One peer presents many different certificates: somebody tries stolen or home-made ones until one is let in.',
  hint: 'Look at the subjects that the address presented (network.peer.address) and whether one of them was let in after the others were not.',
  falsePositives:
    'A gateway, a NAT or a proxy that passes TLS on: many clients, one address. Where its clients are good, `verified` counts, and may be raised to their number; where many at once are bad, as in a rolling restart with certificates of an unknown authority, `unverified` counts. Servers that accept any certificate (`rejectUnauthorized: false`) and compare fingerprints themselves should raise `unverified` too. A client whose certificate is rotated on schedule brings two, and is none.',
  cost: 'Of each peer with a certificate: a count, a time, a number for each different certificate up to the threshold, five connections. Bad and good certificates apart.',
  thresholds: {
    unverified: { brief: 'different certificates that did not verify', byDefault: 5, atMost: 1000 },
    verified: { brief: 'different certificates that did', byDefault: 50, atMost: 1000 },
    window: { brief: 'within so many seconds', byDefault: 600, atMost: 86_400 },
  },
  watch({ unverified, verified, window }) {
    const windowMs = window * 1000;
    // A table each: whoever makes certificates up cannot push out the peers of those who do not.
    const bad = new BoundedTable<string, Tally>({ bytes: 320 * 1024, bytesPerEntry: tallyBytes(unverified) });
    const good = new BoundedTable<string, Tally>({ bytes: 448 * 1024, bytesPerEntry: tallyBytes(verified) });
    return {
      tables: [bad, good],
      handshake(seen: Sighting) {
        const { peer, handshake, failure } = seen;
        const { peerCertificate } = handshake;
        if (peerCertificate === undefined || peer === undefined) return undefined;
        const isGood = isVerified(handshake);
        if (!isGood && !isRefuted(handshake, failure)) return undefined;
        const [table, different] = isGood ? ([good, verified] as const) : ([bad, unverified] as const);
        const tally = table.touch(peer, () => new Tally());
        tally.note(seen, windowMs);
        tally.add(digestOfFingerprint(peerCertificate.fingerprint), different);
        if (tally.values.length < different || !tally.mayBeSaid(seen.at, windowMs)) return undefined;
        return { ...tally.found, certificates: tally.values.length };
      },
    };
  },
});
