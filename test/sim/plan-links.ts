/** Directed links between processes, and faults on them that overlap: a link is whole again when the last one ends. */

export type Link = readonly [from: string, to: string];

export function bothWays(some: readonly string[], others: readonly string[]): readonly Link[] {
  return [...oneWay(some, others), ...oneWay(others, some)];
}

export function oneWay(from: readonly string[], to: readonly string[]): readonly Link[] {
  return from.flatMap((one) => to.filter((other) => other !== one).map((other): Link => [one, other]));
}

export class HeldLinks {
  readonly #end: (from: string, to: string) => void;
  readonly #holds = new Map<string, number>();

  /** `end` is called when nobody holds a link any more. */
  constructor(end: (from: string, to: string) => void) {
    this.#end = end;
  }

  /** `begin` is called for links that nobody held. Returns what lets go of them, once. */
  hold(links: readonly Link[], begin: (from: string, to: string) => void): () => void {
    for (const [from, to] of links) {
      if (this.#change(from, to, 1) === 1) begin(from, to);
    }
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      for (const [from, to] of links) {
        if (this.#change(from, to, -1) === 0) this.#end(from, to);
      }
    };
  }

  #change(from: string, to: string, by: 1 | -1): number {
    const name = `${from} ${to}`;
    const holds = (this.#holds.get(name) ?? 0) + by;
    this.#holds.set(name, holds);
    return holds;
  }
}
