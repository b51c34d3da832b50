import { performance } from 'node:perf_hooks';

/** A wall clock set back or forward by more than this is followed, not smoothed. */
const TOLERATED_DRIFT_MS = 5;

let wallOrigin = Date.now() - performance.now();

/** Milliseconds since the epoch with sub-millisecond steps, following the wall clock when that is set. */
export function now(): number {
  const elapsed = performance.now();
  const wall = Date.now();
  if (Math.abs(wall - (wallOrigin + elapsed)) > TOLERATED_DRIFT_MS) wallOrigin = wall - elapsed;
  return wallOrigin + elapsed;
}

/** The same, for who has called `now()` a moment ago: by the wall clock as it was then. */
export function steadyNow(): number {
  return wallOrigin + performance.now();
}
