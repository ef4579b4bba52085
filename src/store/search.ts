/**
 * Which documents of a collection fit, in which order, from where on. Candidates come from the rows of one index, or from all documents;
 * the rest is held against rows as well: what a document has as terms stands there, and is never worked out again.
 *
 * Rows that stand in the order of the answer are walked until the page is full. Those that do not are collected, sorted, and
 * a page cut from them. A few rows of each filter tell which is the narrowest; where all are wide the answer's own order is walked, since
 * a page is soon full then.
 */
import type { Collection } from './collection.ts';
import { DamagedRowError } from './damage.ts';
import type { KeyValueReader } from './disk.ts';
import { documentOf, readDocument, type StoredDocument } from './document.ts';
import { postingKey } from './index-rows.ts';
import { pickFields } from './json.ts';
import { documentKey } from './keys.ts';
import { openRow } from './row.ts';
import { type Condition, holds, type Plan, planOf, sortValueOf } from './search-plan.ts';
import { type Count, type Position, type SearchQuery, type SearchResult, searchLimits } from './search-query.ts';
import {
  type Candidate,
  candidatesOf,
  Looks,
  LooksSpentError,
  rowsOfCondition,
  type Source,
} from './search-sources.ts';
import { compareTexts } from './text-order.ts';
import type { Document } from './transaction.ts';

/** So many rows of each filter are looked at to find the narrowest. */
const probes = [64, 512, 4096] as const;
const probedMax = 8;

/** Before the whole of an index is searched for a part of a text, in the hope that many have it. */
const hopeRows = 2000;

/**
 * The query has no `searchProblem`. `reader` is a snapshot, and `collection` what it holds. `rowsMax`: see `searchLimits`. Rejects with
 * DamagedRowError, and with whatever the disk says.
 */
export async function search(
  reader: KeyValueReader,
  collection: Collection,
  query: SearchQuery,
  rowsMax: number = searchLimits.rowsMax,
): Promise<SearchResult> {
  const plan = planOf(collection, query);
  if ('reason' in plan) return { type: 'refused', refusal: plan };
  try {
    return await new Search(reader, collection, query, plan, rowsMax).run();
  } catch (error) {
    if (!(error instanceof LooksSpentError)) throw error;
    const wide = plan.conditions.find(({ type }) => type === 'contains');
    const help = wide === undefined ? null : ({ field: wide.field, kind: 'words' } as const);
    return { type: 'refused', refusal: { reason: 'tooManyRows', rows: rowsMax, help } };
  }
}

/** A document that fits. */
interface Match extends Position {
  /** If it was read to find that out. */
  readonly stored: StoredDocument | null;
}

class Search {
  readonly #reader: KeyValueReader;
  readonly #collection: Collection;
  readonly #query: SearchQuery;
  readonly #plan: Plan;
  readonly #rowsMax: number;
  #looks = new Looks(0);

  constructor(reader: KeyValueReader, collection: Collection, query: SearchQuery, plan: Plan, rowsMax: number) {
    this.#reader = reader;
    this.#collection = collection;
    this.#query = query;
    this.#plan = plan;
    this.#rowsMax = rowsMax;
  }

  async run(): Promise<SearchResult> {
    const narrow = await this.#narrowest();
    const ordered = this.#ordered();
    const contains = this.#plan.conditions.find(({ type }) => type === 'contains');
    if (narrow !== null) return (await this.#within(this.#rowsMax, narrow)) ?? this.#from(ordered);
    if (contains === undefined) return this.#from(ordered);
    return (await this.#within(hopeRows, ordered)) ?? this.#from(contains);
  }

  /** Null: it would take more rows. */
  async #within(rows: number, source: Source): Promise<SearchResult | null> {
    this.#looks = new Looks(rows);
    return unlessSpent(() => this.#answer(source));
  }

  async #from(source: Source): Promise<SearchResult> {
    this.#looks = new Looks(this.#rowsMax);
    return this.#answer(source);
  }

  async #answer(source: Source): Promise<SearchResult> {
    if (!this.#isOrdered(source)) return this.#collect(source);
    const page = await this.#walk(source);
    return page.result(this.#query.count ? await this.#count(source) : null);
  }

  /** Whose rows stand in the order of the answer. */
  #ordered(): Source {
    const { sort, conditions } = this.#plan;
    return sort?.by ?? conditions.find(({ type }) => type === 'exact') ?? { type: 'documents' };
  }

  #isOrdered(source: Source): boolean {
    const { sort } = this.#plan;
    return sort === null ? source.type === 'exact' || source.type === 'documents' : source === sort.by;
  }

  /** Null: all are wide, or reading a part of a text's index is all that would help. */
  async #narrowest(): Promise<Condition | null> {
    const { conditions, sort } = this.#plan;
    const [only] = conditions;
    if (conditions.length === 1 && sort === null && only?.type === 'exact') return only;
    const probed = conditions.filter(({ type }) => type !== 'contains').slice(0, probedMax);
    for (const rows of probes) {
      for (const condition of probed) if ((await this.#rowsOf(condition, rows)) < rows) return condition;
    }
    return null;
  }

  /** At most `limit`. An estimate: nobody asks whether LevelDB left any out. */
  async #rowsOf(condition: Condition, limit: number): Promise<number> {
    const bounds = rowsOfCondition(condition);
    let rows = 0;
    if (bounds === null) return rows;
    for await (const _row of this.#reader.iterate({ ...bounds, limit })) rows += 1;
    return rows;
  }

  async #walk(source: Source): Promise<Page> {
    const { after, limit } = this.#query;
    const page = new Page(limit);
    const descending = this.#plan.sort?.descending ?? false;
    const candidates = candidatesOf(this.#reader, this.#collection.number, source, this.#looks, {
      after: after === null ? null : { term: after.sortValue, id: after.id },
      descending,
      soon: Math.min(limit + 1, probes[1]),
    });
    try {
      for await (const candidate of candidates) {
        const match = this.#match(source, candidate);
        // A document with several numbers stands in several places, and is in one of them.
        if (match === null || (match.sortValue !== null && match.sortValue !== candidate.term)) continue;
        if (!this.#add(page, match)) break;
      }
    } catch (error) {
      // Whether another follows a full page may stay open.
      if (!(error instanceof LooksSpentError && page.isFull)) throw error;
      page.leave();
    }
    return page;
  }

  async #collect(source: Source): Promise<SearchResult> {
    const { after, limit, count } = this.#query;
    const matches = new Map<string, Position>();
    for await (const match of this.#matches(source, this.#looks)) matches.set(match.id, match);
    const order = orderOf(this.#plan);
    const page = new Page(limit);
    for (const { id, sortValue } of [...matches.values()].sort(order)) {
      if (after !== null && order({ id, sortValue }, after) <= 0) continue;
      if (!this.#add(page, { id, sortValue, stored: null })) break;
    }
    return page.result(count ? { documents: matches.size, exact: true } : null);
  }

  /** Each that fits, at least once, and without its row: a thousand of these may be a gigabyte. */
  async *#matches(source: Source, looks: Looks): AsyncGenerator<Position, void> {
    const options = { after: null, descending: false, soon: probes[1] };
    for await (const candidate of candidatesOf(this.#reader, this.#collection.number, source, looks, options)) {
      const match = this.#match(source, candidate);
      if (match !== null) yield { id: match.id, sortValue: match.sortValue };
    }
  }

  /** Of all that fit, however the page was found: in no order, so from the condition that says most about them. */
  async #count(source: Source): Promise<Count> {
    const { conditions, sort } = this.#plan;
    if (conditions.length === 0 && sort === null) return { documents: this.#collection.documents, exact: true };
    const counted = conditions.includes(source as Condition) ? source : (conditions[0] ?? source);
    const found = new Set<string>();
    this.#looks = new Looks(this.#rowsMax);
    const whole = await unlessSpent(async () => {
      for await (const { id } of this.#matches(counted, this.#looks)) found.add(id);
      return true;
    });
    return { documents: found.size, exact: whole !== null };
  }

  #match(source: Source, { id, stored }: Candidate): Match | null {
    const { conditions, sort } = this.#plan;
    const others = conditions.filter((condition) => condition !== source);
    for (const condition of others) {
      if (stored === null && condition.type === 'exact' && !this.#hasPosting(condition, id)) return null;
    }
    const rest = stored === null ? others.filter(({ type }) => type !== 'exact') : others;
    if (rest.length === 0 && sort === null) return { id, sortValue: null, stored };
    const document = stored ?? this.#document(id);
    if (!rest.every((condition) => holds(condition, document.terms))) return null;
    if (sort === null) return { id, sortValue: null, stored: document };
    const sortValue = sortValueOf(sort, document.terms);
    return sortValue === null ? null : { id, sortValue, stored: document };
  }

  #hasPosting({ place, term }: Extract<Condition, { type: 'exact' }>, id: string): boolean {
    this.#looks.spend(0);
    return this.#reader.get(postingKey(place, { term, id })) !== undefined;
  }

  #document(id: string): StoredDocument {
    const key = documentKey(this.#collection.number, id);
    const row = this.#reader.get(key);
    if (row === undefined) throw new DamagedRowError('an index names a document that is not there');
    this.#looks.spend(row.length);
    return readDocument(openRow(key, row).body);
  }

  #add(page: Page, match: Match): boolean {
    const { fields } = this.#query;
    if (page.isFull) return page.leave();
    const stored = match.stored ?? this.#document(match.id);
    const json = fields === null ? stored.json : pickFields(stored.json, fields);
    return page.add(documentOf(match.id, { ...stored, json }, true), match, fields === null ? 0 : stored.json.length);
  }
}

/** What is handed out at once. */
class Page {
  readonly #documents: Document[] = [];
  readonly #limit: number;
  #bytes = 0;
  #pickedFromBytes = 0;
  #last: Position | null = null;
  #more = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#documents.length === this.#limit;
  }

  /** There is one that has no place here. */
  leave(): false {
    this.#more = true;
    return false;
  }

  /** Whether it has a place here. `pickedFromBytes`: of the JSON that was parsed for it. */
  add(document: Document, { sortValue, id }: Position, pickedFromBytes: number): boolean {
    const bytes = this.#bytes + (document.json?.length ?? 0);
    this.#pickedFromBytes += pickedFromBytes;
    const isOver = bytes > searchLimits.pageBytesMax || this.#pickedFromBytes > searchLimits.pickedFromBytesMax;
    if (this.#last !== null && isOver) return this.leave();
    this.#documents.push(document);
    this.#bytes = bytes;
    this.#last = { sortValue, id };
    return true;
  }

  result(count: Count | null): SearchResult {
    return { type: 'found', documents: this.#documents, next: this.#more ? this.#last : null, count };
  }
}

function orderOf({ sort }: Plan): (a: Position, b: Position) => number {
  const sign = sort?.descending ? -1 : 1;
  return (a, b) => sign * ((a.sortValue ?? 0) - (b.sortValue ?? 0) || compareTexts(a.id, b.id));
}

async function unlessSpent<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LooksSpentError) return null;
    throw error;
  }
}
