import { ATTRIBUTES, CONNECTION_ID } from './attributes';
import { CONFIGURATION_ATTRIBUTES } from './configuration-attributes';
import { CHANGES_UNSAID } from './configuration-events';
import type { DataKind } from './data-kinds';
import { ANSWER_ATTRIBUTES } from './decision-events';
import { DETECTION_ATTRIBUTES, UNSAID } from './detection-attributes';
import { EXPIRY_ATTRIBUTES } from './expiry-attributes';
import { EXPIRING_UNSAID } from './expiry-sink';
import { REQUEST_ATTRIBUTES } from './request-attributes';

/** What events say beside the rows of the tables. */
const BESIDE_THE_TABLES: Readonly<Record<string, DataKind>> = {
  [CONNECTION_ID]: 'neither',
  [UNSAID]: 'neither',
  [CHANGES_UNSAID]: 'neither',
  [EXPIRING_UNSAID]: 'neither',
  'tls.failure.brief': 'neither',
  'tls.failure.hint': 'neither',
  // One of our own reasons, and one of the names of headers that formats know.
  'tls.forwarded.suspicion': 'neither',
  'tls.forwarded.header': 'neither',
  'tls.suppressed.handshakes': 'neither',
  'tls.suppressed.requests': 'neither',
  'tls.suppressed.reasons': 'neither',
  'tls.suppressed.networks': 'networks',
  'tls.suppressed.networks_forgotten': 'neither',
  'tls.suppressed.first_seen': 'neither',
  'tls.suppressed.last_seen': 'neither',
};

/** Every attribute of spans and events by name, and what it may give away. */
export const ATTRIBUTE_KINDS: ReadonlyMap<string, DataKind> = new Map([
  ...Object.entries(BESIDE_THE_TABLES),
  ...[
    ATTRIBUTES,
    REQUEST_ATTRIBUTES,
    ANSWER_ATTRIBUTES,
    DETECTION_ATTRIBUTES,
    CONFIGURATION_ATTRIBUTES,
    EXPIRY_ATTRIBUTES,
  ].flatMap(table =>
    Object.entries<{ readonly data: DataKind }>(table).map(([name, { data }]) => [name, data] as const),
  ),
]);
