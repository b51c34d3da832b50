import assert from 'node:assert/strict';
import type { AttributeValue, ReceivedLog, ReceivedSpan } from '../../src/cli/otlp-messages';
import { jsonOf, type SeenHandshake, seenHandshake, seenHandshakeOfLog } from '../../src/cli/seen-handshake';
import { coloured, columnsOf, plain, printableJson } from '../../src/cli/terminal-text';
import { createTimeline, Tally } from '../../src/cli/timeline';
import { FAILURE_REASONS } from '../../src/handshake/failure-reasons';
import { HANDSHAKES, type HandmadeSpan, NOON } from './handmade-telemetry';

/** A span as the receiver hands it on. */
function received({ name, started, ended, attributes, linkTo }: HandmadeSpan, index: number): ReceivedSpan {
  const idOf = (place: number) => String(place).padStart(16, '0');
  return {
    resource: { 'service.name': 'billing-api' },
    scope: { name: 'opentelemetry-instrumentation-tls', version: '0.0.0' },
    traceId: 'a'.repeat(32),
    spanId: idOf(index),
    parentSpanId: '',
    name,
    kind: 1,
    started,
    ended,
    attributes: attributes as Record<string, AttributeValue>,
    events: [],
    links: linkTo === undefined ? [] : [{ traceId: 'a'.repeat(32), spanId: idOf(linkTo), attributes: {} }],
    status: { code: attributes['error.type'] ? 'error' : 'unset', message: '' },
  };
}

function handshake(name: string, attributes: HandmadeSpan['attributes'], more: Partial<SeenHandshake> = {}) {
  return { ...seenHandshake(received({ name, started: NOON - 3, ended: NOON, attributes }, 99))!, ...more };
}

const ALL = HANDSHAKES.map(received).map(span => seenHandshake(span)!);
const look = { paint: plain, width: 120, timeZone: 'UTC' };
const isHint = (line: string) => /^ {16}(→| {2})/.test(line);

describe('the timeline', () => {
  it('tells who, when, why and which certificate', () => {
    const lines = createTimeline(look).lines(ALL);
    assert.deepEqual(
      lines.filter(line => !isHint(line)),
      [
        '12:03:04.120  ✓ established                  server accepted 127.0.0.1:51034  CN=alice,O=Acme · TLS 1.3 · h2 · 4.2 ms',
        '12:03:04.130  ✗ certificate_expired          server refused 127.0.0.1:51035  CN=billing,O=Acme · expired 3 days ago',
        '12:03:04.140  ✗ unknown_ca                   server refused 127.0.0.1:51036',
        '                CN=mallory,O=Acme · issued by CN=Somebody Else Entirely Issuing CA 7,O=Elsewhere Incorporated',
        '                also certificate_expired',
        '12:03:04.150  ✗ certificate_required         server refused 127.0.0.1:51037  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE',
        '12:03:04.160  ✗ certificate_revoked          server refused 127.0.0.1:51038  CN=bob,O=Acme · serial 5A17C0DE',
        '12:03:04.170  ✗ decrypt_error                server refused 127.0.0.1:51039',
        '                CN=carol,O=Acme · shown without its private key',
        '12:03:04.180  ✗ not_tls                      server refused 127.0.0.1:51040  ERR_SSL_HTTP_REQUEST',
        '12:03:04.190  · abandoned                    127.0.0.1:51041 left without a word of TLS',
        '12:03:04.200  ! established                  server accepted 127.0.0.1:51042',
        '                CN=dave,O=Acme · certificate_expired · expired 5 seconds ago',
        '12:03:04.210  ✗ unknown_ca                   127.0.0.1:51043 refused the server  alert 48 unknown_ca',
        '12:03:04.220  ✓ established                  client reached api.example.com (192.0.2.7:443)  CN=api.example.com,O=Acme',
        '   ↳ +3.0 ms  ✗ certificate_required         api.example.com (192.0.2.7:443) refused the client after all',
        '                alert 116 certificate_required',
        '12:03:04.240  ✗ certificate_name_mismatch    client refused api.example.com (192.0.2.7:443)',
        '                CN=www.example.org,O=Acme · is for DNS:www.example.org, DNS:example.org, DNS:a.example.org, and 1 more',
        '12:03:04.250  ✗ connection_reset             client lost api.example.com (192.0.2.7:443)  ECONNRESET',
      ],
    );
  });

  for (const width of [80, 100, 120, 140])
    it(`fills ${width} columns and no more`, () => {
      for (const line of createTimeline({ ...look, width }).lines(ALL)) assert.ok(columnsOf(line) <= width, line);
    });

  it('says below each failure what to do, word for word as the table of reasons has it', () => {
    for (const [reason, { hint }] of Object.entries(FAILURE_REASONS)) {
      const [first, ...more] = createTimeline({ ...look, width: 80 }).lines([
        handshake('TLS server handshake', { 'error.type': reason, 'tls.handshake.outcome': 'failed' }),
      ]);
      assert.ok(first!.includes(reason));
      const said = more.filter(isHint).map(line => line.slice(18));
      assert.equal(said.join(' '), hint);
    }
  });

  it('does not repeat a hint that is still on the screen', () => {
    const timeline = createTimeline(look);
    const expired = ALL[1]!;
    assert.equal(timeline.lines([expired]).length, 2);
    assert.equal(timeline.lines([expired]).length, 1);
    const others = timeline.lines(Array.from({ length: 30 }, () => ALL[0]!));
    assert.equal(others.length, 30);
    assert.equal(timeline.lines([expired]).length, 2);
  });

  it('tells the earliest first, in whatever order they arrive', () => {
    assert.deepEqual(createTimeline(look).lines([...ALL].reverse()), createTimeline(look).lines(ALL));
  });

  it('names the handshake that a later refusal belongs to', () => {
    const timeline = createTimeline(look);
    timeline.lines([ALL[10]!]);
    const [line, details] = timeline.lines([ALL[11]!]);
    assert.match(line!, /^12:03:04.223 {2}✗ certificate_required .* refused the client after all$/);
    assert.match(details!, /^ {16}established at 12:03:04.220 · alert 116/);
    const orphan = createTimeline(look).lines([ALL[11]!]);
    assert.match(orphan[0]!, /refused the client after all$/);
    assert.doesNotMatch(orphan.join(), /established/);
  });

  it('names the applications when there are several', () => {
    const timeline = createTimeline(look);
    assert.match(timeline.lines([ALL[0]!])[0]!, /server accepted/);
    const [second] = timeline.lines([{ ...ALL[0]!, service: 'shop' }]);
    assert.match(second!, / shop accepted 127/);
    assert.match(timeline.lines([ALL[0]!])[0]!, / billing-api accepted 127/);
  });

  it('says when another day begins', () => {
    const timeline = createTimeline(look);
    const tomorrow = { ...ALL[0]!, at: NOON + 86_400_000 };
    assert.equal(timeline.lines([ALL[0]!, ALL[0]!]).length, 2);
    assert.equal(timeline.lines([tomorrow])[0], '2026-11-23');
  });

  it("shows times in the reader's time zone", () => {
    assert.match(createTimeline({ ...look, timeZone: 'Asia/Kolkata' }).lines([ALL[0]!])[0]!, /^17:33:04.120 /);
  });

  it('colours by what it means and not by what it says', () => {
    const lines = createTimeline({ ...look, paint: coloured }).lines(ALL);
    const plainLines = createTimeline(look).lines(ALL);
    assert.deepEqual(
      lines.map(line => line.replace(/\x1b\[\d+m/g, '')),
      plainLines,
    );
    const colourOf = (label: string) =>
      /\x1b\[(\d+)m(?:\x1b\[(\d+)m)?[✓✗·!] /.exec(lines.find(line => line.includes(label))!)!.slice(1);
    assert.deepEqual(colourOf('✓ established'), ['32', undefined]);
    assert.deepEqual(colourOf('certificate_expired'), ['33', undefined]);
    assert.deepEqual(colourOf('certificate_revoked'), ['1', '31']);
    assert.deepEqual(colourOf('abandoned'), ['2', undefined]);
  });

  for (const [what, name, attributes, expected] of [
    [
      'the peer hung up',
      'TLS server handshake',
      { 'error.type': 'connection_closed', 'tls.failure.origin': 'peer' },
      '192.0.2.9:7 hung up',
    ],
    [
      'we lost patience',
      'TLS server handshake',
      { 'error.type': 'handshake_timeout', 'tls.failure.origin': 'local' },
      'server gave up waiting for 192.0.2.9:7',
    ],
    [
      'our own client gave up',
      'TLS client handshake',
      { 'tls.handshake.outcome': 'abandoned', 'tls.handshake.phase': 'negotiation' },
      'client gave up on 192.0.2.9:7 during the negotiation',
    ],
    [
      'a renegotiation was refused',
      'TLS server renegotiation refused',
      { 'error.type': 'renegotiation_refused', 'tls.failure.origin': 'local' },
      'server refused 192.0.2.9:7 later',
    ],
    [
      'the reason was concluded',
      'TLS client handshake refused',
      { 'error.type': 'peer_closed_after_handshake', 'tls.failure.origin': 'peer', 'tls.failure.derived': true },
      'concluded, nobody said so',
    ],
    [
      'only OpenSSL has words for it',
      'TLS server handshake',
      {
        'error.type': 'certificate_weak_crypto',
        'tls.verify.code': 'UNSPECIFIED',
        'tls.verify.message': 'CA md too weak',
      },
      'CA md too weak',
    ],
    ['the session was resumed', 'TLS server handshake', { 'tls.resumed': true }, 'resumed · 3.0 ms'],
  ] as const)
    it(`finds words when ${what}`, () => {
      const peer = { 'network.peer.address': '192.0.2.9', 'network.peer.port': 7 };
      const lines = createTimeline(look).lines([handshake(name, { ...peer, ...attributes })]);
      assert.ok(lines.join('\n').includes(expected), lines.join('\n'));
    });

  for (const [address, port, shown] of [
    ['::1', 443, '[::1]:443'],
    ['::ffff:192.0.2.7', 443, '192.0.2.7:443'],
    ['192.0.2.7', undefined, '192.0.2.7'],
    [undefined, 443, 'an unknown peer'],
  ] as const)
    it(`writes the peer ${address} ${port} as ${shown}`, () => {
      const [line] = createTimeline(look).lines([handshake('TLS server handshake', {}, { peer: { address, port } })]);
      assert.ok(line!.includes(`accepted ${shown}  `), line);
    });

  const names: [what: string, attributes: HandmadeSpan['attributes'], shown: string][] = [
    ['its subject', { 'tls.client.subject': 'CN=a', 'tls.client.spiffe_id': 'spiffe://x/a' }, 'CN=a'],
    [
      'its SPIFFE id, where the subject is empty',
      { 'tls.client.subject': '', 'tls.client.spiffe_id': 'spiffe://x/a' },
      'spiffe://x/a',
    ],
    [
      'its first other name',
      { 'tls.client.subject': '', 'tls.client.x509.alternative_names': ['DNS:a.test'] },
      'DNS:a.test',
    ],
    [
      'its fingerprint, where it has no name at all',
      { 'tls.client.hash.sha256': 'AB'.repeat(32) },
      'certificate ABABABABABABABAB…',
    ],
  ];
  for (const [what, attributes, shown] of names)
    it(`calls a certificate by ${what}`, () => {
      const [line] = createTimeline(look).lines([handshake('TLS server handshake', attributes)]);
      assert.ok(line!.endsWith(`  ${shown} · 3.0 ms`), line);
    });

  for (const [ago, said] of [
    [999, 'less than a second'],
    [1000, '1 second'],
    [59_999, '59 seconds'],
    [60_000, '1 minute'],
    [3_600_000, '1 hour'],
    [86_399_999, '23 hours'],
    [86_400_000, '1 day'],
    [400 * 86_400_000, '1 year'],
    [800 * 86_400_000, '2 years'],
  ] as const)
    it(`says '${said}' of ${ago} ms`, () => {
      const lines = createTimeline(look).lines([
        handshake('TLS server handshake', {
          'error.type': 'certificate_expired',
          'tls.client.subject': 'CN=a',
          'tls.client.not_after': new Date(NOON - ago).toISOString(),
        }),
      ]);
      assert.ok(lines.join('\n').includes(`expired ${said} ago`), lines.join('\n'));
    });

  it('says nothing of times that are none, or that contradict the reason', () => {
    for (const notAfter of ['yesterday', '', '2999-01-01T00:00:00Z']) {
      const lines = createTimeline(look).lines([
        handshake('TLS server handshake', {
          'error.type': 'certificate_expired',
          'tls.client.subject': 'CN=a',
          'tls.client.not_after': notAfter,
        }),
      ]);
      assert.ok(lines[0]!.endsWith('  CN=a'), lines[0]);
    }
  });

  it('ignores spans that are no handshakes', () => {
    for (const name of ['GET /', 'TLS server handshake ', ''])
      assert.equal(seenHandshake(received({ name, started: 0, ended: 1, attributes: {} }, 1)), undefined);
  });

  it('has no hint for a reason of a later version', () => {
    for (const reason of ['certificate_haunted', 'constructor', '__proto__', 'toString']) {
      const lines = createTimeline(look).lines([handshake('TLS server handshake', { 'error.type': reason })]);
      assert.equal(lines.length, 1);
      assert.ok(lines[0]!.includes(`✗ ${reason}`));
    }
  });
});

describe('hostile telemetry', () => {
  const hostile = '\x1b[2J\x1b]0;owned\x07\nfake line\r\u202egnp.exe\u2028\x9b1m';
  const texts = [...new Set(HANDSHAKES.flatMap(({ attributes }) => Object.entries(attributes)))]
    .filter(([name, value]) => typeof value === 'string' && name !== 'tls.handshake.outcome')
    .map(([name]) => name);

  for (const [what, text] of [
    ['of escapes', hostile],
    ['of a million letters', 'A'.repeat(1_000_000)],
    ['of a million escapes', '\x1b'.repeat(1_000_000)],
  ] as const)
    it(`made ${what} stays text on few lines`, () => {
      assert.ok(texts.length > 15);
      for (const span of HANDSHAKES.map(received)) {
        const attributes: Record<string, AttributeValue> = { ...span.attributes };
        for (const name of texts) attributes[name] = text;
        attributes['tls.verify.errors'] = Array.from({ length: 1000 }, () => text);
        attributes['tls.client.x509.alternative_names'] = Array.from({ length: 1000 }, () => text);
        const seen = seenHandshake({ ...span, resource: { 'service.name': text }, attributes })!;
        const lines = createTimeline(look).lines([seen, { ...seen, service: 'another' }]);
        assert.ok(lines.length < 40, String(lines.length));
        for (const line of lines) {
          assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
          assert.ok(columnsOf(line) < 300, String(columnsOf(line)));
        }
        const json = printableJson(jsonOf(seen));
        assert.doesNotMatch(json, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        assert.ok(json.length < 400_000, String(json.length));
      }
    });

  it('of other types than expected counts as unsaid', () => {
    for (const value of [null, 7, true, ['a'], { a: 'b' }] as AttributeValue[]) {
      for (const span of HANDSHAKES.map(received)) {
        const attributes = Object.fromEntries(Object.keys(span.attributes).map(name => [name, value]));
        assert.ok(createTimeline(look).lines([seenHandshake({ ...span, attributes })!]).length > 0);
      }
    }
  });

  it('with invented reasons and services does not grow without end', () => {
    const tally = new Tally();
    const timeline = createTimeline(look);
    for (let index = 0; index < 5000; index++) {
      const seen = handshake('TLS server handshake', { 'error.type': `r${index}` }, { service: `s${index}` });
      tally.add(seen);
      timeline.lines([seen]);
    }
    assert.ok(tally.summary(plain).length < 110);
  });
});

describe('a failure that only a log record tells of', () => {
  const log = (more: Partial<ReceivedLog>): ReceivedLog => ({
    resource: { 'service.name': 'billing-api' },
    scope: { name: '', version: '' },
    at: NOON,
    eventName: 'tls.handshake.failed',
    severity: 13,
    severityText: 'WARN',
    body: '',
    attributes: HANDSHAKES[1]!.attributes as Record<string, AttributeValue>,
    traceId: '',
    spanId: '',
    sampled: false,
    ...more,
  });

  it('is told as its span would be', () => {
    const [line] = createTimeline(look).lines([seenHandshakeOfLog(log({}))!]);
    assert.equal(
      line,
      '12:03:04.120  ✗ certificate_expired          server refused 127.0.0.1:51035  CN=billing,O=Acme · expired 3 days ago',
    );
  });

  it('is told when its span was not sampled, and left to the span when it was', () => {
    const ids = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
    assert.ok(seenHandshakeOfLog(log({ ...ids, sampled: false })));
    assert.equal(seenHandshakeOfLog(log({ ...ids, sampled: true })), undefined);
  });

  it('is no other event', () => {
    assert.equal(seenHandshakeOfLog(log({ eventName: 'tls.client_certificate.accepted' })), undefined);
    assert.equal(seenHandshakeOfLog(log({ eventName: '' })), undefined);
  });

  it('is told of an application whose part is not known', () => {
    const attributes = { 'error.type': 'not_tls', 'tls.failure.origin': 'local', 'network.peer.address': '192.0.2.9' };
    const [line] = createTimeline(look).lines([seenHandshakeOfLog(log({ attributes }))!]);
    assert.match(line!, /application refused 192.0.2.9$/);
  });
});

describe('the summary', () => {
  it('counts endings and reasons, the most frequent first', () => {
    const tally = new Tally();
    for (const seen of ALL) tally.add(seen);
    for (let index = 0; index < 10; index++) tally.add(ALL[1]!);
    assert.deepEqual(tally.summary(plain), [
      '23 handshakes: 2 established, 1 refused afterwards, 19 failed, 1 abandoned',
      '  11 × certificate_expired',
      '   2 × certificate_required',
      '   2 × unknown_ca',
      '   1 × certificate_name_mismatch',
      '   1 × certificate_revoked',
      '   1 × connection_reset',
      '   1 × decrypt_error',
      '   1 × not_tls',
    ]);
  });

  describe('of a handshake that was refused after it was established', () => {
    const established = ALL[10]!;
    const refusal = ALL[11]!;
    const summaryOf = (...seen: SeenHandshake[]) => {
      const tally = new Tally();
      for (const one of seen) tally.add(one);
      return tally.summary(plain);
    };
    const REFUSED_ONCE = ['1 handshake: 1 refused afterwards', '  1 × certificate_required'];

    it('counts it once, as that, whichever of the two comes first', () => {
      assert.equal(refusal.refusalOf, established.spanId);
      assert.deepEqual(summaryOf(established, refusal), REFUSED_ONCE);
      assert.deepEqual(summaryOf(refusal, established), REFUSED_ONCE);
    });

    it('counts it where a filter left nothing of it but the refusal', () => {
      assert.deepEqual(summaryOf(refusal), REFUSED_ONCE);
      const refused = ALL.filter(({ reason }) => reason === 'certificate_required');
      assert.deepEqual(summaryOf(...refused), [
        '2 handshakes: 1 refused afterwards, 1 failed',
        '  2 × certificate_required',
      ]);
    });

    it('counts each of several that do not say which handshake they are of', () => {
      const nameless = { ...refusal, refusalOf: '' };
      assert.deepEqual(summaryOf(nameless, nameless), [
        '2 handshakes: 2 refused afterwards',
        '  2 × certificate_required',
      ]);
    });
  });

  it('of nothing is one line', () => assert.deepEqual(new Tally().summary(plain), ['0 handshakes']));
});
