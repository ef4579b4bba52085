import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { loadClusterFile } from '../../src/cluster-file.ts';
import { loadKeyFile } from '../../src/keys-file.ts';
import { temporaryDirectory } from './directory.ts';
import { bazar } from './terminal.ts';

const init = (out: string, replicas: string, gateways = 'g1=127.0.0.1', more: readonly string[] = []) =>
  bazar(['init', '--replicas', replicas, '--gateways', gateways, '--out', out, ...more]);

test('writes the cluster file and a key for each member that fits it', async (t) => {
  const out = join(temporaryDirectory(t), 'new');
  const { code, stdout } = await init(
    out,
    'r1=127.0.0.1,r2=10.0.0.2:1000,r3=host:1001:1002',
    'g1=127.0.0.1,g2=host:90',
  );
  t.is(code, 0);
  const cluster = await loadClusterFile(join(out, 'cluster.json'));
  t.regex(stdout, new RegExp(`^cluster ${cluster.clusterId}\nwrote ${join(out, 'cluster.json')}\n`));
  t.deepEqual(
    cluster.replicas.map(({ id, rpc, http }) => [id, rpc, http]),
    [
      ['r1', '127.0.0.1:7101', '127.0.0.1:7201'],
      ['r2', '10.0.0.2:1000', '10.0.0.2:7202'],
      ['r3', 'host:1001', 'host:1002'],
    ],
  );
  t.deepEqual(
    cluster.gateways.map(({ id, http }) => [id, http]),
    [
      ['g1', '127.0.0.1:8080'],
      ['g2', 'host:90'],
    ],
  );
  for (const { id, publicKey } of [...cluster.replicas, ...cluster.gateways]) {
    const file = join(out, `${id}.key`);
    t.is(statSync(file).mode & 0o777, 0o600);
    t.is((await loadKeyFile(file)).publicKey.toString('hex'), publicKey);
  }
  t.deepEqual(readdirSync(out).sort(), ['cluster.json', 'g1.key', 'g2.key', 'r1.key', 'r2.key', 'r3.key']);
});

test('default ports count from --base-port', async (t) => {
  const out = temporaryDirectory(t);
  await init(out, 'r1=127.0.0.1', 'g1=127.0.0.1', ['--base-port', '9000']);
  const { replicas } = await loadClusterFile(join(out, 'cluster.json'));
  t.deepEqual([replicas[0]?.rpc, replicas[0]?.http], ['127.0.0.1:9001', '127.0.0.1:9101']);
});

for (const existing of ['cluster.json', 'r2.key', 'g1.key']) {
  test(`refuses to overwrite ${existing}, names it, and writes nothing`, async (t) => {
    const out = temporaryDirectory(t);
    writeFileSync(join(out, existing), 'precious');
    const { code, stderr } = await init(out, 'r1=127.0.0.1,r2=127.0.0.1');
    t.is(code, 1);
    t.true(stderr.startsWith(`bazar: ${join(out, existing)} exists`), stderr);
    t.deepEqual(readdirSync(out), [existing]);
    t.is(readFileSync(join(out, existing), 'utf8'), 'precious');
  });
}

const wrong: readonly [string, string, number, RegExp][] = [
  ['', 'g1=h', 2, /--replicas: expected an id/],
  ['r1', 'g1=h', 2, /--replicas: expected an id/],
  ['1=h', 'g1=h', 2, /expected an id of 1 to 32 letters/],
  ['r1=', 'g1=h', 2, /r1: expected an IPv4 address or a host name/],
  ['r1=h:0', 'g1=h', 2, /r1: expected at most 2 ports/],
  ['r1=h:1:2:3', 'g1=h', 2, /r1: expected at most 2 ports/],
  ['r1=h', 'g1=h:1:2', 2, /g1: expected at most 1 ports/],
  ['r1=h,r1=i', 'g1=h', 1, /r1 and r1 have the same id/],
  ['r1=h:1:2,r2=h:1:3', 'g1=h', 1, /r1 and r2 have the same rpc/],
  ['r1=h', 'g1=h:7201', 1, /r1 and g1 have the same http/],
];

for (const [replicas, gateways, expected, message] of wrong) {
  test(`refuses --replicas "${replicas}" --gateways "${gateways}" and writes nothing`, async (t) => {
    const out = temporaryDirectory(t);
    const { code, stderr } = await init(out, replicas, gateways);
    t.is(code, expected);
    t.regex(stderr, message);
    t.deepEqual(readdirSync(out), []);
  });
}
