/** What a client asks for next. Null: it has to know more first. */
import type { Query } from '../../../src/store/command.ts';
import type { SearchQuery } from '../../../src/store/search-query.ts';
import type { Compare, Operation } from '../../../src/store/transaction.ts';
import type { ModelQuery } from '../../store/catalog-model-queries.ts';
import type { SeededRandom } from '../random.ts';
import {
  basisOf,
  books,
  bytesOf,
  definitionOf,
  drawBook,
  drawPatch,
  drawSearch,
  type Knowledge,
  knownOf,
  orders,
  putBook,
  scarceBook,
} from './books.ts';
import type { CatalogKind, CatalogPlan } from './plan.ts';
import { lockPrefix, type Parts, transactionOf, type WriteOf } from './writes.ts';

export const restockPrefix = 'restock/';
const lockKeys = [`${lockPrefix}1`, `${lockPrefix}2`] as const;
const cartKeys = ['cart/1', 'cart/2', 'cart/3'] as const;
const countKey = 'count';

export type Request =
  | { readonly type: 'write'; readonly write: WriteOf }
  | { readonly type: 'query'; readonly query: ModelQuery };

export class Requests {
  readonly #plan: CatalogPlan;
  readonly #random: SeededRandom;
  readonly #nextMark: () => number;
  /** Few, so that one is asked for while another's answer is still in memory. */
  readonly #searches: readonly SearchQuery[];

  constructor(plan: CatalogPlan, random: SeededRandom, nextMark: () => number) {
    this.#plan = plan;
    this.#random = random;
    this.#nextMark = nextMark;
    this.#searches = Array.from({ length: plan.searches }, () => drawSearch(random));
  }

  get #ids(): readonly string[] {
    return Array.from({ length: this.#plan.documents }, (_, place) => `c${place + 1}`);
  }

  /** Several are asked for at the same moment. */
  draw(kind: CatalogKind, knowledge: Knowledge): readonly Request[] | null {
    const random = this.#random;
    const { collections } = knowledge;
    const [shelf, desk] = [collections.get(books), collections.get(orders)];
    const isOfDocuments = ['purchase', 'restock', 'document', 'burst', 'search'].includes(kind);
    if (isOfDocuments && (!shelf || !desk)) return null;
    switch (kind) {
      case 'purchase':
        return [this.#write(this.#purchase(knowledge), true)];
      case 'restock':
        return [this.#write(this.#restock(), true)];
      case 'document':
        return [this.#write({ then: [this.#documentOperation(random.pick(this.#ids), knowledge)] }, false)];
      case 'transaction':
        return [this.#write(this.#transaction(knowledge), random.chance(0.5))];
      case 'key':
        return [this.#key()];
      case 'query':
        return [{ type: 'query', query: this.#query() }];
      case 'search': {
        const search = this.search(knowledge);
        return search && [search];
      }
      case 'define':
        return [this.#define()];
      case 'build':
      case 'burst': {
        // Written at the very moment before the definition.
        const writes = this.#ids.filter(() => random.chance(0.5)).map((id) => this.#documentOperation(id, knowledge));
        return [...writes.map((operation) => this.#write({ then: [operation] }, false)), this.#define()];
      }
    }
  }

  /** Null: the definition is not known. */
  search({ collections }: Knowledge): Request | null {
    const definition = collections.get(books)?.modRevision;
    if (definition === undefined) return null;
    return { type: 'query', query: { type: 'search', definition, search: this.#random.pick(this.#searches) } };
  }

  /** Until there is one, nothing can be sold. */
  setUp(name: string): WriteOf {
    return { type: 'define', name, definition: definitionOf(name, this.#random), replaces: 0 };
  }

  stockUp(knowledge: Knowledge): WriteOf | null {
    const shelf = knowledge.collections.get(books);
    if (!shelf) return null;
    const target = { type: 'document', collection: books, id: scarceBook } as const;
    const compares: Compare[] = [{ of: 'exists', target, is: false }];
    const then = [scarceBook, ...this.#ids].map((id) => {
      const stock = id === scarceBook ? { stock: this.#plan.copies } : {};
      return putBook(id, { ...drawBook(id, this.#random), ...stock }, { ttlMs: null, known: null }, shelf);
    });
    return transactionOf(this.#nextMark(), { compares, then }, true);
  }

  #write(parts: Parts, isIdempotent: boolean): Request {
    return { type: 'write', write: transactionOf(this.#nextMark(), parts, isIdempotent) };
  }

  #purchase({ collections }: Knowledge): Parts {
    const random = this.#random;
    const mark = this.#nextMark();
    const id = random.chance(0.7) ? scarceBook : random.pick(this.#ids);
    const target = { type: 'document', collection: books, id } as const;
    const quantity = random.integer(1, 3);
    const order = { id: `o${mark}`, book: id, quantity };
    const desk = collections.get(orders);
    if (!desk) throw new Error('nobody buys before there are orders');
    const known = random.chance(0.8) ? { revision: 0, terms: [], changed: [] } : null;
    const basis = { ...basisOf(desk, order), known };
    const compares: Compare[] = [{ of: 'field', target, field: 'stock', is: '>=', scalar: quantity }];
    const then: Operation[] = [
      { type: 'add', target, field: 'stock', amount: -quantity, min: 0, max: null },
      { type: 'putDocument', collection: orders, id: order.id, json: bytesOf(order), ttlMs: null, basis },
    ];
    return { compares: random.chance(0.8) ? compares : [], then, otherwise: [{ type: 'get', target }] };
  }

  #restock(): Parts {
    const amount = this.#random.integer(1, 5);
    const target = { type: 'document', collection: books, id: scarceBook } as const;
    const note = `${restockPrefix}${this.#nextMark()}`;
    const value = Buffer.from(`${amount}`);
    return {
      then: [
        { type: 'add', target, field: 'stock', amount, min: null, max: null },
        { type: 'put', key: note, value, contentType: 'text/plain', ttlMs: null },
      ],
    };
  }

  #documentOperation(id: string, knowledge: Knowledge): Operation {
    const random = this.#random;
    const shelf = knowledge.collections.get(books);
    if (!shelf) throw new Error('nobody writes before there is a shelf');
    const target = { type: 'document', collection: books, id } as const;
    const states = random.chance(0.75);
    switch (random.integer(0, 6)) {
      case 0:
      case 1:
      case 2: {
        const object = drawBook(id, random);
        const known = states ? knownOf(id, object, knowledge) : null;
        return putBook(id, object, { ttlMs: this.#ttl(0.3), known }, shelf);
      }
      case 3:
      case 4: {
        const patch = drawPatch(random);
        return { type: 'patch', target, json: bytesOf(patch), basis: basisOf(shelf, patch) };
      }
      case 5:
        return { type: 'add', target, field: 'stock', amount: random.integer(-2, 3), min: 0, max: null };
      default: {
        const known = states ? knownOf(id, null, knowledge) : null;
        return { type: 'delete', target, known: known?.revision === 0 ? null : known };
      }
    }
  }

  /** A few documents and keys at once, and what was there. */
  #transaction(knowledge: Knowledge): Parts {
    const random = this.#random;
    const hasShelf = Boolean(knowledge.collections.get(books));
    const ids = hasShelf ? this.#ids.filter(() => random.chance(0.4)) : [];
    const key = random.pick(cartKeys);
    const value = Buffer.from(`v${random.integer(1, 9)}`);
    const put: Operation = { type: 'put', key, value, contentType: 'text/plain', ttlMs: this.#ttl(0.4) };
    const operations: Operation[] = [
      ...ids.map((id) => this.#documentOperation(id, knowledge)),
      random.chance(0.15) ? { type: 'deleteRange', prefix: 'cart/' } : put,
    ];
    if (random.chance(0.3)) {
      operations.push({ type: 'range', prefix: 'cart/', after: null, limit: random.integer(1, 3), keysOnly: false });
    }
    const compare: Compare = { of: 'exists', target: { type: 'key', key }, is: random.chance(0.5) };
    const otherwise: Operation[] = [{ type: 'get', target: { type: 'key', key } }, this.#count()];
    return { compares: random.chance(0.5) ? [compare] : [], then: operations, otherwise };
  }

  #count(): Operation {
    return {
      type: 'add',
      target: { type: 'key', key: countKey },
      field: 'n',
      amount: 1,
      min: null,
      max: null,
    };
  }

  #key(): Request {
    const random = this.#random;
    const key = random.pick(lockKeys);
    const mark = this.#nextMark();
    if (random.chance(0.2)) {
      const value = Buffer.from(`put ${mark}`);
      const precondition = { ifMatch: null, ifNoneMatch: random.chance(0.5) ? ('*' as const) : null };
      return { type: 'write', write: { type: 'put', key, value, contentType: 'text/plain', precondition } };
    }
    if (random.chance(0.2)) {
      const value = Buffer.from('{"n":0}');
      const target = { type: 'key', key: countKey } as const;
      const compares: Compare[] = [{ of: 'exists', target, is: false }];
      const put = {
        type: 'put',
        key: countKey,
        value,
        contentType: 'application/json',
        ttlMs: this.#ttl(0.5),
      } as const;
      return this.#write({ compares, then: [put], otherwise: [this.#count()] }, true);
    }
    const target = { type: 'key', key } as const;
    const put: Operation = {
      type: 'put',
      key,
      value: Buffer.from(`lock ${mark}`),
      contentType: 'text/plain',
      ttlMs: this.#ttl(0.9),
    };
    // Taken if it is free; renewed, or given back, whoever has it.
    const compares: Compare[] = random.chance(0.5) ? [{ of: 'exists', target, is: false }] : [];
    const then: Operation[] = random.chance(0.85) ? [put] : [{ type: 'delete', target, known: null }];
    return this.#write({ compares, then, otherwise: [{ type: 'get', target }] }, random.chance(0.5));
  }

  #define(): Request {
    const definition = definitionOf(books, this.#random);
    return { type: 'write', write: { type: 'define', name: books, definition, replaces: null } };
  }

  #query(): Exclude<Query, { type: 'digests' | 'search' }> {
    const random = this.#random;
    switch (random.integer(0, 5)) {
      case 0:
        return { type: 'get', key: random.pick(lockKeys), withValue: true };
      case 1:
        return { type: 'list', prefix: random.pick(['cart/', 'lock/']), after: null, limit: 2, keysOnly: false };
      case 2:
        return { type: 'collection', name: books };
      case 3: {
        const target = { type: 'document', collection: books, id: scarceBook } as const;
        const range = { type: 'range', prefix: restockPrefix, after: null, limit: 100, keysOnly: false } as const;
        return {
          type: 'transaction',
          transaction: { compares: [], then: [{ type: 'get', target }, range], otherwise: [] },
        };
      }
      default:
        return { type: 'document', collection: books, id: random.pick([scarceBook, ...this.#ids]), withJson: true };
    }
  }

  /** Null: for good. */
  #ttl(probability: number): number | null {
    const [shortest, longest] = this.#plan.ttlMs;
    return this.#random.chance(probability) ? this.#random.integer(shortest, longest) : null;
  }
}
