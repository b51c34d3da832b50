import type { Handshake, Refusal, Side } from '../../src/handshake/handshake';
import type { Sink } from '../../src/telemetry/sink';

/** Collects what is reported, in order, and lets a test wait for a report instead of sleeping. */
export class HandshakeRecorder implements Sink {
  readonly handshakes: Handshake[] = [];
  readonly refusals: Refusal[] = [];
  /** Told in advance, by side: every one of them is reported afterwards. */
  readonly begunBySide: Record<Side, number> = { client: 0, server: 0 };
  #waiting: Array<() => void> = [];

  begun(side: Side): void {
    this.begunBySide[side]++;
  }

  report(handshake: Handshake): void {
    this.handshakes.push(handshake);
    this.#wake();
  }

  refused(refusal: Refusal): void {
    this.refusals.push(refusal);
    this.#wake();
  }

  /** The first handshake of which `predicate` holds, past or to come. Rejects after `timeoutMs`, saying what there was. */
  async next(predicate: (handshake: Handshake) => boolean = () => true, timeoutMs = 10_000): Promise<Handshake> {
    return this.#find(() => this.handshakes.find(predicate), timeoutMs);
  }

  /** The same for a refusal after the handshake. */
  async nextRefusal(predicate: (refusal: Refusal) => boolean = () => true, timeoutMs = 10_000): Promise<Refusal> {
    return this.#find(() => this.refusals.find(predicate), timeoutMs);
  }

  clear(): void {
    this.handshakes.length = 0;
    this.refusals.length = 0;
    this.begunBySide.client = 0;
    this.begunBySide.server = 0;
  }

  async #find<Report>(find: () => Report | undefined, timeoutMs: number): Promise<Report> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (!(await this.#somethingNew(deadline - Date.now()))) {
        const seen = this.handshakes.map(({ side, outcome }) => `${side} ${JSON.stringify(outcome)}`);
        throw new Error(`Not reported within ${timeoutMs} ms. Reported: ${seen.join(', ') || 'nothing'}`);
      }
    }
  }

  /** False when nothing came in time. */
  #somethingNew(timeoutMs: number): Promise<boolean> {
    if (timeoutMs <= 0) return Promise.resolve(false);
    return new Promise(resolve => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
