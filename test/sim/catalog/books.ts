/** What is on the shelf: random documents, what clients know of collections, and how a write states it. */
import type { Index } from '../../../src/raft/types.ts';
import type { Collection, IndexDefinition } from '../../../src/store/collection.ts';
import type { Definition } from '../../../src/store/command.ts';
import type { JsonObject } from '../../../src/store/json.ts';
import type { SearchQuery } from '../../../src/store/search-query.ts';
import { termsOf } from '../../../src/store/terms.ts';
import type { Document, DocumentBasis, KnownDocument, Operation } from '../../../src/store/transaction.ts';
import type { SeededRandom } from '../random.ts';

export const books = 'books';
export const orders = 'orders';
/** The one that everybody wants: its stock is changed by purchases and restocks alone, and it stays. */
export const scarceBook = 'b1';

const words = ['deep', 'sea', 'red', 'tea', 'sets'] as const;
const topics = ['systems', 'nature', 'art'] as const;
const always: readonly IndexDefinition[] = [
  { field: 'topic', kind: 'term' },
  { field: 'title', kind: 'words' },
];
const sometimes: readonly IndexDefinition[] = [
  { field: 'price', kind: 'number' },
  { field: 'stock', kind: 'number' },
  { field: 'title', kind: 'term' },
];

/** As a client saw them last; null: there was none. */
export interface Knowledge {
  readonly collections: Map<string, Collection | null>;
  /** Of the books, by their ids. */
  readonly documents: Map<string, Document | null>;
}

export function definitionOf(name: string, random: SeededRandom): Definition {
  if (name === orders) return { idField: 'id', indexes: [{ field: 'book', kind: 'term' }] };
  return { idField: 'id', indexes: [...always, ...sometimes.filter(() => random.chance(0.6))] };
}

export function drawBook(id: string, random: SeededRandom): JsonObject {
  const topic = random.chance(0.2) ? [random.pick(topics), random.pick(topics)] : random.pick(topics);
  const title = `${random.pick(words)} ${random.pick(words)}`;
  return {
    id,
    title,
    topic,
    price: random.integer(1, 5),
    ...(random.chance(0.8) ? { stock: random.integer(0, 9) } : {}),
  };
}

/** Fields that are put anew, or taken away; never the stock. */
export function drawPatch(random: SeededRandom): JsonObject {
  const { title = null, topic = null, price = null } = drawBook('', random);
  const members = Object.entries({ title, topic, price }).filter(() => random.chance(0.5));
  return Object.fromEntries(members.map(([name, value]) => [name, random.chance(0.15) ? null : value]));
}

export function basisOf(collection: Collection, object: JsonObject): Omit<DocumentBasis, 'known'> {
  return { definition: collection.modRevision, terms: termsOf(object, collection.indexes) };
}

/** What has to be stated of a document as it is known; null: nothing is known of it. */
export function knownOf(
  id: string,
  next: JsonObject | null,
  { collections, documents }: Knowledge,
): KnownDocument | null {
  const collection = collections.get(books);
  const document = documents.get(id);
  if (!collection || document === undefined) return null;
  if (document === null) return { revision: 0, terms: [], changed: [] };
  const before = objectOf(document);
  if (before === null) return null;
  const names = Object.keys({ ...before, ...(next ?? {}) });
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(next?.[name])).sort();
  return { revision: document.modRevision, terms: termsOf(before, collection.indexes), changed };
}

export function putBook(
  id: string,
  object: JsonObject,
  { ttlMs, known }: { readonly ttlMs: number | null; readonly known: KnownDocument | null },
  collection: Collection,
): Operation {
  const basis = { ...basisOf(collection, object), known };
  return { type: 'putDocument', collection: books, id, json: bytesOf(object), ttlMs, basis };
}

export function drawSearch(random: SeededRandom): SearchQuery {
  const filters: SearchQuery['filters'][number][] = [];
  const kind = random.integer(0, 5);
  if (kind <= 1) filters.push({ type: 'term', field: 'topic', term: random.pick(topics) });
  if (kind === 2) filters.push({ type: 'words', field: 'title', words: [random.pick(words)] });
  if (kind === 3) filters.push({ type: 'contains', field: 'topic', text: random.pick(['s', 'at', 'art']) });
  if (kind === 4) {
    const min = random.integer(1, 3);
    filters.push({
      type: 'number',
      field: 'price',
      min,
      max: null,
      minExclusive: random.chance(0.5),
      maxExclusive: false,
    });
  }
  const sort = random.chance(0.25) ? { field: 'price', descending: random.chance(0.5) } : null;
  const fields = random.chance(0.4) ? [['id', 'title'], ['id', 'price'], ['stock']][random.integer(0, 2)] : null;
  const limit = random.pick([2, 5, 100] as const);
  return { collection: books, filters, sort, after: null, limit, fields: fields ?? null, count: random.chance(0.3) };
}

export function bytesOf(object: JsonObject): Buffer {
  return Buffer.from(JSON.stringify(object));
}

function objectOf({ json }: Document): JsonObject | null {
  return json === undefined ? null : (JSON.parse(Buffer.from(json).toString()) as JsonObject);
}

/** Of whom nothing is known. */
export const anywhere = 1 as Index;
