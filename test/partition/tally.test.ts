import test from 'ava';
import type { Operation, Outcome, Request } from '../history/operation.ts';
import { Tally } from './tally.ts';

const put: Request = { type: 'put', key: 'k', value: 'v', condition: { type: 'none' } };
const get: Request = { type: 'get', key: 'k' };
const acknowledged: Outcome = {
  type: 'answered',
  reply: { type: 'put', revision: 1, version: 1, created: true },
};
const conditionFailed: Outcome = { type: 'answered', reply: { type: 'conditionFailed', current: 0 } };
const got: Outcome = { type: 'answered', reply: { type: 'got', revision: 1, item: null } };

function operation(request: Request, outcome: Outcome, invokedAt: number, returnedAt: number): Operation {
  return { number: 0, client: 'c', request, invokedAt, returnedAt, outcome };
}

test('operations are counted in the second in which they end, and reads that failed are not recorded', (t) => {
  const tally = new Tally();
  tally.record(operation(put, acknowledged, 500, 900));
  tally.record(operation(put, conditionFailed, 900, 1100));
  tally.record(operation(get, got, 1000, 1200));
  tally.record(operation(put, { type: 'unknown' }, 1100, 2999));
  tally.record(operation(put, { type: 'notApplied' }, 1100, 2500));
  tally.record(operation(get, { type: 'notApplied' }, 1100, 2500));
  const nothing = { acknowledgedWrites: 0, otherWrites: 0, reads: 0, notApplied: 0, unknown: 0 };
  t.deepEqual(tally.seconds, [
    { ...nothing, acknowledgedWrites: 1 },
    { ...nothing, otherWrites: 1, reads: 1 },
    { ...nothing, notApplied: 2, unknown: 1 },
  ]);
  t.is(tally.recorded, 5);
  t.is(tally.outcomes.get('put acknowledged'), 1);
});

test('the longest gap is between two acknowledged writes, or before the first', (t) => {
  const tally = new Tally();
  for (const at of [100, 400, 1400, 1500]) tally.record(operation(put, acknowledged, at - 50, at));
  t.deepEqual(tally.longestGap, { fromMs: 400, lengthMs: 1000 });
});

test('a wait ends with the first acknowledged write that was asked after it began', (t) => {
  const tally = new Tally();
  const waits: number[] = [];
  const before = tally.now();
  tally.onNextAcknowledged((afterMs) => waits.push(afterMs));
  const after = tally.now();
  tally.record(operation(put, acknowledged, 0, after + 10));
  tally.record(operation(put, conditionFailed, after + 1, after + 20));
  t.deepEqual(waits, []);
  tally.record(operation(put, acknowledged, after + 1, after + 30));
  tally.record(operation(put, acknowledged, after + 1, after + 40));
  t.is(waits.length, 1);
  t.true((waits[0] ?? 0) >= 30 && (waits[0] ?? 0) <= 30 + after - before);
});
