import test from 'ava';
import { seedShop } from '../../../src/gateway/shop/seed.ts';
import { asSeeder, openShop } from './shop.ts';

const count = async (shop: { get(path: string): Promise<{ json: unknown }> }) =>
  ((await shop.get('/v1/books')).json as { items: unknown[] }).items.length;

test.serial('an empty cluster gets the books once, whoever else puts them and however often', async (t) => {
  const shop = await openShop(t, { gateways: 2, isSeeded: false });
  const seeded = await Promise.all(shop.gateways.map((gateway) => seedShop(asSeeder(gateway))));
  t.deepEqual(seeded.map(({ type }) => type).sort(), ['kept', 'put']);
  t.is(await count(shop), 11);
  await shop.send('DELETE', '/v1/collections/books/items/5');
  await shop.send('POST', '/purchase/9');
  t.deepEqual(await seedShop(asSeeder(shop)), { type: 'kept' });
  t.is(await count(shop), 10);
  t.like((await shop.get('/info/9')).json, { quantity: 14 });
});

test.serial('what was begun and not finished is finished', async (t) => {
  const shop = await openShop(t, { isSeeded: false });
  const ask = asSeeder(shop);
  for (const cut of ['/v1/collections/orders', '/v1/txn']) {
    const broken = seedShop((request) => {
      if (request.target === cut) throw new Error('cut off');
      return ask(request);
    });
    await t.throwsAsync(broken, { message: 'cut off' });
  }
  t.deepEqual(await seedShop(ask), { type: 'put', books: 11 });
});

test.serial('a cluster that has anything else is left alone', async (t) => {
  const withKey = await openShop(t, { isSeeded: false });
  await withKey.send('PUT', '/v1/kv/mine', 'x');
  t.deepEqual(await seedShop(asSeeder(withKey)), { type: 'kept' });
  const withCollection = await openShop(t, { isSeeded: false });
  await withCollection.send('PUT', '/v1/collections/mine', { idField: 'id', indexes: [] });
  t.deepEqual(await seedShop(asSeeder(withCollection)), { type: 'kept' });
  t.is(await count(withCollection), 0);
});

test('a gateway that refuses is named with what it said', async (t) => {
  const refusing = seedShop(async () => ({ status: 503, body: 'no leader' }));
  await t.throwsAsync(refusing, { message: /GET \/v1\/kv\?limit=1&keysOnly was answered with 503: no leader/ });
});
