/** Random commands of the catalog that have something to do with each other: made for the state that the model holds. */
import type { Index } from '../../src/raft/types.ts';
import type { Collection, IndexDefinition } from '../../src/store/collection.ts';
import type { Command, SessionStamp } from '../../src/store/command.ts';
import type { JsonObject } from '../../src/store/json.ts';
import { termsOf } from '../../src/store/terms.ts';
import type {
  Compare,
  Idempotency,
  KnownDocument,
  Operation,
  Target,
  Transaction,
} from '../../src/store/transaction.ts';
import { transactionProblem } from '../../src/store/transaction-problem.ts';
import type { CatalogModel } from './catalog-model.ts';
import type { ModelQuery } from './catalog-model-queries.ts';
import type { SeededRandom } from './random.ts';
import { randomSearch } from './random-search.ts';

const collections = ['books', 'orders'] as const;
const ids = ['1', '2', '3', '4', '5', 'ä'] as const;
const keys = ['cart/1', 'cart/2', 'cart/3', 'count', 'lock'] as const;
const indexes: readonly IndexDefinition[] = [
  { field: 'topic', kind: 'term' },
  { field: 'title', kind: 'words' },
  { field: 'title', kind: 'term' },
  { field: 'price', kind: 'number' },
  { field: 'stock', kind: 'number' },
];
const words = ['deep', 'sea', 'Red', 'tea', 'sets'] as const;
const topics = ['systems', 'nature', 'Art'] as const;
const ttls = [null, null, 5, 300, 60_000] as const;

export function randomDocument(random: SeededRandom, id: string): JsonObject {
  const topic = random.below(4) === 0 ? [random.pick(topics), random.pick(topics)] : random.pick(topics);
  const title = `${random.pick(words)} ${random.pick(words)}`;
  return { id, title, topic, price: random.below(5), ...(random.below(5) === 0 ? {} : { stock: random.below(9) }) };
}

export class CatalogHistory {
  readonly #random: SeededRandom;
  readonly #model: CatalogModel;
  readonly #sent: Command[] = [];
  #session = 0 as Index;
  #sequence = 0;

  constructor(random: SeededRandom, model: CatalogModel) {
    this.#random = random;
    this.#model = model;
  }

  /** For the entry at this index; the model has applied all before it. */
  next(at: Index): Command {
    const random = this.#random;
    const dice = random.below(100);
    if (this.#session === 0 || dice === 0) {
      this.#session = at;
      this.#sequence = 0;
      return { type: 'openSession' };
    }
    if (dice < 6 && this.#sent.length > 0) return random.pick(this.#sent.slice(-20));
    const command = this.#new(dice);
    if ('stamp' in command) this.#sent.push(command);
    return command;
  }

  /** Any question, of what may be there. */
  query(): ModelQuery {
    const random = this.#random;
    const collection = random.pick(collections);
    switch (random.below(8)) {
      case 0:
        return { type: 'get', key: random.pick(keys), withValue: random.below(2) === 0 };
      case 1:
        return { type: 'list', prefix: random.pick(['', 'c']), after: null, limit: 2, keysOnly: random.below(2) === 0 };
      case 2:
        return { type: 'document', collection, id: random.pick(ids), withJson: random.below(2) === 0 };
      case 3:
        return random.below(2) === 0 ? { type: 'collection', name: collection } : { type: 'collections' };
      default: {
        const definition = this.#model.collections.at(collection)?.modRevision ?? (1 as Index);
        return { type: 'search', definition, search: randomSearch(random, collection) };
      }
    }
  }

  #new(dice: number): Command {
    if (dice < 12) return this.#define();
    if (dice < 22) return this.#tick();
    if (dice < 30) return this.#write();
    for (;;) {
      const transaction = this.#transaction();
      if (transactionProblem(transaction) !== null) continue;
      return { type: 'transaction', stamp: this.#stamp(), idempotency: this.#idempotency(), transaction };
    }
  }

  #stamp(): SessionStamp {
    this.#sequence += 1;
    const lowestUnanswered = Math.max(1, this.#sequence - 10);
    return { session: this.#session, sequence: this.#sequence, lowestUnanswered };
  }

  #idempotency(): Idempotency | null {
    const random = this.#random;
    if (random.below(3) > 0) return null;
    return { key: `request ${random.below(40)}`, fingerprint: Buffer.alloc(32, random.below(2)) };
  }

  #define(): Command {
    const random = this.#random;
    const name = random.pick(collections);
    const isDropped = random.below(8) === 0;
    const wanted = indexes.filter(() => random.below(3) > 0);
    const definition = isDropped ? null : { idField: random.below(20) === 0 ? 'number' : 'id', indexes: wanted };
    const replaces = random.pick([null, null, 0, this.#model.collections.at(name)?.modRevision ?? 0]);
    return { type: 'define', stamp: this.#stamp(), name, definition, replaces };
  }

  /** What is over by then, and some of what is not, or not at that revision. */
  #tick(): Command {
    const random = this.#random;
    const stampMs = this.#model.timeMs + random.pick([-5, 0, 1, 10, 400]) + 1_000;
    const some = this.#targets().filter(() => random.below(2) === 0);
    const expired = some.map(({ target, modRevision }) => ({
      target,
      modRevision: (random.below(5) === 0 ? 1 : modRevision) as Index,
    }));
    return { type: 'tick', stampMs, expired, forgotten: [] };
  }

  #targets(): readonly { readonly target: Target; readonly modRevision: number }[] {
    const model = this.#model;
    const ofKeys = model.values.all.map(([key, { modRevision }]) => {
      return { target: { type: 'key', key } as const, modRevision };
    });
    const ofDocuments = model.collections.all.flatMap(([name, collection]) =>
      model.documentsOf(collection).map(([id, { modRevision }]) => {
        return { target: { type: 'document', collection: name, id } as const, modRevision };
      }),
    );
    return [...ofKeys, ...ofDocuments];
  }

  #write(): Command {
    const random = this.#random;
    const precondition = { ifMatch: null, ifNoneMatch: random.below(3) === 0 ? ('*' as const) : null };
    const key = random.pick(keys);
    if (random.below(3) === 0) return { type: 'delete', stamp: this.#stamp(), key, precondition };
    const value = Buffer.from(random.pick(['{"number":3}', 'text', '[1]']));
    return { type: 'put', stamp: this.#stamp(), key, value, contentType: 'text/plain', precondition };
  }

  #transaction(): Transaction {
    const random = this.#random;
    const several = <T>(atMost: number, make: () => T) => Array.from({ length: random.below(atMost + 1) }, make);
    const compares = several(2, () => this.#compare());
    return { compares, then: several(4, () => this.#operation()), otherwise: several(2, () => this.#operation()) };
  }

  #target(): Target {
    const random = this.#random;
    if (random.below(3) === 0) return { type: 'key', key: random.pick(keys) };
    return { type: 'document', collection: random.pick(collections), id: random.pick(ids) };
  }

  #compare(): Compare {
    const random = this.#random;
    const target = this.#target();
    const is = random.pick(['=', '!=', '<', '<=', '>', '>='] as const);
    switch (random.below(4)) {
      case 0:
        return { of: 'exists', target, is: random.below(2) === 0 };
      case 1:
        return {
          of: random.pick(['version', 'modRevision', 'createRevision'] as const),
          target,
          is,
          number: random.below(4),
        };
      case 2:
        return {
          of: 'value',
          key: random.pick(keys),
          is: random.pick(['=', '!='] as const),
          value: Buffer.from('text'),
        };
      default:
        return { of: 'field', target, field: random.pick(['stock', 'price', 'number']), is, scalar: random.below(6) };
    }
  }

  #operation(): Operation {
    const random = this.#random;
    const target = this.#target();
    switch (random.below(9)) {
      case 0:
        return { type: 'get', target };
      case 1: {
        const after = random.pick([null, null, 'cart/1']);
        return {
          type: 'range',
          prefix: random.pick(['', 'cart/']),
          after,
          limit: 1 + random.below(3),
          keysOnly: random.below(2) === 0,
        };
      }
      case 2: {
        const value = Buffer.from(random.pick(['{"number":1,"price":2}', 'text']));
        return { type: 'put', key: random.pick(keys), value, contentType: 'text/plain', ttlMs: random.pick(ttls) };
      }
      case 3:
      case 4:
        return this.#putDocument();
      case 5:
        return this.#patch(target);
      case 6: {
        const min = random.pick([null, 0]);
        const field = random.pick(['stock', 'price', 'number', 'id']);
        return { type: 'add', target, field, amount: random.pick([-1, 2, 0.5]), min, max: random.pick([null, 8]) };
      }
      case 7:
        return { type: 'delete', target, known: target.type === 'key' ? null : this.#known(target, null) };
      default:
        return { type: 'deleteRange', prefix: random.pick(['cart/', 'cart/2', 'x']) };
    }
  }

  #putDocument(): Operation {
    const random = this.#random;
    const [collection, id] = [random.pick(collections), random.pick(ids)];
    const object = randomDocument(random, id);
    const known = this.#known({ type: 'document', collection, id }, object);
    const basis = { ...this.#basis(collection, object), known };
    const json = Buffer.from(JSON.stringify(object));
    return { type: 'putDocument', collection, id, json, ttlMs: random.pick(ttls), basis };
  }

  #patch(target: Target): Operation {
    const random = this.#random;
    const fresh = randomDocument(random, target.type === 'key' ? 'k' : random.below(9) === 0 ? 'other' : target.id);
    const named = Object.entries(fresh).filter(() => random.below(2) === 0);
    const patch = Object.fromEntries(named.map(([name, value]) => [name, random.below(4) === 0 ? null : value]));
    const basis = target.type === 'key' ? null : this.#basis(target.collection, patch);
    return { type: 'patch', target, json: Buffer.from(JSON.stringify(patch)), basis };
  }

  /** Now and then of an older definition. */
  #basis(name: string, object: JsonObject) {
    const collection = this.#model.collections.at(name);
    const definition = (this.#random.below(20) === 0 ? 1 : (collection?.modRevision ?? 1)) as Index;
    return { definition, terms: termsOf(object, collection?.indexes ?? []) };
  }

  /** Null half of the time; else what is there, or nearly. */
  #known(target: Extract<Target, { type: 'document' }>, next: JsonObject | null): KnownDocument | null {
    const random = this.#random;
    const collection = this.#model.collections.at(target.collection);
    if (collection === null || random.below(2) === 0) return null;
    const stored = this.#model.document(collection, target.id);
    if (stored === null) return { revision: random.below(10) === 0 ? 3 : 0, terms: [], changed: [] };
    const before = JSON.parse(Buffer.from(stored.json).toString()) as JsonObject;
    const names = Object.keys({ ...before, ...(next ?? {}) }).sort();
    const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(next?.[name]));
    const terms = this.#termsOf(collection, before);
    if (random.below(10) > 0) return { revision: stored.modRevision, terms, changed };
    return { revision: stored.modRevision - random.below(2), terms: terms.slice(1), changed: changed.slice(1) };
  }

  #termsOf(collection: Collection, object: JsonObject) {
    return termsOf(object, collection.indexes);
  }
}
