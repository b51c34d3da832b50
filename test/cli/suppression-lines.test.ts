import assert from 'node:assert/strict';
import type { Attributes, ReceivedLog } from '../../src/cli/otlp-messages';
import { seenSuppression, suppressionLines } from '../../src/cli/suppression-lines';
import { plain } from '../../src/cli/terminal-text';
import { NOON } from '../telemetry/sample-handshakes';

describe('what a flood left unsaid, in the timeline', () => {
  const record = (attributes: Attributes, eventName = 'tls.telemetry.suppressed') =>
    ({ eventName, at: NOON, attributes }) as ReceivedLog;
  const lines = (attributes: Attributes) => {
    const suppression = seenSuppression(record(attributes));
    assert.ok(suppression);
    return suppressionLines(suppression, { paint: plain, width: 120, timeZone: 'UTC' });
  };

  it('says how many, why and from where', () => {
    const [head, details, ...more] = lines({
      'tls.suppressed.handshakes': 569,
      'tls.suppressed.reasons': ['not_tls=566', 'protocol_version=3'],
      'tls.suppressed.networks': ['192.0.2.0/24=569'],
    });
    assert.equal(head, '10:00:00.000  … 569 more handshakes failed than are told one by one');
    assert.equal(details, `${' '.repeat(16)}not_tls=566 · protocol_version=3 · 192.0.2.0/24=569`);
    assert.deepEqual(more, []);
    const [requests = ''] = lines({ 'tls.suppressed.requests': 2 });
    assert.match(requests, /… 2 more requests were refused or suspected than are told one by one$/);
  });

  it('is no other record, and bears one of which nothing is known', () => {
    assert.equal(seenSuppression(record({}, 'tls.handshake.failed')), undefined);
    assert.match(lines({})[0] ?? '', /… some more requests/);
  });

  it('lets nothing through that a terminal would obey, and fills no screen', () => {
    const hostile = Array.from({ length: 1000 }, () => `\u001b[2J\n\u202e${'x'.repeat(100_000)}`);
    const said = lines({
      'tls.suppressed.handshakes': 1,
      'tls.suppressed.reasons': hostile,
      'tls.suppressed.networks': hostile,
    });
    assert.doesNotMatch(said.join('\n'), /[\u001b\u202e]/);
    assert.ok(said.length < 20 && said.join('').length < 3000);
  });
});
