import test from 'ava';
import { Cache } from '../../../src/gateway/cache/cache.ts';
import type { Purge } from '../../../src/gateway/cache/purge.ts';
import { noDirectives } from '../../../src/gateway/cache-control.ts';
import { CachedReader } from '../../../src/gateway/cached-reader.ts';
import { copyOf } from '../../../src/gateway/cached-result.ts';
import { Coherence } from '../../../src/gateway/coherence.ts';
import type { DocumentQuery, ReadOptions, Result, SearchQuery } from '../../../src/gateway/store.ts';
import { Validator } from '../../../src/gateway/validator.ts';
import {
  type Index,
  type Query,
  type QueryResult,
  type ReadOutcome,
  touchOfCollection,
  touchOfDocument,
  touchOfTerm,
} from '../../../src/store/client.ts';
import { ManualClock } from '../../store/manual-clock.ts';

/** A gateway whose replicas, leader and stream do what the test says. */
function setUp() {
  const clock = new ManualClock();
  const fetches: { readonly query: Query; readonly answer: (outcome: ReadOutcome) => void }[] = [];
  const questions: ((index: Index) => void)[] = [];
  const lease = { usable: false };
  const noted: string[] = [];
  const client = {
    read: (query: Query) => new Promise<ReadOutcome>((answer) => fetches.push({ query, answer })),
    readIndex: () => new Promise<Index | null>((settle) => questions.push(settle)),
    leader: () => 'r1',
  };
  const coherence = new Coherence({ lineage: 'l', onAdvance: (published) => validator.advanced(published) });
  const validator = new Validator({
    ...{ clock, readIndex: client.readIndex, published: () => coherence.published },
    ...{ onBehind() {}, onProof() {} },
  });
  const cache = new Cache<Result>({ cacheBytes: 1024 * 1024 }, copyOf);
  const metrics = { filled: (outcome: string) => noted.push(outcome) };
  const stream = { live: true };
  const reader = new CachedReader({ client, cache, coherence, lease, validator, clock, stream, metrics, id: 'g1' });
  coherence.follow('s');
  let position = 0;
  return {
    ...{ clock, cache, reader, lease, noted, fetches, questions },
    purge: (purge: Purge) => reader.purge(purge),
    read: <Asked extends DocumentQuery | SearchQuery>(query: Asked, options: Partial<ReadOptions> = {}) =>
      reader.read(query, { timeoutMs: 5000, directives: noDirectives, ...options }),
    stream(to: number, touches: readonly number[] = []) {
      const message = { lineage: 'l', streamId: 's', term: 1, from: position, to, publishIndex: to };
      coherence.receive({ ...message, touches: [{ index: to, touches }] });
      position = to;
    },
    async fetched(outcome: ReadOutcome) {
      await clock.settle();
      fetches.shift()?.answer(outcome);
      await clock.settle();
    },
    async confirmed(index: number) {
      await clock.settle();
      for (const settle of questions.splice(0)) settle(index as Index);
      await clock.settle();
    },
  };
}

const search: SearchQuery = {
  type: 'search',
  definition: 3 as Index,
  search: {
    ...{ collection: 'c', filters: [{ field: 'f', type: 'term', term: 't' }], sort: null, after: null, limit: 10 },
    ...{ fields: null, count: false },
  },
};
const document: DocumentQuery = { type: 'document', collection: 'c', id: '1', withJson: true };

const done = (result: QueryResult): ReadOutcome => ({ type: 'done', replica: 'r2', result });

function stored(revision: number, json = '{"id":"1"}') {
  const stamps = { createRevision: revision, modRevision: revision, version: 1, expiresAtMs: null };
  return { id: '1', ...stamps, json: Buffer.from(json) };
}

function found(revision: number): ReadOutcome {
  const result = { type: 'found', documents: [stored(revision)], next: null, count: null } as const;
  return done({ type: 'search', revision: revision as Index, result });
}

function refused(revision: number): ReadOutcome {
  const refusal = { reason: 'indexNotReady', field: 'f', kind: 'term', cursor: null, documents: 1 } as const;
  return done({ type: 'search', revision: revision as Index, result: { type: 'refused', refusal } });
}

function got(revision: number): ReadOutcome {
  return done({ type: 'document', revision: revision as Index, hasCollection: true, document: stored(revision) });
}

test('a search that finds a document which is touched before it arrives is given to who asked, and is not kept', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.read(search);
  await f.clock.settle();
  f.stream(11, [touchOfDocument('c', '1')]);
  await f.fetched(found(10));
  t.is((await first).cacheStatus, 'bazar; fwd=uri-miss');
  t.deepEqual(f.noted, ['belowFloor']);
});

test('who joins a search is not served from it if what it found was touched since', async (t) => {
  for (const touched of [touchOfDocument('c', '1'), touchOfTerm('c', 'f', 'term', 't'), touchOfCollection('c')]) {
    const f = setUp();
    f.stream(10);
    const first = f.read(search);
    await f.clock.settle();
    f.stream(11, [touched]);
    const second = f.read(search);
    await f.confirmed(11);
    await f.fetched(found(10));
    await first;
    t.is(f.fetches.length, 1, 'the second asks for itself');
    await f.fetched(found(11));
    const { outcome } = await second;
    t.is(outcome.type === 'done' ? outcome.result.revision : 0, 11 as Index);
  }
});

test('who joins a search is served from it if nothing in it was touched since', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.read(search);
  await f.clock.settle();
  f.stream(11, [touchOfDocument('c', '2'), touchOfTerm('c', 'f', 'term', 'u')]);
  const second = f.read(search);
  await f.confirmed(11);
  await f.fetched(found(10));
  t.is((await first).cacheStatus, 'bazar; fwd=uri-miss; stored');
  const { cacheStatus, outcome } = await second;
  t.is(cacheStatus, 'bazar; fwd=uri-miss; collapsed');
  t.is(outcome.type === 'done' ? outcome.result.revision : 0, 11 as Index);
});

test('a refusal is given to who joined only if it was read late enough: nothing is touched when it ends', async (t) => {
  for (const leased of [true, false]) {
    const f = setUp();
    f.lease.usable = leased;
    f.stream(10);
    const first = f.read(search);
    await f.clock.settle();
    f.stream(11);
    const second = f.read(search);
    await f.confirmed(11);
    await f.fetched(refused(10));
    await first;
    t.is(f.fetches.length, 1);
    await f.fetched(found(11));
    t.is((await second).outcome.type, 'done');
    t.like((await second).outcome, { result: { type: 'search' } });
  }
  const f = setUp();
  f.stream(10);
  const reads = [f.read(search), f.read(search)];
  await f.confirmed(10);
  await f.fetched(refused(10));
  for (const { outcome } of await Promise.all(reads)) t.like(outcome, { result: { type: 'noPage' } });
  t.deepEqual(f.noted, []);
  t.is(f.cache.statistics().stored, 0);
});

const purges: readonly (readonly [purge: Purge, taken: readonly string[]])[] = [
  [{ type: 'all' }, ['search', 'document']],
  [{ type: 'collection', collection: 'c' }, ['search', 'document']],
  [{ type: 'document', collection: 'c', id: '1' }, ['search', 'document']],
  [{ type: 'document', collection: 'c', id: '2' }, ['search']],
  [{ type: 'touches', touches: [touchOfDocument('c', '1')] }, ['search', 'document']],
  [{ type: 'collection', collection: 'cc' }, []],
  [{ type: 'key', key: 'c' }, []],
  [{ type: 'prefix', prefix: '' }, []],
];

for (const [purge, taken] of purges) {
  test(`a purge (${JSON.stringify(purge)}) takes ${taken.join(' and ') || 'nothing'}, kept or on its way`, async (t) => {
    const kept = setUp();
    kept.stream(10);
    const reads = [kept.read(search), kept.read(document)];
    await kept.fetched(found(10));
    await kept.fetched(got(10));
    await Promise.all(reads);
    t.is(kept.purge(purge), taken.length);
    const { entries } = kept.cache.statistics();
    t.deepEqual(
      [entries.search, entries.document],
      ['search', 'document'].map((kind) => Number(!taken.includes(kind))),
    );

    const underWay = setUp();
    underWay.stream(10);
    const late = [underWay.read(search), underWay.read(document)];
    await underWay.clock.settle();
    underWay.purge(purge);
    await underWay.fetched(found(10));
    await underWay.fetched(got(10));
    await Promise.all(late);
    t.is(underWay.cache.statistics().stored, 2 - taken.length);
  });
}

test('a document comes whole where its head alone is wanted, and is kept for both', async (t) => {
  const f = setUp();
  f.lease.usable = true;
  f.stream(10);
  const head = f.read({ ...document, withJson: false });
  await f.clock.settle();
  t.deepEqual(f.fetches[0]?.query, document);
  await f.fetched(got(10));
  const { outcome } = await head;
  t.is(outcome.type === 'done' ? outcome.result.document?.json : null, undefined);
  const whole = f.reader.atOnce(document, { timeoutMs: 1, directives: noDirectives });
  t.is(whole?.cacheStatus, 'bazar; hit; detail=lease');
  t.deepEqual(f.fetches, []);
});

test('no other answer is taken for that of a search or a document', async (t) => {
  const f = setUp();
  f.stream(10);
  const wrong = f.read(search);
  await f.clock.settle();
  const thrown = t.throwsAsync(wrong, { message: 'a search was answered with the result of a document' });
  await f.fetched(got(10));
  await thrown;
});

test('documents are remembered as hot, and searches are not', async (t) => {
  const f = setUp();
  f.stream(10);
  const reads = [f.read(search), f.read(document)];
  await f.fetched(found(10));
  await f.fetched(got(10));
  await Promise.all(reads);
  t.deepEqual([...f.reader.hottest()], [document]);
  f.purge({ type: 'all' });
  const warmed = f.reader.warm(document, 5000);
  await f.fetched(got(10));
  t.is(await warmed, 'warmed');
});
