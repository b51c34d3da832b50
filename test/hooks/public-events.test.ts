import * as assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import * as tls from 'node:tls';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import type { Handshake } from '../../src/handshake/handshake';
import { TlsSocketHook } from '../../src/hooks/tls-socket-hook';
import { Reporter } from '../../src/reporter';
import { CertificateAuthority } from '../support/certificate-authority';

/** A TLSSocket as a later Node might have it: everything public is there, `_finishInit` is not. */
function prototypeWithout(name: string): object {
  return new Proxy(tls.TLSSocket.prototype, {
    get: (target, key) => (key === name ? undefined : Reflect.get(target, key)),
  });
}

describe('a Node whose TLSSocket has lost an undocumented method', () => {
  let authority: CertificateAuthority;
  const handshakes: Handshake[] = [];
  const warnings: string[] = [];
  let reporter: Reporter;
  let hook: TlsSocketHook;

  before(async () => {
    authority = await CertificateAuthority.create();
    const silent = () => {};
    diag.setLogger(
      { error: silent, warn: message => warnings.push(message), info: silent, debug: silent, verbose: silent },
      { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
    );
    reporter = new Reporter([{ report: handshake => handshakes.push(handshake) }], () => true);
    hook = new TlsSocketHook(reporter, prototypeWithout('_finishInit'));
    hook.enable();
  });

  after(() => {
    hook.disable();
    diag.disable();
  });

  async function shake(expired: boolean): Promise<Handshake[]> {
    handshakes.length = 0;
    const serverCertificate = await authority.issue({ commonName: 'localhost', usage: 'server' });
    const client = await authority.issue({ commonName: 'billing', usage: 'client', expired });
    const server = tls.createServer({
      key: serverCertificate.key,
      cert: serverCertificate.certificate,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: true,
      maxVersion: 'TLSv1.2',
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const decided = new Promise<unknown[]>(resolve => {
      server.once('tlsClientError', (...told) => resolve(told));
      server.once('secureConnection', (...told) => resolve(told));
    });
    const socket = tls.connect({
      port: (server.address() as AddressInfo).port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: authority.certificate,
      key: client.key,
      cert: client.certificate,
    });
    socket.on('error', () => {});
    const closed = new Promise(resolve => socket.once('close', resolve));
    const [first] = await decided;
    if (!expired) (first as tls.TLSSocket).end();
    await closed;
    server.close();
    await once(server, 'close');
    reporter.drain();
    return [...handshakes];
  }

  it('says so once', () => {
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /_finishInit.*public events.*without certificates/);
  });

  it('still reports both ends of a good handshake, without certificates', async () => {
    const both = await shake(false);
    assert.deepEqual(both.map(h => [h.side, h.outcome.kind]).sort(), [
      ['client', 'established'],
      ['server', 'established'],
    ]);
    assert.ok(both.every(h => h.peerCertificate === undefined));
  });

  it('still reports why the server refused a client', async () => {
    const both = await shake(true);
    const server = both.find(h => h.side === 'server');
    assert.equal(both.length, 2);
    assert.equal(server?.outcome.kind, 'failed');
    assert.equal(server?.outcome.kind === 'failed' && server.outcome.failure.reason, 'certificate_expired');
    const client = both.find(h => h.side === 'client');
    assert.equal(client?.outcome.kind === 'failed' && client.outcome.failure.reason, 'connection_closed');
  });
});
