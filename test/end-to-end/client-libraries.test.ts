import assert from 'node:assert/strict';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { REGISTER } from '../support/application';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { listen } from '../support/tls-pair';
import { ahead, behaviour, PATIENCE, Stage } from './stage';

const LIBRARIES = ['https', 'fetch', 'undici', 'http2', 'tls'] as const;

describe('a script that visits one server it trusts and one that vouches for itself, by', function () {
  this.timeout(PATIENCE);
  let stage: Stage;
  let trusted: Server;
  let selfSigned: Server;

  before(async () => {
    stage = await Stage.set();
    trusted = await Server.start(stage.server);
    selfSigned = await Server.start(await CertificateAuthority.selfSigned({ commonName: 'myself', usage: 'server' }));
  });
  after(async () => {
    await stage.strike();
    await Promise.all([trusted, selfSigned].map(server => server?.close()));
  });

  for (const library of LIBRARIES) {
    const run = ahead(() => {
      const args = [library, trusted.url, selfSigned.url];
      return stage.observe({ flags: ['--require', REGISTER], file: 'client.cjs', args });
    });

    it(`${library}: both handshakes arrive, although it ends right after its last visit`, async () => {
      const { ended, spans, logs } = await run();
      assert.deepEqual(behaviour(ended), {
        code: 0,
        signal: null,
        stdout: 'come in\nnot gone in\n',
        stderr: '',
      });
      const [good, bad, ...others] = spans;
      assert.deepEqual(others, []);
      assert.equal(good!.attributes['tls.handshake.outcome'], 'established');
      assert.equal(good!.attributes['tls.verify.result'], 'ok');
      assert.equal(good!.attributes['tls.server.hash.sha256'], trusted.certificate.fingerprint);
      assert.equal(good!.attributes['server.address'], 'localhost');
      assert.equal(bad!.attributes['error.type'], 'self_signed_certificate');
      assert.equal(bad!.attributes['tls.failure.origin'], 'local');
      assert.equal(bad!.attributes['tls.server.hash.sha256'], selfSigned.certificate.fingerprint);
      assert.equal(bad!.attributes['network.peer.port'], selfSigned.port);
      assert.deepEqual(
        logs.map(({ eventName, spanId }) => [eventName, spanId]),
        [['tls.handshake.failed', bad!.spanId]],
      );
    });
  }
});

/** Answers everyone over HTTP/1.1 and HTTP/2. */
class Server {
  readonly certificate: IssuedCertificate;
  readonly port: number;
  readonly #server: Http2SecureServer;

  private constructor(certificate: IssuedCertificate, server: Http2SecureServer, port: number) {
    this.certificate = certificate;
    this.#server = server;
    this.port = port;
  }

  static async start(certificate: IssuedCertificate): Promise<Server> {
    const options = { cert: certificate.chain, key: certificate.key, allowHTTP1: true };
    const server = createSecureServer(options, (_request, response) => response.end('come in'));
    return new Server(certificate, server, await listen(server));
  }

  /** By the name in its certificate: on every machine the loopback address. */
  get url(): string {
    return `https://localhost:${this.port}`;
  }

  close(): Promise<void> {
    return new Promise(resolve => this.#server.close(() => resolve()));
  }
}
