import test from 'ava';
import { sumOf } from '../../bench/scrape.ts';

const page = `# HELP reads_total Reads.
# TYPE reads_total counter
reads_total{result="hit",kind="value"} 5
reads_total{result="hit",kind="list"} 2
reads_total{result="miss",kind="value"} 40
reads_total_more{result="hit"} 1000
plain 1e3
`;

test('the series that bear the labels are summed up', (t) => {
  t.is(sumOf(page, 'reads_total'), 47);
  t.is(sumOf(page, 'reads_total', { result: 'hit' }), 7);
  t.is(sumOf(page, 'reads_total', { kind: 'value', result: 'hit' }), 5);
  t.is(sumOf(page, 'reads_total', { result: 'stale' }), 0);
  t.is(sumOf(page, 'plain'), 1000);
  t.is(sumOf(page, 'unknown'), 0);
});
