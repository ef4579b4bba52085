import { chmodSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pollMs, Reloaded } from '../../../src/gateway/access/reloaded.ts';
import { readTokenFile, tokenFileText } from '../../../src/gateway/access/token-file.ts';
import { createLogger } from '../../../src/logger.ts';
import { temporaryDirectory } from '../../cli/directory.ts';
import { waitFor } from '../../cluster/wait.ts';
import { ManualClock } from '../../store/manual-clock.ts';
import { entries } from './fixture.ts';

async function setUp(t: ExecutionContext) {
  const file = join(temporaryDirectory(t), 'file');
  writeFileSync(file, 'one');
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = createLogger({ id: 'g1', level: 'info', write: (line) => void lines.push(line) });
  const load = async () => {
    const text = await readFile(file, 'utf8');
    if (text.startsWith('broken')) throw new Error('it is broken');
    return text;
  };
  const reloaded = await Reloaded.open({ what: 'words', files: [file], load, clock, log });
  t.teardown(() => reloaded.close());
  /** One look at the file: the next one is planned when it is over. */
  const poll = async () => {
    await clock.advance(pollMs);
    await waitFor(async () => clock.timers === 1, { description: 'the look at the file' });
  };
  return { file, reloaded, clock, lines, poll };
}

test('what has changed is read, however it was changed, and nothing else', async (t) => {
  const { file, reloaded, lines, poll } = await setUp(t);
  const told: string[] = [];
  reloaded.onChange((value) => told.push(value));
  await poll();
  t.deepEqual([reloaded.current, lines], ['one', []]);
  writeFileSync(file, 'two');
  await poll();
  t.is(reloaded.current, 'two');
  writeFileSync(`${file}.new`, 'six');
  renameSync(`${file}.new`, file);
  await poll();
  t.is(reloaded.current, 'six');
  t.deepEqual(told, ['two', 'six']);
  t.is(lines.length, 2);
  t.regex(lines[0] ?? '', /"info".*words read again/);
});

test('what is broken or gone leaves what was there, and is told once', async (t) => {
  const { file, reloaded, lines, poll } = await setUp(t);
  writeFileSync(file, 'broken');
  await poll();
  await poll();
  rmSync(file);
  await poll();
  await poll();
  t.is(reloaded.current, 'one');
  t.is(lines.length, 2);
  t.regex(lines[0] ?? '', /"error".*those of before stay in force.*"reason":"it is broken"/);
  t.regex(lines[1] ?? '', /"error".*ENOENT/);
  writeFileSync(file, 'whole');
  await poll();
  t.is(reloaded.current, 'whole');
});

test('it is read again when that is asked for, changed or not', async (t) => {
  const { reloaded, lines } = await setUp(t);
  await reloaded.reload();
  t.is(lines.length, 1);
});

test('a file that is broken from the start is refused', async (t) => {
  const { file, clock } = await setUp(t);
  writeFileSync(file, 'broken');
  const log = createLogger({ id: 'g1', level: 'info', write: () => {} });
  const load = async () => Promise.reject(new Error('it is broken'));
  await t.throwsAsync(Reloaded.open({ what: 'words', files: [file], load, clock, log }), { message: 'it is broken' });
});

test('once closed it looks no more', async (t) => {
  const { reloaded, clock } = await setUp(t);
  reloaded.close();
  t.is(clock.timers, 0);
});

test('a token file is read through a link, but not if others may write it', async (t) => {
  const directory = temporaryDirectory(t);
  const [file, link] = [join(directory, 'tokens.json'), join(directory, 'link')];
  t.is(await readTokenFile(file), null);
  writeFileSync(file, tokenFileText(entries), { mode: 0o600 });
  symlinkSync(file, link);
  t.deepEqual(await readTokenFile(link), entries);
  chmodSync(file, 0o620);
  await t.throwsAsync(readTokenFile(file), { message: /^token file .*others than its owner may write it.*chmod 600/ });
  await t.throwsAsync(readTokenFile(directory), { message: /it is no file/ });
});
