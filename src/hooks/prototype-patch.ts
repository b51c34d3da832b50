// biome-ignore lint/suspicious/noExplicitAny: any method of any prototype
type Method = (this: any, ...args: any[]) => any;

/** Stands around a call: does its own part and hands on with `Reflect.apply(original, self, args)`, exactly once. */
export type Around<Self> = (self: Self, args: unknown[], original: (...args: never[]) => unknown) => unknown;

/**
 * One replaced method of a prototype. Stacks politely: a later wrapper of somebody else stays where it is, and an
 * earlier one stays below us. `disable()` puts the original back when we are still on top; otherwise the replacement
 * stays in the chain and passes everything through.
 */
export class PrototypePatch<Self extends object> {
  readonly #target: object;
  readonly #name: string;
  readonly #around: Around<Self>;
  #replacement: Method | undefined;
  /** Undefined while the method is inherited: then there is nothing of the target's own to put back. */
  #ownOriginal: PropertyDescriptor | undefined;
  #active = false;

  constructor(target: object, name: string, around: Around<Self>) {
    this.#target = target;
    this.#name = name;
    this.#around = around;
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
    const original = () => own ?? (Object.getPrototypeOf(target)[name] as Method);
    const around = this.#around;
    const isActive = () => this.#active;
    const replacement: Method = function (...args) {
      return isActive() ? around(this, args, original()) : Reflect.apply(original(), this, args);
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
