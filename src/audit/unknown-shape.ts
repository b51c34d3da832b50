// What was parsed and is of whatever shape its writer liked: descriptions, evidence, answers.

export type Fields = Readonly<{ [key: string]: unknown }>;

/** Undefined: it is none. */
export function recordOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** Empty: it is none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Undefined: it has no such field, or can have none. Never what a prototype has: names are somebody's text. */
export function fieldOf(value: unknown, field: string): unknown {
  const record = recordOf(value);
  return record && Object.hasOwn(record, field) ? record[field] : undefined;
}
