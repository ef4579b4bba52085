import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bazarCommand } from '../cluster/child.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { runCommand } from '../cluster/command.ts';
import { freePorts } from '../cluster/ports.ts';
import { clusterFor, systemTest } from './system-test.ts';

interface BadStart {
  readonly name: string;
  /** Flags that replace those of a proper start; made in a directory of their own. */
  flags(cluster: Cluster, directory: string): Promise<Readonly<Record<string, string>>>;
  readonly message: RegExp;
}

const badStarts: readonly BadStart[] = [
  {
    name: 'a cluster file that is not there',
    flags: async (_, directory) => ({ '--cluster': path.join(directory, 'nothing.json') }),
    message: /nothing\.json/,
  },
  {
    name: 'a cluster file that is not JSON',
    flags: async (_, directory) => ({ '--cluster': await file(directory, 'broken.json', '{"clusterId":') }),
    message: /broken\.json/,
  },
  {
    name: 'a cluster file without the replica',
    flags: async (cluster, directory) => ({
      '--cluster': await edited(cluster, directory, (content) => {
        content.replicas = content.replicas.filter(({ id }) => id !== 'r1');
      }),
    }),
    message: /r1/,
  },
  {
    name: 'the file of another cluster',
    flags: async (cluster, directory) => ({
      '--cluster': await edited(cluster, directory, (content) => {
        content.clusterId = '00000000-0000-4000-8000-000000000000';
      }),
    }),
    message: /00000000-0000-4000-8000-000000000000/,
  },
  {
    name: 'a key that is not there',
    flags: async (_, directory) => ({ '--key': path.join(directory, 'nothing.key') }),
    message: /nothing\.key/,
  },
  {
    name: 'the key of another member',
    flags: async (cluster) => ({ '--key': cluster.keyFile('r2') }),
    message: /r2\.key|r1/,
  },
  {
    name: 'the data directory of another replica',
    flags: async (cluster) => ({ '--data': cluster.dataDirectory('r2') }),
    message: /r2/,
  },
  {
    name: 'a directory that holds something else',
    flags: async (_, directory) => {
      await file(directory, 'diary.txt', 'Dear diary');
      return { '--data': directory };
    },
    message: /empty|diary|not a data directory/i,
  },
];

systemTest('a bad start is refused in one line, with another code than 0, and touches nothing', [], async (t) => {
  const cluster = await clusterFor(t);
  await cluster.agreement();
  // Nobody writes any more: what is different afterwards was touched by the start.
  await Promise.all(cluster.replicas.map((id) => cluster.stop(id)));
  for (const { name, flags, message } of badStarts) {
    const directory = path.join(cluster.directory, name.replaceAll(' ', '-'));
    await mkdir(directory);
    const changed = await flags(cluster, directory);
    const before = await fingerprint(cluster.directory);
    const { code, stderr } = await startReplica(cluster, changed);
    t.not(code, 0, name);
    t.is(stderr.trimEnd().split('\n').length, 1, `${name}: ${stderr}`);
    t.regex(stderr, message, name);
    t.is(await fingerprint(cluster.directory), before, `${name}: something was touched`);
    t.log(`${name}: ${stderr.trim()}`);
  }
});

systemTest('a second process on a data directory is refused and touches nothing', [], async (t) => {
  const cluster = await clusterFor(t);
  await cluster.agreement();
  const port = await freePorts(2);
  const before = await fingerprint(cluster.dataDirectory('r1'));
  const { code, stderr } = await startReplica(cluster, { '--rpc-port': `${port}`, '--http-port': `${port + 1}` });
  t.not(code, 0);
  t.is(stderr.trimEnd().split('\n').length, 1, stderr);
  t.true(stderr.includes(cluster.dataDirectory('r1')), stderr);
  t.true(stderr.includes(`${cluster.pid('r1')}`), stderr);
  t.is(await fingerprint(cluster.dataDirectory('r1')), before);
  t.is((await cluster.client().put('still', 'well')).status, 201);
  t.log(stderr.trim());
});

function startReplica(cluster: Cluster, changed: Readonly<Record<string, string>>) {
  const flags = {
    '--id': 'r1',
    '--cluster': cluster.clusterFile,
    '--key': cluster.keyFile('r1'),
    '--data': cluster.dataDirectory('r1'),
    ...changed,
  };
  return runCommand(bazarCommand('replica', ...Object.entries(flags).flat()), { timeoutMs: 20_000 });
}

interface ClusterFileContent {
  clusterId: string;
  replicas: { id: string }[];
}

async function edited(cluster: Cluster, directory: string, edit: (content: ClusterFileContent) => void) {
  const content = JSON.parse(await readFile(cluster.clusterFile, 'utf8')) as ClusterFileContent;
  edit(content);
  return await file(directory, 'edited.json', JSON.stringify(content));
}

async function file(directory: string, name: string, content: string): Promise<string> {
  const place = path.join(directory, name);
  await writeFile(place, content);
  return place;
}

/** Of the path and bytes of every file below the directory, but for what the running members print. */
async function fingerprint(directory: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const kept = files.filter((place) => path.basename(path.dirname(place)) !== 'logs');
  for (const place of kept.sort()) hash.update(`${place}\0`).update(await readFile(place));
  return hash.digest('hex');
}
