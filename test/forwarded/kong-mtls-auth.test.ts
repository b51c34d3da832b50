import assert from 'node:assert/strict';
import { believed, FROM_A_STRANGER, outcomeOf, suspicionOf } from './forwarded-request';

describe('the headers of Kong’s plugin mtls-auth', () => {
  it('are a subject of one common name, and no verdict that could be relied upon', () => {
    for (const written of ['CN=alice', '/CN=alice']) {
      const { certificate, recomputed, verification } = believed('kong-mtls-auth', { 'X-Client-Cert-Dn': written });
      assert.equal(certificate?.subject, 'CN=alice');
      assert.equal(recomputed, false);
      assert.deepEqual(verification, { result: 'unverified', errors: [] });
    }
    for (const name of ['alice@acme.test', '*.acme.test', 'ns:web_1']) {
      assert.equal(believed('kong-mtls-auth', { 'X-Client-Cert-Dn': `CN=${name}` }).certificate?.subject, `CN=${name}`);
    }
  });

  it('are a name of 64 characters, RFC 5280’s longest, and not of 65', () => {
    const name = 'a'.repeat(64);
    assert.equal(believed('kong-mtls-auth', { 'X-Client-Cert-Dn': `CN=${name}` }).certificate?.subject, `CN=${name}`);
    assert.deepEqual(outcomeOf('kong-mtls-auth', { 'X-Client-Cert-Dn': `CN=${name}a` }), { kind: 'absent' });
  });

  for (const ambiguous of [
    'CN=alice,O=Acme',
    'CN=alice, O=Acme',
    '/O=Acme/CN=alice',
    'CN=alice+UID=7',
    'CN=a\\,CN=admin',
    'CN="alice"',
    'CN=alice;CN=admin',
    'CN=#0c05616c696365',
    'CN=alice smith',
    'CN= alice',
    'O=Acme',
    'CN=',
    'zo\xc3\xab',
    '//CN=alice',
    '__proto__',
  ]) {
    it(`name nobody when the subject is ${JSON.stringify(ambiguous)}`, () => {
      assert.deepEqual(outcomeOf('kong-mtls-auth', { 'X-Client-Cert-Dn': ambiguous }), { kind: 'absent' });
    });
  }

  it('never name anybody by an alternative name, whose kind Kong does not tell', () => {
    assert.deepEqual(outcomeOf('kong-mtls-auth', { 'X-Client-Cert-San': 'admin.acme.test' }), { kind: 'absent' });
    const { certificate } = believed('kong-mtls-auth', {
      'X-Client-Cert-Dn': 'CN=alice',
      'X-Client-Cert-San': 'admin.acme.test',
    });
    assert.deepEqual(certificate?.alternativeNames, []);
  });

  it('are nothing where Kong names a consumer', () => {
    assert.deepEqual(outcomeOf('kong-mtls-auth', { 'X-Consumer-Username': 'alice' }), { kind: 'absent' });
  });

  it('are an attempt from a stranger, and when one comes twice', () => {
    const sent = { 'X-Client-Cert-Dn': 'CN=alice' };
    assert.equal(suspicionOf('kong-mtls-auth', sent, FROM_A_STRANGER), 'untrusted_peer x-client-cert-dn');
    const twice = [...Object.entries(sent), ['x-client-cert-dn', 'CN=admin'] as const];
    assert.equal(suspicionOf('kong-mtls-auth', twice), 'duplicate_header x-client-cert-dn');
  });
});
