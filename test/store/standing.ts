/** What stands under each name; null: nothing. */
export class Standing<Value> {
  readonly #values = new Map<string, Value>();

  at(name: string): Value | null {
    return this.#values.get(name) ?? null;
  }

  set(name: string, value: Value | null): void {
    if (value === null) this.#values.delete(name);
    else this.#values.set(name, value);
  }

  /** In no order. */
  get all(): readonly (readonly [name: string, value: Value])[] {
    return [...this.#values];
  }
}
