import type * as grammar from '@grafana/lezer-traceql' with { 'resolution-mode': 'import' };

// Its types are only those of its ES module.
const { parser } = require('@grafana/lezer-traceql') as typeof grammar;

/** What a query in TraceQL says, by the grammar that Grafana's own editor of queries has. */
export interface ReadTraceql {
  /** Where it is no TraceQL: `15: "} | select"`. Empty: it is. */
  readonly mistakes: readonly string[];
  /** Of spans, each as often as it is named. */
  readonly attributes: readonly string[];
  readonly comparisons: readonly Comparison[];
}

export interface Comparison {
  /** An attribute of spans without `span.`, or a field of Tempo's own: `name`, `kind`. */
  readonly field: string;
  readonly operator: string;
  /** A text without its quotes. `nil`: absent. */
  readonly value: string;
  /** As `typeof` has it; `word`: one of Tempo's own, such as `server`. */
  readonly type: 'string' | 'number' | 'boolean' | 'nil' | 'word';
}

export function readTraceql(query: string): ReadTraceql {
  const mistakes: string[] = [];
  const attributes: string[] = [];
  const comparisons: Comparison[] = [];
  const written = ({ from, to }: { from: number; to: number }) => query.slice(from, to);
  parser.parse(query).iterate({
    enter({ type, from, node }) {
      if (type.isError) mistakes.push(`${from}: ${JSON.stringify(query.slice(from, from + 12))}`);
      if (type.name === 'AttributeField') attributes.push(written(node.lastChild ?? node));
      if (type.name !== 'FieldOp') return;
      const [field, value] = [node.prevSibling, node.nextSibling];
      if (field && value) comparisons.push(comparison(written(field), written(node), written(value)));
    },
  });
  return { mistakes, attributes, comparisons };
}

function comparison(field: string, operator: string, value: string): Comparison {
  const text = /^"(.*)"$/s.exec(value)?.[1];
  const type = text === undefined ? (WORDS[value] ?? (/^[\d.]+$/.test(value) ? 'number' : 'word')) : 'string';
  return { field: field.replace(/^span\./, ''), operator, value: text ?? value, type };
}

const WORDS: Readonly<Record<string, Comparison['type']>> = { nil: 'nil', true: 'boolean', false: 'boolean' };
