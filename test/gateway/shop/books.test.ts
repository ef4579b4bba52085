import test from 'ava';
import books from '../../../src/gateway/shop/books.json' with { type: 'json' };
import { type Asked, openShop } from './shop.ts';

const idsIn = ({ json }: Asked) => (json as { items: { id: string }[] }).items.map(({ id }) => id);
const shortIds = ({ json }: Asked) => (json as { id: number }[]).map(({ id }) => id);

test.serial('there are eleven books, with the titles and topics that they have always had', async (t) => {
  const shop = await openShop(t);
  const answer = await shop.get('/v1/books');
  t.is(answer.status, 200);
  const { items, cursor } = answer.json as { items: typeof books; cursor: string | null };
  t.is(cursor, null);
  t.deepEqual(
    [...items]
      .sort((a, b) => Number(a.id) - Number(b.id))
      .map(({ id, title, topic }) => [id, title, topic])
      .filter(([id]) => !['5', '6', '7', '8'].includes(id ?? '')),
    [
      ['1', 'How to get a good grade in DOS in 40 minutes a day', 'distributed systems'],
      ['2', 'RPCs for Noobs', 'distributed systems'],
      ['3', 'Xen and the Art of Surviving Undergraduate School', 'undergraduate school'],
      ['4', 'Cooking for the Impatient Undergrad', 'undergraduate school'],
      ['9', 'How to finish Project 3 on time', 'education'],
      ['10', 'Why theory classes are so hard', 'education'],
      ['11', 'Spring in the Pioneer Valley', 'nature'],
    ],
  );
  t.is(items.length, 11);
  t.is(items.find(({ id }) => id === '9')?.stock, 15);
  t.deepEqual([...new Set(items.map(({ topic }) => topic))].length, 6);
  t.deepEqual(Object.keys(items[0] ?? {}), ['id', 'title', 'topic', 'price', 'stock']);
});

test.serial(
  'books are found by their topic and by words of their title, whatever the case, page by page',
  async (t) => {
    const shop = await openShop(t);
    t.deepEqual(idsIn(await shop.get('/v1/books?topic=DISTRIBUTED%20systems')), ['1', '2']);
    t.deepEqual(idsIn(await shop.get('/v1/books?topic=systems')), ['5', '6']);
    t.deepEqual(idsIn(await shop.get('/v1/books?q=undergraduate+Xen')), ['3']);
    t.deepEqual(idsIn(await shop.get('/v1/books?q=on+time&topic=education')), ['9']);
    t.deepEqual(idsIn(await shop.get('/v1/books?q=nothing')), []);
    const all: string[] = [];
    let target = '/v1/books?limit=4';
    for (let pages = 1; ; pages += 1) {
      const page = await shop.get(target);
      all.push(...idsIn(page));
      const { cursor } = page.json as { cursor: string | null };
      if (cursor === null) {
        t.is(pages, 3);
        break;
      }
      target = `/v1/books?limit=4&cursor=${encodeURIComponent(cursor)}`;
    }
    t.deepEqual([...all].sort(), books.map(({ id }) => id).sort());
  },
);

test.serial('the short forms have numbers as ids and plain arrays, under each of their paths', async (t) => {
  const shop = await openShop(t);
  const distributed = [
    { id: 1, title: 'How to get a good grade in DOS in 40 minutes a day', topic: 'distributed systems' },
    { id: 2, title: 'RPCs for Noobs', topic: 'distributed systems' },
  ];
  for (const base of ['', '/catalog-service']) {
    t.deepEqual((await shop.get(`${base}/search/distributed%20systems`)).json, distributed);
    t.deepEqual((await shop.get(`${base}/info/9`)).json, {
      ...{ id: 9, title: 'How to finish Project 3 on time', topic: 'education' },
      ...{ price: 990, quantity: 15 },
    });
  }
  t.deepEqual(shortIds(await shop.get('/search/SYSTEMS')), [1, 2, 5, 6]);
  t.true(shortIds(await shop.get('/search/t')).includes(2));
  t.deepEqual((await shop.get('/search/no%20such%20topic')).json, []);
  const all = await shop.get('/api/catalog/books');
  t.is((all.json as unknown[]).length, 11);
  t.deepEqual(Object.keys((all.json as object[])[0] ?? {}), ['id', 'title', 'topic', 'price', 'quantity']);
});

test.serial(
  'an answer has the headers of every read, is not sent again to whoever has it, and has a head',
  async (t) => {
    const shop = await openShop(t);
    for (const [path, tag] of [
      ['/v1/books', /^W\/"[\w-]{22}"$/],
      ['/search/systems', /^W\/"[\w-]{22}"$/],
      ['/v1/books/9', /^"\d+"$/],
      ['/info/10', /^"\d+"$/],
    ] as const) {
      const answer = await shop.get(path);
      t.is(answer.headers['content-type'], 'application/json', path);
      t.regex(String(answer.headers['bazar-revision']), /^\d+$/, path);
      t.is(answer.headers['bazar-served-by'], 'r1', path);
      t.regex(String(answer.headers.etag), tag, path);
      const same = await shop.get(path, { 'If-None-Match': String(answer.headers.etag) });
      t.deepEqual([same.status, same.text, same.cache], [304, '', 'hit'], path);
      t.is(same.headers['bazar-served-by'], 'g1', path);
      const head = await shop.send('HEAD', path);
      t.deepEqual(
        [head.status, head.headers['content-length'], head.text],
        [200, answer.headers['content-length'], ''],
        path,
      );
      t.is((await shop.get(path, { 'If-Match': '"1"' })).status, 412, path);
    }
  },
);

test.serial('who asks for what is cached alone is not answered by a replica', async (t) => {
  const shop = await openShop(t);
  const onlyIfCached = { 'Cache-Control': 'only-if-cached' };
  for (const path of ['/v1/books', '/search/t', '/info/9']) {
    t.is((await shop.get(path, onlyIfCached)).status, 504, path);
    const { text } = await shop.get(path);
    t.is(
      (await shop.get(path, onlyIfCached)).text.replace(/^."revision":\d+/, ''),
      text.replace(/^."revision":\d+/, ''),
    );
  }
});

test.serial('a shop that nobody has filled has no books, no orders and no employees, and says so', async (t) => {
  const shop = await openShop(t, { isSeeded: false });
  for (const path of ['/v1/books', '/v1/orders']) {
    t.like((await shop.get(path)).json, { items: { length: 0 }, cursor: null }, path);
  }
  for (const path of ['/search/t', '/api/catalog/books', '/employees']) {
    t.deepEqual((await shop.get(path)).json, [], path);
  }
  for (const [path, code] of [
    ['/info/1', 'book_not_found'],
    ['/v1/books/1', 'book_not_found'],
    ['/v1/orders/1', 'order_not_found'],
    ['/employees/1', 'employee_not_found'],
  ] as const) {
    const answer = await shop.get(path);
    t.deepEqual([answer.status, (answer.json as { code: string }).code], [404, code], path);
  }
  const refused = await shop.send('POST', '/purchase/1');
  t.like(refused.json, { status: 404, code: 'book_not_found', outcome: 'not_applied' });
  const updated = await shop.send('PUT', '/update/1', { price: 1 });
  t.like(updated.json, { status: 404, code: 'book_not_found', outcome: 'not_applied' });
});
