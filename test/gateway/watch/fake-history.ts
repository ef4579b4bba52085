/**
 * A history of changes that every replica has, but not at the same time: questions are answered as the contract says, and a
 * test can make it compact, fall silent, fall behind or break pages off anywhere.
 */
import {
  type Change,
  type ChangesOutcome,
  type ChangesQuery,
  type Index,
  isOfInterest,
  type ReplicaView,
} from '../../../src/store/client.ts';
import type { Clock } from '../../../src/system-clock.ts';

interface Asked {
  readonly query: ChangesQuery;
  readonly settle: (outcome: ChangesOutcome) => void;
}

/** A put, or a delete if the value is null. */
export interface Written {
  readonly key: string;
  readonly value: string | Uint8Array | null;
}

export class FakeHistory {
  readonly clock: Clock;
  readonly queries: ChangesQuery[] = [];
  readonly changes_: Change[] = [];
  /** Published. */
  revision = 0;
  compactedRevision = 0;
  /** Nobody answers. */
  silent = false;
  /** No leader confirms a read index. */
  leaderless = false;
  /** So many changes a page holds at most. */
  pageMax = 1000;
  /** The replica that is asked next has applied so much less. */
  lag: () => number = () => 0;
  #waiting: Asked[] = [];

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** One entry of the log. */
  write(...written: readonly Written[]): number {
    this.revision += 1;
    const revision = this.revision as Index;
    for (const [place, { key, value }] of written.entries()) {
      const at = { revision, place, count: written.length, subject: { type: 'key', key } } as const;
      if (value === null) {
        this.changes_.push({ ...at, type: 'delete', expired: false });
        continue;
      }
      const bytes = Buffer.from(value);
      const item = { key, createRevision: 1, modRevision: revision, version: 1, contentType: 'text/plain' };
      this.changes_.push({ ...at, type: 'put', item: { ...item, sizeBytes: bytes.byteLength, value: bytes } });
    }
    this.#wake();
    return revision;
  }

  add(change: Change): void {
    this.revision = change.revision;
    this.changes_.push(change);
    this.#wake();
  }

  compact(revision: number): void {
    this.compactedRevision = revision;
  }

  changes(query: ChangesQuery, { timeoutMs }: { readonly timeoutMs: number }): Promise<ChangesOutcome> {
    this.queries.push(query);
    return new Promise((settle) => {
      const asked = { query, settle };
      if (!this.silent && this.#answer(asked, query.waitMs === 0)) return;
      this.#waiting.push(asked);
      this.clock.setTimer(this.silent ? timeoutMs : query.waitMs, () => {
        if (!this.#waiting.includes(asked)) return;
        this.#waiting = this.#waiting.filter((each) => each !== asked);
        if (this.silent) settle({ type: 'unavailable' });
        else this.#answer(asked, true);
      });
    });
  }

  async readIndex(): Promise<Index | null> {
    return this.leaderless ? null : (this.revision as Index);
  }

  replicas(): readonly ReplicaView[] {
    const status = { appliedIndex: this.revision } as NonNullable<ReplicaView['status']>;
    return [{ id: 'r1', rpc: '', http: '', healthy: true, status }];
  }

  #wake(): void {
    if (this.silent) return;
    this.#waiting = this.#waiting.filter((asked) => !this.#answer(asked, false));
  }

  /** False: there is nothing yet, and it may wait. */
  #answer({ query, settle }: Asked, now: boolean): boolean {
    const { after, skip, watched, limit } = query;
    const applied = Math.max(0, this.revision - this.lag());
    if (after < this.compactedRevision) {
      const result = { type: 'compacted', compactedRevision: this.compactedRevision as Index } as const;
      settle({ type: 'done', result, replica: 'r1' });
      return true;
    }
    if (applied < after) {
      if (now) settle({ type: 'unavailable' });
      return now;
    }
    const found = this.changes_.filter(
      ({ revision, place, subject }) =>
        revision <= applied &&
        (revision > after + 1 || (revision === after + 1 && place >= skip)) &&
        isOfInterest(watched, subject),
    );
    if (found.length === 0 && !now) return false;
    const changes = found.slice(0, Math.min(limit, this.pageMax));
    const last = changes.at(-1);
    const next = found[changes.length];
    const inside = last !== undefined && next?.revision === last.revision;
    const end = inside
      ? { through: (last.revision - 1) as Index, skip: last.place + 1 }
      : { through: (next === undefined || last === undefined ? applied : last.revision) as Index, skip: 0 };
    const nothingNew = changes.length === 0 && end.through === after;
    settle({
      type: 'done',
      result: { type: 'changes', changes, ...end, ...(nothingNew ? { skip } : {}) },
      replica: 'r1',
    });
    return true;
  }
}
