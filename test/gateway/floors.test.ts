import test from 'ava';
import { Floors } from '../../src/gateway/floors.ts';
import { touchOfKey } from '../../src/store/client.ts';

test('what was read at a floor passes, what was read below it does not', (t) => {
  const floors = new Floors();
  floors.raise(7, 10);
  t.false(floors.admits(9, [7]));
  t.true(floors.admits(10, [7]));
  t.true(floors.admits(0, [8]));
});

test('a floor never falls, nor does the base floor', (t) => {
  const floors = new Floors();
  floors.raise(7, 10);
  floors.raise(7, 4);
  t.false(floors.admits(9, [7]));
  floors.raiseBase(20);
  floors.raiseBase(15);
  t.false(floors.admits(19, [8]));
  t.true(floors.admits(20, [7, 8]));
});

test('one touched name is enough to refuse', (t) => {
  const floors = new Floors();
  floors.raise(2, 10);
  t.false(floors.admits(9, [1, 2, 3]));
  t.true(floors.admits(9, [1, 3]));
});

test('the base floor stands below what touches nothing', (t) => {
  const floors = new Floors();
  t.true(floors.admits(0, []));
  floors.raiseBase(1);
  t.false(floors.admits(0, []));
});

test('touches up to 2^32 and indexes up to 2^53 keep all their bits', (t) => {
  const floors = new Floors();
  floors.raise(2 ** 32 - 1, Number.MAX_SAFE_INTEGER);
  t.false(floors.admits(Number.MAX_SAFE_INTEGER - 1, [2 ** 32 - 1]));
  t.true(floors.admits(Number.MAX_SAFE_INTEGER, [2 ** 32 - 1]));
  t.true(floors.admits(0, [2 ** 31 - 2]));
});

test('names that share a floor cost each other hits, never freshness', (t) => {
  const floors = new Floors();
  floors.raise(5 + 262_144, 10);
  t.false(floors.admits(9, [5]));
  t.true(floors.admits(9, [6]));
});

test('writes to twenty thousand other keys cost one answer in ten at most', (t) => {
  const floors = new Floors();
  for (let nth = 0; nth < 20_000; nth += 1) floors.raise(touchOfKey(`orders/${nth % 50}/${nth}`), 2);
  let admitted = 0;
  for (let nth = 0; nth < 10_000; nth += 1) if (floors.admits(1, [touchOfKey(`books/${nth}`)])) admitted += 1;
  t.log(`${admitted} of 10,000 pass`);
  t.true(admitted > 9000);
});
