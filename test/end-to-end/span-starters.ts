/** Who starts the span of a request, and whether it gets the certificate and the link by itself. */
export const STARTERS = {
  '@opentelemetry/instrumentation-http': { always: true },
  '@opentelemetry/instrumentation-undici': { always: false },
  '@fastify/otel': { always: false },
  'the application itself': { always: false },
} as const;

export type Starter = keyof typeof STARTERS;
