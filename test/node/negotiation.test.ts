import { constants } from 'node:crypto';
import type * as https from 'node:https';
import * as tls from 'node:tls';
import { LEGACY, opensslClient } from '../support/external-peer';
import { http2Server, httpsServer, visitHttp2, visitHttps } from '../support/http-visits';
import {
  abandoned,
  type Expected,
  established,
  before22,
  failed,
  from22,
  NOT_REQUESTED,
  playAll,
  type Scenario,
  type Stage,
  NODE_MAJOR,
  NOT_PRESENTED,
  tolerated,
  verification,
} from '../support/scenario';
import { greeter, visit } from '../support/tls-pair';

/** We end it as a server that asks no certificate of its clients. */
const weRefuse = (...[reason, phase]: [Parameters<typeof failed>[0], Parameters<typeof failed>[2]]): Expected =>
  failed(reason, 'us', phase, { verification: NOT_REQUESTED });

/** The server's alert, as our client reads it before it has seen a certificate. */
const theyRefuse = (reason: Parameters<typeof failed>[0], alert: string): Expected =>
  failed(reason, 'peer', 'negotiation', { alert });

const bothWell = {
  server: established(),
  client: established({ certificate: 'server.good' }),
} satisfies Partial<Scenario>;

playAll('Two sides that want different things', [
  {
    name: 'agree on everything',
    play: stage => stage.meet(stage.server(), stage.client()),
    server: established({ serverName: 'localhost' }),
    client: established({ certificate: 'server.good', serverName: 'localhost' }),
  },
  {
    name: 'have no group in common',
    tls: '1.2',
    play: stage =>
      stage.meet({ ...stage.server(), ecdhCurve: 'X25519' }, { ...stage.client(), ecdhCurve: 'P-384:P-256' }),
    server: weRefuse('no_shared_cipher', 'negotiation'),
    client: theyRefuse('handshake_failure', 'handshake_failure'),
  },
  {
    name: 'have no group in common',
    tls: '1.3',
    play: stage =>
      stage.meet({ ...stage.server(), ecdhCurve: 'X25519' }, { ...stage.client(), ecdhCurve: 'P-384:P-256' }),
    server: weRefuse('no_shared_group', 'negotiation'),
    client: theyRefuse('handshake_failure', 'handshake_failure'),
  },
  {
    name: 'have no cipher suite in common',
    tls: '1.2',
    play: stage =>
      stage.meet(
        { ...stage.server(), ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
        { ...stage.client(), ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
      ),
    server: weRefuse('no_shared_cipher', 'negotiation'),
    client: theyRefuse('handshake_failure', 'handshake_failure'),
  },
  {
    name: 'have no cipher suite in common',
    tls: '1.3',
    play: stage =>
      stage.meet(
        { ...stage.server(), ciphers: 'TLS_AES_128_GCM_SHA256' },
        { ...stage.client(), ciphers: 'TLS_AES_256_GCM_SHA384' },
      ),
    server: weRefuse('no_shared_cipher', 'negotiation'),
    client: theyRefuse('handshake_failure', 'handshake_failure'),
  },
  {
    name: 'have no signature algorithm in common',
    tls: '1.2',
    play: stage => stage.meet(stage.server(), { ...stage.client(), sigalgs: 'rsa_pss_rsae_sha256' }),
    server: weRefuse('no_shared_cipher', 'negotiation'),
    client: theyRefuse('handshake_failure', 'handshake_failure'),
  },
  {
    name: 'have no signature algorithm in common',
    tls: '1.3',
    play: stage => stage.meet(stage.server(), { ...stage.client(), sigalgs: 'rsa_pss_rsae_sha256' }),
    server: weRefuse('no_shared_signature_algorithm', 'negotiation'),
    client: theyRefuse('handshake_failure', 'handshake_failure'),
  },
  {
    name: 'differ: the client speaks at most 1.2, the server at least 1.3',
    tls: 'any',
    play: stage =>
      stage.meet({ ...stage.server(), minVersion: 'TLSv1.3' }, { ...stage.client(), maxVersion: 'TLSv1.2' }),
    server: weRefuse('protocol_version', 'negotiation'),
    client: theyRefuse('protocol_version', 'protocol_version'),
  },
  {
    name: 'differ: the client speaks at least 1.3, the server at most 1.2',
    tls: 'any',
    play: stage =>
      stage.meet({ ...stage.server(), maxVersion: 'TLSv1.2' }, { ...stage.client(), minVersion: 'TLSv1.3' }),
    server: weRefuse('protocol_version', 'negotiation'),
    client: theyRefuse('protocol_version', 'protocol_version'),
  },
  ...['-tls1', '-tls1_1'].map(
    (version): Scenario => ({
      name: `differ: openssl s_client ${version}`,
      tls: 'any',
      needs: 'openssl',
      play: async stage => {
        const port = await stage.listen(greeter(stage.server()));
        await opensslClient(port, [version, ...LEGACY]).finished;
      },
      server: weRefuse('protocol_version', 'negotiation'),
    }),
  ),
  {
    name: 'fall back: a client says that it once knew a newer version',
    tls: 'any',
    needs: 'openssl',
    play: async stage => {
      const port = await stage.listen(greeter(stage.server()));
      await opensslClient(port, ['-tls1_2', '-fallback_scsv']).finished;
    },
    server: weRefuse('inappropriate_fallback', 'negotiation'),
  },
  {
    name: 'insist on renegotiation as of old: a client without RFC 5746 is served nevertheless',
    tls: '1.2',
    play: stage =>
      stage.meet(stage.server(), { ...stage.client(), secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT }),
    ...bothWell,
  },
]);

playAll('Application protocols', [
  {
    name: 'one in common',
    play: stage =>
      stage.meet(
        { ...stage.server(), ALPNProtocols: ['h2', 'http/1.1'] },
        { ...stage.client(), ALPNProtocols: ['http/1.1'] },
      ),
    server: established({ alpn: 'http/1.1' }),
    client: established({ certificate: 'server.good', alpn: 'http/1.1' }),
  },
  {
    name: 'none in common',
    play: stage =>
      stage.meet({ ...stage.server(), ALPNProtocols: ['h2'] }, { ...stage.client(), ALPNProtocols: ['http/1.1'] }),
    server: weRefuse('no_application_protocol', 'negotiation'),
    client: theyRefuse('no_application_protocol', 'no_application_protocol'),
  },
  {
    name: 'the ALPNCallback likes none',
    play: stage =>
      stage.meet({ ...stage.server(), ALPNCallback: () => undefined }, { ...stage.client(), ALPNProtocols: ['x'] }),
    server: weRefuse('no_application_protocol', 'negotiation'),
    client: theyRefuse('no_application_protocol', 'no_application_protocol'),
  },
  {
    name: 'the ALPNCallback makes one up',
    play: stage =>
      stage.meet({ ...stage.server(), ALPNCallback: () => 'bogus' }, { ...stage.client(), ALPNProtocols: ['x'] }),
    server: weRefuse('config_error', 'negotiation'),
    client: hungUp,
  },
  {
    name: 'an http2 server turns HTTP/1 away',
    play: async stage => visitHttps(await stage.listen(http2Server(stage.server())), overHttp1(stage)),
    server: weRefuse('no_application_protocol', 'negotiation'),
    client: theyRefuse('no_application_protocol', 'no_application_protocol'),
  },
  {
    name: 'an http2 server that allows HTTP/1 serves it',
    play: async stage =>
      visitHttps(await stage.listen(http2Server({ ...stage.server(), allowHTTP1: true })), overHttp1(stage)),
    server: established({ alpn: 'http/1.1' }),
    client: established({ certificate: 'server.good', alpn: 'http/1.1' }),
  },
  {
    name: 'an http2 server answers a client without ALPN with 403: the handshake stands',
    play: async stage => visit({ port: await stage.listen(http2Server(stage.server())), ...stage.client() }),
    ...bothWell,
  },
  {
    name: 'two of http2',
    play: async stage => visitHttp2(await stage.listen(http2Server(stage.server())), stage.client()),
    server: established({ alpn: 'h2' }),
    client: established({ certificate: 'server.good', alpn: 'h2' }),
  },
  {
    name: 'h2 and then something else: no longer a matter of TLS',
    play: async stage => {
      const port = await stage.listen(http2Server(stage.server()).on('sessionError', () => {}));
      await speak(port, { ...stage.client(), ALPNProtocols: ['h2'] }, 'this is no HTTP/2 connection preface\r\n\r\n');
    },
    ...bothWell,
  },
  {
    name: 'https and then something else: no longer a matter of TLS',
    play: async stage => {
      const port = await stage.listen(httpsServer(stage.server()));
      await speak(port, stage.client(), 'this is no HTTP request\r\n\r\n');
    },
    ...bothWell,
  },
]);

playAll('The name that is asked for', [
  {
    name: 'is found by the SNICallback',
    play: stage =>
      stage.meet(
        { SNICallback: (_name, answer) => answer(null, tls.createSecureContext(stage.server())) },
        stage.client(),
      ),
    ...bothWell,
  },
  {
    name: 'is unknown to the SNICallback, and the server has a certificate for everybody',
    play: stage =>
      stage.meet({ ...stage.server(), SNICallback: (_name, answer) => answer(null, undefined) }, stage.client()),
    ...bothWell,
  },
  {
    name: 'is unknown to the SNICallback, and the server has no other certificate',
    tls: '1.2',
    play: stage => stage.meet({ SNICallback: (_name, answer) => answer(null, undefined) }, stage.client()),
    server: weRefuse('no_shared_cipher', 'negotiation'),
    client: theyRefuse('handshake_failure', 'handshake_failure'),
  },
  {
    name: 'is unknown to the SNICallback, and the server has no other certificate',
    tls: '1.3',
    play: stage => stage.meet({ SNICallback: (_name, answer) => answer(null, undefined) }, stage.client()),
    server: weRefuse('no_shared_signature_algorithm', 'negotiation'),
    client: theyRefuse('handshake_failure', 'handshake_failure'),
  },
  {
    name: 'is not even asked of a server without any certificate',
    tls: '1.2',
    play: stage => stage.meet({}, stage.client()),
    server: weRefuse('no_shared_cipher', 'negotiation'),
    client: theyRefuse('handshake_failure', 'handshake_failure'),
  },
  {
    name: 'is not even asked of a server without any certificate',
    tls: '1.3',
    play: stage => stage.meet({}, stage.client()),
    server: weRefuse('no_shared_signature_algorithm', 'negotiation'),
    client: theyRefuse('handshake_failure', 'handshake_failure'),
  },
  {
    name: 'makes the SNICallback fail',
    play: stage =>
      stage.meet(
        { ...stage.server(), SNICallback: (_name, answer) => answer(new Error('no database')) },
        stage.client(),
      ),
    server: weRefuse('internal_error', 'negotiation'),
    client: hungUp,
  },
  {
    name: 'makes the SNICallback answer with something that is no context',
    play: stage =>
      stage.meet(
        { ...stage.server(), SNICallback: (_name, answer) => answer(null, {} as tls.SecureContext) },
        stage.client(),
      ),
    server: weRefuse('internal_error', 'negotiation'),
    client: hungUp,
  },
  {
    name: 'is never answered by the SNICallback: the handshake times out, and the client leaves',
    play: async stage => {
      const server = greeter({ ...stage.server(), handshakeTimeout: 200, SNICallback: () => {} });
      server.on('tlsClientError', (_error, socket) => socket.destroy());
      await visit({ port: await stage.listen(server), ...stage.client() });
    },
    server: weRefuse('handshake_timeout', 'negotiation'),
    client: hungUp,
  },
]);

const PSK = Buffer.from('c0ffee00c0ffee00c0ffee00c0ffee00', 'hex');
const OTHER_PSK = Buffer.from('decafbaddecafbaddecafbaddecafbad', 'hex');
const psk = { ciphers: 'PSK-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256', pskIdentityHint: 'who' };
const pskClient = (stage: Stage, key = PSK): tls.ConnectionOptions => ({
  ...stage.version,
  ciphers: psk.ciphers,
  checkServerIdentity: () => undefined,
  pskCallback: () => ({ psk: key, identity: 'someone' }),
});

const noCertificate = failed('certificate_required', 'us', 'certificate', {
  resumed: undefined,
  verification: NOT_PRESENTED,
});

playAll('Pre-shared keys', [
  {
    name: 'are the same',
    tls: '1.2',
    play: stage => stage.meet({ ...psk, pskCallback: () => PSK }, pskClient(stage)),
    server: established(),
    client: established({ verification: verification('not_presented', true) }),
  },
  {
    // To OpenSSL a TLS 1.3 session is resumed by a pre-shared key, and it does not tell the one from the other. Who has keys
    // and sees no certificate cannot know it.
    name: 'are the same',
    tls: '1.3',
    play: stage => stage.meet({ ...psk, pskCallback: () => PSK }, pskClient(stage)),
    server: established({ resumed: undefined }),
    client: established({ resumed: undefined, verification: verification('not_presented', true) }),
  },
  {
    name: 'are the same, on a server that demands a certificate of those who have none',
    tls: '1.3',
    play: stage => stage.meet({ ...stage.mutual(), ...psk, pskCallback: () => PSK }, pskClient(stage)),
    // Node 20 and 22 demand none where OpenSSL says that a session was resumed.
    server: NODE_MAJOR < 24 ? established({ resumed: undefined, verification: NOT_PRESENTED }) : noCertificate,
    client: established({ resumed: undefined, verification: verification('not_presented', true) }),
  },
  {
    name: 'are known to both, and a session with a certificate is resumed all the same',
    tls: '1.3',
    play: stage => resumeBeside(stage),
    server: [established({ certificate: 'client.good' }), established({ certificate: 'client.good', resumed: true })],
    client: [established({ certificate: 'server.good' }), established({ certificate: 'server.good', resumed: true })],
  },
  {
    name: 'differ',
    tls: '1.2',
    play: stage => stage.meet({ ...psk, pskCallback: () => PSK }, pskClient(stage, OTHER_PSK)),
    server: weRefuse('decrypt_error', 'finished'),
    client: theyRefuse('protocol_error', 'bad_record_mac'),
  },
  {
    name: 'differ',
    tls: '1.3',
    on: before22,
    play: stage => stage.meet({ ...psk, pskCallback: () => PSK }, pskClient(stage, OTHER_PSK)),
    server: weRefuse('decrypt_error', 'negotiation'),
    client: theyRefuse('protocol_error', 'illegal_parameter'),
  },
  {
    name: 'differ',
    tls: '1.3',
    on: from22,
    play: stage => stage.meet({ ...psk, pskCallback: () => PSK }, pskClient(stage, OTHER_PSK)),
    server: weRefuse('decrypt_error', 'negotiation'),
    client: failed('decrypt_error', 'peer', 'certificate', { alert: 'decrypt_error' }),
  },
  {
    name: 'belong to somebody the server does not know',
    tls: '1.2',
    play: stage => stage.meet({ ...psk, pskCallback: () => null }, pskClient(stage)),
    server: weRefuse('psk_identity_unknown', 'negotiation'),
    client: theyRefuse('psk_identity_unknown', 'unknown_psk_identity'),
  },
  {
    name: 'belong to somebody the server does not know, and it has no certificate either',
    tls: '1.3',
    play: stage => stage.meet({ ...psk, pskCallback: () => null }, pskClient(stage)),
    server: weRefuse('no_shared_signature_algorithm', 'negotiation'),
    client: theyRefuse('handshake_failure', 'handshake_failure'),
  },
  {
    name: 'make the callback throw',
    play: stage =>
      stage.meet(
        {
          ...psk,
          pskCallback: () => {
            throw new Error('no database');
          },
        },
        pskClient(stage),
      ),
    server: weRefuse('internal_error', 'negotiation'),
    // In TLS 1.2 the server has already said hello when it looks for the key.
    client: ({ tls: version }) =>
      failed('connection_closed', 'peer', version === '1.2' ? 'negotiation' : 'client_hello'),
  },
]);

/** Twice, by the ticket of the first time. Keys are known to both, and are not asked for. */
async function resumeBeside(stage: Stage): Promise<void> {
  const keys = { pskCallback: () => null };
  const port = await stage.listen(greeter({ ...stage.mutual(), ...keys }));
  let session: Buffer | undefined;
  const come = (more: tls.ConnectionOptions) =>
    visit({ port, ...stage.client('good'), ...keys, ...more }, socket =>
      socket.on('session', ticket => {
        session = ticket;
      }),
    );
  await come({});
  await come({ session });
}

/** Documented, and missing from the types. */
const ASKS_FOR_OCSP = { requestOCSP: true };

playAll('A stapled OCSP answer', [
  {
    name: 'is given',
    play: stage => {
      const server = greeter(stage.server());
      server.on('OCSPRequest', (_certificate, _issuer, answer) => answer(null, Buffer.from('stapled')));
      return visitStapled(stage, server);
    },
    ...bothWell,
  },
  {
    name: 'cannot be given: the handler fails',
    play: stage => {
      const server = greeter(stage.server());
      server.on('OCSPRequest', (_certificate, _issuer, answer) => answer(new Error('no responder'), Buffer.alloc(0)));
      return visitStapled(stage, server);
    },
    server: weRefuse('internal_error', 'negotiation'),
    client: hungUp,
  },
  {
    name: 'displeases the client, which destroys its socket',
    play: async stage => {
      const server = greeter(stage.server());
      server.on('OCSPRequest', (_certificate, _issuer, answer) => answer(null, Buffer.from('stapled')));
      await visitStapled(stage, server, socket => {
        socket.on('OCSPResponse', () => socket.destroy());
      });
    },
    server: failed('connection_closed', 'peer', 'certificate', { verification: NOT_REQUESTED }),
    client: abandoned('certificate', 'us', { certificate: 'server.good' }),
  },
]);

playAll('A client that does not insist', [
  {
    name: 'goes on although the server is unknown',
    play: stage => stage.meet(stage.server('unknownCa'), { ...stage.client(), rejectUnauthorized: false }),
    server: established(),
    client: established({ certificate: 'server.unknownCa', verification: tolerated('unknown_ca') }),
  },
  {
    name: 'goes on although the name is another',
    play: stage => stage.meet(stage.server('otherHost'), { ...stage.client(), rejectUnauthorized: false }),
    server: established(),
    client: established({ certificate: 'server.otherHost', verification: tolerated('certificate_name_mismatch') }),
  },
]);

/** What our client learns of a server that goes away without a word before it has answered the ClientHello. */
function hungUp(): Expected {
  return failed('connection_closed', 'peer', 'client_hello');
}

/** What https.request passes on to tls.connect, although its own types do not say so. */
function overHttp1(stage: Stage): https.RequestOptions {
  return { ...stage.client(), ALPNProtocols: ['http/1.1'] } as https.RequestOptions;
}

/** A client that asks for a stapled OCSP answer. */
async function visitStapled(
  stage: Stage,
  server: tls.Server,
  prepare?: (socket: tls.TLSSocket) => void,
): Promise<void> {
  await visit({ port: await stage.listen(server), ...stage.client(), ...ASKS_FOR_OCSP }, prepare);
}

/** Says `words` on a TLS connection and waits for its end. */
async function speak(port: number, options: tls.ConnectionOptions, words: string): Promise<void> {
  await visit({ port, ...options }, socket => socket.write(words));
}
