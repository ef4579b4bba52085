/** Questions and their results, as parts of messages in the form of wire.ts. Values, documents and transactions are in the tail. */
import { unreachable } from '../raft/assert.ts';
import { type Index, index } from '../raft/types.ts';
import { ByteReader } from './byte-reader.ts';
import { toBytes } from './byte-sink.ts';
import { type Collection, type CollectionIndex, collectionLimits, type IndexNumber } from './collection.ts';
import { limits, type Query, type QueryResult } from './command.ts';
import { decodeDocument, encodeDocument } from './document-codec.ts';
import { decodeItem, encodeItem, keyPrefix, keyText } from './item-codec.ts';
import { decodeResult, encodeResult } from './result-codec.ts';
import { decodeSearchQuery, decodeSearchResult, encodeSearchQuery, encodeSearchResult } from './search-codec.ts';
import { indexKinds, type Transaction } from './transaction.ts';
import { readTransaction, writeTransaction } from './transaction-codec.ts';
import { transactionProblem } from './transaction-problem.ts';
import { choice, flag, list, MalformedError, natural, orNull, type Tail, text, tuple } from './wire.ts';
import { collectionName, documentId, fieldName } from './wire-names.ts';

/** Positions are on the wire: add at the end. */
const queryTypes = [
  'get',
  'list',
  'document',
  'search',
  'transaction',
  'collection',
  'collections',
  'digests',
] as const;

export const queryResultFieldsMax = 3;

const digestsMax = 1024;
const digestLengthMax = 16;

export function encodeQuery(query: Query, tail: Uint8Array[]): readonly unknown[] {
  switch (query.type) {
    case 'get':
      return [0, query.key, query.withValue];
    case 'list':
      return [1, query.prefix, query.after, query.limit, query.keysOnly];
    case 'document':
      return [2, query.collection, query.id, query.withJson];
    case 'search':
      return [3, query.definition, encodeSearchQuery(query.search)];
    case 'transaction': {
      const bytes = toBytes((sink) => writeTransaction(sink, query.transaction));
      tail.push(bytes);
      return [4, bytes.length];
    }
    case 'collection':
      return [5, query.name];
    case 'collections':
      return [6];
    case 'digests':
      return [7];
    default:
      return unreachable(query);
  }
}

export function decodeQuery(value: unknown, tail: Tail): Query {
  const fields = list(value, 5);
  const type = choice(fields[0], queryTypes);
  switch (type) {
    case 'get': {
      const [, key, withValue] = tuple(fields, 3);
      return { type, key: keyText(key), withValue: flag(withValue) };
    }
    case 'list': {
      const [, prefix, after, itemsMax, keysOnly] = tuple(fields, 5);
      const limit = natural(itemsMax);
      if (limit < 1 || limit > limits.listItemsMax) throw new MalformedError();
      return {
        type,
        prefix: keyPrefix(prefix),
        after: orNull(after, keyPrefix),
        limit,
        keysOnly: flag(keysOnly),
      };
    }
    case 'document': {
      const [, collection, id, withJson] = tuple(fields, 4);
      return { type, collection: collectionName(collection), id: documentId(id), withJson: flag(withJson) };
    }
    case 'search': {
      const [, definition, search] = tuple(fields, 3);
      return { type, definition: indexOf(definition), search: decodeSearchQuery(search) };
    }
    case 'transaction':
      return { type, transaction: decodeReading(tail.take(tuple(fields, 2)[1])) };
    case 'collection':
      return { type, name: collectionName(tuple(fields, 2)[1]) };
    case 'collections':
    case 'digests':
      tuple(fields, 1);
      return { type };
    default:
      return unreachable(type);
  }
}

function decodeReading(bytes: Uint8Array): Transaction {
  const reader = new ByteReader(bytes);
  const transaction = readTransaction(reader);
  if (!reader.done || transactionProblem(transaction) !== null || !readsOnly(transaction)) throw new MalformedError();
  return transaction;
}

function readsOnly({ then, otherwise }: Transaction): boolean {
  return [...then, ...otherwise].every(({ type }) => type === 'get' || type === 'range');
}

/** The position of its type, and at most `queryResultFieldsMax` fields. */
export function encodeQueryResult(result: QueryResult, tail: Uint8Array[]): readonly [number, ...unknown[]] {
  const { revision } = result;
  switch (result.type) {
    case 'get':
      return [0, revision, result.item && encodeItem(result.item, tail)];
    case 'list':
      return [1, revision, result.items.map((item) => encodeItem(item, tail)), result.more];
    case 'document':
      return [2, revision, result.hasCollection, result.document && encodeDocument(result.document, tail)];
    case 'search':
      return [3, revision, encodeSearchResult(result.result, tail)];
    case 'transaction': {
      const bytes = encodeResult(result.result);
      tail.push(bytes);
      return [4, revision, bytes.length];
    }
    case 'collection':
      return [5, revision, result.collection && encodeCollection(result.collection)];
    case 'collections':
      return [6, revision, result.collections.map(encodeCollection)];
    case 'digests':
      return [7, revision, result.digests.map(({ revision: at, digest }) => [at, digest])];
    default:
      return unreachable(result);
  }
}

export function decodeQueryResult(position: number, fields: readonly unknown[], tail: Tail): QueryResult {
  const type = choice(position, queryTypes);
  const [at, ...rest] = fields;
  const revision = indexOf(at);
  switch (type) {
    case 'get':
      return { type, revision, item: orNull(tuple(rest, 1)[0], (item) => decodeItem(item, tail)) };
    case 'list': {
      const [items, more] = tuple(rest, 2);
      const decoded = list(items, limits.listItemsMax).map((item) => decodeItem(item, tail));
      return { type, revision, items: decoded, more: flag(more) };
    }
    case 'document': {
      const [hasCollection, document] = tuple(rest, 2);
      const decoded = orNull(document, (each) => decodeDocument(each, tail));
      return { type, revision, hasCollection: flag(hasCollection), document: decoded };
    }
    case 'search':
      return { type, revision, result: decodeSearchResult(tuple(rest, 1)[0], tail) };
    case 'transaction': {
      const result = decodeResult(tail.take(tuple(rest, 1)[0]));
      if (result === null) throw new MalformedError();
      return { type, revision, result: result.type === 'transaction' ? { ...result, replayed: false } : result };
    }
    case 'collection':
      return { type, revision, collection: orNull(tuple(rest, 1)[0], decodeCollection) };
    case 'collections': {
      const collections = list(tuple(rest, 1)[0], collectionLimits.collectionsMax).map(decodeCollection);
      return { type, revision, collections };
    }
    case 'digests': {
      const digests = list(tuple(rest, 1)[0], digestsMax).map((each) => {
        const [of, digest] = tuple(each, 2);
        return { revision: indexOf(of), digest: text(digest, digestLengthMax) };
      });
      return { type, revision, digests };
    }
    default:
      return unreachable(type);
  }
}

function encodeCollection({ name, number, modRevision, idField, documents, indexes }: Collection): readonly unknown[] {
  return [name, number, modRevision, idField, documents, indexes.map(encodeIndex)];
}

function encodeIndex({ field, kind, number, state }: CollectionIndex): readonly unknown[] {
  return [field, indexKinds.indexOf(kind), number, state.type === 'building', 'cursor' in state ? state.cursor : null];
}

function decodeCollection(value: unknown): Collection {
  const [name, number, modRevision, idField, documents, indexes] = tuple(value, 6);
  return {
    name: collectionName(name),
    number: indexOf(number),
    modRevision: indexOf(modRevision),
    idField: fieldName(idField),
    documents: natural(documents),
    indexes: list(indexes, collectionLimits.indexesMax).map(decodeIndex),
  };
}

function decodeIndex(value: unknown): CollectionIndex {
  const [field, kind, number, building, cursor] = tuple(value, 5);
  const lastBuilt = orNull(cursor, documentId);
  return {
    field: fieldName(field),
    kind: choice(kind, indexKinds),
    number: natural(number) as IndexNumber,
    state: flag(building) ? { type: 'building', cursor: lastBuilt } : { type: 'ready' },
  };
}

function indexOf(value: unknown): Index {
  return index(natural(value));
}
