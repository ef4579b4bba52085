import test from 'ava';
import { Cache } from '../../../src/gateway/cache/cache.ts';
import { chargedBytes, keyName } from '../../../src/gateway/cache/entry.ts';
import { cachePolicies } from '../../../src/gateway/cache/policy.ts';
import type { Purge } from '../../../src/gateway/cache/purge.ts';
import { current, entryOf, listOf, sized, type TestEntry } from './entries.ts';

const MiB = 1024 * 1024;
const smallCache = (cacheBytes = MiB) => new Cache<string>({ cacheBytes });

/** As one stores it who was asked twice. */
function putTwice(cache: Cache<string>, entry: TestEntry): void {
  cache.put(entry);
  cache.put(entry);
}

test('what was stored is found under its name, and nothing else is', (t) => {
  const cache = smallCache();
  const entry = entryOf('a');
  t.is(cache.put(entry), 'stored');
  t.is(cache.get(keyName('a'), 0, current), entry);
  t.is(cache.get(keyName('b'), 0, current), null);
  const { hits, misses, stored } = cache.statistics();
  t.deepEqual([hits, misses, stored], [1, 1, 1]);
});

test('an entry that its caller finds stale is a miss, and never served again', (t) => {
  const cache = smallCache();
  cache.put(entryOf('a', { index: 7, touches: [5] }));
  const floors = new Map([[5, 8]]);
  const isCurrent = ({ index, touches }: TestEntry) => touches.every((touch) => index >= (floors.get(touch) ?? 0));
  t.is(cache.get(keyName('a'), 0, isCurrent), null);
  t.is(cache.peek(keyName('a'), 0), null);
  t.is(cache.get(keyName('a'), 0, current), null);
  const { hits, misses, evictions } = cache.statistics();
  t.deepEqual([hits, misses, evictions.stale], [0, 2, 1]);
});

test('a stale entry is counted once, whatever takes it in the end', (t) => {
  const cache = smallCache(64 * 1024);
  for (const key of ['replaced', 'deleted', 'purged', 'pushed out']) {
    cache.put(sized(entryOf(key), 4096));
    cache.get(keyName(key), 0, () => false);
  }
  t.is(cache.put(sized(entryOf('replaced', { index: 2 }), 4096)), 'stored');
  t.is(cache.get(keyName('replaced'), 0, current)?.index, 2);
  t.true(cache.delete(keyName('deleted')));
  t.is(cache.purge({ type: 'key', key: 'purged' }), 1);
  for (let number = 0; number < 14; number += 1) cache.put(sized(entryOf(`${number}`), 4096));
  t.is(cache.peek(keyName('13'), 0)?.answer, '13');
  t.deepEqual(cache.statistics().evictions, { size: 0, expired: 0, purged: 0, stale: 4 });
  t.is(cache.statistics().bytes.value, 15 * 4096);
});

test('what is written often keeps its place in sieve: the answer after a stale one counts as used', (t) => {
  const cache = smallCache(64 * 1024);
  cache.put(sized(entryOf('hot'), 4096));
  cache.get(keyName('hot'), 0, () => false);
  cache.put(sized(entryOf('hot', { index: 2 }), 4096));
  for (let number = 0; number < 15; number += 1) cache.put(sized(entryOf(`${number}`), 4096));
  t.is(cache.statistics().evictions.size, 1);
  t.is(cache.get(keyName('hot'), 0, current)?.index, 2);
});

test('a look counts as nothing, and does not save from eviction', (t) => {
  for (const policy of cachePolicies) {
    const cache = new Cache<string>({ cacheBytes: 32_768, policy });
    for (let number = 0; number < 8; number += 1) {
      cache.put(sized(entryOf(`${number}`), 4096));
      t.is(cache.peek(keyName('0'), 0)?.answer, number < 7 ? '0' : undefined, policy);
    }
    const { hits, misses } = cache.statistics();
    t.deepEqual([hits, misses], [0, 0]);
  }
});

test('what was read earlier does not take the place of what was read later', (t) => {
  const cache = smallCache();
  const later = entryOf('a', { index: 8, answer: 'later' });
  cache.put(later);
  t.is(cache.put(entryOf('a', { index: 7, answer: 'earlier' })), 'superseded');
  t.is(cache.peek(keyName('a'), 0), later);
  t.is(cache.put(entryOf('a', { index: 8, answer: 'again' })), 'stored');
  t.is(cache.peek(keyName('a'), 0)?.answer, 'again');
  t.is(cache.statistics().entries.value, 1);
});

const nothing = { value: 0, absence: 0, list: 0, document: 0, search: 0 };

test('a value and its absence take the place of each other, each in its own share', (t) => {
  const cache = smallCache();
  const value = entryOf('a', { index: 1, bytes: 1000 });
  const absence = entryOf('a', { index: 2, kind: 'absence', bytes: 10 });
  cache.put(value);
  cache.put(absence);
  t.deepEqual(cache.statistics().bytes, { ...nothing, absence: chargedBytes(absence) });
  cache.put({ ...value, index: 3 });
  t.deepEqual(cache.statistics().bytes, { ...nothing, value: chargedBytes(value) });
  t.deepEqual(cache.statistics().evictions, { size: 0, expired: 0, purged: 0, stale: 0 });
});

test('a cache of no bytes stores nothing, and works', (t) => {
  for (const policy of cachePolicies) {
    const cache = new Cache<string>({ cacheBytes: 0, policy });
    t.is(cache.put(entryOf('a')), 'tooLarge');
    t.is(cache.put(entryOf('b', { kind: 'absence' })), 'tooLarge');
    putTwice(cache, listOf('c/'));
    t.is(cache.get(keyName('a'), 0, current), null);
    t.false(cache.delete(keyName('a')));
    t.is(cache.purge({ type: 'all' }), 0);
    t.deepEqual(cache.statistics(), {
      hits: 0,
      misses: 1,
      stored: 0,
      evictions: { size: 0, expired: 0, purged: 0, stale: 0 },
      bytes: nothing,
      entries: nothing,
    });
  }
});

test('an entry of an eighth of the cache is stored, one byte more is not, and leaves the others alone', (t) => {
  const cache = smallCache();
  cache.put(entryOf('small'));
  t.is(cache.put(sized(entryOf('a'), MiB / 8 + 1)), 'tooLarge');
  t.is(cache.put(sized(entryOf('a'), MiB / 8)), 'stored');
  t.is(cache.statistics().entries.value, 2);
});

test('the cache is filled to the last byte before anything goes', (t) => {
  const cache = smallCache(64 * 1024);
  for (let number = 0; number < 15; number += 1) cache.put(sized(entryOf(`${number}`), 4096));
  t.deepEqual([cache.statistics().bytes.value, cache.statistics().evictions.size], [15 * 4096, 0]);
  cache.put(entryOf('one more'));
  t.is(cache.statistics().evictions.size, 1);
});

test('an absence may take as much as all absences, and no more', (t) => {
  const cache = smallCache();
  t.is(cache.put(sized(entryOf('a', { kind: 'absence' }), MiB / 16 + 1)), 'tooLarge');
  t.is(cache.put(sized(entryOf('a', { kind: 'absence' }), MiB / 16)), 'stored');
  t.is(cache.put(sized(entryOf('b', { kind: 'absence' }), MiB / 16)), 'stored');
  t.deepEqual([cache.statistics().entries.absence, cache.statistics().evictions.size], [1, 1]);
});

for (const policy of cachePolicies) {
  test(`under ${policy} a storm of different 404s evicts no value, and a flood of values no 404`, (t) => {
    const cache = new Cache<string>({ cacheBytes: MiB, policy });
    const values = Array.from({ length: 100 }, (_, number) => entryOf(`value ${number}`));
    const absences = Array.from({ length: 20 }, (_, number) => entryOf(`absence ${number}`, { kind: 'absence' }));
    for (const entry of [...values, ...absences]) cache.put(entry);
    for (let number = 0; number < 10_000; number += 1) cache.put(entryOf(`404 ${number}`, { kind: 'absence' }));
    t.true(values.every(({ name }) => cache.get(name, 0, current) !== null));
    t.true(cache.statistics().bytes.absence <= MiB / 16);
    const after = cache.statistics().entries.absence;
    for (let number = 0; number < 10_000; number += 1) cache.put(entryOf(`flood ${number}`));
    t.is(cache.statistics().entries.absence, after);
  });

  test(`under ${policy} a scan of ten thousand lists that nobody asks for again leaves a hot set`, (t) => {
    const cache = new Cache<string>({ cacheBytes: MiB, policy });
    // The values fill half of the cache; one list is admitted by mistake in some two hundred.
    const hot = Array.from({ length: 128 }, (_, number) => sized(entryOf(`hot ${number}`), 4096));
    for (const entry of hot) cache.put(entry);
    let admitted = 0;
    for (let number = 0; number < 10_000; number += 1) {
      if (cache.put(sized(listOf(`scanned ${number}/`), 4096)) === 'stored') admitted += 1;
    }
    t.true(admitted < 100, `${admitted} lists were admitted`);
    t.is(hot.filter(({ name }) => cache.get(name, 0, current) !== null).length, hot.length);
  });
}

test('a list is stored when it comes for the second time, and at once where it takes the place of another', (t) => {
  const cache = smallCache();
  t.is(cache.put(listOf('a/')), 'firstSight');
  t.is(cache.get(listOf('a/').name, 0, current), null);
  t.is(cache.put(listOf('a/', { index: 2 })), 'stored');
  t.is(cache.put(listOf('a/', { index: 3 })), 'stored');
  t.is(cache.get(listOf('a/').name, 0, current)?.index, 3);
});

test('a list that went stale comes back at once', (t) => {
  const cache = smallCache();
  putTwice(cache, listOf('a/'));
  t.is(
    cache.get(listOf('a/').name, 0, () => false),
    null,
  );
  t.is(cache.put(listOf('a/', { index: 2 })), 'stored');
});

test('an entry is served until the moment it expires, and is gone from then on', (t) => {
  const cache = smallCache();
  cache.put(entryOf('a', { storedAtMs: 1000, expiresAtMs: 1500 }));
  t.not(cache.get(keyName('a'), 1499, current), null);
  t.is(cache.get(keyName('a'), 1500, current), null);
  t.is(cache.get(keyName('a'), 1499, current), null);
  const { hits, misses, evictions, bytes } = cache.statistics();
  t.deepEqual([hits, misses, evictions.expired, bytes.value], [1, 2, 1, 0]);
});

test('a look at what has expired finds nothing either', (t) => {
  const cache = smallCache();
  cache.put(entryOf('a', { expiresAtMs: 10 }));
  t.is(cache.peek(keyName('a'), 10), null);
  t.is(cache.statistics().evictions.expired, 1);
});

test('what has expired already is not stored', (t) => {
  const cache = smallCache();
  t.is(cache.put(entryOf('a', { storedAtMs: 10, expiresAtMs: 10 })), 'expired');
  t.is(cache.statistics().entries.value, 0);
});

test('the bound on age of a class is on top of what the entry says, and counts from when it was stored', (t) => {
  const cache = new Cache<string>({ cacheBytes: MiB, ttl: { infoMs: 100, searchMs: 1000 } });
  cache.put(entryOf('value', { storedAtMs: 50 }));
  cache.put(entryOf('absence', { storedAtMs: 50, kind: 'absence' }));
  cache.put(entryOf('shorter', { storedAtMs: 50, expiresAtMs: 60 }));
  cache.put(entryOf('longer', { storedAtMs: 50, expiresAtMs: 5000 }));
  putTwice(cache, listOf('list/', { storedAtMs: 50 }));
  const found = (nowMs: number) =>
    [keyName('value'), keyName('absence'), keyName('shorter'), keyName('longer'), listOf('list/').name].map(
      (name) => cache.peek(name, nowMs) !== null,
    );
  t.deepEqual(found(59), [true, true, true, true, true]);
  t.deepEqual(found(149), [true, true, false, true, true]);
  t.deepEqual(found(150), [false, false, false, false, true]);
  t.deepEqual(found(1049), [false, false, false, false, true]);
  t.deepEqual(found(1050), [false, false, false, false, false]);
});

test('an age that is counted anew with each answer', (t) => {
  const cache = new Cache<string>({ cacheBytes: MiB, ttl: { infoMs: 100, searchMs: null } });
  cache.put(entryOf('a', { storedAtMs: 0 }));
  cache.put(entryOf('a', { storedAtMs: 90 }));
  t.not(cache.get(keyName('a'), 189, current), null);
});

test('delete takes one entry and says whether there was one', (t) => {
  const cache = smallCache();
  cache.put(entryOf('a'));
  cache.put(entryOf('b'));
  t.true(cache.delete(keyName('a')));
  t.false(cache.delete(keyName('a')));
  t.not(cache.peek(keyName('b'), 0), null);
  t.deepEqual(cache.statistics().evictions, { size: 0, expired: 0, purged: 1, stale: 0 });
});

const purges: readonly (readonly [title: string, purge: Purge, left: readonly string[]])[] = [
  [
    'a key takes its answer and the lists it may be in',
    { type: 'key', key: 'a/1' },
    ['a', 'a/', 'a/10', 'b/1', 'list a/1/', 'list b/'],
  ],
  [
    'a key that is not there takes lists that may show it',
    { type: 'key', key: 'b/2' },
    ['a', 'a/', 'a/1', 'a/10', 'b/1', 'list a/', 'list a/1/'],
  ],
  [
    'a prefix takes the answers to its keys and every list that overlaps it',
    { type: 'prefix', prefix: 'a/' },
    ['a', 'b/1', 'list b/'],
  ],
  ['the empty prefix takes all', { type: 'prefix', prefix: '' }, []],
  [
    'a touch takes whatever carries it',
    { type: 'touches', touches: [8, 7] },
    ['a', 'a/', 'a/10', 'list ', 'list a/1/', 'list b/'],
  ],
  ['all takes all', { type: 'all' }, []],
];

for (const [title, purge, left] of purges) {
  test(`purge: ${title}`, (t) => {
    const cache = smallCache();
    const touched = { touches: [3, 7] };
    const entries = [
      entryOf('a', { touches: [3] }),
      entryOf('a/', { kind: 'absence' }),
      entryOf('a/1', touched),
      entryOf('a/10'),
      entryOf('b/1', { ...touched, kind: 'absence' }),
      ...['', 'a/', 'a/1/', 'b/'].map((prefix) =>
        listOf(prefix, { answer: `list ${prefix}`, touches: prefix === 'a/' ? [7] : [1] }),
      ),
    ];
    for (const entry of entries) putTwice(cache, entry);
    t.is(cache.purge(purge), entries.length - left.length);
    const present = entries.filter(({ name }) => cache.peek(name, 0) !== null);
    t.deepEqual(
      present.map(({ answer }) => answer),
      left,
    );
    t.is(cache.statistics().evictions.purged, entries.length - left.length);
  });
}

test('a snapshot stays as it was', (t) => {
  const cache = smallCache();
  const before = cache.statistics();
  cache.put(entryOf('a'));
  cache.delete(keyName('a'));
  cache.put(entryOf('b'));
  t.deepEqual([before.stored, before.evictions.purged, before.bytes.value, before.entries.value], [0, 0, 0, 0]);
});

test('what is recalled takes no place of others, goes first, and a list need not come twice', (t) => {
  for (const policy of cachePolicies) {
    const cache = new Cache<string>({ cacheBytes: 64 * 1024, policy });
    cache.put(sized(entryOf('own'), 4096));
    t.is(cache.recall(sized(listOf('hottest/'), 4096)), 'stored');
    for (let number = 2; number < 15; number += 1) t.is(cache.recall(sized(entryOf(`${number}`), 4096)), 'stored');
    t.is(cache.recall(sized(entryOf('one too many'), 4096)), 'full');
    t.is(cache.recall(sized(entryOf('14'), 1)), 'superseded');
    t.is(cache.statistics().evictions.size, 0);
    t.deepEqual([...cache.hottest()].slice(0, 3), [keyName('own'), listOf('hottest/').name, keyName('2')], policy);
    cache.put(sized(entryOf('new'), 4096));
    t.is(cache.peek(keyName('14'), 0), null, 'the last that was recalled went for it');
    t.is([...cache.hottest()][0], keyName('new'));
  }
});

test('what cannot be kept is not recalled either', (t) => {
  t.is(smallCache(0).recall(entryOf('a')), 'full');
  const cache = new Cache<string>({ cacheBytes: 64 * 1024, ttl: { infoMs: 10, searchMs: 0 } });
  t.is(cache.recall(sized(entryOf('large'), 8193)), 'tooLarge');
  t.is(cache.recall(listOf('a/')), 'expired');
  t.is(cache.recall(entryOf('a')), 'stored');
  t.is(cache.peek(keyName('a'), 10), null, 'it is as old as it is');
});

test('absences come after all that is there, and what is stale is as hot as it was', (t) => {
  const cache = smallCache();
  cache.put(entryOf('old'));
  cache.put(entryOf('absent', { kind: 'absence' }));
  putTwice(cache, listOf('l/'));
  cache.put(entryOf('new'));
  cache.get(keyName('old'), 0, current);
  cache.get(keyName('old'), 0, () => false);
  t.deepEqual([...cache.hottest()], [keyName('old'), keyName('new'), listOf('l/').name, keyName('absent')]);
});

test('what is stored is copied, and nothing else is', (t) => {
  const copied: string[] = [];
  const cache = new Cache<string>({ cacheBytes: 100_000 }, (answer) => {
    copied.push(answer);
    return `copy of ${answer}`;
  });
  t.is(cache.put(listOf('l/', { answer: 'seen once' })), 'firstSight');
  t.is(cache.put(entryOf('large', { bytes: 50_000, answer: 'too large' })), 'tooLarge');
  t.is(cache.put(entryOf('a', { index: 2, answer: 'later' })), 'stored');
  t.is(cache.put(entryOf('a', { index: 1, answer: 'earlier' })), 'superseded');
  t.is(cache.recall(entryOf('a', { answer: 'hot before' })), 'superseded');
  t.is(cache.recall(entryOf('b', { answer: 'hot' })), 'stored');
  t.deepEqual(copied, ['later', 'hot']);
  t.is(cache.peek(keyName('a'), 0)?.answer, 'copy of later');
});
