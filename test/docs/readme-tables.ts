import type { PeerCertificate } from '../../src/certificate/peer-certificate';
import { FINDINGS } from '../../src/audit/findings';
import { FAILURE_REASONS, type FailureReason, type FailureReasonRow } from '../../src/handshake/failure-reasons';
import { SUSPICIONS } from '../../src/forwarded/forwarded-certificate';
import { PRESET_ROWS } from '../../src/forwarded/presets';
import type { Handshake } from '../../src/handshake/handshake';
import { VERIFY_HINTS } from '../../src/handshake/verify-hints';
import type { Pattern } from '../../src/patterns/pattern';
import { PATTERNS } from '../../src/patterns/patterns';
import { FORWARDED_OPTIONS, OPTIONS, PATTERNS_OPTION, PRIVACY_OPTIONS } from '../../src/settings';
import { ATTRIBUTE_KINDS } from '../../src/telemetry/attribute-kinds';
import { ATTRIBUTES, type AttributeRow, CLIENT_HELLO_ATTRIBUTES, CONNECTION_ID } from '../../src/telemetry/attributes';
import type { DataKind } from '../../src/telemetry/data-kinds';
import { CONFIGURATION_ATTRIBUTES } from '../../src/telemetry/configuration-attributes';
import { DETECTION_ATTRIBUTES } from '../../src/telemetry/detection-attributes';
import {
  EVENTS,
  type EventRow,
  PROCESS_EVENTS,
  DECISION_EVENTS,
  REQUEST_EVENTS,
  type Severity,
} from '../../src/telemetry/events';
import { EXPIRY_ATTRIBUTES } from '../../src/telemetry/expiry-attributes';
import { INSTRUMENTS } from '../../src/telemetry/metrics';
import { REQUEST_ATTRIBUTES, type RequestAttributeName } from '../../src/telemetry/request-attributes';
import { ANSWER_ATTRIBUTES } from '../../src/telemetry/decision-events';
import { STARTERS } from '../end-to-end/span-starters';
import { code, table, withTables } from './document-tables';
import { ENVIRONMENT } from './environment';

/**
 * The README with every table made anew of the code's rows. Throws when a table has no place between
 * `<!-- name:begin -->` and `<!-- name:end -->`, or a place has no table.
 */
export function withFreshTables(readme: string): string {
  return withTables('the README', readme, TABLES, BY_HAND);
}

/** Filled with what a program printed that takes too long for every test run. */
const BY_HAND = ['timeline', 'overhead'];

/** By default thresholds: with higher ones an entry weighs more. */
function roomOf(row: Pattern<string>): string {
  const defaults = Object.entries(row.thresholds).map(([threshold, { byDefault }]) => [threshold, byDefault]);
  const { tables } = row.watch(Object.fromEntries(defaults));
  return `Room for ${tables.map(({ capacity }) => capacity).join(' and ')} at a time.`;
}

const TABLES: Readonly<Record<string, () => string>> = {
  options: () =>
    table(
      ['option', 'environment variable', 'values', 'default', 'what it does'],
      [
        ...Object.entries(OPTIONS),
        ...Object.entries(FORWARDED_OPTIONS).map(([name, row]) => [`forwarded.${name}`, row] as const),
        ['patterns', PATTERNS_OPTION] as const,
        ...Object.entries(PRIVACY_OPTIONS),
      ].map(([name, row]) => [
        code(name),
        code(row.environmentVariable),
        'from' in row.expected
          ? `${code(row.expected.from)} to ${code(row.expected.to)}`
          : row.expected.map(code).join(', '),
        'byDefault' in row ? code(row.byDefault) : '',
        row.brief,
      ]),
    ),
  environment: () =>
    table(
      ['variable', 'what it does'],
      Object.entries(ENVIRONMENT).map(([name, row]) => [code(name), row.brief]),
    ),
  'handshake-attributes': () => {
    const rows = Object.entries<Row>({ ...ATTRIBUTES, [CONNECTION_ID]: CONNECTION_ID_ROW });
    return table(
      ATTRIBUTE_HEAD,
      rows.filter(([name]) => !/^tls\.(client|server)\./.test(name)).map(([name, row]) => attributeCells(name, row)),
    );
  },
  'client-hello-attributes': () =>
    table(
      ATTRIBUTE_HEAD,
      Object.entries<Row>(CLIENT_HELLO_ATTRIBUTES).map(([name, row]) => attributeCells(name, row)),
    ),
  // A client's and a server's certificate have the same rows: once is enough to read.
  'certificate-attributes': () =>
    table(
      [...ATTRIBUTE_HEAD, 'reported'],
      Object.entries<Row>(ATTRIBUTES)
        .filter(([name]) => name.startsWith('tls.client.') && !Object.hasOwn(CLIENT_HELLO_ATTRIBUTES, name))
        .map(([name, row]) => [...attributeCells(name, row), OCCASIONS[row.occasion]]),
    ),
  // As of certificates: a client's request says of the server what a server's says of the client.
  'request-attributes': () =>
    table(
      [...ATTRIBUTE_HEAD, 'reported'],
      Object.entries(REQUEST_ATTRIBUTES)
        .filter(([name]) => !name.startsWith('tls.server.'))
        .map(([name, row]) => [...attributeCells(name, row), SETS[row.set]]),
    ),
  // What is tested for each of them, in every set-up.
  'request-spans': () =>
    table(
      ['the span is started by', 'for', 'certificate and link'],
      Object.entries(STARTERS).map(([name, row]) => [
        name.includes('/') ? code(name) : name,
        row.of,
        row.always ? 'always' : 'with `TlsPeerSpanProcessor`',
      ]),
    ),
  findings: () =>
    table(
      ['finding', 'severity', 'what it means', 'rests on', 'see'],
      Object.entries(FINDINGS).map(([id, row]) => [
        code(id),
        row.severity,
        row.help,
        row.restsOn,
        row.references.map(({ name }) => name).join(', '),
      ]),
    ),
  events: () =>
    table(
      ['event', 'severity', 'when'],
      [
        ...Object.entries<EventRow>(EVENTS).map(([name, row]) => [code(name), severitiesOf(row).join(', '), row.brief]),
        ...Object.entries(DECISION_EVENTS).map(([name, row]) => [code(name), row.severity, row.brief]),
        ...Object.entries({ ...REQUEST_EVENTS, ...PROCESS_EVENTS }).map(([name, row]) => [
          code(name),
          row.severity,
          row.brief,
        ]),
      ],
    ),
  'verify-hints': () =>
    table(
      ['`tls.verify.hints`', 'when'],
      Object.entries(VERIFY_HINTS).map(([name, row]) => [code(name), row.brief]),
    ),
  presets: () =>
    table(
      ['preset', 'proxy', '`tls.verify.result` can be', ''],
      Object.entries<{ proxy: string; says: readonly string[]; note?: string }>(PRESET_ROWS).map(([name, row]) => [
        code(name),
        row.proxy,
        row.says.map(code).join(', '),
        row.note ?? '',
      ]),
    ),
  suspicions: () =>
    table(
      ['`tls.forwarded.suspicion`', 'when'],
      Object.entries(SUSPICIONS).map(([name, brief]) => [code(name), brief]),
    ),
  'answer-attributes': () =>
    table(
      ATTRIBUTE_HEAD,
      Object.entries(ANSWER_ATTRIBUTES).map(([name, row]) => attributeCells(name, row)),
    ),
  patterns: () =>
    Object.entries<Pattern<string>>(PATTERNS)
      .map(([name, row]) =>
        [
          `### ${code(name)}`,
          row.onlyWhenNamed
            ? `${row.brief} Looked for only where it is named, as in ${code(`{ patterns: { ${name}: true } }`)}.`
            : row.brief,
          table(
            ['threshold', 'default', 'what it is'],
            Object.entries(row.thresholds).map(([threshold, { byDefault, brief }]) => [
              code(threshold),
              code(byDefault),
              brief,
            ]),
          ),
          `**What to do:** ${row.hint}`,
          `**Who else does it:** ${row.falsePositives}`,
          `**What it costs:** ${row.cost} ${roomOf(row)}`,
        ].join('\n\n'),
      )
      .join('\n\n'),
  'expiry-attributes': () =>
    table(
      ATTRIBUTE_HEAD,
      Object.entries(EXPIRY_ATTRIBUTES).map(([name, row]) => attributeCells(name, row)),
    ),
  'configuration-attributes': () =>
    table(
      ATTRIBUTE_HEAD,
      Object.entries(CONFIGURATION_ATTRIBUTES).map(([name, row]) => attributeCells(name, row)),
    ),
  'detection-attributes': () =>
    table(
      ATTRIBUTE_HEAD,
      Object.entries(DETECTION_ATTRIBUTES).map(([name, row]) => attributeCells(name, row)),
    ),
  privacy: () =>
    table(
      ['attributes', 'option', 'or', 'off'],
      Object.entries(PRIVACY).map(([kind, cells]) => [
        [...ATTRIBUTE_KINDS]
          .filter(([name, itsKind]) => itsKind === kind && !name.startsWith('tls.server.'))
          .map(([name]) => code(name))
          .join(', '),
        ...cells,
      ]),
    ),
  metrics: () =>
    table(
      ['metric', 'instrument', 'unit', 'attributes', 'what it measures'],
      Object.entries(INSTRUMENTS).map(([name, row]) => [
        code(name),
        row.kind.replaceAll('_', ' '),
        code(row.unit),
        row.attributes.map(code).join(', ') || 'none',
        row.brief,
      ]),
    ),
  reasons: () =>
    table(
      ['`error.type`', 'severity', 'what happened', 'what to do'],
      Object.entries<FailureReasonRow>(FAILURE_REASONS).map(([name, row]) => [
        code(name),
        row.severity,
        sentence(row.brief.replace(/^Results when /, '')),
        row.hint,
      ]),
    ),
};

/** What becomes of each kind of data: by which option, with its middle value, and when it is off. */
const PRIVACY: Readonly<Record<Exclude<DataKind, 'neither'>, readonly [string, string, string]>> = {
  identity: ['`identity`', "`'hash'`: a pseudonym, of a list for each entry", 'not said'],
  certificate: ['`identity`', "`'hash'`: not said", 'not said'],
  text: ['both', "`'hash'`, `'masked'`: not said", 'not said'],
  address: ['`addresses`', "`'masked'`: the network (/24, /48), no port", 'not said'],
  host: ['`addresses`', "`'masked'`: a name in full, of an address the network", 'a name in full, no address'],
  networks: ['`addresses`', "`'masked'`: networks of /24 and /48, added up", 'not said'],
};

type Row = Omit<AttributeRow, 'read'>;

const SETS: Record<(typeof REQUEST_ATTRIBUTES)[RequestAttributeName]['set'], string> = {
  default: 'always',
  all: "with `requestAttributes: 'all'`",
  userId: 'with `userId`, on requests that arrive',
};

/** The one attribute that no handshake knows by itself. */
const CONNECTION_ID_ROW: Row = {
  brief: "The handshake span's id. Log records and a later refusal carry it too: one search finds a connection.",
  stability: 'development',
  ours: true,
  data: 'neither',
  occasion: 'always',
  example: 'b7ad6b7169203331',
};

const ATTRIBUTE_HEAD = ['attribute', 'example', 'what it says', 'name'];

function attributeCells(name: string, row: Omit<Row, 'occasion'>): string[] {
  return [code(name), code(shortened(row.example)), row.brief, row.ours ? 'ours' : row.stability];
}

const OCCASIONS: Record<AttributeRow['occasion'], string> = {
  always: 'always',
  details: "on failures, or with `certificateDetails: 'all'`",
  pem: 'with `certificatePem`',
};

/** Every severity that the event can have, lowest first, asked of one handshake a reason and of one that succeeded. */
function severitiesOf(row: EventRow): Severity[] {
  const handshakes = [...REASONS.map(refusedFor), accepted, stale, unauthenticated];
  const found = new Set(
    handshakes.filter(handshake => row.when(handshake, { isFirstUse: () => true })).map(h => row.severity(h)),
  );
  return (['INFO', 'WARN', 'ERROR'] as const).filter(severity => found.has(severity));
}

const REASONS = Object.keys(FAILURE_REASONS) as FailureReason[];

/** A server that let a client in by its certificate. */
const accepted: Handshake = {
  side: 'server',
  peer: {},
  local: {},
  transport: 'tcp',
  started: 0,
  ended: 1,
  resumed: false,
  peerCertificate: { fingerprint: '00' } as PeerCertificate,
  peerChain: [],
  verification: { result: 'ok', enforced: true, errors: [] },
  outcome: { kind: 'established' },
};

const stale: Handshake = { ...accepted, resumed: true, staleIdentity: 'certificate_expired' };

const unauthenticated: Handshake = {
  ...accepted,
  resumed: true,
  peerCertificate: undefined,
  verification: { result: 'not_presented', enforced: false, authorized: true, errors: [] },
};

/** Only reasons about certificates are the verification's errors. */
function refusedFor(reason: FailureReason): Handshake {
  const { category, phase } = FAILURE_REASONS[reason];
  const errors = category === 'authentication' || category === 'authorization' ? [reason] : [];
  return {
    ...accepted,
    verification: { result: errors.length > 0 ? 'failed' : 'unverified', errors },
    outcome: { kind: 'failed', failure: { reason, decidedBy: 'us', phase } },
  };
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function shortened(example: unknown): string {
  const text = typeof example === 'string' ? example : JSON.stringify(example);
  const line = text.replaceAll('\\n', ' ').replace(/\s+/g, ' ');
  return line.length > 48 ? `${line.slice(0, 40)}…` : line;
}
