import { once } from 'node:events';
import * as http from 'node:http';
import * as https from 'node:https';
import * as net from 'node:net';
import * as tls from 'node:tls';
import * as undici from 'undici';
import type { FailureReason } from '../../src/handshake/failure-reasons';
import {
  http2Server,
  httpsServer,
  visitFetch,
  visitHttp2,
  visitHttps,
  visitUndici,
  visitUndiciFetch,
} from '../support/http-visits';
import { alertRecord, answering, refusedPort, silent } from '../support/raw-peer';
import {
  abandoned,
  distrusted,
  type Expected,
  established,
  failed,
  NOT_PRESENTED,
  NOT_REQUESTED,
  playAll,
  refusedWithoutAWord,
  type Scenario,
  type Stage,
} from '../support/scenario';
import type { Presented } from '../support/scenario-certificates';
import { goneBy, LOOPBACK } from '../support/tls-pair';

interface HttpClient {
  readonly name: string;
  readonly visit: (port: number, options: tls.ConnectionOptions) => Promise<unknown>;
  readonly server: (options: tls.TlsOptions) => tls.Server;
}

const CLIENTS: readonly HttpClient[] = [
  { name: 'https.request', visit: visitHttps, server: httpsServer },
  { name: 'http2.connect', visit: visitHttp2, server: http2Server },
  { name: 'the built-in fetch', visit: visitFetch, server: httpsServer },
  { name: "undici's fetch", visit: visitUndiciFetch, server: httpsServer },
  { name: "undici's request", visit: visitUndici, server: httpsServer },
];

/** Each says it in another way to its application; what is reported is the same of all. */
for (const { name, visit, server } of CLIENTS) {
  playAll(`A request by ${name}`, [
    {
      name: 'to a good server',
      play: async stage => visit(await stage.listen(server(stage.server())), stage.client()),
      server: established(),
      client: established({ certificate: 'server.good', serverName: 'localhost' }),
    },
    ...refusing('expired', 'certificate_expired'),
    ...refusing('unknownCa', 'unknown_ca'),
    ...refusing('otherHost', 'certificate_name_mismatch'),
    {
      name: 'to a server that demands a certificate: a good one',
      play: async stage => visit(await stage.listen(server(stage.mutual())), stage.client('good')),
      server: established({ certificate: 'client.good' }),
      client: established({ certificate: 'server.good' }),
    },
    {
      name: 'to a server that demands a certificate: none',
      play: async stage => visit(await stage.listen(server(stage.mutual())), stage.client()),
      server: failed('certificate_required', 'us', 'certificate', { verification: NOT_PRESENTED }),
      client: certificateRequired,
    },
    {
      name: 'to a server that demands a certificate: an expired one',
      play: async stage => visit(await stage.listen(server(stage.mutual())), stage.client('expired')),
      server: failed('certificate_expired', 'us', 'certificate', {
        certificate: 'client.expired',
        verification: distrusted('certificate_expired'),
      }),
      client: refusedWithoutAWord,
    },
    {
      name: 'to a server that answers with an alert',
      tls: 'any',
      play: async stage => visit(await stage.listen(answering(socket => socket.end(alertRecord(40)))), stage.client()),
      client: failed('handshake_failure', 'peer', 'negotiation', { alert: 'handshake_failure' }),
    },
    {
      name: 'to a server of plain HTTP',
      tls: 'any',
      play: async stage =>
        visit(await stage.listen(answering(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))), stage.client()),
      client: failed('not_tls', 'us', 'client_hello'),
    },
    {
      name: 'to a server that closes',
      tls: 'any',
      play: async stage => visit(await stage.listen(answering(socket => socket.end())), stage.client()),
      client: failed('connection_closed', 'peer', 'client_hello'),
    },
    {
      name: 'to a server that resets',
      tls: 'any',
      play: async stage => visit(await stage.listen(answering(socket => socket.resetAndDestroy())), stage.client()),
      client: failed('connection_reset', 'network', 'client_hello'),
    },
    {
      name: 'to nobody',
      tls: 'any',
      play: async stage => visit(await refusedPort(), stage.client()),
    },
  ]);

  function refusing(presented: Presented, reason: FailureReason): Scenario[] {
    return [
      {
        name: `to a server it distrusts: ${reason}`,
        play: async stage => visit(await stage.listen(server(stage.server(presented))), stage.client()),
        server: ({ tls: version }) =>
          version === '1.2'
            ? established()
            : failed('connection_closed', 'peer', 'certificate', { verification: NOT_REQUESTED }),
        client: failed(reason, 'us', 'certificate', {
          certificate: `server.${presented}`,
          verification: distrusted(reason),
        }),
      },
    ];
  }
}

playAll('A request that is given up before the server has answered', [
  {
    name: 'by https.request, destroyed',
    tls: 'any',
    play: async stage => {
      const request = https.get({
        host: LOOPBACK,
        port: await stage.listen(silent()),
        agent: false,
        ...stage.client(),
      });
      request.on('error', () => {});
      const [socket] = (await once(request, 'socket')) as [tls.TLSSocket];
      socket.on('connect', () => request.destroy());
      await goneBy(socket);
    },
    client: abandoned('client_hello', 'us'),
  },
  {
    name: 'by https.request, with a time it has set itself',
    tls: 'any',
    play: async stage => {
      const target = { host: LOOPBACK, port: await stage.listen(silent()), agent: false as const, timeout: 20 };
      const request = https.get({ ...target, ...stage.client() });
      request.on('error', () => {}).on('timeout', () => request.destroy(new Error('too late')));
      const [socket] = (await once(request, 'socket')) as [tls.TLSSocket];
      await goneBy(socket);
    },
    client: abandoned('client_hello', 'us'),
  },
  {
    name: 'by the built-in fetch, whose own time for connecting is over',
    tls: 'any',
    play: async stage => visitFetch(await stage.listen(silent()), { ...stage.client(), timeout: 20 }),
    client: abandoned('client_hello', 'us'),
  },
]);

playAll('Requests one after the other', [
  {
    name: 'on one connection are one handshake',
    play: async stage => {
      const server = https.createServer(stage.server(), (_request, response) => response.end('hello\n'));
      const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
      const port = await stage.listen(server);
      await get(port, agent, stage);
      await get(port, agent, stage);
      agent.destroy();
    },
    server: established(),
    client: established({ certificate: 'server.good' }),
  },
  {
    name: 'on connections of their own: https resumes the session by itself',
    play: async stage => {
      const agent = new https.Agent({ keepAlive: false });
      const port = await stage.listen(httpsServer(stage.server()));
      await get(port, agent, stage);
      await get(port, agent, stage);
    },
    server: [established(), established({ resumed: true })],
    client: [established({ certificate: 'server.good' }), established({ certificate: 'server.good', resumed: true })],
  },
]);

/** The proxy sees bytes only. On the way back it is our server that has the proxy for a peer. */
playAll('A request through a proxy that is asked to CONNECT', [
  {
    name: 'by undici',
    play: async stage => {
      const proxy = await stage.listen(connectProxy());
      const port = await stage.listen(httpsServer(stage.server()));
      const dispatcher = new undici.ProxyAgent({ uri: `http://${LOOPBACK}:${proxy}`, requestTls: stage.client() });
      const { body } = await undici.request(`https://${LOOPBACK}:${port}/`, { dispatcher });
      await body.text();
      await dispatcher.destroy();
    },
    server: established(),
    client: established({ certificate: 'server.good' }),
  },
  {
    name: 'by undici, to a server that is distrusted',
    play: async stage => {
      const proxy = await stage.listen(connectProxy());
      const port = await stage.listen(httpsServer(stage.server('unknownCa')));
      const dispatcher = new undici.ProxyAgent({ uri: `http://${LOOPBACK}:${proxy}`, requestTls: stage.client() });
      await undici.request(`https://${LOOPBACK}:${port}/`, { dispatcher }).catch(() => {});
      await dispatcher.destroy();
    },
    server: ({ tls: version }) =>
      version === '1.2'
        ? established()
        : failed('connection_closed', 'peer', 'certificate', { verification: NOT_REQUESTED }),
    client: failed('unknown_ca', 'us', 'certificate', {
      certificate: 'server.unknownCa',
      verification: distrusted('unknown_ca'),
    }),
  },
  {
    name: 'by hand',
    play: async stage => {
      const port = await stage.listen(httpsServer(stage.mutual()));
      const socket = tls.connect({
        socket: await tunnel(await stage.listen(connectProxy()), port),
        ...stage.client('good'),
      });
      socket.on('error', () => {}).end('GET / HTTP/1.0\r\n\r\n');
      socket.resume();
      await goneBy(socket);
    },
    server: established({ certificate: 'client.good' }),
    client: established({ certificate: 'server.good' }),
  },
]);

function certificateRequired({ tls: version }: Stage): Expected {
  if (version === '1.2') {
    return failed('handshake_failure', 'peer', 'certificate', {
      certificate: 'server.good',
      alert: 'handshake_failure',
    });
  }
  return established({
    certificate: 'server.good',
    refusal: {
      reason: 'certificate_required',
      decidedBy: 'peer',
      phase: 'post_handshake',
      alert: 'certificate_required',
    },
  });
}

async function get(port: number, agent: https.Agent, stage: Stage): Promise<void> {
  const request = https.get({ host: LOOPBACK, port, agent, ...stage.client() });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.resume();
  await once(response, 'end');
  if (!agent.options.keepAlive) await goneBy(response.socket);
}

function connectProxy(): http.Server {
  return http.createServer().on('connect', (request, inbound, head) => {
    const [, port] = /:(\d+)$/.exec(request.url ?? '') ?? [];
    const outbound = net.connect({ port: Number(port), host: LOOPBACK }, () => {
      inbound.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      outbound.write(head);
      inbound.on('data', bytes => outbound.write(bytes));
      outbound.on('data', bytes => inbound.write(bytes));
    });
    inbound.on('end', () => outbound.end()).on('error', () => outbound.destroy());
    outbound.on('end', () => inbound.end()).on('error', () => inbound.destroy());
  });
}

/** A connection to `port` through the proxy. */
async function tunnel(proxy: number, port: number): Promise<net.Socket> {
  const request = http.request({ host: LOOPBACK, port: proxy, method: 'CONNECT', path: `${LOOPBACK}:${port}` }).end();
  const [, socket] = (await once(request, 'connect')) as [unknown, net.Socket];
  return socket;
}
