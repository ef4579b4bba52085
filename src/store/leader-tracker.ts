/** Who leads, as far as the statuses of the replicas tell: the leader of the highest term heard of. */
import type { ReplicaId, Term } from '../raft/types.ts';
import type { ReplicaStatus } from './protocol.ts';

export class LeaderTracker {
  #term = -1;
  #leader: ReplicaId | null = null;

  get leader(): ReplicaId | null {
    return this.#leader;
  }

  /** True if the leader known changed. */
  heard(status: ReplicaStatus): boolean {
    return this.learn(status.term, status.leader);
  }

  /** A replica said it does not lead, and perhaps who does: unless something newer was heard, it is right. */
  refused(by: ReplicaId, hint: ReplicaId | null): boolean {
    if (this.#leader !== by) return false;
    this.#leader = hint === by ? null : hint;
    return true;
  }

  learn(term: Term, leader: ReplicaId | null): boolean {
    // A replica that knows no leader says nothing of the others: cut off from them, it may even have a higher term.
    if (leader === null || term < this.#term) return false;
    this.#term = term;
    if (leader === this.#leader) return false;
    this.#leader = leader;
    return true;
  }
}
