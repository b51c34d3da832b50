import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type * as tls from 'node:tls';
import type { Handshake } from '../../src/handshake/handshake';
import { SecureContextHook } from '../../src/hooks/secure-context-hook';
import { TlsSocketHook } from '../../src/hooks/tls-socket-hook';
import { Reporter } from '../../src/reporter';
import { eventsOf } from '../../src/telemetry/events';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { HandshakeRecorder } from '../support/handshake-recorder';
import { NODE_MAJOR, until } from '../support/scenario';
import { close, greeter, listen, visit } from '../support/tls-pair';

describe('a session that is resumed', () => {
  const recorder = new HandshakeRecorder();
  const reporter = new Reporter([recorder], () => true);
  const hooks = [new TlsSocketHook(reporter), new SecureContextHook({ configured() {} })];
  let authority: CertificateAuthority;
  let server: IssuedCertificate;

  before(async () => {
    authority = await CertificateAuthority.create();
    server = await authority.issue({ usage: 'server' });
    for (const hook of hooks) hook.enable();
  });
  after(() => {
    for (const hook of hooks) hook.disable();
  });
  beforeEach(() => recorder.clear());

  const mutual = (more: tls.TlsOptions = {}): tls.TlsOptions => ({
    key: server.key,
    cert: server.chain,
    ca: authority.certificate,
    requestCert: true,
    ...more,
  });

  /** The second of two visits, which resumes the session of the first, as the server saw it. */
  async function resumed(
    options: tls.TlsOptions,
    client: tls.ConnectionOptions,
    between: (server: tls.Server) => unknown = () => {},
  ): Promise<Handshake> {
    const listening = greeter(options);
    const visitor = { port: await listen(listening), ca: authority.certificate, ...client };
    try {
      let session: Buffer | undefined;
      await visit(visitor, socket => socket.on('session', given => (session = given)));
      await between(listening);
      await visit({ ...visitor, session });
    } finally {
      await close(listening);
    }
    reporter.drain();
    const found = recorder.handshakes.filter(({ side }) => side === 'server').at(-1);
    assert.equal(found?.resumed, true, 'the session was not resumed');
    return found;
  }

  const eventNames = (handshake: Handshake) => eventsOf(handshake, { isFirstUse: () => true }).map(([name]) => name);

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const pinned = { minVersion: version, maxVersion: version };

    it(`over ${version} is told of when its certificate has expired since`, async () => {
      const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_000);
      const client = await authority.issue({ notBefore: new Date(Date.now() - 86_400_000), notAfter });
      const stale = await resumed(mutual(), { key: client.key, cert: client.chain, ...pinned }, () =>
        until(() => Date.now() > notAfter.getTime()),
      );
      assert.equal(stale.verification.result, 'ok');
      assert.equal(stale.staleIdentity, 'certificate_expired');
      assert.ok(eventNames(stale).includes('tls.session.stale_identity'));
    });

    it(`over ${version} is told of when its certificate is on the revocation list by now`, async () => {
      const client = await authority.issue();
      const ticketKeys = randomBytes(48);
      const stale = await resumed(
        mutual({ ticketKeys }),
        { key: client.key, cert: client.chain, ...pinned },
        async s => {
          authority.revoke(client.serialNumber);
          s.setSecureContext(mutual({ ticketKeys, crl: await authority.crl() }));
        },
      );
      assert.equal(stale.staleIdentity, 'certificate_revoked');
    });

    it(`over ${version} is no news when nothing is wrong with its certificate`, async () => {
      const client = await authority.issue();
      const fine = await resumed(mutual({ crl: await authority.crl() }), {
        key: client.key,
        cert: client.chain,
        ...pinned,
      });
      assert.equal(fine.staleIdentity, undefined);
      assert.deepEqual(eventNames(fine), ['tls.client_certificate.accepted']);
    });
  }

  it('is told of when Node calls a client authorized that has no certificate', async () => {
    let authorized: boolean | undefined;
    const handshake = await resumed(mutual({ rejectUnauthorized: false }), { minVersion: 'TLSv1.3' }, s =>
      s.on('secureConnection', socket => (authorized = socket.authorized)),
    );
    // What Node does here is what we are to tell of: no more and no less.
    assert.equal(authorized, NODE_MAJOR < 24);
    assert.equal(handshake.verification.result, 'not_presented');
    assert.equal(handshake.verification.authorized, NODE_MAJOR < 24 ? true : undefined);
    assert.deepEqual(eventNames(handshake), NODE_MAJOR < 24 ? ['tls.session.unauthenticated_resumption'] : []);
  });

  it('of a client that nobody asked for a certificate is no news', async () => {
    const handshake = await resumed({ key: server.key, cert: server.chain }, { minVersion: 'TLSv1.3' });
    assert.equal(handshake.verification.authorized, undefined);
    assert.deepEqual(eventNames(handshake), []);
  });
});
