import assert from 'node:assert/strict';
import type * as tls from 'node:tls';
import type { Handshake } from '../../src/handshake/handshake';
import { SecureContextHook } from '../../src/hooks/secure-context-hook';
import { TlsSocketHook } from '../../src/hooks/tls-socket-hook';
import { Reporter } from '../../src/reporter';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { HandshakeRecorder } from '../support/handshake-recorder';
import { close, greeter, listen, visit } from '../support/tls-pair';

describe('what a certificate shows beside the reason', () => {
  const recorder = new HandshakeRecorder();
  const reporter = new Reporter([recorder], () => true);
  const hooks = [new TlsSocketHook(reporter), new SecureContextHook({ configured() {} })];
  let root: CertificateAuthority;
  let intermediate: CertificateAuthority;
  let stranger: CertificateAuthority;
  let good: IssuedCertificate;

  before(async () => {
    root = await CertificateAuthority.create();
    intermediate = await root.intermediate();
    stranger = await CertificateAuthority.create({ commonName: 'Unknown Root' });
    good = await root.issue({ usage: 'server' });
    for (const hook of hooks) hook.enable();
  });
  after(() => {
    for (const hook of hooks) hook.disable();
  });
  beforeEach(() => recorder.clear());

  /** What a server finds of a client, and a client of a server. */
  async function found(side: 'server' | 'client', { key, cert }: { key: string; cert: string }): Promise<Handshake> {
    const server: tls.TlsOptions =
      side === 'server' ? { key: good.key, cert: good.chain, requestCert: true, ca: root.certificate } : { key, cert };
    const client = side === 'server' ? { key, cert } : {};
    const listening = greeter(server);
    await visit({ port: await listen(listening), ca: root.certificate, ...client });
    await close(listening);
    reporter.drain();
    return recorder.next(handshake => handshake.side === side);
  }

  const faults = ({ verification: { errors, hints, clockSkew } }: Handshake) => ({ errors, hints, clockSkew });
  const presented = ({ key, chain }: IssuedCertificate) => ({ key, cert: chain });

  it('is that a client presents one for servers', async () => {
    assert.deepEqual(faults(await found('server', presented(good))), {
      errors: ['certificate_purpose_invalid'],
      hints: ['server_certificate_as_client'],
      clockSkew: undefined,
    });
  });

  it('is that a server presents one for clients', async () => {
    const mistaken = await root.issue({ usage: 'client', dnsNames: ['localhost'] });
    assert.deepEqual(faults(await found('client', presented(mistaken))).hints, ['client_certificate_as_server']);
  });

  it('is that it begins in a minute', async () => {
    const hasty = await root.issue({ notBefore: new Date(Date.now() + 200_000) });
    const { errors, hints, clockSkew } = faults(await found('server', presented(hasty)));
    assert.deepEqual({ errors, hints }, { errors: ['certificate_not_yet_valid'], hints: ['clock_skew'] });
    assert.ok(clockSkew! > 100 && clockSkew! <= 201, String(clockSkew));
  });

  it('is that the chain ends before a root; and, once others have sent it whole, that it is cut', async () => {
    const cut = async () => {
      const { key, certificate } = await intermediate.issue();
      return faults(await found('server', { key, cert: certificate }));
    };
    assert.deepEqual(await cut(), { errors: ['unknown_ca'], hints: ['chain_incomplete'], clockSkew: undefined });
    recorder.clear();
    const whole = await found('server', presented(await intermediate.issue()));
    assert.equal(whole.verification.result, 'ok');
    recorder.clear();
    assert.deepEqual((await cut()).hints, ['intermediate_missing']);
  });

  it('is that it is complete and nobody trusts its root', async () => {
    const { key, chain } = await stranger.issue();
    const { errors, hints } = faults(await found('server', { key, cert: chain + stranger.certificate }));
    assert.deepEqual({ errors, hints }, { errors: ['untrusted_root'], hints: ['root_not_trusted'] });
  });

  it('is nothing when nothing is wrong', async () => {
    assert.deepEqual(faults(await found('server', presented(await root.issue()))), {
      errors: [],
      hints: undefined,
      clockSkew: undefined,
    });
  });
});
