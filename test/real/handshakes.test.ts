import assert from 'node:assert/strict';
import { Application } from './application';
import { Collector } from './collector';
import { type ClientName, type Credentials, issueCredentials } from './credentials';
import { Jaeger, type StoredSpan } from './jaeger';
import { eventually, runningPrograms } from './running-programs';

const SERVER_HANDSHAKE = 'TLS server handshake';

interface RefusedCase {
  readonly what: string;
  readonly client?: ClientName;
  readonly error: string;
  /** To the server that has a revocation list. */
  readonly strict?: boolean;
}

const REFUSED: RefusedCase[] = [
  { what: 'an expired certificate', client: 'expired', error: 'certificate_expired' },
  { what: 'a certificate that is not valid yet', client: 'notYetValid', error: 'certificate_not_yet_valid' },
  { what: 'a self-signed certificate', client: 'selfSigned', error: 'self_signed_certificate' },
  { what: 'a certificate of an unknown authority', client: 'unknownAuthority', error: 'unknown_ca' },
  { what: 'a tampered certificate', client: 'tampered', error: 'certificate_signature_invalid' },
  { what: "a server's certificate in a client's hand", client: 'wrongPurpose', error: 'certificate_purpose_invalid' },
  { what: 'a stolen certificate without its key', client: 'stolen', error: 'decrypt_error' },
  { what: 'a revoked certificate', client: 'revoked', error: 'certificate_revoked', strict: true },
  { what: 'no certificate at all', error: 'certificate_required' },
];

describe('an unchanged mutual TLS application under the preload, seen in Jaeger', () => {
  const service = 'mutual-tls-app';
  const programs = runningPrograms();
  let credentials: Credentials;
  let jaeger: Jaeger;
  let collector: Collector;
  let application: Application;

  before(async function () {
    this.timeout(120_000);
    credentials = await issueCredentials();
    jaeger = await Jaeger.start(programs);
    collector = await Collector.start(programs, 'agent-jaeger.yaml', { JAEGER_OTLP_ENDPOINT: jaeger.otlpEndpoint });
    application = await Application.start(programs, credentials, service, {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint(),
      OTEL_BSP_SCHEDULE_DELAY: '200',
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      OTEL_METRIC_EXPORT_TIMEOUT: '1000',
    });
  });

  /** The one server handshake that the tags find. */
  async function findOne(tags: Record<string, string>): Promise<StoredSpan> {
    const found = await jaeger.findEventually({ service, spanName: SERVER_HANDSHAKE, tags });
    assert.deepEqual(
      found.map(span => span.name),
      [SERVER_HANDSHAKE],
    );
    return found[0]!;
  }

  it('shows an accepted client by its subject, without an error', async () => {
    assert.equal(await application.request(credentials.clients.good), 'Hello /\n');

    const span = await findOne({ 'tls.client.subject': 'CN=good,O=Acme' });

    assert.equal(span.tags['tls.handshake.outcome'], 'established');
    assert.equal(span.tags['tls.established'], true);
    assert.equal(span.tags['tls.verify.result'], 'ok');
    assert.equal(span.tags['tls.protocol.version'], '1.3');
    assert.equal(span.tags['error'], undefined);
    assert.equal(span.tags['error.type'], undefined);
    assert.deepEqual(eventNames(span), ['tls.client_certificate.accepted']);
  });

  it('shows no e-mail address out of a certificate: the collector masks them', async () => {
    const span = await findOne({ 'tls.client.subject': 'CN=good,O=Acme' });
    assert.doesNotMatch(JSON.stringify(span), /alice@acme\.example/);
    assert.match(JSON.stringify(span.tags['tls.client.x509.alternative_names']), /email:\*{4}/i);
  });

  for (const { what, client, error, strict = false } of REFUSED) {
    it(`shows ${what} as ${error}, with its event`, async () => {
      const answer = await application.request(client ? credentials.clients[client] : {}, { strict });
      assert.doesNotMatch(answer, /Hello/);

      const subject = client && `CN=${client},O=Acme`;
      const span = await findOne({ 'error.type': error, ...(subject ? { 'tls.client.subject': subject } : {}) });

      assertFailed(span, error);
      assert.equal(span.tags['tls.client.subject'], subject);
      assert.equal(span.tags['network.peer.address'], '127.0.0.1');
    });
  }

  it('shows a client that speaks only TLS 1.1 as protocol_version, with its event', async () => {
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    assert.doesNotMatch(await application.request({ ...credentials.clients.good, ...old }), /Hello/);
    assertFailed(await findOne({ 'error.type': 'protocol_version' }), 'protocol_version');
  });

  it('shows plain HTTP on the TLS port as not_tls, with its event', async () => {
    assert.doesNotMatch(await application.requestInPlainText(), /Hello/);
    assertFailed(await findOne({ 'error.type': 'not_tls' }), 'not_tls');
  });

  it('shows every handshake once, and nothing else', async () => {
    const made = ['ok', 'protocol_version', 'not_tls', ...REFUSED.map(refused => refused.error)];
    const found = await jaeger.findEventually({ service }, made.length);
    assert.deepEqual(found.map(span => span.tags['error.type'] ?? 'ok').sort(), made.sort());
    assert.deepEqual(await jaeger.services(), [service]);
  });

  it('hands the events to the collector as log records as well', async () => {
    const names = ['tls.handshake.failed', 'tls.client_certificate.rejected', 'tls.client_certificate.accepted'];
    await eventually(`log records ${names}`, () => {
      for (const name of names) assert.match(collector.console, new RegExp(`EventName: ${name}$`, 'm'));
      return true;
    });
    assert.match(collector.console, /\*{4}/);
    assert.doesNotMatch(collector.console, /alice@acme\.example/);
  });

  it('counts them for Prometheus under the names that the alert rules watch', async () => {
    await eventually('each series with one expired certificate', async () => {
      const lines = (await collector.metrics()).split('\n');
      for (const name of SERIES) {
        const expired = lines.filter(line => line.startsWith(`${name}{`) && line.includes('="certificate_expired"'));
        assert.equal(expired.length, 1, name);
        assert.match(expired[0]!, new RegExp(`service_name="${service}".*\\} 1(\\.0)?( |$)`));
        assert.doesNotMatch(expired[0]!, /command|\.js/, 'a label for each command line would be a series for each');
      }
      return true;
    });
  });
});

/** From the application's own instruments, and counted by the collector from its spans. */
const SERIES = [
  'tls_server_handshake_duration_seconds_count',
  'tls_server_client_certificate_verifications_total',
  'traces_span_metrics_calls_total',
];

function eventNames(span: StoredSpan): unknown[] {
  return span.events.map(event => event['event']);
}

function assertFailed(span: StoredSpan, error: string): void {
  assert.equal(span.tags['error'], true);
  assert.equal(span.tags['error.type'], error);
  assert.equal(span.tags['tls.handshake.outcome'], 'failed');
  const failed = span.events.filter(event => event['event'] === 'tls.handshake.failed');
  assert.deepEqual(
    failed.map(event => event['error.type']),
    [error],
  );
}
