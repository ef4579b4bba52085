import test from 'ava';
import { books, refusal, startShop, xen } from './writes-fixture.ts';

const films = '/v1/collections/films';
const index = (field: string, kind = 'term') => ({ field, kind });

test('a collection is made, changed, left as it is and dropped', async (t) => {
  const { ask } = await startShop(t);
  const made = await ask('PUT', films, {});
  const { revision } = made.json;
  t.deepEqual([made.status, made.json], [201, { name: 'films', revision }]);
  t.is(made.headers.etag, `"${revision}"`);
  const changed = await ask('PUT', films, { idField: 'key', indexes: [index('title', 'words')] });
  t.deepEqual([changed.status, changed.json], [200, { name: 'films', revision: revision + 1 }]);
  const same = await ask('PUT', films, { idField: 'key', indexes: [index('title', 'words')] });
  t.deepEqual([same.status, same.json], [200, changed.json]);
  t.is((await ask('PUT', `${films}/items/1`, { key: '1' })).status, 201);
  t.deepEqual(refusal(await ask('DELETE', films)), [400, 'bad_parameter', 'confirm']);
  const dropped = await ask('DELETE', `${films}?confirm`);
  t.deepEqual([dropped.status, dropped.json], [200, { name: 'films', revision: dropped.json.revision }]);
  t.deepEqual(refusal(await ask('DELETE', `${films}?confirm`)), [404, 'collection_not_found', undefined]);
  t.is((await ask('PUT', `${films}/items/1`, { key: '1' }, { gateway: 1 })).status, 404);
});

for (const [what, body, expected] of [
  ['is no JSON', '{', [400, 'bad_json', '']],
  ['is no object', [], [400, 'bad_body', '']],
  ['has an unknown member', { index: [] }, [400, 'bad_body', '/index']],
  ['has an unknown kind', { indexes: [index('a', 'text')] }, [400, 'bad_body', '/indexes/0/kind']],
  ['has an empty field', { indexes: [index('a'), index('')] }, [400, 'bad_body', '/indexes/1/field']],
  ['has an index twice', { indexes: [index('a'), index('a')] }, [400, 'bad_body', '/indexes/1']],
  ['has too many', { indexes: Array.from({ length: 33 }, (_, nth) => index(`${nth}`)) }, [400, 'bad_body', '/indexes']],
  ['has an id field that is too long', { idField: 'x'.repeat(129) }, [400, 'bad_body', '/idField']],
  ['is too large', { idField: 'x'.repeat(65_536) }, [413, 'too_large', undefined]],
] as const) {
  test(`a definition that ${what} is refused`, async (t) => {
    const { ask, store } = await startShop(t);
    t.deepEqual(refusal(await ask('PUT', films, body)), expected);
    t.is(store.writes.length, 0);
  });
}

test('a name is 1 to 128 bytes', async (t) => {
  const { ask } = await startShop(t);
  t.deepEqual(refusal(await ask('PUT', `/v1/collections/${'x'.repeat(129)}`, {})), [400, 'bad_collection', undefined]);
  t.is((await ask('PUT', `/v1/collections/${'x'.repeat(128)}`, {})).status, 201);
});

test('preconditions hold for the definition that is replaced', async (t) => {
  const { ask, store } = await startShop(t);
  const put = (headers: Readonly<Record<string, string>>, field = 'a') =>
    ask('PUT', films, { indexes: [index(field)] }, { headers });
  t.deepEqual(refusal(await put({ 'If-Match': '*' })), [412, 'precondition_failed', undefined]);
  const made = await put({ 'If-None-Match': '*' });
  t.is(made.status, 201);
  const refused = await put({ 'If-None-Match': '*' });
  t.deepEqual([refused.status, refused.headers.etag], [412, made.headers.etag]);
  t.is((await put({ 'If-Match': '"1"' })).status, 412);
  t.is((await put({ 'If-Match': `"1", ${made.headers.etag}` }, 'b')).status, 200);
  // Somebody else comes between the look and the write.
  const current = String((await ask('PUT', films, { indexes: [index('c')] })).headers.etag);
  let others = 1;
  store.beforeWrite = async () => {
    if (others === 0) return null;
    others -= 1;
    await store.define('films', []);
    return null;
  };
  t.is((await put({ 'If-Match': current }, 'd')).status, 412);
  others = 1;
  t.is((await put({ 'If-Match': '*' }, 'd')).status, 200);
  const drop = (tag: string) => ask('DELETE', `${films}?confirm`, undefined, { headers: { 'If-Match': tag } });
  t.is((await drop(current)).status, 412);
  t.is((await drop('*')).status, 200);
  t.is((await drop('*')).status, 412);
});

test('the id field stays as long as there are documents', async (t) => {
  const { ask } = await startShop(t);
  await ask('PUT', '/v1/collections/books/items/3', xen);
  const refused = await ask('PUT', '/v1/collections/books', { ...books, idField: 'isbn' });
  t.deepEqual(refusal(refused), [409, 'id_field_differs', '/idField']);
  t.regex(refused.json.detail, /"id"/);
});

test('there are 1,000 collections at most', async (t) => {
  const { ask, store } = await startShop(t);
  for (let nth = 1; nth < 1000; nth += 1) await store.define(`${nth}`, []);
  t.deepEqual(refusal(await ask('PUT', films, {})), [409, 'too_many_collections', undefined]);
  t.is((await ask('DELETE', '/v1/collections/7?confirm')).status, 200);
  t.is((await ask('PUT', films, {})).status, 201);
});
