/** Clients of the catalog: each does one thing after the other, at any gateway, and remembers what it asked and was told. */
import { canonical } from '../../store/canonical.ts';
import type { Services, SimGateway } from '../gateway.ts';
import type { Kernel } from '../kernel.ts';
import type { Life } from '../life.ts';
import type { Probes } from '../probes.ts';
import type { SeededRandom } from '../random.ts';
import { ask, carryOut } from './access.ts';
import { books, type Knowledge, orders } from './books.ts';
import type { CatalogOperation, CatalogOutcome } from './operation.ts';
import { type CatalogKind, type CatalogPlan, catalogKinds } from './plan.ts';
import { type Request, Requests } from './requests.ts';
import type { WriteOf } from './writes.ts';

export interface CatalogOptions {
  readonly plan: CatalogPlan;
  readonly kernel: Kernel;
  readonly gateways: readonly SimGateway[];
  readonly random: SeededRandom;
  readonly probes: Pick<Probes, 'sometimes'>;
}

interface Client {
  readonly id: string;
  readonly life: Life;
  readonly knowledge: Knowledge;
}

/** Of a request that was never answered, before another client would have given up. */
const attemptsMax = 12;
const retryMs = 30;
const againMs = 20;
const burstsMax = 25;
const burstMs = 20;
const buildsMax = 60;
const buildMs = 10;

export class CatalogClients {
  readonly operations: CatalogOperation[] = [];
  readonly #options: CatalogOptions;
  readonly #requests: Requests;
  readonly #clients: readonly Client[];
  #marks = 0;
  #open = 0;
  #asked = 0;
  #stopping = false;

  constructor(options: CatalogOptions) {
    const { plan, kernel, random } = options;
    this.#options = options;
    this.#requests = new Requests(plan, random, () => ++this.#marks);
    this.#clients = Array.from({ length: plan.clients }, (_, place) => {
      const id = `catalog:${place + 1}`;
      return { id, life: kernel.startLife(id, 1), knowledge: { collections: new Map(), documents: new Map() } };
    });
  }

  /** Operations that were asked and have no outcome yet. */
  get open(): number {
    return this.#open;
  }

  start(): void {
    const { kernel } = this.#options;
    for (const client of this.#clients) this.#work(client).catch((error) => kernel.fail(error));
  }

  /** No new operations. */
  stop(): void {
    this.#stopping = true;
  }

  async #work(client: Client): Promise<void> {
    const { plan, random } = this.#options;
    while (!this.#stopping) {
      await this.#pause(client, random.next() * 2 * plan.thinkMs);
      if (this.#stopping) return;
      if (!(await this.#isReady(client))) continue;
      const kind = this.#kind();
      const gateway = random.pick(this.#options.gateways);
      if (kind === 'build') await this.#builds(client, gateway);
      else if (kind === 'burst') await this.#bursts(client, gateway);
      else await this.#together(client, kind, gateway);
    }
  }

  /** An index after the other is begun while the one before is being built, and documents are written all along. */
  async #bursts(client: Client, gateway: SimGateway): Promise<void> {
    const { random } = this.#options;
    for (let left = random.integer(1, burstsMax); left > 0 && !this.#stopping; left--) {
      await this.#together(client, 'burst', gateway);
      await this.#pause(client, random.next() * 2 * burstMs);
    }
  }

  /** As soon as an index is begun the next one is, and in the very moment before documents are written. */
  async #builds(client: Client, gateway: SimGateway): Promise<void> {
    const { random } = this.#options;
    for (let left = buildsMax; left > 0 && !this.#stopping; left--) {
      if (!(await this.#isReady(client))) return;
      const requests = this.#requests.draw('burst', client.knowledge) ?? [];
      await Promise.all(requests.map((request) => this.#once(client, request, gateway)));
      await this.#pause(client, random.next() * buildMs);
    }
  }

  async #together(client: Client, kind: CatalogKind, gateway: SimGateway): Promise<void> {
    const requests = this.#requests.draw(kind, client.knowledge) ?? [];
    await Promise.all(requests.map((request) => this.#carryOut(client, request, gateway)));
  }

  /** It knows the collections; whoever comes first makes them. */
  async #isReady(client: Client): Promise<boolean> {
    const { collections } = client.knowledge;
    for (const name of [books, orders]) {
      if (!collections.has(name)) await this.#once(client, { type: 'query', query: { type: 'collection', name } });
      if (collections.get(name) !== null) continue;
      await this.#once(client, { type: 'write', write: this.#requests.setUp(name) });
      collections.delete(name);
    }
    if (!client.knowledge.documents.has('b1')) {
      const write = collections.get(orders) ? this.#requests.stockUp(client.knowledge) : null;
      if (write !== null && (await this.#untilAnswered(client, write))) client.knowledge.documents.set('b1', null);
    }
    return client.knowledge.documents.has('b1');
  }

  async #carryOut(client: Client, request: Request, gateway: SimGateway): Promise<void> {
    const { plan, random } = this.#options;
    if (request.type === 'write' && request.write.type === 'transaction' && request.write.idempotency !== null) {
      await this.#untilAnswered(client, request.write, gateway);
      if (random.chance(plan.repeatProbability)) {
        this.#options.probes.sometimes('catalog: a request is made again though it was answered');
        await this.#once(client, request);
      }
    } else {
      await this.#once(client, request, gateway);
    }
    while (random.chance(plan.againProbability) && !this.#stopping) {
      await this.#pause(client, random.next() * 2 * againMs);
      const again = request.type === 'query' ? request : this.#requests.search(client.knowledge);
      if (again === null) return;
      await this.#once(client, again, random.chance(0.6) ? gateway : random.pick(this.#options.gateways));
    }
  }

  /** At one gateway after the other. Answers whether it was done. */
  async #untilAnswered(client: Client, write: WriteOf, first?: SimGateway): Promise<boolean> {
    let gateway = first;
    for (let attempt = 0; attempt < attemptsMax && !this.#stopping; attempt++) {
      const { outcome } = await this.#once(client, { type: 'write', write }, gateway);
      if (outcome.type === 'result') return outcome.result.type === 'transaction';
      gateway = this.#options.random.pick(this.#options.gateways);
      await this.#pause(client, retryMs);
    }
    return false;
  }

  async #once(client: Client, request: Request, at?: SimGateway): Promise<CatalogOperation> {
    const { kernel, random, plan, gateways } = this.#options;
    const gateway = awake(at ?? random.pick(gateways), gateways);
    const timeoutMs = random.between(...plan.timeoutMs);
    const invokedAt = kernel.now;
    const number = ++this.#asked;
    this.#open++;
    const outcome = await this.#outcomeOf(gateway, request, timeoutMs);
    this.#open--;
    const operation = { number, client: client.id, asked: request, invokedAt, returnedAt: kernel.now, outcome };
    this.operations.push(operation);
    kernel.trace.mixBytes(canonical(outcome));
    learn(client.knowledge, operation);
    return operation;
  }

  async #outcomeOf(gateway: SimGateway, request: Request, timeoutMs: number): Promise<CatalogOutcome> {
    const { kernel, probes, random, plan } = this.#options;
    const manner = { isDirect: random.chance(plan.directProbability), timeoutMs };
    const question = (services: Services) => carryOut(services, request, manner);
    const outcome = await ask(kernel, gateway, timeoutMs, question);
    if (outcome === 'lost') return { type: request.type === 'write' ? 'unknown' : 'notApplied' };
    if (outcome.type === 'result') probes.sometimes(`catalog: ${probeOf(outcome.result)}`);
    if ('isHit' in outcome && outcome.isHit && request.type === 'query') {
      probes.sometimes(`catalog: a hit for a ${request.query.type}`);
    }
    return outcome;
  }

  #pause(client: Client, delayMs: number): Promise<void> {
    return new Promise((resolve) => client.life.clock.setTimer(delayMs, resolve));
  }

  #kind(): CatalogKind {
    const { plan, random } = this.#options;
    let left = random.next() * catalogKinds.reduce((sum, kind) => sum + plan.mix[kind], 0);
    const kind = catalogKinds.find((each) => {
      left -= plan.mix[each];
      return left < 0;
    });
    return kind ?? 'query';
  }
}

/** At one that rests nobody is to read. */
function awake(gateway: SimGateway, gateways: readonly SimGateway[]): SimGateway {
  return gateway.isAtRest ? (gateways.find(({ isAtRest }) => !isAtRest) ?? gateway) : gateway;
}

function probeOf(result: Extract<CatalogOutcome, { type: 'result' }>['result']): string {
  if (result.type === 'transactionFailed') return `a transaction failed: ${result.reason}`;
  if (result.type !== 'transaction') return result.type;
  return result.replayed ? 'a first answer was given again' : `a transaction took its ${result.succeeded} branch`;
}

function learn({ collections, documents }: Knowledge, { asked, outcome }: CatalogOperation): void {
  if (outcome.type === 'answer') {
    const { answer } = outcome;
    if (answer.type === 'collection' && asked.type === 'query' && asked.query.type === 'collection') {
      collections.set(asked.query.name, answer.collection);
    }
    if (answer.type === 'document' && asked.type === 'query' && asked.query.type === 'document') {
      documents.set(asked.query.id, answer.document);
    }
    if (answer.type === 'search' && answer.result.type !== 'found') collections.delete(books);
    return;
  }
  if (outcome.type !== 'result') return;
  const { result } = outcome;
  if (result.type === 'defined') collections.delete(books);
  if (result.type !== 'transactionFailed') return;
  if (result.reason === 'definitionChanged' || result.reason === 'noCollection') {
    collections.clear();
  } else if (result.reason === 'revisionChanged' || result.reason === 'termsDiffer') {
    // What is not known any more is not stated; it has to be read first.
    for (const id of documents.keys()) if (id !== 'b1') documents.delete(id);
  }
}
