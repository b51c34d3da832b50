import { rowOfReason } from '../handshake/failure-reasons';
import type { AttributeName } from '../telemetry/attributes';
import type { EventName } from '../telemetry/events';
import { SPANS_BY_NAME } from '../telemetry/span-names';
import type { Attributes, AttributeValue, ReceivedLog, ReceivedSpan } from './otlp-messages';

/**
 * One handshake, or one late refusal, as its span told it. Every text in it came over the network and is at most 1,024
 * characters long, but not yet fit for a terminal. A field is undefined when the span did not say.
 */
export interface SeenHandshake {
  /** When it was decided. Milliseconds since the epoch, with fractions. */
  readonly at: number;
  /** Undefined when only an event told of it. */
  readonly durationMs?: number | undefined;
  /** Which part the application that reported it played. */
  readonly side?: 'client' | 'server' | undefined;
  readonly outcome: 'established' | 'failed' | 'abandoned';
  /** `error.type`. */
  readonly reason?: string | undefined;
  /** Who refused: the reporting application, the other end, or the network between. */
  readonly origin?: string | undefined;
  /** True when the reason was concluded from circumstances. */
  readonly derived?: boolean | undefined;
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
  /**
   * Of a refusal after the tunnel had stood (a TLS 1.3 server's late one, a forbidden renegotiation): the span id of
   * the handshake that had succeeded, the empty string if it is not known.
   */
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
  const kind = SPANS_BY_NAME.get(span.name);
  if (!kind) return undefined;
  return {
    ...told(span.attributes, kind.side, span.status.code === 'error'),
    at: span.ended,
    durationMs: Math.max(0, Math.round((span.ended - span.started) * 1000) / 1000),
    service: readerOf(span.resource).text('service.name'),
    traceId: span.traceId,
    spanId: span.spanId,
    refusalOf: kind.isRefusal ? (span.links[0]?.spanId ?? '') : undefined,
  };
}

/**
 * undefined unless the record is the only word of a failed handshake: its span was not sampled or spans are switched
 * off. Otherwise the span tells it, and more of it.
 */
export function seenHandshakeOfLog(log: ReceivedLog): SeenHandshake | undefined {
  if (log.eventName !== FAILURE_EVENT || (log.spanId !== '' && log.sampled)) return undefined;
  return {
    ...told(log.attributes, sideOf(log.attributes), true),
    at: log.at,
    service: readerOf(log.resource).text('service.name'),
    traceId: log.traceId,
    spanId: log.spanId,
  };
}

/** The object of `--json`: `time` (ISO 8601, UTC), then the fields of `SeenHandshake`. */
export function jsonOf({ at, ...handshake }: SeenHandshake): Readonly<Record<string, unknown>> {
  return { time: new Date(at).toISOString(), ...handshake };
}

const FAILURE_EVENT: EventName = 'tls.handshake.failed';

/** What the attributes alone tell. */
function told(attributes: Attributes, side: SeenHandshake['side'], isError: boolean) {
  const attribute = readerOf(attributes);
  const outcome = outcomeOf(attribute, isError);
  const reason = outcome === 'failed' ? (attribute.text('error.type') ?? '_OTHER') : undefined;
  return {
    side,
    outcome,
    reason,
    origin: attribute.text('tls.failure.origin'),
    derived: attribute.truth('tls.failure.derived'),
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
    // Without a side there is no certificate: its attributes are what tells the side.
    certificate: side && certificateOf(attribute, side === 'server' ? 'tls.client' : 'tls.server'),
    alert: alertOf(attribute),
    errorCode: attribute.text('tls.error.code'),
    hint: reason === undefined ? undefined : rowOfReason(reason)?.hint,
  } satisfies Partial<SeenHandshake>;
}

/** An event does not say which part we played; the peer's certificate does, and what only one side can know. */
function sideOf(attributes: Attributes): SeenHandshake['side'] {
  const attribute = readerOf(attributes);
  if (attribute.text('tls.client.hash.sha256') !== undefined) return 'server';
  if (attribute.text('tls.server.hash.sha256') !== undefined || attribute.text('tls.curve') !== undefined)
    return 'client';
  const result = attribute.text('tls.verify.result');
  return result === 'not_requested' || result === 'not_presented' ? 'server' : undefined;
}

const LONGEST_TEXT = 1024;
const MOST_TEXTS = 20;

/** Reads attributes by name; one of another type than expected counts as unsaid. */
interface AttributeReader {
  text(name: AttributeName | 'service.name'): string | undefined;
  texts(name: AttributeName): readonly string[];
  number(name: AttributeName): number | undefined;
  truth(name: AttributeName): boolean | undefined;
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

function outcomeOf(attribute: AttributeReader, isError: boolean): SeenHandshake['outcome'] {
  const said = attribute.text('tls.handshake.outcome');
  if (said === 'established' || said === 'failed' || said === 'abandoned') return said;
  return isError || attribute.text('error.type') !== undefined ? 'failed' : 'established';
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
