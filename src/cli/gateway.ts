import { parseAddress } from '../cluster-file.ts';
import { fromEnvironment, optional, path } from '../config.ts';
import type { GatewayOptions } from '../gateway/server.ts';
import { hotFileAt } from '../gateway/warm-up/hot-file.ts';
import type { Logger } from '../logger.ts';
import type { BalancePolicy, StoreClient } from '../store/client.ts';
import { systemClock } from '../system-clock.ts';
import { version } from '../version.ts';
import { defineCommand } from './command.ts';
import { readOptions } from './gateway-options.ts';
import { checkReach, loadIdentity, type Service, serve, serverOptions } from './server-process.ts';

const gatewayOptions = {
  ...readOptions,
  ...fromEnvironment({
    warmUp: optional(
      path('FILE'),
      'Where keys and lists that are asked for often are remembered, to be fetched at the next start.',
    ),
  }),
};

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
