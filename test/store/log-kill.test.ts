import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import type { Entry } from '../../src/raft/types.ts';
import { commands, plain, readAll, scratch, withLog } from './log-fixture.ts';
import type { WriterLine, WrittenBatch } from './log-writer-process.ts';
import { createRandom, type SeededRandom } from './random.ts';

const kills = 40;

test('SIGKILL at any moment: no damage is seen where there is none, and nothing durable is lost', async (t) => {
  const path = await scratch(t);
  const random = createRandom(3);
  let log: readonly Entry[] = [];
  let unanswered = 0;
  let fromWitness = 0;
  for (let life = 1; life <= kills; life++) {
    const lines = await runUntilKilled(path, life, random.below(5) === 0 ? 0 : 1 + random.below(60), random);
    let pending: WrittenBatch | null = null;
    for (const line of lines) {
      if (line.type === 'writing') pending = line.batch;
      if (line.type !== 'durable' || pending === null) continue;
      log = withBatch(log, pending);
      pending = null;
    }
    await withLog(path, async ({ store, notes, warnings }) => {
      t.deepEqual(warnings, [], `life ${life}`);
      t.is(store.state.hardState.claim, null);
      if (notes.some((note) => note.includes('came from the witness'))) fromWitness++;
      const found = plain(await readAll(store));
      if (pending !== null && isDeepStrictEqual(found, plain(withBatch(log, pending)))) {
        unanswered++;
        log = withBatch(log, pending);
      }
      t.true(isDeepStrictEqual(found, plain(log)), `life ${life}: what was durable, and at most one batch more`);
    });
  }
  t.log(
    `${log.length} entries; ${unanswered} batches found that were not answered, ${fromWitness} in the witness alone`,
  );
  t.true(log.length > 100);
});

function withBatch(log: readonly Entry[], { term, from, to, payloadBytes }: WrittenBatch): readonly Entry[] {
  return [...log.slice(0, from - 1), ...commands(term, from, to, payloadBytes)];
}

/** Kills it in the middle of opening, or in the middle of the batch with this number; returns all it said. */
async function runUntilKilled(
  path: string,
  seed: number,
  batches: number,
  random: SeededRandom,
): Promise<readonly WriterLine[]> {
  const program = fileURLToPath(new URL('log-writer-process.ts', import.meta.url));
  const child = spawn(process.execPath, [program, path, `${seed}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines: WriterLine[] = [];
  let begun = 0;
  for await (const text of createInterface(child.stdout)) {
    const line: WriterLine = JSON.parse(text);
    lines.push(line);
    if (line.type === 'writing') begun++;
    if (batches === 0 ? line.type === 'opening' : begun === batches) {
      spin(random.below(2000));
      child.kill('SIGKILL');
    }
  }
  await exited;
  return lines;
}

/** The moments in the middle of a batch are too short for a timer to hit. */
function spin(microseconds: number): void {
  const end = performance.now() + microseconds / 1000;
  while (performance.now() < end);
}
