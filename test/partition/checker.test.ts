import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Item, Operation, Outcome, Request } from '../history/operation.ts';
import { Checker } from './checker.ts';
import { KeyGroup } from './keys.ts';

const key = 'group-1/a';

async function startChecker(t: ExecutionContext) {
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'checker-test-'));
  const directory = path.join(scratch, 'history');
  const checker = await Checker.start(directory);
  t.teardown(async () => {
    await checker[Symbol.asyncDispose]();
    await rm(scratch, { recursive: true });
  });
  return { checker, files: () => readdir(directory) };
}

let number = 0;

function operation(request: Request, outcome: Outcome): Operation {
  number += 1;
  return { number, client: 'client-1', request, invokedAt: number, returnedAt: number + 0.5, outcome };
}

const written = (value: string, revision: number, version: number) =>
  operation(
    { type: 'put', key, value, condition: { type: 'none' } },
    { type: 'answered', reply: { type: 'put', revision, version, created: version === 1 } },
  );
const seen = (item: Omit<Item, 'version'> | null) =>
  operation({ type: 'get', key }, { type: 'answered', reply: { type: 'got', revision: 99, item } });
const listed = (items: readonly Item[]) =>
  operation(
    { type: 'list', prefix: 'group-1/', limit: 2 },
    { type: 'answered', reply: { type: 'listed', revision: 99, items, more: false } },
  );

function end(group: KeyGroup, ...operations: readonly Operation[]): void {
  for (const one of operations) {
    group.begin();
    group.end(one);
  }
}

/** Two puts, a list, and what comes after it. */
function twoParts() {
  const first = new KeyGroup({ name: 'group-1.1', prefix: 'group-1/', keys: [key], operationsMax: 100 });
  end(first, written('v1', 3, 1), written('v2', 5, 2));
  const list = listed([{ key, value: 'v2', modRevision: 5, version: 2 }]);
  end(first, list);
  return { first, second: first.successor('group-1.2', list) };
}

test('a part is judged and forgotten; the last one is judged again with the final reads', async (t) => {
  const { checker, files } = await startChecker(t);
  const { first, second } = twoParts();
  end(second, seen({ key, value: 'v2', modRevision: 5 }), written('v3', 8, 3));
  checker.retire(first, true);
  checker.retire(second, false);
  t.is(checker.waiting, 2);
  await checker.settle();
  t.is(checker.waiting, 0);
  t.is(checker.checked, 2);
  t.is(checker.operations, 5);
  t.deepEqual(await files(), ['group-1.2.jsonl']);
  t.deepEqual(
    checker.groups.map(({ name }) => name),
    ['group-1.2'],
  );
  for (const group of checker.groups) await checker.finish(group, [seen({ key, value: 'v3', modRevision: 8 })]);
  t.deepEqual(checker.findings, []);
  t.deepEqual(await files(), []);
});

test('a part that is wrong stays on the disk, and is named', async (t) => {
  const { checker, files } = await startChecker(t);
  const { first, second } = twoParts();
  end(second, seen({ key, value: 'v1', modRevision: 3 }));
  checker.retire(first, true);
  checker.retire(second, true);
  await checker.settle();
  t.deepEqual(
    checker.findings.map(({ group, giveUp }) => ({ group, giveUp })),
    [{ group: 'group-1.2', giveUp: false }],
  );
  t.deepEqual(await files(), ['group-1.2.jsonl']);
  t.deepEqual(checker.groups, []);
});

test('what was there before the last part and is lost at the end is found', async (t) => {
  const { checker } = await startChecker(t);
  const { second } = twoParts();
  checker.retire(second, false);
  for (const group of checker.groups) await checker.finish(group, [seen(null)]);
  t.deepEqual(
    checker.findings.map((finding) => finding.checker),
    ['acknowledged', 'linearizability'],
  );
});
