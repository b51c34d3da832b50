import * as net from 'node:net';
import * as tls from 'node:tls';
import type { FailureReason } from '../../src/handshake/failure-reasons';
import { alertRecord, answering, greetingWith, refusedPort, silent, WORDS } from '../support/raw-peer';
import {
  abandoned,
  distrusted,
  type Expected,
  established,
  failed,
  playAll,
  type Scenario,
  type Stage,
} from '../support/scenario';
import { goneBy, greeter, visit } from '../support/tls-pair';

// RFC 8446 section 6, IANA TLS Alerts. Last checked 2026-11-22.
const ALERTS: ReadonlyArray<{ number: number; alert: string; reason: FailureReason; phase: Expected['phase'] }> = [
  { number: 10, alert: 'unexpected_message', reason: 'protocol_error', phase: 'negotiation' },
  { number: 20, alert: 'bad_record_mac', reason: 'protocol_error', phase: 'negotiation' },
  { number: 22, alert: 'record_overflow', reason: 'protocol_error', phase: 'negotiation' },
  { number: 40, alert: 'handshake_failure', reason: 'handshake_failure', phase: 'negotiation' },
  { number: 42, alert: 'bad_certificate', reason: 'bad_certificate', phase: 'certificate' },
  { number: 43, alert: 'unsupported_certificate', reason: 'unsupported_certificate', phase: 'certificate' },
  { number: 44, alert: 'certificate_revoked', reason: 'certificate_revoked', phase: 'certificate' },
  { number: 45, alert: 'certificate_expired', reason: 'certificate_expired', phase: 'certificate' },
  { number: 46, alert: 'certificate_unknown', reason: 'certificate_unknown', phase: 'certificate' },
  { number: 47, alert: 'illegal_parameter', reason: 'protocol_error', phase: 'negotiation' },
  { number: 48, alert: 'unknown_ca', reason: 'unknown_ca', phase: 'certificate' },
  { number: 49, alert: 'access_denied', reason: 'access_denied', phase: 'certificate' },
  { number: 50, alert: 'decode_error', reason: 'protocol_error', phase: 'negotiation' },
  { number: 51, alert: 'decrypt_error', reason: 'decrypt_error', phase: 'certificate' },
  { number: 70, alert: 'protocol_version', reason: 'protocol_version', phase: 'negotiation' },
  { number: 71, alert: 'insufficient_security', reason: 'insufficient_security', phase: 'negotiation' },
  { number: 80, alert: 'internal_error', reason: 'internal_error', phase: 'negotiation' },
  { number: 86, alert: 'inappropriate_fallback', reason: 'inappropriate_fallback', phase: 'negotiation' },
  { number: 90, alert: 'user_canceled', reason: 'connection_closed', phase: 'negotiation' },
  { number: 109, alert: 'missing_extension', reason: 'protocol_error', phase: 'negotiation' },
  { number: 110, alert: 'unsupported_extension', reason: 'protocol_error', phase: 'negotiation' },
  { number: 112, alert: 'unrecognized_name', reason: 'unrecognized_name', phase: 'negotiation' },
  { number: 115, alert: 'unknown_psk_identity', reason: 'psk_identity_unknown', phase: 'negotiation' },
  { number: 116, alert: 'certificate_required', reason: 'certificate_required', phase: 'certificate' },
  { number: 120, alert: 'no_application_protocol', reason: 'no_application_protocol', phase: 'negotiation' },
];

playAll('A server that answers the ClientHello with an alert', [
  ...ALERTS.map(
    ({ number, alert, reason, phase }): Scenario => ({
      name: `${alert} (${number})`,
      play: stage =>
        visitRaw(
          stage,
          answering(socket => socket.end(alertRecord(number))),
        ),
      client: failed(reason, 'peer', phase!, { alert }),
    }),
  ),
  ...[
    { number: 0, what: 'a goodbye' },
    { number: 200, what: 'an alert that nobody has assigned' },
  ].map(
    ({ number, what }): Scenario => ({
      name: `that OpenSSL passes over: ${what} (${number}), and closes`,
      play: stage =>
        visitRaw(
          stage,
          answering(socket => socket.end(alertRecord(number))),
        ),
      client: failed('connection_closed', 'peer', 'negotiation'),
    }),
  ),
  {
    name: 'that is only a warning (unrecognized_name), and closes',
    tls: '1.2',
    play: stage =>
      visitRaw(
        stage,
        answering(socket => socket.end(alertRecord(112, 'warning'))),
      ),
    client: failed('connection_closed', 'peer', 'negotiation'),
  },
]);

playAll('A server that is none', [
  {
    name: 'but plain HTTP',
    tls: 'any',
    play: stage =>
      visitRaw(
        stage,
        answering(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      ),
    client: failed('not_tls', 'us', 'client_hello'),
  },
  {
    name: 'but SSH, which speaks first',
    tls: 'any',
    play: stage => visitRaw(stage, greetingWith(WORDS.sshBanner)),
    client: failed('not_tls', 'us', 'client_hello'),
  },
  {
    name: 'but SMTP before STARTTLS',
    tls: 'any',
    play: stage => visitRaw(stage, greetingWith(WORDS.smtpGreeting)),
    client: failed('not_tls', 'us', 'client_hello'),
  },
  {
    name: 'and closes when it sees the ClientHello',
    play: stage =>
      visitRaw(
        stage,
        answering(socket => socket.end()),
      ),
    client: failed('connection_closed', 'peer', 'client_hello'),
  },
  {
    name: 'and resets when it sees the ClientHello',
    play: stage =>
      visitRaw(
        stage,
        answering(socket => socket.resetAndDestroy()),
      ),
    client: failed('connection_reset', 'network', 'client_hello'),
  },
]);

playAll('An application that does not wait for a silent server', [
  {
    name: 'but destroys its socket',
    tls: 'any',
    play: stage => visitRaw(stage, silent(), {}, socket => socket.on('connect', () => socket.destroy())),
    client: abandoned('client_hello', 'us'),
  },
  {
    name: 'but destroys its socket with an error of its own',
    tls: 'any',
    play: stage =>
      visitRaw(stage, silent(), {}, socket => socket.on('connect', () => socket.destroy(new Error('no longer')))),
    client: abandoned('client_hello', 'us'),
  },
  {
    name: 'but has set itself a time',
    tls: 'any',
    play: stage => visitRaw(stage, silent(), {}, socket => socket.setTimeout(20, () => socket.destroy())),
    client: abandoned('client_hello', 'us'),
  },
  {
    name: 'but has set itself a time, by the option',
    tls: 'any',
    play: stage =>
      visitRaw(stage, silent(), { timeout: 20 }, socket =>
        socket.on('timeout', () => socket.destroy(new Error('late'))),
      ),
    client: abandoned('client_hello', 'us'),
  },
  {
    name: 'but has an AbortSignal',
    tls: 'any',
    play: stage => {
      const abort = new AbortController();
      return visitRaw(stage, silent(), { signal: abort.signal } as tls.ConnectionOptions, socket =>
        socket.on('connect', () => abort.abort()),
      );
    },
    client: abandoned('client_hello', 'us'),
  },
  {
    name: 'but destroys the connection under it',
    tls: 'any',
    play: async stage => {
      const raw = await connected(await stage.listen(silent()));
      const socket = tls.connect({ socket: raw, ...stage.client() });
      socket.on('error', () => {});
      setImmediate(() => raw.destroy());
      await goneBy(socket);
    },
    client: abandoned('client_hello', 'us'),
  },
  {
    name: 'but ends its side, and the server closes then',
    tls: 'any',
    play: stage =>
      visitRaw(
        stage,
        net.createServer(socket => socket.on('error', () => {}).resume()),
        {},
        socket => socket.on('connect', () => socket.end()),
      ),
    client: failed('connection_closed', 'peer', 'client_hello'),
  },
]);

playAll('A connection that never stood', [
  {
    name: 'is no handshake: refused',
    tls: 'any',
    play: async stage => visit({ port: await refusedPort(), ...stage.client() }),
  },
  {
    name: 'is no handshake: refused on every address',
    tls: 'any',
    play: async stage => visit({ port: await refusedPort(), ...happyEyeballs(stage) }),
  },
  {
    name: 'is no handshake: destroyed while connecting',
    tls: 'any',
    play: async stage =>
      visit({ port: await stage.listen(silent()), ...stage.client() }, socket =>
        socket.destroy(new Error('no longer')),
      ),
    server: [],
  },
  {
    name: 'is no handshake: the name is unknown',
    tls: 'any',
    play: stage =>
      visit({
        port: 443,
        ...stage.client(),
        host: 'nowhere.example',
        lookup: (_host, _options, answer) =>
          answer(Object.assign(new Error('no such host'), { code: 'ENOTFOUND' }), '', 4),
      }),
  },
  {
    name: 'is no handshake: options that cannot be used',
    tls: 'any',
    play: async stage => {
      try {
        tls.connect({ port: await stage.listen(silent()), ...stage.client(), key: 'this is no key' });
      } catch {
        return;
      }
      throw new Error('it was used');
    },
  },
]);

playAll('A client that tries one address after the other', [
  {
    name: 'and reports the one that answers',
    play: async stage => visit({ port: await stage.listen(greeter(stage.server())), ...happyEyeballs(stage) }),
    server: established(),
    client: established({ certificate: 'server.good', serverName: 'localhost' }),
  },
  {
    name: 'and refuses the one that answers',
    play: async stage => visit({ port: await stage.listen(greeter(stage.server('expired'))), ...happyEyeballs(stage) }),
    server: ({ tls: version }) =>
      version === '1.2'
        ? established()
        : failed('connection_closed', 'peer', 'certificate', {
            verification: { result: 'not_requested', enforced: undefined, errors: [] },
          }),
    client: failed('certificate_expired', 'us', 'certificate', {
      certificate: 'server.expired',
      verification: distrusted('certificate_expired'),
    }),
  },
]);

/** Visits a server of raw sockets with the client's options. */
async function visitRaw(
  stage: Stage,
  server: net.Server,
  options: tls.ConnectionOptions = {},
  prepare?: (socket: tls.TLSSocket) => unknown,
): Promise<void> {
  await visit({ port: await stage.listen(server), ...stage.client(), ...options }, prepare);
}

/** `localhost` is `::1`, where nobody listens, and then `127.0.0.1`. */
function happyEyeballs(stage: Stage): tls.ConnectionOptions {
  const addresses = [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ];
  const both = (_host: string, _options: object, answer: (error: null, all: object[]) => void) =>
    answer(null, addresses);
  return { ...stage.client(), host: 'localhost', lookup: both, autoSelectFamily: true } as object;
}

async function connected(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  await new Promise<void>(resolve => socket.once('connect', () => resolve()));
  return socket;
}
