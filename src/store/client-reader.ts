/**
 * Reads: healthy replicas take turns, and queries that arrive together travel together. When one fails, others are tried,
 * and it is out of turn until it has answered a probe: it may be connected, and hang.
 */
import type { Clock } from '../raft/interfaces.ts';
import type { ReplicaId } from '../raft/types.ts';
import type { ReadOutcome } from './client-types.ts';
import type { Query } from './command.ts';
import { Deadlines } from './deadlines.ts';
import type { LinkAnswer, ReplicaLink } from './replica-link.ts';

/** What a reader needs of a link. */
export type ReaderLink = Pick<ReplicaLink, 'id' | 'request' | 'connected' | 'healthy' | 'status'>;

interface PendingRead {
  readonly query: Query;
  readonly deadlineAt: number;
  /** The one replica that may answer, or null for any. */
  readonly pinned: ReaderLink | null;
  readonly settle: (outcome: ReadOutcome) => void;
  /** Failed or could not answer: the others first. */
  readonly tried: Set<ReaderLink>;
}

/** The way to one replica, for reads that may go to any or for those that are pinned to it: who waits for whom differs. */
interface Lane {
  readonly link: ReaderLink;
  readonly pinned: boolean;
  readonly queue: PendingRead[];
  inFlight: number;
  flushScheduled: boolean;
}

const openReadsMax = 65_536;
const batchQueriesMax = 256;
const batchesInFlightMax = 4;
const retryMs = 20;
/**
 * An unpinned attempt is given up after this, for another replica. Whatever its reads' own deadlines: a client that is
 * impatient says nothing of the replica.
 */
const attemptMs = 1000;
/** How often a replica that is out of turn is probed. Not below `attemptMs`, so that it is one probe at a time. */
const probeIntervalMs = 1000;
/** A replica this far behind the most advanced one answers late: the others are asked. */
const lagEntriesMax = 5000;

export class ClientReader {
  readonly #clock: Clock;
  readonly #links: ReadonlyMap<ReplicaId, ReaderLink>;
  readonly #sharedLanes: ReadonlyMap<ReaderLink, Lane>;
  readonly #pinnedLanes: ReadonlyMap<ReaderLink, Lane>;
  readonly #deadlines: Deadlines<PendingRead>;
  /** Replicas that failed and have not answered since, and when each is to be probed. */
  readonly #outOfTurn = new Map<ReaderLink, number>();
  #turn = 0;
  /** Null when it has to be found anew. */
  #eligible: readonly ReaderLink[] | null = null;
  #closed = false;

  constructor(clock: Clock, links: ReadonlyMap<ReplicaId, ReaderLink>) {
    this.#clock = clock;
    this.#links = links;
    this.#sharedLanes = lanesTo(links, false);
    this.#pinnedLanes = lanesTo(links, true);
    this.#deadlines = new Deadlines(clock, (read) => read.settle({ type: 'unavailable' }));
  }

  read(query: Query, options: { readonly timeoutMs: number; readonly replica?: ReplicaId }): Promise<ReadOutcome> {
    return new Promise((settle) => {
      const pinned = options.replica === undefined ? null : this.#links.get(options.replica);
      if (pinned === undefined) return settle({ type: 'unknownReplica', known: [...this.#links.keys()] });
      if (this.#closed || this.#deadlines.size >= openReadsMax) return settle({ type: 'unavailable' });
      const deadlineAt = this.#clock.now() + options.timeoutMs;
      const read: PendingRead = { query, deadlineAt, pinned, settle, tried: new Set() };
      this.#deadlines.add(read);
      if (pinned === null) this.#probe(query);
      this.#assign(read);
    });
  }

  /** To be called when the health or status of a replica may have changed. */
  replicaChanged(): void {
    this.#eligible = null;
  }

  close(): void {
    this.#closed = true;
    this.#deadlines.close();
  }

  #assign(read: PendingRead): void {
    if (this.#closed || !this.#deadlines.has(read)) return;
    const link = read.pinned ?? this.#nextInTurn(read.tried);
    const lanes = read.pinned === null ? this.#sharedLanes : this.#pinnedLanes;
    const lane = link?.connected ? lanes.get(link) : undefined;
    if (lane === undefined) {
      read.tried.clear();
      this.#clock.setTimer(retryMs, () => this.#assign(read));
      return;
    }
    lane.queue.push(read);
    this.#schedule(lane);
  }

  #nextInTurn(tried: ReadonlySet<ReaderLink>): ReaderLink | null {
    this.#eligible ??= this.#findEligible();
    const fresh = tried.size === 0 ? this.#eligible : this.#eligible.filter((link) => !tried.has(link));
    if (fresh.length === 0) return null;
    this.#turn = (this.#turn + 1) % fresh.length;
    return fresh[this.#turn] ?? null;
  }

  #findEligible(): readonly ReaderLink[] {
    const links = [...this.#links.values()];
    const inTurn = eligibleForReads(links.filter((link) => !this.#outOfTurn.has(link)));
    return inTurn.length > 0 ? inTurn : eligibleForReads(links);
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
    while (lane.queue.length > 0 && lane.inFlight < batchesInFlightMax) {
      const reads = lane.queue.splice(0, batchQueriesMax).filter((read) => this.#deadlines.has(read));
      if (reads.length > 0) this.#send(lane, reads);
    }
  }

  #send(lane: Lane, reads: readonly PendingRead[]): void {
    lane.inFlight++;
    const timeoutMs = lane.pinned ? this.#longestLeftMs(reads) : attemptMs;
    const queries = reads.map((read) => read.query);
    void lane.link.request({ type: 'read', timeoutMs, queries }, 'read', timeoutMs).then((answer) => {
      lane.inFlight--;
      this.#answered(lane, reads, answer);
      this.#flush(lane);
    });
  }

  #longestLeftMs(reads: readonly PendingRead[]): number {
    const now = this.#clock.now();
    return reads.reduce((longest, read) => Math.max(longest, read.deadlineAt - now), 1);
  }

  #answered(lane: Lane, reads: readonly PendingRead[], answer: LinkAnswer): void {
    const { link } = lane;
    const failed = !lane.pinned && !this.#judge(link, answer);
    for (const [position, read] of reads.entries()) {
      const reply = answer.type === 'read' ? answer.replies[position] : undefined;
      if (reply?.type === 'done') {
        if (this.#deadlines.remove(read)) read.settle({ type: 'done', result: reply.result, replica: link.id });
      } else if (reply?.type === 'full') {
        this.#assign(read);
      } else {
        read.tried.add(link);
        if (read.pinned === null) this.#assign(read);
        else this.#clock.setTimer(retryMs, () => this.#assign(read));
      }
    }
    // What waits here would meet the same.
    if (failed) for (const read of lane.queue.splice(0)) this.#assign(read);
  }

  /** The same query goes to replicas that are out of turn, where one is due; nobody waits for what they say. */
  #probe(query: Query): void {
    const now = this.#clock.now();
    for (const [link, probeAt] of this.#outOfTurn) {
      if (now < probeAt || !link.connected) continue;
      this.#outOfTurn.set(link, now + probeIntervalMs);
      const request = { type: 'read', timeoutMs: attemptMs, queries: [query] } as const;
      void link.request(request, 'read', attemptMs).then((answer) => this.#judge(link, answer));
    }
  }

  /** True if the replica serves; takes it out of turn, or back in, accordingly. */
  #judge(link: ReaderLink, answer: LinkAnswer): boolean {
    const serves = answer.type === 'read' && answer.replies.some((reply) => reply.type !== 'unavailable');
    if (serves === this.#outOfTurn.has(link)) {
      if (serves) this.#outOfTurn.delete(link);
      else this.#outOfTurn.set(link, this.#clock.now() + probeIntervalMs);
      this.#eligible = null;
    }
    return serves;
  }
}

function lanesTo(links: ReadonlyMap<ReplicaId, ReaderLink>, pinned: boolean): ReadonlyMap<ReaderLink, Lane> {
  return new Map(
    [...links.values()].map((link) => [link, { link, pinned, queue: [], inFlight: 0, flushScheduled: false }]),
  );
}

/** Healthy replicas that follow a leader and are not far behind; where there is none, whoever is connected. */
function eligibleForReads(links: readonly ReaderLink[]): readonly ReaderLink[] {
  const healthy = links.filter(
    (link) => link.healthy && link.status?.leader !== null && link.status?.state === 'normal',
  );
  const applied = healthy.map((link) => link.status?.appliedIndex ?? 0);
  const mostAdvanced = Math.max(...applied);
  const current = healthy.filter((_, position) => mostAdvanced - (applied[position] ?? 0) <= lagEntriesMax);
  return current.length > 0 ? current : links.filter((link) => link.connected);
}
