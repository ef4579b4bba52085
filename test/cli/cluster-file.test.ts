import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  type ClusterFile,
  isLoopback,
  loadClusterFile,
  parseAddress,
  parseClusterFile,
} from '../../src/cluster-file.ts';
import { ConfigError } from '../../src/config.ts';
import { temporaryDirectory } from './directory.ts';

const key = (digit: string) => digit.repeat(64);

const good = {
  clusterId: '01234567-89ab-4def-8123-456789abcdef',
  replicas: [
    { id: 'r1', publicKey: key('1'), rpc: '127.0.0.1:7101', http: '127.0.0.1:7201' },
    { id: 'r2', publicKey: key('2'), rpc: 'host-2.example:7102', http: '10.0.0.2:7202' },
  ],
  gateways: [{ id: 'g1', publicKey: key('3'), http: '127.0.0.1:8080' }],
} satisfies ClusterFile;

const [r1, r2] = good.replicas;

test('a good cluster file is read as it is', (t) => {
  t.deepEqual(parseClusterFile(JSON.stringify(good)), good);
});

const wrong: readonly [string, unknown, string | RegExp][] = [
  ['a list', [], 'the file: expected an object with clusterId, replicas, gateways'],
  ['no cluster id', { ...good, clusterId: undefined }, 'clusterId: expected a UUID, got nothing'],
  ['a cluster id that is none', { ...good, clusterId: 'x' }, 'clusterId: expected a UUID, got "x"'],
  ['no replicas', { ...good, replicas: [] }, 'replicas: expected a list of 1 to 9, got 0'],
  ['ten replicas', { ...good, replicas: Array(10).fill(r1) }, 'replicas: expected a list of 1 to 9, got 10'],
  ['replicas that are no list', { ...good, replicas: {} }, 'replicas: expected a list of 1 to 9, got {}'],
  ['no gateways field', { ...good, gateways: undefined }, 'gateways: expected a list of 0 to 64, got nothing'],
  ['a misspelt field', { ...good, gateway: [] }, /^the file: unknown field "gateway", expected clusterId/],
  ['a replica that is null', { ...good, replicas: [null] }, /^replicas\[0\]: expected an object/],
  ['an unknown field', { ...good, replicas: [{ ...r1, role: 'x' }] }, /^replicas\[0\]: unknown field "role"/],
  ['a bad id', { ...good, replicas: [{ ...r1, id: '1/..' }] }, /^replicas\[0\]\.id: expected an id of 1 to 32/],
  ['a short key', { ...good, replicas: [{ ...r1, publicKey: 'ab' }] }, /^replicas\[0\]\.publicKey: expected 64/],
  ['an upper-case key', { ...good, replicas: [{ ...r1, publicKey: key('A') }] }, /publicKey: expected 64 lower-case/],
  ['no port', { ...good, replicas: [r1, { ...r2, rpc: 'host' }] }, /^replicas\[1\]\.rpc: expected HOST:PORT/],
  [
    'an IPv6 address',
    { ...good, gateways: [{ ...good.gateways[0], http: '[::1]:80' }] },
    /^gateways\[0\]\.http: expected/,
  ],
  [
    'one id twice',
    { ...good, replicas: [r1, { ...r2, id: 'r1' }] },
    'r1 and r1 have the same id r1; each needs its own',
  ],
  ['one key twice', { ...good, replicas: [r1, { ...r2, publicKey: key('1') }] }, /^r1 and r2 have the same publicKey/],
  ['one RPC address twice', { ...good, replicas: [r1, { ...r2, rpc: r1?.rpc }] }, /^r1 and r2 have the same rpc/],
  [
    'a gateway on the port of a replica',
    { ...good, gateways: [{ ...good.gateways[0], http: r1?.http }] },
    'r1 and g1 have the same http 127.0.0.1:7201; each needs its own',
  ],
];

for (const [name, file, message] of wrong) {
  test(`refused in one line: ${name}`, (t) => {
    t.throws(() => parseClusterFile(JSON.stringify(file)), { instanceOf: ConfigError, message });
  });
}

test('what is no JSON is refused', (t) => {
  t.throws(() => parseClusterFile('{'), { instanceOf: ConfigError, message: /^it is not JSON/ });
});

test('errors name the file', async (t) => {
  const directory = temporaryDirectory(t);
  const missing = join(directory, 'missing.json');
  await t.throwsAsync(loadClusterFile(missing), {
    instanceOf: ConfigError,
    message: `cluster file ${missing}: there is no such file; make one with "bazar init"`,
  });
  const broken = join(directory, 'broken.json');
  writeFileSync(broken, '{}');
  await t.throwsAsync(loadClusterFile(broken), {
    message: `cluster file ${broken}: clusterId: expected a UUID, got nothing`,
  });
});

test('addresses', (t) => {
  t.deepEqual(parseAddress('127.0.0.1:80'), { host: '127.0.0.1', port: 80 });
  t.deepEqual(parseAddress('a-b.c:65535'), { host: 'a-b.c', port: 65535 });
  for (const text of ['', ':80', 'a', 'a:', 'a:0', 'a:65536', 'a:b', 'a:80:80', '-a:80', 'a..b:80', 'a b:80']) {
    t.throws(() => parseAddress(text), { instanceOf: ConfigError }, text);
  }
});

test('only this machine is loopback', (t) => {
  for (const host of ['127.0.0.1', '127.1.2.3', 'localhost']) t.true(isLoopback(host));
  for (const host of ['0.0.0.0', '10.0.0.1', '127.0.0.1.example', 'example']) t.false(isLoopback(host));
});
