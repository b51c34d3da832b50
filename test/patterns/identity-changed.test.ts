import assert from 'node:assert/strict';
import { type PeerCertificate, parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { CertificateAuthority, type CertificateOptions } from '../support/certificate-authority';
import { NOON } from '../telemetry/sample-handshakes';
import { letIn, refused, Scene } from './scene';

const HOUR = 3600;
const DAY = 24 * HOUR;
/** The scene's clock begins here; half of the certificates' validity is not over before day 50. */
const YEAR = { notBefore: new Date(NOON), notAfter: new Date(NOON + 100 * DAY * 1000) };

describe('identity_changed', () => {
  let acme: CertificateAuthority;
  let other: CertificateAuthority;
  let first: PeerCertificate;
  let rekeyed: PeerCertificate;
  let third: PeerCertificate;

  before(async () => {
    acme = await CertificateAuthority.create({ commonName: 'Acme CA' });
    other = await CertificateAuthority.create({ commonName: 'Other CA' });
    first = await issue();
    rekeyed = await issue();
    third = await issue();
  });

  async function issue(more: CertificateOptions = {}, authority = acme): Promise<PeerCertificate> {
    const { der } = await authority.issue({ commonName: 'billing', ...YEAR, ...more });
    return parsePeerCertificate(der);
  }

  /** The first certificate was used, and learning is over. */
  function known(certificate = first, thresholds = {}): Scene<'identity_changed'> {
    const scene = new Scene('identity_changed', thresholds);
    assert.equal(scene.see(letIn(certificate)), undefined);
    scene.seconds = HOUR;
    return scene;
  }

  it('is not the first certificate of an identity, nor the same again', () => {
    const scene = known();
    assert.equal(
      scene.count(100, () => letIn(first), HOUR),
      0,
    );
  });

  it('is a new key after the hour of learning, and not a millisecond before', () => {
    const scene = known();
    const found = scene.see(letIn(rekeyed));
    assert.deepEqual([found?.change, found?.identity, found?.count], ['key', rekeyed, 1]);
    const learning = known();
    learning.seconds = HOUR - 0.001;
    assert.equal(learning.see(letIn(rekeyed)), undefined);
  });

  it('is not a new key once half of the validity has passed, and is one a second before', () => {
    for (const [seconds, change] of [
      [50 * DAY - 1, 'key'],
      [50 * DAY, undefined],
    ] as const) {
      const scene = known();
      scene.seconds = seconds;
      assert.equal(scene.see(letIn(rekeyed))?.change, change);
    }
  });

  it('is not a new key where certificates last a week, and is one where they last a second more', async () => {
    for (const [milliseconds, change] of [
      [7 * DAY * 1000, undefined],
      [7 * DAY * 1000 + 1000, 'key'],
    ] as const) {
      const validity = { notBefore: new Date(NOON), notAfter: new Date(NOON + milliseconds) };
      const scene = known(await issue(validity));
      assert.equal(scene.see(letIn(await issue(validity)))?.change, change);
    }
  });

  it('is not a new certificate for the same key', async () => {
    const scene = known();
    const sameKey = { ...first, pem: first.pem, fingerprint: 'AB'.repeat(32) };
    assert.equal(scene.see(letIn(sameKey)), undefined);
  });

  it('is a new issuer, even while learning, once', async () => {
    const scene = known();
    scene.seconds = 1;
    const moved = await issue({}, other);
    assert.equal(scene.see(letIn(moved))?.change, 'issuer');
    scene.seconds = DAY;
    assert.equal(scene.see(letIn(moved)), undefined);
    assert.equal(scene.see(letIn(first)), undefined);
  });

  it('knows by their issuers alone replicas that show several keys while learning', async () => {
    const scene = known();
    scene.seconds = 1;
    scene.see(letIn(rekeyed));
    scene.seconds = HOUR;
    assert.equal(scene.see(letIn(third)), undefined);
    assert.equal(scene.see(letIn(await issue({}, other)))?.change, 'issuer');
  });

  it('takes for replicas what comes back with its old key after a new one', () => {
    const scene = known();
    assert.equal(scene.see(letIn(rekeyed))?.change, 'key');
    scene.seconds += DAY;
    assert.equal(scene.see(letIn(first)), undefined);
    assert.equal(scene.see(letIn(third)), undefined);
  });

  it('is a certificate of another issuer that only pretends to be a known identity, and is refused', async () => {
    const scene = known();
    const pretended = await issue({}, other);
    assert.equal(scene.see(refused('unknown_ca', pretended))?.change, 'issuer');
    scene.seconds += HOUR;
    assert.equal(scene.see(refused('unknown_ca', pretended))?.change, 'issuer', 'nothing was learnt from it');
  });

  it('is one whose issuer is forged', () => {
    assert.equal(known().see(refused('certificate_issuer_forged', rekeyed))?.change, 'forged');
  });

  it('is not a known identity’s expired certificate, nor an unknown identity’s anything', async () => {
    const scene = known();
    assert.equal(scene.see(refused('certificate_expired', rekeyed)), undefined);
    assert.equal(scene.see(refused('unknown_ca', await issue({ commonName: 'nobody' }, other))), undefined);
    assert.equal(scene.watch.tables[0]?.size, 1, 'of strangers nothing is remembered');
  });

  it('is said once an hour of each identity', async () => {
    const scene = known();
    const pretended = await issue({}, other);
    assert.equal(
      scene.count(3600, () => refused('unknown_ca', pretended), 1),
      1,
    );
    assert.equal(scene.see(refused('unknown_ca', pretended))?.change, 'issuer');
  });

  it('knows an identity by its SPIFFE id, whatever its subject', async () => {
    const uris = ['spiffe://acme/billing'];
    const scene = known(await issue({ uris, commonName: 'one' }));
    assert.equal(scene.see(letIn(await issue({ uris, commonName: 'other' })))?.change, 'key');
  });

  it('says nothing of a certificate without a name', async () => {
    const scene = known(await issue({ subject: [] }));
    assert.equal(scene.see(letIn(await issue({ subject: [] }, other))), undefined);
  });
});
