/**
 * Writes of unknown outcome that left no trace of their own. They are nobody's predecessors, so of those that do the
 * same the first that was asked can always stand for any other, and it is enough to count how many happened; and what
 * is possible only in the state at hand goes before what would be possible later as well.
 */
import { conditionOf } from './key-history.ts';
import type { Timed } from './real-time.ts';

/** How many have happened. Those with a revision as their condition need no count: it never comes again. */
export interface Used {
  readonly puts: number;
  readonly creations: number;
  readonly deletes: number;
}

export const noneUsed: Used = { puts: 0, creations: 0, deletes: 0 };

export interface Choice {
  readonly by: Timed;
  readonly used: Used;
}

export class UnseenWrites {
  readonly #puts: Timed[] = [];
  readonly #creations: Timed[] = [];
  readonly #deletes: Timed[] = [];
  readonly #replacements = new Map<number, Timed>();
  readonly #removals = new Map<number, Timed>();

  /** In the order of invocation. */
  constructor(unseen: readonly Timed[]) {
    for (const timed of unseen) {
      const { request } = timed.operation;
      const condition = conditionOf(request);
      const conditional = request.type === 'put' ? this.#replacements : this.#removals;
      if (condition.type === 'matches') {
        if (!conditional.has(condition.revision)) conditional.set(condition.revision, timed);
      } else if (condition.type === 'none') {
        (request.type === 'put' ? this.#puts : this.#deletes).push(timed);
      } else if (request.type === 'put') {
        this.#creations.push(timed);
      }
    }
  }

  /** One that can create the key now, that is among what was asked by `deadline`. */
  create(used: Used, deadline: number): Choice | null {
    const by = this.#creations[used.creations];
    if (by !== undefined && by.invoked < deadline) return { by, used: { ...used, creations: used.creations + 1 } };
    return this.#put(used, deadline);
  }

  /** One that can replace what the key holds; `revision` null: nobody knows its revision. */
  replace(revision: number | null, used: Used, deadline: number): Choice | null {
    const by = revision === null ? undefined : this.#replacements.get(revision);
    return by !== undefined && by.invoked < deadline ? { by, used } : this.#put(used, deadline);
  }

  /** One that can delete the key, which is at this revision. */
  delete(revision: number, used: Used, deadline: number): Choice | null {
    const conditional = this.#removals.get(revision);
    if (conditional !== undefined && conditional.invoked < deadline) return { by: conditional, used };
    const by = this.#deletes[used.deletes];
    return by !== undefined && by.invoked < deadline ? { by, used: { ...used, deletes: used.deletes + 1 } } : null;
  }

  #put(used: Used, deadline: number): Choice | null {
    const by = this.#puts[used.puts];
    return by !== undefined && by.invoked < deadline ? { by, used: { ...used, puts: used.puts + 1 } } : null;
  }
}
