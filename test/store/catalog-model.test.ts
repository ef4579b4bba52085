import test from 'ava';
import { type Entry, type Index, index, term } from '../../src/raft/types.ts';
import type { Command, CommandResult } from '../../src/store/command.ts';
import { encodeCommand } from '../../src/store/command-codec.ts';
import type { KeyValueReader } from '../../src/store/disk.ts';
import { chunkToBuild, chunkToSweep, dueBy } from '../../src/store/duties.ts';
import { type KvStateMachine, openStateMachine } from '../../src/store/state-machine.ts';
import { canonical } from './canonical.ts';
import { CatalogHistory } from './catalog-history.ts';
import { CatalogModel } from './catalog-model.ts';
import { answerOf } from './catalog-model-queries.ts';
import { garbageIn, rowProblems } from './catalog-model-rows.ts';
import { MemoryDisk } from './memory-disk.ts';
import { machineOptions } from './one-machine.ts';
import { createRandom } from './random.ts';

const path = '/data/state';

/** The machine and the model, fed with the same. */
class Pair {
  readonly model = new CatalogModel();
  readonly disk = new MemoryDisk();
  machine: KvStateMachine | null = null;
  #last = 0;

  get real(): KvStateMachine {
    if (this.machine === null) throw new Error('it is not open');
    return this.machine;
  }

  get next(): Index {
    return index(this.#last + 1);
  }

  async open(): Promise<void> {
    this.machine = await openStateMachine(this.disk, path, { ...machineOptions, firstStart: this.#last === 0 });
  }

  /** One after the other, in groups as the driver makes them. Answers where the two differ first. */
  async apply(commands: readonly Command[]): Promise<string | null> {
    const expected: CommandResult[] = [];
    const entries = commands.map((command): Entry => {
      const at = this.next;
      this.#last = at;
      expected.push(this.model.apply(command, at));
      return { term: term(1), index: at, type: 'command', command: encodeCommand(command) };
    });
    for (let from = 0; from < entries.length; ) {
      const some = this.real.applicable(entries.slice(from));
      if (some === 0) {
        await this.real.prepare(entries[from] as Entry);
        continue;
      }
      const { results } = this.real.apply(entries.slice(from, from + some), Buffer.from('12345678'));
      for (const [nth, result] of results.entries()) {
        const wanted = canonical(expected[from + nth]);
        if (canonical(result) === wanted) continue;
        const command = JSON.stringify(commands[from + nth], (_, value) =>
          value?.type === 'Buffer' ? Buffer.from(value.data).toString('latin1') : value,
        );
        return `${command}\n  is answered ${canonical(result)}\n  by the model ${wanted}`;
      }
      from += some;
    }
    return null;
  }

  rows(): Promise<readonly (readonly [Uint8Array, Uint8Array])[]> {
    return this.real.read(async (reader) => {
      const rows: (readonly [Uint8Array, Uint8Array])[] = [];
      for await (const row of reader.iterate({ gte: Buffer.of(), lt: Buffer.of(0xff) })) rows.push(row);
      return rows;
    });
  }
}

/** What a leader would propose now. */
async function duty(pair: Pair, random: ReturnType<typeof createRandom>): Promise<Command | null> {
  const { real, model } = pair;
  const read = <T>(of: (reader: KeyValueReader) => Promise<T>) => real.read(of);
  switch (random.below(3)) {
    case 0:
      return read((reader) => dueBy(reader, real.collections, model.timeMs + 1 + random.below(400)));
    case 1:
      return read((reader) => chunkToBuild(reader, real.collections));
    default:
      return read(chunkToSweep);
  }
}

async function life(seed: number): Promise<string | null> {
  const random = createRandom(seed);
  const pair = new Pair();
  await pair.open();
  const history = new CatalogHistory(random, pair.model);
  let seen = 0;
  for (let round = 0; round < 60; round += 1) {
    const extra = random.below(3) === 0 ? await duty(pair, random) : null;
    const problem = extra === null ? await several(pair, history, 1 + random.below(4)) : await pair.apply([extra]);
    if (problem !== null) return problem;
    if (random.below(15) === 0) {
      await pair.real.close();
      await pair.open();
    }
    const asked = await answersDiffer(pair, history);
    if (asked !== null) return asked;
    if (round % 10 > 0) continue;
    const [row] = rowProblems(await pair.rows(), pair.model);
    if (row !== undefined) return row;
    const changes = pair.model.changes.slice(seen);
    const after = index(seen === 0 ? 0 : (pair.model.changes[seen - 1]?.revision ?? 0));
    const found = await pair.real.changes({ after, skip: 0, watched: null, limit: 1000, waitMs: 0 });
    if (found.type === 'changes' && canonical(found.changes) !== canonical(changes)) {
      return `after ${after} has changed ${canonical(found.changes)}\n  by the model ${canonical(changes)}`;
    }
    seen = pair.model.changes.length;
  }
  return sweptClean(pair);
}

async function answersDiffer({ real, model }: Pair, history: CatalogHistory): Promise<string | null> {
  const query = history.query();
  // Everything that was evaluated is on the disk then.
  await real.read(async () => {});
  const found = await real.query(query);
  const wanted = answerOf(model, query, found.revision);
  if (canonical(found) === canonical(wanted)) return null;
  return `${JSON.stringify(query)}\n  is answered ${canonical(found)}\n  by the model ${canonical(wanted)}`;
}

/** Commands are made for the state before them, so one at a time; a group is applied at once all the same. */
async function several(pair: Pair, history: CatalogHistory, count: number): Promise<string | null> {
  for (let nth = 0; nth < count; nth += 1) {
    const problem = await pair.apply([history.next(pair.next)]);
    if (problem !== null) return problem;
  }
  return null;
}

async function sweptClean(pair: Pair): Promise<string | null> {
  for (;;) {
    const sweep = await pair.real.read(chunkToSweep);
    if (sweep === null) break;
    const problem = await pair.apply([sweep]);
    if (problem !== null) return problem;
  }
  const left = garbageIn(await pair.rows(), pair.model);
  return left === 0 ? null : `${left} rows of what was dropped are left`;
}

for (let seed = 1; seed <= 12; seed += 1) {
  test(`what commands do is what the model says, ${seed}`, async (t) => {
    t.is(await life(seed), null);
  });
}
