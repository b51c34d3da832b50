import type { PrometheusRules } from './alert-rules';
import { type AuditedOperation, type EvidenceRead, type Finding, type Rule, SEVERITIES } from './audit-result';
import { MOST_SUBJECTS, TimeSpan } from './counts';
import {
  type EvidenceAttributes,
  type EvidenceLog,
  type EvidencePoint,
  type EvidenceSpan,
  plainExample,
  type SeenHandshake,
  seenHandshake,
  seenRequest,
  serviceOf,
  textOf,
  textsOf,
} from './evidence';
import { Exposures } from './exposures';
import { FailureClasses } from './failure-classes';
import { FailureTrail } from './failure-trail';
import { FINDINGS, type FindingId, type FindingRow, type HandshakeRow } from './findings';
import { Found, ruleOf } from './found';
import { JudgedRequests } from './judged-requests';
import { KnownHandshakes, MOST_HANDSHAKES } from './known-handshakes';
import { lossInLog } from './losses';
import { MetricCounts } from './metric-counts';
import type { Operation } from './operations';
import type { PrivacyPolicy } from './privacy';

export interface AuditOptions {
  /** Only what this `service.name` sent. Undefined: all. */
  readonly service?: string | undefined;
  /** Milliseconds since the epoch: what ended before is left out. */
  readonly since?: number | undefined;
  /** What rings. Undefined: nobody asks whether anything does. */
  readonly rules?: PrometheusRules | undefined;
  /** What may be said of people. Undefined: what is found out of the evidence itself. */
  readonly privacy?: PrivacyPolicy | undefined;
}

/** What a run has come to: an `AuditResult` but for what others know of its sources. */
export interface Conclusion {
  readonly operations: readonly AuditedOperation[];
  readonly findings: readonly Finding[];
  readonly rules: readonly Rule[];
  readonly seen: Pick<
    EvidenceRead,
    'spans' | 'logs' | 'requests' | 'foreignRequests' | 'handshakes' | 'failedHandshakes' | 'firstSeen' | 'lastSeen'
  >;
  /** Sentences: what the bounds of this run have left out. */
  readonly notes: readonly string[];
  readonly proven: number;
  /** Spans, log records and points of metrics that were taken. None: there is nothing to judge. */
  readonly taken: number;
}

/** Descriptions and spans, in whatever order they come -> findings. The same evidence gives the same findings. */
export function judge(
  operations: readonly Operation[],
  spans: Iterable<EvidenceSpan>,
  logs: Iterable<EvidenceLog> = [],
  options: AuditOptions = {},
  points: Iterable<EvidencePoint> = [],
): Conclusion {
  const run = new AuditRun(operations, options);
  for (const span of spans) run.span(span);
  for (const log of logs) run.log(log);
  for (const point of points) run.point(point);
  return run.conclude();
}

/**
 * Takes evidence as it comes and keeps only what findings are made of, each part within its own bounds: no evidence is
 * too large. Evidence is read here, and told to whom it concerns.
 */
export class AuditRun {
  readonly #options: AuditOptions;
  readonly #found = new Found();
  readonly #handshakes = new KnownHandshakes();
  readonly #requests: JudgedRequests;
  readonly #classes: FailureClasses;
  readonly #metrics: MetricCounts;
  readonly #trail: FailureTrail;
  readonly #exposures: Exposures;

  readonly #taken = { spans: 0, logs: 0, points: 0, handshakes: 0, failedHandshakes: 0 };
  /** Of spans and log records. */
  readonly #time = new TimeSpan();

  constructor(operations: readonly Operation[], options: AuditOptions = {}) {
    this.#options = options;
    this.#requests = new JudgedRequests(operations, this.#handshakes, this.#found);
    this.#classes = new FailureClasses(options.rules);
    this.#metrics = new MetricCounts(this.#classes, this.#found);
    this.#trail = new FailureTrail(this.#handshakes, this.#classes, this.#metrics, this.#found);
    this.#exposures = new Exposures(options.privacy, this.#found);
  }

  span(span: EvidenceSpan): void {
    if (!this.#isWanted(span.resource, span.ended)) return;
    this.#taken.spans++;
    this.#saw(span.ended);
    this.#exposures.attributes(span.attributes, span.ended, span, span.name);
    for (const event of span.events) this.#exposures.attributes(event.attributes, span.ended, span, event.name);
    const handshake = seenHandshake(span);
    const request = handshake ? undefined : seenRequest(span);
    if (handshake) this.#handshake(handshake);
    else if (request) this.#requests.request(request);
    else this.#trail.otherSpan(span);
  }

  log(log: EvidenceLog): void {
    const { resource, at, eventName, attributes } = log;
    if (!this.#isWanted(resource, at)) return;
    this.#taken.logs++;
    this.#saw(at);
    this.#exposures.attributes(attributes, at, log, eventName || 'log record');
    const example = plainExample(log, eventName, textsOf(attributes, SHOWN_OF_LOGS));
    if ((log.dropped ?? 0) > 0 && eventName.startsWith('tls.'))
      this.#found.add('telemetry-cut', example.name, at, example);
    const loss = lossInLog(log);
    if (loss) this.#found.add('telemetry-lost', loss.subject, at, plainExample(log, loss.subject), loss.count);
    switch (eventName) {
      case 'tls.handshake.failed':
      case 'tls.client_certificate.rejected':
        this.#requests.refusal(log);
        this.#trail.log(log, example);
        break;
      case 'tls.forwarded_certificate.spoof_suspected':
        this.#requests.spoofed(log, example);
        break;
      case 'tls.abuse.detected': {
        const pattern = textOf(attributes, 'tls.abuse.pattern');
        if (pattern !== undefined) this.#classes.seen({ service: serviceOf(resource), pattern }, at, example);
        break;
      }
      case 'tls.telemetry.suppressed': {
        const { what, count } = suppressedIn(attributes);
        this.#metrics.saidSuppressed(serviceOf(resource), what === 'handshakes' ? count : 0);
        this.#found.add('failures-suppressed', what, at, example, count);
        break;
      }
    }
  }

  point(point: EvidencePoint): void {
    if (!this.#isWanted(point.resource, point.at)) return;
    this.#taken.points++;
    this.#metrics.point(point);
  }

  /** May be asked once: what waited is judged now. `others`: what was found otherwise than in the evidence alone. */
  conclude(others: readonly Finding[] = []): Conclusion {
    this.#requests.judgeRest();
    this.#trail.conclude();
    // What nothing but metrics tells of is known only now.
    this.#metrics.conclude(this.#time.first);

    const findings = [
      ...others,
      ...this.#requests.findings(),
      ...this.#found.findings(),
      ...this.#exposures.findings(),
      ...this.#requests.unknown.findings(),
      ...this.#classes.findings(),
    ].sort(worstFirst);
    const found = new Set(findings.map(({ rule }) => rule));
    const operations = this.#requests.audited();
    const doubted = new Set(
      findings.filter(({ rule }) => FINDINGS[rule as FindingId].breaksTrail).map(f => f.operation),
    );
    const { spans, logs, points, handshakes, failedHandshakes } = this.#taken;
    return {
      operations,
      findings,
      rules: EVERY_ID.filter(id => found.has(id)).map(ruleOf),
      proven: operations.filter(o => o.protection !== 'none' && o.requests > 0 && !doubted.has(o.name)).length,
      seen: {
        spans,
        logs,
        requests: this.#requests.count,
        foreignRequests: this.#requests.unknown.foreign,
        handshakes,
        failedHandshakes,
        ...(!this.#time.isEmpty && this.#time.texts),
      },
      notes: this.#notes(),
      taken: spans + logs + points,
    };
  }

  #isWanted(resource: EvidenceAttributes, at: number): boolean {
    const { service, since } = this.#options;
    if (service !== undefined && serviceOf(resource) !== service) return false;
    return !(since !== undefined && at < since);
  }

  /** Zero: whoever sent it did not say when. */
  #saw(at: number): void {
    if (at > 0) this.#time.add(at);
  }

  #handshake(handshake: SeenHandshake): void {
    const { at, example } = handshake;
    this.#taken.handshakes++;
    if (handshake.hasFailed) {
      this.#taken.failedHandshakes++;
      this.#trail.handshake(handshake);
    } else this.#handshakes.add(handshake);
    if (handshake.isCut) this.#found.add('telemetry-cut', example.name, at, example);
    for (const [id, row] of HANDSHAKE_ROWS)
      if (row.judge(handshake) === 'found') this.#found.add(id, row.subject(handshake), at, example);
  }

  #notes(): string[] {
    const { spans, handshakes } = this.#taken;
    const { forgotten } = this.#handshakes;
    const { count: requests, unjudged, unknown } = this.#requests;
    const records = this.#requests.leftOut + this.#trail.leftOut + this.#metrics.leftOut;
    const subjects = this.#found.leftOut + unknown.leftOut + this.#classes.leftOut;
    return [
      spans > 0 &&
        requests + handshakes === 0 &&
        `not one of the ${spans} spans is a request that a server received, or a handshake`,
      forgotten > 0 &&
        `${forgotten} handshakes over the first ${MOST_HANDSHAKES} were not remembered: requests were not asked whether theirs is in the evidence`,
      unjudged > 0 &&
        `${unjudged} requests were not judged: too many waited for their handshake, which did not come before them`,
      records > 0 && `${records} records of failures could not be held against the spans: there are too many`,
      subjects > 0 && `${subjects} more were left out, of findings about more than ${MOST_SUBJECTS} subjects`,
      unknown.preflights > 0 &&
        `${unknown.preflights} OPTIONS requests that are not described were taken for preflights`,
    ].filter(note => note !== false);
  }
}

const EVERY_ID = Object.keys(FINDINGS) as FindingId[];
const HANDSHAKE_ROWS = Object.entries<FindingRow>(FINDINGS).filter(
  (entry): entry is [FindingId, HandshakeRow] => entry[1].about === 'handshake',
);

/** Of equal severity: in the table's order. */
function worstFirst(one: Finding, other: Finding): number {
  return (
    SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity) ||
    EVERY_ID.indexOf(one.rule as FindingId) - EVERY_ID.indexOf(other.rule as FindingId)
  );
}

const SHOWN_OF_LOGS = [
  'error.type',
  'tls.client.subject',
  'network.peer.address',
  'http.route',
  'tls.forwarded.suspicion',
];

/** What flood control says that it left unsaid. */
function suppressedIn(attributes: EvidenceAttributes): { readonly what: string; readonly count: number } {
  for (const what of ['handshakes', 'requests']) {
    const count = attributes[`tls.suppressed.${what}`];
    if (typeof count === 'number' && count > 0) return { what, count: Math.round(count) };
  }
  return { what: 'handshakes', count: 1 };
}
