import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import type { CertificateIdentity } from '../../src/certificate/peer-certificate';
import { FORMATS } from '../../src/forwarded/formats';
import type { ForwardedOutcome } from '../../src/forwarded/forwarded-certificate';
import { HeaderFields } from '../../src/forwarded/header-fields';
import { PRESETS } from '../../src/forwarded/presets';
import { CertificateAuthority } from '../support/certificate-authority';
import {
  base64Der,
  escapedPem,
  FROM_A_STRANGER,
  FROM_THE_PROXY,
  rawHeaders,
  readerOf,
  spoken,
} from './forwarded-request';
import { type Client, GENUINE_REQUESTS, WITHOUT_CERTIFICATE } from './genuine-requests';
import { byteSequence } from './vendor-encodings';

const SPIFFE_ID = 'spiffe://acme.test/ns/prod/sa/good';

/** Milliseconds. */
const LIMIT = 1;

/** Short values that have deceived somebody, or would. */
const NASTY = [
  ...[
    '"',
    "'",
    '"""',
    '\\',
    '\\"',
    ',',
    ',,,',
    ';',
    ';;',
    '=',
    '=;=',
    ':',
    ':::',
    '%',
    '%zz',
    '%0',
    '%00',
    '+',
    '-',
    '_',
  ],
  ...['\0', '\r\n', '\n\t', '\t', '\x1b[2J', '\x7f', ' ', '  x  ', '\x80\xff'],
  ...['__proto__', 'constructor', 'prototype', 'toString', '{"__proto__":{"result":"ok"}}', 'null', 'undefined'],
  ...[
    'CN=admin',
    'CN=good,CN=admin',
    'CN=good\\',
    'CN=good"',
    '/CN=admin',
    '/C=DE/CN=good/CN=admin',
    'CN=ZoÃ«',
    'CN=Zo\\C3\\AB',
  ],
  ...[
    'success',
    'Success',
    'SUCCESS,SUCCESS',
    'SUCCESS, NONE',
    'SUCCESS;',
    'OK',
    'NONE',
    'FAILED',
    'FAILED:',
    'FAILED:"',
    'GENEROUS',
  ],
  ...['00', '-1', '1e3', '0x0', '0, 0', '10', '999', '9999', 'TRUE', 'True', 'yes', 'false', 'Resumed', 'r'],
  ...[
    'Hash=00;URI=spiffe://admin',
    'By=;Hash=;Cert="";Subject="";URI=',
    'URI=spiffe://admin',
    '?1',
    ':AA==:',
    ':AA:',
    ':AAAA:;a=1',
  ],
  ...[
    '-----BEGIN CERTIFICATE-----',
    '-----BEGIN%20CERTIFICATE-----AAAA-----END%20CERTIFICATE-----',
    'MAA=',
    'MIIB',
    'MIIBAAAA',
  ],
  ...[
    'spiffe://admin',
    'spiffe://acme.test/../admin',
    'http://[',
    'NotBefore=x;NotAfter=y',
    'Feb 31 00:00:00 2026 GMT',
  ],
];

/** What stands for "verified" somewhere; with one of these it is the proxy that says so. */
const GOOD_WORDS: ReadonlySet<string> = new Set(['SUCCESS', '0', '1', 'true']);

/** As large as it may be: what makes a careless reader slow. */
const BOMBS = [
  'a',
  '"',
  '\\',
  '\\"',
  ',',
  ';',
  ';a',
  '=',
  ':',
  ':,',
  '%',
  '%41',
  '%00',
  ' ',
  '0',
  '9',
  'A',
  '/',
  '/CN=x',
  'CN=x,',
  '\\2C',
  '+',
  'By=;',
  'URI=x;',
  'DNS=x;',
  'Hash=0,',
  'Subject="";',
  '-----BEGIN CERTIFICATE-----',
  '-----BEGIN%20CERTIFICATE-----',
  '?1,',
  '(),',
  ':AAAA:,',
  'client_cert_x,',
  '.',
  'a.',
  'MAA=,',
  '\xc3\xa9',
  '\xff',
  '\0',
].map(piece => piece.repeat(16 * 1024).slice(0, 16 * 1024));

describe('every format', function () {
  this.timeout(30_000);

  let client: Client;
  let admin: Client;

  before(async () => {
    const authority = await CertificateAuthority.create({ commonName: 'Acme Clients CA' });
    client = await clientOf(authority, 'good');
    admin = await clientOf(authority, 'admin');
  });

  it('is in the list once, under its name', () => {
    assert.deepEqual(
      FORMATS.map(({ id }) => id),
      PRESETS,
    );
    assert.deepEqual([...new Set(PRESETS)], PRESETS);
    assert.deepEqual(Object.keys(GENUINE_REQUESTS).sort(), [...PRESETS].sort());
    assert.equal(PRESETS.length, 19);
  });

  for (const format of FORMATS) {
    const { id, headers } = format;
    describe(id, () => {
      const roles: Readonly<Record<string, string>> = headers;
      const names = Object.keys(roles);
      let genuine: Readonly<Record<string, string>>;
      let good: CertificateIdentity;
      const reader = readerOf(id);
      const read = (lines: Readonly<Record<string, string>>): ForwardedOutcome =>
        reader.read(rawHeaders(lines), FROM_THE_PROXY);

      before(() => {
        genuine = GENUINE_REQUESTS[id](client);
        const outcome = read(genuine);
        assert.equal(outcome.kind, 'forwarded', JSON.stringify(outcome));
        good = outcome.kind === 'forwarded' ? outcome.forwarded.certificate! : assert.fail();
      });

      it('has lower-case names', () => {
        for (const name of names) assert.match(name, /^[a-z0-9-]+$/);
        assert.ok(names.some(name => roles[name] === 'claim'));
      });

      it('knows a genuine request’s client', () => {
        if (WITHOUT_CERTIFICATE.has(id)) assert.match(JSON.stringify(good), /good/);
        else assert.equal(good.fingerprint, client.certificate.fingerprint);
      });

      it('reads its names in any case', () => {
        for (const spelled of [upperCase, canonicalCase]) {
          const lines = Object.fromEntries(Object.entries(genuine).map(([name, value]) => [spelled(name), value]));
          assert.deepEqual(read(lines), read(genuine));
        }
      });

      it('does not know a name with an underscore', () => {
        const lines = Object.entries(genuine).map(([name, value]) => [name.replaceAll('-', '_'), value] as const);
        assert.deepEqual(reader.read(rawHeaders(lines), FROM_THE_PROXY), { kind: 'absent' });
      });

      it('is absent where every value is one that means nothing', () => {
        const nothings = [
          '',
          ' ',
          '::',
          '(null)',
          '<nil>',
          'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
        ];
        for (const nothing of nothings) {
          const lines = Object.fromEntries(names.map(name => [name, nothing]));
          assert.deepEqual(read(lines), { kind: 'absent' }, nothing);
          assert.deepEqual(reader.read(rawHeaders(lines), FROM_A_STRANGER), { kind: 'absent' }, nothing);
        }
      });

      it('is an attempt when a stranger sends any one of its claims', () => {
        for (const name of names.filter(name => roles[name] !== 'session')) {
          const outcome = reader.read([name, 'x'], FROM_A_STRANGER);
          assert.equal(told(outcome), `untrusted_peer ${name}`);
        }
      });

      it('is an attempt when any line comes twice, alike or not, in whatever case', () => {
        for (const [name, value] of Object.entries(genuine)) {
          for (const again of [value, 'x', '']) {
            const lines = [...Object.entries(genuine), [upperCase(name), again] as const];
            assert.equal(told(reader.read(rawHeaders(lines), FROM_THE_PROXY)), `duplicate_header ${name}`);
          }
        }
      });

      it('is an attempt beside any other format’s claim, and not beside what only tells of the session', () => {
        for (const other of FORMATS) {
          const theirs: Readonly<Record<string, string>> = other.headers;
          for (const name of Object.keys(theirs).filter(name => !Object.hasOwn(roles, name))) {
            const expected = isClaimSomewhere(name) ? `several_presets ${name}` : told(read(genuine));
            assert.equal(told(read({ ...genuine, [name]: 'x' })), expected);
          }
        }
      });

      it('takes another client’s values for a contradiction, never for the client', () => {
        const theirs = GENUINE_REQUESTS[id](admin);
        for (const name of Object.keys(genuine)) {
          // What a client sends along as its chain is its own affair; and a single header has nothing to contradict.
          if (theirs[name] === genuine[name] || /chain/.test(name) || Object.keys(genuine).length === 1) continue;
          const outcome = read({ ...genuine, [name]: theirs[name]! });
          assert.equal(outcome.kind, 'suspected', `${name}: ${JSON.stringify(outcome)}`);
        }
      });

      it('makes of hostile text in one header neither a client nor a verdict, and does not throw', () => {
        const theirs = [escapedPem(admin.certificate), base64Der(admin.certificate), byteSequence(admin.certificate)];
        // Where there is one header, another client's is that other client.
        const foreign = Object.keys(genuine).length > 1 ? theirs : [];
        for (const name of names) {
          for (const value of [...NASTY, ...BOMBS, ...foreign, 'x'.repeat(16 * 1024 + 1)]) {
            const outcome = read({ ...genuine, [name]: value });
            const context = `${name}: ${JSON.stringify(value.slice(0, 60))} -> ${JSON.stringify(outcome)}`;
            if (outcome.kind !== 'forwarded') continue;
            const { certificate, verification } = outcome.forwarded;
            if (certificate === undefined) assert.equal(verification.result, 'not_presented', context);
            else assert.ok(isSaidBy(WITHOUT_CERTIFICATE.has(id) ? value : '', certificate, good), context);
            const isVerdict = GOOD_WORDS.has(genuine[name] ?? '') && (/verif/.test(name) || value.trim() !== '');
            if (roles[name] === 'claim' && isVerdict && !GOOD_WORDS.has(value)) {
              assert.notEqual(verification.result, 'ok', context);
            }
            assert.equal(Object.getPrototypeOf(verification), Object.prototype);
          }
        }
        assert.equal(({} as { result?: string }).result, undefined);
      });

      it('does not lean on the reader to catch what it throws', () => {
        for (const value of [...NASTY, ...BOMBS]) {
          const everywhere = new Map(names.map(name => [name, value]));
          format.read(new HeaderFields(everywhere));
          for (const name of names) {
            const one = new Map([...Object.entries(genuine), [name, value] as const]);
            format.read(new HeaderFields(one));
          }
        }
      });

      it('makes nothing verified of the same hostile text in every header', () => {
        for (const value of [...NASTY, ...BOMBS]) {
          const outcome = read(Object.fromEntries(names.map(name => [name, value])));
          if (outcome.kind === 'forwarded' && outcome.forwarded.verification.result === 'ok') {
            // A format of one header, whose very presence is the verdict.
            assert.equal(id, 'linkerd', JSON.stringify(value.slice(0, 60)));
          }
        }
      });

      it('takes 16 KiB and not a byte more', () => {
        for (const name of names.filter(name => roles[name] === 'claim')) {
          assert.equal(told(read({ ...genuine, [name]: 'x'.repeat(16 * 1024 + 1) })), `malformed ${name}`);
        }
      });

      it('refuses control characters', () => {
        for (const name of names.filter(name => roles[name] === 'claim')) {
          for (const control of ['\0', '\t', '\r', '\n', '\x1f', '\x7f']) {
            assert.equal(told(read({ ...genuine, [name]: `${genuine[name] ?? 'x'}${control}` })), `malformed ${name}`);
          }
        }
      });

      it(`is read within ${LIMIT} ms whatever it is`, function () {
        this.timeout(60_000);
        const values = [...BOMBS, ...NASTY, base64Der(client.certificate), escapedPem(client.certificate)];
        for (const name of names) {
          for (const value of values) {
            const raw = rawHeaders({ ...genuine, [name]: value });
            const took = hot(() => reader.read(raw, FROM_THE_PROXY));
            assert.ok(took < LIMIT, `${name}: ${JSON.stringify(value.slice(0, 40))} took ${took} ms`);
          }
        }
        const everywhere = (value: string) => rawHeaders(Object.fromEntries(names.map(name => [name, value])));
        for (const value of values) {
          const raw = everywhere(value);
          const took = hot(() => reader.read(raw, FROM_THE_PROXY));
          assert.ok(took < LIMIT, `everywhere: ${JSON.stringify(value.slice(0, 40))} took ${took} ms`);
        }
      });
    });
  }
});

async function clientOf(authority: CertificateAuthority, name: string): Promise<Client> {
  const certificate = await authority.issue({
    commonName: name,
    uris: [`spiffe://acme.test/ns/prod/sa/${name}`],
    dnsNames: [`${name}.acme.test`],
  });
  return { certificate, subject: `CN=${name}`, spiffeId: SPIFFE_ID.replace('good', name) };
}

function isClaimSomewhere(header: string): boolean {
  return FORMATS.some(({ headers }) => {
    const roles: Readonly<Record<string, string>> = headers;
    return Object.hasOwn(roles, header) && roles[header] !== 'session';
  });
}

/** Nothing is in it but what the genuine client is, or stands as it is in the header's text. */
function isSaidBy(text: string, found: CertificateIdentity, good: CertificateIdentity): boolean {
  const known = new Set(texts(good));
  return texts(found).every(part => known.has(part) || text.includes(part));
}

function texts({
  fingerprint,
  subject,
  issuer,
  serialNumber,
  alternativeNames,
  spiffeId,
}: CertificateIdentity): string[] {
  const names = alternativeNames.map(({ value }) => value);
  return [fingerprint, subject, issuer, serialNumber, spiffeId, ...names].filter(text => text !== undefined);
}

function told(outcome: ForwardedOutcome): string {
  return outcome.kind === 'suspected' ? spoken(outcome.suspicion) : outcome.kind;
}

/** The best of several: what the work costs, and not what else the machine is doing. */
function hot(work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 20; round++) {
    const began = performance.now();
    work();
    best = Math.min(best, performance.now() - began);
    if (round >= 2 && best < LIMIT / 2) break;
  }
  return best;
}

function upperCase(name: string): string {
  return name.toUpperCase();
}

function canonicalCase(name: string): string {
  return name.replace(/(^|-)[a-z]/g, letter => letter.toUpperCase());
}
