import test from 'ava';
import { exitCodes, Failure } from '../../src/cli/failure.ts';
import type { Answer, HttpRequest } from '../../src/cli/http-client.ts';
import { openLockKey } from '../../src/cli/lock/lock-key.ts';
import { unavailable } from './fake-lock.ts';

const never = new AbortController().signal;

const given = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  headers: { 'content-type': status < 400 ? 'application/json' : 'application/problem+json', ...headers },
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});

const done = given(201, { revision: 42 });

/** Gateways that answer in turn, each with what is left of its own; null: not at all. */
function lockAt(...gateways: (Answer | null)[][]) {
  const asked: (HttpRequest & { readonly gateway: number })[] = [];
  const clients = gateways.map((answers, gateway) => ({
    async request(request: HttpRequest) {
      asked.push({ ...request, gateway });
      const answer = answers.shift() ?? null;
      if (answer === null) throw unavailable();
      return answer;
    },
  }));
  return { asked, lock: openLockKey({ clients, name: 'a/b', ttlMs: 5000, value: '{"holder":"me"}' }) };
}

test('each write names what must be there, and its lifetime', async (t) => {
  const { asked, lock } = lockAt([done, done, done]);
  t.deepEqual(await lock.create(1000), { type: 'done', revision: 42 });
  t.deepEqual(await lock.renew(42, 1000), { type: 'done', revision: 42 });
  t.deepEqual(await lock.remove(43, 1000), { type: 'done', revision: 42 });
  const json = { 'Content-Type': 'application/json' };
  const path = '/v1/kv/locks%2Fa%2Fb';
  t.deepEqual(
    asked.map(({ method, path: at, query, headers, body }) => [method, at, query, headers, body?.toString()]),
    [
      ['PUT', path, { timeout: '1000ms', ttl: '5000ms' }, { 'If-None-Match': '*', ...json }, '{"holder":"me"}'],
      ['PUT', path, { timeout: '1000ms', ttl: '5000ms' }, { 'If-Match': '"42"', ...json }, '{"holder":"me"}'],
      ['DELETE', path, { timeout: '1000ms' }, { 'If-Match': '"43"' }, undefined],
    ],
  );
});

test('what is not as it must be is refused, and what nobody answered is unknown', async (t) => {
  const refused = given(412, { code: 'precondition_failed' });
  const missing = given(404, { code: 'key_not_found' });
  const late = given(504, { code: 'write_timeout', outcome: 'unknown' });
  const { lock } = lockAt([refused, missing, late, null]);
  t.is((await lock.create(1000)).type, 'refused');
  t.is((await lock.remove(1, 1000)).type, 'refused');
  t.is((await lock.renew(1, 1000)).type, 'unknown');
  t.is((await lock.renew(1, 1000)).type, 'unknown');
});

test('a refusal that will not pass is thrown', async (t) => {
  for (const refusal of [given(401, { code: 'token_unknown' }), given(404, { code: 'unknown_route' })]) {
    const { lock } = lockAt([refusal, refusal, refusal]);
    for (const attempt of [lock.create(1000), lock.look(1000), lock.wait('1', 1000, never)]) {
      const { exitCode } = await t.throwsAsync(attempt, { instanceOf: Failure });
      t.is(exitCode, exitCodes.error);
    }
  }
});

test('the next gateway is asked when one is not there, and stays the one', async (t) => {
  const { asked, lock } = lockAt([null], [done, done]);
  t.is((await lock.create(1000)).type, 'unknown');
  await lock.create(1000);
  await lock.renew(42, 1000);
  t.deepEqual(
    asked.map(({ gateway }) => gateway),
    [0, 1, 1],
  );
});

test('a look tells at which revision it was taken', async (t) => {
  const headers = { 'bazar-revision': '50', etag: '"42"' };
  const { lock } = lockAt([given(200, '{"x":1}', headers), given(404, { code: 'key_not_found' }, headers)]);
  t.deepEqual(await lock.look(1000), { revision: 50, item: { modRevision: 42, value: '{"x":1}' } });
  t.deepEqual(await lock.look(1000), { revision: 50, item: null });
});

test('waiting ends when the key is gone, and not for another that begins alike', async (t) => {
  const change = (event: string, key: string) => ({ event, key });
  const answers: readonly (readonly [readonly object[], object])[] = [
    [[change('delete', 'locks/a/b')], { type: 'freed' }],
    [[change('delete', 'locks/a/b'), change('put', 'locks/a/b')], { type: 'held', from: '7:1' }],
    [[change('put', 'locks/a/b'), change('delete', 'locks/a/bc')], { type: 'held', from: '7:1' }],
    [[], { type: 'held', from: '7:1' }],
  ];
  for (const [changes, expected] of answers) {
    const { asked, lock } = lockAt([given(200, { changes, revision: 8, cursor: '7:1' })]);
    t.deepEqual(await lock.wait('5', 1000, never), expected);
    t.deepEqual(asked[0]?.query, { prefix: 'locks/a/b', from: '5', wait: '1000ms', timeout: '5000ms' });
  }
  const { lock } = lockAt([given(410, { code: 'compacted' })]);
  t.deepEqual(await lock.wait('5', 1000, never), { type: 'unknown' });
});
