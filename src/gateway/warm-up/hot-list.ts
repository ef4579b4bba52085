/**
 * What was hot, hottest first, as a file: the questions and never the answers, which are fetched anew. JSON, and checked
 * in full when it is read: it may come from anywhere.
 */
import { collectionNameProblem, idProblem, isCacheablePrefix, keyProblem, limits } from '../../store/client.ts';
import type { DocumentQuery, GetQuery, ListQuery } from '../store.ts';

/** No searches: each is of one definition, and their texts stand for more than a file can be believed. */
export type Question = GetQuery | ListQuery | DocumentQuery;

export const questionsMax = 10_000;
export const hotListBytesMax = 4 * 1024 * 1024;

export type HotList =
  | { readonly type: 'list'; readonly questions: readonly Question[] }
  /** It was written here, and is of no use. */
  | { readonly type: 'useless'; readonly reason: string }
  /** It is something else, and not ours to replace. */
  | { readonly type: 'alien'; readonly reason: string };

/** A key, or the parts of a question for a list or a document. */
type Written = string | Omit<ListQuery, 'type'> | Pick<DocumentQuery, 'collection' | 'id'>;

/** With what every version of such a file begins. */
const beginning = '{"format":"bazar-hot-list"';
const version = 1;

/** As many of the questions as fit, the first ones first. */
export function encodeHotList(clusterId: string, questions: Iterable<Question>): Buffer {
  const head = `${beginning},"version":${version},"clusterId":${JSON.stringify(clusterId)},"questions":[`;
  const end = '\n]}\n';
  const lines: string[] = [];
  let bytes = Buffer.byteLength(head) + end.length;
  for (const question of questions) {
    const line = `\n${JSON.stringify(written(question))}`;
    // The comma is one more.
    bytes += Buffer.byteLength(line) + 1;
    if (lines.length === questionsMax || bytes > hotListBytesMax) break;
    lines.push(line);
  }
  return Buffer.from(`${head}${lines.join(',')}${end}`);
}

export function decodeHotList(clusterId: string, bytes: Buffer): HotList {
  const text = bytes.toString();
  if (text !== '' && !text.startsWith(beginning)) return { type: 'alien', reason: 'it is no list of hot keys' };
  const list = parsed(text);
  if (list === null) return { type: 'useless', reason: 'it is damaged' };
  if (list.version !== version) return { type: 'useless', reason: `expected version ${version}` };
  if (list.clusterId !== clusterId) return { type: 'useless', reason: 'it is of another cluster' };
  const all = list.questions;
  if (!Array.isArray(all) || all.length > questionsMax) return { type: 'useless', reason: 'it is damaged' };
  const questions = all.map(questionOf).filter((question) => question !== null);
  if (questions.length < all.length) return { type: 'useless', reason: 'it is damaged' };
  return { type: 'list', questions };
}

type Fields = Readonly<Record<'version' | 'clusterId' | 'questions', unknown>>;

function parsed(text: string): Fields | null {
  try {
    return JSON.parse(text) as Fields;
  } catch {
    return null;
  }
}

function written(question: Question): Written {
  if (question.type === 'get') return question.key;
  if (question.type === 'document') return { collection: question.collection, id: question.id };
  const { prefix, after, limit, keysOnly } = question;
  return { prefix, after, limit, keysOnly };
}

/** Null for what no request can ask. */
function questionOf(value: unknown): Question | null {
  if (typeof value === 'string') return isKey(value) ? { type: 'get', key: value, withValue: true } : null;
  if (typeof value !== 'object' || value === null) return null;
  return documentOf(value) ?? listOf(value);
}

function documentOf(value: object): DocumentQuery | null {
  const { collection, id } = value as Readonly<Record<keyof DocumentQuery, unknown>>;
  const isDocument =
    typeof collection === 'string' &&
    collectionNameProblem(collection) === null &&
    typeof id === 'string' &&
    idProblem(id) === null;
  return isDocument ? { type: 'document', collection, id, withJson: true } : null;
}

function listOf(value: object): ListQuery | null {
  const { prefix, after, limit, keysOnly } = value as Readonly<Record<keyof ListQuery, unknown>>;
  const isPage =
    isKey(prefix) &&
    isCacheablePrefix(prefix) &&
    (after === null || (isKey(after) && after.startsWith(prefix))) &&
    typeof limit === 'number' &&
    Number.isInteger(limit) &&
    limit >= 1 &&
    limit <= limits.listItemsMax &&
    typeof keysOnly === 'boolean';
  return isPage ? { type: 'list', prefix, after, limit, keysOnly } : null;
}

function isKey(value: unknown): value is string {
  return typeof value === 'string' && keyProblem(value) === null;
}
