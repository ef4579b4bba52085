import { parseAddress, type ReplicaAddress } from '../cluster-file.ts';
import { ConfigError, fromEnvironment, optional, path, port, required } from '../config.ts';
import { defineCommand } from './command.ts';
import { history } from './replica-options.ts';
import { checkReach, loadIdentity, serve, serverOptions } from './server-process.ts';

export const command = defineCommand({
  name: 'replica',
  summary: 'Run one replica.',
  details: 'Stops in good order on SIGTERM and Ctrl-C; a second one ends it at once, and that loses nothing either.',
  arguments: {},
  options: {
    ...serverOptions,
    ...fromEnvironment({
      data: required(path('DIR'), 'Where the log and the state are kept.'),
      history,
      rpcPort: optional(port, 'The UDP port for RPC; by default what the cluster file says.'),
    }),
  },
  async run(input, terminal) {
    const { cluster, member, keyPair } = await loadIdentity(input, 'replica', ({ replicas }) => replicas);
    const host = input.host ?? hostOf(member);
    checkReach(host, input.insecure);
    const { startReplica } = await import('../store/replica-process.ts');
    await serve(input.id, input.logLevel, terminal, (log, onFatal) =>
      startReplica({
        id: input.id,
        cluster,
        keyPair,
        dataDirectory: input.data,
        host,
        rpcPort: input.rpcPort ?? parseAddress(member.rpc).port,
        httpPort: input.httpPort ?? parseAddress(member.http).port,
        history: input.history,
        log,
        onFatal,
      }),
    );
  },
});

/** One host for both ports. */
function hostOf({ id, rpc, http }: ReplicaAddress): string {
  const { host } = parseAddress(rpc);
  if (host === parseAddress(http).host) return host;
  throw new ConfigError(`${id} has different hosts in rpc ${rpc} and http ${http}; say with --host where to listen`);
}
