/**
 * What a command has declared to caches, in names rather than in touches: each change that its evaluation makes is held
 * against it. What this admits, `touchesOf` tells of.
 */
import { unreachable } from '../raft/assert.ts';
import type { Command } from './command.ts';
import { type DocumentOperation, documentOf, fieldsOf } from './document-touch.ts';
import { targetName } from './names.ts';
import { covers } from './terms.ts';
import type { FieldTerms, KnownDocument, Operation, Transaction } from './transaction.ts';

export interface DocumentChange {
  readonly collection: string;
  readonly id: string;
  /**
   * The terms in its row before and after; null: there is no document. Of indexes that are ready alone: no search has been
   * answered by another.
   */
  readonly before: readonly FieldTerms[] | null;
  readonly after: readonly FieldTerms[] | null;
  /** Fields at the top level that have another value, are new or are gone. Of no interest unless it is there before and after. */
  readonly changed: readonly string[];
}

export interface Declaration {
  /** Whether caches were told that this key may change. */
  key(key: string): boolean;
  /** Whether they were told of all that a change of this kind does to the document and to searches. */
  document(change: DocumentChange): boolean;
  /** Whether they were told that the collection's definition may change, or that it may go with its documents. */
  definition(collection: string): boolean;
}

const no = () => false;
const yes = () => true;
const nothing: Declaration = { key: no, document: no, definition: no };
const everything: Declaration = { key: yes, document: yes, definition: yes };

/** To be made once for a command, and asked for each change. */
export function declarationOf(command: Command): Declaration {
  switch (command.type) {
    case 'openSession':
    case 'build':
    case 'sweep':
      return nothing;
    case 'put':
    case 'delete':
      return { ...nothing, key: (key) => key === command.key };
    case 'transaction':
      return declarationOfTransaction(command.transaction);
    case 'tick': {
      const names = new Set(command.expired.map(({ target }) => targetName(target)));
      return {
        ...nothing,
        key: (key) => names.has(targetName({ type: 'key', key })),
        document: ({ collection, id }) => names.has(targetName({ type: 'document', collection, id })),
      };
    }
    case 'define':
      if (command.definition === null) return everything;
      return { ...nothing, definition: (collection) => collection === command.name };
    default:
      return unreachable(command);
  }
}

type Admits = (change: DocumentChange) => boolean;

function declarationOfTransaction(transaction: Transaction): Declaration {
  const keys = new Set<string>();
  const documents = new Map<string, Admits[]>();
  for (const branch of ['then', 'otherwise'] as const) {
    for (const operation of transaction[branch]) {
      if (operation.type === 'deleteRange') return everything;
      const key = keyOf(operation);
      if (key !== null) keys.add(key);
      if (!isOfDocument(operation)) continue;
      const name = targetName(documentOf(operation));
      const before = documents.get(name) ?? [];
      documents.set(name, [...before, (change) => admits(operation, change)]);
    }
  }
  return {
    ...nothing,
    key: (key) => keys.has(key),
    // In both branches it may be written: which one was taken is not told here.
    document: (change) =>
      documents.get(targetName({ type: 'document', ...change }))?.some((admitted) => admitted(change)) ?? false,
  };
}

function keyOf(operation: Operation): string | null {
  if (operation.type === 'put') return operation.key;
  if (operation.type !== 'patch' && operation.type !== 'add' && operation.type !== 'delete') return null;
  return operation.target.type === 'key' ? operation.target.key : null;
}

function isOfDocument(operation: Operation): operation is DocumentOperation {
  if (operation.type === 'putDocument') return true;
  if (operation.type !== 'patch' && operation.type !== 'add' && operation.type !== 'delete') return false;
  return operation.target.type === 'document';
}

function admits(operation: DocumentOperation, change: DocumentChange): boolean {
  switch (operation.type) {
    case 'putDocument': {
      const { known, terms } = operation.basis;
      return known === null || admitsPut(known, terms, change);
    }
    case 'delete':
      return operation.known === null || admitsDelete(operation.known, change);
    case 'patch': {
      const fields = fieldsOf(operation.json);
      if (fields === null) return true;
      if (change.before === null || change.after === null) return false;
      return admitsFields(new Set(fields), change);
    }
    case 'add':
      return change.before !== null && change.after !== null && admitsFields(new Set([operation.field]), change);
    default:
      return unreachable(operation);
  }
}

function admitsPut(known: KnownDocument, terms: readonly FieldTerms[], change: DocumentChange): boolean {
  if (change.after === null || !covers(terms, change.after)) return false;
  if (known.revision === 0) return change.before === null;
  if (change.before === null || !covers(known.terms, change.before)) return false;
  return admitsFields(new Set(known.changed), change);
}

function admitsDelete(known: KnownDocument, { before, after }: DocumentChange): boolean {
  return known.revision > 0 && before !== null && after === null && covers(known.terms, before);
}

/** Terms may differ where the value does not: another version of Unicode has other ones. */
function admitsFields(fields: ReadonlySet<string>, { before, after, changed }: DocumentChange): boolean {
  if (before !== null && !changed.every((field) => fields.has(field))) return false;
  const others = (all: readonly FieldTerms[]) => all.filter(({ field }) => !fields.has(field));
  const left = others(before ?? []);
  const entered = others(after ?? []);
  return covers(left, entered) && covers(entered, left);
}
