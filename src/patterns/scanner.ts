import { FAILURE_REASONS, type FailureReasonRow } from '../handshake/failure-reasons';
import { BoundedTable } from './bounded-table';
import { type Kind, pattern, type Sighting } from './pattern';
import { Tally, tallyBytes } from './tally';

export const scanner = pattern({
  brief:
    'One peer ends its handshakes in many ways before any certificate is at stake: somebody tries what the server will speak.',
  hint: 'See whether the address is one of your own scanners or probes. If not, nothing need be broken: look what else the address did, and block it.',
  falsePositives:
    "Your own vulnerability scanner, and a proxy or NAT behind which the whole internet's noise has one address. A health check that connects and says nothing is one kind, however often, and is never found. Raise `kinds` behind a proxy.",
  cost: 'Of each peer that ended a handshake so early: a count, a time, at most eight kinds, five connections.',
  thresholds: {
    kinds: { brief: 'different ways to end a handshake', byDefault: 3, atMost: 8 },
    attempts: { brief: 'handshakes ended so', byDefault: 10, atMost: 1_000_000 },
    window: { brief: 'within so many seconds', byDefault: 600, atMost: 86_400 },
  },
  watch({ kinds, attempts, window }) {
    const windowMs = window * 1000;
    const peers = new BoundedTable<string, Tally>({ bytes: 320 * 1024, bytesPerEntry: tallyBytes(0) });
    return {
      tables: [peers],
      handshake(seen: Sighting) {
        const kind = probe(seen);
        if (kind === undefined || seen.peer === undefined) return undefined;
        const tally = peers.touch(seen.peer, () => new Tally());
        tally.note(seen, windowMs);
        tally.addKind(kind);
        if (tally.kinds.length < kinds || tally.count < attempts) return undefined;
        if (!tally.mayBeSaid(seen.at, windowMs)) return undefined;
        return { ...tally.found, kinds: [...tally.kinds] };
      },
    };
  },
});

/** How a handshake ended that never came to a certificate. Undefined: it did, or the fault was our own. */
function probe({ handshake: { outcome }, failure }: Sighting): Kind | undefined {
  if (failure) {
    const { category }: FailureReasonRow = FAILURE_REASONS[failure.reason];
    return isEarly(failure.phase) && category !== 'configuration' ? failure.reason : undefined;
  }
  return outcome.kind === 'abandoned' && isEarly(outcome.phase) ? 'abandoned' : undefined;
}

function isEarly(phase: string): boolean {
  return phase === 'client_hello' || phase === 'negotiation';
}
