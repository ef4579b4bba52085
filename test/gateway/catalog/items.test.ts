import test from 'ava';
import { parseJson, stringifyJson } from '../../../src/store/json.ts';
import { books, documentOf, refusal, startShop, xen } from './writes-fixture.ts';

const items = '/v1/collections/books/items';
const item = `${items}/3`;

test('a document is put, replaced, patched and deleted', async (t) => {
  const { ask } = await startShop(t);
  const put = await ask('PUT', item, xen);
  t.is(put.status, 201);
  const { revision } = put.json;
  t.deepEqual(put.json, { collection: 'books', id: '3', revision, version: 1 });
  t.is(put.headers.etag, `"${revision}"`);
  t.is(put.headers['bazar-revision'], `${revision}`);
  t.is(put.headers['bazar-served-by'], 'r1');
  const replaced = await ask('PUT', item, { ...xen, stock: 4 });
  t.is(replaced.status, 200);
  t.deepEqual(replaced.json, { collection: 'books', id: '3', revision: revision + 1, version: 2 });
  const patched = await ask('PATCH', item, { price: 1, note: 'x' });
  t.is(patched.status, 200);
  t.deepEqual(patched.json, { collection: 'books', id: '3', revision: revision + 2, version: 3 });
  t.is(patched.headers.etag, `"${revision + 2}"`);
  t.deepEqual((await documentOf(ask, '3'))?.document, { ...xen, stock: 4, price: 1, note: 'x' });
  const deleted = await ask('DELETE', item);
  t.is(deleted.status, 200);
  t.deepEqual(deleted.json, { collection: 'books', id: '3', revision: revision + 3 });
  t.is(await documentOf(ask, '3'), null);
  t.deepEqual(refusal(await ask('DELETE', item)), [404, 'document_not_found', undefined]);
  t.deepEqual(refusal(await ask('PATCH', item, {})), [404, 'document_not_found', undefined]);
  t.deepEqual(refusal(await ask('PATCH', item, { topic: 'x' })), [404, 'document_not_found', undefined]);
  t.is(await documentOf(ask, '3'), null);
});

test('ids are texts of any kind, coded in the path or not', async (t) => {
  const { ask } = await startShop(t);
  for (const [path, id] of [
    ['a/b', 'a/b'],
    ['a%2Fb', 'a/b'],
    ['%C3%BC', 'ü'],
    ['..', '..'],
    ['%2525', '%25'],
  ] as const) {
    t.is((await ask('PUT', `${items}/${path}`, { id })).json.id, id);
    t.deepEqual((await documentOf(ask, id))?.document, { id });
  }
});

test('a new document is named by itself, and is made once', async (t) => {
  const { ask } = await startShop(t);
  const made = await ask('POST', items, { ...xen, id: 'a/ü' });
  t.is(made.status, 201);
  t.is(made.headers.location, `${items}/a%2F%C3%BC`);
  t.is(made.headers.etag, `"${made.json.revision}"`);
  t.deepEqual(made.json, { collection: 'books', id: 'a/ü', revision: made.json.revision, version: 1 });
  t.deepEqual(refusal(await ask('POST', items, { id: 'a/ü' })), [409, 'document_exists', undefined]);
  t.is((await documentOf(ask, 'a/ü'))?.version, 1);
});

const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const text = (length: number) => 'x'.repeat(length);

for (const [what, body, expected] of [
  ['no JSON', '{"id":', [400, 'bad_json', '']],
  ['a byte order mark before it', '\ufeff{"id":"1"}', [400, 'bad_json', '']],
  ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), [400, 'bad_json', '']],
  ['nothing', undefined, [400, 'bad_json', '']],
  ['a member twice', '{"id":"3","a":{"b":1,"b":2}}', [422, 'invalid_document', '/a/b']],
  ['a number that is too large', '{"id":"3","n":1e999}', [422, 'invalid_document', '/n']],
  ['half a character', '{"id":"3","n":"\\ud800"}', [422, 'invalid_document', '/n']],
  ['an array', '[]', [422, 'invalid_document', '']],
  ['null', 'null', [422, 'invalid_document', '']],
  ['no id', { title: 'x' }, [422, 'invalid_document', '/id']],
  ['an id that is no text', { id: 3 }, [422, 'invalid_document', '/id']],
  ['text where numbers are indexed', { id: '3', price: '12' }, [422, 'invalid_document', '/price']],
  ['a number where text is indexed', { id: '3', topic: 7 }, [422, 'invalid_document', '/topic']],
  ['an object in a list of texts', { id: '3', title: ['a', {}] }, [422, 'invalid_document', '/title/1']],
  ['what is too deep', `{"id":"3","a":${deep(32)}}`, [422, 'invalid_document', `/a${'/0'.repeat(31)}`]],
  ['what is too large', { id: '3', a: text(1024 * 1024) }, [413, 'too_large', undefined]],
] as const) {
  test(`a document that is ${what} is refused`, async (t) => {
    const { ask, store } = await startShop(t);
    for (const [method, path] of [
      ['PUT', item],
      ['POST', items],
    ] as const) {
      t.deepEqual(refusal(await ask(method, path, body)), expected, method);
    }
    t.is(await documentOf(ask, '3'), null);
    t.is(store.writes.length, 0);
  });
}

test('an id that differs from the URL is refused, and one that is none', async (t) => {
  const { ask, store } = await startShop(t);
  t.deepEqual(refusal(await ask('PUT', item, { ...xen, id: '4' })), [422, 'invalid_document', '/id']);
  t.deepEqual(refusal(await ask('POST', items, { ...xen, id: '' })), [422, 'invalid_document', '/id']);
  t.deepEqual(refusal(await ask('POST', items, { ...xen, id: text(513) })), [422, 'invalid_document', '/id']);
  t.deepEqual(refusal(await ask('PUT', `${items}/`, { id: '' })), [400, 'bad_id', undefined]);
  t.deepEqual(refusal(await ask('PUT', `${items}/${text(513)}`, { id: '' })), [400, 'bad_id', undefined]);
  t.deepEqual(refusal(await ask('PUT', `${items}/%FF`, { id: '' })), [400, 'bad_id', undefined]);
  t.is(store.writes.length, 0);
});

test('a document may be as deep and as large as it may be', async (t) => {
  const { ask } = await startShop(t);
  t.is((await ask('PUT', item, `{"id":"3","a":${deep(31)}}`)).status, 201);
  const largest = { id: '3', a: text(1024 * 1024 - stringifyJson({ id: '3', a: '' }).length) };
  t.is((await ask('PUT', item, largest)).status, 200);
  const grown = await ask('PATCH', item, { b: 1 });
  t.deepEqual(refusal(grown), [413, 'too_large', undefined]);
  t.regex(grown.json.detail, /^with this patch it would be over 1048576 bytes/);
  t.is(parseJson(Buffer.from(JSON.stringify(largest))).type, 'json');
});

test('what is wrong with a patch is told with its path', async (t) => {
  const { ask } = await startShop(t);
  await ask('PUT', item, xen);
  for (const [body, expected] of [
    ['{', [400, 'bad_json', '']],
    ['[]', [422, 'invalid_document', '']],
    [{ price: 'free' }, [422, 'invalid_document', '/price']],
    [{ topic: ['a', 1] }, [422, 'invalid_document', '/topic/1']],
    [{ id: '4' }, [422, 'id_changed', '/id']],
    [{ id: null }, [422, 'id_changed', '/id']],
  ] as const) {
    t.deepEqual(refusal(await ask('PATCH', item, body)), expected, JSON.stringify(body));
  }
  for (const type of ['text/plain', 'application/json-patch+json', '']) {
    const refused = await ask('PATCH', item, '{}', { headers: { 'Content-Type': type } });
    t.deepEqual(refusal(refused), [415, 'unsupported_media_type', undefined]);
    t.regex(String(refused.headers['accept-patch']), /merge-patch/);
  }
  const type = 'Application/Merge-Patch+JSON; charset=utf-8';
  t.is((await ask('PATCH', item, '{"id":"3"}', { headers: { 'Content-Type': type } })).status, 200);
  t.deepEqual((await documentOf(ask, '3'))?.document, xen);
});

test('where there is no such collection nothing is written', async (t) => {
  const { ask } = await startShop(t);
  for (const [method, path, body] of [
    ['PUT', '/v1/collections/films/items/3', { id: '3' }],
    ['PATCH', '/v1/collections/films/items/3', { a: 1 }],
    ['DELETE', '/v1/collections/films/items/3', undefined],
    ['POST', '/v1/collections/films/items', { id: '3' }],
  ] as const) {
    t.deepEqual(refusal(await ask(method, path, body)), [404, 'collection_not_found', undefined], method);
    const conditionally = await ask(method, path, body, { headers: { 'If-Match': '"1"' } });
    t.is(conditionally.status, method === 'POST' ? 400 : 404, method);
  }
  t.deepEqual(refusal(await ask('PUT', '/v1/collections/%FF/items/3', {})), [400, 'bad_collection', undefined]);
});

test('parameters that are unknown or malformed are named', async (t) => {
  const { ask, store } = await startShop(t);
  for (const [query, path] of [
    ['tll=30s', 'tll'],
    ['ttl=30', 'ttl'],
    ['ttl=0s', 'ttl'],
    ['ttl=4000d', 'ttl'],
    ['timeout=1h', 'timeout'],
    ['replica=r1', 'replica'],
  ] as const) {
    t.deepEqual(refusal(await ask('PUT', `${item}?${query}`, xen)), [400, 'bad_parameter', path]);
    t.deepEqual(refusal(await ask('POST', `${items}?${query}`, xen)), [400, 'bad_parameter', path]);
  }
  t.deepEqual(refusal(await ask('PATCH', `${item}?ttl=3s`, {})), [400, 'bad_parameter', 'ttl']);
  t.deepEqual(refusal(await ask('DELETE', `${item}?ttl=3s`)), [400, 'bad_parameter', 'ttl']);
  t.is(store.writes.length, 0);
});

test('preconditions are looked at where the write is done', async (t) => {
  const { ask } = await startShop(t);
  const conditionally = (method: string, body: unknown, headers: Readonly<Record<string, string>>) =>
    ask(method, item, body, { headers });
  const absent = await conditionally('PUT', xen, { 'If-Match': '*' });
  t.deepEqual(refusal(absent), [412, 'precondition_failed', undefined]);
  t.is(absent.headers.etag, undefined);
  t.is((await conditionally('DELETE', undefined, { 'If-Match': '"4"' })).status, 412);
  t.is((await conditionally('PUT', xen, { 'If-None-Match': '*' })).status, 201);
  const tag = String((await conditionally('PUT', xen, { 'If-None-Match': '"1", "2"' })).headers.etag);
  const revision = Number(tag.slice(1, -1));
  for (const headers of [
    { 'If-None-Match': '*' },
    { 'If-None-Match': tag },
    { 'If-None-Match': `"1", ${tag}` },
    { 'If-Match': '"1"' },
    { 'If-Match': '"1", "2"' },
    { 'If-Match': `W/${tag}` },
    { 'If-Match': tag, 'If-None-Match': tag },
    { 'If-Match': '*', 'If-None-Match': '*' },
  ]) {
    for (const [method, body] of [
      ['PUT', xen],
      ['PATCH', { price: 1 }],
      ['DELETE', undefined],
    ] as const) {
      const refused = await conditionally(method, body, headers);
      t.deepEqual(refusal(refused), [412, 'precondition_failed', undefined], `${method} ${JSON.stringify(headers)}`);
      t.is(refused.headers.etag, tag);
    }
  }
  t.is((await documentOf(ask, '3'))?.modRevision, revision);
  const patched = await conditionally('PATCH', { price: 1 }, { 'If-Match': `"1", ${tag}` });
  t.is(patched.status, 200);
  const next = String(patched.headers.etag);
  t.is((await conditionally('PUT', xen, { 'If-Match': '*', 'If-None-Match': '"1"' })).status, 200);
  t.is((await conditionally('DELETE', undefined, { 'If-Match': next })).status, 412);
  t.is((await conditionally('DELETE', undefined, { 'If-Match': '*' })).status, 200);
  t.deepEqual(refusal(await conditionally('PUT', xen, { 'If-Match': 'x' })), [400, 'bad_header', undefined]);
});

test('of several tags the one that matches is the one that holds', async (t) => {
  const { ask, store } = await startShop(t);
  const tags: (string | undefined)[] = [];
  for (const price of [1, 2]) tags.push((await ask('PUT', item, { ...xen, price })).headers.etag);
  const write = (price: number) => ask('PUT', item, { ...xen, price }, { headers: { 'If-Match': tags.join(', ') } });
  let others = 0;
  store.beforeWrite = async () => {
    if (others === 0) return null;
    others -= 1;
    const patch = { type: 'patch', target, json: Buffer.from('{"stock":9}'), basis } as const;
    await store.transact(patch);
    return null;
  };
  const target = { type: 'document', collection: 'books', id: '3' } as const;
  const definition = (await ask('PUT', '/v1/collections/books', books)).json.revision;
  const basis = { definition, terms: [{ field: 'stock', kind: 'number', terms: [9] }] } as const;
  others = 1;
  t.is((await write(3)).status, 412);
  t.deepEqual((await documentOf(ask, '3'))?.document, { ...xen, price: 2, stock: 9 });
});

test('a lifetime is stated in the write, kept by a patch and begun anew by a put', async (t) => {
  const { ask, store } = await startShop(t);
  const tick = (stampMs: number) => store.apply({ type: 'tick', stampMs, expired: [], forgotten: [] });
  const endsAt = async () => (await documentOf(ask, '3'))?.expiresAt;
  await tick(1_000_000_000_000);
  await ask('PUT', `${item}?ttl=30s`, xen);
  t.is(await endsAt(), new Date(1_000_000_030_000).toISOString());
  await tick(1_000_000_010_000);
  await ask('PATCH', item, { price: 1 });
  await ask('PATCH', item, { topic: 'x' });
  t.is(await endsAt(), new Date(1_000_000_030_000).toISOString());
  await ask('PUT', `${item}?ttl=2d`, xen);
  t.is(await endsAt(), new Date(1_000_000_010_000 + 2 * 86_400_000).toISOString());
  await ask('PUT', item, xen);
  t.is(await endsAt(), undefined);
  t.is((await ask('POST', `${items}?ttl=500ms`, { id: '4' })).status, 201);
  t.is((await documentOf(ask, '4'))?.expiresAt, new Date(1_000_000_010_500).toISOString());
});

test('what nobody answers is not said to be undone', async (t) => {
  const { ask, store } = await startShop(t);
  store.beforeWrite = async () => ({ type: 'unknown' });
  for (const [method, path, body] of [
    ['PUT', item, xen],
    ['PATCH', item, { price: 1 }],
    ['DELETE', item, undefined],
    ['POST', items, xen],
  ] as const) {
    const { status, json } = await ask(method, path, body);
    t.deepEqual([status, json.code, json.outcome], [504, 'write_timeout', 'unknown'], method);
  }
  store.beforeWrite = async () => ({ type: 'noLeader' });
  t.deepEqual(refusal(await ask('PUT', item, xen)), [503, 'no_leader', undefined]);
  store.beforeRead = async () => ({ type: 'unavailable' });
  store.beforeWrite = async () => null;
  t.is((await ask('PUT', item, xen)).status, 201);
  t.deepEqual(refusal(await ask('PUT', '/v1/collections/new/items/1', { id: '1' })), [503, 'no_leader', undefined]);
});
