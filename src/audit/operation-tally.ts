import {
  type Answer,
  type AuditedOperation,
  type ExampleSpan,
  type Finding,
  QUESTIONS,
  type Question,
} from './audit-result';
import { Count, TimeSpan } from './counts';
import { FINDINGS, type FindingId, type FindingRow, type JudgedRequest, type RequestRow } from './findings';
import { countedText, findingOf } from './found';
import type { Operation } from './operations';

const REQUEST_ROWS = Object.entries<FindingRow>(FINDINGS).filter(
  (entry): entry is [FindingId, RequestRow] => entry[1].about === 'request',
);

/** One operation: its requests, and what was found of them. */
export class OperationTally {
  readonly #operation: Operation;
  #requests = 0;
  readonly #seen = new TimeSpan();
  readonly #found = new Map<FindingId, Count>();
  readonly #answers = new Map<Question, { yes: number; no: number }>();

  constructor(operation: Operation) {
    this.#operation = operation;
  }

  /** `isForgetful`: handshakes had to be forgotten, and one that is not here may have been among them. */
  judge(of: Omit<JudgedRequest, 'operation'>, isForgetful: boolean): void {
    const { request } = of;
    const isProtected = this.#operation.protection !== 'none';
    this.#requests++;
    this.#seen.add(request.at);
    if (request.suspicion === undefined && !isProtected) return;
    const judged: JudgedRequest = { ...of, operation: this.#operation };
    const answers: { [question in Question]?: boolean } = {};
    for (const [id, row] of REQUEST_ROWS) {
      if (!isProtected && id !== 'forwarded-certificate-spoofed') continue;
      if (id === 'handshake-not-in-evidence' && isForgetful) continue;
      const verdict = row.judge(judged);
      if (verdict === 'not asked') continue;
      this.#count(id, verdict === 'found', request.at, request.example);
      if (row.leavesOpen) answers[row.leavesOpen] = (answers[row.leavesOpen] ?? true) && verdict === 'fine';
    }
    this.#answered(answers);
  }

  /** Of a request that a log record tells of. */
  found(id: FindingId, at: number, example: ExampleSpan): void {
    this.#count(id, true, at, example);
  }

  findings(): readonly Finding[] {
    const operation = this.#operation;
    const findings: Finding[] = [];
    if (this.#requests === 0 && operation.protection !== 'none')
      findings.push(findingOf('operation-never-seen', 'in no span of the evidence', { operation }));
    for (const [id] of REQUEST_ROWS) {
      const count = this.#found.get(id);
      if (count !== undefined && count.count > 0)
        findings.push(findingOf(id, countedText(id, count, 'request'), { operation, count }));
    }
    return findings;
  }

  audited(): AuditedOperation {
    const { servers: _, ...operation } = this.#operation;
    const isSeen = this.#requests > 0;
    const questions = Object.keys(QUESTIONS) as Question[];
    return {
      ...operation,
      requests: this.#requests,
      ...(isSeen && this.#seen.texts),
      ...(isSeen &&
        operation.protection !== 'none' && {
          answers: Object.fromEntries(
            questions.map(question => [question, this.#answers.get(question) ?? { yes: 0, no: 0 }]),
          ) as { readonly [question in Question]: Answer },
        }),
    };
  }

  #count(id: FindingId, isFound: boolean, at: number, example: ExampleSpan): void {
    let count = this.#found.get(id);
    if (count === undefined) {
      count = new Count();
      this.#found.set(id, count);
    }
    count.asked++;
    if (isFound) count.add(at, example);
  }

  #answered(answers: { readonly [question in Question]?: boolean }): void {
    for (const [question, isAnswered] of Object.entries(answers) as [Question, boolean][]) {
      const answer = this.#answers.get(question) ?? { yes: 0, no: 0 };
      answer[isAnswered ? 'yes' : 'no']++;
      this.#answers.set(question, answer);
    }
  }
}
