import assert from 'node:assert/strict';
import { believed, suspicionOf } from './forwarded-request';

const HASH = 'ab'.repeat(32);
const SLEEP = 'spiffe://cluster.local/ns/default/sa/sleep';
const BY = 'By=spiffe://cluster.local/ns/default/sa/httpbin';

describe('Istio’s x-forwarded-client-cert', () => {
  const read = (value: string) => believed('istio', { 'X-Forwarded-Client-Cert': value });

  it('is the workload’s SPIFFE id, and no verdict', () => {
    const { certificate, recomputed, verification } = read(`${BY};Hash=${HASH};Subject="";URI=${SLEEP}`);
    assert.deepEqual(certificate, {
      fingerprint: HASH.toUpperCase(),
      subject: undefined,
      issuer: undefined,
      serialNumber: undefined,
      notBefore: undefined,
      notAfter: undefined,
      alternativeNames: [{ type: 'URI', value: SLEEP }],
      spiffeId: SLEEP,
    });
    assert.deepEqual([recomputed, verification.result], [false, 'unverified']);
  });

  it('names nobody where the URI may be several, or none at all', () => {
    for (const names of [
      `URI=${SLEEP};DNS=a.test`,
      `URI=${SLEEP};URI=${SLEEP}`,
      `DNS=a.test`,
      'URI=',
      'URI=https://a.test',
      'URI=spiffe://a/../b',
      `URI=${SLEEP}%2C`,
      `URI=${SLEEP}?x=1`,
    ]) {
      const { certificate } = read(`${BY};Hash=${HASH};Subject="";${names}`);
      assert.equal(certificate?.spiffeId, undefined, names);
      assert.deepEqual(certificate?.alternativeNames, [], names);
    }
  });

  it('is suspected with more than one element, as behind a gateway that appends', () => {
    const elements = `${BY};Hash=${HASH};Subject="";URI=${SLEEP},${BY};Hash=${HASH};Subject="";URI=spiffe://admin`;
    const headers = { 'X-Forwarded-Client-Cert': elements };
    assert.equal(suspicionOf('istio', headers), 'contradicts_itself x-forwarded-client-cert');
  });

  it('does not come with Envoy’s other headers', () => {
    const headers = { 'X-Forwarded-Client-Cert': `${BY};Hash=${HASH};URI=${SLEEP}`, 'X-SSL-Client-Verify': 'SUCCESS' };
    assert.equal(suspicionOf('istio', headers), 'several_presets x-ssl-client-verify');
  });
});
