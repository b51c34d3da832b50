import { isMainThread } from 'node:worker_threads';
import { PrototypePatch } from '../hooks/prototype-patch';

/** A dead collector must not hold an exit for longer. */
export const FLUSH_LIMIT_MS = 2_000;

/** An application may go on when everything seems done, and end again; but no process goes on for the sake of flushing. */
const MAX_FLUSHES = 10;

/** The instrumentation's listener on 'beforeExit'. */
const OWN_LISTENERS = 1;

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Gives the SDK the time to send what it has, at most 2 s, before the process ends by itself or by a signal. */
export class FlushAtEnd {
  readonly #flush: () => Promise<void> | undefined;
  readonly #onTimeout: () => void;
  /**
   * A flush makes the loop turn once more, after which Node emits 'beforeExit' again. So that the application hears it as
   * often as it would without us, the event is held back as long as there is something to flush.
   *
   * Who else listens to a signal is counted before anybody hears of it: who comes before us may be gone by our turn.
   */
  readonly #aheadOfEvents = PrototypePatch.around<NodeJS.Process>(process, 'emit', (self, args, original) => {
    const [event, code] = args;
    if (event === 'beforeExit' && this.#holdsBack(Number(code))) return true;
    if (this.#signals.has(event as NodeJS.Signals)) this.#countListeners(event as NodeJS.Signals);
    return Reflect.apply(original, self, args);
  });
  readonly #signals = new Map<NodeJS.Signals, () => void>();
  /** Signals to which the application listened when they last came. */
  readonly #handled = new Set<NodeJS.Signals>();
  #flushing = false;
  #timesHeldBack = 0;
  #calledOff = false;

  /** `flush`: undefined when there is nothing to wait for. Never rejects. */
  constructor(flush: () => Promise<void> | undefined, onTimeout: () => void) {
    this.#flush = flush;
    this.#onTimeout = onTimeout;
  }

  onBeforeExit(): void {
    this.#aheadOfEvents.enable();
  }

  onSignals(): void {
    // A worker thread hears of no signals.
    if (this.#signals.size > 0 || !isMainThread) return;
    for (const signal of SIGNALS) {
      const listener = () => this.#bySignal(signal, listener);
      this.#signals.set(signal, listener);
      process.prependListener(signal, listener);
    }
  }

  /** The process ends as others arrange it. */
  callOff(): void {
    this.#calledOff = true;
    this.#aheadOfEvents.disable();
    for (const [signal, listener] of this.#signals) process.off(signal, listener);
  }

  #holdsBack(code: number): boolean {
    if (this.#timesHeldBack === MAX_FLUSHES) return false;
    const flushed = this.#withinLimit();
    if (flushed === undefined) return false;
    this.#timesHeldBack++;
    const onlyOurs = process.listenerCount('beforeExit') <= OWN_LISTENERS;
    void flushed.then(inTime => {
      // An export that waits for its next attempt would hold the process for ten more seconds. With nobody else at
      // 'beforeExit', nothing but that can be alive.
      if (!inTime && onlyOurs) process.exit(process.exitCode ?? code);
    });
    // A flush that needs no turn of the loop would be the end, with the event unheard.
    setImmediate(() => {});
    return true;
  }

  /**
   * A listener takes Node's own ending away, and it is not only we who end by the signal where nobody else listens: so at
   * first we are gone, before the others look around. For an impatient person that has another good: the second signal
   * ends it at once.
   */
  #bySignal(signal: NodeJS.Signals, listener: () => void): void {
    process.off(signal, listener);
    const nobodyElse = !this.#handled.has(signal) && process.listenerCount(signal) === 0;
    const flushed = (this.#flushing ? undefined : this.#withinLimit()) ?? Promise.resolve();
    void flushed.then(() => {
      if (nobodyElse) process.kill(process.pid, signal);
      else if (!this.#calledOff) process.prependListener(signal, listener);
    });
  }

  #countListeners(signal: NodeJS.Signals): void {
    const ours = this.#signals.get(signal);
    if (process.listeners(signal).some(listener => listener !== ours)) this.#handled.add(signal);
    else this.#handled.delete(signal);
  }

  /** Answers false when the time was up first; undefined when there is nothing to wait for. */
  #withinLimit(): Promise<boolean> | undefined {
    const flushed = this.#flush();
    if (flushed === undefined) return undefined;
    this.#flushing = true;
    return new Promise(resolve => {
      const settle = (inTime: boolean) => {
        clearTimeout(timer);
        this.#flushing = false;
        if (!inTime) this.#onTimeout();
        resolve(inTime);
      };
      const timer = setTimeout(() => settle(false), FLUSH_LIMIT_MS);
      void flushed.then(() => settle(true));
    });
  }
}
