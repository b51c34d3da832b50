import type { Pattern } from './pattern';
import { PATTERNS, type PatternName, type PatternOptions } from './patterns';

/**
 * Reads what somebody wrote: `{ scanner: false, retry_burst: { failures: 50 } }`, or in one line
 * `scanner=false, retry_burst.failures=50`. A part that is not understood costs itself only and is named. Undefined: it is
 * nothing of the kind.
 */
export function readPatternOptions(given: unknown, complain: (part: string) => void): PatternOptions | undefined {
  const parts = typeof given === 'string' ? partsOfLine(given) : partsOfObject(given);
  if (parts === undefined) return undefined;
  const chosen: Partial<Record<PatternName, boolean | Record<string, number>>> = {};
  for (const { pattern, threshold, value } of parts) {
    if (!Object.hasOwn(PATTERNS, pattern)) {
      complain(`unknown pattern ${shown(pattern)}; known are ${Object.keys(PATTERNS).join(', ')}`);
      continue;
    }
    const name = pattern as PatternName;
    if (threshold === undefined) {
      if (typeof value === 'boolean') chosen[name] = value;
      else complain(`${name} is ${shown(value)}, expected true, false or thresholds`);
      continue;
    }
    const { thresholds }: Pattern<never> = PATTERNS[name];
    const row = Object.hasOwn(thresholds, threshold) ? thresholds[threshold as never] : undefined;
    if (row === undefined) {
      complain(`${name} has no threshold ${shown(threshold)}; it has ${Object.keys(thresholds).join(', ')}`);
      continue;
    }
    const { atMost } = row as { atMost: number };
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > atMost) {
      complain(`${name}.${threshold} is ${shown(value)}, expected a whole number from 1 to ${atMost}`);
      continue;
    }
    const before = chosen[name];
    // Switched off and given a threshold: off.
    if (before !== false) chosen[name] = { ...(typeof before === 'object' && before), [threshold]: value };
  }
  return chosen as PatternOptions;
}

interface Part {
  readonly pattern: string;
  /** Undefined: the pattern itself is meant. */
  readonly threshold?: string | undefined;
  readonly value: unknown;
}

function partsOfObject(given: unknown): Part[] | undefined {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
  return Object.entries(given).flatMap(([pattern, value]): Part[] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).map(([threshold, number]) => ({ pattern, threshold, value: number }))
      : [{ pattern, value }],
  );
}

/** Undefined: it has no equals sign where one should be. */
function partsOfLine(line: string): Part[] | undefined {
  const parts = line.split(',').map(part => /^\s*(\w+)(?:\.(\w+))?\s*=\s*([\w.-]+)\s*$/.exec(part));
  if (parts.includes(null)) return undefined;
  return parts.map(part => {
    const [, pattern = '', threshold, text = ''] = part ?? [];
    const value = text === 'true' || text === 'false' ? text === 'true' : /^\d+$/.test(text) ? Number(text) : text;
    return { pattern, threshold, value };
  });
}

/** On one line and short, whatever it is. */
function shown(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : typeof value === 'number' ? `${value}` : typeof value;
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
