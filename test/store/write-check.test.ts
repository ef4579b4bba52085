import test from 'ava';
import { index } from '../../src/raft/types.ts';
import type { Write } from '../../src/store/client-types.ts';
import { type CommandResult, noPrecondition } from '../../src/store/command.ts';
import type { Operation, OperationResult } from '../../src/store/transaction.ts';
import { answersWrite } from '../../src/store/write-check.ts';

const key = { type: 'key', key: 'a' } as const;
const revision = index(9);
const put: Write = {
  type: 'put',
  key: 'a',
  value: Buffer.from('v'),
  contentType: 'a/b',
  precondition: noPrecondition,
};
const remove: Write = { type: 'delete', key: 'a', precondition: noPrecondition };
const define: Write = {
  type: 'define',
  name: 'books',
  definition: { idField: 'id', indexes: [] },
  replaces: null,
};
const drop: Write = { ...define, definition: null };
const transaction = (...then: readonly Operation[]): Write => ({
  type: 'transaction',
  idempotency: null,
  transaction: { compares: [], then, otherwise: [] },
});
const done = (results: readonly OperationResult[], replayed = false): CommandResult => ({
  ...{ type: 'transaction', revision, succeeded: true, results, replayed },
});
const written: OperationResult = { type: 'written', version: 1, created: true };
const add: Operation = { type: 'add', target: key, field: 'n', amount: 1, min: null, max: null };
const get: Operation = { type: 'get', target: key };

const putDone: CommandResult = { type: 'put', revision, version: 1, created: true };
const failed: CommandResult = { type: 'transactionFailed', reason: 'notFound', branch: 'then', operation: 0 };

const pairs: readonly (readonly [string, Write, CommandResult, boolean])[] = [
  ['a put', put, putDone, true],
  ['a put that was refused', put, { type: 'preconditionFailed', revision: 3 }, true],
  ['a put that deleted', put, { type: 'deleted', revision }, false],
  ['a delete', remove, { type: 'deleted', revision }, true],
  ['a delete of nothing', remove, { type: 'notFound' }, true],
  ['a delete that put', remove, putDone, false],
  ['a definition', define, { type: 'defined', revision, created: true }, true],
  ['a definition that dropped', define, { type: 'dropped', revision }, false],
  ['a drop', drop, { type: 'dropped', revision }, true],
  ['a drop of nothing', drop, { type: 'notFound' }, true],
  ['a drop that defined', drop, { type: 'defined', revision, created: true }, false],
  ['a transaction', transaction(add), done([{ ...written, sum: 3 }]), true],
  ['a transaction that failed', transaction(add), failed, true],
  ['one that failed where it has no operation', transaction(), failed, false],
  ['one with too few results', transaction(add, get), done([{ ...written, sum: 3 }]), false],
  ['a sum that was not asked for', transaction(get), done([{ ...written, sum: 3 }]), false],
  ['a sum that is missing', transaction(add), done([written]), false],
  ['another key', transaction(get), done([{ type: 'key', item: { ...itemOf('b') } }]), false],
  ['what was given before, to a transaction of the same request', transaction(get), done([written], true), true],
  ['a transaction that put', transaction(add), putDone, false],
];
for (const [what, write, result, isAnswer] of pairs) {
  test(`${isAnswer ? 'an answer' : 'no answer'}: ${what}`, (t) => t.is(answersWrite(write, result), isAnswer));
}

function itemOf(name: string) {
  return { key: name, createRevision: 1, modRevision: 1, version: 1, contentType: 'a/b', sizeBytes: 0 };
}
