import type { ProcessEventName } from '../telemetry/events';
import type { ReceivedLog } from './otlp-messages';
import { printable } from './terminal-text';
import { clockIn, INDENT, type Look, TIME_COLUMNS, wrapped } from './timeline';

/** What flood control left unsaid, as its log record told it. The texts in it are not fit for a terminal. */
export interface SeenSuppression {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** `569 more handshakes failed`. */
  readonly what: string;
  /** `not_tls=569`, `192.0.2.0/24=569`. */
  readonly details: readonly string[];
}

/** undefined when the record tells of something else. */
export function seenSuppression({ eventName, at, attributes }: ReceivedLog): SeenSuppression | undefined {
  if (eventName !== SUPPRESSED) return undefined;
  const count = (name: string) => {
    const said = attributes[name];
    return typeof said === 'number' ? said : undefined;
  };
  const list = (name: string) => {
    const said = attributes[name];
    return (Array.isArray(said) ? said : [])
      .slice(0, MOST_DETAILS)
      .filter(one => typeof one === 'string')
      .map(one => one.slice(0, LONGEST_TEXT));
  };
  const handshakes = count('tls.suppressed.handshakes');
  const what =
    handshakes === undefined
      ? `${count('tls.suppressed.requests') ?? 'some'} more requests were refused or suspected`
      : `${handshakes} more handshakes failed`;
  return { at, what, details: [...list('tls.suppressed.reasons'), ...list('tls.suppressed.networks')] };
}

const SUPPRESSED: ProcessEventName = 'tls.telemetry.suppressed';
const MOST_DETAILS = 5;
const LONGEST_TEXT = 60;

/** As lines of a timeline, or it would seem that there was nothing but what is shown one by one. */
export function suppressionLines({ at, what, details }: SeenSuppression, { paint, width, timeZone }: Look): string[] {
  const { time } = clockIn(timeZone)(at);
  return [
    `${paint('quiet', time.padStart(TIME_COLUMNS))}  ${paint('bad', `… ${what} than are told one by one`)}`,
    ...wrapped(details.map(part => printable(part)).join(' · '), width - INDENT).map(
      line => `${' '.repeat(INDENT)}${line}`,
    ),
  ];
}
