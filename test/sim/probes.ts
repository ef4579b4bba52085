/** Rare paths that were reached, and how often: a simulation that never gets there proves nothing about them. */
export class Probes {
  readonly #counts = new Map<string, number>();

  sometimes(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }
}
