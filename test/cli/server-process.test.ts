import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { freePorts } from '../cluster/ports.ts';
import { temporaryDirectory } from './directory.ts';
import { bazar } from './terminal.ts';

const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

async function withCluster(
  t: ExecutionContext,
  replicas = 'r1=127.0.0.1,r2=10.0.0.9,r3=127.0.0.1',
  gateways = 'g1=127.0.0.1',
) {
  const directory = temporaryDirectory(t);
  const out = join(directory, 'cluster');
  await bazar(['init', '--replicas', replicas, '--gateways', gateways, '--out', out]);
  const data = join(directory, 'data');
  const cluster = join(out, 'cluster.json');
  const key = (id: string) => join(out, `${id}.key`);
  const words = (id: string, keyOf = id) => ['--id', id, '--cluster', cluster, '--key', key(keyOf)];
  return { directory, data, cluster, key, words };
}

type Fixture = Awaited<ReturnType<typeof withCluster>>;

const wrong: readonly [string, (fixture: Fixture) => readonly string[], number, (fixture: Fixture) => string][] = [
  [
    'an id that is not in the file',
    ({ words, data }) => ['replica', ...words('g1'), '--data', data],
    1,
    ({ cluster }) => `there is no replica "g1" in ${cluster}; its replicas are r1, r2, r3`,
  ],
  [
    'a gateway id that is not in the file',
    ({ words }) => ['gateway', ...words('r1')],
    1,
    ({ cluster }) => `there is no gateway "r1" in ${cluster}; its gateways are g1`,
  ],
  [
    'the key of another',
    ({ words, data }) => ['replica', ...words('r1', 'r3'), '--data', data],
    1,
    ({ key }) => `the key in ${key('r3')} is of r3, expected that of r1; check --id and --key`,
  ],
  [
    'the key of nobody',
    ({ words, data, key }) => {
      writeFileSync(key('r1'), `${'0'.repeat(64)}\n`);
      return ['replica', ...words('r1'), '--data', data];
    },
    1,
    ({ key }) => `the key in ${key('r1')} is of nobody in the cluster file, expected that of r1; check --id and --key`,
  ],
  [
    'no key',
    ({ words, data }) => ['replica', ...words('r1', 'r9'), '--data', data],
    1,
    ({ key }) => `key file ${key('r9')}: there is no such file; "bazar init" makes the keys of a cluster`,
  ],
  [
    'a key file that is none, whose contents are not repeated',
    ({ words, data, key }) => {
      writeFileSync(key('r1'), 'secret');
      return ['replica', ...words('r1'), '--data', data];
    },
    1,
    ({ key }) => `key file ${key('r1')}: expected 64 lower-case hex digits, as "bazar init" writes them`,
  ],
  [
    'a cluster file that is wrong',
    ({ words, data, cluster }) => {
      writeFileSync(cluster, readFileSync(cluster, 'utf8').replace('"rpc"', '"rcp"'));
      return ['replica', ...words('r1'), '--data', data];
    },
    1,
    ({ cluster }) => `cluster file ${cluster}: replicas[0]: unknown field "rcp", expected id, publicKey, rpc, http`,
  ],
  [
    'an address that others can reach',
    ({ words, data }) => ['replica', ...words('r2'), '--data', data],
    1,
    () =>
      '10.0.0.9 can be reached from other machines, and HTTP here is open to all who reach it; say --insecure if that is wanted, or --host 127.0.0.1',
  ],
  [
    'a gateway on all addresses',
    ({ words }) => ['gateway', ...words('g1'), '--host', '0.0.0.0'],
    1,
    () =>
      '0.0.0.0 can be reached from other machines, which could read and write everything; --tokens FILE lets in who has a token ("bazar token create" makes one); --insecure opens it to all; --host 127.0.0.1 keeps them out',
  ],
  [
    'no data directory',
    ({ words }) => ['replica', ...words('r1')],
    2,
    () => '--data DIR or BAZAR_DATA is required: Where the log and the state are kept.\nUsage: bazar replica [options]',
  ],
];

for (const [name, words, code, message] of wrong) {
  test(`refused, and nothing is touched: ${name}`, async (t) => {
    const fixture = await withCluster(t);
    const ended = await bazar(words(fixture));
    t.is(ended.stderr, `bazar: ${message(fixture)}\n`);
    t.is(ended.code, code);
    t.deepEqual(readdirSync(fixture.directory), ['cluster']);
  });
}

for (const [name, stop] of [
  ['SIGTERM', (child: ReturnType<typeof spawn>) => child.kill('SIGTERM')],
  ['the end of its parent', (child: ReturnType<typeof spawn>) => child.disconnect()],
] as const) {
  test(`a gateway stops in good order on ${name}`, async (t) => {
    const { words } = await withCluster(t);
    const args = [cli, 'gateway', ...words('g1'), '--http-port', `${await freePorts(1)}`];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    t.teardown(() => child.kill('SIGKILL'));
    const exit = once(child, 'exit');
    let log = '';
    let told = false;
    child.stderr?.on('data', (chunk: Buffer) => {
      log += chunk;
      if (told || !log.includes('gateway listens')) return;
      told = true;
      stop(child);
    });
    t.deepEqual(await exit, [0, null], log);
    t.regex(log, /"message":"stopping".*\n.*"message":"stopped"/);
  });
}

test('a gateway whose parent is gone before it has begun stops in good order', async (t) => {
  const { words } = await withCluster(t);
  const args = [cli, 'gateway', ...words('g1'), '--http-port', `${await freePorts(1)}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  t.teardown(() => child.kill('SIGKILL'));
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    log += chunk;
  });
  const exit = once(child, 'exit');
  child.disconnect();
  t.deepEqual(await exit, [0, null], log);
  t.regex(log, /"message":"gateway listens".*\n.*"message":"stopping".*\n.*"message":"stopped"/);
});
