import { createHash } from 'node:crypto';
import type { ExampleSpan, Finding, Rule } from './audit-result';
import { type Count, Counts } from './counts';
import { FINDINGS, type FindingId, type FindingRow } from './findings';
import type { Operation } from './operations';

/** What is found of no operation, counted by what it is found of. */
export class Found {
  readonly #counts = new Map<FindingId, Counts>();

  add(id: FindingId, subject: string, at: number, example: ExampleSpan, times = 1): void {
    let counts = this.#counts.get(id);
    if (counts === undefined) {
      counts = new Counts();
      this.#counts.set(id, counts);
    }
    counts.add(subject, at, example, times);
  }

  findings(): readonly Finding[] {
    return [...this.#counts].flatMap(([id, counts]) => findingsOf(id, counts, NOUNS[id] ?? 'handshake'));
  }

  /** How often something was found of one subject too many. */
  get leftOut(): number {
    return [...this.#counts.values()].reduce((sum, counts) => sum + counts.leftOut, 0);
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

/** One for each subject. */
export function findingsOf(id: FindingId, counts: Counts, noun: string): readonly Finding[] {
  return [...counts].map(([subject, count]) => findingOf(id, countedText(id, count, noun), { subject, count }));
}

/** `3 of 7 requests succeeded without a certificate`. */
export function countedText(id: FindingId, count: Count, noun: string): string {
  return `${count.of(noun)} ${FINDINGS[id].seen}`;
}

export function findingOf(
  id: FindingId,
  message: string,
  of: { readonly operation?: Operation; readonly subject?: string; readonly count?: Count },
): Finding {
  const { operation, subject, count } = of;
  return {
    ...ofRule(id, operation?.name ?? subject ?? ''),
    ...(operation && { operation: operation.name, location: operation.location }),
    ...(subject !== undefined && { subject }),
    message,
    ...(count && { occurrences: count.occurrences }),
  };
}

/** What a finding has of its rule, and by what the next run knows it again: the rule and what it is about. */
export function ofRule(id: FindingId, about: string): Pick<Finding, 'rule' | 'severity' | 'fingerprint'> {
  const fingerprint = createHash('sha256').update(`${id}\n${about}`).digest('hex').slice(0, 16);
  return { rule: id, severity: FINDINGS[id].severity, fingerprint };
}

/** The rule as reports show it. */
export function ruleOf(id: FindingId): Rule {
  const { title, severity, help, restsOn, remediation, references } = FINDINGS[id] as FindingRow;
  return { id, title, severity, help, restsOn, remediation, references };
}
