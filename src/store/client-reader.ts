/** Reads: healthy replicas take turns, queries that arrive together travel together, and another replica is tried when one fails. */
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

interface Lane {
  readonly queue: PendingRead[];
  inFlight: number;
  flushScheduled: boolean;
}

const openReadsMax = 65_536;
const batchQueriesMax = 256;
const batchesInFlightMax = 4;
const retryMs = 20;
/** An unpinned attempt is given up after this, for another replica. */
const attemptMs = 1000;
/** A replica this far behind the most advanced one answers late: the others are asked. */
const lagEntriesMax = 5000;

export class ClientReader {
  readonly #clock: Clock;
  readonly #links: ReadonlyMap<ReplicaId, ReaderLink>;
  readonly #lanes: ReadonlyMap<ReaderLink, Lane>;
  readonly #deadlines: Deadlines<PendingRead>;
  #turn = 0;
  #eligible: readonly ReaderLink[] | null = null;
  #closed = false;

  constructor(clock: Clock, links: ReadonlyMap<ReplicaId, ReaderLink>) {
    this.#clock = clock;
    this.#links = links;
    this.#lanes = new Map([...links.values()].map((link) => [link, { queue: [], inFlight: 0, flushScheduled: false }]));
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
    const lane = link === null ? undefined : this.#lanes.get(link);
    if (link === null || lane === undefined || !link.connected) {
      read.tried.clear();
      this.#clock.setTimer(retryMs, () => this.#assign(read));
      return;
    }
    lane.queue.push(read);
    this.#schedule(link, lane);
  }

  #nextInTurn(tried: ReadonlySet<ReaderLink>): ReaderLink | null {
    this.#eligible ??= eligibleForReads([...this.#links.values()]);
    const fresh = tried.size === 0 ? this.#eligible : this.#eligible.filter((link) => !tried.has(link));
    if (fresh.length === 0) return null;
    this.#turn = (this.#turn + 1) % fresh.length;
    return fresh[this.#turn] ?? null;
  }

  #schedule(link: ReaderLink, lane: Lane): void {
    if (lane.flushScheduled) return;
    lane.flushScheduled = true;
    this.#clock.defer(() => {
      lane.flushScheduled = false;
      this.#flush(link, lane);
    });
  }

  #flush(link: ReaderLink, lane: Lane): void {
    while (lane.queue.length > 0 && lane.inFlight < batchesInFlightMax) {
      const reads = lane.queue.splice(0, batchQueriesMax).filter((read) => this.#deadlines.has(read));
      if (reads.length > 0) this.#send(link, lane, reads);
    }
  }

  #send(link: ReaderLink, lane: Lane, reads: readonly PendingRead[]): void {
    lane.inFlight++;
    const now = this.#clock.now();
    let timeoutMs = 1;
    for (const read of reads) {
      const left = read.deadlineAt - now;
      timeoutMs = Math.max(timeoutMs, read.pinned === null ? Math.min(left, attemptMs) : left);
    }
    const queries = reads.map((read) => read.query);
    void link.request({ type: 'read', timeoutMs, queries }, 'read', timeoutMs).then((answer) => {
      lane.inFlight--;
      this.#answered(link, reads, answer);
      this.#flush(link, lane);
    });
  }

  #answered(link: ReaderLink, reads: readonly PendingRead[], answer: LinkAnswer): void {
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
  }
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
