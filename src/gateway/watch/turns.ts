/** A bound on what many hold together: who asks for more than is left waits, and is served in order. */

export interface Turn {
  /** Given back, or not wanted any more. More than once is once. */
  done(): void;
}

interface Asked {
  readonly units: number;
  readonly begin: (turn: Turn) => void;
  readonly turn: Turn;
}

export class Turns {
  readonly #unitsMax: number;
  readonly #waiting = new Set<Asked>();
  readonly #held = new Set<Asked>();
  #units = 0;

  constructor(unitsMax: number) {
    this.#unitsMax = unitsMax;
  }

  /** `begin` is called in this turn if there is room. Who asks for more than there is at all, has all of it. */
  ask(units: number, begin: (turn: Turn) => void): Turn {
    const done = () => {
      this.#waiting.delete(asked);
      if (this.#held.delete(asked)) this.#units -= asked.units;
      this.#serve();
    };
    const asked: Asked = { units: Math.min(units, this.#unitsMax), begin, turn: { done } };
    this.#waiting.add(asked);
    this.#serve();
    return asked.turn;
  }

  #serve(): void {
    for (const asked of this.#waiting) {
      if (this.#units + asked.units > this.#unitsMax) return;
      this.#waiting.delete(asked);
      this.#held.add(asked);
      this.#units += asked.units;
      asked.begin(asked.turn);
    }
  }
}
