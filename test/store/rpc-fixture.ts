import type { ExecutionContext } from 'ava';
import DHT from 'hyperdht';
import { createLogger, type LogFields } from '../../src/logger.ts';
import type { InvariantError } from '../../src/raft/assert.ts';
import type { PublicKey, RpcConnection, RpcConnectionEvents, RpcHandlers, RpcPeer } from '../../src/store/rpc.ts';
import {
  type HyperswarmRpcEndpoint,
  openRpcEndpoint,
  type RpcEndpointOptions,
} from '../../src/store/rpc-hyperswarm.ts';
import { systemClock, systemRandom } from '../../src/system-clock.ts';
import { waitFor } from '../cluster/wait.ts';

export interface TestEndpoint {
  readonly endpoint: HyperswarmRpcEndpoint;
  readonly keyPair: DHT.KeyPair;
  readonly publicKey: PublicKey;
  readonly fatal: readonly InvariantError[];
  readonly logged: readonly LogFields[];
}

/** On a free port of the loopback interface; closed when the test ends. */
export async function openTestEndpoint(
  t: ExecutionContext,
  options: Partial<RpcEndpointOptions> = {},
): Promise<TestEndpoint> {
  const keyPair = DHT.keyPair();
  const fatal: InvariantError[] = [];
  const logged: LogFields[] = [];
  const endpoint = await openRpcEndpoint({
    keyPair,
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    random: systemRandom,
    log: createLogger({ id: 'test', level: 'debug', write: (line) => logged.push(JSON.parse(line)) }),
    onFatal: (error) => fatal.push(error),
    ...options,
  });
  t.teardown(() => endpoint.close());
  const used = options.keyPair ?? keyPair;
  return { endpoint, keyPair: used, publicKey: used.publicKey.toString('hex'), fatal, logged };
}

/** Answers a request with its own bytes; remembers events, and over which connections they came. */
export class EchoHandlers implements RpcHandlers {
  readonly events: { readonly from: PublicKey; readonly text: string }[] = [];

  readonly peers: RpcPeer[] = [];

  onEvent(from: RpcPeer, bytes: Uint8Array): void {
    this.events.push({ from: from.publicKey, text: Buffer.from(bytes).toString() });
    if (!this.peers.includes(from)) this.peers.push(from);
  }

  async onRequest(_from: RpcPeer, bytes: Uint8Array): Promise<Uint8Array> {
    return Buffer.from(bytes);
  }

  pingInfo(): Uint8Array {
    return Buffer.from('info');
  }
}

export const everybody = (): boolean => true;

/** Counts what a connection tells. */
export class ConnectionLog implements RpcConnectionEvents {
  connects = 0;
  disconnects = 0;
  readonly pings: { readonly info: string; readonly roundTripMs: number }[] = [];
  readonly events: string[] = [];

  onConnect(): void {
    this.connects++;
  }

  onDisconnect(): void {
    this.disconnects++;
  }

  onPing(info: Uint8Array, roundTripMs: number): void {
    this.pings.push({ info: Buffer.from(info).toString(), roundTripMs });
  }

  onEvent(bytes: Uint8Array): void {
    this.events.push(Buffer.from(bytes).toString());
  }
}

export function addressOf({ endpoint }: TestEndpoint): string {
  const { host, port } = endpoint.address();
  return `${host}:${port}`;
}

export async function connectTo(
  from: TestEndpoint,
  to: TestEndpoint,
): Promise<{ readonly connection: RpcConnection; readonly log: ConnectionLog }> {
  const log = new ConnectionLog();
  const connection = from.endpoint.connect({ publicKey: to.publicKey, address: () => addressOf(to) }, log);
  await waitFor(() => connection.connected, { description: 'the connection', timeoutMs: 5000 });
  return { connection, log };
}
