import { PATTERNS, type PatternName } from '../patterns/patterns';
import type { DETECTION_ATTRIBUTES } from '../telemetry/detection-attributes';
import type { AttributeName } from '../telemetry/attributes';
import type { ProcessEventName } from '../telemetry/events';
import type { ReceivedLog } from './otlp-messages';
import { printable } from './terminal-text';
import { clockIn, INDENT, type Look, TIME_COLUMNS, wrapped } from './timeline';

/** A pattern of abuse, as its log record told it. Every text in it came over the network, and is not fit for a terminal. */
export interface SeenDetection {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly pattern: string;
  /** An identity where the pattern is about one, and the peer's address where that is known. */
  readonly whom: readonly string[];
  /** `5 certificates`, `30 handshakes`. */
  readonly facts: readonly string[];
}

/** undefined when the record tells of something else. */
export function seenDetection({ eventName, at, attributes }: ReceivedLog): SeenDetection | undefined {
  if (eventName !== DETECTION) return undefined;
  const value = (name: keyof typeof DETECTION_ATTRIBUTES | AttributeName) => attributes[name];
  const text = (name: Parameters<typeof value>[0]) => {
    const said = value(name);
    return typeof said === 'string' && said !== '' ? [said.slice(0, LONGEST_TEXT)] : [];
  };
  const count = (name: Parameters<typeof value>[0], one: string, many: string) => {
    const said = value(name);
    return typeof said === 'number' ? [`${said} ${said === 1 ? one : many}`] : [];
  };
  const kinds = value('tls.abuse.kinds');
  const change = text('tls.abuse.change');
  const endpoint = text('tls.abuse.endpoint');
  return {
    at,
    pattern: text('tls.abuse.pattern')[0] ?? 'an unknown pattern',
    whom: [...text('tls.client.subject'), ...text('network.peer.address')],
    facts: [
      ...count('tls.abuse.certificates', 'certificate', 'certificates'),
      ...count('tls.abuse.peers', 'peer', 'peers'),
      ...(endpoint.length > 0
        ? count('tls.abuse.count', 'request', 'requests')
        : count('tls.abuse.count', 'handshake', 'handshakes')),
      ...(change[0] === 'forged' ? ['forged issuer'] : change.map(what => `new ${what}`)),
      ...endpoint,
      ...(Array.isArray(kinds) ? kinds : [])
        .slice(0, MOST_KINDS)
        .filter(kind => typeof kind === 'string')
        .map(kind => kind.slice(0, LONGEST_TEXT)),
    ],
  };
}

const DETECTION: ProcessEventName = 'tls.abuse.detected';
const LONGEST_TEXT = 1024;
const MOST_KINDS = 8;

/** As lines of a timeline: when, what and who, and below it what to do. Nothing in the record reaches them unescaped. */
export function detectionLines(
  { at, pattern, whom, facts }: SeenDetection,
  { paint, width, timeZone }: Look,
): string[] {
  const { time } = clockIn(timeZone)(at);
  const details = [...whom, ...facts].map(part => printable(part)).join(' · ');
  const hint = Object.hasOwn(PATTERNS, pattern) ? PATTERNS[pattern as PatternName].hint : undefined;
  const advice = hint === undefined ? [] : wrapped(hint, width - INDENT - 2);
  return [
    `${paint('quiet', time.padStart(TIME_COLUMNS))}  ${paint('grave', `‼ ${printable(pattern, 60)}`)}`,
    ...wrapped(details, width - INDENT).map(line => `${' '.repeat(INDENT)}${line}`),
    ...advice.map((line, index) => `${' '.repeat(INDENT)}${paint('advice', `${index === 0 ? '→' : ' '} ${line}`)}`),
  ];
}
