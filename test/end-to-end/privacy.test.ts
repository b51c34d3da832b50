import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac, createPrivateKey, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { CHECKOUT, REGISTER, type Start } from '../support/application';
import { Canaries } from '../support/canaries';
import {
  CertificateAuthority,
  type CertificateOptions,
  type IssuedCertificate,
} from '../support/certificate-authority';
import { pkcs12 } from '../support/external-peer';
import { needsProgram } from '../support/summary';
import { ahead, type Observed, PATIENCE, Stage } from './stage';

/** Two addresses of this machine that nothing else here uses; elsewhere than on Linux there is but one. */
const ADDRESSES =
  process.platform === 'linux'
    ? { server: '127.31.78.1', client: '127.31.77.1' }
    : { server: '127.0.0.1', client: '127.0.0.1' };
const MASKED = ['127.31.78.0', '127.31.77.0'];

/** Whatever there is to say is said. */
const TALKATIVE = {
  OTEL_NODE_RESOURCE_DETECTORS: 'env,process,host',
  OTEL_INSTRUMENTATION_TLS_CERTIFICATE_DETAILS: 'all',
  OTEL_INSTRUMENTATION_TLS_CERTIFICATE_PEM: 'true',
  OTEL_INSTRUMENTATION_TLS_REQUEST_ATTRIBUTES: 'all',
  OTEL_INSTRUMENTATION_TLS_ABANDONED_SPANS: 'true',
  OTEL_INSTRUMENTATION_TLS_PEER_CERTIFICATE_EXPIRY: 'true',
  OTEL_INSTRUMENTATION_TLS_FLOOD_LIMIT: '1000',
  OTEL_INSTRUMENTATION_TLS_PATTERNS:
    'retry_burst.failures=2,scanner.kinds=1,scanner.attempts=2,certificate_rotation.unverified=2',
  OTEL_INSTRUMENTATION_TLS_FORWARDED_PRESET: 'envoy-xfcc',
  OTEL_INSTRUMENTATION_TLS_FORWARDED_TRUSTED_PROXIES: 'loopback',
  // A first message has a session's ticket in it, or the name of a pre-shared key.
  OTEL_INSTRUMENTATION_TLS_FINGERPRINTS: 'true',
};

const OTEL_TLS = join(CHECKOUT, 'build/src/cli/otel-tls.js');

describe('what an application and its peers keep to themselves', function () {
  this.timeout(2 * PATIENCE);
  const secrets = new Canaries();
  const identities = new Canaries();
  const identityKey = secrets.text('identityKey');
  const exporterHeaders = `authorization=Bearer%20${secrets.text('exporterToken')},x-tenant=${secrets.text('tenant')}`;
  /** Of a client's certificate. */
  let subject: string;
  let stage: Stage;
  let file: string;

  before(async function () {
    needsProgram(this, 'openssl');
    stage = await Stage.set();
    const given = await secretsOfAnApplication();
    subject = given.subject;
    file = await stage.write('secrets.json', JSON.stringify(given.secrets));
  });
  after(() => stage?.strike());

  /** The certificates of an authority, all whose names and secrets are canaries. */
  async function secretsOfAnApplication() {
    const named = (whose: string): CertificateOptions => {
      const name = (part: string) => identities.text(`${part} of ${whose}`);
      return {
        commonName: name('subject'),
        organization: name('organization'),
        dnsNames: [`${name('DNS name')}.test`],
        emails: [`${name('e-mail address')}@acme.test`],
        uris: [`spiffe://acme/${name('SPIFFE id')}`],
      };
    };
    const issue = async (whose: string, authority: CertificateAuthority, options: CertificateOptions) => {
      const serialNumber = randomBytes(16).fill(0x11, 0, 1);
      const identity = await authority.issue({ ...options, serialNumber: serialNumber.toString('hex') });
      identities.add(`serial number of ${whose}`, serialNumber);
      identities.add(`fingerprint of ${whose}`, Buffer.from(identity.fingerprint, 'hex'));
      // Their beginnings are alike, their signatures are not.
      identities.add(`certificate of ${whose}`, identity.der.subarray(-32));
      identities.add(`certificate of ${whose}`, linesOf(identity.certificate).at(-2)!.slice(-24));
      // Its third line is the public key's, which is in the certificate.
      const [first, second] = linesOf(identity.key);
      secrets.add(`private key of ${whose}`, first!.slice(-16));
      secrets.add(`private key of ${whose}`, second!.slice(0, 16));
      const { d } = createPrivateKey(identity.key).export({ format: 'jwk' });
      secrets.add(`private key of ${whose}`, Buffer.from(d as string, 'base64url'));
      return identity;
    };
    const options = (whose: string, { key, chain }: IssuedCertificate) => {
      const passphrase = secrets.text(`passphrase of ${whose}`);
      const encrypted = createPrivateKey(key).export({
        type: 'pkcs8',
        format: 'pem',
        cipher: 'aes-256-cbc',
        passphrase,
      });
      for (const line of linesOf(encrypted.toString())) secrets.add(`encrypted private key of ${whose}`, line);
      return { cert: chain, key: encrypted, passphrase };
    };

    const authority = await CertificateAuthority.create({ commonName: identities.text('authority') });
    const elsewhere = await CertificateAuthority.create({ commonName: identities.text('authority of the stranger') });
    const issuedTo = async (whose: string, by: CertificateAuthority, more: CertificateOptions) =>
      options(whose, await issue(whose, by, more));
    const asServer = (whose: string): CertificateOptions => {
      const names = named(whose);
      const dnsNames = ['localhost', ...(names.dnsNames ?? [])];
      return { ...names, dnsNames, usage: 'server', notBefore: daysFromNow(-90), notAfter: daysFromNow(3) };
    };
    const good = named('good');
    const inPfx = await issue('another server', authority, asServer('another server'));
    const passphrase = secrets.text('passphrase of the pfx');
    const pfx = await pkcs12({ ...inPfx, authority: authority.certificate }, passphrase);
    secrets.add('pfx', pfx.subarray(64));
    const given: Record<string, string> = {};
    for (const name of TEXTS) given[name] = secrets.text(name);
    return {
      subject: `CN=${good.commonName},O=${good.organization}`,
      secrets: {
        ca: authority.certificate,
        addresses: ADDRESSES,
        identities: {
          server: await issuedTo('server', authority, asServer('server')),
          good: await issuedTo('good', authority, good),
          expired: await issuedTo('expired', authority, { ...named('expired'), expired: true }),
          stranger: await issuedTo('stranger', elsewhere, named('stranger')),
          forwarded: await issuedTo('forwarded', authority, named('forwarded')),
        },
        user: identities.text('user'),
        pfx: { pfx: pfx.toString('base64'), passphrase },
        text: given,
        bytes: Object.fromEntries(
          Object.entries(BYTES).map(([name, length]) => [name, secrets.bytes(name, length).toString('hex')]),
        ),
      },
    };
  }

  const PRELOADED: Start = { flags: ['--require', REGISTER], file: 'secrets.cjs', env: { OTEL_LOG_LEVEL: 'ALL' } };
  const AMONG_OTHERS: Start = { file: 'secrets-among-others.cjs', env: { PACKAGE: join(CHECKOUT, 'build/src') } };

  const running = (name: string, env: Record<string, string>, start = PRELOADED) =>
    ahead(async () => {
      const made = await stage.write(`made-${name}`, '');
      const files = { SECRETS: file, SECRETS_MADE: made };
      const observed = await stage.observe({
        ...start,
        env: { ...TALKATIVE, OTEL_EXPORTER_OTLP_HEADERS: exporterHeaders, ...files, ...start.env, ...env },
      });
      return { observed, made: (await readFile(made, 'utf8')).trim().split('\n') };
    });

  const json = running('json', { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' });
  const protobuf = running('protobuf', {
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_INSTRUMENTATION_TLS_IDENTITY_KEY: identityKey,
  });
  const off = running('off', {
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_INSTRUMENTATION_TLS_IDENTITY: 'off',
    OTEL_INSTRUMENTATION_TLS_ADDRESSES: 'off',
  });
  const hashed = running('hashed', {
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_INSTRUMENTATION_TLS_IDENTITY: 'hash',
    OTEL_INSTRUMENTATION_TLS_IDENTITY_KEY: identityKey,
    OTEL_INSTRUMENTATION_TLS_ADDRESSES: 'masked',
  });

  const amongOthers = running('among-others', {}, AMONG_OTHERS);
  const offAmongOthers = running('off-among-others', { OTEL_INSTRUMENTATION_TLS_IDENTITY: 'off' }, AMONG_OTHERS);
  const hashedAmongOthers = running(
    'hashed-among-others',
    { OTEL_INSTRUMENTATION_TLS_IDENTITY: 'hash', OTEL_INSTRUMENTATION_TLS_IDENTITY_KEY: identityKey },
    AMONG_OTHERS,
  );

  // To look for hundreds of secrets keeps this process busy, and the collectors of those that still run with it.
  const runs = [json, protobuf, off, hashed, amongOthers, offAmongOthers, hashedAmongOthers];
  beforeEach(() => Promise.allSettled(runs.map(run => run())));

  for (const [how, run] of [
    ['as JSON, with everything said that can be', json],
    ['as protobuf, with everything said that can be', protobuf],
    ['with identities and addresses off', off],
    ['with identities hashed and addresses masked', hashed],
  ] as const) {
    it(`no key, passphrase, ticket, header, query or secret of a session is in anything said, ${how}`, async () => {
      const { observed, made } = await run();
      didEverything(observed);
      assert.ok(made.length > 20, 'keys and tickets that came to be');
      const madeOnTheWay = new Canaries();
      for (const secret of made) madeOnTheWay.add('made on the way', Buffer.from(secret, 'hex'));
      assert.ok(secrets.names.length > 30, `${secrets.names}`);
      assert.deepEqual(secrets.foundIn(everythingSaid(observed)), []);
      assert.deepEqual(madeOnTheWay.foundIn(everythingSaid(observed)), []);
    });
  }

  it('names and addresses are there in full, unless they are to be kept back', async () => {
    for (const run of [json, protobuf]) {
      const { observed } = await run();
      const found = identities.foundIn(everythingSaid(observed));
      // Of these two only the spans of requests tell.
      const others = identities.names.filter(name => !/forwarded$|^user$/.test(name));
      assert.deepEqual(found.sort(), others.sort());
      const said = everythingSaid(observed).join('');
      for (const address of Object.values(ADDRESSES)) assert.ok(said.includes(address));
    }
  });

  it('no name, serial number, fingerprint or certificate is in anything said, when identities are off', async () => {
    const { observed } = await off();
    assert.deepEqual(identities.foundIn(everythingSaid(observed)), []);
    assert.doesNotMatch(everythingSaid(observed).join(''), /hmac:/);
  });

  it('no part of a fingerprint of a peer is among what metrics are counted by, when identities are off', async () => {
    const labels = (observed: Observed) => {
      const point =
        /"tls\.certificate\.role","value":\{"stringValue":"peer"\}\},\{"key":"tls\.certificate\.fingerprint","value":\{"stringValue":"([^"]+)"/g;
      const sent = observed.collector.requests.map(({ body }) => body.toString()).join('');
      return [...new Set([...sent.matchAll(point)].map(match => match[1]))];
    };
    const inFull = labels((await json()).observed);
    assert.ok(
      inFull.some(label => /^[0-9A-F]{8}$/.test(String(label))),
      `${inFull}`,
    );
    assert.deepEqual(labels((await off()).observed), ['other']);
  });

  it('no address is in anything said, when those are off', async () => {
    const said = everythingSaid((await off()).observed).join('');
    // Where there is but one address it is the collector's, too.
    if (ADDRESSES.server !== ADDRESSES.client) assert.doesNotMatch(said, /127\.31\.7/);
    else assert.doesNotMatch(said, /"network\.peer\.address"/);
  });

  it('a pseudonym is there instead of each name, when identities are hashed, that who has the key can make', async () => {
    const { observed } = await hashed();
    assert.deepEqual(identities.foundIn(everythingSaid(observed)), []);
    const hmac = createHmac('sha256', identityKey).update(subject).digest('hex').slice(0, 32);
    const subjects = [...observed.spans, ...observed.logs].map(({ attributes }) => attributes['tls.client.subject']);
    assert.ok(subjects.filter(said => said === `hmac:${hmac}`).length > 3);
    for (const said of subjects) assert.match(String(said ?? 'hmac:'), /^hmac:/);
  });

  it('what is put on the spans of requests is full of names, unless they are to be kept back', async () => {
    const { observed } = await amongOthers();
    const found = identities.foundIn([saidOfRequests(observed)]);
    for (const name of [
      'subject of good',
      'subject of forwarded',
      'fingerprint of forwarded',
      'user',
      'subject of server',
    ]) {
      assert.ok(found.includes(name), `${name} in ${found}`);
    }
    assert.deepEqual(identities.foundIn([saidOfRequests((await offAmongOthers()).observed)]), []);
    assert.deepEqual(identities.foundIn([saidOfRequests((await hashedAmongOthers()).observed)]), []);
  });

  it('an event of a request names the user by the same pseudonym as the span of the request', async () => {
    const { observed } = await hashedAmongOthers();
    const users = (all: readonly { attributes: Record<string, unknown> }[]) =>
      new Set(all.flatMap(({ attributes }) => attributes['enduser.id'] ?? []));
    const onSpans = users(observed.collector.spans);
    assert.equal(onSpans.size, 1);
    assert.deepEqual(users(observed.logs), onSpans);
  });

  it('no secret is put on the spans of requests, or said of them', async () => {
    for (const run of [amongOthers, offAmongOthers, hashedAmongOthers]) {
      const { observed } = await run();
      assert.deepEqual(secrets.foundIn([saidOfRequests(observed), observed.ended.stdout, observed.ended.stderr]), []);
    }
  });

  it('no report of an audit has a secret in it that others exported, and none has a name when identities are off', async () => {
    const { observed } = await amongOthers();
    // What others say of requests: captured headers, a URL with its query.
    const exported = secrets.foundIn([JSON.stringify(observed.collector.spans)]);
    for (const secret of ['bearer', 'cookie', 'apiKey', 'query']) assert.ok(exported.includes(secret), `${exported}`);
    const api = await stage.write('api.yaml', DESCRIPTION);
    for (const format of Object.keys(REPORTED)) {
      const report = await auditOf(observed, api, format);
      assert.match(report, REPORTED[format]!);
      assert.deepEqual(secrets.foundIn([report]), [], format);
    }
    const nameless = await auditOf((await offAmongOthers()).observed, api, 'json');
    assert.deepEqual(identities.foundIn([nameless]), []);
  });

  it('the networks are there instead of addresses, when those are masked', async () => {
    const { observed } = await hashed();
    const said = everythingSaid(observed).join('');
    if (ADDRESSES.server === ADDRESSES.client) return;
    assert.doesNotMatch(said, /127\.31\.7[78]\.1/);
    for (const network of MASKED) assert.ok(said.includes(network), network);
  });
});

describe('a secret', () => {
  const canaries = new Canaries();
  const text = canaries.text('a text');
  const bytes = canaries.bytes('bytes', 48);
  const padding = (length: number) => Buffer.alloc(length, 'x');

  for (const [form, place] of [
    ['as it is', Buffer.concat([padding(3), Buffer.from(text), bytes])],
    ['in hex', Buffer.from(text).toString('hex') + bytes.toString('hex').toUpperCase()],
    ['as Node shows a Buffer', inspect([Buffer.from(text), bytes])],
    ['as JSON has a Buffer', JSON.stringify([Buffer.from(text), bytes])],
    ['cut off', inspect(text).slice(0, -1) + bytes.subarray(0, 20).toString('base64')],
    ...[0, 1, 2].map(
      offset =>
        [
          `in base64, after ${offset} other bytes`,
          [Buffer.from(text), bytes].map(part => Buffer.concat([padding(offset), part]).toString('base64')).join(),
        ] as const,
    ),
    ['in base64 for URLs', [Buffer.from(text), bytes].map(part => part.toString('base64url')).join()],
  ] as const) {
    it(`is found ${form}`, () => assert.deepEqual(canaries.foundIn(['nothing', place]), ['a text', 'bytes']));
  }

  it('is not found where it is not', () => {
    assert.deepEqual(canaries.foundIn([text.slice(1), bytes.subarray(1, 47), new Canaries().text('another')]), []);
  });
});

/** Secrets of the application that are texts, by where it has them. */
const TEXTS = [
  'apiKey',
  'badHeader',
  'badPfx',
  'bearer',
  'cookie',
  'proxyPassword',
  'pskHint',
  'pskIdentity',
  'query',
  'requestBody',
  'responseBody',
  'sessionIdContext',
  'setCookie',
  'tunnelHeader',
  'tunnelPassword',
  'userinfo',
  'wrongPassphrase',
  'wrongPskIdentity',
];
/** What shows in each form of a report that the requests were looked at. */
const REPORTED: Readonly<Record<string, RegExp>> = {
  table: /POST \/orders .*\b[1-9]\d* requests/,
  json: /"requests": ?[1-9]\d*/,
  sarif: /POST \/orders/,
  html: /POST \/orders/,
};

/** Of what the application serves. */
const DESCRIPTION = `openapi: 3.1.0
info: { title: Orders, version: '1' }
security: [{ cert: [] }]
paths:
  /orders: { post: { responses: { '200': { description: fine } } } }
components: { securitySchemes: { cert: { type: mutualTLS } } }
`;

/** And those that are bytes, with their length. */
const BYTES = { ticketKeys: 48, newTicketKeys: 48, psk: 32, wrongPsk: 32 };

function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * 24 * 60 * 60 * 1000);
}

/** The lines of a PEM file that are base64. */
function linesOf(pem: string): string[] {
  return pem.split('\n').filter(line => line !== '' && !line.startsWith('-----'));
}

/** What was sent, byte for byte and as it was understood, and what was written. */
function everythingSaid({ ended, collector }: Observed): (string | Buffer)[] {
  return [
    ended.stdout,
    ended.stderr,
    JSON.stringify([collector.spans, collector.logs, collector.resources]),
    ...collector.requests.map(({ body }) => body),
  ];
}

/** What `otel-tls audit` makes of everything that was sent, sent once more. */
async function auditOf({ collector }: Observed, api: string, format: string): Promise<string> {
  const child = spawn(process.execPath, [OTEL_TLS, 'audit', api, '--listen', '0', '--format', format], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  });
  const ended = once(child, 'close');
  let [report, said] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', text => {
    report += text;
  });
  child.stderr.setEncoding('utf8').on('data', text => {
    said += text;
  });
  try {
    while (!/http:\S+/.test(said)) await Promise.race([once(child.stderr, 'data'), ended]);
    const [url] = /http:[^\s,]+/.exec(said) as unknown as [string];
    for (const { signal, contentType, contentEncoding, body } of collector.requests) {
      const headers = { 'content-type': contentType, ...(contentEncoding && { 'content-encoding': contentEncoding }) };
      const { ok } = await fetch(`${url}/v1/${signal}`, { method: 'POST', headers, body: new Uint8Array(body) });
      assert.ok(ok);
    }
  } finally {
    child.kill('SIGINT');
  }
  await ended;
  return report + said;
}

/** All of ours, and of the spans of others what we put on them: what else these say, of URLs above all, is theirs. */
function saidOfRequests({ spans, logs, collector }: Observed): string {
  const theirs = collector.spans.filter(({ scope }) => scope.name === '@opentelemetry/instrumentation-http');
  assert.ok(theirs.length > 10);
  const ours = theirs.map(({ attributes, events, links }) => ({
    attributes: Object.entries(attributes).filter(([name]) => /^(tls|enduser)\./.test(name)),
    events: events.filter(({ name }) => name.startsWith('tls.')),
    links,
  }));
  return JSON.stringify([spans, logs, ours]);
}

/** A secret cannot be found where nothing was done with it. */
function didEverything({ ended, spans, logs, collector }: Observed): void {
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /^done$/m);
  const reasons = new Set(spans.map(({ attributes }) => attributes['error.type']));
  for (const reason of [
    'certificate_expired',
    'unknown_ca',
    'certificate_required',
    'certificate_name_mismatch',
    'not_tls',
    'psk_identity_unknown',
  ]) {
    assert.ok(reasons.has(reason), `${reason} in ${[...reasons]}`);
  }
  assert.ok(spans.some(({ attributes }) => attributes['tls.resumed'] === true));
  assert.ok(spans.some(({ attributes }) => typeof attributes['tls.client.ja4'] === 'string'));
  const events = new Set(logs.map(({ eventName }) => eventName));
  for (const event of [
    'tls.handshake.failed',
    'tls.client_certificate.accepted',
    'tls.client_certificate.rejected',
    'tls.forwarded_certificate.spoof_suspected',
    'tls.abuse.detected',
    'tls.certificate.expiring',
    'tls.config.changed',
  ]) {
    assert.ok(events.has(event), `${event} in ${[...events]}`);
  }
  assert.ok(collector.requests.some(({ signal }) => signal === 'metrics'));
  assert.deepEqual(collector.problems, []);
}
