import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ForwardedOutcome } from '../../src/forwarded/forwarded-certificate';
import { PRESET_ROWS, type Preset } from '../../src/forwarded/presets';
import { outcomeOf, spoken } from './forwarded-request';
import { RECORDINGS, type RecordedCase, sample, wholeAgain } from './recordings';

const EXPECTED = join(__dirname, '../../../test/fixtures/forwarded/replayed.txt');

/** Clients whose certificate the proxies' authority had signed, whatever stands in it. */
const GOOD = /^(good|multisan|large|huge|hs-\w+|hu-\w+)(\+[\w-]+)*$/;
/** Its authority had signed it, and no proxy without a revocation list can know better. */
const REVOKED = /^revoked$/;
/** Clients that presented no certificate. */
const NOBODY = /^(none|spoof(-[\w-]+)?)(\+http2)?$/;

describe('what real proxies forwarded', () => {
  const replayed = RECORDINGS.proxies.flatMap(({ proxy, preset, modes }) =>
    modes.flatMap(({ mode, cases }) =>
      cases.map(recorded => {
        const outcome = outcomeOf(preset, wholeAgain(recorded.received));
        return { name: `${proxy}, ${mode}, ${recorded.case}`, preset, recorded, outcome };
      }),
    ),
  );

  it('is replayed in full', () => {
    assert.equal(replayed.length, 264);
  });

  it('is understood as it was looked at, case by case', () => {
    const found = replayed.map(({ name, outcome }) => `${name}: ${told(outcome)}\n`).join('');
    if (process.env['UPDATE_REPLAYED']) writeFileSync(EXPECTED, found);
    assert.equal(found, readFileSync(EXPECTED, 'utf8'));
  });

  it('is never verified unless the proxy had verified it', () => {
    for (const { name, recorded, outcome } of replayed) {
      if (outcome.kind !== 'forwarded' || outcome.forwarded.verification.result !== 'ok') continue;
      assert.ok(GOOD.test(recorded.case) || REVOKED.test(recorded.case), name);
    }
  });

  it('says of the verification what the README tells', () => {
    for (const { name, preset, outcome } of replayed) {
      if (outcome.kind !== 'forwarded') continue;
      const says: readonly string[] = PRESET_ROWS[preset as Preset].says;
      assert.ok(says.includes(outcome.forwarded.verification.result), name);
    }
  });

  it('is nobody where the client presented nothing', () => {
    const nobody = replayed.filter(({ recorded }) => NOBODY.test(recorded.case));
    assert.ok(nobody.length > 20);
    for (const { name, outcome } of nobody) {
      if (outcome.kind === 'forwarded') assert.equal(outcome.forwarded.certificate, undefined, name);
    }
  });

  it('is never whom the client only spoke of', () => {
    for (const { name, outcome } of replayed) {
      if (outcome.kind !== 'forwarded') continue;
      const { subject = '', spiffeId = '', fingerprint = '' } = outcome.forwarded.certificate ?? {};
      assert.doesNotMatch(subject, /(^|,)CN=(spoof|admin)(,|$)/, name);
      assert.doesNotMatch(spiffeId, /spoof|admin|evil/, name);
      assert.notEqual(fingerprint, '00', name);
    }
  });

  describe('of names that deceive, with the headers that the recording left out', () => {
    // Only the name was written down; the rest is as with the good certificate.
    const always: Partial<Record<string, RecordedCase['received']>> = {
      nginx: [['X-SSL-Client-Verify', 'SUCCESS']],
      haproxy: [
        ['x-ssl-client-used', '1'],
        ['x-ssl-client-verify', '0'],
      ],
      apache: [
        ['X-SSL-Client-Verify', 'SUCCESS'],
        ['X-SSL-Session-Resumed', 'Initial'],
      ],
    };
    const header = /^x-ssl-client-(s-)?dn$/i;
    const deceptive = replayed.filter(
      ({ preset, recorded }) => /^hs-/.test(recorded.case) && always[preset] && recorded.received.length > 0,
    );
    /** As RFC 2253 has it, by the case's name; all proxies were sent the same certificates. */
    const names = new Map(
      replayed.flatMap(({ preset, recorded }) => {
        const name = recorded.received.find(([name]) => header.test(name))?.[1];
        return preset === 'nginx' && name !== undefined ? [[recorded.case, name] as const] : [];
      }),
    );

    it('finds them', () => {
      assert.ok(deceptive.length > 50);
      assert.ok(names.size > 15);
    });

    for (const { name, preset, recorded } of deceptive) {
      it(name, () => {
        const outcome = outcomeOf(preset, [...always[preset]!, ...recorded.received]);
        const written = recorded.received.find(([name]) => header.test(name))![1];
        if (written.startsWith('/') || written === '') {
          // The one-line form can be forged, so it names nobody, and nobody is verified.
          assert.equal(outcome.kind, 'suspected');
          return;
        }
        assert.equal(outcome.kind, 'forwarded', told(outcome));
        const subject = outcome.kind === 'forwarded' ? outcome.forwarded.certificate?.subject : undefined;
        const escapes = names.get(recorded.case);
        if (escapes !== undefined) assert.equal(bytesOf(subject!), bytesOf(escapes));
        assert.doesNotMatch(subject!, /[\x00-\x1f]|(^|[^\\],)CN=admin(,|$)/);
      });
    }
  });

  describe('whole', () => {
    const xfcc = 'x-forwarded-client-cert';
    for (const [name, expected] of [
      ['envoy SANITIZE_SET', 'unverified of the certificate: CN=good,OU=Clients,O=Acme,C=DE, chain of 1'],
      ['envoy SANITIZE_SET, hostile URI SAN hu-subject', `suspected: contradicts_itself ${xfcc}`],
      ['envoy SANITIZE_SET, hostile URI SAN hu-comma', `suspected: contradicts_itself ${xfcc}`],
      ['envoy SANITIZE_SET, hostile URI SAN hu-forge', `suspected: contradicts_itself ${xfcc}`],
      [
        'envoy SANITIZE_SET, subject hs-endbackslash',
        'unverified of the certificate: CN=x,C=DE,O=evil\\\\, chain of 1',
      ],
      ['envoy APPEND_FORWARD, client sent its own element', `suspected: contradicts_itself ${xfcc}`],
    ] as const) {
      it(name, () => {
        assert.equal(told(outcomeOf('envoy-xfcc', { [xfcc]: sample(name, xfcc) })), expected);
      });
    }
  });
});

/** One line: what came of it, of whom. */
function told(outcome: ForwardedOutcome): string {
  if (outcome.kind === 'absent') return 'absent';
  if (outcome.kind === 'suspected') return `suspected: ${spoken(outcome.suspicion)}`;
  const { certificate, recomputed, verification, chain, resumed } = outcome.forwarded;
  const who = certificate?.subject ?? certificate?.serialNumber ?? certificate?.fingerprint;
  return [
    [verification.result, ...verification.errors].join(' '),
    certificate === undefined ? '' : recomputed ? ` of the certificate: ${who}` : ` of copied fields: ${who}`,
    chain.length === 0 ? '' : `, chain of ${chain.length}`,
    resumed === undefined ? '' : resumed ? ', resumed' : ', not resumed',
  ].join('');
}

/** A name with its escapes undone, separators marked: what two spellings of one name have in common. */
function bytesOf(name: string): string {
  return Buffer.from(name)
    .toString('latin1')
    .replace(/\\([0-9A-F]{2})|\\(.)|([,+])/g, (_whole, hex?: string, escaped?: string, separator?: string) =>
      separator ? `<${separator}>` : (escaped ?? String.fromCharCode(Number.parseInt(hex!, 16))),
    );
}
