import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { bazarCommand, type Child, startChild } from '../cluster/child.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { clusterFor, systemTest } from './system-test.ts';

/** Writes its token to a file, waits for a file that lets it go on, writes with its token, and tells what came of it. */
const worker = `
  const { existsSync, renameSync, writeFileSync } = require('node:fs');
  const [, name, gateway] = process.argv;
  const token = Number(process.env.BAZAR_LOCK_TOKEN);
  const tell = (what, members) => {
    writeFileSync(name + '.draft', JSON.stringify({ pid: process.pid, token, ...members }));
    renameSync(name + '.draft', name + '.' + what);
  };
  tell('holds', {});
  const waiting = setInterval(async () => {
    if (!existsSync(name + '.go')) return;
    clearInterval(waiting);
    const body = JSON.stringify({
      compare: [{ key: 'locks/report', of: 'createRevision', is: '=', value: token }],
      then: [{ op: 'put', key: 'report', value: name }],
    });
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(gateway + '/v1/txn', { method: 'POST', headers, body });
    tell('wrote', { status: answer.status, ...(await answer.json()) });
  }, 20);
`;

interface Holder {
  readonly name: string;
  /** Of \`bazar lock\`. */
  readonly child: Child;
  readonly log: string;
}

interface Told {
  readonly pid: number;
  readonly token: number;
  readonly status?: number;
  readonly succeeded?: boolean;
}

function lock(t: ExecutionContext, cluster: Cluster, name: string, ttl: string): Holder {
  const place = path.join(cluster.directory, name);
  const flags = ['report', '--ttl', ttl, '--wait', '1m', '--url', cluster.url('g1')];
  const command = [process.execPath, '-e', worker, place, cluster.url('g1')];
  const child = startChild(bazarCommand('lock', ...flags, '--', ...command), { logFile: `${place}.log` });
  t.teardown(async () => {
    child.process.kill('SIGCONT');
    await child.end('SIGTERM');
  });
  return { name: place, child, log: `${place}.log` };
}

function told(cluster: Cluster, { name, log }: Holder, what: 'holds' | 'wrote'): Promise<Told> {
  const read = () =>
    existsSync(`${name}.${what}`) ? (JSON.parse(readFileSync(`${name}.${what}`, 'utf8')) as Told) : null;
  const detail = () => readFileSync(log, 'utf8');
  return cluster.waitFor(read, { description: `${name}.${what}`, timeoutMs: 60_000, detail });
}

const goOn = ({ name }: Holder): void => writeFileSync(`${name}.go`, '');

systemTest('a holder that was paused past the life of its lock cannot write any more', [], async (t) => {
  const cluster = await clusterFor(t);
  const first = lock(t, cluster, 'first', '3s');
  const one = await told(cluster, first, 'holds');
  first.child.process.kill('SIGSTOP');
  process.kill(one.pid, 'SIGSTOP');

  const second = lock(t, cluster, 'second', '3s');
  const other = await told(cluster, second, 'holds');
  t.true(other.token > one.token, `${other.token} after ${one.token}`);
  goOn(second);
  t.like(await told(cluster, second, 'wrote'), { status: 200, succeeded: true });

  // It does not know that it was away, and nobody has told it to end yet.
  goOn(first);
  process.kill(one.pid, 'SIGCONT');
  t.like(await told(cluster, first, 'wrote'), { status: 200, succeeded: false });
  t.is((await cluster.client().get('report')).body.toString(), second.name);

  first.child.process.kill('SIGCONT');
  const { code } = await first.child.ended;
  t.true(code === 4 || code === 5, `ended with ${code}: ${readFileSync(first.log, 'utf8')}`);
  t.is((await cluster.client().get('report')).body.toString(), second.name);
});

systemTest('a lock lives on through the death of the leader, and its token with it', [], async (t) => {
  const cluster = await clusterFor(t);
  const holder = lock(t, cluster, 'holder', '9s');
  const { token } = await told(cluster, holder, 'holds');
  const victim = await cluster.someLeader();
  await cluster.kill(victim);
  const renewal = async (): Promise<number> =>
    Number((await cluster.client().get('locks/report')).headers.etag?.slice(1, -1));
  const before = await renewal();
  await cluster.waitFor(async () => (await renewal()) > before, { description: 'a renewal at another leader' });
  goOn(holder);
  t.like(await told(cluster, holder, 'wrote'), { status: 200, succeeded: true, token });
  t.is((await holder.child.ended).code, 0, readFileSync(holder.log, 'utf8'));
  t.is((await cluster.client().get('locks/report')).status, 404);
});
