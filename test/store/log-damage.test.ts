import { cp, open, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { atLeastAsUpToDate, type Entry, type EntryId, index } from '../../src/raft/types.ts';
import type { Disk } from '../../src/store/disk.ts';
import { levelDisk } from '../../src/store/disk-level.ts';
import { StartError, StoreError } from '../../src/store/errors.ts';
import { chainHashBeforeTheLog, payloadOf, writeRecord } from '../../src/store/log-record.ts';
import { entryKey, recordIn } from '../../src/store/log-rows.ts';
import { slotBytes } from '../../src/store/witness.ts';
import { damages } from '../system/log-damage.ts';
import { failingDisk } from './fault-disk.ts';
import {
  appendAll,
  batch,
  command,
  commands,
  entryId,
  hardState,
  type OpenLog,
  openLog,
  plain,
  readAll,
  scratch,
  withLog,
} from './log-fixture.ts';
import { createRandom } from './random.ts';

interface FilledLog {
  /** The data directory. */
  readonly path: string;
  /** LevelDB's. */
  readonly log: string;
  readonly witness: string;
  readonly entries: readonly Entry[];
  readonly last: EntryId;
}

/** A closed log that was opened several times, a term each time. */
async function filled(
  t: ExecutionContext,
  { sessions = 4, sessionEntries = 500, payloadBytes = 200, batchEntries = 50 } = {},
): Promise<FilledLog> {
  const path = await scratch(t);
  const entries: Entry[] = [];
  for (let session = 1; session <= sessions; session++) {
    const added = commands(session, entries.length + 1, entries.length + sessionEntries, payloadBytes);
    entries.push(...added);
    await withLog(path, ({ store }) => appendAll(store, added, batchEntries));
  }
  return filledLog(path, entries);
}

function filledLog(path: string, entries: readonly Entry[]): FilledLog {
  const end = entries.at(-1);
  return {
    path,
    log: join(path, 'log'),
    witness: join(path, 'witness'),
    entries,
    last: end === undefined ? entryId(0, 0) : entryId(end.term, end.index),
  };
}

/** It is RECOVERING, with a prefix of what was written and the claim to all of it, and says so once. */
async function checkRecovering(t: ExecutionContext, { entries, last }: FilledLog, { store, warnings }: OpenLog) {
  const { state } = store;
  t.is(warnings.length, 1, 'one line');
  t.regex(warnings[0] ?? '', /recovering/);
  t.true(state.last.index < last.index);
  t.deepEqual(state.hardState.claim, last);
  t.deepEqual(plain(await readAll(store)), plain(entries.slice(0, state.last.index)), 'never a wrong entry');
}

async function checkWhole(t: ExecutionContext, { path, entries, last }: FilledLog) {
  await withLog(path, async ({ store, warnings }) => {
    t.deepEqual(warnings, []);
    t.deepEqual(store.state.last, last);
    t.is(store.state.hardState.claim, null);
    t.deepEqual(plain(await readAll(store)), plain(entries));
  });
}

/** As the leader would send them, the claim carried until it is reached. */
async function sendAgain({ store }: OpenLog, { entries, last }: FilledLog) {
  const { currentTerm } = store.state.hardState;
  for (let from: number = store.state.last.index; from < entries.length; from += 100) {
    const missing = entries.slice(from, from + 100);
    const claim = missing.at(-1)?.index === last.index ? null : last;
    await store.append(batch(missing, { hardState: hardState(currentTerm, claim) }));
  }
}

const leveldbDamages = [
  ...damages,
  {
    name: 'every table cut in half',
    inflict: async (directory: string) => {
      for (const table of await tables(directory)) await truncate(table, Math.floor((await stat(table)).size / 2));
    },
  },
  {
    name: 'a page of zeros in every table',
    inflict: async (directory: string) => {
      for (const table of await tables(directory)) await overwrite(table, 4096, Buffer.alloc(4096));
    },
  },
  {
    name: 'every table deleted',
    inflict: async (directory: string) => {
      for (const table of await tables(directory)) await rm(table);
    },
  },
  {
    name: 'the whole database deleted',
    inflict: async (directory: string) => rm(directory, { recursive: true }),
  },
];

for (const { name, inflict } of leveldbDamages) {
  test(`${name}: noticed, the prefix kept, the rest claimed, and repaired by what a leader sends`, async (t) => {
    // The last session is larger than LevelDB's write buffer, so that its manifest has something to lose.
    const filledBefore = await filled(t, { sessions: 2, sessionEntries: 200 });
    const added = commands(5, 401, 2000, 3500);
    await withLog(filledBefore.path, ({ store }) => appendAll(store, added, 100));
    const written = filledLog(filledBefore.path, [...filledBefore.entries, ...added]);
    await inflict(written.log);
    await withLog(written.path, async (log) => {
      await checkRecovering(t, written, log);
    });
    await withLog(written.path, async (log) => {
      t.deepEqual(log.warnings, [], 'the rebuilt log is whole, it only ends too early');
      t.deepEqual(log.store.state.hardState.claim, written.last, 'the claim lasts');
      await sendAgain(log, written);
    });
    await checkWhole(t, written);
  });
}

test('one bit turned anywhere: never a wrong entry, never an entry lost without a claim', async (t) => {
  const written = await filled(t, { sessions: 2, sessionEntries: 60, payloadBytes: 40, batchEntries: 7 });
  const random = createRandom(1);
  const copy = await scratch(t);
  const verdicts = { normal: 0, recovering: 0 };
  for (let round = 0; round < 40; round++) {
    const path = join(copy, `${round}`);
    await copyDirectory(written, path);
    const files = (await readdir(join(path, 'log'))).filter((file) => /^(MANIFEST|CURRENT|\d)/.test(file));
    const file = join(path, 'log', random.pick(files));
    const { size } = await stat(file);
    if (size > 0) await turnBit(file, random.below(size * 8));
    await withLog(path, async ({ store }) => {
      const { last, hardState: found } = store.state;
      t.deepEqual(plain(await readAll(store)), plain(written.entries.slice(0, last.index)), `${round}: ${file}`);
      t.deepEqual(found.claim, last.index < written.last.index ? written.last : null);
      verdicts[found.claim === null ? 'normal' : 'recovering']++;
    });
  }
  t.log(verdicts);
  t.true(verdicts.recovering > 10);
});

test('a whole record of another log, in the place of the right one', async (t) => {
  for (const at of [1, 300, 500]) {
    const written = await filled(t, { sessions: 1, sessionEntries: 500 });
    const entry = command(1, at, 'another');
    const previous = at === 1 ? chainHashBeforeTheLog : await chainHashOf(written, at - 1);
    const record = Buffer.alloc(200);
    const { end } = writeRecord(record, 0, entry, payloadOf(entry), previous);
    const database = await levelDisk.openKeyValueStore(written.log, { createIfMissing: false });
    await database.batch([{ type: 'put', key: entryKey(at), value: record.subarray(0, end) }], { sync: true });
    await database.close();
    await withLog(written.path, async ({ store, warnings }) => {
      t.is(warnings.length, 1);
      t.deepEqual(store.state.hardState.claim, written.last);
      t.true(store.state.last.index <= at, `${at}: ${store.state.last.index}`);
    });
  }
});

async function chainHashOf({ path }: FilledLog, at: number): Promise<string> {
  return withLog(path, async ({ store }) => Buffer.from(store.chainHash(index(at))).toString('latin1'));
}

test('entries that were replaced and come back with an old database do not count as reaching the claim', async (t) => {
  const path = await scratch(t);
  const kept = [...commands(1, 1, 50), ...commands(3, 51, 85)];
  await withLog(path, ({ store }) => appendAll(store, [...kept, ...commands(5, 86, 100)], 20));
  const old = join(await scratch(t), 'log');
  await cp(join(path, 'log'), old, { recursive: true });
  await withLog(path, async ({ store }) => {
    await store.append(batch(commands(4, 86, 90), { truncateFrom: index(86), hardState: hardState(7) }));
  });
  await rm(join(path, 'log'), { recursive: true });
  await cp(old, join(path, 'log'), { recursive: true });
  await withLog(path, async ({ store }) => {
    t.deepEqual(store.state.hardState, hardState(7, entryId(4, 90)));
    t.deepEqual(plain(await readAll(store)), plain(kept), 'the entries of term 5 are gone');
  });
});

test('a database one batch behind takes it from the witness', async (t) => {
  const written = await filled(t, { sessions: 2 });
  await withoutLastBatch(written, async (store) => {
    await store.append(batch(commands(3, 1001, 1010)));
  });
  const all = filledLog(written.path, [...written.entries, ...commands(3, 1001, 1010)]);
  await checkWhole(t, all);
});

test('a database one batch behind takes a truncation from the witness', async (t) => {
  const written = await filled(t, { sessions: 2 });
  const replacement = commands(3, 901, 905);
  await withoutLastBatch(written, async (store) => {
    await store.append(batch(replacement, { truncateFrom: index(901), hardState: hardState(4) }));
  });
  const all = filledLog(written.path, [...written.entries.slice(0, 900), ...replacement]);
  await withLog(all.path, async ({ store, warnings }) => {
    t.deepEqual(warnings, []);
    t.deepEqual(store.state.hardState, hardState(4));
    t.deepEqual(store.state.termStarts, [entryId(1, 1), entryId(2, 501), entryId(3, 901)]);
    t.deepEqual(plain(await readAll(store)), plain(all.entries));
  });
  await checkWhole(t, all);
});

/** Does what `change` does, in one batch, and then cuts that batch's record off LevelDB's log file. */
async function withoutLastBatch({ path, log }: FilledLog, change: (store: OpenLog['store']) => Promise<void>) {
  const { file, size } = await withLog(path, async ({ store }) => {
    const name = await newest(log, /\.log$/);
    const before = (await stat(name)).size;
    await change(store);
    return { file: name, size: before };
  });
  await truncate(file, size);
}

test('a database one batch ahead of the witness is whole', async (t) => {
  const written = await filled(t, { sessions: 2 });
  await withOlderWitness(t, written, async (store) => {
    await store.append(batch(commands(3, 1001, 1010)));
  });
  await checkWhole(t, filledLog(written.path, [...written.entries, ...commands(3, 1001, 1010)]));
});

test('a truncation that reached the database alone is whole', async (t) => {
  const written = await filled(t, { sessions: 2 });
  await withOlderWitness(t, written, async (store) => {
    await store.append(batch(commands(3, 901, 905), { truncateFrom: index(901) }));
  });
  await checkWhole(t, filledLog(written.path, [...written.entries.slice(0, 900), ...commands(3, 901, 905)]));
});

test('a database two batches ahead has lost its witness: recovering, with the claim of what it knows', async (t) => {
  const written = await filled(t, { sessions: 2 });
  await withOlderWitness(t, written, async (store) => {
    await store.append(batch(commands(3, 1001, 1010)));
    await store.append(batch(commands(3, 1011, 1020)));
  });
  const all = filledLog(written.path, [...written.entries, ...commands(3, 1001, 1020)]);
  await withLog(written.path, (log) => checkRecovering(t, all, log));
});

/** Does what `change` does, and then puts the witness back as it was. */
async function withOlderWitness(
  t: ExecutionContext,
  { path, witness }: FilledLog,
  change: (store: OpenLog['store']) => Promise<void>,
) {
  const older = join(await scratch(t), 'witness');
  await withLog(path, async ({ store }) => {
    await cp(witness, older);
    await change(store);
  });
  await cp(older, witness);
}

/** As if bits had turned in the key of the row. */
async function moveRow({ log }: FilledLog, from: number, to: number): Promise<void> {
  const database = await levelDisk.openKeyValueStore(log, { createIfMissing: false });
  const value = database.get(entryKey(from)) ?? Buffer.alloc(0);
  await database.batch(
    [
      { type: 'delete', key: entryKey(from) },
      { type: 'put', key: entryKey(to), value },
    ],
    { sync: true },
  );
  await database.close();
}

test('a whole entry that stands under another key is missing, even the last one', async (t) => {
  for (const [from, to] of [
    [60, 60 + 2 ** 20],
    [100, 100 + 2 ** 20],
  ] as const) {
    const written = await filled(t, { sessions: 1, sessionEntries: 100 });
    await moveRow(written, from, to);
    await withLog(written.path, async (log) => {
      t.is(log.store.state.last.index, index(from - 1));
      await checkRecovering(t, written, log);
      await sendAgain(log, written);
    });
    await checkWhole(t, written);
  }
});

test('an entry that stands in the place of another is not read as that one', async (t) => {
  const written = await filled(t, { sessions: 1, sessionEntries: 100 });
  await withLog(written.path, async ({ store }) => {
    t.notThrows(() => store.chainHash(index(50)));
  });
  await moveRow(written, 60, 50);
  const database = await levelDisk.openKeyValueStore(written.log, { createIfMissing: false });
  t.throws(() => recordIn(database, index(50)), { instanceOf: StoreError, code: 'logDamaged' });
  await database.close();
});

test('a torn newest slot costs nothing', async (t) => {
  const written = await filled(t, { sessions: 2 });
  const slots = await slotOffsets(written.witness);
  await overwrite(written.witness, slots.newest + 100, Buffer.alloc(2000, 7));
  await checkWhole(t, written);
});

test('a damaged older slot costs nothing', async (t) => {
  const written = await filled(t, { sessions: 2 });
  const slots = await slotOffsets(written.witness);
  await overwrite(written.witness, slots.older, Buffer.alloc(4096));
  await checkWhole(t, written);
});

test('without a readable slot the replica is lost, and says what to do', async (t) => {
  const lost = { instanceOf: StartError, code: 'replicaLost', message: /r1 lost its data: remove it and add a repl/ };
  const zeroed = await filled(t, { sessions: 1 });
  await overwrite(zeroed.witness, 0, Buffer.alloc(4096));
  await overwrite(zeroed.witness, slotBytes, Buffer.alloc(4096));
  await t.throwsAsync(openLog(zeroed.path), lost);
  const missing = await filled(t, { sessions: 1 });
  await rm(missing.witness);
  await t.throwsAsync(openLog(missing.path), lost);
  const short = await filled(t, { sessions: 1 });
  await truncate(short.witness, slotBytes);
  await t.throwsAsync(openLog(short.path), lost);
});

test('a disk that has no room is not a damaged log', async (t) => {
  const written = await filled(t, { sessions: 1 });
  const full: Disk = {
    ...levelDisk,
    async openKeyValueStore(): Promise<never> {
      throw Object.assign(new Error('IO error: No space left on device'), { code: 'ENOSPC' });
    },
  };
  await t.throwsAsync(openLog(written.path, full), { instanceOf: StartError, code: 'logUnavailable' });
  await checkWhole(t, written);
});

for (const forGood of [true, false]) {
  const how = forGood ? 'a crash before' : 'a failure of';
  test(`${how} any write of a repair: the next start comes to the same claim, and no entry is wrong`, async (t) => {
    const damaged = await filled(t, { sessions: 2, sessionEntries: 100 });
    await damages.find(({ name }) => name.startsWith('one bit'))?.inflict(damaged.log);
    const copies = await scratch(t);
    let crashes = 0;
    for (let reached = true; reached; crashes++) {
      const copy = filledLog(join(copies, `${crashes}`), damaged.entries);
      await copyDirectory(damaged, copy.path);
      const fault = failingDisk(crashes, { forGood });
      await openLog(copy.path, fault.disk).then(
        ({ close }) => close(),
        () => {},
      );
      reached = fault.reached;
      if (crashes % 2 === 1) {
        // A second crash at the same point.
        await openLog(copy.path, failingDisk(crashes, { forGood }).disk).then(
          ({ close }) => close(),
          () => {},
        );
      }
      await withLog(copy.path, async (log) => {
        const { last, hardState: found } = log.store.state;
        t.deepEqual(found.claim, damaged.last, `crash ${crashes}`);
        t.false(atLeastAsUpToDate(last, damaged.last));
        t.deepEqual(plain(await readAll(log.store)), plain(damaged.entries.slice(0, last.index)), `crash ${crashes}`);
        await sendAgain(log, damaged);
      });
      await checkWhole(t, copy);
    }
    t.log(`${crashes} points`);
    t.true(crashes > 7);
  });
}

test('a record that rots while the log is open is not returned', async (t) => {
  const path = await scratch(t);
  await withLog(path, async ({ store }) => {
    await store.append(batch(commands(1, 1, 10)));
  });
  await withLog(path, async ({ store }) => {
    const table = await newest(join(path, 'log'), /\.ldb$/);
    await overwrite(table, 0, Buffer.alloc((await stat(table)).size));
    await t.throwsAsync(store.read(index(1), index(10), 1000), { instanceOf: StoreError, code: 'logDamaged' });
  });
});

/** The witness without the zeros that nothing was written over yet. */
async function copyDirectory(from: FilledLog, to: string): Promise<void> {
  const usedBytes = 64 * 1024;
  await cp(from.path, to, { recursive: true, filter: (source) => source !== from.witness });
  const source = await open(from.witness, 'r');
  const target = await open(join(to, 'witness'), 'w');
  for (const offset of [0, slotBytes]) {
    const { buffer } = await source.read(Buffer.alloc(usedBytes), 0, usedBytes, offset);
    await target.write(buffer, 0, usedBytes, offset);
  }
  await target.truncate(2 * slotBytes);
  await source.close();
  await target.close();
}

async function tables(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((file) => /\.ldb$/.test(file)).map((file) => join(directory, file));
}

async function newest(directory: string, name: RegExp): Promise<string> {
  const files = (await readdir(directory)).filter((file) => name.test(file)).sort();
  return join(directory, files.at(-1) ?? 'none');
}

async function overwrite(path: string, offset: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, offset);
  await file.close();
}

async function turnBit(path: string, bit: number): Promise<void> {
  const file = await open(path, 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, bit >> 3);
  buffer[0] = (buffer[0] ?? 0) ^ (1 << (bit & 7));
  await file.write(buffer, 0, 1, bit >> 3);
  await file.close();
}

/** By the generations that stand behind version, CRC and length. */
async function slotOffsets(path: string): Promise<{ newest: number; older: number }> {
  const file = await open(path, 'r');
  const generation = async (offset: number) =>
    (await file.read(Buffer.alloc(8), 0, 8, offset + 9)).buffer.readBigUInt64BE();
  const first = await generation(0);
  const second = await generation(slotBytes);
  await file.close();
  return first > second ? { newest: 0, older: slotBytes } : { newest: slotBytes, older: 0 };
}
