/** What the presented certificates show of why they did not verify, beyond the reason. One row a hint. */
export const VERIFY_HINTS = {
  clock_skew: {
    brief:
      'The certificate is outside its validity by at most five minutes: a clock is wrong, more likely than the certificate. ' +
      '`tls.verify.clock_skew` has the seconds.',
  },
  server_certificate_as_client: {
    brief: 'A client presented a certificate that is meant for servers: its extended key usage has no `clientAuth`.',
  },
  client_certificate_as_server: {
    brief: 'A server presented a certificate that is meant for clients: its extended key usage has no `serverAuth`.',
  },
  intermediate_missing: {
    brief:
      'The peer did not send the certificate of its issuer, by whom others have been verified: it is the peer that has to ' +
      'send its whole chain.',
  },
  chain_incomplete: {
    brief:
      'The chain ends with a certificate whose issuer was not sent and is not trusted: an intermediate is missing, or the ' +
      'authority is unknown.',
  },
  root_not_trusted: {
    brief: 'The chain is complete up to its root: nothing is missing but our trust in that authority.',
  },
} as const;

export type VerifyHint = keyof typeof VERIFY_HINTS;
