import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { temporaryDirectory } from './directory.ts';
import { startKvServer } from './kv-server.ts';

const bin = fileURLToPath(new URL('../../bin/bazar.js', import.meta.url));

function start(t: ExecutionContext, words: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  t.teardown(() => child.kill('SIGKILL'));
  return child;
}

async function ended(child: ChildProcess) {
  const exit = once(child, 'exit');
  const stdout = child.stdout === null ? '' : text(child.stdout);
  const stderr = child.stderr === null ? '' : text(child.stderr);
  const [code, signal] = await exit;
  return { code, signal, stdout: await stdout, stderr: await stderr };
}

/** Makes the running Node say it is an old one, which must hand over to the one installed beside the package. */
function asOldNode(t: ExecutionContext, { execve }: { readonly execve: boolean }): readonly string[] {
  const preload = join(temporaryDirectory(t), 'old.mjs');
  writeFileSync(
    preload,
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });
     ${execve ? '' : 'process.execve = undefined;'}`,
  );
  return ['--import', pathToFileURL(preload).href, bin];
}

const launchers: readonly [string, (t: ExecutionContext) => readonly string[]][] = [
  ['a Node that is new enough', () => [bin]],
  ['an old Node', (t) => asOldNode(t, { execve: false })],
  ['an old Node that can replace itself', (t) => asOldNode(t, { execve: true })],
];

for (const [name, launcher] of launchers) {
  test(`${name}: output and exit codes arrive`, async (t) => {
    const kv = await startKvServer();
    t.teardown(() => kv.close());
    const run = (...words: string[]) => ended(start(t, [...launcher(t), ...words, '--url', kv.url]));
    t.like(await run('get', 'k'), { code: 3, stdout: '', stderr: 'bazar: Status 404: because of key_not_found\n' });
    t.like(await run('put', 'k', 'value'), { code: 0, stdout: '1\n', stderr: '' });
    t.like(await run('get', 'k'), { code: 0, stdout: 'value', stderr: '' });
    t.like(await run('put', 'k', 'value', '--if-none-match', '*'), { code: 4 });
    t.like(await run('get', 'k', '--frobnicate'), { code: 2 });
    kv.fault = () => 503;
    t.like(await run('get', 'k'), { code: 5 });
  });

  test(`${name}: signals arrive`, async (t) => {
    const kv = await startKvServer();
    t.teardown(() => kv.close());
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    kv.fault = () => {
      resolve();
      return new Promise(() => undefined);
    };
    const child = start(t, [...launcher(t), 'get', 'k', '--url', kv.url]);
    const end = ended(child);
    await asked;
    child.kill('SIGTERM');
    const { code, signal } = await end;
    t.true(code === 143 || signal === 'SIGTERM', `${code} ${signal}`);
  });
}

const remedies = [
  ['a checkout', 'src/cli.ts', /run "npm ci" in .*, which installs one there/],
  ['a package', 'dist/cli.js', /install one, from https:\/\/nodejs\.org for example/],
] as const;

for (const [name, cli, remedy] of remedies) {
  test(`in ${name} without a Node that can run it, one line says what is missing`, async (t) => {
    const directory = temporaryDirectory(t);
    for (const folder of ['bin', dirname(cli)]) mkdirSync(join(directory, folder));
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
    writeFileSync(join(directory, cli), '');
    copyFileSync(bin, join(directory, 'bin', 'bazar.js'));
    const words = asOldNode(t, { execve: false }).with(-1, join(directory, 'bin', 'bazar.js'));
    const { code, stderr } = await ended(start(t, [...words, '--version']));
    t.is(code, 1);
    t.regex(stderr, /^bazar: needs Node 24\.12 or newer, this is 20\.20\.2; [^\n]*\n$/);
    t.regex(stderr, remedy);
  });
}

test('a reader that goes away early is no error', async (t) => {
  const kv = await startKvServer();
  t.teardown(() => kv.close());
  const value = Buffer.alloc(100_000, 'x');
  for (let at = 0; at < 1000; at++) kv.items.set(`k${at}`, { value, contentType: 'x', modRevision: 1, version: 1 });
  const child = start(t, [bin, 'list', '--limit', '20', '--url', kv.url]);
  const exit = once(child, 'exit');
  child.stdout?.once('data', () => child.stdout?.destroy());
  t.deepEqual(await exit, [0, null]);
});
