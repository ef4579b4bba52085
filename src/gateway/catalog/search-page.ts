/** What a search has found as it is shown: written once when it comes from a replica, and given out again as it is. */
import type { Document, Query, QueryResult } from '../../store/client.ts';
import { rfc3339 } from '../../system-clock.ts';
import { tagOf } from '../list-page.ts';
import { encodeSearchCursor } from './search-cursor.ts';

type SearchQuery = Extract<Query, { readonly type: 'search' }>;
type SearchResult = Extract<QueryResult, { readonly type: 'search' }>;
type Found = Extract<SearchResult['result'], { readonly type: 'found' }>;

export interface SearchPage {
  readonly type: 'search';
  /** At which all of it stands so. */
  readonly revision: QueryResult['revision'];
  /** The JSON document, but for its beginning (`pageStart` of list-page.ts), which changes without the page. */
  readonly rest: Buffer;
  /** Of `rest`, opaque; weak, as that of a list. */
  readonly tag: string;
  /** Of the documents in it; none where it comes from the cache, which has worked out what ends it. */
  readonly ids: readonly string[];
}

/** A replica has refused the search. */
export interface NoPage {
  readonly type: 'noPage';
  readonly revision: QueryResult['revision'];
  readonly cause: Exclude<SearchResult['result'], Found>;
}

export function searchAnswerOf({ search }: SearchQuery, { revision, result }: SearchResult): SearchPage | NoPage {
  if (result.type !== 'found') return { type: 'noPage', revision, cause: result };
  const { documents, next, count } = result;
  const isWhole = search.fields === null;
  const cursor = next === null ? null : encodeSearchCursor(search, next);
  const counted = count === null ? {} : { count: count.documents, countIsExact: count.exact };
  const parts: Uint8Array[] = [Buffer.from('"items":[')];
  for (const [position, document] of documents.entries()) {
    parts.push(
      Buffer.from(
        `${position === 0 ? '' : ','}${JSON.stringify(isWhole ? headOf(document) : { id: document.id }).slice(0, -1)},"document":`,
      ),
    );
    parts.push(document.json ?? new Uint8Array(), Buffer.from('}'));
  }
  parts.push(Buffer.from(`],${JSON.stringify({ cursor, ...counted }).slice(1)}`));
  const rest = Buffer.concat(parts);
  return { type: 'search', revision, rest, tag: tagOf(rest), ids: documents.map(({ id }) => id) };
}

/**
 * What every write to a document changes. Where some fields alone were asked for it is not shown: else no such answer would
 * outlive a change of the others.
 */
function headOf({ id, modRevision, version, expiresAtMs }: Document): object {
  return { id, modRevision, version, ...(expiresAtMs === null ? {} : { expiresAt: rfc3339(expiresAtMs) }) };
}
