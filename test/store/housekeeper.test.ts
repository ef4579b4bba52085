import test from 'ava';
import type { ProposalOutcome } from '../../src/raft/node.ts';
import { beforeTheLog, index } from '../../src/raft/types.ts';
import { sealApplied } from '../../src/store/batch-chain.ts';
import type { Command, CommandResult } from '../../src/store/command.ts';
import { decodeCommand } from '../../src/store/command-codec.ts';
import type { KeyValueReader } from '../../src/store/disk.ts';
import { Housekeeper } from '../../src/store/housekeeper.ts';
import { garbageKey, garbageRows } from '../../src/store/keys.ts';
import { ManualClock } from './manual-clock.ts';

const applied = sealApplied({ last: beforeTheLog, chainHash: Buffer.alloc(8), digest: 0n as never });
const commandMs = 100;

/** Of a leader whose commands take a tenth of a second each, and change nothing. */
class Fixture {
  readonly clock = new ManualClock();
  readonly proposed: (Command | null)[] = [];
  readonly #garbage: boolean;

  constructor({ mortals, garbage }: { readonly mortals: number; readonly garbage: boolean }) {
    this.#garbage = garbage;
    new Housekeeper({
      clock: this.clock,
      leads: () => this.proposed.length < 100,
      now: () => 1000 + this.clock.now(),
      propose: async (commands) => {
        this.proposed.push(...commands.map(decodeCommand));
        this.clock.stall(commandMs);
        const outcome: ProposalOutcome<CommandResult> = { type: 'applied', index: index(1), result: { type: 'noted' } };
        return commands.map(() => outcome);
      },
      state: {
        clock: { timeMs: 1000, mortals, records: 0, recordBytes: 0 },
        collections: [],
        read: (read) => read(this.#reader()),
      },
      onFatal: (error) => {
        throw error;
      },
    });
  }

  #reader(): KeyValueReader {
    const hasGarbage = this.#garbage;
    return {
      get: () => applied.value,
      async *iterate({ gte }) {
        if (hasGarbage && gte === garbageRows.gte) yield [garbageKey(3, 4), new Uint8Array()];
      },
    };
  }
}

test('while something has a lifetime the time is stated once a second, though nothing is due', async (t) => {
  const f = new Fixture({ mortals: 1, garbage: false });
  for (let second = 0; second < 3; second += 1) {
    f.clock.stall(1000);
    await f.clock.settle();
  }
  t.deepEqual(
    f.proposed.map((command) => command?.type),
    ['tick', 'tick', 'tick'],
  );
  const none = new Fixture({ mortals: 0, garbage: false });
  none.clock.stall(1000);
  await none.clock.settle();
  t.deepEqual(none.proposed, []);
});

test('the time is stated between chunks, however many there are', async (t) => {
  const f = new Fixture({ mortals: 1, garbage: true });
  f.clock.stall(1000);
  while (f.proposed.length < 100) await f.clock.settle();
  const ticks = f.proposed.flatMap((command, place) => (command?.type === 'tick' ? [place] : []));
  t.deepEqual(ticks.slice(0, 4), [0, 11, 22, 33]);
});
