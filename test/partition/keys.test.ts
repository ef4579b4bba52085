import test from 'ava';
import type { Operation, Outcome, Request } from '../history/operation.ts';
import { KeyGroup } from './keys.ts';

const unknown: Outcome = { type: 'unknown' };

function end(group: KeyGroup, request: Request, outcome: Outcome): void {
  const operation: Operation = { number: 0, client: 'c', request, invokedAt: 0, returnedAt: 1, outcome };
  group.begin();
  group.end(operation);
}

const put = (key: string): Request => ({ type: 'put', key, value: 'v', condition: { type: 'none' } });

test('keys have a prefix of their own, which is that of no other group', (t) => {
  const [one, eleven] = [new KeyGroup(1), new KeyGroup(11)];
  t.true(one.keys.every((key) => key.startsWith(one.prefix)));
  t.false(eleven.keys.some((key) => key.startsWith(one.prefix)));
});

test('a group is full after many operations, or after few of unknown outcome', (t) => {
  const busy = new KeyGroup(1);
  const [key = ''] = busy.keys;
  let operations = 0;
  for (; !busy.isFull; operations += 1) end(busy, { type: 'get', key }, { type: 'notApplied' });
  t.is(operations, 1000);

  const uncertain = new KeyGroup(2);
  for (operations = 0; !uncertain.isFull; operations += 1) end(uncertain, put(key), unknown);
  t.is(operations, 60);
});

test('it is quiet when all that was asked has an outcome; reads that failed are no part of the history', (t) => {
  const group = new KeyGroup(1);
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
  const group = new KeyGroup(1);
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
