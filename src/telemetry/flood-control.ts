import { builtinModule } from '../builtin-module';
import { ForgetfulMap } from '../certificate/forgetful-map';
import { peerOf } from '../patterns/peer-network';

const { isIPv4, isIPv6 } = builtinModule('node:net');

/** Which of the limits was reached: that of all failures, of the peer's network, or of the reason. */
export const FLOOD_LIMITS = ['global', 'network', 'reason'] as const;
export type FloodLimit = (typeof FLOOD_LIMITS)[number];

/** What may be left unsaid of a failure. */
export const UNSAID_ITEMS = ['span', 'event'] as const;
export type UnsaidItem = (typeof UNSAID_ITEMS)[number];

/** Failures a second. */
export interface FloodRates {
  readonly floodLimit: number;
  readonly floodLimitPerNetwork: number;
  readonly floodLimitPerReason: number;
}

/** What flood control asks of a handshake that was not established. */
export interface Failure {
  /** Undefined over a pipe or a stream, and where a reset came first. */
  readonly peerAddress: string | undefined;
  /** Of a small vocabulary: its table is bounded by that. */
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What was left unsaid since the last summary. */
export interface Unsaid {
  readonly handshakes: number;
  /** Most first; all of them. */
  readonly byReason: readonly (readonly [reason: string, handshakes: number])[];
  /** Most first, at most ten. Together they may be fewer than `handshakes`: the rest is of other networks. */
  readonly byNetwork: readonly (readonly [network: string, handshakes: number])[];
  readonly items: readonly { readonly what: UnsaidItem; readonly why: FloodLimit; readonly count: number }[];
  /** Milliseconds since the epoch. */
  readonly firstSeen: number;
  readonly lastSeen: number;
  /** Networks that were dropped from the table since then, to make room for others. */
  readonly networksForgotten: number;
}

/** Peer networks of which something is remembered: some 200 bytes each. */
const MAX_NETWORKS = 1000;
const MAX_NETWORKS_NAMED = 10;

/**
 * How many failures may be said one by one. A stranger decides how many handshakes fail, so there are three limits: for all
 * of them, for those of a peer's network, and for those of a reason, so that neither one attacker nor one kind of noise
 * takes the place of everything else. Each allows a burst of `floodLimit`, then its own rate.
 *
 * What is not allowed is summed up here; saying so is somebody else's.
 */
export class FloodControl {
  readonly #rates: FloodRates;
  readonly #now: () => number;
  readonly #all: TokenBucket;
  readonly #reasons = new Map<string, Source>();
  /** The least recently seen first. */
  readonly #networks = new ForgetfulMap<string, Source>(MAX_NETWORKS);
  /** Since the last summary: handshakes, and when they were. */
  #unsaid = 0;
  #firstSeen = Number.POSITIVE_INFINITY;
  #lastSeen = Number.NEGATIVE_INFINITY;
  /** Of the networks that were forgotten, how many have been told of. */
  #forgottenTold = 0;
  #items = noItems();

  /** `now`: milliseconds of a clock that never goes back. */
  constructor(rates: FloodRates, now: () => number) {
    this.#rates = rates;
    this.#now = now;
    this.#all = new TokenBucket(rates.floodLimit, rates.floodLimit, now());
  }

  /** Called when something is left unsaid, and nothing was since the last summary. */
  onUnsaid: () => void = () => {};

  /** Undefined: it may be said, and has been counted as such. Otherwise it is summed up. To be asked once a failure. */
  limitReachedBy({ peerAddress, reason, at }: Failure): FloodLimit | undefined {
    const now = this.#now();
    const ofNetwork = this.#networkNamed(networkOf(peerAddress), now);
    const ofReason = this.#reasonNamed(reason, now);
    const limit = !ofNetwork.bucket.has(now)
      ? 'network'
      : !ofReason.bucket.has(now)
        ? 'reason'
        : this.#all.has(now)
          ? undefined
          : 'global';
    if (limit === undefined) {
      ofNetwork.bucket.take();
      ofReason.bucket.take();
      this.#all.take();
      return undefined;
    }
    ofNetwork.unsaid++;
    ofReason.unsaid++;
    this.#firstSeen = Math.min(this.#firstSeen, at);
    this.#lastSeen = Math.max(this.#lastSeen, at);
    if (this.#unsaid++ === 0) this.onUnsaid();
    return limit;
  }

  /** Counts what a sink did not say of a failure that reached `why`. */
  leftUnsaid(what: UnsaidItem, why: FloodLimit, count: number): void {
    this.#items[what][why] += count;
  }

  /** What was left unsaid since this was last asked. Undefined: nothing was. */
  takeUnsaid(): Unsaid | undefined {
    if (this.#unsaid === 0) return undefined;
    const items = UNSAID_ITEMS.flatMap(what =>
      FLOOD_LIMITS.map(why => ({ what, why, count: this.#items[what][why] })).filter(({ count }) => count > 0),
    );
    const unsaid: Unsaid = {
      handshakes: this.#unsaid,
      byReason: takeUnsaidOf(this.#reasons),
      byNetwork: takeUnsaidOf(this.#networks).slice(0, MAX_NETWORKS_NAMED),
      items,
      firstSeen: this.#firstSeen,
      lastSeen: this.#lastSeen,
      networksForgotten: this.#networks.evicted - this.#forgottenTold,
    };
    this.#unsaid = 0;
    this.#firstSeen = Number.POSITIVE_INFINITY;
    this.#lastSeen = Number.NEGATIVE_INFINITY;
    this.#forgottenTold = this.#networks.evicted;
    this.#items = noItems();
    return unsaid;
  }

  /** Peer networks remembered. */
  get networks(): number {
    return this.#networks.size;
  }

  #networkNamed(name: string, now: number): Source {
    const network = this.#networks.get(name) ?? this.#source(this.#rates.floodLimitPerNetwork, now);
    this.#networks.set(name, network);
    return network;
  }

  #reasonNamed(name: string, now: number): Source {
    let reason = this.#reasons.get(name);
    if (reason === undefined) {
      reason = this.#source(this.#rates.floodLimitPerReason, now);
      this.#reasons.set(name, reason);
    }
    return reason;
  }

  #source(perSecond: number, now: number): Source {
    return { bucket: new TokenBucket(perSecond, Math.max(perSecond, this.#rates.floodLimit), now), unsaid: 0 };
  }
}

/** Where failures come from: a network, or a reason. */
interface Source {
  readonly bucket: TokenBucket;
  /** Handshakes since the last summary. */
  unsaid: number;
}

function noItems(): Record<UnsaidItem, Record<FloodLimit, number>> {
  const none = () => ({ global: 0, network: 0, reason: 0 });
  return { span: none(), event: none() };
}

/** Most first. */
function takeUnsaidOf(sources: ReadonlyMap<string, Source>): [string, number][] {
  const counts: [string, number][] = [];
  for (const [name, source] of sources) {
    if (source.unsaid > 0) counts.push([name, source.unsaid]);
    source.unsaid = 0;
  }
  return counts.sort(([, one], [, other]) => other - one);
}

/** So many a second, and so many at once after a pause. Full at first. */
class TokenBucket {
  readonly #perSecond: number;
  readonly #atOnce: number;
  #left: number;
  #at: number;

  constructor(perSecond: number, atOnce: number, now: number) {
    this.#perSecond = perSecond;
    this.#atOnce = atOnce;
    this.#left = atOnce;
    this.#at = now;
  }

  has(now: number): boolean {
    // A clock set back gives nothing, and takes nothing.
    this.#left = Math.min(this.#atOnce, this.#left + (Math.max(0, now - this.#at) * this.#perSecond) / 1000);
    this.#at = now;
    return this.#left >= 1;
  }

  /** Of a bucket that `has`. */
  take(): void {
    this.#left--;
  }
}

/**
 * The network that an address is of: `192.0.2.0/24`, `2001:db8:0:1::/64`. A customer of a provider has that much, and
 * changes addresses within it for nothing. `unknown` where there is no address. At most 43 characters.
 */
export function networkOf(address: string | undefined): string {
  if (address === undefined) return UNKNOWN;
  const mapped = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  if (isIPv4(mapped)) return `${mapped.slice(0, mapped.lastIndexOf('.'))}.0/24`;
  if (!isIPv6(address)) return UNKNOWN;
  return peerOf(address) ?? UNKNOWN;
}

const UNKNOWN = 'unknown';
