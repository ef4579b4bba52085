import test from 'ava';
import { Doorkeeper } from '../../../src/gateway/cache/doorkeeper.ts';

const names = (count: number, stem: string) => Array.from({ length: count }, (_, number) => `${stem}/${number}`);

/** How many of the names it knows; from then on it knows them all. */
const known = (doorkeeper: Doorkeeper, asked: readonly string[]) =>
  asked.filter((name) => doorkeeper.knows(name)).length;

test('a name is known from its second time on', (t) => {
  const doorkeeper = new Doorkeeper(64);
  t.false(doorkeeper.knows('a'));
  t.true(doorkeeper.knows('a'));
  t.true(doorkeeper.knows('a'));
  t.false(doorkeeper.knows('b'));
});

test('a name is remembered through as many others as it should be, wherever among them it came', (t) => {
  for (let before = 0; before < 64; before += 1) {
    const doorkeeper = new Doorkeeper(64);
    known(doorkeeper, names(before, 'before'));
    doorkeeper.knows('a');
    known(doorkeeper, names(64, 'after'));
    t.true(doorkeeper.knows('a'), `after ${before}`);
  }
});

test('names age out: almost none is known after twice as many others', (t) => {
  const doorkeeper = new Doorkeeper(4096);
  const old = names(1000, 'old');
  known(doorkeeper, old);
  known(doorkeeper, names(3 * 4096, 'after'));
  t.true(known(doorkeeper, old.slice(0, 500)) < 10);
});

test('a name that keeps coming is never forgotten', (t) => {
  const doorkeeper = new Doorkeeper(64);
  doorkeeper.knows('a');
  for (const [position, name] of names(10_000, 'other').entries()) {
    doorkeeper.knows(name);
    if (position % 50 === 0 && !doorkeeper.knows('a')) return t.fail(`after ${position}`);
  }
  t.pass();
});

test('a new name is taken for a known one about once in two hundred times, however many came before', (t) => {
  const doorkeeper = new Doorkeeper(4096);
  known(doorkeeper, names(20_000, 'before'));
  const mistaken = known(doorkeeper, names(20_000, 'new'));
  t.true(mistaken < 150, `${mistaken} of 20,000`);
});

test('names that differ in one character, in case or in order are different names', (t) => {
  const doorkeeper = new Doorkeeper(1024);
  const alike = ['ab', 'ba', 'aB', 'abc', 'a', '', 'ab ', 'a\u0000b', 'äb', 'ab😀'];
  t.is(known(doorkeeper, alike), 0);
  t.is(known(doorkeeper, alike), alike.length);
});
