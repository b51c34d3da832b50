import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import type * as Yaml from 'yaml';
import type * as OpenApiParser from '@readme/openapi-parser';
import type { DescriptionRead, Location } from './audit-result';
import type { DescriptionDocument, Locate } from './operations';

/** A description cannot be audited. The message is one sentence for a person: place, what is wrong, the rule. */
export class DescriptionError extends Error {
  override readonly name = 'DescriptionError';
}

export interface Description {
  readonly document: DescriptionDocument;
  readonly locate: Locate;
  readonly read: DescriptionRead;
}

/** Bytes of an answer. */
const LARGEST_ANSWER = 32 * 1024 * 1024;
const PATIENCE_MS = 10_000;
const MOST_HOPS = 10;

/**
 * Reads an OpenAPI description (2.0, 3.0, 3.1; JSON or YAML) from a file or an http(s) URL, validates it and resolves its
 * references, which may be local, to other files or to URLs. Throws `DescriptionError`.
 */
export async function readDescription(source: string): Promise<Description> {
  const yaml = require('yaml') as typeof Yaml;
  const written = new WrittenDocuments(yaml, source);
  const main = await written.open(source);
  const raw = main.document.toJS({ maxAliasCount: 10_000 }) as unknown;
  const format = formatOf(raw);
  if (format === undefined)
    throw new DescriptionError(
      `${source}: this is no API description: it has neither "openapi" nor "swagger" with a version`,
    );

  // A quarter of a second: for whoever audits. The validator reads nothing from addresses of one's own network, where most
  // descriptions are; so what is elsewhere is brought here first.
  const { bundle } = await import('@apidevtools/json-schema-ref-parser');
  const parser = require('@readme/openapi-parser') as typeof OpenApiParser;
  const lost = (fault: unknown) => {
    throw new DescriptionError(wordsOf(fault, source, text => written.lineOfReference(text)));
  };
  const bundled = await bundle(source, { resolve: { http: { timeout: PATIENCE_MS, safeUrlResolver: false } } }).catch(
    lost,
  );
  const result = await parser.validate(structuredClone(bundled) as never).catch(lost);
  const document = (await parser
    .dereference(structuredClone(bundled) as never)
    .catch(lost)) as unknown as DescriptionDocument;
  if (!result.valid) throw new DescriptionError(complaintsOf(result, document, main, source));
  await written.openReferenced();
  const { title, version } = (document as unknown as { info: { title?: unknown; version?: unknown } }).info;
  return {
    document,
    locate: path => written.locate(path),
    read: { source, title: String(title ?? ''), version: String(version ?? ''), format },
  };
}

function formatOf(document: unknown): string | undefined {
  if (typeof document !== 'object' || document === null) return undefined;
  const { openapi, swagger } = document as { openapi?: unknown; swagger?: unknown };
  if (typeof openapi === 'string') return `OpenAPI ${openapi.slice(0, 20)}`;
  return typeof swagger === 'string' ? `Swagger ${swagger.slice(0, 20)}` : undefined;
}

interface Written {
  readonly source: string;
  readonly document: Yaml.Document.Parsed;
  readonly lines: Yaml.LineCounter;
}

type Pointer = readonly (string | number)[];

/** The description and what it refers to, as they were written: for the lines. */
class WrittenDocuments {
  readonly #yaml: typeof Yaml;
  readonly #main: string;
  readonly #opened = new Map<string, Written>();

  constructor(yaml: typeof Yaml, main: string) {
    this.#yaml = yaml;
    this.#main = main;
  }

  async open(source: string): Promise<Written> {
    const text = await textOf(source);
    const lines = new this.#yaml.LineCounter();
    const document = this.#yaml.parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
    const [error] = document.errors;
    if (error) {
      const { line, col } = lines.linePos(error.pos[0]);
      throw new DescriptionError(`${source}:${line}:${col}: ${oneLine(error.message)} (YAML ${error.code})`);
    }
    const written = { source, document, lines };
    this.#opened.set(source, written);
    return written;
  }

  /** The files that paths are in; what cannot be read here was no hindrance to the parser, and has no lines then. */
  async openReferenced(): Promise<void> {
    const main = this.#opened.get(this.#main)!;
    const paths = main.document.getIn(['paths']);
    if (!this.#yaml.isMap(paths)) return;
    for (const { value } of paths.items) {
      const reference = this.#reference(value);
      const file = reference && this.#fileOf(reference);
      if (file && !this.#opened.has(file)) await this.open(file).catch(() => undefined);
    }
  }

  /** The line of the reference in the description that a complaint speaks of. Undefined: it is in another file. */
  lineOfReference(complaint: string): number | undefined {
    const { document, lines } = this.#opened.get(this.#main)!;
    let longest = '';
    let offset: number | undefined;
    this.#yaml.visit(document, {
      Map: (_, node) => {
        const reference = this.#reference(node);
        if (reference === undefined) return;
        const [file = ''] = reference.split('#', 1);
        // A file is named by its whole path.
        const name = complaint.includes(reference) ? reference : file.replace(/^(?:\.{1,2}\/)+/, '');
        if (name.length <= longest.length || !complaint.includes(name)) return;
        longest = name;
        offset = (node.get('$ref', true) as Yaml.Scalar | undefined)?.range?.[0];
      },
    });
    return offset === undefined ? undefined : lines.linePos(offset).line;
  }

  /** The key at the end of the path, or of what could be found of it. */
  locate(path: readonly string[]): Location {
    let written = this.#opened.get(this.#main)!;
    let node: unknown = written.document.contents;
    let found: Location = { source: this.#main };
    for (const key of path) {
      // A reference may lead to another; in a circle, to nothing.
      for (let hops = 0; hops < MOST_HOPS; hops++) {
        const reference = this.#reference(node);
        const aim = reference === undefined ? undefined : this.#follow(reference, written);
        if (aim === undefined) break;
        [written, node] = aim;
      }
      if (!this.#yaml.isMap(node)) return found;
      const pair = node.items.find(item => this.#yaml.isScalar(item.key) && String(item.key.value) === key);
      if (pair === undefined) return found;
      const at = (pair.key as Yaml.Scalar).range?.[0];
      if (at !== undefined) {
        const { line, col } = written.lines.linePos(at);
        found = { source: written.source, line, column: col };
      }
      node = this.#yaml.isAlias(pair.value) ? pair.value.resolve(written.document) : pair.value;
    }
    return found;
  }

  #reference(node: unknown): string | undefined {
    const value = this.#yaml.isMap(node) ? node.get('$ref') : undefined;
    return typeof value === 'string' ? value : undefined;
  }

  #follow(reference: string, from: Written): [Written, unknown] | undefined {
    const [file = '', pointer = ''] = reference.split('#', 2);
    const written = file === '' ? from : this.#opened.get(this.#fileOf(reference) ?? '');
    if (written === undefined) return undefined;
    const keys = pointer.split('/').slice(1).map(unescaped);
    return [written, keys.length === 0 ? written.document.contents : written.document.getIn(keys, true)];
  }

  /** Undefined: within the description. Of a reference in the description itself, as ours are. */
  #fileOf(reference: string): string | undefined {
    const [file = ''] = reference.split('#', 1);
    if (file === '') return undefined;
    if (isUrl(file)) return file;
    if (isUrl(this.#main)) return new URL(file, this.#main).href;
    const path = decodeURIComponent(file);
    return isAbsolute(path) ? path : join(dirname(this.#main), path);
  }
}

function unescaped(token: string): string {
  const text = token.replaceAll('~1', '/').replaceAll('~0', '~');
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source);
}

async function textOf(source: string): Promise<string> {
  if (!isUrl(source)) {
    try {
      return await readFile(source, 'utf8');
    } catch (fault) {
      const { code } = fault as NodeJS.ErrnoException;
      throw new DescriptionError(
        `${source}: ${FILE_FAULTS[code ?? ''] ?? `cannot be read (${code})`}; an OpenAPI description was expected`,
      );
    }
  }
  const response = await fetch(source, { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(fault => {
    throw new DescriptionError(`${source}: ${unreachable(fault)}; an OpenAPI description was expected there`);
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new DescriptionError(
      `${source}: the answer was ${response.status}; an OpenAPI description was expected there`,
    );
  }
  if (/\bhtml\b/i.test(response.headers.get('content-type') ?? '')) {
    await response.body?.cancel();
    throw new DescriptionError(
      `${source}: the answer is HTML; an OpenAPI description in JSON or YAML was expected there`,
    );
  }
  return bodyOf(response, source);
}

/** No more than a description may have: nobody waits for the rest. */
async function bodyOf(response: Response, source: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > LARGEST_ANSWER) break;
      chunks.push(chunk);
    }
  } catch {
    throw new DescriptionError(`${source}: the answer broke off; an OpenAPI description was expected there`);
  }
  if (bytes > LARGEST_ANSWER) throw new DescriptionError(`${source}: larger than ${LARGEST_ANSWER} bytes`);
  return new TextDecoder().decode(Buffer.concat(chunks));
}

const FILE_FAULTS: { readonly [code: string]: string } = {
  ENOENT: 'there is no such file',
  EISDIR: 'this is a folder',
  EACCES: 'this file may not be read',
};

function unreachable(fault: unknown): string {
  const { name, message, cause } = fault as Error;
  if (name === 'TimeoutError') return `no answer within ${PATIENCE_MS / 1000} s`;
  const { code } = (cause ?? {}) as { code?: unknown };
  return `not reachable (${typeof code === 'string' ? code : message})`;
}

/** Of a reference that leads nowhere, or a file that is none. */
function wordsOf(fault: unknown, source: string, lineOf: (text: string) => number | undefined): string {
  const message = oneLine((fault as Error).message ?? String(fault));
  const local = message.replaceAll(`${process.cwd()}/`, '');
  const line = lineOf(message);
  return `${source}${line === undefined ? '' : `:${line}`}: ${local} (rule: every $ref can be resolved)`;
}

type Invalid = Extract<OpenApiParser.ValidationResult, { valid: false }>;

/** The first few, each with its place. */
function complaintsOf(
  result: Invalid,
  document: unknown,
  { document: written, lines }: Written,
  source: string,
): string {
  const pretty = prettyJson(document);
  const complaints = result.errors.slice(0, 5).map(({ message }) => {
    const [sentence = ''] = message.split('\n');
    const at = /^>\s*(\d+) \|/m.exec(message)?.[1];
    const path = at === undefined ? pathNamedIn(sentence, document) : pathAt(pretty, Number(at));
    const offset = path && offsetOf(written, path);
    const rule = /^([A-Z][A-Z ]+[A-Z]) /.exec(sentence)?.[1];
    const words = rule
      ? `${sentence.slice(rule.length + 1)} (rule: ${rule.toLowerCase()})`
      : `${sentence} (rule: the specification's)`;
    const what = /\^+ (.+)$/m.exec(message)?.[1];
    const place = offset === undefined ? source : `${source}:${lines.linePos(offset).line}`;
    return `${place}: ${oneLine(what ? `${words}: ${what}` : words)}`;
  });
  const more = result.errors.length - complaints.length + result.additionalErrors;
  return [...complaints, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** What is said beyond the schema has no line, but names a path, or an operation by its id. */
function pathNamedIn(sentence: string, document: unknown): Pointer | undefined {
  const { paths } = document as { paths?: unknown };
  if (typeof paths !== 'object' || paths === null) return undefined;
  const keys = Object.keys(paths);
  const [named] = keys.filter(key => sentence.includes(`/paths${key}`)).sort((one, other) => other.length - one.length);
  if (named !== undefined) {
    const method = /^\/(\w+)/.exec(sentence.slice(sentence.indexOf(`/paths${named}`) + `/paths${named}`.length))?.[1];
    return ['paths', named, ...(method === undefined ? [] : [method])];
  }
  const odd = keys.find(key => !key.startsWith('/'));
  if (odd !== undefined && sentence.includes('leading slash')) return ['paths', odd];
  const id = /operationId `(.*)`/.exec(sentence)?.[1];
  if (id === undefined) return undefined;
  const operations = keys.flatMap(key =>
    Object.entries((paths as Record<string, object | null>)[key] ?? {}).map(([method, value]) => ({
      key,
      method,
      value,
    })),
  );
  // The one that came later has what another had already.
  const last = operations.findLast(({ value }) => (value as { operationId?: unknown } | null)?.operationId === id);
  return last && ['paths', last.key, last.method, 'operationId'];
}

function prettyJson(document: unknown): string[] {
  try {
    return JSON.stringify(document, null, 2).split('\n');
  } catch {
    // It refers to itself.
    return [];
  }
}

/** The path to a line of indented JSON: each key on a line of its own. Without numbers of lists, which have no key. */
function pathAt(lines: readonly string[], line: number): Pointer | undefined {
  if (line > lines.length) return undefined;
  const path: (string | number)[] = [];
  let depth = Number.POSITIVE_INFINITY;
  for (let at = line - 1; at >= 0; at--) {
    const [, indent = '', key] = /^( *)(?:("(?:[^"\\]|\\.)*"):)?/.exec(lines[at]!) ?? [];
    if (indent.length >= depth) continue;
    if (key !== undefined) path.unshift(JSON.parse(key) as string);
    else if (at < line - 1 || /[[{]$/.test(lines[at]!)) {
      // An element of a list: how many of its indentation stand before it?
      let index = 0;
      for (let before = at - 1; before >= 0; before--) {
        const other = /^ */.exec(lines[before]!)![0].length;
        if (other < indent.length) break;
        if (other === indent.length && !/^ *[}\]]/.test(lines[before]!)) index++;
      }
      if (indent.length > 0) path.unshift(index);
    }
    depth = indent.length;
  }
  return path;
}

/** As far as the path leads in what was written: behind a reference it is somewhere else. */
function offsetOf(document: Yaml.Document.Parsed, path: Pointer): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true) as { items?: readonly unknown[] } | undefined;
    const last = path[length - 1];
    for (const item of parent?.items ?? []) {
      const { key } = item as { key?: { value?: unknown; range?: readonly number[] } };
      if (key?.value === last) return key?.range?.[0];
    }
    const node = document.getIn(path.slice(0, length), true) as { range?: readonly number[] } | undefined;
    if (typeof last === 'number' && node?.range) return node.range[0];
  }
  return document.contents?.range?.[0];
}

function oneLine(text: string): string {
  return text.split('\n', 1)[0]!.trim().slice(0, 500);
}
