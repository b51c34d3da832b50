import { isIPv6 } from 'node:net';
import { ForgetfulMap } from '../certificate/forgetful-map';
import { rowOfReason } from '../handshake/failure-reasons';
import type { SeenEndpoint, SeenHandshake } from './seen-handshake';
import { columnsOf, type Paint, printable, type Tone } from './terminal-text';

/** How the timeline looks. */
export interface Look {
  readonly paint: Paint;
  /** Columns to fill. Only what cannot be broken, a long name, is longer. */
  readonly width: number;
  /** An IANA time zone: `UTC`. Undefined: the machine's own. */
  readonly timeZone?: string | undefined;
}

/** Handshakes as lines of text. It remembers what earlier lines said, and prints nothing. */
export interface Timeline {
  /** The lines for these handshakes, the earliest first, each late refusal under its handshake. No line breaks. */
  lines(handshakes: readonly SeenHandshake[]): string[];
}

/**
 * A timeline for one reader. A good handshake is one line; a failed one says when, why, who, which certificate, and below
 * it what to do. Nothing a span says reaches the lines unescaped.
 */
export function createTimeline(look: Look): Timeline {
  const clock = clockIn(look.timeZone);
  const services = new ForgetfulMap<string, true>(MOST_REMEMBERED);
  const toldAt = new ForgetfulMap<string, string>(MOST_REMEMBERED);
  let lastDay: string | undefined;
  let written = 0;
  const hintedAt = new ForgetfulMap<string, number>(MOST_REMEMBERED);
  /** A hint that is still on the screen need not be said again. */
  const needsHint = (reason: string) => {
    const line = hintedAt.get(reason);
    if (line !== undefined && written - line < LINES_ON_A_SCREEN) return false;
    hintedAt.set(reason, written);
    return true;
  };

  return {
    lines(handshakes) {
      for (const { service } of handshakes) if (service !== undefined) services.set(service, true);
      const lines: string[] = [];
      const tell = (...entry: string[]) => {
        lines.push(...entry);
        written += entry.length;
      };
      for (const { handshake, refusals } of underTheirHandshakes(handshakes)) {
        const { day, time } = clock(handshake.at);
        if (lastDay !== undefined && day !== lastDay) tell(look.paint('quiet', day));
        lastDay = day;
        const established = handshake.refusalOf === undefined ? undefined : toldAt.get(handshake.refusalOf);
        // One application needs no name on every line; two do.
        const whose =
          services.size > 1 && handshake.service ? printable(handshake.service, 40) : (handshake.side ?? 'application');
        tell(...entry(handshake, time, whose, look, needsHint, established));
        for (const refusal of refusals) {
          const later = `↳ +${duration(refusal.at - handshake.at)}`;
          tell(...entry(refusal, later, whose, look, needsHint));
        }
        if (handshake.side === 'client') toldAt.set(handshake.spanId, time);
      }
      return lines;
    },
  };
}

const LINES_ON_A_SCREEN = 20;

/**
 * Counts of what a session saw. Each handshake is counted once, by what became of it in the end: one that was refused after
 * it had been established counts as that alone, also where a filter left only its refusal.
 */
export class Tally {
  #total = 0;
  #established = 0;
  #abandoned = 0;
  #refusedLater = 0;
  readonly #reasons = new Map<string, number>();

  /** Span ids: of handshakes that are counted as established, and of those that were refused since or before they came. */
  readonly #stands = new ForgetfulMap<string, true>(MOST_COUNTED_APART);
  readonly #fell = new ForgetfulMap<string, true>(MOST_COUNTED_APART);

  add(handshake: SeenHandshake): void {
    if (handshake.refusalOf !== undefined) this.#addRefusal(handshake.refusalOf);
    // Exporters need not keep the order: its refusal was there first, and is what became of it.
    else if (handshake.outcome !== 'established' || !this.#fell.has(handshake.spanId)) {
      this.#total++;
      if (handshake.outcome === 'established') {
        this.#established++;
        this.#stands.set(handshake.spanId, true);
      }
      if (handshake.outcome === 'abandoned') this.#abandoned++;
    }
    if (handshake.reason === undefined) return;
    // Whoever invents thousands of reasons gets one line for the last of them.
    const reason = this.#reasons.has(handshake.reason) || this.#reasons.size < 100 ? handshake.reason : '_OTHER';
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
  }

  #addRefusal(refusalOf: string): void {
    if (this.#fell.has(refusalOf)) return;
    this.#refusedLater++;
    // Which one it was, is not said where nothing of it is recorded.
    if (refusalOf !== '') this.#fell.set(refusalOf, true);
    if (this.#stands.delete(refusalOf)) this.#established--;
    else this.#total++;
  }

  /** As lines: how many ended how, then the reasons, the most frequent first. */
  summary(paint: Paint): string[] {
    const failed = this.#total - this.#established - this.#refusedLater - this.#abandoned;
    const endings = [
      ...(this.#established > 0 ? [paint('good', `${this.#established} established`)] : []),
      ...(this.#refusedLater > 0 ? [paint('bad', `${this.#refusedLater} refused afterwards`)] : []),
      ...(failed > 0 ? [paint('bad', `${failed} failed`)] : []),
      ...(this.#abandoned > 0 ? [`${this.#abandoned} abandoned`] : []),
    ];
    const head = paint('strong', `${this.#total} ${this.#total === 1 ? 'handshake' : 'handshakes'}`);
    const reasons = [...this.#reasons].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    const widest = Math.max(0, ...reasons.map(([, count]) => String(count).length));
    return [
      endings.length > 0 ? `${head}: ${endings.join(', ')}` : head,
      ...reasons.map(
        ([reason, count]) =>
          `  ${String(count).padStart(widest)} × ${paint(toneOfReason(reason), printable(reason, 60))}`,
      ),
    ];
  }
}

/** A piece of a line. Its text is printable. */
interface Part {
  readonly text: string;
  readonly tone: Tone;
}

export const TIME_COLUMNS = 12;
/** Where the second and further lines of an entry begin: under the reason. */
export const INDENT = TIME_COLUMNS + 4;
const REASON_COLUMNS = 27;
const GAP = 2;
const SEPARATOR = ' · ';

/** `established`: the time that was shown for the handshake this refusal belongs to, if one was. */
function entry(
  handshake: SeenHandshake,
  when: string,
  whose: string,
  look: Look,
  needsHint: (reason: string) => boolean,
  established?: string,
): string[] {
  const { paint, width } = look;
  const reason = printable(handshake.reason ?? handshake.outcome, 60);
  // Below that, a column of reasons would leave no room for what stands beside it.
  const label = width < 110 ? reason : reason.padEnd(REASON_COLUMNS);
  const who: Part = { text: sentence(handshake, whose), tone: 'normal' };
  const before: Part[] = established === undefined ? [] : [{ text: `established at ${established}`, tone: 'quiet' }];
  const details = [...before, ...detailsOf(handshake)];
  const begin = (word: string) =>
    `${paint('quiet', when.padStart(TIME_COLUMNS))}  ${paint(toneOf(handshake), `${markOf(handshake)} ${word}`)}`;
  const start = begin(label);
  const room = width - INDENT - columnsOf(label) - GAP;
  const roomBesideWho = room - columnsOf(who.text) - GAP;

  // A good handshake stays one line: what does not fit is left out.
  if (isCalm(handshake)) return [joined(joined(start, [who], paint), fitting(details, roomBesideWho), paint)];

  const below = (parts: readonly Part[]) =>
    rows(parts, width - INDENT).map(row => joined(' '.repeat(INDENT - GAP), row, paint));
  const lines =
    columnsOf(plainText(details)) <= roomBesideWho
      ? [joined(joined(start, [who], paint), details, paint)]
      : columnsOf(who.text) <= room
        ? [joined(start, [who], paint), ...below(details)]
        : [begin(reason), ...below([who]), ...below(details)];
  const hint = handshake.hint ?? hintForTolerated(handshake);
  if (hint !== undefined && needsHint(reason))
    lines.push(
      ...wrapped(printable(hint, 400), width - INDENT - 2).map(
        (line, index) => `${' '.repeat(INDENT)}${paint('advice', `${index === 0 ? '→' : ' '} ${line}`)}`,
      ),
    );
  return lines;
}

function joined(start: string, parts: readonly Part[], paint: Paint): string {
  if (parts.length === 0) return start;
  return `${start}${' '.repeat(GAP)}${parts.map(({ text, tone }) => paint(tone, text)).join(paint('quiet', SEPARATOR))}`;
}

function plainText(parts: readonly Part[]): string {
  return parts.map(({ text }) => text).join(SEPARATOR);
}

/** The leading parts that fit, the first one cut if need be. */
function fitting([first, ...more]: readonly Part[], room: number): Part[] {
  if (!first || room < 8) return [];
  const kept = [{ ...first, text: printable(first.text, room) }];
  for (const part of more) if (columnsOf(plainText([...kept, part])) <= room) kept.push(part);
  return kept;
}

/** The parts broken into lines, between them where that is enough. A word longer than a line is left whole. */
function rows(parts: readonly Part[], width: number): Part[][] {
  const lines: Part[][] = [];
  for (const part of parts) {
    const current = lines.at(-1);
    if (current && columnsOf(plainText([...current, part])) <= width) current.push(part);
    else for (const text of brokenAt(part.text.split(' '), width)) lines.push([{ ...part, text }]);
  }
  return lines;
}

/** Broken between words into as few lines as it takes, of about the same length. */
export function wrapped(text: string, width: number): string[] {
  const words = text.split(' ');
  const needed = brokenAt(words, width).length;
  let narrowest = width;
  while (narrowest > 1 && brokenAt(words, narrowest - 1).length === needed) narrowest--;
  return brokenAt(words, narrowest);
}

function brokenAt(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const current = lines.at(-1);
    if (current !== undefined && columnsOf(current) + 1 + columnsOf(word) <= width)
      lines[lines.length - 1] = `${current} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function isCalm(handshake: SeenHandshake): boolean {
  return handshake.outcome === 'established' && !isTolerated(handshake);
}

/** The tunnel stands although the peer's certificate did not verify: rejectUnauthorized is off. */
function isTolerated({ outcome, verification }: SeenHandshake): boolean {
  return outcome === 'established' && verification.result === 'failed';
}

function hintForTolerated(handshake: SeenHandshake): string | undefined {
  return isTolerated(handshake) ? 'It was let in all the same: rejectUnauthorized is off.' : undefined;
}

function markOf(handshake: SeenHandshake): string {
  if (handshake.outcome === 'failed') return '✗';
  if (handshake.outcome === 'abandoned') return '·';
  return isTolerated(handshake) ? '!' : '✓';
}

function toneOf(handshake: SeenHandshake): Tone {
  if (handshake.outcome === 'established') return isTolerated(handshake) ? 'bad' : 'good';
  if (handshake.outcome === 'abandoned') return 'noise';
  return toneOfReason(handshake.reason);
}

function toneOfReason(reason: string | undefined): Tone {
  const severity = (reason === undefined ? undefined : rowOfReason(reason)?.severity) ?? 'WARN';
  return severity === 'ERROR' ? 'grave' : severity === 'INFO' ? 'noise' : 'bad';
}

/** Who did what to whom. `whose` is the application that reported it. */
function sentence(handshake: SeenHandshake, whose: string): string {
  const other = peerOf(handshake);
  const { side, outcome, origin, reason } = handshake;
  if (outcome === 'established') return `${whose} ${side === 'server' ? 'accepted' : 'reached'} ${other}`;
  if (outcome === 'abandoned') {
    // A client's own application gives up; a server's peer does.
    const byUs = origin === 'local' || (origin === undefined && side === 'client');
    const when = ABANDONED[handshake.phase ?? ''] ?? 'before it was done';
    return byUs ? `${whose} gave up on ${other} ${when}` : `${other} left ${when}`;
  }
  if (handshake.refusalOf !== undefined)
    return origin === 'local' ? `${whose} refused ${other} later` : `${other} refused the ${whose} after all`;
  if (origin === 'peer') return reason === 'connection_closed' ? `${other} hung up` : `${other} refused the ${whose}`;
  if (origin === 'network') return `${whose} lost ${other}`;
  if (reason === 'handshake_timeout') return `${whose} gave up waiting for ${other}`;
  return `${whose} refused ${other}`;
}

const ABANDONED: Readonly<Record<string, string>> = {
  client_hello: 'without a word of TLS',
  negotiation: 'during the negotiation',
  certificate: 'at the certificates',
  finished: 'just before the end',
};

function peerOf({ peer, serverName, side }: SeenHandshake): string {
  const address = endpoint(peer);
  // To a server the name is its own; to a client it is whom it asked for.
  if (side === 'server' || serverName === undefined || serverName === peer.address) return address ?? 'an unknown peer';
  const name = printable(serverName, 80);
  return address === undefined ? name : `${name} (${address})`;
}

function endpoint({ address, port }: SeenEndpoint): string | undefined {
  if (address === undefined) return undefined;
  const plainAddress = printable(address.replace(/^::ffff:(?=\d+\.)/i, ''), 80);
  if (port === undefined) return plainAddress;
  return isIPv6(plainAddress) ? `[${plainAddress}]:${port}` : `${plainAddress}:${port}`;
}

function detailsOf(handshake: SeenHandshake): Part[] {
  const { certificate, verification, alert, reason, errorCode } = handshake;
  const quiet = (text: string | undefined): Part[] => (text ? [{ text: printable(text), tone: 'quiet' }] : []);
  const name = certificate && certificateName(handshake);
  const who: Part[] = name ? [{ text: printable(name), tone: 'strong' }] : [];

  if (isCalm(handshake))
    return [
      ...who,
      ...quiet(handshake.protocol),
      ...quiet(handshake.alpn),
      ...quiet(handshake.resumed ? 'resumed' : undefined),
      ...quiet(handshake.durationMs === undefined ? undefined : duration(handshake.durationMs)),
    ];

  const wrong = isTolerated(handshake) ? verification.errors[0] : reason;
  const fact = certificate && wrong !== undefined ? FACTS[wrong]?.(handshake) : undefined;
  const others = verification.errors.filter(error => error !== wrong);
  const besides = others.length > 0 ? `also ${others.join(', ')}` : undefined;
  const concluded = handshake.derived ? 'concluded, nobody said so' : undefined;
  const said = verification.code === 'UNSPECIFIED' || reason === '_OTHER' ? verification.message : undefined;
  return [
    ...who,
    ...(isTolerated(handshake) && wrong ? [{ text: printable(wrong, 60), tone: 'bad' as const }] : []),
    ...quiet(fact),
    ...quiet(besides),
    ...quiet(concluded),
    ...quiet(said),
    ...quiet(alert && alertText(alert)),
    // With a certificate and what is wrong with it, OpenSSL's own code says nothing more.
    ...quiet(fact === undefined ? errorCode : undefined),
  ];
}

function alertText({ code, description, direction }: NonNullable<SeenHandshake['alert']>): string {
  return ['alert', code, description, direction === 'sent' ? 'sent' : undefined]
    .filter(word => word !== undefined)
    .join(' ');
}

/** The subject; or what else tells one certificate from another, where it is empty or unknown. */
function certificateName({ certificate }: SeenHandshake): string | undefined {
  return (
    certificate?.subject ||
    certificate?.spiffeId ||
    certificate?.alternativeNames[0] ||
    (certificate?.fingerprint && `certificate ${certificate.fingerprint.slice(0, 16)}…`)
  );
}

/** What in the certificate explains the reason. undefined where the certificate does not say. */
const FACTS: Readonly<Record<string, (handshake: SeenHandshake) => string | undefined>> = {
  certificate_expired: ({ certificate, at }) => {
    const since = at - timeOf(certificate?.notAfter);
    return since >= 0 ? `expired ${span(since)} ago` : undefined;
  },
  certificate_not_yet_valid: ({ certificate, at }) => {
    const until = timeOf(certificate?.notBefore) - at;
    return until >= 0 ? `not valid for another ${span(until)}` : undefined;
  },
  unknown_ca: issuedBy,
  untrusted_root: issuedBy,
  certificate_issuer_forged: ({ certificate }) => certificate?.issuer && `says it was issued by ${certificate.issuer}`,
  certificate_signature_invalid: issuedBy,
  certificate_authority_invalid: issuedBy,
  self_signed_certificate: ({ certificate }) => certificate && 'signed by itself',
  certificate_revoked: ({ certificate }) => certificate?.serialNumber && `serial ${certificate.serialNumber}`,
  certificate_purpose_invalid: ({ certificate }) =>
    certificate && certificate.extendedKeyUsage.length > 0
      ? `made for ${certificate.extendedKeyUsage.join(', ')}`
      : undefined,
  certificate_name_mismatch: ({ certificate }) => {
    const names = certificate?.alternativeNames ?? [];
    if (names.length === 0) return undefined;
    return `is for ${names.slice(0, 3).join(', ')}${names.length > 3 ? `, and ${names.length - 3} more` : ''}`;
  },
  certificate_weak_crypto: keyAndSignature,
  certificate_algorithm_unsupported: keyAndSignature,
  decrypt_error: ({ origin }) => (origin === 'local' ? 'shown without its private key' : undefined),
};

function issuedBy({ certificate }: SeenHandshake): string | undefined {
  return certificate?.issuer && `issued by ${certificate.issuer}`;
}

function keyAndSignature({ certificate }: SeenHandshake): string | undefined {
  const size = certificate?.publicKeyCurve ?? certificate?.publicKeySize;
  const words = [certificate?.publicKeyAlgorithm, size, certificate?.signatureAlgorithm];
  return words.filter(word => word !== undefined).join(' ') || undefined;
}

/** NaN, which compares with nothing, where there is no time or it is none. */
function timeOf(iso: string | undefined): number {
  return iso === undefined ? Number.NaN : Date.parse(iso);
}

/** A length of time in its largest unit: `3 days`. */
function span(milliseconds: number): string {
  for (const [unit, length] of UNITS) {
    const count = Math.floor(milliseconds / length);
    if (count >= 1) return `${count} ${unit}${count === 1 ? '' : 's'}`;
  }
  return 'less than a second';
}

const UNITS = [
  ['year', 365.25 * 86_400_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

function duration(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return milliseconds >= 10 ? `${Math.round(milliseconds)} ms` : `${milliseconds.toFixed(1)} ms`;
}

/** Day and time of milliseconds since the epoch. Undefined: in the machine's own zone. */
export function clockIn(timeZone: string | undefined): (at: number) => { day: string; time: string } {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...(timeZone === undefined ? {} : { timeZone }),
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
  });
  return at => {
    const part: Record<string, string> = {};
    for (const { type, value } of format.formatToParts(at)) part[type] = value;
    return {
      day: `${part['year']}-${part['month']}-${part['day']}`,
      time: `${part['hour']}:${part['minute']}:${part['second']}.${part['fractionalSecond']}`,
    };
  };
}

interface Told {
  readonly handshake: SeenHandshake;
  readonly refusals: readonly SeenHandshake[];
}

/** In order of time, each refusal with its handshake where both are given. */
function underTheirHandshakes(handshakes: readonly SeenHandshake[]): Told[] {
  const given = new Set(handshakes.filter(({ refusalOf }) => refusalOf === undefined).map(({ spanId }) => spanId));
  const isUnder = ({ refusalOf }: SeenHandshake) => refusalOf !== undefined && given.has(refusalOf);
  const refusals = new Map<string, SeenHandshake[]>();
  for (const refusal of handshakes.filter(isUnder)) {
    const siblings = refusals.get(refusal.refusalOf!) ?? [];
    refusals.set(refusal.refusalOf!, [...siblings, refusal]);
  }
  return handshakes
    .filter(handshake => !isUnder(handshake))
    .sort((a, b) => a.at - b.at)
    .map(handshake => ({ handshake, refusals: refusals.get(handshake.spanId) ?? [] }));
}

const MOST_REMEMBERED = 1000;
/** A refusal follows its handshake within moments; one that comes after so many others is counted as another handshake. */
const MOST_COUNTED_APART = 10_000;
