import test from 'ava';
import { type Index, index } from '../../src/raft/types.ts';
import { answersChanges, isOfInterest } from '../../src/store/changes-check.ts';
import { DamagedRowError } from '../../src/store/damage.ts';
import { History, type HistoryBounds, historyBoundsDefault } from '../../src/store/history.ts';
import { documentKey, historyKey, valueKey } from '../../src/store/keys.ts';
import type { Change, ChangesQuery, ChangesResult, Watched } from '../../src/store/watch.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryDisk, type MemoryStore } from './memory-disk.ts';
import { createRandom } from './random.ts';

/** What an entry changes: a key or, behind a slash, a document of a collection; a delete if the value is null. */
type Edit = readonly [name: string, value: string | Uint8Array | null];

function changesOf(revision: number, edits: readonly Edit[]): readonly Change[] {
  return edits.map(([name, given], place): Change => {
    const at = { revision: index(revision), place, count: edits.length };
    const [id, collection] = name.split('/').toReversed() as [string, string?];
    const subject =
      collection === undefined
        ? ({ type: 'key', key: name } as const)
        : ({ type: 'document', collection, id } as const);
    if (given === null) return { ...at, type: 'delete', subject, expired: place % 2 === 1 };
    const value = new Uint8Array(Buffer.from(given));
    const revisions = { createRevision: 1, modRevision: revision, version: revision };
    if (subject.type === 'document') {
      return { ...at, type: 'put', subject, document: { id, ...revisions, expiresAtMs: null, json: value } };
    }
    const item = { key: name, ...revisions, contentType: 'a/b', sizeBytes: value.length };
    const ends = revision % 3 === 0 ? { expiresAtMs: revision } : {};
    return { ...at, type: 'put', subject, item: { ...item, ...ends, value } };
  });
}

/** A history on a disk in memory, and all that has ever changed. */
class Fixture {
  readonly clock = new ManualClock();
  readonly bounds: HistoryBounds;
  readonly all: Change[] = [];
  history: History;
  applied = index(0);
  readonly store: MemoryStore;

  private constructor(store: MemoryStore, history: History, bounds: HistoryBounds) {
    this.store = store;
    this.history = history;
    this.bounds = bounds;
  }

  static async start(bounds: Partial<HistoryBounds> = {}): Promise<Fixture> {
    const store = await new MemoryDisk().openKeyValueStore('state', { createIfMissing: true });
    const all = { ...historyBoundsDefault, ...bounds };
    const fixture = new Fixture(store, await History.load(store, new ManualClock(), all, index(0)), all);
    await fixture.restart();
    return fixture;
  }

  async restart(): Promise<void> {
    this.history = await History.load(this.store, this.clock, this.bounds, this.applied);
  }

  /** Entries, one revision each. */
  add(...entries: readonly (readonly Edit[])[]): void {
    const changes = entries.flatMap((edits, nth) => changesOf(this.applied + nth + 1, edits));
    this.applied = index(this.applied + entries.length);
    this.all.push(...changes);
    this.history.add(changes, this.applied);
  }

  /** What was added is written, in one batch. */
  async write(): Promise<void> {
    const { rows, outdated } = this.history.takeRows();
    const puts = rows.map(({ key, value }) => ({ type: 'put', key, value }) as const);
    await this.store.batch([...puts, ...outdated.map((key) => ({ type: 'delete', key }) as const)], { sync: true });
    this.history.written();
  }

  ask(after: number, asked: Partial<ChangesQuery> = {}): Promise<ChangesResult> {
    const query = { after: index(after), skip: 0, watched: null, limit: 1000, waitMs: 0, ...asked };
    return this.history.query(query);
  }

  /** What is answered without time passing; null: it waits. */
  async soon(asked: Promise<ChangesResult>): Promise<ChangesResult | null> {
    await this.clock.settle();
    return Promise.race([asked, Promise.resolve(null)]);
  }

  /** Page by page up to the end, as a watch goes on. */
  async follow(after: number, watched: Watched | null, limit = 1000): Promise<readonly Change[]> {
    const found: Change[] = [];
    let [from, skip] = [after, 0];
    for (;;) {
      const result = await this.ask(from, { skip, watched, limit });
      if (result.type === 'compacted') throw new Error('it was compacted');
      found.push(...result.changes);
      if (result.through === this.applied) return found;
      [from, skip] = [result.through, result.skip];
    }
  }
}

const places = (changes: readonly Change[]) => changes.map(({ revision, place }) => `${revision}.${place}`);
const found = (result: ChangesResult | null) =>
  result?.type === 'changes' ? { places: places(result.changes), through: result.through, skip: result.skip } : result;

/** Whatever kind of byte string the values are. */
const plain = (changes: readonly Change[]) =>
  changes.map((change) => {
    if (change.type !== 'put') return change;
    return 'item' in change
      ? { ...change, item: { ...change.item, value: Buffer.from(change.item.value ?? 'none') } }
      : { ...change, document: { ...change.document, json: Buffer.from(change.document.json ?? 'none') } };
  });

const keys = (prefix: string): Watched => ({ type: 'keys', prefix });
const books: Watched = { type: 'collection', name: 'books' };

test('whatever is asked, wherever it stands: as the list of all changes says, with nothing missing and nothing twice', async (t) => {
  const random = createRandom(7);
  const names = ['a', 'ab', 'b', 'books/1', 'books/2', 'orders/1'];
  const watches = [null, keys(''), keys('a'), books, { type: 'collection', name: 'orders' } as const];
  const counted = { pages: 0, inside: 0, compacted: 0, behind: 0 };
  for (let round = 0; round < 25; round += 1) {
    const f = await Fixture.start({ changesMax: 30 + random.below(60) });
    for (let step = 0; step < 60; step += 1) {
      const entries = Array.from({ length: random.below(4) }, () =>
        Array.from({ length: random.below(4) }, (): Edit => {
          return [random.pick(names), random.below(4) === 0 ? null : `${random.below(1000)}`];
        }),
      );
      f.add(...entries);
      if (random.below(2) === 0) await f.write();
      if (random.below(12) === 0) {
        await f.write();
        await f.restart();
      }
      const after = index(random.below(f.applied + 3));
      const watched = random.pick(watches);
      const query = { after, skip: random.below(3), watched, limit: 1 + random.below(5), waitMs: 0 };
      const result = await f.history.query(query);
      if (result.type === 'compacted') {
        counted.compacted += 1;
        t.is(result.compactedRevision, f.history.compactedRevision);
        t.true(after < result.compactedRevision);
        continue;
      }
      if (result.through < after) {
        counted.behind += 1;
        t.deepEqual(result, { type: 'changes', changes: [], through: f.applied, skip: 0 });
        continue;
      }
      t.true(answersChanges(query, result));
      const isBehind = ({ revision, place }: Change, from: Index, skip: number) =>
        revision > from && !(revision === from + 1 && place < skip);
      const wanted = f.all.filter(
        (change) => isBehind(change, after, query.skip) && isOfInterest(watched, change.subject),
      );
      const shown = result.changes.length;
      t.deepEqual(plain(result.changes), plain(wanted.slice(0, shown)));
      // What is left is what comes behind the place that the answer names.
      t.deepEqual(
        places(wanted.filter((change) => isBehind(change, result.through, result.skip))),
        places(wanted.slice(shown)),
      );
      if (shown < wanted.length) counted.pages += 1;
      if (shown < wanted.length && result.skip > 0) counted.inside += 1;
    }
    const kept = f.all.filter(({ revision }) => revision > f.history.compactedRevision);
    t.deepEqual(plain(await f.follow(f.history.compactedRevision, null, 3)), plain(kept));
  }
  for (const count of Object.values(counted)) t.true(count > 20, JSON.stringify(counted));
});

test('a page that breaks off inside a revision says where, one that ends with a revision says only that', async (t) => {
  const f = await Fixture.start();
  f.add(
    [['a', '1']],
    [
      ['x', '1'],
      ['a', '2'],
      ['b', '1'],
      ['c', '1'],
    ],
    [
      ['x', '1'],
      ['a', '3'],
    ],
  );
  t.deepEqual(found(await f.ask(0, { limit: 2 })), { places: ['1.0', '2.0'], through: 1, skip: 1 });
  t.deepEqual(found(await f.ask(1, { skip: 1, limit: 2 })), { places: ['2.1', '2.2'], through: 1, skip: 3 });
  t.deepEqual(found(await f.ask(1, { skip: 3, limit: 1 })), { places: ['2.3'], through: 2, skip: 0 });
  const watched = keys('a');
  t.deepEqual(found(await f.ask(0, { watched, limit: 1 })), { places: ['1.0'], through: 1, skip: 0 });
  t.deepEqual(found(await f.ask(1, { watched, limit: 1 })), { places: ['2.1'], through: 2, skip: 0 });
  t.deepEqual(found(await f.ask(1, { watched, skip: 2 })), { places: ['3.1'], through: 3, skip: 0 });
});

test('what is known of a revision that is not there yet stays known', async (t) => {
  const f = await Fixture.start();
  f.add([['a', '1']]);
  t.deepEqual(found(await f.ask(1, { skip: 2 })), { places: [], through: 1, skip: 2 });
  const asked = f.ask(1, { skip: 2, waitMs: 100 });
  t.is(await f.soon(asked), null);
  f.add([
    ['a', '2'],
    ['b', '2'],
    ['c', '2'],
  ]);
  t.deepEqual(found(await f.soon(asked)), { places: ['2.2'], through: 2, skip: 0 });
});

test('who waits is answered by what is of interest, and otherwise in the end with how far it has been looked', async (t) => {
  const f = await Fixture.start();
  const [ofBooks, ofKeys, late] = [
    f.ask(0, { watched: books, waitMs: 100 }),
    f.ask(0, { watched: keys('k'), waitMs: 100 }),
    f.ask(0, { watched: keys('none'), waitMs: 100 }),
  ];
  t.is(await f.soon(ofBooks), null);
  f.add([['key', '1']]);
  t.deepEqual(found(await f.soon(ofKeys)), { places: ['1.0'], through: 1, skip: 0 });
  t.is(await f.soon(ofBooks), null);
  f.add([
    ['x', '1'],
    ['books/1', '{}'],
  ]);
  t.deepEqual(found(await f.soon(ofBooks)), { places: ['2.1'], through: 2, skip: 0 });
  await f.clock.advance(99);
  t.is(await f.soon(late), null);
  await f.clock.advance(1);
  t.deepEqual(found(await f.soon(late)), { places: [], through: 2, skip: 0 });
  t.is(f.clock.timers, 0);
});

test('a history that has not come so far waits for that, and says how far it has come', async (t) => {
  const f = await Fixture.start();
  f.add([['a', '1']]);
  const [early, late] = [f.ask(2, { waitMs: 50 }), f.ask(2, { waitMs: 100 })];
  await f.clock.settle();
  await f.clock.advance(50);
  t.deepEqual(found(await f.soon(early)), { places: [], through: 1, skip: 0 });
  f.add([['a', '2']]);
  t.is(await f.soon(late), null);
  f.add([['a', '3']]);
  t.deepEqual(found(await f.soon(late)), { places: ['3.0'], through: 3, skip: 0 });
});

test('what is added while rows are read is not waited for', async (t) => {
  for (let turns = 0; turns < 40; turns += 1) {
    const f = await Fixture.start();
    for (let nth = 0; nth < 4; nth += 1) {
      f.add([['a', `${nth}`]]);
      await f.write();
    }
    await f.restart();
    const asked = f.ask(0, { watched: books, waitMs: 1000 });
    for (let turn = 0; turn < turns; turn += 1) await null;
    f.add([['books/1', '{}']]);
    t.deepEqual(found(await f.soon(asked)), { places: ['5.0'], through: 5, skip: 0 }, `${turns}`);
  }
});

test('when it is closed whoever waits is answered at once', async (t) => {
  const f = await Fixture.start();
  f.add([['a', '1']]);
  const waiting = [f.ask(1, { waitMs: 30_000 }), f.ask(5, { waitMs: 30_000 }), f.ask(0, { watched: books, waitMs: 9 })];
  t.is(await f.soon(Promise.any(waiting)), null);
  f.history.close();
  const through = { type: 'changes', changes: [], through: index(1), skip: 0 } as const;
  t.deepEqual(await Promise.all(waiting), [through, through, through]);
  t.is(f.clock.timers, 0);
  t.deepEqual(await f.ask(1, { waitMs: 30_000 }), through);
});

test('what is more than memory holds is read from rows, wherever it was cut', async (t) => {
  const f = await Fixture.start();
  const value = Buffer.alloc(50_000, 1);
  for (let nth = 0; nth < 20; nth += 1) {
    f.add(
      ...Array.from({ length: 25 }, (_, place): Edit[] => [
        [`k${place}`, value],
        ['books/1', null],
      ]),
    );
    await f.write();
  }
  const got: Change[] = [];
  for (let after = 0; after < f.applied; ) {
    const result = await f.ask(after);
    if (result.type !== 'changes' || result.changes.length === 0) break;
    got.push(...result.changes);
    const bytes = result.changes.reduce((sum, change) => sum + ('item' in change ? change.item.sizeBytes : 0), 0);
    t.true(bytes <= 1024 * 1024);
    after = result.through;
    // A page may break off inside a revision: here the rest of it is a delete, and comes again.
    while (result.skip > 0 && got.at(-1)?.revision === after + 1) got.pop();
  }
  t.deepEqual(places(got), places(f.all));
  for (let after = 0; after < f.applied; after += 7) {
    const result = await f.ask(after, { watched: keys('k3'), limit: 1 });
    const wanted = f.all.find(({ revision, subject }) => revision > after && isOfInterest(keys('k3'), subject));
    t.deepEqual(result.type === 'changes' && places(result.changes), wanted === undefined ? [] : places([wanted]));
  }
});

test('what is on its way to the disk is there, however much it is', async (t) => {
  const f = await Fixture.start();
  const value = Buffer.alloc(1024 * 1024, 1);
  f.add(...Array.from({ length: 40 }, (_, nth): Edit[] => [[`k${nth}`, value]]));
  f.store.hold('hidden');
  const written = f.write();
  t.is((await f.follow(0, null)).length, 40);
  f.store.release();
  await written;
  t.is((await f.follow(0, null)).length, 40);
});

test('a change of one revision is one row, however many and long its keys are', async (t) => {
  const f = await Fixture.start();
  const name = (nth: number) => `${nth}`.padStart(1000, 'k');
  f.add(Array.from({ length: 10_000 }, (_, nth): Edit => [name(nth), null]));
  await f.write();
  await f.restart();
  const result = await f.ask(0);
  t.true(result.type === 'changes' && result.changes.length > 100 && result.changes.length < 1000);
  t.deepEqual(places(await f.follow(0, null)), places(f.all));
});

for (const [title, bounds, kept] of [
  ['changes', { changesMax: 6 }, 6],
  ['bytes', { bytesMax: 2000 }, 4],
  ['age', { ageMsMax: 50 }, 6],
] as const) {
  test(`what is beyond the bounds goes, by ${title}, and whoever asks for it is told`, async (t) => {
    const f = await Fixture.start(bounds);
    for (let nth = 0; nth < 10; nth += 1) {
      f.add([['a', Buffer.alloc(400)]]);
      await f.write();
      await f.clock.advance(10);
    }
    for (let life = 0; life < 2; life += 1) {
      const compactedRevision = index(10 - kept);
      t.is(f.history.compactedRevision, compactedRevision);
      t.deepEqual(await f.ask(compactedRevision - 1), { type: 'compacted', compactedRevision });
      t.is((await f.follow(compactedRevision, null)).length, kept);
      t.is(f.store.dump('h').length, kept);
      await f.restart();
    }
  });
}

test('the newest row stays: it says up to where others have gone', async (t) => {
  const f = await Fixture.start({ ageMsMax: 10 });
  f.add([['a', '1']], [['a', '2']]);
  await f.write();
  await f.clock.advance(100);
  f.add([]);
  await f.write();
  t.is(f.history.compactedRevision, index(0));
  f.add([['a', '3']]);
  await f.write();
  await f.restart();
  t.is(f.history.compactedRevision, index(2));
  t.deepEqual(places(await f.follow(2, null)), ['4.0']);
});

test('as long as nothing has been changed nothing is gone, over restarts too', async (t) => {
  const f = await Fixture.start();
  f.add([], []);
  await f.write();
  await f.restart();
  t.is(f.history.compactedRevision, index(0));
  f.add([['a', '1']]);
  await f.write();
  await f.restart();
  t.deepEqual(places(await f.follow(0, null)), ['3.0']);
  t.deepEqual(places(await f.follow(1, null)), ['3.0']);
});

test('of values that are there before its first row it knows nothing', async (t) => {
  for (const key of [valueKey('a'), documentKey(index(1), '1')]) {
    const f = await Fixture.start();
    f.add([], []);
    await f.store.batch([{ type: 'put', key, value: Buffer.from('of another version') }], { sync: true });
    await f.restart();
    t.deepEqual(await f.ask(1), { type: 'compacted', compactedRevision: index(2) });
  }
});

test('what is compacted while it waits or is read is not missed in silence', async (t) => {
  const f = await Fixture.start({ changesMax: 3 });
  f.add([['a', '1']]);
  await f.write();
  const asked = f.ask(0, { watched: books, waitMs: 100 });
  for (let nth = 0; nth < 10; nth += 1) {
    f.add([['a', '1']]);
    await f.write();
  }
  // It has looked at none of them, but they are known to hold nothing once it does: or else it is told.
  f.add([['books/1', '{}']]);
  const result = await f.soon(asked);
  t.true(result?.type === 'compacted' || (result?.type === 'changes' && places(result.changes).join() === '12.0'));
});

test('a row that is missing is damage, when it is read and at the next start', async (t) => {
  const f = await Fixture.start();
  for (let nth = 0; nth < 6; nth += 1) {
    f.add([['a', '1']]);
    await f.write();
  }
  await f.restart();
  f.store.lose(historyKey(3));
  await t.throwsAsync(f.ask(0), { instanceOf: DamagedRowError, message: /above revision 2 are missing/ });
  await t.throwsAsync(f.ask(2), { instanceOf: DamagedRowError });
  t.deepEqual(places(await f.follow(3, null)), ['4.0', '5.0', '6.0']);
  await t.throwsAsync(f.restart(), { instanceOf: DamagedRowError });
});

test('the last row that is missing is damage when it is read', async (t) => {
  const f = await Fixture.start();
  for (let nth = 0; nth < 3; nth += 1) {
    f.add([['a', '1']]);
    await f.write();
  }
  await f.restart();
  f.store.lose(historyKey(3));
  await t.throwsAsync(f.ask(1), { instanceOf: DamagedRowError });
});
