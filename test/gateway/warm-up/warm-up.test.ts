import test from 'ava';
import type { HotFile } from '../../../src/gateway/warm-up/hot-file.ts';
import { decodeHotList, encodeHotList } from '../../../src/gateway/warm-up/hot-list.ts';
import { WarmUp } from '../../../src/gateway/warm-up/warm-up.ts';
import { createLogger } from '../../../src/logger.ts';
import { ManualClock } from '../../store/manual-clock.ts';
import { FakeKept, keys } from './fake-kept.ts';

class FakeFile implements HotFile {
  readonly path = '/hot';
  bytes: Buffer | null = null;
  error: Error | null = null;
  writes = 0;

  async read(): Promise<Buffer | null> {
    if (this.error !== null) throw this.error;
    return this.bytes;
  }

  async write(bytes: Buffer): Promise<void> {
    this.writes += 1;
    if (this.error !== null) throw this.error;
    this.bytes = bytes;
  }
}

interface LogLine {
  readonly level: string;
  readonly message: string;
}

function setUp(file = new FakeFile()) {
  const clock = new ManualClock();
  const kept = new FakeKept();
  const lines: LogLine[] = [];
  const log = createLogger({ id: 'g1', level: 'info', write: (line) => lines.push(JSON.parse(line)) });
  const warmUp = new WarmUp({ file, clusterId: 'c1', kept, clock, log });
  const messages = () => lines.map(({ level, message }) => `${level} ${message}`);
  return { clock, kept, file, lines, messages, warmUp };
}

function fileOf(content: Buffer | string): FakeFile {
  const file = new FakeFile();
  file.bytes = Buffer.from(content);
  return file;
}

const hotIn = ({ bytes }: FakeFile) => bytes && decodeHotList('c1', bytes);

test('what is hot is written down every minute if it has changed, and at the end', async (t) => {
  const { clock, kept, file, messages, warmUp } = setUp();
  await clock.advance(59_999);
  t.is(file.writes, 0);
  kept.hot = keys(2);
  await clock.advance(1);
  t.deepEqual(hotIn(file), { type: 'list', questions: keys(2) });
  await clock.advance(120_000);
  t.is(file.writes, 1);
  kept.hot = keys(3);
  await warmUp.close();
  t.deepEqual(hotIn(file), { type: 'list', questions: keys(3) });
  t.is(file.writes, 2);
  await clock.advance(120_000);
  t.is(file.writes, 2);
  t.deepEqual(messages(), []);
});

test('what was hot is fetched once somebody leads, and the log says what became of it', async (t) => {
  const { clock, kept, lines, messages, warmUp } = setUp(fileOf(encodeHotList('c1', keys(100))));
  kept.canKeep = false;
  await clock.advance(100_000);
  t.is(kept.asked.length, 0);
  kept.canKeep = true;
  for (let turns = 0; turns < 10; turns += 1) await clock.advance(50);
  t.deepEqual(
    kept.asked.map(({ question }) => question),
    keys(100),
  );
  t.deepEqual(warmUp.counts, { warmed: 100, skipped: 0 });
  t.deepEqual(messages(), ['info warm-up begins', 'info warm-up ended']);
  t.like(lines[1], { end: 'complete', warmed: 100, skipped: 0, left: 0 });
  await warmUp.close();
});

test('before it is warm a gateway writes nothing over the list that is there', async (t) => {
  const bytes = encodeHotList('c1', keys(100));
  for (const canKeep of [false, true]) {
    const { clock, kept, file, warmUp } = setUp(fileOf(bytes));
    kept.canKeep = canKeep;
    kept.outcome = null;
    await clock.advance(29_000);
    kept.hot = keys(1);
    await warmUp.close();
    t.is(file.writes, 0);
  }
});

test('the same list again is not written', async (t) => {
  const { clock, kept, file, warmUp } = setUp(fileOf(encodeHotList('c1', keys(3))));
  kept.hot = keys(3);
  await clock.settle();
  await warmUp.close();
  t.is(file.writes, 0);
});

for (const [title, content] of [
  ['of another cluster', encodeHotList('c2', keys(3))],
  ['damaged', encodeHotList('c1', keys(3)).subarray(0, -5)],
] as const) {
  test(`a list that is ${title} is reported once, ignored and replaced`, async (t) => {
    const { clock, kept, file, lines, warmUp } = setUp(fileOf(content));
    await clock.settle();
    t.is(lines.length, 1);
    t.like(lines[0], { level: 'warn', file: '/hot' });
    t.regex(lines[0]?.message ?? '', new RegExp(`ignored: it is ${title}; it is replaced`));
    t.is(kept.asked.length, 0);
    kept.hot = keys(1);
    await warmUp.close();
    t.deepEqual(hotIn(file), { type: 'list', questions: keys(1) });
  });
}

test('a file that is something else, or cannot be read, is reported once and left as it is', async (t) => {
  const unreadable = new FakeFile();
  unreadable.error = new Error('EACCES: permission denied');
  for (const file of [fileOf('my thesis'), unreadable]) {
    const { clock, kept, messages, warmUp } = setUp(file);
    kept.hot = keys(1);
    await clock.advance(120_000);
    await warmUp.close();
    t.is(file.writes, 0);
    t.is(messages().length, 1);
    t.regex(messages()[0] ?? '', /^warn .*left as it is, and nothing is written: choose another file with --warm-up$/);
  }
});

test('a disk that does not take the list is reported once, until it does', async (t) => {
  const { clock, kept, file, messages, warmUp } = setUp();
  await clock.settle();
  kept.hot = keys(1);
  file.error = new Error('ENOSPC: no space left on device');
  await clock.advance(180_000);
  t.is(file.writes, 3);
  t.deepEqual(messages(), [
    'warn the list of what is hot cannot be written: ENOSPC: no space left on device; it is tried again every minute',
  ]);
  file.error = null;
  await clock.advance(60_000);
  t.deepEqual(hotIn(file), { type: 'list', questions: keys(1) });
  file.error = new Error('EIO');
  kept.hot = keys(2);
  await warmUp.close();
  t.is(messages().length, 2);
});
