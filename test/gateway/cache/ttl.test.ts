import test from 'ava';
import { UsageError } from '../../../src/config.ts';
import { cacheTtl } from '../../../src/gateway/cache/ttl.ts';

test('each class has its age, in either order, or none', (t) => {
  t.deepEqual(cacheTtl.parse('search=1h,info=30m'), { searchMs: 3_600_000, infoMs: 1_800_000 });
  t.deepEqual(cacheTtl.parse('info=1ms,search=24h'), { searchMs: 86_400_000, infoMs: 1 });
  t.deepEqual(cacheTtl.parse('search=2s'), { searchMs: 2000, infoMs: null });
  t.deepEqual(cacheTtl.parse('info=500ms'), { searchMs: null, infoMs: 500 });
});

const mistakes = [
  ['', 'expected CLASS=DURATION, separated by commas, such as search=1h,info=30m'],
  ['1h', 'expected CLASS=DURATION, separated by commas, such as search=1h,info=30m'],
  ['search=1h,', 'expected CLASS=DURATION, separated by commas, such as search=1h,info=30m'],
  ['searches=1h', 'expected the classes search and info, found "searches"'],
  ['search=1h, info=1h', 'expected the classes search and info, found " info"'],
  ['=1h', 'expected the classes search and info, found ""'],
  ['info=1h,info=2h', 'expected each class once, found info twice'],
  ['search=1h,info=', 'info: expected a duration such as 500ms, 2s or 1m, at most 24h, found ""'],
  ['search=1y', 'search: expected a duration such as 500ms, 2s or 1m, at most 24h, found "1y"'],
  ['search=0s', 'search: expected a duration such as 500ms, 2s or 1m, at most 24h, found "0s"'],
  ['search=25h', 'search: expected a duration such as 500ms, 2s or 1m, at most 24h, found "25h"'],
  ['search=1h=2h', 'search: expected a duration such as 500ms, 2s or 1m, at most 24h, found "1h=2h"'],
] as const;

for (const [text, message] of mistakes) {
  test(`ages written as ${JSON.stringify(text)} are refused with what was expected`, (t) => {
    t.throws(() => cacheTtl.parse(text), { instanceOf: UsageError, message });
  });
}
