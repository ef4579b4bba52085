/**
 * Clients of the shop: each does one thing after the other, at any gateway, and remembers what it asked and was told.
 */

import { httpRequest, outcomeOf } from '../history/http.ts';
import type { Operation, PageEnd, Request } from '../history/operation.ts';
import type { SimGateway } from './gateway.ts';
import type { HttpReply, SimHttp } from './http.ts';
import type { Kernel } from './kernel.ts';
import type { Life } from './life.ts';
import type { Probes } from './probes.ts';
import type { SeededRandom } from './random.ts';

export interface WorkloadPlan {
  readonly clients: number;
  readonly keys: number;
  /** Between an answer and the next request, on average. */
  readonly thinkMs: number;
  /** How long clients are ready to wait. */
  readonly timeoutMs: readonly [number, number];
  /** Of values, at least as long as it takes to tell them apart. */
  readonly valueBytes: readonly [number, number];
  /** How much of each there is, in any unit. */
  readonly mix: Readonly<Record<OperationKind, number>>;
}

export const operationKinds = ['get', 'pinnedGet', 'list', 'put', 'create', 'replace', 'delete'] as const;
export type OperationKind = (typeof operationKinds)[number];

export interface WorkloadOptions {
  readonly plan: WorkloadPlan;
  readonly kernel: Kernel;
  readonly http: SimHttp;
  readonly gateways: readonly SimGateway[];
  readonly replicaIds: readonly string[];
  readonly random: SeededRandom;
  readonly probes: Pick<Probes, 'sometimes'>;
}

interface Client {
  readonly id: string;
  readonly life: Life;
  /** The last revision it heard of, by key; 0: no such key. */
  readonly seen: Map<string, number>;
}

const keyPrefix = 'shelf/';
/** A client waits for its answer a little longer than it told the gateway to try. */
const graceMs = 200;
const listLimits = [1, 2, 5, 100] as const;
/** A client that has seen a page wants the next one, if there is more. */
const nextPageProbability = 0.8;

export class Workload {
  readonly operations: Operation[] = [];
  readonly clients: readonly Client[];
  readonly #options: WorkloadOptions;
  readonly #keys: readonly string[];
  #values = 0;
  #open = 0;
  #stopping = false;

  constructor(options: WorkloadOptions) {
    const { plan, kernel } = options;
    this.#options = options;
    this.#keys = Array.from({ length: plan.keys }, (_, position) => `${keyPrefix}${position + 1}`);
    this.clients = Array.from({ length: plan.clients }, (_, position) => {
      const id = `client:${position + 1}`;
      return { id, life: kernel.startLife(id, 1), seen: new Map() };
    });
  }

  get keys(): readonly string[] {
    return this.#keys;
  }

  /** Operations that were asked and have no outcome yet. */
  get open(): number {
    return this.#open;
  }

  start(): void {
    const { kernel } = this.#options;
    for (const client of this.clients) this.#work(client).catch((error) => kernel.fail(error));
  }

  /** No new operations. */
  stop(): void {
    this.#stopping = true;
  }

  /** One operation of its own, outside the mix. Rejects if the answer is none that there can be. */
  async perform(client: Client, request: Request, timeoutMs: number, gateway: SimGateway, replica?: string) {
    const parameters = [`timeout=${Math.ceil(timeoutMs)}ms`, ...(replica === undefined ? [] : [`replica=${replica}`])];
    const { kernel, http, probes } = this.#options;
    const invokedAt = kernel.now;
    this.#open++;
    const answer = await http.request(client.id, gateway, httpRequest(request, parameters), timeoutMs + graceMs);
    this.#open--;
    const cacheStatus = answer === 'lost' ? undefined : answer.headers['cache-status'];
    if (cacheStatus !== undefined) probes.sometimes(`cache: ${cacheStatus}`);
    const operation: Operation = {
      number: this.operations.length,
      client: client.id,
      request,
      invokedAt,
      returnedAt: kernel.now,
      outcome: outcomeOf(request, answer === 'lost' ? null : answer),
    };
    this.operations.push(operation);
    if (replica !== undefined && operation.outcome.type === 'answered') checkServedBy(replica, answer);
    kernel.trace.mixBytes(JSON.stringify(operation.outcome));
    learn(client, operation);
    return operation;
  }

  /** Says all along which one it is: none can be put together from others unnoticed. */
  newValue(): string {
    const name = `v${++this.#values}.`;
    const { plan, random } = this.#options;
    const bytes = random.integer(...plan.valueBytes);
    return name.repeat(Math.max(1, Math.round(bytes / name.length)));
  }

  async #work(client: Client): Promise<void> {
    const { plan, random, gateways, replicaIds } = this.#options;
    for (;;) {
      const thinkMs = random.next() * 2 * plan.thinkMs;
      await new Promise<void>((resolve) => client.life.clock.setTimer(thinkMs, resolve));
      if (this.#stopping) return;
      const kind = this.#kind();
      const replica = kind === 'pinnedGet' ? random.pick(replicaIds) : undefined;
      const timeoutMs = random.between(...plan.timeoutMs);
      const operation = await this.perform(
        client,
        this.#request(kind, client),
        timeoutMs,
        random.pick(gateways),
        replica,
      );
      await this.#followPages(client, operation, timeoutMs);
    }
  }

  async #followPages(client: Client, first: Operation, timeoutMs: number): Promise<void> {
    const { random, gateways } = this.#options;
    let { request } = first;
    let after = pageEnd(first);
    while (request.type === 'list' && after !== null && !this.#stopping && random.chance(nextPageProbability)) {
      request = { ...request, after };
      after = pageEnd(await this.perform(client, request, timeoutMs, random.pick(gateways)));
    }
  }

  #kind(): OperationKind {
    const { plan, random } = this.#options;
    const total = operationKinds.reduce((sum, kind) => sum + plan.mix[kind], 0);
    let left = random.next() * total;
    for (const kind of operationKinds) {
      left -= plan.mix[kind];
      if (left < 0) return kind;
    }
    return 'get';
  }

  #request(kind: OperationKind, client: Client): Request {
    const { random } = this.#options;
    const key = random.pick(this.#keys);
    const seen = client.seen.get(key) ?? 0;
    const matches = { type: 'matches', revision: seen } as const;
    switch (kind) {
      case 'get':
      case 'pinnedGet':
        return { type: 'get', key };
      case 'list':
        return { type: 'list', prefix: keyPrefix, limit: random.pick(listLimits) };
      case 'put':
        return { type: 'put', key, value: this.newValue(), condition: { type: 'none' } };
      case 'create':
        return { type: 'put', key, value: this.newValue(), condition: { type: 'absent' } };
      case 'replace':
        return { type: 'put', key, value: this.newValue(), condition: seen === 0 ? { type: 'absent' } : matches };
      case 'delete':
        return { type: 'delete', key, condition: seen > 0 && random.chance(0.5) ? matches : { type: 'none' } };
    }
  }
}

/** Null if there is no page behind it. */
function pageEnd({ outcome }: Operation): PageEnd | null {
  if (outcome.type !== 'answered' || outcome.reply.type !== 'listed') return null;
  const { items, cursor } = outcome.reply;
  const last = items.at(-1);
  return last === undefined || cursor === undefined ? null : { key: last.key, cursor };
}

function checkServedBy(replica: string, answer: HttpReply | 'lost'): void {
  const servedBy = answer === 'lost' ? 'nobody' : answer.headers['bazar-served-by'];
  if (servedBy !== replica) throw new Error(`${replica} was to answer, and ${servedBy} did`);
}

function learn({ seen }: Client, { request, outcome }: Operation): void {
  if (outcome.type !== 'answered') return;
  const { reply } = outcome;
  if (reply.type === 'listed') {
    for (const { key, modRevision } of reply.items) seen.set(key, modRevision);
    return;
  }
  if (request.type === 'list') return;
  switch (reply.type) {
    case 'got':
      seen.set(request.key, reply.item?.modRevision ?? 0);
      return;
    case 'put':
      seen.set(request.key, reply.revision);
      return;
    case 'conditionFailed':
      seen.set(request.key, reply.current);
      return;
    case 'deleted':
    case 'notFound':
      seen.set(request.key, 0);
      return;
  }
}
