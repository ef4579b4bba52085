import test, { type ExecutionContext } from 'ava';
import { Committer } from '../../../src/gateway/catalog/committer.ts';
import { Definitions, isUnavailable } from '../../../src/gateway/catalog/definitions.ts';
import { documentsOf } from '../../../src/gateway/catalog/documents.ts';
import type { Draft, DraftOperation } from '../../../src/gateway/catalog/draft.ts';
import { createDirectReader } from '../../../src/gateway/store.ts';
import type { JsonObject, Write } from '../../../src/store/client.ts';
import {
  touchOfBlindChange,
  touchOfCollection,
  touchOfDocument,
  touchOfDocumentField,
  touchOfField,
  touchOfMembers,
  touchOfTerm,
} from '../../../src/store/touch.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { MachineClient } from './machine-client.ts';

const collection = 'books';
const target = { type: 'document', collection, id: '3' } as const;
const xen = { id: '3', title: 'Xen', topic: 'School', price: 5, note: 'x' };
const indexes = [
  { field: 'topic', kind: 'term' },
  { field: 'title', kind: 'words' },
  { field: 'price', kind: 'number' },
] as const;

const put = (document: JsonObject & { readonly id: string }): DraftOperation => {
  return { type: 'putDocument', collection, id: document.id, document, ttlMs: null };
};
const patch = (of: JsonObject): DraftOperation => ({ type: 'patch', target, patch: of });
const remove: DraftOperation = { type: 'delete', target };
const draftOf = (...then: readonly DraftOperation[]): Draft => ({ compares: [], then, otherwise: [] });

async function start() {
  const store = await MachineClient.start();
  const documents = documentsOf(createDirectReader(store), store);
  const definitions = new Definitions(store);
  const committer = new Committer({ definitions, documents, writer: store, clock: systemClock });
  const commit = (draft: Draft, timeoutMs = 60_000) => committer.commit(draft, { timeoutMs, idempotency: null });
  const define = (more: readonly { readonly field: string; readonly kind: 'term' | 'number' }[] = []) =>
    store.define(collection, [...indexes, ...more]);
  await define();
  const forget = () => store.forget();
  /** As somebody else would, past the committer: whatever is there. */
  const scribble = async (price: number) => {
    const definition = await definitions.get(collection, 1000);
    if (definition === null || isUnavailable(definition)) throw new Error('expected a definition');
    const basis = {
      definition: definition.modRevision,
      terms: [{ field: 'price', kind: 'number', terms: [price] }],
    } as const;
    const json = Buffer.from(JSON.stringify({ price }));
    await store.transact({ type: 'patch', target, json, basis });
  };
  forget();
  return { store, committer, commit, define, definitions, forget, scribble };
}

async function check(t: ExecutionContext, store: MachineClient, expected: JsonObject | null) {
  const outcome = await store.read({ type: 'document', collection, id: '3', withJson: true }, { timeoutMs: 1 });
  const found = outcome.type === 'done' && outcome.result.type === 'document' ? outcome.result.document : null;
  t.deepEqual(found && JSON.parse(Buffer.from(found.json ?? []).toString()), expected);
}

const operationsIn = (write: Write) => (write.type === 'transaction' ? write.transaction.then : []);
const sorted = (touches: readonly unknown[]) => touches.map(Number).toSorted((a, b) => a - b);

test('a write tells caches of what it changes, and of nothing else', async (t) => {
  const { store, commit, forget } = await start();
  const term = (topic: string) => touchOfTerm(collection, 'topic', 'term', topic);
  const word = (title: string) => touchOfTerm(collection, 'title', 'words', title);
  const number = (price: number) => touchOfTerm(collection, 'price', 'number', price);
  const changes = (...fields: readonly string[]) =>
    fields.flatMap((field) => [touchOfField(collection, field), touchOfDocumentField(collection, '3', field)]);
  const blind = (...fields: readonly string[]) => fields.map((field) => touchOfBlindChange(collection, field));
  const members = touchOfMembers(collection);
  for (const [operation, ...touches] of [
    [put(xen), members, term('school'), word('xen'), number(5)],
    [put({ ...xen, topic: 'Systems' }), term('school'), term('systems'), ...changes('topic')],
    [put({ ...xen, topic: 'Systems' })],
    [patch({ topic: 'Nature' }), term('systems'), term('nature'), ...changes('topic')],
    [patch({ topic: null, title: 'Zen' }), term('nature'), word('xen'), word('zen'), ...changes('topic', 'title')],
    // Of numbers a patch is as blind as a sum, and is never in the way of one.
    [patch({ price: 6, note: 'y' }), ...changes('price', 'note'), ...blind('price', 'note')],
    [{ type: 'add', target, field: 'price', amount: 1, min: null, max: null }, ...changes('price'), ...blind('price')],
    [remove, members, word('zen'), number(7)],
    [remove],
  ] as const) {
    forget();
    const committed = await commit(draftOf(operation));
    t.is(committed.type, 'done');
    const [of, ...others] = store.touches;
    t.deepEqual(others, []);
    t.deepEqual(
      sorted(of as readonly unknown[]),
      sorted([touchOfDocument(collection, '3'), ...touches]),
      JSON.stringify(operation),
    );
  }
  await check(t, store, null);
});

test('what is said to be absent, or to be new, is not read', async (t) => {
  const { store, commit, forget } = await start();
  await commit(draftOf(put({ id: '1' })));
  forget();
  const exists = { of: 'exists', target, is: false } as const;
  t.is((await commit({ compares: [exists], then: [put(xen)], otherwise: [] })).type, 'done');
  t.deepEqual([store.reads.length, store.writes.length], [0, 1]);
  const again = await commit({ compares: [exists], then: [put(xen)], otherwise: [] });
  t.is(again.type === 'done' && again.result.succeeded, false);
  forget();
  const isNew = (id: string): DraftOperation => ({ ...put({ id }), isNew: true }) as DraftOperation;
  t.is((await commit(draftOf(isNew('4'), isNew('5')))).type, 'done');
  t.deepEqual([store.reads.length, store.writes.length], [0, 1]);
  // It is put all the same where that was wrong.
  t.is((await commit(draftOf(isNew('5')))).type, 'done');
  t.deepEqual([store.reads.length, store.writes.length], [1, 3]);
  t.true(store.touches.every((touches) => !(touches as readonly unknown[]).includes(touchOfCollection(collection))));
});

test('what others change meanwhile is read again, twice, and then no more', async (t) => {
  for (const [operation, expected] of [
    [put({ ...xen, note: 'mine' }), { ...xen, note: 'mine' }],
    [patch({ topic: 'mine' }), { ...xen, topic: 'mine', price: 9 }],
    [remove, null],
  ] as const) {
    for (const [times, writes] of [
      [1, 2],
      [2, 3],
      [9, 4],
    ] as const) {
      const { store, commit, scribble, forget } = await start();
      await commit(draftOf(put(xen)));
      forget();
      let left: number = times;
      store.beforeWrite = async () => {
        if (left > 0) await scribble(9);
        left -= 1;
        return null;
      };
      t.is((await commit(draftOf(operation))).type, 'done');
      t.is(store.writes.length, writes);
      t.is(store.reads.filter(({ query }) => query.type === 'document').length, Math.min(times + 1, 3));
      const [last] = store.writes.slice(-1).flatMap(({ write }) => operationsIn(write));
      const isBlind = times > 2;
      if (last?.type === 'putDocument') t.is(last.basis.known === null, isBlind);
      if (last?.type === 'delete') t.is(last.known === null, isBlind);
      if (last?.type === 'patch') t.true(isBlind);
      await check(t, store, expected);
    }
  }
});

test('a definition that has changed is looked up again, twice, and then that is told', async (t) => {
  for (const [times, type] of [
    [1, 'done'],
    [2, 'done'],
    [3, 'failed'],
  ] as const) {
    const { store, commit, define } = await start();
    let left: number = times;
    store.beforeWrite = async () => {
      if (left > 0) await define([{ field: `f${left}`, kind: 'term' }]);
      left -= 1;
      return null;
    };
    const committed = await commit(draftOf(put(xen)));
    t.is(committed.type, type);
    if (committed.type === 'failed') t.is(committed.failure.reason, 'definitionChanged');
    t.is(store.writes.length, Math.min(times + 1, 3));
    await check(t, store, type === 'done' ? xen : null);
  }
});

test('documents that are written while an index is added are found by it', async (t) => {
  const { store, commit, define } = await start();
  const documents = Array.from({ length: 40 }, (_, nth) => ({ id: `${nth}`, rating: nth % 4 }));
  let written = 0;
  store.beforeWrite = async () => {
    written += 1;
    if (written === 20) await define([{ field: 'rating', kind: 'number' }]);
    return null;
  };
  const committed = await Promise.all(documents.map((document) => commit(draftOf(put(document)))));
  t.true(committed.every(({ type }) => type === 'done'));
  const stated = store.writes.flatMap(({ write }) => operationsIn(write)).filter(({ type }) => type === 'putDocument');
  const withRating = stated.filter((each) => each.type === 'putDocument' && each.basis.terms.length === 1);
  t.true(withRating.length > 0 && stated.length > 40);
});

test('what a gateway of another Unicode has written is written without knowing', async (t) => {
  const { store, commit, definitions, forget } = await start();
  const definition = await definitions.get(collection, 1000);
  if (definition === null || isUnavailable(definition)) throw new Error('expected a definition');
  const terms = [{ field: 'topic', kind: 'term', terms: ['another form'] }] as const;
  const strange = {
    type: 'putDocument',
    collection,
    id: '3',
    json: Buffer.from(JSON.stringify(xen)),
    ttlMs: null,
    basis: { definition: definition.modRevision, terms, known: null },
  } as const;
  await store.transact(strange);
  forget();
  t.is((await commit(draftOf(put({ ...xen, topic: 'mine' })))).type, 'done');
  t.is(store.writes.length, 2);
  t.true((store.touches.at(-1) as readonly unknown[]).includes(touchOfCollection(collection)));
  await check(t, store, { ...xen, topic: 'mine' });
});

test('a document that ends by itself is patched by the patch alone, a large one too', async (t) => {
  const { store, commit, forget } = await start();
  for (const operation of [{ ...put(xen), ttlMs: 1000 }, put({ ...xen, note: 'x'.repeat(20_000) })] as const) {
    await commit(draftOf(operation as DraftOperation));
    forget();
    t.is((await commit(draftOf(patch({ topic: 'mine' })))).type, 'done');
    const [done] = store.writes.flatMap(({ write }) => operationsIn(write));
    t.is(done?.type, 'patch');
  }
});

test('what was answered by nobody stays unknown, also after a retry', async (t) => {
  const { store, commit, scribble } = await start();
  await commit(draftOf(put(xen)));
  let tries = 0;
  store.beforeWrite = async () => {
    tries += 1;
    if (tries > 1) return { type: 'unknown' };
    await scribble(9);
    return null;
  };
  t.is((await commit(draftOf(put({ ...xen, note: 'mine' })))).type, 'unknown');
  t.is(tries, 2);
});

test('a branch that is not taken does no harm, and is told as the place of what is wrong', async (t) => {
  const { commit } = await start();
  await commit(draftOf(put(xen)));
  const exists = { of: 'exists', target, is: true } as const;
  const elsewhere: DraftOperation = { ...put(xen), collection: 'none' } as DraftOperation;
  const done = await commit({ compares: [exists], then: [patch({ note: 'y' })], otherwise: [elsewhere] });
  t.is(done.type, 'done');
  const failed = await commit({
    compares: [{ ...exists, is: false }],
    then: [put(xen)],
    otherwise: [put(xen), elsewhere],
  });
  t.like(failed, {
    type: 'failed',
    failure: { reason: 'noCollection' },
    path: '/else/1',
    place: { branch: 'otherwise' },
  });
  const wrong: DraftOperation = put({ id: '3', price: 'x' });
  const refused = await commit({ compares: [exists], then: [], otherwise: [put({ id: '4' }), wrong] });
  t.like(refused, { type: 'invalidDocument', path: '/else/1/document/price', within: '/price' });
  const either = await commit({ compares: [exists], then: [elsewhere], otherwise: [elsewhere] });
  t.like(either, { type: 'failed', path: '/then/0', place: { branch: 'then', operation: 0 } });
});

test('a commit takes no longer than it may', async (t) => {
  const { store, commit } = await start();
  store.beforeRead = async (query) => (query.type === 'document' ? { type: 'unavailable' } : null);
  t.is((await commit(draftOf(put(xen)))).type, 'done');
  t.true((store.touches[0] as readonly unknown[]).includes(touchOfCollection(collection)));
  store.beforeRead = async () => ({ type: 'unavailable' });
  t.is((await commit(draftOf({ ...put(xen), collection: 'another' } as DraftOperation))).type, 'noLeader');
  for (const { timeoutMs } of store.writes) t.true(timeoutMs <= 60_000);
});
