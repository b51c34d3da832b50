import assert from 'node:assert/strict';
import { believed, FROM_A_STRANGER, outcomeOf, suspicionOf } from './forwarded-request';

const WORKLOAD = 'default.default.serviceaccount.identity.linkerd.cluster.local';

describe('the header of Linkerd', () => {
  it('is the workload’s name, which the sidecar has verified', () => {
    const forwarded = believed('linkerd', { 'l5d-client-id': WORKLOAD });
    assert.equal(forwarded.preset, 'linkerd');
    assert.equal(forwarded.recomputed, false);
    assert.deepEqual(forwarded.certificate?.alternativeNames, [{ type: 'DNS', value: WORKLOAD }]);
    assert.equal(forwarded.certificate?.spiffeId, undefined);
    assert.equal(forwarded.certificate?.fingerprint, undefined);
    assert.deepEqual(forwarded.verification, { result: 'ok', errors: [] });
  });

  it('is a SPIFFE id where the mesh names its workloads so', () => {
    const id = 'spiffe://root.linkerd.cluster.local/ns/shop/sa/web';
    const { certificate } = believed('linkerd', { 'L5d-Client-Id': id });
    assert.equal(certificate?.spiffeId, id);
    assert.deepEqual(certificate?.alternativeNames, [{ type: 'URI', value: id }]);
  });

  it('is not there for a client outside the mesh', () => {
    assert.deepEqual(outcomeOf('linkerd', { 'l5d-dst-canonical': 'a.test:80' }), { kind: 'absent' });
    assert.deepEqual(outcomeOf('linkerd', { 'l5d-client-id': '' }), { kind: 'absent' });
  });

  it('is a name of at most 253 characters and labels of at most 63', () => {
    const longest = `${'a'.repeat(63)}.`.repeat(3) + 'b'.repeat(61);
    assert.equal(longest.length, 253);
    assert.equal(believed('linkerd', { 'l5d-client-id': longest }).certificate?.alternativeNames[0]?.value, longest);
    assert.equal(suspicionOf('linkerd', { 'l5d-client-id': `${longest}b` }), 'malformed l5d-client-id');
    assert.ok(believed('linkerd', { 'l5d-client-id': `${'a'.repeat(63)}.test` }));
    assert.equal(suspicionOf('linkerd', { 'l5d-client-id': `${'a'.repeat(64)}.test` }), 'malformed l5d-client-id');
  });

  for (const forged of [
    `${WORKLOAD}, admin.admin.serviceaccount.identity.linkerd.cluster.local`,
    `${WORKLOAD};admin`,
    `"${WORKLOAD}"`,
    `${WORKLOAD}.`,
    '.test',
    'a..test',
    '-a.test',
    '*.test',
    'spiffe://acme.test/../admin',
    'spiffe://acme.test/a?b',
    'https://acme.test',
    'CN=admin',
    'a%2Etest',
    'zo\xc3\xab.test',
    '__proto__ ',
  ]) {
    it(`names nobody when it is ${JSON.stringify(forged)}`, () => {
      assert.equal(suspicionOf('linkerd', { 'l5d-client-id': forged }), 'malformed l5d-client-id');
    });
  }

  it('is an attempt when a stranger sends it, or when it comes twice', () => {
    const sent = { 'l5d-client-id': WORKLOAD };
    assert.equal(suspicionOf('linkerd', sent, FROM_A_STRANGER), 'untrusted_peer l5d-client-id');
    const twice = [...Object.entries(sent), ['L5D-CLIENT-ID', 'admin.test'] as const];
    assert.equal(suspicionOf('linkerd', twice), 'duplicate_header l5d-client-id');
  });
});
