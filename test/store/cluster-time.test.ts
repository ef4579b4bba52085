import test from 'ava';
import { type Entry, index, term } from '../../src/raft/types.ts';
import { ClusterTime } from '../../src/store/cluster-time.ts';
import type { Command } from '../../src/store/command.ts';
import { encodeCommand } from '../../src/store/command-codec.ts';
import { ManualClock } from './manual-clock.ts';
import { openMachine } from './one-machine.ts';

async function replicaOf(inTerm: () => number) {
  const clock = new ManualClock();
  const machine = await openMachine(clock);
  const time = new ClusterTime(clock, machine, () => term(inTerm()));
  const apply = (entry: Entry) => void machine.apply([entry], Buffer.from('12345678'));
  return { clock, machine, time, apply };
}

const lock: Command = {
  type: 'transaction',
  stamp: { session: index(1), sequence: 1, lowestUnanswered: 1 },
  idempotency: null,
  transaction: {
    compares: [],
    then: [{ type: 'put', key: 'lock', value: Buffer.of(), contentType: '', ttlMs: 500 }],
    otherwise: [],
  },
};
const plain: Command = { ...lock, transaction: { compares: [], then: [], otherwise: [] } };

function tick(stampMs: number): Uint8Array {
  return encodeCommand({ type: 'tick', stampMs, expired: [], forgotten: [] });
}

function entry(at: number, inTerm: number, command: Uint8Array): Entry {
  return { index: index(at), term: term(inTerm), type: 'command', command };
}

test('a leader counts on from the last stamp, by its own clock', async (t) => {
  const { clock, time, apply } = await replicaOf(() => 1);
  clock.stall(40);
  t.is(time.now(), 40, 'the first time of all is that on the wall');
  apply(entry(1, 1, tick(1000)));
  clock.stall(100);
  t.is(time.now(), 1100);
});

test('only what depends on time is preceded by a stamp, unless one of this leader is young', async (t) => {
  const { clock, time, apply } = await replicaOf(() => 1);
  apply(entry(1, 1, tick(1000)));
  clock.stall(100);
  t.is(time.stampBefore([plain, lock]), null);
  clock.stall(1);
  t.is(time.stampBefore([plain]), null);
  t.deepEqual(time.stampBefore([plain, lock]), tick(1101));
});

test('a lifetime is as long by the clock of whoever saw an earlier leader’s stamp sooner', async (t) => {
  const [early, late] = [await replicaOf(() => 3), await replicaOf(() => 2)];
  early.apply(entry(1, 1, tick(1000)));
  for (const { clock } of [early, late]) clock.stall(1000);
  // It leads, and learns only now that this was committed.
  late.apply(entry(1, 1, tick(1000)));
  const stamp = late.time.stampBefore([lock]);
  t.deepEqual(stamp, tick(1000), 'it says that by its clock no time has passed');
  for (const { apply } of [early, late]) {
    apply(entry(2, 2, stamp ?? Buffer.of()));
    apply(entry(3, 2, encodeCommand({ type: 'openSession' })));
    apply(
      entry(
        4,
        2,
        encodeCommand({ ...lock, stamp: { ...(lock as { stamp: object }).stamp, session: index(3) } } as Command),
      ),
    );
  }
  early.clock.stall(300);
  t.is(early.time.now(), 1300, 'its end is at 1500');
});
