/**
 * What clients saw, taken apart by key, since a history of keys is linearizable if and only if that of each key is.
 * A list is a read of every key it could have shown.
 *
 * A write is known if anybody saw its value or its revision; the revisions of a key grow, so the known ones are in
 * order. Of the writes with an unknown outcome the others are kept apart: any of them may have happened, unseen.
 */
import { invariant, unreachable } from '../../src/raft/assert.ts';
import { describe, shortened } from './describe.ts';
import { compareKeys } from './key-order.ts';
import type { Condition, Item, Operation, Reply, Request, Value } from './operation.ts';
import { inRealTime, type Timed } from './real-time.ts';
import { replyProblem } from './reply.ts';

export interface KnownWrite {
  readonly revision: number;
  /** Null: it was a put of unknown outcome, and nobody saw its value. */
  readonly by: Timed | null;
  /** Null if nobody saw it. */
  readonly version: number | null;
  /** Whoever saw that the key was at this revision. */
  readonly readers: readonly Timed[];
}

export interface KeyHistory {
  readonly key: string;
  /** The version that the first write counts on from: 0, unless the key was there before the history began. */
  readonly versionBefore: number;
  /** By revision. */
  readonly writes: readonly KnownWrite[];
  /** Whoever saw that there was no such key, by invocation. */
  readonly absences: readonly Timed[];
  /** Writes of unknown outcome that nobody saw, by invocation. */
  readonly unseen: readonly Timed[];
}

export interface KeyHistories {
  readonly histories: readonly KeyHistory[];
  /** What no order could explain. If there is any, the histories are of no use. */
  readonly problems: readonly string[];
}

/** `opening`: puts that were acknowledged before any of the operations began, one a key at most. */
export function keyHistories(operations: readonly Operation[], opening: readonly Operation[] = []): KeyHistories {
  const collector = new Collector(inRealTime(operations), opening);
  return { histories: collector.histories(), problems: collector.problems };
}

export function conditionOf(request: Request): Condition {
  invariant(request.type === 'put' || request.type === 'delete', 'a write has a condition');
  return request.condition;
}

/** The first of a history is invoked at 0. */
const beforeEverything = { invoked: -2, returned: -1 } as const;

interface Knowledge {
  readonly revision: number;
  by: Timed | null;
  version: number | null;
  readonly readers: Timed[];
}

interface Key {
  readonly key: string;
  versionBefore: number;
  readonly known: Map<number, Knowledge>;
  readonly absences: Timed[];
  readonly unknown: Timed[];
}

class Collector {
  readonly problems: string[] = [];
  readonly #keys = new Map<string, Key>();
  readonly #writers = new Map<Value, Timed>();
  /** Of the puts with an unknown outcome that somebody saw. */
  readonly #revisionOf = new Map<Timed, number>();
  readonly #keyAt = new Map<number, string>();

  constructor(history: readonly Timed[], opening: readonly Operation[]) {
    for (const operation of opening) this.#open(operation);
    for (const timed of history) this.#enter(timed);
    const answers = history.flatMap((timed) => this.#answerTo(timed));
    // What writers were told comes first: what others saw is judged by it.
    for (const [timed, reply] of answers) this.#hearWriter(timed, reply);
    for (const [timed, reply] of answers) this.#hearReader(timed, reply);
    const keysInOrder = [...this.#keys.values()].sort((a, b) => compareKeys(a.key, b.key));
    for (const [timed, reply] of answers) this.#hearOmissions(timed, reply, keysInOrder);
    for (const timed of this.#revisionOf.keys()) this.#knowWhatItReplaced(timed);
  }

  histories(): readonly KeyHistory[] {
    return [...this.#keys.values()].map(({ key, versionBefore, known, absences, unknown }) => ({
      key,
      versionBefore,
      writes: [...known.values()].sort((a, b) => a.revision - b.revision),
      absences: absences.sort((a, b) => a.invoked - b.invoked),
      unseen: unknown.filter((timed) => !this.#revisionOf.has(timed)),
    }));
  }

  #open(operation: Operation): void {
    const { request, outcome } = operation;
    const reply = outcome.type === 'answered' ? outcome.reply : null;
    invariant(request.type === 'put' && reply?.type === 'put', 'what was there before was put there');
    const timed = { operation, ...beforeEverything };
    this.#enter(timed);
    this.#hearWriter(timed, reply);
    this.#key(request.key).versionBefore = reply.version - 1;
  }

  #enter(timed: Timed): void {
    const { request, outcome } = timed.operation;
    if (request.type === 'put') {
      invariant(!this.#writers.has(request.value), `no two puts write the same: ${shortened(request.value)}`);
      this.#writers.set(request.value, timed);
    }
    if (request.type === 'list') return;
    const key = this.#key(request.key);
    if (outcome.type === 'unknown' && request.type !== 'get') key.unknown.push(timed);
  }

  #answerTo(timed: Timed): readonly (readonly [Timed, Reply])[] {
    const { request, outcome } = timed.operation;
    if (outcome.type !== 'answered') return [];
    const problem = replyProblem(request, outcome.reply);
    if (problem === null) return [[timed, outcome.reply]];
    this.#complain(problem, timed);
    return [];
  }

  #hearWriter(timed: Timed, reply: Reply): void {
    if (reply.type !== 'put' && reply.type !== 'deleted') return;
    const { request } = timed.operation;
    invariant(request.type === 'put' || request.type === 'delete', 'only a write is answered so');
    const known = this.#know(request.key, reply.revision, timed);
    if (known.by !== null) this.#complain(`two writes at revision ${reply.revision}`, known.by, timed);
    known.by = timed;
    if (reply.type === 'put') known.version = reply.version;
    this.#knowWhatItReplaced(timed);
  }

  #hearReader(timed: Timed, reply: Reply): void {
    switch (reply.type) {
      case 'got':
        if (reply.item !== null) this.#sawItem(timed, reply.item, null);
        else this.#key(keyOf(timed)).absences.push(timed);
        return;
      case 'checked':
        this.#sawRevision(timed, keyOf(timed), reply.current);
        return;
      case 'listed':
        for (const item of reply.items) this.#sawItem(timed, item, item.version);
        return;
      case 'notFound':
        this.#key(keyOf(timed)).absences.push(timed);
        return;
      case 'conditionFailed':
        if (reply.current > 0) this.#sawRevision(timed, keyOf(timed), reply.current);
        else this.#key(keyOf(timed)).absences.push(timed);
        return;
      case 'put':
      case 'deleted':
        return;
      default:
        unreachable(reply);
    }
  }

  /** Each key that a list would have shown had it been there. */
  #hearOmissions(timed: Timed, reply: Reply, keysInOrder: readonly Key[]): void {
    const { request } = timed.operation;
    if (reply.type !== 'listed' || request.type !== 'list') return;
    const { after } = request;
    const shown = new Set(reply.items.map(({ key }) => key));
    const last = reply.more ? reply.items.at(-1)?.key : undefined;
    for (const { key, absences } of keysInOrder) {
      if (after !== undefined && compareKeys(key, after.key) <= 0) continue;
      if (key === last) return;
      if (key.startsWith(request.prefix) && !shown.has(key)) absences.push(timed);
    }
  }

  #sawItem(timed: Timed, { key, value, modRevision }: Omit<Item, 'version'>, version: number | null): void {
    const writer = this.#writers.get(value);
    if (writer === undefined || keyOf(writer) !== key) {
      this.#complain(`nobody wrote ${shortened(value)} to ${key} in this history`, timed);
      return;
    }
    const known = this.#sawRevision(timed, key, modRevision);
    if (known.by === null && writer.operation.outcome.type === 'unknown') this.#identify(known, writer, timed);
    if (known.by !== writer)
      this.#complain(`${shortened(value)} is not what was written at ${modRevision}`, writer, timed);
    if (version === null) return;
    known.version ??= version;
    if (known.version !== version) this.#complain(`the version at ${modRevision} is ${known.version}`, writer, timed);
  }

  #identify(known: Knowledge, writer: Timed, reader: Timed): void {
    const before = this.#revisionOf.get(writer);
    if (before !== undefined) this.#complain(`it was also seen at revision ${before}: done twice`, writer, reader);
    this.#revisionOf.set(writer, known.revision);
    known.by = writer;
  }

  #sawRevision(timed: Timed, key: string, revision: number): Knowledge {
    const known = this.#know(key, revision, timed);
    if (known.by?.operation.request.type === 'delete') {
      this.#complain(`revision ${revision} is that of a delete`, known.by, timed);
    }
    known.readers.push(timed);
    return known;
  }

  /** A write with a condition that was done saw what it replaced. */
  #knowWhatItReplaced(timed: Timed): void {
    const condition = conditionOf(timed.operation.request);
    if (condition.type === 'matches') this.#know(keyOf(timed), condition.revision, timed);
  }

  #know(key: string, revision: number, timed: Timed): Knowledge {
    const keyAt = this.#keyAt.get(revision) ?? key;
    if (keyAt !== key) this.#complain(`revision ${revision} is that of a write to ${keyAt}`, timed);
    this.#keyAt.set(revision, keyAt);
    const { known } = this.#key(key);
    let knowledge = known.get(revision);
    if (knowledge === undefined) {
      knowledge = { revision, by: null, version: null, readers: [] };
      known.set(revision, knowledge);
    }
    return knowledge;
  }

  #key(key: string): Key {
    let entry = this.#keys.get(key);
    if (entry === undefined) {
      entry = { key, versionBefore: 0, known: new Map(), absences: [], unknown: [] };
      this.#keys.set(key, entry);
    }
    return entry;
  }

  #complain(problem: string, ...culprits: readonly Timed[]): void {
    this.problems.push([`${problem}:`, ...culprits.map(({ operation }) => describe(operation))].join('\n  '));
  }
}

function keyOf({ operation: { request } }: Timed): string {
  invariant(request.type !== 'list', 'a list has no one key');
  return request.key;
}
