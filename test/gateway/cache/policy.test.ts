import test from 'ava';
import { type CachePolicy, cachePolicies, createPolicy, type Evictable } from '../../../src/gateway/cache/policy.ts';
import { SeededRandom } from '../../raft/seeded-random.ts';

interface Item extends Evictable<Item> {
  readonly id: number;
}

const itemOf = (id: number): Item => ({ id, newer: null, older: null, visited: false });

/** A policy in its plainest form: arrays from the oldest to the newest, and no thought of cost. */
interface Model {
  added(id: number): void;
  addedAsColdest(id: number): void;
  used(id: number): void;
  removed(id: number): void;
  next(): number | null;
  hottest(): readonly number[];
}

function without(ids: number[], id: number): void {
  ids.splice(ids.indexOf(id), 1);
}

function arrivalModel(isMovedByUse: boolean): Model {
  const ids: number[] = [];
  return {
    added: (id) => ids.push(id),
    addedAsColdest: (id) => ids.unshift(id),
    hottest: () => ids.toReversed(),
    used(id) {
      if (!isMovedByUse) return;
      without(ids, id);
      ids.push(id);
    },
    removed: (id) => without(ids, id),
    next: () => ids[0] ?? null,
  };
}

function sieveModel(): Model {
  const ids: number[] = [];
  const visited = new Set<number>();
  /** Null: at the oldest, whoever that will be. */
  let hand: number | null = null;
  return {
    added: (id) => ids.push(id),
    addedAsColdest: (id) => ids.unshift(id),
    hottest: () => [true, false].flatMap((isVisited) => ids.toReversed().filter((id) => visited.has(id) === isVisited)),
    used: (id) => visited.add(id),
    removed(id) {
      if (hand === id) hand = ids[ids.indexOf(id) + 1] ?? null;
      without(ids, id);
      visited.delete(id);
    },
    next() {
      for (hand ??= ids[0] ?? null; hand !== null && visited.delete(hand); ) {
        hand = ids[(ids.indexOf(hand) + 1) % ids.length] ?? null;
      }
      return hand;
    },
  };
}

const models: Readonly<Record<CachePolicy, () => Model>> = {
  sieve: sieveModel,
  lru: () => arrivalModel(true),
  ttl: () => arrivalModel(false),
};

for (const name of cachePolicies) {
  test(`${name} chooses as its model does, through any trace`, (t) => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const random = new SeededRandom(seed);
      const policy = createPolicy<Item>(name);
      const model = models[name]();
      const present: Item[] = [];
      const itemsMax = random.integer(1, 30);
      const remove = (item: Item) => {
        policy.removed(item);
        model.removed(item.id);
        present.splice(present.indexOf(item), 1);
      };
      for (let step = 0; step < 1000; step += 1) {
        const hottest = [...policy.hottest()].map(({ id }) => id);
        if (hottest.join() !== model.hottest().join()) return t.fail(`seed ${seed}, step ${step}: ${hottest}`);
        const drawn = random.next();
        if (present.length > 0 && drawn < 0.5) {
          const item = random.pick(present);
          policy.used(item);
          model.used(item.id);
        } else if (present.length > 0 && drawn < 0.6) {
          remove(random.pick(present));
        } else if (present.length === itemsMax || drawn < 0.65) {
          const item = policy.next();
          if (item?.id !== (model.next() ?? undefined)) return t.fail(`seed ${seed}, step ${step}`);
          // Asked and not obeyed is allowed.
          if (item !== null && random.chance(0.9)) remove(item);
        } else {
          const item = itemOf(step);
          const add = random.chance(0.3) ? 'addedAsColdest' : 'added';
          policy[add](item);
          model[add](item.id);
          present.push(item);
        }
      }
      for (let item = policy.next(); item !== null; item = policy.next()) {
        if (item.id !== model.next()) return t.fail(`seed ${seed}, emptied`);
        remove(item);
      }
      if (present.length !== 0) return t.fail(`seed ${seed}: ${present.length} items were never chosen`);
    }
    t.pass();
  });

  test(`${name} has nobody to choose when it is empty, at first and again`, (t) => {
    const policy = createPolicy<Item>(name);
    t.is(policy.next(), null);
    const item = itemOf(1);
    policy.added(item);
    t.is(policy.next(), item);
    policy.removed(item);
    t.is(policy.next(), null);
  });
}

/** Who goes of 1, 2 and 3, in that order, after 1 was used. */
function order(policyName: CachePolicy): readonly number[] {
  const policy = createPolicy<Item>(policyName);
  const items = [1, 2, 3].map(itemOf);
  for (const item of items) policy.added(item);
  policy.used(items[0] as Item);
  const gone: number[] = [];
  for (let item = policy.next(); item !== null; item = policy.next()) {
    gone.push(item.id);
    policy.removed(item);
  }
  return gone;
}

test('one use saves from lru and sieve, and not from ttl', (t) => {
  t.deepEqual(order('lru'), [2, 3, 1]);
  t.deepEqual(order('sieve'), [2, 3, 1]);
  t.deepEqual(order('ttl'), [1, 2, 3]);
});

test('in sieve the hand goes on from where it stood, past what it has spared', (t) => {
  const policy = createPolicy<Item>('sieve');
  const [first, second, third] = [itemOf(1), itemOf(2), itemOf(3)];
  for (const item of [first, second]) policy.added(item);
  policy.used(first);
  t.is(policy.next(), second);
  policy.removed(second);
  policy.added(third);
  // From the oldest it would be the first, whose bit is gone.
  t.is(policy.next(), first);
  policy.used(first);
  t.is(policy.next(), third);
});

test('in sieve the hand does not walk past everybody in one turn, though all were used', (t) => {
  const policy = createPolicy<Item>('sieve');
  const items = Array.from({ length: 100_000 }, (_, id) => itemOf(id));
  for (const item of items) {
    policy.added(item);
    policy.used(item);
  }
  for (let nth = 1; nth <= 3; nth += 1) {
    const chosen = policy.next() as Item;
    policy.removed(chosen);
    const passed = items.filter(({ visited }) => !visited).length;
    t.true(passed <= 1024 * nth, `${passed} were passed by`);
    // All before it have been spared, and none behind it.
    t.is(passed, chosen.id - (nth - 1));
  }
});
