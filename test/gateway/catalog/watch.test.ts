import test from 'ava';
import { problemOf } from '../harness.ts';
import { setUp } from './fixture.ts';

interface Changes {
  readonly changes: readonly { readonly event: string; readonly id: string }[];
  readonly cursor: string;
}

const changesOf = ({ text }: { readonly text: string }) => JSON.parse(text) as Changes;

test('a watch of a collection has what changes in it, and nothing else', async (t) => {
  const { client, get, change, remove } = await setUp(t);
  await client.define('films', []);
  const from = await client.put('films', '1', { id: '1' }, null);
  await change('1', { stock: 4 });
  await remove('2');
  await client.put('films', '2', { id: '2' }, null);
  const { changes, cursor } = changesOf(await get(`books/watch?from=${from}&wait=10s`));
  t.deepEqual(changes, [
    {
      ...{ event: 'put', id: `${from + 1}`, collection: 'books', documentId: '1', revision: from + 1 },
      ...{ createRevision: 3, version: 2, size: 95 },
      document: {
        ...{ id: '1', title: 'How to get a good grade', topic: 'distributed systems', price: 40, stock: 4 },
      },
    },
    { event: 'delete', id: `${from + 2}`, collection: 'books', documentId: '2', revision: from + 2 },
  ] as never);
  t.is(cursor, `${from + 3}`);
});

test('a watch is told that its collection is gone, and goes on with one of the same name', async (t) => {
  const { client, get, change } = await setUp(t);
  await change('1', { stock: 4 });
  const dropped = (await client.readIndex()) + 1;
  await client.drop('books');
  await client.define('books', []);
  const put = await client.put('books', '1', { id: '1' }, null);
  const { changes } = changesOf(await get(`books/watch?from=${dropped - 1}&wait=10s`));
  t.like(changes, [
    { event: 'drop', id: `${dropped}`, collection: 'books', revision: dropped },
    { event: 'put', id: `${put}`, documentId: '1', version: 1 },
  ] as never);
});

test('there is nothing to watch in a collection that is not there, unless it was', async (t) => {
  const { client, get } = await setUp(t);
  const { code, status } = problemOf(t, await get('boks/watch?wait=1s'));
  t.deepEqual({ code, status }, { code: 'collection_not_found', status: 404 });
  const from = await client.readIndex();
  await client.drop('books');
  t.like(changesOf(await get(`books/watch?from=${from}&wait=10s`)).changes, [{ event: 'drop' }] as never);
});

test('what is malformed is refused by name', async (t) => {
  const { get } = await setUp(t);
  t.is(problemOf(t, await get('books/watch?prefix=a')).code, 'bad_parameter');
  t.is(problemOf(t, await get('%ff/watch')).code, 'bad_collection');
});
