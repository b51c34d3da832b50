import { createHash } from 'node:crypto';
import { PATTERNS } from '../patterns/patterns';
import { type FailureClass, GRAVE_REASONS, isWatched, type PrometheusRules } from './alert-rules';
import {
  type Answer,
  type AuditedOperation,
  type EvidenceRead,
  type ExampleSpan,
  type Finding,
  type Occurrences,
  QUESTIONS,
  type Question,
  type Rule,
  SEVERITIES,
} from './audit-result';
import {
  countedFailure,
  type EvidenceAttributes,
  type EvidenceLog,
  type EvidencePoint,
  type EvidenceSpan,
  isUnexplainedHangup,
  leakIn,
  plainExample,
  type SeenHandshake,
  type SeenRequest,
  seenHandshake,
  seenRequest,
  serviceOf,
  targetOfLog,
  textOf,
} from './evidence';
import {
  FINDINGS,
  type FindingId,
  type FindingRow,
  type HandshakeRow,
  type JudgedRequest,
  type KnownHandshake,
  type RequestRow,
} from './findings';
import { lossIn, lossInLog } from './losses';
import type { Operation } from './operations';
import { createMatcher, type Matcher, type RequestTarget } from './path-templates';
import { exposuresIn, namingIn, type PrivacyPolicy } from './privacy';

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

// What a run remembers has bounds, so that no evidence is too large for it. Each of these is some 100 bytes.
/** Handshakes by their id, until requests come that name them. */
const MOST_HANDSHAKES = 400_000;
/** Requests whose handshake has not come yet. */
const MOST_WAITING = 50_000;
/** Span ids of log records, and of lost connections, that may yet be explained. */
const MOST_UNEXPLAINED = 100_000;
/** Targets of no operation, and certificates near their end. */
const MOST_SUBJECTS = 500;
const MOST_SERIES = 10_000;
const MOST_TRACES = 5;
/** Clocks, and the time between the start of a process and its first handshake. */
const SLACK_MS = 3_600_000;

const EVERY_ROW = Object.entries<FindingRow>(FINDINGS) as [FindingId, FindingRow][];
const REQUEST_ROWS = EVERY_ROW.filter((entry): entry is [FindingId, RequestRow] => entry[1].about === 'request');
const HANDSHAKE_ROWS = EVERY_ROW.filter((entry): entry is [FindingId, HandshakeRow] => entry[1].about === 'handshake');

/** Takes evidence as it comes and keeps only what findings are made of. */
export class AuditRun {
  readonly #operations: readonly Operation[];
  readonly #options: AuditOptions;
  readonly #matcher: Matcher;
  readonly #tallies = new Map<Operation, OperationTally>();
  readonly #whole = new Map<FindingId, Map<string, Count>>();

  readonly #handshakes = new Map<string, KnownHandshake>();
  /** The same facts come again and again: kept once. */
  readonly #facts = new Map<string, KnownHandshake>();
  readonly #failedHandshakes = new Set<string>();
  readonly #waiting: { readonly request: SeenRequest; readonly operation: Operation }[] = [];
  readonly #unmatched = new Map<string, Map<string, Count>>();
  readonly #servicesOfApi = new Set<string>();
  /** Failures of which a log record told, by the span they happened in. */
  readonly #toldByLog = new Map<string, Unexplained>();
  readonly #refusalRecords = new Set<string>();
  readonly #hangups = new Map<string, Unexplained>();
  readonly #failedParents = new Set<string>();

  /** By series: its count at its first point and at its last. */
  readonly #series = new Map<string, Series>();
  /** What an alert ought to ring for, by its subject and service, each as often as whoever knows of most of it says. */
  readonly #classes = new Map<string, SeenClass>();
  /** Services in which somebody is named by a pseudonym; and which attributes name somebody openly. */
  readonly #pseudonymous = new Set<string>();
  readonly #clear = new Map<string, Map<string, Count>>();
  /** Failed handshakes with a span, by service, side and reason; and those with a log record alone, by service and reason. */
  readonly #failures = new Map<string, number>();
  readonly #recordedAlone = new Map<string, number>();
  /** Failed handshakes that flood control left unsaid, by service. */
  readonly #suppressed = new Map<string, number>();

  #spans = 0;
  #logs = 0;
  #points = 0;
  #requests = 0;
  #seenHandshakes = 0;
  #seenFailures = 0;
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;
  readonly #dropped = { handshakes: 0, requests: 0, records: 0, subjects: 0 };
  #preflights = 0;

  constructor(operations: readonly Operation[], options: AuditOptions = {}) {
    this.#operations = operations;
    this.#options = options;
    this.#matcher = createMatcher(operations);
    for (const operation of operations) this.#tallies.set(operation, new OperationTally());
  }

  span(span: EvidenceSpan): void {
    if (!this.#isWanted(span.resource, span.ended)) return;
    this.#spans++;
    this.#betrayals(span.attributes, span.ended, span, span.name);
    for (const event of span.events) this.#betrayals(event.attributes, span.ended, span, event.name);
    const handshake = seenHandshake(span);
    const request = handshake ? undefined : seenRequest(span);
    if (handshake) this.#handshake(handshake);
    else if (request) this.#request(request);
    else if (isUnexplainedHangup(span) && !this.#failedParents.has(span.spanId) && this.#hasRoom(this.#hangups))
      this.#hangups.set(span.spanId, {
        at: span.ended,
        traceId: span.traceId,
        service: serviceOf(span.resource),
        what: span.name.slice(0, 20),
      });
  }

  log(log: EvidenceLog): void {
    if (!this.#isWanted(log.resource, log.at)) return;
    this.#logs++;
    this.#betrayals(log.attributes, log.at, log, log.eventName || 'log record');
    const example = plainExample(log, log.eventName, examplesOf(log));
    if ((log.dropped ?? 0) > 0 && log.eventName.startsWith('tls.'))
      this.#found('telemetry-cut', example.name, log.at, example);
    const loss = lossInLog(log);
    if (loss) this.#found('telemetry-lost', loss.subject, log.at, plainExample(log, loss.subject), loss.count);
    switch (log.eventName) {
      case 'tls.handshake.failed':
      case 'tls.client_certificate.rejected': {
        const target = targetOfLog(log);
        if (target !== undefined && log.spanId !== '') this.#remember(this.#refusalRecords, log.spanId);
        this.#toldFailure(log, example);
        break;
      }
      case 'tls.forwarded_certificate.spoof_suspected':
        // With a span it is an event of that span too.
        if (log.spanId === '' || !log.sampled) this.#spoofed(log, example);
        break;
      case 'tls.abuse.detected': {
        const pattern = textOf(log.attributes, 'tls.abuse.pattern');
        if (pattern !== undefined) this.#classSeen({ service: serviceOf(log.resource), pattern }, log.at, example);
        break;
      }
      case 'tls.telemetry.suppressed': {
        const [what, count] = suppressedIn(log.attributes);
        this.#add(this.#suppressed, serviceOf(log.resource), 0);
        if (what === 'handshakes') this.#add(this.#suppressed, serviceOf(log.resource), count);
        this.#found('failures-suppressed', what, log.at, example, count);
        break;
      }
    }
  }

  point(point: EvidencePoint): void {
    const { resource, name, attributes, count, isCumulative, started, at } = point;
    const { service, since } = this.#options;
    if ((service !== undefined && serviceOf(resource) !== service) || (since !== undefined && at < since)) return;
    this.#points++;
    const subject = subjectOf(point);
    if (subject === undefined) return;
    // What one instrument counts apart, such as versions of TLS, is counted apart here too. Digested: anything may be in it.
    const instance = [resource['service.instance.id'], resource['process.pid']];
    const about = [serviceOf(resource), instance, name, Object.entries(attributes).sort(), isCumulative && started];
    const key = createHash('sha256').update(JSON.stringify(about)).digest('base64');
    const series = this.#series.get(key);
    if (series === undefined && this.#series.size >= MOST_SERIES) this.#dropped.records++;
    else if (series === undefined) {
      const { example, service } = pointExample(point);
      this.#series.set(key, { subject, example, service, isCumulative, started, at, first: count, last: count });
    } else if (isCumulative) {
      series.first = Math.min(series.first, count);
      series.last = Math.max(series.last, count);
    } else series.last += count;
  }

  /** May be asked once: what waited is judged now. `others`: what was found otherwise than in the evidence alone. */
  conclude(others: readonly Finding[] = []): Conclusion {
    for (const { request, operation } of this.#waiting) this.#judge(request, operation);
    this.#waiting.length = 0;
    this.#explainRest();
    this.#nameRest();

    const findings: Finding[] = [...others];
    const operations = this.#operations.map(operation => {
      const tally = this.#tallies.get(operation)!;
      if (tally.requests === 0 && operation.protection !== 'none')
        findings.push(findingOf('operation-never-seen', 'in no span of the evidence', { operation }));
      for (const [id, row] of REQUEST_ROWS) {
        const count = tally.found.get(id);
        if (count !== undefined && count.count > 0)
          findings.push(findingOf(id, `${ofThem(count, 'request')} ${row.seen}`, { operation, count }));
      }
      return tally.audited(operation);
    });
    for (const [id, subjects] of this.#whole) {
      for (const [subject, count] of subjects) {
        const message = `${ofThem(count, NOUNS[id] ?? 'handshake')} ${FINDINGS[id].seen}`;
        findings.push(findingOf(id, message, { subject, count }));
      }
    }
    const foreign = this.#shadows(findings);
    if (this.#options.rules) this.#unwatched(findings, this.#options.rules);

    const order = EVERY_ROW.map(([id]) => id as string);
    findings.sort(
      (one, other) =>
        SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity) ||
        order.indexOf(one.rule) - order.indexOf(other.rule),
    );
    const doubted = new Set(
      findings.filter(({ rule }) => FINDINGS[rule as FindingId].breaksTrail).map(f => f.operation),
    );
    const found = new Set(findings.map(({ rule }) => rule));
    return {
      operations,
      findings,
      rules: EVERY_ROW.filter(([id]) => found.has(id)).map(([id]) => ruleOf(id)),
      proven: operations.filter(o => o.protection !== 'none' && o.requests > 0 && !doubted.has(o.name)).length,
      seen: {
        spans: this.#spans,
        logs: this.#logs,
        requests: this.#requests,
        foreignRequests: foreign,
        handshakes: this.#seenHandshakes,
        failedHandshakes: this.#seenFailures,
        ...(this.#first <= this.#last && { firstSeen: timeText(this.#first), lastSeen: timeText(this.#last) }),
      },
      notes: this.#notes(),
      taken: this.#spans + this.#logs + this.#points,
    };
  }

  #isWanted(resource: EvidenceAttributes, at: number): boolean {
    const { service, since } = this.#options;
    if (service !== undefined && serviceOf(resource) !== service) return false;
    if (since !== undefined && at < since) return false;
    if (at > 0) {
      this.#first = Math.min(this.#first, at);
      this.#last = Math.max(this.#last, at);
    }
    return true;
  }

  #handshake(handshake: SeenHandshake): void {
    this.#seenHandshakes++;
    if (handshake.hasFailed) {
      this.#seenFailures++;
      const reason = handshake.reason ?? '_OTHER';
      const service = handshake.example.service ?? '';
      this.#classSeen({ service, side: handshake.side, reason }, handshake.at, handshake.example);
      this.#add(this.#failures, `${service}\n${handshake.side} ${reason}`);
      this.#remember(this.#failedHandshakes, handshake.spanId);
      this.#toldByLog.delete(handshake.spanId);
      if (handshake.side === 'client' && handshake.parentSpanId !== '') {
        this.#remember(this.#failedParents, handshake.parentSpanId);
        this.#hangups.delete(handshake.parentSpanId);
      }
    } else if (this.#handshakes.size < MOST_HANDSHAKES)
      this.#handshakes.set(handshake.spanId, this.#factsOf(handshake));
    else this.#dropped.handshakes++;
    if (handshake.isCut) this.#found('telemetry-cut', handshake.example.name, handshake.at, handshake.example);
    for (const [id, row] of HANDSHAKE_ROWS) {
      const verdict = row.judge(handshake);
      if (verdict === 'found') this.#found(id, row.subject(handshake), handshake.at, handshake.example);
    }
  }

  #request(request: SeenRequest): void {
    this.#requests++;
    const operation = this.#matcher.match(request.target);
    if (operation === undefined) {
      this.#stranger(request);
      return;
    }
    this.#remember(this.#servicesOfApi, request.service);
    const isHere = request.connection === undefined || this.#handshakes.has(request.connection);
    // Its handshake, or a record of its refusal, may come later: other files, other batches.
    if (isHere && request.status !== 401 && request.status !== 403) this.#judge(request, operation);
    else if (this.#waiting.length < MOST_WAITING)
      this.#waiting.push({ request: { ...request, example: { ...request.example } }, operation });
    else this.#dropped.requests++;
  }

  #judge(request: SeenRequest, operation: Operation): void {
    const tally = this.#tallies.get(operation)!;
    tally.saw(request.at);
    if (request.suspicion === undefined && operation.protection === 'none') return;
    const judged: JudgedRequest = {
      request,
      operation,
      handshake: request.connection === undefined ? undefined : this.#handshakes.get(request.connection),
      hasRefusalRecord: this.#refusalRecords.has(request.example.spanId),
    };
    // When handshakes had to be forgotten, one that is not here may have been among them.
    const isForgetful = this.#dropped.handshakes > 0;
    const answers: { [question in Question]?: boolean } = {};
    for (const [id, row] of REQUEST_ROWS) {
      if (operation.protection === 'none' && id !== 'forwarded-certificate-spoofed') continue;
      if (id === 'handshake-not-in-evidence' && isForgetful) continue;
      const verdict = row.judge(judged);
      if (verdict === 'not asked') continue;
      tally.count(id, verdict === 'found', request.at, request.example);
      if (row.leavesOpen) answers[row.leavesOpen] = (answers[row.leavesOpen] ?? true) && verdict === 'fine';
    }
    tally.answered(answers);
  }

  /** A request to no operation that is described. */
  #stranger({ target, status, service, at, example, suspicion }: SeenRequest): void {
    if (suspicion !== undefined) this.#found('forwarded-certificate-spoofed', nameOf(target), at, example);
    // What is not there is in nobody's use; browsers ask before they call.
    if (status === 404 || status === 405) return;
    if (target.method === 'OPTIONS') {
      this.#preflights++;
      return;
    }
    let targets = this.#unmatched.get(service);
    if (targets === undefined) {
      if (this.#unmatched.size >= MOST_SUBJECTS) {
        this.#dropped.subjects++;
        return;
      }
      targets = new Map();
      this.#unmatched.set(service, targets);
    }
    const count = countOf(nameOf(target), targets);
    if (count === undefined) this.#dropped.subjects++;
    else count.add(at, example);
  }

  /** Findings of requests to unknown operations; answers how many are of services that have nothing to do with this API. */
  #shadows(findings: Finding[]): number {
    let foreign = 0;
    for (const [service, targets] of this.#unmatched) {
      for (const [subject, count] of targets) {
        if (this.#servicesOfApi.has(service))
          findings.push(
            findingOf('shadow-operation', `${ofThem(count, 'request')} ${FINDINGS['shadow-operation'].seen}`, {
              subject,
              count,
            }),
          );
        else foreign += count.count;
      }
    }
    return foreign;
  }

  #toldFailure(log: EvidenceLog, example: ExampleSpan): void {
    // A failure is told twice, in general and of the certificate: one is enough.
    if (log.eventName === 'tls.client_certificate.rejected' && targetOfLog(log) === undefined) return;
    if (log.spanId === '') {
      this.#found('failure-sampled-away', reasonOf(log), log.at, example);
      this.#recorded(classOf(log), log.at, example);
    } else if (
      targetOfLog(log) === undefined &&
      !this.#failedHandshakes.has(log.spanId) &&
      this.#hasRoom(this.#toldByLog)
    ) {
      const { at, traceId, resource, spanId } = log;
      const { side } = classOf(log);
      this.#toldByLog.set(spanId, { at, traceId, service: serviceOf(resource), what: reasonOf(log), side });
    }
  }

  #spoofed(log: EvidenceLog, example: ExampleSpan): void {
    const target = targetOfLog(log);
    const operation = target && this.#matcher.match(target);
    if (operation) this.#tallies.get(operation)!.count('forwarded-certificate-spoofed', true, log.at, example);
    else this.#found('forwarded-certificate-spoofed', target ? nameOf(target) : 'unknown', log.at, example);
  }

  #explainRest(): void {
    for (const [spanId, { at, traceId, service, what, side = 'server' }] of this.#toldByLog) {
      if (this.#handshakes.has(spanId)) continue;
      const attributes = { 'error.type': what };
      const example = { traceId, spanId, name: 'tls.handshake.failed', service, attributes };
      this.#found('failure-sampled-away', what, at, example);
      this.#recorded({ service, side, reason: what || '_OTHER' }, at, example);
    }
    for (const [spanId, { at, traceId, service, what }] of this.#hangups)
      this.#found('hangup-without-reason', service, at, { traceId, spanId, name: what, service, attributes: {} });
    this.#toldByLog.clear();
    this.#hangups.clear();
    this.#loseRest();
    this.#countRest();
  }

  /** How many a series counted within the evidence: one that began before it holds some that are not in it. */
  #withinEvidence({ isCumulative, started, first, last }: Series): number {
    const begins = Number.isFinite(this.#first) ? this.#first : started;
    return isCumulative && started < begins - SLACK_MS ? last - first : last;
  }

  /** What was lost on its way, and what flood control kept back without a log record that says so. */
  #loseRest(): void {
    const isSaid = new Set(this.#suppressed.keys());
    for (const series of this.#series.values()) {
      const count = this.#withinEvidence(series);
      const { about, name } = series.subject;
      const { service, at, example } = series;
      if (count <= 0 || about === 'failures') continue;
      if (about === 'loss') this.#found('telemetry-lost', name, at, example, count);
      else if (!isSaid.has(service)) {
        this.#found('failures-suppressed', `${name}s`, at, example, count);
        if (name === 'span') this.#add(this.#suppressed, service, count);
      }
    }
  }

  /** Who is named openly where others are named by pseudonyms. */
  #nameRest(): void {
    if (this.#options.privacy?.identity !== undefined) return;
    for (const service of this.#pseudonymous) {
      for (const [attribute, count] of this.#clear.get(service) ?? [])
        this.#foundCount('personal-data-exported', `${attribute} of ${service || 'an unnamed service'}`, count);
    }
  }

  /** Classes of failures for which no alert rings, seen or not. */
  #unwatched(findings: Finding[], rules: PrometheusRules): void {
    for (const { failure, count } of this.#classes.values()) {
      if (isWatched(failure, rules)) continue;
      const kind = failure.pattern === undefined ? `${failure.side} ${failure.reason}` : `pattern ${failure.pattern}`;
      const subject = failure.service === '' ? kind : `${kind} of ${failure.service}`;
      const noun = failure.pattern === undefined ? 'failure' : 'detection';
      const message = `${ofThem(count, noun)} ${FINDINGS['failure-without-alert'].seen}`;
      findings.push(findingOf('failure-without-alert', message, { subject, count }));
    }
    const seen = new Set([...this.#classes.values()].map(({ failure }) => failure.pattern ?? failure.reason));
    const grave = [
      ...GRAVE_REASONS.map(reason => ({ subject: reason, classes: SIDES.map(side => ({ side, reason })) })),
      ...WATCHED_PATTERNS.map(pattern => ({ subject: `pattern ${pattern}`, classes: [{ pattern }] })),
    ];
    for (const { subject, classes } of grave) {
      const [{ reason, pattern }] = classes as [{ reason?: string; pattern?: string }];
      if (seen.has((pattern ?? reason)!) || classes.some(one => isWatched(one, rules))) continue;
      const message = FINDINGS['grave-failure-without-alert'].seen;
      findings.push(findingOf('grave-failure-without-alert', message, { subject }));
    }
  }

  #classSeen(failure: FailureClass & { readonly service: string }, at: number, example: ExampleSpan, times = 1): void {
    if (this.#options.rules === undefined) return;
    const key = JSON.stringify(failure);
    let known = this.#classes.get(key);
    if (known === undefined) {
      if (this.#classes.size >= MOST_SUBJECTS) {
        this.#dropped.subjects++;
        return;
      }
      known = { failure, count: new Count() };
      this.#classes.set(key, known);
    }
    known.count.add(at, example, times);
  }

  /** What the metrics counted, less what spans and log records told, less what was said to be left unsaid. */
  #countRest(): void {
    const missing = new Map<string, { count: number; readonly kind: string; readonly series: Series }>();
    for (const series of this.#series.values()) {
      const { about, name: kind } = series.subject;
      if (about !== 'failures') continue;
      const key = `${series.service}\n${kind}`;
      const entry = missing.get(key) ?? { count: 0, kind, series };
      entry.count += this.#withinEvidence(series);
      missing.set(key, entry);
    }
    // Of what was suppressed nobody knows for which reason it failed.
    const unsaid = new Map([...this.#suppressed].map(([service, count]) => [service, -count]));
    for (const [key, entry] of missing) {
      const { service } = entry.series;
      const reason = entry.kind.slice('server '.length);
      entry.count -= (this.#failures.get(key) ?? 0) + (this.#recordedAlone.get(`${service}\n${reason}`) ?? 0);
      unsaid.set(service, (unsaid.get(service) ?? 0) + Math.max(0, entry.count));
    }
    for (const { count, kind, series } of missing.values()) {
      if (count <= 0) continue;
      const { service, at, example } = series;
      if (unsaid.get(service)! > 0) this.#found('failures-without-trail', kind, at, example, count);
      const side = kind.startsWith('client ') ? 'client' : 'server';
      this.#classSeen({ service, side, reason: kind.slice(side.length + 1) }, at, example, count);
    }
  }

  /** A failure of which a log record alone tells. */
  #recorded(
    failure: { readonly service: string; readonly side: 'client' | 'server'; readonly reason: string },
    at: number,
    example: ExampleSpan,
  ): void {
    this.#add(this.#recordedAlone, `${failure.service}\n${failure.reason}`);
    this.#classSeen(failure, at, example);
  }

  /** What is counted by a name that came with the evidence: of many names, none is added. */
  #add(counts: Map<string, number>, key: string, times = 1): void {
    if (counts.has(key) || counts.size < MOST_SUBJECTS) counts.set(key, (counts.get(key) ?? 0) + times);
  }

  /** What nobody ought to have sent: keys, whole certificates, names. */
  #betrayals(
    attributes: EvidenceAttributes,
    at: number,
    from: Pick<EvidenceSpan, 'traceId' | 'spanId' | 'resource'>,
    name: string,
  ): void {
    const { privacy } = this.#options;
    const leak = leakIn(attributes);
    if (leak?.what === 'private key') this.#found('private-key-exported', leak.attribute, at, plainExample(from, name));
    else if (leak !== undefined && privacy?.pem !== 'on')
      this.#found('certificate-exported', leak.attribute, at, plainExample(from, name));
    if (privacy !== undefined) {
      for (const [attribute, what] of exposuresIn(attributes, privacy))
        this.#found('personal-data-exported', `${what} in ${attribute}`, at, plainExample(from, name));
    }
    if (privacy?.identity === undefined) this.#named(attributes, at, from, name);
  }

  #named(
    attributes: EvidenceAttributes,
    at: number,
    from: Pick<EvidenceSpan, 'traceId' | 'spanId' | 'resource'>,
    name: string,
  ): void {
    const { pseudonyms, clear } = namingIn(attributes);
    if (!pseudonyms && clear.length === 0) return;
    const service = serviceOf(from.resource);
    if (pseudonyms && this.#pseudonymous.size < MOST_SUBJECTS) this.#pseudonymous.add(service);
    let counts = this.#clear.get(service);
    if (counts === undefined) {
      if (clear.length === 0 || this.#clear.size >= MOST_SUBJECTS) return;
      counts = new Map();
      this.#clear.set(service, counts);
    }
    const example = plainExample(from, name);
    for (const attribute of clear) countOf(attribute, counts)?.add(at, example);
  }

  #found(id: FindingId, subject: string, at: number, example: ExampleSpan, times = 1): void {
    let subjects = this.#whole.get(id);
    if (subjects === undefined) {
      subjects = new Map();
      this.#whole.set(id, subjects);
    }
    const count = countOf(subject, subjects);
    if (count === undefined) this.#dropped.subjects++;
    else count.add(at, example, times);
  }

  /** Found, and counted already. */
  #foundCount(id: FindingId, subject: string, count: Count): void {
    const subjects = this.#whole.get(id) ?? new Map<string, Count>();
    this.#whole.set(id, subjects.set(subject, count));
  }

  #factsOf({ verification, protocol, cipher, peerAddress, certificate }: SeenHandshake): KnownHandshake {
    const { fingerprint, subject } = certificate ?? {};
    const facts = { verification, protocol, cipher, peerAddress, fingerprint, subject };
    const key = Object.values(facts).join('\n');
    const known = this.#facts.get(key);
    if (known) return known;
    if (this.#facts.size >= MOST_UNEXPLAINED) this.#facts.clear();
    this.#facts.set(key, facts);
    return facts;
  }

  #remember(set: Set<string>, id: string): void {
    if (set.size < MOST_HANDSHAKES) set.add(id);
    else this.#dropped.records++;
  }

  #hasRoom(map: ReadonlyMap<string, unknown>): boolean {
    if (map.size < MOST_UNEXPLAINED) return true;
    this.#dropped.records++;
    return false;
  }

  #notes(): string[] {
    const { handshakes, requests, records, subjects } = this.#dropped;
    return [
      this.#spans > 0 &&
        this.#requests + this.#seenHandshakes === 0 &&
        `not one of the ${this.#spans} spans is a request that a server received, or a handshake`,
      handshakes > 0 &&
        `${handshakes} handshakes over the first ${MOST_HANDSHAKES} were not remembered: requests were not asked whether theirs is in the evidence`,
      requests > 0 &&
        `${requests} requests were not judged: too many waited for their handshake, which did not come before them`,
      records > 0 && `${records} records of failures could not be held against the spans: there are too many`,
      subjects > 0 && `${subjects} more were left out, of findings about more than ${MOST_SUBJECTS} subjects`,
      this.#preflights > 0 && `${this.#preflights} OPTIONS requests that are not described were taken for preflights`,
    ].filter(note => note !== false);
  }
}

/** A series of points, and what it counts that matters here. */
interface Series {
  readonly subject: CountedSubject;
  readonly service: string;
  readonly example: ExampleSpan;
  readonly isCumulative: boolean;
  /** Of the first point, as is `at`. */
  readonly started: number;
  readonly at: number;
  first: number;
  last: number;
}

interface CountedSubject {
  readonly about: 'failures' | 'loss' | 'suppression';
  /** `server unknown_ca`; whose loss; `span`. */
  readonly name: string;
}

/** Undefined: it counts what is of no interest here. */
function subjectOf(point: EvidencePoint): CountedSubject | undefined {
  const failure = countedFailure(point);
  if (failure) return { about: 'failures', name: `${failure.side} ${failure.reason}` };
  if (point.name === 'tls.telemetry.suppressed')
    return { about: 'suppression', name: textOf(point.attributes, 'tls.suppressed.what') ?? 'item' };
  const loss = lossIn(point);
  return loss && { about: 'loss', name: loss.subject };
}

interface SeenClass {
  readonly failure: FailureClass;
  readonly count: Count;
}

const SIDES = ['server', 'client'] as const;

/** Those that are looked for without being asked for. */
const WATCHED_PATTERNS = Object.entries<{ readonly onlyWhenNamed?: true }>(PATTERNS)
  .filter(([, { onlyWhenNamed }]) => onlyWhenNamed !== true)
  .map(([name]) => name);

/** A failure that something else may yet tell of; what is needed to tell of it at the end. */
interface Unexplained {
  readonly at: number;
  readonly traceId: string;
  readonly service: string;
  /** Its reason, or the span's name. */
  readonly what: string;
  /** Of a handshake: who we were in it. */
  readonly side?: 'client' | 'server';
}

/** How often something was found, and where to look. */
class Count {
  count = 0;
  /** Requests that were asked, found or not; 0: it is only ever found. */
  asked = 0;
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;
  readonly #traces = new Set<string>();
  #example: ExampleSpan | undefined;

  add(at: number, example: ExampleSpan, times = 1): void {
    this.count += times;
    this.#first = Math.min(this.#first, at);
    this.#last = Math.max(this.#last, at);
    if (this.#traces.size < MOST_TRACES && example.traceId !== '') this.#traces.add(example.traceId);
    // Copied, attributes and all: what it was made from is large.
    this.#example ??= { ...example };
  }

  get occurrences(): Occurrences {
    return {
      count: this.count,
      ...(this.asked > 0 && { of: this.asked }),
      firstSeen: timeText(this.#first),
      lastSeen: timeText(this.#last),
      traceIds: [...this.#traces],
      example: this.#example!,
    };
  }
}

class OperationTally {
  requests = 0;
  readonly found = new Map<FindingId, Count>();
  readonly #answers = new Map<Question, { yes: number; no: number }>();
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  saw(at: number): void {
    this.requests++;
    this.#first = Math.min(this.#first, at);
    this.#last = Math.max(this.#last, at);
  }

  count(id: FindingId, isFound: boolean, at: number, example: ExampleSpan): void {
    let count = this.found.get(id);
    if (count === undefined) {
      count = new Count();
      this.found.set(id, count);
    }
    count.asked++;
    if (isFound) count.add(at, example);
  }

  answered(answers: { readonly [question in Question]?: boolean }): void {
    for (const [question, isAnswered] of Object.entries(answers) as [Question, boolean][]) {
      const answer = this.#answers.get(question) ?? { yes: 0, no: 0 };
      answer[isAnswered ? 'yes' : 'no']++;
      this.#answers.set(question, answer);
    }
  }

  audited({ servers: _, ...operation }: Operation): AuditedOperation {
    const isAsked = this.requests > 0 && operation.protection !== 'none';
    const questions = Object.keys(QUESTIONS) as Question[];
    return {
      ...operation,
      requests: this.requests,
      ...(this.requests > 0 && { firstSeen: timeText(this.#first), lastSeen: timeText(this.#last) }),
      ...(isAsked && {
        answers: Object.fromEntries(
          questions.map(question => [question, this.#answers.get(question) ?? { yes: 0, no: 0 }]),
        ) as { readonly [question in Question]: Answer },
      }),
    };
  }
}

/** What is counted of findings that are not about requests or handshakes. */
const NOUNS: { readonly [id in FindingId]?: string } = {
  'private-key-exported': 'record',
  'certificate-exported': 'record',
  'failure-sampled-away': 'log record',
  'failures-suppressed': 'failure',
  'failures-without-trail': 'failure',
  'hangup-without-reason': 'request',
  'forwarded-certificate-spoofed': 'request',
  'personal-data-exported': 'record',
  'telemetry-lost': 'record',
  'telemetry-cut': 'record',
};

function findingOf(
  id: FindingId,
  message: string,
  of: { readonly operation?: Operation; readonly subject?: string; readonly count?: Count },
): Finding {
  const { operation, subject, count } = of;
  const about = operation?.name ?? subject ?? '';
  return {
    rule: id,
    severity: FINDINGS[id].severity,
    fingerprint: createHash('sha256').update(`${id}\n${about}`).digest('hex').slice(0, 16),
    ...(operation && { operation: operation.name, location: operation.location }),
    ...(subject !== undefined && { subject }),
    message,
    ...(count && { occurrences: count.occurrences }),
  };
}

/** The rule as reports show it. */
export function ruleOf(id: FindingId): Rule {
  const { title, severity, help, restsOn, remediation, references } = FINDINGS[id] as FindingRow;
  return { id, title, severity, help, restsOn, remediation, references };
}

/** `3 of 7 requests`, `1 handshake`. */
function ofThem({ count, asked }: Count, noun: string): string {
  return asked > 0 ? `${count} of ${asked} ${noun}s` : `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Undefined: there are too many subjects already. */
function countOf(subject: string, subjects: Map<string, Count>): Count | undefined {
  const known = subjects.get(subject);
  if (known !== undefined || subjects.size >= MOST_SUBJECTS) return known;
  const count = new Count();
  subjects.set(subject, count);
  return count;
}

/** `POST /internal/{}`: the route, else the path with what looks like an identifier left open. */
function nameOf({ method, route, path }: RequestTarget): string {
  const target = route ?? path?.split('/').map(withoutIdentifier).join('/') ?? 'an unknown path';
  return `${method} ${target}`.slice(0, 200);
}

function withoutIdentifier(segment: string): string {
  return /^(?:\d+|[0-9a-f]{8,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.test(segment) ? '{}' : segment;
}

/** A record does not say who we were; but whose certificate it tells of, says it. */
function classOf(log: EvidenceLog) {
  const isClient = Object.keys(log.attributes).some(name => name.startsWith('tls.server.'));
  const side: 'client' | 'server' = isClient ? 'client' : 'server';
  return { service: serviceOf(log.resource), side, reason: reasonOf(log) || '_OTHER' };
}

function reasonOf({ attributes }: EvidenceLog): string {
  return textOf(attributes, 'error.type') ?? '';
}

/** A point as an example, though it is no span. Copied: what it was read from is large. */
function pointExample({ resource, name, attributes }: EvidencePoint): { example: ExampleSpan; service: string } {
  const shown: { [name: string]: string } = {};
  for (const attribute of SHOWN_OF_POINTS) {
    const text = textOf(attributes, attribute);
    if (text !== undefined) shown[attribute] = text;
  }
  const example = plainExample({ traceId: '', spanId: '', resource }, name, shown);
  return { example, service: serviceOf(resource) };
}

const SHOWN_OF_POINTS = [
  'tls.handshake.outcome',
  'error.type',
  'tls.protocol.version',
  'tls.suppressed.what',
  'tls.suppressed.why',
  'exporter',
  'receiver',
  'processor',
  'otel.component.name',
];

/** What a log record's example shows. */
function examplesOf({ attributes }: EvidenceLog): ExampleSpan['attributes'] {
  const shown: { [name: string]: string } = {};
  for (const name of [
    'error.type',
    'tls.client.subject',
    'network.peer.address',
    'http.route',
    'tls.forwarded.suspicion',
  ]) {
    const text = textOf(attributes, name);
    if (text !== undefined) shown[name] = text;
  }
  return shown;
}

function suppressedIn(attributes: EvidenceAttributes): [string, number] {
  for (const what of ['handshakes', 'requests']) {
    const count = attributes[`tls.suppressed.${what}`];
    if (typeof count === 'number' && count > 0) return [what, Math.round(count)];
  }
  return ['handshakes', 1];
}

/** A stranger's clock may say anything. */
function timeText(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? new Date(0).toISOString() : date.toISOString();
}
