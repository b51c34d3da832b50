import { type Attributes, type Link, ROOT_CONTEXT, type SpanContext, SpanStatusCode } from '@opentelemetry/api';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

/** A span to send, as the instrumentation would make it. Times are milliseconds since the epoch. */
export interface HandmadeSpan {
  readonly name: string;
  readonly started: number;
  readonly ended: number;
  readonly attributes: Attributes;
  /** Of the span this one is linked to, by its place in the list. */
  readonly linkTo?: number;
}

/** Sends spans through OpenTelemetry's own exporter, as an application would. Resolves when they were answered. */
export async function send(
  url: string,
  spans: readonly HandmadeSpan[],
  {
    encoding = 'protobuf',
    gzip = false,
    service = 'billing-api',
  }: { encoding?: 'json' | 'protobuf'; gzip?: boolean; service?: string } = {},
): Promise<SpanContext[]> {
  const Exporter = encoding === 'json' ? JsonTraceExporter : ProtobufTraceExporter;
  const compression = (gzip ? 'gzip' : 'none') as never;
  const exporter = new Exporter({ url: `${url}/v1/traces`, compression });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer('opentelemetry-instrumentation-tls', '0.0.0');
  const contexts: SpanContext[] = [];
  for (const { name, started, ended, attributes, linkTo } of spans) {
    const links: Link[] = linkTo === undefined ? [] : [{ context: contexts[linkTo]! }];
    const span = tracer.startSpan(name, { startTime: started, attributes, links }, ROOT_CONTEXT);
    if (attributes['error.type']) span.setStatus({ code: SpanStatusCode.ERROR });
    span.addEvent('tls.handshake.failed', attributes, ended);
    span.end(ended);
    contexts.push(span.spanContext());
  }
  await provider.forceFlush();
  await provider.shutdown();
  return contexts;
}

const DAY = 86_400_000;
/** 2026-11-22T12:03:04.120Z */
export const NOON = Date.UTC(2026, 10, 22, 12, 3, 4, 120);

const peer = (port: number) => ({
  'network.transport': 'tcp',
  'network.peer.address': '127.0.0.1',
  'network.peer.port': port,
  'network.local.address': '127.0.0.1',
  'network.local.port': 8443,
});

const negotiated = {
  'tls.protocol.name': 'tls',
  'tls.protocol.version': '1.3',
  'tls.cipher': 'TLS_AES_256_GCM_SHA384',
  'tls.resumed': false,
};

function certificate(commonName: string, more: Attributes = {}, of = 'tls.client'): Attributes {
  return {
    [`${of}.subject`]: `CN=${commonName},O=Acme`,
    [`${of}.issuer`]: 'CN=Acme Root CA,O=Acme',
    [`${of}.hash.sha256`]: '3F'.repeat(32),
    [`${of}.x509.serial_number`]: '5A17C0DE',
    [`${of}.not_before`]: new Date(NOON - 30 * DAY).toISOString(),
    [`${of}.not_after`]: new Date(NOON + 300 * DAY).toISOString(),
    ...more,
  };
}

function failed(reason: string, origin: 'local' | 'peer' | 'network', more: Attributes): Attributes {
  return {
    'tls.handshake.outcome': 'failed',
    'tls.established': false,
    'tls.failure.origin': origin,
    'error.type': reason,
    ...more,
  };
}

const server = (index: number, attributes: Attributes): HandmadeSpan => ({
  name: 'TLS server handshake',
  started: NOON + index * 10 - 4.2,
  ended: NOON + index * 10,
  attributes: { ...peer(51034 + index), ...attributes },
});

const client = (index: number, attributes: Attributes): HandmadeSpan => ({
  name: 'TLS client handshake',
  started: NOON + index * 10 - 12.5,
  ended: NOON + index * 10,
  attributes: {
    ...peer(443),
    'network.peer.address': '192.0.2.7',
    'server.address': 'api.example.com',
    ...attributes,
  },
});

/** One of each kind that the timeline tells differently. */
export const HANDSHAKES: readonly HandmadeSpan[] = [
  server(0, {
    ...negotiated,
    ...certificate('alice'),
    'tls.next_protocol': 'h2',
    'tls.handshake.outcome': 'established',
    'tls.established': true,
    'tls.verify.result': 'ok',
  }),
  server(
    1,
    failed('certificate_expired', 'local', {
      ...negotiated,
      ...certificate('billing', { 'tls.client.not_after': new Date(NOON - 3 * DAY - 5000).toISOString() }),
      'tls.verify.result': 'failed',
      'tls.verify.errors': ['certificate_expired'],
      'tls.verify.code': 'CERT_HAS_EXPIRED',
    }),
  ),
  server(
    2,
    failed('unknown_ca', 'local', {
      ...negotiated,
      ...certificate('mallory', {
        'tls.client.issuer': 'CN=Somebody Else Entirely Issuing CA 7,O=Elsewhere Incorporated',
      }),
      'tls.verify.result': 'failed',
      'tls.verify.errors': ['unknown_ca', 'certificate_expired'],
    }),
  ),
  server(3, failed('certificate_required', 'local', { 'tls.error.code': 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' })),
  server(4, failed('certificate_revoked', 'local', { ...negotiated, ...certificate('bob') })),
  server(
    5,
    failed('decrypt_error', 'local', {
      ...negotiated,
      ...certificate('carol'),
      'tls.error.code': 'ERR_SSL_BAD_SIGNATURE',
    }),
  ),
  server(
    6,
    failed('not_tls', 'local', { 'tls.error.code': 'ERR_SSL_HTTP_REQUEST', 'tls.handshake.phase': 'client_hello' }),
  ),
  server(7, { 'tls.handshake.outcome': 'abandoned', 'tls.handshake.phase': 'client_hello' }),
  server(8, {
    ...negotiated,
    ...certificate('dave', { 'tls.client.not_after': new Date(NOON - 5000).toISOString() }),
    'tls.handshake.outcome': 'established',
    'tls.established': true,
    'tls.verify.result': 'failed',
    'tls.verify.enforced': false,
    'tls.verify.errors': ['certificate_expired'],
  }),
  server(
    9,
    failed('unknown_ca', 'peer', {
      ...negotiated,
      'tls.alert.code': 48,
      'tls.alert.description': 'unknown_ca',
      'tls.alert.direction': 'received',
    }),
  ),
  client(10, {
    ...negotiated,
    ...certificate('api.example.com', {}, 'tls.server'),
    'tls.handshake.outcome': 'established',
    'tls.established': true,
    'tls.verify.result': 'ok',
  }),
  {
    name: 'TLS client handshake refused',
    started: NOON + 100,
    ended: NOON + 103,
    linkTo: 10,
    attributes: {
      ...client(10, {}).attributes,
      ...failed('certificate_required', 'peer', {
        'tls.alert.code': 116,
        'tls.alert.description': 'certificate_required',
        'tls.alert.direction': 'received',
      }),
    },
  },
  client(
    12,
    failed('certificate_name_mismatch', 'local', {
      ...negotiated,
      ...certificate(
        'www.example.org',
        {
          'tls.server.x509.alternative_names': [
            'DNS:www.example.org',
            'DNS:example.org',
            'DNS:a.example.org',
            'DNS:b.example.org',
          ],
        },
        'tls.server',
      ),
    }),
  ),
  client(13, failed('connection_reset', 'network', { 'tls.error.code': 'ECONNRESET' })),
];

if (require.main === module) send(process.argv[2]!, HANDSHAKES);
