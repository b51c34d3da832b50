import assert from 'node:assert/strict';
import {
  countedFailure,
  type EvidenceAttributes,
  type EvidenceSpan,
  seenHandshake,
  seenRequest,
  serviceOf,
} from '../../src/audit/evidence';

const SERVER = 2;

function span(attributes: EvidenceAttributes, more: Partial<EvidenceSpan> = {}): EvidenceSpan {
  return {
    resource: { 'service.name': 'shop' },
    traceId: '1'.repeat(32),
    spanId: '2'.repeat(16),
    parentSpanId: '',
    name: 'GET',
    kind: SERVER,
    ended: 0,
    attributes,
    events: [],
    links: [],
    status: { code: 'unset', message: '' },
    ...more,
  };
}

const handshake = (attributes: EvidenceAttributes, more: Partial<EvidenceSpan> = {}) =>
  seenHandshake(span(attributes, { name: 'TLS server handshake', kind: 1, ...more }));

describe('the evidence', () => {
  it('of a request names its path, by whichever attribute it has one, and its method as it was sent', () => {
    const GET = { 'http.request.method': 'GET' };
    for (const [attributes, path] of [
      [{ 'url.path': '/orders' }, '/orders'],
      [{ 'http.target': '/orders?a=b' }, '/orders'],
      [{ 'url.full': 'https://shop.example:8443/orders?a=b' }, '/orders'],
      [{ 'http.url': 'https://shop.example#top' }, ''],
      [{ 'url.full': 'no address' }, undefined],
    ] as const)
      assert.equal(seenRequest(span({ ...GET, ...attributes }))?.target.path, path, JSON.stringify(attributes));
    const purge = { 'http.request.method': '_OTHER', 'url.path': '/' };
    assert.equal(seenRequest(span({ ...purge, 'http.request.method_original': 'PURGE' }))?.target.method, 'PURGE');
    assert.equal(seenRequest(span(purge))?.target.method, '_OTHER');
  });

  it('of a handshake without an outcome, as older ones are, is a failure where it has a reason or a status', () => {
    assert.equal(handshake({})?.hasFailed, false);
    assert.equal(handshake({ 'error.type': 'unknown_ca' })?.hasFailed, true);
    assert.equal(handshake({}, { status: { code: 'error', message: '' } })?.hasFailed, true);
    const established = { 'tls.handshake.outcome': 'established', 'error.type': 'unknown_ca' };
    assert.equal(handshake(established)?.hasFailed, false);
    assert.equal(handshake({}, { name: 'GET' }), undefined);
  });

  it('of a handshake names the protocol, TLS unless something else is said', () => {
    assert.equal(handshake({ 'tls.protocol.version': '1.3' })?.protocol, 'TLS 1.3');
    assert.equal(handshake({ 'tls.protocol.name': 'ssl', 'tls.protocol.version': '3' })?.protocol, 'SSL 3');
    assert.equal(handshake({ 'tls.protocol.name': 'tls' })?.protocol, undefined);
  });

  it('of a metric is of the failures that it counts, whose reason may not be known', () => {
    const point = (name: string, attributes: EvidenceAttributes) =>
      countedFailure({ resource: {}, name, attributes, count: 1, isCumulative: true, started: 0, at: 0 });
    const failed = { 'tls.handshake.outcome': 'failed' };
    const name = 'tls.client.handshake.duration';
    assert.deepEqual(point(name, failed), { side: 'client', reason: '_OTHER' });
    assert.deepEqual(point(name, { ...failed, 'error.type': 'unknown_ca' }), { side: 'client', reason: 'unknown_ca' });
    assert.equal(point(name, {}), undefined);
    assert.equal(point('http.server.request.duration', failed), undefined);
  });

  it('is of a service whose name is a text, and no longer than anybody reads', () => {
    assert.equal(serviceOf({ 'service.name': 7 }), '');
    assert.equal(serviceOf({}), '');
    const long = serviceOf({ 'service.name': 'x'.repeat(100_000) });
    assert.ok(long.length < 5_000 && long.startsWith('xxx'), String(long.length));
    assert.deepEqual(handshake({}, { resource: {} })?.example.service, undefined);
  });
});
