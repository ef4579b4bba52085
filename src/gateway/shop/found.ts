/** Searches of the shop's collections, and the forms in which their pages are shown. */
import type { Index, JsonObject, Search } from '../../store/client.ts';
import { isUnavailable } from '../catalog/definitions.ts';
import { decodeSearchCursor } from '../catalog/search-cursor.ts';
import type { NoPage, SearchPage } from '../catalog/search-page.ts';
import { notCached, type Reading, type ReadOptions } from '../store.ts';
import type { Shop } from './shop.ts';

/** How often a search is made anew because its collection was defined anew meanwhile. */
const attemptsMax = 4;
/** No definition has it. */
const noDefinition = 1 as Index;

export type Found = Reading<SearchPage | NoPage>;

/** A collection that is not there is answered as such by a replica; all else as the reader does. */
export async function find(
  { reader, definitions, clock }: Pick<Shop, 'reader' | 'definitions' | 'clock'>,
  search: Search,
  options: ReadOptions,
): Promise<Found> {
  const deadlineAt = clock.now() + options.timeoutMs;
  const leftMs = () => Math.max(1, deadlineAt - clock.now());
  for (let attempt = 1; ; attempt += 1) {
    if (options.directives.onlyIfCached && definitions.kept(search.collection) === null) return notCached;
    const found = await definitions.get(search.collection, leftMs());
    if (isUnavailable(found)) return { cacheResult: 'bypass', cacheStatus: 'bazar; fwd=bypass', outcome: found };
    const definition = found?.modRevision ?? noDefinition;
    const reading = await reader.read({ type: 'search', definition, search }, { ...options, timeoutMs: leftMs() });
    if (attempt === attemptsMax || !isOfAnotherDefinition(reading, found === null)) return reading;
    definitions.forget(search.collection, definition);
  }
}

function isOfAnotherDefinition({ outcome }: Found, isSaidToBeAbsent: boolean): boolean {
  if (outcome.type !== 'done' || outcome.result.type !== 'noPage') return false;
  const { type } = outcome.result.cause;
  return type === 'definitionChanged' || (type === 'noCollection' && !isSaidToBeAbsent);
}

export interface FoundItem {
  readonly id: string;
  readonly document: JsonObject;
}

/** What a page says. Of a collection that is not there yet nothing is found. */
export interface Items {
  readonly items: readonly FoundItem[];
  readonly cursor: string | null;
}

const nothing: Items = { items: [], cursor: null };

export function itemsOf(page: SearchPage | NoPage): Items {
  return page.type === 'noPage' ? nothing : (JSON.parse(`{${page.rest}`) as Items);
}

/** What stands behind the page; null: nothing does. */
export function searchBehind(search: Search, { cursor }: Items): Search | null {
  const after = cursor === null ? null : decodeSearchCursor(search, cursor);
  return after === null ? null : { ...search, after };
}
