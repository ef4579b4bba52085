/** What the two long-running processes, replica and gateway, have in common. */
import { type ClusterFile, type GatewayAddress, isHost, isLoopback, loadClusterFile } from '../cluster-file.ts';
import {
  ConfigError,
  flag,
  fromEnvironment,
  type Kind,
  oneOf,
  optional,
  path,
  port,
  required,
  text,
  UsageError,
  withDefault,
} from '../config.ts';
import { type KeyPair, loadKeyFile } from '../keys-file.ts';
import { createLogger, type Logger, type LogLevel, logLevels } from '../logger.ts';
import type { Terminal } from './command.ts';

const host: Kind<string> = {
  placeholder: 'HOST',
  parse(value) {
    if (!isHost(value)) throw new UsageError('expected an IPv4 address or a name');
    return value;
  },
};

export const serverOptions = fromEnvironment({
  id: required(text('ID'), 'Which member of the cluster file this is.'),
  cluster: required(path('FILE'), 'The cluster file.'),
  key: required(path('FILE'), 'The key of this id.'),
  host: optional(host, 'The address to listen on; by default what the cluster file says.'),
  httpPort: optional(port, 'The HTTP port; by default what the cluster file says.'),
  logLevel: withDefault(oneOf('LEVEL', logLevels), 'info', `What is logged: ${logLevels.join(', ')}.`),
  insecure: flag('Listen for HTTP on an address that others can reach, though anyone there may do anything.'),
});

export interface Identity<Member extends GatewayAddress> {
  readonly cluster: ClusterFile;
  readonly member: Member;
  readonly keyPair: KeyPair;
}

/** Reads the cluster file and the key and checks that they agree. Throws ConfigError, and touches nothing. */
export async function loadIdentity<Member extends GatewayAddress>(
  input: { readonly id: string; readonly cluster: string; readonly key: string },
  role: 'replica' | 'gateway',
  membersOf: (cluster: ClusterFile) => readonly Member[],
): Promise<Identity<Member>> {
  const cluster = await loadClusterFile(input.cluster);
  const member = membersOf(cluster).find(({ id }) => id === input.id);
  if (member === undefined) {
    const known = membersOf(cluster).map(({ id }) => id);
    throw new ConfigError(
      `there is no ${role} ${JSON.stringify(input.id)} in ${input.cluster}; its ${role}s are ${known.join(', ') || 'none'}`,
    );
  }
  const keyPair = await loadKeyFile(input.key);
  const publicKey = keyPair.publicKey.toString('hex');
  if (publicKey !== member.publicKey) {
    const owner = [...cluster.replicas, ...cluster.gateways].find((other) => other.publicKey === publicKey);
    const whose = owner === undefined ? 'of nobody in the cluster file' : `of ${owner.id}`;
    throw new ConfigError(`the key in ${input.key} is ${whose}, expected that of ${input.id}; check --id and --key`);
  }
  return { cluster, member, keyPair };
}

/** For a replica's small port. Throws ConfigError for an address beyond this machine, unless `insecure`. */
export function checkReach(host: string, insecure: boolean): void {
  if (isLoopback(host) || insecure) return;
  throw new ConfigError(
    `${host} can be reached from other machines, and HTTP here is open to all who reach it; say --insecure if that is wanted, or --host 127.0.0.1`,
  );
}

export interface Service {
  close(): Promise<void>;
}

/**
 * Starts the service; resolves when it has been told to stop and has closed. A fatal error is one log line and the end
 * of the process: nothing it believes can be trusted any more, so nothing is closed in good order.
 */
export async function serve(
  id: string,
  level: LogLevel,
  { nextInterruption }: Terminal,
  start: (log: Logger, onFatal: (error: Error) => void) => Promise<Service>,
): Promise<void> {
  const log = createLogger({ id, level });
  const onFatal = (error: Error) => {
    log.error(error.message, { stack: error.stack ?? null });
    process.exit(1);
  };
  const stopped = Promise.race([aborted(nextInterruption()), parentGone()]);
  const service = await start(log, onFatal);
  await stopped;
  log.info('stopping');
  await service.close();
  log.info('stopped');
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Resolves when a parent that holds a channel to this process, as `bazar dev` does, has ended. */
function parentGone(): Promise<void> {
  return new Promise((resolve) => {
    // Only a process that was started with a channel can send, and it can, in name, even after the channel has closed.
    if (process.send === undefined) return;
    if (!process.connected) {
      resolve();
      return;
    }
    process.once('disconnect', resolve);
    // The channel is no reason to live on when all else has closed.
    process.channel?.unref();
  });
}
