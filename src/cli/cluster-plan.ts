/** A cluster before it has keys: who is in it, and where. */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ClusterFile, isHost, isMemberId, memberIdExpected, parseClusterFile } from '../cluster-file.ts';
import { type Kind, UsageError } from '../config.ts';
import { createKeyFile, type KeyPair } from '../keys-file.ts';
import { writeAtomically } from './files.ts';

export interface PlannedMember {
  readonly id: string;
  readonly host: string;
  /** As they were given; the defaults depend on the place in the list. */
  readonly ports: readonly number[];
}

export interface ClusterPlan {
  readonly replicas: readonly { readonly id: string; readonly rpc: string; readonly http: string }[];
  readonly gateways: readonly { readonly id: string; readonly http: string }[];
}

export const defaultBasePort = 7100;
export const defaultGatewayPort = 8080;

/** Where replica k (from 1) is, unless told otherwise: RPC on base + k, HTTP on base + 100 + k. */
export const replicaPorts = (basePort: number, k: number): { readonly rpc: number; readonly http: number } => ({
  rpc: basePort + k,
  http: basePort + 100 + k,
});

/** `r1=HOST:7101:7201,r2=HOST`: ids, hosts and up to `portsMax` ports each. */
export function members(portsMax: number): Kind<readonly PlannedMember[]> {
  const ports = ['[:PORT', ...Array<string>(portsMax - 1).fill('[:PORT')].join('') + ']'.repeat(portsMax);
  return {
    placeholder: `ID=HOST${ports},…`,
    parse: (value) => value.split(',').map((one) => member(one, portsMax)),
  };
}

function member(text: string, portsMax: number): PlannedMember {
  const [, id = '', address = ''] = /^([^=]*)=(.*)$/.exec(text) ?? [];
  const [host = '', ...portTexts] = address.split(':');
  if (!isMemberId(id)) throw new UsageError(`expected ${memberIdExpected} before "="`);
  if (!isHost(host)) throw new UsageError(`${id}: expected an IPv4 address or a host name after "="`);
  const ports = portTexts.map((port) => (/^\d{1,5}$/.test(port) ? Number(port) : 0));
  if (ports.length > portsMax || ports.some((port) => port < 1 || port > 65535)) {
    throw new UsageError(`${id}: expected at most ${portsMax} ports from 1 to 65535 after the host`);
  }
  return { id, host, ports };
}

export function planOf(
  replicas: readonly PlannedMember[],
  gateways: readonly PlannedMember[],
  basePort: number,
): ClusterPlan {
  return {
    replicas: replicas.map(({ id, host, ports: [rpc, http] }, at) => {
      const defaults = replicaPorts(basePort, at + 1);
      return { id, rpc: `${host}:${rpc ?? defaults.rpc}`, http: `${host}:${http ?? defaults.http}` };
    }),
    gateways: gateways.map(({ id, host, ports: [http] }, at) => ({
      id,
      http: `${host}:${http ?? defaultGatewayPort + at}`,
    })),
  };
}

export const clusterFileIn = (directory: string): string => join(directory, 'cluster.json');
export const keyFileIn = (directory: string, id: string): string => join(directory, `${id}.key`);

/**
 * Writes the key files, then the cluster file that names them: where that stands, the cluster is whole.
 * `keyOf` makes the key of a member or finds it. Throws ConfigError where the plan contradicts itself.
 */
export async function writeCluster(
  plan: ClusterPlan,
  directory: string,
  keyOf: (file: string) => Promise<KeyPair> = createKeyFile,
): Promise<ClusterFile> {
  const clusterId = randomUUID();
  checkPlan(plan, clusterId);
  await mkdir(directory, { recursive: true });
  const withKey = async <Member extends { readonly id: string }>(member: Member) => {
    const { publicKey } = await keyOf(keyFileIn(directory, member.id));
    return { ...member, publicKey: publicKey.toString('hex') };
  };
  const replicas = await Promise.all(plan.replicas.map(withKey));
  const gateways = await Promise.all(plan.gateways.map(withKey));
  const cluster = { clusterId, replicas, gateways };
  await writeClusterFile(cluster, directory);
  return cluster;
}

export async function writeClusterFile(cluster: ClusterFile, directory: string): Promise<void> {
  await writeAtomically(clusterFileIn(directory), `${JSON.stringify(cluster, null, 2)}\n`);
}

/** With keys that only tell the members apart: everything else about a plan is checked as in a cluster file. */
function checkPlan(plan: ClusterPlan, clusterId: string): void {
  const numbered = <Member>(members: readonly Member[], offset: number) =>
    members.map((member, at) => ({ ...member, publicKey: (offset + at).toString(16).padStart(64, '0') }));
  const replicas = numbered(plan.replicas, 0);
  const gateways = numbered(plan.gateways, replicas.length);
  parseClusterFile(JSON.stringify({ clusterId, replicas, gateways }));
}
