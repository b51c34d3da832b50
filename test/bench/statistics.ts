import * as os from 'node:os';

export function inAnyOrder<T>(list: readonly T[]): T[] {
  const shuffled = [...list];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
  }
  return shuffled;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** Median and quartiles. */
export function spread(values: readonly number[]): string {
  const [low, middle, high] = [0.25, 0.5, 0.75].map(q => quantile(values, q).toFixed(3));
  return `${middle} (${low}..${high})`;
}

/** Somewhere within `low` and `high` the median of ever more such values would lie, in nineteen of twenty runs. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** By ranks, as the sign test has it: whatever the values' distribution, and however wild a few of them are. */
export function medianOf(values: readonly number[]): Estimate {
  const reach = 0.98 / Math.sqrt(values.length);
  return {
    median: quantile(values, 0.5),
    low: quantile(values, Math.max(0, 0.5 - reach)),
    high: quantile(values, Math.min(1, 0.5 + reach)),
  };
}

/** Of two that were measured apart from each other. */
export function ratioOf(one: Estimate, other: Estimate): Estimate {
  const median = one.median / other.median;
  const halfWidth = ({ low, high }: Estimate) => Math.log(high / low) / 2;
  const factor = Math.exp(Math.hypot(halfWidth(one), halfWidth(other)));
  return { median, low: median / factor, high: median * factor };
}

export function written({ median, low, high }: Estimate): string {
  return `${median.toFixed(3)} (${low.toFixed(3)}..${high.toFixed(3)})`;
}

/** Whatever was measured, it was then and there. */
export function whereAndWhen(): string {
  const [cpu] = os.cpus();
  return `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${os.cpus().length} x ${cpu?.model.trim()}`;
}
