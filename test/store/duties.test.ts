import test from 'ava';
import { chunkToSweep, dueBy } from '../../src/store/duties.ts';
import { touchesOf } from '../../src/store/touch.ts';
import type { FieldTerms, Operation } from '../../src/store/transaction.ts';
import { OneMachine, openMachine } from './one-machine.ts';

const json = Buffer.from('{}');
const ttlMs = 100;

class Fixture extends OneMachine {
  static async start(): Promise<Fixture> {
    const fixture = new Fixture(await openMachine());
    await fixture.apply({ type: 'openSession' });
    await fixture.apply({ type: 'tick', stampMs: 1, expired: [], forgotten: [] });
    return fixture;
  }

  /** Documents with a lifetime. */
  async putDocuments(name: string, count: number, terms: readonly FieldTerms[] = []): Promise<void> {
    const definition = this.collection(name).modRevision;
    const basis = { definition, terms, known: null };
    const put = (nth: number): Operation => ({
      type: 'putDocument',
      ...{ collection: name, id: `${nth}`, json, ttlMs, basis },
    });
    const puts = Array.from({ length: count }, (_, nth) => put(nth));
    for (let from = 0; from < count; from += 100) await this.transact(...puts.slice(from, from + 100));
  }

  putDocument(collection: string, id: string, contents: Buffer): Promise<number> {
    const definition = this.collection(collection).modRevision;
    const basis = { definition, terms: [], known: null };
    return this.transact({ type: 'putDocument', collection, id, json: contents, ttlMs, basis });
  }

  due(): ReturnType<typeof dueBy> {
    return this.machine.read((reader) => dueBy(reader, this.machine.collections, 1 + ttlMs));
  }

  /** As a leader does; how many were listed in each tick. */
  async expire(): Promise<readonly number[]> {
    const counts: number[] = [];
    for (;;) {
      const tick = await this.due();
      if (tick.expired.length === 0) return counts;
      counts.push(tick.expired.length);
      await this.apply(tick);
    }
  }
}

test('of what is due so much is listed at once as caches can be told one by one', async (t) => {
  const ofOne = await Fixture.start();
  await ofOne.define('books');
  await ofOne.putDocuments('books', 600);
  t.is(ofOne.machine.clock.mortals, 600);
  const tick = await ofOne.due();
  t.is(tick.expired.length, 255);
  t.is(touchesOf(tick).length, 256);
  t.deepEqual(await ofOne.expire(), [255, 255, 90]);
  t.is(ofOne.machine.clock.mortals, 0);

  const ofMany = await Fixture.start();
  for (const name of ['a', 'b', 'c', 'd']) {
    await ofMany.define(name);
    await ofMany.putDocuments(name, 80);
  }
  const first = await ofMany.due();
  t.is(first.expired.length, 252);
  t.true(Array.isArray(touchesOf(first)));
  t.deepEqual(await ofMany.expire(), [252, 68]);

  const ofKeys = await Fixture.start();
  const put = (nth: number): Operation => {
    return { type: 'put', key: `${nth}/a/b/c/d/e`, value: json, contentType: '', ttlMs };
  };
  await ofKeys.transact(...Array.from({ length: 100 }, (_, nth) => put(nth)));
  t.true(Array.isArray(touchesOf(await ofKeys.due())));
  t.deepEqual(await ofKeys.expire(), [42, 42, 16]);
});

test('a tick takes no more terms with it than a turn has time for', async (t) => {
  const f = await Fixture.start();
  await f.define('books', [{ field: 'title', kind: 'words' }]);
  const words = Array.from({ length: 900 }, (_, nth) => `w${String(nth).padStart(3, '0')}`);
  await f.putDocuments('books', 7, [{ field: 'title', kind: 'words', terms: words }]);
  t.deepEqual(await f.expire(), [3, 3, 1]);
});

test('a sweep takes no more with it than a turn has time to read', async (t) => {
  const f = await Fixture.start();
  await f.define('books');
  const large = Buffer.from(JSON.stringify({ text: 't'.repeat(1024 * 1024 - 100) }));
  for (let nth = 0; nth < 6; nth += 1) await f.putDocument('books', `${nth}`, large);
  await f.define('books', null);
  const sweep = await f.machine.read(chunkToSweep);
  t.is(sweep?.rows.length, 5);
  t.false(sweep?.isLast);
  await f.sweep();
  t.is(await f.machine.read(chunkToSweep), null);
  t.is(f.machine.clock.mortals, 0);
});

test('what is dropped with its collection does not stand in the way of what is due behind it', async (t) => {
  const f = await Fixture.start();
  await f.define('books');
  await f.putDocuments('books', 600);
  await f.transact({ type: 'put', key: 'lock', value: json, contentType: '', ttlMs });
  t.deepEqual(await f.define('books', null), { type: 'dropped', revision: f.machine.appliedInMemory.index });
  await f.sweep();
  t.is(f.machine.clock.mortals, 1);
  t.deepEqual(await f.expire(), [1]);
  t.is(f.machine.clock.mortals, 0);
});
