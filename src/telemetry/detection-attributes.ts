import type { Attributes } from '@opentelemetry/api';
import type { Detection } from '../patterns/patterns';
import { PATTERNS } from '../patterns/patterns';
import type { AttributeRow } from './attributes';

interface DetectionRow extends Omit<AttributeRow, 'read' | 'occasion'> {
  /** Undefined: not known of this pattern; then the attribute is absent. */
  readonly read: (detection: Detection) => AttributeRow['example'] | undefined;
}

const ours = { stability: 'development', ours: true } as const;

/** What `tls.abuse.detected` says beside whom it is about. One row an attribute; the README's table is made of them. */
export const DETECTION_ATTRIBUTES = {
  'tls.abuse.pattern': {
    ...ours,
    data: 'neither',
    brief: 'The pattern, by its name below.',
    example: 'retry_burst',
    read: d => d.pattern,
  },
  'tls.abuse.hint': {
    ...ours,
    data: 'neither',
    brief: 'What to do about it.',
    example: 'Look at the kinds of failure.',
    read: d => PATTERNS[d.pattern].hint,
  },
  'tls.abuse.count': {
    ...ours,
    data: 'neither',
    brief: 'Handshakes, or requests, that it took so far, within one window.',
    example: 30,
    read: d => d.count,
  },
  'tls.abuse.certificates': {
    ...ours,
    data: 'neither',
    brief: 'Different certificates among them. Counted no further than the threshold.',
    example: 5,
    read: d => d.certificates,
  },
  'tls.abuse.peers': {
    ...ours,
    data: 'neither',
    brief: 'Different peers among them, an IPv6 network of /64 being one. Counted no further than the threshold.',
    example: 20,
    read: d => d.peers,
  },
  'tls.abuse.kinds': {
    ...ours,
    data: 'neither',
    brief: 'How they ended: reasons, and `abandoned`. At most 8.',
    example: ['protocol_version', 'not_tls', 'abandoned'],
    read: d => d.kinds && [...d.kinds],
  },
  'tls.abuse.change': {
    ...ours,
    data: 'neither',
    brief: 'What is new of the identity: its `issuer` or its `key`; `forged` when an issuer was only pretended.',
    example: 'issuer',
    read: d => d.change,
  },
  'tls.abuse.endpoint': {
    ...ours,
    data: 'neither',
    brief: 'What is new for the identity: a method and a path, what looks like an identifier in it replaced.',
    example: 'GET /invoices/:id',
    read: d => d.endpoint,
  },
  'tls.abuse.first_seen': {
    ...ours,
    data: 'neither',
    brief: 'When the first of them was over.',
    example: '2026-11-22T10:00:00.000Z',
    read: d => timestamp(d.firstSeen),
  },
  'tls.abuse.last_seen': {
    ...ours,
    data: 'neither',
    brief: 'When the last of them was over.',
    example: '2026-11-22T10:00:42.000Z',
    read: d => timestamp(d.lastSeen),
  },
  'tls.abuse.connections': {
    ...ours,
    data: 'neither',
    brief: '`tls.connection.id` of some of them, at most 5: of those that have a span.',
    example: ['b7ad6b7169203331'],
    read: d => (d.connections.length > 0 ? [...d.connections] : undefined),
  },
} as const satisfies Record<string, DetectionRow>;

/** How many detections of this pattern were counted and not said since the last one that was. Absent: none. */
export const UNSAID = 'tls.abuse.unsaid';

export function detectionAttributes(detection: Detection): Attributes {
  const attributes: Attributes = {};
  for (const [name, { read }] of Object.entries<DetectionRow>(DETECTION_ATTRIBUTES)) {
    const value = read(detection);
    if (value !== undefined) attributes[name] = value;
  }
  return attributes;
}

/** Undefined for a time that no calendar has. */
function timestamp(time: number): string | undefined {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
