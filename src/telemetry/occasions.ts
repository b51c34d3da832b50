import type { Handshake } from '../handshake/handshake';
import type { Settings } from '../settings';
import type { Occasion } from './attributes';

const NONE: ReadonlySet<Occasion> = new Set();
const DETAILS: ReadonlySet<Occasion> = new Set(['details']);
const PEM: ReadonlySet<Occasion> = new Set(['pem']);
const BOTH: ReadonlySet<Occasion> = new Set(['details', 'pem']);

/** Which of the occasional attributes this handshake's report carries. */
export function occasionsFor(handshake: Handshake, settings: Settings): ReadonlySet<Occasion> {
  const details = handshake.outcome.kind === 'failed' || settings.certificateDetails === 'all';
  if (settings.certificatePem) return details ? BOTH : PEM;
  return details ? DETAILS : NONE;
}
