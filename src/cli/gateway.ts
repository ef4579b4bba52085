import { parseAddress } from '../cluster-file.ts';
import type { Logger } from '../logger.ts';
import type { StoreClient } from '../store/client.ts';
import { systemClock } from '../system-clock.ts';
import { version } from '../version.ts';
import { defineCommand } from './command.ts';
import { checkReach, loadIdentity, type Service, serve, serverOptions } from './server-process.ts';

export const command = defineCommand({
  name: 'gateway',
  summary: 'Run one HTTP gateway.',
  details: 'Stops in good order on SIGTERM and Ctrl-C; a second one ends it at once.',
  arguments: {},
  options: serverOptions,
  async run(input, terminal) {
    const identity = await loadIdentity(input, 'gateway', ({ gateways }) => gateways);
    const configured = parseAddress(identity.member.http);
    const host = input.host ?? configured.host;
    checkReach(host, input.insecure);
    const address = { host, port: input.httpPort ?? configured.port, insecure: input.insecure };
    await serve(input.id, input.logLevel, terminal, (log, onFatal) => start(identity, address, log, onFatal));
  },
});

async function start(
  { cluster, keyPair }: Awaited<ReturnType<typeof loadIdentity>>,
  address: { readonly host: string; readonly port: number; readonly insecure: boolean },
  log: Logger,
  onFatal: (error: Error) => void,
): Promise<Service> {
  const [{ createStoreClient }, { createGatewayMetrics }, { startGateway }] = await Promise.all([
    import('../store/client.ts'),
    import('../metrics.ts'),
    import('../gateway/server.ts'),
  ]);
  const metrics = createGatewayMetrics({ version, replicas: () => client.replicas() });
  const client: StoreClient = await createStoreClient({ cluster, keyPair, log, observer: metrics, onFatal });
  try {
    const { clusterId, gateways } = cluster;
    const server = await startGateway({
      ...address,
      client,
      clusterId,
      gateways,
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
