// What an audit remembers has bounds, so that no evidence is too large for it. How many more there were, each knows.

/** Takes so many keys and no more; what it has, it goes on changing. */
export class BoundedMap<Value> extends Map<string, Value> {
  readonly #most: number;
  #leftOut = 0;

  constructor(most: number) {
    super();
    this.#most = most;
  }

  /** How often something came for which there was no room. */
  get leftOut(): number {
    return this.#leftOut;
  }

  override set(key: string, value: Value): this {
    if (this.size < this.#most || this.has(key)) return super.set(key, value);
    this.#leftOut++;
    return this;
  }

  /** Undefined: there is no room for it. */
  getOrMake(key: string, make: () => Value): Value | undefined {
    const known = this.get(key);
    if (known !== undefined) return known;
    // Only where there is room for it: to make one may cost something.
    if (this.size < this.#most) this.set(key, make());
    else this.#leftOut++;
    return this.get(key);
  }
}

/** Takes so many and no more. */
export class BoundedSet {
  readonly #values: BoundedMap<true>;

  constructor(most: number) {
    this.#values = new BoundedMap(most);
  }

  add(value: string): void {
    this.#values.set(value, true);
  }

  has(value: string): boolean {
    return this.#values.has(value);
  }

  [Symbol.iterator](): MapIterator<string> {
    return this.#values.keys();
  }

  /** How often something came for which there was no room. */
  get leftOut(): number {
    return this.#values.leftOut;
  }
}
