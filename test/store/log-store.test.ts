import test from 'ava';
import { InvariantError } from '../../src/raft/assert.ts';
import { raftConstants } from '../../src/raft/constants.ts';
import { beforeTheLog, type Configuration, type Entry, index, type LogBatch, term } from '../../src/raft/types.ts';
import { StoreError } from '../../src/store/errors.ts';
import { faultDisk, type WriteKind } from './fault-disk.ts';
import {
  appendAll,
  batch,
  command,
  commands,
  entryId,
  hardState,
  openLog,
  plain,
  readAll,
  scratch,
  withLog,
} from './log-fixture.ts';

const configuration: Configuration = {
  voters: ['r1', 'r2'],
  votersOutgoing: ['r1'],
  learners: ['r3'],
  members: [{ id: 'r1', uuid: 'u', publicKey: '00', rpc: 'localhost:1', http: 'localhost:2' }],
  gateways: [{ id: 'g1', publicKey: '11', http: 'localhost:3' }],
};

test('a new log is empty', async (t) => {
  const path = await scratch(t);
  await withLog(path, async ({ store }) => {
    const { bootId, ...state } = store.state;
    t.deepEqual(state, {
      hardState: { currentTerm: term(0), votedFor: null, claim: null },
      base: beforeTheLog,
      last: beforeTheLog,
      termStarts: [],
      configurations: [],
      uuid: 'uuid-1',
    });
    t.deepEqual(await store.read(index(1), index(9), 1000), []);
    t.deepEqual(store.chainHash(index(0)), Buffer.alloc(8));
  });
});

test('what was appended is found at the next open, under a higher boot id', async (t) => {
  const path = await scratch(t);
  const entries: Entry[] = [
    { ...entryId(1, 1), type: 'noop' },
    { ...entryId(1, 2), type: 'configuration', configuration },
    command(1, 3),
    { ...entryId(4, 4), type: 'noop' },
    command(4, 5, 'ü'),
    { ...entryId(4, 6), type: 'configuration', configuration: { ...configuration, learners: [] } },
  ];
  const first = await withLog(path, async ({ store }) => {
    await store.append(batch(entries.slice(0, 2)));
    await store.append(batch(entries.slice(2)));
    await store.append({
      hardState: { currentTerm: term(5), votedFor: 'r2', claim: null },
      truncateFrom: null,
      entries: [],
    });
    return { bootId: store.state.bootId, chainHash: store.chainHash(index(6)) };
  });
  await withLog(path, async ({ store }) => {
    t.true(store.state.bootId > first.bootId);
    t.deepEqual(store.state, {
      hardState: { currentTerm: term(5), votedFor: 'r2', claim: null },
      base: beforeTheLog,
      last: entryId(4, 6),
      termStarts: [entryId(1, 1), entryId(4, 4)],
      configurations: [
        { index: index(2), configuration },
        { index: index(6), configuration: { ...configuration, learners: [] } },
      ],
      bootId: store.state.bootId,
      uuid: 'uuid-1',
    });
    t.deepEqual(plain(await readAll(store)), plain(entries));
    t.deepEqual(store.chainHash(index(6)), first.chainHash);
  });
});

test('a conflicting suffix is replaced in one batch, by fewer entries too', async (t) => {
  const path = await scratch(t);
  const kept = commands(1, 1, 50);
  const replacement = commands(3, 51, 60);
  await withLog(path, async ({ store }) => {
    await appendAll(store, [...kept, ...commands(2, 51, 100)], 30);
    await store.append(batch(replacement, { truncateFrom: index(51) }));
    t.deepEqual(plain(await readAll(store, entryId(3, 60))), plain([...kept, ...replacement]));
    t.deepEqual(await store.read(index(61), index(100), 1000), []);
  });
  const other = await scratch(t);
  const expected = await withLog(other, async ({ store }) => {
    await appendAll(store, [...kept, ...replacement], 7);
    return store.chainHash(index(60));
  });
  await withLog(path, async ({ store, warnings }) => {
    t.deepEqual(warnings, []);
    t.deepEqual(store.state.last, entryId(3, 60));
    t.deepEqual(store.state.termStarts, [entryId(1, 1), entryId(3, 51)]);
    t.deepEqual(store.chainHash(index(60)), expected, 'the hash tells nothing of batches or of what was replaced');
  });
});

test('a truncation may take the whole log, and may add nothing', async (t) => {
  const path = await scratch(t);
  await withLog(path, async ({ store }) => {
    await store.append(batch(commands(1, 1, 9)));
    await store.append(batch([], { truncateFrom: index(6) }));
    t.deepEqual(plain(await store.read(index(1), index(9), 1000)), plain(commands(1, 1, 5)));
    await store.append(batch([], { truncateFrom: index(1) }));
    t.deepEqual(await store.read(index(1), index(9), 1000), []);
    await store.append(batch([command(2, 1)]));
  });
  await withLog(path, async ({ store }) => t.deepEqual(plain(await readAll(store)), plain([command(2, 1)])));
});

test('the chain hash stands for an entry and for all before it', async (t) => {
  const hashes = async (entries: readonly Entry[]) =>
    withLog(await scratch(t), async ({ store }) => {
      await store.append(batch(entries));
      return entries.map((entry) => Buffer.from(store.chainHash(entry.index)).toString('hex'));
    });
  const plainHashes = await hashes([command(1, 1, 'a'), command(1, 2, 'b'), command(2, 3, 'c')]);
  const otherPayload = await hashes([command(1, 1, 'a'), command(1, 2, 'x'), command(2, 3, 'c')]);
  const otherTerm = await hashes([command(1, 1, 'a'), command(2, 2, 'b'), command(2, 3, 'c')]);
  const otherType = await hashes([command(1, 1, 'a'), { ...entryId(1, 2), type: 'noop' }, command(2, 3, 'c')]);
  t.is(new Set(plainHashes).size, 3);
  for (const other of [otherPayload, otherTerm, otherType]) {
    t.is(other[0], plainHashes[0]);
    t.not(other[1], plainHashes[1]);
    t.not(other[2], plainHashes[2]);
  }
});

test('a configuration has one chain hash, whatever order its fields were made in', async (t) => {
  const { voters, votersOutgoing, learners, members, gateways } = configuration;
  const reordered: Configuration = {
    gateways: gateways.map(({ id, publicKey, http }) => ({ http, publicKey, id })),
    members,
    learners,
    votersOutgoing,
    voters,
  };
  const hashes = [configuration, reordered].map(async (value) =>
    withLog(await scratch(t), async ({ store }) => {
      await store.append(batch([{ ...entryId(1, 1), type: 'configuration', configuration: value }]));
      return store.chainHash(index(1));
    }),
  );
  const [one, two] = await Promise.all(hashes);
  t.deepEqual(one, two);
});

test('a read returns at least one entry, and stops before its bytes are exceeded', async (t) => {
  await withLog(await scratch(t), async ({ store }) => {
    await store.append(batch(commands(1, 1, 20, 100)));
    const read = async (from: number, to: number, maxBytes: number) =>
      (await store.read(index(from), index(to), maxBytes)).map((entry) => Number(entry.index));
    t.deepEqual(await read(3, 20, 99), [3]);
    t.deepEqual(await read(3, 20, 100), [3]);
    t.deepEqual(await read(3, 20, 299), [3, 4]);
    t.deepEqual(await read(3, 5, 10_000), [3, 4, 5]);
    t.deepEqual(await read(19, 900, 10_000), [19, 20]);
    t.deepEqual(await read(21, 900, 10_000), []);
  });
});

test('the largest batch fits: full of entries of any size, and one of the largest behind', async (t) => {
  const path = await scratch(t);
  const tiny = Array.from({ length: 65_536 }, (_, position) => command(1, position + 1, Buffer.from([position & 255])));
  const large = commands(1, 65_537, 65_537 + 3, raftConstants.batchBytesMax / 4 - 64);
  const largest = command(1, 65_541, Buffer.alloc(raftConstants.entryBytesMax, 7));
  await withLog(path, async ({ store }) => {
    await store.append(batch(tiny));
    await store.append(batch([...large, largest]));
  });
  await withLog(path, async ({ store }) => {
    t.deepEqual(store.state.last, entryId(1, 65_541));
    t.deepEqual(plain(await store.read(index(65_541), index(65_541), 1)), plain([largest]));
  });
});

test('a batch that does not fit, or does not follow, is a broken invariant, and nothing is written', async (t) => {
  await withLog(await scratch(t), async ({ store }) => {
    await store.append(batch([command(1, 1), command(3, 2)]));
    const bad: readonly LogBatch[] = [
      batch([command(3, 4)]),
      batch([command(3, 2)]),
      batch([command(2, 3)]),
      batch([command(3, 3), command(3, 5)]),
      batch([], { truncateFrom: index(4) }),
      batch([], { truncateFrom: index(0) }),
      batch([command(3, 2)], { truncateFrom: index(1) }),
      batch(commands(3, 3, 4, raftConstants.entryBytesMax)),
    ];
    for (const each of bad) await t.throwsAsync(store.append(each), { instanceOf: InvariantError });
    await store.append(batch([command(3, 3)]));
    t.is((await readAll(store, entryId(3, 3))).length, 3);
  });
});

test('a batch before the last one is durable is a broken invariant', async (t) => {
  await withLog(await scratch(t), async ({ store }) => {
    const first = store.append(batch([command(1, 1)]));
    await t.throwsAsync(store.append(batch([command(1, 2)])), { instanceOf: InvariantError });
    await first;
    await store.append(batch([command(1, 2)]));
  });
});

for (const slow of ['batch', 'fixedFile'] as const satisfies readonly WriteKind[]) {
  test(`a batch is durable when database and witness are: the ${slow} is the last`, async (t) => {
    let gate: PromiseWithResolvers<void> | null = null;
    const other = Promise.withResolvers<void>();
    const disk = faultDisk(async (kind) => {
      if (kind === slow) await gate?.promise;
      else if (gate !== null) other.resolve();
    });
    const { store, close } = await openLog(await scratch(t), disk);
    gate = Promise.withResolvers();
    let durable = false;
    const appended = store.append(batch([command(1, 1)])).then(() => {
      durable = true;
    });
    await other.promise;
    // A turn of the real disk, in the same pool as the write that is not held.
    await store.read(index(1), index(1), 1);
    t.false(durable);
    t.throws(() => store.chainHash(index(1)), { instanceOf: InvariantError });
    gate.resolve();
    await appended;
    t.true(durable);
    await close();
  });

  test(`a ${slow} that fails is final`, async (t) => {
    let failing = false;
    const disk = faultDisk(async (kind) => {
      if (failing && kind === slow) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    });
    const path = await scratch(t);
    const { store, close } = await openLog(path, disk);
    await store.append(batch([command(1, 1)]));
    failing = true;
    const error = await t.throwsAsync(store.append(batch([command(1, 2)])), {
      instanceOf: StoreError,
      code: 'logWriteFailed',
    });
    t.like(error.cause, { code: 'ENOSPC' });
    failing = false;
    await t.throwsAsync(store.append(batch([command(1, 2)])), { instanceOf: StoreError, code: 'logWriteFailed' });
    await close();
    // Written or not, nobody was told: either is right, and the log is whole.
    await withLog(path, async ({ store: reopened, warnings }) => {
      t.deepEqual(warnings, []);
      t.true([1, 2].includes(reopened.state.last.index));
      t.is(reopened.state.hardState.claim, null);
    });
  });
}

test('a read waits for a truncation in flight below its end', async (t) => {
  let gate: PromiseWithResolvers<void> | null = null;
  const disk = faultDisk(async (kind) => {
    if (kind === 'fixedFile') await gate?.promise;
  });
  const { store, close } = await openLog(await scratch(t), disk);
  await store.append(batch(commands(1, 1, 10)));
  gate = Promise.withResolvers();
  const truncated = store.append(batch([command(2, 5)], { truncateFrom: index(5) }));
  t.deepEqual(plain(await store.read(index(1), index(4), 1000)), plain(commands(1, 1, 4)));
  const overlapping = store.read(index(1), index(10), 1000);
  const beyond = store.read(index(6), index(10), 1000);
  gate.resolve();
  await truncated;
  t.deepEqual(plain(await overlapping), plain([...commands(1, 1, 4), command(2, 5)]));
  t.deepEqual(await beyond, []);
  await close();
});

test('the claim is carried as it is given', async (t) => {
  const path = await scratch(t);
  const claim = entryId(3, 9);
  await withLog(path, async ({ store }) => {
    await store.append(batch([command(1, 1)], { hardState: hardState(3, claim) }));
  });
  await withLog(path, async ({ store }) => {
    t.deepEqual(store.state.hardState, hardState(3, claim));
    await store.append(batch([command(4, 2)], { hardState: hardState(4) }));
  });
  await withLog(path, async ({ store }) => t.deepEqual(store.state.hardState, hardState(4)));
});
