import type { AttributeRow } from './attributes';

/** What a server presents and whom it trusts. */
export interface Configuration {
  /** Undefined: none, or it could not be read. */
  readonly fingerprint: string | undefined;
  /** Milliseconds since the epoch. */
  readonly notAfter: number | undefined;
  /** Undefined: Node's own roots, or it is not known. */
  readonly authorities: number | undefined;
  /** The same for the same authorities. */
  readonly authoritiesDigest: string;
  readonly revocationLists: number;
  readonly revocationListsDigest: string;
}

export interface ConfigurationChange {
  /** Undefined: this is the first for this name. */
  readonly before: Configuration | undefined;
  readonly after: Configuration;
  /** The name, or pattern of names, that it is for. Undefined: it is the server's own. */
  readonly name: string | undefined;
  readonly port: number | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

interface ConfigurationRow extends Omit<AttributeRow, 'read' | 'occasion'> {
  /** Undefined: not known; then the attribute is absent. */
  readonly read: (change: ConfigurationChange) => AttributeRow['example'] | undefined;
}

// Of ourselves: nobody else is named. But a fingerprint is that of what clients of ours report of us.
const ours = { stability: 'development', ours: true, data: 'neither' } as const;

/** What `tls.config.changed` says. One row an attribute; the README's table is made of them. */
export const CONFIGURATION_ATTRIBUTES = {
  'tls.config.changed': {
    ...ours,
    brief: 'What is another: `certificate`, `authorities`, `revocation_lists`.',
    example: ['certificate'],
    read: change => [...whatChanged(change)],
  },
  'tls.config.server_name': {
    ...ours,
    brief: 'The names it is for, where it is not for all: as `addContext` was given it.',
    example: '*.example.com',
    read: ({ name }) => name,
  },
  'tls.config.port': {
    ...ours,
    brief: 'The port that the server listens on. Absent while it does not, and on a Unix socket.',
    example: 8443,
    read: ({ port }) => port,
  },
  'tls.config.certificate': {
    ...ours,
    data: 'identity',
    brief: 'Fingerprint of the certificate that is presented from now on: SHA-256 of its DER, upper-case hex.',
    example: '9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08',
    read: ({ after }) => after.fingerprint,
  },
  'tls.config.certificate.previous': {
    ...ours,
    data: 'identity',
    brief: 'The same of the one before.',
    example: 'B5BB9D8014A0F9B1D61E21E796D78DCCDF1352F23CD32812F4850B878AE4944C',
    read: ({ before }) => before?.fingerprint,
  },
  'tls.config.not_after': {
    ...ours,
    brief: 'End of the validity of the certificate that is presented from now on.',
    example: '2027-01-01T00:00:00.000Z',
    read: ({ after }) => (after.notAfter === undefined ? undefined : new Date(after.notAfter).toISOString()),
  },
  'tls.config.authorities': {
    ...ours,
    brief: 'How many authorities are trusted from now on. Absent where they are those of Node, or not known.',
    example: 2,
    read: ({ after }) => after.authorities,
  },
  'tls.config.authorities.previous': {
    ...ours,
    brief: 'How many were before.',
    example: 1,
    read: ({ before }) => before?.authorities,
  },
  'tls.config.revocation_lists': {
    ...ours,
    brief: 'How many revocation lists are looked at from now on.',
    example: 1,
    read: ({ after }) => after.revocationLists,
  },
  'tls.config.revocation_lists.previous': {
    ...ours,
    brief: 'How many were before.',
    example: 0,
    read: ({ before }) => before?.revocationLists,
  },
} as const satisfies Record<string, ConfigurationRow>;

/** Empty: it is all as it was, as far as we can see. */
export function whatChanged({ before, after }: ConfigurationChange): readonly string[] {
  const changed: string[] = [];
  if (before?.fingerprint !== after.fingerprint) changed.push('certificate');
  if ((before?.authoritiesDigest ?? '') !== after.authoritiesDigest) changed.push('authorities');
  if ((before?.revocationListsDigest ?? '') !== after.revocationListsDigest) changed.push('revocation_lists');
  return changed;
}
