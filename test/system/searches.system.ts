/** A thousand searches are kept; a purchase, another price and another topic end those whose answers they may change, and no others. */
import type { ExecutionContext } from 'ava';
import { type HttpAnswer, type HttpClient, json } from '../cluster/http-client.ts';
import { isHit } from './cache-status.ts';
import { fillShop, jsonBody } from './shop.ts';
import { clusterFor, systemTest } from './system-test.ts';

const topics = 350;
const booksPerTopic = 3;
const prices = 100;
/** Asked at a time. */
const width = 16;

interface Kind {
  readonly what: string;
  readonly queries: readonly string[];
}

const shown = 'fields=id,title,topic';
const some = (count: number, query: (nth: number) => string) => Array.from({ length: count }, (_, nth) => query(nth));
const kinds: readonly Kind[] = [
  { what: 'by topic', queries: some(topics, (nth) => `topic=topic+${nth}&${shown}`) },
  { what: 'by a word of the title', queries: some(topics, (nth) => `title=word${nth}&${shown}`) },
  { what: 'by topic, whole books', queries: some(200, (nth) => `topic=topic+${nth}`) },
  { what: 'by a range of prices', queries: some(prices, (nth) => `price.gte=${nth}00&price.lt=${nth}99&${shown}`) },
];
const searches = kinds.flatMap(({ queries }) => queries);

const book = (nth: number) => ({
  id: `b${nth}`,
  title: `Word${nth % topics} volume ${nth}`,
  topic: `topic ${nth % topics}`,
  price: (nth % prices) * 100 + 50,
  stock: 5,
});

function search(client: HttpClient, query: string, headers = {}): Promise<HttpAnswer> {
  return client.request('GET', '/v1/collections/books/items', { query, headers });
}

async function all(client: HttpClient, headers = {}): Promise<readonly HttpAnswer[]> {
  const answers: HttpAnswer[] = [];
  for (let from = 0; from < searches.length; from += width) {
    const next = searches.slice(from, from + width);
    answers.push(...(await Promise.all(next.map((query) => search(client, query, headers)))));
  }
  return answers;
}

const itemsOf = (answer: HttpAnswer) => JSON.stringify(json<{ items: unknown }>(answer).items);

/** How many of each kind are hits, after the answers were held against those of a replica. */
async function hits(t: ExecutionContext, client: HttpClient, after: string): Promise<readonly number[]> {
  const answers = await all(client);
  const anew = await all(client, { 'Cache-Control': 'no-cache' });
  const stale = searches.filter((_, nth) => itemsOf(answers[nth] as HttpAnswer) !== itemsOf(anew[nth] as HttpAnswer));
  t.deepEqual(stale, [], after);
  let from = 0;
  const counts = kinds.map(({ queries }) => {
    const counted = answers.slice(from, from + queries.length).filter(isHit).length;
    from += queries.length;
    return counted;
  });
  const words = kinds.map(({ what, queries }, nth) => `${counts[nth]} of ${queries.length} ${what}`);
  t.log(
    `${after}: ${counts.reduce((sum, count) => sum + count, 0)} of ${searches.length} are hits: ${words.join(', ')}`,
  );
  return counts;
}

systemTest(`of ${searches.length} kept searches a write ends those whose answer it may change`, [], async (t) => {
  const cluster = await clusterFor(t);
  const client = cluster.client();
  await fillShop(client);
  const write = async (method: string, path: string, body: unknown, headers = {}) => {
    const given = jsonBody(body);
    const answer = await client.request(method, path, { ...given, headers: { ...given.headers, ...headers } });
    t.true(answer.status === 200 || answer.status === 201, `${method} ${path}: ${answer.status} ${answer.body}`);
  };
  const books = some(topics * booksPerTopic, (nth) => JSON.stringify(book(nth)));
  for (let from = 0; from < books.length; from += 50) {
    const puts = books.slice(from, from + 50).map((text, nth) => {
      const document = JSON.parse(text) as object;
      return { op: 'put', collection: 'books', id: `b${from + nth}`, document };
    });
    await write('POST', '/v1/txn', { then: puts });
  }
  await all(client);
  const [topicHits, wordHits, wholeHits, priceHits] = kinds.map(({ queries }) => queries.length);
  t.deepEqual(await hits(t, client, 'before'), [topicHits, wordHits, wholeHits, priceHits]);

  await write('POST', '/v1/orders', { book: 'b7', quantity: 1 }, { 'Idempotency-Key': 'one' });
  t.deepEqual(await hits(t, client, 'after a purchase'), [topicHits, wordHits, Number(wholeHits) - 1, priceHits]);

  await write('PUT', '/update/b8', { price: 1234 });
  t.deepEqual(await hits(t, client, 'after another price'), [topicHits, wordHits, Number(wholeHits) - 1, 0]);

  await write('PUT', '/v1/collections/books/items/b9', { ...book(9), topic: 'topic 10' });
  const moved = [Number(topicHits) - 2, Number(wordHits) - 1, Number(wholeHits) - 2, Number(priceHits) - 1];
  t.deepEqual(await hits(t, client, 'after another topic'), moved);
});
