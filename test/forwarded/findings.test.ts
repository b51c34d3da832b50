import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { AlternativeName } from '../../src/certificate/peer-certificate';
import type { Preset } from '../../src/forwarded/presets';
import { CertificateAuthority, type IssuedCertificate } from '../support/certificate-authority';
import {
  base64Der,
  believed,
  escapedPem,
  FROM_THE_PROXY,
  type HeaderLines,
  outcomeOf,
  rawHeaders,
  readerOf,
  suspicionOf,
} from './forwarded-request';
import { RECORDINGS, recorded, sample } from './recordings';
import { byteSequence, digest } from './vendor-encodings';

const XFCC = 'x-forwarded-client-cert';

/**
 * The ways in which five real proxies deceived, one test each, by the name that the recording gave it. What the proxy does
 * before anything is forwarded cannot be prevented here: there the test says what is made of that which arrives.
 */
const FINDINGS: Readonly<Record<string, readonly [name: string, test: () => void]>> = {
  'envoy-san-injection': [
    'a name in the certificate cannot write keys or elements of Envoy’s header',
    () => {
      for (const name of ['hu-subject', 'hu-comma', 'hu-forge']) {
        const forged = sample(`envoy SANITIZE_SET, hostile URI SAN ${name}`, XFCC);
        assert.equal(suspicionOf('envoy-xfcc', { [XFCC]: forged }), `contradicts_itself ${XFCC}`, name);
        assert.equal(suspicionOf('istio', { [XFCC]: forged }), `contradicts_itself ${XFCC}`, name);
      }
      // Also where Envoy was not told to write names, so that the header itself looks innocent.
      for (const uri of ['spiffe://x,By=spiffe://evil', 'spiffe://x;URI=spiffe://admin', 'spiffe://x"', 'urn:x\ny']) {
        const header = element(issued.named.get(uri)!);
        assert.equal(suspicionOf('envoy-xfcc', { [XFCC]: header }), `contradicts_itself ${XFCC}`, uri);
      }
      // A URI with an equals sign is a usual one.
      const usual = believed('envoy-xfcc', {
        [XFCC]: `${element(issued.named.get('https://a.test/b?x=1')!)};URI=https://a.test/b?x=1`,
      });
      assert.deepEqual(uris(usual.certificate!.alternativeNames), ['https://a.test/b?x=1']);
    },
  ],
  'apache-resumption-success': [
    'SUCCESS from Apache is believed of a first connection only',
    () => {
      const headers = apache({ 'X-SSL-Client-Verify': 'SUCCESS' });
      const of = (resumed: string) =>
        believed('apache', { ...headers, 'X-SSL-Session-Resumed': resumed }).verification.result;
      assert.equal(of('Initial'), 'ok');
      assert.equal(of('Resumed'), 'unverified');
      assert.equal(of('initial'), 'unverified');
      assert.equal(believed('apache', headers).verification.result, 'unverified');
      assert.deepEqual(believed('apache', apache({ 'X-SSL-Client-Verify': 'GENEROUS' })).verification, {
        result: 'failed',
        errors: ['unknown_ca'],
        message: 'GENEROUS',
      });
    },
  ],
  'haproxy-zero-without-certificate': [
    'verify number 0 without a certificate is nobody, not somebody verified',
    () => {
      const naive = recorded('haproxy', 'naive: unconditional set-header, one-line DN, bufsize 16384', 'none');
      const { certificate, verification } = believed('haproxy', naive);
      assert.equal(verification.result, 'not_presented');
      assert.equal(certificate, undefined);
      assert.equal(believed('haproxy', { 'X-SSL-Client-Verify': '0' }).verification.result, 'not_presented');
      const withName = { 'X-SSL-Client-Verify': '0', 'X-SSL-Client-DN': 'CN=admin' };
      assert.equal(suspicionOf('haproxy', withName), 'incomplete x-ssl-client-used');
      const unused = { ...withName, 'X-SSL-Client-Used': '0' };
      assert.match(suspicionOf('haproxy', unused), /^contradicts_itself /);
    },
  ],
  'crl-masks-unknown-ca': [
    'a stranger whom a revocation list hides is of an unknown authority, not an outage',
    () => {
      const reader = readerOf('nginx');
      const errors = (headers: HeaderLines) => {
        const outcome = reader.read(rawHeaders(headers), FROM_THE_PROXY);
        return outcome.kind === 'forwarded' ? outcome.forwarded.verification.errors : assert.fail();
      };
      const noList = { 'X-SSL-Client-Verify': 'FAILED:unable to get certificate CRL' };
      // Nothing is known of anybody yet.
      assert.deepEqual(errors(nginx(issued.good, noList)), ['revocation_unavailable']);
      assert.deepEqual(errors(nginx(issued.selfSigned, noList)), ['self_signed_certificate', 'revocation_unavailable']);
      assert.deepEqual(errors(nginx(issued.good)), []);
      assert.deepEqual(errors(nginx(issued.stranger, noList)), ['unknown_ca', 'revocation_unavailable']);
      assert.deepEqual(errors(nginx(issued.good, noList)), ['revocation_unavailable']);

      const haproxy = {
        'x-ssl-client-used': '1',
        'x-ssl-client-verify': '3',
        'client-cert': byteSequence(issued.stranger),
      };
      assert.deepEqual(believed('haproxy', { ...haproxy, 'x-ssl-client-ca-err': '19' }).verification, {
        result: 'failed',
        errors: ['untrusted_root', 'revocation_unavailable'],
        code: 'SELF_SIGNED_CERT_IN_CHAIN',
        message: 'verify error 19',
      });
      // Ignored by HAProxy, and not verified all the same.
      const ignored = { ...haproxy, 'x-ssl-client-verify': '0', 'x-ssl-client-ca-err': '19' };
      assert.equal(believed('haproxy', ignored).verification.result, 'failed');
    },
  ],
  'optional-no-ca-is-narrow': [
    'each failure that a proxy lets through is told by OpenSSL’s words or number; what it refuses, nobody sees',
    () => {
      for (const [number, words, reason] of [
        ['9', 'certificate is not yet valid', 'certificate_not_yet_valid'],
        ['10', 'certificate has expired', 'certificate_expired'],
        ['18', 'self-signed certificate', 'self_signed_certificate'],
        ['18', 'self signed certificate', 'self_signed_certificate'],
        ['19', 'self-signed certificate in certificate chain', 'untrusted_root'],
        ['20', 'unable to get local issuer certificate', 'unknown_ca'],
        ['21', 'unable to verify the first certificate', 'unknown_ca'],
        ['23', 'certificate revoked', 'certificate_revoked'],
        ['26', 'unsuitable certificate purpose', 'certificate_purpose_invalid'],
        ['26', 'unsupported certificate purpose', 'certificate_purpose_invalid'],
      ] as const) {
        const said = believed('nginx', nginx(issued.good, { 'X-SSL-Client-Verify': `FAILED:${words}` }));
        assert.deepEqual([said.verification.result, said.verification.errors], ['failed', [reason]]);
        const counted = believed('haproxy', {
          'x-ssl-client-used': '1',
          'x-ssl-client-verify': number,
          'client-cert': byteSequence(issued.good),
        });
        assert.deepEqual(counted.verification.errors, [reason]);
        assert.equal(counted.verification.code, said.verification.code);
      }
    },
  ],
  'no-crl-revoked-success': [
    'a revoked certificate is as verified as the proxy says: a proxy without a list cannot know, and Caddy never says',
    () => {
      const nginxSays = recorded('nginx', 'ssl_verify_client optional_no_ca, no ssl_crl', 'revoked');
      assert.equal(believed('nginx', nginxSays).verification.result, 'ok');
      const listed = recorded('nginx', 'ssl_verify_client optional; error_page 495 = @app, with ssl_crl', 'revoked');
      assert.deepEqual(believed('nginx', listed).verification.errors, ['certificate_revoked']);
      assert.equal(believed('caddy', caddy(issued.good)).verification.result, 'unverified');
    },
  ],
  'hop-by-hop-strip': [
    'a certificate whose verdict the client had dropped is suspected',
    () => {
      const stripped = recorded('apache', 'Connection header not edited (first draft)', 'good+hop-by-hop');
      assert.equal(suspicionOf('apache', stripped), 'incomplete x-ssl-client-verify');
      for (const [preset, headers] of all(issued.good)) {
        const verdict = Object.keys(headers).find(name => /verify|present/i.test(name));
        if (verdict === undefined || preset === 'envoy-xfcc') continue;
        const { [verdict]: _, ...rest } = headers;
        assert.equal(suspicionOf(preset, rest), `incomplete ${verdict.toLowerCase()}`, preset);
      }
    },
  ],
  'apache-null': [
    '(null) is no subject, no certificate and no parse error',
    () => {
      const nobody = recorded(
        'apache',
        'naive: optional_no_ca, no CRL, +LegacyDNStringFormat, "(null)" not removed',
        'none',
      );
      assert.ok(nobody.some(([, value]) => value === '(null)'));
      assert.equal(believed('apache', nobody).certificate, undefined);
      const unnamed = apache({ 'X-SSL-Client-S-DN': '(null)', 'X-SSL-Client-Chain-0': '(null)' });
      assert.equal(believed('apache', unnamed).certificate?.fingerprint, issued.good.fingerprint);
    },
  ],
  'haproxy-empty-when-too-large': [
    'a certificate that HAProxy emptied for its size is known by its fingerprint, and without one by nothing',
    () => {
      const { certificate, recomputed, verification } = believed(
        'haproxy',
        recorded('haproxy', 'verify optional', 'huge'),
      );
      assert.equal(certificate?.fingerprint, '00730D2B073B4DE9755B08133B9D7E55EA92E6D538637D6174B3C68BAFEF2D2E');
      assert.deepEqual([recomputed, verification.result], [false, 'ok']);
      const naive = recorded('haproxy', 'naive: unconditional set-header, one-line DN, bufsize 16384', 'huge');
      assert.match(suspicionOf('haproxy', naive), /^incomplete /);
    },
  ],
  'one-line-dn-forgeable': [
    'a one-line name names nobody',
    () => {
      const base = { 'x-ssl-client-used': '1', 'x-ssl-client-verify': '0' };
      const named = believed('haproxy', {
        ...base,
        'x-ssl-client-sha256': 'AB'.repeat(32),
        'x-ssl-client-dn': '/CN=x/CN=admin',
      });
      assert.equal(named.certificate?.subject, undefined);
      assert.match(suspicionOf('haproxy', { ...base, 'x-ssl-client-dn': '/CN=x/CN=admin' }), /^incomplete /);
      // nginx's legacy variable is escaped, and one-line all the same.
      assert.equal(
        believed('nginx', nginx(issued.good, { 'X-SSL-Client-S-DN': '/CN=x\\/CN=admin' })).certificate?.subject,
        'CN=good',
      );
      const old = believed('envoy-xfcc', { [XFCC]: `Hash=${'ab'.repeat(32)};Subject="/CN=x/CN=admin"` });
      assert.equal(old.certificate?.subject, undefined);
    },
  ],
  'haproxy-plus-q': [
    'quotes around a value of HAProxy’s are the client’s own',
    () => {
      const headers = {
        'x-ssl-client-used': '1',
        'x-ssl-client-verify': '0',
        'x-ssl-client-sha256': 'AB'.repeat(32),
        'x-ssl-client-dn': '"CN=admin"',
      };
      assert.equal(believed('haproxy', headers).certificate?.subject, '"CN=admin"');
      assert.equal(
        suspicionOf('haproxy', {
          ...headers,
          'x-ssl-client-sha256': issued.good.fingerprint,
          'x-ssl-client-dn': '"CN=good"',
          'client-cert': byteSequence(issued.good),
        }),
        'contradicts_itself x-ssl-client-dn',
      );
    },
  ],
  'subject-escaping-in-xfcc': [
    'a subject in Envoy’s header is cut out by pairs of backslash and character, and not unescaped',
    () => {
      const header = sample('envoy SANITIZE_SET, subject hs-endbackslash', XFCC);
      assert.equal(believed('envoy-xfcc', { [XFCC]: header }).certificate?.subject, 'CN=x,C=DE,O=evil\\\\');
      for (const subject of ['O=evil\\\\', 'CN=a\\,CN=admin', 'O=x\\"', 'CN=x\\;Hash=00\\"']) {
        const copied = believed('envoy-xfcc', { [XFCC]: `Hash=${'ab'.repeat(32)};Subject="${subject}";URI=` });
        assert.equal(copied.certificate?.subject, subject);
      }
      assert.equal(
        suspicionOf('envoy-xfcc', { [XFCC]: `Hash=${'ab'.repeat(32)};Subject="O=evil\\"` }),
        `malformed ${XFCC}`,
      );
    },
  ],
  'xfcc-order-and-empty': [
    'an empty URI is no name, and an empty subject none either',
    () => {
      const { certificate } = believed('istio', { [XFCC]: `By=spiffe://p/q;Hash=${'ab'.repeat(32)};Subject="";URI=` });
      assert.equal(certificate?.spiffeId, undefined);
      assert.deepEqual(certificate?.alternativeNames, []);
      assert.equal(certificate?.subject, undefined);
      const whole = believed('envoy-xfcc', { [XFCC]: sample('envoy SANITIZE_SET', XFCC) });
      // Chain begins with the leaf.
      assert.deepEqual(
        whole.chain.map(({ subject }) => subject),
        ['CN=Acme Clients CA,O=Acme,C=DE'],
      );
      const ahead = `URI=spiffe://admin;Hash=${'ab'.repeat(32)}`;
      assert.equal(suspicionOf('istio', { [XFCC]: ahead }), `contradicts_itself ${XFCC}`);
    },
  ],
  'envoy-modes': [
    'an element that a client put there is never read, in whatever mode Envoy is',
    () => {
      const appended = sample('envoy APPEND_FORWARD, client sent its own element', XFCC);
      assert.equal(suspicionOf('envoy-xfcc', { [XFCC]: appended }), `contradicts_itself ${XFCC}`);
      // FORWARD_ONLY: the whole header is the client's, the verdict and Client-Cert are about its own certificate.
      const passed = {
        [XFCC]: element(issued.other),
        'x-ssl-client-verify': 'SUCCESS',
        'client-cert': byteSequence(issued.good),
      };
      assert.equal(suspicionOf('envoy-xfcc', passed), `contradicts_itself ${XFCC}`);
      const alone = { [XFCC]: element(issued.other), 'x-ssl-client-verify': 'SUCCESS' };
      assert.equal(believed('envoy-xfcc', alone).verification.result, 'unverified');
      const nobody = { [XFCC]: element(issued.other), 'x-ssl-client-verify': 'NONE' };
      assert.match(suspicionOf('envoy-xfcc', nobody), /^contradicts_itself /);
    },
  ],
  'envoy-overwrite-is-not-remove': [
    'copied fields that Envoy left the client’s own are not read',
    () => {
      const kept = { 'x-ssl-client-verify': 'NONE', 'x-ssl-client-subject': 'CN=spoof', 'x-ssl-client-cert': 'spoof' };
      assert.equal(believed('envoy-xfcc', kept).certificate, undefined);
      const beside = { [XFCC]: element(issued.good), 'x-ssl-client-subject': 'CN=spoof' };
      assert.equal(believed('envoy-xfcc', beside).certificate?.subject, 'CN=good');
    },
  ],
  'envoy-unverified': [
    'Envoy’s header alone verifies nothing, and FAILED beside it is no verdict, since every resumed session has it',
    () => {
      assert.equal(believed('envoy-xfcc', { [XFCC]: element(issued.good) }).verification.result, 'unverified');
      const said = (word: string) =>
        believed('envoy-xfcc', {
          [XFCC]: element(issued.good),
          'x-ssl-client-verify': word,
          'client-cert': byteSequence(issued.good),
        }).verification.result;
      assert.equal(said('SUCCESS'), 'ok');
      assert.equal(said('FAILED'), 'unverified');
      assert.equal(believed('istio', { [XFCC]: element(issued.good) }).verification.result, 'unverified');
    },
  ],
  'envoy-control-characters': [
    'control characters in a subject stay the escapes that they came as; in a header they are refused',
    () => {
      const subject = 'CN=evil\\0D\\0AX-Admin: 1';
      const { certificate } = believed('envoy-xfcc', { [XFCC]: `Hash=${'ab'.repeat(32)};Subject="${subject}"` });
      assert.equal(certificate?.subject, subject);
      assert.equal(suspicionOf('envoy-xfcc', { [XFCC]: `${element(issued.good)};URI=a\r\nb` }), `malformed ${XFCC}`);
    },
  ],
  'caddy-dn-not-faithful': [
    'Caddy’s subject is not read: it is neither the certificate’s name nor compared with it',
    () => {
      const headers = caddy(issued.good, {
        'X-Ssl-Client-Subject': 'CN=second,OU=Clients',
        'X-Ssl-Client-Issuer': 'CN=x',
      });
      assert.equal(believed('caddy', headers).certificate?.subject, 'CN=good');
      const alone = { 'X-Ssl-Client-Present': 'true', 'X-Ssl-Client-Subject': 'CN=admin' };
      assert.equal(suspicionOf('caddy', alone), 'incomplete x-ssl-client-der');
    },
  ],
  'caddy-refuses-control-characters': [
    'PEM with line breaks, which Caddy cannot forward, is no certificate either',
    () => {
      const headers = caddy(issued.good, { 'X-Ssl-Client-Der': issued.good.certificate });
      assert.equal(suspicionOf('caddy', headers), 'malformed x-ssl-client-der');
    },
  ],
  'caddy-no-certificate': [
    'the fingerprint of nothing, a nil serial number and an empty byte sequence are nobody',
    () => {
      const naive = recorded('caddy', 'naive: unconditional header_up, mode request', 'none');
      assert.deepEqual(outcomeOf('caddy', naive), { kind: 'absent' });
      const said = believed('caddy', [...naive, ['X-Ssl-Client-Present', 'false']]);
      assert.deepEqual([said.verification.result, said.certificate], ['not_presented', undefined]);
      assert.equal(suspicionOf('caddy', [...naive, ['X-Ssl-Client-Present', 'true']]), 'incomplete x-ssl-client-der');
    },
  ],
  'caddy-san-list': [
    'Caddy’s lists of names are not read: names are the certificate’s',
    () => {
      const headers = caddy(issued.good, {
        'X-Ssl-Client-San-Dns-0': '[admin.test good.test]',
        'X-Ssl-Client-San-Uri-0': 'spiffe://admin',
      });
      const { certificate } = believed('caddy', headers);
      assert.equal(certificate?.spiffeId, 'spiffe://acme.test/good');
      assert.doesNotMatch(JSON.stringify(certificate.alternativeNames), /admin/);
    },
  ],
  'chain-vanishes-on-resumption': [
    'a chain that is gone on a resumed session changes nothing of the client',
    () => {
      const first = { 'x-ssl-client-used': '1', 'x-ssl-client-verify': '0', 'client-cert': byteSequence(issued.good) };
      const chain = base64Der({ der: issued.authority.der } as IssuedCertificate);
      const initial = believed('haproxy', { ...first, 'x-ssl-client-chain-der': chain, 'x-ssl-resumed': '0' });
      const resumed = believed('haproxy', { ...first, 'x-ssl-client-chain-der': '', 'x-ssl-resumed': '1' });
      assert.deepEqual([initial.chain.length, resumed.chain.length], [1, 0]);
      assert.deepEqual([initial.resumed, resumed.resumed], [false, true]);
      assert.deepEqual(resumed.certificate, initial.certificate);
      assert.deepEqual(resumed.verification, initial.verification);
    },
  ],
  'rfc9440-producers': [
    'Client-Cert is read from whoever makes it; a run of DER is no Client-Cert-Chain',
    () => {
      const item = sample('haproxy', 'client-cert');
      assert.equal(sample('apache', 'Client-Cert'), item);
      assert.equal(sample('caddy', 'Client-Cert'), item);
      const { certificate, chain } = believed('rfc9440', {
        'Client-Cert': item,
        'Client-Cert-Chain': sample('apache', 'Client-Cert-Chain'),
      });
      assert.equal(certificate?.subject, 'CN=good,OU=Clients,O=Acme,C=DE');
      assert.deepEqual(
        chain.map(({ subject }) => subject),
        ['CN=Acme Clients CA,O=Acme,C=DE'],
      );
      const run = Buffer.concat([issued.good.der, issued.authority.der]).toString('base64');
      const headers = { 'client-cert': byteSequence(issued.good), 'client-cert-chain': `:${run}:` };
      assert.equal(suspicionOf('rfc9440', headers), 'malformed client-cert-chain');
      const leafIsNoRun = { 'client-cert': `:${run}:` };
      assert.equal(suspicionOf('rfc9440', leafIsNoRun), 'malformed client-cert');
    },
  ],
  'nginx-folded-pem': [
    'PEM with line breaks, which Node answers with 400, is not read if it comes all the same',
    () => {
      const folded = sample('nginx $ssl_client_cert (wire, LF TAB folding; Node answers 400)', 'X-SSL-Client-Cert');
      assert.match(folded, /\n\t/);
      assert.equal(
        suspicionOf('nginx', nginx(issued.good, { 'X-SSL-Client-Cert': folded })),
        'malformed x-ssl-client-cert',
      );
    },
  ],
  'header-names': [
    'a header is the same in any case',
    () => {
      const upper = Object.entries(nginx(issued.good)).map(([name, value]) => [name.toUpperCase(), value] as const);
      assert.deepEqual(believed('nginx', upper), believed('nginx', nginx(issued.good)));
    },
  ],
  underscores: [
    'an underscore is no hyphen',
    () => {
      const spoofed = recorded(
        'haproxy',
        'naive: del-header -m beg x-ssl- and x_ssl_ (first draft)',
        'spoof-mixed-underscore',
      );
      assert.ok(spoofed.some(([name, value]) => name === 'x_ssl-client-verify' && value === 'SUCCESS'));
      assert.equal(believed('haproxy', spoofed).verification.result, 'not_presented');
      const passed = recorded('apache', 'SSLVerifyClient optional', 'good+spoof-underscore');
      assert.equal(believed('apache', passed).certificate?.subject, 'CN=good,OU=Clients,O=Acme,C=DE');
    },
  ],
  'other-presets-names-pass': [
    'a name that the format does not have is not read, and is an attempt when another format has it',
    () => {
      const passed = recorded('nginx', 'ssl_verify_client optional', 'good+spoof');
      assert.equal(suspicionOf('nginx', passed), 'several_presets x-ssl-client-dn');
      const joined = recorded('apache', 'SSLVerifyClient optional', 'good+spoof-duplicate');
      assert.ok(joined.some(([, value]) => value === '00, 00'));
      assert.equal(suspicionOf('apache', joined), 'several_presets x-ssl-client-fingerprint');
      const unknown = nginx(issued.good, { 'X-SSL-Client-S-DN-Alias': 'CN=spoof' });
      assert.equal(believed('nginx', unknown).certificate?.subject, 'CN=good');
    },
  ],
  'non-ascii': [
    'a name is the same in raw UTF-8 and in escapes, byte by byte',
    () => {
      for (const written of ['CN=ZoÃ«', 'CN=Zo\\C3\\AB', 'CN=Zo\\c3\\ab']) {
        const of = nginx(issued.zoe, { 'X-SSL-Client-S-DN': written });
        assert.equal(believed('nginx', of).certificate?.subject, 'CN=Zoë');
        const { 'X-SSL-Client-Cert': _, ...copied } = of;
        assert.equal(believed('nginx', copied).certificate?.subject, 'CN=Zoë');
      }
      // As the character, and as another's byte.
      for (const written of ['CN=Zo\xeb', 'CN=Zoe']) {
        assert.match(suspicionOf('nginx', nginx(issued.zoe, { 'X-SSL-Client-S-DN': written })), /^contradicts_itself /);
      }
    },
  ],
  'encodings-differ': [
    'the same serial number, fingerprint and dates are the same in each proxy’s writing',
    () => {
      const facts = { serial: 'F3A9C01B22D45E8807', subject: 'CN=good,OU=Clients,O=Acme,C=DE' };
      const good: ReadonlyArray<readonly [Preset, string, string]> = [
        ['nginx', 'nginx', 'ssl_verify_client optional'],
        ['haproxy', 'haproxy', 'verify optional'],
        ['apache', 'apache', 'SSLVerifyClient optional'],
        ['envoy-xfcc', 'envoy', 'SANITIZE_SET'],
        ['caddy', 'caddy', 'client_auth mode verify_if_given'],
      ];
      for (const [preset, proxy, mode] of good) {
        const { certificate, recomputed } = believed(preset, recorded(proxy, mode, 'good'));
        assert.ok(recomputed, preset);
        assert.deepEqual([certificate?.serialNumber, certificate?.subject], [facts.serial, facts.subject], preset);
        const without = recorded(proxy, mode, 'good').filter(([name]) => !/-cert$|-der$/i.test(name));
        if (preset === 'envoy-xfcc') continue;
        if (preset !== 'caddy') assert.equal(believed(preset, without).certificate?.notBefore, Date.UTC(2026, 9, 2));
        assert.equal(believed(preset, without).certificate?.serialNumber, facts.serial, preset);
      }
    },
  ],
  'x509-names': [
    'Apache’s single common name is not read',
    () => {
      const headers = apache({ 'X-SSL-Client-S-DN-CN': 'admin' });
      assert.equal(believed('apache', headers).certificate?.subject, 'CN=good');
      const { 'X-SSL-Client-Cert': _, 'Client-Cert': __, ...alone } = headers;
      assert.equal(suspicionOf('apache', alone).split(' ')[0], 'incomplete');
    },
  ],
  'size-431': [
    'what Node would have answered with 431 is not read if it is let through: 16 KiB a value',
    () => {
      const large = believed('nginx', nginx(issued.large));
      assert.equal(large.certificate?.fingerprint, issued.large.fingerprint);
      const huge = { ...nginx(issued.good), 'X-SSL-Client-Cert': escapedPem(issued.large).repeat(2) };
      assert.equal(suspicionOf('nginx', huge), 'malformed x-ssl-client-cert');
    },
  ],
  'envoy-huge-certificate-and-tickets': [
    'a certificate that is too large for any header is malformed, and costs no more than another',
    () => {
      const huge = recorded('envoy', 'SANITIZE_SET', 'huge').filter(([name]) => name === 'client-cert');
      assert.ok(huge[0]![1].length > 16 * 1024);
      assert.equal(suspicionOf('envoy-xfcc', [[XFCC, element(issued.good)], ...huge]), 'malformed client-cert');
    },
  ],
  'good-nochain-with-crl': [
    'the misleading error of a missing intermediate is told as it was said',
    () => {
      const headers = {
        'x-ssl-client-used': '1',
        'x-ssl-client-verify': '35',
        'client-cert': byteSequence(issued.good),
      };
      const { verification } = believed('haproxy', headers);
      assert.deepEqual([verification.result, verification.code], ['failed', 'KEYUSAGE_NO_CRL_SIGN']);
    },
  ],
  'alerts-seen': [
    'a client that the proxy refused leaves nothing to read: every recorded refusal has no request',
    () => {
      for (const { modes } of RECORDINGS.proxies) {
        for (const { cases } of modes) for (const { received } of cases) assert.ok(Array.isArray(received));
      }
      for (const preset of ['nginx', 'haproxy', 'apache', 'envoy-xfcc', 'caddy'] as const) {
        assert.deepEqual(outcomeOf(preset, { Host: 'app.test', 'User-Agent': 'curl' }), { kind: 'absent' });
      }
    },
  ],
};

describe('a finding', () => {
  before(async () => {
    const authority = await CertificateAuthority.create({ commonName: 'Acme Clients CA' });
    const strangers = await CertificateAuthority.create({ commonName: 'Evil Root CA' });
    const hostile = [
      'spiffe://x,By=spiffe://evil',
      'spiffe://x;URI=spiffe://admin',
      'spiffe://x"',
      'urn:x\ny',
      'https://a.test/b?x=1',
    ];
    issued = {
      authority,
      good: await authority.issue({ commonName: 'good', uris: ['spiffe://acme.test/good'] }),
      other: await authority.issue({ commonName: 'other' }),
      zoe: await authority.issue({ commonName: 'Zoë' }),
      large: await authority.issue({
        commonName: 'large',
        dnsNames: [...Array(200).keys()].map(n => `name-${n}.some-longer-name.acme.test`),
      }),
      stranger: await strangers.issue({ commonName: 'good' }),
      selfSigned: await CertificateAuthority.selfSigned({ commonName: 'good' }),
      named: new Map(
        await Promise.all(
          hostile.map(async uri => [uri, await authority.issue({ commonName: 'x', uris: [uri] })] as const),
        ),
      ),
    };
  });

  it('has its test, each of the recording’s', () => {
    assert.deepEqual(Object.keys(FINDINGS).sort(), [...RECORDINGS.findings].sort());
    assert.equal(RECORDINGS.findings.length, 34);
  });

  for (const [id, [name, test]] of Object.entries(FINDINGS)) it(`${id}: ${name}`, test);
});

interface Issued {
  readonly authority: CertificateAuthority;
  readonly good: IssuedCertificate;
  readonly other: IssuedCertificate;
  readonly zoe: IssuedCertificate;
  readonly large: IssuedCertificate;
  /** Of an authority that the proxy does not know; the same name as `good`. */
  readonly stranger: IssuedCertificate;
  readonly selfSigned: IssuedCertificate;
  /** By the URI that is in each. */
  readonly named: ReadonlyMap<string, IssuedCertificate>;
}

let issued: Issued;

function nginx(certificate: IssuedCertificate, more: Record<string, string> = {}): Record<string, string> {
  return {
    'X-SSL-Client-Verify': 'SUCCESS',
    'X-SSL-Client-Cert': escapedPem(certificate),
    'X-SSL-Session-Reused': '.',
    ...more,
  };
}

function apache(more: Record<string, string>): Record<string, string> {
  return {
    'X-SSL-Client-Verify': 'SUCCESS',
    'X-SSL-Client-Cert': issued.good.certificate.trim().replaceAll('\n', ' '),
    'Client-Cert': byteSequence(issued.good),
    ...more,
  };
}

function caddy(certificate: IssuedCertificate, more: Record<string, string> = {}): Record<string, string> {
  return {
    'X-Ssl-Client-Present': 'true',
    'X-Ssl-Client-Der': base64Der(certificate),
    'X-Ssl-Client-Fingerprint': digest(certificate, 'sha256', 'hex'),
    ...more,
  };
}

/** Of Envoy's header, without names. */
function element(certificate: IssuedCertificate): string {
  const hash = createHash('sha256').update(certificate.der).digest('hex');
  return `By=spiffe://acme.test/proxy;Hash=${hash};Cert="${escapedPem(certificate)}"`;
}

function all(certificate: IssuedCertificate): ReadonlyArray<readonly [Preset, Record<string, string>]> {
  return [
    ['nginx', nginx(certificate)],
    ['ingress-nginx', { 'ssl-client-verify': 'SUCCESS', 'ssl-client-cert': escapedPem(certificate) }],
    ['haproxy', { 'X-SSL-Client-Used': '1', 'X-SSL-Client-Verify': '0', 'Client-Cert': byteSequence(certificate) }],
    ['apache', apache({})],
    ['caddy', caddy(certificate)],
  ];
}

function uris(names: readonly AlternativeName[]): string[] {
  return names.filter(({ type }) => type === 'URI').map(({ value }) => value);
}
