import { readFile } from 'node:fs/promises';
import type * as Yaml from 'yaml';
import type { PrometheusRule, PrometheusRules } from './alert-rules';
import { QueryError, type QueryReader, queryReader } from './prometheus-query';

/** A file of rules cannot be read. The message is one sentence for a person: file, line, rule, what is wrong. */
export class RuleFileError extends Error {
  override readonly name = 'RuleFileError';
}

export interface RulesRead extends PrometheusRules {
  /** Sentences: what was understood only in part. */
  readonly notes: readonly string[];
}

const LONGEST_TEXT = 8 * 1024 * 1024;

/**
 * Reads rule files of Prometheus, and `PrometheusRule` resources of its operator, which have the same groups within. An
 * empty file has no rules. Throws `RuleFileError`.
 */
export async function readRuleFiles(files: readonly string[]): Promise<RulesRead> {
  const yaml = require('yaml') as typeof Yaml;
  const read = await queryReader();
  const alerts: PrometheusRule[] = [];
  const recordings: PrometheusRule[] = [];
  const notes: string[] = [];
  for (const file of files) {
    const text = await textOf(file);
    const before = alerts.length;
    for (const found of new RuleFile(yaml, file, text, read).rules()) {
      (found.isAlert ? alerts : recordings).push(found.rule);
      if (found.note !== undefined) notes.push(found.note);
    }
    if (alerts.length === before) notes.push(`${file}: there is no alerting rule in it`);
  }
  return { alerts, recordings, notes };
}

async function textOf(file: string): Promise<string> {
  const fault = (what: string) =>
    new RuleFileError(`--rules '${file}': ${what}; a file of Prometheus rules in YAML was expected`);
  const text = await readFile(file, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw fault(FILE_FAULTS[code ?? ''] ?? `cannot be read (${code})`);
  });
  if (text.length > LONGEST_TEXT) throw fault(`longer than ${LONGEST_TEXT} characters`);
  return text;
}

const FILE_FAULTS: { readonly [code: string]: string } = {
  ENOENT: 'there is no such file',
  EISDIR: 'this is a folder',
  EACCES: 'this file may not be read',
};

interface FoundRule {
  readonly isAlert: boolean;
  readonly rule: PrometheusRule;
  readonly note?: string;
}

class RuleFile {
  readonly #yaml: typeof Yaml;
  readonly #file: string;
  readonly #read: QueryReader;
  readonly #lines: Yaml.LineCounter;
  readonly #documents: readonly Yaml.Document[];
  #document: Yaml.Document | undefined;

  constructor(yaml: typeof Yaml, file: string, text: string, read: QueryReader) {
    this.#yaml = yaml;
    this.#file = file;
    this.#read = read;
    this.#lines = new yaml.LineCounter();
    const parsed = yaml.parseAllDocuments(text, { lineCounter: this.#lines, prettyErrors: false, logLevel: 'error' });
    this.#documents = 'empty' in parsed ? [] : parsed;
  }

  *rules(): Generator<FoundRule> {
    for (const document of this.#documents) {
      this.#document = document;
      const [error] = document.errors;
      if (error) throw this.#fault(error.pos[0], `${firstLine(error.message)} (YAML ${error.code})`);
      if (this.#isNothing(document.contents)) continue;
      const top = this.#map(document.contents, 'a file of rules', 'groups');
      // The operator's resource has them one step deeper.
      const holder = top.has('spec') && !top.has('groups') ? this.#map(this.#of(top, 'spec'), 'spec', 'groups') : top;
      if (!holder.has('groups')) throw this.#fault(holder, 'there are no "groups", as a file of Prometheus rules has');
      for (const item of this.#list(this.#of(holder, 'groups'), 'groups')) yield* this.#group(item);
    }
  }

  *#group(item: unknown): Generator<FoundRule> {
    const group = this.#map(item, 'a group', 'name and rules');
    const name = this.#text(group, 'name') ?? '';
    if (name === '') throw this.#fault(group, 'a group without a "name"');
    for (const rule of this.#list(this.#of(group, 'rules'), `rules of group '${name}'`)) yield this.#rule(rule, name);
  }

  #rule(item: unknown, group: string): FoundRule {
    const rule = this.#map(item, `a rule of group '${group}'`, 'alert or record, and expr');
    const alert = this.#text(rule, 'alert');
    const record = this.#text(rule, 'record');
    if ((alert === undefined) === (record === undefined))
      throw this.#fault(
        rule,
        `a rule of group '${group}' has ${alert === undefined ? 'neither "alert" nor' : 'both "alert" and'} "record"`,
      );
    const name = alert ?? record ?? '';
    const called = `${alert === undefined ? 'record' : 'alert'} '${name}' of group '${group}'`;
    const expression = this.#of(rule, 'expr');
    const text = this.#yaml.isScalar(expression) ? String(expression.value ?? '').trim() : undefined;
    if (text === undefined || text === '') throw this.#fault(expression ?? rule, `${called} has no "expr"`);
    const query = this.#query(text, expression, called);
    const obscure = query.some(({ matchers }) => matchers.some(({ isObscure }) => isObscure));
    const note = `${this.#placeOf(expression)}: ${called} has a regular expression that was not understood; it was taken to match nothing`;
    return {
      isAlert: alert !== undefined,
      rule: { name, query, labels: alert === undefined ? this.#labels(rule) : {} },
      ...(obscure && { note }),
    };
  }

  #query(text: string, node: unknown, called: string): PrometheusRule['query'] {
    try {
      return this.#read(text);
    } catch (fault) {
      if (!(fault instanceof QueryError)) throw fault;
      throw this.#fault(node, `${called}: its "expr" is no PromQL: ${fault.message}`);
    }
  }

  #labels(rule: Yaml.YAMLMap): { readonly [label: string]: string } {
    const labels = this.#of(rule, 'labels');
    if (this.#isNothing(labels)) return {};
    return Object.fromEntries(
      this.#map(labels, 'labels', 'names and values').items.map(({ key, value }) => [
        String(this.#yaml.isScalar(key) ? key.value : ''),
        String(this.#yaml.isScalar(value) ? value.value : ''),
      ]),
    );
  }

  #of(map: Yaml.YAMLMap, key: string): unknown {
    const node = map.get(key, true) as unknown;
    return this.#yaml.isAlias(node) ? node.resolve(this.#document!) : node;
  }

  #text(map: Yaml.YAMLMap, key: string): string | undefined {
    const node = this.#of(map, key);
    if (this.#isNothing(node)) return undefined;
    if (!this.#yaml.isScalar(node)) throw this.#fault(node, `"${key}" was expected to be text`);
    return String(node.value);
  }

  #map(node: unknown, what: string, expected: string): Yaml.YAMLMap {
    const resolved = this.#yaml.isAlias(node) ? node.resolve(this.#document!) : node;
    if (!this.#yaml.isMap(resolved)) throw this.#fault(node, `${what} was expected here, with ${expected}`);
    return resolved;
  }

  #list(node: unknown, what: string): readonly unknown[] {
    if (this.#isNothing(node)) return [];
    if (!this.#yaml.isSeq(node)) throw this.#fault(node, `${what}: a list was expected`);
    return node.items;
  }

  #isNothing(node: unknown): boolean {
    return node === undefined || node === null || (this.#yaml.isScalar(node) && node.value === null);
  }

  #fault(at: unknown, what: string): RuleFileError {
    return new RuleFileError(`--rules '${this.#placeOf(at)}': ${what}`);
  }

  /** `alerts.yml:17`. */
  #placeOf(at: unknown): string {
    const offset = typeof at === 'number' ? at : (at as { range?: readonly number[] } | undefined)?.range?.[0];
    return offset === undefined ? this.#file : `${this.#file}:${this.#lines.linePos(offset).line}`;
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.trim().slice(0, 300);
}
