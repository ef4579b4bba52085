/** What keys have of transactions: lifetimes, patches, and the delete of a prefix. */
import test from 'ava';
import { refusal, startShop } from './writes-fixture.ts';

const key = '/v1/kv/a';

test('a value with a lifetime is put as any other', async (t) => {
  const { ask, store } = await startShop(t);
  await store.apply({ type: 'tick', stampMs: 1_000_000_000_000, expired: [], forgotten: [] });
  const headers = { 'Content-Type': 'text/plain' };
  const put = await ask('PUT', `${key}?ttl=30s`, 'x', { headers });
  t.deepEqual([put.status, put.json], [201, { key: 'a', revision: put.json.revision, version: 1 }]);
  t.is(put.headers.etag, `"${put.json.revision}"`);
  const got = await ask('GET', key);
  t.deepEqual([got.text, got.headers['content-type']], ['x', 'text/plain']);
  t.is(got.headers['bazar-expires-at'], new Date(1_000_000_030_000).toISOString());
  t.is((await ask('PUT', `${key}?ttl=7d`, 'y', { headers })).status, 200);
  t.is((await ask('PUT', key, 'z')).json.version, 3);
  t.is((await ask('GET', key)).headers['bazar-expires-at'], undefined);
});

test('a lifetime goes with preconditions', async (t) => {
  const { ask } = await startShop(t);
  const put = (headers: Readonly<Record<string, string>>) => ask('PUT', `${key}?ttl=30s`, 'x', { headers });
  t.deepEqual(refusal(await put({ 'If-Match': '"1"' })), [412, 'precondition_failed', undefined]);
  const first = await put({ 'If-None-Match': '*' });
  t.is(first.status, 201);
  const refused = await put({ 'If-None-Match': '*' });
  t.deepEqual(refusal(refused), [412, 'precondition_failed', undefined]);
  t.is(refused.headers.etag, first.headers.etag);
  t.is((await put({ 'If-Match': String(first.headers.etag) })).status, 200);
  t.is((await put({ 'If-Match': String(first.headers.etag) })).status, 412);
  t.is((await put({ 'If-Match': '*' })).json.version, 3);
});

test('a value that is a JSON object is patched', async (t) => {
  const { ask } = await startShop(t);
  t.deepEqual(refusal(await ask('PATCH', key, { b: 1 })), [404, 'key_not_found', undefined]);
  await ask('PUT', `${key}?ttl=30s`, { a: 1, b: { c: 2, d: 3 } });
  const patched = await ask('PATCH', key, { a: null, b: { c: null }, e: 'x' });
  t.deepEqual(patched.json, { key: 'a', revision: patched.json.revision, version: 2 });
  t.is(patched.headers.etag, `"${patched.json.revision}"`);
  const got = await ask('GET', key);
  t.deepEqual([got.text, got.headers['content-type']], ['{"b":{"d":3},"e":"x"}', 'application/json']);
  t.not(got.headers['bazar-expires-at'], undefined);
  const stale = await ask('PATCH', key, {}, { headers: { 'If-Match': '"1"' } });
  t.deepEqual(refusal(stale), [412, 'precondition_failed', undefined]);
  t.is(stale.headers.etag, patched.headers.etag);
  await ask('PUT', key, 'text');
  t.deepEqual(refusal(await ask('PATCH', key, { b: 1 })), [409, 'not_json', undefined]);
  t.deepEqual(refusal(await ask('PATCH', key, '[1]')), [400, 'bad_body', '']);
  t.deepEqual(refusal(await ask('PATCH', key, '{"a":[1e999]}')), [400, 'bad_body', '/a/0']);
  t.deepEqual(refusal(await ask('PATCH', key, '{')), [400, 'bad_json', '']);
  const headers = { 'Content-Type': 'text/plain' };
  t.deepEqual(refusal(await ask('PATCH', key, '{}', { headers })), [415, 'unsupported_media_type', undefined]);
  t.is((await ask('GET', key)).text, 'text');
});

test('the keys of a prefix go together, and only if that is meant', async (t) => {
  const { ask, store } = await startShop(t);
  for (const name of ['a/1', 'a/2', 'b']) await ask('PUT', `/v1/kv/${name}`, 'x');
  store.writes.length = 0;
  for (const [query, path] of [
    ['prefix=a/', 'confirm'],
    ['prefix=a/&confirm=false', 'confirm'],
    ['prefix=a/&confirm=perhaps', 'confirm'],
    ['confirm', 'prefix'],
    [`prefix=${'x'.repeat(1025)}&confirm`, 'prefix'],
    ['prefix=a/&confirm&cursor=x', 'cursor'],
  ] as const) {
    t.deepEqual(refusal(await ask('DELETE', `/v1/kv?${query}`)), [400, 'bad_parameter', path], query);
  }
  t.is(store.writes.length, 0);
  const gone = await ask('DELETE', '/v1/kv?prefix=a/&confirm');
  t.deepEqual([gone.status, gone.json], [200, { deleted: 2, revision: gone.json.revision }]);
  t.is((await ask('GET', '/v1/kv/a/1')).status, 404);
  t.is((await ask('DELETE', '/v1/kv?prefix=&confirm=true')).json.deleted, 1);
  t.is((await ask('DELETE', '/v1/kv?prefix=&confirm')).json.deleted, 0);
});

test('a condition on a request that has none is refused, and nothing is done', async (t) => {
  const { ask, store } = await startShop(t);
  await ask('PUT', '/v1/kv/a/1', 'x');
  store.writes.length = 0;
  const then = [{ op: 'put', key: 'b', value: 'x' }];
  for (const [method, path, body] of [
    ['DELETE', '/v1/kv?prefix=a/&confirm', undefined],
    ['POST', '/v1/collections/books/items', { id: 'new' }],
    ['POST', '/v1/txn', { then }],
  ] as const) {
    for (const headers of [{ 'If-Match': '"1"' }, { 'If-None-Match': '*' }]) {
      const refused = await ask(method, path, body, { headers });
      t.deepEqual(refusal(refused), [400, 'bad_header', undefined], path);
      t.regex(refused.json.detail, /^If-(None-)?Match: expected none/);
    }
  }
  t.is(store.writes.length, 0);
});

test('more keys than can be deleted together stay all', async (t) => {
  const { ask, store } = await startShop(t);
  for (let nth = 0; nth <= 10_000; nth += 100) {
    const then = Array.from({ length: 100 }, (_, place) => {
      const [key, value, contentType] = [`a/${nth + place}`, Buffer.alloc(0), ''];
      return { type: 'put', key, value, contentType, ttlMs: null } as const;
    });
    await store.transact(...then);
  }
  const refused = await ask('DELETE', '/v1/kv?prefix=a/&confirm&timeout=60s');
  t.deepEqual(refusal(refused), [413, 'too_large', undefined]);
  t.regex(refused.json.detail, /^over 10000 keys begin with this prefix.*nothing was deleted/);
  t.is((await ask('GET', '/v1/kv/a/0')).status, 200);
});
