/**
 * The properties that no replica can see alone (figure 3.2): of everything that the replicas of one cluster have ever
 * said, led, committed and applied.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { invariant } from '../../src/raft/assert.ts';
import type { Message } from '../../src/raft/message.ts';
import { quorumReached } from '../../src/raft/quorum.ts';
import type { RaftState } from '../../src/raft/state.ts';
import type { Entry, EntryId, Index, ReplicaId, Term } from '../../src/raft/types.ts';
import { atLeastAsUpToDate } from '../../src/raft/types.ts';
import type { MemoryDisk } from './memory-disk.ts';

interface Created {
  readonly entry: Entry;
  readonly previousTerm: Term;
}

export class Safety {
  readonly #disks: ReadonlyMap<ReplicaId, MemoryDisk>;
  readonly #leaders = new Map<Term, ReplicaId>();
  /** By voter and term. */
  readonly #votes = new Map<string, ReplicaId>();
  /** By term and index: whoever holds such an entry holds this one, after the same predecessor. */
  readonly #created = new Map<string, Created>();
  /** The entry at index i stands at i − 1, with the term in which it was committed. */
  readonly #committed: { readonly id: EntryId; readonly inTerm: Term }[] = [];
  /** How far the commit index of each replica, in its present life, is checked. */
  readonly #checkedCommits = new Map<ReplicaId, Index>();
  readonly #leading = new Map<ReplicaId, Readonly<RaftState>>();

  constructor(disks: ReadonlyMap<ReplicaId, MemoryDisk>) {
    this.#disks = disks;
  }

  get committedIndex(): Index {
    return this.#committed.length as Index;
  }

  started(id: ReplicaId): void {
    this.#checkedCommits.delete(id);
    this.#leading.delete(id);
  }

  stopped(id: ReplicaId): void {
    this.#leading.delete(id);
  }

  /** After every input to a replica. */
  stepped(state: Readonly<RaftState>): void {
    if (state.role.name === 'leader') this.#checkLeader(state);
    else this.#leading.delete(state.id);
    this.#checkCommits(state);
  }

  /** Every message as it leaves. */
  sent(state: Readonly<RaftState>, message: Message): void {
    const disk = this.#disk(state.id);
    switch (message.type) {
      case 'appendEntries':
        this.#checkEntries(message.previous.term, message.entries);
        return;
      case 'appendEntriesReply': {
        if (message.result.type === 'rejected') return;
        const { matchIndex } = message.result;
        invariant(disk.hardState.currentTerm === message.term, `${state.id} acknowledges in a term it may forget`);
        invariant(disk.holds(state.log.id(matchIndex)), `${state.id} acknowledges ${matchIndex}, its disk lacks it`);
        return;
      }
      case 'requestVote':
        if (message.phase === 'vote') this.#checkVote(state.id, message.term, state.id);
        return;
      case 'requestVoteReply':
        if (message.phase === 'vote' && message.granted) this.#checkVote(state.id, message.term, message.to);
        return;
      case 'readIndex':
      case 'readIndexReply':
      case 'identityRefused':
        return;
    }
  }

  /** Every batch as it is handed to a disk. */
  stored(previousTerm: Term, entries: readonly Entry[]): void {
    this.#checkEntries(previousTerm, entries);
  }

  /** State machine safety (§3.6.3). */
  applied(id: ReplicaId, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const committed = this.#committed[entry.index - 1];
      invariant(committed !== undefined, `${id} applied ${entry.index}, which nobody has committed`);
      invariant(committed.id.term === entry.term, `${id} applied another entry at ${entry.index} than was committed`);
    }
  }

  /** Log matching (§3.5): term and index name one entry, and one log before it. */
  #checkEntries(previousTerm: Term, entries: readonly Entry[]): void {
    let before = previousTerm;
    for (const entry of entries) {
      const name = `${entry.term}/${entry.index}`;
      const created = this.#created.get(name);
      if (created === undefined) {
        this.#created.set(name, { entry, previousTerm: before });
      } else {
        if (created.entry !== entry) deepStrictEqual(entry, created.entry, `two entries are called ${name}`);
        invariant(created.previousTerm === before, `${name} follows two different entries`);
      }
      before = entry.term;
    }
  }

  #checkVote(voter: ReplicaId, term: Term, candidate: ReplicaId): void {
    const key = `${voter}/${term}`;
    const before = this.#votes.get(key);
    invariant(before === undefined || before === candidate, `${voter} voted for ${before} and ${candidate} in ${term}`);
    this.#votes.set(key, candidate);
    const { hardState } = this.#disk(voter);
    const isDurable =
      hardState.currentTerm > term || (hardState.currentTerm === term && hardState.votedFor === candidate);
    invariant(isDurable, `${voter} votes in term ${term}, its disk has not heard of it`);
  }

  #checkLeader(state: Readonly<RaftState>): void {
    const before = this.#leaders.get(state.currentTerm);
    // Election safety (§3.4).
    invariant(
      before === undefined || before === state.id,
      `${before} and ${state.id} both lead term ${state.currentTerm}`,
    );
    this.#leading.set(state.id, state);
    if (before !== undefined) return;
    this.#leaders.set(state.currentTerm, state.id);
    for (const { id, inTerm } of this.#committed) this.#checkComplete(state, id, inTerm);
  }

  /** Leader completeness (§3.6.3): what is committed in a term is in the log of every later term's leader. */
  #checkComplete(leader: Readonly<RaftState>, committed: EntryId, inTerm: Term): void {
    invariant(
      leader.currentTerm <= inTerm || leader.log.matches(committed),
      `${leader.id} leads term ${leader.currentTerm} without ${committed.term}/${committed.index}, ` +
        `committed in term ${inTerm}`,
    );
  }

  #checkCommits(state: Readonly<RaftState>): void {
    const from = (this.#checkedCommits.get(state.id) ?? 0) + 1;
    for (let index = from as Index; index <= state.commitIndex; index++) {
      const id = state.log.id(index as Index);
      const committed = this.#committed[index - 1];
      if (committed === undefined) this.#commit(state, id);
      else invariant(committed.id.term === id.term, `two entries are committed at ${index}`);
    }
    this.#checkedCommits.set(state.id, state.commitIndex);
  }

  #commit(state: Readonly<RaftState>, id: EntryId): void {
    this.#committed.push({ id, inTerm: state.currentTerm });
    // A disk that has lost the entry still speaks for it: by what it claims.
    const reached = quorumReached(state.log.configuration, (voter) => {
      const disk = this.#disk(voter);
      const { claim } = disk.hardState;
      return disk.holds(id) || (claim !== null && atLeastAsUpToDate(claim, id)) ? id.index : 0;
    });
    invariant(reached >= id.index, `${state.id} commits ${id.term}/${id.index}, which no quorum has stored`);
    for (const leader of this.#leading.values()) this.#checkComplete(leader, id, state.currentTerm);
  }

  #disk(id: ReplicaId): MemoryDisk {
    const disk = this.#disks.get(id);
    invariant(disk !== undefined, `${id} has no disk`);
    return disk;
  }
}
