import { once } from 'node:events';
import type * as net from 'node:net';
import * as tls from 'node:tls';

export const LOOPBACK = '127.0.0.1';

/** What one end of a connection came to, in the words its own application heard. */
export interface End {
  /** It was told that the connection is secure. */
  secured: boolean;
  error?: NodeJS.ErrnoException | undefined;
}

/** Starts a server on a free loopback port, and returns the port. */
export async function listen(server: net.Server, host = LOOPBACK): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

/** Resolves when the server listens no longer and its last connection is gone. */
export async function close(server: net.Server): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>(resolve => server.close(() => resolve()));
}

/** A TLS server that greets everyone it is content with, and hangs up. */
export function greeter(options: tls.TlsOptions, end: End = { secured: false }): tls.Server {
  const server = tls.createServer(options, socket => {
    end.secured = true;
    socket.on('error', error => {
      end.error = error;
    });
    socket.resume();
    socket.end('hello\n');
  });
  server.on('tlsClientError', error => {
    end.error = error;
  });
  return server;
}

/** Connects and stays until the connection is gone; `prepare` gets the socket before anything has happened. Never rejects. */
export async function visit(
  options: tls.ConnectionOptions,
  prepare: (socket: tls.TLSSocket) => unknown = () => {},
): Promise<End> {
  const end: End = { secured: false };
  const socket = tls.connect({ host: LOOPBACK, servername: 'localhost', ...options });
  prepare(socket);
  socket.on('secureConnect', () => {
    end.secured = true;
  });
  socket.on('error', error => {
    end.error = error;
  });
  socket.resume();
  await goneBy(socket);
  return end;
}

/** Resolves at the socket's `close`, also when that is past. An error is not its concern. */
export async function goneBy(socket: net.Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>(resolve => socket.once('close', () => resolve()));
}

/** One connection between a real server and a real client of this process, from beginning to end. */
export async function tlsPair(options: {
  server: tls.TlsOptions;
  client: tls.ConnectionOptions;
}): Promise<{ server: End; client: End }> {
  const serverEnd: End = { secured: false };
  const server = greeter(options.server, serverEnd);
  const port = await listen(server);
  const client = await visit({ port, ...options.client });
  await close(server);
  return { server: serverEnd, client };
}
