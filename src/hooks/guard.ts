import { diag } from '@opentelemetry/api';

let faultTold = false;

/**
 * Runs our own code inside somebody else's call: nothing it throws gets out. The first fault of the process is told
 * through `diag`, the rest is silence: a fault on every handshake must not become a flood.
 *
 * The application's own code is never run inside a guard: its errors are not ours to catch.
 */
export function guard(ours: () => void): void {
  try {
    ours();
  } catch (fault) {
    tellFault(fault);
  }
}

/** Like `guard`, for code that answers. `otherwise` is the answer when it fails. */
export function guarded<T>(ours: () => T, otherwise: T): T {
  try {
    return ours();
  } catch (fault) {
    tellFault(fault);
    return otherwise;
  }
}

/** Says through `diag` what a person should know. A logger that throws must not reach the application through us. */
export function warn(sentence: string): void {
  try {
    diag.warn(`opentelemetry-instrumentation-tls: ${sentence}`);
  } catch {
    // Then nobody hears of it.
  }
}

/** For a `catch` on a path where `guard` and its closure are two functions too many. */
export function tellFault(fault: unknown): void {
  if (faultTold) return;
  faultTold = true;
  try {
    diag.error('opentelemetry-instrumentation-tls: a fault of its own; this handshake may be missing', fault);
  } catch {
    // As above.
  }
}
