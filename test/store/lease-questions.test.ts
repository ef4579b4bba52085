import test from 'ava';
import { LeaseQuestions } from '../../src/store/lease-questions.ts';

/** Each is heard at ten times the number of the round before it. */
function given(...asked: readonly (readonly [request: number, round: number])[]): LeaseQuestions {
  const questions = new LeaseQuestions();
  for (const [request, round] of asked) if (questions.isNew(request)) questions.add({ request, round, at: 10 * round });
  return questions;
}

test('what is asked for is proven by a round that left after it, and by none before', (t) => {
  const questions = given([1, 4]);
  t.is(questions.proven(3), null);
  t.is(questions.proven(4), null);
  t.deepEqual(questions.proven(5), { request: 1, round: 4, at: 40 });
  t.is(questions.proven(6), null, 'it is answered once');
});

test('a round proves the newest that was asked for before it left, and what came later waits for another', (t) => {
  const questions = given([1, 4], [2, 5], [3, 6]);
  t.like(questions.proven(6), { request: 2 });
  t.is(questions.proven(6), null);
  t.like(questions.proven(9), { request: 3 });
});

test('of what was asked for between two rounds the last one counts', (t) => {
  const questions = given([1, 4], [2, 4], [3, 4]);
  t.like(questions.proven(5), { request: 3 });
  t.is(questions.proven(6), null);
});

test('what comes twice, or after a later one, is not new', (t) => {
  const questions = given([3, 4]);
  for (const request of [0, 2, 3]) t.false(questions.isNew(request));
  t.true(questions.isNew(4));
});

test('what is given up is not answered, nor heard any more when it comes only then', (t) => {
  const questions = given([1, 4], [2, 5]);
  t.true(questions.giveUp(3));
  t.is(questions.proven(9), null);
  t.false(questions.isNew(3));
  t.true(questions.isNew(4));
});

test('what gives up less than was asked for since gives up nothing', (t) => {
  const questions = given([1, 4], [2, 5]);
  t.false(questions.giveUp(1));
  t.like(questions.proven(9), { request: 2 });
  t.true(questions.giveUp(2), 'again, it says the same');
});

test('however long no round is acknowledged, a few questions are kept', (t) => {
  const questions = given(...Array.from({ length: 1000 }, (_, nth) => [nth + 1, nth] as const));
  t.is(questions.proven(996), null);
  t.like(questions.proven(998), { request: 998 });
});
