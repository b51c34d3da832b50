import { parseArgs } from 'node:util';
import { SEVERITIES, type Severity } from '../audit/audit-result';
import { PROTECTING_EXTENSIONS } from '../audit/operations';
import { PRIVACY_WORDS, type PrivacyPolicy } from '../audit/privacy';
import { PROBE_HELP, PROBE_PARAMETERS, type ProbeOptions, probeOptionsFrom } from './probe-options';
import { UsageError } from './usage-error';

export const AUDIT_HELP = `otel-tls audit: which operations of an API that mutual TLS protects leave no trail

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

/** Where evidence comes from. `names` are as a report has them. */
export type Source =
  | { readonly kind: 'files'; readonly names: readonly string[] }
  | { readonly kind: 'jaeger'; readonly names: readonly [string] }
  | { readonly kind: 'listen'; readonly names: readonly [string]; readonly port: number; readonly forMs: number };

export type Format = 'table' | 'json' | 'sarif' | 'html';

/** What a command line of `otel-tls audit` says, checked. */
export interface AuditOptions {
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

/** Throws `UsageError`, with the value and what was expected. Files that the probe is given are read. */
export async function auditOptionsFrom(parameters: readonly string[]): Promise<AuditOptions | 'help'> {
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
