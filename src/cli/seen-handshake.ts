import { FAILURE_REASONS } from '../handshake/failure-reasons';
import type { AttributeValue, Attributes, ReceivedSpan } from './otlp-messages';

/**
 * One handshake, or one late refusal, as its span told it. Every text in it came over the network and is at most 1,024
 * characters long, but not yet fit for a terminal. A field is undefined when the span did not say.
 */
export interface SeenHandshake {
  /** When it was decided. Milliseconds since the epoch, with fractions. */
  readonly at: number;
  readonly durationMs: number;
  /** Which part the application that reported it played. */
  readonly side: 'client' | 'server';
  readonly outcome: 'established' | 'failed' | 'abandoned';
  /** `error.type`. */
  readonly reason?: string | undefined;
  /** Who refused: the reporting application, the other end, or the network between. */
  readonly origin?: string | undefined;
  readonly phase?: string | undefined;
  readonly peer: SeenEndpoint;
  readonly local: SeenEndpoint;
  /** The name asked for. */
  readonly serverName?: string | undefined;
  /** `TLS 1.3`. */
  readonly protocol?: string | undefined;
  readonly cipher?: string | undefined;
  readonly curve?: string | undefined;
  readonly alpn?: string | undefined;
  readonly resumed: boolean;
  readonly verification: {
    readonly result?: string | undefined;
    readonly enforced?: boolean | undefined;
    readonly errors: readonly string[];
    readonly code?: string | undefined;
    readonly message?: string | undefined;
  };
  /** The peer's. Undefined: none was presented, or the session was resumed. */
  readonly certificate?: SeenCertificate | undefined;
  readonly alert?: SeenAlert | undefined;
  /** Verbatim: `ERR_SSL_NO_SHARED_CIPHER`. */
  readonly errorCode?: string | undefined;
  /** What a person can do about `reason`. Ours, not the span's. */
  readonly hint?: string | undefined;
  /** The reporting application: `service.name`. */
  readonly service?: string | undefined;
  readonly traceId: string;
  readonly spanId: string;
  /** Of a TLS 1.3 server's late refusal: the span id of the handshake that had seemed to succeed. */
  readonly refusalOf?: string | undefined;
}

export interface SeenEndpoint {
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}

export interface SeenCertificate {
  readonly subject?: string | undefined;
  readonly issuer?: string | undefined;
  /** Upper-case hex, as is `serialNumber`. */
  readonly fingerprint?: string | undefined;
  readonly serialNumber?: string | undefined;
  /** ISO 8601. */
  readonly notBefore?: string | undefined;
  readonly notAfter?: string | undefined;
  /** At most 20: `DNS:alice.acme.test`. */
  readonly alternativeNames: readonly string[];
  readonly spiffeId?: string | undefined;
  readonly publicKeyAlgorithm?: string | undefined;
  readonly publicKeySize?: number | undefined;
  readonly publicKeyCurve?: string | undefined;
  readonly signatureAlgorithm?: string | undefined;
  readonly extendedKeyUsage: readonly string[];
  readonly selfSigned?: boolean | undefined;
}

export interface SeenAlert {
  readonly code?: number | undefined;
  readonly description?: string | undefined;
  readonly direction?: string | undefined;
}

/** undefined when the span is no TLS handshake: most spans of an application are not. */
export function seenHandshake(span: ReceivedSpan): SeenHandshake | undefined {
  const said = HANDSHAKE_SPANS.get(span.name);
  if (!said) return undefined;
  const attribute = readerOf(span.attributes);
  const outcome = outcomeOf(span, attribute);
  const reason = outcome === 'failed' ? (attribute.text('error.type') ?? '_OTHER') : undefined;
  return {
    at: span.ended,
    durationMs: Math.max(0, Math.round((span.ended - span.started) * 1000) / 1000),
    side: said.side,
    outcome,
    reason,
    origin: attribute.text('tls.failure.origin'),
    phase: attribute.text('tls.handshake.phase'),
    peer: { address: attribute.text('network.peer.address'), port: attribute.number('network.peer.port') },
    local: { address: attribute.text('network.local.address'), port: attribute.number('network.local.port') },
    serverName: attribute.text('server.address'),
    protocol: protocolOf(attribute),
    cipher: attribute.text('tls.cipher'),
    curve: attribute.text('tls.curve'),
    alpn: attribute.text('tls.next_protocol'),
    resumed: attribute.truth('tls.resumed') ?? false,
    verification: {
      result: attribute.text('tls.verify.result'),
      enforced: attribute.truth('tls.verify.enforced'),
      errors: attribute.texts('tls.verify.errors'),
      code: attribute.text('tls.verify.code'),
      message: attribute.text('tls.verify.message'),
    },
    certificate: certificateOf(attribute, said.side === 'server' ? 'tls.client' : 'tls.server'),
    alert: alertOf(attribute),
    errorCode: attribute.text('tls.error.code'),
    hint: reason === undefined ? undefined : hintFor(reason),
    service: readerOf(span.resource).text('service.name'),
    traceId: span.traceId,
    spanId: span.spanId,
    refusalOf: said.refusal ? (span.links[0]?.spanId ?? '') : undefined,
  };
}

/** The object of `--json`: `time` (ISO 8601, UTC), then the fields of `SeenHandshake`. */
export function jsonOf({ at, ...handshake }: SeenHandshake): Readonly<Record<string, unknown>> {
  return { time: new Date(at).toISOString(), ...handshake };
}

const HANDSHAKE_SPANS: ReadonlyMap<string, { side: 'client' | 'server'; refusal?: true }> = new Map([
  ['TLS server handshake', { side: 'server' }],
  ['TLS client handshake', { side: 'client' }],
  ['TLS client handshake refused', { side: 'client', refusal: true }],
]);

const LONGEST_TEXT = 1024;
const MOST_TEXTS = 20;

/** Reads attributes by name; one of another type than expected counts as unsaid. */
interface AttributeReader {
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
  number(name: string): number | undefined;
  truth(name: string): boolean | undefined;
}

function readerOf(attributes: Attributes): AttributeReader {
  const isText = (value: AttributeValue | undefined) => typeof value === 'string';
  return {
    text(name) {
      const value = attributes[name];
      return isText(value) ? value.slice(0, LONGEST_TEXT) : undefined;
    },
    texts(name) {
      const value = attributes[name];
      if (!Array.isArray(value)) return [];
      return value
        .slice(0, MOST_TEXTS)
        .filter(isText)
        .map(item => item.slice(0, LONGEST_TEXT));
    },
    number(name) {
      const value = attributes[name];
      return typeof value === 'number' ? value : undefined;
    },
    truth(name) {
      const value = attributes[name];
      return typeof value === 'boolean' ? value : undefined;
    },
  };
}

function outcomeOf(span: ReceivedSpan, attribute: AttributeReader): SeenHandshake['outcome'] {
  const said = attribute.text('tls.handshake.outcome');
  if (said === 'established' || said === 'failed' || said === 'abandoned') return said;
  return span.status.code === 'error' || attribute.text('error.type') !== undefined ? 'failed' : 'established';
}

function protocolOf(attribute: AttributeReader): string | undefined {
  const version = attribute.text('tls.protocol.version');
  return version && `${(attribute.text('tls.protocol.name') ?? 'tls').toUpperCase()} ${version}`;
}

function certificateOf(attribute: AttributeReader, of: 'tls.client' | 'tls.server'): SeenCertificate | undefined {
  const subject = attribute.text(`${of}.subject`);
  const fingerprint = attribute.text(`${of}.hash.sha256`);
  if (subject === undefined && fingerprint === undefined) return undefined;
  return {
    subject,
    issuer: attribute.text(`${of}.issuer`),
    fingerprint,
    serialNumber: attribute.text(`${of}.x509.serial_number`),
    notBefore: attribute.text(`${of}.not_before`),
    notAfter: attribute.text(`${of}.not_after`),
    alternativeNames: attribute.texts(`${of}.x509.alternative_names`),
    spiffeId: attribute.text(`${of}.spiffe_id`),
    publicKeyAlgorithm: attribute.text(`${of}.x509.public_key_algorithm`),
    publicKeySize: attribute.number(`${of}.x509.public_key_size`),
    publicKeyCurve: attribute.text(`${of}.x509.public_key_curve`),
    signatureAlgorithm: attribute.text(`${of}.x509.signature_algorithm`),
    extendedKeyUsage: attribute.texts(`${of}.x509.extended_key_usage`),
    selfSigned: attribute.truth(`${of}.x509.self_signed`),
  };
}

function alertOf(attribute: AttributeReader): SeenAlert | undefined {
  const code = attribute.number('tls.alert.code');
  const description = attribute.text('tls.alert.description');
  if (code === undefined && description === undefined) return undefined;
  return { code, description, direction: attribute.text('tls.alert.direction') };
}

/** undefined for a reason we have never heard of: a newer version of the instrumentation may have sent it. */
function hintFor(reason: string): string | undefined {
  return Object.hasOwn(FAILURE_REASONS, reason)
    ? FAILURE_REASONS[reason as keyof typeof FAILURE_REASONS].hint
    : undefined;
}
