/**
 * Random documents, writes and searches over the real state machine, through a reader that keeps what it is given: every answer
 * is held against what a replica says of the same question at the same moment.
 */
import { Cache } from '../../../src/gateway/cache/cache.ts';
import { noDirectives } from '../../../src/gateway/cache-control.ts';
import { CachedReader } from '../../../src/gateway/cached-reader.ts';
import { copyOf } from '../../../src/gateway/cached-result.ts';
import { Coherence } from '../../../src/gateway/coherence.ts';
import { type CatalogQuery, createDirectReader, type Result, type SearchQuery } from '../../../src/gateway/store.ts';
import { Validator } from '../../../src/gateway/validator.ts';
import type { Filter, Index, IndexKind } from '../../../src/store/client.ts';
import type { Command } from '../../../src/store/command.ts';
import type { JsonObject } from '../../../src/store/json.ts';
import { type Touches, touchesOf } from '../../../src/store/touch.ts';
import { systemClock } from '../../../src/system-clock.ts';
import type { SeededRandom } from '../../raft/seeded-random.ts';
import { type Known, MachineClient } from './machine-client.ts';

export interface CatalogReport {
  readonly wrong: string | null;
  readonly hits: number;
  readonly joined: number;
  readonly answers: number;
}

/** What was asked, and what was answered. */
interface Told {
  readonly told: string;
  readonly shown: string;
}

const options = { timeoutMs: 5000, directives: noDirectives };

const indexes = [
  { field: 'topic', kind: 'term' },
  { field: 'title', kind: 'words' },
  { field: 'price', kind: 'number' },
  { field: 'stock', kind: 'number' },
] as const;

const fields = ['id', 'topic', 'title', 'price', 'stock', 'note'] as const;
const ids = ['1', '2', '3', '4', '5', '6'] as const;
const topics = ['systems', 'nature', 'art'] as const;
const words = ['a', 'b', 'c'] as const;
const numbers = [0, 1, 2.5] as const;

export async function runCatalogModel(
  random: SeededRandom,
  steps: number,
  touchOf: (command: Command) => Touches = touchesOf,
): Promise<CatalogReport> {
  const world = await World.start(random, touchOf);
  for (let step = 0; step < steps && world.wrong === null; step += 1) await world.step();
  const { wrong, hits, joined, answers } = world;
  return { wrong, hits, joined, answers };
}

class World {
  wrong: string | null = null;
  hits = 0;
  joined = 0;
  answers = 0;
  readonly #random: SeededRandom;
  readonly #client: MachineClient;
  readonly #cached: CachedReader;
  readonly #known = new Map<string, Known & { readonly ttl: boolean }>();
  /** Asked again and again. */
  readonly #questions: CatalogQuery[] = [];
  #definition = 0 as Index;
  #timeMs = 1000;

  private constructor(random: SeededRandom, client: MachineClient) {
    this.#random = random;
    this.#client = client;
    const coherence = new Coherence({ lineage: 'a-cluster', onAdvance: (published) => validator.advanced(published) });
    const validator = new Validator({
      clock: systemClock,
      readIndex: () => client.readIndex(),
      published: () => coherence.published,
      onBehind() {},
      onProof() {},
    });
    const stream = client.follow({
      begin: (streamId) => coherence.follow(streamId),
      receive: (message) => coherence.receive(message),
      granted() {},
      refused() {},
    });
    this.#cached = new CachedReader({
      client,
      cache: new Cache<Result>({ cacheBytes: 4 * 1024 * 1024 }, copyOf),
      coherence,
      lease: { usable: true },
      validator,
      clock: systemClock,
      stream,
      metrics: { filled() {} },
      id: 'g1',
    });
  }

  static async start(random: SeededRandom, touchOf: (command: Command) => Touches): Promise<World> {
    const client = await MachineClient.start();
    client.touchesOf = touchOf;
    const world = new World(random, client);
    await world.#define(true);
    await client.apply({ type: 'tick', stampMs: world.#timeMs, expired: [], forgotten: [] });
    return world;
  }

  async step(): Promise<void> {
    const random = this.#random;
    if (random.chance(0.2)) await this.#race();
    else if (random.chance(0.3)) await this.#write();
    else for (let reads = random.integer(1, 6); reads > 0 && this.wrong === null; reads -= 1) await this.#read();
  }

  async #define(isWhole: boolean): Promise<void> {
    const { modRevision } = await this.#client.define('c', isWhole ? indexes : indexes.slice(0, 3));
    this.#definition = modRevision;
  }

  async #write(): Promise<void> {
    const random = this.#random;
    const id = random.pick(ids);
    const before = this.#known.get(id);
    const { stock } = before?.document ?? {};
    const chance = random.next();
    if (chance < 0.005) {
      await this.#client.drop('c');
      this.#known.clear();
      await this.#define(true);
    } else if (chance < 0.02) {
      // Without an index, so that none has to be built.
      await this.#define(false);
    } else if (chance < 0.08) {
      await this.#expire();
    } else if (before === undefined) {
      const isStated = random.chance(0.8);
      await this.#put(id, this.#document(id), isStated ? null : undefined);
    } else if (chance < 0.25) {
      await this.#client.remove('c', id, random.chance(0.8) ? before : undefined);
      this.#known.delete(id);
    } else if (chance < 0.45) {
      const patch = this.#patch();
      await this.#patched(id, before, await this.#client.patch('c', id, patch), patch);
    } else if (chance < 0.6 && typeof stock === 'number') {
      await this.#patched(id, before, await this.#client.add('c', id, 'stock', 1), { stock: stock + 1 });
    } else {
      const document = random.chance(0.7) ? this.#merged(before.document, this.#patch()) : this.#document(id);
      await this.#put(id, document, random.chance(0.8) ? before : undefined);
    }
  }

  async #put(id: string, document: JsonObject, known: Known | null | undefined): Promise<void> {
    const ttl = this.#random.chance(0.2);
    const revision = await this.#client.put('c', id, document, known, ttl ? 1000 : null);
    this.#known.set(id, { revision, document, ttl });
  }

  async #patched(id: string, before: Known & { readonly ttl: boolean }, revision: number, patch: JsonObject) {
    this.#known.set(id, { revision, document: this.#merged(before.document, patch), ttl: before.ttl });
  }

  async #expire(): Promise<void> {
    const due = [...this.#known].filter(([, { ttl }]) => ttl).slice(0, 2);
    this.#timeMs += 10_000;
    const expired = due.map(([id, { revision }]) => {
      return { target: { type: 'document', collection: 'c', id } as const, modRevision: revision as Index };
    });
    await this.#client.apply({ type: 'tick', stampMs: this.#timeMs, expired, forgotten: [] });
    for (const [id] of due) this.#known.delete(id);
  }

  #document(id: string): JsonObject {
    return this.#merged({ id }, { ...this.#patch(), ...this.#patch(), ...this.#patch() });
  }

  #merged(document: JsonObject, patch: JsonObject): JsonObject {
    return Object.fromEntries(Object.entries({ ...document, ...patch }).filter(([, value]) => value !== null));
  }

  #patch(): JsonObject {
    const random = this.#random;
    const several = <T>(items: readonly T[]) => items.filter(() => random.chance(0.5));
    switch (random.pick(fields.slice(1))) {
      case 'topic':
        return { topic: random.pick([...topics, null, several(topics)]) };
      case 'title':
        return { title: random.pick([...words, 'a b', 'b c', null]) };
      case 'price':
        return { price: random.pick([...numbers, null, several(numbers)]) };
      case 'stock':
        return { stock: random.pick(numbers) };
      default:
        return { note: random.pick(words) };
    }
  }

  async #read(): Promise<void> {
    const query = this.#someQuery();
    const [answer, expected] = [await this.#ask(query), await this.#plain(query)];
    if (answer.shown !== expected) this.wrong = `${answer.told}: ${answer.shown}, and not ${expected}`;
  }

  /** Reads begin before, while and after something is written, and what they fetch comes late. */
  async #race(): Promise<void> {
    const queries = Array.from({ length: 4 }, () => this.#someQuery());
    const before = await Promise.all(queries.map((query) => this.#plain(query)));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#client.held = promise;
    const early = queries.map((query) => this.#ask(query));
    for (let turn = this.#random.integer(0, 20); turn > 0; turn -= 1) await null;
    const write = this.#write();
    const meanwhile = queries.map((query) => this.#ask(query));
    await write;
    const late = queries.map((query) => this.#ask(query));
    this.#client.held = null;
    resolve();
    const after = await Promise.all(queries.map((query) => this.#plain(query)));
    const check = (answer: Told, expected: readonly (string | undefined)[]) => {
      if (expected.includes(answer.shown)) return;
      this.wrong = `${answer.told}, beside a write: ${answer.shown}, and not ${expected.join(' or ')}`;
    };
    for (const [nth, answer] of (await Promise.all(early)).entries()) check(answer, [before[nth], after[nth]]);
    for (const [nth, answer] of (await Promise.all(meanwhile)).entries()) check(answer, [before[nth], after[nth]]);
    for (const [nth, answer] of (await Promise.all(late)).entries()) check(answer, [after[nth]]);
  }

  #someQuery(): CatalogQuery {
    const random = this.#random;
    if (this.#questions.length < 40) this.#questions.push(this.#question());
    else if (random.chance(0.05)) this.#questions[random.integer(0, 39)] = this.#question();
    const asked = random.pick(this.#questions);
    return asked.type === 'search' ? { ...asked, definition: this.#definition } : asked;
  }

  async #ask(query: CatalogQuery): Promise<Told> {
    const { outcome, cacheStatus, cacheResult } = await this.#cached.read(query, options);
    this.answers += 1;
    if (cacheResult === 'hit') this.hits += 1;
    if (cacheResult === 'collapsed') this.joined += 1;
    return {
      told: `${JSON.stringify(query)}, ${cacheStatus}`,
      shown: outcome.type === 'done' ? shown(outcome.result) : outcome.type,
    };
  }

  async #plain(query: CatalogQuery): Promise<string> {
    const { outcome } = await createDirectReader(this.#client).read(query, options);
    return outcome.type === 'done' ? shown(outcome.result) : outcome.type;
  }

  #question(): CatalogQuery {
    const random = this.#random;
    if (random.chance(0.25))
      return {
        type: 'document',
        collection: random.pick(['c', 'c', 'd']),
        id: random.pick(ids),
        withJson: random.chance(0.7),
      };
    const sort = random.chance(0.3) ? { field: random.pick(['price', 'stock']), descending: random.chance(0.5) } : null;
    const search: SearchQuery['search'] = {
      collection: 'c',
      filters: Array.from({ length: random.pick([0, 1, 1, 2]) }, () => this.#filter()),
      sort,
      after: random.chance(0.2)
        ? { sortValue: sort === null ? null : random.pick(numbers), id: random.pick(ids) }
        : null,
      limit: random.pick([1, 2, 100]),
      fields: random.pick([null, ['id'], ['topic', 'note'], ['price', 'stock'], this.#manyFields()]),
      count: random.chance(0.3),
    };
    return { type: 'search', definition: 0 as Index, search };
  }

  /** With more than some documents these are more pairs than are told one by one. */
  #manyFields(): readonly string[] {
    return [...fields, ...Array.from({ length: 58 }, (_, nth) => `none${nth}`)];
  }

  #filter(): Filter {
    const random = this.#random;
    const kind: IndexKind = random.pick(['term', 'words', 'number']);
    switch (kind) {
      case 'term':
        return random.chance(0.7)
          ? { field: 'topic', type: 'term', term: random.pick(topics) }
          : { field: 'topic', type: 'contains', text: random.pick(['s', 'ar', 'tur']) };
      case 'words':
        return { field: 'title', type: 'words', words: random.pick([['a'], ['b'], ['b', 'c']]) };
      case 'number': {
        const [min, max] = [random.pick([...numbers, null]), random.pick([...numbers, null])];
        const exclusive = { minExclusive: random.chance(0.2), maxExclusive: random.chance(0.2) };
        return { field: random.pick(['price', 'stock']), type: 'number', min, max, ...exclusive };
      }
    }
  }
}

/** Without what is not shown, and the revision, which is that of the question's moment. */
function shown(result: Result): string {
  if (result.type === 'search') return result.rest.toString();
  return JSON.stringify(result, (name, value) => {
    if (name === 'revision') return undefined;
    return value instanceof Uint8Array ? Buffer.from(value).toString() : value;
  });
}
