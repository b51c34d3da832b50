import type { Attributes } from '@opentelemetry/api';

/** What is measured: which end of which handshake. */
export const SCENARIOS = ['server', 'mutual', 'client', 'resumed'] as const;
export type Scenario = (typeof SCENARIOS)[number];

export const VARIANTS = {
  bare: 'the bare process',
  bare_again: 'the bare process again (A/A)',
  sdk_only: 'an SDK, nothing instrumented',
  floor: 'one span, as many constant attributes',
  all: 'every handshake',
  failed_only: "handshakeSpans: 'failed', with metrics",
  sampled_out: 'every handshake, sampled out',
  no_sdk: 'no SDK',
} as const;
export type Variant = keyof typeof VARIANTS;

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
  readonly attributes: Attributes;
}

export type Instruction =
  | { readonly do: 'usage' }
  | { readonly do: 'connect'; readonly port: number; readonly times: number }
  | { readonly do: 'flush' }
  | { readonly do: 'end' };

/** `ready` carries the port, 0 for a client; `usage` is CPU time in microseconds. */
export type Report = { readonly ready: number } | { readonly usage: number } | { readonly done: true };
