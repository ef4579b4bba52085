import test from 'ava';
import { openShop, type TestGateway } from './shop.ts';

const order = (shop: TestGateway, book: string, quantity: number, key: string) =>
  shop.send('POST', '/v1/orders', { book, quantity }, { 'Idempotency-Key': key });

interface Ordered {
  readonly id: string;
  readonly stock: number;
  readonly revision: number;
}

test.serial('an order takes copies of the book, names itself, and is found by its id and by its book', async (t) => {
  const shop = await openShop(t);
  const placed = await order(shop, '9', 2, 'a');
  t.is(placed.status, 201, placed.text);
  const { id, revision } = placed.json as Ordered;
  t.deepEqual(placed.json, { id, book: '9', quantity: 2, price: 990, stock: 13, revision });
  t.regex(id, /^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  t.is(placed.headers['bazar-revision'], String(revision));
  const record = { id, book: '9', quantity: 2, price: 990 };
  t.deepEqual((await shop.get(String(placed.headers.location))).json, record);
  await order(shop, '2', 1, 'b');
  t.like((await shop.get('/v1/orders?book=9')).json, { items: [record], cursor: null });
  t.is(((await shop.get('/v1/orders')).json as { items: unknown[] }).items.length, 2);
  t.like((await shop.get('/v1/orders?book=1')).json, { items: { length: 0 } });
});

test.serial(
  'the same request with the same key is answered as it was, whatever has become of the book, by any gateway',
  async (t) => {
    const shop = await openShop(t, { gateways: 2 });
    const [one, two] = shop.gateways as [TestGateway, TestGateway];
    const first = await order(one, '9', 15, 'a');
    t.is(first.status, 201);
    t.is(first.headers['idempotency-replayed'], undefined);
    const soldOut = await order(one, '9', 1, 'b');
    t.like(soldOut.json, { status: 409, code: 'sold_out', outcome: 'not_applied' });
    await shop.send('PUT', '/update/9', { price: 5, quantity: 100 });
    for (const gateway of [one, two]) {
      for (const [before, key, quantity] of [
        [first, 'a', 15],
        [soldOut, 'b', 1],
      ] as const) {
        const again = await order(gateway, '9', quantity, key);
        t.deepEqual([again.status, again.json], [before.status, before.json], key);
        t.is(again.headers['idempotency-replayed'], '?1');
        for (const name of ['location', 'bazar-revision', 'content-type']) {
          t.is(again.headers[name], before.headers[name], name);
        }
      }
    }
    const other = await order(two, '9', 14, 'a');
    t.like(other.json, { status: 422, code: 'idempotency_mismatch' });
    t.like((await shop.get('/info/9')).json, { price: 5, quantity: 100 });
  },
);

test.serial('every form of a purchase buys, and those that name no key buy each time they come', async (t) => {
  const shop = await openShop(t);
  const uuid = 'd9a1';
  for (const [path, body, stock] of [
    ['/purchase/2', undefined, 59],
    ['/purchase/2', undefined, 58],
    ['/purchase/2', { quantity: 3 }, 55],
    ['/order-service/purchase', { book_id: 2 }, 54],
    ['/order-service/purchase', { book_id: '2', quantity: 2 }, 52],
    ['/api/order/books/purchase/2', { uuid, quantity: 2 }, 50],
    ['/api/order/books/purchase/2', { uuid, quantity: 2 }, 50],
  ] as const) {
    const bought = await shop.send('POST', path, body);
    t.is(bought.status, 201, bought.text);
    t.like(bought.json, { book: 2, title: 'RPCs for Noobs', price: 2450, stock });
  }
  t.like((await shop.get('/info/2')).json, { quantity: 50 });
  t.is(((await shop.get('/v1/orders?book=2')).json as { items: unknown[] }).items.length, 6);
});

test.serial('books whose ids differ by case alone have orders of their own', async (t) => {
  const shop = await openShop(t);
  for (const id of ['a', 'A']) {
    await shop.send('PUT', `/v1/collections/books/items/${id}`, { id, title: id, topic: id, price: 1, stock: 5 });
    t.is((await order(shop, id, 1, id)).status, 201);
  }
  for (const book of ['a', 'A']) t.like((await shop.get(`/v1/orders?book=${book}`)).json, { items: [{ book }] });
});

test.serial('two hundred who want fifty copies at two gateways get fifty between them', async (t) => {
  const shop = await openShop(t, { gateways: 2 });
  await shop.send('PUT', '/update/3', { quantity: 50 });
  const clients = Array.from({ length: 200 }, (_, nth) => nth);
  const at = (nth: number) => shop.gateways[nth % 2] as TestGateway;
  const answers = await Promise.all(clients.map((nth) => order(at(nth), '3', 1, `client ${nth}`)));
  const bought = answers.filter(({ status }) => status === 201);
  t.is(bought.length, 50);
  t.true(answers.every(({ status, json }) => status === 201 || (json as { code: string }).code === 'sold_out'));
  t.deepEqual(
    bought.map(({ json }) => (json as Ordered).stock).sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, left) => left),
  );
  t.like((await shop.get('/info/3')).json, { quantity: 0 });
  const orders = (await shop.get('/v1/orders?book=3&limit=1000')).json as { items: { id: string }[] };
  t.deepEqual(orders.items.map(({ id }) => id).sort(), bought.map(({ json }) => (json as Ordered).id).sort());
  const again = await Promise.all(clients.map((nth) => order(at(nth + 1), '3', 1, `client ${nth}`)));
  t.deepEqual(
    again.map(({ json }) => json),
    answers.map(({ json }) => json),
  );
});

test.serial(
  'an order has the price that the book has when it is bought, while the price is changed all the time',
  async (t) => {
    const shop = await openShop(t, { gateways: 2 });
    const [one, two] = shop.gateways as [TestGateway, TestGateway];
    let isOver = false;
    const changing = (async () => {
      for (let price = 1; !isOver; price += 1) await two.send('PUT', '/update/2', { price });
    })();
    const answers = [];
    for (let nth = 0; nth < 20; nth += 1) answers.push(await order(one, '2', 1, `price ${nth}`));
    isOver = true;
    await changing;
    for (const answer of answers) {
      if (answer.status !== 201) {
        t.is((answer.json as { code: string }).code, 'conflict');
        continue;
      }
      const { price } = answer.json as { price: number };
      t.like((await one.get(String(answer.headers.location))).json, { price });
    }
    t.true(answers.some(({ status }) => status === 201));
    for (const [nth, answer] of answers.entries()) {
      t.deepEqual((await order(two, '2', 1, `price ${nth}`)).json, answer.json);
    }
  },
);
