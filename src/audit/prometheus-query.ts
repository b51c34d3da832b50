/** A query cannot be read. The message says where, and what stands there. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
}

/** A selector of a query, and what its result still says where the query's own result leaves. */
export interface Selector {
  /** `__name__` among them, for a name that stands before the braces. */
  readonly matchers: readonly Matcher[];
  /** False: an aggregation on the way out took the label away. */
  readonly keeps: (label: string) => boolean;
}

export interface Matcher {
  readonly label: string;
  /** A label that is not there is the empty string. */
  readonly matches: (value: string) => boolean;
  /** For `=` alone: the value. */
  readonly exact?: string;
  /** The pattern is one that Prometheus may understand and we do not: then it matches nothing. */
  readonly isObscure?: true;
}

/** Reads PromQL: answers the selectors on which it depends whether a query has a result. Throws `QueryError`. */
export type QueryReader = (query: string) => readonly Selector[];

/** Prometheus's own grammar, which nobody needs but who gives rules: it is loaded here. */
export async function queryReader(): Promise<QueryReader> {
  const { parser } = await import('@prometheus-io/lezer-promql');
  return query => {
    if (query.length > LONGEST_QUERY) throw new QueryError(`longer than ${LONGEST_QUERY} characters`);
    const tree = parser.parse(query);
    let at: number | undefined;
    tree.iterate({
      enter: node => {
        if (node.type.isError) at ??= node.from;
      },
    });
    if (at !== undefined) throw new QueryError(at >= query.trimEnd().length ? 'it ends early' : placeIn(query, at));
    const [expression] = childrenOf(tree.topNode);
    return expression === undefined ? [] : selectorsOf(expression, query, 0);
  };
}

const LONGEST_QUERY = 100_000;
const DEEPEST = 500;

type Grammar = typeof import('@prometheus-io/lezer-promql', { with: { 'resolution-mode': 'import' }});
type SyntaxNode = ReturnType<Grammar['parser']['parse']>['topNode'];

function placeIn(query: string, at: number): string {
  const rest = query.slice(at, at + 30).replace(/\s+/g, ' ');
  return `not understood from '${rest}' on`;
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  return children;
}

function selectorsOf(node: SyntaxNode, query: string, depth: number): readonly Selector[] {
  if (depth > DEEPEST) throw new QueryError('nested too deeply');
  const within = (nodes: readonly SyntaxNode[]) => nodes.flatMap(child => selectorsOf(child, query, depth + 1));
  const children = childrenOf(node);
  switch (node.name) {
    case 'VectorSelector':
      return [{ matchers: matchersOf(node, query), keeps: () => true }];
    case 'BinaryExpr': {
      const [left, right] = [children[0]!, children.at(-1)!];
      if (children.some(({ name }) => name === 'Or' || name === 'Add')) return within([left, right]);
      // Of a ratio, a comparison, `and`, `unless`: what is asked about stands first, unless that is a number.
      const asked = within([left]);
      return asked.length > 0 ? asked : within([right]);
    }
    case 'AggregateExpr': {
      const keeps = keepsOf(node, query);
      return within(children).map(selector => ({
        matchers: selector.matchers,
        keeps: label => selector.keeps(label) && keeps(label),
      }));
    }
    case 'FunctionCall':
      // It rings when there is nothing.
      return children.some(child => /^Absent/.test(childrenOf(child)[0]?.name ?? '')) ? [] : within(children);
    default:
      return within(children);
  }
}

/** Aggregations that leave whole series. */
const CHOOSING = ['Topk', 'Bottomk', 'LimitK', 'LimitRatio'];

function keepsOf(aggregate: SyntaxNode, query: string): (label: string) => boolean {
  const operator = aggregate.getChild('AggregateOp')?.firstChild?.name ?? '';
  if (CHOOSING.includes(operator)) return () => true;
  const modifier = aggregate.getChild('AggregateModifier');
  const labels = childrenOf(modifier?.getChild('GroupingLabels') ?? aggregate)
    .filter(({ name }) => name === 'LabelName' || name === 'QuotedLabelName')
    .map(label => labelOf(label, query));
  const isWithout = modifier?.firstChild?.name === 'Without';
  return label => labels.includes(label) !== isWithout;
}

function matchersOf(selector: SyntaxNode, query: string): Matcher[] {
  const name = selector.getChild('Identifier');
  const matchers = childrenOf(selector.getChild('LabelMatchers') ?? selector).flatMap(matcher => {
    // A name that is quoted, within the braces.
    if (matcher.name === 'QuotedLabelName') return [matcherOf(NAME, 'EqlSingle', labelOf(matcher, query))];
    const [label, operator, value] = childrenOf(matcher);
    if (!matcher.name.endsWith('Matcher') || !label || !operator?.firstChild || !value) return [];
    return [matcherOf(labelOf(label, query), operator.firstChild.name, unquoted(textIn(value, query)))];
  });
  return name ? [matcherOf(NAME, 'EqlSingle', textIn(name, query)), ...matchers] : matchers;
}

export const NAME = '__name__';

function textIn({ from, to }: SyntaxNode, query: string): string {
  return query.slice(from, to);
}

/** `error.type`, in quotes, is the label that others call `error_type`. */
function labelOf(node: SyntaxNode, query: string): string {
  const text = textIn(node, query);
  return asLabel(/^["'`]/.test(text) ? unquoted(text) : text);
}

/** As Prometheus writes names that have dots in them, unless it is told to leave them. */
export function asLabel(name: string): string {
  return name.replace(/[^\w:]/g, '_');
}

function matcherOf(label: string, operator: string, value: string): Matcher {
  switch (operator) {
    case 'EqlSingle': {
      const exact = label === NAME ? asLabel(value) : value;
      return { label, matches: given => given === exact, exact };
    }
    case 'Neq':
      return { label, matches: given => given !== value };
    default: {
      const pattern = patternOf(value);
      if (pattern === undefined) return { label, matches: () => false, isObscure: true };
      return { label, matches: given => pattern.test(given) === (operator === 'EqlRegex') };
    }
  }
}

/** Undefined: RE2 may know it, and JavaScript does not. Anchored at both ends, as Prometheus has it. */
function patternOf(re2: string): RegExp | undefined {
  const [flags, set = ''] = /^\(\?([ims]+)\)/.exec(re2) ?? [''];
  const body = re2.slice(flags.length).replaceAll('(?P<', '(?<').replaceAll('\\A', '^').replaceAll('\\z', '$');
  try {
    return new RegExp(`^(?:${body})$`, [...new Set(`${set}s`)].join(''));
  } catch {
    return undefined;
  }
}

const ESCAPED: { readonly [letter: string]: string } = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Text as Go writes it: in backticks as it is, in quotes with escapes. */
function unquoted(text: string): string {
  const inner = text.slice(1, -1);
  if (text.startsWith('`')) return inner;
  return inner.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gs,
    (_, byte, short, long, octal, letter: string) => {
      const hex = byte ?? short ?? long;
      if (hex === undefined && octal === undefined) return ESCAPED[letter] ?? letter;
      const code = hex === undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : '';
    },
  );
}
