import type { PeerCertificate } from '../../src/certificate/peer-certificate';
import type { FailureReason } from '../../src/handshake/failure-reasons';
import type { Handshake, HandshakeFailure } from '../../src/handshake/handshake';
import type { Found, Sighting, Watch } from '../../src/patterns/pattern';
import { PATTERNS, type PatternName } from '../../src/patterns/patterns';
import { acceptedClient, BILLING, failed, NOON, portScan, refusedClient } from '../telemetry/sample-handshakes';

/** One pattern and a clock that a test turns. */
export class Scene<Name extends PatternName> {
  /** Seconds since the scene began. */
  seconds = 0;
  readonly watch: Watch;

  constructor(name: Name, thresholds: { readonly [T in keyof (typeof PATTERNS)[Name]['thresholds']]?: number } = {}) {
    const row: { thresholds: object; watch(thresholds: never): Watch } = PATTERNS[name];
    const defaults = Object.entries(row.thresholds).map(([threshold, { byDefault }]) => [threshold, byDefault]);
    this.watch = row.watch({ ...Object.fromEntries(defaults), ...thresholds } as never);
  }

  /** What is found in this handshake, if anything. */
  see(handshake: Handshake, more: Partial<Sighting> = {}): Found | undefined {
    return this.watch.handshake?.(sighting(handshake, { at: this.seconds * 1000, ...more }));
  }

  /** How many of so many handshakes complete the pattern. */
  count(times: number, each: (index: number) => Handshake, pause = 0): number {
    let found = 0;
    for (let index = 0; index < times; index++) {
      if (this.see(each(index))) found++;
      this.seconds += pause;
    }
    return found;
  }

  /** A request of a verified client. */
  request(endpoint: string, identity: PeerCertificate = BILLING): Found | undefined {
    const at = this.seconds * 1000;
    return this.watch.request?.({ at, time: NOON + at, identity, endpoint, connectionId: '00000000000000aa' });
  }
}

/** A handshake as the sink tells it. */
export function sighting(handshake: Handshake, { at = 0, ...more }: Partial<Sighting> = {}): Sighting {
  const { outcome, peer } = handshake;
  return {
    at,
    time: NOON + at,
    peer: peer.address,
    handshake,
    failure: outcome.kind === 'failed' ? outcome.failure : undefined,
    ...more,
  };
}

export const from = (address: string, handshake: Handshake): Handshake => ({
  ...handshake,
  peer: { address, port: 1 },
});

/** IPv4 addresses, each another. */
export const addressOf = (index: number) => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;

/** A certificate of its own, of whatever is not said BILLING's. */
export function certificate(index: number, facts: Partial<PeerCertificate> = {}): PeerCertificate {
  return { ...BILLING, fingerprint: index.toString(16).toUpperCase().padStart(13, '0').padEnd(64, 'F'), ...facts };
}

/** A certificate of its own, for somebody else. */
export function certificateOf(name: string, index: number): PeerCertificate {
  return certificate(index, { subject: `CN=${name},O=Acme`, spiffeId: undefined });
}

export const letIn = (peerCertificate: PeerCertificate = BILLING) => acceptedClient({ peerCertificate });

export function refused(
  reason: FailureReason = 'unknown_ca',
  peerCertificate: PeerCertificate = BILLING,
  more: Partial<HandshakeFailure> = {},
): Handshake {
  const verification = { result: 'failed', enforced: true, errors: [reason] } as const;
  return refusedClient({ peerCertificate, verification, outcome: failed(reason, more) });
}

/** It never came to a certificate. */
export const early = (reason: FailureReason) =>
  refusedClient({
    peerCertificate: undefined,
    peerChain: [],
    verification: { result: 'unverified', enforced: true, errors: [] },
    outcome: failed(reason, { phase: 'negotiation' }),
  });

export const abandoned = () => portScan();
