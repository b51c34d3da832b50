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

/** Never what a prototype has: it is somebody's text. */
export function own(record: Fields, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Undefined: it has no such field, or can have none. */
export function fieldOf(value: unknown, field: string): unknown {
  const record = recordOf(value);
  return record && own(record, field);
}
