import test from 'ava';
import { overheadBytes } from '../../src/gateway/cache/entry.ts';
import { bytesOf, copyOf } from '../../src/gateway/cached-result.ts';
import { searchAnswerOf } from '../../src/gateway/catalog/search-page.ts';
import { pageOf } from '../../src/gateway/list-page.ts';
import type { GetResult, Result, SearchQuery } from '../../src/gateway/store.ts';
import type { KeyValue, QueryResult } from '../../src/store/client.ts';
import { decodeStoreReply, encodeStoreReply } from '../../src/store/protocol-codec.ts';
import { memoryBytes } from './memory.ts';

type Index = QueryResult['revision'];

function itemOf(key: string, value: Uint8Array | null): KeyValue {
  const item = { key, createRevision: 1, modRevision: 2, version: 1, contentType: 'text/plain' };
  return value === null ? { ...item, sizeBytes: 0 } : { ...item, sizeBytes: value.byteLength, value };
}

function getOf(item: KeyValue | null): GetResult {
  return { type: 'get', revision: 3 as Index, item };
}

function listOf(items: readonly KeyValue[]): QueryResult {
  return { type: 'list', revision: 3 as Index, items, more: false };
}

const pageOfValues = (items: readonly KeyValue[]) =>
  pageOf('', { type: 'list', revision: 3 as Index, items, more: false });

test('a copy says what the original says', (t) => {
  const message = Buffer.from('first, second');
  const items = [
    itemOf('a', message.subarray(0, 5)),
    itemOf('b', null),
    itemOf('c', message.subarray(7)),
    itemOf('d', Buffer.alloc(0)),
  ];
  for (const result of [pageOfValues(items), pageOfValues([]), getOf(null), ...items.map(getOf)]) {
    t.deepEqual(copyOf(result), result);
  }
});

test('a copy keeps its own bytes in memory, and nobody else’s', (t) => {
  const message = Buffer.alloc(100_000, 'v');
  const value = copyOf(getOf(itemOf('a', message.subarray(10, 110))));
  t.is(value.type === 'get' && value.item?.value?.buffer.byteLength, 100);
  const page = pageOfValues([itemOf('a', message.subarray(0, 10))]);
  t.true(page.rest.buffer.byteLength > page.rest.byteLength, 'a part of a pool');
  const copy = copyOf(page);
  t.is(copy.type === 'list' && copy.rest.buffer.byteLength, page.rest.byteLength);
});

/** As it comes from a replica, which answers many questions at once. */
function received(result: QueryResult): QueryResult {
  const done = { type: 'done', result } as const;
  const others = Array.from({ length: repliesAtOnce - 1 }, (_, at) => {
    return { type: 'done', result: getOf(itemOf(`others/${at}`, new Uint8Array(10))) } as const;
  });
  const reply = decodeStoreReply(encodeStoreReply({ type: 'read', replies: [...others, done] }));
  const last = reply?.type === 'read' ? reply.replies.at(-1) : undefined;
  if (last?.type !== 'done') throw new Error('the answer is not decoded');
  return last.result;
}

function shown(result: QueryResult): Result {
  if (result.type === 'list') return pageOf('', result);
  if (result.type === 'get' || result.type === 'document') return result;
  if (result.type === 'search') return searchAnswerOf(everything, result);
  throw new Error(`no result of a ${result.type} is kept`);
}

const everything: SearchQuery = {
  type: 'search',
  definition: 3 as Index,
  search: {
    ...{ collection: 'c', filters: [], sort: null, after: null, limit: 50, fields: null, count: false },
  },
};

const repliesAtOnce = 50;
const keyOf = (nth: number, at: number) => `collection/${nth}/${at}`;
const documentOf = (nth: number, at: number, bytes: number) => ({
  ...{ id: keyOf(nth, at), createRevision: 1, modRevision: 2, version: 1, expiresAtMs: null },
  json: Buffer.from(JSON.stringify({ text: 'v'.repeat(bytes) })),
});

const kinds: Readonly<Record<string, (nth: number) => QueryResult>> = {
  'a document': (nth) => {
    return { type: 'document', revision: 3 as Index, hasCollection: true, document: documentOf(nth, 0, 50) };
  },
  'a search': (nth) => {
    const documents = Array.from({ length: 50 }, (_, at) => documentOf(nth, at, 10));
    const result = { type: 'found', documents, next: null, count: null } as const;
    return { type: 'search', revision: 3 as Index, result };
  },
  'a value': (nth) => getOf(itemOf(keyOf(nth, 0), new Uint8Array(50))),
  'a list of values': (nth) =>
    listOf(Array.from({ length: 50 }, (_, at) => itemOf(keyOf(nth, at), new Uint8Array(10)))),
  'a list of keys': (nth) => listOf(Array.from({ length: 50 }, (_, at) => itemOf(keyOf(nth, at), null))),
};

/** Of each of so many copies: what it takes, and what is counted for it. */
function measured(resultOf: (nth: number) => QueryResult, count: number) {
  const kept: Result[] = [];
  const before = memoryBytes();
  for (let nth = 0; nth < count; nth += 1) kept.push(copyOf(shown(received(resultOf(nth)))));
  const bytes = (memoryBytes() - before) / count;
  const counted = kept.reduce((sum, copy) => sum + bytesOf(copy) + overheadBytes, 0) / count;
  return { bytes, counted };
}

for (const [kind, resultOf] of Object.entries(kinds)) {
  test.serial(`what ${kind} keeps in memory is counted`, (t) => {
    // The first ones pay for code.
    measured(resultOf, 500);
    const { bytes, counted } = measured(resultOf, 1000);
    t.log(`${Math.round(bytes)} bytes, ${Math.round(counted)} counted`);
    t.true(bytes < 1.2 * counted);
  });
}
