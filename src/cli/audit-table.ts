import type {
  AlertsRead,
  AuditedOperation,
  AuditResult,
  Finding,
  Location,
  ProbeReport,
  Rule,
  Severity,
} from '../audit/audit-result';
import { probeSummaries } from '../audit/probe-summary';
import { type Paint, printable, type Tone } from './terminal-text';

const TONES: { readonly [severity in Severity]: Tone } = {
  critical: 'grave',
  high: 'bad',
  medium: 'normal',
  low: 'quiet',
};

/** The report that a person reads: by operation, worst first; what to do, once for each rule; a score card at the end. */
export function auditTable(result: AuditResult, paint: Paint, width: number): string {
  const { description, evidence, findings, operations, rules } = result;
  const lines: string[] = [
    `${paint('strong', `${printable(description.title, 80)} ${printable(description.version, 20)}`)}  ${paint('quiet', `${printable(description.source)}, ${printable(description.format, 30)}`)}`,
    ...wrapped(evidenceLine(evidence), 0, width),
    ...(result.alerts ? wrapped(alertsLine(result.alerts), 0, width) : []),
    ...evidence.notes.flatMap(note => wrapped(`! ${printable(note, 500)}`, 2, width).map(line => paint('bad', line))),
    '',
  ];

  for (const [heading, group] of grouped(findings, operations)) {
    lines.push(...headingOf(heading, paint));
    for (const finding of group) lines.push(...findingLines(finding, rules, paint, width));
    lines.push('');
  }

  if (rules.length > 0) {
    lines.push(paint('strong', 'What to do'), '');
    for (const rule of rules) lines.push(...ruleLines(rule, paint, width), '');
  }
  if (result.probes) lines.push(...probeLines(result.probes, paint, width), '');
  lines.push(...scoreCard(result, paint));
  return `${lines.join('\n')}\n`;
}

function evidenceLine({
  sources,
  requests,
  foreignRequests,
  handshakes,
  failedHandshakes,
  firstSeen,
  lastSeen,
}: AuditResult['evidence']): string {
  const time = firstSeen === undefined ? '' : `, ${firstSeen} to ${lastSeen}`;
  const foreign = foreignRequests > 0 ? ` (${foreignRequests} of other services)` : '';
  return `Evidence: ${some(sources)}; ${number(requests, 'request')}${foreign}, ${number(handshakes, 'handshake')} (${failedHandshakes} failed)${time}`;
}

function alertsLine({ sources, rules }: AlertsRead): string {
  return `Alerts: ${some(sources)}; ${number(rules, 'alerting rule')}`;
}

function some(sources: readonly string[]): string {
  const from = sources.map(source => printable(source, 100));
  return from.length > 3 ? `${from.slice(0, 3).join(', ')} and ${from.length - 3} more` : from.join(', ');
}

type Heading = AuditedOperation | 'undescribed' | 'evidence';

/** Operations by their worst finding, then by how many; then what is about none of them. */
function grouped(findings: readonly Finding[], operations: readonly AuditedOperation[]): [Heading, Finding[]][] {
  const groups = new Map<Heading, Finding[]>();
  const byName = new Map(operations.map(operation => [operation.name, operation]));
  for (const finding of findings) {
    const operation = finding.operation === undefined ? undefined : byName.get(finding.operation);
    const heading = operation ?? (finding.rule === 'shadow-operation' ? 'undescribed' : 'evidence');
    groups.set(heading, [...(groups.get(heading) ?? []), finding]);
  }
  // Findings come worst first, and a Map keeps that of the first of each group.
  return [...groups];
}

function headingOf(heading: Heading, paint: Paint): string[] {
  if (heading === 'undescribed') return [paint('strong', 'Operations that the description does not know')];
  if (heading === 'evidence') return [paint('strong', 'The evidence as a whole')];
  const { name, location, protection, requests } = heading;
  const where = placeOf(location);
  const facts = [`certificate ${protection}`, number(requests, 'request'), ...(where ? [where] : [])];
  return [`${paint('strong', printable(name, 100))}  ${paint('quiet', facts.join(', '))}`];
}

export function placeOf({ source, line }: Location): string {
  return `${printable(source, 100)}${line === undefined ? '' : `:${line}`}`;
}

const SEVERITY_COLUMNS = 10;

function findingLines(
  { rule, severity, subject, message, occurrences }: Finding,
  rules: readonly Rule[],
  paint: Paint,
  width: number,
): string[] {
  const title = rules.find(({ id }) => id === rule)?.title ?? rule;
  const about = subject === undefined || subject === '' ? '' : `${printable(subject, 100)}: `;
  const indent = 2 + SEVERITY_COLUMNS;
  const [first = '', ...rest] = wrapped(`${about}${title}: ${message}`, indent, width);
  const lines = [`  ${paint(TONES[severity], severity.padEnd(SEVERITY_COLUMNS))}${first.slice(indent)}`, ...rest];
  if (occurrences) {
    const { firstSeen, lastSeen, traceIds } = occurrences;
    const traces = traceIds.map(id => printable(id, 32)).slice(0, 2);
    const when = firstSeen === lastSeen ? firstSeen : `${firstSeen} to ${lastSeen}`;
    const detail = [when, ...(traces.length > 0 ? [`trace ${traces.join(', ')}`] : [])].join(', ');
    lines.push(...wrapped(detail, indent, width).map(line => paint('quiet', line)));
  }
  return lines;
}

function ruleLines({ title, severity, remediation, references }: Rule, paint: Paint, width: number): string[] {
  const names = references.map(({ name }) => name).join(', ');
  return [
    `  ${paint(TONES[severity], title)}  ${paint('quiet', names)}`,
    ...wrapped(remediation.text, 4, width),
    ...(remediation.paste ?? '').split('\n').flatMap(line => (line === '' ? [] : [paint('advice', `      ${line}`)])),
  ];
}

const PROBE_COLUMNS = 15;

/** By certificate: what the server did, and what the evidence has of it. */
function probeLines(report: ProbeReport, paint: Paint, width: number): string[] {
  const { address, planned, sent } = report;
  const some = sent === planned ? number(sent, 'request') : `${sent} of ${number(planned, 'request')}`;
  return [
    `${paint('strong', `Probes of ${printable(address, 100)}`)}  ${paint('quiet', some)}`,
    paint('quiet', `  ${'certificate'.padEnd(PROBE_COLUMNS)}accepted  refused  undecided  trails`),
    ...probeSummaries(report).flatMap(({ certificate, details, reasons, ...count }) => {
      const isGood = certificate === 'good';
      const numbers = [
        paint(count.accepted > 0 && !isGood ? 'grave' : 'normal', String(count.accepted).padStart(8)),
        String(count.refused).padStart(7),
        String(count.undecided).padStart(9),
        paint(
          count.withTrail < count.trailsExpected ? 'bad' : 'normal',
          `${count.withTrail} of ${count.trailsExpected}`.padEnd(8),
        ),
      ];
      const seen = [...details, ...(reasons.length > 0 ? [`recorded as ${reasons.join(', ')}`] : [])].join('; ');
      const [first = '', ...rest] = wrapped(printable(seen, 300), PROBE_INDENT, width);
      const line = `  ${certificate.padEnd(PROBE_COLUMNS)}${numbers.join('  ')}  ${paint('quiet', first.trimStart())}`;
      return [line, ...rest.map(more => paint('quiet', more))];
    }),
  ];
}

const PROBE_INDENT = 2 + PROBE_COLUMNS + 8 + 7 + 9 + 8 + 8;

function scoreCard({ scoreCard: card, evidence }: AuditResult, paint: Paint): string[] {
  const { critical, high, medium, low } = card.findings;
  const total = critical + high + medium + low;
  const known = card.known === undefined ? '' : `, ${card.known} more in the baseline`;
  return [
    `${paint('strong', 'Score card')}${evidence.partial ? `  ${paint('bad', '(partial: not all of the evidence was read)')}` : ''}`,
    `  operations  ${String(card.operations).padStart(5)}`,
    `  protected   ${String(card.protected).padStart(5)}`,
    `  seen        ${String(card.seen).padStart(5)}${share(card.seen, card.protected)}`,
    `  proven      ${String(card.proven).padStart(5)}${share(card.proven, card.protected)}`,
    `  findings    ${String(total).padStart(5)}  ${critical} critical, ${high} high, ${medium} medium, ${low} low${known}`,
  ];
}

function share(some: number, all: number): string {
  return all === 0 ? '' : `  ${Math.floor((some / all) * 100)} % of the protected`;
}

function number(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** At words; each line after the first, and the first too, begins with `indent` spaces. */
function wrapped(text: string, indent: number, width: number): string[] {
  const room = Math.max(20, width - indent);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines.map(one => ' '.repeat(indent) + one);
}
