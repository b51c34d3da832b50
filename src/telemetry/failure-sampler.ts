import type { Attributes, Context, Link, SpanKind, TraceState } from '@opentelemetry/api';

/** What a sampler answers; `decision` is the SDK's `SamplingDecision`. */
export interface SamplingAnswer {
  readonly decision: 0 | 1 | 2;
  readonly attributes?: Readonly<Attributes>;
  readonly traceState?: TraceState;
}

/** The SDK's `Sampler`, which is the same in SDK 2 and SDK 3: this package depends on neither. */
export interface SpanSampler {
  shouldSample(
    context: Context,
    traceId: string,
    spanName: string,
    spanKind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): { readonly decision: number; readonly attributes?: Readonly<Attributes>; readonly traceState?: TraceState };
  toString(): string;
}

/** `SamplingDecision.RECORD_AND_SAMPLED`, as the specification's SDKs number it. */
const RECORD_AND_SAMPLED = 2;

/**
 * Another sampler, but for failed handshakes: their spans are recorded and exported whatever it says. A ratio would lose
 * nine of ten of what this package is there for.
 *
 * ```ts
 * new NodeSDK({ sampler: new TlsFailureSampler(new TraceIdRatioBasedSampler(0.1)), instrumentations: [...] });
 * ```
 *
 * A client's failed handshake within a trace that is not sampled is recorded too. Its parent is not, so it stands alone
 * in its trace.
 */
export class TlsFailureSampler {
  readonly #otherwise: SpanSampler;

  /** `otherwise` decides on everything else. */
  constructor(otherwise: SpanSampler) {
    this.#otherwise = otherwise;
  }

  shouldSample(...asked: Parameters<SpanSampler['shouldSample']>): SamplingAnswer {
    // Asked in any case: it may count, and what it says of the trace's state is for the whole trace.
    const answer = this.#otherwise.shouldSample(...asked) as SamplingAnswer;
    const [, , , , attributes] = asked;
    if (attributes['tls.handshake.outcome'] !== 'failed') return answer;
    return { ...answer, decision: RECORD_AND_SAMPLED };
  }

  toString(): string {
    return `TlsFailureSampler{${this.#otherwise}}`;
  }
}
