import type { Context, Span } from '@opentelemetry/api';
import { announceSpanProcessor, currentDirectory } from './current-peer';

/**
 * Puts the peer's certificate and the link to its handshake on the SERVER spans that others start within a request: over
 * HTTP/2, and those of fastify, hono, gRPC and whoever instruments a framework; and on the CLIENT spans of
 * `instrumentation-undici`, which no one else can reach. A SpanProcessor of every SDK; it exports nothing.
 *
 * ```ts
 * new NodeSDK({ spanProcessors: [new TlsPeerSpanProcessor(), new BatchSpanProcessor({ exporter })], ... });
 * ```
 */
export class TlsPeerSpanProcessor {
  constructor() {
    announceSpanProcessor();
  }

  onStart(span: Span, _parentContext: Context): void {
    try {
      currentDirectory()?.spanStarted(span);
    } catch {
      // A span without our attributes is better than a request without its span.
    }
  }

  onEnd(_span: unknown): void {}

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}
