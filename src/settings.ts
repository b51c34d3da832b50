import { createSecretKey, type KeyObject } from 'node:crypto';
import { inspect } from 'node:util';
import type { InstrumentationConfig } from '@opentelemetry/instrumentation';
import { PRESETS, type Preset } from './forwarded/presets';
import { EXPECTED_PROXIES, TrustedProxies } from './forwarded/trust';
import type { RequestHooks } from './identity/request-hooks';
import { readPatternOptions } from './patterns/pattern-options';
import type { PatternOptions } from './patterns/patterns';

/** Options of `TlsInstrumentation`. Each but the functions can be given as an environment variable too; an option wins. */
export interface TlsInstrumentationConfig extends InstrumentationConfig, RequestHooks {
  /** Which handshakes get a span. Metrics and log events are not affected. */
  handshakeSpans?: 'all' | 'failed' | 'none';
  /** Spans for connections that ended before anybody said why: port scans, load balancers' probes. */
  abandonedSpans?: boolean;
  /** How many failures are said one by one, a second. What is beyond is counted, and summed up every few seconds. */
  floodLimit?: number;
  /** How many of them of one peer network, once `floodLimit` have come at once. */
  floodLimitPerNetwork?: number;
  /** How many of them for one reason, once `floodLimit` have come at once. */
  floodLimitPerReason?: number;
  /** Which spans carry the certificate's key, signature and usage: a full parse, some 0.3 ms a new certificate. */
  certificateDetails?: 'failed' | 'all';
  /** The peer's certificate and chain as PEM. Large, and personal data. */
  certificatePem?: boolean;
  /** Of the certificates of verified peers too, how long they are valid for: a series each, 100 at most. */
  peerCertificateExpiry?: boolean;
  /** What every client of a server offers (JA4, JA3, ciphers, groups, versions), refused ones included. Read when enabled. */
  fingerprints?: boolean;
  /** Where events go: on the handshake's span, to the logs, or both. */
  events?: 'both' | 'span' | 'log' | 'none';
  /** What the spans of HTTP requests carry of their connection: a few attributes and a link, all of them, nothing. */
  requestAttributes?: 'default' | 'all' | 'none';
  /**
   * Client certificates that a TLS-terminating proxy forwards in headers: which headers, and whom to believe. Off unless
   * both are given. Trusted are `loopback`, `unix`, addresses and CIDRs, and proxies by their own verified certificate:
   * `fingerprint:<SHA-256>`, `spiffe://...`.
   */
  forwarded?: { readonly preset: Preset; readonly trustedProxies: readonly string[] };
  /**
   * Who is named in telemetry: names, serial numbers and fingerprints of certificates, the application's users. In full, as
   * pseudonyms under `identityKey`, or not at all. `getTlsPeer()` is the application's own and not touched.
   */
  identity?: 'full' | 'hash' | 'off';
  /** Key of the pseudonyms, at least 16 bytes, a text being UTF-8. The same key in another process makes the same ones. */
  identityKey?: string | Uint8Array;
  /** Addresses of connections: in full, as the network they are of (/24, /48 of IPv6), or not at all. */
  addresses?: 'full' | 'masked' | 'off';
  /** The only attributes that are said, by name or by prefix as in `tls.client.*`. Default: all. */
  attributes?: readonly string[];
  /** Which patterns of abuse are looked for among clients, and their thresholds. Default: all, with the table's. */
  patterns?: boolean | PatternOptions;
}

/** Options that are more than one word or number. */
const READ_APART = ['forwarded', 'patterns', 'identityKey', 'attributes'] as const;

/** The options after parsing: complete, checked, frozen. */
export type Settings = Readonly<
  Required<
    Omit<TlsInstrumentationConfig, keyof InstrumentationConfig | keyof RequestHooks | (typeof READ_APART)[number]>
  >
>;

/** Told what was given, where, and what would have been understood. */
export type Complain = (complaint: string) => void;

type Environment = Readonly<Record<string, string | undefined>>;

interface OptionRow<Value> {
  readonly environmentVariable: string;
  readonly expected: readonly Value[] | WholeNumbers;
  readonly byDefault: Value;
  /** What stands for something that is not understood, whatever the variable says. Undefined: the variable's, or the default. */
  readonly ifGarbage?: Value;
  readonly brief: string;
}

/** Both ends included. */
interface WholeNumbers {
  readonly from: number;
  readonly to: number;
}

const YES_OR_NO = [true, false] as const;
/** At least one: whoever wants none has `handshakeSpans` and `events`. The most is no limit at all. */
const PER_SECOND: WholeNumbers = { from: 1, to: 1_000_000 };

/** One row an option; the README's table is made of them. */
export const OPTIONS: { readonly [Name in keyof Settings]: OptionRow<Settings[Name]> } = {
  handshakeSpans: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_HANDSHAKE_SPANS',
    expected: ['all', 'failed', 'none'],
    byDefault: 'all',
    brief: 'Which handshakes get a span. Metrics and log events are not affected.',
  },
  abandonedSpans: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_ABANDONED_SPANS',
    expected: YES_OR_NO,
    byDefault: false,
    brief: 'Spans also for connections that ended before anybody said why: port scans, probes, aborted requests.',
  },
  floodLimit: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_FLOOD_LIMIT',
    expected: PER_SECOND,
    byDefault: 50,
    brief: 'Failures that are said one by one, a second. What is beyond is counted and summed up; metrics have it all.',
  },
  floodLimitPerNetwork: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_FLOOD_LIMIT_PER_NETWORK',
    expected: PER_SECOND,
    byDefault: 20,
    brief: 'How many of them of one peer network (/24, or /64 of IPv6), once `floodLimit` have come at once.',
  },
  floodLimitPerReason: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_FLOOD_LIMIT_PER_REASON',
    expected: PER_SECOND,
    byDefault: 20,
    brief: 'How many of them for one reason, once `floodLimit` have come at once.',
  },
  certificateDetails: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_CERTIFICATE_DETAILS',
    expected: ['failed', 'all'],
    byDefault: 'failed',
    brief: "Which spans carry the certificate's key, signature and usage: a full parse of each new certificate.",
  },
  certificatePem: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_CERTIFICATE_PEM',
    expected: YES_OR_NO,
    byDefault: false,
    brief: "The peer's certificate, and on failures its chain, as PEM. Large, and personal data.",
  },
  peerCertificateExpiry: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_PEER_CERTIFICATE_EXPIRY',
    expected: YES_OR_NO,
    byDefault: false,
    brief: "The gauge `tls.certificate.time_to_expiry` has verified peers' certificates too, 100 at most one by one.",
  },
  fingerprints: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_FINGERPRINTS',
    expected: YES_OR_NO,
    byDefault: false,
    brief:
      'What every client of a server offers, refused ones included: JA4, JA3, ciphers, groups, versions. See [Fingerprints](#fingerprints).',
  },
  events: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_EVENTS',
    expected: ['both', 'span', 'log', 'none'],
    byDefault: 'both',
    brief:
      "Where events go: on the handshake's span, to the logs, or both. " +
      '`OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN=logs` makes `log` the default.',
  },
  requestAttributes: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_REQUEST_ATTRIBUTES',
    expected: ['default', 'all', 'none'],
    byDefault: 'default',
    brief:
      "What the spans of HTTP requests carry of their connection: a few attributes and a link to the handshake's span, " +
      'all attributes and the link, or nothing.',
  },
  identity: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_IDENTITY',
    expected: ['full', 'hash', 'off'],
    byDefault: 'full',
    ifGarbage: 'off',
    brief:
      'Who is named: names, serial numbers and fingerprints of certificates, users. In full, as pseudonyms under ' +
      '`identityKey`, or not at all. Where it is not understood: not at all.',
  },
  addresses: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_ADDRESSES',
    expected: ['full', 'masked', 'off'],
    byDefault: 'full',
    ifGarbage: 'off',
    brief:
      'Addresses of connections: in full, as the network they are of (/24, /48 of IPv6), or not at all. Where it is not ' +
      'understood: not at all.',
  },
};

/** What is read apart of the options for privacy; two more rows of the README's table. */
export const PRIVACY_OPTIONS = {
  identityKey: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_IDENTITY_KEY',
    expected: ['at least 16 bytes'],
    brief: "The key of `identity: 'hash'`, from which nothing but the pseudonyms is made. Without one it is `off`.",
  },
  attributes: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_ATTRIBUTES',
    expected: ['error.type', 'tls.verify.*'],
    brief:
      'The only attributes of spans and events that are said, by name or prefix. A list; the variable has commas between. ' +
      'Default: all.',
  },
} as const;

const BASE_OPTIONS = ['enabled'];
const FUNCTIONS = ['requestHook', 'userId'] as const satisfies readonly (keyof RequestHooks)[];

/** Options and environment -> Settings. A bad value costs itself only: it is named, and what is next in line stands. */
export function readSettings(
  config: TlsInstrumentationConfig | undefined,
  environment: Environment,
  complain: Complain,
): Settings {
  const given: Record<string, unknown> = { ...config };
  const known: string[] = [...Object.keys(OPTIONS), ...FUNCTIONS, ...READ_APART];
  for (const name of Object.keys(given)) {
    if (known.includes(name) || BASE_OPTIONS.includes(name)) continue;
    complain(`unknown option ${show(name)}; known are ${known.join(', ')}`);
  }
  const settings: Record<string, unknown> = {};
  for (const [name, row] of Object.entries<OptionRow<unknown>>(OPTIONS)) {
    const places = [
      { where: `option ${name}`, value: given[name] },
      { where: row.environmentVariable, value: meantBy(environment[row.environmentVariable], row) },
    ].filter(({ value }) => value !== undefined);
    // What keeps something back is not looked for further on: a variable that says more must not win over an option that
    // was to say less and is misspelt.
    const candidates = row.ifGarbage === undefined ? places : places.slice(0, 1);
    const good = candidates.find(({ value }) => isExpected(row, value));
    const settled =
      good?.value ??
      (name === 'events' ? eventsByConvention(environment) : undefined) ??
      (places.length > 0 ? row.ifGarbage : undefined) ??
      row.byDefault;
    for (const { where, value } of places) {
      if (isExpected(row, value)) continue;
      complain(`${where} is ${show(value)}, expected ${expectation(row)}; using ${settled}`);
    }
    settings[name] = settled;
  }
  return Object.freeze(settings) as unknown as Settings;
}

/** The options that are the application's own functions. What is none is named and left out. */
export function readRequestHooks(config: TlsInstrumentationConfig | undefined, complain: Complain): RequestHooks {
  const hooks: Record<string, unknown> = {};
  for (const name of FUNCTIONS) {
    const given = config?.[name] as unknown;
    if (typeof given === 'function') hooks[name] = given;
    else if (given !== undefined) complain(`option ${name} is ${show(given)}, expected a function; left out`);
  }
  return Object.freeze(hooks);
}

/** What `forwarded` is made of; two more rows of the README's table. */
export const FORWARDED_OPTIONS = {
  preset: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_FORWARDED_PRESET',
    expected: PRESETS,
    brief: 'The proxy whose certificate headers are read. Off unless `forwarded.trustedProxies` is given too.',
  },
  trustedProxies: {
    environmentVariable: 'OTEL_INSTRUMENTATION_TLS_FORWARDED_TRUSTED_PROXIES',
    expected: ['loopback', 'unix', '10.0.0.0/8', 'fd00::1', 'fingerprint:<SHA-256>', 'spiffe://<domain>/<path>'],
    brief:
      'Whose certificate headers are believed: by address, or by their own verified certificate, which must be named if ' +
      'they come with one. A list; the variable has commas between.',
  },
} as const;

/** Which certificate headers are read, and whom to believe. */
export interface Forwarding {
  readonly preset: Preset;
  readonly trustedProxies: TrustedProxies;
}

/**
 * Undefined: off, since it was not asked for, or since what was asked for leaves no preset or nobody to believe; then that
 * is said. A proxy that is not understood is named and left out. A list given as option is never replaced by the variable.
 */
export function readForwarding(
  config: TlsInstrumentationConfig | undefined,
  environment: Environment,
  complain: Complain,
): Forwarding | undefined {
  const option: unknown = config?.forwarded;
  const given: Record<string, unknown> = typeof option === 'object' ? { ...option } : {};
  const names = Object.keys(FORWARDED_OPTIONS).join(', ');
  if (option !== undefined && (typeof option !== 'object' || option === null)) {
    complain(`option forwarded is ${show(option)}, expected an object of ${names}`);
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(FORWARDED_OPTIONS, name)) continue;
    complain(`unknown option ${show(`forwarded.${name}`)}; known are ${names}`);
  }

  const presets = placesOf('preset', given, environment, value => value.toLowerCase());
  for (const { where, value } of presets) {
    if (PRESETS.includes(value as Preset)) continue;
    complain(`${where} is ${show(value)}, expected one of ${PRESETS.join(', ')}`);
  }
  const preset = presets.find(({ value }) => PRESETS.includes(value as Preset))?.value as Preset | undefined;

  const [proxies] = placesOf('trustedProxies', given, environment, value =>
    value.split(',').filter(part => part.trim()),
  );
  const listed = Array.isArray(proxies?.value) ? (proxies.value as unknown[]) : undefined;
  if (proxies && !listed)
    complain(`${proxies.where} is ${show(proxies.value)}, expected a list of ${EXPECTED_PROXIES}`);
  const trustedProxies = TrustedProxies.parse(listed ?? [], complaint => complain(`${proxies?.where}: ${complaint}`));

  if (preset !== undefined && trustedProxies !== undefined) return Object.freeze({ preset, trustedProxies });
  if (preset === undefined && (presets.length > 0 || trustedProxies !== undefined)) {
    complain('forwarded certificates are not read: there is no valid forwarded.preset');
  } else if (preset !== undefined) {
    complain('forwarded certificates are not read: there is no valid proxy in forwarded.trustedProxies');
  }
  return undefined;
}

/** The option `patterns`; a row of the README's table. */
export const PATTERNS_OPTION = {
  environmentVariable: 'OTEL_INSTRUMENTATION_TLS_PATTERNS',
  expected: [...YES_OR_NO, 'scanner=false,retry_burst.failures=50'],
  byDefault: true,
  brief:
    'Which patterns of abuse are looked for, and their thresholds. As an option an object: ' +
    '`{ scanner: false, retry_burst: { failures: 50 } }`.',
} as const;

/** Undefined: no pattern is looked for. A pattern or threshold that is not understood costs itself only. */
export function readPatterns(
  config: TlsInstrumentationConfig | undefined,
  environment: Environment,
  complain: Complain,
): PatternOptions | undefined {
  const places: { where: string; value: unknown }[] = [
    { where: 'option patterns', value: config?.patterns },
    {
      where: PATTERNS_OPTION.environmentVariable,
      value: meantBy(environment[PATTERNS_OPTION.environmentVariable], PATTERNS_OPTION),
    },
  ];
  for (const { where, value } of places) {
    if (value === undefined) continue;
    if (value === false) return undefined;
    const read = value === true ? {} : readPatternOptions(value, complaint => complain(`${where}: ${complaint}`));
    if (read) return Object.freeze(read);
    complain(`${where} is ${show(value)}, expected true, false, or patterns with their thresholds`);
  }
  return Object.freeze({});
}

/** Bytes; RFC 2104 wants a key that is no shorter than half of what the hash makes. */
const SHORTEST_KEY = 16;

/** What may be told of people. */
export interface PrivacySettings {
  readonly identity: 'full' | 'off' | KeyObject;
  readonly addresses: Settings['addresses'];
  /** Which attributes may be said, by name. Undefined: all. */
  readonly allows: ((name: string) => boolean) | undefined;
}

/**
 * What is not understood here says less and never more: pseudonyms without a good key would be hashes that anybody can try
 * names on, so there are none. A key is never named. `known`: the names of all attributes.
 */
export function readPrivacy(
  settings: Settings,
  config: TlsInstrumentationConfig | undefined,
  environment: Environment,
  known: readonly string[],
  complain: Complain,
): PrivacySettings {
  const { identity, addresses } = settings;
  return Object.freeze({
    identity: identity === 'hash' ? (readKey(config, environment, complain) ?? 'off') : identity,
    addresses,
    allows: readAllowed(config, environment, known, complain),
  });
}

/** Undefined: there is none that will do, and that is said. */
function readKey(
  config: TlsInstrumentationConfig | undefined,
  environment: Environment,
  complain: Complain,
): KeyObject | undefined {
  const { environmentVariable } = PRIVACY_OPTIONS.identityKey;
  const option: unknown = config?.identityKey;
  const [where, given] =
    option === undefined
      ? [environmentVariable, environment[environmentVariable]?.trim() || undefined]
      : ['option identityKey', option];
  const instead = "so identity is 'off' and not 'hash'";
  if (given === undefined) {
    complain(`there is no option identityKey, nor ${environmentVariable}, ${instead}`);
    return undefined;
  }
  if (typeof given !== 'string' && !(given instanceof Uint8Array)) {
    complain(`${where} is neither text nor bytes, ${instead}`);
    return undefined;
  }
  // A copy: the application may wipe its own.
  const key = Buffer.from(given as string);
  if (key.length < SHORTEST_KEY) {
    complain(`${where} has ${key.length} bytes and must have at least ${SHORTEST_KEY}, ${instead}`);
    return undefined;
  }
  return createSecretKey(key);
}

/** Undefined: nobody has asked for less than all. */
function readAllowed(
  config: TlsInstrumentationConfig | undefined,
  environment: Environment,
  known: readonly string[],
  complain: Complain,
): PrivacySettings['allows'] {
  const { environmentVariable } = PRIVACY_OPTIONS.attributes;
  const option: unknown = config?.attributes;
  const variable = environment[environmentVariable]?.trim() || undefined;
  if (option === undefined && variable === undefined) return undefined;
  const where = option === undefined ? environmentVariable : 'option attributes';
  const given = option === undefined ? variable?.split(',').map(part => part.trim()) : option;
  if (!Array.isArray(given)) {
    complain(`${where} is ${show(given)}, expected a list of names of attributes; none is said`);
    return () => false;
  }
  const allowed = new Set<string>();
  for (const entry of given as unknown[]) {
    const names = known.filter(name => matches(name, entry));
    if (names.length === 0 && entry !== '') complain(`${where}: there is no attribute ${show(entry)}`);
    for (const name of names) allowed.add(name);
  }
  return name => allowed.has(name);
}

/** `tls.client.*` is every name that begins so. */
function matches(name: string, entry: unknown): boolean {
  if (typeof entry !== 'string') return false;
  return entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : name === entry;
}

/** Where a part of `forwarded` is given, the option first. */
function placesOf(
  name: keyof typeof FORWARDED_OPTIONS,
  given: Readonly<Record<string, unknown>>,
  environment: Environment,
  meant: (variable: string) => unknown,
): { where: string; value: unknown }[] {
  const { environmentVariable } = FORWARDED_OPTIONS[name];
  const variable = environment[environmentVariable]?.trim() || undefined;
  return [
    { where: `option forwarded.${name}`, value: given[name] },
    { where: environmentVariable, value: variable === undefined ? undefined : meant(variable) },
  ].filter(({ value }) => value !== undefined);
}

function isExpected({ expected }: OptionRow<unknown>, value: unknown): boolean {
  if (!('from' in expected)) return expected.includes(value);
  return Number.isInteger(value) && Number(value) >= expected.from && Number(value) <= expected.to;
}

function expectation({ expected }: OptionRow<unknown>): string {
  if (!('from' in expected)) return `one of ${expected.join(', ')}`;
  return `a whole number from ${expected.from} to ${expected.to}`;
}

/** Environment variables are text: numbers, and `true` and `false` in any case, are meant as such. Empty is not given. */
function meantBy(variable: string | undefined, { expected }: OptionRow<unknown>): unknown {
  const value = variable?.trim();
  if (value === undefined || value === '') return undefined;
  if ('from' in expected && /^\d+$/.test(value)) return Number(value);
  const lower = value.toLowerCase();
  return lower === 'true' ? true : lower === 'false' ? false : lower;
}

/** OTEP 4430: span events are going; who has opted in to logs wants them there, with `dup` in both places. */
function eventsByConvention(environment: Environment): Settings['events'] | undefined {
  const optIn = environment['OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN']?.split(',').map(part => part.trim());
  if (optIn?.includes('logs/dup')) return 'both';
  return optIn?.includes('logs') ? 'log' : undefined;
}

/** Whatever it is, on one line: what was meant for an option may be anything. */
function show(value: unknown): string {
  const text = inspect(value, { depth: 0, customInspect: false, breakLength: Infinity, maxStringLength: 100 });
  return text.length > 150 ? `${text.slice(0, 150)}...` : text;
}
