/** One replica by itself: how it ends when it cannot go on. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { silentLogger } from '../../src/logger.ts';
import type { Disk } from '../../src/store/disk.ts';
import { levelDisk } from '../../src/store/disk-level.ts';
import { openReplica } from '../../src/store/replica.ts';
import type { RpcEndpoint } from '../../src/store/rpc.ts';
import { ManualClock } from './manual-clock.ts';
import { undeclaredTouch } from './undeclared-touch.ts';

const stepMs = 10;

const noEndpoint: RpcEndpoint = {
  async listen() {},
  connect() {
    throw new Error('there is nobody else');
  },
  async close() {},
};

/** Writes of the state meet damage, and what marks it as damaged is written when `release` is called. */
function damagedDisk(mark: string) {
  const released = Promise.withResolvers<void>();
  let markAsked = false;
  const disk: Disk = {
    ...levelDisk,
    async openKeyValueStore(path, options) {
      const store = await levelDisk.openKeyValueStore(path, options);
      if (`${path}.condemned` !== mark) return store;
      let batches = 0;
      return {
        get: (key) => store.get(key),
        iterate: (range) => store.iterate(range),
        snapshot: () => store.snapshot(),
        close: () => store.close(),
        async batch(operations, batchOptions) {
          // The first one is the beginning of a new state.
          if (batches++ === 0) await store.batch(operations, batchOptions);
          else throw Object.assign(new Error('corrupted compressed block contents'), { code: 'LEVEL_CORRUPTION' });
        },
      };
    },
    async writeFile(path, bytes) {
      if (path === mark) {
        markAsked = true;
        await released.promise;
      }
      await levelDisk.writeFile(path, bytes);
    },
  };
  return { disk, release: released.resolve, markAsked: () => markAsked };
}

/** A replica that has just met damage in its state; of each call to `onFatal`, whether the mark stood by then. */
async function endingReplica(t: ExecutionContext) {
  const directory = await mkdtemp(join(tmpdir(), 'bazar-replica-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const mark = join(directory, 'data', 'state.condemned');
  const { disk, release, markAsked } = damagedDisk(mark);
  const clock = new ManualClock();
  const ends: { readonly message: string; readonly isMarked: boolean }[] = [];
  const replica = await openReplica({
    id: 'r1',
    cluster: {
      clusterId: 'c',
      replicas: [{ id: 'r1', publicKey: 'aa'.repeat(32), rpc: '127.0.0.1:1', http: '127.0.0.1:2' }],
      gateways: [],
    },
    dataDirectory: join(directory, 'data'),
    log: silentLogger,
    onFatal: ({ message }) => ends.push({ message, isMarked: existsSync(mark) }),
    world: {
      disk,
      clock,
      random: { next: () => 0 },
      newUuid: () => 'uuid-1',
      openEndpoint: async () => noEndpoint,
      watchDiskSpace: async () => ({ full: false, close() {} }),
    },
    observer: { logAppended() {}, applied() {}, proposed() {}, readIndexed() {}, undeclaredTouch },
  });
  t.teardown(async () => {
    release();
    await replica.close();
  });
  // It elects itself, and applies its first entry.
  while (!markAsked()) {
    await clock.advance(stepMs);
    await immediate();
  }
  return { clock, ends, release };
}

test('a replica whose state meets damage ends once that is marked on a slow disk, and only once', async (t) => {
  const { clock, ends, release } = await endingReplica(t);
  await clock.advance(5000 - 2 * stepMs);
  t.deepEqual(ends, []);
  release();
  while (ends.length === 0) await immediate();
  await clock.advance(10_000);
  t.is(ends.length, 1);
  t.true(ends[0]?.isMarked);
  t.regex(ends[0]?.message ?? '', /the state is damaged/);
});

test('a replica whose state meets damage on a disk that hangs ends after five seconds, and only once', async (t) => {
  const { clock, ends, release } = await endingReplica(t);
  await clock.advance(5000 - 2 * stepMs);
  t.deepEqual(ends, []);
  await clock.advance(2 * stepMs);
  t.is(ends.length, 1);
  t.false(ends[0]?.isMarked);
  release();
  for (let turn = 0; turn < 100; turn++) await immediate();
  await clock.advance(10_000);
  t.is(ends.length, 1);
});
