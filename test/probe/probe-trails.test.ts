import assert from 'node:assert/strict';
import type { EvidenceSpan } from '../../src/audit/evidence';
import type { ProbeKindName } from '../../src/probe/probe-kinds';
import type { PlannedProbe } from '../../src/probe/probe-plan';
import { ProbeTrails, type SentProbe } from '../../src/probe/probe-trails';

const NOON = Date.parse('2026-11-22T12:00:00Z');
const target = { method: 'GET', path: '/orders' } as PlannedProbe['target'];
const hex = (digit: string, length: number) => digit.repeat(length);

let spans = 0;
const spanId = () => (++spans).toString(16).padStart(16, '0');

const EXPIRED = { fingerprint: hex('A', 64), serialNumber: '70726F62650A' };
const SELF_SIGNED = { fingerprint: hex('B', 64), serialNumber: '70726F62650B' };
const GOOD = { fingerprint: hex('C', 64), serialNumber: '0C' };

/** One that was refused in the handshake. */
function sent(kind: ProbeKindName, port: number | undefined, more: Partial<SentProbe> = {}): SentProbe {
  const planned = { kind, target, traceId: spanId().repeat(2), spanId: spanId() };
  return { planned, at: NOON, outcome: 'refused', detail: 'closed without an answer', port, ...more };
}

/** As the server tells of it. Undefined attributes are not told. */
function handshake(attributes: { [name: string]: unknown }, at = NOON): EvidenceSpan {
  const told = {
    'tls.handshake.outcome': 'failed',
    'error.type': 'certificate_expired',
    'network.peer.address': '192.0.2.7',
    ...attributes,
  };
  return {
    resource: { 'service.name': 'shop' },
    traceId: hex('e', 32),
    spanId: spanId(),
    parentSpanId: '',
    name: 'TLS server handshake',
    kind: 1,
    ended: at,
    attributes: Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)),
    events: [],
    links: [],
    status: { code: 'error', message: '' },
  };
}

const names = ({ fingerprint, serialNumber }: typeof EXPIRED) => ({
  'tls.client.hash.sha256': fingerprint,
  'tls.client.x509.serial_number': serialNumber,
});
const from = (port: number) => ({ 'network.peer.port': port });

/** `by`, or what is said instead. */
function found(probes: readonly SentProbe[], evidence: readonly EvidenceSpan[]): readonly string[] {
  const trails = new ProbeTrails(
    probes.map(({ planned }) => planned),
    NOON,
  );
  for (const probe of probes) trails.expect(probe);
  for (const span of evidence) trails.span(span);
  // Files are read again and again.
  for (const span of evidence) trails.span(span);
  return trails.find(probes).map(({ trail, recorded }) => recorded?.by ?? trail);
}

describe('the trail of a probe', () => {
  it('is found by the certificate that was made for it, whichever port it is seen to come from', () => {
    const probe = sent('expired', 1000, EXPIRED);
    assert.deepEqual(found([probe], [handshake({ ...names(EXPIRED), ...from(2000) })]), ['fingerprint']);
    assert.deepEqual(found([probe], [handshake({ 'tls.client.x509.serial_number': EXPIRED.serialNumber })]), [
      'serial number',
    ]);
    assert.deepEqual(found([probe], [handshake(names(SELF_SIGNED))]), ['missing']);
    assert.deepEqual(found([probe], []), ['missing']);
  });

  it('is found by its port where it came without a certificate', () => {
    const probe = sent('none', 1000);
    assert.deepEqual(found([probe], [handshake(from(1000))]), ['port']);
    assert.deepEqual(found([probe], [handshake(from(1001))]), ['missing']);
    // Somebody else, with a certificate of their own.
    assert.deepEqual(found([probe], [handshake({ ...from(1000), ...names(GOOD) })]), ['missing']);
  });

  it('is nobody else, at another time or from another address than the other probes came from', () => {
    const [none, expired] = [sent('none', 1000), sent('expired', 1001, EXPIRED)];
    const known = handshake({ ...names(EXPIRED), ...from(1001) });
    const other = (address: string) => handshake({ ...from(1000), 'network.peer.address': address });
    assert.deepEqual(found([none, expired], [known, other('192.0.2.7')]), ['port', 'fingerprint']);
    assert.deepEqual(found([none, expired], [known, other('192.0.2.8')]), ['missing', 'fingerprint']);
    // By IPv6 the same client has another address.
    assert.deepEqual(found([none, expired], [known, other('2001:db8::7')]), ['port', 'fingerprint']);
    assert.deepEqual(found([none], [handshake(from(1000), NOON + 120_000)]), ['port']);
    assert.deepEqual(found([none], [handshake(from(1000), NOON + 120_001)]), ['missing']);
    assert.deepEqual(found([none], [handshake(from(1000), NOON - 120_001)]), ['missing']);
  });

  it('is undecided where ports change on their way, and something without a certificate was recorded', () => {
    const [none, expired] = [sent('none', 1000), sent('expired', 1001, EXPIRED)];
    const moved = handshake({ ...names(EXPIRED), ...from(50_001) });
    assert.deepEqual(found([none, expired], [moved, handshake(from(50_000))]), ['undecided', 'fingerprint']);
    assert.deepEqual(found([none, expired], [moved]), ['missing', 'fingerprint']);
    const established = handshake({ ...from(50_000), 'tls.handshake.outcome': 'established', 'error.type': undefined });
    assert.deepEqual(found([none, expired], [moved, { ...established, status: { code: 'unset', message: '' } }]), [
      'missing',
      'fingerprint',
    ]);
  });

  it('is undecided where neither certificate nor port is told, or a pseudonym in its place', () => {
    const probes = [sent('none', 1000), sent('expired', 1001, EXPIRED)];
    assert.deepEqual(found(probes, [handshake({})]), ['undecided', 'undecided']);
    const hidden = handshake({ 'tls.client.hash.sha256': `hmac:${hex('0', 32)}` });
    assert.deepEqual(found(probes, [hidden]), ['missing', 'undecided']);
  });

  it('is one for each of those that share a certificate', () => {
    const probes = [sent('revoked', 1000, GOOD), sent('revoked', 1001, GOOD)];
    const one = handshake({ ...names(GOOD), ...from(1001) });
    assert.deepEqual(found(probes, [one]), ['missing', 'fingerprint']);
    assert.deepEqual(found(probes, [one, handshake({ ...names(GOOD), ...from(1000) })]), [
      'fingerprint',
      'fingerprint',
    ]);
    // Without ports as many as there are.
    assert.deepEqual(found(probes, [handshake(names(GOOD))]), ['fingerprint', 'missing']);
    assert.deepEqual(found(probes, [handshake(names(GOOD)), handshake(names(GOOD))]), ['fingerprint', 'fingerprint']);
  });

  it('is the request, where there is one under its traceparent', () => {
    const probe = sent('good', 1000, { ...GOOD, outcome: 'accepted', status: 200 });
    const request: EvidenceSpan = {
      ...handshake({ 'http.request.method': 'GET' }),
      traceId: probe.planned.traceId,
      name: 'GET',
      kind: 2,
    };
    assert.deepEqual(found([probe], [handshake({ ...names(GOOD), ...from(1000) }), request]), ['traceparent']);
    assert.deepEqual(found([probe], [handshake({ ...names(GOOD), ...from(1000) })]), ['fingerprint']);
  });

  it('is not what a client tells of its own handshake', () => {
    const probe = sent('expired', 1000, EXPIRED);
    const client = { ...handshake({ ...names(EXPIRED), ...from(1000) }), name: 'TLS client handshake' };
    assert.deepEqual(found([probe], [client]), ['missing']);
  });

  it('is a log record too, where the span was not sampled, and not twice beside its span', () => {
    const probe = sent('expired', 1000, EXPIRED);
    const span = handshake({ ...names(EXPIRED), ...from(1000) });
    const log = { ...span, at: NOON, eventName: 'tls.handshake.failed', sampled: false };
    const trails = new ProbeTrails([probe.planned], NOON);
    trails.expect(probe);
    trails.log({ ...log, spanId: '' });
    assert.equal(trails.find([probe])[0]?.recorded?.as, 'log record');
    assert.ok(trails.isComplete([probe]));
    const both = new ProbeTrails([probe.planned], NOON);
    both.expect(probe);
    both.log(log);
    both.span(span);
    both.log(log);
    assert.equal(both.find([probe])[0]?.recorded?.as, 'handshake');
  });

  it('is not expected of what never reached a server', () => {
    assert.deepEqual(found([sent('none', undefined)], [handshake({})]), ['not expected']);
  });
});
