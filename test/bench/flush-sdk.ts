import { metrics, trace } from '@opentelemetry/api';
import type { Flushed } from './protocol';

interface Flushable {
  forceFlush?(): Promise<void>;
}

/** Sends what the SDK of this process has. */
export async function flushSdk(what: Flushed): Promise<void> {
  await (trace.getTracerProvider() as { getDelegate?(): Flushable }).getDelegate?.().forceFlush?.();
  if (what === 'spans and metrics') await (metrics.getMeterProvider() as Flushable).forceFlush?.();
}
