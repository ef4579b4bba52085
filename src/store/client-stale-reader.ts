/**
 * Stale reads: whoever is connected answers from what it has applied, a replica that follows nobody too. The balancer's
 * policy chooses; when one fails or is behind, another is asked, within the deadline of the read.
 */
import { ElapsedClock } from '../raft/elapsed-clock.ts';
import type { Clock, Random } from '../raft/interfaces.ts';
import type { Index, ReplicaId } from '../raft/types.ts';
import type { ReplicaStanding } from './client-reader.ts';
import type { ReadOptions, ReadOutcome } from './client-types.ts';
import type { Query } from './command.ts';
import { Deadlines } from './deadlines.ts';
import { verdictOn } from './read-check.ts';
import { type BalancePolicy, type Candidate, createReadPolicy, type ReadPolicy } from './read-policy.ts';
import { ReadRetries, type Retriable } from './read-retries.ts';
import type { LinkAnswer, ReplicaLink } from './replica-link.ts';

/** What a stale reader needs of a link. */
export type StaleReaderLink = Pick<ReplicaLink, 'id' | 'request' | 'connected'>;

export interface ClientStaleReaderOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly links: ReadonlyMap<ReplicaId, StaleReaderLink>;
  readonly balance: BalancePolicy;
  /** As linearizable reads and probes have found it: they are many more. */
  readonly standing: (id: ReplicaId) => ReplicaStanding;
}

interface PendingRead extends Retriable {
  readonly query: Query;
  readonly deadlineAt: number;
  readonly minRevision: Index;
  /** The one replica that may answer, or null for any. */
  readonly pinned: Target | null;
  readonly settle: (outcome: ReadOutcome) => void;
  /** Failed, or had not come so far: the others first. */
  readonly tried: Set<Target>;
}

/** The way to one replica, for reads that wait for a revision there or for those that do not: who waits for whom differs. */
interface Lane {
  readonly target: Target;
  readonly batchesInFlightMax: number;
  queue: PendingRead[];
  batchesInFlight: number;
  readsInFlight: number;
  flushScheduled: boolean;
}

const openReadsMax = 65_536;
const batchQueriesMax = 256;
const batchesInFlightMax = 4;
/** Only reads that wait for the same revision travel together. */
const waitingBatchesInFlightMax = 64;
/** A replica waits so long for a revision; then another is asked, or the same one again. */
const waitMsMax = 800;
/** That wait, and the way there and back. Who takes longer hangs. */
const attemptMs = 1000;
/** How long a replica that did not answer is left out, where others are connected. */
const outOfTurnMs = 1000;

export class ClientStaleReader {
  readonly #clock: Clock;
  /** Of ages: an answer may wait while the machine sleeps. */
  readonly #elapsed: ElapsedClock;
  readonly #targets: ReadonlyMap<ReplicaId, Target>;
  readonly #policy: ReadPolicy;
  readonly #deadlines: Deadlines<PendingRead>;
  readonly #retries: ReadRetries<PendingRead>;
  #closed = false;

  constructor({ clock, random, links, balance, standing }: ClientStaleReaderOptions) {
    this.#clock = clock;
    this.#elapsed = new ElapsedClock(clock);
    this.#targets = new Map(
      [...links.values()].map((link, position) => [link.id, new Target(link, position, () => standing(link.id))]),
    );
    this.#policy = createReadPolicy(balance, random);
    this.#deadlines = new Deadlines(clock, (read) => read.settle({ type: 'unavailable' }));
    this.#retries = new ReadRetries({
      clock,
      isOpen: (read) => this.#deadlines.has(read),
      assign: (read) => this.#assign(read),
    });
  }

  read(query: Query, { timeoutMs, replica, minRevision = 0 as Index }: ReadOptions): Promise<ReadOutcome> {
    return new Promise((settle) => {
      const pinned = replica === undefined ? null : this.#targets.get(replica);
      if (pinned === undefined) return settle({ type: 'unknownReplica', known: [...this.#targets.keys()] });
      if (this.#closed || this.#deadlines.size >= openReadsMax) return settle({ type: 'unavailable' });
      const deadlineAt = this.#clock.now() + timeoutMs;
      const read = { query, deadlineAt, minRevision, pinned, settle, tried: new Set<Target>(), owesRetry: false };
      this.#deadlines.add(read);
      if (pinned === null) this.#retries.readBegan();
      this.#assign(read);
    });
  }

  close(): void {
    this.#closed = true;
    this.#retries.close();
    this.#deadlines.close();
  }

  #assign(read: PendingRead): void {
    if (this.#closed || !this.#deadlines.has(read)) return;
    const target = read.pinned ?? this.#choose(read.tried);
    if (!target?.link.connected) {
      read.tried.clear();
      this.#retries.wait(read);
      return;
    }
    const lane = read.minRevision > 0 ? target.waiting : target.prompt;
    lane.queue.push(read);
    this.#schedule(lane);
  }

  #choose(tried: ReadonlySet<Target>): Target | null {
    const now = this.#clock.now();
    const candidates = [...this.#targets.values()].filter((target) => target.link.connected && !tried.has(target));
    const inTurn = candidates.filter((target) => now >= target.outOfTurnUntil && !target.standing.ejected);
    return this.#policy.choose(inTurn.length > 0 ? inTurn : candidates);
  }

  #schedule(lane: Lane): void {
    if (lane.flushScheduled) return;
    lane.flushScheduled = true;
    this.#clock.defer(() => {
      lane.flushScheduled = false;
      this.#flush(lane);
    });
  }

  #flush(lane: Lane): void {
    lane.queue = lane.queue.filter((read) => this.#deadlines.has(read));
    while (lane.batchesInFlight < lane.batchesInFlightMax) {
      const [first] = lane.queue;
      if (first === undefined) return;
      const alike = lane.queue.filter(({ minRevision }) => minRevision === first.minRevision);
      const reads = new Set(alike.slice(0, batchQueriesMax));
      lane.queue = lane.queue.filter((read) => !reads.has(read));
      this.#send(lane, [...reads], first.minRevision);
    }
  }

  #send(lane: Lane, reads: readonly PendingRead[], minRevision: Index): void {
    const sentAt = this.#elapsed.now();
    const now = this.#clock.now();
    const longestLeftMs = reads.reduce((longest, { deadlineAt }) => Math.max(longest, deadlineAt - now), 1);
    const queries = reads.map((read) => read.query);
    const timeoutMs = Math.min(longestLeftMs, waitMsMax);
    const request = { type: 'read', timeoutMs, queries, consistency: 'stale', minRevision } as const;
    lane.batchesInFlight += 1;
    lane.readsInFlight += reads.length;
    void lane.target.link.request(request, 'read', attemptMs).then((answer) => {
      lane.batchesInFlight -= 1;
      lane.readsInFlight -= reads.length;
      if (verdictOn(answer, queries) === 'failed') this.#failed(lane, reads, answer);
      else if (answer.type === 'read') this.#answered(lane.target, reads, answer, this.#elapsed.now() - sentAt);
      this.#flush(lane);
    });
  }

  #answered(
    target: Target,
    reads: readonly PendingRead[],
    { replies, ageMs = null }: Extract<LinkAnswer, { type: 'read' }>,
    tookMs: number,
  ): void {
    target.outOfTurnUntil = 0;
    // It was read at some moment since it was asked for.
    const staleMs = ageMs === null ? null : ageMs + tookMs;
    for (const [position, read] of reads.entries()) {
      const reply = replies[position];
      if (reply?.type === 'done') {
        const outcome = { type: 'done', result: reply.result, replica: target.link.id, staleMs } as const;
        if (this.#deadlines.remove(read)) read.settle(outcome);
      } else if (reply?.type === 'full') {
        this.#assign(read);
      } else {
        // To be behind is no fault, nor is the revision that was asked for.
        read.tried.add(target);
        if (read.pinned === null) this.#assign(read);
        else this.#retries.wait(read);
      }
    }
  }

  #failed(lane: Lane, reads: readonly PendingRead[], answer: LinkAnswer): void {
    const { target } = lane;
    target.outOfTurnUntil = this.#clock.now() + outOfTurnMs;
    for (const read of reads) {
      read.tried.add(target);
      if (read.pinned !== null) this.#retries.wait(read);
      // What was never sent costs nobody anything.
      else if (answer.type === 'notSent') this.#assign(read);
      else this.#retries.retry(read);
    }
    // What waits here would meet the same.
    for (const read of lane.queue.splice(0)) {
      read.tried.add(target);
      this.#assign(read);
    }
  }
}

/** One replica, as stale reads see it. */
class Target implements Candidate {
  readonly link: StaleReaderLink;
  readonly position: number;
  readonly prompt: Lane = laneTo(this, batchesInFlightMax);
  readonly waiting: Lane = laneTo(this, waitingBatchesInFlightMax);
  readonly #standing: () => ReplicaStanding;
  outOfTurnUntil = 0;

  constructor(link: StaleReaderLink, position: number, standing: () => ReplicaStanding) {
    this.link = link;
    this.position = position;
    this.#standing = standing;
  }

  get standing(): ReplicaStanding {
    return this.#standing();
  }

  get inFlight(): number {
    const { prompt, waiting } = this;
    return prompt.queue.length + prompt.readsInFlight + waiting.queue.length + waiting.readsInFlight;
  }

  get latencyMs(): number | null {
    return this.standing.latencyMs;
  }
}

function laneTo(target: Target, inFlightMax: number): Lane {
  return {
    target,
    batchesInFlightMax: inFlightMax,
    queue: [],
    batchesInFlight: 0,
    readsInFlight: 0,
    flushScheduled: false,
  };
}
