import { BoundedTable } from './bounded-table';
import { pattern, type Sighting } from './pattern';
import { Tally, tallyBytes } from './tally';

export const retryBurst = pattern({
  brief: 'One peer fails again and again in a short time: a client that retries without a pause, or one that guesses.',
  hint: "Look at the kinds of failure: one kind is a client whose configuration broke, and which must learn to wait between attempts; many kinds are somebody who tries. A firewall's limit per address stops both.",
  falsePositives:
    'Many honest clients behind one address (NAT, a gateway) while a certificate or an authority is wrong, and a rolling restart with a wrong certificate. Raise `failures` where many share an address.',
  cost: 'Of each peer that failed: a count, a time, five connections.',
  thresholds: {
    failures: { brief: 'failed handshakes of one peer', byDefault: 30, atMost: 1_000_000 },
    window: { brief: 'within so many seconds', byDefault: 60, atMost: 86_400 },
  },
  watch({ failures, window }) {
    const windowMs = window * 1000;
    const peers = new BoundedTable<string, Tally>({ bytes: 320 * 1024, bytesPerEntry: tallyBytes(0) });
    return {
      tables: [peers],
      handshake(seen: Sighting) {
        const { peer, failure } = seen;
        if (failure === undefined || peer === undefined) return undefined;
        const tally = peers.touch(peer, () => new Tally());
        tally.note(seen, windowMs);
        tally.addKind(failure.reason);
        if (tally.count < failures || !tally.mayBeSaid(seen.at, windowMs)) return undefined;
        return { ...tally.found, kinds: [...tally.kinds] };
      },
    };
  },
});
