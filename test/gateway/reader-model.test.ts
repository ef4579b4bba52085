import test from 'ava';
import { SeededRandom } from '../raft/seeded-random.ts';
import { type ReaderMistake, readerMistakes, runReaderModel } from './reader-model.ts';

const steps = 400;
const seedsMax = 60;

/** One seed after another, until one finds something wrong. */
async function run(mistake: ReaderMistake | null, seeds: number) {
  const answers = new Map<string, number>();
  for (let seed = 1; seed <= seeds; seed += 1) {
    const report = await runReaderModel(new SeededRandom(seed), steps, mistake);
    for (const [status, count] of report.answers) answers.set(status, (answers.get(status) ?? 0) + count);
    if (report.wrong !== null) return { wrong: `seed ${seed}: ${report.wrong}`, answers };
    if (report.timersLeft > 0) return { wrong: `seed ${seed}: ${report.timersLeft} timers are left`, answers };
  }
  return { wrong: null, answers };
}

test('every answer is the state at the index it names, no older than its read, and in time', async (t) => {
  const { wrong, answers } = await run(null, seedsMax);
  t.is(wrong, null);
  t.log([...answers].map(([status, count]) => `${count} ${status}`).join('\n'));
  for (const status of [
    'hit; detail=validated',
    'fwd=stale; stored',
    'fwd=uri-miss; stored',
    'fwd=uri-miss; collapsed',
  ]) {
    t.true((answers.get(`bazar; ${status}`) ?? 0) > seedsMax / 3, status);
  }
});

for (const mistake of readerMistakes) {
  test(`it is found if ${mistake}`, async (t) => {
    const { wrong } = await run(mistake, 10 * seedsMax);
    t.log(wrong);
    t.not(wrong, null);
  });
}
