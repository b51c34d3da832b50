import { constants, randomBytes } from 'node:crypto';
import * as tls from 'node:tls';
import {
  distrusted,
  type Expected,
  established,
  failed,
  playAll,
  refusedWithoutAWord,
  type Stage,
  tolerated,
  verification,
} from '../support/scenario';
import { greeter, visit } from '../support/tls-pair';

const first = established({ certificate: 'server.good' });
/** TLS sends no certificate when a session is resumed: the report has the one of the session's first handshake. */
const again = established({ certificate: 'server.good', resumed: true });

playAll('A session that is resumed', [
  {
    name: 'by its ticket',
    play: stage => visitTwice(stage, greeter(stage.server()), stage.client()),
    server: [established(), established({ resumed: true })],
    client: [first, again],
  },
  {
    name: 'by its ticket, with a client certificate',
    play: stage => visitTwice(stage, greeter(stage.mutual()), stage.client('good')),
    server: [established({ certificate: 'client.good' }), established({ certificate: 'client.good', resumed: true })],
    client: [first, again],
  },
  {
    name: 'by its ticket, with a client certificate that nobody trusts',
    play: stage =>
      visitTwice(stage, greeter({ ...stage.mutual(), rejectUnauthorized: false }), stage.client('selfSigned')),
    server: [
      established({ certificate: 'client.selfSigned', verification: tolerated('self_signed_certificate') }),
      established({
        certificate: 'client.selfSigned',
        verification: tolerated('self_signed_certificate'),
        resumed: true,
      }),
    ],
    client: [first, again],
  },
  {
    // Node 20 and 22 then call the client authorized in TLS 1.3: there was no certificate all the same.
    name: 'by its ticket, of a client that was asked for a certificate and had none',
    play: stage => visitTwice(stage, greeter({ ...stage.mutual(), rejectUnauthorized: false }), stage.client()),
    server: [
      established({ verification: verification('not_presented', false) }),
      established({ verification: verification('not_presented', false), resumed: true }),
    ],
    client: [first, again],
  },
  {
    name: 'by its number, out of a store of the application',
    tls: '1.2',
    play: stage => {
      const store = new Map<string, Buffer>();
      const server = greeter(withoutTickets(stage));
      server.on('newSession', (id, data, done) => {
        store.set(id.toString('hex'), data);
        done();
      });
      server.on('resumeSession', (id, answer) => answer(null, store.get(id.toString('hex')) ?? null));
      return visitTwice(stage, server, stage.client('good'));
    },
    server: [established({ certificate: 'client.good' }), established({ certificate: 'client.good', resumed: true })],
    client: [first, again],
  },
]);

playAll('A session that is not resumed', [
  {
    name: 'because the store of the application fails',
    tls: '1.2',
    play: stage => {
      const server = greeter(withoutTickets(stage));
      server.on('newSession', (_id, _data, done) => done());
      server.on('resumeSession', (_id, answer) => answer(new Error('the store is down'), null));
      return visitTwice(stage, server, stage.client('good'));
    },
    server: [established({ certificate: 'client.good' }), failed('internal_error', 'us', 'negotiation')],
    client: [first, failed('connection_closed', 'peer', 'client_hello')],
  },
  {
    name: 'because the store of the application has forgotten it',
    tls: '1.2',
    play: stage => {
      const server = greeter(withoutTickets(stage));
      server.on('newSession', (_id, _data, done) => done());
      server.on('resumeSession', (_id, answer) => answer(null, null));
      return visitTwice(stage, server, stage.client('good'));
    },
    server: [established({ certificate: 'client.good' }), established({ certificate: 'client.good' })],
    client: [first, first],
  },
  {
    name: 'because the ticket keys have changed',
    play: stage => {
      const server = greeter(stage.server());
      return visitTwice(stage, server, stage.client(), () => server.setTicketKeys(randomBytes(48)));
    },
    server: [established(), established()],
    client: [first, first],
  },
  {
    name: 'because the server knows another certificate now',
    play: stage => {
      const server = greeter(stage.server());
      return visitTwice(stage, server, stage.client(), () => {
        server.setSecureContext(stage.server('other'));
        server.setTicketKeys(randomBytes(48));
      });
    },
    server: [established(), established()],
    client: [first, established({ certificate: 'server.other' })],
  },
]);

playAll('A certificate rotation', [
  {
    name: 'shows at the next client',
    play: async stage => {
      const server = greeter(stage.server());
      const port = await stage.listen(server);
      await visit({ port, ...stage.client() });
      server.setSecureContext(stage.server('other'));
      await visit({ port, ...stage.client() });
    },
    server: [established(), established()],
    client: [first, established({ certificate: 'server.other' })],
  },
  {
    name: 'that forgets the authorities turns a good client away',
    play: async stage => {
      const server = greeter(stage.mutual());
      const port = await stage.listen(server);
      const { key, cert } = stage.server();
      server.setSecureContext({ key, cert });
      await visit({ port, ...stage.client('good') });
    },
    // The client sends its root along.
    server: failed('untrusted_root', 'us', 'certificate', {
      certificate: 'client.good',
      verification: distrusted('untrusted_root'),
    }),
    client: refusedWithoutAWord,
  },
]);

/** Every renegotiation repeats what Node does at the end of a handshake: it is one connection all the same. */
playAll('A renegotiation', [
  {
    name: 'is no second handshake',
    tls: '1.2',
    play: stage => renegotiating(stage, stage.server(), 2),
    server: established(),
    client: first,
  },
  {
    name: 'too often is refused by Node, and the connection goes on',
    tls: '1.2',
    play: stage => renegotiating(stage, stage.server(), 5),
    server: established({ refusal: refusedRenegotiation() }),
    client: first,
  },
  {
    name: 'is refused where the application has forbidden it',
    tls: '1.2',
    play: stage => renegotiating(stage, stage.server(), 1, socket => socket.disableRenegotiation()),
    server: established({ refusal: refusedRenegotiation() }),
    client: first,
  },
  {
    name: 'for a client certificate does not change what was reported',
    tls: '1.2',
    play: async stage => {
      const server = tls.createServer(stage.server(), socket => {
        socket.on('error', () => {});
        socket.resume();
        socket.renegotiate({ requestCert: true, rejectUnauthorized: false }, () => socket.end('hello\n'));
      });
      await visit({ port: await stage.listen(server), ...stage.client('good') });
    },
    server: established(),
    client: first,
  },
]);

playAll('Sessions in general', [
  {
    name: 'do not carry over from one server to another',
    play: async stage => {
      const options = { ...stage.client() };
      const session = await sessionOf(await stage.listen(greeter(stage.server())), options);
      await visit({ port: await stage.listen(greeter(stage.server())), ...options, session } as tls.ConnectionOptions);
    },
    server: [established(), established()],
    client: [first, first],
  },
  {
    name: 'of a server that requires a certificate need a context of their own: Node gives one',
    play: stage => visitTwice(stage, greeter({ ...stage.mutual(), sessionIdContext: 'ours' }), stage.client('good')),
    server: [established({ certificate: 'client.good' }), established({ certificate: 'client.good', resumed: true })],
    client: [first, again],
  },
  {
    name: 'need no server name',
    play: stage =>
      visitTwice(stage, greeter(stage.server()), {
        ...stage.client(),
        servername: '',
        checkServerIdentity: () => undefined,
      }),
    server: [established({ serverName: undefined } as Partial<Expected>), established({ resumed: true })],
    client: [first, again],
  },
]);

function refusedRenegotiation(): Expected['refusal'] {
  return { reason: 'renegotiation_refused', decidedBy: 'us', phase: 'post_handshake' };
}

function withoutTickets(stage: Stage): tls.TlsOptions {
  return { ...stage.mutual(), secureOptions: constants.SSL_OP_NO_TICKET };
}

/** Twice the same visitor, with the session of the first time; something may happen `inBetween`. */
async function visitTwice(
  stage: Stage,
  server: tls.Server,
  options: tls.ConnectionOptions,
  inBetween: () => void = () => {},
): Promise<void> {
  const port = await stage.listen(server);
  const session = await sessionOf(port, options);
  inBetween();
  await visit({ port, ...options, session } as tls.ConnectionOptions);
}

async function sessionOf(port: number, options: tls.ConnectionOptions): Promise<Buffer | undefined> {
  let session: Buffer | undefined;
  await visit({ port, ...options }, socket => {
    socket.on('session', given => {
      session = given;
    });
  });
  return session;
}

/** A client that renegotiates so many times, one after the other, and leaves. */
async function renegotiating(
  stage: Stage,
  options: tls.TlsOptions,
  times: number,
  prepare: (socket: tls.TLSSocket) => void = () => {},
): Promise<void> {
  const server = tls.createServer(options, socket => {
    // Node tells of the attack here, and leaves the rest to the application.
    socket.on('error', () => {});
    socket.resume();
    prepare(socket);
    socket.write('hello\n');
  });
  await visit({ port: await stage.listen(server), ...stage.client() }, socket => {
    const once = (left: number) => {
      if (left === 0) return void socket.end();
      socket.renegotiate({}, error => (error ? socket.destroy() : once(left - 1)));
    };
    socket.once('data', () => once(times));
  });
}
