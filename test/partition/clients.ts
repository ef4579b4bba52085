/** Clients, each doing one thing after the other at its gateway, or at one gateway after the other. */
import type { HttpClient } from '../cluster/http-client.ts';
import { pause } from '../cluster/wait.ts';
import { httpRequest, outcomeOf } from '../history/http.ts';
import type { Operation, Outcome, Request } from '../history/operation.ts';
import { streamOf } from '../sim/random.ts';
import type { CacheTally } from './cache-tally.ts';
import type { Tally } from './tally.ts';
import type { Asker, OnRetired, Turn, Workload, WorkloadOptions } from './workload.ts';
import { createWorkload } from './workloads.ts';

export interface Gateway {
  readonly id: string;
  readonly client: HttpClient;
}

export interface ClientsOptions {
  readonly gateways: readonly Gateway[];
  readonly replicas: readonly string[];
  readonly workload: WorkloadOptions;
  /** Operations that all clients together begin in a second, while the answers come fast enough. */
  readonly rate: number;
  readonly seed: number;
  readonly tally: Tally;
  readonly cacheTally: CacheTally;
  readonly onRetired: OnRetired;
}

interface Client extends Asker {
  readonly name: string;
  /** It asks one after the other. */
  readonly gateways: readonly Gateway[];
  asked: number;
  written: string | null;
}

const clientCount = 24;
/** After what was not answered: it is the cluster that is to be loaded, not its refusals. */
const refusalPauseMs = 100;
const timeoutsMs = [300, 500, 1000] as const;
/** A client waits for its answer a little longer than it told the gateway to try. */
const graceMs = 300;

/** Statuses that say that the gateway or a replica has a defect. */
const defects = [500, 502];

export class Clients {
  readonly #options: ClientsOptions;
  readonly #workload: Workload;
  /** Between the beginnings of a client's operations, on average; longer when they take longer. */
  readonly #intervalMs: number;
  #operations = 0;
  #stopping = false;
  readonly #working: readonly Promise<void>[];

  /** They start at once. */
  constructor(options: ClientsOptions) {
    const { gateways, replicas, workload, rate, seed, onRetired } = options;
    this.#options = options;
    this.#workload = createWorkload(workload, { askers: clientCount, replicas, onRetired });
    this.#intervalMs = (clientCount * 1000) / rate;
    const clients = Array.from({ length: clientCount }, (_, position): Client => {
      const name = `client-${position + 1}`;
      const own = gatewaysOf(position, gateways);
      return { name, position, gateways: own, asked: position, written: null, random: streamOf(seed, name) };
    });
    this.#working = clients.map((client) => this.#work(client));
  }

  /** The next number in the history, for an operation that is invoked now. */
  nextNumber(): number {
    this.#operations += 1;
    return this.#operations - 1;
  }

  /** Rejects when a client was told something that the API does not know; resolves after `stop`. */
  get ended(): Promise<unknown> {
    return Promise.all(this.#working);
  }

  /** Resolves when everything that was asked has its outcome; every group has then been retired. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.allSettled(this.#working);
    this.#workload.finish();
  }

  async #work(client: Client): Promise<void> {
    const { random } = client;
    const intervalMs = this.#intervalMs;
    let nextAt = performance.now() + random.next() * intervalMs;
    while (!this.#stopping) {
      // What was written at one gateway is read at the next without delay.
      if (client.written === null) await pause(Math.max(0, nextAt - performance.now()));
      nextAt = Math.max(nextAt, performance.now() - intervalMs) + random.next() * 2 * intervalMs;
      const number = this.nextNumber();
      const turn = this.#workload.next(client, `${client.name}.${number}`);
      client.written = null;
      if (turn === null) continue;
      const answered = await this.#perform(client, turn, number);
      if (!answered) nextAt = performance.now() + refusalPauseMs;
    }
  }

  async #perform(client: Client, turn: Turn, number: number): Promise<boolean> {
    const { tally } = this.#options;
    const { group, request } = turn;
    const timeoutMs = client.random.pick(timeoutsMs);
    const parameters = [`timeout=${timeoutMs}ms`, ...turn.parameters];
    const gateway = nextGateway(client);
    group.begin();
    const invokedAt = tally.now();
    const { outcome, cacheStatus } = await ask(gateway.client, request, { parameters, timeoutMs: timeoutMs + graceMs });
    const operation: Operation = {
      number,
      client: client.name,
      request,
      invokedAt,
      returnedAt: tally.now(),
      outcome,
    };
    tally.record(operation);
    const answered = outcome.type === 'answered';
    if (isRead(request)) {
      if (answered) this.#options.cacheTally.record(gateway.id, cacheStatus);
    } else if (answered && client.gateways.length > 1) {
      client.written = request.key;
    }
    group.end(isRead(request) && !answered ? null : operation);
    this.#workload.ended(turn, operation);
    return answered;
  }
}

/** One each, or all: of three clients at two gateways, one asks both in turn. */
function gatewaysOf(position: number, gateways: readonly Gateway[]): readonly Gateway[] {
  const own = gateways[position % (gateways.length + 1)];
  return own === undefined ? gateways : [own];
}

function nextGateway(client: Client): Gateway {
  const gateway = client.gateways[client.asked % client.gateways.length];
  if (gateway === undefined) throw new Error('clients need a gateway');
  client.asked += 1;
  return gateway;
}

function isRead(request: Request): request is Extract<Request, { type: 'get' | 'list' }> {
  return request.type === 'get' || request.type === 'list';
}

export interface Heard {
  readonly outcome: Outcome;
  /** Of an answer that came; null where it did not say. */
  readonly cacheStatus: string | null;
}

/** Asks once. Rejects for an answer that the API does not know, or that admits a defect. */
export async function ask(
  gateway: HttpClient,
  request: Request,
  { parameters, timeoutMs }: { readonly parameters: readonly string[]; readonly timeoutMs: number },
): Promise<Heard> {
  const { method, path, headers, body } = httpRequest(request, parameters);
  const options = { headers, timeoutMs, ...(body === null ? {} : { body }) };
  const answer = await gateway.request(method, path, options).catch((error: NodeJS.ErrnoException) => error);
  if (answer instanceof Error) {
    // Without a connection, nothing can have been asked.
    const refused = answer.code === 'ECONNREFUSED';
    return { outcome: refused ? { type: 'notApplied' } : outcomeOf(request, null), cacheStatus: null };
  }
  if (defects.includes(answer.status)) {
    throw new Error(`${gateway.url} answered a ${request.type} with ${answer.status}: ${answer.body}`);
  }
  const cacheStatus = answer.headers['cache-status'];
  return { outcome: outcomeOf(request, answer), cacheStatus: cacheStatus === undefined ? null : `${cacheStatus}` };
}
