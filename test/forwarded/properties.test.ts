import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type PeerCertificate, parsePeerCertificate } from '../../src/certificate/peer-certificate';
import type { ForwardedOutcome } from '../../src/forwarded/forwarded-certificate';
import { PRESET_ROWS, PRESETS, type Preset } from '../../src/forwarded/presets';
import {
  alternativeNames,
  commonName,
  dns,
  integer,
  nameOf,
  pem,
  rawCertificate,
  uri,
} from '../certificate/raw-certificate';
import { FROM_THE_PROXY, type HeaderLines, rawHeaders, readerOf } from './forwarded-request';
import {
  asciiName,
  awsPem,
  awsValidity,
  byteSequence,
  colonSerial,
  digest,
  googleTime,
  opensslTime,
} from './vendor-encodings';

/**
 * Certificates whose names are chosen to deceive, each written into headers by a model of every proxy. Whatever is read
 * back is that certificate or nothing; and where the proxy forwards the whole certificate, it is never nothing.
 */

/** Pieces of names that mean something to somebody who splits, unescapes or decodes without care. */
const PIECES = [
  ...['alice', 'acme.test', 'a', 'zoë', '学', '😀', ' ', '  ', '\t', '.', '-', '_', '*', '@', '0', 'F'],
  ...['"', "'", ',', ';', '=', '+', '\\', '/', '#', '<', '>', ':', '|', '&', '%', '%22', '%0A', '%2C', '\\2C', '\\22'],
  ...['\n', '\r\n', '\0', '\x1b[2J', '\x7f', '\u0085', '\u202e', '\u200b', '\ufeff', '\u2028'],
  ...['CN=admin', ',CN=admin', ', CN=admin', '/CN=admin', '\nCN=admin', '+CN=admin', ';CN=admin', '\\,CN=admin'],
  ...['Subject="CN=admin"', '";Subject="CN=admin', '";SerialNumber="1', ';Hash=', ';Cert="', ',By=', ';URI=', ';DNS='],
  ...['spiffe://acme.test/admin', 'URI=spiffe://acme.test/admin', 'DNS:admin.test', ', DNS:admin.test', '://', '::'],
  ...['(null)', '<nil>', 'SUCCESS', 'NONE', 'true', '1', '__proto__', 'constructor'],
  ...['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', 'NotAfter=2099-01-01T00:00:00Z', 'MIIB', '===='],
];

const TYPES = ['CN', 'O', 'OU', 'C', 'L', 'ST', 'DC', 'UID', 'emailAddress', 'serialNumber'];

/** Somebody whom the others would like to be taken for. */
const VICTIM = rawCertificate({
  subject: commonName('admin'),
  issuer: commonName('ca'),
  extensions: [alternativeNames(uri('spiffe://acme.test/admin'), dns('admin.test'))],
});

interface Client {
  readonly der: Buffer;
  readonly certificate: PeerCertificate;
  /** In the order of the encoding, as somebody has it who decodes the name and does not escape what he writes. */
  readonly attributes: ReadonlyArray<readonly [type: string, value: string]>;
  readonly names: ReadonlyArray<readonly [kind: 'URI' | 'DNS', value: string]>;
}

/** Header lines of one proxy for one client; undefined where it would refuse the client or send nothing. */
type Proxy = (client: Client, random: Random) => HeaderLines;

/** A forwarded whole certificate is expected to be read, whatever is in it. */
const FORWARDS_WHOLE: Readonly<Partial<Record<Preset, Proxy>>> = {
  rfc9440: client => ({ 'Client-Cert': byteSequence(client), 'Client-Cert-Chain': byteSequence({ der: VICTIM }) }),
  nginx: client => ({ 'X-SSL-Client-Cert': percentPem(client), ...nginxFields(client) }),
  'ingress-nginx': client => ({ 'ssl-client-cert': percentPem(client), ...ingressFields(client) }),
  haproxy: client => ({
    'x-ssl-client-used': '1',
    'client-cert': byteSequence(client),
    'x-ssl-client-chain-der': VICTIM.toString('base64'),
    ...haproxyFields(client),
  }),
  apache: client => ({
    'X-SSL-Client-Cert': onOneLine(pem(client.der)),
    'X-SSL-Client-Chain-0': onOneLine(pem(VICTIM)),
    ...apacheFields(client),
  }),
  caddy: client => ({
    'X-Ssl-Client-Der': base64(client.der),
    'Client-Cert': byteSequence(client),
    ...caddyFields(client),
  }),
  'aws-alb-verify': client => ({
    'X-Amzn-Mtls-Clientcert-Leaf': awsPem(pem(client.der)),
    ...notEmpty({
      'X-Amzn-Mtls-Clientcert-Serial-Number': client.certificate.serialNumber!,
      'X-Amzn-Mtls-Clientcert-Subject': asciiName(client.certificate.subject!),
      'X-Amzn-Mtls-Clientcert-Issuer': asciiName(client.certificate.issuer!),
      'X-Amzn-Mtls-Clientcert-Validity': awsValidity(client),
    }),
  }),
  'aws-alb-passthrough': client => ({ 'X-Amzn-Mtls-Clientcert': awsPem(pem(client.der) + pem(VICTIM)) }),
  'aws-cloudfront': client => ({ 'CloudFront-Viewer-Cert-Pem': percentPem(client), ...cloudfrontFields(client) }),
  'gcp-alb': client => ({ ...googleFields(client), 'X-Client-Cert-Leaf': byteSequence(client) }),
  'azure-app-gateway': (client, random) => ({ ...azureFields(client, random), 'X-Client-Cert': percentPem(client) }),
  'azure-app-service': client => ({ 'X-ARR-ClientCert': base64(client.der) }),
  'cloudflare-managed': client => ({ ...cloudflareFields(client), 'Client-Cert': byteSequence(client) }),
  'cloudflare-legacy': client => ({
    'Cf-Client-Cert-Der-Base64': base64(client.der),
    'Cf-Client-Cert-Sha256': digest(client, 'sha256', 'hex'),
  }),
  traefik: client => ({
    'X-Forwarded-Tls-Client-Cert': [client.der, VICTIM].map(base64).join(),
    'X-Forwarded-Tls-Client-Cert-Info': traefikInfo(client),
  }),
};

/** Of what is left out of a certificate, or written so that it can deceive, nothing need be read. */
const FORWARDS_PARTS: Readonly<Partial<Record<Preset, Proxy>>> = {
  'envoy-xfcc': envoyHeader,
  istio: client => ({
    'x-forwarded-client-cert': [
      'By=spiffe://cluster.local/ns/default/sa/httpbin',
      `Hash=${digest(client, 'sha256', 'hex')}`,
      'Subject=""',
      ...client.names.filter(([kind]) => kind === 'URI').map(([, value]) => `URI=${bytes(value)}`),
    ].join(';'),
  }),
  linkerd: client => {
    const [, name] = client.names.find(([kind, value]) => kind === 'DNS' && /^[a-z0-9.-]+$/.test(value)) ?? [];
    const [, id] = client.names.find(([kind, value]) => kind === 'URI' && value.startsWith('spiffe://')) ?? [];
    return notEmpty({ 'l5d-client-id': bytes(name ?? id ?? '') });
  },
  'kong-mtls-auth': (client, random) => ({
    'X-Client-Cert-Dn': bytes(writtenSomehow(client, random)),
    'X-Client-Cert-San': bytes(client.names.map(([, value]) => value).join(',')),
  }),
  nginx: client => nginxFields(client),
  'ingress-nginx': client => ingressFields(client),
  haproxy: (client, random) => ({
    'x-ssl-client-used': '1',
    'client-cert': '::',
    ...haproxyFields(client),
    ...(random.chance(0.5) ? { 'x-ssl-client-dn': bytes(oneLine(client)) } : {}),
  }),
  apache: client => ({ 'X-SSL-Client-Cert': '(null)', ...apacheFields(client) }),
  caddy: client => caddyFields(client),
  'aws-cloudfront': client => cloudfrontFields(client),
  'gcp-alb': client => googleFields(client),
  'azure-app-gateway': (client, random) => azureFields(client, random),
  'cloudflare-managed': client => cloudflareFields(client),
};

function nginxFields(client: Client): Record<string, string> {
  const { subject, issuer, serialNumber, notBefore, notAfter } = client.certificate;
  return notEmpty({
    'X-SSL-Client-Verify': 'SUCCESS',
    'X-SSL-Client-S-DN': asciiName(subject!),
    'X-SSL-Client-I-DN': asciiName(issuer!),
    'X-SSL-Client-Serial': serialNumber!,
    'X-SSL-Client-Fingerprint': digest(client, 'sha1', 'hex'),
    'X-SSL-Client-V-Start': opensslTime(notBefore!),
    'X-SSL-Client-V-End': opensslTime(notAfter!),
  });
}

function ingressFields({ certificate }: Client): Record<string, string> {
  return notEmpty({
    'ssl-client-verify': 'SUCCESS',
    'ssl-client-subject-dn': asciiName(certificate.subject!),
    'ssl-client-issuer-dn': asciiName(certificate.issuer!),
  });
}

function haproxyFields(client: Client): Record<string, string> {
  return {
    'x-ssl-client-verify': '0',
    'x-ssl-client-dn': asciiName(client.certificate.subject!),
    'x-ssl-issuer': asciiName(client.certificate.issuer!),
    'x-ssl-client-serial': client.certificate.serialNumber!,
    'x-ssl-client-notafter': `${new Date(client.certificate.notAfter!).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`,
    'x-ssl-client-sha1': digest(client, 'sha1', 'hex').toUpperCase(),
    'x-ssl-client-sha256': client.certificate.fingerprint,
  };
}

/** mod_ssl does not escape what is not ASCII. */
function apacheFields({ certificate }: Client): Record<string, string> {
  const { subject, issuer, serialNumber, notBefore, notAfter } = certificate;
  return {
    'X-SSL-Client-Verify': 'SUCCESS',
    'X-SSL-Session-Resumed': 'Initial',
    'X-SSL-Client-S-DN': subject === '' ? '(null)' : bytes(undone(subject!)),
    'X-SSL-Client-I-DN': bytes(undone(issuer!)),
    'X-SSL-Client-Serial': serialNumber!,
    'X-SSL-Client-V-Start': opensslTime(notBefore!),
    'X-SSL-Client-V-End': opensslTime(notAfter!),
  };
}

function caddyFields({ certificate, attributes, names }: Client): Record<string, string> {
  return {
    'X-Ssl-Client-Present': 'true',
    'X-Ssl-Client-Fingerprint': certificate.fingerprint.toLowerCase(),
    'X-Ssl-Client-Serial': BigInt(`0x${certificate.serialNumber}`).toString(),
    'X-Ssl-Client-Subject': bytes(attributes.map(([type, value]) => `${type}=${value}`).join(',')),
    'X-Ssl-Client-San-Uri-0': bytes(names.find(([kind]) => kind === 'URI')?.[1] ?? ''),
  };
}

function cloudfrontFields(client: Client): Record<string, string> {
  return notEmpty({
    'CloudFront-Viewer-Cert-Present': '1',
    'CloudFront-Viewer-Cert-Sha256': digest(client, 'sha256', 'hex'),
    'CloudFront-Viewer-Cert-Serial-Number': colonSerial(client),
    'CloudFront-Viewer-Cert-Issuer': asciiName(client.certificate.issuer!),
    'CloudFront-Viewer-Cert-Subject': asciiName(client.certificate.subject!),
    'CloudFront-Viewer-Cert-Validity': awsValidity(client),
  });
}

function googleFields(client: Client): Record<string, string> {
  const { spiffeId = '', notBefore, notAfter } = client.certificate;
  const list = (wanted: string) =>
    client.names
      .filter(([kind, value]) => kind === wanted && value !== spiffeId)
      .map(([, value]) => base64(Buffer.from(value)))
      .join();
  const encodedName = nameOf(...client.attributes);
  return {
    'X-Client-Cert-Present': 'true',
    'X-Client-Cert-Chain-Verified': 'true',
    'X-Client-Cert-Error': '',
    'X-Client-Cert-Hash': digest(client, 'sha256', 'base64').replace('=', ''),
    'X-Client-Cert-Serial-Number': colonSerial(client),
    'X-Client-Cert-Subject-Dn': encodedName.length > 512 ? '' : base64(encodedName),
    'X-Client-Cert-Spiffe-Id': spiffeId,
    'X-Client-Cert-Uri-Sans': list('URI').length > 512 ? '' : list('URI'),
    'X-Client-Cert-Dnsname-Sans': list('DNS').length > 512 ? '' : list('DNS'),
    'X-Client-Cert-Valid-Not-Before': googleTime(notBefore!),
    'X-Client-Cert-Valid-Not-After': googleTime(notAfter!),
  };
}

function azureFields(client: Client, random: Random): Record<string, string> {
  return notEmpty({
    'X-Client-Cert-Verify': 'SUCCESS',
    'X-Client-Cert-Fingerprint': digest(client, 'sha1', 'hex'),
    'X-Client-Cert-Serial': client.certificate.serialNumber!,
    'X-Client-Cert-Subject': bytes(writtenSomehow(client, random)),
  });
}

function cloudflareFields(client: Client): Record<string, string> {
  const { subject, issuer, serialNumber, notBefore, notAfter } = client.certificate;
  return notEmpty({
    'cf-cert-presented': 'true',
    'cf-cert-verified': 'true',
    'cf-cert-revoked': 'false',
    'cf-cert-fingerprint-sha256': digest(client, 'sha256', 'hex'),
    'cf-cert-serial': serialNumber!,
    'cf-cert-not-before': opensslTime(notBefore!),
    'cf-cert-not-after': opensslTime(notAfter!),
    'cf-cert-subject-dn-rfc2253': asciiName(subject!),
    'cf-cert-issuer-dn-rfc2253': asciiName(issuer!),
    'cf-cert-subject-dn-legacy': bytes(oneLine(client)),
  });
}

/** As recorded: names are written as they are, everything else stands in front of them. */
function envoyHeader(client: Client, random: Random): HeaderLines {
  const quoted = (key: string, text: string) => `${key}="${text}"`;
  const element = [
    'By=spiffe://acme.test/proxy',
    `Hash=${digest(client, 'sha256', 'hex')}`,
    ...(random.chance(0.5) ? [quoted('Cert', percentPem(client))] : []),
    ...(random.chance(0.3) ? [quoted('Chain', percentPem(client) + percentPem({ der: VICTIM }))] : []),
    ...(random.chance(0.7) ? [quoted('Subject', asciiName(client.certificate.subject!))] : []),
    ...client.names.filter(([kind]) => kind === 'URI').map(([, value]) => `URI=${bytes(value)}`),
    ...client.names.filter(([kind]) => kind === 'DNS').map(([, value]) => `DNS=${bytes(value)}`),
  ];
  return { 'x-forwarded-client-cert': element.join(';') };
}

/** Go's url.QueryEscape of text that nobody escaped before. */
function traefikInfo({ attributes, names, certificate }: Client): string {
  const subject = attributes.map(([type, value]) => `${type}=${value}`).join(',');
  const sans = names.map(([, value]) => value).join(',');
  const text = `Subject="${subject}";SerialNumber="${BigInt(`0x${certificate.serialNumber}`)}";SAN="${sans}"`;
  return encodeURIComponent(text).replaceAll('%20', '+');
}

/** A proxy that does not say how it writes names may do it in any of these ways. */
function writtenSomehow(client: Client, random: Random): string {
  const reversed = [...client.attributes].reverse().map(([type, value]) => `${type}=${value}`);
  return random.one([asciiName(client.certificate.subject!), oneLine(client), reversed.join(','), reversed.join(', ')]);
}

/** OpenSSL's X509_NAME_oneline, as HAProxy has it: nothing is escaped. */
function oneLine({ attributes }: Client): string {
  return attributes.map(([type, value]) => `/${type}=${value}`).join('');
}

function percentPem({ der }: { readonly der: Buffer }): string {
  return encodeURIComponent(pem(der));
}

function onOneLine(text: string): string {
  return text.replaceAll('\n', ' ').trim();
}

function base64(der: Uint8Array): string {
  return Buffer.from(der).toString('base64');
}

/** UTF-8 as Node has it in a header: a character for every byte. */
function bytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** The escapes of what is not ASCII undone: they are ours and not the proxy's. */
function undone(name: string): string {
  return name.replace(/(?:\\[89A-F][0-9A-F])+/g, run => Buffer.from(run.replaceAll('\\', ''), 'hex').toString());
}

/** nginx and others send no header without a value. */
function notEmpty(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ''));
}

/** mulberry32: the same certificates in every run. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  upTo(limit: number): number {
    return Math.floor(this.next() * (limit + 1));
  }

  one<Value>(values: readonly Value[]): Value {
    return values[this.upTo(values.length - 1)]!;
  }

  text(): string {
    return Array.from({ length: this.upTo(4) }, () => this.one(PIECES)).join('');
  }
}

function clientOf(attributes: Client['attributes'], names: Client['names'], serialNumber = Buffer.from([1])): Client {
  const der = rawCertificate({
    subject: nameOf(...attributes),
    issuer: commonName('ca'),
    serialNumber: integer(...serialNumber),
    extensions:
      names.length === 0
        ? []
        : [alternativeNames(...names.map(([kind, value]) => (kind === 'URI' ? uri : dns)(value)))],
  });
  return { der, certificate: parsePeerCertificate(der), attributes, names };
}

function randomClient(random: Random): Client {
  const attributes = Array.from({ length: random.upTo(4) }, () => [random.one(TYPES), random.text()] as const);
  const names = Array.from(
    { length: random.upTo(3) },
    () => [random.one(['URI', 'DNS'] as const), random.text() || 'a.test'] as const,
  );
  // Bytes of 1 to 127: the number is never zero or negative.
  const serialNumber = Buffer.from(Array.from({ length: 1 + random.upTo(7) }, () => 1 + random.upTo(126)));
  return clientOf(attributes, names, serialNumber);
}

/** Names that are a whole element, or a whole field, of the victim's. */
function deliberateClients(): Client[] {
  const hash = createHash('sha256').update(VICTIM).digest('hex');
  const element = `By=spiffe://acme.test/proxy;Hash=${hash};Cert="${percentPem({ der: VICTIM })}";Subject="CN=admin"`;
  return [
    clientOf([['CN', 'mallory']], [['URI', `spiffe://acme.test/x,${element};URI=spiffe://acme.test/admin`]]),
    clientOf([['CN', 'mallory']], [['DNS', `x.test,${element};DNS=admin.test`]]),
    clientOf([['CN', 'mallory']], [['URI', `x;Hash=${hash};URI=spiffe://acme.test/admin`]]),
    clientOf([['CN', 'mallory']], [['URI', 'https://x.test;URI=spiffe://acme.test/admin']]),
    clientOf([['CN', 'mallory']], [['URI', 'spiffe://acme.test/admin;URI=x']]),
    clientOf([['CN', 'mallory']], [['URI', 'spiffe://acme.test/admin;DNS=x']]),
    clientOf([['CN', `mallory",${element};URI=spiffe://acme.test/admin`]], []),
    clientOf([['CN', 'mallory,CN=admin']], []),
    clientOf([['CN', 'mallory/CN=admin']], []),
    clientOf([['CN', 'x";SerialNumber="1";SAN="admin.test']], []),
    clientOf([['O', 'x\nCN=admin']], []),
    clientOf([['CN', '/CN=admin']], []),
    clientOf([['O', pem(VICTIM).slice(0, 700)]], []),
    clientOf([['CN', percentPem({ der: VICTIM }).slice(0, 700)]], []),
  ];
}

const SEED = 20261122;
const CLIENTS = (() => {
  const random = new Random(SEED);
  return [...deliberateClients(), ...Array.from({ length: 120 }, () => randomClient(random))].filter(
    // OpenSSL refuses some of the names altogether; no proxy ever sees such a client.
    ({ certificate }) => certificate.parsed && certificate.subject !== undefined && !certificate.subject.endsWith('…'),
  );
})();

/** The first field that was read and is not this certificate's own. */
function foreignField(outcome: ForwardedOutcome, { certificate: own }: Client): string | undefined {
  if (outcome.kind !== 'forwarded') return undefined;
  const { certificate, recomputed } = outcome.forwarded;
  if (certificate === undefined) return 'no certificate';
  if (recomputed && certificate.fingerprint !== own.fingerprint) return 'another certificate';
  const single = ['fingerprint', 'subject', 'issuer', 'serialNumber', 'notBefore', 'notAfter'] as const;
  const foreign = single.find(field => certificate[field] !== undefined && certificate[field] !== own[field]);
  if (foreign !== undefined) return `${foreign} ${certificate[foreign]}`;
  const has = (type: string, value: string) =>
    own.alternativeNames.some(name => name.type === type && name.value === value);
  if (certificate.spiffeId !== undefined && !has('URI', certificate.spiffeId)) return `id ${certificate.spiffeId}`;
  const name = certificate.alternativeNames.find(({ type, value }) => !has(type, value));
  return name && `${name.type} ${name.value}`;
}

function read(preset: Preset, headers: HeaderLines): ForwardedOutcome {
  return READERS.get(preset)!.read(rawHeaders(headers), FROM_THE_PROXY);
}

const READERS = new Map(PRESETS.map(preset => [preset, readerOf(preset)]));

describe('certificates with names that are meant to deceive', () => {
  it('are more than a hundred, in which every piece of deceit occurs', () => {
    assert.ok(CLIENTS.length > 100, String(CLIENTS.length));
    const texts = CLIENTS.flatMap(({ attributes, names }) => [...attributes, ...names].map(([, value]) => value)).join(
      '\n',
    );
    for (const piece of PIECES) assert.ok(texts.includes(piece), JSON.stringify(piece));
  });

  for (const preset of PRESETS) {
    const proxies = [FORWARDS_WHOLE[preset], FORWARDS_PARTS[preset]].filter(proxy => proxy !== undefined);

    it(`are read from ${preset} as themselves or not at all`, () => {
      const random = new Random(SEED);
      let readBack = 0;
      for (const client of CLIENTS) {
        for (const proxy of proxies) {
          const headers = proxy(client, random);
          const outcome = read(preset, headers);
          const foreign = foreignField(outcome, client);
          if (foreign !== undefined) assert.fail(`${foreign}, read from ${JSON.stringify(headers)}`);
          if (outcome.kind === 'forwarded') {
            readBack++;
            const says: readonly string[] = PRESET_ROWS[preset].says;
            assert.ok(says.includes(outcome.forwarded.verification.result), preset);
          }
        }
      }
      assert.ok(readBack > 0, 'nothing was ever read');
    });
  }

  for (const [preset, proxy] of Object.entries(FORWARDS_WHOLE) as [Preset, Proxy][]) {
    it(`are always read from ${preset}, which forwards the whole certificate`, () => {
      const random = new Random(SEED);
      for (const client of CLIENTS) {
        const headers = proxy(client, random);
        // No proxy can send control characters; where a model would, it refuses the request.
        if (rawHeaders(headers).some(text => /[\x00-\x1f\x7f]/.test(text))) continue;
        const outcome = read(preset, headers);
        if (outcome.kind !== 'forwarded')
          assert.fail(`${JSON.stringify(outcome)}, read from ${JSON.stringify(headers)}`);
      }
    });
  }
});
