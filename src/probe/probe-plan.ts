import type { ProbeKindName } from './probe-kinds';
import type { ProbeTarget } from './probe-targets';

/** More than this is never sent, whatever is asked for. */
export const MOST_REQUESTS = 60;

/** One handshake to come, and the request behind it. */
export interface PlannedProbe {
  readonly kind: ProbeKindName;
  readonly target: ProbeTarget;
  /** 32 and 16 lower-case hex digits, random: by them the request's trail is found. */
  readonly traceId: string;
  readonly spanId: string;
}

export interface ProbePlan {
  readonly probes: readonly PlannedProbe[];
  /** Those that are asked for at least once. */
  readonly targets: readonly ProbeTarget[];
  /** For which there was no room within the limit. */
  readonly leftOut: readonly ProbeTarget[];
}

/**
 * Each operation with each kind, operation by operation, as far as `limit` goes: an operation that not every kind could
 * ask for is left out, but the first, of which no kind may be missing unless the limit is lower than that.
 */
export function planProbes(
  targets: readonly ProbeTarget[],
  kinds: readonly ProbeKindName[],
  limit: number,
  randomHex: (bytes: number) => string,
): ProbePlan {
  const most = Math.max(1, Math.floor(limit / Math.max(1, kinds.length)));
  const asked = targets.slice(0, most);
  const probes = asked
    .flatMap(target => kinds.map(kind => ({ kind, target, traceId: randomHex(16), spanId: randomHex(8) })))
    .slice(0, limit);
  return { probes, targets: asked, leftOut: targets.slice(most) };
}

/** W3C Trace Context: sampled, or a sampler that goes by it would record nothing. */
export function traceparentOf({ traceId, spanId }: PlannedProbe): string {
  return `00-${traceId}-${spanId}-01`;
}
