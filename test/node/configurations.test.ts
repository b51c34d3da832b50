import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { TlsInstrumentation } from '../../src/instrumentation';
import { contextsOf, madeOf, ownCertificateOf, SecureContextHook } from '../../src/hooks/secure-context-hook';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import { TelemetryRecorder } from '../support/telemetry-recorder';
import { close, greeter, listen, visit } from '../support/tls-pair';

/** Node's own exports, and no copy of them. */
const NODE_TLS = require('node:tls') as typeof tls;

const CHANGED = 'tls.config.changed';

describe('what a process is configured with', () => {
  let root: CertificateAuthority;
  let other: CertificateAuthority;
  let first: IssuedCertificate;
  let second: IssuedCertificate;
  let recorder: TelemetryRecorder;
  let instrumentation: TlsInstrumentation;
  let server: tls.Server | undefined;

  before(async () => {
    root = await CertificateAuthority.create();
    other = await CertificateAuthority.create({ commonName: 'Other Root' });
    first = await root.issue({ usage: 'server' });
    second = await root.issue({ usage: 'server', notAfter: new Date(Date.now() + 6 * 86_400_000) });
  });
  beforeEach(() => {
    recorder = new TelemetryRecorder();
    instrumentation = new TlsInstrumentation();
    instrumentation.setTracerProvider(recorder.tracerProvider);
    instrumentation.setMeterProvider(recorder.meterProvider);
    instrumentation.setLoggerProvider(recorder.olderLoggerProvider);
  });
  afterEach(async () => {
    instrumentation.disable();
    if (server) await close(server);
    server = undefined;
  });

  const options = ({ key, chain }: IssuedCertificate, more: tls.TlsOptions = {}): tls.TlsOptions => ({
    key,
    cert: chain,
    ca: root.certificate,
    ...more,
  });
  const logs = (name: string) => {
    instrumentation.flush();
    return recorder.logs.filter(({ eventName }) => eventName === name);
  };
  const failureOf = (side: 'client' | 'server') => {
    instrumentation.flush();
    const span = recorder.spans.find(({ name }) => name === `TLS ${side} handshake`);
    return { reason: span?.attributes['error.type'], errors: span?.attributes['tls.verify.errors'] };
  };
  async function timesToExpiry(): Promise<Record<string, number>> {
    instrumentation.flush();
    const points = (await recorder.metrics())['tls.certificate.time_to_expiry']?.dataPoints ?? [];
    return Object.fromEntries(
      points.map(({ attributes, value }) => [attributes['tls.certificate.fingerprint'], value as number]),
    );
  }

  describe('is told when it changes', () => {
    it('and is another certificate, other authorities and another revocation list of a server', async () => {
      server = tls.createServer(options(first));
      const port = await listen(server);
      assert.deepEqual(logs(CHANGED), [], 'its first configuration is no change');
      server.setSecureContext(options(second, { ca: [root.certificate, other.certificate], crl: await root.crl() }));
      const [changed, ...others] = logs(CHANGED);
      assert.deepEqual(others, []);
      assert.equal(changed?.severityText, 'INFO');
      assert.deepEqual(changed?.attributes, {
        'tls.config.changed': ['certificate', 'authorities', 'revocation_lists'],
        'tls.config.port': port,
        'tls.config.certificate': second.fingerprint,
        'tls.config.certificate.previous': first.fingerprint,
        'tls.config.not_after': new Date(Math.floor(Date.parse(notAfterOf(second)) / 1000) * 1000).toISOString(),
        'tls.config.authorities': 2,
        'tls.config.authorities.previous': 1,
        'tls.config.revocation_lists': 1,
        'tls.config.revocation_lists.previous': 0,
      });
    });

    it('and not when everything is as it was, read again', () => {
      const created = https.createServer(options(first));
      created.setSecureContext(options(first, { ca: Buffer.from(root.certificate) }));
      assert.deepEqual(logs(CHANGED), []);
    });

    it('for a name, once somebody may ask for it', async () => {
      server = tls.createServer(options(first));
      server.addContext('early.example.com', options(second));
      await listen(server);
      assert.deepEqual(logs(CHANGED), []);
      server.addContext('late.example.com', options(second));
      server.addContext('early.example.com', tls.createSecureContext(options(first)));
      const [added, replaced] = logs(CHANGED).map(({ attributes }) => attributes);
      assert.equal(added?.['tls.config.server_name'], 'late.example.com');
      assert.equal(added?.['tls.config.certificate'], second.fingerprint);
      assert.equal(added?.['tls.config.certificate.previous'], undefined);
      assert.equal(replaced?.['tls.config.server_name'], 'early.example.com');
      assert.equal(replaced?.['tls.config.certificate.previous'], second.fingerprint);
    });

    it('no longer once we are disabled', async () => {
      server = tls.createServer(options(first));
      instrumentation.disable();
      server.setSecureContext(options(second));
      assert.deepEqual(recorder.logs, []);
    });
  });

  describe('is told once somebody listens', () => {
    const silent = () => {
      instrumentation.disable();
      instrumentation = new TlsInstrumentation();
    };
    const listenTo = (some: TelemetryRecorder) => {
      instrumentation.setTracerProvider(some.tracerProvider);
      instrumentation.setMeterProvider(some.meterProvider);
      instrumentation.setLoggerProvider(some.olderLoggerProvider);
    };

    it('with the next change, and with the first handshake', async () => {
      silent();
      server = greeter(options(first));
      const port = await listen(server);
      server.setSecureContext(options(second));
      const fingerprints = () =>
        recorder.logs
          .filter(({ eventName }) => eventName === CHANGED)
          .map(({ attributes }) => attributes['tls.config.certificate']);
      listenTo(recorder);
      server.setSecureContext(options(first));
      assert.deepEqual(fingerprints(), [second.fingerprint, first.fingerprint]);

      silent();
      server.setSecureContext(options(second));
      listenTo(recorder);
      await visit({ port, ca: root.certificate });
      instrumentation.flush();
      assert.deepEqual(fingerprints(), [second.fingerprint, first.fingerprint, second.fingerprint]);
    });

    it('when that asks for what is left, although nobody came', async () => {
      silent();
      const created = tls.createServer(options(first));
      created.setSecureContext(options(second));
      assert.deepEqual(logs(CHANGED), []);
      listenTo(recorder);
      const [changed, ...others] = logs(CHANGED);
      assert.equal(changed?.attributes['tls.config.certificate'], second.fingerprint);
      assert.deepEqual(others, []);
    });

    it('and a certificate that ends soon with the first handshake, of another server too', async () => {
      silent();
      const short = await root.issue({ usage: 'server', notAfter: new Date(Date.now() + 86_000_000) });
      const unvisited = tls.createServer(options(short));
      server = greeter(options(first));
      const port = await listen(server);
      listenTo(recorder);
      await visit({ port, ca: root.certificate });
      const told = logs('tls.certificate.expiring').map(({ attributes }) => attributes['tls.server.hash.sha256']);
      assert.deepEqual(told, [short.fingerprint]);
      assert.ok(!unvisited.listening);
    });
  });

  describe('says who was asked about a certificate', () => {
    it('when a context of its own was made for the name', async () => {
      const name = 'tenant.example.com';
      const impostor = await (await other.forged()).issue();
      server = greeter(options(first, { requestCert: true }));
      const tenant = await root.issue({ usage: 'server', dnsNames: [name] });
      server.addContext(name, options(tenant, { ca: other.certificate }));
      const port = await listen(server);
      await visit({ port, ca: root.certificate, servername: name, key: impostor.key, cert: impostor.chain });
      assert.deepEqual(failureOf('server').reason, 'certificate_issuer_forged');
    });

    it('when a client was', async () => {
      const impostor = await (await root.forged()).issue({ usage: 'server' });
      server = greeter(options(impostor));
      const port = await listen(server);
      await visit({ port, ca: root.certificate });
      assert.deepEqual(failureOf('client'), {
        reason: 'certificate_issuer_forged',
        errors: ['certificate_issuer_forged', 'unknown_ca'],
      });
    });

    it('and that it is revoked, although OpenSSL speaks of its date', async () => {
      const client = await root.issue({ expired: true });
      root.revoke(client.serialNumber);
      server = greeter(options(first, { requestCert: true, crl: await root.crl() }));
      const port = await listen(server);
      await visit({ port, ca: root.certificate, key: client.key, cert: client.chain });
      assert.deepEqual(failureOf('server'), {
        reason: 'certificate_revoked',
        errors: ['certificate_revoked', 'certificate_expired'],
      });
    });
  });

  describe('ends some time', () => {
    it('which is told as soon as a server has it, and measured from then on', async () => {
      server = tls.createServer(options(second));
      const [expiring] = logs('tls.certificate.expiring');
      assert.equal(expiring?.attributes['tls.server.hash.sha256'], second.fingerprint);
      assert.equal(expiring?.attributes['tls.certificate.expires_within'], 7);
      const left = (await timesToExpiry())[second.fingerprint.slice(0, 8)]!;
      assert.ok(left > 5 * 86_400 && left <= 6 * 86_400, String(left));
    });

    it('and so does what a client presents, and the client that a server lets in', async () => {
      const client = await root.issue({ notAfter: new Date(Date.now() + 86_000_000) });
      server = greeter(options(first, { requestCert: true }));
      const port = await listen(server);
      await visit({ port, ca: root.certificate, key: client.key, cert: client.chain });
      const told = logs('tls.certificate.expiring').map(({ attributes }) => attributes['tls.client.hash.sha256']);
      // One certificate, and said once, whichever end of it is over first.
      assert.deepEqual(told, [client.fingerprint]);
      assert.deepEqual(
        Object.keys(await timesToExpiry()).sort(),
        [client.fingerprint, first.fingerprint].map(fingerprint => fingerprint.slice(0, 8)).sort(),
      );
    });

    it('and no longer concerns anybody once the server has another one', async () => {
      const short = await root.issue({ usage: 'server', notAfter: new Date(Date.now() + 86_000_000) });
      server = tls.createServer(options(short));
      const label = short.fingerprint.slice(0, 8);
      const before = (await timesToExpiry())[label];
      server.setSecureContext(options(first));
      const after = await timesToExpiry();
      assert.equal(after[label], before, 'the SDK repeats it, but it counts down no longer');
      assert.ok(after[first.fingerprint.slice(0, 8)]! > 86_400 * 200);
    });

    it('and no longer once the server listens no more', async () => {
      const gone = await root.issue({ usage: 'server' });
      const closed = tls.createServer(options(gone));
      await listen(closed);
      const label = gone.fingerprint.slice(0, 8);
      const before = (await timesToExpiry())[label];
      await close(closed);
      assert.equal((await timesToExpiry())[label], before);
    });
  });
});

describe('a context of keys and certificates', () => {
  const untouched = [NODE_TLS, tls.Server.prototype].map(target => Object.getOwnPropertyDescriptors(target));
  let authority: CertificateAuthority;
  let own: IssuedCertificate;
  let hook: SecureContextHook;

  before(async () => {
    authority = await CertificateAuthority.create();
    own = await authority.issue({ usage: 'server' });
  });
  beforeEach(() => {
    hook = new SecureContextHook({ configured() {} });
    hook.enable();
    assert.notDeepEqual(
      [NODE_TLS, tls.Server.prototype].map(target => Object.getOwnPropertyDescriptors(target)),
      untouched,
    );
  });
  afterEach(() => {
    hook.disable();
    assert.deepEqual(
      [NODE_TLS, tls.Server.prototype].map(target => Object.getOwnPropertyDescriptors(target)),
      untouched,
    );
  });

  it('is known by its authorities and revocation lists, and by no key', async () => {
    const crl = await authority.crl();
    const made = { key: own.key, cert: own.key + own.chain, ca: authority.certificate, crl, passphrase: 'secret' };
    const context = NODE_TLS.createSecureContext(made);
    assert.deepEqual(madeOf(context), { ca: authority.certificate, crl });
    assert.deepEqual(ownCertificateOf(context), new Uint8Array(own.der));
    assert.equal(ownCertificateOf(context), ownCertificateOf(context), 'the same bytes');
  });

  it('of which nothing was given is not remembered', () => {
    const context = NODE_TLS.createSecureContext();
    assert.equal(madeOf(context), undefined);
    assert.equal(ownCertificateOf(context), undefined);
  });

  it('is not trusted to be complete when a PKCS #12 was given: authorities in it are asked too', () => {
    const context = {};
    const fake = { createSecureContext: () => context };
    const other = new SecureContextHook({ configured() {} }, fake);
    other.enable();
    (fake.createSecureContext as (options: object) => object)({ pfx: 'x', ca: authority.certificate });
    other.disable();
    assert.deepEqual(madeOf(context), { ca: undefined, crl: undefined });
  });

  it('that cannot be made fails as it does without us', () => {
    const attempt = () => NODE_TLS.createSecureContext({ cert: 'nonsense', ca: 'x' });
    const message = (() => {
      try {
        attempt();
      } catch (error) {
        return (error as Error).message;
      }
      return undefined;
    })();
    hook.disable();
    assert.ok(message);
    assert.throws(attempt, { message });
  });

  it('is found with its server, its own first and then those of names', () => {
    const server = tls.createServer({ key: own.key, cert: own.chain });
    server.addContext('a.example.com', { key: own.key, cert: own.chain });
    const ders = contextsOf(server).map(ownCertificateOf);
    assert.deepEqual(ders, [new Uint8Array(own.der), new Uint8Array(own.der)]);
  });

  it('does not outlive whoever made it', () => {
    const program = `
      const { SecureContextHook } = require(${JSON.stringify(require.resolve('../../src/hooks/secure-context-hook'))});
      const tls = require('node:tls');
      new SecureContextHook({ configured() {} }).enable();
      const reference = (() => new WeakRef(tls.createSecureContext({ ca: ${JSON.stringify(authority.certificate)} })))();
      setImmediate(() => { gc(); setImmediate(() => { gc(); console.log(reference.deref() === undefined); }); });`;
    const printed = execFileSync(process.execPath, ['--expose-gc', '-e', program], { encoding: 'utf8' });
    assert.equal(printed.trim(), 'true');
  });

  it('is known as well when an ES module imported the function by its name after us', () => {
    const folder = mkdtempSync(join(tmpdir(), 'contexts-'));
    try {
      const path = join(folder, 'application.mjs');
      writeFileSync(
        path,
        `import { createSecureContext } from 'node:tls';
         console.log(JSON.stringify(globalThis.madeOf(createSecureContext({ crl: [], ca: [] }))));`,
      );
      const preload = join(folder, 'preload.cjs');
      writeFileSync(
        preload,
        `const { SecureContextHook, madeOf } = require(${JSON.stringify(require.resolve('../../src/hooks/secure-context-hook'))});
         globalThis.madeOf = madeOf;
         new SecureContextHook({ configured() {} }).enable();`,
      );
      const printed = execFileSync(process.execPath, ['--require', preload, path], { encoding: 'utf8' });
      assert.equal(printed.trim(), '{"ca":[],"crl":[]}');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function notAfterOf({ certificate }: IssuedCertificate): string {
  const { X509Certificate } = require('node:crypto') as typeof import('node:crypto');
  return new Date(new X509Certificate(certificate).validTo).toISOString();
}
