import test from 'ava';
import { createProgress, progressLine } from '../../src/progress.ts';

const start = { rows: 1000, errors: 0, fraction: 0.1 };

test('the line tells rows, speed, ETA and errors of this run', (t) => {
  t.is(
    progressLine(start, { rows: 3000, errors: 2, fraction: 0.3 }, 4),
    '[#######-----------------]  30 %  3,000 rows  500 rows/s  ETA 14 s  2 errors',
  );
  t.is(
    progressLine(start, { rows: 1000, errors: 0, fraction: 0.1 }, 0),
    '[##----------------------]  10 %  1,000 rows  0 rows/s  ETA -',
  );
  t.is(progressLine(start, { rows: 2000, errors: 0, fraction: 0.2 }, 60).split('  ').at(-1), 'ETA 8 min 0 s');
  const unknown = { rows: 0, errors: 0, fraction: null };
  t.is(progressLine(unknown, { ...unknown, rows: 50 }, 2), '50 rows  25 rows/s');
});

function drawn(isTTY: boolean) {
  const texts: string[] = [];
  let now = 0;
  const stream = { isTTY, columns: 20, write: (text: string) => texts.push(text) };
  const progress = createProgress({ stream, start, now: () => now });
  const update = (atMs: number) => {
    now = atMs;
    progress.update({ rows: 1000 + atMs, errors: 0, fraction: 0.5 });
  };
  return { texts, progress, update };
}

test('a terminal is drawn at most ten times a second, within its width, and cleared for the closing line', (t) => {
  const { texts, progress, update } = drawn(true);
  for (const atMs of [0, 50, 99, 100, 150, 200]) update(atMs);
  t.is(texts.length, 3);
  for (const text of texts) t.regex(text.replace('\r\u001b[K', '<'), /^<.{19}$/);
  progress.finish('done');
  t.is(texts.at(-1), '\r\u001b[Kdone\n');
});

test('elsewhere there is the closing line alone', (t) => {
  const { texts, progress, update } = drawn(false);
  for (const atMs of [0, 1000, 2000]) update(atMs);
  progress.finish('done');
  t.deepEqual(texts, ['done\n']);
});
