/** The one log that was ever committed, and what state machines came to by applying it. */
import type { Index, ReplicaId, Term } from '../../src/raft/types.ts';
import { type Election, type Elections, leaderHolds } from './oracle-elections.ts';
import { type KnownEntry, name } from './oracle-entries.ts';
import { SafetyViolation } from './oracle-violation.ts';

interface Committed {
  readonly known: KnownEntry;
  /** The term of whoever was first to count it. */
  readonly inTerm: Term;
}

export class Commits {
  readonly #root: KnownEntry;
  /** The entry at index i stands at i − 1. */
  readonly #committed: Committed[] = [];
  readonly #digests = new Map<Index, { readonly digest: string; readonly of: ReplicaId }>();

  constructor(root: KnownEntry) {
    this.#root = root;
  }

  get index(): Index {
    return this.#committed.length as Index;
  }

  at(index: Index): KnownEntry | undefined {
    return index === 0 ? this.#root : this.#committed[index - 1]?.known;
  }

  all(): readonly KnownEntry[] {
    return this.#committed.map(({ known }) => known);
  }

  /** `id` counts its log as committed up to `known`. Returns the entries that nobody had counted before. */
  count(id: ReplicaId, known: KnownEntry, inTerm: Term): readonly KnownEntry[] {
    const fresh: KnownEntry[] = [];
    let at = known;
    for (; at.index > this.index; at = at.previous) fresh.push(at);
    const committed = this.at(at.index);
    if (committed !== at) {
      throw new SafetyViolation(
        'state machine safety',
        `${id} counts ${name(at)} as committed, and ${committed && name(committed)} is committed there`,
      );
    }
    fresh.reverse();
    for (const entry of fresh) this.#committed.push({ known: entry, inTerm });
    return fresh;
  }

  /** Leader completeness (§3.6.3): what is committed in a term is in the log of every later term's leader. */
  checkElected(election: Election): void {
    for (let at = this.#committed.length - 1; at >= 0; at--) {
      const committed = this.#committed[at];
      if (committed === undefined || committed.inTerm >= election.term) continue;
      // All before it are in the same log.
      checkComplete(election, committed);
      return;
    }
  }

  /** The same, of entries that a leader of an earlier term commits only now. */
  checkCommitted(known: KnownEntry, inTerm: Term, elections: Elections): void {
    for (const election of elections.all()) if (election.term > inTerm) checkComplete(election, { known, inTerm });
  }

  /** The state machine of `id` has written its state after this entry. */
  applied(id: ReplicaId, index: Index, digest: string): void {
    if (index > this.index) {
      throw new SafetyViolation('state machine safety', `${id} has applied ${index}; ${this.index} is committed`);
    }
    const before = this.#digests.get(index);
    if (before === undefined) this.#digests.set(index, { digest, of: id });
    else if (before.digest !== digest) {
      throw new SafetyViolation('state machine safety', `after ${index} the states of ${before.of} and ${id} differ`);
    }
  }
}

function checkComplete(election: Election, { known, inTerm }: Committed): void {
  if (leaderHolds(election, known)) return;
  const { leader, term } = election;
  throw new SafetyViolation(
    'leader completeness',
    `${leader} was elected in term ${term} without ${name(known)}, which is committed in term ${inTerm}`,
  );
}
