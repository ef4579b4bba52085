import { setTimeout as delay } from 'node:timers/promises';
import { duration, flag, withDefault } from '../config.ts';
import { defineCommand, type Output } from './command.ts';
import { Failure } from './failure.ts';
import { createHttpClient, failureOf, type HttpClient, jsonOf, targetOptions, timeoutOption } from './http-client.ts';
import { alignColumns, printable, write } from './output.ts';

interface ClusterStatus {
  readonly leader: string | null;
  readonly term: number | null;
  readonly commitIndex: number | null;
  readonly publishIndex: number | null;
  /** Of the gateway that was asked, as is the lease; null or absent where it asks for none. */
  readonly coherence: string;
  readonly lease?: { readonly held: boolean; readonly reason?: string } | null;
  readonly replicas: readonly ReplicaRow[];
  readonly gateways: readonly { readonly id: string; readonly http: string }[];
}

/** What a gateway has not heard of a replica is null or left out. */
interface ReplicaRow {
  readonly id: string;
  readonly healthy?: boolean;
  readonly role?: string | null;
  readonly state?: string | null;
  readonly lastIndex?: number | null;
  readonly appliedIndex?: number | null;
  readonly message?: string | null;
  readonly http: string;
  readonly rpc: string;
}

export const command = defineCommand({
  name: 'status',
  summary: 'Show the replicas and gateways of the cluster.',
  arguments: {},
  options: {
    watch: flag('Again and again, until Ctrl-C.'),
    interval: withDefault(duration, '1s', 'How often, with --watch.'),
    json: flag('What the gateway says, as one line of JSON.'),
    timeout: timeoutOption,
    ...targetOptions,
  },
  async run({ watch, interval, json, timeout, ...target }, { stdout, nextInterruption }) {
    const client = createHttpClient(target);
    const page = async () => {
      const status = await clusterStatus(client, timeout);
      return json ? `${JSON.stringify(status)}\n` : statusPage(status);
    };
    try {
      if (!watch) return await write(stdout, await page());
      const interrupted = nextInterruption();
      interrupted.addEventListener('abort', client.close);
      await repeat(page, interval, stdout, interrupted);
    } finally {
      client.close();
    }
  },
});

async function clusterStatus(client: HttpClient, timeoutMs: number): Promise<ClusterStatus> {
  const answer = await client.request({ path: '/v1/cluster', timeoutMs });
  if (answer.status !== 200) throw failureOf(answer);
  return jsonOf(answer) as ClusterStatus;
}

const clearScreen = '\u001b[H\u001b[2J';

/** An answer that fails is shown in the place of the page: a watch outlives the gateway it watches. */
async function repeat(
  page: () => Promise<string>,
  intervalMs: number,
  stdout: Output,
  interrupted: AbortSignal,
): Promise<void> {
  while (!interrupted.aborted) {
    const text = await page().catch((error: unknown) => {
      if (error instanceof Failure) return `${error.message}\n`;
      throw error;
    });
    await write(stdout, stdout.isTTY ? `${clearScreen}${text}` : text);
    await delay(intervalMs, undefined, { signal: interrupted }).catch(() => undefined);
  }
}

export function statusPage(status: ClusterStatus): string {
  const replicas = status.replicas.map((replica) => [
    replica.id,
    replica.healthy === false ? 'unreachable' : (replica.role ?? 'unknown'),
    replica.state ?? '-',
    `${replica.lastIndex ?? '-'}`,
    `${replica.appliedIndex ?? '-'}`,
    replica.rpc,
    replica.http,
    printable(replica.message ?? ''),
  ]);
  const gateways = status.gateways.map(({ id, http }) => [id, http]);
  const { leader, term, commitIndex, publishIndex, coherence, lease } = status;
  return [
    `leader ${leader ?? 'none'}, term ${term ?? '-'}, commit index ${commitIndex ?? '-'}, `,
    `publish index ${publishIndex ?? '-'}, coherence ${coherence}${leaseText(lease)}\n\n`,
    alignColumns([['REPLICA', 'ROLE', 'STATE', 'LAST', 'APPLIED', 'RPC', 'HTTP', 'MESSAGE'], ...replicas]),
    gateways.length === 0 ? '' : `\n${alignColumns([['GATEWAY', 'HTTP'], ...gateways])}`,
  ].join('');
}

function leaseText(lease: ClusterStatus['lease'] = null): string {
  if (lease === null) return '';
  return lease.held ? ', lease held' : `, no lease: ${printable(lease.reason ?? 'the gateway does not say why')}`;
}
