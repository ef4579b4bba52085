import test from 'ava';
import { Queue, type Queued } from '../../../src/gateway/cache/queue.ts';

interface Item extends Queued<Item> {
  readonly id: number;
}

test('a queue is walked through from the newest, and who joins as the oldest is the last', (t) => {
  const queue = new Queue<Item>();
  const item = (id: number): Item => ({ id, newer: null, older: null });
  const walked = () => [...queue.newestFirst()].map(({ id }) => id);
  t.deepEqual(walked(), []);
  queue.joinAsOldest(item(2));
  queue.join(item(3));
  queue.joinAsOldest(item(1));
  t.deepEqual(walked(), [3, 2, 1]);
  t.is(queue.oldest?.id, 1);
  queue.leave(queue.oldest as Item);
  queue.leave(queue.oldest as Item);
  t.deepEqual(walked(), [3]);
});

test('a queue gives up its items in the order they came, whoever leaves in between, and holds on to none', (t) => {
  for (const leaver of [0, 1, 2, 3]) {
    const queue = new Queue<Item>();
    const items: readonly Item[] = [0, 1, 2, 3].map((id) => ({ id, newer: null, older: null }));
    for (const item of items) queue.join(item);
    queue.leave(items[leaver] as Item);
    const left: number[] = [];
    for (let item = queue.oldest; item !== null; item = queue.oldest) {
      left.push(item.id);
      queue.leave(item);
    }
    t.deepEqual(
      left,
      [0, 1, 2, 3].filter((id) => id !== leaver),
    );
    t.true(items.every(({ newer, older }) => newer === null && older === null));
    queue.join(items[leaver] as Item);
    t.is(queue.oldest?.id, leaver);
  }
});
