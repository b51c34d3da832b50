import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import * as tls from 'node:tls';
import { recordClientHello, sendAndFinish, sendAndStay, WORDS } from '../support/raw-peer';
import {
  abandoned,
  distrusted,
  established,
  failed,
  NOT_REQUESTED,
  playAll,
  type Scenario,
  type Stage,
  TRUSTED,
  tolerated,
  verification,
} from '../support/scenario';
import { goneBy, greeter, visit } from '../support/tls-pair';

const plain = { verification: NOT_REQUESTED };

playAll('STARTTLS on a server: a TLSSocket around an accepted connection', [
  {
    name: 'secures a connection',
    play: stage => startTls(stage, {}, port => visit({ port, ...stage.client() })),
    server: established(),
    client: established({ certificate: 'server.good' }),
  },
  {
    name: 'sees a good client certificate, and nobody insists on it',
    play: stage => startTls(stage, stage.mutual(), port => visit({ port, ...stage.client('good') })),
    server: established({ certificate: 'client.good', verification: verification('ok', false) }),
    client: established({ certificate: 'server.good' }),
  },
  {
    name: 'lets an expired client certificate in, although told to reject it',
    play: stage =>
      startTls(stage, { ...stage.mutual(), rejectUnauthorized: true }, port =>
        visit({ port, ...stage.client('expired') }),
      ),
    server: established({ certificate: 'client.expired', verification: tolerated('certificate_expired') }),
    client: established({ certificate: 'server.good' }),
  },
  {
    name: 'lets an unknown client certificate in, although told to reject it',
    play: stage =>
      startTls(stage, { ...stage.mutual(), rejectUnauthorized: true }, port =>
        visit({ port, ...stage.client('unknownCa') }),
      ),
    server: established({ certificate: 'client.unknownCa', verification: tolerated('unknown_ca') }),
    client: established({ certificate: 'server.good' }),
  },
  {
    name: 'asks for a certificate in vain',
    play: stage => startTls(stage, stage.mutual(), port => visit({ port, ...stage.client() })),
    server: established({ verification: verification('not_presented', false) }),
    client: established({ certificate: 'server.good' }),
  },
  {
    name: 'refuses a client that cannot prove that the certificate is its own',
    play: stage => startTls(stage, stage.mutual(), port => visit({ port, ...stage.client('stolen') })),
    server: failed('decrypt_error', 'us', 'certificate', {
      certificate: 'client.stolen',
      verification: verification('unverified', false),
    }),
    client: ({ tls: version }) =>
      version === '1.2'
        ? failed('decrypt_error', 'peer', 'certificate', { certificate: 'server.good', alert: 'decrypt_error' })
        : established({
            certificate: 'server.good',
            refusal: { reason: 'decrypt_error', decidedBy: 'peer', phase: 'post_handshake', alert: 'decrypt_error' },
          }),
  },
  ...[true, false].map(
    (listens): Scenario => ({
      name: `gets no TLS, and the application ${listens ? 'hears' : 'does not hear'} of it`,
      tls: 'any',
      play: stage => startTls(stage, {}, port => sendAndStay(port, WORDS.noise), { listens }),
      server: failed('not_tls', 'us', 'client_hello', plain),
    }),
  ),
  {
    name: 'gets nothing, and then the end',
    tls: 'any',
    play: stage => startTls(stage, {}, port => sendAndFinish(port)),
    server: abandoned('client_hello', 'peer', plain),
  },
  {
    name: 'hears that TLS is wanted, and then the end',
    tls: 'any',
    play: async stage => {
      const server = net.createServer(raw =>
        raw.once('data', () => {
          raw.write('220 go on\r\n');
          new tls.TLSSocket(raw, { ...stage.server(), isServer: true }).on('error', () => {}).resume();
        }),
      );
      await sendAndStay(await stage.listen(server), Buffer.from('STARTTLS\r\n'), { thenFinish: true });
    },
    server: abandoned('client_hello', 'peer', plain),
  },
  {
    name: 'hears that TLS is wanted, and then half a ClientHello',
    tls: 'any',
    play: async stage => {
      const hello = await stage.unobserved(() => recordClientHello());
      const server = net.createServer(raw =>
        raw.once('data', bytes => {
          // As a server does that has read too much.
          raw.pause();
          raw.unshift(bytes.subarray('STARTTLS\r\n'.length));
          new tls.TLSSocket(raw, { ...stage.server(), isServer: true }).on('error', () => {}).resume();
        }),
      );
      const said = Buffer.concat([Buffer.from('STARTTLS\r\n'), hello.subarray(0, hello.length / 2)]);
      await sendAndFinish(await stage.listen(server), said);
    },
    server: failed('connection_closed', 'peer', 'client_hello', plain),
  },
]);

playAll('STARTTLS on a client', [
  {
    name: 'by tls.connect over a connection that stands: good',
    play: async stage => upgrade(await stage.listen(greeter(stage.server())), stage.client()),
    server: established(),
    client: established({ certificate: 'server.good' }),
  },
  {
    name: 'by tls.connect over a connection that stands: expired',
    play: async stage => upgrade(await stage.listen(greeter(stage.mutual('expired'))), stage.client('good')),
    server: ({ tls: version }) =>
      version === '1.2'
        ? established({ certificate: 'client.good' })
        : failed('connection_closed', 'peer', 'certificate'),
    client: failed('certificate_expired', 'us', 'certificate', {
      certificate: 'server.expired',
      verification: distrusted('certificate_expired'),
    }),
  },
  {
    name: 'by tls.connect over a connection that is still being made',
    play: async stage => {
      const raw = net.connect({ port: await stage.listen(greeter(stage.server())), host: '127.0.0.1' });
      await untilGone(tls.connect({ socket: raw, ...stage.client() }));
    },
    server: established(),
    client: established({ certificate: 'server.good' }),
  },
  {
    name: 'by a bare TLSSocket: nobody verifies',
    play: async stage => bareClient(await stage.listen(greeter(stage.server())), stage),
    server: established(),
    client: established({ certificate: 'server.good', verification: verification('unverified', false) }),
  },
  {
    name: 'by a bare TLSSocket: nobody verifies an expired certificate either',
    play: async stage => bareClient(await stage.listen(greeter(stage.server('expired'))), stage),
    server: established(),
    client: established({ certificate: 'server.expired', verification: tolerated('certificate_expired') }),
  },
  {
    name: 'by TLS within TLS: both are reported',
    play: async stage => {
      const inner = greeter(stage.server('other'));
      const outer = tls.createServer(stage.server(), socket => {
        socket.on('error', () => {});
        inner.emit('connection', socket);
      });
      const tunnel = tls.connect({ port: await stage.listen(outer), host: '127.0.0.1', ...stage.client() });
      await once(tunnel, 'secureConnect');
      await untilGone(tls.connect({ socket: tunnel, ...stage.client() }));
      tunnel.destroy();
      await goneBy(tunnel);
    },
    server: [established(), established()],
    client: [established({ certificate: 'server.good' }), established({ certificate: 'server.other' })],
  },
]);

playAll('A connection handed to tls.Server by the application', [
  ...(['good', 'expired'] as const).map(
    (presented): Scenario => ({
      name: `as an accepted socket, with a client certificate: ${presented}`,
      play: async stage => {
        const server = greeter(stage.mutual());
        const acceptor = net.createServer(socket => server.emit('connection', socket));
        await visit({ port: await stage.listen(acceptor), ...stage.client(presented) });
      },
      server: ofClient(presented),
      client: stage => ofServer(stage, presented, 'tcp'),
    }),
  ),
  ...(['good', 'expired'] as const).map(
    (presented): Scenario => ({
      name: `as a stream of its own making, with a client certificate: ${presented}`,
      play: async stage => {
        const [near, far] = streamPair();
        greeter(stage.mutual()).emit('connection', far);
        await untilGone(tls.connect({ socket: near, ...stage.client(presented) }));
      },
      server: { ...ofClient(presented), transport: 'stream', address: null },
      client: stage => ofServer(stage, presented, 'stream'),
    }),
  ),
  {
    name: 'as a stream of its own making that ends before a word',
    tls: 'any',
    play: async stage => {
      const [near, far] = streamPair();
      const server = greeter(stage.server());
      const failed = once(server, 'tlsClientError');
      server.emit('connection', far);
      near.end();
      await failed;
    },
    server: abandoned('client_hello', 'peer', { ...plain, transport: 'stream', address: null }),
  },
  ...(['good', 'expired'] as const).map(
    (presented): Scenario => ({
      name: `over a Unix socket, with a client certificate: ${presented}`,
      play: async stage => {
        const folder = mkdtempSync(join(tmpdir(), 'otel-tls-test-'));
        const server = greeter(stage.mutual());
        try {
          const path = join(folder, 'socket');
          server.listen(path);
          await once(server, 'listening');
          await untilGone(tls.connect({ path, ...stage.client(presented) }));
          await new Promise(resolve => server.close(resolve));
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      },
      server: { ...ofClient(presented), transport: 'pipe', address: null },
      client: stage => ofServer(stage, presented, 'pipe'),
    }),
  ),
]);

function ofClient(presented: 'good' | 'expired') {
  return presented === 'good'
    ? established({ certificate: 'client.good' })
    : failed('certificate_expired', 'us', 'certificate', {
        certificate: 'client.expired',
        verification: distrusted('certificate_expired'),
      });
}

/** What our client learns of a Node server that accepts its certificate, or refuses it without a word. */
function ofServer({ tls: version }: Stage, presented: 'good' | 'expired', transport: 'tcp' | 'pipe' | 'stream') {
  const where = { certificate: 'server.good', transport, ...(transport === 'tcp' ? {} : { address: null }) };
  if (presented === 'good') return established({ ...where, verification: TRUSTED });
  if (version === '1.2') return failed('connection_closed', 'peer', 'certificate', where);
  return established({
    ...where,
    refusal: { reason: 'peer_closed_after_handshake', decidedBy: 'peer', phase: 'post_handshake', derived: true },
  });
}

/** A server that makes every accepted connection a TLS socket by hand, greets whoever comes, and hangs up. */
async function startTls(
  stage: Stage,
  options: tls.TLSSocketOptions & tls.TlsOptions,
  visiting: (port: number) => Promise<unknown>,
  { listens = true } = {},
): Promise<void> {
  const server = net.createServer(raw => {
    raw.on('error', () => {});
    const socket = new tls.TLSSocket(raw, { ...stage.server(), ...options, isServer: true });
    if (listens) socket.on('error', () => {});
    socket.on('secure', () => socket.end('hello\n'));
    socket.resume();
  });
  await visiting(await stage.listen(server));
}

async function upgrade(port: number, options: tls.ConnectionOptions): Promise<void> {
  const raw = net.connect({ port, host: '127.0.0.1' });
  await once(raw, 'connect');
  await untilGone(tls.connect({ socket: raw, ...options }));
}

async function bareClient(port: number, stage: Stage): Promise<void> {
  const raw = net.connect({ port, host: '127.0.0.1' });
  await once(raw, 'connect');
  const secureContext = tls.createSecureContext(stage.client());
  const socket = new tls.TLSSocket(raw, { secureContext });
  // The handshake begins with the first word.
  socket.write('hello\n');
  await untilGone(socket);
}

async function untilGone(socket: tls.TLSSocket): Promise<void> {
  socket.on('error', () => {});
  socket.resume();
  await goneBy(socket);
}

/** Two ends of a connection within the process: what one writes the other reads. */
function streamPair(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  const end = (other: () => Duplex) =>
    new Duplex({
      allowHalfOpen: false,
      read() {},
      write(chunk, _encoding, done) {
        other().push(chunk);
        done();
      },
      final(done) {
        other().push(null);
        done();
      },
      destroy(error, done) {
        // As between sockets, the other end reads to the end.
        other().push(null);
        done(error);
      },
    });
  ends.push(
    end(() => ends[1]!),
    end(() => ends[0]!),
  );
  return ends as [Duplex, Duplex];
}
