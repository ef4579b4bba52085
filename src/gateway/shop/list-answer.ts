/** Answers to reads of several documents: a page with its revision, or a plain array of all there are. */
import { hash } from 'node:crypto';
import type { JsonObject, Search } from '../../store/client.ts';
import type { Answer } from '../answer.ts';
import { definitionChanged, searchRefused } from '../catalog/problems.ts';
import type { NoPage, SearchPage } from '../catalog/search-page.ts';
import { conditionalAnswer, type Shown } from '../conditional-answer.ts';
import { HttpProblem, problemAnswer, readProblem } from '../errors.ts';
import type { Share } from '../in-flight.ts';
import { pageStart } from '../list-page.ts';
import { parseTagCondition } from '../preconditions.ts';
import { noteReading, type ReadRequest, readHeaders } from '../reads.ts';
import type { Reading, ReadOptions } from '../store.ts';
import type { Form } from './forms.ts';
import { type Found, find, itemsOf, searchBehind } from './found.ts';
import { shortId } from './ids.ts';
import type { Shop } from './shop.ts';

export interface Asked {
  readonly request: ReadRequest;
  readonly share: Share;
  readonly options: ReadOptions;
}

type Done = Extract<Reading<SearchPage | NoPage>['outcome'], { readonly type: 'done' }>;

/**
 * `{"revision":…,"items":[…],"cursor":…}`, each document as `show` makes it. An index knows no case: `fits` leaves out what it
 * has found beside what was meant.
 */
export async function pageAnswer(
  shop: Shop,
  search: Search,
  asked: Asked,
  show: Form,
  fits: (document: JsonObject) => boolean = () => true,
): Promise<Answer> {
  const reading = await find(shop, search, asked.options);
  return answered(asked, reading, search.collection, (done) => {
    const { items, cursor } = itemsOf(done.result);
    const shown = items.filter(({ document }) => fits(document)).map(({ id, document }) => show(id, document));
    const rest = JSON.stringify({ items: shown, cursor }).slice(1);
    return { start: pageStart(done.result), rest, tag: tagOf(done.result) };
  });
}

/** Of a thousand documents each: whoever has more than as many pages reads them page by page. */
const pagesMax = 10;

/**
 * All that fits in one JSON document, which `write` makes of the array's text. One page is of one revision; of several each is,
 * and none is older than the request.
 */
export async function wholeAnswer(
  shop: Shop,
  search: Search,
  asked: Asked,
  show: Form,
  write: (array: string, count: number) => string = (array) => array,
): Promise<Answer> {
  const deadlineAt = shop.clock.now() + asked.options.timeoutMs;
  const shown: { readonly id: string; readonly text: string }[] = [];
  const tags: string[] = [];
  let told: Found | null = null;
  let next: Search | null = search;
  for (let page = 0; next !== null; page += 1) {
    if (page === pagesMax) return problemAnswer(tooMany(search.collection), asked.request.method);
    const timeoutMs = Math.max(1, deadlineAt - shop.clock.now());
    const reading: Found = await find(shop, next, { ...asked.options, timeoutMs });
    // What one page had to be fetched for, the answer had.
    if (told === null || reading.outcome.type !== 'done' || reading.cacheResult !== 'hit') told = reading;
    if (reading.outcome.type !== 'done' || isRefused(reading.outcome)) break;
    const items = itemsOf(reading.outcome.result);
    shown.push(...items.items.map(({ id, document }) => ({ id, text: JSON.stringify(show(id, document)) })));
    tags.push(tagOf(reading.outcome.result));
    next = searchBehind(next, items);
  }
  if (told === null) throw new Error('a search has one page at least');
  const [only = ''] = tags;
  const tag = tags.length === 1 ? only : hash('sha256', tags.join(), 'base64url').slice(0, only.length);
  return answered(asked, told, search.collection, () => {
    const texts = shown.toSorted((a, b) => compareIds(a.id, b.id)).map(({ text }) => text);
    return { start: '', rest: write(`[${texts.join()}]`, texts.length), tag };
  });
}

/** 2 comes before 10, and whatever is no number behind all numbers, in its own order. */
function compareIds(a: string, b: string): number {
  const [one, other] = [shortId(a), shortId(b)];
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  if (typeof one === typeof other) return 0;
  return typeof one === 'number' ? -1 : 1;
}

/** Of a collection that is not there. */
const tagOf = (page: SearchPage | NoPage): string => (page.type === 'noPage' ? 'none' : page.tag);

function isRefused({ result }: Done): boolean {
  return result.type === 'noPage' && result.cause.type !== 'noCollection';
}

function answered(
  { request, share, options }: Asked,
  reading: Found,
  collection: string,
  show: (done: Done) => Shown,
): Answer {
  const { method } = request;
  const condition = parseTagCondition(request.headers);
  noteReading(request, reading);
  const { outcome, cacheStatus } = reading;
  if (outcome.type !== 'done') {
    return problemAnswer(readProblem(outcome, options), method, ['Cache-Status', cacheStatus]);
  }
  const headers = readHeaders(cacheStatus, outcome);
  const { result } = outcome;
  if (result.type === 'noPage' && isRefused(outcome)) {
    return problemAnswer(refusalOf(result, collection), method, headers);
  }
  return conditionalAnswer('list', request, share, condition, headers, show(outcome));
}

function refusalOf({ cause }: NoPage, collection: string): HttpProblem {
  if (cause.type === 'refused') return searchRefused(cause.refusal, collection);
  return definitionChanged(collection);
}

function tooMany(collection: string): HttpProblem {
  const detail = `there are more than ${pagesMax * 1000}, too many for one answer: GET /v1/collections/${collection}/items has them page by page`;
  return new HttpProblem('search_too_wide', detail);
}
