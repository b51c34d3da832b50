import { once } from 'node:events';
import * as net from 'node:net';
import * as tls from 'node:tls';
import type { FailureReason } from '../../src/handshake/failure-reasons';
import { opensslClient, withFiles } from '../support/external-peer';
import { http2Server, httpsServer, visitHttp2, visitHttps } from '../support/http-visits';
import {
  alertRecord,
  corrupting,
  recordClientHello,
  relaying,
  sendAndFinish,
  sendAndReset,
  sendAndStay,
  WORDS,
} from '../support/raw-peer';
import {
  abandoned,
  distrusted,
  type Expected,
  established,
  failed,
  NOT_REQUESTED,
  playAll,
  refusedWithoutAWord,
  type Scenario,
  type Stage,
  UNVERIFIED,
} from '../support/scenario';
import type { Presented } from '../support/scenario-certificates';
import { greeter, LOOPBACK, visit } from '../support/tls-pair';

const plain = { verification: NOT_REQUESTED };

/** The three kinds of server Node has: they differ in what they do with a failed handshake. */
const SERVERS: Readonly<Record<string, (options: tls.TlsOptions) => tls.Server>> = {
  tls: options => greeter(options),
  https: options => httpsServer(options),
  http2: options => http2Server(options),
};

const NO_TLS: ReadonlyArray<{ what: string; bytes: Uint8Array; reason: FailureReason; phase: Expected['phase'] }> = [
  { what: 'plain HTTP', bytes: WORDS.plainHttp, reason: 'not_tls', phase: 'client_hello' },
  { what: "a proxy's CONNECT", bytes: WORDS.proxyConnect, reason: 'not_tls', phase: 'client_hello' },
  { what: 'an SSH banner', bytes: WORDS.sshBanner, reason: 'not_tls', phase: 'client_hello' },
  { what: 'noise', bytes: WORDS.noise, reason: 'not_tls', phase: 'client_hello' },
  { what: 'an SSLv2 hello', bytes: WORDS.sslv2Hello, reason: 'not_tls', phase: 'client_hello' },
  {
    what: 'a TLS record with garbage in it',
    bytes: WORDS.garbageRecord,
    reason: 'protocol_error',
    phase: 'negotiation',
  },
];

playAll('Something that is no TLS', [
  ...Object.entries(SERVERS).flatMap(([kind, server]) =>
    NO_TLS.map(
      ({ what, bytes, reason, phase }): Scenario => ({
        name: `${what}, on a server of ${kind}`,
        tls: 'any',
        play: async stage => sendAndStay(await stage.listen(server(stage.server())), bytes),
        server: failed(reason, 'us', phase!, plain),
      }),
    ),
  ),
]);

playAll('A connection without a word', [
  ...Object.entries(SERVERS).flatMap(([kind, server]): Scenario[] => [
    {
      name: `that closes at once, on a server of ${kind}`,
      tls: 'any',
      play: async stage => sendAndFinish(await stage.listen(server(stage.server()))),
      server: abandoned('client_hello', 'peer', plain),
    },
    {
      name: `that resets at once, on a server of ${kind}`,
      tls: 'any',
      play: async stage => {
        const one = server(stage.server());
        const port = await stage.listen(one);
        await sendAndReset(port, { after: once(one, 'connection') });
      },
      server: abandoned('client_hello', 'network', plain),
    },
    {
      name: `that lasts until the handshake times out, on a server of ${kind}`,
      tls: 'any',
      play: async stage => {
        const timed = server({ ...stage.server(), handshakeTimeout: 50 });
        const port = await stage.listen(timed);
        // A plain tls.Server leaves the socket to the application, and without one it stays open.
        const timedOut = once(timed, 'tlsClientError');
        await sendAndStay(port, Buffer.alloc(0), { leave: timedOut });
      },
      server: failed('handshake_timeout', 'us', 'client_hello', plain),
    },
  ]),
  {
    name: 'that leaves before the default handshake timeout',
    tls: 'any',
    play: async stage => {
      const server = greeter(stage.server());
      const port = await stage.listen(server);
      const accepted = once(server, 'connection');
      await sendAndStay(port, Buffer.alloc(0), { leave: accepted });
    },
    server: abandoned('client_hello', 'peer', plain),
  },
  {
    name: 'to a server that demands certificates',
    tls: 'any',
    play: async stage => sendAndFinish(await stage.listen(greeter(stage.mutual()))),
    server: abandoned('client_hello', 'peer', { verification: UNVERIFIED }),
  },
]);

playAll('A handshake that Node gives up as too slow, on a server that leaves the connection open,', [
  {
    name: 'is reported as such, and again when a good client finishes it',
    play: stage => finishLate(stage, 'good'),
    server: [
      failed('handshake_timeout', 'us', 'client_hello'),
      established({ certificate: 'client.good', serverName: 'localhost' }),
    ],
    client: established({ certificate: 'server.good' }),
  },
  {
    name: 'is reported as such, and again when a bad client finishes it',
    play: stage => finishLate(stage, 'unknownCa'),
    server: [
      failed('handshake_timeout', 'us', 'client_hello'),
      failed('unknown_ca', 'us', 'certificate', {
        certificate: 'client.unknownCa',
        verification: distrusted('unknown_ca'),
      }),
    ],
    client: refusedWithoutAWord,
  },
]);

playAll('An application that ends what carries a TLS connection', [
  ...[undefined, new Error('too many of you')].flatMap((error): Scenario[] => [
    {
      name: `before a word has come, with ${error ? 'an' : 'no'} error`,
      tls: 'any',
      play: async stage => {
        const server = greeter(stage.server()).on('connection', raw => setImmediate(() => raw.destroy(error)));
        await sendAndStay(await stage.listen(server), Buffer.alloc(0));
      },
      server: abandoned('client_hello', 'us', plain),
    },
    {
      name: `within a handshake, with ${error ? 'an' : 'no'} error`,
      play: async stage => {
        const server = greeter(stage.server()).on('connection', raw => setTimeout(() => raw.destroy(error), 100));
        await sendAndStay(await stage.listen(server), await helloOf(stage));
      },
      server: abandoned('certificate', 'us', plain),
    },
  ]),
]);

playAll('A ClientHello', [
  {
    name: 'that is answered, and then something that is no TLS',
    play: async stage => {
      const hello = await helloOf(stage);
      const port = await stage.listen(greeter(stage.server()));
      await sendAndStay(port, hello, { more: WORDS.plainHttp });
    },
    server: failed('protocol_error', 'us', 'negotiation', { ...plain, serverName: 'localhost' }),
  },
  {
    name: 'of which half comes, and then the end',
    play: async stage => {
      const hello = await helloOf(stage);
      await sendAndFinish(await stage.listen(greeter(stage.server())), hello.subarray(0, hello.length / 2));
    },
    server: failed('connection_closed', 'peer', 'client_hello', plain),
  },
  {
    name: 'of which one byte comes, and then the end',
    tls: 'any',
    play: async stage => sendAndFinish(await stage.listen(greeter(stage.server())), Buffer.of(0x16)),
    server: failed('connection_closed', 'peer', 'client_hello', plain),
  },
  {
    name: 'of which half comes, and then nothing until the handshake times out',
    play: async stage => {
      const hello = await helloOf(stage);
      const server = httpsServer({ ...stage.server(), handshakeTimeout: 50 });
      await sendAndStay(await stage.listen(server), hello.subarray(0, hello.length / 2));
    },
    server: failed('handshake_timeout', 'us', 'client_hello', plain),
  },
  {
    name: 'that is whole, and then the end',
    play: async stage => sendAndFinish(await stage.listen(greeter(stage.server())), await helloOf(stage)),
    server: failed('connection_closed', 'peer', 'certificate', { ...plain, serverName: 'localhost' }),
  },
  {
    name: 'that is whole, and a reset after the answer',
    play: async stage => sendAndReset(await stage.listen(greeter(stage.server())), { bytes: await helloOf(stage) }),
    server: failed('connection_reset', 'network', 'certificate', { ...plain, serverName: 'localhost' }),
  },
  {
    name: 'that is whole, and then nothing until the handshake times out',
    play: async stage => {
      const server = httpsServer({ ...stage.mutual(), handshakeTimeout: 200 });
      await sendAndStay(await stage.listen(server), await helloOf(stage));
    },
    server: failed('handshake_timeout', 'us', 'certificate', { verification: UNVERIFIED, serverName: 'localhost' }),
  },
]);

// RFC 8446 section 6.2 and 6.1. Last checked 2026-11-22.
const ALERTS: ReadonlyArray<{ number: number; alert: string; reason: FailureReason }> = [
  { number: 10, alert: 'unexpected_message', reason: 'protocol_error' },
  { number: 40, alert: 'handshake_failure', reason: 'handshake_failure' },
  { number: 42, alert: 'bad_certificate', reason: 'bad_certificate' },
  { number: 43, alert: 'unsupported_certificate', reason: 'unsupported_certificate' },
  { number: 44, alert: 'certificate_revoked', reason: 'certificate_revoked' },
  { number: 45, alert: 'certificate_expired', reason: 'certificate_expired' },
  { number: 46, alert: 'certificate_unknown', reason: 'certificate_unknown' },
  { number: 47, alert: 'illegal_parameter', reason: 'protocol_error' },
  { number: 48, alert: 'unknown_ca', reason: 'unknown_ca' },
  { number: 49, alert: 'access_denied', reason: 'access_denied' },
  { number: 50, alert: 'decode_error', reason: 'protocol_error' },
  { number: 51, alert: 'decrypt_error', reason: 'decrypt_error' },
  { number: 71, alert: 'insufficient_security', reason: 'insufficient_security' },
  { number: 80, alert: 'internal_error', reason: 'internal_error' },
  { number: 112, alert: 'unrecognized_name', reason: 'unrecognized_name' },
];

playAll('A client that has seen our certificate and answers with an alert', [
  ...ALERTS.map(
    ({ number, alert, reason }): Scenario => ({
      name: `${alert} (${number})`,
      tls: '1.2',
      play: async stage =>
        sendAndStay(await stage.listen(greeter(stage.server())), await helloOf(stage), { more: alertRecord(number) }),
      server: failed(reason, 'peer', 'certificate', { ...plain, alert }),
    }),
  ),
  ...([0, 90] as const).map(
    (number): Scenario => ({
      name: `that is none: it says goodbye (${number})`,
      tls: '1.2',
      play: async stage =>
        sendAndStay(await stage.listen(greeter(stage.server())), await helloOf(stage), {
          more: alertRecord(number, 'warning'),
          thenFinish: true,
        }),
      server: failed('connection_closed', 'peer', 'certificate', plain),
    }),
  ),
]);

/** OpenSSL verifies within the handshake and says what it found: in TLS 1.3 too, encrypted. */
playAll('An OpenSSL client that verifies our certificate', [
  ...Object.entries(SERVERS).map(
    ([kind, server]): Scenario => ({
      name: `does not know its authority, on a server of ${kind}`,
      needs: 'openssl',
      play: async stage => verifyingClient(stage, await stage.listen(server(stage.server())), 'stranger'),
      server: failed('unknown_ca', 'peer', 'certificate', { ...plain, alert: 'unknown_ca' }),
    }),
  ),
  {
    name: 'does not know its authority, on a server that demands certificates',
    needs: 'openssl',
    play: async stage => verifyingClient(stage, await stage.listen(greeter(stage.mutual())), 'stranger'),
    server: failed('unknown_ca', 'peer', 'certificate', { verification: UNVERIFIED, alert: 'unknown_ca' }),
  },
  {
    name: 'finds it expired',
    needs: 'openssl',
    play: async stage => verifyingClient(stage, await stage.listen(greeter(stage.server('expired'))), 'root'),
    server: failed('certificate_expired', 'peer', 'certificate', { ...plain, alert: 'certificate_expired' }),
  },
  {
    name: 'finds it for another name',
    needs: 'openssl',
    play: async stage =>
      verifyingClient(stage, await stage.listen(greeter(stage.server('otherHost'))), 'root', [
        '-verify_hostname',
        'localhost',
      ]),
    server: failed('bad_certificate', 'peer', 'certificate', { ...plain, alert: 'bad_certificate' }),
  },
  {
    name: 'finds it good',
    needs: 'openssl',
    play: async stage => verifyingClient(stage, await stage.listen(greeter(stage.server())), 'root'),
    server: established(),
  },
]);

/**
 * A Node client verifies after the handshake and hangs up without a word. In TLS 1.2 the server has long been told that
 * the connection is secure; in TLS 1.3 the client's last message never came.
 */
const distrustedByNode = ({ tls: version }: Stage): Expected =>
  version === '1.2' ? established() : failed('connection_closed', 'peer', 'certificate', plain);

const refusedByClient = (reason: FailureReason, certificate: string): Expected =>
  failed(reason, 'us', 'certificate', {
    certificate,
    verification: { result: 'failed', enforced: true, errors: [reason] },
  });

playAll('A Node client that verifies our certificate', [
  {
    name: 'does not know its authority',
    play: stage => stage.meet(stage.server('unknownCa'), stage.client()),
    server: distrustedByNode,
    client: refusedByClient('unknown_ca', 'server.unknownCa'),
  },
  {
    name: 'does not know its authority, by https',
    play: async stage => visitHttps(await stage.listen(httpsServer(stage.server('unknownCa'))), stage.client()),
    server: distrustedByNode,
    client: refusedByClient('unknown_ca', 'server.unknownCa'),
  },
  {
    name: 'does not know its authority, by http2',
    play: async stage => visitHttp2(await stage.listen(http2Server(stage.server('unknownCa'))), stage.client()),
    server: distrustedByNode,
    client: refusedByClient('unknown_ca', 'server.unknownCa'),
  },
  {
    name: 'finds it for another name',
    play: stage => stage.meet(stage.server('otherHost'), stage.client()),
    server: distrustedByNode,
    client: refusedByClient('certificate_name_mismatch', 'server.otherHost'),
  },
  {
    name: 'does not know its authority, on a server that demands certificates',
    play: stage => stage.meet(stage.mutual('unknownCa'), stage.client('good')),
    server: ({ tls: version }) =>
      version === '1.2'
        ? established({ certificate: 'client.good' })
        : failed('connection_closed', 'peer', 'certificate', { verification: UNVERIFIED }),
    client: refusedByClient('unknown_ca', 'server.unknownCa'),
  },
]);

playAll('A client that leaves right after the handshake', [
  {
    name: 'politely',
    play: async stage => {
      const port = await stage.listen(greeter(stage.server()));
      await visit({ port, ...stage.client() }, socket => socket.on('secureConnect', () => socket.end()));
    },
    server: established(),
    client: established({ certificate: 'server.good' }),
  },
  {
    // In TLS 1.3 the client's last message is never sent: to the server that is a handshake broken off.
    name: 'by destroying its socket',
    play: async stage => {
      const port = await stage.listen(greeter(stage.server()));
      await visit({ port, ...stage.client() }, socket => socket.on('secureConnect', () => socket.destroy()));
    },
    server: distrustedByNode,
    client: established({ certificate: 'server.good' }),
  },
  {
    name: 'with a broken record',
    tls: '1.2',
    play: stage => throughCorruption(stage, 3, 'hello'),
    server: established(),
    // Before any answer came an alert: the client has not been served, in TLS 1.2 no more than in TLS 1.3.
    client: established({
      certificate: 'server.good',
      refusal: { reason: 'protocol_error', decidedBy: 'peer', phase: 'post_handshake', alert: 'bad_record_mac' },
    }),
  },
  {
    name: 'with a Finished that was changed on its way',
    tls: '1.3',
    play: stage => throughCorruption(stage, 2),
    server: failed('decrypt_error', 'us', 'finished', plain),
    client: established({
      certificate: 'server.good',
      refusal: { reason: 'protocol_error', decidedBy: 'peer', phase: 'post_handshake', alert: 'bad_record_mac' },
    }),
  },
  {
    name: 'with a Finished that was changed on its way',
    tls: '1.2',
    play: stage => throughCorruption(stage, 2),
    server: failed('decrypt_error', 'us', 'finished', plain),
    client: failed('protocol_error', 'peer', 'certificate', { certificate: 'server.good', alert: 'bad_record_mac' }),
  },
]);

playAll('A connection that is damaged later', [
  ...[
    { what: 'a record that nobody can decrypt', bytes: Buffer.from(`1703030020${'ab'.repeat(32)}`, 'hex') },
    { what: 'something that is no TLS', bytes: WORDS.plainHttp },
  ].map(
    ({ what, bytes }): Scenario => ({
      name: `on its way to a client that has read nothing yet, by ${what}: that is no refusal`,
      play: async stage => {
        const listener = tls.createServer(stage.server(), socket => {
          // Node leaves a connection open that had been secure.
          socket.on('error', () => socket.destroy()).resume();
        });
        const port = await stage.listen(listener);
        let towardsClient: net.Socket | undefined;
        const relay = relaying(port).on('connection', socket => {
          towardsClient = socket;
        });
        await visit({ port: await stage.listen(relay), ...stage.client() }, socket =>
          // After the tickets, which come with a server's first words.
          socket
            .on('secureConnect', () => setTimeout(() => towardsClient?.write(bytes), 50))
            .on('error', () => socket.destroy()),
        );
      },
      server: established(),
      client: established({ certificate: 'server.good' }),
    }),
  ),
]);

playAll('A server whose own application interferes', [
  {
    name: 'and destroys the connection before TLS begins',
    play: async stage => {
      const server = greeter(stage.server()).prependListener('connection', socket => socket.destroy());
      await visit({ port: await stage.listen(server), ...stage.client() });
    },
    // Node wraps a socket that has lost its handle as it would any stream.
    server: abandoned('client_hello', 'us', { ...plain, address: null, transport: 'stream' }),
    client: failed('connection_closed', 'peer', 'client_hello'),
  },
  {
    name: 'and destroys the connection over its own certificate',
    play: async stage => {
      const server = greeter(stage.server());
      let raw: net.Socket | undefined;
      server.on('connection', socket => {
        raw = socket;
      });
      const port = await stage.listen(server);
      const hello = await helloOf(stage);
      await sendAndStay(port, hello, { onAnswer: () => raw?.destroy() });
    },
    server: abandoned('certificate', 'us', plain),
  },
  {
    name: 'and takes no more than one at a time: the second is never a TLS socket',
    play: async stage => {
      const server = greeter(stage.server());
      server.maxConnections = 1;
      const port = await stage.listen(server);
      const accepted = once(server, 'connection');
      let leave: () => void = () => {};
      const first = sendAndStay(port, Buffer.alloc(0), { leave: new Promise<void>(resolve => (leave = resolve)) });
      await accepted;
      await visit({ port, ...stage.client() });
      leave();
      await first;
    },
    server: abandoned('client_hello', 'peer', plain),
    client: failed('connection_closed', 'peer', 'client_hello'),
  },
]);

playAll('A load balancer in front', [
  {
    name: 'probes the port, and then a client comes through it',
    play: async stage => {
      const port = await stage.listen(greeter(stage.mutual()));
      const balancer = await stage.listen(relaying(port));
      await sendAndFinish(port);
      await visit({ port: balancer, ...stage.client('good') });
    },
    server: [
      abandoned('client_hello', 'peer', { verification: UNVERIFIED }),
      established({ certificate: 'client.good' }),
    ],
    client: established({ certificate: 'server.good' }),
  },
]);

/** Recorded where nobody watches: the socket that makes it is none of the scenario's. */
/** A client that has connected, and says its first word when the server has given it up. */
async function finishLate(stage: Stage, presented: Presented): Promise<void> {
  const server = greeter({ ...stage.mutual(), handshakeTimeout: 50 });
  const socket = net.connect({ port: await stage.listen(server), host: LOOPBACK });
  await once(server, 'tlsClientError');
  await visit({ socket, ...stage.client(presented) });
}

function helloOf(stage: Stage): Promise<Buffer> {
  return stage.unobserved(() => recordClientHello(stage.client()));
}

async function verifyingClient(
  stage: Stage,
  port: number,
  trusts: 'root' | 'stranger',
  args: readonly string[] = [],
): Promise<void> {
  const version = stage.tls === '1.2' ? '-tls1_2' : '-tls1_3';
  await withFiles({ root: stage.certificates[trusts].certificate }, ({ root }) => {
    return opensslClient(port, [version, '-verify_return_error', '-CAfile', root, ...args]).finished;
  });
}

/** The client's chunk of that number, counted from one, arrives with its last byte changed. */
async function throughCorruption(stage: Stage, chunk: number, words?: string): Promise<void> {
  const listener = tls.createServer(stage.server(), socket => {
    socket.on('error', () => socket.destroy()).resume();
  });
  const port = await stage.listen(corrupting(await stage.listen(listener), chunk));
  await visit({ port, ...stage.client() }, socket => {
    if (words !== undefined) socket.on('secureConnect', () => socket.write(words));
  });
}
