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
    if (this.size < this.#most) {
      const made = make();
      super.set(key, made);
      return made;
    }
    this.#leftOut++;
    return undefined;
  }
}

/** Takes so many and no more. */
export class BoundedSet extends Set<string> {
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

  override add(value: string): this {
    if (this.size < this.#most || this.has(value)) return super.add(value);
    this.#leftOut++;
    return this;
  }
}
