/** What can be registered in the OpenTelemetry API, once for the process. */
export type Entry = 'context' | 'diag' | 'metrics' | 'propagation' | 'trace';

/**
 * Whether somebody has registered something there. The API has no question for it; the key is the same in all its
 * versions, because its copies find each other by it.
 */
export function isRegistered(entry: Entry): boolean {
  const registry = (globalThis as Record<symbol, Partial<Record<Entry, unknown>> | undefined>)[GLOBAL_API];
  return registry?.[entry] !== undefined;
}

const GLOBAL_API = Symbol.for('opentelemetry.js.api.1');
