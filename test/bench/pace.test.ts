import test from 'ava';
import { startPaced } from '../../bench/pace.ts';
import { waitFor } from '../cluster/wait.ts';

test('requests go on without waiting for answers, up to a bound, until they are stopped', async (t) => {
  const waiting: (() => void)[] = [];
  let mostUnderWay = 0;
  let underWay = 0;
  const paced = startPaced(10_000, async () => {
    underWay += 1;
    mostUnderWay = Math.max(mostUnderWay, underWay);
    await new Promise<void>((resolve) => waiting.push(resolve));
    underWay -= 1;
  });
  const answerAll = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  await waitFor(() => underWay === 64, { description: 'as many as may be under way' });
  t.is(paced.answered, 0);
  answerAll();
  await waitFor(() => paced.answered >= 64 && underWay > 0, { description: 'more of them' });
  const stopped = paced.stop();
  const answering = setInterval(answerAll, 1);
  await stopped;
  clearInterval(answering);
  t.is(underWay, 0);
  t.is(mostUnderWay, 64);
});

test('a request that fails is the last one, and whoever stops hears of it', async (t) => {
  let sent = 0;
  const paced = startPaced(10_000, async () => {
    sent += 1;
    throw new Error('refused');
  });
  await waitFor(() => sent > 0, { description: 'the request' });
  await t.throwsAsync(paced.stop(), { message: 'refused' });
  t.is(sent, 1);
  t.is(paced.answered, 0);
});

test('the pace is kept: a request is due so many times a second', async (t) => {
  const startedAt = performance.now();
  const paced = startPaced(100, async () => {});
  await waitFor(() => paced.answered >= 10, { description: 'ten requests' });
  const elapsedMs = performance.now() - startedAt;
  await paced.stop();
  t.true(elapsedMs >= 89, `ten requests at 100 a second took ${elapsedMs} ms`);
});
