export interface TlsAlert {
  /** IANA number. */
  readonly code: number;
  /** IANA name: `unknown_ca`. */
  readonly description: string;
}
