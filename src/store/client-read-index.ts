/**
 * Read indexes for whoever holds a copy and asks if it is still current: one question to the leader at a time. Its
 * answer is for those who had asked when it was sent; whoever asks meanwhile is served by the next one.
 */
import type { Clock } from '../raft/interfaces.ts';
import type { Index } from '../raft/types.ts';
import { Deadlines } from './deadlines.ts';
import type { ReplicaLink } from './replica-link.ts';

/** What is needed of a link. */
export type ReadIndexLink = Pick<ReplicaLink, 'request'>;

interface PendingReadIndex {
  readonly deadlineAt: number;
  readonly settle: (index: Index | null) => void;
}

const openMax = 65_536;
/** A question is given up after this at the latest: those who come after it do not wait for a leader that hangs. */
const attemptMsMax = 250;

export class ClientReadIndex {
  readonly #clock: Clock;
  /** The link to the leader, if one is known and connected. */
  readonly #leaderLink: () => ReadIndexLink | null;
  readonly #deadlines: Deadlines<PendingReadIndex>;
  /** Asked, and in no question yet. */
  #waiting: PendingReadIndex[] = [];
  #asking = false;
  #flushScheduled = false;
  #closed = false;

  constructor(clock: Clock, leaderLink: () => ReadIndexLink | null) {
    this.#clock = clock;
    this.#leaderLink = leaderLink;
    this.#deadlines = new Deadlines(clock, ({ settle }) => settle(null));
  }

  ask(timeoutMs: number): Promise<Index | null> {
    return new Promise((settle) => {
      if (this.#closed || this.#waiting.length >= openMax) return settle(null);
      const pending: PendingReadIndex = { deadlineAt: this.#clock.now() + timeoutMs, settle };
      this.#deadlines.add(pending);
      this.#waiting.push(pending);
      this.#schedule();
    });
  }

  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#deadlines.close();
  }

  #schedule(): void {
    if (this.#asking || this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#clock.defer(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const asked = this.#waiting.filter((pending) => this.#deadlines.has(pending));
    this.#waiting = [];
    if (asked.length === 0) return;
    const link = this.#leaderLink();
    if (link === null) {
      this.#settle(asked, null);
      return;
    }
    const now = this.#clock.now();
    const longestLeftMs = asked.reduce((longest, { deadlineAt }) => Math.max(longest, deadlineAt - now), 1);
    const timeoutMs = Math.min(longestLeftMs, attemptMsMax);
    this.#asking = true;
    void link.request({ type: 'readIndex', timeoutMs }, 'readIndex', timeoutMs).then((answer) => {
      this.#asking = false;
      this.#settle(asked, answer.type === 'readIndex' ? answer.index : null);
      if (this.#waiting.length > 0) this.#flush();
    });
  }

  #settle(asked: readonly PendingReadIndex[], index: Index | null): void {
    for (const pending of asked) {
      if (this.#deadlines.remove(pending)) pending.settle(index);
    }
  }
}
