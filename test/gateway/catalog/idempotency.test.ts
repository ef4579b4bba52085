import test from 'ava';
import { documentOf, refusal, startShop, xen } from './writes-fixture.ts';

const txn = '/v1/txn';
const items = '/v1/collections/books/items';
const keyed = (key: string, others: Readonly<Record<string, string>> = {}) => ({
  headers: { 'Idempotency-Key': key, ...others },
});
const add = { then: [{ op: 'add', collection: 'books', id: '3', field: 'stock', amount: -1 }] };

test('the first answer is given again, at another gateway too, and nothing is done twice', async (t) => {
  const { ask, store } = await startShop(t);
  await ask('PUT', `${items}/3`, xen);
  const first = await ask('POST', txn, add, keyed('k1'));
  t.is(first.headers['idempotency-replayed'], undefined);
  await ask('POST', txn, add);
  for (const [gateway, key] of [
    [0, 'k1'],
    [1, 'k1'],
    [1, '"k1"'],
  ] as const) {
    const again = await ask('POST', `${txn}?timeout=3s`, add, { ...keyed(key), gateway });
    t.deepEqual([again.status, again.text], [200, first.text]);
    t.is(again.headers['idempotency-replayed'], '?1');
    t.is(again.headers['bazar-revision'], first.headers['bazar-revision']);
  }
  t.is((await documentOf(ask, '3')).document.stock, 3);
  t.is(store.writes.length, 6);
});

test('a document is made once, whatever has become of it since', async (t) => {
  const { ask } = await startShop(t);
  const first = await ask('POST', items, xen, keyed('k1'));
  t.is(first.status, 201);
  const checkReplay = async () => {
    const again = await ask('POST', items, xen, { ...keyed('k1'), gateway: 1 });
    t.deepEqual([again.status, again.text], [201, first.text]);
    t.is(again.headers.location, first.headers.location);
    t.is(again.headers.etag, first.headers.etag);
    t.is(again.headers['idempotency-replayed'], '?1');
  };
  await checkReplay();
  await ask('DELETE', `${items}/3`);
  await checkReplay();
  // By now it could not be put any more.
  await ask('PUT', '/v1/collections/books', { indexes: [{ field: 'title', kind: 'number' }] });
  t.deepEqual(refusal(await ask('POST', items, xen)), [422, 'invalid_document', '/title']);
  await checkReplay();
  t.is(await documentOf(ask, '3'), null);
  t.deepEqual(refusal(await ask('POST', items, xen, keyed('k2'))), [422, 'invalid_document', '/title']);
});

test('a refusal that the state gave is a result, and is given again', async (t) => {
  const { ask } = await startShop(t);
  await ask('PUT', `${items}/3`, xen);
  const first = await ask('POST', items, { id: '3' }, keyed('k1'));
  t.deepEqual(refusal(first), [409, 'document_exists', undefined]);
  await ask('DELETE', `${items}/3`);
  const again = await ask('POST', items, { id: '3' }, keyed('k1'));
  t.deepEqual([again.status, again.text, again.headers['idempotency-replayed']], [409, first.text, '?1']);
  t.is(await documentOf(ask, '3'), null);
});

test('what failed is not remembered, and may come again', async (t) => {
  const { ask } = await startShop(t);
  const first = await ask('POST', txn, add, keyed('k1'));
  t.deepEqual(refusal(first), [409, 'not_found', '/then/0']);
  await ask('PUT', `${items}/3`, xen);
  const again = await ask('POST', txn, add, keyed('k1'));
  t.deepEqual([again.status, again.headers['idempotency-replayed']], [200, undefined]);
});

test('the same key with another request is refused', async (t) => {
  const { ask } = await startShop(t);
  await ask('PUT', `${items}/3`, xen);
  await ask('POST', txn, add, keyed('k1'));
  const mismatch = [422, 'idempotency_mismatch', undefined] as const;
  t.deepEqual(refusal(await ask('POST', txn, `${JSON.stringify(add)} `, keyed('k1'))), mismatch);
  t.deepEqual(refusal(await ask('POST', txn, add, keyed('k1', { 'Content-Type': 'text/json' }))), mismatch);
  t.deepEqual(refusal(await ask('POST', items, { id: '4' }, keyed('k1'))), mismatch);
  t.deepEqual(refusal(await ask('POST', `${items}?ttl=9s`, { id: '4', price: 'x' }, keyed('k1'))), mismatch);
  t.is(await documentOf(ask, '4'), null);
  await ask('POST', `${items}?ttl=9s`, { id: '4' }, keyed('k2'));
  t.deepEqual(refusal(await ask('POST', `${items}?ttl=8s`, { id: '4' }, keyed('k2'))), mismatch);
});

test('while a request is being answered its key is taken at this gateway', async (t) => {
  const { ask, store } = await startShop(t);
  await ask('PUT', `${items}/3`, xen);
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  store.beforeWrite = async () => {
    arrive();
    await gate;
    return null;
  };
  const first = ask('POST', txn, add, keyed('k1'));
  await arrived;
  const refused = await ask('POST', txn, add, keyed('k1'));
  // Of what bears the key, however often it is sent.
  t.like(JSON.parse(refused.text), { status: 409, code: 'idempotency_in_progress', outcome: 'unknown' });
  t.is(refused.headers['retry-after'], '1');
  const elsewhere = ask('POST', txn, add, { ...keyed('k1'), gateway: 1 });
  open();
  const [one, other] = await Promise.all([first, elsewhere]);
  t.is(one.text, other.text);
  t.is([one, other].filter(({ headers }) => headers['idempotency-replayed'] === '?1').length, 1);
  t.is((await ask('POST', txn, add, keyed('k1'))).text, one.text);
  t.is((await documentOf(ask, '3')).document.stock, 4);
});

test('a key that nobody could answer for is free again', async (t) => {
  const { ask, store } = await startShop(t);
  await ask('PUT', `${items}/3`, xen);
  store.beforeWrite = async (write) => {
    await store.writeNow(write);
    return { type: 'unknown' };
  };
  t.is((await ask('POST', txn, add, keyed('k1'))).status, 504);
  store.beforeWrite = async () => null;
  const again = await ask('POST', txn, add, keyed('k1'));
  t.deepEqual([again.status, again.headers['idempotency-replayed']], [200, '?1']);
  t.is((await documentOf(ask, '3')).document.stock, 4);
});

test('keys are 1 to 255 characters of printable ASCII', async (t) => {
  const { ask, store } = await startShop(t);
  for (const key of ['', '""', 'x'.repeat(256), 'ü']) {
    t.deepEqual(refusal(await ask('POST', txn, add, keyed(key))), [400, 'bad_header', undefined], key);
    t.deepEqual(refusal(await ask('POST', txn, {}, keyed(key))), [400, 'bad_header', undefined], `a query, ${key}`);
  }
  t.is(store.writes.length, 0);
  await ask('PUT', `${items}/3`, xen);
  t.is((await ask('POST', txn, add, keyed(`"${'\\"'.repeat(255)}"`))).status, 200);
  const again = await ask('POST', txn, add, keyed('"'.repeat(255)));
  t.is(again.headers['idempotency-replayed'], '?1');
});

test('what only reads needs no record, and has none', async (t) => {
  const { ask, store } = await startShop(t);
  const read = { then: [{ op: 'get', key: 'a' }] };
  for (const _ of [1, 2]) {
    const { status, headers } = await ask('POST', txn, read, keyed('k1'));
    t.deepEqual([status, headers['idempotency-replayed']], [200, undefined]);
  }
  t.is(store.writes.length, 0);
});
