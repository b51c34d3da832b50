import type { Tracer } from '@opentelemetry/api';
import { type SpanSampler, TlsFailureSampler } from '../telemetry/failure-sampler';

/**
 * From now on `tracer` records every failed handshake, whatever the sampler says that the environment, or the declarative
 * configuration, chose for the SDK. False when this tracer keeps its sampler elsewhere: failures are sampled like all else then.
 *
 * NodeSDK takes a sampler only in place of the one that it would choose itself, which it does not hand out, and in SDK 3 no
 * package of it does. So the tracer is asked, which has held its sampler in this field from SDK 1 to SDK 3. It is our tracer
 * alone, and no span but ours is concerned. Can go when NodeSDK lets a sampler be wrapped.
 */
export function recordFailures(tracer: Tracer): boolean {
  const held = tracer as { _sampler?: Partial<SpanSampler> };
  if (typeof held._sampler?.shouldSample !== 'function') return false;
  held._sampler = new TlsFailureSampler(held._sampler as SpanSampler);
  return true;
}
