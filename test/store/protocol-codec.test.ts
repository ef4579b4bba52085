import test from 'ava';
import { InvariantError } from '../../src/raft/assert.ts';
import { index, term } from '../../src/raft/types.ts';
import type { CommandResult, KeyValue } from '../../src/store/command.ts';
import type { ReplicaStatus, StoreReply, StoreRequest } from '../../src/store/protocol.ts';
import {
  decodeStatus,
  decodeStoreReply,
  decodeStoreRequest,
  encodeStatus,
  encodeStoreReply,
  encodeStoreRequest,
  requestItemsMax,
  timeoutMsMax,
} from '../../src/store/protocol-codec.ts';
import { encodeWire } from '../../src/store/wire.ts';
import { type Codec, testMalformed } from './malformed.ts';

const status: ReplicaStatus = {
  id: 'r1',
  clusterId: 'c0ffee',
  bootId: 3,
  role: 'leader',
  state: 'normal',
  term: term(9),
  leader: 'r1',
  firstIndex: index(1),
  lastIndex: index(2 ** 40),
  commitIndex: index(99),
  publishIndex: index(98),
  appliedIndex: index(97),
  claimIndex: null,
  leaderChanges: 2,
  stateDigest: 'ab'.repeat(16),
  message: null,
};
const recovering: ReplicaStatus = {
  ...status,
  role: 'follower',
  state: 'recovering',
  leader: null,
  claimIndex: index(120),
  message: 'it has lost entries',
};

const requests: readonly StoreRequest[] = [
  { type: 'write', timeoutMs: 1234.5, commands: [new Uint8Array([1, 2]), new Uint8Array(0), new Uint8Array(300)] },
  { type: 'write', timeoutMs: 0, commands: [] },
  {
    type: 'read',
    timeoutMs: 5000,
    queries: [
      { type: 'get', key: 'books/Ω', withValue: true },
      { type: 'get', key: 'k', withValue: false },
      { type: 'list', prefix: '', after: null, limit: 1, keysOnly: true },
      { type: 'list', prefix: 'books/', after: 'books/7', limit: 1000, keysOnly: false },
    ],
  },
  {
    type: 'read',
    timeoutMs: 70,
    queries: [{ type: 'get', key: 'k', withValue: true }],
    consistency: 'stale',
    minRevision: index(2 ** 40),
  },
  { type: 'status' },
  { type: 'readIndex', timeoutMs: 50 },
  { type: 'changes', query: { after: index(2 ** 40), skip: 3, watched: null, limit: 1000, waitMs: 30_000 } },
  {
    type: 'changes',
    query: { after: index(0), skip: 0, watched: { type: 'keys', prefix: 'Ω/' }, limit: 1, waitMs: 0 },
  },
  {
    type: 'changes',
    query: { after: index(1), skip: 0, watched: { type: 'collection', name: 'books' }, limit: 7, waitMs: 0.5 },
  },
];

const item: KeyValue = {
  key: 'k',
  createRevision: 5,
  modRevision: 2 ** 45,
  version: 2,
  contentType: 'application/json',
  sizeBytes: 3,
};
const withValue: KeyValue = { ...item, value: new Uint8Array([1, 2, 3]) };
const emptyValue: KeyValue = { ...item, value: new Uint8Array(0) };

const transactionResult: CommandResult = {
  type: 'transaction',
  revision: index(2 ** 40),
  succeeded: true,
  results: [
    { type: 'key', item: { ...withValue, value: Buffer.from([1, 2, 3]) } },
    { type: 'written', version: 2, created: false, sum: 14 },
  ],
  replayed: true,
};

const replies: readonly StoreReply[] = [
  {
    type: 'write',
    replies: [
      { type: 'notLeader', leader: 'r2' },
      { type: 'notLeader', leader: null },
      { type: 'overloaded' },
      { type: 'invalid', reason: 'not a command' },
      { type: 'diskFull' },
      { type: 'unknown' },
      { type: 'done', result: { type: 'sessionOpened', session: index(8) } },
      { type: 'done', result: { type: 'put', revision: index(9), version: 1, created: true } },
      { type: 'done', result: { type: 'deleted', revision: index(10) } },
      { type: 'done', result: { type: 'notFound' } },
      { type: 'done', result: { type: 'preconditionFailed', revision: 0 } },
      { type: 'done', result: { type: 'sessionExpired' } },
      { type: 'done', result: { type: 'invalidCommand' } },
    ],
  },
  {
    type: 'write',
    replies: [
      { type: 'done', result: transactionResult },
      { type: 'done', result: { type: 'transactionFailed', reason: 'outOfBounds', branch: 'otherwise', operation: 1 } },
      { type: 'done', result: { ...transactionResult, succeeded: false, results: [], replayed: false } },
      { type: 'done', result: { type: 'transactionFailed', reason: 'idempotencyMismatch' } },
      { type: 'done', result: { type: 'defined', revision: index(9), created: true } },
      { type: 'done', result: { type: 'dropped', revision: index(9) } },
      { type: 'done', result: { type: 'definitionConflict', revision: 0 } },
      { type: 'done', result: { type: 'idFieldDiffers', idField: 'isbn' } },
      { type: 'done', result: { type: 'tooManyCollections' } },
      { type: 'done', result: { type: 'noted' } },
    ],
  },
  {
    type: 'read',
    replies: [
      { type: 'unavailable' },
      { type: 'done', result: { type: 'get', revision: index(7), item: null } },
      { type: 'done', result: { type: 'get', revision: index(7), item: withValue } },
      { type: 'done', result: { type: 'get', revision: index(7), item } },
      { type: 'done', result: { type: 'list', revision: index(7), items: [withValue, item, emptyValue], more: true } },
      { type: 'done', result: { type: 'list', revision: index(7), items: [], more: false } },
      { type: 'full' },
    ],
  },
  { type: 'read', replies: [{ type: 'done', result: { type: 'get', revision: index(7), item: null } }], ageMs: 0.25 },
  { type: 'read', replies: [{ type: 'unavailable' }], ageMs: null },
  { type: 'status', status },
  { type: 'error', reason: 'not understood' },
  { type: 'readIndex', index: index(2 ** 40) },
  { type: 'readIndex', index: null },
  { type: 'changes', result: null },
  { type: 'changes', result: { type: 'compacted', compactedRevision: index(2 ** 41) } },
  { type: 'changes', result: { type: 'changes', through: index(9), skip: 0, changes: [] } },
  {
    type: 'changes',
    result: {
      type: 'changes',
      through: index(8),
      skip: 4,
      changes: [
        {
          ...changeAt(0),
          type: 'put',
          subject: { type: 'key', key: 'k' },
          item: { ...withValue, modRevision: 9, expiresAtMs: 5 },
        },
        { ...changeAt(1), type: 'delete', subject: { type: 'key', key: 'Ω' }, expired: true },
        {
          ...changeAt(2),
          type: 'put',
          subject: { type: 'document', collection: 'books', id: '7' },
          document: {
            ...{ id: '7', createRevision: 1, modRevision: 9, version: 2, expiresAtMs: 2 ** 41 },
            json: new Uint8Array([123, 125]),
          },
        },
        { ...changeAt(3), type: 'delete', subject: { type: 'document', collection: 'books', id: '8' }, expired: false },
      ],
    },
  },
];

function changeAt(place: number) {
  return { revision: index(9), place, count: 6 };
}

for (const request of requests) {
  test(`a request comes back as it was: ${JSON.stringify(request).slice(0, 60)}`, (t) => {
    t.deepEqual(decodeStoreRequest(encodeStoreRequest(request)), request);
  });
}

for (const reply of replies) {
  test(`a reply comes back as it was: ${JSON.stringify(reply).slice(0, 60)}`, (t) => {
    t.deepEqual(decodeStoreReply(encodeStoreReply(reply)), reply);
  });
}

test('a linearizable read has the form it has always had, whatever revision it would wait for', (t) => {
  const read = { type: 'read', timeoutMs: 1, queries: [{ type: 'get', key: 'k', withValue: true }] } as const;
  const bytes = encodeStoreRequest({ ...read, consistency: 'linearizable', minRevision: index(7) });
  t.deepEqual(bytes, encodeStoreRequest(read));
  t.deepEqual(bytes, encodeWire([1, 1, [[0, 'k', true]]]));
});

const strangeReads: readonly (readonly [string, readonly unknown[]])[] = [
  ['a consistency that is not known', [1, 1, [], 2, 0]],
  ['a consistency and no revision', [1, 1, [], 1]],
  ['a negative revision', [1, 1, [], 1, -1]],
];

for (const [title, head] of strangeReads) {
  test(`a read is not understood with ${title}`, (t) => {
    t.is(decodeStoreRequest(encodeWire(head)), null);
  });
}

for (const age of [-1, Number.NaN, Number.POSITIVE_INFINITY, '1']) {
  test(`an answer is not understood with an age of ${age}`, (t) => {
    t.is(decodeStoreReply(encodeWire([1, [], age])), null);
  });
}

const strangeChanges: readonly (readonly [string, readonly unknown[]])[] = [
  ['a place beyond its revision', [1, 9, 2, 2, false, 'k']],
  ['a key that is none', [1, 9, 0, 1, false, '']],
  ['a kind that is not known', [4, 9, 0, 1, false, 'k']],
  ['a document without an id', [3, 9, 0, 1, false, 'books', '']],
  ['a collection without a name', [3, 9, 0, 1, false, '', '7']],
  ['a put without a value', [0, 9, 0, 1, 'k', 1, 1, 'text/plain', null, null]],
  ['a put with more than the message holds', [0, 9, 0, 1, 'k', 1, 1, 'text/plain', null, 1]],
];

for (const [title, change] of strangeChanges) {
  test(`changes are not understood with ${title}`, (t) => {
    const sound = [1, 9, 0, 1, false, 'k'];
    t.not(decodeStoreReply(encodeWire([5, [0, 9, 0, [sound]]])), null);
    t.is(decodeStoreReply(encodeWire([5, [0, 9, 0, [change]]])), null);
  });
}

test('no reply but that of a read has a third field', (t) => {
  t.is(decodeStoreReply(encodeWire([4, 7, 0])), null);
});

test('a status comes back as it was', (t) => {
  for (const each of [status, recovering]) t.deepEqual(decodeStatus(encodeStatus(each)), each);
});

test('what is decoded shares no memory with the bytes', (t) => {
  const [request] = requests as [StoreRequest];
  const bytes = encodeStoreRequest(request);
  const decoded = decodeStoreRequest(bytes);
  bytes.fill(0);
  t.deepEqual(decoded, request);
});

test('every message begins with its version, and another version is not read', (t) => {
  const bytes = [
    [encodeStoreRequest({ type: 'status' }), decodeStoreRequest],
    [encodeStoreReply({ type: 'error', reason: '' }), decodeStoreReply],
    [encodeStatus(status), decodeStatus],
  ] as const;
  for (const [encoded, decode] of bytes) {
    t.is(encoded[0], 1);
    t.not(decode(encoded), null);
    encoded[0] = 2;
    t.is(decode(encoded), null);
  }
});

test('the number of items in a request is bounded at both ends', (t) => {
  const query = { type: 'get', key: 'k', withValue: true } as const;
  const command = new Uint8Array(1);
  const most: readonly StoreRequest[] = [
    { type: 'read', timeoutMs: 1, queries: Array(requestItemsMax).fill(query) },
    { type: 'write', timeoutMs: 1, commands: Array(requestItemsMax).fill(command) },
  ];
  for (const request of most) t.deepEqual(decodeStoreRequest(encodeStoreRequest(request)), request);
  const oneMore: readonly StoreRequest[] = [
    { type: 'read', timeoutMs: 1, queries: Array(requestItemsMax + 1).fill(query) },
    { type: 'write', timeoutMs: 1, commands: Array(requestItemsMax + 1).fill(command) },
  ];
  for (const request of oneMore) t.throws(() => encodeStoreRequest(request), { instanceOf: InvariantError });
});

const outOfBounds: readonly (readonly [string, StoreRequest])[] = [
  ['an empty key', { type: 'read', timeoutMs: 1, queries: [{ type: 'get', key: '', withValue: true }] }],
  ['a long key', { type: 'read', timeoutMs: 1, queries: [{ type: 'get', key: 'Ω'.repeat(513), withValue: true }] }],
  ...[0, 1001, 1.5, -1].map(
    (limit) =>
      [
        `a limit of ${limit}`,
        { type: 'read', timeoutMs: 1, queries: [{ type: 'list', prefix: '', after: null, limit, keysOnly: true }] },
      ] as const,
  ),
  ['no number', { type: 'write', timeoutMs: Number.NaN, commands: [] }],
  ...[0, 1001, 1.5].map(
    (limit) =>
      [
        `${limit} changes`,
        { type: 'changes', query: { after: index(1), skip: 0, watched: null, limit, waitMs: 0 } },
      ] as const,
  ),
  ...[-1, 30_001, Number.NaN].map(
    (waitMs) =>
      [
        `a wait of ${waitMs} ms`,
        { type: 'changes', query: { after: index(1), skip: 0, watched: null, limit: 1, waitMs } },
      ] as const,
  ),
  [
    'a collection without a name',
    {
      type: 'changes',
      query: { after: index(1), skip: 0, watched: { type: 'collection', name: '' }, limit: 1, waitMs: 0 },
    },
  ],
  ['no time', { type: 'readIndex', timeoutMs: Number.NaN }],
];

for (const [title, request] of outOfBounds) {
  test(`a request is not understood with ${title}`, (t) => {
    t.is(decodeStoreRequest(encodeStoreRequest(request)), null);
  });
}

test('a longer or a negative timeout is brought within bounds', (t) => {
  const timeoutOf = (timeoutMs: number) => {
    const decoded = decodeStoreRequest(encodeStoreRequest({ type: 'write', timeoutMs, commands: [] }));
    return decoded?.type === 'write' ? decoded.timeoutMs : null;
  };
  t.is(timeoutOf(Number.POSITIVE_INFINITY), timeoutMsMax);
  t.is(timeoutOf(-5), 0);
});

test('an overlong sentence is cut, and leaves the rest readable', (t) => {
  const long = 'x'.repeat(100_000);
  const decodedStatus = decodeStatus(encodeStatus({ ...status, message: long }));
  t.is(decodedStatus?.message?.length, 2048);
  const reply = decodeStoreReply(encodeStoreReply({ type: 'error', reason: long }));
  t.true(reply?.type === 'error' && reply.reason.length === 2048);
});

const codecs: readonly Codec[] = [
  {
    title: 'request',
    encoded: requests.map(encodeStoreRequest),
    decode: decodeStoreRequest,
    again(bytes) {
      const decoded = decodeStoreRequest(bytes);
      return decoded && decodeStoreRequest(encodeStoreRequest(decoded));
    },
  },
  {
    title: 'reply',
    encoded: replies.map(encodeStoreReply),
    decode: decodeStoreReply,
    again(bytes) {
      const decoded = decodeStoreReply(bytes);
      return decoded && decodeStoreReply(encodeStoreReply(decoded));
    },
  },
  {
    title: 'status',
    encoded: [status, recovering].map(encodeStatus),
    decode: decodeStatus,
    again(bytes) {
      const decoded = decodeStatus(bytes);
      return decoded && decodeStatus(encodeStatus(decoded));
    },
  },
];

for (const codec of codecs) testMalformed(codec);
