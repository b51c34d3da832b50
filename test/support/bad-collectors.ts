import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { refusedPort } from './raw-peer';
import { listen } from './tls-pair';

/** Something at a collector's address that is none, or a bad one. */
export class BadCollector {
  readonly url: string;
  readonly #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  #onRequest: (() => void) | undefined;

  private constructor(server: Server | undefined, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
    server?.on('connection', socket => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.once('data', () => this.#onRequest?.());
    });
  }

  /** Nobody listens there. */
  static async dead(): Promise<BadCollector> {
    return new BadCollector(undefined, await refusedPort());
  }

  /** Takes the connection, and never says a word. */
  static async silent(): Promise<BadCollector> {
    const server = createServer(socket => socket.resume());
    return new BadCollector(server, await listen(server));
  }

  /** Says these bytes to whatever it is sent. */
  static async babbling(bytes: string): Promise<BadCollector> {
    const server = createServer(socket => socket.once('data', () => socket.end(bytes)));
    return new BadCollector(server, await listen(server));
  }

  /** Cuts whoever sends something. */
  static async cutting(): Promise<BadCollector> {
    const server = createServer(socket => socket.once('data', () => socket.resetAndDestroy()));
    return new BadCollector(server, await listen(server));
  }

  /** Answers over HTTP, in whatever way. */
  static async answering(answer: (response: ServerResponse) => void): Promise<BadCollector> {
    const server = createHttpServer((request, response) => {
      response.on('error', () => {});
      request.resume().on('end', () => answer(response));
    });
    return new BadCollector(server, await listen(server));
  }

  /** Resolves when somebody sends it something. */
  requested(): Promise<void> {
    return new Promise(resolve => {
      this.#onRequest = resolve;
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>(resolve => (this.#server ? this.#server.close(() => resolve()) : resolve()));
  }
}
