import { boundedText } from '../certificate/untrusted-text';
import type { AuditResult, Finding, Location, Rule, Severity } from './audit-result';

/**
 * An audit as a SARIF 2.1.0 log (OASIS, errata 01), as code scanners, editors and dashboards read it: a rule for each
 * kind of finding, and a result for each finding, at the line of its operation in the description.
 */
export function sarifReport(audit: AuditResult): string {
  const { description, evidence, rules } = audit;
  const log = {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: { name: audit.tool.name, semanticVersion: audit.tool.version, rules: rules.map(ruleDescriptor) },
        },
        // What tells runs of the same kind from others: of two descriptions in one repository, neither replaces the other.
        automationDetails: { id: `otel-tls-audit/${encodeURIComponent(shown(description.title))}/` },
        invocations: [{ executionSuccessful: !evidence.partial, toolExecutionNotifications: notifications(audit) }],
        artifacts: [{ location: { uri: uriOf(description.source) }, roles: ['analysisTarget'] }],
        columnKind: 'utf16CodeUnits',
        results: audit.findings.map(finding => result(finding, audit)),
        properties: allShown({
          scoreCard: audit.scoreCard,
          evidence,
          ...(audit.alerts && { alerts: audit.alerts }),
          ...(audit.probes && { probes: audit.probes }),
        }),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function ruleDescriptor(rule: Rule): object {
  const { text, paste } = rule.remediation;
  const references = rule.references.map(({ name, url }) => `* [${name}](${url})`);
  const help = [rule.help, `Rests on: ${rule.restsOn}`, text];
  return {
    id: rule.id,
    name: inPascalCase(rule.id),
    shortDescription: { text: rule.title },
    fullDescription: { text: rule.help },
    // Braces stay as they are: what is pasted must work, and a rule's help has no arguments that could take their place.
    help: {
      text: [...help, ...(paste === undefined ? [] : [paste])].join('\n\n'),
      markdown: [...help, ...(paste === undefined ? [] : [fenced(paste)]), references.join('\n')]
        .join('\n\n')
        .trimEnd(),
    },
    ...(rule.references[0] && { helpUri: rule.references[0].url }),
    defaultConfiguration: { level: LEVELS[rule.severity] },
    properties: {
      tags: [...new Set(['security', ...rule.references.map(({ name }) => tagOf(name))])],
      precision: 'high',
      'security-severity': SECURITY_SEVERITIES[rule.severity],
      severity: rule.severity,
    },
  };
}

function result(finding: Finding, { rules, description, scoreCard }: AuditResult): object {
  const ruleIndex = rules.findIndex(({ id }) => id === finding.rule);
  const about = finding.operation ?? finding.subject;
  return {
    ruleId: finding.rule,
    ...(ruleIndex >= 0 && { ruleIndex }),
    level: LEVELS[finding.severity],
    message: { text: messageString(about === undefined ? finding.message : `${about}: ${finding.message}`) },
    locations: [
      {
        physicalLocation: physicalLocation(finding.location ?? { source: description.source }),
        ...(about !== undefined && { logicalLocations: [{ fullyQualifiedName: shown(about), kind: 'resource' }] }),
      },
    ],
    partialFingerprints: {
      'finding/v1': finding.fingerprint,
      // The one that GitHub goes by. It would hash the line; ours also survives a description that is rearranged.
      primaryLocationLineHash: finding.fingerprint,
    },
    // Either every result of a run has one or none. What was known is not among the findings.
    ...(scoreCard.known !== undefined && { baselineState: 'new' }),
    properties: allShown({
      severity: finding.severity,
      operation: finding.operation,
      subject: finding.subject,
      ...finding.occurrences,
    }),
  };
}

/** What the run has to say of itself: that it is not complete, and what of the evidence could not be used. */
function notifications({ evidence }: AuditResult): object[] {
  return [
    ...(evidence.partial ? [{ level: 'warning', message: { text: INTERRUPTED } }] : []),
    ...evidence.notes.map(note => ({ level: 'note', message: { text: messageString(note) } })),
  ];
}

const INTERRUPTED = 'The evidence is not complete: what seems to be missing may yet be there.';

/** A finding that has no line of its own is shown at the first: there are readers that refuse a result without one. */
function physicalLocation({ source, line = 1, column }: Location): object {
  return {
    artifactLocation: { uri: uriOf(source) },
    region: { startLine: line, ...(column !== undefined && { startColumn: column }) },
  };
}

/** A URL as it is; a path as the URI that means it. A relative one stays relative: a reader's root is not ours. */
function uriOf(source: string): string {
  if (/^(https?|file):\/\//i.test(source) && URL.canParse(source)) return new URL(source).href;
  const path = source.replaceAll('\\', '/');
  const encoded = path.split('/').map(segment => encodeURIComponent(segment.replace(/\p{Cs}/gu, '\ufffd')));
  if (/^[A-Za-z]:\//.test(path)) return `file:///${path.slice(0, 2)}/${encoded.slice(1).join('/')}`;
  return path.startsWith('/') ? `file://${encoded.join('/')}` : encoded.join('/');
}

/**
 * Text of a message, in which braces are placeholders (section 3.11.5) and `[text](address)` is a link (3.11.6): a
 * stranger's shall not become one.
 */
function messageString(text: string): string {
  return shown(text)
    .replace(/[{}]/g, brace => brace + brace)
    .replace(/\](?=\()/g, '] ');
}

/** The same value with every text in it `shown`, the names of attributes too. */
function allShown(value: unknown): unknown {
  if (typeof value === 'string') return shown(value);
  if (Array.isArray(value)) return value.map(allShown);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [shown(key), allShown(each)]));
}

/** A stranger's text: on one line, without what misleads a reader, and not long. */
function shown(text: string): string {
  return boundedText(text, MAX_BYTES, 'name');
}

// 200 characters, each of which may be escaped to nine.
const MAX_BYTES = 2000;

/** `CWE-778` as scanners tag it; others by their names. */
function tagOf(reference: string): string {
  const weakness = /^CWE-\d+/i.exec(reference)?.[0];
  return weakness === undefined ? reference : `external/cwe/${weakness.toLowerCase()}`;
}

function inPascalCase(id: string): string {
  return id.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Fenced so that no row of backticks within it ends it. */
function fenced(code: string): string {
  const longest = Math.max(2, ...(code.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${code}\n${fence}`;
}

const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'note',
};

// GitHub's bounds: above 9.0 critical, from 7.0 high, from 4.0 medium. Last checked 2026-11-22.
const SECURITY_SEVERITIES: Readonly<Record<Severity, string>> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '3.0',
};
