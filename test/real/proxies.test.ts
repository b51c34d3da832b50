import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PRESETS, type Preset } from '../../src/forwarded/formats';
import type { ForwardedOutcome } from '../../src/forwarded/forwarded-certificate';
import { FROM_THE_PROXY, readerOf } from '../forwarded/forwarded-request';
import { type CurlResult, curl } from './curl';

import { issueProxyCredentials, type ProxyCredentials, type VisitorName } from './proxy-credentials';
import { PROXY_NAMES, type ProxyName, ReverseProxy } from './reverse-proxy';
import { type RunningProgram, runningPrograms } from './running-programs';

type Visitor = VisitorName | 'nobody';

/** In which of an example's two ways a visitor comes: where bad certificates are refused, or where they are passed on. */
type Way = 'verified' | 'reported';

/**
 * What the application makes of a visitor. `refused`: it never hears of the request. `absent`: no header of the format.
 * Otherwise the verification's result, and the first reason.
 */
type Reading = 'refused' | 'too large' | 'absent' | 'not_presented' | 'ok' | 'unverified' | `failed ${string}`;

interface Expected {
  readonly preset: string;
  /** The certificate headers of a good visitor, lower-cased, in whatever order. */
  readonly headers: readonly string[];
  readonly verified: Readonly<Record<Visitor, Reading>>;
  /** Undefined: the example has no such way. */
  readonly reported?: Readonly<Record<Visitor, Reading>>;
  /** Of a second connection. Undefined: the proxy does not say. */
  readonly resumes?: boolean;
}

/** Where a proxy has been told to verify, it lets the same visitors in as any other. */
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

const ACCEPTED = {
  good: 'unverified',
  admin: 'unverified',
  hostileName: 'unverified',
  hostileUri: 'unverified',
  manyNames: 'unverified',
} as const;

const EXPECTED: Readonly<Record<ProxyName, Expected>> = {
  nginx: {
    preset: 'nginx',
    headers: ['x-ssl-client-verify', 'x-ssl-client-cert', 'x-ssl-session-reused'],
    verified: VERIFIED,
    reported: {
      ...VERIFIED,
      expired: 'failed certificate_expired',
      unknownAuthority: 'failed unknown_ca',
      // OpenSSL's last error hides the grave one.
      unknownRoot: 'failed revocation_unavailable',
      revoked: 'failed certificate_revoked',
    },
    resumes: true,
  },
  haproxy: {
    preset: 'haproxy',
    headers: ['x-ssl-client-used', 'x-ssl-client-verify', 'x-ssl-client-ca-err', 'x-ssl-client-der', 'x-ssl-resumed'],
    verified: VERIFIED,
    reported: {
      ...VERIFIED,
      expired: 'failed certificate_expired',
      unknownAuthority: 'failed unknown_ca',
      unknownRoot: 'failed unknown_ca',
      revoked: 'failed certificate_revoked',
    },
    resumes: true,
  },
  apache: {
    preset: 'apache',
    headers: ['x-ssl-client-verify', 'x-ssl-client-cert', 'x-ssl-session-resumed'],
    verified: VERIFIED,
    reported: { ...VERIFIED, unknownAuthority: 'failed unknown_ca', unknownRoot: 'unverified' },
    resumes: true,
  },
  envoy: {
    preset: 'envoy-xfcc',
    headers: ['x-forwarded-client-cert'],
    verified: { ...VERIFIED, ...ACCEPTED, nobody: 'absent' },
  },
  caddy: {
    preset: 'caddy',
    headers: ['x-ssl-client-present', 'x-ssl-client-der', 'x-ssl-resumed'],
    verified: { ...VERIFIED, ...ACCEPTED, revoked: 'unverified' },
    reported: {
      ...VERIFIED,
      ...ACCEPTED,
      expired: 'unverified',
      unknownAuthority: 'unverified',
      unknownRoot: 'unverified',
      revoked: 'unverified',
    },
    resumes: false,
  },
};

const WAYS: Readonly<Record<Way, string>> = {
  verified: 'where the proxy refuses',
  reported: 'where the proxy reports',
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

const CERTIFICATE_HEADER = /ssl|client[-_]?cert|mtls|clientcert|l5d|cloudfront/i;

describe('reverse proxies that end mutual TLS, under the files of examples/proxies', () => {
  let folder: string;
  let credentials: ProxyCredentials;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'proxies-'));
    credentials = await issueProxyCredentials(join(folder, 'tls'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const name of PROXY_NAMES) {
    const expected = EXPECTED[name];

    describe(name, () => {
      const programs = runningPrograms();
      let application: RunningProgram;
      let proxy: ReverseProxy;

      before(async () => {
        application = programs.start('application', process.execPath, [BEHIND_PROXY_APP]);
        const upstream = await application.until('it listens', () => portIn(application.stdout));
        proxy = await ReverseProxy.start(programs, name, { certificates: credentials.folder, upstream });
      });
      after(() => proxy?.stop());

      async function visit(way: Way, visitor: Visitor, ...options: string[]): Promise<CurlResult> {
        return visits(1, way, visitor, ...options);
      }

      /** So many requests, each over a connection of its own. */
      function visits(count: number, way: Way, visitor: Visitor, ...options: string[]): Promise<CurlResult> {
        const port = way === 'verified' ? proxy.verifiedPort : proxy.reportedPort;
        const urls = Array.from({ length: count }, (_, at) => `https://localhost:${port}/${way}/${visitor}/${at}`);
        const file = (suffix: string) => join(credentials.folder, `${visitor}${suffix}.pem`);
        const own = visitor === 'nobody' ? [] : ['--cert', file(''), '--key', file('-key')];
        const trusting = ['--ipv4', '--cacert', join(credentials.folder, 'ca.pem')];
        return curl(urls, [...trusting, ...own, ...(options.length === 0 ? ['--http1.1'] : options)]);
      }

      function read(rawHeaders: readonly string[]): ForwardedOutcome {
        return readerOf(expected.preset as Preset).read(rawHeaders, FROM_THE_PROXY);
      }

      function heardOf(way: Way, visitor: Visitor): boolean {
        return application.stdout.includes(`/${way}/${visitor}/`);
      }

      const ways = (['verified', 'reported'] as const).filter(way => expected[way] !== undefined);
      for (const way of ways) {
        for (const [visitor, reading] of Object.entries(expected[way]!) as [Visitor, Reading][]) {
          it(`${WAYS[way]}, ${VISITORS[visitor]} ${spoken(reading)}`, async () => {
            const result = await visit(way, visitor);
            if (reading === 'refused' || reading === 'too large') {
              assert.equal(heardOf(way, visitor), false);
              if (reading === 'too large') assert.equal(result.answers[0]?.status, 431);
              else assert.notEqual(result.answers[0]?.status ?? 'none', 200);
              return;
            }
            const rawHeaders = headersIn(result);
            assert.ok(heardOf(way, visitor));
            assert.deepEqual(repeated(rawHeaders), []);
            if (visitor !== 'nobody') {
              assert.deepEqual(certificateHeaders(rawHeaders), [...expected.headers].sort());
            }
            // As long as not every format is written.
            if (!isPreset(expected.preset)) return;
            const outcome = read(rawHeaders);
            assert.equal(readingOf(outcome), reading, JSON.stringify(outcome));
            assert.equal(
              fingerprintIn(outcome),
              visitor === 'nobody' ? undefined : credentials.visitors[visitor].fingerprint,
            );
          });
        }
      }
    });
  }
});

const BEHIND_PROXY_APP = resolve(__dirname, '../../../test/real/fixtures/behind-proxy-app.js');

function spoken(reading: Reading): string {
  if (reading === 'refused') return 'is refused, and the application never hears of it';
  if (reading === 'too large') return 'is too much for Node, which answers 431 before the application hears of it';
  return `reaches the application and is read as: ${reading}`;
}

function isPreset(name: string): name is Preset {
  return (PRESETS as readonly string[]).includes(name);
}

function portIn(stdout: string): number | undefined {
  const found = /^\{"port":(\d+)\}$/m.exec(stdout);
  return found === null ? undefined : Number(found[1]);
}

function headersIn(result: CurlResult, at = 0): string[] {
  const answer = result.answers[at];
  assert.equal(answer?.status, 200, JSON.stringify(result));
  return JSON.parse(answer.body).rawHeaders;
}

function certificateHeaders(rawHeaders: readonly string[]): string[] {
  return namesOf(rawHeaders)
    .filter(name => CERTIFICATE_HEADER.test(name))
    .sort();
}

/** Names that came more than once. */
function repeated(rawHeaders: readonly string[]): string[] {
  const names = namesOf(rawHeaders);
  return names.filter((name, at) => names.indexOf(name) !== at);
}

function namesOf(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 0).map(name => name.toLowerCase());
}

function readingOf(outcome: ForwardedOutcome): string {
  if (outcome.kind !== 'forwarded') return outcome.kind;
  const { result, errors } = outcome.forwarded.verification;
  return result === 'failed' ? `failed ${errors[0]}` : result;
}

function fingerprintIn(outcome: ForwardedOutcome): string | undefined {
  return outcome.kind === 'forwarded' ? outcome.forwarded.certificate?.fingerprint : undefined;
}
