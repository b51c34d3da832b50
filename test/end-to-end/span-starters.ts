interface StarterRow {
  /** Which requests' spans it starts. */
  readonly of: string;
  /** Ours reaches its spans by itself. Else only as a span processor. */
  readonly always: boolean;
}

/** Who starts the span of a request, SERVER or CLIENT, by the name of its scope. */
export const STARTERS = {
  '@opentelemetry/instrumentation-http': {
    of: 'requests over HTTP/1.1 that arrive, whatever framework handles them, and those that leave by `http` and `https`',
    always: true,
  },
  '@opentelemetry/instrumentation-undici': {
    of: 'requests that leave by `fetch` or undici over HTTP/1.1',
    always: false,
  },
  '@fastify/otel': {
    of: 'requests that arrive over HTTP/2, or that `instrumentation-http` does not see',
    always: false,
  },
  'the application itself': {
    of: 'whatever it starts a SERVER span for, as over HTTP/2',
    always: false,
  },
} as const satisfies Record<string, StarterRow>;

export type Starter = keyof typeof STARTERS;
