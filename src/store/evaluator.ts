/**
 * The replicated state as entries change it: deterministic, and in memory until a batch is written. Whatever an entry does
 * to a row, it does here.
 */
import { invariant, unreachable } from '../raft/assert.ts';
import type { Entry, EntryId, Index } from '../raft/types.ts';
import {
  type Collection,
  type CollectionIndex,
  collectionLimits,
  type IndexDefinition,
  type IndexState,
  indexNumber,
} from './collection.ts';
import type { Command, CommandResult, Definition, KeyValue } from './command.ts';
import { decodeCommand } from './command-codec.ts';
import { type Declaration, declarationOf } from './declaration.ts';
import type { KeyValueReader } from './disk.ts';
import { documentOf, fieldTermsOf, type IndexTerms, type StoredDocument } from './document.ts';
import { type Edit, evaluateTransaction, type TransactionView } from './evaluation.ts';
import { type IdempotencyRecord, idempotencyLimits, recordBytes } from './idempotency.ts';
import type { KeptCommandResult } from './kept-result.ts';
import { idOfDocument, isDocumentRow, type Mortal } from './keys.ts';
import { evaluate, keyValueOf, type StoredValue } from './kv.ts';
import { encodeChanges, StateRows } from './rows.ts';
import type { RowChange, Sessions } from './session.ts';
import {
  clockTable,
  collectionTable,
  documentTable,
  expiryTable,
  garbageTable,
  postingTable,
  recordEndTable,
  recordTable,
  type StateClock,
  sweptTable,
  valueTable,
} from './tables.ts';
import type { Operation, Target } from './transaction.ts';
import type { Change } from './watch.ts';

export interface EvaluatorOptions {
  readonly store: Pick<KeyValueReader, 'get'>;
  readonly sessions: Sessions;
  readonly collections: readonly Collection[];
  readonly applied: EntryId;
  /** Makes of what a row's reading threw what is thrown on. */
  readonly readFailure: (cause: unknown) => unknown;
  /** A command changed what its touches do not name: caches were not told. The change is made; a throw stops the machine. */
  readonly onUndeclaredTouch: (kind: UndeclaredTouch) => void;
}

/** What it was that changed; which one it was is nobody's business. */
export type UndeclaredTouch = 'key' | 'document' | 'definition';

type RangeOperation = Omit<Extract<Operation, { type: 'range' }>, 'type'>;

/** What the ranges of one transaction held when it was prepared for. */
export interface PreparedRanges {
  /** Of its entry. */
  readonly index: Index;
  /** By `pageName`. */
  readonly pages: ReadonlyMap<string, { readonly items: readonly KeyValue[]; readonly more: boolean }>;
  /** By prefix; null: too many, and none of those that stand behind them in a branch. */
  readonly keys: ReadonlyMap<string, readonly string[] | null>;
}

export function pageName({ prefix, after, limit, keysOnly }: RangeOperation): string {
  return JSON.stringify([prefix, after, limit, keysOnly]);
}

type Stamped = Extract<Command, { readonly stamp: unknown }>;
type EditOf<Type extends Edit['type']> = Extract<Edit, { readonly type: Type }>;
type Place = Pick<Change, 'revision' | 'place' | 'count'>;

const beginning: StateClock = { timeMs: 0, mortals: 0, records: 0, recordBytes: 0 };

export class Evaluator {
  readonly #options: EvaluatorOptions;
  readonly #rows: StateRows;
  readonly #sessions: Sessions;
  readonly #collections: Map<string, Collection>;
  readonly #byNumber: Map<number, Collection>;
  #clock: StateClock;
  #applied: EntryId;
  #lastTick: EntryId | null = null;
  #prepared: PreparedRanges | null = null;
  /** Of what was evaluated since they were last taken. */
  #changes: Change[] = [];

  constructor(options: EvaluatorOptions) {
    this.#options = options;
    this.#rows = new StateRows(options.store, options.readFailure);
    this.#sessions = options.sessions;
    this.#collections = new Map(options.collections.map((collection) => [collection.name, collection]));
    this.#byNumber = new Map(options.collections.map((collection) => [collection.number, collection]));
    this.#clock = this.#rows.get(clockTable, null) ?? beginning;
    this.#applied = options.applied;
  }

  /** The last entry that was evaluated. */
  get applied(): EntryId {
    return this.#applied;
  }

  get clock(): StateClock {
    return this.#clock;
  }

  /** The last one that was evaluated here, whether it changed the time or not; null: none since the state was opened. */
  get lastTick(): EntryId | null {
    return this.#lastTick;
  }

  /** In the order in which they were created. */
  get collections(): readonly Collection[] {
    return [...this.#byNumber.values()];
  }

  collection(name: string): Collection | null {
    return this.#collections.get(name) ?? null;
  }

  /** What the next entry's ranges hold. */
  prepare(ranges: PreparedRanges): void {
    this.#prepared = ranges;
  }

  apply(entry: Entry): CommandResult | null {
    const { index: at, term } = entry;
    const expected = this.#applied.index + 1;
    invariant(at === expected, `entries are applied in order: expected ${expected}, got ${at}`);
    this.#rows.beginEntry();
    const result = entry.type === 'command' ? this.#applyCommand(entry.command, { term, index: at }) : null;
    this.#applied = { term, index: at };
    this.#prepared = null;
    return result;
  }

  /** Hands over each row that changed since the last call; `written` is to be called before the next one. */
  encode(write: RowChange): void {
    encodeChanges(this.#rows.take(), write);
    this.#sessions.takeChanges(write);
  }

  written(): void {
    this.#rows.written();
  }

  /** What changed since the last call, in order. */
  takeChanges(): readonly Change[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  #applyCommand(bytes: Uint8Array, id: EntryId): CommandResult {
    const { index: at } = id;
    const command = decodeCommand(bytes);
    if (command === null) return { type: 'invalidCommand' };
    switch (command.type) {
      case 'openSession':
        this.#sessions.open(at);
        return { type: 'sessionOpened', session: at };
      case 'tick':
        this.#lastTick = id;
        return this.#tick(command, at);
      case 'build':
        return this.#build(command);
      case 'sweep':
        return this.#sweep(command);
      case 'put':
      case 'delete':
      case 'transaction':
      case 'define':
        return this.#applyStamped(command, at);
      default:
        return unreachable(command);
    }
  }

  #applyStamped(command: Stamped, at: Index): CommandResult {
    const admission = this.#sessions.admit(command.stamp, at);
    if (admission.type === 'expired') return { type: 'sessionExpired' };
    if (admission.type === 'answered') return admission.result;
    const result = this.#execute(command, at);
    this.#sessions.keep(command.stamp, result);
    return result;
  }

  #execute(command: Stamped, at: Index): KeptCommandResult {
    switch (command.type) {
      case 'put':
      case 'delete': {
        const { result, next } = evaluate(command, this.#rows.get(valueTable, command.key), at);
        if (next !== undefined)
          this.#edit([{ type: 'value', key: command.key, next }], declarationOf(command), at, false);
        return result;
      }
      case 'transaction':
        return this.#transact(command, at);
      case 'define':
        return this.#define(command, at);
      default:
        return unreachable(command);
    }
  }

  // Transactions

  #transact(command: Extract<Command, { type: 'transaction' }>, at: Index): KeptCommandResult {
    const { idempotency, transaction } = command;
    const record = idempotency && this.#rows.get(recordTable, idempotency.key);
    if (idempotency !== null && record !== null) {
      return Buffer.from(record.fingerprint).equals(idempotency.fingerprint)
        ? { ...record.result, replayed: true }
        : { type: 'transactionFailed', reason: 'idempotencyMismatch' };
    }
    if (idempotency !== null && this.#isFullOfRecords) return { type: 'transactionFailed', reason: 'idempotencyFull' };
    const evaluated = evaluateTransaction(transaction, this.#view(at), at);
    if (evaluated.type === 'failed') return { ...evaluated, type: 'transactionFailed' };
    const { succeeded, results, edits } = evaluated;
    this.#edit(edits, declarationOf(command), at, false);
    const result = { type: 'transaction', revision: at, succeeded, results } as const;
    if (idempotency !== null) {
      const expiresAtMs = this.#clock.timeMs + idempotencyLimits.recordMs;
      this.#keep(idempotency.key, { expiresAtMs, fingerprint: idempotency.fingerprint, result });
    }
    return { ...result, replayed: false };
  }

  /** The state before the entry. */
  #view(at: Index): TransactionView {
    const rows = this.#rows;
    const prepared = (): PreparedRanges => {
      const ranges = this.#prepared;
      invariant(ranges?.index === at, `a transaction with ranges is prepared for: entry ${at}`);
      return ranges;
    };
    return {
      timeMs: this.#clock.timeMs,
      value: (key) => rows.get(valueTable, key),
      collection: (name) => this.collection(name),
      document: ({ number }, id) => rows.get(documentTable, { collection: number, id }),
      range: ({ prefix, after, limit, keysOnly }) => {
        const range = prepared().pages.get(pageName({ prefix, after, limit, keysOnly }));
        invariant(range !== undefined, 'each range of a transaction is read before it');
        return range;
      },
      keysOf: (prefix) => prepared().keys.get(prefix) ?? null,
    };
  }

  get #isFullOfRecords(): boolean {
    const { records, recordBytes: bytes } = this.#clock;
    return records >= idempotencyLimits.recordsMax || bytes >= idempotencyLimits.bytesMax;
  }

  #keep(key: string, record: IdempotencyRecord): void {
    const { records, recordBytes: bytes } = this.#clock;
    this.#setClock({ records: records + 1, recordBytes: bytes + recordBytes(key, record) });
    this.#rows.set(recordTable, key, record);
    this.#rows.set(recordEndTable, { atMs: record.expiresAtMs, key }, true);
  }

  #setClock(next: Partial<StateClock>): void {
    this.#clock = { ...this.#clock, ...next };
    this.#rows.set(clockTable, null, this.#clock);
  }

  // Changes

  /** The only way for a value or a document to change: here it is held against what its command declares. */
  #edit(edits: readonly Edit[], declaration: Declaration, at: Index, expired: boolean): void {
    for (const [place, edit] of edits.entries()) {
      const of = { revision: at, place, count: edits.length };
      if (edit.type === 'value') this.#editValue(edit, declaration, of, expired);
      else this.#editDocument(edit, declaration, of, expired);
    }
  }

  #editValue({ key, next }: EditOf<'value'>, declaration: Declaration, of: Place, expired: boolean): void {
    if (!declaration.key(key)) this.#options.onUndeclaredTouch('key');
    const before = this.#rows.get(valueTable, key);
    this.#moveEnd({ type: 'key', key }, before?.expiresAtMs ?? null, next?.expiresAtMs ?? null);
    this.#rows.set(valueTable, key, next);
    const subject = { type: 'key', key } as const;
    this.#changes.push(
      next === null
        ? { ...of, type: 'delete', subject, expired }
        : { ...of, type: 'put', subject, item: keyValueOf(key, next) },
    );
  }

  #editDocument(edit: EditOf<'document'>, declaration: Declaration, of: Place, expired: boolean): void {
    const { id, before, next, changed } = edit;
    const { name, number } = edit.collection;
    // Another edit of the same entry may have counted a document.
    const collection = this.#collections.get(name);
    invariant(collection?.number === number, `a document that changes is in a collection: ${number}`);
    const ready = collection.indexes.filter(({ state }) => state.type === 'ready');
    const termsIn = (stored: StoredDocument | null) => stored && fieldTermsOf(stored.terms, ready);
    const change = { collection: name, id, before: termsIn(before), after: termsIn(next), changed };
    if (!declaration.document(change)) this.#options.onUndeclaredTouch('document');
    this.#moveEnd({ type: 'document', collection: number, id }, before?.expiresAtMs ?? null, next?.expiresAtMs ?? null);
    this.#setPostings(collection, id, before?.terms ?? [], next?.terms ?? []);
    this.#rows.set(documentTable, { collection: number, id }, next);
    const grown = (next === null ? 0 : 1) - (before === null ? 0 : 1);
    if (grown !== 0) this.#setCollection({ ...collection, documents: collection.documents + grown });
    const subject = { type: 'document', collection: name, id } as const;
    this.#changes.push(
      next === null
        ? { ...of, type: 'delete', subject, expired }
        : { ...of, type: 'put', subject, document: documentOf(id, next, true) },
    );
  }

  /** Rows of an index that is gone are left to be swept: they may have been already. */
  #setPostings(
    { number, indexes }: Collection,
    id: string,
    before: readonly IndexTerms[],
    next: readonly IndexTerms[],
  ): void {
    for (const { number: index } of indexes) {
      const from = before.find((each) => each.index === index)?.terms ?? [];
      const to = next.find((each) => each.index === index)?.terms ?? [];
      const [old, fresh] = [new Set(from), new Set(to)];
      const place = { collection: number, index };
      for (const term of from) {
        if (!fresh.has(term)) this.#rows.set(postingTable, { place, posting: { term, id } }, null);
      }
      for (const term of to) {
        if (!old.has(term)) this.#rows.set(postingTable, { place, posting: { term, id } }, true);
      }
    }
  }

  #moveEnd(mortal: Mortal, from: number | null, to: number | null): void {
    if (from === to) return;
    if (from !== null) this.#rows.set(expiryTable, { atMs: from, mortal }, null);
    if (to !== null) this.#rows.set(expiryTable, { atMs: to, mortal }, true);
    const more = (to === null ? 0 : 1) - (from === null ? 0 : 1);
    if (more !== 0) this.#setClock({ mortals: this.#clock.mortals + more });
  }

  // Time

  #tick(command: Extract<Command, { type: 'tick' }>, at: Index): CommandResult {
    const { stampMs, expired, forgotten } = command;
    if (stampMs > this.#clock.timeMs) this.#setClock({ timeMs: stampMs });
    const edits = expired.flatMap(({ target, modRevision }) => this.#expiry(target, modRevision) ?? []);
    this.#edit(edits, declarationOf(command), at, true);
    for (const key of forgotten) this.#forget(key);
    return { type: 'noted' };
  }

  #forget(key: string): void {
    const record = this.#rows.get(recordTable, key);
    const { timeMs, records, recordBytes: bytes } = this.#clock;
    if (record === null || record.expiresAtMs > timeMs) return;
    this.#setClock({ records: records - 1, recordBytes: bytes - recordBytes(key, record) });
    this.#rows.set(recordTable, key, null);
    this.#rows.set(recordEndTable, { atMs: record.expiresAtMs, key }, null);
  }

  /** Null where it was written since, or is not due. */
  #expiry(target: Target, modRevision: Index): Edit | null {
    if (target.type === 'key') {
      const { key } = target;
      return this.#isDue(this.#rows.get(valueTable, key), modRevision) ? { type: 'value', key, next: null } : null;
    }
    const collection = this.collection(target.collection);
    if (collection === null) return null;
    const { id } = target;
    const before = this.#rows.get(documentTable, { collection: collection.number, id });
    if (!this.#isDue(before, modRevision)) return null;
    return { type: 'document', collection, id, before, next: null, changed: [] };
  }

  #isDue(stored: StoredValue | StoredDocument | null, modRevision: Index): boolean {
    if (stored?.modRevision !== modRevision) return false;
    const endsAtMs = stored.expiresAtMs ?? Number.POSITIVE_INFINITY;
    return endsAtMs <= this.#clock.timeMs;
  }

  // Collections

  #define(command: Extract<Command, { type: 'define' }>, at: Index): KeptCommandResult {
    const { name, definition, replaces } = command;
    const current = this.collection(name);
    if (replaces !== null && replaces !== (current?.modRevision ?? 0)) {
      return { type: 'definitionConflict', revision: current?.modRevision ?? 0 };
    }
    if (!declarationOf(command).definition(name)) this.#options.onUndeclaredTouch('definition');
    if (definition === null) {
      if (current === null) return { type: 'notFound' };
      this.#drop(current);
      const subject = { type: 'collection', collection: name } as const;
      this.#changes.push({ revision: at, place: 0, count: 1, type: 'drop', subject });
      return { type: 'dropped', revision: at };
    }
    if (current === null && this.#collections.size >= collectionLimits.collectionsMax) {
      return { type: 'tooManyCollections' };
    }
    if (current !== null && current.documents > 0 && current.idField !== definition.idField) {
      return { type: 'idFieldDiffers', idField: current.idField };
    }
    if (current !== null && isSame(current, definition)) {
      return { type: 'defined', revision: current.modRevision, created: false };
    }
    const basis = current ?? newCollection(name, at);
    const next = { ...basis, modRevision: at, idField: definition.idField };
    this.#setCollection(this.#withIndexes(next, current, definition.indexes));
    return { type: 'defined', revision: at, created: current === null };
  }

  #withIndexes(next: Collection, current: Collection | null, wanted: readonly IndexDefinition[]): Collection {
    const fresh = next.documents === 0 ? ({ type: 'ready' } as const) : ({ type: 'building', cursor: null } as const);
    const indexes = wanted.map(({ field, kind }, place): CollectionIndex => {
      const same = current?.indexes.find((each) => each.field === field && each.kind === kind);
      return same ?? { field, kind, number: indexNumber(next.modRevision, place), state: fresh };
    });
    for (const { number } of current?.indexes ?? []) {
      const isKept = indexes.some((each) => each.number === number);
      if (!isKept) this.#rows.set(garbageTable, { collection: next.number, index: number }, true);
    }
    return { ...next, indexes };
  }

  #drop(collection: Collection): void {
    this.#collections.delete(collection.name);
    this.#byNumber.delete(collection.number);
    this.#rows.set(collectionTable, collection.name, null);
    this.#rows.set(garbageTable, { collection: collection.number, index: 0 }, true);
  }

  #setCollection(collection: Collection): void {
    this.#collections.set(collection.name, collection);
    this.#byNumber.set(collection.number, collection);
    this.#rows.set(collectionTable, collection.name, collection);
  }

  /**
   * A document that was written whole since the index was defined has its terms already, or none. A patch or a sum states those of
   * the fields it names alone: behind one that has been changed and has none nothing is said to be built, and the leader reads it again.
   */
  #build({ collection: number, index: of, from, to, documents }: Extract<Command, { type: 'build' }>): CommandResult {
    const done = { type: 'noted' } as const;
    const collection = this.#byNumber.get(number);
    const building = collection?.indexes.find((each) => each.number === of);
    if (collection === undefined || building?.state.type !== 'building' || building.state.cursor !== from) return done;
    let cursor = from;
    for (const { id, modRevision, terms } of documents) {
      const before = this.#rows.get(documentTable, { collection: number, id });
      const isMissing = terms.length > 0 && before !== null && !before.terms.some(({ index }) => index === of);
      if (isMissing && before.modRevision !== modRevision) {
        this.#setBuilt(collection, building, { type: 'building', cursor });
        return done;
      }
      if (isMissing) this.#addTerms(collection, id, before, { index: building.number, terms });
      cursor = id;
    }
    this.#setBuilt(collection, building, to === null ? { type: 'ready' } : { type: 'building', cursor: to });
    return done;
  }

  /** What the document has of indexes that are gone goes now: there is room for those of a few indexes only. */
  #addTerms(collection: Collection, id: string, before: StoredDocument, added: IndexTerms): void {
    const kept = before.terms.filter(({ index }) => collection.indexes.some(({ number }) => number === index));
    const terms = [...kept, added].toSorted((a, b) => a.index - b.index);
    this.#setPostings(collection, id, kept, terms);
    this.#rows.set(documentTable, { collection: collection.number, id }, { ...before, terms });
  }

  #setBuilt(collection: Collection, building: CollectionIndex, state: IndexState): void {
    const indexes = collection.indexes.map((each) => (each === building ? { ...each, state } : each));
    this.#setCollection({ ...collection, indexes });
  }

  /** Of what was dropped: nobody reads them any more, and they stand under numbers that are never used again. */
  #sweep({ collection, index, rows, isLast }: Extract<Command, { type: 'sweep' }>): CommandResult {
    if (this.#rows.get(garbageTable, { collection, index }) === null) return { type: 'noted' };
    for (const row of rows) {
      this.#forgetEnd(collection, row);
      this.#rows.set(sweptTable, Buffer.from(row), null);
    }
    if (isLast) this.#rows.set(garbageTable, { collection, index }, null);
    return { type: 'noted' };
  }

  /** Of a document that is swept with its collection. */
  #forgetEnd(collection: Index, row: Uint8Array): void {
    const id = isDocumentRow(row) ? idOfDocument(row) : null;
    const stored = id === null ? null : this.#rows.get(documentTable, { collection, id });
    if (id !== null && stored !== null) this.#moveEnd({ type: 'document', collection, id }, stored.expiresAtMs, null);
  }
}

function newCollection(name: string, at: Index): Collection {
  return { name, number: at, modRevision: at, idField: '', indexes: [], documents: 0 };
}

/** In whatever order the indexes are named. */
function isSame({ idField, indexes }: Collection, definition: Definition): boolean {
  if (idField !== definition.idField || indexes.length !== definition.indexes.length) return false;
  return definition.indexes.every((wanted) =>
    indexes.some(({ field, kind }) => field === wanted.field && kind === wanted.kind),
  );
}
