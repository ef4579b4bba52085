import test from 'ava';
import { Cache } from '../../src/gateway/cache/cache.ts';
import type { Purge } from '../../src/gateway/cache/purge.ts';
import { noDirectives } from '../../src/gateway/cache-control.ts';
import { CachedReader } from '../../src/gateway/cached-reader.ts';
import { copyOf } from '../../src/gateway/cached-result.ts';
import { Coherence } from '../../src/gateway/coherence.ts';
import { pageStart } from '../../src/gateway/list-page.ts';
import type { ReadOptions, Result } from '../../src/gateway/store.ts';
import { Validator } from '../../src/gateway/validator.ts';
import { type Query, type QueryResult, type ReadOutcome, touchOfKey, touchOfPrefix } from '../../src/store/client.ts';
import { ManualClock } from '../store/manual-clock.ts';
import { memoryBytes } from './memory.ts';

type Index = QueryResult['revision'];

interface Asked {
  readonly query: Query;
  readonly options: ReadOptions;
  answer(outcome: ReadOutcome): void;
}

/** A gateway whose replicas, leader and stream do what the test says. */
function setUp({ cacheBytes = 1024 * 1024, leased = false } = {}) {
  const clock = new ManualClock();
  const fetches: Asked[] = [];
  const questions: ((index: number | null) => void)[] = [];
  const state = { live: true, behind: 0, leader: 'r1' as string | null };
  /** What was told for metrics: fills and proofs, as they came. */
  const noted: string[] = [];
  const lease = { usable: true };
  const client = {
    read: (query: Query, options: ReadOptions) =>
      new Promise<ReadOutcome>((answer) => fetches.push({ query, options, answer })),
    readIndex: (timeoutMs: number) =>
      new Promise<Index | null>((settle) => {
        questions.push((index) => settle(index as Index | null));
        clock.setTimer(timeoutMs, () => settle(null));
      }),
    leader: () => state.leader,
  };
  const coherence = new Coherence({ lineage: 'l', onAdvance: (published) => validator.advanced(published) });
  const validator: Validator = new Validator({
    clock,
    readIndex: client.readIndex,
    published: () => coherence.published,
    onBehind: () => {
      state.behind++;
    },
    onProof: (outcome) => noted.push(outcome),
  });
  const cache = new Cache<Result>({ cacheBytes }, copyOf);
  const reader = new CachedReader({
    client,
    cache,
    coherence,
    lease: leased ? lease : null,
    validator,
    clock,
    stream: state,
    metrics: { filled: (outcome) => noted.push(outcome) },
    id: 'g1',
  });
  coherence.follow('s');
  let position = 0;
  return {
    clock,
    cache,
    reader,
    purge: (purge: Purge) => reader.purge(purge),
    state,
    noted,
    lease,
    fetches,
    questions,
    get(key: string, options: Partial<ReadOptions> & { withValue?: boolean } = {}) {
      const { withValue = true, ...readOptions } = options;
      return reader.get({ type: 'get', key, withValue }, { timeoutMs: 5000, directives: noDirectives, ...readOptions });
    },
    list: (prefix: string) =>
      reader.list(
        { type: 'list', prefix, after: null, limit: 10, keysOnly: false },
        { timeoutMs: 5000, directives: noDirectives },
      ),
    /** The leader's log has come to `to`, where `touches` were touched; `publishIndex` of it is published. */
    stream(to: number, touches: readonly number[] = [], publishIndex = to) {
      const message = { lineage: 'l', streamId: 's', term: 1, from: position, to, publishIndex };
      coherence.receive({ ...message, touches: touches.length === 0 ? [] : [{ index: to, touches }] });
      position = to;
    },
    async fetched(answer: ReadOutcome) {
      await clock.settle();
      fetches.shift()?.answer(answer);
      await clock.settle();
    },
    async confirmed(index: number | null) {
      await clock.settle();
      for (const settle of questions.splice(0)) settle(index);
      await clock.settle();
    },
  };
}

function got(revision: number, value: string | null, modRevision = revision): ReadOutcome {
  const item = {
    ...{ key: 'k', createRevision: 1, modRevision, version: 1, contentType: 'text/plain' },
    ...{ sizeBytes: value?.length ?? 0, value: Buffer.from(value ?? '') },
  };
  return {
    type: 'done',
    replica: 'r2',
    result: { type: 'get', revision: revision as Index, item: value === null ? null : item },
  };
}

function listed(revision: number, keys: readonly string[]): ReadOutcome {
  const items = keys.map((key) => ({
    ...{
      key,
      createRevision: 1,
      modRevision: 1,
      version: 1,
      contentType: 'text/plain',
      sizeBytes: 1,
      value: Buffer.from('v'),
    },
  }));
  return { type: 'done', replica: 'r2', result: { type: 'list', revision: revision as Index, items, more: false } };
}

type Answer = Awaited<ReturnType<ReturnType<typeof setUp>['get']>>;

function told({ cacheStatus, outcome }: Answer) {
  if (outcome.type !== 'done') return { cacheStatus, type: outcome.type };
  const { revision, item } = outcome.result;
  const value = item?.value === undefined ? null : Buffer.from(item.value).toString();
  return { cacheStatus, value, revision: Number(revision), by: outcome.servedBy };
}

test('what was fetched once is served from memory, at the index up to which it is proven', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'v'));
  t.deepEqual(told(await first), { cacheStatus: 'bazar; fwd=uri-miss; stored', value: 'v', revision: 10, by: 'r2' });

  f.stream(12, [touchOfKey('another')]);
  const second = f.get('k');
  await f.confirmed(12);
  t.deepEqual(told(await second), { cacheStatus: 'bazar; hit; detail=validated', value: 'v', revision: 12, by: 'g1' });
  t.is(f.fetches.length, 0);
});

test.serial('a kept answer does not keep the URL of its key in memory', async (t) => {
  const f = setUp();
  const before = memoryBytes();
  for (let nth = 0; nth < 500; nth += 1) {
    const url = Buffer.from(`/v1/kv/collection/${nth}?${'&'.repeat(8000)}`).toString();
    void f.get(url.slice('/v1/kv/'.length, url.indexOf('?')));
  }
  await f.clock.settle();
  for (const { answer } of f.fetches.splice(0)) answer(got(10, 'v'));
  await f.clock.settle();
  f.noted.length = 0;
  const { entries, bytes } = f.cache.statistics();
  t.is(entries.value, 500);
  const measured = memoryBytes() - before;
  t.log(`${measured} bytes, ${bytes.value} counted`);
  t.true(measured < 2 * bytes.value);
});

test('a stale read passes by what is kept, as it was asked for, and what it finds is not kept', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'v'));
  await first;

  const asked = { timeoutMs: 70, consistency: 'stale', minRevision: 9 as Index, replica: 'r2' } as const;
  const second = f.get('k', asked);
  await f.clock.settle();
  t.deepEqual(f.fetches[0]?.options, asked);
  await f.fetched({ ...got(9, 'old'), staleMs: 30 } as ReadOutcome);
  t.like(await second, { cacheStatus: 'bazar; fwd=request', outcome: { type: 'done', servedBy: 'r2', staleMs: 30 } });

  const third = f.get('k');
  await f.confirmed(10);
  t.like(told(await third), { cacheStatus: 'bazar; hit; detail=validated', value: 'v' });
});

test('what was touched since is fetched anew', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'old'));
  await first;
  f.stream(11, [touchOfKey('k')]);
  const second = f.get('k');
  await f.confirmed(11);
  await f.fetched(got(11, 'new'));
  t.like(told(await second), { cacheStatus: 'bazar; fwd=stale; stored', value: 'new' });
  const third = f.get('k');
  await f.confirmed(11);
  t.like(told(await third), { cacheStatus: 'bazar; hit; detail=validated', value: 'new' });
});

test('a write that is not published yet ends what was read before it, and what is read now', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'old'));
  await first;
  f.stream(11, [touchOfKey('k')], 10);
  const second = f.get('k');
  await f.confirmed(10);
  await f.fetched(got(10, 'old'));
  t.like(told(await second), { cacheStatus: 'bazar; fwd=stale', value: 'old' }, 'answered, not stored');
});

test('an invalidation overtakes the fetch: its answer is given to who asked, and not stored', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.clock.settle();
  f.stream(11, [touchOfKey('k')]);
  await f.fetched(got(10, 'old'));
  t.like(told(await first), { cacheStatus: 'bazar; fwd=uri-miss', value: 'old' });
  const second = f.get('k');
  await f.fetched(got(11, 'new'));
  t.like(told(await second), { cacheStatus: 'bazar; fwd=uri-miss; stored', value: 'new' });
});

test('who joins a fetch is not served from it what is older than a write that came before', async (t) => {
  const f = setUp();
  f.stream(11, [touchOfKey('k')], 10);
  const first = f.get('k');
  await f.clock.settle();
  // 11 is published, and its writer has the answer.
  f.stream(11);
  const second = f.get('k');
  await f.confirmed(11);
  t.is(f.fetches.length, 1, 'it joined');
  await f.fetched(got(10, 'old'));
  t.like(told(await first), { value: 'old' });
  t.is(f.fetches.length, 1, 'it asks anew');
  await f.fetched(got(11, 'new'));
  t.like(told(await second), { value: 'new' });
});

test('who joins a fetch is served from it if it is new enough, or if nothing has touched it since', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.clock.settle();
  const [second, third] = [f.get('k'), f.get('k')];
  await f.confirmed(12);
  f.stream(12, [touchOfKey('another')]);
  await f.fetched(got(11, 'v'));
  t.like(told(await first), { cacheStatus: 'bazar; fwd=uri-miss; stored', revision: 11 });
  for (const joined of [second, third]) {
    t.like(told(await joined), { cacheStatus: 'bazar; fwd=uri-miss; collapsed', revision: 12, by: 'r2' });
  }
  t.is(f.fetches.length, 0);
});

test('those who were not served from one fetch share the next', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.clock.settle();
  const others = [f.get('k'), f.get('k'), f.get('k')];
  await f.confirmed(11);
  await f.fetched(got(10, 'old'));
  await first;
  t.is(f.fetches.length, 1);
  await f.fetched(got(11, 'new'));
  for (const other of others) t.like(told(await other), { value: 'new' });
  t.is(f.fetches.length, 0);
});

test('without a stream nothing is waited for', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'v'));
  await first;
  f.state.live = false;
  const second = f.get('k');
  await f.fetched(got(10, 'v'));
  t.like(told(await second), { cacheStatus: 'bazar; fwd=stale; stored' });
  t.is(f.questions.length, 0);
});

test('what no leader confirms is fetched', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'v'));
  await first;
  const second = f.get('k');
  await f.confirmed(null);
  await f.fetched(got(10, 'v'));
  t.like(told(await second), { cacheStatus: 'bazar; fwd=stale; stored', value: 'v' });
});

test('what is known to have been touched is fetched without a question to the leader', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'old'));
  await first;
  f.stream(11, [touchOfKey('k')]);
  const second = f.get('k');
  await f.clock.settle();
  t.is(f.questions.length, 0);
  await f.fetched(got(11, 'new'));
  t.like(told(await second), { cacheStatus: 'bazar; fwd=stale; stored', value: 'new' });
  const { hits, misses, evictions } = f.cache.statistics();
  t.deepEqual([hits, misses, evictions.stale], [0, 2, 1]);
});

test('a leader that does not answer takes no more than half of the time that a read has', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'v'));
  await first;
  const second = f.get('k', { timeoutMs: 200 });
  await f.clock.advance(100);
  t.is(f.questions.length, 1);
  await f.fetched(got(10, 'v'));
  t.like(told(await second), { cacheStatus: 'bazar; fwd=stale; stored', value: 'v' });
});

test('a proof that throws is a failure of its read', async (t) => {
  for (const timeoutMs of [200, 5000]) {
    const f = setUp();
    f.stream(10);
    const first = f.get('k');
    await f.fetched(got(10, 'v'));
    await first;
    const second = f.get('k', { timeoutMs });
    f.cache.get = () => {
      throw new Error('a mistake');
    };
    await f.confirmed(10);
    await t.throwsAsync(second, { message: 'a mistake' });
  }
});

test('the stream is waited for, for fifty milliseconds', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'v'));
  await first;
  const [second, third] = [f.get('k'), f.get('k')];
  await f.confirmed(11);
  await f.clock.advance(49);
  f.stream(11);
  await f.clock.settle();
  for (const hit of [second, third]) t.like(told(await hit), { cacheStatus: 'bazar; hit; detail=validated' });
  t.is(f.state.behind, 0);

  const fourth = f.get('k');
  await f.confirmed(12);
  await f.clock.advance(50);
  t.is(f.state.behind, 1);
  await f.fetched(got(12, 'v'));
  t.like(told(await fourth), { cacheStatus: 'bazar; fwd=stale; stored' });
});

test('reads that arrive together ask the leader once; one that comes later asks anew', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'v'));
  await first;
  void f.get('k');
  void f.get('k');
  await f.clock.settle();
  t.is(f.questions.length, 1);
  void f.get('k');
  await f.clock.settle();
  t.is(f.questions.length, 2);
});

test('that there is no such key is remembered until it is written', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, null));
  t.like(told(await first), { cacheStatus: 'bazar; fwd=uri-miss; stored', value: null });
  const second = f.get('k');
  await f.confirmed(10);
  t.like(told(await second), { cacheStatus: 'bazar; hit; detail=validated', value: null });
  f.stream(11, [touchOfKey('k')]);
  const third = f.get('k');
  await f.confirmed(11);
  await f.fetched(got(11, 'v'));
  t.like(told(await third), { cacheStatus: 'bazar; fwd=stale; stored', value: 'v' });
});

test('HEAD and GET are answered from what the other has stored', async (t) => {
  const f = setUp();
  f.stream(10);
  const head = f.get('k', { withValue: false });
  await f.fetched(got(10, 'v'));
  t.like(told(await head), { cacheStatus: 'bazar; fwd=uri-miss; stored', value: null });
  for (const [withValue, value] of [
    [true, 'v'],
    [false, null],
  ] as const) {
    const hit = f.get('k', { withValue });
    await f.confirmed(10);
    t.like(told(await hit), { cacheStatus: 'bazar; hit; detail=validated', value });
  }
  const absent = f.get('absent', { withValue: false });
  await f.fetched(got(10, null));
  t.like(told(await absent), { cacheStatus: 'bazar; fwd=uri-miss; stored' });
});

test('a value is fetched for HEAD where it may be kept alone', async (t) => {
  const f = setUp();
  f.stream(10);
  for (const [withValue, options] of [
    [true, {}],
    [true, { directives: { ...noDirectives, noCache: true } }],
    [false, { directives: { ...noDirectives, noStore: true } }],
    [false, { replica: 'r2' }],
    [false, { consistency: 'stale' }],
  ] as const) {
    const head = f.get('k', { withValue: false, ...options });
    await f.clock.settle();
    t.like(f.fetches[0]?.query, { withValue });
    await f.fetched(got(10, 'v'));
    t.is(told(await head).value, null);
    f.purge({ type: 'all' });
  }
});

test('a list is kept when it comes for the second time, until something under its prefix is touched', async (t) => {
  const f = setUp();
  f.stream(10);
  const statuses: string[] = [];
  const read = async (fetched: ReadOutcome | null, index: number | null) => {
    const reading = f.list('p/');
    if (index !== null) await f.confirmed(index);
    if (fetched !== null) await f.fetched(fetched);
    const { cacheStatus, outcome } = await reading;
    statuses.push(cacheStatus);
    if (outcome.type !== 'done') return outcome.type;
    const page = JSON.parse(pageStart(outcome.result) + outcome.result.rest.toString());
    return page.items.map(({ key }: { readonly key: string }) => key);
  };
  await read(listed(10, ['p/1']), null);
  await read(listed(10, ['p/1']), null);
  t.deepEqual(await read(null, 10), ['p/1']);
  f.stream(11, [touchOfKey('p/2'), touchOfPrefix('p/')]);
  t.deepEqual(await read(listed(11, ['p/1', 'p/2']), 11), ['p/1', 'p/2']);
  t.deepEqual(statuses, [
    'bazar; fwd=uri-miss',
    'bazar; fwd=uri-miss; stored',
    'bazar; hit; detail=validated',
    'bazar; fwd=stale; stored',
  ]);
});

test('a list that no write can touch as a whole, and a read of one replica, go past the cache', async (t) => {
  const f = setUp();
  f.stream(10);
  for (const prefix of ['', 'p']) {
    const reading = f.list(prefix);
    await f.fetched(listed(10, []));
    t.is((await reading).cacheStatus, 'bazar; fwd=bypass');
  }
  const first = f.get('k');
  await f.fetched(got(10, 'v'));
  await first;
  const pinned = f.get('k', { replica: 'r3' });
  await f.fetched(got(10, 'v'));
  t.like(told(await pinned), { cacheStatus: 'bazar; fwd=bypass', value: 'v' });
});

test('who joins a fetch that hangs has its answer at its own deadline', async (t) => {
  const f = setUp();
  f.stream(10);
  void f.get('k', { timeoutMs: 60_000 });
  await f.clock.settle();
  const second = f.get('k', { timeoutMs: 1000 });
  await f.clock.advance(1000);
  t.deepEqual(told(await second), { cacheStatus: 'bazar; fwd=uri-miss', type: 'unavailable' });
});

test('who gives up on a fetch leaves it to the others, and who has joined it is served though its beginner has gone', async (t) => {
  const f = setUp();
  f.stream(10);
  const hasty = f.get('k', { timeoutMs: 1 });
  await f.clock.settle();
  const patient = f.get('k');
  await f.confirmed(10);
  await f.clock.advance(1);
  t.deepEqual(told(await hasty), { cacheStatus: 'bazar; fwd=uri-miss', type: 'unavailable' });
  await f.clock.advance(500);
  t.is(f.fetches.length, 1);
  await f.fetched(got(10, 'v'));
  t.like(told(await patient), { cacheStatus: 'bazar; fwd=uri-miss; collapsed', value: 'v' });
});

test('while nobody answers those who wait for one key ask once a second, not once each', async (t) => {
  const f = setUp();
  f.stream(10);
  let fetches = 0;
  f.fetches.push = () => ++fetches;
  for (let nth = 0; nth < 100; nth++) {
    void f.get('k', { timeoutMs: 1000 });
    await f.clock.advance(10);
  }
  await f.clock.advance(1000);
  t.true(fetches <= 3, `${fetches} fetches`);
});

test('what is kept is a copy: the message it came in may be let go', async (t) => {
  const f = setUp();
  f.stream(10);
  const outcome = got(10, 'v');
  const first = f.get('k');
  await f.fetched(outcome);
  await first;
  if (outcome.type === 'done' && outcome.result.type === 'get') outcome.result.item?.value?.fill(0);
  const second = f.get('k');
  await f.confirmed(10);
  t.like(told(await second), { value: 'v' });
});

test('who asks for no cache gets what a replica says, and refreshes what is kept; with no-store it is not kept', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k', { directives: { ...noDirectives, noStore: true } });
  await f.fetched(got(10, 'v'));
  t.like(told(await first), { cacheStatus: 'bazar; fwd=request', value: 'v' });
  const second = f.get('k', { directives: { ...noDirectives, noCache: true } });
  await f.fetched(got(10, 'v'));
  t.like(told(await second), { cacheStatus: 'bazar; fwd=request; stored', value: 'v' });
  const third = f.get('k', { directives: { ...noDirectives, noCache: true } });
  await f.fetched(got(10, 'v'));
  t.like(told(await third), { cacheStatus: 'bazar; fwd=request; stored', value: 'v' });
});

test('who asks for what is cached alone gets it if it is proven to be current, and otherwise nothing', async (t) => {
  const f = setUp();
  const directives = { ...noDirectives, onlyIfCached: true };
  f.stream(10);
  const early = f.get('k', { directives });
  await f.confirmed(10);
  t.deepEqual(told(await early), { cacheStatus: 'bazar; detail=only-if-cached', type: 'notCached' });
  const first = f.get('k');
  await f.fetched(got(10, 'v'));
  await first;
  const second = f.get('k', { directives });
  await f.confirmed(10);
  t.like(told(await second), { cacheStatus: 'bazar; hit; detail=validated', value: 'v' });
  f.stream(11, [touchOfKey('k')]);
  const third = f.get('k', { directives });
  await f.confirmed(11);
  t.like(told(await third), { type: 'notCached' });
  t.is(f.fetches.length, 0);
});

const purgesOfK: readonly Purge[] = [
  { type: 'all' },
  { type: 'key', key: 'k' },
  { type: 'prefix', prefix: 'k' },
  { type: 'touches', touches: [touchOfKey('k')] },
];

for (const purge of purgesOfK) {
  test(`what was being fetched when it was purged (${purge.type}) is given to who had asked, and to nobody else`, async (t) => {
    const f = setUp();
    f.stream(10);
    const early = f.get('k');
    await f.clock.settle();
    t.is(f.purge(purge), 0);
    const late = f.get('k');
    await f.clock.settle();
    t.is(f.fetches.length, 2, 'it does not join');
    await f.fetched(got(10, 'distrusted'));
    t.like(told(await early), { cacheStatus: 'bazar; fwd=uri-miss', value: 'distrusted' });
    t.is(f.cache.statistics().stored, 0);
    const joining = f.get('k');
    await f.confirmed(10);
    await f.fetched(got(10, 'v'));
    t.like(told(await late), { cacheStatus: 'bazar; fwd=uri-miss; stored', value: 'v' });
    t.like(told(await joining), { cacheStatus: 'bazar; fwd=uri-miss; collapsed', value: 'v' });
    t.is(f.fetches.length, 0);
  });
}

test('a purge keeps an answer from being stored however it was asked for, and those it does not name are stored', async (t) => {
  const f = setUp();
  f.stream(10);
  const asked = [f.get('k', { directives: { ...noDirectives, noCache: true } }), f.get('k', { withValue: false })];
  const list = f.list('k/');
  await f.fetched(got(10, null));
  await f.clock.settle();
  t.is(f.cache.statistics().stored, 1);
  t.is(f.purge({ type: 'key', key: 'k/1' }), 0);
  await f.fetched(got(10, null));
  t.is(f.cache.statistics().stored, 2, 'it is not of that key');
  await f.fetched(listed(10, ['k/1']));
  await Promise.all([...asked, list]);

  const again = [f.list('k/'), f.get('k', { directives: { ...noDirectives, noCache: true } })];
  await f.clock.settle();
  t.is(f.purge({ type: 'prefix', prefix: 'k' }), 1);
  await f.fetched(listed(10, ['k/1']));
  await f.fetched(got(10, null));
  t.deepEqual(
    (await Promise.all(again)).map(({ cacheStatus }) => cacheStatus),
    ['bazar; fwd=uri-miss', 'bazar; fwd=request'],
  );
  const { entries } = f.cache.statistics();
  t.deepEqual(entries, { value: 0, absence: 0, list: 0, document: 0, search: 0 });
});

test('a purge takes what is kept from those who wait for its proof', async (t) => {
  const f = setUp();
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'distrusted'));
  await first;
  const second = f.get('k');
  await f.clock.settle();
  t.is(f.purge({ type: 'all' }), 1);
  await f.confirmed(10);
  await f.fetched(got(10, 'v'));
  t.like(told(await second), { cacheStatus: 'bazar; fwd=stale; stored', value: 'v' });
});

const keyQuestion = { type: 'get', key: 'k', withValue: true } as const;
const listQuestion = { type: 'list', prefix: 'p/', after: null, limit: 10, keysOnly: false } as const;

test('what is warmed up is served as if it had been asked for, lists at once', async (t) => {
  const f = setUp();
  f.stream(10);
  const warmed = [f.reader.warm(keyQuestion, 5000), f.reader.warm(listQuestion, 5000)];
  await f.fetched(got(10, 'v'));
  await f.fetched(listed(10, ['p/1']));
  t.deepEqual(await Promise.all(warmed), ['warmed', 'warmed']);
  const { hits, misses, stored } = f.cache.statistics();
  t.deepEqual([hits, misses, stored], [0, 0, 2], 'nobody asked');
  const reads = [f.get('k'), f.list('p/')] as const;
  await f.confirmed(10);
  t.like(told(await reads[0]), { cacheStatus: 'bazar; hit; detail=validated', value: 'v' });
  t.is((await reads[1]).cacheStatus, 'bazar; hit; detail=validated');
  t.deepEqual([...f.reader.hottest()], [keyQuestion, listQuestion]);
});

test('what is there, or is being fetched, is not fetched to warm up', async (t) => {
  const f = setUp();
  f.stream(10);
  const read = f.get('k');
  await f.clock.settle();
  t.is(f.reader.fetching, 1);
  t.is(await f.reader.warm(keyQuestion, 5000), 'skipped');
  await f.fetched(got(10, 'v'));
  await read;
  t.is(f.reader.fetching, 0);
  t.is(await f.reader.warm(keyQuestion, 5000), 'skipped');
  t.is(f.fetches.length, 0);
});

test('a request joins a fetch that warms up, which is nobody’s request', async (t) => {
  const f = setUp();
  f.stream(10);
  const warmed = f.reader.warm(keyQuestion, 5000);
  const read = f.get('k');
  await f.confirmed(10);
  t.is(f.reader.fetching, 0);
  await f.fetched(got(10, 'v'));
  t.is(await warmed, 'warmed');
  t.like(told(await read), { cacheStatus: 'bazar; fwd=uri-miss; collapsed', value: 'v' });
});

test('what was touched or purged meanwhile, or nobody could fetch, is not warmed up', async (t) => {
  const f = setUp();
  f.stream(10);
  const warm = async (outcome: ReadOutcome, meanwhile: () => void) => {
    const warmed = f.reader.warm(keyQuestion, 5000);
    await f.clock.settle();
    meanwhile();
    await f.fetched(outcome);
    return await warmed;
  };
  t.is(await warm(got(10, 'old'), () => f.stream(11, [touchOfKey('k')])), 'skipped');
  t.is(await warm(got(11, 'v'), () => f.purge({ type: 'all' })), 'skipped');
  t.is(await warm({ type: 'unavailable' }, () => {}), 'skipped');
  t.is(f.cache.statistics().stored, 0);
  t.is(await warm(got(11, 'v'), () => {}), 'warmed');
});

test('a full cache is not warmed up, but for absences, which have their own room', async (t) => {
  const f = setUp({ cacheBytes: 16 * 1024 });
  f.stream(10);
  const warm = async (key: string, value: string | null) => {
    const warmed = f.reader.warm({ ...keyQuestion, key }, 5000);
    await f.fetched(got(10, value));
    return await warmed;
  };
  for (let number = 0; ; number += 1) {
    const outcome = await warm(`${number}`, 'x'.repeat(1000));
    if (outcome === 'full') break;
    t.is(outcome, 'warmed');
  }
  t.is(f.cache.statistics().evictions.size, 0);
  t.is(await warm('absent', null), 'warmed');
  t.is(await warm('absent too', null), 'skipped');
});

test('nothing is warmed up before somebody leads and says what changes', (t) => {
  const f = setUp();
  t.true(f.reader.canKeep);
  f.state.live = false;
  t.false(f.reader.canKeep);
  f.state.live = true;
  f.state.leader = null;
  t.false(f.reader.canKeep);
});

test('metrics are told how each read was answered, and what became of fills and proofs', async (t) => {
  const f = setUp();
  f.stream(10);
  const [first, joined] = [f.get('k'), f.get('k')];
  await f.confirmed(10);
  await f.fetched(got(10, 'v'));
  const hit = f.get('k');
  await f.confirmed(10);
  await hit;
  f.stream(11, [touchOfKey('k')], 10);
  const stale = f.get('k');
  await f.confirmed(10);
  await f.fetched(got(10, 'v'));
  await stale;
  const unproven = f.get('k');
  await f.fetched(got(11, 'v'));
  const refused = f.get('k', { directives: { ...noDirectives, onlyIfCached: true } });
  await f.confirmed(null);
  const asked = f.get('k', { directives: { ...noDirectives, noCache: true } });
  await f.fetched(got(11, 'v'));
  const pinned = f.get('k', { replica: 'r3' });
  await f.fetched(got(11, 'v'));
  const readings = await Promise.all([first, joined, hit, stale, unproven, refused, asked, pinned]);
  t.deepEqual(
    readings.map(({ cacheResult }) => cacheResult),
    ['miss', 'collapsed', 'hit', 'stale', 'miss', 'onlyIfCached', 'request', 'bypass'],
  );
  t.deepEqual(f.noted, ['stored', 'proven', 'belowFloor', 'stored', 'noLeader', 'stored']);
});

test('under a lease a hit asks nobody', async (t) => {
  const f = setUp({ leased: true });
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'v'));
  await first;
  f.stream(12, [touchOfKey('another')], 11);
  t.deepEqual(told(await f.get('k')), { cacheStatus: 'bazar; hit; detail=lease', value: 'v', revision: 11, by: 'g1' });
  t.is(f.questions.length, 0);
});

test('under a lease what was touched is fetched, though the write may not be published', async (t) => {
  const f = setUp({ leased: true });
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'old'));
  await first;
  f.stream(11, [touchOfKey('k')], 10);
  const second = f.get('k');
  await f.fetched(got(10, 'old'));
  t.like(told(await second), { cacheStatus: 'bazar; fwd=stale', value: 'old' });
  const third = f.get('k');
  await f.fetched(got(11, 'new'));
  t.like(told(await third), { cacheStatus: 'bazar; fwd=uri-miss; stored', value: 'new' });
});

test('a lease that has ended leaves the proof', async (t) => {
  const f = setUp({ leased: true });
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'v'));
  await first;
  f.lease.usable = false;
  const second = f.get('k');
  await f.confirmed(10);
  t.like(told(await second), { cacheStatus: 'bazar; hit; detail=validated', value: 'v' });
});

test('who does not want what is kept gets a fetch, lease or not', async (t) => {
  const f = setUp({ leased: true });
  f.stream(10);
  const first = f.get('k');
  await f.fetched(got(10, 'v'));
  await first;
  const second = f.get('k', { directives: { ...noDirectives, noCache: true } });
  await f.fetched(got(10, 'v'));
  t.like(told(await second), { cacheStatus: 'bazar; fwd=request; stored' });
});

test('who joins a fetch is served from it under a lease, if nothing has touched it', async (t) => {
  const f = setUp({ leased: true });
  f.stream(10);
  const first = f.get('k');
  await f.clock.settle();
  const joined = f.get('k');
  await f.fetched(got(10, 'v'));
  t.like(told(await first), { value: 'v' });
  t.like(told(await joined), {
    cacheStatus: 'bazar; fwd=uri-miss; collapsed; detail=lease',
    value: 'v',
    revision: 10,
  });
  t.is(f.questions.length, 0);
});

test('who joins a fetch that was overtaken by an invalidation is not served from it, lease or not', async (t) => {
  const f = setUp({ leased: true });
  f.stream(10);
  f.stream(11, [touchOfKey('k')], 10);
  const first = f.get('k');
  await f.clock.settle();
  // The write is acknowledged, and then somebody asks.
  f.stream(11, [], 11);
  const joined = f.get('k');
  await f.fetched(got(10, 'old'));
  t.like(told(await first), { value: 'old' });
  await f.fetched(got(11, 'new'));
  t.like(told(await joined), { value: 'new' });
});

test('who joins a fetch and loses the lease before it lands fetches anew', async (t) => {
  const f = setUp({ leased: true });
  f.stream(10);
  const first = f.get('k');
  await f.clock.settle();
  const joined = f.get('k');
  await f.clock.settle();
  f.lease.usable = false;
  await f.fetched(got(10, 'v'));
  await first;
  await f.fetched(got(12, 'w'));
  t.like(told(await joined), { value: 'w' });
});
