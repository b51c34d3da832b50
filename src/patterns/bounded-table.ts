import { ForgetfulMap } from '../certificate/forgetful-map';

/**
 * What is remembered of many subjects, however many come: so many bytes, and each entry has a largest size. The subject
 * that was touched the longest time ago is forgotten first, and that is counted: an attacker with many names can make us
 * forget, but not unseen.
 */
export class BoundedTable<Key, Entry> {
  readonly #entries: ForgetfulMap<Key, Entry>;

  constructor({ bytes, bytesPerEntry }: { readonly bytes: number; readonly bytesPerEntry: number }) {
    this.#entries = new ForgetfulMap(Math.max(1, Math.floor(bytes / bytesPerEntry)));
  }

  /** Undefined: nothing is remembered. Does not count as a touch. */
  peek(key: Key): Entry | undefined {
    return this.#entries.get(key);
  }

  /** What is remembered, or the beginning of it. */
  touch(key: Key, begin: () => Entry): Entry {
    const entry = this.#entries.get(key) ?? begin();
    this.#entries.set(key, entry);
    return entry;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The most subjects that are remembered at a time. */
  get capacity(): number {
    return this.#entries.capacity;
  }

  /** Subjects forgotten for want of room. */
  get evicted(): number {
    return this.#entries.evicted;
  }
}
