// biome-ignore lint/suspicious/noExplicitAny: any method of any prototype
type Method = (this: any, ...args: any[]) => any;

/**
 * One replaced method of a prototype. Stacks politely: a later wrapper of somebody else stays where it is, and an
 * earlier one stays below us. `disable()` puts the original back when we are still on top; otherwise the replacement
 * stays in the chain and passes everything through.
 */
export class PrototypePatch {
  readonly #target: object;
  readonly #name: string;
  readonly #wrap: (callOriginal: Method) => Method;
  #replacement: Method | undefined;
  /** Undefined while the method is inherited: then there is nothing of the target's own to put back. */
  #ownOriginal: PropertyDescriptor | undefined;
  #active = false;

  /** `wrap` gets a function that calls what was there before us, and answers the method to put in its place. */
  constructor(target: object, name: string, wrap: (callOriginal: Method) => Method) {
    this.#target = target;
    this.#name = name;
    this.#wrap = wrap;
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
    const callOriginal: Method = own
      ? own
      : function (...args) {
          return Reflect.apply(Object.getPrototypeOf(target)[name], this, args);
        };
    const ours = this.#wrap(callOriginal);
    const isActive = () => this.#active;
    const replacement: Method = function (...args) {
      return Reflect.apply(isActive() ? ours : callOriginal, this, args);
    };
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
