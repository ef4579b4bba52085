/** Values of faults that are under way at the same time, on one thing. */
export class Layers<T> {
  readonly #layers = new Set<{ readonly value: T }>();
  readonly #changed: () => void;

  /** `changed` is called whenever one has come or gone. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get values(): readonly T[] {
    return [...this.#layers].map(({ value }) => value);
  }

  /** Returns what takes it away, once. */
  add(value: T): () => void {
    const layer = { value };
    this.#layers.add(layer);
    this.#changed();
    return () => {
      if (this.#layers.delete(layer)) this.#changed();
    };
  }
}
