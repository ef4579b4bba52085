/**
 * Opens the log in the directory it is given and appends to it, as fast as it can, until it is killed. Without a seed it
 * appends nothing, and holds the log until its stdin ends.
 * A line on stdout before anything is done, and one when it is durable: see WriterLine.
 */
import { writeSync } from 'node:fs';
import { createLogger } from '../../src/logger.ts';
import type { LogStore } from '../../src/raft/interfaces.ts';
import { index, term } from '../../src/raft/types.ts';
import { openDataDirectory } from '../../src/store/data-directory.ts';
import { levelDisk } from '../../src/store/disk-level.ts';
import { openLogStore } from '../../src/store/log-store.ts';
import { batch, commands } from './log-fixture.ts';
import { createRandom } from './random.ts';

/** A batch replaces what is at or above `from` by the entries up to `to`, of one term and size. */
export interface WrittenBatch {
  readonly term: number;
  readonly from: number;
  readonly to: number;
  readonly payloadBytes: number;
}

export type WriterLine =
  | { readonly type: 'opening' }
  /** What its log holds is judged; the batch of this start is what is still to be written. */
  | { readonly type: 'judged' }
  | { readonly type: 'opened' }
  | { readonly type: 'writing'; readonly batch: WrittenBatch }
  | { readonly type: 'durable' };

const entriesMax = 300;

function say(line: WriterLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

async function open(path: string): Promise<LogStore> {
  const directory = await openDataDirectory(levelDisk, path, {
    clusterId: 'cluster',
    replicaId: 'r1',
    newUuid: () => 'uuid-1',
  });
  const log = createLogger({ id: 'r1', level: 'info', write: () => say({ type: 'judged' }) });
  say({ type: 'opening' });
  const store = await openLogStore(levelDisk, directory, { replicaId: 'r1', log });
  say({ type: 'opened' });
  return store;
}

async function write(store: LogStore, seed: number): Promise<never> {
  const random = createRandom(seed);
  const { bootId } = store.state;
  for (let last: number = store.state.last.index; ; ) {
    const kept = last > entriesMax ? entriesMax / 2 : last - (random.below(8) === 0 ? random.below(20) : 0);
    const from = Math.max(1, kept + 1);
    const to = from + random.below(40);
    const written: WrittenBatch = { term: bootId, from, to, payloadBytes: 10 + random.below(20_000) };
    say({ type: 'writing', batch: written });
    await store.append(
      batch(commands(bootId, from, to, written.payloadBytes), {
        hardState: { currentTerm: term(bootId), votedFor: 'r1', claim: null },
        truncateFrom: from <= last ? index(from) : null,
      }),
    );
    say({ type: 'durable' });
    last = to;
  }
}

const [path = '', seed] = process.argv.slice(2);
const store = await open(path);
if (seed === undefined) process.stdin.resume();
else await write(store, Number(seed));
