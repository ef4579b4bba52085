/** What requests to the shop name in their paths and parameters. */

import type { ZodType } from 'zod';
import { type Filter, idProblem, normalText, type Search, searchLimits, termOf, wordsOf } from '../../store/client.ts';
import { decodeSearchCursor } from '../catalog/search-cursor.ts';
import { HttpProblem, type ProblemCode, problemAt, quote } from '../errors.ts';
import { parseBody } from '../json-body.ts';
import { badParameter, type Parameters } from '../parameters.ts';
import type { ReadRequest } from '../reads.ts';
import { percentDecoded } from '../target.ts';

type Path = Pick<ReadRequest, 'path'>;

/** What follows the last slash, decoded once. Throws HttpProblem. */
export function lastPart({ path }: Path, what: string): string {
  const text = percentDecoded(path.slice(path.lastIndexOf('/') + 1));
  if (text !== null) return text;
  throw new HttpProblem('bad_id', `${what} is not well-formed: expected UTF-8, percent-encoded as %XX`);
}

/** Throws HttpProblem. */
export function requestedId(request: Path): string {
  const id = lastPart(request, 'the id');
  const reason = idProblem(id);
  if (reason !== null) throw new HttpProblem('bad_id', reason);
  return id;
}

/** Books of this topic, whatever the case. Throws HttpProblem. */
export function topicFilter(text: string): Filter {
  const term = termOf(text);
  if (term === '') throw badParameter('topic', 'a topic', text);
  return { field: 'topic', type: 'term', term };
}

/** Books whose topic contains the text, whatever the case. Throws HttpProblem. */
export function partOfTopicFilter(text: string): Filter {
  const normal = normalText(text);
  if (normal !== '' && Buffer.byteLength(normal) <= topicBytesMax) {
    return { field: 'topic', type: 'contains', text: normal };
  }
  const expected = `expected a text of 1 to ${topicBytesMax} bytes that is in it, got ${quote(text)}`;
  throw problemAt('topic', 'bad_parameter', `the topic in the path: ${expected}`);
}

/** As the index has it. */
const topicBytesMax = 256;

/** Books whose title has all the words. Throws HttpProblem. */
export function titleFilter(text: string): Filter {
  const words = wordsOf(text);
  if (words.length === 0 || words.length > searchLimits.wordsMax) {
    throw badParameter('q', `1 to ${searchLimits.wordsMax} words that are in the title`, text);
  }
  return { field: 'title', type: 'words', words };
}

/** The search from where the parameter says on. Throws HttpProblem. */
export function fromCursor(search: Search, parameters: Parameters<'cursor'>): Search {
  const cursor = parameters.get('cursor');
  if (cursor === undefined) return search;
  const after = decodeSearchCursor(search, cursor);
  if (after === null) throw badParameter('cursor', 'the cursor of the page before, of the same search', cursor);
  return { ...search, after };
}

export function bookNotFound(id: string): HttpProblem {
  return new HttpProblem('book_not_found', `there is no book ${quote(id)}; GET /v1/books lists those there are`);
}

/** What is known and does not fit has `code`, what nobody knows is a `bad_body`; each has its path. Throws HttpProblem. */
export function parseFields<T>(
  bytes: Uint8Array,
  schema: ZodType<T> & { readonly shape: Readonly<Record<string, unknown>> },
  code: ProblemCode,
): T {
  try {
    return parseBody(bytes, schema, code);
  } catch (error) {
    if (!(error instanceof HttpProblem) || error.code !== code) throw error;
    const { path = '' } = error.members;
    const isKnown = path === '' || Object.keys(schema.shape).some((name) => path === `/${name}`);
    throw isKnown ? error : problemAt(path, 'bad_body', error.message);
  }
}
