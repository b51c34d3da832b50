import type { DescriptionDocument, Operation } from '../audit/operations';
import { type Fields, fieldOf, listOf, recordOf } from '../audit/unknown-shape';

/** A protected operation as a probe asks for it. */
export interface ProbeTarget {
  readonly operation: Operation;
  /** Upper case. */
  readonly method: string;
  /** With the base path, and the query that it demands; fit for a request line. */
  readonly path: string;
}

export interface TargetOptions {
  /** Upper case. What else than reading does, is the caller's to allow. */
  readonly methods: readonly string[];
  /** `api.example.com`: which of the description's servers this is. */
  readonly host: string;
  /** In place of the description's. Undefined: what the description says. Does not end in a slash. */
  readonly basePath: string | undefined;
}

/**
 * What there is to be asked for: the operations that demand a certificate of everybody, by these methods. Parameters have
 * the values that the description gives as example, default or first of a list; else one that is meant to do no harm.
 */
export function probeTargets(
  operations: readonly Operation[],
  document: DescriptionDocument,
  { methods, host, basePath }: TargetOptions,
): readonly ProbeTarget[] {
  return operations
    .filter(({ protection, method }) => protection === 'required' && methods.includes(method))
    .map(operation => {
      const item = recordOf(fieldOf(fieldOf(document, 'paths'), operation.path)) ?? {};
      const fields = recordOf(fieldOf(item, operation.method.toLowerCase())) ?? {};
      const places = [fields, item, document];
      const server = operation.servers.find(one => one.host === host) ?? operation.servers[0];
      const base = basePath ?? filled(server?.basePath ?? '', name => variable(places, name));
      const parameters = [fields, item]
        .flatMap(place => listOf(fieldOf(place, 'parameters')))
        .map(recordOf)
        .filter(parameter => parameter !== undefined);
      const path = filled(
        operation.path,
        name => harmlessValue(parameterOf(parameters, 'path', name)) ?? HARMLESS_TEXT,
      );
      return { operation, method: operation.method, path: `${base}${path}${queryOf(parameters)}` || '/' };
    });
}

/** What no application means by anything, and what fits where words, names or identifiers of letters do. */
const HARMLESS_TEXT = 'probe';
const LONGEST_VALUE = 200;

/** By the type and format of a parameter without any example. */
const HARMLESS_VALUES: { readonly [format: string]: string } = {
  integer: '0',
  number: '0',
  boolean: 'false',
  uuid: '00000000-0000-0000-0000-000000000000',
  date: '2000-01-01',
  'date-time': '2000-01-01T00:00:00Z',
};

/** A value must not lead elsewhere: it is one segment, and never one of dots alone. */
function filled(template: string, valueFor: (name: string) => string): string {
  return template
    .split('/')
    .map(segment => {
      const written = segment
        .split(/(\{[^{}]*\})/)
        .map((piece, index) => (index % 2 === 0 ? encoded(piece) : encodeURIComponent(valueFor(piece.slice(1, -1)))))
        .join('');
      return /^\.{1,2}$/.test(written) ? HARMLESS_TEXT : written;
    })
    .join('/');
}

/** What a description writes may be encoded already, and everything that may stand in a path stays as it is. */
function encoded(literal: string): string {
  return wellFormed(literal).replace(/[^\w.~!$&'()*+,;=:@%-]/gu, encodeURIComponent);
}

/** Halves of characters, which have no encoding, are left out. */
function wellFormed(text: string): string {
  return text.replace(/\p{Cs}/gu, '');
}

/** Of the nearest `servers` that knows it. */
function variable(places: readonly Fields[], name: string): string {
  for (const place of places) {
    for (const server of listOf(fieldOf(place, 'servers'))) {
      const value = textOf(fieldOf(fieldOf(fieldOf(server, 'variables'), name), 'default'));
      if (value !== undefined) return value;
    }
  }
  return HARMLESS_TEXT;
}

function parameterOf(parameters: readonly Fields[], place: string, name: string): Fields | undefined {
  return parameters.find(parameter => fieldOf(parameter, 'in') === place && fieldOf(parameter, 'name') === name);
}

/** Without what is demanded nothing but 400 comes back; what has no example is left to that. */
function queryOf(parameters: readonly Fields[]): string {
  const pairs = parameters
    .filter(parameter => fieldOf(parameter, 'in') === 'query' && fieldOf(parameter, 'required') === true)
    .flatMap(parameter => {
      const [name, value] = [textOf(fieldOf(parameter, 'name')), exampleOf(parameter)];
      return name === undefined || value === undefined
        ? []
        : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`];
    });
  return pairs.length === 0 ? '' : `?${[...new Set(pairs)].join('&')}`;
}

function harmlessValue(parameter: Fields | undefined): string | undefined {
  if (parameter === undefined) return undefined;
  const example = exampleOf(parameter);
  if (example !== undefined && example !== '') return example;
  // OpenAPI 2.0 has type and format at the parameter itself.
  const schema = recordOf(fieldOf(parameter, 'schema')) ?? parameter;
  const minimum = fieldOf(schema, 'minimum');
  if (typeof minimum === 'number' && minimum > 0) return String(Math.ceil(minimum));
  for (const key of [fieldOf(schema, 'format'), fieldOf(schema, 'type')])
    if (typeof key === 'string' && Object.hasOwn(HARMLESS_VALUES, key)) return HARMLESS_VALUES[key];
  return undefined;
}

/** Where descriptions have examples, the nearest first: of the parameter, of its schema. */
function exampleOf(parameter: Fields): string | undefined {
  const schema = fieldOf(parameter, 'schema');
  const named = recordOf(fieldOf(parameter, 'examples'));
  const candidates = [
    fieldOf(parameter, 'example'),
    ...Object.values(named ?? {}).map(one => fieldOf(one, 'value')),
    fieldOf(parameter, 'x-example'),
    fieldOf(schema, 'example'),
    ...listOf(fieldOf(schema, 'examples')),
    fieldOf(schema, 'const'),
    fieldOf(schema, 'default'),
    fieldOf(parameter, 'default'),
    ...listOf(fieldOf(schema, 'enum')),
    ...listOf(fieldOf(parameter, 'enum')),
  ];
  return candidates.map(textOf).find(text => text !== undefined);
}

function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined;
  return wellFormed(String(value).slice(0, LONGEST_VALUE));
}
