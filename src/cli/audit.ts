import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type AuditResult, type EvidenceRead, type Finding, SEVERITIES, type Severity } from '../audit/audit-result';
import { AuditRun } from '../audit/audit-run';
import { DescriptionError, readDescription } from '../audit/description';
import { operationsOf, PROTECTING_EXTENSIONS } from '../audit/operations';
import { PRIVACY_WORDS, type PrivacyPolicy } from '../audit/privacy';
import { htmlReport } from '../audit/report-html';
import { sarifReport } from '../audit/report-sarif';
import { RuleFileError, type RulesRead, readRuleFiles } from '../audit/rule-files';
import { isAboutProbe } from '../probe/probe-findings';
import { PACKAGE_VERSION } from '../version';
import { auditTable } from './audit-table';
import { type EvidenceSink, keepMemorySmall, readEvidenceFiles } from './evidence-files';
import { GrowingFiles } from './growing-files';
import { JaegerBrokeOff, readJaeger } from './jaeger';
import { startOtlpReceiver } from './otlp-receiver';
import { Probe } from './probe';
import { PROBE_HELP, PROBE_PARAMETERS, type ProbeOptions, probeOptionsFrom } from './probe-options';
import { paintFor, plain, printable, printableJson, widthOf } from './terminal-text';
import { UsageError } from './usage-error';

const HELP = `otel-tls audit: which operations of an API that mutual TLS protects leave no trail

  otel-tls audit <OpenAPI file or URL> --evidence FILE...    OTLP JSON, as the collector's file
                                                             exporter writes it, plain or gzip
  otel-tls audit <OpenAPI file or URL> --jaeger URL          Jaeger's query API
  otel-tls audit <OpenAPI file or URL> --listen [PORT]       receive OTLP here (default 4318), until
                                                             Ctrl-C or the end of --for

  --service NAME     only what this service (service.name) sent
  --since TIME       only what is not older: 90m, 24h, 7d, or a date (default with --jaeger: 24h)
  --for TIME         with --listen: how long (default 10m)
  --scheme NAME      a security scheme, or an extension (x-...), that means mutual TLS; may be repeated.
                     Known without it: the type mutualTLS, and
                     ${PROTECTING_EXTENSIONS.join(', ')}
  --rules FILE...    rule files of Prometheus: which failures does no alert ring for?
  --privacy P        what telemetry is meant to say of people, as the instrumentation's options have it:
                     identity=full|hash|off, addresses=full|masked|off, pem=on|off; several with commas
  --format F         table (default), json, sarif (for code scanners), html (one file)
  --output FILE      write the report there
  --fail-on S        exit with 1 on findings of this severity and worse: critical, high, medium,
                     low (default), never
  --baseline FILE    an earlier report in JSON: only what is new is reported and counts
  --help

${PROBE_HELP}
Exit code: 0 nothing found, 1 findings at or above --fail-on, 2 the audit could not run, or did not
come to an end and had found nothing until then.
`;

/** `otel-tls audit`. Resolves with the exit code. Throws `UsageError` when it cannot run. */
export async function audit(parameters: readonly string[]): Promise<number> {
  const options = await optionsFrom(parameters);
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
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
  const sink: EvidenceSink = {
    span: span => run.span(span),
    log: log => run.log(log),
    point: point => run.point(point),
    note(sentence) {
      if (notes.length < MOST_NOTES) notes.push(sentence);
    },
  };
  const probe = options.probe && Probe.plan(options.probe, operations, description.document);
  const growing = probe && options.source.kind === 'files' ? await GrowingFiles.at(options.source.names) : undefined;
  await probe?.agree((await growing?.absent()) ?? []);
  const isPartial = await gather(options, probe ? both(sink, probe.sink) : sink, probe, growing);

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
  if (taken === 0 && !isPartial && !probed) throw new UsageError(nothingIn(options, notes));
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
function nothingIn({ source, service, since }: Options, notes: readonly string[]): string {
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

type Source =
  | { readonly kind: 'files'; readonly names: readonly string[] }
  | { readonly kind: 'jaeger'; readonly names: readonly [string] }
  | { readonly kind: 'listen'; readonly names: readonly [string]; readonly port: number; readonly forMs: number };

type Format = 'table' | 'json' | 'sarif' | 'html';

interface Options {
  readonly description: string;
  readonly source: Source;
  readonly service: string | undefined;
  readonly since: number | undefined;
  readonly schemes: readonly string[];
  readonly format: Format;
  readonly output: string | undefined;
  readonly failOn: Severity | 'never';
  readonly baseline: string | undefined;
  /** Empty: nobody asks whether anything rings. */
  readonly rules: readonly string[];
  readonly privacy: PrivacyPolicy | undefined;
  /** Undefined: nothing is sent to anybody. */
  readonly probe: ProbeOptions | undefined;
}

async function optionsFrom(parameters: readonly string[]): Promise<Options | 'help'> {
  const { values, lists } = parsed(parameters);
  if (values.help) return 'help';
  const { description, evidence: files, rules, more } = lists;
  if (description === undefined)
    throw new UsageError('an OpenAPI description is missing: expected a file or URL; see otel-tls audit --help');
  if (more.length > 0)
    throw new UsageError(`'${more[0]}': expected one description; files of evidence follow --evidence`);
  if (hasUserIn(description))
    throw new UsageError(
      'the address of the description has a user or a password in it; expected one such as https://api.example.com/openapi.yaml',
    );
  const given = [values.evidence && '--evidence', values.jaeger && '--jaeger', values.listen && '--listen'].filter(
    Boolean,
  );
  if (given.length !== 1)
    throw new UsageError(
      `${given.length === 0 ? 'the evidence is missing' : `${given.join(' and ')} are given`}: expected one of --evidence FILE..., --jaeger URL, --listen [PORT]`,
    );
  return {
    description,
    source: sourceFrom(values, files),
    service: values.service,
    since: sinceFrom(values.since ?? (values.jaeger === undefined ? undefined : '24h')),
    schemes: values.scheme ?? [],
    format: oneOf('--format', values.format ?? 'table', ['table', 'json', 'sarif', 'html']),
    output: values.output,
    failOn: oneOf('--fail-on', values['fail-on'] ?? 'low', [...SEVERITIES, 'never']),
    baseline: values.baseline,
    rules,
    privacy: values.privacy === undefined ? undefined : privacyFrom(values.privacy),
    probe: await probeOptionsFrom(values, durationOf),
  };
}

function privacyFrom(text: string): PrivacyPolicy {
  const policy: { [option: string]: string } = {};
  for (const part of text.split(',')) {
    const [option = '', word = '', ...rest] = part.trim().split('=');
    const words: readonly string[] = Object.hasOwn(PRIVACY_WORDS, option)
      ? PRIVACY_WORDS[option as keyof typeof PRIVACY_WORDS]
      : [];
    if (rest.length > 0 || !words.includes(word)) {
      const known = Object.entries(PRIVACY_WORDS).map(([name, known]) => `${name}=${known.join('|')}`);
      throw new UsageError(`--privacy '${text}': expected ${known.join(', ')}, several of them with commas`);
    }
    policy[option] = word;
  }
  return policy;
}

function sourceFrom(
  values: { readonly jaeger?: string; readonly listen?: string; readonly for?: string; readonly probe?: string },
  files: readonly string[],
): Source {
  if (values.jaeger !== undefined) {
    if (!/^https?:\/\//i.test(values.jaeger) || !URL.canParse(values.jaeger))
      throw new UsageError(`--jaeger '${values.jaeger}': expected an address such as http://localhost:16686`);
    if (hasUserIn(values.jaeger))
      throw new UsageError(
        '--jaeger: the address has a user or a password in it; expected one such as http://localhost:16686',
      );
    return { kind: 'jaeger', names: [values.jaeger] };
  }
  if (values.listen === undefined) return { kind: 'files', names: files };
  const port = /^\d{1,5}$/.test(values.listen) ? Number(values.listen) : Number.NaN;
  if (!(port <= 65535)) throw new UsageError(`--listen '${values.listen}': expected a port from 0 to 65535`);
  // Who probes waits for trails, and beyond that only if told so.
  const isUnsaid = values.for === undefined && values.probe !== undefined;
  const forMs = isUnsaid ? 0 : durationOf(values.for ?? '10m');
  if (forMs === undefined) throw new UsageError(`--for '${values.for}': expected a time such as 30s, 10m, 2h`);
  return { kind: 'listen', names: [`OTLP over http, port ${port}`], port, forMs };
}

/** Nobody asks with these, and what is written there ought not to be repeated, least of all in a report. */
function hasUserIn(address: string): boolean {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  return url !== undefined && (url.username !== '' || url.password !== '');
}

function parsed(parameters: readonly string[]) {
  // A port may follow --listen or not, which parseArgs does not know.
  const args = parameters.flatMap((parameter, index) => {
    if (parameter === '--listen' && !/^\d+$/.test(parameters[index + 1] ?? '')) return ['--listen', '4318'];
    return [parameter];
  });
  try {
    const { values, tokens } = parseArgs({
      args,
      allowPositionals: true,
      tokens: true,
      options: {
        evidence: { type: 'string', multiple: true },
        jaeger: { type: 'string' },
        listen: { type: 'string' },
        for: { type: 'string' },
        service: { type: 'string' },
        since: { type: 'string' },
        scheme: { type: 'string', multiple: true },
        format: { type: 'string' },
        output: { type: 'string' },
        'fail-on': { type: 'string' },
        baseline: { type: 'string' },
        rules: { type: 'string', multiple: true },
        privacy: { type: 'string' },
        ...PROBE_PARAMETERS,
        help: { type: 'boolean', short: 'h' },
      },
    });
    return { values, lists: listsFrom(tokens) };
  } catch (error) {
    throw new UsageError(`${(error as Error).message}; see otel-tls audit --help`);
  }
}

type Token =
  | { readonly kind: 'option'; readonly name: string; readonly value?: string | undefined }
  | { readonly kind: 'positional'; readonly value: string }
  | { readonly kind: 'option-terminator' };

/** Names of files follow the option that takes several; the first word that follows none is the description. */
function listsFrom(tokens: readonly Token[]) {
  const lists = { evidence: [] as string[], rules: [] as string[], more: [] as string[] };
  let description: string | undefined;
  let current: keyof typeof lists = 'more';
  for (const token of tokens) {
    if (token.kind === 'option' && (token.name === 'evidence' || token.name === 'rules')) current = token.name;
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'option') {
      if (token.name === current) lists[current].push(token.value ?? '');
    } else if (description === undefined) description = token.value;
    else lists[current].push(token.value);
  }
  return { description, ...lists };
}

function oneOf<Word extends string>(option: string, value: string, words: readonly Word[]): Word {
  const word = words.find(known => known === value);
  if (word === undefined) throw new UsageError(`${option} '${value}': expected ${words.join(', ')}`);
  return word;
}

const UNITS: { readonly [unit: string]: number } = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds. Undefined: it is none. */
function durationOf(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * UNITS[unit!]!;
}

function sinceFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const duration = durationOf(text);
  if (duration !== undefined) return Date.now() - duration;
  const date = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(date))
    throw new UsageError(`--since '${text}': expected a time such as 90m, 24h, 7d, or a date such as 2026-11-22`);
  return date;
}

/** Answers true when what was read is not all: somebody interrupted it, or its source ended early. */
async function gather(
  options: Options,
  sink: EvidenceSink,
  probe: Probe | undefined,
  growing: GrowingFiles | undefined,
): Promise<boolean> {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  // The second one ends the process as it would without us.
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const { signal } = interruption;
  const { source } = options;
  const progress = progressOn(process.stderr);
  let hasBrokenOff = false;
  const probing = async (look: () => Promise<void>) => {
    await probe?.send(signal, progress.say);
    await probe?.awaitTrails(look, signal, progress.say);
  };
  try {
    switch (source.kind) {
      case 'files': {
        keepMemorySmall();
        if (probe && growing) await probing(() => growing.look(probe.sink));
        const absent = (await growing?.absent()) ?? [];
        for (const file of absent) sink.note(`${file}: nothing was ever written to it, there is no such file`);
        const there = source.names.filter(file => !absent.includes(file));
        await readEvidenceFiles(there, sink, signal, ({ read, total }) =>
          progress.say(`reading evidence: ${total === 0 ? 100 : Math.floor((read / total) * 100)} %`),
        );
        break;
      }
      case 'jaeger': {
        const [url] = source.names;
        const ask = (since: number, into: EvidenceSink) =>
          readJaeger({ url, service: options.service, since, until: Date.now() }, into, signal);
        if (probe) {
          const began = Date.now();
          // Before anything is sent: what is awaited there can be asked for.
          await ask(began, probe.sink);
          await probing(() => ask(began - JAEGER_SLACK_MS, probe.sink));
        }
        progress.say(`asking ${url}`);
        await ask(options.since ?? 0, sink).catch(fault => {
          if (!(fault instanceof JaegerBrokeOff)) throw fault;
          hasBrokenOff = true;
          sink.note(`${fault.message}; what came before that was read`);
        });
        break;
      }
      case 'listen':
        await listen(source, sink, signal, probing);
        break;
      default:
        source satisfies never;
    }
  } finally {
    progress.end();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
  if (signal.aborted) sink.note('interrupted: what is reported rests on the evidence read until then');
  return signal.aborted || hasBrokenOff;
}

/** Of clocks: a trace's time is that of the machine which recorded it. */
const JAEGER_SLACK_MS = 120_000;

/** What is told goes to each of them. */
function both(one: EvidenceSink, other: EvidenceSink): EvidenceSink {
  return {
    span(span) {
      one.span(span);
      other.span(span);
    },
    log(log) {
      one.log(log);
      other.log(log);
    },
    point(point) {
      one.point(point);
      other.point(point);
    },
    note(sentence) {
      one.note(sentence);
      other.note(sentence);
    },
  };
}

async function listen(
  { port, forMs }: Source & { readonly kind: 'listen' },
  sink: EvidenceSink,
  signal: AbortSignal,
  probing: (look: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const receiver = await startOtlpReceiver(
    {
      spans: spans => {
        for (const span of spans) sink.span(span);
      },
      logs: logs => {
        for (const log of logs) sink.log(log);
      },
      points: points => {
        for (const point of points) sink.point(point);
      },
      problem: sentence => sink.note(sentence),
    },
    { port },
  ).catch((fault: NodeJS.ErrnoException) => {
    const why = fault.code === 'EADDRINUSE' ? 'in use, perhaps by a collector' : `not to be had (${fault.code})`;
    throw new UsageError(`port ${port} is ${why}; choose another with --listen PORT, or a free one with --listen 0`);
  });
  process.stderr.write(
    `Waiting for evidence on ${receiver.url} (OTLP over http); Ctrl-C ends it and judges what came\n`,
  );
  const until = Date.now() + forMs;
  // What comes is told as it comes: there is nothing to look up.
  await probing(async () => {}).catch(async fault => {
    await receiver.close();
    throw fault;
  });
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, Math.max(0, until - Date.now()));
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
  await receiver.close();
}

/** One line that is overwritten, on a terminal; nothing elsewhere. */
function progressOn(stream: NodeJS.WriteStream): { say(line: string): void; end(): void } {
  let last = 0;
  let hasSaid = false;
  return {
    say(line) {
      const now = Date.now();
      if (!stream.isTTY || now - last < 200) return;
      last = now;
      hasSaid = true;
      stream.write(`\r\x1b[2K${printable(line, 70)}`);
    },
    end() {
      if (hasSaid) stream.write('\r\x1b[2K');
    },
  };
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

async function write({ format, output }: Options, result: AuditResult): Promise<void> {
  const text = REPORTS[format](result, output === undefined);
  if (output === undefined) {
    process.stdout.write(text);
    return;
  }
  await writeFile(output, text).catch((fault: NodeJS.ErrnoException) => {
    throw new UsageError(`--output '${output}': cannot be written (${fault.code})`);
  });
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
