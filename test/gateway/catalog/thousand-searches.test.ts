import test from 'ava';
import { noDirectives } from '../../../src/gateway/cache-control.ts';
import { parseSearch } from '../../../src/gateway/catalog/search-request.ts';
import { createReader } from '../../../src/gateway/reader.ts';
import { createDirectReader, type StoreReader } from '../../../src/gateway/store.ts';
import type { JsonObject } from '../../../src/store/json.ts';
import { FakeClient } from '../fake-client.ts';
import { gatewayOptions } from '../harness.ts';
import { bookIndexes } from './fixture.ts';
import { type Known, MachineClient } from './machine-client.ts';

const range = (count: number) => Array.from({ length: count }, (_, nth) => nth);

/** 100 books on 50 topics. */
const books = range(100).map((nth) => ({
  id: `${nth}`,
  title: `Volume ${nth} of shelf ${nth % 20}`,
  topic: `topic ${nth % 50}`,
  price: 10 + (nth % 90),
  stock: 5,
}));

/** A thousand, as a shop asks them. */
const searches = [
  ...range(100).map((nth) => `topic=topic+${nth}&fields=id,title`),
  ...range(100).map((nth) => `topic=topic+${nth}&fields=title,price`),
  ...range(100).map((nth) => `topic=topic+${nth}&fields=title,price,stock`),
  ...range(100).map((nth) => `topic=topic+${nth}&sort=price&fields=title`),
  ...range(100).map((nth) => `topic=topic+${nth}&price.lt=50&fields=title`),
  ...range(100).map((nth) => `topic=topic+${nth}`),
  ...range(300).map((nth) => `q=${nth}&fields=title`),
  ...range(90).map((nth) => `price=${10 + nth}&fields=title`),
  ...['topic.contains=7&fields=title', 'stock.gt=0&fields=title', 'sort=-price&fields=title&limit=10', 'fields=title'],
  ...range(6).map((nth) => `price.gt=${20 * nth}&fields=title`),
];

type Write = (client: MachineClient, seventh: Known) => Promise<number>;

const writes: readonly (readonly [what: string, changed: JsonObject, write: Write, left: number])[] = [
  // The page with its stock, the whole one, and the one of all that are in stock.
  ['a purchase', { stock: 4 }, (client) => client.add('books', '7', 'stock', -1), 997],
  // Of its topic the pages that show its price; all that are bounded or sorted by price; those for its old and its new one.
  [
    'a price change',
    { price: 18 },
    (client, seventh) => client.put('books', '7', { ...seventh.document, price: 18 }, seventh),
    788,
  ],
  // All six of the old topic and of the new one, and the one by a part of it.
  [
    'a move to another topic',
    { topic: 'topic 8' },
    (client, seventh) => client.put('books', '7', { ...seventh.document, topic: 'topic 8' }, seventh),
    987,
  ],
];

test('of a thousand searches those that a write may change are asked anew, and none is stale', async (t) => {
  t.is(searches.length, 1000);
  const client = await MachineClient.start();
  const definition = await client.define('books', bookIndexes);
  let seventh: Known = { revision: 0, document: {} };
  for (const document of books) {
    const revision = await client.put('books', document.id, document, null);
    if (document.id === '7') seventh = { revision, document };
  }
  const caching = { coherence: 'validate', cache: { cacheBytes: 64 * 1024 * 1024 } } as const;
  const { reader, close } = createReader({ ...gatewayOptions(new FakeClient()), client, caching });
  t.teardown(close);
  const queries = searches.map((search) => parseSearch(definition, new Map(new URLSearchParams(search))));
  const readAll = (from: StoreReader) =>
    Promise.all(
      queries.map(async (query) => {
        const { cacheResult, outcome } = await from.read(query, { timeoutMs: 5000, directives: noDirectives });
        if (outcome.type !== 'done' || outcome.result.type !== 'search') throw new Error('there is no page');
        return { isHit: cacheResult === 'hit', shown: outcome.result.rest.toString() };
      }),
    );
  let before = await readAll(reader);
  for (const [what, changed, write, left] of writes) {
    seventh = { revision: await write(client, seventh), document: { ...seventh.document, ...changed } };
    const after = await readAll(reader);
    const replica = await readAll(createDirectReader(client));
    const stale = searches.filter((_, nth) => after[nth]?.shown !== replica[nth]?.shown);
    t.deepEqual(stale, [], what);
    const hits = after.filter(({ isHit }) => isHit).length;
    const changes = after.filter(({ shown }, nth) => shown !== before[nth]?.shown).length;
    t.log(`${what}: ${hits} hits, ${changes} other answers`);
    t.is(hits, left, what);
    before = after;
  }
});
