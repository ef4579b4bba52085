/** The cluster of `bazar dev`: made on the first run, found again on later ones. */
import { existsSync } from 'node:fs';
import { type ClusterFile, loadClusterFile } from '../../cluster-file.ts';
import { ConfigError } from '../../config.ts';
import { createKeyFile, loadKeyFile } from '../../keys-file.ts';
import {
  type ClusterPlan,
  clusterFileIn,
  defaultBasePort,
  defaultGatewayPort,
  replicaPorts,
  writeCluster,
  writeClusterFile,
} from '../cluster-plan.ts';

/** What the command line says; null where it says nothing. */
export interface DevRequest {
  readonly replicas: number | null;
  readonly gateways: number | null;
  readonly port: number | null;
  readonly basePort: number | null;
}

export const devDefaults = { replicas: 3, gateways: 1 } as const;

const host = '127.0.0.1';

export async function existingCluster(directory: string): Promise<ClusterFile | null> {
  const file = clusterFileIn(directory);
  return existsSync(file) ? await loadClusterFile(file) : null;
}

/** Throws ConfigError where the request contradicts the cluster that is there. */
export function planDevCluster(directory: string, existing: ClusterFile | null, request: DevRequest): ClusterPlan {
  const replicas = request.replicas ?? existing?.replicas.length ?? devDefaults.replicas;
  const gateways = request.gateways ?? existing?.gateways.length ?? devDefaults.gateways;
  if (existing !== null) {
    checkCount(directory, 'replicas', existing.replicas.length, replicas);
    checkCount(directory, 'gateways', existing.gateways.length, gateways);
  }
  const plan = {
    replicas: range(replicas).map((k) => {
      const { rpc, http } = replicaPorts(request.basePort ?? defaultBasePort, k);
      return { id: `r${k}`, rpc: `${host}:${rpc}`, http: `${host}:${http}` };
    }),
    gateways: range(gateways).map((k) => {
      return { id: `g${k}`, http: `${host}:${(request.port ?? defaultGatewayPort) + k - 1}` };
    }),
  };
  if (existing === null) return plan;
  checkAddresses(directory, existing, plan, request.basePort);
  // Nobody but its users needs to know where a gateway is: it may move.
  return { replicas: existing.replicas, gateways: request.port === null ? existing.gateways : plan.gateways };
}

/** Makes what is missing. Keys left by a first run that was cut short are used, not replaced. */
export async function establish(
  directory: string,
  existing: ClusterFile | null,
  plan: ClusterPlan,
): Promise<ClusterFile> {
  if (existing === null) {
    return writeCluster(plan, directory, (file) => (existsSync(file) ? loadKeyFile(file) : createKeyFile(file)));
  }
  const gateways = existing.gateways.map((gateway, at) => ({
    ...gateway,
    http: plan.gateways[at]?.http ?? gateway.http,
  }));
  const cluster = { ...existing, gateways };
  if (JSON.stringify(cluster) !== JSON.stringify(existing)) await writeClusterFile(cluster, directory);
  return cluster;
}

function checkCount(directory: string, what: 'replicas' | 'gateways', existing: number, wanted: number): void {
  if (existing === wanted) return;
  throw new ConfigError(
    `${directory} holds a cluster with ${existing} ${what}, and --${what} says ${wanted}; leave --${what} out, or choose another directory with --data`,
  );
}

/** The log of the cluster holds the addresses of the replicas, so a flag cannot move them any more. */
function checkAddresses(directory: string, existing: ClusterFile, plan: ClusterPlan, basePort: number | null): void {
  const planned = plan.replicas.map(({ rpc, http }) => `${rpc} ${http}`);
  const actual = existing.replicas.map(({ rpc, http }) => `${rpc} ${http}`);
  if (basePort === null || planned.join() === actual.join()) return;
  throw new ConfigError(
    `${directory} holds a cluster whose first replica is at ${existing.replicas[0]?.rpc}, and --base-port ${basePort} would move it; leave --base-port out, or choose another directory with --data`,
  );
}

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at + 1);
