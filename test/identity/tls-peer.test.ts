import assert from 'node:assert/strict';
import { peerForwardedBy, peerOfHandshake } from '../../src/identity/tls-peer';
import { acceptedClient, BILLING, serverHandshake } from '../telemetry/sample-handshakes';

const SPAN = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };
const FORWARDED = {
  preset: 'nginx',
  certificate: BILLING,
  recomputed: true,
  chain: [],
  verification: { result: 'ok', enforced: true, errors: [] },
} as const;

describe('the peer', () => {
  it('of a handshake has the certificate, the verdict and the span of it, and none can be changed', () => {
    const handshake = acceptedClient();
    const span = { ...SPAN };
    const peer = peerOfHandshake(handshake, span);
    assert.deepEqual(peer, {
      source: 'handshake',
      certificate: handshake.peerCertificate,
      verification: handshake.verification,
      resumed: handshake.resumed,
      connectionId: SPAN.spanId,
      handshakeSpan: SPAN,
    });
    span.spanId = 'another';
    assert.equal(peer.handshakeSpan?.spanId, SPAN.spanId);
    assert.ok(Object.isFrozen(peer) && Object.isFrozen(peer.handshakeSpan));
  });

  it('of a handshake without a span has no connection to be found by', () => {
    const { connectionId, handshakeSpan } = peerOfHandshake(serverHandshake(), undefined);
    assert.deepEqual([connectionId, handshakeSpan], [undefined, undefined]);
  });

  it('that a proxy speaks for is the client, found by the connection of the proxy, which is known too', () => {
    const proxy = peerOfHandshake(serverHandshake(), SPAN);
    const peer = peerForwardedBy(proxy, FORWARDED);
    assert.deepEqual(peer, {
      source: 'header',
      certificate: BILLING,
      verification: FORWARDED.verification,
      resumed: undefined,
      connectionId: SPAN.spanId,
      handshakeSpan: SPAN,
      proxy: { preset: 'nginx', peer: proxy },
    });
    assert.ok(Object.isFrozen(peer) && Object.isFrozen(peer.proxy));
  });

  it('that a proxy speaks for over plain HTTP has no connection', () => {
    const peer = peerForwardedBy(undefined, FORWARDED);
    assert.deepEqual([peer.connectionId, peer.handshakeSpan], [undefined, undefined]);
    assert.deepEqual(peer.proxy, { preset: 'nginx', peer: undefined });
  });
});
