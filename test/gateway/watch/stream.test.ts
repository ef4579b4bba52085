import test from 'ava';
import { sse } from '../../../src/gateway/watch/format.ts';
import { createRandom } from '../../store/random.ts';
import type { Written } from './fake-history.ts';
import { setUp } from './fixture.ts';

const put = (key: string, value: string | Uint8Array = 'v'): Written => ({ key, value });
const large = (key: string, kibibytes: number): Written => put(key, 'x'.repeat(kibibytes * 1024));

test('what is written is sent at once, in order, with its revision as id', async (t) => {
  const { settle, history, watch } = setUp();
  history.write(put('before'));
  const reader = watch('1');
  await settle();
  history.write(put('a'));
  history.write({ key: 'a', value: null });
  history.write(put('b'));
  await settle();
  t.deepEqual(reader.lines, [
    { event: 'bookmark', id: '1', revision: 1 },
    {
      ...{ event: 'put', id: '2', key: 'a', revision: 2, createRevision: 1, version: 1 },
      ...{ contentType: 'text/plain', size: 1, value: 'v' },
    },
    { event: 'delete', id: '3', key: 'a', revision: 3 },
    {
      ...{ event: 'put', id: '4', key: 'b', revision: 4, createRevision: 1, version: 1 },
      ...{ contentType: 'text/plain', size: 1, value: 'v' },
    },
  ] as never);
});

test('whoever may not read any more is told no more than until the next sign of life', async (t) => {
  const { settle, advance, history, watch, counts } = setUp();
  let mayGoOn = true;
  const reader = watch('0', { mayGoOn: () => mayGoOn });
  await settle();
  await advance(15_000);
  t.false(reader.ended);
  mayGoOn = false;
  await advance(15_000);
  t.true(reader.ended);
  t.is(reader.lines.at(-1)?.event, 'closing');
  history.write(put('a'));
  await settle();
  t.deepEqual(reader.ids, []);
  t.is(counts.watchers.ndjson, 0);
});

test('changes of one transaction are told apart, and the last one ends the revision', async (t) => {
  const { settle, history, watch } = setUp();
  const all = watch('0');
  const some = watch('0', { prefix: 'a' });
  await settle();
  history.write(put('a1'), put('b1'), put('a2'), put('b2'));
  await settle();
  t.deepEqual(all.ids, ['1:0', '1:1', '1:2', '1']);
  t.deepEqual(some.ids, ['1:0', '1']);
});

test('a watch that went on inside a revision repeats nothing of it', async (t) => {
  const { settle, history, watch } = setUp();
  history.write(put('a'), put('b'), put('c'));
  history.write(put('d'));
  const readers = ['0', '1:0', '1:1', '1:2', '1'].map((from) => watch(from));
  await settle();
  t.deepEqual(
    readers.map(({ ids }) => ids),
    [['1:0', '1:1', '1', '2'], ['1:1', '1', '2'], ['1', '2'], ['2'], ['2']],
  );
});

test('pages that break off anywhere neither lose nor repeat a change', async (t) => {
  for (const pageMax of [1, 2, 3, 5, 7]) {
    const { advance, history, watch } = setUp();
    history.pageMax = pageMax;
    for (let entry = 0; entry < 20; entry++) {
      history.write(
        ...Array.from({ length: (entry % 4) + 1 }, (_, at) => put(`${at % 2 === 0 ? 'a' : 'b'}/${entry}/${at}`)),
      );
    }
    const all = watch('0');
    const some = watch('0', { prefix: 'b/' });
    await advance(100);
    const keysOf = (reader: typeof all) => reader.lines.flatMap(({ key }) => (key === undefined ? [] : [key]));
    const expected = history.changes_.map(({ subject }) => (subject.type === 'key' ? subject.key : ''));
    t.deepEqual(keysOf(all), expected);
    t.deepEqual(
      keysOf(some),
      expected.filter((key) => key.startsWith('b/')),
    );
  }
});

test('any number of watches at the head cost one question, and nobody watching costs none', async (t) => {
  const { settle, advance, history, counts, watch } = setUp();
  const readers = Array.from({ length: 50 }, () => watch('0'));
  await settle();
  history.write(put('a'));
  await settle();
  t.true(readers.every(({ ids }) => ids.length === 1));
  t.is(history.queries.length, 2);
  t.is(counts.changes, 50);
  for (const reader of readers) reader.stream?.closed();
  await advance(5000);
  t.is(history.queries.length, 2);
  t.like(counts, { watchers: { ndjson: 0 }, ends: { left: 50 } });
});

test('what nobody watches is not asked for, and a wider interest loses nothing', async (t) => {
  const { interest, settle, advance, history, watch } = setUp();
  const one = watch('0', { prefix: 'config/a' });
  await settle();
  t.deepEqual(interest(), { type: 'keys', prefix: 'config/a' });
  history.write(put('config/b'));
  history.write(put('config/a'));
  await settle();
  const two = watch('0', { prefix: 'config/b' });
  await advance(100);
  t.deepEqual(interest(), { type: 'keys', prefix: 'config/' });
  history.write(put('config/b'));
  history.write(put('config/a'));
  await settle();
  t.deepEqual(
    [one.ids, two.ids],
    [
      ['2', '4'],
      ['1', '3'],
    ],
  );
  one.stream?.closed();
  await advance(2000);
  t.deepEqual(interest(), { type: 'keys', prefix: 'config/b' });
});

test('a watch that is further back reads pages of its own until it meets the others', async (t) => {
  const { settle, advance, history, counts, watch } = setUp();
  for (let at = 0; at < 2500; at++) history.write(put(`k${at}`));
  const reader = watch('0');
  await advance(100);
  t.is(reader.ids.length, 2500);
  t.is(counts.polls.page.found, 3);
  history.write(put('new'));
  await settle();
  t.is(reader.ids.at(-1), '2501');
  t.is(counts.polls.page.found, 3);
});

test('one that falls out of the ring goes on by pages', async (t) => {
  const { settle, history, watch } = setUp({ ringEventsMax: 10 });
  const quick = watch('0');
  const slow = watch('0', { stalled: true });
  await settle();
  for (let at = 0; at < 100; at++) {
    history.write(put(`k${at}`));
    await settle();
  }
  t.deepEqual([quick.ids.length, slow.ids.length], [100, 0]);
  slow.goOn();
  await settle();
  t.deepEqual(slow.ids, quick.ids);
});

test('a bookmark says how far it has looked, though nothing of interest happened', async (t) => {
  const { advance, history, watch } = setUp();
  const often = watch('0', { prefix: 'a', bookmarkMs: 1000 });
  const seldom = watch('0', { prefix: 'a' });
  history.write(put('b'));
  await advance(3500);
  t.deepEqual(
    often.lines.map(({ id }) => id),
    ['0', '1', '1', '1'],
  );
  t.deepEqual(
    seldom.lines.map(({ id }) => id),
    ['0'],
  );
  await advance(11_600);
  t.deepEqual(
    seldom.lines.map(({ id }) => id),
    ['0', '1'],
  );
});

test('server-sent events say when to come back, and that they live', async (t) => {
  const { settle, advance, history, watch } = setUp();
  const reader = watch('0', { format: sse });
  await settle();
  history.write(put('a'), { key: 'b', value: null });
  await advance(15_000);
  t.is(
    reader.text,
    [
      'retry: 1000\n\nid: 0\nevent: bookmark\ndata: {"revision":0}\n\n',
      'id: 1:0\nevent: put\ndata: {"key":"a","revision":1,"createRevision":1,"version":1,"contentType":"text/plain","size":1,"value":"v"}\n\n',
      'id: 1\nevent: delete\ndata: {"key":"b","revision":1}\n\n',
      ': heartbeat\n\nid: 1\nevent: bookmark\ndata: {"revision":1}\n\n',
    ].join(''),
  );
});

test('a history that is gone ends a stream, and says what is kept', async (t) => {
  const { settle, history, watch } = setUp({ ringEventsMax: 2 });
  const reader = watch('0', { stalled: true });
  await settle();
  for (let at = 0; at < 10; at++) {
    history.write(put(`k${at}`));
    await settle();
  }
  history.compact(5);
  reader.goOn();
  await settle();
  t.deepEqual(reader.lines.at(-1), { event: 'compacted', from: '0', compactedRevision: 5 });
  t.true(reader.ended);
});

test('a gateway that missed what is gone goes on for those who come now', async (t) => {
  const { settle, advance, history, watch } = setUp();
  const reader = watch('0');
  await settle();
  history.silent = true;
  for (let at = 0; at < 10; at++) history.write(put(`k${at}`));
  history.compact(7);
  history.silent = false;
  await advance(20_000);
  t.like(reader.lines.at(-1), { event: 'compacted', compactedRevision: 7 });
  const next = watch('10');
  await settle();
  history.write(put('new'));
  await settle();
  t.deepEqual(next.ids, ['11']);
});

test('a reader that takes nothing holds one chunk, and is told where to go on', async (t) => {
  const { settle, advance, history, counts, watch } = setUp({ slowMs: 10_000 });
  const reader = watch('0', { stalled: true });
  await settle();
  reader.goOn();
  reader.stalled = true;
  for (let at = 0; at < 100; at++) history.write(large(`k${at}`, 10));
  await advance(9000);
  t.true(reader.heldBytes <= 64 * 1024 + 4096, `${reader.heldBytes}`);
  const { lastId } = reader;
  t.not(lastId, '0');
  t.false(reader.ended);
  await advance(1000);
  t.deepEqual(reader.lines.at(-1), { event: 'slow', id: lastId, from: lastId });
  t.true(reader.ended);
  t.false(reader.destroyed);
  await advance(2000);
  t.true(reader.destroyed);
  t.is(counts.ends.slow, 1);
  const again = watch(reader.lastId);
  await advance(100);
  t.is(new Set([...reader.ids, ...again.ids]).size, 100);
  t.is(reader.ids.length + again.ids.length, 100);
});

test('a thousand readers that stall hold no more large changes than are allowed, and the others go on', async (t) => {
  const bytesMax = 4 * 1024 * 1024;
  const { settle, advance, history, hub, watch } = setUp({ largeBytesMax: bytesMax, slowMs: 5000 });
  const reading = watch('0');
  const readers = Array.from({ length: 1000 }, () => watch('0'));
  await settle();
  const heldBytes = () => {
    const held = readers.reduce((all, reader) => all.union(reader.held), new Set<ArrayBufferLike>());
    return [...held].reduce((sum, { byteLength }) => sum + (byteLength > 100_000 ? byteLength : 0), 0);
  };
  for (let at = 0; at < 10; at++) {
    for (const reader of readers.slice(100 * at, 100 * at + 100)) reader.stalled = true;
    history.write(large(`k${at}`, 900));
    await settle();
    t.true(heldBytes() <= bytesMax, `${heldBytes()}`);
    // What many wait for is there once, and keeps nobody from the next ones until all is taken.
    t.is(reading.ids.length, Math.min(at + 1, 4));
  }
  await advance(30_000, 1000);
  t.is(reading.ids.length, 10);
  t.true(readers.every(({ destroyed }) => destroyed));
  t.is(heldBytes(), 0);
  let isFree = false;
  hub.room.ask(Buffer.alloc(bytesMax), () => {
    isFree = true;
  });
  t.true(isFree, 'all was given back');
});

test('pages are held by a few at a time, and those who wait for one get theirs', async (t) => {
  const { settle, advance, history, watch } = setUp({ pagesMax: 2, ringEventsMax: 10, slowMs: 1000 });
  for (let at = 0; at < 200; at++) history.write(large(`k${at}`, 2));
  const stalled = [watch('0', { stalled: true }), watch('0', { stalled: true })];
  for (const reader of stalled) {
    reader.goOn();
    reader.stalled = true;
  }
  await settle();
  const reader = watch('0');
  await settle();
  t.is(reader.ids.length, 0);
  await advance(4000);
  t.true(stalled.every(({ ended }) => ended));
  t.is(reader.ids.length, 200);
});

test('replicas that are behind, silence and a closing gateway neither lose nor repeat anything', async (t) => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = createRandom(seed);
    const chance = (probability: number) => random.below(1000) < 1000 * probability;
    const { advance, history, watch } = setUp({ ringEventsMax: 20, chunkBytes: 2048, slowMs: 3000 });
    history.lag = () => (chance(0.3) ? random.below(5) : 0);
    const prefixes = ['', 'a', 'b', 'ab'];
    const readers = prefixes.map((prefix) => ({ prefix, reader: watch('0', { prefix }), got: [] as string[] }));
    const takeAll = (watching: (typeof readers)[number]) => {
      for (const { event, key, revision } of watching.reader.lines) {
        if (event === 'put' || event === 'delete') watching.got.push(`${revision} ${key}`);
      }
    };
    const comeBack = (watching: (typeof readers)[number]) => {
      takeAll(watching);
      watching.reader = watch(watching.reader.lastId, { prefix: watching.prefix });
    };
    for (let step = 0; step < 150; step++) {
      history.pageMax = 1 + random.below(8);
      if (chance(0.05)) history.silent = true;
      else if (chance(0.3)) history.silent = false;
      const count = 1 + random.below(4);
      const keys = new Set(Array.from({ length: count }, () => random.pick(['a', 'b', 'ab', 'ba', 'c'])));
      history.write(
        ...[...keys].map((key) => (chance(0.2) ? { key, value: null } : put(key, 'x'.repeat(random.below(600))))),
      );
      for (const watching of readers) {
        const { reader } = watching;
        if (reader.ended) comeBack(watching);
        else if (chance(0.05)) {
          if (chance(0.5)) reader.stream?.end('closing');
          else reader.stream?.closed();
          comeBack(watching);
        } else if (reader.stalled ? chance(0.2) : chance(0.1)) {
          if (reader.stalled) reader.goOn();
          else reader.stalled = true;
        }
      }
      await advance(random.below(500), 100);
    }
    history.silent = false;
    history.lag = () => 0;
    for (const { reader } of readers) if (!reader.ended) reader.goOn();
    await advance(12_000);
    for (const watching of readers) if (watching.reader.ended) comeBack(watching);
    await advance(20_000);
    for (const watching of readers) {
      takeAll(watching);
      const expected = history.changes_.flatMap(({ revision, subject }) =>
        subject.type === 'key' && subject.key.startsWith(watching.prefix) ? [`${revision} ${subject.key}`] : [],
      );
      t.deepEqual(watching.got, expected, `seed ${seed}, prefix ${watching.prefix}`);
    }
  }
});
