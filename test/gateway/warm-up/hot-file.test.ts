import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { hotFileAt } from '../../../src/gateway/warm-up/hot-file.ts';
import { hotListBytesMax } from '../../../src/gateway/warm-up/hot-list.ts';
import { temporaryDirectory } from '../../cli/directory.ts';

test('what was written is read, and is for its owner alone', async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, 'hot');
  const file = hotFileAt(path);
  t.is(await file.read(), null);
  await file.write(Buffer.from('first'));
  chmodSync(path, 0o644);
  await file.write(Buffer.from('second'));
  t.deepEqual(await file.read(), Buffer.from('second'));
  t.is(statSync(path).mode & 0o777, 0o600);
  t.deepEqual(readdirSync(directory), ['hot']);
});

test('a draft that was left behind is replaced, and what it points to is not', async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, 'hot');
  const victim = join(directory, 'victim');
  writeFileSync(victim, 'precious');
  symlinkSync(victim, `${path}.draft`);
  await hotFileAt(path).write(Buffer.from('list'));
  t.is(readFileSync(victim, 'utf8'), 'precious');
  t.is(readFileSync(path, 'utf8'), 'list');
});

test('what is too large, or no file, is not read', async (t) => {
  const path = join(temporaryDirectory(t), 'hot');
  writeFileSync(path, '');
  truncateSync(path, hotListBytesMax + 1);
  await t.throwsAsync(hotFileAt(path).read(), { message: 'it is larger than 4194304 bytes' });
  const directory = `${path}-directory`;
  mkdirSync(directory);
  await t.throwsAsync(hotFileAt(directory).read(), { message: 'it is no file' });
  await t.throwsAsync(hotFileAt(join(directory, 'missing', 'hot')).write(Buffer.from('x')), { code: 'ENOENT' });
});
