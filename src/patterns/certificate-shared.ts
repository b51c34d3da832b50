import { BoundedTable } from './bounded-table';
import { digestOfFingerprint, digestOfPeer } from './digest';
import { isVerified, pattern, type Sighting } from './pattern';
import { Tally, tallyBytes } from './tally';

export const certificateShared = pattern({
  brief:
    'One certificate is presented by many peers: its private key has been copied, or many machines were given the same.',
  hint: 'Ask the owner whether so many machines hold this key. If not, revoke the certificate; if so, give each machine its own: then a stolen one can be told, and revoked alone.',
  falsePositives:
    'Replicas of one service that share a certificate, above all in a rolling restart, when every new replica has a new address; and devices that move between networks. Raise `peers` above the number of replicas.',
  cost: 'Of each certificate: a count, a time, a number for each different peer up to the threshold, five connections. Bad and good certificates apart.',
  thresholds: {
    peers: { brief: 'different peers with one certificate', byDefault: 20, atMost: 1000 },
    window: { brief: 'within so many seconds', byDefault: 3600, atMost: 86_400 },
  },
  watch({ peers, window }) {
    const windowMs = window * 1000;
    const bytesPerEntry = tallyBytes(peers);
    // A table each: whoever makes certificates up cannot push out the good ones.
    const good = new BoundedTable<number, Tally>({ bytes: 448 * 1024, bytesPerEntry });
    const bad = new BoundedTable<number, Tally>({ bytes: 256 * 1024, bytesPerEntry });
    return {
      tables: [good, bad],
      handshake(seen: Sighting) {
        const { peer, handshake } = seen;
        const { peerCertificate } = handshake;
        if (peerCertificate === undefined || peer === undefined) return undefined;
        const table = isVerified(handshake) ? good : bad;
        const tally = table.touch(digestOfFingerprint(peerCertificate.fingerprint), () => new Tally());
        tally.note(seen, windowMs);
        tally.add(digestOfPeer(peer), peers);
        if (tally.values.length < peers || !tally.mayBeSaid(seen.at, windowMs)) return undefined;
        return { ...tally.found, peers: tally.values.length, identity: peerCertificate };
      },
    };
  },
});
