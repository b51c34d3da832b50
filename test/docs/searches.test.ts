import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAILURE_REASONS } from '../../src/handshake/failure-reasons';
import { SPAN_NAMES } from '../../src/telemetry/span-sink';
import { SEARCHES } from './searches';
import { tagsText, WATCHED_ATTRIBUTES, withFreshSearches } from './watching-tables';

const document = readFileSync(join(__dirname, '../../../docs/searches.md'), 'utf8');

/** What a value may be, where an attribute takes one of a few. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  'error.type': Object.keys(FAILURE_REASONS),
  'tls.session.stale': Object.keys(FAILURE_REASONS),
  'tls.handshake.outcome': ['established', 'failed', 'abandoned'],
  'tls.failure.origin': ['local', 'peer', 'network'],
  'tls.verify.result': ['ok', 'failed', 'not_presented', 'not_requested', 'unverified'],
  'tls.client.certificate.source': ['handshake', 'header'],
  'tls.protocol.version': ['1.0', '1.1', '1.2', '1.3'],
};

describe('the searches', () => {
  it('answer the questions of an operator, each once', () => {
    assert.ok(SEARCHES.length >= 12);
    assert.equal(new Set(SEARCHES.map(({ question }) => question)).size, SEARCHES.length);
    for (const { question, read } of SEARCHES) assert.match(`${question} ${read}`, /^[A-Z].+\? .+[^.]$/);
  });

  for (const { question, jaeger, traceql, read } of SEARCHES) {
    it(`ask only for what exists: ${question}`, () => {
      const names = [...Object.keys(jaeger?.tags ?? {}), ...namesIn(traceql)];
      assert.deepEqual(
        names.filter(name => !WATCHED_ATTRIBUTES.includes(name)),
        [],
      );
      const pairs = [...Object.entries(jaeger?.tags ?? {}), ...valuesIn(traceql)];
      for (const [name, value] of pairs) assert.ok(VALUES[name]?.includes(value) ?? true, `${name}=${value}`);
      const operations = [
        jaeger?.operation ?? [],
        [...traceql.matchAll(/\bname = "([^"]+)"/g)].map(match => match[1]!),
      ];
      for (const operation of operations.flat())
        assert.ok(Object.values<string>(SPAN_NAMES).includes(operation), operation);
      for (const [, name] of read.matchAll(/`((?:tls|network|server|http)\.[\w.]+)`/g))
        assert.ok(WATCHED_ATTRIBUTES.includes(name!) || name === 'tls.failure.hint', name);
    });

    it(`are balanced TraceQL: ${question}`, () => {
      assert.match(traceql, /^\{ [^{}]+ \}( \| select\((?:span\.[\w.]+(?:, )?)+\))?$/);
      assert.equal((traceql.match(/"/g) ?? []).length % 2, 0);
      const conditions = traceql.slice(2, traceql.indexOf(' }')).split(/ (?:&&|\|\|) /);
      for (const condition of conditions) {
        const known = /^(?:span\.[\w.]+|name|kind|trace:id) (?:=|!=) (?:"[^"]*"|nil|true|false|server|client)$/;
        assert.match(condition, known);
      }
    });
  }

  it('quote for Jaeger what has a space or an equals sign', () => {
    assert.equal(tagsText({ a: 'b', subject: 'CN=x y', c: '"' }), 'a=b subject="CN=x y" c="\\""');
  });

  it('would be found out asking for what no row says', () => {
    assert.deepEqual(namesIn('{ span.tls.nothing = "x" && span.error.type != nil }'), ['tls.nothing', 'error.type']);
  });

  it('are written down as the table says: else run `npm run docs`', () => {
    assert.ok(withFreshSearches(document) === document, 'docs/searches.md is stale');
  });
});

function namesIn(traceql: string): string[] {
  return [...traceql.matchAll(/\bspan\.([\w.]+)/g)].map(match => match[1]!);
}

function valuesIn(traceql: string): [string, string][] {
  return [...traceql.matchAll(/\bspan\.([\w.]+) = "([^"]*)"/g)].map(match => [match[1]!, match[2]!]);
}
