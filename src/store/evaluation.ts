/**
 * What a transaction comes to (DESIGN-catalog.md, "Transactions"): pure, total, and done whole or not at all. Every
 * operation sees the state before the transaction.
 */
import { unreachable } from '../raft/assert.ts';
import type { Index } from '../raft/types.ts';
import type { Collection } from './collection.ts';
import type { KeyValue } from './command.ts';
import { documentOf, fieldTermsOf, type StoredDocument, withFieldTerms } from './document.ts';
import { addTo, fieldOf, isObject, type JsonObject, mergePatch, stringifyJson } from './json.ts';
import { keyValueOf, type Revisions, type StoredValue } from './kv.ts';
import { ParsingSpentError, RememberedView } from './remembered-view.ts';
import { covers } from './terms.ts';
import {
  type Compare,
  type Comparison,
  type DocumentBasis,
  type FieldTerms,
  type KnownDocument,
  type Operation,
  type OperationResult,
  type Scalar,
  type Target,
  type Transaction,
  type TransactionFailure,
  transactionLimits,
} from './transaction.ts';

/** The state before the transaction. */
export interface TransactionView {
  /** The cluster's. */
  readonly timeMs: number;
  value(key: string): StoredValue | null;
  collection(name: string): Collection | null;
  document(collection: Collection, id: string): StoredDocument | null;
  /** The keys of a prefix, as they were read for this transaction. */
  range(operation: Extract<Operation, { type: 'range' }>): {
    readonly items: readonly KeyValue[];
    readonly more: boolean;
  };
  /** Null: more than may be deleted together. */
  keysOf(prefix: string): readonly string[] | null;
}

export type Edit =
  | { readonly type: 'value'; readonly key: string; readonly next: StoredValue | null }
  | {
      readonly type: 'document';
      readonly collection: Collection;
      readonly id: string;
      readonly before: StoredDocument | null;
      readonly next: StoredDocument | null;
      /** Fields at the top level that may have another value, where it was there before. */
      readonly changed: readonly string[];
    };

export type Evaluated =
  | {
      readonly type: 'done';
      readonly succeeded: boolean;
      readonly results: readonly OperationResult[];
      readonly edits: readonly Edit[];
    }
  | ({ readonly type: 'failed' } & TransactionFailure);

/** Then its operations in `then` are carried out, else those in `otherwise`. Null: that is too much to find out. */
export function succeeds({ compares }: Transaction, view: TransactionView): boolean | null {
  const remembered = new RememberedView(view);
  return unlessSpent(() => compares.every((compare) => holds(compare, remembered)));
}

function unlessSpent<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof ParsingSpentError) return null;
    throw error;
  }
}

export function evaluateTransaction(
  transaction: Transaction,
  view: TransactionView,
  revision: Index,
  resultBytesMax: number = transactionLimits.resultBytesMax,
): Evaluated {
  const remembered = new RememberedView(view);
  const succeeded = unlessSpent(() => transaction.compares.every((compare) => holds(compare, remembered)));
  if (succeeded === null) return { type: 'failed', reason: 'tooLarge', branch: 'then', operation: 0 };
  const branch = succeeded ? 'then' : 'otherwise';
  const results: OperationResult[] = [];
  const edits: Edit[] = [];
  let bytes = 0;
  let writtenBytes = 0;
  let rangeKeys = 0;
  for (const [nth, operation] of transaction[branch].entries()) {
    const done = unlessSpent(() => carryOut(operation, remembered, revision)) ?? 'tooLarge';
    if (typeof done === 'string') return { type: 'failed', reason: done, branch, operation: nth };
    bytes += bytesOf(done.result);
    writtenBytes += done.edits.reduce((sum, { next }) => sum + (next === null ? 0 : bytesWritten(next)), 0);
    if (operation.type === 'deleteRange') rangeKeys += done.edits.length;
    const isTooLarge =
      bytes > resultBytesMax ||
      writtenBytes > transactionLimits.writtenBytesMax ||
      rangeKeys > transactionLimits.deleteRangeKeysMax;
    if (isTooLarge) return { type: 'failed', reason: 'tooLarge', branch, operation: nth };
    results.push(done.result);
    edits.push(...done.edits);
  }
  return { type: 'done', succeeded, results, edits };
}

type Reason = Extract<TransactionFailure, { readonly operation: number }>['reason'];

interface Done {
  readonly result: OperationResult;
  readonly edits: readonly Edit[];
}

const noEdits: readonly Edit[] = [];

function carryOut(operation: Operation, view: RememberedView, revision: Index): Done | Reason {
  switch (operation.type) {
    case 'get':
      return get(operation.target, view);
    case 'range':
      return { result: { type: 'range', ...view.range(operation) }, edits: noEdits };
    case 'put': {
      const { key, value, contentType, ttlMs } = operation;
      const before = view.value(key);
      const revisions = revisionsAfter(before, revision);
      const ends = ttlMs === null ? {} : { expiresAtMs: view.timeMs + ttlMs };
      const next = { ...revisions, contentType, value, ...ends };
      return { result: writtenOver(before, revisions), edits: [{ type: 'value', key, next }] };
    }
    case 'putDocument':
      return putDocument(operation, view, revision);
    case 'patch':
      return change(operation.target, operation.basis, view, revision, (object) => {
        const patch = view.objectIn(operation.json);
        if (patch === null) return 'notJson';
        const merged = mergePatch(object, patch);
        return isObject(merged) ? { object: merged, named: Object.keys(patch) } : 'notJson';
      });
    case 'add': {
      const { target, field, amount, min, max } = operation;
      return change(target, null, view, revision, (object) => {
        const added = addTo(object, field, amount, { min, max });
        if (added.type === 'failed') return added.reason;
        return { object: added.value, named: [field], sum: added.sum };
      });
    }
    case 'delete':
      return remove(operation, view);
    case 'deleteRange': {
      const keys = view.keysOf(operation.prefix);
      if (keys === null) return 'tooLarge';
      const edits = keys.map((key) => ({ type: 'value', key, next: null }) as const);
      return { result: { type: 'deleted', count: keys.length }, edits };
    }
    default:
      return unreachable(operation);
  }
}

function get(target: Target, view: RememberedView): Done | Reason {
  if (target.type === 'key') {
    const stored = view.value(target.key);
    return { result: { type: 'key', item: stored && keyValueOf(target.key, stored) }, edits: noEdits };
  }
  const collection = view.collection(target.collection);
  if (collection === null) return 'noCollection';
  const stored = view.document(collection, target.id);
  return { result: { type: 'document', document: stored && documentOf(target.id, stored, true) }, edits: noEdits };
}

function putDocument(
  { collection: name, id, json, ttlMs, basis }: Extract<Operation, { type: 'putDocument' }>,
  view: RememberedView,
  revision: Index,
): Done | Reason {
  const collection = view.collection(name);
  if (collection === null) return 'noCollection';
  if (basis.definition !== collection.modRevision) return 'definitionChanged';
  const before = view.document(collection, id);
  const objection = basis.known && objectionTo(basis.known, before, collection, { json, view });
  if (objection !== null) return objection;
  if (basis.known !== null && before !== null && !keepsTerms(basis.terms, basis.known, before, collection)) {
    return 'termsDiffer';
  }
  const revisions = revisionsAfter(before, revision);
  const terms = withFieldTerms([], basis.terms, collection.indexes);
  const next = { ...revisions, expiresAtMs: ttlMs === null ? null : view.timeMs + ttlMs, terms, json };
  const changed = basis.known?.changed ?? [];
  return {
    result: writtenOver(before, revisions),
    edits: [{ type: 'document', collection, id, before, next, changed }],
  };
}

/** Why a write may not go by what it knows; `written`: null if it deletes. */
function objectionTo(
  known: KnownDocument,
  before: StoredDocument | null,
  collection: Collection,
  written: { readonly json: Uint8Array; readonly view: RememberedView } | null,
): 'revisionChanged' | 'termsDiffer' | null {
  if (known.revision !== (before?.modRevision ?? 0)) return 'revisionChanged';
  if (before === null) return null;
  if (!covers(known.terms, fieldTermsOf(before.terms, collection.indexes))) return 'termsDiffer';
  if (written === null) return null;
  const { json, view } = written;
  // Where that is too much to find out it is written without knowing.
  const isAsKnown = unlessSpent(() => changesOnly(view.objectIn(before.json), view.objectIn(json), known.changed));
  return isAsKnown === true ? null : 'termsDiffer';
}

/**
 * Whether the fields that are the same have the terms that they had, where searches are answered by these: another version of Unicode may
 * see more words in the same text, or less, and caches are told of what is in the changed ones alone.
 */
function keepsTerms(
  stated: readonly FieldTerms[],
  { changed }: KnownDocument,
  before: StoredDocument,
  { indexes }: Collection,
): boolean {
  const kept = indexes.filter(({ field, state }) => state.type === 'ready' && !changed.includes(field));
  const left = fieldTermsOf(before.terms, kept);
  const entered = stated.filter(({ field, kind }) => kept.some((each) => each.field === field && each.kind === kind));
  return covers(left, entered) && covers(entered, left);
}

/** Fields at the top level that are not named are the same in both. */
function changesOnly(from: JsonObject | null, to: JsonObject | null, named: readonly string[]): boolean {
  if (from === null || to === null) return false;
  const names = new Set([...Object.keys(from), ...Object.keys(to)]);
  for (const name of named) names.delete(name);
  return [...names].every((name) => {
    const [one, other] = [fieldOf(from, name), fieldOf(to, name)];
    if (one === undefined || other === undefined) return one === other;
    return stringifyJson(one).equals(stringifyJson(other));
  });
}

interface Changed {
  readonly object: JsonObject;
  /** The fields at the top level that the operation gives a value, or takes away. */
  readonly named: readonly string[];
  readonly sum?: number;
}

/** Of what is there already, and is a JSON object. `basis` has the terms of the fields that are named. */
function change(
  target: Target,
  basis: Omit<DocumentBasis, 'known'> | null,
  view: RememberedView,
  revision: Index,
  changeOf: (object: JsonObject) => Changed | Reason,
): Done | Reason {
  const collection = target.type === 'document' ? view.collection(target.collection) : null;
  if (target.type === 'document' && collection === null) return 'noCollection';
  if (basis !== null && basis.definition !== collection?.modRevision) return 'definitionChanged';
  const before = target.type === 'key' ? view.value(target.key) : view.document(collection as Collection, target.id);
  if (before === null) return 'notFound';
  const object = view.objectIn('json' in before ? before.json : before.value);
  if (object === null) return 'notJson';
  const after = changeOf(object);
  if (typeof after === 'string') return after;
  const bytes = stringifyJson(after.object);
  if (bytes.length > transactionLimits.documentBytesMax) return 'tooLarge';
  const revisions = revisionsAfter(before, revision);
  const sum = after.sum === undefined ? {} : { sum: after.sum };
  const result = { ...writtenOver(before, revisions), ...sum };
  if (target.type === 'key' && 'value' in before) {
    const next = { ...before, ...revisions, value: bytes };
    return { result, edits: [{ type: 'value', key: target.key, next }] };
  }
  if (target.type === 'key' || collection === null || !('json' in before)) return 'notJson';
  if (after.named.includes(collection.idField) && fieldOf(after.object, collection.idField) !== target.id) {
    return 'idChanged';
  }
  const stated = after.sum === undefined ? (basis?.terms ?? []) : sumTerms(collection, after.named, after.sum);
  const kept = withoutFields(before, after.named, collection);
  const terms = withFieldTerms(kept, stated, collection.indexes);
  // One to which a new index gave too many may still be changed, if that gives it no more.
  const count = countOf(terms);
  const countBefore = countOf(withFieldTerms(before.terms, [], collection.indexes));
  if (count > transactionLimits.termsPerDocumentMax && count > countBefore) return 'tooLarge';
  const next = { ...revisions, expiresAtMs: before.expiresAtMs, terms, json: bytes };
  const changed = after.named;
  return { result, edits: [{ type: 'document', collection, id: target.id, before, next, changed }] };
}

function countOf(terms: StoredDocument['terms']): number {
  return terms.reduce((count, index) => count + index.terms.length, 0);
}

/** What is stated has the terms of the fields that are named: what is not stated has none any more. */
function withoutFields(
  { terms }: StoredDocument,
  named: readonly string[],
  { indexes }: Collection,
): StoredDocument['terms'] {
  const gone = new Set(indexes.filter(({ field }) => named.includes(field)).map(({ number }) => number));
  return terms.filter(({ index }) => !gone.has(index));
}

/** A number has no other terms than itself, on every version of everything. */
function sumTerms(collection: Collection, fields: readonly string[], sum: number): readonly FieldTerms[] {
  return collection.indexes
    .filter(({ field, kind }) => kind === 'number' && fields.includes(field))
    .map(({ field }) => ({ field, kind: 'number', terms: [sum] }));
}

function remove({ target, known }: Extract<Operation, { type: 'delete' }>, view: RememberedView): Done | Reason {
  if (target.type === 'key') {
    const isThere = view.value(target.key) !== null;
    const edits: readonly Edit[] = isThere ? [{ type: 'value', key: target.key, next: null }] : noEdits;
    return { result: { type: 'deleted', count: edits.length }, edits };
  }
  const collection = view.collection(target.collection);
  if (collection === null) return 'noCollection';
  const before = view.document(collection, target.id);
  const objection = known && objectionTo(known, before, collection, null);
  if (objection !== null) return objection;
  const edits: readonly Edit[] =
    before === null ? noEdits : [{ type: 'document', collection, id: target.id, before, next: null, changed: [] }];
  return { result: { type: 'deleted', count: edits.length }, edits };
}

function holds(compare: Compare, view: RememberedView): boolean {
  switch (compare.of) {
    case 'exists':
      return (revisionsOf(compare.target, view) !== null) === compare.is;
    case 'version':
    case 'modRevision':
    case 'createRevision':
      return compares(revisionsOf(compare.target, view)?.[compare.of] ?? 0, compare.is, compare.number);
    case 'value': {
      const stored = view.value(compare.key);
      if (stored === null) return false;
      return Buffer.from(stored.value).equals(compare.value) === (compare.is === '=');
    }
    case 'field': {
      const stored = storedAt(compare.target, view);
      const object = stored && view.objectIn('json' in stored ? stored.json : stored.value);
      const found = object ? fieldOf(object, compare.field) : undefined;
      return isScalar(found) && compares(found, compare.is, compare.scalar);
    }
    default:
      return unreachable(compare);
  }
}

function compares(left: Scalar, is: Comparison, right: Scalar): boolean {
  if (is === '=') return left === right;
  if (is === '!=') return left !== right;
  if (typeof left !== 'number' || typeof right !== 'number') return false;
  switch (is) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    default:
      return unreachable(is);
  }
}

function storedAt(target: Target, view: RememberedView): StoredValue | StoredDocument | null {
  if (target.type === 'key') return view.value(target.key);
  const collection = view.collection(target.collection);
  return collection && view.document(collection, target.id);
}

function revisionsOf(target: Target, view: RememberedView): Revisions | null {
  return storedAt(target, view);
}

function revisionsAfter(before: Revisions | null, revision: Index): Revisions {
  return {
    createRevision: before?.createRevision ?? revision,
    modRevision: revision,
    version: (before?.version ?? 0) + 1,
  };
}

function writtenOver(
  before: Revisions | null,
  { version }: Revisions,
): Extract<OperationResult, { readonly type: 'written' }> {
  return { type: 'written', version, created: before === null };
}

function isScalar(value: unknown): value is Scalar {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

function bytesWritten(next: StoredValue | StoredDocument): number {
  return 'json' in next ? next.json.length : next.value.length;
}

/** Numbers and names around an item's texts and value. */
const itemOverheadBytes = 64;

function bytesOf(result: OperationResult): number {
  switch (result.type) {
    case 'key':
      return itemOverheadBytes + (result.item === null ? 0 : itemBytes(result.item));
    case 'document':
      return itemOverheadBytes + (result.document?.json?.length ?? 0);
    case 'range':
      return result.items.reduce((sum, item) => sum + itemOverheadBytes + itemBytes(item), itemOverheadBytes);
    case 'written':
    case 'deleted':
      return itemOverheadBytes;
    default:
      return unreachable(result);
  }
}

function itemBytes({ key, contentType, value }: KeyValue): number {
  return 3 * key.length + contentType.length + (value?.length ?? 0);
}
