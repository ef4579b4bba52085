import test from 'ava';
import { CacheTally } from './cache-tally.ts';
import { parseOptions } from './options.ts';
import { markdownOf, summaryOf } from './report.ts';
import { healthyWritesPerSecondOf, type RunResult } from './run.ts';

function resultOf(...words: readonly string[]): RunResult {
  const options = parseOptions(words);
  if (options === 'help') throw new Error('no help was asked for');
  const tally = new CacheTally(['g1', 'g2']);
  for (let read = 0; read < 30; read += 1) tally.record('g1', 'bazar; hit; detail=validated');
  for (let read = 0; read < 10; read += 1) tally.record('g2', 'bazar; fwd=stale; stored');
  return {
    options: { ...options, seed: 1, out: '/out' },
    ...{ commit: 'c', machine: 'm', beganAt: 't', seconds: 10, rounds: [], reigns: [], operations: 1234 },
    ...{ outcomes: {}, availability: [], longestGap: { fromMs: 0, lengthMs: 0 }, cache: tally.report() },
    ...{ histories: 7, longestCheckMs: 1, findings: [], digest: null, failures: [] },
  };
}

test('the hit ratio of every gateway and of all is in the summary and on the page, with why the others were forwarded', (t) => {
  const result = resultOf('--workload', 'zipf', '--hits-min', '60%');
  t.true(summaryOf(result).includes('cache: 75.0 % of 40 reads were hits; g1 100.0 %, g2 0.0 %'));
  const page = markdownOf(result);
  for (const line of [
    '| gateway | reads | hits | hit ratio | stale |',
    '| g1 | 30 | 30 | 100.0 % | 0 |',
    '| g2 | 10 | 0 | 0.0 % | 10 |',
    '| all | 40 | 30 | 75.0 % | 10 |',
    '| workload | zipf: 1000 keys, exponent 0.99, 5 % writes |',
    '| hits, at least | 60.0 % |',
  ]) {
    t.true(page.includes(line), line);
  }
});

test('a workload with few writes is healthy with fewer of them', (t) => {
  const healthy = (...words: readonly string[]) => healthyWritesPerSecondOf(resultOf(...words).options);
  t.is(healthy(), 20);
  t.is(healthy('--workload', 'zipf'), 20);
  t.is(healthy('--workload', 'zipf', '--rate', '500'), 10);
  t.is(healthy('--workload', 'zipf', '--rate', '200', '--writes', '1%'), 1);
  t.true(
    markdownOf(resultOf('--workload', 'zipf', '--rate', '500')).includes('\n10 writes acknowledged in the second'),
  );
});
