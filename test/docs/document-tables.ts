/**
 * A document with each table made anew. Throws when a table has no place between `<!-- name:begin -->` and
 * `<!-- name:end -->`, or a place has neither a table nor a name in `byHand`.
 */
export function withTables(
  what: string,
  text: string,
  tables: Readonly<Record<string, () => string>>,
  byHand: readonly string[] = [],
): string {
  const places = [...text.matchAll(/<!-- ([a-z-]+):begin -->/g)].map(match => match[1] as string);
  const unknown = places.filter(name => !Object.hasOwn(tables, name) && !byHand.includes(name));
  if (unknown.length > 0) throw new Error(`${what} has a place for unknown tables: ${unknown.join(', ')}`);
  return Object.entries(tables).reduce((whole, [name, table]) => {
    const place = new RegExp(`(<!-- ${name}:begin -->\\n)[\\s\\S]*?(<!-- ${name}:end -->)`);
    if (!place.test(whole)) throw new Error(`${what} has no place for the table ${name}`);
    return whole.replace(place, (_whole, begin: string, end: string) => `${begin}\n${table()}\n\n${end}`);
  }, text);
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

export function code(value: unknown): string {
  return `\`${value}\``;
}
