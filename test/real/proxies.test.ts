import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FORMATS } from '../../src/forwarded/formats';
import { commandsOf } from '../docs/markdown';
import { forgedHeaders, SPELLINGS } from './forged-headers';
import {
  headerNames,
  headerValue,
  PRESET_OF,
  ProxiedApplication,
  type Visit,
  type Visitor,
  type Way,
} from './proxied-application';
import { issueProxyCredentials, type ProxyCredentials } from './proxy-credentials';
import { PROXY_EXAMPLES, PROXY_NAMES, type ProxyName } from './reverse-proxy';
import { runningPrograms } from './running-programs';

/**
 * What becomes of a visitor. `refused`: the application never hears of it. `too large`: Node answers 431, and the
 * application does not hear of it either. `suspected`: the headers are not believed, nobody is named. Otherwise the
 * verification's result, and its first reason.
 */
type Reading =
  | 'refused'
  | 'too large'
  | 'not_presented'
  | 'ok'
  | 'unverified'
  | `failed ${string}`
  | `suspected ${string}`;

interface Expected {
  /** The certificate headers of whoever has a certificate, lower-cased. */
  readonly headers: readonly string[];
  /** Where bad certificates are refused. */
  readonly verified: Readonly<Record<Visitor, Reading>>;
  /** Where they are passed on. */
  readonly reported: Readonly<Record<Visitor, Reading>>;
  /** Of a session that a client offers again: whether the proxy says it was resumed, and what is read then. */
  readonly again: { readonly resumed: boolean | undefined; readonly good: Reading; readonly unknownRoot: Reading };
}

/** Where a proxy verifies and says so. */
const VERIFIED = {
  nobody: 'not_presented',
  good: 'ok',
  admin: 'ok',
  expired: 'refused',
  unknownAuthority: 'refused',
  unknownRoot: 'refused',
  revoked: 'refused',
  hostileName: 'ok',
  hostileUri: 'ok',
  manyNames: 'ok',
  tooManyNames: 'too large',
} as const satisfies Record<Visitor, Reading>;

/** Where a bad certificate is passed on, and why it is bad is not said. */
const PASSED_UNSAID = {
  expired: 'unverified',
  unknownAuthority: 'unverified',
  unknownRoot: 'unverified',
  revoked: 'unverified',
} as const;

/** Where nothing tells a good certificate from a bad one. */
const NEVER_VERIFIED = {
  good: 'unverified',
  admin: 'unverified',
  hostileName: 'unverified',
  hostileUri: 'unverified',
  manyNames: 'unverified',
} as const;

const EXPECTED: Readonly<Record<ProxyName, Expected>> = {
  nginx: {
    headers: ['x-ssl-client-verify', 'x-ssl-client-cert', 'x-ssl-session-reused'],
    verified: VERIFIED,
    reported: {
      ...VERIFIED,
      expired: 'failed certificate_expired',
      unknownAuthority: 'failed unknown_ca',
      // OpenSSL's last error hides the grave one, and nginx has no other.
      unknownRoot: 'failed revocation_unavailable',
      revoked: 'failed certificate_revoked',
    },
    again: { resumed: true, good: 'ok', unknownRoot: 'failed revocation_unavailable' },
  },
  haproxy: {
    headers: ['x-ssl-client-used', 'x-ssl-client-verify', 'x-ssl-client-ca-err', 'x-ssl-client-der', 'x-ssl-resumed'],
    verified: VERIFIED,
    reported: {
      ...VERIFIED,
      expired: 'failed certificate_expired',
      unknownAuthority: 'failed unknown_ca',
      unknownRoot: 'failed untrusted_root',
      revoked: 'failed certificate_revoked',
    },
    // ssl_c_ca_err is 0 then.
    again: { resumed: true, good: 'ok', unknownRoot: 'failed revocation_unavailable' },
  },
  apache: {
    headers: ['x-ssl-client-verify', 'x-ssl-client-cert', 'x-ssl-session-resumed'],
    verified: VERIFIED,
    reported: { ...VERIFIED, unknownAuthority: 'failed unknown_ca', unknownRoot: 'failed unknown_ca' },
    // SUCCESS on a resumed session proves nothing, unless one knows how Apache is configured.
    again: { resumed: true, good: 'unverified', unknownRoot: 'failed unknown_ca' },
  },
  envoy: {
    headers: ['x-forwarded-client-cert', 'x-ssl-client-verify', 'client-cert'],
    // A name that could pass for another element of the header is not believed, whoever has signed it.
    verified: { ...VERIFIED, hostileUri: 'suspected contradicts_itself' },
    reported: { ...VERIFIED, ...PASSED_UNSAID, hostileUri: 'suspected contradicts_itself' },
    // Resumption is switched off.
    again: { resumed: undefined, good: 'ok', unknownRoot: 'unverified' },
  },
  caddy: {
    headers: ['x-ssl-client-present', 'x-ssl-client-der', 'x-ssl-resumed'],
    // It reads no list of revoked certificates.
    verified: { ...VERIFIED, ...NEVER_VERIFIED, revoked: 'unverified' },
    reported: { ...VERIFIED, ...NEVER_VERIFIED, ...PASSED_UNSAID },
    again: { resumed: false, good: 'unverified', unknownRoot: 'unverified' },
  },
};

const WAYS: Readonly<Record<Way, string>> = {
  verified: 'where it refuses',
  reported: 'where it passes on',
};

const VISITORS: Readonly<Record<Visitor, string>> = {
  nobody: 'a client without a certificate',
  good: 'a good certificate',
  admin: 'another good certificate',
  expired: 'an expired certificate',
  unknownAuthority: 'a certificate of an unknown authority',
  unknownRoot: 'a certificate that brings its unknown authority along',
  revoked: 'a revoked certificate',
  hostileName: 'a certificate whose subject tries to be another',
  hostileUri: 'a certificate whose URI tries to be a proxy’s header',
  manyNames: 'a certificate with 200 names',
  tooManyNames: 'a certificate with 1000 names',
};

/** Good, bad and none: whom forged headers and tricks would have to help. */
const TRICKSTERS = [
  ['verified', 'nobody'],
  ['verified', 'good'],
  ['reported', 'unknownRoot'],
] as const satisfies readonly (readonly [Way, Visitor])[];

describe('reverse proxies that end mutual TLS, under the files of examples/proxies', () => {
  let folder: string;
  let credentials: ProxyCredentials;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'proxies-'));
    credentials = await issueProxyCredentials(join(folder, 'tls'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function fingerprintOf(visitor: Visitor): string | undefined {
    return visitor === 'nobody' ? undefined : credentials.visitors[visitor].fingerprint;
  }

  /** What is read is what is expected, and of nobody but the visitor. */
  function assertReadAs(reading: Reading, visit: Visit, visitor: Visitor): void {
    assert.equal(readingOf(visit), reading, `${JSON.stringify(visit.outcome)}\n${visit.said}`);
    if (visit.outcome?.kind === 'forwarded') {
      const { certificate, recomputed } = visit.outcome.forwarded;
      assert.equal(certificate?.fingerprint, fingerprintOf(visitor));
      assert.equal(recomputed, visitor !== 'nobody');
    }
  }

  /** The option that has curl send these headers. */
  function sending(headers: readonly (readonly [name: string, value: string])[]): string[] {
    const file = join(folder, 'headers');
    writeFileSync(file, headers.map(([name, value]) => `${name}: ${value}\n`).join(''));
    return ['--header', `@${file}`];
  }

  it('are all tried here, and the README’s command starts an application for the first of them', () => {
    const files = readdirSync(PROXY_EXAMPLES).filter(name => name !== 'README.md');
    assert.equal(files.length, PROXY_NAMES.length);
    const readme = readFileSync(join(PROXY_EXAMPLES, 'README.md'), 'utf8');
    for (const file of files) assert.ok(readme.includes(`](${file})`), file);
    for (const name of PROXY_NAMES) assert.ok(readme.includes(`\`${PRESET_OF[name]}\``), name);
    assert.equal(commandsOf(readme).length, 1);
  });

  for (const name of PROXY_NAMES) {
    const expected = EXPECTED[name];

    describe(name, () => {
      const programs = runningPrograms();
      let behind: ProxiedApplication;

      before(async () => {
        behind = await ProxiedApplication.start(programs, name, credentials);
      });
      after(() => behind?.stop());

      for (const way of ['verified', 'reported'] as const) {
        for (const [visitor, reading] of Object.entries(expected[way]) as [Visitor, Reading][]) {
          it(`${WAYS[way]}, ${VISITORS[visitor]} ${spoken(reading)}`, async () => {
            const visit = await behind.visit(way, visitor);
            if (reading === 'refused' || reading === 'too large') {
              assert.equal(behind.hasHeardOf(way, visitor), false);
              if (reading === 'too large') assert.equal(visit.status, 431);
              else assert.ok(visit.status === undefined || visit.status === 400, visit.said);
              return;
            }
            assert.ok(behind.hasHeardOf(way, visitor));
            assert.deepEqual(repeated(headerNames(visit)), []);
            const certificateHeaders = headerNames(visit).filter(each => CERTIFICATE_HEADER.test(each));
            if (visitor === 'nobody') assert.ok(certificateHeaders.every(each => expected.headers.includes(each)));
            else assert.deepEqual(certificateHeaders.sort(), [...expected.headers].sort());
            assertReadAs(reading, visit, visitor);
          });
        }
      }

      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        it(`with ${version}, a session that is offered again is as good as before, or less so`, async () => {
          for (const [way, visitor] of [
            ['verified', 'good'],
            ['reported', 'unknownRoot'],
          ] as const) {
            const [first, again] = await behind.visitTwice(way, visitor, version);
            assertReadAs(expected[way][visitor], first, visitor);
            assertReadAs(expected.again[visitor], again, visitor);
            if (visitor === 'good') assert.equal(resumedOf(again), expected.again.resumed);
          }
        });
      }

      it('says the same over HTTP/2', async () => {
        for (const [way, visitor] of TRICKSTERS) {
          assertReadAs(expected[way][visitor], await behind.visit(way, visitor, '--http2'), visitor);
        }
      });

      for (const [how, spell] of Object.entries(SPELLINGS)) {
        for (const times of [1, 2]) {
          const sent = `with names spelled ${how}${times === 2 ? ', each twice' : ''}`;

          it(`lets none of the headers through that it sets itself, when a client sends them ${sent}`, async () => {
            const forged = forgedHeaders(credentials.visitors.admin).filter(([each]) => isOwn(name, each));
            assert.ok(forged.length >= 3);
            const lines = forged.map(([each, value]) => [spell(each), value] as const);
            for (const [way, visitor] of TRICKSTERS) {
              const visit = await behind.visit(way, visitor, ...sending(times === 2 ? [...lines, ...lines] : lines));
              assertReadAs(expected[way][visitor], visit, visitor);
            }
          });

          it(`names nobody else, when a client sends the headers of every proxy ${sent}`, async () => {
            const lines = forgedHeaders(credentials.visitors.admin).map(
              ([each, value]) => [spell(each), value] as const,
            );
            for (const [way, visitor] of TRICKSTERS) {
              const visit = await behind.visit(way, visitor, ...sending(times === 2 ? [...lines, ...lines] : lines));
              // A header that the proxy neither sets nor removes is the client's, and gives it away.
              const passed = headerNames(visit).some(each => KNOWN.has(each) && !isOwn(name, each));
              assertReadAs(passed ? 'suspected several_presets' : expected[way][visitor], visit, visitor);
            }
          });
        }
      }

      it('forwards as much to a client that names the headers in Connection', async () => {
        const forged = forgedHeaders(credentials.visitors.admin).filter(([each]) => isOwn(name, each));
        const names = forged.map(([each]) => each);
        for (const [way, visitor] of TRICKSTERS) {
          const visit = await behind.visit(way, visitor, '--header', `Connection: close, ${names.join(', ')}`);
          assertReadAs(expected[way][visitor], visit, visitor);
        }
      });

      it('forwards as much to a client that sends the headers and names them in Connection', async () => {
        const forged = forgedHeaders(credentials.visitors.admin).filter(([each]) => isOwn(name, each));
        const connection = ['Connection', `close, ${forged.map(([each]) => each).join(', ')}`] as const;
        for (const [way, visitor] of TRICKSTERS) {
          const visit = await behind.visit(way, visitor, ...sending([...forged, connection]));
          assertReadAs(expected[way][visitor], visit, visitor);
        }
      });
    });
  }

  describe('without one of their lines', () => {
    const programs = runningPrograms();
    let behind: ProxiedApplication | undefined;

    /** The proxy under its example without the lines that match. */
    async function start(name: ProxyName, vary: (example: string) => string): Promise<ProxiedApplication> {
      behind = await ProxiedApplication.start(programs, name, credentials, vary);
      return behind;
    }
    afterEach(() => behind?.stop());

    it('nginx takes a revoked certificate for a good one', async () => {
      const without = await start('nginx', example => example.replaceAll(/^ *ssl_crl .*$/gm, ''));
      assertReadAs('ok', await without.visit('verified', 'revoked'), 'revoked');
    });

    it('nginx sends the certificate in lines, which Node refuses before the application hears of it', async () => {
      const without = await start('nginx', example =>
        example.replaceAll('$ssl_client_escaped_cert', '$ssl_client_cert    '),
      );
      assert.equal((await without.visit('verified', 'good')).status, 400);
      assert.equal(without.hasHeardOf('verified', 'good'), false);
    });

    it('HAProxy says 0, which means verified, of no certificate, and is not believed', async () => {
      const without = await start('haproxy', example => example.replaceAll(/ +if \{ ssl_c_used \}$/gm, ''));
      const visit = await without.visit('verified', 'nobody');
      assert.equal(headerValue(visit, 'x-ssl-client-verify'), '0');
      assertReadAs('not_presented', visit, 'nobody');
    });

    it('HAProxy says that a certificate which does not fit is verified, and forwards none: it is not believed', async () => {
      const without = await start('haproxy', example => example.replaceAll(/^ *tune\..*$/gm, ''));
      const visit = await without.visit('verified', 'tooManyNames');
      assert.equal(headerValue(visit, 'x-ssl-client-verify'), '0');
      assert.equal(headerValue(visit, 'x-ssl-client-der'), '');
      assertReadAs('suspected incomplete', visit, 'tooManyNames');
    });

    it('Apache drops the verdict for a client that names it in Connection, and what is left is not believed', async () => {
      const without = await start('apache', example => example.replaceAll(/^.*edit\* Connection.*$/gm, ''));
      const visit = await without.visit(
        'reported',
        'unknownRoot',
        '--header',
        'Connection: close, X-SSL-Client-Verify',
      );
      assert.equal(headerValue(visit, 'x-ssl-client-verify'), undefined);
      assert.notEqual(headerValue(visit, 'x-ssl-client-cert'), undefined);
      assertReadAs('suspected incomplete', visit, 'unknownRoot');
    });

    it('Apache says SUCCESS of an unknown authority whose session is resumed, and is not believed', async () => {
      const without = await start('apache', example => example.replaceAll(/^ *SSLSessionTickets off$/gm, ''));
      const [first, again] = await without.visitTwice('reported', 'unknownRoot', 'TLSv1.3');
      assert.equal(headerValue(first, 'x-ssl-client-verify'), 'GENEROUS');
      assert.equal(headerValue(again, 'x-ssl-client-verify'), 'SUCCESS');
      assertReadAs('unverified', again, 'unknownRoot');
    });

    it('Envoy’s own header says nothing of verification, and is not believed to', async () => {
      const without = await start('envoy', example =>
        example
          .replace('set_current_client_cert_details: {}', 'set_current_client_cert_details: { cert: true }')
          .replace(
            /^ {10}- name: envoy\.filters\.http\.lua$[\s\S]*?(?=^ {10}- name: envoy\.filters\.http\.router$)/m,
            '',
          ),
      );
      for (const visitor of ['good', 'expired', 'unknownRoot', 'revoked'] as const) {
        const visit = await without.visit('reported', visitor);
        assert.deepEqual(
          headerNames(visit).filter(each => CERTIFICATE_HEADER.test(each)),
          ['x-forwarded-client-cert'],
        );
        assertReadAs('unverified', visit, visitor);
      }
    });

    it('Envoy writes a hostile URI as it is, which forges an element of the admin’s, and is not believed', async () => {
      const without = await start('envoy', example =>
        example.replace(
          'set_current_client_cert_details: {}',
          'set_current_client_cert_details: { subject: true, cert: true, chain: true, dns: true, uri: true }',
        ),
      );
      const visit = await without.visit('verified', 'hostileUri');
      const elements = headerValue(visit, 'x-forwarded-client-cert')!.split(',By=');
      assert.equal(elements.length, 2);
      assert.ok(elements[1]!.includes(`Hash=${fingerprintOf('admin')!.toLowerCase()};Subject="CN=admin"`));
      assertReadAs('suspected contradicts_itself', visit, 'hostileUri');
      for (const visitor of ['good', 'hostileName'] as const) {
        assertReadAs('ok', await without.visit('verified', visitor), visitor);
      }
    });

    it('Caddy drops what request_header has set, for a client that names it in Connection: not believed', async () => {
      const without = await start('caddy', example =>
        example
          .replaceAll(/^\s*header_up X-SSL-Client-Present true$/gm, '')
          .replace('\thandle @certificate {', '$&\n\t\trequest_header X-SSL-Client-Present true'),
      );
      assertReadAs('unverified', await without.visit('verified', 'good'), 'good');
      const visit = await without.visit('verified', 'good', '--header', 'Connection: close, X-SSL-Client-Present');
      assertReadAs('suspected incomplete', visit, 'good');
    });
  });
});

function spoken(reading: Reading): string {
  if (reading === 'refused') return 'is refused, and the application never hears of it';
  if (reading === 'too large') return 'is too much for Node, which answers 431 before the application hears of it';
  return `reaches the application and is read as: ${reading}`;
}

function readingOf({ status, outcome }: Visit): string {
  if (outcome === undefined) return status === 431 ? 'too large' : 'refused';
  if (outcome.kind === 'absent') return 'absent';
  if (outcome.kind === 'suspected') return `suspected ${outcome.suspicion.reason}`;
  const { result, errors } = outcome.forwarded.verification;
  return result === 'failed' ? `failed ${errors[0]}` : result;
}

function resumedOf({ outcome }: Visit): boolean | undefined {
  return outcome?.kind === 'forwarded' ? outcome.forwarded.resumed : undefined;
}

function repeated(names: readonly string[]): string[] {
  return names.filter((name, at) => names.indexOf(name) !== at);
}

/** Everything that looks as if it were about a client's certificate. */
const CERTIFICATE_HEADER = /ssl|client[-_]?cert|mtls|l5d|cloudfront/i;

/** Whether the proxy's own format knows the header. */
function isOwn(name: ProxyName, header: string): boolean {
  const format = FORMATS.find(({ id }) => id === PRESET_OF[name])!;
  return Object.hasOwn(format.headers, header.toLowerCase());
}

/** What any format knows, and not of the connection only. */
const KNOWN: ReadonlySet<string> = new Set(
  FORMATS.flatMap(({ headers }) =>
    Object.entries(headers).flatMap(([name, role]) => (role === 'session' ? [] : [name])),
  ),
);
