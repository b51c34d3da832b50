import type { FailureReason } from '../handshake/failure-reasons';
import { BoundedTable } from './bounded-table';
import { digestOfIdentity } from './digest';
import { isAboutCertificate, isVerified, pattern, type Sighting } from './pattern';
import { Tally, tallyBytes } from './tally';

/** In place of an identity: the certificate was forged, tampered with or not the client's own. No owner repairs that. */
const FORGED = -1;

const FORGERIES: readonly FailureReason[] = [
  'certificate_issuer_forged',
  'certificate_signature_invalid',
  'decrypt_error',
];

export const failThenSuccess = pattern({
  brief:
    'A peer was refused with certificates of others or forged ones, and then let in with an identity it had not shown before: somebody tried until something fitted.',
  hint: 'Ask the owner of this identity whether the address is one of its own. If not, revoke its certificate at once: somebody is in.',
  falsePositives:
    'A gateway or NAT behind which one client is broken and another comes for the first time; in a rolling restart, an address that passes from a broken replica to a good one of another service. An address that is known for `regulars` identities is taken for a gateway and no longer watched. A client whose own certificate is renewed after it had expired is not found: the identity is the same.',
  cost: 'Of each peer that was refused: a count, a time, a number for each certificate up to the threshold, five connections. Of each peer that was let in: a number for each identity.',
  thresholds: {
    failures: {
      brief: 'certificates refused before, those of the same identity not counted',
      byDefault: 5,
      atMost: 1000,
    },
    window: { brief: 'within so many seconds', byDefault: 600, atMost: 86_400 },
    regulars: { brief: 'identities of one address, from which on it is a gateway', byDefault: 16, atMost: 100 },
  },
  watch({ failures, window, regulars }) {
    const windowMs = window * 1000;
    // The newest so many: among them may be earlier failures of the identity that then succeeds.
    const remembered = 2 * failures;
    const refused = new BoundedTable<string, Tally>({ bytes: 288 * 1024, bytesPerEntry: tallyBytes(remembered) });
    // Filled by verified clients alone.
    const letIn = new BoundedTable<string, number[]>({ bytes: 320 * 1024, bytesPerEntry: 256 + 12 * regulars });
    return {
      tables: [refused, letIn],
      handshake(seen: Sighting) {
        const { peer, handshake, failure } = seen;
        const { peerCertificate } = handshake;
        if (peer === undefined || peerCertificate === undefined) return undefined;

        if (failure) {
          const isForgery = FORGERIES.includes(failure.reason);
          if (failure.decidedBy !== 'us' || !(isForgery || isAboutCertificate(failure.reason))) return undefined;
          const tally = refused.touch(peer, () => new Tally());
          tally.note(seen, windowMs);
          tally.values.push(isForgery ? FORGED : (digestOfIdentity(peerCertificate) ?? FORGED));
          if (tally.values.length > remembered) tally.values.shift();
          tally.addKind(failure.reason);
          return undefined;
        }

        if (!isVerified(handshake)) return undefined;
        const identity = digestOfIdentity(peerCertificate);
        if (identity === undefined) return undefined;
        const known = letIn.touch(peer, () => []);
        if (known.includes(identity) || known.length >= regulars) return undefined;
        known.push(identity);

        const tally = refused.peek(peer);
        if (!tally?.isCurrent(seen.at, windowMs)) return undefined;
        const ofOthers = tally.values.filter(other => other !== identity).length;
        if (ofOthers < failures || !tally.mayBeSaid(seen.at, windowMs)) return undefined;
        const { found, kinds } = tally;
        const connections =
          seen.connectionId === undefined ? found.connections : [...found.connections.slice(0, 4), seen.connectionId];
        return { ...found, kinds: [...kinds], lastSeen: seen.time, connections, identity: peerCertificate };
      },
    };
  },
});
