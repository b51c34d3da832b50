// biome-ignore lint/suspicious/noExplicitAny: any method of any prototype
export type Method = (this: any, ...args: any[]) => any;

/** Stands around a call: does its own part and hands on with `Reflect.apply(original, self, args)`, exactly once. */
export type Around<Self> = (self: Self, args: unknown[], original: (...args: never[]) => unknown) => unknown;

/** Has the method that was replaced, by its name, and whoever replaced it there since, if it was inherited. */
export type Below = Readonly<Record<string, Method>>;

/**
 * Makes the replacement itself. It is called in place of the method until the patch is disabled, and then for ever if
 * somebody else's wrapper is on top: what it does besides handing on, it must not do then.
 */
export type Replacing = (below: Below, isActive: () => boolean) => Method;

/**
 * One replaced method of a prototype. Stacks politely: a later wrapper of somebody else stays where it is, and an
 * earlier one stays below us. `disable()` puts the original back when we are still on top; otherwise the replacement
 * stays in the chain and passes everything through.
 */
export class PrototypePatch {
  readonly #target: object;
  readonly #name: string;
  readonly #replacing: Replacing;
  #replacement: Method | undefined;
  /** Undefined while the method is inherited: then there is nothing of the target's own to put back. */
  #ownOriginal: PropertyDescriptor | undefined;
  #active = false;

  /**
   * For methods on a path where every further function costs; others are patched by `around`, which is three of them. What
   * is called once a connection runs cold, and there a function's price is not what it does but that it must be fetched.
   */
  constructor(target: object, name: string, replacing: Replacing) {
    this.#target = target;
    this.#name = name;
    this.#replacing = replacing;
  }

  static around<Self extends object>(target: object, name: string, around: Around<Self>): PrototypePatch {
    return new PrototypePatch(
      target,
      name,
      (below, isActive) =>
        function (...args) {
          const original = below[name] as Method;
          return isActive() ? around(this, args, original) : Reflect.apply(original, this, args);
        },
    );
  }

  enable(): void {
    this.#active = true;
    if (this.#replacement === undefined) this.#install();
  }

  disable(): void {
    this.#active = false;
    const onTop = Object.getOwnPropertyDescriptor(this.#target, this.#name)?.value === this.#replacement;
    if (this.#replacement === undefined || !onTop) return;
    if (this.#ownOriginal) Object.defineProperty(this.#target, this.#name, this.#ownOriginal);
    else delete (this.#target as Record<string, unknown>)[this.#name];
    this.#replacement = undefined;
  }

  #install(): void {
    const target = this.#target;
    const name = this.#name;
    this.#ownOriginal = Object.getOwnPropertyDescriptor(target, name);
    const own = this.#ownOriginal?.value as Method | undefined;
    // An inherited method is looked up at each call, so that a later patch of the parent class still takes part.
    const below = own ? { [name]: own } : (Object.getPrototypeOf(target) as Below);
    const replacement = this.#replacing(below, () => this.#active);
    const before = (target as Record<string, Method>)[name] as Method;
    Object.defineProperty(replacement, 'name', { value: before.name, configurable: true });
    Object.defineProperty(replacement, 'length', { value: before.length, configurable: true });
    Object.defineProperty(target, name, {
      value: replacement,
      writable: true,
      configurable: true,
      enumerable: this.#ownOriginal?.enumerable ?? true,
    });
    this.#replacement = replacement;
  }
}
