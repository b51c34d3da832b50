import assert from 'node:assert/strict';
import type { AttributeValue } from '@opentelemetry/api';
import * as stableConventions from '@opentelemetry/semantic-conventions';
import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import { ClientHello } from '../../src/handshake/client-hello';
import type { Handshake } from '../../src/handshake/handshake';
import {
  ATTRIBUTES,
  type AttributeRow,
  attributesOf,
  CONNECTION_ID,
  type Occasion,
} from '../../src/telemetry/attributes';
import { occasionsFor } from '../../src/telemetry/occasions';
import { helloMessage, listOf } from '../support/client-hello-message';
import {
  ACME_CA,
  alertedClient,
  BILLING,
  clientHandshake,
  DEFAULT_SETTINGS,
  failed,
  hastyClient,
  portScan,
  refusedClient,
  serverHandshake,
  staleClient,
  unfoundedClient,
  UNREADABLE,
} from './sample-handshakes';

const ROWS = Object.entries<AttributeRow>(ATTRIBUTES);

const CLIENT_HELLO = new ClientHello(
  helloMessage({
    ciphers: [0x1302, 0x1301],
    extensions: [
      [10, listOf([0x1d])],
      [43, listOf([0x0304, 0x0303], 1)],
    ],
  }),
);

/** Handshakes that between them have a value for every attribute. */
const SAMPLES: readonly Handshake[] = [
  refusedClient(),
  clientHandshake({ peerChain: [BILLING] }),
  alertedClient(),
  hastyClient(),
  staleClient(),
  unfoundedClient(),
  clientHandshake({ outcome: failed('peer_closed_after_handshake', { decidedBy: 'peer', derived: true }) }),
  serverHandshake({ clientHello: CLIENT_HELLO }),
];

const NOTHING: ReadonlySet<Occasion> = new Set();
const EVERYTHING: ReadonlySet<Occasion> = new Set(['details', 'pem']);

describe('the attributes', () => {
  for (const [name, row] of ROWS) {
    it(`say of ${name} what it is, with an example of the type it has`, () => {
      assert.match(row.brief, /^[^\n]{10,160}\.$/);
      const values = SAMPLES.map(handshake => row.read(handshake)).filter(value => value !== undefined);
      assert.notEqual(values.length, 0, 'no sample has it');
      for (const value of values) assert.equal(typeOf(value), typeOf(row.example));
    });
  }

  it('that are called conventional are in the semantic conventions, as stable as they say; the others are not', () => {
    const named = (all: object) =>
      new Set(Object.entries(all).flatMap(([key, value]) => (key.startsWith('ATTR_') ? [value] : [])));
    const [known, stable] = [named(conventions), named(stableConventions)];
    assert.ok(known.size > 500 && stable.size > 30);
    for (const [name, { ours, stability }] of ROWS) {
      assert.equal(known.has(name), !ours, name);
      assert.equal(stable.has(name), stability === 'stable', name);
    }
    assert.ok(!known.has(CONNECTION_ID));
  });

  it('are named in the style of the conventions', () => {
    for (const [name] of ROWS) assert.match(name, /^[a-z][a-z0-9]*(?:[._][a-z0-9]+)+$/);
  });

  it('of what a client offered are there where that is known, and only there', () => {
    const said = attributesOf(serverHandshake({ clientHello: CLIENT_HELLO }), NOTHING);
    assert.deepEqual(said['tls.client.supported_ciphers'], ['TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256']);
    assert.deepEqual(said['tls.client.supported_groups'], ['x25519']);
    assert.deepEqual(said['tls.client.supported_versions'], ['1.3', '1.2']);
    assert.match(String(said['tls.client.ja4']), /^t13i020200_/);
    const without = Object.keys(attributesOf(serverHandshake(), NOTHING));
    assert.deepEqual(
      without.filter(name => /ja[34]|supported/.test(name)),
      [],
    );
  });

  it('of a server that refused a client', () => {
    assert.deepEqual(attributesOf(refusedClient(), new Set<Occasion>(['details'])), {
      'tls.protocol.name': 'tls',
      'tls.protocol.version': '1.3',
      'tls.cipher': 'TLS_AES_256_GCM_SHA384',
      'tls.established': false,
      'tls.resumed': false,
      'server.address': 'api.example.com',
      'network.peer.address': '192.0.2.7',
      'network.peer.port': 51034,
      'network.local.address': '192.0.2.1',
      'network.local.port': 8443,
      'network.transport': 'tcp',
      'tls.handshake.outcome': 'failed',
      'tls.handshake.phase': 'certificate',
      'tls.verify.result': 'failed',
      'tls.verify.enforced': true,
      'tls.verify.errors': ['certificate_expired'],
      'tls.verify.code': 'CERT_HAS_EXPIRED',
      'tls.verify.message': 'certificate has expired',
      'error.type': 'certificate_expired',
      'tls.failure.origin': 'local',
      'tls.error.code': 'CERT_HAS_EXPIRED',
      'tls.client.subject': 'CN=billing,O=Acme',
      'tls.client.issuer': 'CN=Acme CA,O=Acme',
      'tls.client.hash.sha256': BILLING.fingerprint,
      'tls.client.not_before': '2026-01-01T00:00:00.000Z',
      'tls.client.not_after': '2026-06-01T00:00:00.000Z',
      'tls.client.x509.serial_number': '5F3A09C1',
      'tls.client.x509.alternative_names': ['DNS:billing.acme.test', 'URI:spiffe://acme/billing'],
      'tls.client.spiffe_id': 'spiffe://acme/billing',
      'tls.client.x509.public_key_algorithm': 'EC',
      'tls.client.x509.public_key_size': 256,
      'tls.client.x509.public_key_curve': 'prime256v1',
      'tls.client.x509.signature_algorithm': 'ecdsa-with-SHA256',
      'tls.client.x509.extended_key_usage': ['clientAuth'],
      'tls.client.x509.is_ca': false,
      'tls.client.x509.self_signed': false,
      'tls.client.certificate_chain.length': 2,
      'tls.client.certificate_chain.fingerprints': [BILLING.fingerprint, ACME_CA.fingerprint],
    });
  });

  it('of one certificate are the same each time, in lists of their own', () => {
    const names = 'tls.client.x509.alternative_names';
    const say = () => attributesOf(refusedClient(), new Set());
    const [one, other] = [say(), say()];
    assert.deepEqual(one, other);
    (one[names] as string[]).push('DNS:changed.by.somebody');
    assert.notDeepEqual(one[names], other[names]);
    assert.deepEqual(say(), other);
  });

  it('of a client that trusts its server', () => {
    assert.deepEqual(attributesOf(clientHandshake(), NOTHING), {
      'tls.protocol.name': 'tls',
      'tls.protocol.version': '1.3',
      'tls.cipher': 'TLS_AES_256_GCM_SHA384',
      'tls.curve': 'X25519',
      'tls.next_protocol': 'h2',
      'tls.established': true,
      'tls.resumed': false,
      'server.address': 'api.example.com',
      'network.peer.address': '192.0.2.7',
      'network.peer.port': 51034,
      'network.local.address': '192.0.2.1',
      'network.local.port': 8443,
      'network.transport': 'tcp',
      'tls.handshake.outcome': 'established',
      'tls.verify.result': 'ok',
      'tls.verify.enforced': true,
      'tls.server.subject': 'CN=billing,O=Acme',
      'tls.server.issuer': 'CN=Acme CA,O=Acme',
      'tls.server.hash.sha256': BILLING.fingerprint,
      'tls.server.not_before': '2026-01-01T00:00:00.000Z',
      'tls.server.not_after': '2026-06-01T00:00:00.000Z',
      'tls.server.x509.serial_number': '5F3A09C1',
      'tls.server.x509.alternative_names': ['DNS:billing.acme.test', 'URI:spiffe://acme/billing'],
      'tls.server.spiffe_id': 'spiffe://acme/billing',
    });
  });

  it('of a port scan over a stream: what is unknown is absent', () => {
    assert.deepEqual(attributesOf(portScan({ peer: {}, local: {}, transport: 'stream' }), EVERYTHING), {
      'tls.established': false,
      'tls.resumed': false,
      'tls.failure.origin': 'peer',
      'tls.handshake.outcome': 'abandoned',
      'tls.handshake.phase': 'client_hello',
      'tls.verify.result': 'not_requested',
    });
  });

  it('of an alert: its number, its name, and that it was received', () => {
    const attributes = attributesOf(alertedClient(), NOTHING);
    assert.equal(attributes['tls.alert.code'], 48);
    assert.equal(attributes['tls.alert.description'], 'unknown_ca');
    assert.equal(attributes['tls.alert.direction'], 'received');
    assert.equal(attributes['tls.failure.origin'], 'peer');
    assert.equal(attributes['tls.error.code'], 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA');
  });

  it('of an unreadable certificate are its fingerprint alone', () => {
    const attributes = attributesOf(refusedClient({ peerCertificate: UNREADABLE, peerChain: [] }), EVERYTHING);
    const ofTheCertificate = Object.keys(attributes).filter(name => name.startsWith('tls.client.'));
    assert.deepEqual(ofTheCertificate, ['tls.client.hash.sha256']);
  });

  it('tell an empty subject from none', () => {
    const subject = (certificate: typeof BILLING) =>
      attributesOf(refusedClient({ peerCertificate: certificate }), NOTHING)['tls.client.subject'];
    assert.equal(subject({ ...BILLING, subject: '' }), '');
    assert.equal(subject(UNREADABLE), undefined);
  });

  it('of a client without SNI name the address it connected to; of a server nothing', () => {
    const unnamed = { serverName: undefined };
    assert.equal(attributesOf(clientHandshake(unnamed), NOTHING)['server.address'], '192.0.2.7');
    assert.equal(attributesOf(serverHandshake(unnamed), NOTHING)['server.address'], undefined);
  });

  it('are the same, read one by one', () => {
    for (const handshake of SAMPLES) {
      const oneByOne = ROWS.map(([name, row]) => [name, row.read(handshake)] as const);
      assert.deepEqual(
        attributesOf(handshake, EVERYTHING),
        Object.fromEntries(oneByOne.filter(([, value]) => value !== undefined)),
      );
    }
  });

  describe('have limits', () => {
    const names = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ type: 'DNS', value: `name-${i}` }) as const);
    for (const [given, reported] of [
      [0, undefined],
      [1, 1],
      [20, 20],
      [21, 20],
      [64, 20],
    ] as const) {
      it(`report ${reported ?? 'no'} alternative names of ${given}`, () => {
        const handshake = refusedClient({ peerCertificate: { ...BILLING, alternativeNames: names(given) } });
        const value = attributesOf(handshake, NOTHING)['tls.client.x509.alternative_names'] as string[] | undefined;
        assert.equal(value?.length, reported);
        if (value) assert.equal(value.at(-1), `DNS:name-${value.length - 1}`);
      });
    }
    for (const [given, reported] of [
      [10, 10],
      [11, 10],
    ] as const) {
      it(`report ${reported} certificates of a chain of ${given}`, () => {
        const attributes = attributesOf(refusedClient({ peerChain: Array(given).fill(ACME_CA) }), EVERYTHING);
        assert.equal((attributes['tls.client.certificate_chain.fingerprints'] as string[]).length, reported);
        assert.equal((attributes['tls.client.certificate_chain'] as string[]).length, reported);
        assert.equal(attributes['tls.client.certificate_chain.length'], given);
      });
    }
  });

  describe('are said on occasion:', () => {
    const has = (handshake: Handshake, settings: Partial<typeof DEFAULT_SETTINGS>) => {
      const names = Object.keys(attributesOf(handshake, occasionsFor(handshake, { ...DEFAULT_SETTINGS, ...settings })));
      return {
        details: names.some(name => name.endsWith('.x509.public_key_algorithm')),
        pem: names.some(name => name.endsWith('.certificate')),
      };
    };
    it('details of failures, and no PEM, by default', () => {
      assert.deepEqual(has(refusedClient(), {}), { details: true, pem: false });
      assert.deepEqual(has(clientHandshake(), {}), { details: false, pem: false });
    });
    it('details of all, when wanted', () => {
      assert.deepEqual(has(clientHandshake(), { certificateDetails: 'all' }), { details: true, pem: false });
    });
    it('PEM, when wanted', () => {
      assert.deepEqual(has(refusedClient(), { certificatePem: true }), { details: true, pem: true });
      assert.deepEqual(has(clientHandshake(), { certificatePem: true }), { details: false, pem: true });
    });
    it('details of an abandoned handshake are not wanted', () => {
      assert.deepEqual(has(portScan({ peerCertificate: BILLING }), {}), { details: false, pem: false });
    });
    it('and a certificate’s details are not even read where they are not said', () => {
      const reluctant = {
        ...BILLING,
        get details(): never {
          throw new Error('parsed');
        },
      };
      assert.doesNotThrow(() => attributesOf(clientHandshake({ peerCertificate: reluctant }), NOTHING));
      assert.throws(() => attributesOf(clientHandshake({ peerCertificate: reluctant }), EVERYTHING), /parsed/);
    });
  });
});

/** `string`, `boolean`, `integer`, or one of them and `[]`. */
function typeOf(value: AttributeValue): string {
  if (Array.isArray(value)) {
    const kinds = new Set(value.map(one => typeOf(one as AttributeValue)));
    assert.equal(kinds.size, 1, `a list of one kind, and not empty: ${JSON.stringify(value)}`);
    return `${[...kinds][0]}[]`;
  }
  if (typeof value === 'number') assert.ok(Number.isInteger(value));
  return typeof value;
}
