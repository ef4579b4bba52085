/**
 * The other gateways of the cluster, asked over HTTP. They are where the cluster file says; what they answer is checked
 * by whoever asks.
 */
import { type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type GatewayAddress, parseAddress } from '../cluster-file.ts';
import type { Clock } from '../system-clock.ts';
import type { PeerSigner } from './access/peer-signature.ts';

export interface PeerRequest {
  readonly method: 'GET' | 'DELETE';
  /** Path and query, already encoded. It must say `scope=this`, or each of them would ask all the others. */
  readonly target: string;
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
  readonly gateways: readonly Pick<GatewayAddress, 'id' | 'http' | 'tls'>[];
  /** Who asks, and is not asked. */
  readonly id: string;
  /** Tells them who asks. What a client sent to be let in is never handed on. */
  readonly signer: PeerSigner;
  /** PEM: who signs the certificates of those that speak TLS; undefined for whom Node.js trusts. */
  readonly ca?: Buffer | undefined;
  readonly clock: Clock;
}

const answerMsMax = 1000;
const bodyBytesMax = 64 * 1024;

export function createPeers(options: PeersOptions): Peers {
  const others = options.gateways.filter(({ id }) => id !== options.id);
  return { askAll: (request) => Promise.all(others.map((other) => ask(other, request, options))) };
}

function ask(
  { id, http, tls = false }: PeersOptions['gateways'][number],
  request: PeerRequest,
  { signer, ca, clock }: PeersOptions,
): Promise<PeerAnswer> {
  const { promise, resolve } = Promise.withResolvers<PeerAnswer>();
  const { method, target } = request;
  const headers = { authorization: signer.sign(id, request) };
  const options: RequestOptions = { ...parseAddress(http), method, path: target, headers, agent: false };
  const outgoing = tls ? requestHttps({ ...options, ca }) : requestHttp(options);
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
