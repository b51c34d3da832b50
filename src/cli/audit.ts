import { access, constants, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type AuditResult, type EvidenceRead, type Finding, SEVERITIES, type Severity } from '../audit/audit-result';
import { AuditRun } from '../audit/audit-run';
import { DescriptionError, readDescription } from '../audit/description';
import { operationsOf } from '../audit/operations';
import { htmlReport } from '../audit/report-html';
import { sarifReport } from '../audit/report-sarif';
import { RuleFileError, type RulesRead, readRuleFiles } from '../audit/rule-files';
import { isAboutProbe } from '../probe/probe-findings';
import { PACKAGE_VERSION } from '../version';
import { AUDIT_HELP, type AuditOptions, auditOptionsFrom, type Format } from './audit-options';
import { auditTable } from './audit-table';
import type { EvidenceSink } from './evidence-files';
import { gatherEvidence } from './gather-evidence';
import { GrowingFiles } from './growing-files';
import { Probe } from './probe';
import { paintFor, plain, printable, printableJson, widthOf } from './terminal-text';
import { UsageError } from './usage-error';

/** `otel-tls audit`. Resolves with the exit code. Throws `UsageError` when it cannot run. */
export async function audit(parameters: readonly string[]): Promise<number> {
  const options = await auditOptionsFrom(parameters);
  if (options === 'help') {
    process.stdout.write(AUDIT_HELP);
    return 0;
  }
  if (options.output !== undefined) await expectWritable(options.output);
  const known = options.baseline === undefined ? undefined : await baselineFrom(options.baseline);
  const description = await readDescription(options.description).catch(fault => {
    throw fault instanceof DescriptionError ? new UsageError(printable(fault.message, LONGEST_COMPLAINT)) : fault;
  });
  const operations = operationsOf(description.document, description.locate, options.schemes);
  const rules = await rulesFrom(options.rules);
  const { service, since, privacy } = options;
  const run = new AuditRun(operations, { service, since, rules, privacy });

  const notes: string[] = [...(rules?.notes ?? [])];
  if (operations.length === 0) notes.push(`${options.description} describes no operation`);
  else if (operations.every(({ protection }) => protection === 'none'))
    notes.push(
      `${options.description} protects no operation by mutual TLS: name the scheme that means it with --scheme`,
    );
  let isPartial = false;
  const sink: EvidenceSink = {
    span: span => run.span(span),
    log: log => run.log(log),
    point: point => run.point(point),
    note(sentence) {
      if (notes.length < MOST_NOTES) notes.push(sentence);
    },
    gap(sentence) {
      isPartial = true;
      this.note(sentence);
    },
  };
  const probe = options.probe && Probe.plan(options.probe, operations, description.document);
  const growing = probe && options.source.kind === 'files' ? await GrowingFiles.at(options.source.names) : undefined;
  await probe?.agree((await growing?.absent()) ?? []);
  const isInterrupted = await gatherEvidence(options, sink, probe, growing);

  const probed = probe?.conclude(options.source.names);
  for (const note of probed?.notes ?? []) sink.note(note);
  const {
    operations: audited,
    findings: all,
    rules: told,
    seen,
    proven,
    notes: bounds,
    taken,
  } = run.conclude(probed?.findings);
  // Who probes has found something there: that of what was sent there is nothing.
  if (taken === 0 && !isInterrupted && !probed) throw new UsageError(nothingIn(options, notes));
  const others = probed ? all.filter(finding => !isAboutProbe(finding)) : all;
  const findings = known === undefined ? others : others.filter(({ fingerprint }) => !known.has(fingerprint));
  const evidence: EvidenceRead = {
    sources: options.source.names,
    ...seen,
    notes: [...notes, ...bounds].map(note => note.slice(0, 500)),
    partial: isPartial,
  };
  const result: AuditResult = {
    schemaVersion: 1,
    tool: { name: 'otel-tls audit', version: PACKAGE_VERSION },
    description: description.read,
    evidence,
    ...(rules && { alerts: { sources: options.rules, rules: rules.alerts.length } }),
    scoreCard: {
      operations: audited.length,
      protected: audited.filter(({ protection }) => protection !== 'none').length,
      seen: audited.filter(({ protection, requests }) => protection !== 'none' && requests > 0).length,
      proven,
      findings: numbersOf(findings),
      ...(known && { known: others.length - findings.length }),
    },
    operations: audited,
    findings,
    rules: told.filter(({ id }) => findings.some(({ rule }) => rule === id)),
    ...(probed && { probes: probed.report }),
  };
  await write(options, result);
  if (findings.some(({ severity }) => isAtOrAbove(severity, options.failOn))) return 1;
  return isPartial && options.source.kind !== 'listen' ? 2 : 0;
}

const MOST_NOTES = 200;
/** Characters. What is in a description or in rules may be a stranger's. */
const LONGEST_COMPLAINT = 3000;

async function rulesFrom(files: readonly string[]): Promise<RulesRead | undefined> {
  if (files.length === 0) return undefined;
  return readRuleFiles(files).catch(fault => {
    throw fault instanceof RuleFileError ? new UsageError(printable(fault.message, LONGEST_COMPLAINT)) : fault;
  });
}

/** To find everything missing in evidence that is none would be no audit. */
function nothingIn({ source, service, since }: AuditOptions, notes: readonly string[]): string {
  const chosen = [
    service !== undefined && ` of service '${service}'`,
    since !== undefined && ` since ${new Date(since).toISOString()}`,
  ].filter(part => part !== false);
  const nothing = `not one span, log record or point of a metric${chosen.join('')}`;
  switch (source.kind) {
    case 'files': {
      const [first] = notes.filter(note => source.names.some(name => note.startsWith(name)));
      const why = first === undefined ? '' : ` (${first})`;
      return `--evidence '${source.names.join("', '")}': there is ${nothing} in it${why}; OTLP JSON was expected, one request a line, as the file exporter of the collector writes it`;
    }
    case 'jaeger':
      return `${source.names[0]}: there is ${nothing.replace(', log record or point of a metric', '')}; traces of the services of this API were expected there`;
    default:
      source satisfies { readonly kind: 'listen' };
      return `${source.names[0]}: ${nothing} came; set OTEL_EXPORTER_OTLP_ENDPOINT of the services to this address`;
  }
}

/** The fingerprints of an earlier report's findings. */
async function baselineFrom(file: string): Promise<ReadonlySet<string>> {
  const expected = 'the report of an earlier audit in JSON was expected (--format json)';
  const text = await readFile(file, 'utf8').catch((fault: NodeJS.ErrnoException) => {
    throw new UsageError(`--baseline '${file}': cannot be read (${fault.code}); ${expected}`);
  });
  let findings: unknown;
  try {
    findings = (JSON.parse(text) as Partial<AuditResult>).findings;
  } catch {
    throw new UsageError(`--baseline '${file}': this is no JSON; ${expected}`);
  }
  if (!Array.isArray(findings)) throw new UsageError(`--baseline '${file}': it has no "findings"; ${expected}`);
  return new Set(findings.map(finding => String((finding as Partial<Finding> | null)?.fingerprint)));
}

function numbersOf(findings: readonly Finding[]): AuditResult['scoreCard']['findings'] {
  const numbers = { critical: 0, high: 0, medium: 0, low: 0 };
  for (const { severity } of findings) numbers[severity]++;
  return numbers;
}

function isAtOrAbove(severity: Severity, limit: Severity | 'never'): boolean {
  return limit !== 'never' && SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(limit);
}

async function write({ format, output }: AuditOptions, result: AuditResult): Promise<void> {
  const text = REPORTS[format](result, output === undefined);
  if (output === undefined) {
    process.stdout.write(text);
    return;
  }
  await writeFile(output, text).catch(fault => {
    throw unwritable(output, fault);
  });
}

/** Before the evidence is read, which may take long. Leaves nothing behind: an audit that fails has not made a report. */
async function expectWritable(output: string): Promise<void> {
  try {
    const about = await stat(output).catch(fault => {
      if (fault.code !== 'ENOENT') throw fault;
      return undefined;
    });
    if (about?.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
    await access(about ? output : dirname(output), constants.W_OK);
  } catch (fault) {
    throw unwritable(output, fault);
  }
}

function unwritable(output: string, fault: unknown): UsageError {
  return new UsageError(`--output '${output}': cannot be written (${(fault as NodeJS.ErrnoException).code})`);
}

const REPORTS: { readonly [format in Format]: (result: AuditResult, isForTerminal: boolean) => string } = {
  table: (result, isForTerminal) =>
    auditTable(
      result,
      isForTerminal ? paintFor(process.stdout, process.env) : plain,
      isForTerminal ? widthOf(process.stdout) : 120,
    ),
  json: result => `${printableJson(result, 2)}\n`,
  sarif: sarifReport,
  html: htmlReport,
};
