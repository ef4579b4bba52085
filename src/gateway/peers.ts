/**
 * The other gateways of the cluster, asked over HTTP. They are where the cluster file says; what they answer is checked
 * by whoever asks.
 */
import { request as requestHttp } from 'node:http';
import { parseAddress } from '../cluster-file.ts';
import type { Clock } from '../system-clock.ts';

export interface PeerRequest {
  readonly method: 'GET' | 'DELETE';
  /** Path and query, already encoded. It must say `scope=this`, or each of them would ask all the others. */
  readonly target: string;
  /** Of the request that makes this one necessary. */
  readonly authorization: string | undefined;
}

export type PeerAnswer =
  | { readonly id: string; readonly type: 'answered'; readonly status: number; readonly body: string }
  /** Nothing whole came in time; it may have done what it was asked. */
  | { readonly id: string; readonly type: 'silent'; readonly reason: string };

export interface Peers {
  /** One answer of each, in the order of the cluster file; after a second at the latest. Never rejects. */
  askAll(request: PeerRequest): Promise<readonly PeerAnswer[]>;
}

export interface PeersOptions {
  readonly gateways: readonly { readonly id: string; readonly http: string }[];
  /** Who asks, and is not asked. */
  readonly id: string;
  readonly clock: Clock;
}

const answerMsMax = 1000;
const bodyBytesMax = 64 * 1024;

export function createPeers({ gateways, id: ownId, clock }: PeersOptions): Peers {
  const others = gateways.filter(({ id }) => id !== ownId);
  return { askAll: (request) => Promise.all(others.map(({ id, http }) => ask(id, http, request, clock))) };
}

function ask(
  id: string,
  http: string,
  { method, target, authorization }: PeerRequest,
  clock: Clock,
): Promise<PeerAnswer> {
  const { promise, resolve } = Promise.withResolvers<PeerAnswer>();
  const headers = authorization === undefined ? {} : { authorization };
  const outgoing = requestHttp({ ...parseAddress(http), method, path: target, headers, agent: false });
  const settle = (answer: PeerAnswer) => {
    timer.cancel();
    resolve(answer);
    outgoing.destroy();
  };
  const fail = (reason: string) => settle({ id, type: 'silent', reason });
  const timer = clock.setTimer(answerMsMax, () => fail(`no answer from ${http} within ${answerMsMax} ms`));
  outgoing.on('error', (error: NodeJS.ErrnoException) => fail(`${http}: ${error.code ?? error.message}`));
  outgoing.on('response', (incoming) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > bodyBytesMax) fail(`${http} answers with more than ${bodyBytesMax} bytes`);
    });
    incoming.on('error', () => fail(`${http} broke off its answer`));
    incoming.on('end', () => {
      settle({ id, type: 'answered', status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
    });
  });
  outgoing.end();
  return promise;
}
