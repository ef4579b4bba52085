/** Pages as a gateway shows them, made of what the model answers. */
import type { QueryResult } from '../../../src/store/command.ts';
import type { ModelQuery } from '../../store/catalog-model-queries.ts';

/** What its JSON says, whether there is another page in place of where that begins; null: there is no page. */
export function shown(query: ModelQuery, answer: QueryResult): unknown {
  if (answer.type === 'list') {
    const items = answer.items.map(({ key, modRevision, version, contentType, sizeBytes, value }) => {
      const head = { key, modRevision, version, contentType, size: sizeBytes };
      return value === undefined ? head : { ...head, value: textOf(value) };
    });
    return { items, cursor: answer.more };
  }
  if (answer.type !== 'search' || query.type !== 'search' || answer.result.type !== 'found') return null;
  const { documents, next, count } = answer.result;
  const isWhole = query.search.fields === null;
  const items = documents.map(({ id, modRevision, version, expiresAtMs, json = Buffer.of() }) => {
    const document: unknown = JSON.parse(textOf(json));
    if (!isWhole) return { id, document };
    return { id, modRevision, version, ...(expiresAtMs === null ? {} : { expiresAt: expiresAtMs }), document };
  });
  const counted = count === null ? {} : { count: count.documents, countIsExact: count.exact };
  return { items, cursor: next !== null, ...counted };
}

/** The same of a page as it was shown; its beginning aside. */
export function read(rest: Buffer): unknown {
  const page = JSON.parse(`{${rest.toString().replace(/^\{/, '')}`) as {
    readonly items: readonly { readonly expiresAt?: string }[];
    readonly cursor: string | null;
  };
  const items = page.items.map((item) =>
    item.expiresAt === undefined ? item : { ...item, expiresAt: Date.parse(item.expiresAt) },
  );
  return { ...page, items, cursor: page.cursor !== null };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
