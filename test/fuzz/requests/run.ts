/** Sends requests to a gateway over a store of its own, and holds each answer against the document. */
import { Agent, request as requestHttp } from 'node:http';
import fc from 'fast-check';
import { operations } from '../../../src/gateway/openapi/operations.ts';
import { startGateway } from '../../../src/gateway/server.ts';
import { MachineClient } from '../../gateway/catalog/machine-client.ts';
import { gatewayOptions, type Response } from '../../gateway/harness.ts';
import { conforms } from '../../gateway/openapi/conforms.ts';
import { nameless, routes } from '../../gateway/openapi/routes.ts';
import { stock } from '../../gateway/openapi/stock.ts';
import { type FuzzRequest, requestArbitrary } from './request-arbitrary.ts';

export interface FuzzOptions {
  readonly requests: number;
  /** What is sent follows from it. */
  readonly seed: number;
}

export interface FuzzReport {
  /** How many answers had which status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** What was wrong with answers, each once, and the first request that had such a one; at most 50. */
  readonly complaints: ReadonlyMap<string, string>;
}

/** To one store, one after the other. */
const requestsPerStore = 100;
const answerMsMax = 10_000;
const complaintsMax = 50;

export async function fuzzRequests({ requests, seed }: FuzzOptions): Promise<FuzzReport> {
  const known = routes();
  const arbitrary = requestArbitrary(
    operations.filter(({ method, path }) => known.has(`${method.toUpperCase()} ${nameless(path)}`)),
  );
  const statuses = new Map<number, number>();
  const complaints = new Map<string, string>();
  for (let sent = 0; sent < requests && complaints.size < complaintsMax; sent += requestsPerStore) {
    const gateway = await open();
    try {
      for (const each of fc.sample(arbitrary, { seed: seed + sent, numRuns: requestsPerStore })) {
        const response = await gateway.send(each);
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
        const example = `${JSON.stringify(each)}\n${response.text}`;
        for (const complaint of complaintsOf(each, response)) {
          if (!complaints.has(complaint)) complaints.set(complaint, example);
        }
      }
    } finally {
      await gateway.close();
    }
  }
  return { statuses, complaints };
}

function complaintsOf({ method, path, headers }: FuzzRequest, response: Response): readonly string[] {
  const { status } = response;
  // Whoever wants nothing but what is kept is told so.
  const isAsked = status === 504 && headers['Cache-Control'] === 'only-if-cached';
  if (status >= 500 && !isAsked) return [`${method} ${path} was answered with ${status}`];
  // A path with a malformed step may be none.
  if (status === 404 && /"code":"unknown_route"/.test(response.text)) return [];
  return conforms(method, path, response);
}

async function open() {
  const client = await MachineClient.start();
  const known = client.replicas().map(({ id }) => id);
  // The store of tests answers in the name of whoever it is asked for.
  client.beforeRead = async (_, { replica }) =>
    replica === undefined || known.includes(replica) ? null : { type: 'unknownReplica', known };
  const gateway = await startGateway(gatewayOptions(client));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const { host, port } = gateway.address;
  const send = ({ method, target: path, headers, body }: Omit<FuzzRequest, 'path'>): Promise<Response> =>
    new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(answerMsMax);
      // Node says of no GET and no DELETE by itself how long its body is.
      const framed = body === null ? headers : { ...headers, 'Content-Length': Buffer.byteLength(body) };
      const outgoing = requestHttp({ host, port, method, path, headers: framed, agent, signal }, async (incoming) => {
        const bytes = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>));
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: bytes, text: bytes.toString() });
      });
      outgoing.on('error', (error) => reject(new Error(`${method} ${path} had no answer: ${error.message}`)));
      outgoing.end(body ?? undefined);
    });
  await stock((method, target, { headers = {}, body = null } = {}) =>
    send({ method, target, headers: headers as FuzzRequest['headers'], body: body === null ? null : String(body) }),
  );
  return {
    send,
    async close() {
      agent.destroy();
      await gateway.close();
    },
  };
}
