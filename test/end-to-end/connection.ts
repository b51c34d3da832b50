import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import * as tls from 'node:tls';

export type Protocol = 'HTTP/1.1' | 'HTTP/2';

/** An answered request. */
export interface Answered {
  /** Of the span that the visitor claims to have: the server's spans for the request belong to it. */
  readonly traceId: string;
  readonly localPort: number;
  /** The body, JSON. */
  readonly body: unknown;
}

/** A visitor's connection, over which it makes one request after the other. */
export class Connection {
  readonly #protocol: Protocol;
  readonly #socket: tls.TLSSocket;
  readonly #session: Promise<Buffer>;
  readonly #localPort: number;
  /** Its pool is this connection. */
  readonly #agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  #http2: http2.ClientHttp2Session | undefined;

  private constructor(protocol: Protocol, socket: tls.TLSSocket, session: Promise<Buffer>) {
    this.#protocol = protocol;
    this.#socket = socket;
    this.#session = session;
    Object.assign(this.#agent, { createConnection: () => socket });
    this.#localPort = (socket.address() as AddressInfo).port;
  }

  static async open(protocol: Protocol, port: number, options: tls.ConnectionOptions): Promise<Connection> {
    const ALPNProtocols = protocol === 'HTTP/2' ? ['h2'] : ['http/1.1'];
    const socket = tls.connect({ host: '127.0.0.1', servername: 'localhost', port, ALPNProtocols, ...options });
    const session = new Promise<Buffer>(resolve => socket.once('session', resolve));
    await once(socket, 'secureConnect');
    return new Connection(protocol, socket, session);
  }

  /** With which a later connection may resume it. The server sends it after the handshake. */
  get session(): Promise<Buffer> {
    return this.#session;
  }

  get isResumed(): boolean {
    return this.#socket.isSessionReused();
  }

  async get(path: string): Promise<Answered> {
    const traceId = randomBytes(16).toString('hex');
    const headers = { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` };
    const body = await (this.#protocol === 'HTTP/2' ? this.#overHttp2(path, headers) : this.#overHttp1(path, headers));
    return { traceId, localPort: this.#localPort, body: JSON.parse(body) };
  }

  async close(): Promise<void> {
    const gone = once(this.#socket, 'close');
    if (this.#http2) this.#http2.close();
    else this.#socket.end();
    await gone;
  }

  async #overHttp1(path: string, headers: Record<string, string>): Promise<string> {
    const request = https.get({ path, headers, agent: this.#agent });
    const [response] = await once(request, 'response');
    assert.equal(response.statusCode, 200);
    let body = '';
    for await (const chunk of response.setEncoding('utf8')) body += chunk;
    return body;
  }

  async #overHttp2(path: string, headers: Record<string, string>): Promise<string> {
    this.#http2 ??= http2.connect('https://localhost', { createConnection: () => this.#socket });
    const stream = this.#http2.request({ ':path': path, ...headers });
    const [answer] = await once(stream, 'response');
    assert.equal(answer[':status'], 200);
    let body = '';
    for await (const chunk of stream.setEncoding('utf8')) body += chunk;
    return body;
  }
}
