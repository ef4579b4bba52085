import { isLoopback, parseAddress } from '../cluster-file.ts';
import { fromEnvironment, optional, path } from '../config.ts';
import type { GatewayOptions } from '../gateway/server.ts';
import { hotFileAt } from '../gateway/warm-up/hot-file.ts';
import type { Logger } from '../logger.ts';
import type { BalancePolicy, StoreClient } from '../store/client.ts';
import { systemClock } from '../system-clock.ts';
import { version } from '../version.ts';
import { defineCommand } from './command.ts';
import { accessOptions, checkAccess, type GatewayAccess, openAccess } from './gateway-access.ts';
import { readOptions } from './gateway-options.ts';
import { loadIdentity, type Service, serve, serverOptions } from './server-process.ts';

const gatewayOptions = {
  ...accessOptions,
  ...readOptions,
  ...fromEnvironment({
    warmUp: optional(
      path('FILE'),
      'Where keys, documents and lists that are asked for often are remembered, to be fetched at the next start.',
    ),
  }),
};

export const command = defineCommand({
  name: 'gateway',
  summary: 'Run one HTTP gateway.',
  details: `Stops in good order on SIGTERM and Ctrl-C; a second one ends it at once. With --tokens or --tls-cert it
reads those files again when they change and on SIGHUP; if they are wrong, what was there stays.`,
  arguments: {},
  options: { ...serverOptions, ...gatewayOptions },
  async run(input, terminal) {
    const identity = await loadIdentity(input, 'gateway', ({ gateways }) => gateways);
    const configured = parseAddress(identity.member.http);
    const host = input.host ?? configured.host;
    checkAccess(input, host, input.insecure);
    const address = { host, port: input.httpPort ?? configured.port, insecure: input.insecure };
    const hotFile = input.warmUp === null ? null : hotFileAt(input.warmUp);
    const { coherence, cachePolicy: policy, cacheBytes, cacheTtl, balance } = input;
    const caching = { coherence, cache: { cacheBytes, policy, ...(cacheTtl === null ? {} : { ttl: cacheTtl }) } };
    await serve(input.id, input.logLevel, terminal, async (log, onFatal) => {
      const admission = await openAccess(input, identity.cluster, { id: input.id, keyPair: identity.keyPair }, log);
      if (admission.hasFiles) terminal.onHangUp(admission.reload);
      warnOf(host, identity, admission, log);
      try {
        return await start(identity, { ...address, caching, hotFile }, admission, balance, log, onFatal);
      } catch (error) {
        admission.close();
        throw error;
      }
    });
  },
});

function warnOf(
  host: string,
  { cluster, member }: Awaited<ReturnType<typeof loadIdentity>>,
  { access, tls }: GatewayAccess,
  log: Logger,
): void {
  if (access !== null && tls === null && !isLoopback(host)) {
    log.warn('tokens come in the clear: use --tls-cert and --tls-key, or TLS in front of this gateway', { host });
  }
  const { tls: isNamed = false } = cluster.gateways.find(({ id }) => id === member.id) ?? {};
  if (isNamed !== (tls !== null) && cluster.gateways.length > 1) {
    const remedy = 'other gateways cannot ask this one: "tls" of its entry in the cluster file differs from --tls-cert';
    log.warn(remedy, { inClusterFile: isNamed, here: tls !== null });
  }
}

async function start(
  { cluster, member, keyPair }: Awaited<ReturnType<typeof loadIdentity>>,
  settings: Pick<GatewayOptions, 'host' | 'port' | 'insecure' | 'caching' | 'hotFile'>,
  { access, cors, tls, signer, ca, close }: GatewayAccess,
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
      peers: createPeers({ gateways, id: member.id, signer, ca, clock: systemClock }),
      ...{ access, cors, tls },
      version,
      clock: systemClock,
      metrics,
      log,
    });
    return {
      async close() {
        close();
        await server.close();
        await client.close();
      },
    };
  } catch (error) {
    await client.close();
    throw error;
  }
}
