import { ATTRIBUTES, CONNECTION_ID } from '../../src/telemetry/attributes';
import { ANSWER_ATTRIBUTES } from '../../src/telemetry/decision-events';
import { REQUEST_ATTRIBUTES } from '../../src/telemetry/request-attributes';
import { counterpartOf } from './counterparts';
import { code, table, withTables } from './document-tables';
import { SEARCHES, type Search } from './searches';

/** Every attribute that the mappings and the searches may speak of, in the order of the tables of rows. */
export const WATCHED_ATTRIBUTES: readonly string[] = [
  ...new Set([ATTRIBUTES, { [CONNECTION_ID]: true }, REQUEST_ATTRIBUTES, ANSWER_ATTRIBUTES].flatMap(Object.keys)),
];

/** `docs/mappings.md` with its table made anew. Throws for an attribute without a row. */
export function withFreshMappings(text: string): string {
  return withTables('docs/mappings.md', text, { mappings });
}

/** `docs/searches.md` with its recipes made anew. */
export function withFreshSearches(text: string): string {
  return withTables('docs/searches.md', text, { searches: () => SEARCHES.map(recipe).join('\n\n') });
}

/** As they are written into the field "Tags" of Jaeger's UI: `key=value`, in quotes where there is a space. */
export function tagsText(tags: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .map(([name, value]) => `${name}=${/[\s"=]/.test(value) ? JSON.stringify(value) : value}`)
    .join(' ');
}

function mappings(): string {
  // A server's certificate is mapped as a client's is: once is enough to read.
  const names = WATCHED_ATTRIBUTES.filter(name => !name.startsWith('tls.server.'));
  return table(
    ['attribute', 'ECS', 'OCSF', ''],
    names.map(name => {
      const row = counterpartOf(name);
      if (!row) throw new Error(`test/docs/counterparts.ts has no row for ${name}`);
      return [code(name), fields(row.ecs), fields(row.ocsf), row.note ?? ''];
    }),
  );
}

function fields(names: readonly string[]): string {
  return names.map(code).join(', ') || 'none';
}

function recipe({ question, jaeger, traceql, read }: Search): string {
  const lines = [`### ${question}`, ''];
  if (jaeger) {
    lines.push(`Jaeger, ${jaeger.operation ? `operation ${code(jaeger.operation)}, ` : ''}tags:`, '');
    lines.push('```text', tagsText(jaeger.tags), '```', '');
  }
  lines.push('TraceQL:', '', '```text', traceql, '```', '', `Read: ${read}.`);
  return lines.join('\n');
}
