/** Documents of a collection, as rows. */
import { type Answer, type HttpRequest, jsonOf, timeoutQuery } from '../http-client.ts';
import type { ExportSource } from './source.ts';

export interface Definition {
  readonly idField: string;
  readonly indexes: readonly { readonly field: string; readonly kind: string }[];
}

interface DocumentsPage {
  readonly items: readonly { readonly document: unknown }[];
  readonly cursor: string | null;
}

const pageItemsMax = 1000;
const pathOf = (collection: string): string => `/v1/collections/${encodeURIComponent(collection)}`;

export function definitionRequest(collection: string, timeoutMs: number): HttpRequest {
  return { path: pathOf(collection), query: timeoutQuery(timeoutMs), timeoutMs };
}

export function exportDocuments(collection: string, { idField, indexes }: Definition): ExportSource {
  return {
    request(cursor, timeoutMs) {
      const query = { limit: `${pageItemsMax}`, cursor, ...timeoutQuery(timeoutMs) };
      return { path: `${pathOf(collection)}/items`, query, timeoutMs };
    },
    page(answer, state) {
      const { items, cursor } = asWritten(answer);
      const text = items.map(({ document }) => `${JSON.stringify(document)}\n`).join('');
      return { text, next: { ...state, rows: state.rows + items.length, cursor } };
    },
    importFlags() {
      const index = indexes.map(({ field, kind }) => `${field}:${kind}`).join(',');
      const flags = `--collection ${JSON.stringify(collection)} --id ${JSON.stringify(idField)}`;
      return index === '' ? flags : `${flags} --index ${JSON.stringify(index)}`;
    },
  };
}

/** Numbers stay as they were written, digits that a double has no room for too. */
function asWritten(answer: Answer): DocumentsPage {
  const page = jsonOf(answer, (_name, value, context) => {
    const isOther = typeof value === 'number' && context?.source !== undefined && `${value}` !== context.source;
    return isOther ? rawJson(context.source) : value;
  });
  return page as DocumentsPage;
}

const { rawJSON: rawJson } = JSON as typeof JSON & { readonly rawJSON: (text: string) => unknown };
