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

const program = fileURLToPath(new URL('log-writer-process.ts', import.meta.url));

const lives = 25;
/** A start takes about this long from its first look at the log on, and this long for its batch. */
const startMicroseconds = { opening: 60_000, judged: 2000 };

test('SIGKILL at any moment: no damage is seen where there is none, and nothing durable is lost', async (t) => {
  const path = await scratch(t);
  const random = createRandom(3);
  let log: readonly Entry[] = [];
  let unanswered = 0;
  let fromWitness = 0;
  let openingsCut = 0;
  for (let life = 1; life <= lives; life++) {
    const lines = await killWhileWriting(path, life, 1 + random.below(60), random);
    for (let starts = random.below(4); starts > 0; starts--) {
      if (await killWhileOpening(path, random)) openingsCut++;
    }
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
    `${log.length} entries; ${unanswered} batches found that were not answered, ${fromWitness} in the witness alone; ` +
      `${openingsCut} starts cut off`,
  );
  t.true(openingsCut > 0);
  t.true(log.length > 100);
});

function withBatch(log: readonly Entry[], { term, from, to, payloadBytes }: WrittenBatch): readonly Entry[] {
  return [...log.slice(0, from - 1), ...commands(term, from, to, payloadBytes)];
}

/** Kills it in the middle of the batch with this number; returns all it said. */
async function killWhileWriting(
  path: string,
  seed: number,
  batches: number,
  random: SeededRandom,
): Promise<readonly WriterLine[]> {
  let begun = 0;
  return runUntilKilled([path, `${seed}`], (line) => {
    if (line.type === 'writing') begun++;
    if (line.type !== 'writing' || begun !== batches) return false;
    spin(random.below(2000));
    return true;
  });
}

/** Whether it was killed before it had the log open. */
async function killWhileOpening(path: string, random: SeededRandom): Promise<boolean> {
  const after = random.pick(['opening', 'judged'] as const);
  const lines = await runUntilKilled([path], ({ type }) => {
    if (type === after) spin(random.below(startMicroseconds[after]));
    return type === after || type === 'opened';
  });
  return lines.every(({ type }) => type !== 'opened');
}

async function runUntilKilled(
  parameters: readonly string[],
  killsNow: (line: WriterLine) => boolean,
): Promise<readonly WriterLine[]> {
  const child = spawn(process.execPath, [program, ...parameters], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines: WriterLine[] = [];
  for await (const text of createInterface(child.stdout)) {
    const line: WriterLine = JSON.parse(text);
    lines.push(line);
    if (killsNow(line)) child.kill('SIGKILL');
  }
  await exited;
  return lines;
}

/** The moments in the middle of a batch are too short for a timer to hit. */
function spin(microseconds: number): void {
  const end = performance.now() + microseconds / 1000;
  while (performance.now() < end);
}
