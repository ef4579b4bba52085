import test from 'ava';
import type { Operation, Outcome, Request } from '../history/operation.ts';
import { KeyGroup } from './keys.ts';

function freshGroup(): KeyGroup {
  const keys = ['group-1/a', 'group-1/b'];
  return new KeyGroup({ name: 'group-1', prefix: 'group-1/', keys, operationsMax: 1000 });
}

const unknown: Outcome = { type: 'unknown' };

function end(keyGroup: KeyGroup, request: Request, outcome: Outcome): void {
  const operation: Operation = { number: 0, client: 'c', request, invokedAt: 0, returnedAt: 1, outcome };
  keyGroup.begin();
  keyGroup.end(operation);
}

const put = (key: string, value = 'v'): Request => ({ type: 'put', key, value, condition: { type: 'none' } });

test('a group is full after many operations, or after few of unknown outcome', (t) => {
  const busy = freshGroup();
  const [key = ''] = busy.keys;
  let operations = 0;
  for (; !busy.isFull; operations += 1) end(busy, { type: 'get', key }, { type: 'notApplied' });
  t.is(operations, 1000);

  const uncertain = freshGroup();
  for (operations = 0; !uncertain.isFull; operations += 1) end(uncertain, put(key), unknown);
  t.is(operations, 60);
});

test('it is quiet when all that was asked has an outcome; reads that failed are no part of the history', (t) => {
  const group = freshGroup();
  t.true(group.isQuiet);
  group.begin();
  group.begin();
  group.end(null);
  t.false(group.isQuiet);
  end(group, put('group-1/a'), unknown);
  group.end(null);
  t.true(group.isQuiet);
  t.is(group.operations.length, 1);
});

test('it knows the revision that was heard of last', (t) => {
  const group = freshGroup();
  const [key = '', other = ''] = group.keys;
  const seen = () => [group.lastSeen(key), group.lastSeen(other)];
  t.deepEqual(seen(), [0, 0]);
  end(group, put(key), { type: 'answered', reply: { type: 'put', revision: 5, version: 1, created: true } });
  t.deepEqual(seen(), [5, 0]);
  end(group, put(key), unknown);
  t.deepEqual(seen(), [5, 0]);
  end(group, put(key), { type: 'answered', reply: { type: 'conditionFailed', current: 8 } });
  t.deepEqual(seen(), [8, 0]);
  const item = { key, value: 'v', modRevision: 9 };
  end(group, { type: 'get', key }, { type: 'answered', reply: { type: 'got', revision: 20, item } });
  t.deepEqual(seen(), [9, 0]);
  const remove: Request = { type: 'delete', key, condition: { type: 'none' } };
  end(group, remove, { type: 'answered', reply: { type: 'deleted', revision: 21 } });
  t.deepEqual(seen(), [0, 0]);
});

test('its successor begins with what a list showed, and with the writes of unknown outcome that nobody has seen', (t) => {
  const group = freshGroup();
  const remove: Request = { type: 'delete', key: 'group-1/b', condition: { type: 'none' } };
  end(group, put('group-1/a', 'v1'), unknown);
  end(group, put('group-1/a', 'v2'), unknown);
  end(group, put('group-1/a', 'v3'), unknown);
  end(group, remove, unknown);
  const seen = { key: 'group-1/a', value: 'v1', modRevision: 3 };
  end(group, { type: 'get', key: 'group-1/a' }, { type: 'answered', reply: { type: 'got', revision: 3, item: seen } });
  const items = [{ key: 'group-1/a', value: 'v2', modRevision: 7, version: 4 }];
  const list: Operation = {
    ...{ number: 9, client: 'c', invokedAt: 5, returnedAt: 6 },
    request: { type: 'list', prefix: 'group-1/', limit: 3 },
    outcome: { type: 'answered', reply: { type: 'listed', revision: 8, items, more: false } },
  };
  const next = group.successor('group-1.2', list);
  t.is(next.name, 'group-1.2');
  t.deepEqual(next.keys, group.keys);
  t.deepEqual(
    next.opening.map(({ request, outcome }) => ({ request, outcome })),
    [
      {
        request: put('group-1/a', 'v2'),
        outcome: { type: 'answered', reply: { type: 'put', revision: 7, version: 4, created: false } },
      },
    ],
  );
  t.deepEqual(
    next.operations.map(({ request }) => request),
    [put('group-1/a', 'v3'), remove],
  );
  t.is(next.recorded, 0, 'they were counted where they ended');
  end(next, put('group-1/a', 'v4'), unknown);
  t.is(next.recorded, 1);
});
