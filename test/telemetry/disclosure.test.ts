import assert from 'node:assert/strict';
import { createHmac, createSecretKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Attributes, type AttributeValue, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Handshake } from '../../src/handshake/handshake';
import type { PrivacySettings } from '../../src/settings';
import { ATTRIBUTE_KINDS } from '../../src/telemetry/attribute-kinds';
import { ATTRIBUTES } from '../../src/telemetry/attributes';
import { CONFIGURATION_ATTRIBUTES } from '../../src/telemetry/configuration-attributes';
import type { DataKind } from '../../src/telemetry/data-kinds';
import { ANSWER_ATTRIBUTES } from '../../src/telemetry/decision-events';
import { DETECTION_ATTRIBUTES } from '../../src/telemetry/detection-attributes';
import { Disclosure } from '../../src/telemetry/disclosure';
import { DECISION_EVENTS, EVENTS, PROCESS_EVENTS, REQUEST_EVENTS } from '../../src/telemetry/events';
import { EXPIRY_ATTRIBUTES } from '../../src/telemetry/expiry-attributes';
import { EventSink } from '../../src/telemetry/event-sink';
import { FloodControl } from '../../src/telemetry/flood-control';
import { INSTRUMENTS } from '../../src/telemetry/metrics';
import { Occurrence } from '../../src/telemetry/occurrence';
import { Providers } from '../../src/telemetry/providers';
import { REQUEST_ATTRIBUTES } from '../../src/telemetry/request-attributes';
import { SpanSink } from '../../src/telemetry/span-sink';
import { SuppressionReport } from '../../src/telemetry/suppression-report';
import { TelemetryRecorder } from '../support/telemetry-recorder';
import { clientHandshake, DEFAULT_SETTINGS, NOON, refusedClient } from './sample-handshakes';

const KINDS: readonly DataKind[] = ['neither', 'identity', 'certificate', 'text', 'address', 'host', 'networks'];
const TABLES = {
  ATTRIBUTES,
  REQUEST_ATTRIBUTES,
  ANSWER_ATTRIBUTES,
  DETECTION_ATTRIBUTES,
  CONFIGURATION_ATTRIBUTES,
  EXPIRY_ATTRIBUTES,
};
const KEY = createSecretKey(Buffer.from('a key of the test, long enough'));
const SOURCES = join(__dirname, '../../../src');

function disclosure(privacy: Partial<PrivacySettings> = {}): Disclosure {
  return new Disclosure({ identity: 'full', addresses: 'full', allows: undefined, ...privacy }, ATTRIBUTE_KINDS);
}

const pseudonym = (text: string) => `hmac:${createHmac('sha256', KEY).update(text).digest('hex').slice(0, 32)}`;

/** Every row's own example, by name. */
const EXAMPLES: Attributes = Object.fromEntries(
  Object.values(TABLES).flatMap(table =>
    Object.entries<{ readonly example: AttributeValue }>(table).map(([name, row]) => [name, row.example]),
  ),
);
const ofKind = (...kinds: DataKind[]) =>
  Object.keys(EXAMPLES).filter(name => kinds.includes(ATTRIBUTE_KINDS.get(name) as DataKind));

describe('what each attribute may give away', () => {
  for (const [table, rows] of Object.entries(TABLES)) {
    it(`stands in every row of ${table}, and is the same wherever the attribute is`, () => {
      for (const [name, row] of Object.entries<{ data?: unknown }>(rows)) {
        assert.ok(KINDS.includes(row.data as DataKind), `${name} has to say what it may give away`);
        assert.equal(ATTRIBUTE_KINDS.get(name), row.data, name);
      }
    });
  }

  it('is known of every attribute that is named in the sources, and of nothing else', () => {
    const events = [EVENTS, DECISION_EVENTS, REQUEST_EVENTS, PROCESS_EVENTS].flatMap(table => Object.keys(table));
    const metrics: string[] = Object.values(INSTRUMENTS).flatMap(({ attributes }) => [...attributes]);
    const others = new Set([...events, ...Object.keys(INSTRUMENTS), ...metrics]);
    const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
      // Those two read what others have said.
      .filter(file => file.endsWith('.ts') && !/^(cli|audit)\b/.test(file));
    const texts = files.map(file => readFileSync(join(SOURCES, file), 'utf8'));
    const named = new Set(
      texts.flatMap(text => [...text.matchAll(/'(tls\.[a-z0-9_.]*[a-z0-9])'/g)].map(m => m[1] as string)),
    );
    assert.ok(named.size > 60, `${named.size}`);
    assert.deepEqual(
      [...named].filter(name => !ATTRIBUTE_KINDS.has(name) && !others.has(name)),
      [],
    );
  });

  it('is, of what metrics are counted by, nothing', () => {
    for (const { attributes } of Object.values<{ readonly attributes: readonly string[] }>(INSTRUMENTS)) {
      for (const name of attributes) assert.ok(['neither', undefined].includes(ATTRIBUTE_KINDS.get(name)), name);
    }
  });

  it('is an identity, of all that a certificate names', () => {
    assert.deepEqual(
      ofKind('identity', 'certificate', 'text')
        .filter(name => !name.startsWith('tls.server.'))
        .sort(),
      [
        'enduser.id',
        'tls.client.certificate',
        'tls.client.certificate_chain',
        'tls.client.certificate_chain.fingerprints',
        'tls.client.hash.sha256',
        'tls.client.issuer',
        'tls.client.spiffe_id',
        'tls.client.subject',
        'tls.client.x509.alternative_names',
        'tls.client.x509.serial_number',
        'tls.config.certificate',
        'tls.config.certificate.previous',
        'tls.proxy.subject',
        'tls.verify.message',
      ],
    );
  });
});

describe('what is let out', () => {
  it('is everything, and the very same object, by default', () => {
    assert.equal(disclosure().of(EXAMPLES), EXAMPLES);
    const unheardOf = { 'tls.unheard_of': 'CN=alice' };
    assert.equal(disclosure().of(unheardOf), unheardOf);
  });

  it('has no identity and nothing that contains one, when those are off; all the rest is as it was', () => {
    const told = disclosure({ identity: 'off' }).of(EXAMPLES);
    const kept = ofKind('neither', 'address', 'host', 'networks');
    assert.deepEqual(told, Object.fromEntries(kept.map(name => [name, EXAMPLES[name]])));
    assert.ok(kept.length > 40);
  });

  it('has a pseudonym in place of each identity, of a list in place of each entry, when those are hashed', () => {
    const told = disclosure({ identity: KEY }).of(EXAMPLES);
    for (const name of ofKind('identity')) {
      const example = EXAMPLES[name];
      const expected = Array.isArray(example)
        ? example.map(entry => pseudonym(String(entry)))
        : pseudonym(String(example));
      assert.deepEqual(told[name], expected, name);
    }
    for (const name of ofKind('certificate', 'text')) assert.equal(told[name], undefined, name);
    assert.equal(told['tls.verify.result'], 'failed');
    assert.equal(told['network.peer.address'], '192.0.2.7');
  });

  it('has one pseudonym for one text, wherever it stands and however often it comes, and another under another key', () => {
    const one = disclosure({ identity: KEY });
    const other = disclosure({ identity: createSecretKey(Buffer.from('another key of the test')) });
    const subject = { 'tls.client.subject': 'CN=alice' };
    const [first] = Object.values(one.of(subject));
    for (let index = 0; index < 3000; index++) one.of({ 'tls.client.subject': `CN=stranger-${index}` });
    assert.equal(one.pseudonymsEvicted, 2001);
    assert.equal(one.of(subject)['tls.client.subject'], first);
    assert.equal(one.of({ 'tls.server.issuer': 'CN=alice' })['tls.server.issuer'], first);
    assert.equal(disclosure({ identity: KEY }).of(subject)['tls.client.subject'], first);
    assert.notEqual(other.of(subject)['tls.client.subject'], first);
    const long = 'x'.repeat(5000);
    assert.equal(one.of({ 'tls.client.subject': long })['tls.client.subject'], pseudonym(long));
    assert.equal(disclosure({ identity: 'full' }).pseudonymsEvicted, 0);
  });

  for (const [address, masked] of [
    ['192.0.2.7', '192.0.2.0'],
    ['127.0.0.1', '127.0.0.0'],
    ['0.0.0.0', '0.0.0.0'],
    ['::ffff:192.0.2.7', '192.0.2.0'],
    ['2001:db8:1:2::3', '2001:db8:1::'],
    ['2001:DB8:1:2:3:4:5:6', '2001:db8:1::'],
    ['2001:db8::7', '2001:db8::'],
    ['2001:0:0:1::7', '2001::'],
    ['2001:0:7:1::7', '2001:0:7::'],
    ['64:ff9b::192.0.2.7', '64:ff9b::'],
    ['fe80::1%eth0', 'fe80::'],
    ['::1', '::'],
    ['::ffff:c000:207', '::'],
    ['0:0:1::1', '0:0:1::'],
    ['/run/secret.sock', undefined],
    ['192.0.2.7 ', undefined],
    ['', undefined],
  ] as const) {
    it(`has ${masked ?? 'nothing'} in place of ${JSON.stringify(address)}, when addresses are masked`, () => {
      const told = disclosure({ addresses: 'masked' }).of({ 'network.peer.address': address });
      assert.equal(told['network.peer.address'], masked);
    });
  }

  it('has no port of a peer whose address is masked; behind a NAT that is whose it is', () => {
    for (const addresses of ['masked', 'off'] as const) {
      const told = disclosure({ addresses }).of({ 'network.peer.port': 51034, 'network.local.port': 8443 });
      assert.deepEqual(told, { 'network.local.port': 8443 });
    }
  });

  it('has no address when those are off, not even in place of a name that was asked for', () => {
    const off = disclosure({ addresses: 'off' });
    for (const name of ofKind('address', 'text')) assert.deepEqual(off.of({ [name]: EXAMPLES[name] }), {}, name);
    const asked = (address: string) => off.of({ 'server.address': address })['server.address'];
    assert.equal(asked('api.example.com'), 'api.example.com');
    assert.equal(asked('192.0.2.7'), undefined);
    assert.equal(asked('2001:db8::7'), undefined);
    const masked = disclosure({ addresses: 'masked' });
    assert.deepEqual(masked.of({ 'server.address': '192.0.2.7' }), { 'server.address': '192.0.2.0' });
    assert.deepEqual(masked.of({ 'server.address': 'api.example.com' }), { 'server.address': 'api.example.com' });
  });

  it('has the networks of a flood no narrower than addresses, added up', () => {
    const networks = ['192.0.2.0/24=7', '2001:db8:0:1::/64=5', '2001:db8:0:2::/64=4', 'unknown=2'];
    const told = (addresses: 'full' | 'masked' | 'off') =>
      disclosure({ addresses, identity: 'off' }).of({ 'tls.suppressed.networks': networks })['tls.suppressed.networks'];
    assert.deepEqual(told('full'), networks);
    assert.deepEqual(told('masked'), ['192.0.2.0/24=7', '2001:db8::/48=9', 'unknown=2']);
    assert.equal(told('off'), undefined);
  });

  it('has nothing of which nobody has said what it gives away, where anything is kept back', () => {
    const unheardOf = { 'tls.unheard_of': 'CN=alice', constructor: 'CN=alice', 'tls.cipher': 'x' };
    for (const privacy of [
      { identity: 'off' },
      { identity: KEY },
      { addresses: 'masked' },
      { addresses: 'off' },
    ] as const) {
      assert.deepEqual(disclosure(privacy).of(unheardOf), { 'tls.cipher': 'x' });
    }
  });

  it('is what the list allows, and the outcome, by which failures are told when spans are sampled', () => {
    const allowed = ['tls.cipher', 'tls.client.subject'];
    const told = disclosure({ allows: name => allowed.includes(name) }).of(EXAMPLES);
    assert.deepEqual(Object.keys(told).sort(), ['tls.cipher', 'tls.client.subject', 'tls.handshake.outcome']);
    const both = disclosure({ identity: 'off', allows: name => allowed.includes(name) }).of(EXAMPLES);
    assert.deepEqual(Object.keys(both).sort(), ['tls.cipher', 'tls.handshake.outcome']);
  });

  it('leaves what it was given as it was', () => {
    const given = { ...EXAMPLES };
    disclosure({ identity: 'off', addresses: 'off' }).of(given);
    assert.deepEqual(given, EXAMPLES);
  });
});

describe('what providers let out', () => {
  /** Spans, their events and log records of two handshakes, on one line each. */
  function reported(privacy: Partial<PrivacySettings>, handshakes: readonly Handshake[]): string[] {
    const recorder = new TelemetryRecorder();
    const providers = new Providers();
    providers.discloseBy(disclosure(privacy));
    providers.giveTracerProvider(recorder.tracerProvider);
    providers.giveLoggerProvider(recorder.olderLoggerProvider);
    const settings = { ...DEFAULT_SETTINGS, certificatePem: true };
    const occurrence = new Occurrence({ isFirstUse: () => true });
    const sinks = [
      new SpanSink(() => providers.tracer(), settings, occurrence),
      new EventSink(() => providers.logger(), settings, occurrence),
    ];
    for (const handshake of handshakes) {
      const { outcome } = handshake;
      for (const sink of sinks) sink.report(handshake, ROOT_CONTEXT);
      if (outcome.kind !== 'failed') continue;
      const established = { ...handshake, outcome: { kind: 'established' } } as const;
      for (const sink of sinks) sink.report(established, ROOT_CONTEXT);
      for (const sink of sinks) {
        sink.refused({ handshake: established, failure: outcome.failure, at: NOON + 9 }, ROOT_CONTEXT);
      }
    }
    assert.equal(recorder.spans.length, 4);
    assert.ok(recorder.logs.length >= 2);
    return [
      ...recorder.spans.flatMap(({ name, attributes, events, status }) => [
        JSON.stringify({ name, attributes, status }),
        ...events.map(event => JSON.stringify(event)),
      ]),
      ...recorder.logs.map(({ attributes, body, eventName }) => JSON.stringify({ attributes, body, eventName })),
    ];
  }

  const HANDSHAKES = [refusedClient(), clientHandshake({ serverName: undefined })];
  const IDENTITIES = /billing|Acme|5F3A09C1|9F86D081|B5BB9D80|MIIB|MIIC/;
  const ADDRESSES = /192\.0\.2\.\d|51034/;

  it('is in full what sinks report, by default', () => {
    const lines = reported({}, HANDSHAKES);
    assert.ok(lines.some(line => IDENTITIES.test(line)));
    assert.ok(lines.some(line => ADDRESSES.test(line)));
  });

  it('names nobody on spans, their events and log records, when identities are off or hashed', () => {
    for (const identity of ['off', KEY] as const) {
      const lines = reported({ identity }, HANDSHAKES);
      assert.deepEqual(
        lines.filter(line => IDENTITIES.test(line)),
        [],
      );
      assert.equal(
        lines.some(line => line.includes(pseudonym('CN=billing,O=Acme'))),
        identity === KEY,
      );
      assert.ok(lines.some(line => /"tls\.connection\.id"/.test(line)));
    }
  });

  it('has no address on spans, their events and log records, when those are off or masked', () => {
    for (const addresses of ['off', 'masked'] as const) {
      const lines = reported({ addresses }, HANDSHAKES);
      assert.deepEqual(
        lines.filter(line => ADDRESSES.test(line.replaceAll('192.0.2.0', 'masked'))),
        [],
      );
      assert.equal(
        lines.some(line => line.includes('192.0.2.0')),
        addresses === 'masked',
      );
    }
  });

  it('has in the summary of a flood no network that is narrower than addresses, and no address', () => {
    const summaryOf = (addresses: PrivacySettings['addresses']) => {
      const recorder = new TelemetryRecorder();
      const providers = new Providers();
      providers.discloseBy(disclosure({ addresses }));
      providers.giveLoggerProvider(recorder.olderLoggerProvider);
      const settings = { ...DEFAULT_SETTINGS, floodLimit: 1, floodLimitPerNetwork: 1, floodLimitPerReason: 1 };
      const flood = new FloodControl(settings, () => 0);
      const meter = recorder.meterProvider.getMeter('test');
      const report = new SuppressionReport(
        flood,
        () => meter,
        () => providers.logger(),
        'handshakes',
        () => () => {},
      );
      const occurrence = new Occurrence({ isFirstUse: () => true }, flood);
      for (const address of ['192.0.2.7', '192.0.2.8', '2001:db8:0:1::7', '2001:db8:0:2::8', undefined]) {
        const peer = address === undefined ? {} : { address };
        for (let index = 0; index < 3; index++) occurrence.leavesUnsaid(refusedClient({ peer }), 'span', 1);
      }
      report.say();
      assert.equal(recorder.logs.length, 1);
      return recorder.logs[0]!.attributes;
    };
    const networks = (addresses: PrivacySettings['addresses']) =>
      (summaryOf(addresses)['tls.suppressed.networks'] as string[] | undefined)?.sort();
    const full = networks('full')!;
    assert.deepEqual(
      full.map(network => network.split('=')[0]),
      ['192.0.2.0/24', '2001:db8:0:1::/64', '2001:db8:0:2::/64', 'unknown'],
    );
    const count = (network: string) => Number(full.find(entry => entry.startsWith(network))?.split('=')[1]);
    const both = count('2001:db8:0:1:') + count('2001:db8:0:2:');
    assert.equal(both, 6);
    assert.deepEqual(networks('masked'), [full[0], `2001:db8::/48=${both}`, full[3]]);
    assert.equal(networks('off'), undefined);
    assert.equal(summaryOf('off')['tls.suppressed.handshakes'], summaryOf('full')['tls.suppressed.handshakes']);
  });

  it('is said in full again, when that is told later', () => {
    const recorder = new TelemetryRecorder();
    const providers = new Providers();
    providers.giveTracerProvider(recorder.tracerProvider);
    const start = () => {
      const options = { attributes: { 'tls.client.subject': 'CN=alice' } };
      providers.tracer().startSpan('one', options, ROOT_CONTEXT).end(NOON);
    };
    providers.discloseBy(disclosure({ identity: 'off' }));
    start();
    providers.discloseBy(disclosure());
    start();
    assert.deepEqual(
      recorder.spans.map(span => span.attributes['tls.client.subject']),
      [undefined, 'CN=alice'],
    );
  });
});
