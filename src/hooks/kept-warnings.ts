import { warn } from './guard';
import { isRegistered } from './registered';

/** More than somebody who misspelt his options needs; and each of them may be garbage that changes from time to time. */
const MOST_KEPT = 20;

/**
 * What a person should know, said through `diag` as soon as somebody listens there. An instrumentation reads its options
 * when it is made, and `NodeSDK`, to which it is then given, puts its logger in place afterwards: `diag` drops what was said
 * until then. Where nobody ever listens, nothing is said.
 */
export class KeptWarnings {
  #kept: string[] = [];

  /** At once where there is a logger. */
  say(sentence: string): void {
    this.sayKept();
    if (isRegistered('diag')) warn(sentence);
    else if (this.#kept.length < MOST_KEPT && !this.#kept.includes(sentence)) this.#kept.push(sentence);
  }

  /** Each once. Whenever a logger may have come: it costs next to nothing where nothing is kept. */
  sayKept(): void {
    if (this.#kept.length === 0 || !isRegistered('diag')) return;
    const kept = this.#kept;
    this.#kept = [];
    for (const sentence of kept) warn(sentence);
  }
}
