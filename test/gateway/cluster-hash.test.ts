import test, { type ExecutionContext } from 'ava';
import { startGateway } from '../../src/gateway/server.ts';
import type { Query, QueryResult, ReadOptions, ReadOutcome } from '../../src/store/client.ts';
import { FakeClient } from './fake-client.ts';
import { gatewayOptions, problemOf, request } from './harness.ts';

type Digests = Extract<QueryResult, { type: 'digests' }>['digests'];
type Index = QueryResult['revision'];

/** What each replica says at each time it is asked, the last of it again and again; null: nothing. */
type Script = Readonly<Record<string, readonly (Digests | null)[]>>;

class HashingClient extends FakeClient {
  readonly #script: Script;
  readonly #asked = new Map<string, number>();

  constructor(script: Script) {
    super();
    this.#script = script;
  }

  override async read(query: Query, options: ReadOptions): Promise<ReadOutcome> {
    const { replica = '' } = options;
    this.reads.push({ query, ...options });
    const nth = this.#asked.get(replica) ?? 0;
    this.#asked.set(replica, nth + 1);
    const script = this.#script[replica] ?? [];
    const digests = script[Math.min(nth, script.length - 1)] ?? null;
    if (digests === null) return { type: 'unavailable' };
    const revision = (digests.at(-1)?.revision ?? 0) as Index;
    return { type: 'done', result: { type: 'digests', revision, digests }, replica, staleMs: 0 };
  }
}

const at = (...pairs: readonly (readonly [revision: number, digest: string])[]): Digests =>
  pairs.map(([revision, digest]) => ({ revision: revision as Index, digest }));

async function hashOf(t: ExecutionContext, script: Script, query = '?timeout=300ms') {
  const client = new HashingClient(script);
  const gateway = await startGateway(gatewayOptions(client));
  t.teardown(() => gateway.close());
  const answer = await request(gateway.address.port, 'GET', `/v1/cluster/hash${query}`);
  return { answer, client, body: JSON.parse(answer.text) };
}

test('replicas that hold the same are equal at the newest revision that all of them have', async (t) => {
  const { answer, client, body } = await hashOf(t, {
    r1: [at([3, 'a'], [5, 'b'], [9, 'd'])],
    r2: [at([3, 'a'], [5, 'b'], [7, 'c'])],
    r3: [at([1, 'z'], [3, 'a'], [5, 'b'], [9, 'd'])],
  });
  t.is(answer.status, 200);
  t.is(answer.headers['cache-control'], 'no-store');
  const replicas = ['r1', 'r2', 'r3'].map((id) => ({ id, digest: 'b' }));
  t.deepEqual(body, { revision: 5, equal: true, replicas });
  // Each answers for itself, whether it follows a leader or not.
  t.deepEqual(
    client.reads.map(({ query, replica, consistency }) => [query.type, replica, consistency]),
    ['r1', 'r2', 'r3'].map((id) => ['digests', id, 'stale']),
  );
});

test('one that holds something else is told', async (t) => {
  const { body } = await hashOf(t, { r1: [at([5, 'b'])], r2: [at([5, 'x'])], r3: [at([5, 'b'])] });
  t.is(body.equal, false);
  t.deepEqual(body.replicas[1], { id: 'r2', digest: 'x' });
});

test('they are asked again until all have a revision in common, and what was said before counts', async (t) => {
  const script = {
    r1: [at([4, 'a']), at([6, 'c'])],
    r2: [at([3, 'z']), at([4, 'a'])],
    r3: [null, at([4, 'a'], [5, 'b'])],
  };
  const { body, client } = await hashOf(t, script, '?timeout=10s');
  t.deepEqual([body.revision, body.equal], [4, true]);
  t.is(client.reads.length, 6);
});

test('one that does not answer leaves open whether all are equal, not whether the others differ', async (t) => {
  const { body } = await hashOf(t, { r1: [at([5, 'b'])], r2: [at([5, 'x'])], r3: [null] });
  t.deepEqual([body.revision, body.equal], [5, false]);
  t.deepEqual(
    body.replicas.map(({ digest }: { digest: string | null }) => digest),
    ['b', 'x', null],
  );
  t.regex(body.replicas[2].problem, /did not answer within \d+ ms/);
});

test('where they have no revision in common nothing is said of any', async (t) => {
  const { body } = await hashOf(t, { r1: [at([5, 'b'])], r2: [at([6, 'b'])], r3: [at([7, 'b'])] });
  t.deepEqual([body.revision, body.equal], [null, false]);
  t.regex(body.replicas[0].problem, /no revision in common with the others within 300 ms/);
});

test('parameters that mean nothing here are refused', async (t) => {
  const { answer } = await hashOf(t, {}, '?replica=r1');
  t.is(answer.status, 400);
  t.is(problemOf(t, answer).code, 'bad_parameter');
});
