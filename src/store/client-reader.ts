/**
 * Reads: each goes to a replica that the balancer chooses, and those that arrive together travel together. When one
 * fails, others are tried, as far as the budget for retries goes. Every replica is probed, so that one that hangs, lies or
 * is well again is found out though nobody reads from it.
 */
import type { Clock, Random, Timer } from '../raft/interfaces.ts';
import type { ReplicaId } from '../raft/types.ts';
import type { ReadBalance, ReadOutcome } from './client-types.ts';
import type { Query } from './command.ts';
import { Deadlines } from './deadlines.ts';
import { LatencyAverage } from './latency-average.ts';
import { type ReadVerdict, verdictOn } from './read-check.ts';
import { ReadHealth } from './read-health.ts';
import { type BalancePolicy, type Candidate, createReadPolicy, type ReadPolicy } from './read-policy.ts';
import { ReadRetries, type Retriable } from './read-retries.ts';
import type { LinkAnswer, ReplicaLink } from './replica-link.ts';
import { TurnQueue } from './turn-queue.ts';

/** What a reader needs of a link. */
export type ReaderLink = Pick<ReplicaLink, 'id' | 'request' | 'connected' | 'healthy' | 'status'>;

export interface ClientReaderOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly links: ReadonlyMap<ReplicaId, ReaderLink>;
  readonly balance: BalancePolicy;
}

export interface ReplicaStanding {
  /** It failed, and is not to be asked while others can be. */
  readonly ejected: boolean;
  /** Of a message; null if none was measured. */
  readonly latencyMs: number | null;
}

interface PendingRead extends Retriable {
  readonly query: Query;
  readonly deadlineAt: number;
  /** The one replica that may answer, or null for any. */
  readonly pinned: Target | null;
  readonly settle: (outcome: ReadOutcome) => void;
  /** Failed or could not answer: the others first. */
  readonly tried: Set<Target>;
  /** Where it waits for its turn, if it does. */
  waitsIn: TurnQueue<PendingRead> | null;
}

/** The way to one replica, for reads that may go to any or for those that are pinned to it: who waits for whom differs. */
interface Lane {
  readonly target: Target;
  readonly pinned: boolean;
  readonly queue: TurnQueue<PendingRead>;
  batchesInFlight: number;
  readsInFlight: number;
  flushScheduled: boolean;
}

/** A message that any other replica could have answered as well. */
interface Attempt {
  readonly sentAt: number;
  readonly epoch: number;
  /** How many messages the other replicas had served when it was sent. */
  readonly servedByOthers: number;
}

const openReadsMax = 65_536;
const batchQueriesMax = 256;
const batchesInFlightMax = 4;
/**
 * An unpinned attempt is given up after this, for another replica. Whatever its reads' own deadlines: a client that is
 * impatient says nothing of the replica.
 */
const attemptMs = 1000;
/** As long as that a replica looks for a leader. The rest is for its answer: a replica that says that there is none has not failed. */
const confirmationMs = 500;
/** How often a replica is probed that was not asked meanwhile. Not below `attemptMs`, so that it is one probe at a time. */
const probeIntervalMs = 1000;
/** Any key does: what is asked is whether this replica can confirm a read. */
const probeQuery: Query = { type: 'get', key: 'probe', withValue: false };
/** A replica this far behind the most advanced one answers late: the others are asked. */
const lagEntriesMax = 5000;

export class ClientReader {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #targets: ReadonlyMap<ReplicaId, Target>;
  readonly #balance: BalancePolicy;
  readonly #policy: ReadPolicy;
  readonly #health: ReadHealth<Target>;
  readonly #deadlines: Deadlines<PendingRead>;
  readonly #retries: ReadRetries<PendingRead>;
  #probeTimer: Timer;
  /** Null when it has to be found anew. */
  #eligible: readonly Target[] | null = null;
  /** Messages, by all replicas together. */
  #served = 0;
  #closed = false;

  constructor({ clock, random, links, balance }: ClientReaderOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#deadlines = new Deadlines(clock, (read) => {
      read.waitsIn?.gaveUp();
      read.settle({ type: 'unavailable' });
    });
    const isOpen = (read: PendingRead): boolean => this.#deadlines.has(read);
    this.#targets = new Map(
      [...links.values()].map((link, position) => [link.id, new Target(clock, link, position, isOpen)]),
    );
    this.#balance = balance;
    this.#policy = createReadPolicy(balance, random);
    this.#health = new ReadHealth(clock, [...this.#targets.values()]);
    this.#retries = new ReadRetries({ clock, isOpen, assign: (read) => this.#assign(read) });
    this.#probeTimer = clock.setTimer(probeIntervalMs, () => this.#probe());
  }

  read(query: Query, options: { readonly timeoutMs: number; readonly replica?: ReplicaId }): Promise<ReadOutcome> {
    return new Promise((settle) => {
      const pinned = options.replica === undefined ? null : this.#targets.get(options.replica);
      if (pinned === undefined) return settle({ type: 'unknownReplica', known: [...this.#targets.keys()] });
      if (this.#closed || this.#deadlines.size >= openReadsMax) return settle({ type: 'unavailable' });
      const deadlineAt = this.#clock.now() + options.timeoutMs;
      const attempts = { tried: new Set<Target>(), owesRetry: false, waitsIn: null };
      const read: PendingRead = { query, deadlineAt, pinned, settle, ...attempts };
      this.#deadlines.add(read);
      if (pinned === null) this.#retries.readBegan();
      this.#assign(read);
    });
  }

  /** To be called when the health or status of a replica may have changed. */
  replicaChanged(): void {
    this.#eligible = null;
  }

  balance(): ReadBalance {
    const replicas = [...this.#targets.values()].map((target) => ({
      id: target.link.id,
      healthy: target.healthy,
      inFlight: target.inFlight,
      ejected: this.#health.ejected(target),
      ejections: this.#health.ejections(target),
      latencyMs: target.latencyMs,
    }));
    const { retries, refused } = this.#retries.statistics();
    return { policy: this.#balance, replicas, retries, retriesRefused: refused };
  }

  /** What reads and probes have found of a replica, for reads of another kind. */
  standing(id: ReplicaId): ReplicaStanding {
    const target = this.#targets.get(id);
    if (target === undefined) return { ejected: false, latencyMs: null };
    return { ejected: this.#health.ejected(target), latencyMs: target.latencyMs };
  }

  close(): void {
    this.#closed = true;
    this.#probeTimer.cancel();
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
    const lane = read.pinned === null ? target.shared : target.alone;
    lane.queue.push(read);
    read.waitsIn = lane.queue;
    this.#schedule(lane);
  }

  #choose(tried: ReadonlySet<Target>): Target | null {
    this.#eligible ??= this.#findEligible([...this.#targets.values()]);
    let candidates = this.#eligible;
    if (tried.size > 0) {
      candidates = candidates.filter((target) => !tried.has(target));
      if (candidates.length === 0) {
        candidates = this.#findEligible([...this.#targets.values()].filter((target) => !tried.has(target)));
      }
    }
    const admitted = candidates.filter((target) => this.#takesPart(target));
    return this.#policy.choose(admitted.length > 0 ? admitted : candidates);
  }

  #findEligible(targets: readonly Target[]): readonly Target[] {
    const inTurn = eligibleForReads(targets.filter((target) => !this.#health.ejected(target)));
    return inTurn.length > 0 ? inTurn : eligibleForReads(targets);
  }

  #takesPart(target: Target): boolean {
    const share = this.#health.share(target);
    return share === 1 || this.#random.next() < share;
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
    while (lane.queue.length > 0 && lane.batchesInFlight < batchesInFlightMax) {
      this.#send(lane, this.#take(lane, batchQueriesMax));
    }
  }

  #take({ queue }: Lane, countMax: number): readonly PendingRead[] {
    const reads = queue.take(countMax);
    for (const read of reads) read.waitsIn = null;
    return reads;
  }

  #send(lane: Lane, reads: readonly PendingRead[]): void {
    const { target, pinned } = lane;
    const queries = reads.map((read) => read.query);
    const timeoutMs = pinned ? this.#longestLeftMs(reads) : attemptMs;
    const request = { type: 'read', timeoutMs: pinned ? timeoutMs : confirmationMs, queries } as const;
    const attempt = pinned ? null : this.#begin(target);
    if (!pinned) target.asked = true;
    lane.batchesInFlight += 1;
    lane.readsInFlight += reads.length;
    void target.link.request(request, 'read', timeoutMs).then((answer) => {
      lane.batchesInFlight -= 1;
      lane.readsInFlight -= reads.length;
      const verdict = verdictOn(answer, queries);
      const isAtFault = attempt !== null && this.#judge(target, attempt, verdict);
      this.#answered(lane, reads, answer, verdict, isAtFault);
      this.#flush(lane);
    });
  }

  #longestLeftMs(reads: readonly PendingRead[]): number {
    const now = this.#clock.now();
    return reads.reduce((longest, read) => Math.max(longest, read.deadlineAt - now), 1);
  }

  #answered(
    lane: Lane,
    reads: readonly PendingRead[],
    answer: LinkAnswer,
    verdict: ReadVerdict,
    isAtFault: boolean,
  ): void {
    const { target } = lane;
    const replies = verdict === 'served' && answer.type === 'read' ? answer.replies : [];
    for (const [position, read] of reads.entries()) {
      const reply = replies[position];
      if (reply?.type === 'done') {
        if (this.#deadlines.remove(read)) read.settle({ type: 'done', result: reply.result, replica: target.link.id });
      } else if (reply?.type === 'full') {
        this.#assign(read);
      } else {
        read.tried.add(target);
        if (lane.pinned) this.#retries.wait(read);
        // What was never sent costs nobody anything; neither do replicas that wait for a leader.
        else if (isAtFault && answer.type !== 'notSent') this.#retries.retry(read);
        else this.#assign(read);
      }
    }
    if (lane.pinned || verdict === 'served') return;
    // What waits here would meet the same.
    for (const read of this.#take(lane, lane.queue.length)) {
      read.tried.add(target);
      this.#assign(read);
    }
  }

  #begin(target: Target): Attempt {
    return {
      sentAt: this.#clock.now(),
      epoch: this.#health.epoch(target),
      servedByOthers: this.#served - target.served,
    };
  }

  /** True if it is the replica's fault that it did not serve. */
  #judge(target: Target, { sentAt, epoch, servedByOthers }: Attempt, verdict: ReadVerdict): boolean {
    const tookMs = this.#clock.now() - sentAt;
    if (verdict === 'served') {
      this.#served += 1;
      target.served += 1;
      target.servedByOthersBefore = null;
      if (this.#health.succeeded(target, epoch)) {
        target.latency.restart();
        this.#eligible = null;
      }
      target.latency.add(tookMs);
      return false;
    }
    if (verdict === 'unavailable') {
      const before = target.servedByOthersBefore ?? servedByOthers;
      target.servedByOthersBefore = this.#served - target.served;
      // No leader confirmed the reads, nor meanwhile anybody else's: that says nothing of this replica.
      if (target.servedByOthersBefore === before) return false;
    }
    // To fail at once is not to be fast.
    if (target.latencyMs !== null) target.latency.add(Math.max(tookMs, target.latencyMs));
    if (this.#health.failed(target, epoch)) this.#eligible = null;
    return true;
  }

  #probe(): void {
    this.#probeTimer = this.#clock.setTimer(probeIntervalMs, () => this.#probe());
    for (const target of this.#targets.values()) {
      const { link, asked } = target;
      target.asked = false;
      if (asked) continue;
      const attempt = this.#begin(target);
      if (!link.connected) {
        // One that never served may have yet to start, and need not come back slowly.
        if (target.served > 0) this.#judge(target, attempt, 'failed');
        continue;
      }
      const request = { type: 'read', timeoutMs: confirmationMs, queries: [probeQuery] } as const;
      void link
        .request(request, 'read', attemptMs)
        .then((answer) => this.#judge(target, attempt, verdictOn(answer, [probeQuery])));
    }
  }
}

/** One replica, as reads see it. */
class Target implements Candidate {
  readonly link: ReaderLink;
  readonly position: number;
  readonly shared: Lane;
  readonly alone: Lane;
  readonly latency: LatencyAverage;
  /** Messages; those of pinned reads do not count. */
  served = 0;
  /** How many messages others had served when it last said that no leader confirmed; null if it has served since. */
  servedByOthersBefore: number | null = null;
  /** For a read that could have gone elsewhere, since it was last considered for a probe. */
  asked = false;

  constructor(clock: Clock, link: ReaderLink, position: number, isOpen: (read: PendingRead) => boolean) {
    this.link = link;
    this.position = position;
    this.shared = laneTo(this, false, isOpen);
    this.alone = laneTo(this, true, isOpen);
    this.latency = new LatencyAverage(clock);
  }

  get healthy(): boolean {
    return this.link.healthy;
  }

  get inFlight(): number {
    return this.shared.queue.length + this.shared.readsInFlight;
  }

  get latencyMs(): number | null {
    return this.latency.ms;
  }
}

function laneTo(target: Target, pinned: boolean, isOpen: (read: PendingRead) => boolean): Lane {
  const queue = new TurnQueue(isOpen);
  return { target, pinned, queue, batchesInFlight: 0, readsInFlight: 0, flushScheduled: false };
}

/** Healthy replicas that follow a leader and are not far behind; where there is none, whoever is connected. */
function eligibleForReads(targets: readonly Target[]): readonly Target[] {
  const healthy = targets.filter(
    ({ link }) => link.healthy && link.status?.leader !== null && link.status?.state === 'normal',
  );
  const applied = healthy.map(({ link }) => link.status?.appliedIndex ?? 0);
  const mostAdvanced = Math.max(...applied);
  const current = healthy.filter((_, position) => mostAdvanced - (applied[position] ?? 0) <= lagEntriesMax);
  return current.length > 0 ? current : targets.filter(({ link }) => link.connected);
}
