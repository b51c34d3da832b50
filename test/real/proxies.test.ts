import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FORMATS } from '../../src/forwarded/formats';
import type { ReceivedLog, ReceivedSpan } from '../../src/cli/otlp-messages';
import { Collector } from '../support/collector';
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
import { eventually, runningPrograms } from './running-programs';

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
      // nginx says "unable to get certificate CRL": OpenSSL's last error hides the grave one.
      unknownRoot: 'failed unknown_ca',
      revoked: 'failed certificate_revoked',
    },
    again: { resumed: true, good: 'ok', unknownRoot: 'failed unknown_ca' },
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
    again: { resumed: true, good: 'ok', unknownRoot: 'failed unknown_ca' },
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

/** An example that is changed, and what is seen of it then. */
interface Variation {
  readonly title: string;
  readonly change: (example: string) => string;
  readonly show: (varied: ProxiedApplication) => Promise<void>;
}

/** In envoy.yaml: what of the certificate stands in Envoy's own header. */
const DETAILS = 'set_current_client_cert_details: {}';

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
    assertTold(visit);
  }

  /** The option that has curl send these headers. */
  function sending(headers: readonly (readonly [name: string, value: string])[]): string[] {
    const file = join(folder, 'headers');
    writeFileSync(file, headers.map(([name, value]) => `${name}: ${value}\n`).join(''));
    return ['--header', `@${file}`];
  }

  /** What goes wrong without one of the example's lines, and that nobody is deceived by it. */
  const WITHOUT: Readonly<Record<ProxyName, readonly Variation[]>> = {
    nginx: [
      {
        title: 'without ssl_crl it takes a revoked certificate for a good one',
        change: example => example.replaceAll(/^ *ssl_crl .*$/gm, ''),
        async show(varied) {
          assertReadAs('ok', await varied.visit('verified', 'revoked'), 'revoked');
        },
      },
      {
        title: 'with $ssl_client_cert it sends lines, which Node refuses before the application hears of them',
        change: example => example.replaceAll('$ssl_client_escaped_cert', '$ssl_client_cert'),
        async show(varied) {
          assert.equal((await varied.visit('verified', 'good')).status, 400);
          assert.equal(varied.hasHeardOf('verified', 'good'), false);
        },
      },
    ],
    haproxy: [
      {
        title: 'without its conditions it says 0, which means verified, of no certificate, and is not believed',
        change: example => example.replaceAll(/ +if \{ ssl_c_used \}$/gm, ''),
        async show(varied) {
          const visit = await varied.visit('verified', 'nobody');
          assert.equal(headerValue(visit, 'x-ssl-client-verify'), '0');
          assertReadAs('not_presented', visit, 'nobody');
        },
      },
      {
        title: 'without tune.bufsize it calls a certificate verified and forwards none of it, and is not believed',
        change: example => example.replaceAll(/^ *tune\..*$/gm, ''),
        async show(varied) {
          const visit = await varied.visit('verified', 'tooManyNames');
          assert.equal(headerValue(visit, 'x-ssl-client-verify'), '0');
          assert.equal(headerValue(visit, 'x-ssl-client-der'), '');
          assertReadAs('suspected incomplete', visit, 'tooManyNames');
        },
      },
    ],
    apache: [
      {
        title: 'unless it edits Connection, a client has it drop the verdict, and what is left is not believed',
        change: example => example.replaceAll(/^.*edit\* Connection.*$/gm, ''),
        async show(varied) {
          const naming = ['--header', 'Connection: close, X-SSL-Client-Verify'];
          const visit = await varied.visit('reported', 'unknownRoot', ...naming);
          assert.equal(headerValue(visit, 'x-ssl-client-verify'), undefined);
          assert.notEqual(headerValue(visit, 'x-ssl-client-cert'), undefined);
          assertReadAs('suspected incomplete', visit, 'unknownRoot');
        },
      },
      {
        title: 'with session tickets it says SUCCESS of an unknown authority that comes again, and is not believed',
        change: example => example.replaceAll(/^ *SSLSessionTickets off$/gm, ''),
        async show(varied) {
          const [first, again] = await varied.visitTwice('reported', 'unknownRoot', 'TLSv1.3');
          assert.equal(headerValue(first, 'x-ssl-client-verify'), 'GENEROUS');
          assert.equal(headerValue(again, 'x-ssl-client-verify'), 'SUCCESS');
          assertReadAs('unverified', again, 'unknownRoot');
        },
      },
    ],
    envoy: [
      {
        title: 'without the lines of Lua it says nothing of verification, and nothing is believed to be verified',
        change: example =>
          example
            .replace(DETAILS, `${DETAILS.slice(0, -2)}{ cert: true }`)
            .replace(
              /^ {10}- name: envoy\.filters\.http\.lua$[\s\S]*?(?=^ {10}- name: envoy\.filters\.http\.router$)/m,
              '',
            ),
        async show(varied) {
          for (const visitor of ['good', 'expired', 'unknownRoot', 'revoked'] as const) {
            const visit = await varied.visit('reported', visitor);
            assert.deepEqual(certificateHeaders(visit), ['x-forwarded-client-cert']);
            assertReadAs('unverified', visit, visitor);
          }
        },
      },
      {
        title: 'with uri and dns a hostile URI forges an element that is the admin’s, and is not believed',
        change: example =>
          example.replace(
            DETAILS,
            `${DETAILS.slice(0, -2)}{ subject: true, cert: true, chain: true, dns: true, uri: true }`,
          ),
        async show(varied) {
          const visit = await varied.visit('verified', 'hostileUri');
          const elements = headerValue(visit, 'x-forwarded-client-cert')!.split(',By=');
          assert.equal(elements.length, 2);
          assert.ok(elements[1]!.includes(`Hash=${fingerprintOf('admin')!.toLowerCase()};Subject="CN=admin"`));
          assertReadAs('suspected contradicts_itself', visit, 'hostileUri');
          for (const visitor of ['good', 'hostileName'] as const) {
            assertReadAs('ok', await varied.visit('verified', visitor), visitor);
          }
        },
      },
    ],
    caddy: [
      {
        title: 'with request_header a client that names a header in Connection has it dropped, and is not believed',
        change: example =>
          example
            .replaceAll(/^\s*header_up X-SSL-Client-Present true$/gm, '')
            .replace('\thandle @certificate {', '$&\n\t\trequest_header X-SSL-Client-Present true'),
        async show(varied) {
          assertReadAs('unverified', await varied.visit('verified', 'good'), 'good');
          const visit = await varied.visit('verified', 'good', '--header', 'Connection: close, X-SSL-Client-Present');
          assertReadAs('suspected incomplete', visit, 'good');
        },
      },
    ],
  };

  it('are all tried here, and told of in their README', () => {
    const files = readdirSync(PROXY_EXAMPLES).filter(name => name !== 'README.md');
    assert.equal(files.length, PROXY_NAMES.length);
    const readme = readFileSync(join(PROXY_EXAMPLES, 'README.md'), 'utf8');
    for (const file of files) assert.ok(readme.includes(`](${file})`), file);
    for (const name of PROXY_NAMES) assert.ok(readme.includes(`\`${PRESET_OF[name]}\``), name);
  });

  for (const name of PROXY_NAMES) {
    const expected = EXPECTED[name];

    describe(name, () => {
      const programs = runningPrograms();
      let collector: Collector;
      let behind: ProxiedApplication;

      before(async () => {
        collector = await Collector.start();
        behind = await ProxiedApplication.start(programs, name, credentials, collector);
        // From then on it is known who issues, and what others issue is told from a list that is out.
        await behind.visit('verified', 'good');
      });
      after(async () => {
        await behind?.stop();
        await collector.close();
      });

      for (const way of ['verified', 'reported'] as const) {
        for (const [visitor, reading] of Object.entries(expected[way]) as [Visitor, Reading][]) {
          it(`${WAYS[way]}, ${VISITORS[visitor]} ${spoken(reading)}`, async () => {
            const visit = await behind.visit(way, visitor);
            if (reading === 'refused' || reading === 'too large') {
              assert.equal(behind.hasHeardOf(way, visitor), false);
              if (reading === 'too large') {
                assert.equal(visit.status, 431);
                const { attributes } = await eventOf(collector, 'tls.forwarded_certificate.too_large');
                assert.equal(attributes['tls.proxy.preset'], PRESET_OF[name]);
              } else assert.ok(visit.status === undefined || visit.status === 400, visit.said);
              return;
            }
            assert.ok(behind.hasHeardOf(way, visitor));
            assert.deepEqual(repeated(headerNames(visit)), []);
            const sent = certificateHeaders(visit);
            if (visitor === 'nobody') assert.ok(sent.every(each => expected.headers.includes(each)));
            else assert.deepEqual(sent.sort(), [...expected.headers].sort());
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

      it('leaves on the request’s own span whose certificate it came with, and how that is known', async () => {
        for (const [way, visitor] of TRICKSTERS) {
          await behind.visit(way, visitor);
          const { attributes, events } = await spanOf(collector, behind.path(way, visitor));
          // The application lets everybody in. It is told so of each certificate the first time: that is this span.
          const isBad = expected[way][visitor].startsWith('failed ');
          const told = isBad ? ['tls.client_certificate.accepted_unverified'] : [];
          assert.deepEqual(
            events.map(event => event.name),
            told,
          );
          assert.equal(attributes['tls.proxy.preset'], PRESET_OF[name]);
          assert.equal(attributes['tls.verify.result'], expected[way][visitor].split(' ')[0]);
          assert.equal(attributes['tls.client.hash.sha256'], fingerprintOf(visitor));
          assert.equal(attributes['tls.client.certificate.source'], visitor === 'nobody' ? undefined : 'header');
        }
      });

      it('lets a header of another proxy’s through from a client, which the application is told of', async () => {
        const header = 'X-Amzn-Mtls-Clientcert-Subject';
        await behind.visit('verified', 'good', '--header', `${header}: CN=admin,O=Acme`);
        const about = { 'tls.forwarded.header': header.toLowerCase() };
        const { severityText, attributes, spanId } = await eventOf(collector, SPOOF_SUSPECTED, about);
        assert.equal(severityText, 'ERROR');
        assert.equal(attributes['tls.forwarded.suspicion'], 'several_presets');
        assert.equal(attributes['tls.proxy.preset'], PRESET_OF[name]);
        assert.equal(attributes['network.peer.address'], '127.0.0.1');
        const span = await eventually('the span', () => collector.spans.find(each => each.spanId === spanId));
        assert.deepEqual(
          span.events.map(event => event.name),
          [SPOOF_SUSPECTED],
        );
        assert.equal(span.attributes['url.path'], behind.path('verified', 'good'));
        assert.equal(span.attributes['tls.client.hash.sha256'], undefined);
        assert.equal(span.attributes['tls.verify.result'], undefined);
      });

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

      for (const { title, change, show } of WITHOUT[name]) {
        it(title, async () => {
          const varied = await behind.behindAnother(programs, change);
          try {
            await show(varied);
          } finally {
            await varied.stop();
          }
        });
      }
    });
  }
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

/** The application is told what is read, and nothing of what is not believed. */
function assertTold({ outcome, peer }: Visit): void {
  const forwarded = outcome?.kind === 'forwarded' ? outcome.forwarded : undefined;
  assert.equal(peer?.source, forwarded && 'header');
  assert.equal(peer?.proxy?.preset, forwarded?.preset);
  assert.equal(peer?.proxy?.peer, undefined);
  assert.equal(peer?.certificate?.fingerprint, forwarded?.certificate?.fingerprint);
  assert.deepEqual(peer?.verification, forwarded?.verification);
  assert.equal(peer?.resumed, forwarded?.resumed);
}

async function spanOf({ spans }: Collector, path: string): Promise<ReceivedSpan> {
  return eventually(`the span of ${path}`, () =>
    spans.find(({ kind, attributes }) => kind === SERVER && attributes['url.path'] === path),
  );
}

/** The first of the name, with these attributes. */
async function eventOf({ logs }: Collector, name: string, attributes: object = {}): Promise<ReceivedLog> {
  const wanted = Object.entries(attributes);
  return eventually(`the event ${name}`, () =>
    logs.find(log => log.eventName === name && wanted.every(([key, value]) => log.attributes[key] === value)),
  );
}

const SPOOF_SUSPECTED = 'tls.forwarded_certificate.spoof_suspected';

/** OTLP's number. */
const SERVER = 2;

function resumedOf({ outcome }: Visit): boolean | undefined {
  return outcome?.kind === 'forwarded' ? outcome.forwarded.resumed : undefined;
}

function repeated(names: readonly string[]): string[] {
  return names.filter((name, at) => names.indexOf(name) !== at);
}

/** Everything that looks as if it were about a client's certificate. */
const CERTIFICATE_HEADER = /ssl|client[-_]?cert|mtls|l5d|cloudfront/i;

function certificateHeaders(visit: Visit): string[] {
  return headerNames(visit).filter(each => CERTIFICATE_HEADER.test(each));
}

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
