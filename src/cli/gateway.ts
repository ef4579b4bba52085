import { parseAddress } from '../cluster-file.ts';
import { byteSize, fromEnvironment, oneOf, optional, path, withDefault } from '../config.ts';
import { cachePolicies } from '../gateway/cache/policy.ts';
import { cacheTtl } from '../gateway/cache/ttl.ts';
import { coherenceModes } from '../gateway/reader.ts';
import type { GatewayOptions } from '../gateway/server.ts';
import { hotFileAt } from '../gateway/warm-up/hot-file.ts';
import type { Logger } from '../logger.ts';
import type { BalancePolicy, StoreClient } from '../store/client.ts';
import { balancePolicies } from '../store/read-policy.ts';
import { systemClock } from '../system-clock.ts';
import { version } from '../version.ts';
import { defineCommand } from './command.ts';
import { checkReach, loadIdentity, type Service, serve, serverOptions } from './server-process.ts';

const cacheOptions = {
  coherence: withDefault(
    oneOf('MODE', coherenceModes),
    'lease',
    'How cached reads are known to be current: lease, validate (asks the leader each time), or off, which keeps nothing.',
  ),
  cachePolicy: withDefault(oneOf('POLICY', cachePolicies), 'sieve', 'What is evicted first: sieve, lru or ttl.'),
  cacheBytes: withDefault(
    byteSize,
    '256MiB',
    'How much is kept in memory, keys and headers included; 0 keeps nothing.',
  ),
  warmUp: optional(
    path('FILE'),
    'Where keys and lists that are asked for often are remembered, to be fetched at the next start.',
  ),
  cacheTtl: optional(cacheTtl, 'How long answers are kept at most, on top of being current: search=1h,info=30m.'),
};
export const balanceOption = withDefault(
  oneOf('POLICY', balancePolicies),
  'p2c',
  `How gateways spread reads over the replicas: ${balancePolicies.join(', ')}.`,
);

const gatewayOptions = fromEnvironment({ ...cacheOptions, balance: balanceOption });

export const command = defineCommand({
  name: 'gateway',
  summary: 'Run one HTTP gateway.',
  details: 'Stops in good order on SIGTERM and Ctrl-C; a second one ends it at once.',
  arguments: {},
  options: { ...serverOptions, ...gatewayOptions },
  async run(input, terminal) {
    const identity = await loadIdentity(input, 'gateway', ({ gateways }) => gateways);
    const configured = parseAddress(identity.member.http);
    const host = input.host ?? configured.host;
    checkReach(host, input.insecure);
    const address = { host, port: input.httpPort ?? configured.port, insecure: input.insecure };
    const hotFile = input.warmUp === null ? null : hotFileAt(input.warmUp);
    const { coherence, cachePolicy: policy, cacheBytes, cacheTtl, balance } = input;
    const caching = { coherence, cache: { cacheBytes, policy, ...(cacheTtl === null ? {} : { ttl: cacheTtl }) } };
    await serve(input.id, input.logLevel, terminal, (log, onFatal) =>
      start(identity, { ...address, caching, hotFile }, balance, log, onFatal),
    );
  },
});

async function start(
  { cluster, member, keyPair }: Awaited<ReturnType<typeof loadIdentity>>,
  settings: Pick<GatewayOptions, 'host' | 'port' | 'insecure' | 'caching' | 'hotFile'>,
  balance: BalancePolicy,
  log: Logger,
  onFatal: (error: Error) => void,
): Promise<Service> {
  const [{ createStoreClient }, { createGatewayMetrics }, { startGateway }, { createPeers }] = await Promise.all([
    import('../store/client.ts'),
    import('../metrics.ts'),
    import('../gateway/server.ts'),
    import('../gateway/peers.ts'),
  ]);
  const metrics = createGatewayMetrics({
    version,
    store: () => ({ leader: client.leader(), ...client.balance() }),
  });
  const client: StoreClient = await createStoreClient({ cluster, keyPair, log, balance, observer: metrics, onFatal });
  try {
    const { clusterId, gateways } = cluster;
    const server = await startGateway({
      ...settings,
      client,
      id: member.id,
      clusterId,
      gateways,
      peers: createPeers({ gateways, id: member.id, clock: systemClock }),
      version,
      clock: systemClock,
      metrics,
      log,
    });
    return {
      async close() {
        await server.close();
        await client.close();
      },
    };
  } catch (error) {
    await client.close();
    throw error;
  }
}
