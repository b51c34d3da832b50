import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { TrustAnchors } from '../../src/certificate/trust-anchors';
import { CertificateAuthority, tampered } from '../support/certificate-authority';
import * as raw from './raw-certificate';

const chainOf = (...ders: readonly Uint8Array[]) => ders.map(der => parsePeerCertificate(der));

describe('the authorities an application trusts', () => {
  let root: CertificateAuthority;
  let intermediate: CertificateAuthority;
  let leaf: Buffer;
  let below: Buffer;
  let stranger: CertificateAuthority;

  before(async () => {
    root = await CertificateAuthority.create({ commonName: 'Root' });
    intermediate = await root.intermediate({ commonName: 'Intermediate' });
    leaf = (await root.issue()).der;
    below = (await intermediate.issue()).der;
    stranger = await CertificateAuthority.create({ commonName: 'Stranger' });
  });

  const hasIssued = (ca: unknown, ...ders: readonly Uint8Array[]) => TrustAnchors.from(ca).hasIssued(chainOf(...ders));

  it('have issued a leaf of theirs', () => {
    assert.equal(hasIssued(root.certificate, leaf), true);
    assert.equal(hasIssued([stranger.certificate, root.certificate], leaf), true);
  });

  it('have issued a chain when they issued its top', () => {
    assert.equal(hasIssued(root.certificate, below, intermediate.der), true);
    assert.equal(hasIssued(root.certificate, below, intermediate.der, root.der), true);
  });

  it('have issued a chain that contains one of them', () => {
    assert.equal(hasIssued(root.certificate, root.der), true);
    assert.equal(hasIssued(intermediate.certificate, below), true);
    assert.equal(hasIssued(intermediate.certificate, stranger.der, intermediate.der), true);
  });

  it('have not issued what somebody else did', async () => {
    assert.equal(hasIssued(stranger.certificate, leaf), false);
    assert.equal(hasIssued(stranger.certificate, below, intermediate.der, root.der), false);
    assert.equal(hasIssued(root.certificate, (await CertificateAuthority.selfSigned()).der), false);
  });

  it('have not issued a leaf whose intermediate was not sent', () => {
    assert.equal(hasIssued(root.certificate, below), false);
  });

  it('have not issued what a forger signed in their name', async () => {
    const forger = await root.forged();
    const { der } = await forger.issue();
    assert.equal(parsePeerCertificate(der).issuer, 'CN=Root');
    assert.equal(hasIssued(root.certificate, der), false);
    assert.equal(hasIssued(forger.certificate, der), true);
    assert.equal(hasIssued([forger.certificate, root.certificate], leaf), true);
  });

  it('are named by what a forger signed in their name, at whatever place of the chain', async () => {
    const areNamedBy = (ca: unknown, ...ders: readonly Uint8Array[]) =>
      TrustAnchors.from(ca).areNamedBy(chainOf(...ders));
    const forger = await root.forged();
    const { der } = await forger.issue();
    const between = await forger.intermediate();
    assert.equal(areNamedBy(root.certificate, der), true);
    assert.equal(areNamedBy([stranger.certificate, root.certificate], der), true);
    assert.equal(areNamedBy(root.certificate, (await between.issue()).der, between.der), true);
    assert.equal(areNamedBy(stranger.certificate, der), false);
    assert.equal(areNamedBy(undefined, der), false);
    assert.equal(areNamedBy(root.certificate), false);
  });

  it('are not named by a certificate that names nobody', () => {
    const nobody = raw.rawCertificate({ issuer: raw.sequence() });
    assert.equal(
      TrustAnchors.from(raw.pem(raw.rawCertificate({ subject: raw.sequence() }))).areNamedBy(chainOf(nobody)),
      false,
    );
  });

  it('have not issued what is signed with another key, even where nothing names a key', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const subject = raw.commonName('ca');
    const key = raw.subjectPublicKeyInfo(publicKey);
    const extensions = [raw.extension('2.5.29.19', raw.sequence(raw.TRUE))];
    const anchor = raw.pem(raw.rawCertificate({ subject, key, extensions, signedBy: privateKey }));
    const issued = { subject: raw.commonName('leaf'), issuer: subject };
    assert.equal(hasIssued(anchor, raw.rawCertificate({ ...issued, signedBy: privateKey })), true);
    assert.equal(hasIssued(anchor, raw.rawCertificate(issued)), false);
  });

  it('have not issued what was changed since', async () => {
    assert.equal(hasIssued(root.certificate, tampered(await root.issue()).der), false);
  });

  it('have not issued anything when they are no authorities', async () => {
    const notACa = await root.intermediate({ notACa: true });
    const { der } = await notACa.issue();
    assert.equal(hasIssued(root.certificate, der), false);
  });

  it('may be given in every form that Node takes', () => {
    const bundle = `# Stranger\n${stranger.certificate}\n\nRoot\n=====\r\n${root.certificate.trimEnd()}`;
    const bytes = Buffer.from(bundle);
    const padded = new Uint8Array([1, 2, 3, ...bytes, 4]);
    const forms = [
      bundle,
      bytes,
      new Uint8Array(bytes),
      new DataView(padded.buffer, 3, bytes.length),
      [stranger.certificate, root.certificate],
      [stranger.certificate, Buffer.from(root.certificate)],
      [bytes],
      root.certificate.replaceAll('\n', '\r\n'),
      root.certificate.replaceAll('CERTIFICATE', 'X509 CERTIFICATE'),
      root.certificate.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'),
    ];
    for (const ca of forms) assert.equal(hasIssued(ca, leaf), true, String(ca));
    assert.equal(TrustAnchors.from(bundle).size, 2);
    assert.equal(hasIssued(stranger.certificate + intermediate.certificate, leaf), false);
  });

  it('have one digest in whichever order they are given, and another with every other one', () => {
    const both = [stranger.certificate, root.certificate];
    const digest = TrustAnchors.from(both).digest;
    assert.equal(TrustAnchors.from([...both].reverse()).digest, digest);
    assert.equal(TrustAnchors.from(both.join('')).digest, digest);
    assert.notEqual(TrustAnchors.from(root.certificate).digest, digest);
    assert.equal(TrustAnchors.from([]).digest, '');
  });

  it("are Node's own, and unknown, when none are given", () => {
    for (const ca of [undefined, null, '', false, 0]) assert.equal(hasIssued(ca, leaf), undefined);
  });

  it('are none at all when the list is empty or has no PEM in it, as for Node', () => {
    for (const ca of [[], ['junk'], 'junk', root.der]) {
      assert.equal(hasIssued(ca, leaf), false);
      assert.equal(TrustAnchors.from(ca).size, 0);
    }
  });

  it('are not all known when one cannot be read, so nothing is denied', () => {
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const endless = root.certificate.slice(0, 100);
    for (const part of [broken, endless, 5, {}, [root.certificate], null]) {
      assert.equal(hasIssued([stranger.certificate, part], leaf), undefined);
      assert.equal(hasIssued([root.certificate, part], leaf), true);
    }
    assert.equal(hasIssued({}, leaf), undefined);
    assert.equal(
      hasIssued(() => {}, leaf),
      undefined,
    );
  });

  it('never make anything throw', () => {
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    assert.equal(hasIssued(proxy, leaf), undefined);
    const throwing = new Proxy([root.certificate], {
      get() {
        throw new Error('not mine to read');
      },
    });
    assert.equal(hasIssued(throwing, leaf), undefined);
    for (const ca of [Symbol('ca'), 5n, NaN, new Map()]) assert.equal(hasIssued(ca, leaf), undefined);
  });

  it('are 200 at most', () => {
    const many = Array.from({ length: 199 }, () => stranger.certificate);
    assert.equal(hasIssued([...many, root.certificate], leaf), true);
    assert.equal(hasIssued([...many, stranger.certificate, root.certificate], leaf), undefined);
    assert.equal(TrustAnchors.from([...many, stranger.certificate, root.certificate]).size, 200);
  });

  it("may be all of Node's roots", () => {
    assert.equal(hasIssued(rootCertificates.slice(0, 200), leaf), false);
    assert.equal(hasIssued([...rootCertificates.slice(0, 150), root.certificate], leaf), true);
  });

  it('say nothing of a chain that is empty or cannot be read', () => {
    assert.equal(TrustAnchors.from(root.certificate).hasIssued([]), undefined);
    assert.equal(hasIssued(root.certificate, Buffer.from('garbage')), undefined);
    assert.equal(hasIssued(root.certificate, Buffer.alloc(20_000)), undefined);
    assert.equal(hasIssued(root.certificate, Buffer.from('garbage'), leaf), true);
  });

  it('look at the first ten certificates of a chain', () => {
    const nine = Array.from({ length: 9 }, () => stranger.der);
    assert.equal(hasIssued(root.certificate, ...nine, leaf), true);
    assert.equal(hasIssued(root.certificate, ...nine, stranger.der, leaf), false);
  });

  it('cannot tell whether they issued what their key cannot be asked about', () => {
    const { publicKey, privateKey } = generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 });
    const key = raw.subjectPublicKeyInfo(publicKey);
    const authority = raw.extension('2.5.29.19', raw.sequence(raw.TRUE));
    const subject = raw.commonName('dsa');
    const algorithm = raw.sequence(raw.objectIdentifier('2.16.840.1.101.3.4.3.2'));
    const anchor = raw.pem(
      raw.rawCertificate({ subject, key, extensions: [authority], algorithm, signedBy: privateKey }),
    );
    const issued = raw.rawCertificate({
      subject: raw.commonName('leaf'),
      issuer: subject,
      algorithm,
      signedBy: privateKey,
    });
    assert.equal(hasIssued(anchor, issued), undefined);
    assert.equal(hasIssued([anchor, root.certificate], leaf), true);
  });

  it('are read once', () => {
    const list = [root.certificate];
    assert.equal(TrustAnchors.from(list), TrustAnchors.from(list));
    assert.notEqual(TrustAnchors.from(list), TrustAnchors.from([...list]));
    assert.equal(TrustAnchors.from(root.certificate), TrustAnchors.from(`${root.certificate}`));
  });

  it('are forgotten, when they are text, after eight others', () => {
    const first = TrustAnchors.from(root.certificate);
    const others = Array.from({ length: 8 }, (_, at) => `${at}\n${root.certificate}`);
    for (const other of others.slice(0, 7)) TrustAnchors.from(other);
    assert.equal(TrustAnchors.from(root.certificate), first);
    for (const other of others) TrustAnchors.from(other);
    assert.notEqual(TrustAnchors.from(root.certificate), first);
  });
});
