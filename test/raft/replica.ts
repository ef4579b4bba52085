/**
 * One core with its disk, driven by hand: every input is followed by the core's own invariants. What the core sends is
 * kept until it is taken, in two parts: what left before the disk wrote, and what the write released.
 */
import type { RaftConstants } from '../../src/raft/constants.ts';
import { raftConstants } from '../../src/raft/constants.ts';
import type { Random } from '../../src/raft/interfaces.ts';
import { checkState, checkStep, summarize } from '../../src/raft/invariants.ts';
import type { Message } from '../../src/raft/message.ts';
import type { ProposeResult } from '../../src/raft/raft.ts';
import { Raft } from '../../src/raft/raft.ts';
import type { RaftState } from '../../src/raft/state.ts';
import type {
  Configuration,
  Entry,
  EntryId,
  Index,
  LogBatch,
  LogRead,
  ReadState,
  ReplicaId,
  Term,
} from '../../src/raft/types.ts';
import { configurationOf, MemoryDisk, uuidOf } from './memory-disk.ts';
import { requestVoteReply, sentTo } from './messages.ts';

export interface ReplicaOptions {
  readonly id: ReplicaId;
  readonly disk: MemoryDisk;
  readonly bootstrap: Configuration;
  readonly constants: RaftConstants;
  readonly random: Random;
  readonly appliedIndex: Index;
  readonly now: number;
}

export class Replica {
  readonly id: ReplicaId;
  readonly disk: MemoryDisk;
  readonly raft: Raft;
  readonly readStates: ReadState[] = [];
  readonly logReads: LogRead[] = [];
  now: number;
  #batch: LogBatch | null = null;
  #sent: Message[] = [];

  constructor(options: ReplicaOptions) {
    this.id = options.id;
    this.disk = options.disk;
    this.now = options.now;
    this.raft = new Raft({ ...options, log: options.disk.open() });
    checkState(this.state);
  }

  get state(): Readonly<RaftState> {
    return this.raft.inspect;
  }

  get batchInFlight(): LogBatch | null {
    return this.#batch;
  }

  // Inputs

  step(...messages: readonly Message[]): void {
    for (const message of messages) this.#input(() => this.raft.step(this.now, message));
  }

  tick(): void {
    this.#input(() => this.raft.tick(this.now));
  }

  propose(...commands: readonly string[]): ProposeResult {
    return this.#input(() =>
      this.raft.propose(
        this.now,
        commands.map((command) => encoder.encode(command)),
      ),
    );
  }

  readIndex(requestId: string): void {
    this.#input(() => this.raft.readIndex(this.now, requestId));
  }

  limitPublishing(limit: number, term = this.state.currentTerm): void {
    this.#input(() => this.raft.limitPublishing(this.now, term, limit));
  }

  entriesRead(read: LogRead, entries: readonly Entry[]): void {
    this.#input(() => this.raft.entriesRead(this.now, read, entries));
  }

  peerDisconnected(peer: ReplicaId): void {
    this.#input(() => this.raft.peerDisconnected(this.now, peer));
  }

  // Duties

  /** Hands the next batch to the disk, if there is one and none is on its way. */
  beginBatch(): LogBatch | null {
    if (this.#batch === null) this.#batch = this.raft.takeBatch();
    return this.#batch;
  }

  /** The disk has written the batch on its way. */
  completeBatch(): void {
    if (this.#batch === null) throw new Error(`${this.id} has no batch on its way`);
    this.disk.write(this.#batch);
    this.#batch = null;
    this.#input(() => this.raft.batchDurable(this.now));
  }

  /** Writes until nothing is left to write, and reads what entries are wanted from the disk. */
  write(): void {
    this.#takeReady();
    while (this.beginBatch() !== null) this.completeBatch();
    while (this.logReads.length > 0) {
      for (const read of this.logReads.splice(0)) {
        this.entriesRead(read, this.disk.read(read.from, this.disk.last.index, read.maxBytes));
      }
      this.#takeReady();
    }
  }

  /** What the core has sent since this was last called. */
  takeSent(): readonly Message[] {
    this.#takeReady();
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  #takeReady(): void {
    const { messages, readStates, logReads } = this.raft.takeReady();
    this.#sent.push(...messages);
    this.readStates.push(...readStates);
    this.logReads.push(...logReads);
    checkState(this.state);
  }

  #input<T>(work: () => T): T {
    const before = summarize(this.state);
    const result = work();
    checkState(this.state);
    checkStep(before, summarize(this.state));
    return result;
  }
}

const encoder = new TextEncoder();

/** A random number that never varies, so that a timeout is known. */
export const earliest: Random = { next: () => 0 };

export interface Given {
  readonly id?: ReplicaId;
  readonly voters?: readonly ReplicaId[];
  readonly votersOutgoing?: readonly ReplicaId[];
  readonly learners?: readonly ReplicaId[];
  /** The directories that ids are bound to. */
  readonly uuids?: Readonly<Record<ReplicaId, string>>;
  /** The own directory's. */
  readonly uuid?: string;
  /** The term of each entry in the log. */
  readonly log?: readonly number[];
  /** By default the term of the last entry. */
  readonly currentTerm?: number;
  readonly votedFor?: ReplicaId;
  readonly claim?: EntryId;
  readonly appliedIndex?: number;
  readonly constants?: Partial<RaftConstants>;
  readonly random?: Random;
}

/** A disk with what is given: by default r1's, with an empty log. */
export function givenDisk(given: Given = {}): MemoryDisk {
  const { id = 'r1', log = [] } = given;
  const disk = new MemoryDisk(given.uuid ?? uuidOf(id));
  disk.write({
    truncateFrom: null,
    entries: log.map((term, position) => entry(term, position + 1)),
    hardState: {
      currentTerm: (given.currentTerm ?? log.at(-1) ?? 0) as Term,
      votedFor: given.votedFor ?? null,
      claim: given.claim ?? null,
    },
  });
  return disk;
}

/** A replica that starts, at time 0, with what is given: by default r1 of r1, r2 and r3. */
export function givenReplica(given: Given = {}): Replica {
  return new Replica({
    id: given.id ?? 'r1',
    disk: givenDisk(given),
    bootstrap: configurationOf(given.voters ?? defaultVoters, given),
    constants: { ...raftConstants, ...given.constants },
    random: given.random ?? earliest,
    appliedIndex: (given.appliedIndex ?? 0) as Index,
    now: 0,
  });
}

export const defaultVoters: readonly ReplicaId[] = ['r1', 'r2', 'r3'];

export function entryId(term: number, index: number): EntryId {
  return { term: term as Term, index: index as Index };
}

export function entry(term: number, index: number, command = `${term}/${index}`): Entry {
  return { ...entryId(term, index), type: 'command', command: encoder.encode(command) };
}

/** The entries of these terms, the first at `from`. */
export function entries(from: number, ...terms: readonly number[]): readonly Entry[] {
  return terms.map((term, position) => entry(term, from + position));
}

/** The terms of a replica's log, from the first entry on. */
export function logTerms(replica: Replica): readonly number[] {
  return Array.from({ length: replica.state.log.lastIndex }, (_, position) =>
    Number(replica.state.log.term((position + 1) as Index)),
  );
}

/** The election timeout passes. */
export function timeOut(replica: Replica): readonly Message[] {
  replica.now = replica.raft.nextDeadlineAt;
  replica.tick();
  return replica.takeSent();
}

/** Every other voter would vote for it. Returns the requests that its disk has released. */
export function makeCandidate(replica: Replica): readonly Message[] {
  timeOut(replica);
  const term = replica.state.currentTerm + 1;
  for (const from of otherVoters(replica))
    replica.step(requestVoteReply({ from, term, phase: 'preVote', granted: true }));
  replica.write();
  return replica.takeSent();
}

/** Every other voter has voted for it, and its term's first entry is on its disk. Returns what it then sends. */
export function makeLeader(replica: Replica): readonly Message[] {
  makeCandidate(replica);
  const term = replica.state.currentTerm;
  for (const from of otherVoters(replica)) replica.step(requestVoteReply({ from, term, granted: true }));
  replica.write();
  return replica.takeSent();
}

function otherVoters(replica: Replica): readonly ReplicaId[] {
  return replica.raft.configuration.voters.filter((id) => id !== replica.id);
}

/** Carries messages between two replicas until both are silent; returns what was carried. */
export function exchange(a: Replica, b: Replica): readonly Message[] {
  const carried: Message[] = [];
  for (;;) {
    a.write();
    b.write();
    const [toA, toB] = [sentTo(b.takeSent(), a.id), sentTo(a.takeSent(), b.id)];
    if (toA.length === 0 && toB.length === 0) return carried;
    carried.push(...toA, ...toB);
    a.step(...toA);
    b.step(...toB);
  }
}
