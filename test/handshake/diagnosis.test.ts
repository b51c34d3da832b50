import assert from 'node:assert/strict';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { diagnose, type Evidence } from '../../src/handshake/diagnosis';
import {
  CertificateAuthority,
  type CertificateOptions,
  type IssuedCertificate,
} from '../support/certificate-authority';

const SECOND = 1000;

const EXPIRED = { code: 'CERT_HAS_EXPIRED', message: 'certificate has expired' };
const NOT_YET = { code: 'CERT_NOT_YET_VALID', message: 'certificate is not yet valid' };
const PURPOSE = { code: 'INVALID_PURPOSE', message: 'unsuitable certificate purpose' };
const NO_ISSUER = {
  code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  message: 'unable to verify the first certificate',
};

describe('what is wrong with a certificate', () => {
  let root: CertificateAuthority;
  let intermediate: CertificateAuthority;
  let stranger: CertificateAuthority;
  const now = Math.floor(Date.now() / SECOND) * SECOND;

  before(async () => {
    root = await CertificateAuthority.create();
    intermediate = await root.intermediate();
    stranger = await CertificateAuthority.create({ commonName: 'Unknown Root' });
  });

  const parsed = ({ der }: { der: Uint8Array }) => parsePeerCertificate(der);

  async function evidence(leaf: IssuedCertificate, more: Partial<Evidence> = {}): Promise<Evidence> {
    const certificate = parsed(leaf);
    return {
      leaf: certificate,
      chain: [certificate],
      configured: root.certificate,
      revocationLists: undefined,
      presenter: 'client',
      at: now,
      hasVerifiedIssuer: () => false,
      ...more,
    };
  }

  const issue = (options: CertificateOptions) => root.issue(options);

  describe('and may be a clock', () => {
    for (const [what, said, options, skew] of [
      ['begins in 300 seconds', NOT_YET, { notBefore: new Date(now + 300 * SECOND) }, 300],
      ['begins in 301 seconds', NOT_YET, { notBefore: new Date(now + 301 * SECOND) }, undefined],
      ['ended 300 seconds ago', EXPIRED, { notAfter: new Date(now - 300 * SECOND) }, 300],
      ['ended 301 seconds ago', EXPIRED, { notAfter: new Date(now - 301 * SECOND) }, undefined],
    ] as const) {
      it(`when it ${what}${skew === undefined ? ': no longer' : ''}`, async () => {
        const { clockSkew, hints } = diagnose(said, await evidence(await issue(options)));
        assert.equal(clockSkew, skew);
        assert.deepEqual(hints, skew === undefined ? undefined : ['clock_skew']);
      });
    }

    it('is not thought of when the issuer is the one that has ended', async () => {
      assert.deepEqual(diagnose(EXPIRED, await evidence(await issue({}))), { errors: ['certificate_expired'] });
    });
  });

  describe('and what it is meant for', () => {
    it("is told of a server's that a client presents", async () => {
      const { errors, hints } = diagnose(PURPOSE, await evidence(await issue({ usage: 'server' })));
      assert.deepEqual(errors, ['certificate_purpose_invalid']);
      assert.deepEqual(hints, ['server_certificate_as_client']);
    });

    it("is told of a client's that a server presents", async () => {
      const seen = await evidence(await issue({ usage: 'client' }), { presenter: 'server' });
      assert.deepEqual(diagnose(PURPOSE, seen).hints, ['client_certificate_as_server']);
    });

    it('is not guessed of one for neither', async () => {
      const { errors, hints } = diagnose(PURPOSE, await evidence(await issue({ usage: 'codeSigning' })));
      assert.deepEqual(errors, ['certificate_purpose_invalid']);
      assert.equal(hints, undefined);
    });

    it('is told beside its date, behind which OpenSSL hides it', async () => {
      const { errors, hints } = diagnose(EXPIRED, await evidence(await issue({ usage: 'server', expired: true })));
      assert.deepEqual(errors, ['certificate_expired', 'certificate_purpose_invalid']);
      assert.deepEqual(hints, ['server_certificate_as_client']);
    });
  });

  describe('and revoked', () => {
    it('is told before its date, behind which OpenSSL hides it', async () => {
      const leaf = await issue({ expired: true });
      root.revoke(leaf.serialNumber);
      const seen = await evidence(leaf, { revocationLists: await root.crl() });
      assert.deepEqual(diagnose(EXPIRED, seen).errors, ['certificate_revoked', 'certificate_expired']);
    });

    it("is nothing that is said of a stranger's with the same number", async () => {
      const number = '5577';
      root.revoke(number);
      const forger = await root.forged();
      const leaf = await forger.issue({ expired: true, serialNumber: number });
      const seen = await evidence(leaf, { revocationLists: await root.crl() });
      assert.deepEqual(diagnose(EXPIRED, seen).errors, ['certificate_issuer_forged', 'certificate_expired']);
    });
  });

  it('is also its date, when no authority of ours has issued it', async () => {
    const { errors } = diagnose(NO_ISSUER, await evidence(await stranger.issue({ expired: true })));
    assert.deepEqual(errors, ['unknown_ca', 'certificate_expired']);
  });

  describe('and the chain that came with it', () => {
    it('may end before a root', async () => {
      assert.deepEqual(diagnose(NO_ISSUER, await evidence(await intermediate.issue())).hints, ['chain_incomplete']);
    });

    it('may lack an intermediate that others have sent', async () => {
      const leaf = await intermediate.issue();
      const issuer = parsed(leaf).issuer;
      const seen = await evidence(leaf, { hasVerifiedIssuer: name => name === issuer });
      assert.deepEqual(diagnose(NO_ISSUER, seen).hints, ['intermediate_missing']);
    });

    it('may lack nothing but our trust', async () => {
      const leaf = await stranger.issue();
      const seen = await evidence(leaf, { chain: [parsed(leaf), parsed(stranger)] });
      const said = { code: 'SELF_SIGNED_CERT_IN_CHAIN', message: 'self-signed certificate in certificate chain' };
      assert.deepEqual(diagnose(said, seen), { errors: ['untrusted_root'], hints: ['root_not_trusted'] });
    });

    it('is not spoken of where it could not be read', async () => {
      const seen = await evidence(await stranger.issue(), { chain: [] });
      assert.deepEqual(diagnose(NO_ISSUER, seen), { errors: ['unknown_ca'] });
    });
  });
});
