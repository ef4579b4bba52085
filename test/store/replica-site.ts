/** Places for replicas and a gateway in one process: the real log, disk and network. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import type { ClusterFile } from '../../src/cluster-file.ts';
import { createLogger } from '../../src/logger.ts';
import { levelDisk } from '../../src/store/disk-level.ts';
import { openReplica, type Replica } from '../../src/store/replica.ts';
import { systemClock, systemRandom } from '../../src/system-clock.ts';
import { scratchDirectory } from '../cluster/scratch.ts';
import { addressOf, openTestEndpoint, type TestEndpoint } from './rpc-fixture.ts';
import { undeclaredTouch } from './undeclared-touch.ts';

export const lineage = 'c0ffee';

export interface Site {
  readonly cluster: ClusterFile;
  /** The first of the gateways. */
  readonly gateway: TestEndpoint;
  readonly gateways: ReadonlyMap<string, TestEndpoint>;
  readonly endpoints: ReadonlyMap<string, TestEndpoint>;
  start(id: string): Promise<Replica>;
}

/** The places of replicas and of gateways; none of them runs yet. */
export async function openSite(
  t: ExecutionContext,
  ids: readonly string[],
  gatewayIds: readonly string[] = ['g1'],
): Promise<Site> {
  const directory = await scratchDirectory();
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const gateways = new Map<string, TestEndpoint>();
  for (const id of gatewayIds) gateways.set(id, await openTestEndpoint(t));
  const [gateway] = gateways.values();
  if (gateway === undefined) throw new Error('a site has one gateway at least');
  const endpoints = new Map<string, TestEndpoint>();
  for (const id of ids) endpoints.set(id, await openTestEndpoint(t));
  const http = '127.0.0.1:1';
  const cluster = {
    clusterId: lineage,
    replicas: [...endpoints].map(([id, at]) => ({ id, publicKey: at.publicKey, rpc: addressOf(at), http })),
    gateways: [...gateways].map(([id, { publicKey }]) => ({ id, publicKey, http })),
  };
  const started = new Set<string>();
  /** A replica closes its endpoint: a later life has another one at the same place. */
  async function endpointOf(id: string): Promise<TestEndpoint['endpoint']> {
    const { endpoint, keyPair } = endpoints.get(id) as TestEndpoint;
    if (!started.has(id)) {
      started.add(id);
      return endpoint;
    }
    const port = Number(cluster.replicas.find((replica) => replica.id === id)?.rpc.split(':')[1]);
    return (await openTestEndpoint(t, { keyPair, port })).endpoint;
  }
  async function start(id: string): Promise<Replica> {
    const replica = await openReplica({
      id,
      cluster,
      dataDirectory: path.join(directory, id),
      log: createLogger({ id, level: 'error', write: (line) => t.log(line) }),
      onFatal: (error) => t.fail(error.message),
      observer: { logAppended() {}, applied() {}, proposed() {}, readIndexed() {}, undeclaredTouch },
      world: {
        disk: levelDisk,
        clock: systemClock,
        random: systemRandom,
        newUuid: randomUUID,
        openEndpoint: () => endpointOf(id),
        watchDiskSpace: async () => ({ full: false, close() {} }),
      },
    });
    t.teardown(() => replica.close());
    return replica;
  }
  return { cluster, gateway, gateways, endpoints, start };
}
