import assert from 'node:assert/strict';
import { detectionLines, seenDetection } from '../../src/cli/detection-lines';
import type { Attributes, ReceivedLog } from '../../src/cli/otlp-messages';
import { plain } from '../../src/cli/terminal-text';
import { PATTERNS } from '../../src/patterns/patterns';
import { NOON } from '../telemetry/sample-handshakes';

describe('a pattern of abuse in the timeline', () => {
  const record = (attributes: Attributes, eventName = 'tls.abuse.detected') =>
    ({ eventName, at: NOON, attributes }) as ReceivedLog;
  const lines = (attributes: Attributes, width = 120) => {
    const detection = seenDetection(record(attributes));
    assert.ok(detection);
    return detectionLines(detection, { paint: plain, width, timeZone: 'UTC' });
  };

  it('says when, which, who and how many, and below it what to do', () => {
    const [head, details, ...advice] = lines({
      'tls.abuse.pattern': 'certificate_rotation',
      'tls.abuse.count': 7,
      'tls.abuse.certificates': 5,
      'network.peer.address': '192.0.2.7',
    });
    assert.equal(head, '10:00:00.000  ‼ certificate_rotation');
    assert.equal(details, `${' '.repeat(16)}192.0.2.7 · 5 certificates · 7 handshakes`);
    const words = advice.map(line => line.slice(18)).join(' ');
    assert.equal(words, PATTERNS.certificate_rotation.hint);
  });

  it('says whose identity it is, what is new of it, and how handshakes ended', () => {
    const details = (attributes: Attributes) => lines({ 'tls.abuse.pattern': 'x', ...attributes })[1]?.trim();
    const subject = { 'tls.client.subject': 'CN=billing' };
    assert.equal(details({ ...subject, 'tls.abuse.change': 'issuer' }), 'CN=billing · new issuer');
    assert.equal(details({ ...subject, 'tls.abuse.change': 'forged' }), 'CN=billing · forged issuer');
    assert.equal(details({ 'tls.abuse.peers': 1, 'tls.abuse.count': 1 }), '1 peer · 1 handshake');
    assert.equal(details({ 'tls.abuse.count': 2, 'tls.abuse.endpoint': 'GET /a' }), '2 requests · GET /a');
    assert.equal(details({ 'tls.abuse.kinds': ['not_tls', 7, 'abandoned'] }), 'not_tls · abandoned');
  });

  it('is no other record, and bears one of which nothing is known', () => {
    assert.equal(seenDetection(record({}, 'tls.handshake.failed')), undefined);
    assert.equal(lines({})[0], '10:00:00.000  ‼ an unknown pattern');
  });

  it('lets nothing through that a terminal would obey, and fills no screen', () => {
    const hostile = `\u001b[2J\n\u202e${'x'.repeat(100_000)}`;
    const said = lines({
      'tls.abuse.pattern': hostile,
      'tls.client.subject': hostile,
      'network.peer.address': hostile,
      'tls.abuse.kinds': Array.from({ length: 1000 }, () => hostile),
    });
    assert.doesNotMatch(said.join('\n'), /[\u001b\u202e]/);
    assert.ok(said.length < 40 && said.join('').length < 5000);
  });
});
