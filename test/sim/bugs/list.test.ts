import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import test from 'ava';
import { bugNamed, knownSeedsFile, plantedBugs } from './list.ts';
import { mutated } from './planted-bug.ts';

const root = new URL('../../../', import.meta.url);

for (const bug of plantedBugs) {
  test(`${bug.name} has its place, and leaves a file that can be read`, (t) => {
    const text = readFileSync(new URL(bug.file, root), 'utf8');
    const wrong = mutated(bug, text);
    t.not(wrong, text);
    t.notThrows(() => stripTypeScriptTypes(wrong));
    t.regex(bug.name, /^[a-z0-9]+(-[a-z0-9]+)+$/);
    t.regex(bug.file, /^src\//);
  });
}

test('there are at least thirty bugs, no two alike', (t) => {
  t.true(plantedBugs.length >= 30);
  t.is(new Set(plantedBugs.map(({ name }) => name)).size, plantedBugs.length);
  t.is(new Set(plantedBugs.map(({ file, find, replace }) => `${file}\n${find}\n${replace}`)).size, plantedBugs.length);
});

test('seeds are known for bugs of the list, and for most of them', (t) => {
  const known = Object.keys(JSON.parse(readFileSync(knownSeedsFile, 'utf8')));
  for (const name of known)
    t.true(
      plantedBugs.some((bug) => bug.name === name),
      name,
    );
  t.true(known.length > 0.8 * plantedBugs.length, 'npm run sim:bugs -- --write');
});

test('a bug is asked for by its name', (t) => {
  t.is(bugNamed('vote-is-granted-twice').file, 'src/raft/election.ts');
  t.throws(() => bugNamed('no-such-bug'), { message: /no bug named no-such-bug/ });
});

test('a place that is missing, or there twice, is an error', (t) => {
  const bug = { name: 'a-bug', harm: 'none', file: 'src/a.ts', find: 'right', replace: 'wrong' };
  t.is(mutated(bug, 'it is right.'), 'it is wrong.');
  t.throws(() => mutated(bug, 'it is good.'), { message: /a-bug has 0 places in src\/a\.ts/ });
  t.throws(() => mutated(bug, 'right is right'), { message: /a-bug has 2 places/ });
});

test('what takes the place may hold any character', (t) => {
  const bug = { name: 'a-bug', harm: 'none', file: 'src/a.ts', find: 'x', replace: '$& $1 $$' };
  t.is(mutated(bug, 'a x b'), 'a $& $1 $$ b');
});
