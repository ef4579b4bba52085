import test from 'ava';
import { index } from '../../src/raft/types.ts';
import { type Collection, indexNumber } from '../../src/store/collection.ts';
import type { Query, QueryResult } from '../../src/store/command.ts';
import type { ReadReply, StoreReply, StoreRequest } from '../../src/store/protocol.ts';
import {
  decodeStoreReply,
  decodeStoreRequest,
  encodeStoreReply,
  encodeStoreRequest,
} from '../../src/store/protocol-codec.ts';
import type { SearchQuery } from '../../src/store/search-query.ts';
import type { Document, Transaction } from '../../src/store/transaction.ts';

const revision = index(40);
const json = new TextEncoder().encode('{"id":"1","title":"été"}');
const document: Document = {
  id: '1',
  createRevision: 7,
  modRevision: 9,
  version: 2,
  expiresAtMs: 1_700_000_000_123,
  json,
};
const { json: _, ...head } = document;

const search: SearchQuery = {
  collection: 'books',
  filters: [
    { field: 'author', type: 'term', term: 'ada' },
    { field: 'title', type: 'contains', text: 'é' },
    { field: 'title', type: 'words', words: ['a', 'b'] },
    { field: 'price', type: 'number', min: -1.5, max: null, minExclusive: true, maxExclusive: false },
  ],
  sort: { field: 'price', descending: true },
  after: { sortValue: 2.5, id: '7' },
  limit: 10,
  fields: ['title'],
  count: true,
};
const plain: SearchQuery = {
  ...{ collection: 'books', filters: [], sort: null, after: null, limit: 1, fields: null, count: false },
};

const reading: Transaction = {
  compares: [{ of: 'exists', target: { type: 'key', key: 'a' }, is: true }],
  then: [{ type: 'get', target: { type: 'document', collection: 'books', id: '1' } }],
  otherwise: [{ type: 'range', prefix: 'a/', after: null, limit: 5, keysOnly: true }],
};

const queries: readonly (readonly [string, Query])[] = [
  ['a document', { type: 'document', collection: 'books', id: '1', withJson: true }],
  ['a document without its JSON', { type: 'document', collection: 'Bücher', id: 'a/b', withJson: false }],
  ['a search with everything', { type: 'search', definition: index(7), search }],
  ['a search for all', { type: 'search', definition: index(7), search: plain }],
  ['a transaction that reads', { type: 'transaction', transaction: reading }],
  ['a collection', { type: 'collection', name: 'books' }],
  ['all collections', { type: 'collections' }],
  ['digests', { type: 'digests' }],
];

const request = (query: Query): StoreRequest => ({ type: 'read', timeoutMs: 5, queries: [query] });

for (const [what, query] of queries) {
  test(`a question comes back as it was: ${what}`, (t) => {
    t.deepEqual(decodeStoreRequest(encodeStoreRequest(request(query))), request(query));
    const stale: StoreRequest = { ...request(query), consistency: 'stale', minRevision: index(3) } as StoreRequest;
    t.deepEqual(decodeStoreRequest(encodeStoreRequest(stale)), stale);
  });
}

test('questions of all kinds travel together', (t) => {
  const together: StoreRequest = { type: 'read', timeoutMs: 5, queries: queries.map(([, query]) => query) };
  t.deepEqual(decodeStoreRequest(encodeStoreRequest(together)), together);
});

const writing: Transaction = { ...reading, then: [{ type: 'deleteRange', prefix: 'a/' }] };
const unsound: readonly (readonly [string, Query])[] = [
  ['a transaction that writes', { type: 'transaction', transaction: writing }],
  ['no name', { type: 'collection', name: '' }],
  ['no id', { type: 'document', collection: 'books', id: '', withJson: true }],
  ['an id that is too long', { type: 'document', collection: 'books', id: 'é'.repeat(257), withJson: true }],
  ['a page of nothing', { type: 'search', definition: index(7), search: { ...plain, limit: 0 } }],
  ['a page that is too long', { type: 'search', definition: index(7), search: { ...plain, limit: 1001 } }],
  [
    'too many filters',
    {
      type: 'search',
      definition: index(7),
      search: {
        ...plain,
        filters: Array.from({ length: 9 }, () => ({ field: 'a', type: 'term', term: 'b' }) as const),
      },
    },
  ],
  [
    'a position of another order',
    { type: 'search', definition: index(7), search: { ...plain, after: { sortValue: 1, id: '1' } } },
  ],
  [
    'a bound that is no number',
    {
      type: 'search',
      definition: index(7),
      search: {
        ...plain,
        filters: [{ field: 'a', type: 'number', min: Number.NaN, max: null, minExclusive: false, maxExclusive: false }],
      },
    },
  ],
];
for (const [what, query] of unsound) {
  test(`a question is not read: ${what}`, (t) => t.is(decodeStoreRequest(encodeStoreRequest(request(query))), null));
}

const collection: Collection = {
  name: 'books',
  number: index(7),
  modRevision: index(8),
  idField: 'id',
  documents: 11,
  indexes: [
    { field: 'title', kind: 'words', number: indexNumber(index(7), 0), state: { type: 'ready' } },
    { field: 'price', kind: 'number', number: indexNumber(index(8), 1), state: { type: 'building', cursor: null } },
    { field: 'topic', kind: 'term', number: indexNumber(index(8), 2), state: { type: 'building', cursor: '9' } },
  ],
};

type Found = Extract<QueryResult, { type: 'search' }>['result'];
const found = (result: Found): QueryResult => ({ type: 'search', revision, result });

const results: readonly (readonly [string, QueryResult])[] = [
  ['a document', { type: 'document', revision, hasCollection: true, document }],
  ['a document without its JSON', { type: 'document', revision, hasCollection: true, document: head }],
  ['no document', { type: 'document', revision, hasCollection: true, document: null }],
  ['no collection for a document', { type: 'document', revision, hasCollection: false, document: null }],
  [
    'what was found',
    found({
      type: 'found',
      documents: [document],
      next: { sortValue: 1.5, id: '1' },
      count: { documents: 3, exact: false },
    }),
  ],
  ['nothing that was found', found({ type: 'found', documents: [], next: null, count: null })],
  [
    'no index',
    found({ type: 'refused', refusal: { reason: 'noIndex', field: 'a', kind: 'term', kinds: ['words', 'number'] } }),
  ],
  [
    'an index that is not ready',
    found({
      type: 'refused',
      refusal: { reason: 'indexNotReady', field: 'a', kind: 'words', cursor: null, documents: 5 },
    }),
  ],
  [
    'too many rows',
    found({ type: 'refused', refusal: { reason: 'tooManyRows', rows: 5, help: { field: 'a', kind: 'words' } } }),
  ],
  ['too many rows, and no help', found({ type: 'refused', refusal: { reason: 'tooManyRows', rows: 5, help: null } })],
  ['another definition', found({ type: 'definitionChanged' })],
  ['no collection for a search', found({ type: 'noCollection' })],
  [
    'what a transaction read',
    {
      type: 'transaction',
      revision,
      result: {
        type: 'transaction',
        revision,
        succeeded: true,
        results: [{ type: 'document', document }],
        replayed: false,
      },
    },
  ],
  [
    'what a transaction could not read',
    {
      type: 'transaction',
      revision,
      result: { type: 'transactionFailed', reason: 'noCollection', branch: 'then', operation: 1 },
    },
  ],
  ['a collection', { type: 'collection', revision, collection }],
  ['no collection', { type: 'collection', revision, collection: null }],
  [
    'collections',
    { type: 'collections', revision, collections: [collection, { ...collection, name: 'b', indexes: [] }] },
  ],
  ['digests', { type: 'digests', revision, digests: [{ revision: index(39), digest: '0123456789abcdef' }] }],
];

const reply = (result: QueryResult): StoreReply => ({ type: 'read', replies: [{ type: 'done', result }] });

for (const [what, result] of results) {
  test(`a result comes back as it was: ${what}`, (t) => {
    t.is(plainly(decodeStoreReply(encodeStoreReply(reply(result)))), plainly(reply(result)));
  });
}

/** Whatever class its bytes are of. */
const plainly = (message: StoreReply | null) =>
  JSON.stringify(message, (_, value) =>
    value instanceof Uint8Array ? Array.from(value) : value?.type === 'Buffer' ? value.data : value,
  );

test('results of all kinds travel together, beside what could not be read', (t) => {
  const replies: readonly ReadReply[] = [
    { type: 'unavailable' },
    ...results.map(([, result]) => ({ type: 'done', result }) as const),
    { type: 'full' },
  ];
  const together: StoreReply = { type: 'read', replies };
  t.is(plainly(decodeStoreReply(encodeStoreReply(together))), plainly(together));
});

test('a turned bit is refused, or is another message that encodes to itself', (t) => {
  for (const [, query] of queries) {
    const bytes = Buffer.from(encodeStoreRequest(request(query)));
    for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
      const turned = Buffer.from(bytes);
      turned[bit >> 3] = (turned[bit >> 3] as number) ^ (1 << (bit & 7));
      const decoded = decodeStoreRequest(turned);
      if (decoded !== null) t.deepEqual(decodeStoreRequest(encodeStoreRequest(decoded)), decoded);
    }
  }
  for (const [, result] of results) {
    const bytes = Buffer.from(encodeStoreReply(reply(result)));
    for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
      const turned = Buffer.from(bytes);
      turned[bit >> 3] = (turned[bit >> 3] as number) ^ (1 << (bit & 7));
      const decoded = decodeStoreReply(turned);
      if (decoded !== null) t.is(plainly(decodeStoreReply(encodeStoreReply(decoded))), plainly(decoded));
    }
  }
});
