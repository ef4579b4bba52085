import test, { type ExecutionContext } from 'ava';
import { openShop, type Shop, type TestGateway } from './shop.ts';

/** Reads of all kinds; each is asked for until it is a hit. */
const reads = {
  book: '/v1/books/9',
  info: '/info/2',
  anotherInfo: '/info/3',
  books: '/v1/books',
  booksOfItsTopic: '/v1/books?topic=education',
  booksOfAnotherTopic: '/v1/books?topic=nature',
  topic: '/search/education',
  partOfTopic: '/search/t',
  wordOfTitle: '/v1/collections/books/items?q=project&fields=title',
  exactTopic: '/v1/collections/books/items?topic=education&fields=id,title',
  anotherExactTopic: '/v1/collections/books/items?topic=nature&fields=id,title',
  cheap: '/v1/collections/books/items?price.lt=1000&fields=id',
  scarce: '/v1/collections/books/items?stock.lt=20&fields=id',
  orders: '/v1/orders',
  itsOrders: '/v1/orders?book=9',
  ordersOfAnother: '/v1/orders?book=2',
  employees: '/employees',
} as const;
type Read = keyof typeof reads;

async function warm(t: ExecutionContext, shop: TestGateway): Promise<void> {
  for (const [name, path] of Object.entries(reads)) {
    for (let attempt = 0; (await shop.get(path)).cache !== 'hit'; attempt += 1) {
      if (attempt > 5) t.fail(`${name} is never a hit`);
    }
  }
}

/** Which of the reads are hits no more; what they answer is held against what is not kept. */
async function ended(t: ExecutionContext, shop: TestGateway): Promise<readonly string[]> {
  const names: string[] = [];
  for (const [name, path] of Object.entries(reads)) {
    const kept = await shop.get(path);
    if (kept.cache !== 'hit') names.push(name);
    const fresh = await shop.get(path, { 'Cache-Control': 'no-cache' });
    const { revision: _, ...shown } = kept.json as Record<string, unknown>;
    const { revision: __, ...wanted } = fresh.json as Record<string, unknown>;
    t.deepEqual(shown, wanted, name);
  }
  return names;
}

async function opened(t: ExecutionContext): Promise<Shop> {
  const shop = await openShop(t);
  const first = { firstName: 'Ada', lastName: 'Lovelace', position: 'Clerk', salary: 1 };
  t.is((await shop.send('POST', '/employees', first)).status, 201);
  t.is((await shop.send('POST', '/purchase/2')).status, 201);
  await warm(t, shop);
  return shop;
}

const changes: readonly (readonly [
  what: string,
  change: (shop: TestGateway) => Promise<{ readonly status: number; readonly text: string }>,
  ends: readonly Read[],
])[] = [
  [
    'A purchase invalidates the book and only those searches whose answer it changes',
    (shop) => shop.send('POST', '/purchase/9'),
    ['book', 'books', 'booksOfItsTopic', 'scarce', 'orders', 'itsOrders'],
  ],
  [
    'another price invalidates the book, the lists that show its price, and searches by price',
    (shop) => shop.send('PUT', '/update/9', { price: 2000 }),
    ['book', 'books', 'booksOfItsTopic', 'cheap'],
  ],
  [
    'another topic invalidates the book, what shows it, and searches by a part of a topic, by its old one or its new one',
    async (shop) => {
      const { json } = await shop.get('/v1/books/9');
      return shop.send('PUT', '/v1/collections/books/items/9', { ...(json as object), topic: 'nature' });
    },
    [
      ...['book', 'books', 'booksOfItsTopic', 'booksOfAnotherTopic', 'topic', 'partOfTopic'],
      ...['exactTopic', 'anotherExactTopic'],
    ] as Read[],
  ],
];

for (const [what, change, ends] of changes) {
  test.serial(what, async (t) => {
    const shop = await opened(t);
    const changed = await change(shop);
    t.true(changed.status < 300, changed.text);
    t.deepEqual(await ended(t, shop), ends);
  });
}

test.serial('a purchase that is refused, and one that is answered again, invalidate nothing', async (t) => {
  const shop = await openShop(t);
  const again = { 'Idempotency-Key': 'a' };
  await shop.send('POST', '/v1/orders', { book: '9' }, again);
  await shop.send('POST', '/employees', { firstName: 'A', lastName: 'B', position: 'C', salary: 1 });
  const mayBeSeen = ['/info/9', '/v1/books', '/v1/orders?book=9'];
  const kept = await Promise.all(mayBeSeen.map(async (path) => (await shop.get(path)).text));
  t.is((await shop.send('POST', '/purchase/9', { quantity: 1000 })).status, 409);
  t.is((await shop.send('POST', '/v1/orders', { book: '9' }, again)).headers['idempotency-replayed'], '?1');
  const withoutRevision = (text: string) => text.replace(/"revision":\d+/, '');
  for (const [nth, path] of mayBeSeen.entries()) {
    t.is(withoutRevision((await shop.get(path)).text), withoutRevision(kept[nth] ?? ''), path);
  }
});

test.serial(
  'what a gateway keeps of a book goes from all gateways when it is told so, and nothing is lost by it',
  async (t) => {
    const shop = await openShop(t, { gateways: 2 });
    for (const gateway of shop.gateways) {
      await gateway.get('/info/9');
      await gateway.get('/info/2');
      await gateway.get('/search/education');
      t.is((await gateway.get('/info/9')).cache, 'hit');
    }
    const answer = await shop.send('POST', '/cache/invalidate', { bookId: 9 });
    t.is(answer.status, 200, answer.text);
    t.deepEqual(answer.json, {
      purged: 4,
      gateways: [
        { id: 'g1', purged: 2 },
        { id: 'g2', purged: 2 },
      ],
    });
    for (const gateway of shop.gateways) {
      t.is((await gateway.get('/info/9')).cache, 'miss');
      t.is((await gateway.get('/info/2')).cache, 'hit');
    }
    t.like((await shop.send('POST', '/cache/invalidate', { bookId: true })).json, {
      ...{ status: 400, code: 'bad_body', path: '/bookId' },
    });
  },
);
