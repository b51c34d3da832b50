import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { htmlReport } from '../../src/audit/report-html';
import { HOSTILE_TEXTS, hostileAudit } from './hostile-audit';
import { cleanAudit, sampleAudit } from './sample-audit';

describe('the HTML report', () => {
  it('allows its own style and script by their hashes, and nothing else', () => {
    const written = htmlReport(sampleAudit());
    const policy = /<meta http-equiv="Content-Security-Policy" content="([^"]+)">/.exec(written)?.[1];
    const hashOf = (element: string) => {
      const [, content = ''] = new RegExp(`<${element}>([\\s\\S]*?)</${element}>`).exec(written) ?? [];
      return `&#39;sha256-${createHash('sha256').update(content).digest('base64')}&#39;`;
    };
    assert.deepEqual(policy?.split('; '), [
      'default-src &#39;none&#39;',
      `script-src ${hashOf('script')}`,
      `style-src ${hashOf('style')}`,
      'base-uri &#39;none&#39;',
      'form-action &#39;none&#39;',
    ]);
  });

  it('refers to nothing outside of itself, but for links that a reader may follow', () => {
    const written = htmlReport(sampleAudit());
    assert.doesNotMatch(written, /\bsrc=|<link|<base|<iframe|<object|<embed|@import|url\(|\bstyle=|\bon\w+=/i);
    const addresses = [...written.matchAll(/\bhref="([^"]*)"/g)].map(match => match[1]!);
    assert.ok(addresses.every(address => /^(#|https:\/\/(owasp\.org|cwe\.mitre\.org)\/)/.test(address)));
    const ids = new Set([...written.matchAll(/\bid="([^"]*)"/g)].map(match => `#${match[1]}`));
    const lost = addresses.filter(address => address.startsWith('#') && !ids.has(address));
    assert.deepEqual(lost, []);
  });

  it('makes no link of an address that is none of the web', () => {
    const audit = sampleAudit();
    const [first, ...rest] = audit.rules;
    const references = [{ name: 'ours', url: 'javascript:alert(1)' }];
    const written = htmlReport({ ...audit, rules: [{ ...first!, references }, ...rest] });
    assert.match(written, /<span>ours<\/span>/);
    assert.doesNotMatch(written, /javascript:/);
  });

  it('keeps the lines of what can be pasted', () => {
    assert.match(htmlReport(sampleAudit()), /<pre[^>]*><code>processors:\n {2}attributes\/keep:\n {4}actions:\n/);
  });

  it('says so when there is nothing to find, and nothing to filter', () => {
    const written = htmlReport(cleanAudit());
    assert.match(bodyOf(written), /class="verdict good">2 of 2 protected operations leave a trail/);
    assert.doesNotMatch(bodyOf(written), /<form|<article/);
  });

  it('is not content with an API that protects nothing', () => {
    const audit = cleanAudit();
    const written = htmlReport({
      ...audit,
      operations: [],
      scoreCard: { ...audit.scoreCard, protected: 0, proven: 0 },
    });
    assert.match(bodyOf(written), /class="verdict bad">No operation asks for a client certificate/);
  });

  it('warns where evidence is missing, and says what a baseline left out', () => {
    const audit = sampleAudit();
    const partial = { ...audit.evidence, partial: true };
    const written = htmlReport({ ...audit, evidence: partial, scoreCard: { ...audit.scoreCard, known: 1 } });
    assert.match(written, /<strong>Not complete\.<\/strong>/);
    assert.match(written, /1 finding of the baseline is left out; 7 are new\./);
    assert.doesNotMatch(bodyOf(htmlReport(audit)), /Not complete|baseline/);
  });

  it('shows what was probed, by certificate and one by one, and nothing of it where nothing was', () => {
    const [, section = ''] = /<section id="probes"([\s\S]*?)<\/section>/.exec(htmlReport(sampleAudit())) ?? [];
    assert.match(section, /3 requests of 4 to <bdi><code>https:\/\/payments\.acme\.example:8443/);
    const rows = [...section.matchAll(/<tr>\n<th scope="row">(\S+)<\/th>\n([\s\S]*?)<\/tr>/g)];
    const cells = rows.map(([, kind, row = '']) => [
      kind,
      ...row
        .replace(/<[^>]*>/g, '')
        .trim()
        .split('\n'),
    ]);
    assert.deepEqual(cells, [
      ['good', '1', '0', '0', '✓all 1', 'answered 200'],
      ['expired', '0', '1', '0', '✓all 1', 'TLS alert 45 (certificate_expired)', 'certificate_expired'],
      ['none', '1', '0', '0', '✗none of 1', 'answered 200'],
    ]);
    assert.match(section, /<span class="severity critical">1<\/span>/);
    assert.match(section, /handshake by fingerprint, trace <code>4bf92f3577b34da6a3ce929d0e0e4736<\/code>/);
    assert.doesNotMatch(htmlReport(cleanAudit()), /Probes/);
  });

  for (const [kind, text] of Object.entries(HOSTILE_TEXTS)) {
    it(`has the same elements and attributes, and stays small, when everything from outside is ${kind}`, () => {
      const written = htmlReport(hostileAudit(text));
      assert.deepEqual(skeletonOf(written), skeletonOf(htmlReport(hostileAudit('harmless'))));
      assert.ok(written.length < 200_000, `${written.length} characters`);
      const misleading = written.match(/[\p{Cf}\p{Cs}\0-\x09\x0b-\x1f\x7f-\x9f]/gu);
      assert.equal(misleading, null);
    });
  }
});

/** What stands in the document, without its style. */
function bodyOf(written: string): string {
  return written.slice(written.indexOf('<body>'));
}

/** Elements in their order, with the names of their attributes; without those that set the parts of a path apart. */
function skeletonOf(written: string): string[] {
  const tags = written.match(/<(?:"[^"]*"|[^">])*>/g) ?? [];
  assert.ok(tags.length > 300);
  return tags.filter(tag => !/^<(\/?b|wbr)>$/.test(tag)).map(tag => tag.replace(/="[^"]*"/g, ''));
}
