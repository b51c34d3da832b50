import assert from 'node:assert/strict';
import { parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { RevocationLists } from '../../src/certificate/revocation-lists';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';

const parsed = ({ der }: IssuedCertificate) => parsePeerCertificate(der);

describe('the revocation lists of a crl option', () => {
  let authority: CertificateAuthority;
  let other: CertificateAuthority;
  let revoked: IssuedCertificate;
  let good: IssuedCertificate;

  before(async () => {
    authority = await CertificateAuthority.create({ commonName: 'Acme Root, Ltd.' });
    other = await CertificateAuthority.create({ commonName: 'Other Root' });
    // Serial numbers whose DER begins with a zero, and which are printed with one.
    revoked = await authority.issue({ serialNumber: '00f1' });
    good = await authority.issue({ serialNumber: '0a' });
    authority.revoke('00f1');
    for (let i = 0; i < 300; i++) authority.revoke(`77${i.toString(16).padStart(6, '0')}`);
  });

  it('have the certificates on them, and no others', async () => {
    const lists = RevocationLists.from(await authority.crl());
    assert.equal(lists.size, 1);
    assert.equal(lists.have(parsed(revoked)), true);
    assert.equal(lists.have(parsed(good)), false);
  });

  it('say nothing of a certificate with the same number from another authority', async () => {
    const namesake = await other.issue({ serialNumber: '00f1' });
    assert.equal(RevocationLists.from(await authority.crl()).have(parsed(namesake)), false);
  });

  for (const [name, given] of [
    ['one text', (one: string, two: string) => one + two],
    ['an array of bytes', (one: string, two: string) => [Buffer.from(one), Buffer.from(two)]],
  ] as const) {
    it(`may be several in ${name}`, async () => {
      const lists = RevocationLists.from(given(await other.crl(), await authority.crl()));
      assert.equal(lists.size, 2);
      assert.equal(lists.have(parsed(revoked)), true);
    });
  }

  it('may be empty: nobody is on a list without entries', async () => {
    const empty = await CertificateAuthority.create({ commonName: 'Acme Root, Ltd.' });
    const lists = RevocationLists.from(await empty.crl());
    assert.equal(lists.size, 1);
    assert.equal(lists.have(parsed(revoked)), false);
  });

  it('are told apart by what is on them', async () => {
    const before = await other.crl();
    other.revoke('0b');
    const after = await other.crl();
    assert.equal(RevocationLists.from([before]).digest, RevocationLists.from(before).digest);
    assert.notEqual(RevocationLists.from(after).digest, RevocationLists.from(before).digest);
  });

  it('are none where the option holds none, whatever it holds', async () => {
    const cut = (await authority.crl()).replace(/\n[^\n]*\n-----END/, '\n-----END');
    for (const option of [undefined, null, false, 7, '', 'text', {}, [], [null], authority.certificate]) {
      assert.equal(RevocationLists.from(option).size, 0, String(option));
      assert.equal(RevocationLists.from(option).have(parsed(revoked)), false);
    }
    assert.equal(RevocationLists.from(cut).have(parsed(good)), false);
  });
});
