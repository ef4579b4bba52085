/** Indexes that are built while their collection is in use. */
import test from 'ava';
import { chunkToBuild } from '../../src/store/duties.ts';
import { stringifyJson } from '../../src/store/json.ts';
import type { Filter } from '../../src/store/search-query.ts';
import { termsOf } from '../../src/store/terms.ts';
import { queryOf } from './catalog-fixture.ts';
import { OneMachine, openMachine } from './one-machine.ts';

const target = { type: 'document', collection: 'books', id: 'a' } as const;
const words = { field: 'title', kind: 'words' } as const;

class Fixture extends OneMachine {
  static async start(): Promise<Fixture> {
    const fixture = new Fixture(await openMachine());
    await fixture.apply({ type: 'openSession' });
    return fixture;
  }

  put(id: string, title: string): Promise<number> {
    const document = { id, title, stock: 3 };
    const { modRevision: definition, indexes } = this.collection('books');
    const basis = { definition, terms: termsOf(document, indexes), known: null };
    const ofBooks = { collection: 'books', id, json: stringifyJson(document), ttlMs: null, basis };
    return this.transact({ type: 'putDocument', ...ofBooks });
  }

  nextChunk() {
    return this.machine.read((reader) => chunkToBuild(reader, this.machine.collections));
  }

  /** As a leader does. */
  async build(): Promise<void> {
    for (let chunk = await this.nextChunk(); chunk !== null; chunk = await this.nextChunk()) await this.apply(chunk);
  }

  async found(...filters: readonly Filter[]): Promise<readonly string[]> {
    const { modRevision } = this.collection('books');
    const query = { type: 'search', definition: modRevision, search: queryOf({ filters }) } as const;
    const answer = await this.machine.query(query);
    if (answer.type !== 'search' || answer.result.type !== 'found') throw new Error(JSON.stringify(answer));
    return answer.result.documents.map(({ id }) => id);
  }
}

test('a document that is changed elsewhere while a chunk is on its way is in the new index', async (t) => {
  const f = await Fixture.start();
  await f.define('books');
  await f.put('a', 'Distributed Systems');
  await f.define('books', [words]);
  const chunk = await f.nextChunk();
  if (chunk === null) return t.fail();
  await f.transact({ type: 'add', target, field: 'stock', amount: -1, min: 0, max: null });
  await f.apply(chunk);
  await f.build();
  t.deepEqual(await f.found({ field: 'title', type: 'words', words: ['systems'] }), ['a']);
});

test('an index may be defined, built and dropped as often as one likes', async (t) => {
  const f = await Fixture.start();
  await f.define('books');
  await f.put('a', 'Distributed Systems');
  for (let round = 0; round < 130; round += 1) {
    await f.define('books', [words]);
    await f.build();
    await f.define('books');
  }
  await f.sweep();
  await f.define('books', [words]);
  await f.build();
  t.deepEqual(await f.found({ field: 'title', type: 'words', words: ['systems'] }), ['a']);
});

test('a chunk has no more terms than a turn has time for, and all of them get there', async (t) => {
  const f = await Fixture.start();
  await f.define('books');
  const title = Array.from({ length: 900 }, (_, nth) => `w${nth}`).join(' ');
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  for (const id of ids) await f.put(id, title);
  await f.define('books', [words]);
  t.is((await f.nextChunk())?.documents.length, 3);
  await f.build();
  t.deepEqual(await f.found({ field: 'title', type: 'words', words: ['w17'] }), ids);
});
