import { once } from 'node:events';
import * as net from 'node:net';
import { Duplex } from 'node:stream';
import * as tls from 'node:tls';
import { freePorts } from './free-ports';
import { goneBy, LOOPBACK } from './tls-pair';

/**
 * Peers that speak no TLS, or only its beginning: what port scanners, misdirected clients, broken middleboxes and dying
 * processes do. They work on bare TCP sockets, so that every byte and every FIN or RST is the test's own.
 */

/** Things a misguided client says to a TLS port. */
export const WORDS = {
  plainHttp: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  proxyConnect: Buffer.from('CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n'),
  sshBanner: Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'),
  smtpGreeting: Buffer.from('220 mail.example ESMTP ready\r\n'),
  noise: Buffer.from('0123456789abcdefghijklmnopqrstuvwxyz'),
  /** A handshake record whose ClientHello is 16 bytes of nothing. */
  garbageRecord: Buffer.concat([Buffer.from('16030100140100001003030000', 'hex'), Buffer.alloc(12, 0xee)]),
  /** SSLv2 CLIENT-HELLO: three cipher specs, a challenge of 16 bytes. */
  sslv2Hello: Buffer.concat([Buffer.from('802e0100020015000000100100800300800700c0', 'hex'), Buffer.alloc(28, 0x5a)]),
} as const;

/** A TLS alert in clear, as a record. */
export function alertRecord(description: number, level: 'warning' | 'fatal' = 'fatal'): Buffer {
  return Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, level === 'fatal' ? 2 : 1, description]);
}

/** A real ClientHello, as this Node makes it. */
export async function recordClientHello(options: tls.ConnectionOptions = {}): Promise<Buffer> {
  const [hello] = await new Promise<Buffer[]>(resolve => {
    const wire = new Duplex({ read() {}, write: chunk => resolve([chunk]) });
    const client = tls.connect({ servername: 'localhost', ...options, socket: wire });
    client.on('error', () => {});
    setImmediate(() => client.destroy());
  });
  return hello!;
}

/** Connects, sends all of `bytes`, and closes politely (FIN) without waiting for an answer. */
export async function sendAndFinish(port: number, bytes: Uint8Array = Buffer.alloc(0)): Promise<void> {
  const socket = await connectRaw(port);
  socket.resume();
  socket.end(bytes);
  await goneBy(socket);
}

/** Connects and resets (RST): `after` something, or after the server's first answer to `bytes`. */
export async function sendAndReset(
  port: number,
  { bytes, after }: { bytes?: Uint8Array; after?: Promise<unknown> },
): Promise<void> {
  const socket = await connectRaw(port);
  if (bytes) {
    socket.write(bytes);
    await once(socket, 'data');
  }
  await after;
  socket.resetAndDestroy();
  await goneBy(socket);
}

interface Staying {
  /** Said after the server's first answer. */
  more?: Uint8Array;
  /** It finishes (FIN) when that is said. */
  thenFinish?: boolean;
  onAnswer?: () => void;
  /** It leaves when this resolves. */
  leave?: Promise<unknown>;
}

/** Connects, sends `bytes`, and stays until the server hangs up. */
export async function sendAndStay(port: number, bytes: Uint8Array, options: Staying = {}): Promise<void> {
  const socket = await connectRaw(port);
  socket.write(bytes);
  socket.once('data', () => {
    if (options.more) socket.write(options.more);
    if (options.thenFinish) socket.end();
    options.onAnswer?.();
  });
  void options.leave?.then(() => socket.destroy());
  await goneBy(socket);
}

/** Hands everything on to and from `port`; `change` may alter the client's chunks, counted from one, in place. */
export function relaying(port: number, change: (bytes: Buffer, chunk: number) => void = () => {}): net.Server {
  return net.createServer(client => {
    const server = net.connect({ port, host: LOOPBACK });
    let chunk = 0;
    // Not pipe(): that stops reading from the one when the other is gone, and so never hears its end.
    client.on('data', bytes => {
      change(bytes, ++chunk);
      server.write(bytes);
    });
    server.on('data', bytes => client.write(bytes));
    client.on('end', () => server.end()).on('error', () => server.destroy());
    server.on('end', () => client.end()).on('error', () => client.destroy());
  });
}

/** A relay that changes the last byte of the client's chunk of that number. */
export function corrupting(port: number, corrupted: number): net.Server {
  return relaying(port, (bytes, chunk) => {
    if (chunk === corrupted) bytes[bytes.length - 1]! ^= 0xff;
  });
}

/** A server that waits for the client's first bytes, then answers and acts. */
export function answering(answer: (socket: net.Socket) => void): net.Server {
  return net.createServer(socket => {
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  });
}

/** Says its piece as soon as somebody connects: SSH, SMTP. */
export function greetingWith(words: Uint8Array): net.Server {
  return net.createServer(socket => {
    socket.on('error', () => {});
    socket.resume();
    socket.write(words);
  });
}

/** Takes everything and never answers. */
export function silent(): net.Server {
  return net.createServer(socket => {
    socket.on('error', () => {});
    socket.resume();
  });
}

/** A free port on which nobody listens. */
export async function refusedPort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

async function connectRaw(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: LOOPBACK });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}
