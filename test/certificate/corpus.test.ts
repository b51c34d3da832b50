import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { MAX_PARSED_BYTES, type PeerCertificate, parsePeerCertificate } from '../../src/certificate/peer-certificate';
import { skipWithout } from '../support/summary';
import { stringsIn } from './raw-certificate';

/** Real and broken certificates out of the tests of other projects, beside the checkout. */
const CORPUS = join(__dirname, '../../../../shared/certificates/corpus.jsonl.gz');

interface Specimen {
  readonly suite: string;
  readonly source: string;
  readonly der: Buffer;
  /** What Node 26 says of it; null where it cannot be parsed. Long names end in `…(length)`. */
  readonly node: Reference | null;
  readonly openssl: { readonly subject: string; readonly issuer: string } | null;
}

interface Reference {
  readonly subject?: string;
  readonly issuer?: string;
  readonly serialNumber: string;
  readonly validFrom: string;
  readonly validTo: string;
  readonly subjectAltName?: string;
  readonly ca: boolean;
  readonly fingerprint256: string;
  readonly key?: string;
}

describe('the corpus of real and broken certificates', function () {
  this.timeout(120_000);

  let specimens: Specimen[];
  let parsed: PeerCertificate[];

  before(function () {
    if (!existsSync(CORPUS)) skipWithout(this, 'corpus', `put it at ../shared/certificates/corpus.jsonl.gz`);
    specimens = gunzipSync(readFileSync(CORPUS))
      .toString()
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Specimen & { der: string })
      .map(specimen => ({ ...specimen, der: Buffer.from(specimen.der, 'base64') }));
    parsed = specimens.map(({ der }) => parsePeerCertificate(der));
  });

  /** Certificates that we, and Node 26, could parse, with a name to find them by. */
  function understood() {
    return specimens.flatMap(({ suite, source, node, openssl, der }, at) =>
      node !== null && parsed[at]!.parsed
        ? [{ where: `${suite} ${source}`, node, openssl, der, ours: parsed[at]! }]
        : [],
    );
  }

  it('is all there', () => {
    assert.ok(specimens.length > 2500, `${specimens.length}`);
    assert.ok(understood().length > 2000, `${understood().length}`);
  });

  it('is parsed where this Node parses it, up to 16 KiB', () => {
    for (const [at, { der, source }] of specimens.entries()) {
      assert.equal(parsed[at]!.parsed, der.length <= MAX_PARSED_BYTES && isParsedByNode(der), source);
    }
  });

  it('has a fingerprint and a length, parsed or not', () => {
    for (const [at, { der, source }] of specimens.entries()) {
      assert.equal(parsed[at]!.fingerprint, createHash('sha256').update(der).digest('hex').toUpperCase(), source);
      assert.equal(parsed[at]!.byteLength, der.length);
    }
  });

  it('says nothing but its fingerprint and length where it cannot be parsed', () => {
    for (const ours of parsed) {
      if (ours.parsed) continue;
      const { fingerprint, byteLength, ...rest } = ours;
      assert.deepEqual(JSON.parse(JSON.stringify(rest)), { parsed: false, alternativeNames: [] });
      assert.deepEqual(ours.details, {});
    }
  });

  it('has no text that is too long or could mislead', () => {
    for (const ours of parsed) {
      const names = [ours.subject, ours.issuer].filter(name => name !== undefined);
      const others = stringsIn([ours.serialNumber, ours.alternativeNames, ours.details, ours.spiffeId]);
      assert.ok(names.every(name => Buffer.byteLength(name) <= 1024));
      assert.ok(others.every(text => Buffer.byteLength(text) <= 256));
      assert.ok(ours.alternativeNames.length <= 64);
      for (const text of [...names, ...others]) {
        assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        assert.doesNotMatch(text, /Invalid Date|\bNaN\b|\bundefined\b|\[object/);
      }
    }
  });

  it("has Node's names, in RFC 4514's order", () => {
    for (const { where, node, ours } of understood()) {
      for (const [name, reference] of [
        [ours.subject, node.subject],
        [ours.issuer, node.issuer],
      ] as const) {
        // The reference cuts names of more than some hundred characters.
        if (reference === undefined || /…\(\d+\)$/.test(reference))
          assert.ok(reference !== undefined || name === '', where);
        else assert.equal(withoutOurEscapes(name!), expectedName(reference), where);
      }
    }
  });

  it("has OpenSSL's names, but for those that OpenSSL writes in hexadecimal", () => {
    let compared = 0;
    for (const { where, openssl, ours } of understood()) {
      if (openssl === null || /=#|…\(\d+\)$/.test(openssl.subject)) continue;
      assert.equal(withoutOurEscapes(ours.subject!), withoutOurEscapes(openssl.subject), where);
      compared++;
    }
    assert.ok(compared > 1900, `${compared}`);
  });

  it("has Node's serial number and authority flag", () => {
    for (const { where, node, ours } of understood()) {
      assert.equal(ours.serialNumber, node.serialNumber, where);
      assert.equal(ours.isCa, node.ca, where);
    }
  });

  it("has Node's times, and none where Node has none", () => {
    let absent = 0;
    for (const { where, node, ours } of understood()) {
      for (const [time, reference] of [
        [ours.notBefore, node.validFrom],
        [ours.notAfter, node.validTo],
      ] as const) {
        if (reference === 'Bad time value') {
          assert.equal(time, undefined, where);
          absent++;
          continue;
        }
        const printed = new Date(time!);
        const [, day, clock, year] = /^(\w{3} [ \d]\d) (\d\d:\d\d:\d\d) (\d+) GMT$/.exec(reference)!;
        assert.equal(printed.getUTCFullYear(), Number(year), where);
        assert.equal(printed.toISOString().slice(-13, -5), clock, where);
        assert.equal(printed.toUTCString().slice(8, 11) + String(printed.getUTCDate()).padStart(3), day, where);
      }
    }
    assert.ok(absent > 30, `${absent}`);
  });

  it("has Node's alternative names", () => {
    let compared = 0;
    for (const { where, node, ours, der } of understood()) {
      const names = ours.alternativeNames;
      const reference = node.subjectAltName;
      if (!reference) {
        assert.deepEqual(names, [], where);
        continue;
      }
      // As Node writes them, as far as neither the reference nor we have cut anything. Values in quotes have their own tests.
      if (reference.includes('"') || reference.includes('<unsupported>')) continue;
      const cut = /^(.*), [^,]*…\(\d+\)$/.exec(reference);
      const whole = (cut ? cut[1]! : reference).split(', ').slice(0, 64);
      const written = names.map(({ type, value }) => `${NODE_TYPES[type]}:${withoutOurEscapes(value)}`);
      assert.deepEqual(written.slice(0, whole.length), whole, where);
      if (!cut)
        assert.equal(
          written.length,
          Math.min(64, reference.split(', ').length),
          `${where} of ${new X509Certificate(der).subject}`,
        );
      compared++;
    }
    assert.ok(compared > 450, `${compared}`);
  });

  it("has Node's key, where it is of a kind we know", () => {
    let compared = 0;
    for (const { where, node, ours } of understood()) {
      const { publicKeyAlgorithm, publicKeySize, publicKeyCurve } = ours.details;
      const [kind, of] = node.key?.split(':') ?? [];
      if (kind === undefined || of === undefined || publicKeyAlgorithm === undefined) continue;
      if (kind === 'ec') {
        // Curves we do not know are dotted; those written out have no name for us, but for Node by comparison.
        if (publicKeyCurve === undefined || /^\d/.test(publicKeyCurve)) continue;
        assert.deepEqual([publicKeyAlgorithm, publicKeyCurve], ['EC', of], where);
      } else {
        assert.equal(publicKeyAlgorithm, { rsa: 'RSA', dsa: 'DSA', 'rsa-pss': 'RSASSA-PSS' }[kind], where);
        // OpenSSL reads a negative modulus as if it were not, and keys of no use to anybody.
        if (publicKeySize !== undefined) assert.equal(publicKeySize, Number(of), where);
      }
      compared++;
    }
    assert.ok(compared > 1500, `${compared}`);
  });

  it('knows which certificates sign themselves', () => {
    const verdicts = understood().map(({ ours }) => [ours.selfIssued, ours.details.selfSigned] as const);
    assert.ok(verdicts.filter(([, signed]) => signed === true).length > 250);
    assert.ok(verdicts.filter(([issued, signed]) => issued && signed === false).length > 20);
    assert.ok(verdicts.every(([issued, signed]) => issued || signed !== true));
  });

  it('is read in 5 ms (99th percentile) and 50 ms (worst) each, details and all', () => {
    const read = (der: Buffer) => {
      const { subject, issuer, alternativeNames, details, pem } = parsePeerCertificate(der);
      return [subject, issuer, alternativeNames, details, pem];
    };
    const time = (der: Buffer) => {
      const began = process.hrtime.bigint();
      read(der);
      return Number(process.hrtime.bigint() - began) / 1e6;
    };
    for (const { der } of specimens.slice(0, 300)) read(der);
    // The best of three, where one was slow: the rest of the machine is not what is measured.
    const times = specimens.map(({ der }) => {
      const first = time(der);
      return first < 1 ? first : Math.min(first, time(der), time(der));
    });
    times.sort((a, b) => a - b);
    const percentile99 = times[Math.floor(times.length * 0.99)]!;
    assert.ok(percentile99 <= 5, `99th percentile: ${percentile99} ms`);
    assert.ok(times.at(-1)! <= 50, `worst: ${times.at(-1)} ms`);
  });
});

function isParsedByNode(der: Buffer): boolean {
  try {
    return new X509Certificate(der) !== undefined;
  } catch {
    return false;
  }
}

/** What Node prints, one step a line and ` + ` within one, turned round; the corpus has no plus sign but escaped ones. */
function expectedName(printed: string): string {
  return printed
    .split('\n')
    .reverse()
    .map(step =>
      step
        .split(/(?<!\\) \+ /)
        .reverse()
        .join('+'),
    )
    .join(',');
}

/** Undoes what we escape and Node does not: everything beyond ASCII. */
function withoutOurEscapes(text: string): string {
  return text.replace(/(?:\\[89A-F][0-9A-F])+/g, bytes => Buffer.from(bytes.replaceAll('\\', ''), 'hex').toString());
}

const NODE_TYPES = {
  DNS: 'DNS',
  URI: 'URI',
  IP: 'IP Address',
  email: 'email',
  otherName: 'othername',
  dirName: 'DirName',
  RID: 'Registered ID',
} as const;
