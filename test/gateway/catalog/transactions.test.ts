import test from 'ava';
import { documentOf, refusal, startShop, xen } from './writes-fixture.ts';

const txn = '/v1/txn';
const book = { collection: 'books', id: '3' };

test('every operation of a transaction, on keys', async (t) => {
  const { ask } = await startShop(t);
  const first = await ask('POST', txn, {
    compare: [{ key: 'a/1', of: 'exists', value: false }],
    then: [
      { op: 'put', key: 'a/1', json: { n: 1, m: 2 } },
      { op: 'put', key: 'a/2', value: 'ü', contentType: 'text/plain' },
      { op: 'put', key: 'a/3', valueBase64: '/w==' },
      { op: 'get', key: 'a/1' },
    ],
  });
  t.is(first.status, 200);
  const { revision } = first.json;
  t.is(first.headers['bazar-revision'], `${revision}`);
  t.is(first.headers['bazar-served-by'], 'r1');
  t.deepEqual(first.json, {
    revision,
    succeeded: true,
    results: [
      { version: 1, created: true },
      { version: 1, created: true },
      { version: 1, created: true },
      { item: null },
    ],
  });
  const second = await ask('POST', txn, {
    compare: [
      { key: 'a/1', of: 'version', value: 1 },
      { key: 'a/1', of: 'modRevision', is: '>=', value: revision },
      { key: 'a/1', of: 'createRevision', is: '<=', value: revision },
      { key: 'a/2', of: 'value', value: 'ü' },
      { key: 'a/3', of: 'value', is: '!=', valueBase64: 'AA==' },
      { key: 'a/1', of: 'field', field: 'n', is: '>', value: 0 },
      { key: 'a/9', of: 'exists', is: '!=', value: true },
    ],
    then: [
      { op: 'range', prefix: 'a/', limit: 2 },
      { op: 'range', prefix: 'a/', after: 'a/2', keysOnly: true },
      { op: 'patch', key: 'a/1', patch: { m: null } },
      { op: 'get', key: 'a/3' },
      { op: 'delete', key: 'a/2' },
      { op: 'delete', key: 'a/9' },
      { op: 'deleteRange', prefix: 'b/' },
    ],
  });
  const item = (key: string, contentType: string, size: number, value: object) => {
    return { key, modRevision: revision, version: 1, contentType, size, ...value };
  };
  t.deepEqual(second.json.results, [
    {
      items: [
        item('a/1', 'application/json', 13, { value: '{"n":1,"m":2}' }),
        item('a/2', 'text/plain', 2, { value: 'ü' }),
      ],
      more: true,
    },
    { items: [item('a/3', 'application/octet-stream', 1, {})], more: false },
    { version: 2, created: false },
    { item: item('a/3', 'application/octet-stream', 1, { valueBase64: '/w==' }) },
    { deleted: 1 },
    { deleted: 0 },
    { deleted: 0 },
  ]);
  const third = await ask('POST', txn, { then: [{ op: 'add', key: 'a/1', field: 'n', amount: 2, max: 3 }] });
  t.deepEqual(third.json.results, [{ version: 3, created: false, sum: 3 }]);
  t.is((await ask('GET', '/v1/kv/a/1')).text, '{"n":3}');
  const fourth = await ask('POST', txn, {
    compare: [{ key: 'a/1', of: 'exists', value: false }],
    else: [{ op: 'deleteRange', prefix: 'a/' }],
  });
  t.deepEqual([fourth.json.succeeded, fourth.json.results], [false, [{ deleted: 2 }]]);
});

test('every operation of a transaction, on documents', async (t) => {
  const { ask } = await startShop(t);
  const made = await ask('POST', txn, {
    compare: [{ ...book, of: 'exists', value: false }],
    then: [{ op: 'put', ...book, document: xen, ttl: '1h' }],
    else: [{ op: 'get', ...book }],
  });
  t.deepEqual(made.json.results, [{ version: 1, created: true }]);
  const { revision } = made.json;
  const sold = await ask('POST', txn, {
    compare: [
      { ...book, of: 'field', field: 'stock', is: '>=', value: 2 },
      { ...book, of: 'field', field: 'topic', value: 'school' },
      { ...book, of: 'modRevision', value: revision },
    ],
    then: [
      { op: 'get', ...book },
      { op: 'add', ...book, field: 'stock', amount: -2, min: 0 },
      { op: 'put', collection: 'books', id: '4', document: { id: '4' } },
    ],
  });
  const [{ item }] = sold.json.results;
  t.deepEqual(item, { ...book, modRevision: revision, version: 1, expiresAt: item.expiresAt, document: xen });
  t.regex(item.expiresAt, /^\d{4}-.*Z$/);
  t.deepEqual(sold.json.results.slice(1), [
    { version: 2, created: false, sum: 3 },
    { version: 1, created: true },
  ]);
  const changed = await ask('POST', txn, {
    then: [
      { op: 'patch', ...book, patch: { topic: 'systems' } },
      { op: 'delete', collection: 'books', id: '4' },
      { op: 'delete', collection: 'books', id: '5' },
    ],
  });
  t.deepEqual(changed.json.results, [{ version: 3, created: false }, { deleted: 1 }, { deleted: 0 }]);
  t.deepEqual((await documentOf(ask, '3')).document, { ...xen, stock: 3, topic: 'systems' });
  t.is(await documentOf(ask, '4'), null);
});

test('what only reads is a query: nothing comes into the log', async (t) => {
  const { ask, store } = await startShop(t);
  await ask('PUT', '/v1/kv/a', 'x');
  store.writes.length = 0;
  const body = {
    compare: [{ key: 'a', of: 'exists', value: true }],
    then: [
      { op: 'get', key: 'a' },
      { op: 'range', prefix: '' },
    ],
    else: [{ op: 'get', collection: 'none', id: '1' }],
  };
  const { status, json, headers } = await ask('POST', `${txn}?replica=r1&consistency=linearizable`, body);
  t.deepEqual([status, json.succeeded, json.results.length], [200, true, 2]);
  t.is(headers['cache-status'], 'bazar; fwd=bypass');
  t.is(headers['bazar-revision'], `${json.revision}`);
  t.is(store.writes.length, 0);
  const failed = await ask('POST', txn, { then: [{ op: 'get', key: 'a' }, ...body.else] });
  t.deepEqual(refusal(failed), [404, 'collection_not_found', '/then/1']);
});

test('a transaction of nothing succeeds, and one that compares tells whether they hold', async (t) => {
  const { ask } = await startShop(t);
  t.deepEqual((await ask('POST', txn, {})).json.succeeded, true);
  const { json } = await ask('POST', txn, { compare: [{ key: 'a', of: 'version', is: '>', value: 0 }] });
  t.deepEqual([json.succeeded, json.results], [false, []]);
});

const put = (key: string) => ({ op: 'put', key, value: '' });
const times = <T>(count: number, make: (nth: number) => T) => Array.from({ length: count }, (_, nth) => make(nth));
const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);

for (const [what, body, expected] of [
  ['no JSON', '{', [400, 'bad_json', '']],
  ['an array', [], [400, 'bad_transaction', '']],
  ['an unknown member', { them: [] }, [400, 'bad_transaction', '/them']],
  ['an unknown operation', { then: [{ op: 'putt', key: 'a' }] }, [400, 'bad_transaction', '/then/0/op']],
  [
    'an unknown member of an operation',
    { then: [{ op: 'get', key: 'a', x: 1 }] },
    [400, 'bad_transaction', '/then/0/x'],
  ],
  ['an empty key', { then: [put('a'), put('')] }, [400, 'bad_transaction', '/then/1/key']],
  [
    'an id that is too long',
    { else: [{ op: 'get', collection: 'b', id: 'x'.repeat(513) }] },
    [400, 'bad_transaction', '/else/0/id'],
  ],
  ['129 parts', { then: times(129, (nth) => put(`${nth}`)) }, [400, 'bad_transaction', '/then']],
  [
    '129 parts in all',
    { then: times(65, (nth) => put(`${nth}`)), else: times(64, (nth) => put(`${nth}`)) },
    [400, 'bad_transaction', ''],
  ],
  ['two writes of a key', { then: [put('a'), put('b'), put('a')] }, [400, 'bad_transaction', '/then/2/key']],
  [
    'two writes of a document',
    {
      then: [
        { op: 'add', ...book, field: 'n', amount: 1 },
        { op: 'delete', ...book },
      ],
    },
    [400, 'bad_transaction', '/then/1/id'],
  ],
  [
    'a range that covers a write',
    { else: [put('a/1'), { op: 'deleteRange', prefix: 'a/' }] },
    [400, 'bad_transaction', '/else/0/key'],
  ],
  [
    'compares that cannot hold',
    {
      compare: [
        { key: 'a', of: 'exists', value: true },
        { key: 'a', of: 'version', value: 0 },
      ],
      then: [put('a')],
    },
    [400, 'bad_transaction', '/compare/1'],
  ],
  [
    'an order of texts',
    { compare: [{ key: 'a', of: 'field', field: 'x', is: '<', value: 'y' }], then: [put('a')] },
    [400, 'bad_transaction', '/compare/0/value'],
  ],
  ['a lifetime of nothing', { then: [{ ...put('a'), ttl: '0s' }] }, [400, 'bad_transaction', '/then/0/ttl']],
  ['a lifetime of centuries', { then: [{ ...put('a'), ttl: '99999d' }] }, [400, 'bad_transaction', '/then/0/ttl']],
  [
    'bounds that cross',
    { then: [{ op: 'add', key: 'a', field: 'n', amount: 1, min: 2, max: 1 }] },
    [400, 'bad_transaction', '/then/0/max'],
  ],
  [
    'a document with another id',
    { then: [put('a'), { op: 'put', ...book, document: { id: '4' } }] },
    [422, 'invalid_document', '/then/1/document/id'],
  ],
  [
    'a document without an id',
    { else: [{ op: 'put', ...book, document: {} }] },
    [422, 'invalid_document', '/else/0/document/id'],
  ],
  [
    'text where numbers are indexed',
    { then: [{ op: 'patch', ...book, patch: { price: ['x'] } }] },
    [422, 'invalid_document', '/then/0/patch/price/0'],
  ],
  [
    'a document that is too deep',
    { then: [{ op: 'put', ...book, document: { id: '3', a: deep(32) } }] },
    [422, 'invalid_document', `/then/0/document/a${'/0'.repeat(31)}`],
  ],
  [
    'a value that is too deep',
    { then: [{ op: 'put', key: 'a', json: deep(33) }] },
    [422, 'invalid_document', `/then/0/json${'/0'.repeat(32)}`],
  ],
  [
    'a value that is too large',
    { then: [put('a'), { op: 'put', key: 'b', value: 'x'.repeat(1024 * 1024 + 1) }] },
    [413, 'too_large', '/then/1/value'],
  ],
  [
    'a document that is too large',
    { then: [{ op: 'put', ...book, document: { id: '3', a: 'x'.repeat(1024 * 1024) } }] },
    [413, 'too_large', '/then/0/document'],
  ],
  [
    'more than one proposal takes',
    { then: times(2, (nth) => ({ op: 'put', key: `${nth}`, value: 'x'.repeat(900_000) })) },
    [413, 'too_large', ''],
  ],
  ['more than is read', `{"then":${' '.repeat(4 * 1024 * 1024)}[]}`, [413, 'too_large', undefined]],
] as const) {
  test(`a transaction with ${what} is refused, and nothing is proposed`, async (t) => {
    const { ask, store } = await startShop(t);
    t.deepEqual(refusal(await ask('POST', txn, body)), expected);
    t.is(store.writes.length, 0);
  });
}

test('what only the state shows fails the whole, with the place of the operation', async (t) => {
  const { ask } = await startShop(t);
  await ask('PUT', '/v1/collections/books/items/3', xen);
  await ask('PUT', '/v1/kv/text', 'no JSON');
  await ask('PUT', '/v1/kv/large', 'x'.repeat(65_536));
  for (const [operation, code, status, within = ''] of [
    [{ op: 'patch', collection: 'books', id: '9', patch: {} }, 'not_found', 409],
    [{ op: 'patch', key: 'none', patch: {} }, 'not_found', 409],
    [{ op: 'patch', key: 'text', patch: {} }, 'not_json', 409],
    [{ op: 'add', key: 'text', field: 'n', amount: 1 }, 'not_json', 409],
    [{ op: 'add', ...book, field: 'title', amount: 1 }, 'not_a_number', 409],
    [{ op: 'add', ...book, field: 'stock', amount: -6, min: 0 }, 'out_of_bounds', 409],
    [{ op: 'add', ...book, field: 'stock', amount: 6, max: 10 }, 'out_of_bounds', 409],
    [{ op: 'patch', ...book, patch: { id: 'x' } }, 'id_changed', 422, '/patch/id'],
    [{ op: 'patch', ...book, patch: { id: null } }, 'id_changed', 422, '/patch/id'],
    [{ op: 'put', collection: 'none', id: '1', document: { id: '1' } }, 'collection_not_found', 404],
    [{ op: 'add', collection: 'none', id: '1', field: 'n', amount: 1 }, 'collection_not_found', 404],
    [{ op: 'get', key: 'large' }, 'too_large', 413],
  ] as const) {
    const then = [put('witness'), operation];
    t.deepEqual(refusal(await ask('POST', txn, { then })), [status, code, `/then/1${within}`], code);
    const compare = [{ key: 'none', of: 'exists', value: true }];
    const otherwise = await ask('POST', txn, { compare, then: [put('x')], else: [put('witness'), operation] });
    t.deepEqual(refusal(otherwise), [status, code, `/else/1${within}`], code);
    const untaken = await ask('POST', txn, { compare, then: [put('witness'), operation], else: [] });
    t.deepEqual([untaken.status, untaken.json.succeeded], [200, false]);
  }
  t.is((await ask('GET', '/v1/kv/witness')).status, 404);
  t.deepEqual((await documentOf(ask, '3')).document, xen);
});

test('a hundred sums at once are all there, through two gateways', async (t) => {
  const { ask, store } = await startShop(t);
  await ask('PUT', '/v1/collections/books/items/3', { ...xen, stock: 50 });
  store.writes.length = 0;
  const body = { then: [{ op: 'add', ...book, field: 'stock', amount: -1, min: 0 }] };
  const answers = await Promise.all(times(100, (nth) => ask('POST', txn, body, { gateway: nth % 2 === 0 ? 0 : 1 })));
  const sums = answers.filter(({ status }) => status === 200).map(({ json }) => json.results[0].sum);
  t.deepEqual(
    sums.toSorted((a, b) => a - b),
    times(50, (nth) => nth),
  );
  const refused = answers.filter(({ status }) => status !== 200);
  t.true(refused.length === 50 && refused.every((each) => refusal(each)[1] === 'out_of_bounds'));
  t.is((await documentOf(ask, '3')).document.stock, 0);
  t.is(store.writes.length, 100);
});

test('parameters of reads are for what only reads', async (t) => {
  const { ask, store } = await startShop(t);
  for (const [query, path] of [
    ['replica=r1', 'replica'],
    ['consistency=stale', 'consistency'],
    ['ttl=3s', 'ttl'],
  ] as const) {
    t.deepEqual(refusal(await ask('POST', `${txn}?${query}`, { then: [put('a')] })), [400, 'bad_parameter', path]);
  }
  t.is(store.writes.length, 0);
});
