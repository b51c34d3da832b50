/**
 * What an audit says, whatever it is written as: table, JSON, SARIF, HTML. Plain data, and the very object of the JSON
 * report (`audit-result.schema.json`). Times are ISO 8601, UTC. Every text that came with the evidence is at most 200
 * characters long and **not escaped**: it is a stranger's, and each report must make it harmless in its own way.
 */
export interface AuditResult {
  /** Of this shape. A new one comes when something is taken away or changes its meaning. */
  readonly schemaVersion: 1;
  readonly tool: { readonly name: 'otel-tls audit'; readonly version: string };
  readonly description: DescriptionRead;
  readonly evidence: EvidenceRead;
  /** The Prometheus rules that were held against the failures. Absent: none were given. */
  readonly alerts?: AlertsRead;
  readonly scoreCard: ScoreCard;
  /** In the description's order. */
  readonly operations: readonly AuditedOperation[];
  /** Worst first; of equal severity in the order of the table of rules, then of the operations. */
  readonly findings: readonly Finding[];
  /** Every rule that a finding names, in the table's order: each once, though it is found many times. */
  readonly rules: readonly Rule[];
  /** Absent: nothing was sent to any server. */
  readonly probes?: ProbeReport;
}

/** Worst first. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const;

export type Severity = (typeof SEVERITIES)[number];

export interface DescriptionRead {
  /** A path as it was given, or a URL. */
  readonly source: string;
  readonly title: string;
  /** The API's own version. */
  readonly version: string;
  /** `OpenAPI 3.1.0`, `Swagger 2.0`. */
  readonly format: string;
}

export interface EvidenceRead {
  /** Files, addresses: where it came from. */
  readonly sources: readonly string[];
  readonly spans: number;
  readonly logs: number;
  /** Requests that a server received; those of services that serve none of the described operations are `foreign`. */
  readonly requests: number;
  readonly foreignRequests: number;
  readonly handshakes: number;
  readonly failedHandshakes: number;
  /** Absent: there was no evidence at all. */
  readonly firstSeen?: string;
  readonly lastSeen?: string;
  /** Sentences: what could not be read, was left out, or looks odd. Absent of anything, an empty list. */
  readonly notes: readonly string[];
  /** True when the run was interrupted, or evidence was not read (notes say which): what is missing may yet be there. */
  readonly partial: boolean;
}

export interface AlertsRead {
  /** Files, as they were given. */
  readonly sources: readonly string[];
  /** Alerting rules in them. */
  readonly rules: number;
}

/** Operations, but for `findings`. `proven`: seen, and no finding says that the trail of its requests has a gap. */
export interface ScoreCard {
  readonly operations: number;
  readonly protected: number;
  readonly seen: number;
  readonly proven: number;
  readonly findings: Readonly<Record<Severity, number>>;
  /** Findings that are in the baseline, and so not among `findings`. Absent: there is no baseline. */
  readonly known?: number;
}

/** What was sent to a server on purpose, and what came of it there and in the evidence. */
export interface ProbeReport {
  /** `https://api.example.com:8443`, and the base path if it was given one. */
  readonly address: string;
  /** Requests. Fewer sent than planned: the run was interrupted. */
  readonly planned: number;
  readonly sent: number;
  /** In the order in which they were sent. */
  readonly sendings: readonly ProbeResult[];
}

/** One handshake, and the request behind it. */
export interface ProbeResult {
  /** Which certificate it came with: `none`, `expired`, `good`, ... */
  readonly certificate: string;
  /** The `name` of the operation that was asked for. */
  readonly operation: string;
  /** With the base path, and values for its parameters. */
  readonly path: string;
  readonly at: string;
  /** `undecided`: it got an answer, or none, from which neither follows. */
  readonly outcome: 'accepted' | 'refused' | 'undecided';
  /** What was seen of it: `TLS alert 48 (unknown_ca)`, `answered 403`, `closed without an answer`. */
  readonly detail: string;
  /** Of the answer. Absent: there was none. */
  readonly status?: number;
  /** `not expected`: it did not come as far as TLS. `undecided`: the evidence has what may be its trail, or another's. */
  readonly trail: 'found' | 'missing' | 'undecided' | 'not expected';
  /** Absent: no trail was found. */
  readonly recorded?: ProbeTrail;
  /** What the request carried in its `traceparent`. */
  readonly traceId: string;
  /** Of the certificate, upper-case hex, as is the fingerprint. Absent: it came without one. */
  readonly serialNumber?: string;
  readonly fingerprint?: string;
  /** The port that it came from. Absent: there was no connection. */
  readonly port?: number;
}

/** Where in the evidence a probe is told of. */
export interface ProbeTrail {
  readonly as: 'request' | 'handshake' | 'log record';
  /** What it was recognised by. */
  readonly by: 'traceparent' | 'fingerprint' | 'serial number' | 'port';
  readonly traceId: string;
  readonly spanId: string;
  readonly service?: string;
  /** `error.type` of a handshake. */
  readonly reason?: string;
  /** True: the trail is one of a failed handshake. */
  readonly hasFailed: boolean;
}

export interface AuditedOperation {
  /** `GET /orders/{id}`; with the base path of its server. Unique. */
  readonly name: string;
  /** Upper case. */
  readonly method: string;
  /** The template as the description has it, without base path. */
  readonly path: string;
  readonly operationId?: string;
  readonly location: Location;
  /** `optional`: a certificate is one way among others, or none is needed. `none`: no certificate is asked for. */
  readonly protection: 'required' | 'optional' | 'none';
  /** The security schemes by which a certificate is demanded. */
  readonly schemes: readonly string[];
  /** Every way in also tells the server which user it is: by a token, a password. */
  readonly isUserKnown: boolean;
  readonly requests: number;
  readonly firstSeen?: string;
  readonly lastSeen?: string;
  /** What its requests answer. Absent unless protected and seen. */
  readonly answers?: Readonly<Record<Question, Answer>>;
}

/** What the trail of a request ought to tell, in the order in which it is asked. */
export const QUESTIONS = {
  certificate: 'Which certificate?',
  verification: 'Was it verified?',
  handshake: 'In which handshake?',
  peer: 'From which address?',
  protocol: 'How strongly encrypted?',
  user: 'Which user?',
} as const;

export type Question = keyof typeof QUESTIONS;

/** Requests that answer a question, and those that do not. Both 0: it is not asked of this operation. */
export interface Answer {
  readonly yes: number;
  readonly no: number;
}

/** In the description. Lines and columns count from 1; absent: the description is of another file, or was not found in it. */
export interface Location {
  readonly source: string;
  readonly line?: number;
  readonly column?: number;
}

export interface Finding {
  /** Of a `Rule`. */
  readonly rule: string;
  readonly severity: Severity;
  /** The same in the next run over other evidence: what a baseline and SARIF recognise it by. 16 hex digits. */
  readonly fingerprint: string;
  /** The `name` of an operation; absent: it is about the evidence as a whole, or what the description does not know. */
  readonly operation?: string;
  /** What it is about when it is not a described operation: `POST /internal/reset`, a reason, a certificate's name. */
  readonly subject?: string;
  readonly location?: Location;
  /** One sentence: what was seen, in numbers. */
  readonly message: string;
  /** Absent: it rests on nothing having been seen. */
  readonly occurrences?: Occurrences;
}

export interface Occurrences {
  readonly count: number;
  /** Of how many that could have been. */
  readonly of?: number;
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** At most 5, each once. */
  readonly traceIds: readonly string[];
  readonly example: ExampleSpan;
}

/** One span, or log record, that shows it. */
export interface ExampleSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly name: string;
  /** `service.name`. */
  readonly service?: string;
  /** What was judged, by the attributes' names. */
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

export interface Rule {
  /** `unverified-certificate-accepted`. */
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  /** What it means and why it matters: one or two sentences. */
  readonly help: string;
  /** Which spans, attributes or events it rests on. */
  readonly restsOn: string;
  /** What to do, and below it what can be pasted. */
  readonly remediation: { readonly text: string; readonly paste?: string };
  readonly references: readonly Reference[];
}

export interface Reference {
  /** `OWASP API8:2023`, `ASVS 5.0 16.3.1`, `CWE-778`, `PCI DSS 4.0 10.2.1.4`. */
  readonly name: string;
  readonly url: string;
}
