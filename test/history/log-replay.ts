/** The store as simply as it can be said, fed with the log: what each entry did, and what each key was after each. */
import { unreachable } from '../../src/raft/assert.ts';
import { compareKeys } from './key-order.ts';
import type {
  LoggedCondition,
  LoggedDelete,
  LoggedElsewhere,
  LoggedMatch,
  LoggedPut,
  LoggedWrite,
} from './logged-write.ts';
import type { Item, Reply, Value } from './operation.ts';

/** What a write that was carried out is answered with. */
export type Effect = Extract<Reply, { type: 'put' | 'deleted' | 'notFound' | 'conditionFailed' }>;

interface KeyVersion {
  readonly revision: number;
  /** Null: it was deleted. */
  readonly item: Item | null;
}

interface Session {
  lowestUnanswered: number;
  readonly done: Set<number>;
}

export class LogReplay {
  readonly #log: readonly LoggedWrite[];
  /** By index less one; null where nothing was carried out. */
  readonly #effects: (Effect | null)[] = [];
  readonly #keys = new Map<string, KeyVersion[]>();
  readonly #sessions = new Map<number, Session>();
  readonly #indexesOf = new Map<Value, number[]>();
  readonly #keysInOrder: readonly string[];

  /** The log is gapless from index 1. */
  constructor(log: readonly LoggedWrite[]) {
    this.#log = log;
    for (const entry of log) this.#effects.push(this.#apply(entry));
    this.#keysInOrder = [...this.#keys.keys()].sort(compareKeys);
  }

  get lastIndex(): number {
    return this.#log.length;
  }

  entryAt(index: number): LoggedWrite | null {
    return this.#log[index - 1] ?? null;
  }

  /** Null if the entry is no write, or one that must not be carried out (again). */
  effectAt(index: number): Effect | null {
    return this.#effects[index - 1] ?? null;
  }

  /** Where puts of this value were carried out, whatever came of it; no more than one place, unless something is wrong. */
  indexesOf(value: Value): readonly number[] {
    return this.#indexesOf.get(value) ?? [];
  }

  get values(): Iterable<Value> {
    return this.#indexesOf.keys();
  }

  /** Right after the entry at this index. */
  itemAt(key: string, index: number): Item | null {
    const versions = this.#keys.get(key) ?? [];
    let low = 0;
    let high = versions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((versions[middle] as KeyVersion).revision <= index) low = middle + 1;
      else high = middle;
    }
    return versions[low - 1]?.item ?? null;
  }

  /** Right after the entry at this index, in the order of keys. */
  *itemsAt(prefix: string, index: number): Iterable<Item> {
    for (const key of this.#keysInOrder) {
      const item = key.startsWith(prefix) ? this.itemAt(key, index) : null;
      if (item !== null) yield item;
    }
  }

  #apply(entry: LoggedWrite): Effect | null {
    switch (entry.type) {
      case 'noop':
        return null;
      case 'openSession':
        this.#sessions.set(entry.index, { lowestUnanswered: 1, done: new Set() });
        return null;
      case 'elsewhere':
        this.#admits(entry);
        return null;
      case 'put':
      case 'delete':
        return this.#admits(entry) ? this.#execute(entry, entry.index) : null;
      default:
        return unreachable(entry);
    }
  }

  #admits({ session: id, sequence, lowestUnanswered }: LoggedPut | LoggedDelete | LoggedElsewhere): boolean {
    const session = this.#sessions.get(id);
    if (session === undefined) return false;
    session.lowestUnanswered = Math.max(session.lowestUnanswered, lowestUnanswered);
    if (sequence < session.lowestUnanswered || session.done.has(sequence)) return false;
    session.done.add(sequence);
    return true;
  }

  #execute(write: LoggedPut | LoggedDelete, revision: number): Effect {
    const { key } = write;
    let versions = this.#keys.get(key);
    if (versions === undefined) {
      versions = [];
      this.#keys.set(key, versions);
    }
    if (write.type === 'put') this.#note(write.value, revision);
    const current = versions.at(-1)?.item ?? null;
    if (!holds(write.condition, current)) return { type: 'conditionFailed', current: current?.modRevision ?? 0 };
    if (write.type === 'put') {
      const version = (current?.version ?? 0) + 1;
      versions.push({ revision, item: { key, value: write.value, modRevision: revision, version } });
      return { type: 'put', revision, version, created: current === null };
    }
    if (current === null) return { type: 'notFound' };
    versions.push({ revision, item: null });
    return { type: 'deleted', revision };
  }

  #note(value: Value, index: number): void {
    const indexes = this.#indexesOf.get(value);
    if (indexes === undefined) this.#indexesOf.set(value, [index]);
    else indexes.push(index);
  }
}

/** RFC 9110 sections 13.1.1 and 13.1.2. */
function holds({ ifMatch, ifNoneMatch }: LoggedCondition, current: Item | null): boolean {
  if (ifMatch !== null && !matches(ifMatch, current)) return false;
  return ifNoneMatch === null || !matches(ifNoneMatch, current);
}

function matches(match: LoggedMatch, current: Item | null): boolean {
  return current !== null && (match === '*' || match.includes(current.modRevision));
}
