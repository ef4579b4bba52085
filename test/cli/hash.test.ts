import test, { type ExecutionContext } from 'ava';
import { startKvServer } from './kv-server.ts';
import { bazar } from './terminal.ts';

async function hash(t: ExecutionContext, status: number, body: unknown, words: readonly string[] = []) {
  const kv = await startKvServer();
  t.teardown(() => kv.close());
  kv.more = ({ path }) => (path === '/v1/cluster/hash' ? { status, body } : null);
  return bazar(['hash', ...words, '--url', kv.url]);
}

const equal = { revision: 42, equal: true, replicas: ['r1', 'r2'].map((id) => ({ id, digest: 'abcd' })) };

test('replicas that are equal are one line', async (t) => {
  const { code, stdout, stderr } = await hash(t, 200, equal);
  t.deepEqual([code, stdout, stderr], [0, 'equal at revision 42: r1, r2 (abcd)\n', '']);
});

test('--json is what the gateway said', async (t) => {
  const { code, stdout } = await hash(t, 200, equal, ['--json']);
  t.deepEqual([code, JSON.parse(stdout)], [0, equal]);
});

test('replicas that differ are shown, each with its digest', async (t) => {
  const replicas = [
    { id: 'r1', digest: 'abcd' },
    { id: 'r2', digest: 'ef01' },
    { id: 'r3', digest: null, problem: 'it did not answer within 1000 ms' },
  ];
  const { code, stdout, stderr } = await hash(t, 200, { revision: 42, equal: false, replicas });
  t.is(code, 1);
  t.is(
    stdout,
    [
      'REPLICA  DIGEST AT 42  PROBLEM',
      'r1       abcd',
      'r2       ef01',
      'r3       -             it did not answer within 1000 ms\n',
    ].join('\n'),
  );
  t.is(stderr, 'bazar: the replicas differ at revision 42\n');
});

test('what could not be found out is neither', async (t) => {
  const replicas = [
    { id: 'r1', digest: 'abcd' },
    { id: 'r2', digest: null, problem: 'it did not answer' },
  ];
  const open = await hash(t, 200, { revision: 42, equal: false, replicas });
  t.is(open.code, 5);
  t.is(open.stderr, 'bazar: it could not be found out whether all are equal: r2 could not say\n');
  t.is((await hash(t, 429, 'overloaded')).code, 5);
  const nobody = await bazar(['hash', '--url', 'http://127.0.0.1:1']);
  t.is(nobody.code, 5);
  t.regex(nobody.stderr, /^bazar: no answer from http:\/\/127\.0\.0\.1:1: /);
});
