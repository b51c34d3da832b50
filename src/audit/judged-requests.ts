import type { AuditedOperation, ExampleSpan, Finding } from './audit-result';
import { BoundedSet } from './bounded-collections';
import { type EvidenceLog, type SeenRequest, targetOfLog } from './evidence';
import type { Found } from './found';
import { type KnownHandshakes, MOST_HANDSHAKES } from './known-handshakes';
import { OperationTally } from './operation-tally';
import type { Operation } from './operations';
import { createMatcher, type Matcher } from './path-templates';
import { targetText, UnknownOperations } from './unknown-operations';

/** Requests whose handshake has not come yet. */
const MOST_WAITING = 50_000;

/** Requests: each is judged once its handshake is there, else at the end. */
export class JudgedRequests {
  readonly #found: Found;
  readonly #handshakes: KnownHandshakes;
  readonly #matcher: Matcher;
  /** In the description's order. */
  readonly #tallies: ReadonlyMap<Operation, OperationTally>;
  readonly #unknown: UnknownOperations;
  /** Spans of requests of which a log record says that they were refused. */
  readonly #refusals = new BoundedSet(MOST_HANDSHAKES);
  readonly #waiting: { readonly request: SeenRequest; readonly operation: Operation }[] = [];
  #requests = 0;
  #unjudged = 0;

  constructor(operations: readonly Operation[], handshakes: KnownHandshakes, found: Found) {
    this.#found = found;
    this.#handshakes = handshakes;
    this.#matcher = createMatcher(operations);
    this.#tallies = new Map(operations.map(operation => [operation, new OperationTally(operation)]));
    this.#unknown = new UnknownOperations(found);
  }

  request(request: SeenRequest): void {
    this.#requests++;
    const operation = this.#matcher.match(request.target);
    if (operation === undefined) {
      this.#unknown.request(request);
      return;
    }
    this.#unknown.isOfApi(request.service);
    const isHere = request.connection === undefined || this.#handshakes.has(request.connection);
    // Its handshake, or a record of its refusal, may come later: other files, other batches.
    if (isHere && request.status !== 401 && request.status !== 403) this.#judge(request, operation);
    else if (this.#waiting.length < MOST_WAITING)
      this.#waiting.push({ request: { ...request, example: { ...request.example } }, operation });
    else this.#unjudged++;
  }

  /** A log record tells of a refusal. */
  refusal(log: EvidenceLog): void {
    if (log.spanId !== '' && targetOfLog(log) !== undefined) this.#refusals.add(log.spanId);
  }

  /** A log record tells of a certificate in a header that must not be believed. */
  spoofed(log: EvidenceLog, example: ExampleSpan): void {
    // With a span it is an event of that span too.
    if (log.spanId !== '' && log.sampled) return;
    const target = targetOfLog(log);
    const operation = target && this.#matcher.match(target);
    if (operation) this.#tallies.get(operation)!.found('forwarded-certificate-spoofed', log.at, example);
    else this.#found.add('forwarded-certificate-spoofed', target ? targetText(target) : 'unknown', log.at, example);
  }

  /** What waited is judged now. */
  judgeRest(): void {
    for (const { request, operation } of this.#waiting) this.#judge(request, operation);
    this.#waiting.length = 0;
  }

  /** Of operations that are described. */
  findings(): readonly Finding[] {
    return [...this.#tallies.values()].flatMap(tally => tally.findings());
  }

  audited(): readonly AuditedOperation[] {
    return [...this.#tallies.values()].map(tally => tally.audited());
  }

  get unknown(): Pick<UnknownOperations, 'findings' | 'foreign' | 'preflights' | 'leftOut'> {
    return this.#unknown;
  }

  get count(): number {
    return this.#requests;
  }

  /** How many could not wait for their handshake. */
  get unjudged(): number {
    return this.#unjudged;
  }

  /** How many records of refusals, and names of services, there was no room for. */
  get leftOut(): number {
    return this.#refusals.leftOut + this.#unknown.servicesLeftOut;
  }

  #judge(request: SeenRequest, operation: Operation): void {
    const { connection, example } = request;
    const handshake = connection === undefined ? undefined : this.#handshakes.get(connection);
    const hasRefusalRecord = this.#refusals.has(example.spanId);
    this.#tallies.get(operation)!.judge({ request, handshake, hasRefusalRecord }, this.#handshakes.forgotten > 0);
  }
}
