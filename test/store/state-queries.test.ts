import test from 'ava';
import { type Entry, index, term } from '../../src/raft/types.ts';
import type { Query, QueryResult } from '../../src/store/command.ts';
import { encodeCommand } from '../../src/store/command-codec.ts';
import type { Compare, Operation, Transaction } from '../../src/store/transaction.ts';
import { queryOf } from './catalog-fixture.ts';
import { OneMachine, openMachine } from './one-machine.ts';

const json = (value: object) => Buffer.from(JSON.stringify(value));
const session = index(1);

/** A machine with one session, a collection of books (revision 2) and what the test writes. */
async function start() {
  const one = new OneMachine(await openMachine());
  const commit = (...then: readonly Operation[]) => {
    const transaction = { compares: [], then, otherwise: [] };
    return one.apply({ type: 'transaction', stamp: one.stamp(), idempotency: null, transaction });
  };
  await one.apply({ type: 'openSession' });
  await one.define('books', [{ field: 'topic', kind: 'term' }]);
  return { machine: one.machine, commit };
}

const book = (id: string, topic: string, padding = ''): Operation => ({
  type: 'putDocument',
  collection: 'books',
  id,
  json: json({ id, topic, padding }),
  ttlMs: null,
  basis: { definition: index(2), terms: [{ field: 'topic', kind: 'term', terms: [topic] }], known: null },
});
const value = (key: string, bytes = 1): Operation => ({
  ...{ type: 'put', key, value: Buffer.alloc(bytes, 'v'), contentType: 'text/plain', ttlMs: null },
});
const reading = (then: readonly Operation[], otherwise: readonly Operation[] = [], found = true): Query => {
  const compares: Transaction['compares'] = [{ of: 'exists', target: { type: 'key', key: 'a' }, is: found }];
  return { type: 'transaction', transaction: { compares, then, otherwise } };
};
const transactionIn = (result: QueryResult) => (result.type === 'transaction' ? result.result : null);

test('a document is read, with its JSON and without, and what is not there is told apart', async (t) => {
  const { machine, commit } = await start();
  await commit(book('1', 'nature'));
  const read = (collection: string, id: string, withJson: boolean) =>
    machine.query({ type: 'document', collection, id, withJson });
  const document = { id: '1', createRevision: 3, modRevision: 3, version: 1, expiresAtMs: null };
  const revision = index(3);
  t.deepEqual(await read('books', '1', true), {
    ...{ type: 'document', revision, hasCollection: true },
    document: { ...document, json: json({ id: '1', topic: 'nature', padding: '' }) },
  });
  t.deepEqual(await read('books', '1', false), { type: 'document', revision, hasCollection: true, document });
  t.deepEqual(await read('books', '2', true), { type: 'document', revision, hasCollection: true, document: null });
  t.deepEqual(await read('films', '1', true), { type: 'document', revision, hasCollection: false, document: null });
});

test('a search is answered under the definition it was worked out for, and under no other', async (t) => {
  const { machine, commit } = await start();
  await commit(book('1', 'nature'), book('2', 'systems'));
  const search = queryOf({ filters: [{ field: 'topic', type: 'term', term: 'nature' }] });
  const found = await machine.query({ type: 'search', definition: index(2), search });
  t.like(found, { type: 'search', revision: 3, result: { type: 'found', next: null } });
  t.deepEqual(found.type === 'search' && found.result.type === 'found' && found.result.documents.map(({ id }) => id), [
    '1',
  ]);
  t.like(await machine.query({ type: 'search', definition: index(3), search }), {
    result: { type: 'definitionChanged' },
  });
  const elsewhere = { ...search, collection: 'films' };
  t.like(await machine.query({ type: 'search', definition: index(2), search: elsewhere }), {
    result: { type: 'noCollection' },
  });
});

test('collections are told with their documents, in the order of their names', async (t) => {
  const { machine, commit } = await start();
  await commit(book('1', 'nature'), book('2', 'systems'));
  const collection = await machine.query({ type: 'collection', name: 'books' });
  t.like(collection, { revision: 3, collection: { name: 'books', documents: 2, modRevision: 2, idField: 'id' } });
  t.like(await machine.query({ type: 'collection', name: 'films' }), { collection: null });
  t.deepEqual(await machine.query({ type: 'collections' }), {
    type: 'collections',
    revision: index(3),
    collections: collection.type === 'collection' && collection.collection !== null ? [collection.collection] : [],
  });
});

test('a transaction that reads has one branch of one revision, and no entry', async (t) => {
  const { machine, commit } = await start();
  await commit(value('a'), value('b/1'), value('b/2'), book('1', 'nature'));
  const then: readonly Operation[] = [
    { type: 'get', target: { type: 'document', collection: 'books', id: '1' } },
    { type: 'range', prefix: 'b/', after: null, limit: 1, keysOnly: true },
  ];
  const otherwise: readonly Operation[] = [{ type: 'get', target: { type: 'key', key: 'a' } }];
  const done = transactionIn(await machine.query(reading(then, otherwise)));
  t.like(done, { type: 'transaction', revision: 3, succeeded: true, replayed: false });
  t.like(done?.type === 'transaction' && done.results[0], { type: 'document', document: { id: '1', modRevision: 3 } });
  t.like(done?.type === 'transaction' && done.results[1], { type: 'range', items: [{ key: 'b/1' }], more: true });
  const other = transactionIn(await machine.query(reading(then, otherwise, false)));
  t.like(other, { type: 'transaction', succeeded: false });
  t.like(other?.type === 'transaction' && other.results, [{ type: 'key', item: { key: 'a' } }]);
  t.is(machine.applied.index, index(3));
});

test('a branch that is empty is taken as well as one that is not', async (t) => {
  const { machine } = await start();
  const neither: readonly Operation[] = [];
  t.like(transactionIn(await machine.query(reading(neither, neither))), { succeeded: false, results: [] });
  t.like(transactionIn(await machine.query(reading(neither, neither, false))), { succeeded: true, results: [] });
});

test('a transaction that reads has room for 4 MiB, one that writes for 64 KiB', async (t) => {
  const { machine, commit } = await start();
  const mebibyte = 1024 * 1024;
  for (const nth of [1, 2, 3, 4]) await commit(value(`b/${nth}`, mebibyte - 1000));
  await commit(value('a'));
  const get = (key: string): Operation => ({ type: 'get', target: { type: 'key', key } });
  const range: Operation = { type: 'range', prefix: 'b/', after: null, limit: 10, keysOnly: false };
  t.like(transactionIn(await machine.query(reading([range]))), { type: 'transaction' });
  t.like(transactionIn(await machine.query(reading([get('b/1'), get('b/2'), get('b/3'), get('b/4')]))), {
    type: 'transaction',
  });
  const failed = { type: 'transactionFailed', reason: 'tooLarge', branch: 'then', operation: 1 };
  t.like(transactionIn(await machine.query(reading([range, range]))), failed);
  t.like(transactionIn(await machine.query(reading([range, get('b/1')]))), failed);
  t.like(await commit(get('a'), get('b/1')), failed);
});

test('a page of a transaction that writes ends at the bound of its results, and says so', async (t) => {
  const { machine, commit } = await start();
  for (const nth of [1, 2, 3, 4]) await commit(value(`b/${nth}`, 20_000));
  const done = await commit(value('c'), { type: 'range', prefix: 'b/', after: null, limit: 10, keysOnly: false });
  t.like(done, { type: 'transaction', succeeded: true });
  const page = done?.type === 'transaction' ? done.results[1] : null;
  t.true(page?.type === 'range' && page.items.length === 3 && page.more);
  t.is(machine.applied.index, index(7));
});

test('a deleteRange takes no more with it than a turn has time to read', async (t) => {
  const { commit } = await start();
  const value = Buffer.alloc(1024 * 1024);
  const put = (key: string): Operation => ({ type: 'put', key, value, contentType: '', ttlMs: null });
  for (let nth = 0; nth < 33; nth += 1) await commit(put(`${nth < 31 ? 'a' : 'b'}/${nth}`));
  const remove = (prefix: string): Operation => ({ type: 'deleteRange', prefix });
  t.like(await commit(remove('')), { type: 'transactionFailed', reason: 'tooLarge', operation: 0 });
  t.like(await commit(remove('a/')), { type: 'transaction', results: [{ type: 'deleted', count: 31 }] });
  t.like(await commit(remove('')), { type: 'transaction', results: [{ type: 'deleted', count: 2 }] });
});

test('digests are those of the last batches, and the newest is that of the state', async (t) => {
  const { machine, commit } = await start();
  await commit(value('a'));
  const result = await machine.query({ type: 'digests' });
  const digests = result.type === 'digests' ? result.digests : [];
  t.deepEqual(digests.at(-1), { revision: index(3), digest: machine.digest() });
  t.deepEqual(
    digests.map(({ revision }) => revision),
    [index(0), index(1), index(2), index(3)],
  );
  for (let nth = 0; nth < 300; nth += 1) await commit(value('a'));
  const later = await machine.query({ type: 'digests' });
  t.is(later.type === 'digests' && later.digests.length, 256);
});

test('a group is no longer than may be parsed and rewritten in one turn', async (t) => {
  const { machine, commit } = await start();
  await commit(value('n'));
  const add: Operation = {
    ...{ type: 'add', target: { type: 'key', key: 'n' }, field: 'n', amount: 1, min: null, max: null },
  };
  const entry = (then: readonly Operation[], nth: number, compares: readonly Compare[] = []): Entry => ({
    ...{ term: term(1), index: index(4 + nth), type: 'command' },
    command: encodeCommand({
      type: 'transaction',
      stamp: { session, sequence: 10 + nth, lowestUnanswered: 1 },
      idempotency: null,
      transaction: { compares, then, otherwise: [] },
    }),
  });
  const entries = Array.from({ length: 100 }, (_, nth) => entry([add], nth));
  t.is(machine.applicable(entries), 64);
  t.is(machine.applicable(entries.slice(90)), 10);
  const target = { type: 'key', key: 'n' } as const;
  const compare: Compare = { of: 'field', target, field: 'n', is: '=', scalar: 1 };
  const comparing = Array.from({ length: 100 }, (_, nth) => entry([], nth, [compare]));
  t.is(machine.applicable(comparing), 64);
  const puts = Array.from({ length: 100 }, (_, nth) => entry([value(`${nth}`)], nth));
  t.is(machine.applicable(puts), 100);
  const deleteRange: Operation = { type: 'deleteRange', prefix: 'b' };
  t.is(machine.applicable([...puts.slice(0, 3), entry([deleteRange], 3)]), 3);
});
