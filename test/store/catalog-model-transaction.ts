/** What a transaction comes to in the model: every part of it sees the state before. */
import { unreachable } from '../../src/raft/assert.ts';
import type { Index } from '../../src/raft/types.ts';
import type { Collection } from '../../src/store/collection.ts';
import type {
  Compare,
  Comparison,
  DocumentBasis,
  FieldTerms,
  KnownDocument,
  Operation,
  OperationResult,
  Place,
  Target,
  Transaction,
  TransactionFailure,
} from '../../src/store/transaction.ts';
import {
  documentIn,
  keyValueIn,
  type ModelDocument,
  type ModelEdit,
  type ModelState,
  type ModelTerms,
  type ModelValue,
  revisionsAfter,
} from './catalog-model-state.ts';
import { type Members, membersOf, merged } from './members.ts';

type OperationOf<Type extends Operation['type']> = Extract<Operation, { readonly type: Type }>;
type Reason = Extract<TransactionFailure, { readonly operation: number }>['reason'];

interface Done {
  readonly result: OperationResult;
  readonly edits: readonly ModelEdit[];
}

export type ModelEvaluation =
  | {
      readonly type: 'done';
      readonly succeeded: boolean;
      readonly results: readonly OperationResult[];
      readonly edits: readonly ModelEdit[];
    }
  | ({ readonly type: 'failed'; readonly reason: Reason } & Place);

export function evaluateInModel(transaction: Transaction, model: ModelState, at: Index): ModelEvaluation {
  const succeeded = transaction.compares.every((compare) => holds(compare, model));
  const all: Done[] = [];
  const branch = succeeded ? 'then' : 'otherwise';
  for (const [operation, each] of transaction[branch].entries()) {
    const done = carryOut(each, model, at);
    if (typeof done === 'string') return { type: 'failed', reason: done, branch, operation };
    all.push(done);
  }
  const results = all.map(({ result }) => result);
  return { type: 'done', succeeded, results, edits: all.flatMap(({ edits }) => edits) };
}

function holds(compare: Compare, model: ModelState): boolean {
  switch (compare.of) {
    case 'exists':
      return (find(compare.target, model) !== null) === compare.is;
    case 'version':
    case 'modRevision':
    case 'createRevision':
      return isSo(find(compare.target, model)?.[compare.of] ?? 0, compare.is, compare.number);
    case 'value': {
      const found = model.values.at(compare.key);
      return found !== null && (Buffer.compare(found.value, compare.value) === 0) === (compare.is === '=');
    }
    case 'field': {
      const found = find(compare.target, model);
      const members = found && membersOf(bytesOf(found));
      if (!members || !Object.hasOwn(members, compare.field)) return false;
      const value = members[compare.field];
      return (typeof value !== 'object' || value === null) && isSo(value, compare.is, compare.scalar);
    }
    default:
      return unreachable(compare);
  }
}

function isSo(left: unknown, is: Comparison, right: unknown): boolean {
  if (is === '=') return left === right;
  if (is === '!=') return left !== right;
  if (typeof left !== 'number' || typeof right !== 'number') return false;
  return { '<': left < right, '<=': left <= right, '>': left > right, '>=': left >= right }[is];
}

function carryOut(operation: Operation, model: ModelState, at: Index): Done | Reason {
  switch (operation.type) {
    case 'get':
      return get(operation.target, model);
    case 'range':
      return range(operation, model);
    case 'put': {
      const { key, value, contentType, ttlMs } = operation;
      const before = model.values.at(key);
      const next = { ...revisionsAfter(before, at), expiresAtMs: endOf(ttlMs, model), contentType, value };
      return written(before, next, [{ type: 'value', key, next }]);
    }
    case 'putDocument':
      return putDocument(operation, model, at);
    case 'patch': {
      const { target, json, basis } = operation;
      return change(target, basis, model, at, (members) => {
        const patch = membersOf(json);
        return patch && { next: merged(members, patch), named: Object.keys(patch), sum: null };
      });
    }
    case 'add': {
      const { target, field, amount, min, max } = operation;
      return change(target, null, model, at, (members) => {
        const number = Object.hasOwn(members, field) ? members[field] : undefined;
        if (typeof number !== 'number') return 'notANumber';
        const sum = number + amount;
        const isExact = Number.isSafeInteger(number) && Number.isSafeInteger(amount);
        const isSound = isExact ? Number.isSafeInteger(sum) : Number.isFinite(sum);
        if (!isSound || sum < (min ?? sum) || sum > (max ?? sum)) return 'outOfBounds';
        return { next: { ...members, [field]: sum }, named: [field], sum };
      });
    }
    case 'delete':
      return remove(operation, model);
    case 'deleteRange': {
      const edits = model.keysOf(operation.prefix).map(([key]) => ({ type: 'value', key, next: null }) as const);
      return { result: { type: 'deleted', count: edits.length }, edits };
    }
    default:
      return unreachable(operation);
  }
}

function get(target: Target, model: ModelState): Done | Reason {
  if (target.type === 'key') {
    const found = model.values.at(target.key);
    return { result: { type: 'key', item: found && keyValueIn(target.key, found) }, edits: [] };
  }
  const collection = model.collections.at(target.collection);
  if (collection === null) return 'noCollection';
  const found = model.document(collection, target.id);
  return { result: { type: 'document', document: found && documentIn(target.id, found) }, edits: [] };
}

function range({ prefix, after, limit, keysOnly }: OperationOf<'range'>, model: ModelState): Done {
  const isBehind = (key: string) => after === null || Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0;
  const all = model.keysOf(prefix).filter(([key]) => isBehind(key));
  const items = all.slice(0, limit).map(([key, found]) => {
    const { value, ...head } = keyValueIn(key, found);
    return keysOnly || value === undefined ? head : { ...head, value };
  });
  return { result: { type: 'range', items, more: all.length > limit }, edits: [] };
}

function putDocument(operation: OperationOf<'putDocument'>, model: ModelState, at: Index): Done | Reason {
  const { collection: name, id, json, ttlMs, basis } = operation;
  const collection = model.collections.at(name);
  if (collection === null) return 'noCollection';
  if (collection.modRevision !== basis.definition) return 'definitionChanged';
  const before = model.document(collection, id);
  const objection = objectionTo(basis.known, before, collection, json);
  if (objection !== null) return objection;
  const terms = numbered(basis.terms, collection);
  if (basis.known !== null && before !== null) {
    const { changed } = basis.known;
    for (const { number, field, state } of collection.indexes) {
      const [left, entered] = [before.terms.get(number) ?? [], terms.get(number) ?? []];
      const isSame = left.length === entered.length && left.every((term, nth) => term === entered[nth]);
      if (state.type === 'ready' && !changed.includes(field) && !isSame) return 'termsDiffer';
    }
  }
  const next = { ...revisionsAfter(before, at), expiresAtMs: endOf(ttlMs, model), terms, json };
  return written(before, next, [{ type: 'document', collection, id, next }]);
}

function remove({ target, known }: OperationOf<'delete'>, model: ModelState): Done | Reason {
  const collection = target.type === 'key' ? null : model.collections.at(target.collection);
  if (target.type === 'document' && collection === null) return 'noCollection';
  const before = find(target, model);
  const stored = before !== null && 'json' in before ? before : null;
  const objection = collection && objectionTo(known, stored, collection, null);
  if (objection !== null) return objection;
  if (before === null) return { result: { type: 'deleted', count: 0 }, edits: [] };
  return { result: { type: 'deleted', count: 1 }, edits: [editOf(target, collection, null)] };
}

/** `json`: what is written in its place; null: nothing. */
function objectionTo(
  known: KnownDocument | null,
  before: ModelDocument | null,
  collection: Collection,
  json: Uint8Array | null,
): Reason | null {
  if (known === null) return null;
  if (known.revision !== (before?.modRevision ?? 0)) return 'revisionChanged';
  if (before === null) return null;
  for (const { number, field, kind } of collection.indexes) {
    const stated = known.terms.filter((one) => one.field === field && one.kind === kind).flatMap(({ terms }) => terms);
    if (!(before.terms.get(number) ?? []).every((term) => stated.includes(term))) return 'termsDiffer';
  }
  if (json === null) return null;
  const [old, fresh] = [membersOf(before.json), membersOf(json)];
  if (old === null || fresh === null) return 'termsDiffer';
  const differs = (name: string) => JSON.stringify(old[name]) !== JSON.stringify(fresh[name]);
  const names = Object.keys({ ...old, ...fresh });
  return names.some((name) => differs(name) && !known.changed.includes(name)) ? 'termsDiffer' : null;
}

interface Changed {
  readonly next: Members;
  readonly named: readonly string[];
  readonly sum: number | null;
}

function change(
  target: Target,
  basis: Omit<DocumentBasis, 'known'> | null,
  model: ModelState,
  at: Index,
  changed: (members: Members) => Changed | Reason | null,
): Done | Reason {
  const collection = target.type === 'key' ? null : model.collections.at(target.collection);
  if (target.type === 'document' && collection === null) return 'noCollection';
  if (basis !== null && basis.definition !== collection?.modRevision) return 'definitionChanged';
  const before = find(target, model);
  if (before === null) return 'notFound';
  const members = membersOf(bytesOf(before));
  const after = members && changed(members);
  if (after === null) return 'notJson';
  if (typeof after === 'string') return after;
  const { next: object, named, sum } = after;
  const bytes = Buffer.from(JSON.stringify(object));
  const revisions = { ...revisionsAfter(before, at), expiresAtMs: before.expiresAtMs };
  if (collection === null || !('json' in before)) {
    const next = { ...(before as ModelValue), ...revisions, value: bytes };
    return written(before, next, [editOf(target, null, next)], sum);
  }
  const isId = named.includes(collection.idField) && target.type === 'document';
  if (isId && object[collection.idField] !== target.id) return 'idChanged';
  const kept = new Map(before.terms);
  for (const { number, field, kind } of collection.indexes) {
    if (!named.includes(field)) continue;
    kept.delete(number);
    if (sum !== null && kind === 'number') kept.set(number, [sum]);
  }
  const terms = new Map([...kept, ...numbered(basis?.terms ?? [], collection)]);
  const next = { ...revisions, terms, json: bytes };
  return written(before, next, [editOf(target, collection, next)], sum);
}

function written(
  before: unknown,
  { version }: { readonly version: number },
  edits: readonly ModelEdit[],
  sum: number | null = null,
): Done {
  const result = { type: 'written', version, created: before === null } as const;
  return { result: sum === null ? result : { ...result, sum }, edits };
}

function editOf(target: Target, collection: Collection | null, next: ModelValue | ModelDocument | null): ModelEdit {
  if (target.type === 'key') return { type: 'value', key: target.key, next: next as ModelValue | null };
  return {
    type: 'document',
    collection: collection as Collection,
    id: target.id,
    next: next as ModelDocument | null,
  };
}

function endOf(ttlMs: number | null, { timeMs }: ModelState): number | null {
  return ttlMs === null ? null : timeMs + ttlMs;
}

/** Of the indexes that there are. */
function numbered(stated: readonly FieldTerms[], { indexes }: Collection): ModelTerms {
  return new Map(
    stated.flatMap(({ field, kind, terms }) => {
      const index = indexes.find((each) => each.field === field && each.kind === kind);
      return index === undefined || terms.length === 0 ? [] : [[index.number, terms] as const];
    }),
  );
}

function find(target: Target, model: ModelState): ModelValue | ModelDocument | null {
  if (target.type === 'key') return model.values.at(target.key);
  const collection = model.collections.at(target.collection);
  return collection && model.document(collection, target.id);
}

function bytesOf(found: ModelValue | ModelDocument): Uint8Array {
  return 'json' in found ? found.json : found.value;
}
