/**
 * Fetches under way, at most one for each name. An answer belongs to whoever began the fetch; one who came later is
 * served from it only if the answer is proven to be no older than its own arrival (DESIGN.md, race 2 and H2).
 */
export interface Flight<Outcome> {
  /** Fetches that began after this one have higher ones. */
  readonly number: number;
  readonly outcome: Promise<Outcome>;
}

export class Flights<Outcome> {
  readonly #flights = new Map<string, Flight<Outcome>>();
  #begun = 0;

  /** The number of the youngest fetch that has begun: whatever begins later sees all that is acknowledged now. */
  get begun(): number {
    return this.#begun;
  }

  get(name: string): Flight<Outcome> | undefined {
    return this.#flights.get(name);
  }

  begin(name: string, fetch: () => Promise<Outcome>): Flight<Outcome> {
    const outcome = fetch().finally(() => this.#flights.delete(name));
    const flight = { number: ++this.#begun, outcome };
    this.#flights.set(name, flight);
    return flight;
  }
}
