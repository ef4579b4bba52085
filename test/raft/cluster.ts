/**
 * Cores with disks in memory, under virtual time: messages may be lost, late, doubled, out of order or cut off, writes
 * take their time, and a crash keeps only what was durable. Every input to any replica is followed by the core's
 * invariants and by those between replicas; breaking one throws, here and then.
 */
import { invariant } from '../../src/raft/assert.ts';
import type { RaftConstants } from '../../src/raft/constants.ts';
import { raftConstants } from '../../src/raft/constants.ts';
import type { Message } from '../../src/raft/message.ts';
import type { LogRead, ReadState, ReplicaId } from '../../src/raft/types.ts';
import { type Index, index } from '../../src/raft/types.ts';
import { EventQueue } from './event-queue.ts';
import { configurationOf, MemoryDisk, uuidOf } from './memory-disk.ts';
import { Replica } from './replica.ts';
import { Safety } from './safety.ts';
import { SeededRandom } from './seeded-random.ts';

export interface Conditions {
  readonly messageMs: readonly [from: number, to: number];
  readonly lossProbability: number;
  readonly duplicateProbability: number;
  /** Of a message that comes so late that later ones overtake it. */
  readonly lateProbability: number;
  readonly lateMs: number;
  readonly writeMs: readonly [from: number, to: number];
}

/** Everything arrives, in order, a millisecond later. */
export const calm: Conditions = {
  messageMs: [1, 1],
  lossProbability: 0,
  duplicateProbability: 0,
  lateProbability: 0,
  lateMs: 0,
  writeMs: [1, 1],
};

export interface ClusterOptions {
  readonly size: number;
  readonly seed?: number;
  readonly conditions?: Conditions;
  readonly constants?: Partial<RaftConstants>;
}

interface Node {
  readonly id: ReplicaId;
  readonly disk: MemoryDisk;
  /** Null while it is down. */
  replica: Replica | null;
  appliedIndex: Index;
  /** What the state machine keeps through a crash. */
  durableAppliedIndex: Index;
  timerAt: number;
  /** Until then it hears and does nothing. */
  pausedUntil: number;
  reads: number;
}

/** A read that was asked for, and the least index it may be answered with. */
interface OpenRead {
  readonly asker: ReplicaId;
  readonly floor: Index;
}

export class Cluster {
  readonly ids: readonly ReplicaId[];
  readonly random: SeededRandom;
  readonly safety: Safety;
  conditions: Conditions;
  /** In a calm cluster its election timeout is always the shortest. */
  preferred: ReplicaId;
  /** Decides over every message before the network does; null leaves it to the network. */
  intercept: ((message: Message) => 'drop' | null) | null = null;
  readonly answeredReads: { readonly asker: ReplicaId; readonly readIndex: Index }[] = [];
  readonly #constants: RaftConstants;
  readonly #nodes: ReadonlyMap<ReplicaId, Node>;
  readonly #events = new EventQueue();
  /** Directed: `r1>r2` keeps what r1 sends from r2. */
  readonly #cuts = new Set<string>();
  readonly #reads = new Map<string, OpenRead>();
  readonly #isRandom: boolean;
  #now = 0;

  constructor(options: ClusterOptions) {
    this.ids = Array.from({ length: options.size }, (_, position) => `r${position + 1}`);
    this.random = new SeededRandom(options.seed ?? 0);
    this.#isRandom = options.seed !== undefined;
    this.conditions = options.conditions ?? calm;
    this.#constants = { ...raftConstants, ...options.constants };
    this.preferred = 'r1';
    const disks = new Map(this.ids.map((id) => [id, new MemoryDisk(uuidOf(id))]));
    this.safety = new Safety(disks);
    this.#nodes = new Map(
      [...disks].map(([id, disk]) => [
        id,
        {
          id,
          disk,
          replica: null,
          appliedIndex: index(0),
          durableAppliedIndex: index(0),
          timerAt: Number.POSITIVE_INFINITY,
          pausedUntil: 0,
          reads: 0,
        },
      ]),
    );
    for (const id of this.ids) this.start(id);
  }

  get now(): number {
    return this.#now;
  }

  // What is there

  disk(id: ReplicaId): MemoryDisk {
    return this.#node(id).disk;
  }

  isUp(id: ReplicaId): boolean {
    return this.#node(id).replica !== null;
  }

  /** A replica that is up. */
  replica(id: ReplicaId): Replica {
    const { replica } = this.#node(id);
    invariant(replica !== null, `${id} is down`);
    return replica;
  }

  appliedIndex(id: ReplicaId): Index {
    return this.#node(id).appliedIndex;
  }

  get up(): readonly Replica[] {
    return [...this.#nodes.values()].flatMap(({ replica }) => replica ?? []);
  }

  /** Whoever leads the highest term, among those that are up. */
  get leader(): Replica | null {
    const leaders = this.up.filter(({ state }) => state.role.name === 'leader');
    return leaders.reduce<Replica | null>(
      (highest, replica) =>
        highest === null || replica.state.currentTerm > highest.state.currentTerm ? replica : highest,
      null,
    );
  }

  get leaderId(): ReplicaId {
    const { leader } = this;
    invariant(leader !== null, 'nobody leads');
    return leader.id;
  }

  /** Every log is durable, committed, applied, and the same. */
  get isSettled(): boolean {
    const { leader } = this;
    if (leader === null) return false;
    const { last } = leader.state.log;
    return [...this.#nodes.values()].every(
      ({ replica, disk, appliedIndex }) =>
        replica !== null &&
        disk.holds(last) &&
        disk.last.index === last.index &&
        disk.hardState.claim === null &&
        replica.state.commitIndex === last.index &&
        appliedIndex === last.index,
    );
  }

  // What may happen

  start(id: ReplicaId): void {
    const node = this.#node(id);
    invariant(node.replica === null, `${id} is up already`);
    node.appliedIndex = node.durableAppliedIndex;
    node.timerAt = Number.POSITIVE_INFINITY;
    node.pausedUntil = 0;
    this.safety.started(id);
    node.replica = new Replica({
      id,
      disk: node.disk,
      bootstrap: configurationOf(this.ids),
      constants: this.#constants,
      random: { next: () => this.#timeoutFraction(id) },
      appliedIndex: node.appliedIndex,
      now: this.#now,
    });
    this.#settle(node, node.replica);
  }

  /** The batch on its way may have been written, or not. */
  crash(id: ReplicaId): void {
    const node = this.#node(id);
    const batch = this.replica(id).batchInFlight;
    if (batch !== null && this.random.chance(0.5)) node.disk.write(batch);
    node.durableAppliedIndex = index(this.random.integer(node.durableAppliedIndex, node.appliedIndex));
    node.replica = null;
    this.safety.stopped(id);
  }

  pause(id: ReplicaId, durationMs: number): void {
    this.#node(id).pausedUntil = this.#now + durationMs;
  }

  cut(from: ReplicaId, to: ReplicaId): void {
    this.#cuts.add(`${from}>${to}`);
  }

  /** Nothing passes between the two sides. */
  separate(side: readonly ReplicaId[], others = this.ids.filter((id) => !side.includes(id))): void {
    for (const a of side) {
      for (const b of others) {
        this.cut(a, b);
        this.cut(b, a);
      }
    }
  }

  heal(): void {
    this.#cuts.clear();
  }

  propose(id: ReplicaId, ...commands: readonly string[]) {
    const node = this.#node(id);
    const replica = this.replica(id);
    const result = replica.propose(...commands);
    this.#settle(node, replica);
    return result;
  }

  disconnect(id: ReplicaId, peer: ReplicaId): void {
    const node = this.#node(id);
    const replica = this.replica(id);
    replica.peerDisconnected(peer);
    this.#settle(node, replica);
  }

  /** Its answer must not lie below what was committed anywhere when it was asked for. */
  read(id: ReplicaId): void {
    const node = this.#node(id);
    const replica = this.replica(id);
    const requestId = `${id}.${replica.state.bootId}.${++node.reads}`;
    this.#reads.set(requestId, { asker: id, floor: this.safety.committedIndex });
    replica.readIndex(requestId);
    this.#settle(node, replica);
  }

  // Time

  run(durationMs: number): void {
    const end = this.#now + durationMs;
    while (this.#events.nextAt <= end) this.#next();
    this.#now = end;
  }

  runUntil(description: string, condition: () => boolean, limitMs = 10_000): void {
    const end = this.#now + limitMs;
    while (!condition()) {
      if (this.#events.nextAt > end) {
        const found = this.up.map(({ id, raft }) => {
          const { role, term, last, durableIndex, commitIndex, claim } = raft.status;
          return { id, role, term, last: `${last.term}/${last.index}`, durableIndex, commitIndex, claim };
        });
        throw new Error(`waited ${limitMs} virtual ms until ${description}; found ${JSON.stringify(found)}`);
      }
      this.#next();
    }
  }

  /** Runs until `id` leads and all that are up and within its reach have settled. */
  elect(id: ReplicaId): void {
    this.preferred = id;
    this.runUntil(`${id} leads`, () => {
      const { role, commitIndex } = this.replica(id).state;
      return role.name === 'leader' && commitIndex >= role.termStartIndex;
    });
  }

  #next(): void {
    this.#now = this.#events.nextAt;
    this.#events.take()();
  }

  /** Does the work in the replica's present life, after its pause, if it has one. */
  #schedule(node: Node, replica: Replica, at: number, work: () => void): void {
    this.#events.add(at, () => {
      if (node.replica !== replica) return;
      if (node.pausedUntil > this.#now) {
        this.#schedule(node, replica, node.pausedUntil, work);
        return;
      }
      replica.now = this.#now;
      work();
      this.#settle(node, replica);
    });
  }

  #settle(node: Node, replica: Replica): void {
    replica.now = this.#now;
    this.safety.stepped(replica.state);
    for (const message of replica.takeSent()) this.#send(replica, message);
    this.safety.stepped(replica.state);
    for (const readState of replica.readStates.splice(0)) this.#readAnswered(readState);
    for (const logRead of replica.logReads.splice(0)) this.#readLog(node, replica, logRead);
    this.#write(node, replica);
    this.#apply(node, replica);
    this.#armTimer(node, replica);
  }

  #send(replica: Replica, message: Message): void {
    this.safety.sent(replica.state, message);
    if (this.intercept?.(message) === 'drop') return;
    const { lossProbability, duplicateProbability } = this.conditions;
    if (this.random.chance(lossProbability)) return;
    this.#deliver(message);
    if (this.random.chance(duplicateProbability)) this.#deliver(message);
  }

  #deliver(message: Message): void {
    const { messageMs, lateProbability, lateMs } = this.conditions;
    const lateness = this.random.chance(lateProbability) ? this.random.between(0, lateMs) : 0;
    this.#events.add(this.#now + this.random.between(...messageMs) + lateness, () => {
      const node = this.#node(message.to);
      const { replica } = node;
      if (replica === null || this.#cuts.has(`${message.from}>${message.to}`)) return;
      const at = Math.max(this.#now, node.pausedUntil);
      if (at > this.#now) {
        this.#schedule(node, replica, at, () => replica.step(message));
        return;
      }
      replica.now = this.#now;
      replica.step(message);
      this.#settle(node, replica);
    });
  }

  #readAnswered({ requestId, readIndex }: ReadState): void {
    const read = this.#reads.get(requestId);
    invariant(read !== undefined, `the read ${requestId} was never asked for, or is answered twice`);
    this.#reads.delete(requestId);
    if (readIndex === null) return;
    invariant(readIndex >= read.floor, `${read.asker} may read at ${readIndex}, after ${read.floor} was committed`);
    this.answeredReads.push({ asker: read.asker, readIndex });
  }

  #readLog(node: Node, replica: Replica, read: LogRead): void {
    this.#schedule(node, replica, this.#now + this.random.between(...this.conditions.writeMs), () => {
      replica.entriesRead(read, node.disk.read(read.from, node.disk.last.index, read.maxBytes));
    });
  }

  #write(node: Node, replica: Replica): void {
    if (replica.batchInFlight !== null) return;
    const batch = replica.beginBatch();
    if (batch === null) return;
    const first = batch.entries[0];
    if (first !== undefined) this.safety.stored(replica.state.log.id(index(first.index - 1)).term, batch.entries);
    this.#schedule(node, replica, this.#now + this.random.between(...this.conditions.writeMs), () => {
      replica.completeBatch();
    });
  }

  #apply(node: Node, replica: Replica): void {
    const to = replica.raft.applicableIndex;
    if (to <= node.appliedIndex) return;
    const entries = node.disk.read(index(node.appliedIndex + 1), to, Number.POSITIVE_INFINITY);
    invariant(entries.length === to - node.appliedIndex, `${node.id} may apply what its disk does not hold`);
    this.safety.applied(node.id, entries);
    node.appliedIndex = to;
  }

  #armTimer(node: Node, replica: Replica): void {
    const at = replica.raft.nextDeadlineAt;
    if (node.timerAt <= at) return;
    node.timerAt = at;
    this.#schedule(node, replica, Math.max(at, this.#now), () => {
      node.timerAt = Number.POSITIVE_INFINITY;
      replica.tick();
    });
  }

  #timeoutFraction(id: ReplicaId): number {
    if (this.#isRandom) return this.random.next();
    return id === this.preferred ? 0 : 0.5 + 0.1 * this.ids.indexOf(id);
  }

  #node(id: ReplicaId): Node {
    const node = this.#nodes.get(id);
    invariant(node !== undefined, `there is no ${id}`);
    return node;
  }
}
