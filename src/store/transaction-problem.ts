/** What is wrong with a transaction that its text alone shows: such a one is never proposed, and no bytes stand for it. */
import { isUtf8 } from 'node:buffer';
import { unreachable } from '../raft/assert.ts';
import { contentTypeProblem, keyProblem, limits } from './command.ts';
import { contradictionIn } from './compare-facts.ts';
import { collectionNameProblem, fieldProblem, idProblem, prefixProblem, targetName } from './names.ts';
import { fieldTermsProblem } from './terms-problem.ts';
import {
  type Compare,
  type DocumentBasis,
  type KnownDocument,
  type Operation,
  type Scalar,
  type Target,
  type Transaction,
  transactionLimits,
} from './transaction.ts';
import { transactionBytes } from './transaction-codec.ts';

export interface TransactionProblem {
  /** Of the offending part, as in `then[3].target.key`; empty for the whole. */
  readonly path: string;
  /** What is wrong, what was expected, and what to do. */
  readonly problem: string;
}

type Found = TransactionProblem | null;

/** What a command has around its transaction takes less: the stamp, and the idempotency key. */
const envelopeBytesMax = 512;
const { partsMax, encodedBytesMax, documentBytesMax, ttlMsMax, changedFieldsMax } = transactionLimits;

/** The first problem, or null. Total, whatever the numbers and texts are. */
export function transactionProblem(transaction: Transaction): TransactionProblem | null {
  const { compares, then, otherwise } = transaction;
  const parts = compares.length + then.length + otherwise.length;
  if (parts > partsMax) {
    return at('', `a transaction has at most ${partsMax} compares and operations, got ${parts}: split it`);
  }
  return (
    firstOf(compares, (compare, place) => compareProblem(compare, `compares[${place}]`)) ??
    contradictionProblem(compares) ??
    branchProblem(then, 'then') ??
    branchProblem(otherwise, 'otherwise') ??
    sizeProblem(transaction)
  );
}

function sizeProblem(transaction: Transaction): Found {
  const bytes = transactionBytes(transaction);
  const most = encodedBytesMax - envelopeBytesMax;
  return bytes <= most ? null : at('', `a transaction is at most ${most} bytes, got ${bytes}: split it`);
}

function contradictionProblem(compares: readonly Compare[]): Found {
  const place = contradictionIn(compares);
  if (place === null) return null;
  return at(`compares[${place}]`, 'this can never hold together with the compares before it: take one of them away');
}

function compareProblem(compare: Compare, path: string): Found {
  switch (compare.of) {
    case 'exists':
      return targetProblem(compare.target, `${path}.target`);
    case 'version':
    case 'modRevision':
    case 'createRevision':
      return (
        targetProblem(compare.target, `${path}.target`) ??
        at(`${path}.number`, isNatural(compare.number) ? null : 'expected a whole number from 0 to 2^53 - 1')
      );
    case 'value':
      return at(`${path}.key`, keyProblem(compare.key)) ?? sizeOf(compare.value, limits.valueBytesMax, `${path}.value`);
    case 'field':
      return (
        targetProblem(compare.target, `${path}.target`) ??
        at(`${path}.field`, fieldProblem(compare.field)) ??
        at(`${path}.scalar`, scalarProblem(compare.scalar, compare.is === '=' || compare.is === '!='))
      );
    default:
      return unreachable(compare);
  }
}

function scalarProblem(scalar: Scalar, isEquality: boolean): string | null {
  if (typeof scalar === 'number') return Number.isFinite(scalar) ? null : 'expected a finite number';
  if (!isEquality) return 'only numbers have an order: give a number, or compare with = or !=';
  return typeof scalar === 'string' && !scalar.isWellFormed() ? 'a text must be well-formed Unicode' : null;
}

function branchProblem(operations: readonly Operation[], branch: string): Found {
  return (
    firstOf(operations, (operation, place) => operationProblem(operation, `${branch}[${place}]`)) ??
    writtenTwice(operations, branch)
  );
}

function operationProblem(operation: Operation, path: string): Found {
  switch (operation.type) {
    case 'get':
      return targetProblem(operation.target, `${path}.target`);
    case 'range':
      return (
        at(`${path}.prefix`, prefixProblem(operation.prefix)) ??
        at(`${path}.after`, operation.after === null ? null : prefixProblem(operation.after)) ??
        at(`${path}.limit`, pageProblem(operation.limit))
      );
    case 'put':
      return (
        at(`${path}.key`, keyProblem(operation.key)) ??
        at(`${path}.contentType`, contentTypeProblem(operation.contentType)) ??
        at(`${path}.ttlMs`, ttlProblem(operation.ttlMs)) ??
        sizeOf(operation.value, limits.valueBytesMax, `${path}.value`)
      );
    case 'putDocument':
      return (
        at(`${path}.collection`, collectionNameProblem(operation.collection)) ??
        at(`${path}.id`, idProblem(operation.id)) ??
        at(`${path}.ttlMs`, ttlProblem(operation.ttlMs)) ??
        jsonProblem(operation.json, `${path}.json`) ??
        basisProblem(operation.basis, `${path}.basis`) ??
        knownProblem(operation.basis.known, `${path}.basis.known`)
      );
    case 'patch':
      return (
        targetProblem(operation.target, `${path}.target`) ??
        jsonProblem(operation.json, `${path}.json`) ??
        patchBasisProblem(operation, `${path}.basis`)
      );
    case 'add':
      return (
        targetProblem(operation.target, `${path}.target`) ??
        at(`${path}.field`, fieldProblem(operation.field)) ??
        additionProblem(operation, path)
      );
    case 'delete':
      return targetProblem(operation.target, `${path}.target`) ?? deleteBasisProblem(operation, `${path}.known`);
    case 'deleteRange':
      return at(`${path}.prefix`, prefixProblem(operation.prefix));
    default:
      return unreachable(operation);
  }
}

/** Each key and document is written at most once, those that a deleteRange covers included. */
function writtenTwice(operations: readonly Operation[], branch: string): Found {
  const places = new Map<string, number>();
  for (const [place, operation] of operations.entries()) {
    const written = writtenBy(operation);
    if (written === null) continue;
    const name = targetName(written.target);
    const before = places.get(name);
    if (before !== undefined) {
      return at(
        `${branch}[${place}].${written.path}`,
        `${branch}[${before}] writes this too: a branch writes each key and document at most once`,
      );
    }
    places.set(name, place);
  }
  return firstOf(operations, (operation, place) =>
    operation.type === 'deleteRange' ? coveredProblem(operation.prefix, place, operations, branch) : null,
  );
}

function coveredProblem(prefix: string, ofRange: number, operations: readonly Operation[], branch: string): Found {
  const problem = `${branch}[${ofRange}] deletes the keys that begin with ${JSON.stringify(prefix)}: a branch writes each key at most once`;
  return firstOf(operations, (operation, place) => {
    if (operation.type === 'deleteRange') {
      return at(
        `${branch}[${place}].prefix`,
        place !== ofRange && operation.prefix.startsWith(prefix) ? problem : null,
      );
    }
    const written = writtenBy(operation);
    if (written?.target.type !== 'key' || !written.target.key.startsWith(prefix)) return null;
    return at(`${branch}[${place}].${written.path}`, problem);
  });
}

/** The one key or document that the operation writes, and where in it that is said. */
function writtenBy(operation: Operation): { readonly target: Target; readonly path: string } | null {
  switch (operation.type) {
    case 'get':
    case 'range':
    case 'deleteRange':
      return null;
    case 'put':
      return { target: { type: 'key', key: operation.key }, path: 'key' };
    case 'putDocument':
      return { target: { type: 'document', collection: operation.collection, id: operation.id }, path: 'id' };
    case 'patch':
    case 'add':
    case 'delete':
      return { target: operation.target, path: operation.target.type === 'key' ? 'target.key' : 'target.id' };
    default:
      return unreachable(operation);
  }
}

export function targetProblem(target: Target, path: string): Found {
  if (target.type === 'key') return at(`${path}.key`, keyProblem(target.key));
  return at(`${path}.collection`, collectionNameProblem(target.collection)) ?? at(`${path}.id`, idProblem(target.id));
}

function patchBasisProblem({ target, basis }: Extract<Operation, { type: 'patch' }>, path: string): Found {
  if (target.type === 'key') return at(path, basis === null ? null : 'a value has no terms: expected null');
  return basis === null ? at(path, 'expected what the terms of the document are of') : basisProblem(basis, path);
}

function deleteBasisProblem({ target, known }: Extract<Operation, { type: 'delete' }>, path: string): Found {
  if (target.type === 'key') return at(path, known === null ? null : 'a value has no terms: expected null');
  return knownProblem(known, path);
}

function basisProblem({ definition, terms }: Omit<DocumentBasis, 'known'>, path: string): Found {
  if (!isNatural(definition) || definition === 0) return at(`${path}.definition`, "expected a definition's revision");
  return fieldTermsProblem(terms, `${path}.terms`);
}

function knownProblem(known: KnownDocument | null, path: string): Found {
  if (known === null) return null;
  const { revision, terms, changed } = known;
  if (!isNatural(revision)) return at(`${path}.revision`, 'expected a revision, or 0 for what is not there');
  if (changed.length > changedFieldsMax) {
    return at(
      `${path}.changed`,
      `expected at most ${changedFieldsMax} fields, got ${changed.length}: write without knowing`,
    );
  }
  return (
    fieldTermsProblem(terms, `${path}.terms`) ??
    firstOf(changed, (field, place) => at(`${path}.changed[${place}]`, fieldProblem(field)))
  );
}

function additionProblem({ amount, min, max }: Extract<Operation, { type: 'add' }>, path: string): Found {
  const finite = (number: number | null) =>
    number === null || Number.isFinite(number) ? null : 'expected a finite number';
  const isCrossed = min !== null && max !== null && min > max;
  return (
    at(`${path}.amount`, finite(amount)) ??
    at(`${path}.min`, finite(min)) ??
    at(`${path}.max`, finite(max)) ??
    at(`${path}.max`, isCrossed ? `no sum is at least ${min} and at most ${max}: expected max to be min or more` : null)
  );
}

function jsonProblem(json: Uint8Array, path: string): Found {
  return (
    sizeOf(json, documentBytesMax, path) ??
    at(path, isUtf8(json) ? null : 'this is not well-formed UTF-8: send JSON in UTF-8')
  );
}

function sizeOf(bytes: Uint8Array, bytesMax: number, path: string): Found {
  return at(path, bytes.length <= bytesMax ? null : `expected at most ${bytesMax} bytes, got ${bytes.length}`);
}

function ttlProblem(ttlMs: number | null): string | null {
  if (ttlMs === null || (Number.isSafeInteger(ttlMs) && ttlMs >= 1 && ttlMs <= ttlMsMax)) return null;
  return `expected whole milliseconds from 1 to ${ttlMsMax} (ten years), or null for good, got ${ttlMs}`;
}

function pageProblem(limit: number): string | null {
  const isSound = Number.isSafeInteger(limit) && limit >= 1 && limit <= limits.listItemsMax;
  return isSound ? null : `expected 1 to ${limits.listItemsMax}, got ${limit}`;
}

function isNatural(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0;
}

function at(path: string, problem: string | null): Found {
  return problem === null ? null : { path, problem };
}

function firstOf<T>(items: readonly T[], problemOf: (item: T, place: number) => Found): Found {
  for (const [place, item] of items.entries()) {
    const found = problemOf(item, place);
    if (found !== null) return found;
  }
  return null;
}
