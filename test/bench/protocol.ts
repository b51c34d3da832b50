import type { Attributes } from '@opentelemetry/api';

/** What is measured: which end of which handshake, or requests on one connection that is kept alive. */
export const SCENARIOS = ['server', 'mutual', 'client', 'resumed', 'requests'] as const;
export type Scenario = (typeof SCENARIOS)[number];
export type HandshakeScenario = Exclude<Scenario, 'requests'>;

export const HANDSHAKE_VARIANTS = {
  bare: 'the bare process',
  bare_again: 'the bare process again (A/A)',
  sdk_only: 'an SDK, nothing instrumented',
  floor: 'one span, as many constant attributes',
  all: 'every handshake',
  fingerprints: 'every handshake, with fingerprints',
  failed_only: "handshakeSpans: 'failed', with metrics",
  sampled_out: 'every handshake, sampled out',
  no_sdk: 'no SDK',
} as const;

export const REQUEST_VARIANTS = {
  bare: 'the bare process',
  bare_again: 'the bare process again (A/A)',
  http: 'instrumentation-http',
  http_again: 'instrumentation-http again (A/A)',
  http_and_ours: 'instrumentation-http and ours',
  http_sampled_out: 'instrumentation-http, sampled out',
  http_and_ours_sampled_out: 'both, sampled out',
  no_sdk: 'ours, no SDK',
} as const;

export type Variant = keyof typeof HANDSHAKE_VARIANTS | keyof typeof REQUEST_VARIANTS;

export function variantsOf(scenario: Scenario): Readonly<Partial<Record<Variant, string>>> {
  return scenario === 'requests' ? REQUEST_VARIANTS : HANDSHAKE_VARIANTS;
}

/** What a variant is compared with besides the bare process, and how that is called. */
export const COMPARED_WITH: Readonly<Partial<Record<Variant, readonly [Variant, string]>>> = {
  all: ['floor', 'floor'],
  fingerprints: ['all', 'without'],
  // What an SDK costs that is merely there is not ours.
  failed_only: ['sdk_only', 'SDK alone'],
  sampled_out: ['sdk_only', 'SDK alone'],
  http_again: ['http', 'http'],
  http_and_ours: ['http', 'http'],
  http_and_ours_sampled_out: ['http_sampled_out', 'http, sampled out'],
};

export interface Credentials {
  readonly authority: string;
  readonly serverKey: string;
  readonly serverCertificate: string;
  readonly clientKey: string;
  readonly clientCertificate: string;
}

export interface Setup {
  readonly scenario: Scenario;
  readonly variant: Variant;
  readonly credentials: Credentials;
  /** What the floor says of each handshake. */
  readonly attributes: Attributes | undefined;
}

/** What a handshake leaves behind are spans; metrics are sent every minute, however many handshakes there were. */
export type Flushed = 'spans' | 'spans and metrics';

export type Instruction =
  | { readonly do: 'usage' }
  | { readonly do: 'connect'; readonly port: number; readonly times: number; readonly watched: boolean }
  | { readonly do: 'flush'; readonly what: Flushed }
  | { readonly do: 'end' };

/** The ports on which it listens: 0 for a client. Of what comes to `unwatched` its telemetry says nothing. */
export interface Ready {
  readonly ready: { readonly watched: number; readonly unwatched: number };
}

/** `usage` is CPU time in microseconds. */
export type Report = Ready | { readonly usage: number } | { readonly done: true };

/** So many handshakes of a busy process are under way at once. */
export const AT_A_TIME = 8;

export async function severalAtATime(times: number, work: () => Promise<void>): Promise<void> {
  let left = times;
  const worker = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}
