import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAILURE_REASONS } from '../../src/handshake/failure-reasons';
import { ATTRIBUTES } from '../../src/telemetry/attributes';
import { ANSWER_ATTRIBUTES } from '../../src/telemetry/decision-events';
import { REQUEST_ATTRIBUTES } from '../../src/telemetry/request-attributes';
import { SPAN_NAMES } from '../../src/telemetry/span-names';
import { SEARCHES } from './searches';
import { readTraceql } from './traceql';
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

/** A value of each attribute. */
const EXAMPLES: ReadonlyMap<string, unknown> = new Map(
  [ATTRIBUTES, REQUEST_ATTRIBUTES, ANSWER_ATTRIBUTES].flatMap(rows =>
    Object.entries(rows).map(([name, { example }]) => [name, example] as const),
  ),
);

describe('the searches', () => {
  it('answer the questions of an operator, each once', () => {
    assert.ok(SEARCHES.length >= 12);
    assert.equal(new Set(SEARCHES.map(({ question }) => question)).size, SEARCHES.length);
    for (const { question, read } of SEARCHES) assert.match(`${question} ${read}`, /^[A-Z].+\? .+[^.]$/);
  });

  for (const { question, jaeger, traceql, read } of SEARCHES) {
    const asked = readTraceql(traceql);

    it(`are TraceQL: ${question}`, () => {
      assert.deepEqual(asked.mistakes, []);
      assert.ok(asked.comparisons.length > 0);
    });

    it(`ask only for what exists: ${question}`, () => {
      const names = [...Object.keys(jaeger?.tags ?? {}), ...asked.attributes];
      assert.deepEqual(
        names.filter(name => !WATCHED_ATTRIBUTES.includes(name)),
        [],
      );
      const texts = asked.comparisons.filter(({ type }) => type === 'string').map(each => [each.field, each.value]);
      for (const [name = '', value = ''] of [...Object.entries(jaeger?.tags ?? {}), ...texts])
        assert.ok(VALUES[name]?.includes(value) ?? true, `${name}=${value}`);
      const operations = [jaeger?.operation ?? [], texts.flatMap(([field, value]) => (field === 'name' ? value! : []))];
      for (const operation of operations.flat())
        assert.ok(Object.values<string>(SPAN_NAMES).includes(operation), operation);
      for (const [, name] of read.matchAll(/`((?:tls|network|server|http)\.[\w.]+)`/g))
        assert.ok(WATCHED_ATTRIBUTES.includes(name!) || name === 'tls.failure.hint', name);
    });

    // Tempo compares "true" with no boolean, and 1.3 with no text.
    it(`compare each attribute with a value of its type: ${question}`, () => {
      for (const { field, operator, value, type } of asked.comparisons) {
        const example = EXAMPLES.get(field);
        if (!EXAMPLES.has(field)) assert.ok(['name', 'kind', 'trace:id'].includes(field), field);
        else if (type !== 'nil') assert.equal(type, typeof example, `${field} ${operator} ${value}`);
      }
    });
  }

  it('would be found out saying what is no TraceQL', () => {
    for (const wrong of [
      '{ span.error.type = }',
      '{ span.error.type = "x"',
      '{ span.error.type == "x" }',
      '{ kind = servr }',
      '{ nam = "x" }',
      '{ trace:nothing = "x" }',
      '{ span.error.type = "x" } | selct(span.error.type)',
      'span.error.type = "x"',
    ])
      assert.notDeepEqual(readTraceql(wrong).mistakes, [], wrong);
  });

  it('quote for Jaeger what has a space or an equals sign', () => {
    assert.equal(tagsText({ a: 'b', subject: 'CN=x y', c: '"' }), 'a=b subject="CN=x y" c="\\""');
  });

  it('would be found out asking for what no row says', () => {
    const { attributes, comparisons } = readTraceql('{ span.tls.nothing = "x" && span.error.type != nil }');
    assert.deepEqual(attributes, ['tls.nothing', 'error.type']);
    assert.deepEqual(comparisons, [
      { field: 'tls.nothing', operator: '=', value: 'x', type: 'string' },
      { field: 'error.type', operator: '!=', value: 'nil', type: 'nil' },
    ]);
    const others = readTraceql('{ span.tls.established = true || kind = server } | select(span.a.b, span.c)');
    assert.deepEqual(
      others.comparisons.map(({ type }) => type),
      ['boolean', 'word'],
    );
    assert.deepEqual(others.attributes, ['tls.established', 'a.b', 'c']);
  });

  it('are written down as the table says: else run `npm run docs`', () => {
    assert.ok(withFreshSearches(document) === document, 'docs/searches.md is stale');
  });
});
