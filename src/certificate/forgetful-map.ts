/**
 * A Map of so many entries and no more, for what strangers can fill: for one too many, that which was set the longest time
 * ago is forgotten, and counted.
 */
export class ForgetfulMap<Key, Value> extends Map<Key, Value> {
  /** The most entries at a time. */
  readonly capacity: number;
  #evicted = 0;

  constructor(capacity: number) {
    super();
    this.capacity = capacity;
  }

  /** Entries forgotten for want of room. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Sets it, and makes it the newest. */
  override set(key: Key, value: Value): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.capacity) {
      this.delete(this.keys().next().value as Key);
      this.#evicted++;
    }
    return this;
  }
}
