/** The simulated cluster, as its cluster file would tell it. */
import { createHash } from 'node:crypto';
import type { ClusterFile } from '../../src/cluster-file.ts';

export function clusterOf(replicas: number, gateways: number): ClusterFile {
  return {
    clusterId: 'simulated',
    replicas: names('r', replicas).map((id) => ({
      id,
      publicKey: publicKeyOf(id),
      rpc: `${id}:7100`,
      http: `${id}:7200`,
    })),
    gateways: names('g', gateways).map((id) => ({ id, publicKey: publicKeyOf(id), http: `${id}:8080` })),
  };
}

export function publicKeyOf(id: string): string {
  return createHash('sha256').update(id).digest('hex');
}

function names(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, position) => `${prefix}${position + 1}`);
}
