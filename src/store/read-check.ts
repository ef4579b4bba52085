/** Is what came back an answer to what was asked? Whoever sent anything else cannot be believed in the rest of it either. */
import { unreachable } from '../raft/assert.ts';
import type { KeyValue, Query, QueryResult } from './command.ts';
import type { LinkAnswer } from './replica-link.ts';
import type { SearchQuery } from './search-query.ts';
import type { Document, Operation, OperationResult, Transaction, TransactionResult } from './transaction.ts';

/**
 * `served`: at least one query was answered; the others, if any, did not fit. `unavailable`: no leader
 * confirmed the reads. `failed`: no answer, or not one to these queries.
 */
export type ReadVerdict = 'served' | 'unavailable' | 'failed';

export function verdictOn(answer: LinkAnswer, queries: readonly Query[]): ReadVerdict {
  if (answer.type !== 'read' || answer.replies.length !== queries.length) return 'failed';
  const { replies } = answer;
  for (const [position, reply] of replies.entries()) {
    if (reply.type === 'done' && !answersQuery(queries[position] as Query, reply.result)) return 'failed';
  }
  if (replies.some(({ type }) => type === 'done')) return 'served';
  // An empty message has room for its first answer.
  return replies.some(({ type }) => type === 'full') ? 'failed' : 'unavailable';
}

function answersQuery(query: Query, result: QueryResult): boolean {
  switch (query.type) {
    case 'get':
      return (
        result.type === 'get' &&
        (result.item === null || (result.item.key === query.key && hasValue(result.item, query.withValue)))
      );
    case 'list':
      return (
        result.type === 'list' &&
        result.items.length <= query.limit &&
        (result.items.length > 0 || !result.more) &&
        result.items.every((item, nth) => {
          const before = result.items[nth - 1]?.key ?? query.after;
          return item.key.startsWith(query.prefix) && isAfter(item.key, before) && hasValue(item, !query.keysOnly);
        })
      );
    case 'document':
      return (
        result.type === 'document' &&
        (result.document === null || (result.hasCollection && isDocument(result.document, query.id, query.withJson)))
      );
    case 'search':
      return result.type === 'search' && answersSearch(query.search, result.result);
    case 'transaction':
      return result.type === 'transaction' && answersTransaction(query.transaction, result.result);
    case 'collection':
      return result.type === 'collection' && (result.collection === null || result.collection.name === query.name);
    case 'collections':
      return result.type === 'collections' && isAscending(result.collections.map(({ name }) => name));
    case 'digests':
      return result.type === 'digests';
    default:
      return unreachable(query);
  }
}

function answersSearch(
  { limit, sort, after, count }: SearchQuery,
  result: Extract<QueryResult, { type: 'search' }>['result'],
): boolean {
  if (result.type !== 'found') return true;
  const { documents, next } = result;
  const ids = documents.map(({ id }) => id);
  return (
    documents.length <= limit &&
    documents.every((document) => isDocument(document, document.id, true)) &&
    (next === null || (next.id === ids.at(-1) && (next.sortValue === null) === (sort === null))) &&
    (result.count === null) === !count &&
    (sort === null ? isAscending(after === null ? ids : [after.id, ...ids]) : new Set(ids).size === ids.length)
  );
}

/** What its operations ask, it answers: which branch was taken is its own affair. */
export function answersTransaction(transaction: Transaction, result: TransactionResult): boolean {
  // A problem with the idempotency key is of no operation.
  if (result.type === 'transactionFailed') {
    if (!('operation' in result)) return true;
    // Where compares alone are too much there need be no operation.
    const isOfCompares = result.reason === 'tooLarge' && result.operation === 0;
    return isOfCompares || result.operation < transaction[result.branch].length;
  }
  const { succeeded, results } = result;
  const branch = succeeded ? transaction.then : transaction.otherwise;
  return (
    results.length === branch.length && results.every((each, nth) => answersOperation(branch[nth] as Operation, each))
  );
}

function answersOperation(operation: Operation, result: OperationResult): boolean {
  switch (operation.type) {
    case 'get': {
      const { target } = operation;
      if (target.type === 'key') {
        return result.type === 'key' && (result.item === null || result.item.key === target.key);
      }
      return result.type === 'document' && (result.document === null || isDocument(result.document, target.id, true));
    }
    case 'range':
      return result.type === 'range' && result.items.length <= operation.limit;
    case 'put':
    case 'putDocument':
    case 'patch':
    case 'add':
      return result.type === 'written' && (result.sum !== undefined) === (operation.type === 'add');
    case 'delete':
    case 'deleteRange':
      return result.type === 'deleted';
    default:
      return unreachable(operation);
  }
}

function isDocument({ id, json }: Document, wanted: string, withJson: boolean): boolean {
  return id === wanted && (json !== undefined) === withJson;
}

function isAscending(names: readonly string[]): boolean {
  return names.every((name, nth) => isAfter(name, names[nth - 1] ?? null));
}

/** In the order of their bytes, as replicas list them: that of UTF-16 is another one. */
function isAfter(key: string, before: string | null): boolean {
  return before === null || Buffer.compare(Buffer.from(key), Buffer.from(before)) > 0;
}

function hasValue({ value, sizeBytes }: KeyValue, wanted: boolean): boolean {
  return wanted ? value?.length === sizeBytes : value === undefined;
}
