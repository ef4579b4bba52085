/** Three etcd members on loopback, with etcd's own defaults. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { type Child, startChild } from '../test/cluster/child.ts';
import { mustRun } from '../test/cluster/command.ts';
import { createHttpClient, json } from '../test/cluster/http-client.ts';
import { freePorts } from '../test/cluster/ports.ts';
import { scratchDirectory } from '../test/cluster/scratch.ts';
import { waitFor } from '../test/cluster/wait.ts';

export interface Etcd {
  readonly version: string;
  /** Of the member that leads: the shortest way a client can take. */
  readonly url: string;
  close(): Promise<void>;
}

export async function startEtcd(): Promise<Etcd> {
  const directory = await scratchDirectory();
  const first = await freePorts(6);
  const members = [0, 1, 2].map((position) => ({
    name: `e${position + 1}`,
    client: `http://127.0.0.1:${first + 2 * position}`,
    peer: `http://127.0.0.1:${first + 2 * position + 1}`,
  }));
  const cluster = members.map(({ name, peer }) => `${name}=${peer}`).join(',');
  const children: Child[] = members.map(({ name, client, peer }) =>
    startChild(
      [
        ...['etcd', '--name', name, '--data-dir', path.join(directory, name)],
        ...['--listen-client-urls', client, '--advertise-client-urls', client],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ...['--initial-cluster', cluster, '--initial-cluster-state', 'new'],
        ...['--logger', 'zap', '--log-level', 'error'],
      ],
      { logFile: path.join(directory, `${name}.log`) },
    ),
  );
  const close = async () => {
    await Promise.all(children.map((child) => child.end('SIGKILL')));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const url = await waitFor(() => leaderUrl(members.map(({ client }) => client)), { description: 'etcd to elect' });
    const version = /etcd Version: (\S+)/.exec(await mustRun(['etcd', '--version']))?.[1] ?? 'of unknown version';
    return { version, url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface MemberStatus {
  readonly header: { readonly member_id: string };
  readonly leader: string;
}

async function leaderUrl(urls: readonly string[]): Promise<string | null> {
  for (const url of urls) {
    const client = createHttpClient(url);
    const answer = await client.request('POST', '/v3/maintenance/status', { body: '{}' }).catch(() => null);
    client.close();
    if (answer?.status !== 200) continue;
    const { header, leader } = json<MemberStatus>(answer);
    if (leader === header.member_id) return url;
  }
  return null;
}
