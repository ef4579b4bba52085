import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Clock } from '../../src/raft/interfaces.ts';
import { type Entry, index, term } from '../../src/raft/types.ts';
import { type Command, type CommandResult, limits, noPrecondition, type Query } from '../../src/store/command.ts';
import { decodeCommand, encodeCommand } from '../../src/store/command-codec.ts';
import { formatDigest } from '../../src/store/digest.ts';
import { levelDisk } from '../../src/store/disk-level.ts';
import { StartError, StoreError } from '../../src/store/errors.ts';
import { appliedKey, batchKey, historyKey, resultsKey, sessionKey, valueKey } from '../../src/store/keys.ts';
import { type KvStateMachine, openStateMachine } from '../../src/store/state-machine.ts';
import { systemClock } from '../../src/system-clock.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryDisk, type MemoryStore } from './memory-disk.ts';
import { machineOptions } from './one-machine.ts';
import { createRandom } from './random.ts';
import { keysInPlay, randomHistory, StateModel, type Step } from './state-model.ts';

const path = '/data/state';
const hash = Buffer.from('12345678');
const session = index(1);

const optionsFor = (firstStart: boolean, clock: Clock, gatherMs: number) => {
  return { ...machineOptions, firstStart, clock, gatherMs };
};

const open = (disk: Parameters<typeof openStateMachine>[0], firstStart = false, at = path) =>
  openStateMachine(disk, at, optionsFor(firstStart, systemClock, 0));

/** A machine on a memory disk with one session open, and short words for what tests do with it. */
class Fixture {
  readonly disk: MemoryDisk;
  machine: KvStateMachine;
  readonly #log: Entry[] = [];
  #sequence = 0;

  private constructor(disk: MemoryDisk, machine: KvStateMachine) {
    this.disk = disk;
    this.machine = machine;
  }

  static async start(): Promise<Fixture> {
    const disk = new MemoryDisk();
    const fixture = new Fixture(disk, await open(disk, true));
    await fixture.apply({ type: 'openSession' }).written;
    return fixture;
  }

  get store(): MemoryStore {
    return this.disk.stores.get(path) as MemoryStore;
  }

  put(key: string, value: string | Uint8Array = 'v', precondition = noPrecondition): Command {
    return {
      type: 'put',
      stamp: this.#stamp(),
      key,
      value: Buffer.from(value),
      contentType: 'text/plain',
      precondition,
    };
  }

  delete(key: string): Command {
    return { type: 'delete', stamp: this.#stamp(), key, precondition: noPrecondition };
  }

  entry(command: Command, nth = 1): Entry {
    const at = index(this.machine.appliedInMemory.index + nth);
    return { term: term(1), index: at, type: 'command', command: encodeCommand(command) };
  }

  apply(...commands: readonly Command[]) {
    const entries = commands.map((command, nth) => this.entry(command, nth + 1));
    const group = this.machine.apply(entries, hash);
    this.#log.push(...entries);
    return group;
  }

  openSession(): Extract<CommandResult, { type: 'sessionOpened' }> {
    const [result] = this.apply({ type: 'openSession' }).results;
    if (result?.type !== 'sessionOpened') throw new Error('expected a session');
    return result;
  }

  /** As a replica does after a restart: what is in the log and not applied yet. */
  async replay(): Promise<void> {
    await this.machine.apply(this.#log.slice(this.machine.applied.index), hash).written;
  }

  async written(...commands: readonly Command[]): Promise<readonly (CommandResult | null)[]> {
    const { results, written } = this.apply(...commands);
    await written;
    return results;
  }

  async reopen(): Promise<void> {
    await this.machine.close();
    this.machine = await open(this.disk);
  }

  async value(key: string): Promise<string | null> {
    const result = await this.machine.query({ type: 'get', key, withValue: true });
    if (result.type !== 'get' || result.item === null) return null;
    return Buffer.from(result.item.value ?? []).toString();
  }

  #stamp() {
    this.#sequence += 1;
    return { session, sequence: this.#sequence, lowestUnanswered: 1 };
  }
}

test('a key is created, replaced, deleted and created anew', async (t) => {
  const f = await Fixture.start();
  t.deepEqual(await f.written(f.put('k', '1'), f.put('k', '2'), f.delete('k'), f.delete('k'), f.put('k', '3')), [
    { type: 'put', revision: index(2), version: 1, created: true },
    { type: 'put', revision: index(3), version: 2, created: false },
    { type: 'deleted', revision: index(4) },
    { type: 'notFound' },
    { type: 'put', revision: index(6), version: 1, created: true },
  ]);
  t.deepEqual(await f.machine.query({ type: 'get', key: 'k', withValue: true }), {
    type: 'get',
    revision: index(6),
    item: {
      key: 'k',
      createRevision: 6,
      modRevision: 6,
      version: 1,
      contentType: 'text/plain',
      sizeBytes: 1,
      value: Buffer.from('3'),
    },
  });
  t.deepEqual(await f.machine.query({ type: 'get', key: 'none', withValue: true }), {
    type: 'get',
    revision: index(6),
    item: null,
  });
});

test('results are there before the write; applied moves only when the batch is durable', async (t) => {
  const f = await Fixture.start();
  f.store.hold('hidden');
  const { results, written } = f.apply(f.put('k'));
  t.like(results[0], { type: 'put', revision: 2 });
  t.is(f.machine.appliedInMemory.index, index(2));
  t.is(f.machine.applied.index, index(1));
  t.is(f.store.batches.length, 2, 'nothing is handed to the disk while apply runs');
  f.store.release();
  await written;
  t.deepEqual(f.machine.applied, { term: term(1), index: index(2) });
  t.deepEqual(Buffer.from(f.machine.appliedChainHash), hash);
  t.deepEqual(f.store.syncs, [true, true, true]);
});

test('what is visible before it counts as applied is labelled with the index it came with', async (t) => {
  const f = await Fixture.start();
  f.store.hold('visible');
  const { written } = f.apply(f.put('k', 'new'));
  while (f.store.get(valueKey('k')) === undefined) await immediate();
  t.is(f.machine.applied.index, index(1));
  t.like(await f.machine.query({ type: 'get', key: 'k', withValue: false }), { revision: 2, item: { modRevision: 2 } });
  t.like(await f.machine.query({ type: 'get', key: 'none', withValue: false }), { revision: 2, item: null });
  t.like(await page(f.machine, list({})), { revision: 2, keys: ['k'] });
  f.store.release();
  await written;
  f.store.hold('visible');
  const deleted = f.apply(f.delete('k'));
  while (f.store.get(valueKey('k')) !== undefined) await immediate();
  t.is(f.machine.applied.index, index(2));
  t.like(await f.machine.query({ type: 'get', key: 'k', withValue: false }), { revision: 3, item: null });
  f.store.release();
  await deleted.written;
  t.is(f.store.openSnapshots, 0);
});

test('what is being written and cannot be read yet does not count', async (t) => {
  const f = await Fixture.start();
  await f.written(f.put('k', 'old'));
  f.store.hold('hidden');
  const { written } = f.apply(f.delete('k'));
  await immediate();
  t.like(await f.machine.query({ type: 'get', key: 'k', withValue: false }), { revision: 2, item: { modRevision: 2 } });
  f.store.release();
  await written;
  t.like(await f.machine.query({ type: 'get', key: 'k', withValue: false }), { revision: 3, item: null });
});

test('groups that come while a batch is being written go into the next one, and see each other', async (t) => {
  const f = await Fixture.start();
  await f.written(f.put('k', '1'));
  const before = f.store.batches.length;
  f.store.hold('hidden');
  const groups = [f.apply(f.put('k', '2'))];
  await immediate();
  groups.push(f.apply(f.put('k', '3'), f.delete('k')), f.apply(f.put('k', '4')));
  t.like(groups[1]?.results[0], { type: 'put', version: 3, created: false });
  t.like(groups[2]?.results[0], { type: 'put', version: 1, created: true });
  f.store.release();
  await Promise.all(groups.map(({ written }) => written));
  t.is(f.store.batches.length, before + 2);
  t.is(await f.value('k'), '4');
});

test('a retried write is answered with its first result: in its group, later, and after a restart', async (t) => {
  const f = await Fixture.start();
  const write = f.put('k', 'first', { ifMatch: null, ifNoneMatch: '*' });
  const first = { type: 'put', revision: index(2), version: 1, created: true };
  t.deepEqual(await f.written(write, write), [first, first]);
  t.deepEqual(await f.written(f.put('k', 'second'), write), [
    { type: 'put', revision: index(4), version: 2, created: false },
    first,
  ]);
  await f.reopen();
  t.deepEqual(await f.written(write), [first]);
  t.is(await f.value('k'), 'second');
});

test('a write of an unknown session, or of one that was dropped, is not executed', async (t) => {
  const f = await Fixture.start();
  const write = f.put('k');
  const unknown = { ...write, stamp: { session: index(77), sequence: 1, lowestUnanswered: 1 } } as Command;
  t.deepEqual(await f.written(unknown), [{ type: 'sessionExpired' }]);
  await f.written(...Array.from({ length: 10_000 }, (): Command => ({ type: 'openSession' })));
  t.deepEqual(await f.written(write), [{ type: 'sessionExpired' }]);
  t.is(await f.value('k'), null);
  t.is(f.store.get(sessionKey(session)), undefined);
});

test('bytes that are no command, no-ops and configurations change nothing and count as applied', async (t) => {
  const f = await Fixture.start();
  const digest = f.machine.digest();
  const configuration = { voters: ['r1'], votersOutgoing: [], learners: [], members: [], gateways: [] };
  const { results, written } = f.machine.apply(
    [
      { term: term(1), index: index(2), type: 'command', command: new Uint8Array() },
      { term: term(1), index: index(3), type: 'noop' },
      { term: term(2), index: index(4), type: 'configuration', configuration },
    ],
    hash,
  );
  await written;
  t.deepEqual(results, [{ type: 'invalidCommand' }, null, null]);
  t.deepEqual(f.machine.applied, { term: term(2), index: index(4) });
  t.is(f.machine.digest(), digest);
});

test('entries out of order are a broken invariant: nothing of their group is written, nor anything after', async (t) => {
  const f = await Fixture.start();
  const batches = f.store.batches.length;
  const gap = [f.entry(f.put('a'), 1), f.entry(f.put('b'), 3)];
  t.throws(() => f.machine.apply(gap, hash), { name: 'InvariantError' });
  t.throws(() => f.apply(f.put('c')), { name: 'InvariantError' });
  await f.machine.close();
  t.is(f.store.batches.length, batches);
});

test('any bytes at all are applied without a throw', async (t) => {
  const f = await Fixture.start();
  const random = createRandom(5);
  let put = 0;
  for (let round = 0; round < 3000; round += 1) {
    // A damaged stamp may end its session: each round has one of its own.
    const { session: own } = f.openSession();
    const stamp = { session: own, sequence: 1, lowestUnanswered: 1 };
    const command = Buffer.from(encodeCommand({ ...f.put('k', 'value'), stamp } as Command));
    for (let flips = 0; flips < 3; flips += 1) command[random.below(command.length)] = random.below(256);
    const at = index(f.machine.appliedInMemory.index + 1);
    const { results } = f.machine.apply([{ term: term(1), index: at, type: 'command', command }], hash);
    if (results[0]?.type === 'put') put += 1;
  }
  t.true(put > 10);
  await f.machine.close();
});

const list = (query: Partial<Extract<Query, { type: 'list' }>>): Query => ({
  type: 'list',
  prefix: '',
  after: null,
  limit: 1000,
  keysOnly: false,
  ...query,
});

async function page(machine: KvStateMachine, query: Query) {
  const result = await machine.query(query);
  if (result.type !== 'list') throw new Error('expected a list');
  return { ...result, keys: result.items.map(({ key }) => key) };
}

test('a list is in UTF-8 byte order, of one prefix, behind a cursor, and at most so long', async (t) => {
  const f = await Fixture.start();
  const keys = ['a', 'b', 'b/1', 'b/2', 'b/3', 'b0', 'é', '\uffff', '𐀀'];
  await f.written(...keys.toReversed().map((key) => f.put(key, `value of ${key}`)));
  const cases: readonly [Parameters<typeof list>[0], readonly string[], boolean][] = [
    [{}, keys, false],
    [{ limit: 9 }, keys, false],
    [{ limit: 8 }, keys.slice(0, 8), true],
    [{ prefix: 'b/' }, ['b/1', 'b/2', 'b/3'], false],
    [{ prefix: 'b/', limit: 2 }, ['b/1', 'b/2'], true],
    [{ prefix: 'b/', after: 'b/2', limit: 2 }, ['b/3'], false],
    [{ prefix: 'b/', after: 'b/1x' }, ['b/2', 'b/3'], false],
    [{ prefix: 'b/', after: 'a' }, ['b/1', 'b/2', 'b/3'], false],
    [{ prefix: 'b/', after: 'b/3' }, [], false],
    [{ prefix: 'b/', after: 'c' }, [], false],
    [{ prefix: '𐀀' }, ['𐀀'], false],
    [{ prefix: 'none' }, [], false],
    [{ after: '\uffff' }, ['𐀀'], false],
  ];
  for (const [query, expected, more] of cases) {
    const got = await page(f.machine, list(query));
    t.deepEqual(got.keys, expected, JSON.stringify(query));
    t.is(got.more, more, JSON.stringify(query));
    t.is(got.revision, index(10));
  }
  const { items } = await page(f.machine, list({ prefix: 'b/1' }));
  t.deepEqual(items[0]?.value, Buffer.from('value of b/1'));
  const heads = await page(f.machine, list({ prefix: 'b/1', keysOnly: true }));
  t.deepEqual(heads.items, [
    { key: 'b/1', createRevision: 8, modRevision: 8, version: 1, contentType: 'text/plain', sizeBytes: 12 },
  ]);
  t.is(f.store.openSnapshots, 0);
});

test('a page ends at its size in bytes, with at least one item', async (t) => {
  const f = await Fixture.start();
  const large = Buffer.alloc(limits.valueBytesMax, 1);
  await f.written(...['a', 'b', 'c', 'd', 'e'].map((key) => f.put(key, large)));
  const first = await page(f.machine, list({}));
  t.deepEqual([first.keys, first.more], [['a', 'b', 'c'], true]);
  const rest = await page(f.machine, list({ after: 'c' }));
  t.deepEqual([rest.keys, rest.more], [['d', 'e'], false]);
  const keysOnly = await page(f.machine, list({ keysOnly: true }));
  t.deepEqual([keysOnly.keys.length, keysOnly.more], [5, false]);
});

test('a list holds what was there when it began, labelled with the index of that moment', async (t) => {
  const f = await Fixture.start();
  await f.written(f.put('a'), f.put('b'), f.put('c'));
  const reading = page(f.machine, list({}));
  await f.written(f.delete('c'), f.put('d'));
  const got = await reading;
  t.deepEqual([got.keys, got.revision], [['a', 'b', 'c'], index(4)]);
});

test('a write that fails is final: nothing more is evaluated, and what waited is rejected', async (t) => {
  const f = await Fixture.start();
  f.store.hold('hidden');
  const first = f.apply(f.put('a'));
  await immediate();
  f.store.failure = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  const second = f.apply(f.put('b'));
  f.store.release();
  await first.written;
  const error = await t.throwsAsync(second.written, { instanceOf: StoreError, code: 'stateWriteFailed' });
  t.regex(error?.message ?? '', /no space left on device/);
  t.is(f.machine.applied.index, index(2));
  t.throws(() => f.apply(f.put('c')), { is: error as Error });
  await f.machine.close();
});

test('the replicated rows and the digest do not depend on how entries were grouped, and sum up', async (t) => {
  const steps = randomHistory(createRandom(3), 1500, new StateModel());
  const run = async (groupMax: number) => {
    const disk = new MemoryDisk();
    const machine = await open(disk, true);
    const random = createRandom(groupMax);
    for (let next = 0; next < steps.length; ) {
      const group = steps.slice(next, next + 1 + random.below(groupMax));
      const { written } = machine.apply(
        group.map(({ entry }) => entry),
        hash,
      );
      if (random.below(2) === 0) await written;
      next += group.length;
    }
    await machine.close();
    return { digest: machine.digest(), rows: (disk.stores.get(path) as MemoryStore).dump('krs') };
  };
  const [one, many] = [await run(1), await run(40)];
  t.deepEqual(many, one);
  t.true(one.rows.length > 10);
  const sum = one.rows.reduce((total, row) => total + BigInt(`0x${row.slice(-16)}`), 0n);
  t.is(one.digest, formatDigest(BigInt.asUintN(64, sum)));
});

async function compareReads(t: ExecutionContext, machine: KvStateMachine, model: StateModel): Promise<void> {
  for (const key of keysInPlay) {
    const got = await machine.query({ type: 'get', key, withValue: true });
    t.deepEqual(got, { type: 'get', revision: machine.applied.index, item: model.keys.get(key) ?? null });
  }
  for (const prefix of ['', 'b', 'b/']) {
    for (const after of [null, 'b/', 'é']) {
      const expected = model.list(prefix, after);
      const got = await page(machine, list({ prefix, after, limit: 3 }));
      t.deepEqual(got.items, expected.slice(0, 3));
      t.is(got.more, expected.length > 3);
    }
  }
}

/** The model at each step, so that reads can be compared wherever a machine stands. */
async function follow(
  t: ExecutionContext,
  steps: readonly Step[],
  seed: number,
  start: () => Promise<KvStateMachine>,
  restart: (machine: KvStateMachine) => Promise<KvStateMachine>,
): Promise<string> {
  const random = createRandom(seed);
  let machine = await start();
  for (;;) {
    const from: number = machine.appliedInMemory.index;
    if (from === steps.length) break;
    const group = steps.slice(from, from + 1 + random.below(random.below(5) === 0 ? 60 : 5));
    const { results, written } = machine.apply(
      group.map(({ entry }) => entry),
      hash,
    );
    t.deepEqual(
      results,
      group.map(({ expected }) => expected),
    );
    if (random.below(3) === 0) await written;
    if (random.below(25) === 0) machine = await restart(machine);
  }
  await machine.close();
  return machine.digest();
}

test('thousands of random commands, in random groups, with restarts and crashes: as the model says', async (t) => {
  for (let seed = 1; seed <= 5; seed += 1) {
    const random = createRandom(1000 + seed);
    const model = new StateModel();
    const steps = randomHistory(random, 2000, model);
    const disk = new MemoryDisk();
    let replayed = 0;
    const digest = await follow(
      t,
      steps,
      seed,
      () => open(disk, true),
      async (machine) => {
        if (random.below(2) === 0) await machine.close();
        else disk.crash(path);
        const again = await open(disk);
        if (again.applied.index < machine.appliedInMemory.index) replayed += 1;
        return again;
      },
    );
    t.true(replayed > 0);
    const again = await open(disk);
    t.is(again.digest(), digest);
    await compareReads(t, again, model);
  }
});

async function temporary(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bazar-state-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return join(directory, 'state');
}

test('the same on LevelDB', async (t) => {
  const at = await temporary(t);
  const model = new StateModel();
  const steps = randomHistory(createRandom(77), 1500, model);
  const digest = await follow(
    t,
    steps,
    78,
    () => open(levelDisk, true, at),
    async (machine) => {
      await machine.close();
      return open(levelDisk, false, at);
    },
  );
  const again = await open(levelDisk, false, at);
  t.is(again.digest(), digest);
  await compareReads(t, again, model);
  await again.close();
});

test('a value that rots is not served: the replica stops, and its next start builds the state anew', async (t) => {
  const f = await Fixture.start();
  await f.written(f.put('k', 'value'), f.put('other'));
  const digest = f.machine.digest();
  f.store.rot(valueKey('k'), 10);
  const error = await t.throwsAsync(f.machine.query({ type: 'get', key: 'k', withValue: true }), {
    instanceOf: StoreError,
    code: 'stateDamaged',
  });
  t.regex(error?.message ?? '', /the log and the other replicas are not: start the replica again/);
  t.is(
    t.throws(() => f.apply(f.put('x'))),
    error,
  );
  await f.reopen();
  t.is(f.machine.applied.index, index(0));
  t.true(f.disk.stores.has(`${path}.damaged`));
  await f.replay();
  t.is(f.machine.digest(), digest);
  t.is(await f.value('k'), 'value');
  await f.reopen();
  t.is(f.machine.digest(), digest, 'the mark is gone: this state stays');
});

test('a row that rots is found when it is overwritten, and when it is listed', async (t) => {
  for (const find of [
    (f: Fixture) => Promise.try(() => f.apply(f.put('k', 'new')).written),
    (f: Fixture) => f.machine.query(list({})),
  ]) {
    const f = await Fixture.start();
    await f.written(f.put('k', 'value'));
    f.store.rot(valueKey('k'), 30);
    await t.throwsAsync(find(f), { instanceOf: StoreError, code: 'stateDamaged' });
    await f.reopen();
    t.is(f.machine.applied.index, index(0));
  }
});

test('a state that lost a write, or whose own rows are wrong, is built anew when it is opened', async (t) => {
  const damages: Record<string, (store: MemoryStore) => void> = {
    'a batch lost in the middle': (store) => {
      store.lose(batchKey(3));
      store.lose(valueKey('b'));
    },
    'the last batch lost, but not its applied row': (store) => store.lose(batchKey(4)),
    'the first batches lost': (store) => {
      store.lose(batchKey(1));
      store.lose(batchKey(2));
    },
    'the applied row lost': (store) => store.lose(appliedKey),
    'the applied row rotten': (store) => store.rot(appliedKey, 12),
    'a link rotten': (store) => store.rot(batchKey(2), 12),
    'a session rotten': (store) => store.rot(sessionKey(session), 12),
    'a session lost': (store) => store.lose(sessionKey(session)),
    'results rotten': (store) => store.rot(resultsKey(session, 0), 12),
  };
  for (const [name, damage] of Object.entries(damages)) {
    const f = await Fixture.start();
    for (const key of ['a', 'b', 'c']) await f.written(f.put(key));
    const digest = f.machine.digest();
    await f.machine.close();
    damage(f.store);
    await f.reopen();
    t.is(f.machine.applied.index, index(0), name);
    await f.replay();
    t.is(f.machine.digest(), digest, name);
  }
});

test('links are kept for the newest 16 MiB of batches, and no more', async (t) => {
  const f = await Fixture.start();
  const value = Buffer.alloc(limits.valueBytesMax, 7);
  for (let nth = 0; nth < 20; nth += 1) await f.written(f.put('k', value));
  // The history has each value as well.
  t.is(f.store.dump('b').length, 8);
  await f.reopen();
  t.is(f.machine.applied.index, index(21));
  await f.written(f.put('k', value));
  t.is(f.store.dump('b').length, 8);
  await f.machine.close();
  f.store.lose(batchKey(15));
  await f.reopen();
  t.is(f.machine.applied.index, index(0), 'the oldest link that must be there is missed too');
});

test('a missing state is built anew after the first start', async (t) => {
  const f = await Fixture.start();
  await f.written(f.put('k'));
  await f.machine.close();
  await f.disk.remove(path);
  f.machine = await open(f.disk);
  t.is(f.machine.applied.index, index(0));
  await f.replay();
  t.is(await f.value('k'), 'v');
});

test('a state whose rows are of a later version is refused, and left as it is', async (t) => {
  const f = await Fixture.start();
  await f.machine.close();
  const row = Buffer.from(f.store.get(appliedKey) as Uint8Array);
  row[0] = 2;
  const covered = Buffer.concat([appliedKey, row.subarray(0, -8)]);
  createHash('sha256')
    .update(covered)
    .digest()
    .copy(row, row.length - 8, 0, 8);
  await f.store.batch([{ type: 'put', key: appliedKey, value: row }], { sync: true });
  const error = await t.throwsAsync(open(f.disk), { instanceOf: StartError, code: 'stateVersion' });
  t.regex(error?.message ?? '', /version 2/);
  t.false(f.disk.stores.has(`${path}.damaged`));
});

/** Leaves a state of so many entries behind; answers its digest, and the entries to build it anew. */
async function leaveState(at: string, count: number, valueBytes: number) {
  const random = createRandom(9);
  const noise = Buffer.from(Array.from({ length: 65_536 }, () => random.below(256)));
  const entries = Array.from({ length: count }, (_, nth): Entry => {
    const id = { term: term(1), index: index(nth + 1) };
    const value = noise.subarray((nth * 997) % 32_768).subarray(0, valueBytes);
    const stamp = { session, sequence: nth + 1, lowestUnanswered: nth + 1 };
    const key = `k${String(nth).padStart(5, '0')}`;
    const command: Command =
      nth === 0
        ? { type: 'openSession' }
        : { type: 'put', stamp, key, value, contentType: '', precondition: noPrecondition };
    return { ...id, type: 'command', command: encodeCommand(command) };
  });
  const machine = await open(levelDisk, true, at);
  for (let from = 0; from < count; from += 20) await machine.apply(entries.slice(from, from + 20), hash).written;
  await machine.close();
  return { entries, digest: machine.digest() };
}

function change(directory: string, name: string, edit: (bytes: Buffer) => Buffer): void {
  const newest = readdirSync(directory)
    .filter((each) => each.includes(name))
    .sort()
    .at(-1);
  const file = join(directory, newest ?? name);
  writeFileSync(file, edit(readFileSync(file)));
}

function flip(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  return bytes;
}

test('damage that LevelDB heals by forgetting: what is missing is applied again, and the state is right', async (t) => {
  /** One fits LevelDB's log, the other fills tables. */
  const [small, large] = [300, 10_000];
  const count = 1000;
  const damages: readonly [string, number, (at: string) => void, applied: 'nothing' | 'less'][] = [
    ['a bit of the live log', small, (at) => change(at, '.log', (bytes) => flip(bytes, 100_000)), 'nothing'],
    [
      'a page of the live log zeroed',
      small,
      (at) => change(at, '.log', (bytes) => bytes.fill(0, 90_000, 94_096)),
      'nothing',
    ],
    [
      'the end of the live log cut off',
      small,
      (at) => change(at, '.log', (bytes) => bytes.subarray(0, 100_000)),
      'less',
    ],
    [
      'the end of the manifest cut off',
      large,
      (at) => change(at, 'MANIFEST', (bytes) => bytes.subarray(0, -10)),
      'nothing',
    ],
    [
      // All of them: one alone may be what a compaction left behind.
      'the tables missing',
      large,
      (at) => {
        for (const name of readdirSync(at)) if (name.endsWith('.ldb')) rmSync(join(at, name));
      },
      'nothing',
    ],
    ['CURRENT missing', small, (at) => rmSync(join(at, 'CURRENT')), 'nothing'],
  ];
  for (const [name, valueBytes, damage, applied] of damages) {
    const at = await temporary(t);
    const { entries, digest } = await leaveState(at, count, valueBytes);
    damage(at);
    const machine = await open(levelDisk, false, at);
    const { index: from } = machine.applied;
    t.true(applied === 'nothing' ? from === 0 : from > 0 && from < count, `${name}: ${from}`);
    await machine.apply(entries.slice(from), hash).written;
    t.is(machine.digest(), digest, name);
    await machine.close();
  }
});

/** Where it stands: a database that has the file open sees it at once. */
function overwriteTable(directory: string, from: number, bytes: Buffer): void {
  const [table] = readdirSync(directory).filter((name) => name.endsWith('.ldb'));
  const file = openSync(join(directory, table ?? ''), 'r+');
  writeSync(file, bytes, 0, bytes.length, from);
  closeSync(file);
}

/** Where a value stands in the table: behind the history, which has it as well. */
function placeInTable(directory: string, value: Uint8Array): number {
  const [table] = readdirSync(directory).filter((name) => name.endsWith('.ldb'));
  return readFileSync(join(directory, table ?? '')).lastIndexOf(value);
}

test('damage in a table while it is open: found when it is read, also where LevelDB would leave rows out of a page', async (t) => {
  const reads: readonly Query[] = [{ type: 'get', key: 'k00100', withValue: true }, list({ limit: 300 }), list({})];
  const at = await temporary(t);
  const { entries, digest } = await leaveState(at, 1000, 300);
  await (await open(levelDisk, false, at)).close();
  for (const read of reads) {
    const machine = await open(levelDisk, false, at);
    t.is(machine.applied.index, index(1000));
    const command = entries[100]?.type === 'command' ? decodeCommand(entries[100].command) : null;
    const place = placeInTable(at, command?.type === 'put' ? command.value : Buffer.alloc(1));
    t.true(place > 0);
    overwriteTable(at, place, Buffer.alloc(32_000, 0x55));
    await t.throwsAsync(machine.query(read), { instanceOf: StoreError, code: 'stateDamaged' });
    await machine.close();
    const anew = await open(levelDisk, false, at);
    await anew.apply(entries, hash).written;
    t.is(anew.digest(), digest);
    await anew.close();
    await (await open(levelDisk, false, at)).close();
  }
});

test('damage in a table is found at the next start', async (t) => {
  const at = await temporary(t);
  const { entries, digest } = await leaveState(at, 1000, 300);
  await (await open(levelDisk, false, at)).close();
  overwriteTable(at, 32_000, Buffer.alloc(32_000, 0x55));
  const anew = await open(levelDisk, false, at);
  t.is(anew.applied.index, index(0));
  await anew.apply(entries, hash).written;
  t.is(anew.digest(), digest);
  await anew.close();
});

test('a row under a key with a turned bit is found at the next start: its own key would seem never to have been', async (t) => {
  const disk = new MemoryDisk();
  const machine = await open(disk, true);
  await machine.apply([opening(1)], hash).written;
  await machine.close();
  const store = disk.stores.get(path) as MemoryStore;
  store.moveRow(sessionKey(1), Buffer.from('s\0\0\0\0\0\0\0\x03', 'latin1'));
  const anew = await open(disk, false);
  t.is(anew.applied.index, index(0));
  await anew.close();
});

test('a row that is missing is found at the next start, though every other one is right', async (t) => {
  const disk = new MemoryDisk();
  const machine = await open(disk, true);
  await machine.apply([opening(1), opening(2)], hash).written;
  await machine.close();
  (disk.stores.get(path) as MemoryStore).lose(sessionKey(2));
  const anew = await open(disk, false);
  t.is(anew.applied.index, index(0));
  await anew.close();
});

for (const [name, cut] of [
  ['cut', (bytes: Buffer) => bytes.subarray(0, 100)],
  ['emptied', (bytes: Buffer) => bytes.subarray(0, 0)],
] as const) {
  test(`a table that is ${name} is found at the next start`, async (t) => {
    const at = await temporary(t);
    const { entries, digest } = await leaveState(at, 1000, 300);
    await (await open(levelDisk, false, at)).close();
    change(at, '.ldb', cut);
    const anew = await open(levelDisk, false, at);
    t.is(anew.applied.index, index(0));
    await anew.apply(entries, hash).written;
    t.is(anew.digest(), digest);
    await anew.close();
  });
}

test('a write that meets damage leaves word for the next start, or it would meet it again', async (t) => {
  const f = await Fixture.start();
  f.store.failure = Object.assign(new Error('corrupted compressed block contents'), { code: 'LEVEL_CORRUPTION' });
  const { written } = f.apply(f.put('k', 'v'));
  await t.throwsAsync(written, { instanceOf: StoreError, code: 'stateDamaged' });
  await f.machine.close();
  t.regex(Buffer.from(f.disk.files.get(`${path}.condemned`) ?? '').toString(), /corrupted compressed block/);
});

test('a state that another holds is refused, and left as it is', async (t) => {
  const at = await temporary(t);
  const machine = await open(levelDisk, true, at);
  const error = await t.throwsAsync(open(levelDisk, false, at), { instanceOf: StartError, code: 'stateHeld' });
  t.true(error?.message.includes(at));
  await machine.close();
});

const opening = (nth: number): Entry => ({
  term: term(1),
  index: index(nth),
  type: 'command',
  command: encodeCommand({ type: 'openSession' }),
});

for (const end of ['the time is over', 'somebody waits', 'it is closed', 'it is large'] as const) {
  test(`a batch gathers groups until ${end}`, async (t) => {
    const disk = new MemoryDisk();
    const clock = new ManualClock();
    const machine = await openStateMachine(disk, path, optionsFor(true, clock, 10));
    const { batches } = disk.stores.get(path) as MemoryStore;
    const before = batches.length;
    machine.apply([opening(1)], hash);
    const { written } = machine.apply([opening(2)], hash);
    await clock.advance(9);
    await immediate();
    t.is(batches.length, before);
    t.is(machine.applied.index, index(0));
    if (end === 'the time is over') await clock.advance(1);
    else if (end === 'somebody waits') machine.hurry();
    else if (end === 'it is closed') void machine.close();
    else
      machine.apply(
        Array.from({ length: 2048 }, (_, nth) => opening(nth + 3)),
        hash,
      );
    await written;
    t.is(batches.length, before + 1);
    t.is(machine.applied.index, machine.appliedInMemory.index);
  });
}

test('a failure while a batch gathers leaves it unwritten', async (t) => {
  const disk = new MemoryDisk();
  const clock = new ManualClock();
  const machine = await openStateMachine(disk, path, optionsFor(true, clock, 10));
  const { batches } = disk.stores.get(path) as MemoryStore;
  const before = batches.length;
  const { written } = machine.apply([opening(1)], hash);
  t.throws(() => machine.apply([opening(2), opening(4)], hash));
  await clock.advance(10);
  await t.throwsAsync(written);
  t.is(batches.length, before);
});

test('a question for changes that waits is answered when the machine is closed', async (t) => {
  const f = await Fixture.start();
  const clock = new ManualClock();
  await f.machine.close();
  f.machine = await openStateMachine(f.disk, path, optionsFor(false, clock, 0));
  const asked = f.machine.changes({ after: index(1), skip: 0, watched: null, limit: 10, waitMs: 30_000 });
  await clock.settle();
  await f.machine.close();
  t.deepEqual(await asked, { type: 'changes', changes: [], through: index(1), skip: 0 });
});

test('a state whose history is damaged is built anew, and has all of it again', async (t) => {
  const damages: Readonly<Record<string, (store: MemoryStore) => void>> = {
    'a row that rots': (store) => store.rot(historyKey(3), 20),
    'a row that is gone': (store) => store.lose(historyKey(3)),
    'a row under another key': (store) => store.moveRow(historyKey(4), historyKey(5)),
  };
  for (const [name, damage] of Object.entries(damages)) {
    const f = await Fixture.start();
    for (const key of ['a', 'b', 'c']) await f.written(f.put(key));
    await f.machine.close();
    damage(f.store);
    await f.reopen();
    t.is(f.machine.applied.index, index(0), name);
    await f.replay();
    const found = await f.machine.changes({ after: index(0), skip: 0, watched: null, limit: 10, waitMs: 0 });
    t.deepEqual(found.type === 'changes' && found.changes.map(({ revision }) => revision), [2, 3, 4].map(index), name);
  }
});
