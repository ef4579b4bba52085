/**
 * The catalog as simply as it can be said: maps and scans, fed with the committed commands. It says what each of them is
 * answered, what has changed by it, and what stands where then. It shares no rule with the product, only types.
 *
 * Not in it: bounds on sizes, on the number of sessions and of records. Whoever feeds it stays below them.
 */
import { unreachable } from '../../src/raft/assert.ts';
import type { Index } from '../../src/raft/types.ts';
import type { Collection, CollectionIndex, IndexNumber } from '../../src/store/collection.ts';
import type { Command, CommandResult, Definition, RevisionMatch } from '../../src/store/command.ts';
import type { KeptResult, Target } from '../../src/store/transaction.ts';
import type { Change } from '../../src/store/watch.ts';
import {
  documentIn,
  documentName,
  keyValueIn,
  type ModelEdit,
  type ModelRevisions,
  ModelState,
  revisionsAfter,
} from './catalog-model-state.ts';
import { evaluateInModel } from './catalog-model-transaction.ts';

export interface ModelRecord {
  readonly expiresAtMs: number;
  readonly fingerprint: Uint8Array;
  readonly result: Extract<KeptResult, { type: 'transaction' }>;
}

interface ModelSession {
  lowest: number;
  readonly results: Map<number, CommandResult>;
}

type CommandOf<Type extends Command['type']> = Extract<Command, { readonly type: Type }>;
type Stamped = Extract<Command, { readonly stamp: unknown }>;

const recordMs = 24 * 3600 * 1000;
const indexesPerEntry = 32;

export class CatalogModel extends ModelState {
  readonly records = new Map<string, ModelRecord>();
  /** In order. */
  readonly changes: Change[] = [];
  /** How many commands were carried out, and not only answered as before. */
  executed = 0;
  readonly #sessions = new Map<Index, ModelSession>();

  /** `command` null: the bytes are none. */
  apply(command: Command | null, at: Index): CommandResult {
    if (command === null) return { type: 'invalidCommand' };
    switch (command.type) {
      case 'openSession':
        this.#sessions.set(at, { lowest: 1, results: new Map() });
        return { type: 'sessionOpened', session: at };
      case 'tick':
        return this.#tick(command, at);
      case 'build':
        return this.#build(command);
      case 'sweep':
        // What it takes nobody could see any more.
        return { type: 'noted' };
      default:
        return this.#applyStamped(command, at);
    }
  }

  #applyStamped(command: Stamped, at: Index): CommandResult {
    const { session: id, sequence, lowestUnanswered } = command.stamp;
    const session = this.#sessions.get(id);
    if (session === undefined) return { type: 'sessionExpired' };
    session.lowest = Math.max(session.lowest, lowestUnanswered);
    if (sequence < session.lowest || sequence >= session.lowest + 65_536) return { type: 'sessionExpired' };
    const kept = session.results.get(sequence);
    if (kept !== undefined) return kept;
    const result = this.#execute(command, at);
    session.results.set(sequence, result);
    return result;
  }

  #execute(command: Stamped, at: Index): CommandResult {
    switch (command.type) {
      case 'put':
      case 'delete':
        return this.#write(command, at);
      case 'transaction':
        return this.#transact(command, at);
      case 'define':
        return this.#define(command, at);
      default:
        return unreachable(command);
    }
  }

  #write(command: CommandOf<'put' | 'delete'>, at: Index): CommandResult {
    this.executed += 1;
    const { key, precondition } = command;
    const old = this.values.at(key);
    const matches = (match: RevisionMatch) => old !== null && (match === '*' || match.includes(old.modRevision));
    const { ifMatch, ifNoneMatch } = precondition;
    if ((ifMatch !== null && !matches(ifMatch)) || (ifNoneMatch !== null && matches(ifNoneMatch))) {
      return { type: 'preconditionFailed', revision: old?.modRevision ?? 0 };
    }
    if (command.type === 'delete') {
      if (old === null) return { type: 'notFound' };
      this.#edit([{ type: 'value', key, next: null }], at, false);
      return { type: 'deleted', revision: at };
    }
    const { contentType, value } = command;
    const revisions = revisionsAfter(old, at);
    this.#edit([{ type: 'value', key, next: { ...revisions, expiresAtMs: null, contentType, value } }], at, false);
    return { type: 'put', revision: at, version: revisions.version, created: old === null };
  }

  #transact({ idempotency, transaction }: CommandOf<'transaction'>, at: Index): CommandResult {
    const record = idempotency === null ? undefined : this.records.get(idempotency.key);
    if (idempotency !== null && record !== undefined) {
      const isSame = Buffer.compare(record.fingerprint, idempotency.fingerprint) === 0;
      if (!isSame) return { type: 'transactionFailed', reason: 'idempotencyMismatch' };
      return { ...record.result, replayed: true };
    }
    this.executed += 1;
    const evaluated = evaluateInModel(transaction, this, at);
    if (evaluated.type === 'failed') return { ...evaluated, type: 'transactionFailed' };
    this.#edit(evaluated.edits, at, false);
    const { succeeded, results } = evaluated;
    const result = { type: 'transaction', revision: at, succeeded, results } as const;
    if (idempotency !== null) {
      const { key, fingerprint } = idempotency;
      this.records.set(key, { expiresAtMs: this.timeMs + recordMs, fingerprint, result });
    }
    return { ...result, replayed: false };
  }

  #tick({ stampMs, expired, forgotten }: CommandOf<'tick'>, at: Index): CommandResult {
    this.timeMs = Math.max(this.timeMs, stampMs);
    const isOver = (endsAtMs: number | null) => endsAtMs !== null && endsAtMs <= this.timeMs;
    const edits = expired.flatMap(({ target, modRevision }): readonly ModelEdit[] => {
      const found = this.#at(target);
      if (found?.modRevision !== modRevision || !isOver(found.expiresAtMs)) return [];
      if (target.type === 'key') return [{ type: 'value', key: target.key, next: null }];
      const collection = this.collections.at(target.collection);
      return collection === null ? [] : [{ type: 'document', collection, id: target.id, next: null }];
    });
    this.#edit(edits, at, true);
    for (const key of forgotten) if (isOver(this.records.get(key)?.expiresAtMs ?? null)) this.records.delete(key);
    return { type: 'noted' };
  }

  #at(target: Target): ModelRevisions | null {
    if (target.type === 'key') return this.values.at(target.key);
    const collection = this.collections.at(target.collection);
    return collection && this.document(collection, target.id);
  }

  #define({ name, definition, replaces }: CommandOf<'define'>, at: Index): CommandResult {
    const current = this.collections.at(name);
    const revision = current?.modRevision ?? 0;
    if (replaces !== null && replaces !== revision) return { type: 'definitionConflict', revision };
    if (definition === null) {
      if (current === null) return { type: 'notFound' };
      this.collections.set(name, null);
      const subject = { type: 'collection', collection: name } as const;
      this.changes.push({ revision: at, place: 0, count: 1, type: 'drop', subject });
      return { type: 'dropped', revision: at };
    }
    if (current !== null && current.documents > 0 && current.idField !== definition.idField) {
      return { type: 'idFieldDiffers', idField: current.idField };
    }
    if (current !== null && isAsDefined(current, definition)) {
      return { type: 'defined', revision: current.modRevision, created: false };
    }
    const { idField } = definition;
    const documents = current?.documents ?? 0;
    const indexes = definition.indexes.map((wanted, place): CollectionIndex => {
      const kept = current?.indexes.find(({ field, kind }) => field === wanted.field && kind === wanted.kind);
      const number = (at * indexesPerEntry + place) as IndexNumber;
      const state = documents === 0 ? ({ type: 'ready' } as const) : ({ type: 'building', cursor: null } as const);
      return kept ?? { ...wanted, number, state };
    });
    const number = current?.number ?? at;
    this.collections.set(name, { name, number, modRevision: at, idField, indexes, documents });
    return { type: 'defined', revision: at, created: current === null };
  }

  #build({ collection: number, index, from, to, documents }: CommandOf<'build'>): CommandResult {
    const [, collection] = this.collections.all.find(([, each]) => each.number === number) ?? [];
    const built = collection?.indexes.find((each) => each.number === index);
    if (collection === undefined || built?.state.type !== 'building' || built.state.cursor !== from) {
      return { type: 'noted' };
    }
    let cursor = from;
    for (const { id, modRevision, terms } of documents) {
      const document = this.document(collection, id);
      if (document !== null && terms.length > 0 && !document.terms.has(index)) {
        // It may have been changed elsewhere: the leader has to look again.
        if (document.modRevision !== modRevision)
          return this.#setBuilt(collection, index, { type: 'building', cursor });
        const kept = [...document.terms].filter(([number]) =>
          collection.indexes.some((each) => each.number === number),
        );
        this.documents.set(documentName(number, id), { ...document, terms: new Map([...kept, [index, terms]]) });
      }
      cursor = id;
    }
    return this.#setBuilt(collection, index, to === null ? { type: 'ready' } : { type: 'building', cursor: to });
  }

  #setBuilt(collection: Collection, index: IndexNumber, state: CollectionIndex['state']): CommandResult {
    const indexes = collection.indexes.map((each) => (each.number === index ? { ...each, state } : each));
    this.collections.set(collection.name, { ...collection, indexes });
    return { type: 'noted' };
  }

  #edit(edits: readonly ModelEdit[], at: Index, expired: boolean): void {
    for (const [place, edit] of edits.entries()) {
      const of = { revision: at, place, count: edits.length };
      if (edit.type === 'value') {
        const { key, next } = edit;
        const subject = { type: 'key', key } as const;
        this.values.set(key, next);
        if (next === null) this.changes.push({ ...of, type: 'delete', subject, expired });
        else this.changes.push({ ...of, type: 'put', subject, item: keyValueIn(key, next) });
        continue;
      }
      const { id, next } = edit;
      const { name, number } = edit.collection;
      const subject = { type: 'document', collection: name, id } as const;
      const before = this.documents.at(documentName(number, id));
      this.documents.set(documentName(number, id), next);
      const collection = this.collections.at(name) ?? edit.collection;
      const documents = collection.documents + (next === null ? 0 : 1) - (before === null ? 0 : 1);
      if (documents !== collection.documents) this.collections.set(name, { ...collection, documents });
      if (next === null) this.changes.push({ ...of, type: 'delete', subject, expired });
      else this.changes.push({ ...of, type: 'put', subject, document: documentIn(id, next) });
    }
  }
}

function isAsDefined(current: Collection, { idField, indexes }: Definition): boolean {
  const names = (some: Definition['indexes']) => some.map(({ field, kind }) => `${kind} ${field}`).sort();
  return current.idField === idField && names(current.indexes).join('\n') === names(indexes).join('\n');
}
