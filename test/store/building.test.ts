/** Indexes that are built while their collection is in use. */
import test from 'ava';
import { silentLogger } from '../../src/logger.ts';
import { index, term } from '../../src/raft/types.ts';
import type { IndexDefinition } from '../../src/store/collection.ts';
import type { Command, CommandResult } from '../../src/store/command.ts';
import { encodeCommand } from '../../src/store/command-codec.ts';
import { chunkToBuild, chunkToSweep } from '../../src/store/duties.ts';
import { historyBoundsDefault } from '../../src/store/history.ts';
import { stringifyJson } from '../../src/store/json.ts';
import type { Filter } from '../../src/store/search-query.ts';
import { type KvStateMachine, openStateMachine } from '../../src/store/state-machine.ts';
import { termsOf } from '../../src/store/terms.ts';
import type { Operation } from '../../src/store/transaction.ts';
import { systemClock } from '../../src/system-clock.ts';
import { queryOf } from './catalog-fixture.ts';
import { MemoryDisk } from './memory-disk.ts';
import { undeclaredTouch } from './undeclared-touch.ts';

const hash = Buffer.from('12345678');
const target = { type: 'document', collection: 'books', id: 'a' } as const;
const words = { field: 'title', kind: 'words' } as const;

class Fixture {
  readonly machine: KvStateMachine;
  #sequence = 0;

  private constructor(machine: KvStateMachine) {
    this.machine = machine;
  }

  static async start(): Promise<Fixture> {
    const machine = await openStateMachine(new MemoryDisk(), '/state', {
      firstStart: true,
      syncWrites: true,
      clock: systemClock,
      gatherMs: 0,
      history: historyBoundsDefault,
      log: silentLogger,
      onUndeclaredTouch: undeclaredTouch,
    });
    const fixture = new Fixture(machine);
    await fixture.apply({ type: 'openSession' });
    return fixture;
  }

  async apply(command: Command): Promise<CommandResult | null> {
    const at = index(this.machine.appliedInMemory.index + 1);
    const entry = { term: term(1), index: at, type: 'command', command: encodeCommand(command) } as const;
    const { results, written } = this.machine.apply([entry], hash);
    await written;
    return results[0] ?? null;
  }

  async transact(...then: readonly Operation[]): Promise<void> {
    const transaction = { compares: [], then, otherwise: [] };
    const done = await this.apply({ type: 'transaction', stamp: this.#stamp(), idempotency: null, transaction });
    if (done?.type !== 'transaction') throw new Error(`it failed: ${JSON.stringify(done)}`);
  }

  define(indexes: readonly IndexDefinition[]): Promise<CommandResult | null> {
    const definition = { idField: 'id', indexes };
    return this.apply({ type: 'define', stamp: this.#stamp(), name: 'books', definition, replaces: null });
  }

  put(id: string, title: string): Promise<void> {
    const document = { id, title, stock: 3 };
    const basis = {
      definition: this.collection.modRevision,
      terms: termsOf(document, this.collection.indexes),
      known: null,
    };
    return this.transact({
      type: 'putDocument',
      collection: 'books',
      id,
      json: stringifyJson(document),
      ttlMs: null,
      basis,
    });
  }

  get collection() {
    const [collection] = this.machine.collections;
    if (collection === undefined) throw new Error('there is no collection');
    return collection;
  }

  nextChunk() {
    return this.machine.read((reader) => chunkToBuild(reader, this.machine.collections));
  }

  /** As a leader does. */
  async build(): Promise<void> {
    for (let chunk = await this.nextChunk(); chunk !== null; chunk = await this.nextChunk()) await this.apply(chunk);
  }

  async sweep(): Promise<void> {
    const next = () => this.machine.read(chunkToSweep);
    for (let chunk = await next(); chunk !== null; chunk = await next()) await this.apply(chunk);
  }

  async found(...filters: readonly Filter[]): Promise<readonly string[]> {
    const query = { type: 'search', definition: this.collection.modRevision, search: queryOf({ filters }) } as const;
    const answer = await this.machine.query(query);
    if (answer.type !== 'search' || answer.result.type !== 'found') throw new Error(JSON.stringify(answer));
    return answer.result.documents.map(({ id }) => id);
  }

  #stamp() {
    this.#sequence += 1;
    return { session: index(1), sequence: this.#sequence, lowestUnanswered: this.#sequence };
  }
}

test('a document that is changed elsewhere while a chunk is on its way is in the new index', async (t) => {
  const f = await Fixture.start();
  await f.define([]);
  await f.put('a', 'Distributed Systems');
  await f.define([words]);
  const chunk = await f.nextChunk();
  if (chunk === null) return t.fail();
  await f.transact({ type: 'add', target, field: 'stock', amount: -1, min: 0, max: null });
  await f.apply(chunk);
  await f.build();
  t.deepEqual(await f.found({ field: 'title', type: 'words', words: ['systems'] }), ['a']);
});

test('an index may be defined, built and dropped as often as one likes', async (t) => {
  const f = await Fixture.start();
  await f.define([]);
  await f.put('a', 'Distributed Systems');
  for (let round = 0; round < 130; round += 1) {
    await f.define([words]);
    await f.build();
    await f.define([]);
  }
  await f.sweep();
  await f.define([words]);
  await f.build();
  t.deepEqual(await f.found({ field: 'title', type: 'words', words: ['systems'] }), ['a']);
});

test('a chunk has no more terms than a turn has time for, and all of them get there', async (t) => {
  const f = await Fixture.start();
  await f.define([]);
  const title = Array.from({ length: 900 }, (_, nth) => `w${nth}`).join(' ');
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  for (const id of ids) await f.put(id, title);
  await f.define([words]);
  t.is((await f.nextChunk())?.documents.length, 3);
  await f.build();
  t.deepEqual(await f.found({ field: 'title', type: 'words', words: ['w17'] }), ids);
});
