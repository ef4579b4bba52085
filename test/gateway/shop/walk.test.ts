import test from 'ava';
import { openShop } from './shop.ts';

const noobs = '/info/2';

test.serial('the walk of old: a miss, a hit, a purchase, and a miss again that shows it', async (t) => {
  const shop = await openShop(t);
  const first = await shop.get(noobs);
  t.deepEqual(first.json, {
    ...{ id: 2, title: 'RPCs for Noobs', topic: 'distributed systems' },
    ...{ price: 2450, quantity: 60 },
  });
  t.is(first.cache, 'miss');
  const second = await shop.get(noobs);
  t.is(second.cache, 'hit');
  t.deepEqual(second.json, first.json);
  const bought = await shop.send('POST', '/purchase/2');
  t.is(bought.status, 201, bought.text);
  t.like(bought.json, { book: 2, title: 'RPCs for Noobs', quantity: 1, price: 2450, stock: 59 });
  const third = await shop.get(noobs);
  t.is(third.cache, 'miss');
  t.like(third.json, { quantity: 59 });
  t.is((await shop.get(noobs)).cache, 'hit');
});
