/**
 * Clients of the shop: each does one thing after the other, at any gateway, and remembers what it asked and was told.
 */

import { httpRequest, outcomeOf } from '../history/http.ts';
import type { GetForm, Operation, PageEnd, Request } from '../history/operation.ts';
import type { StaleRead } from '../history/stale-reads.ts';
import type { SimGateway } from './gateway.ts';
import type { HttpReply, SimHttp } from './http.ts';
import type { Kernel } from './kernel.ts';
import type { Life } from './life.ts';
import type { ReadingPlan } from './plan-caching.ts';
import type { Probes } from './probes.ts';
import type { SeededRandom } from './random.ts';
import { type Directive, directives, ReadingNotes } from './workload-reading.ts';

export interface WorkloadPlan {
  readonly clients: number;
  readonly keys: number;
  /** Between an answer and the next request, on average. */
  readonly thinkMs: number;
  /** How long clients are ready to wait. */
  readonly timeoutMs: readonly [number, number];
  /** Of values, at least as long as it takes to tell them apart. */
  readonly valueBytes: readonly [number, number];
  readonly reading: ReadingPlan;
  /** How often a client, after what it did, asks for something that may be stale. */
  readonly staleProbability: number;
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
  /** For reads that may be stale. */
  readonly staleRandom: SeededRandom;
  readonly probes: Pick<Probes, 'sometimes'>;
}

/** Where and how an operation is asked for. */
interface Way {
  readonly gateway: SimGateway;
  readonly timeoutMs: number;
  /** Who has to answer it. */
  readonly replica?: string | undefined;
  readonly directive?: Directive | undefined;
}

interface Client {
  readonly id: string;
  readonly life: Life;
  /** The last revision it heard of, by key; 0: no such key. */
  readonly seen: Map<string, number>;
}

/** Lists of the first are kept, and show all keys; of the second, every other one; of the third none is kept. */
const prefixes = ['shelf/', 'shelf/low/', 'shelf/l'] as const;
/** A client waits for its answer a little longer than it told the gateway to try. */
const graceMs = 200;
const listLimits = [1, 3, 100] as const;
/** Whoever reads again does so where they read before. */
const sameGatewayProbability = 0.6;
/** A client that has seen a page wants the next one, if there is more. */
const nextPageProbability = 0.8;

export class Workload {
  readonly operations: Operation[] = [];
  /** Not among the operations: they may show what is past. */
  readonly staleReads: StaleRead[] = [];
  readonly clients: readonly Client[];
  readonly #options: WorkloadOptions;
  readonly #keys: readonly string[];
  /** How often each is written and read, in any unit. */
  readonly #weights: readonly number[];
  readonly #reading: ReadingNotes;
  #values = 0;
  #open = 0;
  #stopping = false;

  constructor(options: WorkloadOptions) {
    const { plan, kernel, probes } = options;
    this.#options = options;
    this.#reading = new ReadingNotes(probes);
    this.#keys = Array.from({ length: plan.keys }, (_, position) => `${prefixes[position % 2]}${position + 1}`);
    this.#weights = this.#keys.map((_, position) => plan.reading.skew ** -position);
    this.clients = Array.from({ length: plan.clients }, (_, position) => {
      const id = `client:${position + 1}`;
      return { id, life: kernel.startLife(id, 1), seen: new Map() };
    });
  }

  /** Reads that were answered. */
  get reads(): number {
    return this.#reading.reads;
  }

  /** Of them, those that a gateway answered from memory. */
  get hits(): number {
    return this.#reading.hits;
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
  async perform(client: Client, request: Request, { gateway, timeoutMs, replica, directive }: Way) {
    const parameters = [`timeout=${Math.ceil(timeoutMs)}ms`, ...(replica === undefined ? [] : [`replica=${replica}`])];
    const { kernel, http } = this.#options;
    const asked = httpRequest(request, parameters);
    const headers = directive === undefined ? asked.headers : { ...asked.headers, 'cache-control': directive };
    const invokedAt = kernel.now;
    this.#open++;
    this.#reading.begins(request);
    const where = isRead(request) ? this.#awake(gateway) : gateway;
    const answer = await http.request(client.id, where, { ...asked, headers }, timeoutMs + graceMs);
    this.#open--;
    this.#reading.ends(request, answer, directive);
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
    // What was in it is in the trace since it arrived.
    kernel.trace.mixBytes(answer === 'lost' ? answer : JSON.stringify([answer.status, answer.headers]));
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
      const request = this.#request(kind, client);
      const gateway = random.pick(gateways);
      const directive = replica === undefined && isRead(request) ? this.#directive() : undefined;
      const operation = await this.perform(client, request, { gateway, timeoutMs, replica, directive });
      await this.#readAgain(client, request, { gateway, timeoutMs });
      await this.#followPages(client, operation, timeoutMs);
      await this.#readStale(client, timeoutMs);
    }
  }

  #awake(gateway: SimGateway): SimGateway {
    return gateway.isAtRest ? (this.#options.gateways.find(({ isAtRest }) => !isAtRest) ?? gateway) : gateway;
  }

  /** Anything, at any gateway and by any replica; sometimes no older than what this client knows. */
  async #readStale(client: Client, timeoutMs: number): Promise<void> {
    const { plan, staleRandom: random, gateways, replicaIds, kernel, http } = this.#options;
    if (this.#stopping || !random.chance(plan.staleProbability)) return;
    const request: Request = random.chance(0.3)
      ? { type: 'list', prefix: random.pick(prefixes), limit: random.pick(listLimits) }
      : { type: 'get', key: random.pick(this.#keys) };
    const minRevision = random.chance(0.5) ? Math.max(0, ...client.seen.values()) : 0;
    const replica = random.chance(0.3) ? [`replica=${random.pick(replicaIds)}`] : [];
    const asked = httpRequest(request, ['consistency=stale', `timeout=${Math.ceil(timeoutMs)}ms`, ...replica]);
    const headers = { ...asked.headers, ...(minRevision > 0 ? { 'bazar-min-revision': `${minRevision}` } : {}) };
    const invokedAt = kernel.now;
    this.#open++;
    const answer = await http.request(client.id, random.pick(gateways), { ...asked, headers }, timeoutMs + graceMs);
    this.#open--;
    const outcome = outcomeOf(request, answer === 'lost' ? null : answer);
    const operation = { number: this.staleReads.length, client: client.id, request, invokedAt, returnedAt: kernel.now };
    this.staleReads.push({ operation: { ...operation, outcome }, minRevision, maxAgeMs: ageOf(answer) });
    this.#noteStale(outcome, minRevision, ageOf(answer));
  }

  #noteStale({ type }: Operation['outcome'], minRevision: number, ageMs: number | null): void {
    const { probes } = this.#options;
    if (type !== 'answered') {
      probes.sometimes('stale read: no answer');
      return;
    }
    probes.sometimes(`stale read: of ${ageMs === null ? 'unknown' : 'known'} age`);
    if (minRevision > 0) probes.sometimes('stale read: at a revision or later');
  }

  /** What was read, or the key that was written. */
  async #readAgain(client: Client, request: Request, { gateway, timeoutMs }: Way): Promise<void> {
    const { random, gateways, plan } = this.#options;
    const { againProbability, againMs } = plan.reading;
    while (random.chance(againProbability)) {
      const thinkMs = random.next() * 2 * againMs;
      await new Promise<void>((resolve) => client.life.clock.setTimer(thinkMs, resolve));
      if (this.#stopping) return;
      const where = random.chance(sameGatewayProbability) ? gateway : random.pick(gateways);
      const again = request.type === 'list' ? request : this.#get(request.key, client);
      await this.perform(client, again, { gateway: where, timeoutMs, directive: this.#directive() });
    }
  }

  #directive(): Directive | undefined {
    const { random, plan } = this.#options;
    return random.chance(plan.reading.directiveProbability) ? random.pick(directives) : undefined;
  }

  async #followPages(client: Client, first: Operation, timeoutMs: number): Promise<void> {
    const { random, gateways } = this.#options;
    let { request } = first;
    let after = pageEnd(first);
    while (request.type === 'list' && after !== null && !this.#stopping && random.chance(nextPageProbability)) {
      request = { ...request, after };
      after = pageEnd(await this.perform(client, request, { gateway: random.pick(gateways), timeoutMs }));
    }
  }

  #kind(): OperationKind {
    const { mix } = this.#options.plan;
    return this.#pick(
      operationKinds,
      operationKinds.map((kind) => mix[kind]),
    );
  }

  /** As often as their weights say. */
  #pick<One>(some: readonly One[], weights: readonly number[]): One {
    let left = this.#options.random.next() * weights.reduce((sum, weight) => sum + weight, 0);
    const place = weights.findIndex((weight) => {
      left -= weight;
      return left < 0;
    });
    return some.at(place) as One;
  }

  #get(key: string, client: Client): Request {
    const { random, plan } = this.#options;
    if (!random.chance(plan.reading.formProbability)) return { type: 'get', key };
    const revision = client.seen.get(key) ?? 0;
    const form: GetForm = revision === 0 || random.chance(0.5) ? { type: 'head' } : { type: 'unlessAt', revision };
    return { type: 'get', key, form };
  }

  #request(kind: OperationKind, client: Client): Request {
    const { random } = this.#options;
    const key = this.#pick(this.#keys, this.#weights);
    const seen = client.seen.get(key) ?? 0;
    const matches = { type: 'matches', revision: seen } as const;
    switch (kind) {
      case 'get':
      case 'pinnedGet':
        return this.#get(key, client);
      case 'list':
        return { type: 'list', prefix: random.pick(prefixes), limit: random.pick(listLimits) };
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

function isRead({ type }: Request): boolean {
  return type === 'get' || type === 'list';
}

/** Null if there is no page behind it. */
function pageEnd({ outcome }: Operation): PageEnd | null {
  if (outcome.type !== 'answered' || outcome.reply.type !== 'listed') return null;
  const { items, cursor } = outcome.reply;
  const last = items.at(-1);
  return last === undefined || cursor === undefined ? null : { key: last.key, cursor };
}

/** Null: unknown, or there was no answer. */
function ageOf(answer: HttpReply | 'lost'): number | null {
  const text = answer === 'lost' ? undefined : answer.headers['bazar-max-staleness-ms'];
  return text === undefined || text === 'unknown' ? null : Number(text);
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
    case 'checked':
      seen.set(request.key, reply.current);
      return;
    case 'deleted':
    case 'notFound':
      seen.set(request.key, 0);
      return;
  }
}
