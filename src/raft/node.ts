/**
 * The driver: one loop per replica that turns the core's duties into disk and network, through interfaces.
 *
 * Every input goes to the core at once; a flush, at the end of the loop's turn, carries out what came of all of them:
 * send, answer reads, write one batch, apply. So whatever arrives together is written and sent together.
 */
import { InvariantError, invariant } from './assert.ts';
import type { RaftConstants } from './constants.ts';
import { raftConstants } from './constants.ts';
import { ElapsedClock } from './elapsed-clock.ts';
import { Freshness } from './freshness.ts';
import type {
  Clock,
  Leadership,
  LogStore,
  LogTail,
  Random,
  StateMachine,
  Timer,
  Transport,
  TransportEvents,
} from './interfaces.ts';
import { entryBytes } from './log.ts';
import type { Message } from './message.ts';
import type { ProposeResult, RaftStatus } from './raft.ts';
import { Raft } from './raft.ts';
import { ReadQuestions } from './read-questions.ts';
import type { RaftState } from './state.ts';
import type { Configuration, Entry, Index, LogRead, ReplicaId, Term } from './types.ts';

/** The directory under this id is not the one the cluster knows (§4 of the design: a wiped directory). */
export class IdentityLostError extends Error {
  override readonly name = 'IdentityLostError';
}

export type ProposalOutcome<Result> =
  | { readonly type: 'applied'; readonly index: Index; readonly result: Result }
  /** Refused before it was appended. */
  | { readonly type: 'notLeader'; readonly leader: ReplicaId | null }
  /** Refused before it was appended. */
  | { readonly type: 'overloaded' }
  /** Appended, but leadership was lost: it may or may not be committed by another leader. */
  | { readonly type: 'unknown' };

/** Called as things happen, for logs and metrics; must not throw. */
export interface RaftObserver {
  onRoleChange(status: RaftStatus): void;
  onBatchDurable(entries: number, seconds: number): void;
  onApplied(entries: number): void;
  /** At most once in a turn: role, term, the end of the log, an index or the acknowledged round are not what they were. */
  onTail?(tail: LogTail): void;
}

export interface RaftNodeOptions<Result> {
  readonly id: ReplicaId;
  readonly bootstrap: Configuration;
  readonly log: LogStore;
  readonly stateMachine: StateMachine<Result>;
  /** Called once, with what the transport has to be connected to. */
  readonly transport: (events: TransportEvents) => Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly constants?: RaftConstants;
  readonly observer: RaftObserver;
  /** The replica can do nothing more and must exit: a failed write, a broken invariant, a lost identity. Called once. */
  readonly onFatal: (error: Error) => void;
}

interface PendingProposal {
  readonly term: Term;
  readonly index: Index;
  readonly settle: (position: number, outcome: ProposalOutcome<unknown>) => void;
  readonly position: number;
}

const unknownOutcome = { type: 'unknown' } as const;

const applyBytesMax = 1024 * 1024;
/** Applying pauses while this much is applied in memory and not yet written. */
const unwrittenBytesMax = 16 * 1024 * 1024;
/** What reads that may be stale are shown may be so old before the leader is asked, one question at a time. */
const refreshAfterMs = 50;
const refreshTimeoutMs = 1000;

export class RaftNode<Result> {
  readonly #id: ReplicaId;
  readonly #raft: Raft;
  readonly #log: LogStore;
  readonly #stateMachine: StateMachine<Result>;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #observer: RaftObserver;
  readonly #onFatal: (error: Error) => void;
  readonly #bootId: number;
  readonly #constants: RaftConstants;

  #stopped = false;
  #flushScheduled = false;
  #writing = false;
  #timer: Timer | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  #observedTail:
    | (Pick<RaftStatus, 'role' | 'term' | 'last' | 'commitIndex' | 'publishIndex'> & { round: number })
    | null = null;
  #observedRole: { role: RaftStatus['role']; term: Term; leader: ReplicaId | null } | null = null;

  /** In index order; the live part begins at `#proposalsHead`. All of the term led now. */
  #proposals: PendingProposal[] = [];
  #proposalsHead = 0;

  readonly #reads: ReadQuestions;
  readonly #freshness: Freshness;
  /** Of `#freshness`. */
  readonly #elapsed: ElapsedClock;
  /** A read index is being asked for, to know how old what is applied here is. */
  #refreshing = false;

  /** Entries up to here were handed to the state machine. */
  #handedIndex: Index;
  #readingForApply = false;
  #unwrittenBytes = 0;
  /** When each group that is not written yet was applied, oldest first. */
  readonly #unwrittenSince: number[] = [];

  constructor(options: RaftNodeOptions<Result>) {
    this.#id = options.id;
    this.#log = options.log;
    this.#stateMachine = options.stateMachine;
    this.#clock = options.clock;
    this.#observer = options.observer;
    this.#onFatal = options.onFatal;
    this.#bootId = options.log.state.bootId;
    this.#constants = options.constants ?? raftConstants;
    this.#handedIndex = options.stateMachine.applied.index;
    this.#raft = new Raft({
      id: options.id,
      constants: this.#constants,
      random: options.random,
      log: options.log.state,
      bootstrap: options.bootstrap,
      appliedIndex: this.#handedIndex,
      now: options.clock.now(),
    });
    this.#freshness = new Freshness(this.#stateMachine);
    this.#elapsed = new ElapsedClock(this.#clock);
    this.#reads = new ReadQuestions({
      clock: this.#clock,
      elapsed: this.#elapsed,
      idPrefix: `${options.log.state.uuid}.${this.#bootId}`,
      ask: (requestId) => this.#raft.readIndex(this.#clock.now(), requestId),
      onConfirmed: (askedAt, readIndex) => this.#freshness.confirmed(askedAt, readIndex),
      forget: (requestId) => this.#raft.forgetRead(requestId),
      onDue: (work) => this.#input(work),
      stateMachine: this.#stateMachine,
    });
    this.#transport = options.transport({
      onMessages: (_from, messages) => this.#receive(messages),
      onDisconnect: (peer) =>
        this.#input(() => {
          this.#raft.peerDisconnected(this.#clock.now(), peer);
        }),
    });
    this.#schedule();
  }

  get status(): RaftStatus {
    return this.#raft.status;
  }

  get configuration(): Configuration {
    return this.#raft.configuration;
  }

  /** Where this replica stands as a leader at this very moment, for those who grant leases; null if it does not lead. */
  get leadership(): Leadership | null {
    const { role, term, last } = this.#raft.status;
    if (role !== 'leader') return null;
    return { term, lastIndex: last.index, round: this.#raft.rounds.left };
  }

  /** Nothing above `limit` is published in this term from now on; what is published stays so. */
  limitPublishing(term: Term, limit: number): void {
    this.#input(() => this.#raft.limitPublishing(this.#clock.now(), term, limit));
  }

  /** For invariant checks alone. */
  get inspect(): Readonly<RaftState> {
    return this.#raft.inspect;
  }

  /** Resolves when each command has been applied or given up; never rejects. */
  propose(commands: readonly Uint8Array[]): Promise<readonly ProposalOutcome<Result>[]> {
    return new Promise((resolve) => {
      const outcomes: ProposalOutcome<Result>[] = new Array(commands.length);
      let open = commands.length;
      const settle = (position: number, outcome: ProposalOutcome<unknown>) => {
        outcomes[position] = outcome as ProposalOutcome<Result>;
        if (--open === 0) resolve(outcomes);
      };
      if (commands.length === 0) return resolve(outcomes);
      if (this.#stopped) {
        for (const position of commands.keys()) settle(position, { type: 'notLeader', leader: null });
        return;
      }
      this.#input(() => this.#append(commands, settle));
    });
  }

  /**
   * Resolves true once a read of the state machine here is linearizable, false if no leader confirmed it within
   * `timeoutMs`; never rejects. Reads that arrive together share one question.
   */
  confirmRead(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => this.#ask(timeoutMs, 'state', (readIndex) => resolve(readIndex !== null)));
  }

  /**
   * Resolves to an index that every read must have seen which begins now, null if no leader confirmed it within
   * `timeoutMs`; never rejects. The state machine here need not have come that far. Shares its questions with reads.
   */
  confirmIndex(timeoutMs: number): Promise<Index | null> {
    return new Promise((resolve) => this.#ask(timeoutMs, 'index', resolve));
  }

  /**
   * Resolves true once the state machine here shows `index` to reads, false if it does not within `timeoutMs`; never
   * rejects. Asks nobody: whether there is a leader, and what else is published, is another question.
   */
  awaitApplied(index: Index, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#stopped) return resolve(false);
      this.#reads.awaitApplied(index, timeoutMs, (applied) => resolve(applied !== null));
    });
  }

  /**
   * How long ago, in milliseconds and at most, what reads are shown here was everything published; null: not known of any
   * moment since the start. Nobody waits for it; but if it was long ago, the leader is asked for the sake of later calls.
   */
  staleMs(): number | null {
    if (this.#stopped) return null;
    const { currentAt } = this.#freshness;
    const ageMs = currentAt === null ? null : this.#elapsed.now() - currentAt;
    if (!this.#refreshing && (ageMs === null || ageMs > refreshAfterMs)) {
      this.#refreshing = true;
      this.#ask(refreshTimeoutMs, 'index', () => {
        this.#refreshing = false;
      });
    }
    return ageMs;
  }

  /** Ends the loop; what waits is answered as unknown. Log and state machine are the owner's to close. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    this.#abandonProposals();
    this.#reads.close();
  }

  #ask(timeoutMs: number, awaits: 'index' | 'state', settle: (readIndex: Index | null) => void): void {
    if (this.#stopped) {
      settle(null);
      return;
    }
    this.#reads.add(timeoutMs, awaits, settle);
    this.#schedule();
  }

  // Inputs

  #input(work: () => void): void {
    if (this.#stopped) return;
    try {
      work();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#schedule();
  }

  #receive(messages: readonly Message[]): void {
    this.#input(() => {
      const now = this.#clock.now();
      for (const message of messages) this.#raft.step(now, message);
    });
  }

  #append(commands: readonly Uint8Array[], settle: PendingProposal['settle']): void {
    const result = this.#propose(commands);
    if (result.type !== 'appended') {
      for (const position of commands.keys()) settle(position, result);
      return;
    }
    for (const position of commands.keys()) {
      if (position >= result.count) settle(position, { type: 'overloaded' });
      else {
        const index = (result.firstIndex + position) as Index;
        this.#proposals.push({ term: result.term, index, settle, position });
      }
    }
  }

  /** What is answered and not yet applied counts too: applying can fall behind committing. */
  #propose(commands: readonly Uint8Array[]): ProposeResult | typeof unknownOutcome {
    const open = this.#proposals.length - this.#proposalsHead;
    if (open + commands.length > this.#constants.uncommittedEntriesMax) return { type: 'overloaded' };
    try {
      return this.#raft.propose(this.#clock.now(), commands);
    } catch (error) {
      this.#fail(error);
      return unknownOutcome;
    }
  }

  #schedule(): void {
    if (this.#flushScheduled || this.#stopped) return;
    this.#flushScheduled = true;
    this.#clock.defer(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #armTimer(): void {
    const at = this.#raft.nextDeadlineAt;
    // A deadline that moved later is found when the timer fires.
    if (this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.setTimer(at - this.#clock.now(), () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      // After a stall, messages that waited meanwhile are heard before the timeout is.
      this.#clock.defer(() => this.#input(() => this.#tick()));
    });
  }

  #tick(): void {
    const now = this.#clock.now();
    // Looked at all the time, it knows that the wall clock was set back before a sleep moves that on.
    this.#elapsed.now();
    const [oldest = now] = this.#unwrittenSince;
    this.#raft.stateMachineUsable = now - oldest <= this.#constants.writeTimeoutMs;
    this.#raft.tick(now);
  }

  // Duties

  #flush(): void {
    if (this.#stopped) return;
    try {
      this.#observeRole();
      this.#reads.askArrived();
      this.#carryOut();
      this.#writeBatch();
      // Before entries are applied, which takes its time.
      this.#observeTail();
      this.#apply();
      this.#armTimer();
    } catch (error) {
      this.#fail(error);
    }
  }

  #carryOut(): void {
    const ready = this.#raft.takeReady();
    if (ready.messages.length > 0) this.#send(ready.messages);
    for (const readState of ready.readStates) this.#reads.answered(readState);
    for (const read of ready.logReads) this.#readLog(read);
  }

  #send(messages: readonly Message[]): void {
    const byPeer = new Map<ReplicaId, Message[]>();
    for (const message of messages) {
      const queue = byPeer.get(message.to);
      if (queue === undefined) byPeer.set(message.to, [message]);
      else queue.push(message);
    }
    for (const [to, queue] of byPeer) this.#transport.send(to, queue);
  }

  #readLog(read: LogRead): void {
    this.#log.read(read.from, this.#raft.durableIndex, read.maxBytes).then(
      (entries) => this.#input(() => this.#raft.entriesRead(this.#clock.now(), read, entries)),
      (error) => this.#fail(error),
    );
  }

  #writeBatch(): void {
    if (this.#writing) return;
    const batch = this.#raft.takeBatch();
    if (batch === null) return;
    this.#writing = true;
    const startedAt = this.#clock.now();
    this.#log.append(batch).then(
      () => {
        if (this.#stopped) return;
        const now = this.#clock.now();
        this.#writing = false;
        this.#observer.onBatchDurable(batch.entries.length, (now - startedAt) / 1000);
        try {
          this.#raft.batchDurable(now);
        } catch (error) {
          this.#fail(error);
          return;
        }
        this.#flush();
      },
      (error) => this.#fail(error),
    );
  }

  #apply(): void {
    while (!this.#readingForApply && this.#unwrittenBytes < unwrittenBytesMax) {
      const to = this.#raft.applicableIndex;
      if (this.#handedIndex >= to) return;
      const from = (this.#handedIndex + 1) as Index;
      const entries = this.#raft.cachedEntries(from, to, applyBytesMax);
      if (entries === null) {
        this.#readForApply(from, to);
        return;
      }
      this.#applyEntries(entries);
    }
  }

  #readForApply(from: Index, to: Index): void {
    this.#readingForApply = true;
    this.#log.read(from, to, applyBytesMax).then(
      (entries) => {
        this.#readingForApply = false;
        this.#input(() => this.#applyEntries(entries));
      },
      (error) => this.#fail(error),
    );
  }

  /** As many of them as can be in this turn. */
  #applyEntries(entries: readonly Entry[]): void {
    const count = this.#stateMachine.applicable(entries);
    if (count > 0) this.#applyGroup(count === entries.length ? entries : entries.slice(0, count));
    else this.#prepareFor(entries[0] as Entry);
  }

  #prepareFor(entry: Entry): void {
    this.#readingForApply = true;
    this.#stateMachine.prepare(entry).then(
      () => {
        this.#readingForApply = false;
        this.#input(() => this.#applyGroup([entry]));
      },
      (error) => this.#fail(error),
    );
  }

  #applyGroup(entries: readonly Entry[]): void {
    const first = entries[0];
    const last = entries.at(-1);
    invariant(first?.index === this.#handedIndex + 1 && last !== undefined, 'entries are applied in order, each once');
    const group = this.#stateMachine.apply(entries, this.#log.chainHash(last.index));
    const bytes = entries.reduce((total, entry) => total + entryBytes(entry), group.changedBytes);
    this.#handedIndex = last.index;
    this.#unwrittenBytes += bytes;
    const isWaitedFor = this.#reads.waitForState(last.index) || this.#unwrittenBytes >= unwrittenBytesMax;
    if (isWaitedFor) this.#stateMachine.hurry();
    this.#unwrittenSince.push(this.#clock.now());
    this.#settleProposals(entries, group.results);
    this.#observer.onApplied(entries.length);
    group.written.then(
      () => {
        this.#unwrittenBytes -= bytes;
        this.#unwrittenSince.shift();
        this.#reads.release();
        this.#schedule();
      },
      (error) => this.#fail(error),
    );
  }

  #settleProposals(entries: readonly Entry[], results: readonly (Result | null)[]): void {
    const first = (entries[0] as Entry).index;
    while (this.#proposalsHead < this.#proposals.length) {
      const proposal = this.#proposals[this.#proposalsHead] as PendingProposal;
      const entry = entries[proposal.index - first];
      if (entry === undefined) break;
      this.#proposalsHead++;
      const result = results[proposal.index - first] ?? null;
      const applied = entry.term === proposal.term && result !== null;
      const outcome = applied ? ({ type: 'applied', index: proposal.index, result } as const) : unknownOutcome;
      proposal.settle(proposal.position, outcome);
    }
    if (this.#proposalsHead === this.#proposals.length) {
      this.#proposals = [];
      this.#proposalsHead = 0;
    } else if (this.#proposalsHead > 4096) {
      this.#proposals = this.#proposals.slice(this.#proposalsHead);
      this.#proposalsHead = 0;
    }
  }

  #abandonProposals(): void {
    const open = this.#proposals.slice(this.#proposalsHead);
    this.#proposals = [];
    this.#proposalsHead = 0;
    for (const proposal of open) proposal.settle(proposal.position, unknownOutcome);
  }

  // Changes

  #observeRole(): void {
    const status = this.#raft.status;
    if (status.boundElsewhere !== null) {
      throw new IdentityLostError(
        `${this.#id} lost its data: remove it and add a replacement under a new id ` +
          `(this directory is not ${status.boundElsewhere}, which the cluster knows by that id)`,
      );
    }
    // Proposals are all of one term: losing it, even if it is won back, loses them.
    const first = this.#proposals[this.#proposalsHead];
    if (first !== undefined && (status.role !== 'leader' || status.term !== first.term)) this.#abandonProposals();
    const before = this.#observedRole;
    if (before?.role === status.role && before.term === status.term && before.leader === status.leader) return;
    this.#observedRole = { role: status.role, term: status.term, leader: status.leader };
    this.#observer.onRoleChange(status);
  }

  #observeTail(): void {
    if (this.#observer.onTail === undefined) return;
    const { role, term, last, commitIndex, publishIndex } = this.#raft.status;
    const acknowledgedRound = this.#raft.rounds.acknowledged;
    const before = this.#observedTail;
    const sameLog = before?.last.index === last.index && before.last.term === last.term;
    const sameIndexes = before?.commitIndex === commitIndex && before.publishIndex === publishIndex;
    const sameOffice = before?.role === role && before.term === term && before.round === acknowledgedRound;
    if (sameLog && sameIndexes && sameOffice) return;
    this.#observedTail = { role, term, last, commitIndex, publishIndex, round: acknowledgedRound };
    this.#observer.onTail({
      term,
      leads: role === 'leader',
      lastIndex: last.index,
      commitIndex,
      publishIndex,
      acknowledgedRound,
      entries: (from, to) => this.#entriesLed(term, from, to),
    });
  }

  #entriesLed(term: Term, from: Index, to: Index): readonly Entry[] | null {
    const { status } = this.#raft;
    if (status.role !== 'leader' || status.term !== term) return null;
    return from > to ? [] : this.#raft.cachedEntries(from, to, Number.POSITIVE_INFINITY);
  }

  #fail(cause: unknown): void {
    if (this.#stopped) return;
    this.stop();
    this.#onFatal(cause instanceof Error ? cause : new InvariantError(String(cause)));
  }
}
