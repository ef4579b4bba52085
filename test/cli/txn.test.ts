import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryDirectory } from './directory.ts';
import { type Asked, type Given, startKvServer } from './kv-server.ts';
import { bazar } from './terminal.ts';

const transaction = '{"compare":[{"key":"a","of":"exists","value":true}],"then":[],"else":[]}';

async function asking(t: ExecutionContext, given: Given) {
  const kv = await startKvServer();
  t.teardown(() => kv.close());
  const asked: Asked[] = [];
  kv.more = (request) => {
    asked.push(request);
    return given;
  };
  return { asked, environment: { BAZAR_URL: kv.url } };
}

test('a transaction is sent as it is, and its answer printed', async (t) => {
  const answer = '{"revision":7,"succeeded":true,"results":[]}';
  const { asked, environment } = await asking(t, { status: 200, body: answer });
  const file = join(temporaryDirectory(t), 'transaction.json');
  writeFileSync(file, transaction);
  for (const words of [[file], ['-', '--idempotency-key', 'a b']]) {
    const { code, stdout, stderr } = await bazar(['txn', ...words], { environment, stdin: transaction });
    t.deepEqual([code, stdout, stderr], [0, `${answer}\n`, '']);
  }
  t.deepEqual(
    asked.map(({ method, path, headers, body }) => [method, path, headers['content-type'], body.toString()]),
    Array(2).fill(['POST', '/v1/txn', 'application/json', transaction]),
  );
  t.deepEqual(
    asked.map(({ headers }) => headers['idempotency-key']),
    [undefined, 'a b'],
  );
});

test('compares that fail are told, and have an exit code of their own', async (t) => {
  const answer = '{"revision":7,"succeeded":false,"results":[]}';
  const { environment } = await asking(t, { status: 200, body: answer });
  const { code, stdout, stderr } = await bazar(['txn', '-'], { environment, stdin: transaction });
  t.deepEqual([code, stdout], [4, `${answer}\n`]);
  t.is(stderr, 'bazar: a compare did not hold: "then" was not done, "else" was\n');
});

test('an answer that was given before is called one', async (t) => {
  const headers = { 'Idempotency-Replayed': '?1' };
  const { environment } = await asking(t, { status: 200, headers, body: '{"succeeded":true}' });
  const { code, stderr } = await bazar(['txn', '-', '--idempotency-key', 'k'], { environment, stdin: transaction });
  t.is(code, 0);
  t.regex(stderr, /^answered before: /);
});

const refusals: readonly (readonly [status: number, code: string, exitCode: number])[] = [
  [400, 'bad_transaction', 1],
  [404, 'collection_not_found', 1],
  [409, 'not_found', 1],
  [422, 'idempotency_mismatch', 1],
  [429, 'idempotency_full', 5],
  [503, 'no_leader', 5],
];

for (const [status, code, exitCode] of refusals) {
  test(`a refusal is told with the place that is at fault: ${code}`, async (t) => {
    const body = { code, detail: 'it is wrong', path: '/then/2', outcome: 'not_applied' };
    const { environment } = await asking(t, { status, body });
    const ended = await bazar(['txn', '-'], { environment, stdin: transaction });
    t.deepEqual([ended.code, ended.stdout], [exitCode, '']);
    t.is(ended.stderr, `bazar: Status ${status}: it is wrong (at /then/2) (nothing was written)\n`);
  });
}

test('what cannot be sent is told before anything is', async (t) => {
  const { asked, environment } = await asking(t, { status: 200, body: '{}' });
  const wrong: readonly (readonly [readonly string[], string, number, RegExp])[] = [
    [['-'], '{"compare"', 1, /the standard input is not JSON: /],
    [['/nowhere/transaction.json'], '', 1, /cannot read \/nowhere\/transaction\.json: /],
    [['-', '--idempotency-key', 'ü'], transaction, 2, /--idempotency-key: expected 1 to 255 characters/],
    [[], transaction, 2, /expected FILE/],
  ];
  for (const [words, stdin, code, message] of wrong) {
    const ended = await bazar(['txn', ...words], { environment, stdin });
    t.is(ended.code, code);
    t.regex(ended.stderr, message);
  }
  t.deepEqual(asked, []);
});
