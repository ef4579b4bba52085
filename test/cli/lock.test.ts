import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { bazarCommand } from '../cluster/child.ts';
import { waitFor } from '../cluster/wait.ts';
import { type KvServer, startKvServer } from './kv-server.ts';
import { bazar } from './terminal.ts';

interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
}

async function server(t: ExecutionContext): Promise<KvServer> {
  const kv = await startKvServer();
  t.teardown(() => kv.close());
  return kv;
}

function lock(t: ExecutionContext, kv: KvServer, words: readonly string[], command: readonly string[]): Running {
  const [file = '', ...args] = bazarCommand('lock', ...words, '--url', kv.url, '--', ...command);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  // It takes its command along.
  t.teardown(() => child.kill('SIGTERM'));
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
    ([stdout, stderr, [code]]) => ({ code: code as number | null, stdout, stderr }),
  );
  return { process: child, ended };
}

/** A program that says when it runs, and what it is told. */
const program = (source: string): readonly string[] => [process.execPath, '-e', source];
const listening = program(`
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGUSR1']) {
    process.on(signal, () => { console.log(signal); if (signal !== 'SIGUSR1') process.exit(42); });
  }
  console.log('runs');
  setInterval(() => {}, 1000);
`);

const heldIn = (kv: KvServer, name: string) => kv.items.get(`locks/${name}`);

test('the command finds its token, and the lock is held as long as it runs', async (t) => {
  const kv = await server(t);
  await bazar(['put', 'before', 'x', '--url', kv.url]);
  const ask = program(`
    fetch('${kv.url}/v1/kv/locks%2Fx').then((answer) => answer.text())
      .then((text) => console.log(process.env.BAZAR_LOCK_TOKEN + ' ' + text));
  `);
  const { code, stdout, stderr } = await lock(t, kv, ['x'], ask).ended;
  t.deepEqual([code, stderr], [0, '']);
  t.true(stdout.startsWith('2 '), stdout);
  const value = JSON.parse(stdout.slice(2));
  t.deepEqual(Object.keys(value), ['holder', 'host', 'pid']);
  t.is(heldIn(kv, 'x'), undefined);
});

test('the command ends as it would have without, and nothing of it goes through a shell', async (t) => {
  const kv = await server(t);
  const ends: readonly (readonly [readonly string[], number | null, RegExp])[] = [
    [program('process.exit(7)'), 7, /^$/],
    [program("process.kill(process.pid, 'SIGKILL')"), 137, /^$/],
    [program('process.exit(process.argv[1] === "$HOME;exit 3" ? 0 : 1)').concat('$HOME;exit 3'), 0, /^$/],
    [['/nowhere/program'], 1, /^bazar: cannot run \/nowhere\/program: there is no such program\n$/],
  ];
  for (const [command, expected, said] of ends) {
    const { code, stderr } = await lock(t, kv, ['x'], command).ended;
    t.is(code, expected);
    t.regex(stderr, said);
    t.is(heldIn(kv, 'x'), undefined, 'it is given back');
  }
});

test('the lock is kept alive far beyond its lifetime, and the token stays the same', async (t) => {
  const kv = await server(t);
  const { code, stdout } = await lock(
    t,
    kv,
    ['x', '--ttl', '2s'],
    [...program("setTimeout(() => console.log('done'), 5000)")],
  ).ended;
  t.deepEqual([code, stdout], [0, 'done\n']);
  t.true(kv.writes.filter((key) => key === 'locks/x').length >= 4, `${kv.writes.length}`);
});

test('one waits for the other without asking again and again', async (t) => {
  const kv = await server(t);
  const first = lock(t, kv, ['x', '--ttl', '1m'], listening);
  await once(first.process.stdout as NonNullable<ChildProcess['stdout']>, 'readable');
  await waitFor(() => heldIn(kv, 'x') !== undefined, { description: 'the first to hold it' });
  const second = lock(t, kv, ['x'], program('console.log(process.env.BAZAR_LOCK_TOKEN)'));
  await waitFor(() => kv.requests.includes('GET /v1/watch'), { description: 'the second to watch' });
  t.is(kv.requests.filter((request) => request === 'PUT /v1/kv/locks%2Fx').length, 2);
  first.process.kill('SIGTERM');
  t.is((await first.ended).code, 42);
  const { code, stdout } = await second.ended;
  t.is(code, 0);
  t.true(Number(stdout) > 1, stdout);
});

test('who does not get it in time is told who holds it', async (t) => {
  const kv = await server(t);
  const first = lock(t, kv, ['x', '--ttl', '1m'], listening);
  await waitFor(() => heldIn(kv, 'x') !== undefined, { description: 'the first to hold it' });
  for (const wait of ['0', '300ms']) {
    const { code, stderr } = await lock(t, kv, ['x', '--wait', wait], program('0')).ended;
    t.is(code, 4);
    t.true(stderr.startsWith(`bazar: locks/x is held by process ${first.process.pid} on `), stderr);
  }
});

test('who is told to end while waiting does so, and runs nothing', async (t) => {
  const kv = await server(t);
  await bazar(['put', 'locks/x', 'mine', '--url', kv.url]);
  const { process: waiter, ended } = lock(t, kv, ['x'], program("console.log('ran')"));
  await waitFor(() => kv.requests.includes('GET /v1/watch'), { description: 'it to watch' });
  waiter.kill('SIGTERM');
  t.deepEqual(await ended, { code: 1, stdout: '', stderr: 'bazar: interrupted\n' });
  t.is(heldIn(kv, 'x')?.value.toString(), 'mine');
});

test('signals go to the command, and its end is the end of all', async (t) => {
  const kv = await server(t);
  const { process: holder, ended } = lock(t, kv, ['x'], listening);
  const said: string[] = [];
  holder.stdout?.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  await waitFor(() => said.join('').includes('runs'), { description: 'the command to run' });
  holder.kill('SIGUSR1');
  await waitFor(() => said.join('').includes('SIGUSR1'), { description: 'the command to be told' });
  holder.kill('SIGINT');
  t.is((await ended).code, 42);
  t.is(said.join(''), 'runs\nSIGUSR1\nSIGINT\n');
  t.is(heldIn(kv, 'x'), undefined);
});

test('a lock that somebody takes away ends the command and what it has started', async (t) => {
  const kv = await server(t);
  const stubborn = program(`
    process.on('SIGTERM', () => console.log('asked'));
    const child = require('node:child_process').spawn('sleep', ['600']);
    console.log(child.pid);
    setTimeout(() => {}, 60_000);
  `);
  const { process: holder, ended } = lock(t, kv, ['x', '--ttl', '4s'], stubborn);
  const said: string[] = [];
  holder.stdout?.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  await waitFor(() => said.join('').includes('\n'), { description: 'the command to run' });
  await bazar(['put', 'locks/x', 'mine', '--url', kv.url]);
  const { code, stderr } = await ended;
  t.is(code, 4);
  t.regex(stderr, /^bazar: locks\/x was lost: it is held by somebody who does not say who now\n$/);
  const [pid, ...rest] = said.join('').trim().split('\n');
  t.deepEqual(rest, ['asked']);
  await waitFor(() => !isRunning(Number(pid)), { description: 'what the command had started to end' });
  t.is(heldIn(kv, 'x')?.value.toString(), 'mine');
});

test('a lock that cannot be kept alive ends the command before its time is over', async (t) => {
  const kv = await server(t);
  const { process: holder, ended } = lock(t, kv, ['x', '--ttl', '4s'], listening);
  const said: string[] = [];
  holder.stdout?.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  await waitFor(() => said.join('').includes('runs'), { description: 'the command to run' });
  kv.fault = () => 503;
  await waitFor(() => said.join('').includes('SIGTERM'), { description: 'the command to be asked to end' });
  t.not(heldIn(kv, 'x'), undefined, 'nobody else can have it yet');
  const { code, stderr } = await ended;
  t.is(code, 5);
  t.regex(stderr, /bazar: locks\/x could not be kept alive, and its time is nearly over\n$/);
});

test('what makes no sense is a usage error, and nothing is sent', async (t) => {
  const kv = await server(t);
  const wrong: readonly (readonly string[])[] = [
    ['x'],
    ['x', '--'],
    ['--', 'true'],
    ['', '--', 'true'],
    ['x', '--ttl', '500ms', '--', 'true'],
    ['x', '--wait', 'soon', '--', 'true'],
    [`${'k'.repeat(1020)}`, '--', 'true'],
  ];
  for (const words of wrong) {
    const { code, stderr } = await bazar(['lock', '--url', kv.url, ...words]);
    t.is(code, 2, words.join(' '));
    t.regex(stderr, /Usage: bazar lock NAME \[options\] -- COMMAND \[ARGUMENT…\]\n$/);
  }
  t.deepEqual(kv.requests, []);
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
