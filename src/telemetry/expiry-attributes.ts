import type { PeerCertificate } from '../certificate/peer-certificate';
import type { AttributeRow } from './attributes';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Days before its end at which a certificate is spoken of; `0`: it has ended. */
export const EXPIRY_DAYS = [30, 7, 1] as const;
export type ExpiryDays = (typeof EXPIRY_DAYS)[number] | 0;

/** Whose certificate it is: this process's own, or that of somebody at the other end. */
export type Role = 'local' | 'peer';

/** A certificate that ends soon. */
export interface Expiring {
  readonly role: Role;
  readonly days: ExpiryDays;
  /** Milliseconds; negative when it has ended. */
  readonly left: number;
}

interface ExpiryRow extends Omit<AttributeRow, 'read' | 'occasion'> {
  readonly read: (expiring: Expiring) => AttributeRow['example'];
}

const ours = { stability: 'development', ours: true, data: 'neither' } as const;

/** What `tls.certificate.expiring` says beside the certificate. One row an attribute; the README's table is made of them. */
export const EXPIRY_ATTRIBUTES = {
  'tls.certificate.role': {
    ...ours,
    brief: "Whose it is: `local`, this process's own, or `peer`, of whoever is at the other end.",
    example: 'local',
    read: ({ role }) => role,
  },
  'tls.certificate.expires_within': {
    ...ours,
    brief: 'The smallest of 30, 7 and 1 days that it ends within; 0 when it has ended.',
    example: 7,
    read: ({ days }) => days,
  },
  'tls.certificate.days_left': {
    ...ours,
    brief: 'Days that are left, to a tenth; negative when it has ended.',
    example: 6.8,
    read: ({ left }) => Math.round((left / DAY_MS) * 10) / 10,
  },
} as const satisfies Record<string, ExpiryRow>;

/**
 * The smallest of 30, 7 and 1 days that a certificate ends within; 0 when it has ended. Undefined while it has time: more
 * than that, or more than a third of all the time it was given. So one that is valid for an hour and is renewed every half
 * is not spoken of until somebody has forgotten to renew it. `at`: milliseconds since the epoch.
 */
export function expiryDaysOf({ notBefore, notAfter }: PeerCertificate, at: number): ExpiryDays | undefined {
  if (notAfter === undefined) return undefined;
  const left = notAfter - at;
  if (left <= 0) return 0;
  if (notBefore !== undefined && left > (notAfter - notBefore) / 3) return undefined;
  return EXPIRY_DAYS.findLast(days => left <= days * DAY_MS);
}
