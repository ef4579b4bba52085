import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { createLogger } from '../../src/logger.ts';
import { type DataDirectory, openDataDirectory } from '../../src/store/data-directory.ts';
import type { Disk } from '../../src/store/disk.ts';
import { levelDisk } from '../../src/store/disk-level.ts';
import { StartError } from '../../src/store/errors.ts';
import { historyBoundsDefault } from '../../src/store/history.ts';
import { isFirstStart, openStateDirectory } from '../../src/store/state-directory.ts';
import { systemClock } from '../../src/system-clock.ts';
import { failingDisk } from './fault-disk.ts';
import { batch, commands, openLog, scratch, withLog } from './log-fixture.ts';

let uuids = 0;

function openAs(
  path: string,
  { clusterId = 'c', replicaId = 'r1', disk = levelDisk }: { clusterId?: string; replicaId?: string; disk?: Disk } = {},
): Promise<DataDirectory> {
  return openDataDirectory(disk, path, { clusterId, replicaId, newUuid: () => `uuid-${++uuids}` });
}

async function refusal(t: ExecutionContext, opening: Promise<unknown>, code: string): Promise<string> {
  const error = await t.throwsAsync(opening, { instanceOf: StartError, code });
  const message = error?.message ?? '';
  t.notRegex(message, /\n/, 'one line');
  return message;
}

test('a first start makes the directory, a later one finds it', async (t) => {
  const path = join(await scratch(t), 'some', 'where');
  const first = await openAs(path);
  t.is(first.path, path);
  await first.release();
  t.deepEqual((await readdir(path)).sort(), ['identity.json', 'log', 'witness']);
  t.deepEqual(JSON.parse(await readFile(join(path, 'identity.json'), 'utf8')), {
    version: 1,
    clusterId: 'c',
    replicaId: 'r1',
    uuid: first.uuid,
  });
  const second = await openAs(path);
  t.is(second.uuid, first.uuid);
  await second.release();
});

test('an empty directory that is already there will do', async (t) => {
  const path = await scratch(t);
  await (await openAs(path)).release();
  t.deepEqual((await readdir(path)).sort(), ['identity.json', 'log', 'witness']);
});

for (const forGood of [true, false]) {
  test(`a first start that ${forGood ? 'is cut short at' : 'fails in'} any write starts over`, async (t) => {
    const root = await scratch(t);
    let points = 0;
    for (let reached = true; reached; points++) {
      const path = join(root, `${points}`);
      const fault = failingDisk(points, { forGood });
      const opening = openAs(path, { disk: fault.disk });
      if (
        await opening
          .then(({ release }) => release())
          .then(
            () => false,
            () => true,
          )
      )
        t.true(fault.reached);
      reached = fault.reached;
      const directory = await openAs(path);
      t.deepEqual((await readdir(path)).sort(), ['identity.json', 'lock', 'log', 'witness'], `point ${points}`);
      await directory.release();
    }
    t.true(points > 7);
  });
}

test('a first start cut off between lock and marker starts over', async (t) => {
  const path = await scratch(t);
  await writeFile(join(path, 'lock'), '');
  await writeFile(join(path, 'lock.77'), '');
  await writeFile(join(path, 'initialising.tmp'), '');
  await (await openAs(path)).release();
  t.deepEqual((await readdir(path)).sort(), ['identity.json', 'lock.77', 'log', 'witness']);
});

test('whatever a first start left unfinished is replaced', async (t) => {
  const path = await scratch(t);
  await mkdir(join(path, 'log'));
  for (const [name, content] of [
    ['initialising', ''],
    ['witness', 'half of it'],
    ['identity.json.tmp', '{"vers'],
    ['log/CURRENT', 'MANIFEST-000'],
  ] as const) {
    await writeFile(join(path, name), content);
  }
  await withLog(path, async ({ store }) => t.is(Number(store.state.last.index), 0));
  t.deepEqual((await readdir(path)).sort(), ['identity.json', 'log', 'witness']);
});

test('a directory that holds something else is refused and left alone', async (t) => {
  const path = await scratch(t);
  await writeFile(join(path, 'diary.txt'), 'Dear diary');
  const before = await stat(path);
  const message = await refusal(t, openAs(path), 'directoryNotEmpty');
  t.true(message.includes(path) && message.includes('diary.txt'), message);
  t.deepEqual(await readdir(path), ['diary.txt']);
  t.is((await stat(path)).mtimeMs, before.mtimeMs, 'not even a lock was there for a moment');
});

test('a log without an identity is refused: nobody knows whose it is', async (t) => {
  const path = await scratch(t);
  await mkdir(join(path, 'log'));
  await refusal(t, openAs(path), 'directoryNotEmpty');
  t.deepEqual(await readdir(path), ['log']);
});

test('a first start cut off while the state is made says nothing of damage at the next', async (t) => {
  const root = await scratch(t);
  let points = 0;
  for (let reached = true; reached; points++) {
    const path = join(root, `${points}`);
    const fault = failingDisk(points, { forGood: true });
    await openState(path, { stateDisk: fault.disk }).catch(() => {});
    reached = fault.reached;
    t.deepEqual(await openState(path), [], `point ${points}`);
  }
  t.true(points > 2);
});

test('a state that LevelDB had only begun to make is not a damaged one', async (t) => {
  const path = await scratch(t);
  await withLog(path, async () => {});
  await mkdir(join(path, 'state'));
  await writeFile(join(path, 'state', 'MANIFEST-000001'), '');
  t.deepEqual(await openState(path), []);
});

test('a state that is missing once the log has held an entry was lost, and an error says so', async (t) => {
  for (const loseLog of [false, true]) {
    const path = await scratch(t);
    await withLog(path, ({ store }) => store.append(batch(commands(1, 1, 3))));
    if (loseLog) await rm(join(path, 'log'), { recursive: true });
    t.regex((await openState(path)).join(), /the state is damaged/);
  }
});

/** Opens directory, log and state as a replica does; what was logged of the state above information. */
async function openState(
  path: string,
  { stateDisk = levelDisk }: { readonly stateDisk?: Disk } = {},
): Promise<readonly string[]> {
  const lines: string[] = [];
  const log = createLogger({ id: 'r1', level: 'warn', write: (line) => lines.push(line) });
  await withLog(path, async ({ store }) => {
    const firstStart = isFirstStart(store.state);
    const options = { firstStart, log, clock: systemClock, history: historyBoundsDefault };
    const state = await openStateDirectory(stateDisk, join(path, 'state'), options);
    await state.store.close();
  });
  return lines;
}

test('the directory of another cluster or replica is refused, naming both', async (t) => {
  const path = await scratch(t);
  await (await openAs(path)).release();
  const otherCluster = await refusal(t, openAs(path, { clusterId: 'other' }), 'wrongCluster');
  t.regex(otherCluster, /cluster c\b.*other/);
  const otherReplica = await refusal(t, openAs(path, { replicaId: 'r2' }), 'wrongReplica');
  t.regex(otherReplica, /r1.*r2/);
  t.deepEqual((await readdir(path)).sort(), ['identity.json', 'log', 'witness']);
});

test('an identity that cannot be read is a lost replica', async (t) => {
  for (const content of ['', '{"version":1', '{"version":1}', 'null', '7']) {
    const path = await scratch(t);
    await writeFile(join(path, 'identity.json'), content);
    const message = await refusal(t, openAs(path), 'identityUnreadable');
    t.regex(message, /r1 lost its data: remove it and add a replacement under a new id/);
  }
});

test('the identity of a later program is refused', async (t) => {
  const path = await scratch(t);
  await writeFile(join(path, 'identity.json'), '{"version":2}');
  t.regex(await refusal(t, openAs(path), 'identityVersion'), /version 2/);
});

test('a directory is open once in a process', async (t) => {
  const path = await scratch(t);
  const directory = await openAs(path);
  const message = await refusal(t, openAs(path), 'directoryInUse');
  t.true(message.includes(path) && message.includes(`${process.pid}`), message);
  await directory.release();
  await (await openAs(path)).release();
});

test('the databases too: a second open in one process does not reach LevelDB', async (t) => {
  const path = await scratch(t);
  await withLog(path, async ({ store }) => {
    const before = await stat(join(path, 'log', 'LOG'));
    const opening = levelDisk.openKeyValueStore(join(path, 'log'), { createIfMissing: false });
    await t.throwsAsync(opening, { code: 'LEVEL_LOCKED' });
    t.is((await stat(join(path, 'log', 'LOG'))).ino, before.ino, 'LevelDB begins a new LOG at every attempt');
    await refusal(t, openLog(path), 'directoryInUse');
    await store.append({ hardState: store.state.hardState, truncateFrom: null, entries: [] });
  });
});

test('a second process is refused with one line that names directory and pid; a dead one is not in the way', async (t) => {
  const path = await scratch(t);
  const { pid, child } = await hold(t, path);
  const before = await readdir(path);
  const message = await refusal(t, openAs(path), 'directoryInUse');
  t.true(message.includes(path) && message.includes(`${pid}`), message);
  t.deepEqual(await readdir(path), before);
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.true((await readdir(path)).includes('lock'));
  const directory = await openAs(path);
  t.is(directory.uuid, 'uuid');
  await directory.release();
});

test('a zombie is dead', async (t) => {
  const path = await scratch(t);
  const { pid } = await hold(t, path, (program) => ['sh', '-c', `"$@" & exec sleep 60`, 'sh', ...program]);
  process.kill(pid, 'SIGKILL');
  while (!/\) Z /.test(await readFile(`/proc/${pid}/stat`, 'utf8'))) await new Promise(setImmediate);
  await (await openAs(path)).release();
  t.regex(await readFile(`/proc/${pid}/stat`, 'utf8'), /\) Z /, 'nobody has reaped it');
});

test('a pid that is used again does not hold the lock', async (t) => {
  for (const owner of [
    { pid: process.pid, startTicks: 1 },
    { pid: process.ppid, startTicks: 1 },
    { pid: 2 ** 22 + 1, startTicks: 1 },
  ]) {
    const path = await scratch(t);
    await (await openAs(path)).release();
    await writeFile(join(path, 'lock'), JSON.stringify(owner));
    const directory = await openAs(path);
    t.is(JSON.parse(await readFile(join(path, 'lock'), 'utf8')).pid, process.pid);
    await directory.release();
  }
});

test('a lock with the pid and the start time of this very process is held', async (t) => {
  const path = await scratch(t);
  const lock = join(path, 'lock');
  const directory = await openAs(path);
  const content = await readFile(lock);
  await directory.release();
  await writeFile(lock, content);
  await refusal(t, openAs(path), 'directoryInUse');
  t.deepEqual(await readFile(lock), content);
});

test('a lock that another process has taken over is left to it', async (t) => {
  const path = await scratch(t);
  const lock = join(path, 'lock');
  const directory = await openAs(path);
  const other = JSON.stringify({ pid: process.pid, startTicks: 1 });
  await writeFile(lock, other);
  await directory.release();
  t.is(await readFile(lock, 'utf8'), other);
});

test('a process that the lock cannot tell of, in another container, is kept out by LevelDB', async (t) => {
  const path = await scratch(t);
  const { child } = await startProcess(t, [program('log-writer-process.ts'), path], /opened/);
  await writeFile(join(path, 'lock'), JSON.stringify({ pid: process.pid, startTicks: 1 }));
  await refusal(t, openLog(path), 'logUnavailable');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await withLog(path, async ({ warnings }) => t.deepEqual(warnings, []));
});

test('of many processes that find a dead owner one gets the directory', async (t) => {
  const path = await scratch(t);
  await (await openAs(path)).release();
  await writeFile(join(path, 'lock'), JSON.stringify({ pid: 2 ** 22 + 1, startTicks: 1 }));
  const attempts = await Promise.allSettled(Array.from({ length: 6 }, () => hold(t, path)));
  const holders = attempts.filter(({ status }) => status === 'fulfilled');
  t.is(holders.length, 1);
});

function program(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Another process that has the directory open. */
async function hold(
  t: ExecutionContext,
  path: string,
  command = (parameters: readonly string[]): readonly string[] => parameters,
): Promise<{ readonly pid: number; readonly child: ChildProcess }> {
  const { child, said } = await startProcess(t, [program('directory-holder.ts'), path], /\n/, command);
  return { pid: Number(said), child };
}

/** Rejects if the process ends before it has said what is awaited. */
async function startProcess(
  t: ExecutionContext,
  parameters: readonly string[],
  awaited: RegExp,
  command = (whole: readonly string[]): readonly string[] => whole,
): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const [file = '', ...rest] = command([process.execPath, ...parameters]);
  const child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'ignore'] });
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  for await (const text of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    said += text;
    if (awaited.test(said)) return { child, said };
  }
  throw new Error(`the process ended, having said: ${said}`);
}
