import test from 'ava';
import type { Operation, Outcome, Request } from '../history/operation.ts';
import { checkAcknowledged } from './acknowledged.ts';

const key = 'group-1/a';
const unconditional = { condition: { type: 'none' } } as const;

let number = 0;

function operation(request: Request, outcome: Outcome, client = 'client-1'): Operation {
  number += 1;
  return { number, client, request, invokedAt: number, returnedAt: number + 0.5, outcome };
}

const put = (value: string, outcome: Outcome) => operation({ type: 'put', key, value, ...unconditional }, outcome);
const remove = (outcome: Outcome) => operation({ type: 'delete', key, ...unconditional }, outcome);

const written = (revision: number): Outcome => ({
  type: 'answered',
  reply: { type: 'put', revision, version: 1, created: true },
});
const deleted = (revision: number): Outcome => ({ type: 'answered', reply: { type: 'deleted', revision } });
const unknown: Outcome = { type: 'unknown' };
const refused: Outcome = { type: 'notApplied' };

/** `stored` null: the key is not there. */
function finalRead(stored: readonly [value: string, modRevision: number] | null, replica = 'r1'): Operation {
  const item = stored === null ? null : { key, value: stored[0], modRevision: stored[1] };
  const outcome: Outcome = { type: 'answered', reply: { type: 'got', revision: 99, item } };
  return operation({ type: 'get', key }, outcome, `final-${replica}`);
}

function messages(operations: readonly Operation[], ...finalReads: readonly Operation[]): readonly string[] {
  return checkAcknowledged(operations, finalReads).map(({ message }) => message);
}

test('the newest acknowledged write is there, whatever came before it or was refused', (t) => {
  t.deepEqual(messages([put('v1', written(3)), put('v2', written(5)), put('v3', refused)], finalRead(['v2', 5])), []);
  t.deepEqual(messages([put('v1', written(3)), remove(deleted(4))], finalRead(null)), []);
  t.deepEqual(messages([put('v1', refused)], finalRead(null)), []);
});

test('an acknowledged write that is gone, or older than another that is there, is found', (t) => {
  const writes = [put('v1', written(3)), put('v2', written(5))];
  t.regex(messages(writes, finalRead(null))[0] ?? '', /v2 of revision 5 is lost/);
  t.regex(messages(writes, finalRead(['v1', 3]))[0] ?? '', /expected v2 of revision 5, got v1 of revision 3/);
  t.is(messages([put('v1', written(3)), remove(deleted(4))], finalRead(['v1', 3])).length, 1);
});

test('a write of unknown outcome may be there or not; one that was refused may not', (t) => {
  const writes = [put('v1', written(3)), put('v2', unknown)];
  t.deepEqual(messages(writes, finalRead(['v1', 3])), []);
  t.deepEqual(messages(writes, finalRead(['v2', 9])), []);
  t.is(messages(writes, finalRead(null)).length, 1);
  t.is(messages([put('v1', written(3)), put('v2', refused)], finalRead(['v2', 9])).length, 1);
  t.deepEqual(messages([put('v1', written(3)), remove(unknown)], finalRead(null)), []);
});

test('replicas that say different things are found, and so is one that says nothing', (t) => {
  const writes = [put('v1', written(3)), put('v2', unknown)];
  t.is(messages(writes, finalRead(['v1', 3]), finalRead(['v2', 9], 'r2')).length, 1);
  t.deepEqual(messages(writes, finalRead(['v2', 9]), finalRead(['v2', 9], 'r2')), []);
  const unanswered = operation({ type: 'get', key }, refused, 'final-r2');
  t.deepEqual(messages(writes, unanswered), [`final-r2 had no answer to the final read of ${key}`]);
});

test('two acknowledged writes with one revision are found', (t) => {
  t.regex(
    messages([put('v1', written(3)), put('v2', written(3))], finalRead(['v1', 3]))[0] ?? '',
    /both have revision 3/,
  );
});
